"""Digests of code: what changes them, and what does not."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wdno import digest as digests
from wdno.digest import PACKAGE, STAGES, DigestError, digest, modules, stage_digest

Edit = Callable[[str, str], None]

UNET_MODEL = {"representation": "wavelet", "network": "unet", "objective": "diffusion"}
FNO_MODEL = {"representation": "identity", "network": "fno", "objective": "regression"}
STAGE_NAMES = {
    "fetch": {"system": "burgers"},
    "generate": {"system": "burgers"},
    "statistics": {},
    "card": {},
    "train": UNET_MODEL,
    "evaluate": UNET_MODEL,
    "evaluate_baseline": {},
    "study": UNET_MODEL,
    "table": {},
    "figure": {},
}

FILES = {
    "__init__.py": '"""The package."""\n__version__ = "1.0"\n',
    "root.py": (
        "from typing import TYPE_CHECKING\n"
        "from wdno.far import away\n"
        "if TYPE_CHECKING:\n    from wdno import annotated\n"
        "def late():\n    from . import lazy\n    return lazy\n"
    ),
    "lazy.py": "from .far.below import f\n",
    "annotated.py": "x = 1\n",
    "unused.py": "x = 1\n",
    "far/__init__.py": "",
    "far/away.py": 'import json\nname = "numbers.csv"\n',
    "far/below.py": '"""Below."""\ndef f(x):\n    """Double x."""\n    return 2 * x  # twice\n',
    "far/numbers.csv": "a,b\n1,2\n",
    "far/others.csv": "a,b\n3,4\n",
    "far/pattern.py": 'def table(name):\n    return f"{name}.csv"\n',
    "config/__init__.py": "from wdno.config.axes import x\n",
    "config/axes.py": "x = 1\n",
}


def _forget() -> None:
    for cached in (digests._path, digests._read, digests._package_data):
        cached.cache_clear()


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """A small package in place of wdno; returns a function that rewrites one of its files."""
    package = tmp_path / "wdno"

    def write(path: str, text: str) -> None:
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text, encoding="utf-8")
        _forget()

    for path, text in FILES.items():
        write(path, text)
    monkeypatch.setattr(digests, "PACKAGE", package)
    _forget()
    yield write
    monkeypatch.undo()
    _forget()


def test_walk_follows_imports_at_any_depth_and_skips_those_for_types(edit: Edit) -> None:
    expected = ["wdno", "wdno.far", "wdno.far.away", "wdno.far.below", "wdno.lazy", "wdno.root"]
    assert modules("wdno.root") == expected


def test_left_out_modules_are_not_entered(edit: Edit) -> None:
    edit("root.py", "from wdno.config.axes import x\nfrom wdno import lazy\n")
    assert modules("wdno.root") == ["wdno", "wdno.far", "wdno.far.below", "wdno.lazy", "wdno.root"]
    assert modules("wdno.root", without=["wdno.lazy"]) == ["wdno", "wdno.root"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("far/below.py", "# A comment.\n" + FILES["far/below.py"]),
        ("far/below.py", FILES["far/below.py"].replace("Double x.", "Two times x.")),
        ("far/below.py", FILES["far/below.py"].replace('    """Double x."""\n', "")),
        ("far/below.py", FILES["far/below.py"].replace("2 * x", "(2\n        * x)")),
        ("far/below.py", FILES["far/below.py"] + '__all__ = ["f"]\n'),
        ("__init__.py", '__version__ = "2.0"\n'),
        ("root.py", FILES["root.py"].replace("wdno import annotated", "wdno import unused")),
        ("unused.py", "x = 2\n"),
        ("annotated.py", "x = 2\n"),
        ("config/axes.py", "x = 2\n"),
        ("far/others.csv", "a,b\n5,6\n"),
    ],
)
def test_edits_that_change_no_behaviour_keep_the_digest(edit: Edit, path: str, text: str) -> None:
    before = digest("wdno.root")
    edit(path, text)
    assert digest("wdno.root") == before, f"{path} edited to {text!r} changed the digest"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("far/below.py", FILES["far/below.py"].replace("2 * x", "3 * x")),
        ("far/below.py", FILES["far/below.py"].replace("2 * x", "2.0 * x")),
        ("far/below.py", FILES["far/below.py"].replace("2 * x", "x * 2")),
        ("far/__init__.py", "import json\n"),
        ("lazy.py", FILES["lazy.py"] + "flag = True\n"),
        ("far/numbers.csv", "a,b\n1,3\n"),
        ("far/below.py", FILES["far/below.py"] + "from wdno import unused\n"),
    ],
)
def test_edits_that_change_behaviour_change_the_digest(edit: Edit, path: str, text: str) -> None:
    before = digest("wdno.root")
    edit(path, text)
    assert digest("wdno.root") != before, f"{path} edited to {text!r} kept the digest {before}"


def test_a_pattern_of_names_reads_every_file_of_that_suffix(edit: Edit) -> None:
    before = digest("wdno.far.pattern")
    edit("far/others.csv", "a,b\n5,6\n")
    assert digest("wdno.far.pattern") != before


def test_the_folder_of_the_package_does_not_enter(
    edit: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest("wdno.root")
    moved = tmp_path / "elsewhere" / "wdno"
    shutil.copytree(tmp_path / "wdno", moved)
    monkeypatch.setattr(digests, "PACKAGE", moved)
    _forget()
    assert digest("wdno.root") == before


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DigestError, match=r"no module 'wdno\.networks\.unett'"):
        stage_digest("train", **UNET_MODEL | {"network": "unett"})
    with pytest.raises(DigestError, match="unknown stage 'fly': expected one of fetch, generate"):
        stage_digest("fly")
    with pytest.raises(DigestError, match="stage 'generate' needs 'system': given nothing"):
        stage_digest("generate")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_modules(stage: str) -> None:
    names = STAGE_NAMES[stage]
    found = modules(*(root.format(**names) for root in STAGES[stage].roots))
    home = {"card": "evaluation", "statistics": "data"}.get(stage, "stages")
    assert f"wdno.{home}" in {name.rpartition(".")[0] for name in found}
    assert len(stage_digest(stage, **names)) == 16


@pytest.mark.parametrize(
    ("stage", "names", "absent"),
    [
        (
            "train",
            UNET_MODEL,
            ["wdno.diffusion.samplers", "wdno.networks.fno", "wdno.data.statistics"],
        ),
        ("train", UNET_MODEL, ["wdno.solvers", "wdno.representations.identity"]),
        ("train", FNO_MODEL, ["wdno.diffusion", "wdno.networks.unet", "wdno.evaluation"]),
        ("evaluate", FNO_MODEL, ["wdno.diffusion", "wdno.networks.unet", "wdno.solvers"]),
        ("evaluate", UNET_MODEL, ["wdno.tasks.simulation.table", "wdno.evaluation.figures"]),
        ("evaluate_baseline", {}, ["wdno.diffusion", "wdno.networks.unet", "wdno.solvers"]),
        ("generate", {"system": "burgers"}, ["wdno.networks", "wdno.diffusion", "wdno.training"]),
        ("figure", {}, ["wdno.networks", "wdno.diffusion", "wdno.training", "wdno.solvers"]),
        ("table", {}, ["wdno.networks", "wdno.diffusion", "wdno.training", "wdno.solvers"]),
    ],
)
def test_stages_are_not_coupled(stage: str, names: dict[str, str], absent: list[str]) -> None:
    entry = STAGES[stage]
    found = modules(*(root.format(**names) for root in entry.roots), without=entry.without)
    coupled = [m for m in found if any(m == a or m.startswith(f"{a}.") for a in absent)]
    assert not coupled, f"{stage} with {names} uses {coupled}: an edit there would rerun it"


def test_pieces_imported_by_name_are_all_listed_as_roots() -> None:
    """Whatever imports by a computed name must be covered by the braces of STAGES."""
    dynamic = {
        path.parent.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
        if not isinstance(node.args[0], ast.Constant) and path.name == "__init__.py"
    }
    covered = {
        root.split(".")[1]
        for stage in STAGES.values()
        for root in stage.roots
        if root.endswith("}")
    }
    assert dynamic - {"stages"} <= covered, f"imported by name, but no root: {dynamic - covered}"


@pytest.mark.parametrize("module", ["wdno.evaluation.scores.flow", "wdno.data.scene"])
def test_what_only_scores_use_trains_nothing_again(module: str) -> None:
    names = {"system": "smoke", "representation": "wavelet", "network": "unet"}
    names |= {"objective": "diffusion"}
    using = {
        stage
        for stage, entry in STAGES.items()
        if module in modules(*(r.format(**names) for r in entry.roots), without=entry.without)
    }
    assert {"evaluate", "evaluate_baseline", "study"} <= using
    assert not using & {"fetch", "generate", "statistics", "train"}
