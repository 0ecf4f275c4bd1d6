"""Digests of code: what changes them, and what does not."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wdno import config as configuration
from wdno import sources
from wdno.config.root import Method
from wdno.digest import STAGES, stage_digest, stage_roots
from wdno.paper.contents import published_modules
from wdno.sources import PACKAGE, DigestError, digest, modules
from wdno.tasks import REGISTRY as TASKS

Edit = Callable[[str, str], None]

TASK = {"task": "simulation"}
UNET = {"representation": "wavelet", "network": "unet", "objective": "diffusion", **TASK}
FNO = {"representation": "identity", "network": "fno", "objective": "regression", **TASK}
SYSTEM = {"system": "burgers"}
CONTROL = {"task": "control"}
ALL = {**SYSTEM, **UNET, "sampler": "ddim"}
COMPUTING = ["fetch", "generate", "statistics", "train", "evaluate", "evaluate_baseline"]
COMPUTING += ["collect", "collect_baseline"]
PRESENTING = ["card", "scene", "training", "table", "figure", "paper", "study"]

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
    "metrics.py": (
        "from wdno.far import Metric\n"
        'MSE = Metric("mse", "MSE", "field^2", note="mean square")\n'
        'CRPS = Metric(name="crps", label="CRPS", scale="field", better="lower")\n'
        'NOTE = "in spreads"\n'
        'MAE = Metric("mae", "MAE", "1", note=NOTE)\n'
        'RULE = "of use"\n'
        'BIAS = Metric("bias", "Bias", "1", note=RULE)\n'
        "print(RULE)\n"
    ),
}


def _forget() -> None:
    caches = (sources._path, sources._tree, sources._digest, sources._imported)
    for cached in (*caches, sources._package_data):
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
    monkeypatch.setattr(sources, "PACKAGE", package)
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
    monkeypatch.setattr(sources, "PACKAGE", moved)
    _forget()
    assert digest("wdno.root") == before


@pytest.mark.parametrize(
    ("old", "new", "computes"),
    [
        ('"MSE"', '"Error"', False),
        ("mean square", "mean of the squares", False),
        (', note="mean square"', "", False),
        ('label="CRPS"', 'label="Score"', False),
        ('"in spreads"', '"in units"', False),
        ('"of use"', '"of no use"', True),
        ('"field^2"', '"field"', True),
        ('"mse"', '"error"', True),
        ('better="lower"', 'better="higher"', True),
        ("CRPS = Metric(name", "CRPS = other.Metric(name", True),
    ],
)
def test_words_of_metrics_count_for_those_who_show_them(
    edit: Edit, old: str, new: str, computes: bool
) -> None:
    before = [digest("wdno.metrics", words=words) for words in (True, False)]
    edit("metrics.py", FILES["metrics.py"].replace(old, new, 1))
    after = [digest("wdno.metrics", words=words) for words in (True, False)]
    assert after[0] != before[0]
    assert (after[1] != before[1]) is computes


def test_a_module_that_is_asked_for_counts_in_a_package_that_is_left_out(edit: Edit) -> None:
    """Training draws nothing, unless it learns from what is drawn."""
    for module in ("tasks/first/problem", "networks/n", "objectives/o", "representations/r"):
        edit(f"{module.rpartition('/')[0]}/__init__.py", "")
        edit(f"{module}.py", "x = 1\n")
    edit("stages/__init__.py", "")
    edit("stages/train.py", "from wdno.diffusion.samplers import base\n")
    for module in ("__init__", "samplers/__init__", "samplers/base", "samplers/ddim"):
        edit(f"diffusion/{module}.py", "x = 1\n")
    names = {"task": "first", "network": "n", "objective": "o", "representation": "r"}
    sampler = ("wdno.diffusion.samplers.ddim",)

    def codes() -> list[str]:
        return [stage_digest("train", also=also, **names) for also in ((), sampler)]

    before = codes()
    for module in ("base", "ddim"):
        edit(f"diffusion/samplers/{module}.py", f"x = {module!r}\n")
        after = codes()
        assert (after[0] == before[0], after[1] == before[1]) == (True, False), module
        before = after


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DigestError, match=r"no module 'wdno\.networks\.unett'"):
        stage_digest("train", **UNET | {"network": "unett"})
    with pytest.raises(DigestError, match=r"no module 'wdno\.tasks\.simulate\.table'"):
        stage_digest("table", task="simulate")
    with pytest.raises(DigestError, match="unknown stage 'fly': expected one of fetch, generate"):
        stage_digest("fly")
    with pytest.raises(DigestError, match="stage 'generate' needs 'system': given nothing"):
        stage_digest("generate")


def used(stage: str, **names: str) -> list[str]:
    return modules(*stage_roots(stage, **names), without=STAGES[stage].without)


def coupled(found: list[str], absent: list[str]) -> list[str]:
    return [m for m in found if any(m == a or m.startswith(f"{a}.") for a in absent)]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_its_modules(stage: str) -> None:
    assert set(STAGES) == {*COMPUTING, *PRESENTING}
    assert STAGES[stage].presents is (stage in PRESENTING)
    home = {"card": "data", "statistics": "data"}.get(stage, "stages")
    names = ALL | (CONTROL if stage.startswith("collect") else {})
    found = used(stage, **names)
    assert f"wdno.{home}" in {name.rpartition(".")[0] for name in found}
    assert set(stage_roots(stage, **names)) <= set(found)
    assert len(stage_digest(stage, **names)) == 16


@pytest.mark.parametrize(
    ("stage", "names", "absent"),
    [
        (
            "train",
            UNET,
            ["wdno.diffusion.samplers", "wdno.networks.fno", "wdno.data.statistics"],
        ),
        ("train", UNET, ["wdno.solvers", "wdno.representations.identity"]),
        ("train", UNET, ["wdno.objectives.stepping", "wdno.objectives.regression"]),
        ("train", FNO, ["wdno.diffusion", "wdno.networks.unet", "wdno.evaluation"]),
        ("train", FNO, ["wdno.tasks.simulation.options", "wdno.tasks.simulation.evaluation"]),
        ("evaluate", FNO, ["wdno.diffusion", "wdno.networks.unet", "wdno.solvers"]),
        ("evaluate", FNO, ["wdno.objectives.stepping", "wdno.training.loop"]),
        ("evaluate", UNET, ["wdno.evaluation.tables", "wdno.evaluation.figures"]),
        ("evaluate", UNET, ["wdno.evaluation.bootstrap", "wdno.studies"]),
        ("evaluate", UNET, [f"wdno.tasks.simulation.{m}" for m in ("table", "panels", "figures")]),
        ("evaluate", UNET, ["wdno.diffusion.samplers.ddim", "wdno.diffusion.samplers.options"]),
        ("evaluate", UNET | {"sampler": "ddim"}, ["wdno.diffusion.samplers.dpmpp_2m"]),
        ("evaluate_baseline", TASK, ["wdno.diffusion", "wdno.networks.unet", "wdno.solvers"]),
        ("generate", SYSTEM, ["wdno.networks", "wdno.diffusion", "wdno.training", "wdno.tasks"]),
        ("generate", SYSTEM, ["wdno.systems.smoke", "wdno.evaluation"]),
        (
            "collect_baseline",
            CONTROL,
            ["wdno.networks.unet", "wdno.tasks.control.evaluation"],
        ),
        ("statistics", {}, ["wdno.networks", "wdno.tasks", "wdno.evaluation", "wdno.training"]),
        ("figure", TASK, ["wdno.networks", "wdno.training", "wdno.solvers", "wdno.studies"]),
        ("table", TASK, ["wdno.networks", "wdno.training", "wdno.solvers", "wdno.studies"]),
        ("table", TASK, ["wdno.evaluation.figures", "wdno.tasks.simulation.evaluation"]),
        ("figure", TASK, ["wdno.evaluation.bootstrap", "wdno.tasks.simulation.evaluation"]),
        ("scene", {}, ["wdno.tasks.simulation", "wdno.studies"]),
        ("training", {}, ["wdno.tasks.simulation", "wdno.studies"]),
        ("paper", {}, ["wdno.tasks.simulation", "wdno.networks.unet", "wdno.training"]),
        ("study", TASK, ["wdno.tasks.simulation.evaluation", "wdno.networks", "wdno.training"]),
    ],
)
def test_stages_are_not_coupled(stage: str, names: dict[str, str], absent: list[str]) -> None:
    found = coupled(used(stage, **names), absent)
    assert not found, f"{stage} with {names} uses {found}: an edit there would rerun it"


@pytest.mark.parametrize(
    ("stage", "names", "present"),
    [
        ("train", FNO, ["wdno.tasks.simulation.problem", "wdno.networks.fno", "wdno.model"]),
        ("train", FNO | {"stepping": "stepping"}, ["wdno.objectives.stepping"]),
        ("evaluate", FNO | {"stepping": "stepping"}, ["wdno.objectives.stepping"]),
        ("evaluate", ALL, ["wdno.diffusion.samplers.ddim", "wdno.tasks.simulation.metrics"]),
        ("evaluate", UNET, ["wdno.tasks.simulation.problem", "wdno.tasks.simulation.scores"]),
        ("evaluate_baseline", TASK, ["wdno.tasks.simulation.baselines", "wdno.evaluation.record"]),
        ("collect_baseline", CONTROL, ["wdno.tasks.control.objective"]),
        ("table", TASK, ["wdno.tasks.simulation.metrics", "wdno.evaluation.bootstrap"]),
        ("study", TASK, ["wdno.studies.figure", "wdno.tasks.simulation.metrics"]),
    ],
)
def test_stages_have_what_they_use(stage: str, names: dict[str, str], present: list[str]) -> None:
    assert not set(present) - set(used(stage, **names))


def test_code_of_another_task_is_in_no_digest_of_the_first(edit: Edit) -> None:
    """What is shared finds a task by its name, so that it imports none."""
    shared = "from wdno.registry import Registry\n"
    for module in ("evaluate", "tables", "figures", "train"):
        edit(f"stages/{module}.py", "from wdno import tasks\n")
    edit("stages/__init__.py", "")
    edit("tasks/__init__.py", shared)
    for task in ("first", "second"):
        edit(f"tasks/{task}/__init__.py", "")
        for module in ("problem", "evaluation", "table", "figures"):
            edit(f"tasks/{task}/{module}.py", f"x = {task!r}\n")
    before = {s: stage_digest(s, task="first") for s in ("evaluate_baseline", "table", "figure")}
    edit("tasks/second/evaluation.py", "x = 2\n")
    edit("tasks/second/table.py", "x = 2\n")
    edit("tasks/second/figures.py", "x = 2\n")
    assert {stage: stage_digest(stage, task="first") for stage in before} == before
    edit("tasks/first/table.py", "x = 2\n")
    after = {stage: stage_digest(stage, task="first") for stage in before}
    assert [stage for stage in before if after[stage] != before[stage]] == ["table"]


def test_numbers_of_the_paper_count_where_they_are_shown() -> None:
    found = published_modules()
    assert "wdno.tasks.simulation.published" in found
    assert all("published" in name for name in found)
    assert stage_digest("paper", also=found) != stage_digest("paper")
    files = {file.name for file in sources._data_files(*_of("wdno.paper.contents"))}
    assert {"contents.yaml", "cost_burgers.csv"} <= files


def _of(module: str) -> tuple[ast.Module, Path]:
    path, tree = sources._tree(module)
    return tree, path.parent


def test_tasks_do_not_import_each_other_and_what_is_shared_imports_none() -> None:
    tasks = [path.name for path in (PACKAGE / "tasks").iterdir() if (path / "problem.py").is_file()]
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        own = parts[1] if parts[0] == "tasks" and len(parts) > 2 else ""
        others = [f"wdno.tasks.{task}" for task in tasks if task != own]
        name = ".".join(["wdno", *parts]).removesuffix(".__init__")
        found = coupled(sorted(sources._imported(name)), others)
        assert not found, f"{path}: imports {found}; a task is found by its name (wdno.tasks)"


def test_pieces_imported_by_name_are_all_listed_as_roots() -> None:
    """Whatever kind of piece is imported by its name is covered by the braces of STAGES."""
    dynamic = {
        ast.literal_eval(node.args[1]) if isinstance(node.args[1], ast.Constant) else package
        for path in PACKAGE.rglob("__init__.py")
        for package in [".".join(path.parent.relative_to(PACKAGE.parent).parts)]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Registry"
    }
    assert len(dynamic) >= 6
    roots = [root for s in STAGES.values() for root in (*s.roots, *s.optional) if "{" in root]
    covered = {root.partition(".{")[0] for root in roots}
    # By the task that uses them, `TaskOptions.modules`.
    covered |= {"wdno.diffusion.guidance", "wdno.tasks.control.controllers"}
    assert dynamic <= covered, f"imported by name, but no root: {dynamic - covered}"


def test_the_code_of_a_controller_and_of_its_guidance_counts() -> None:
    section = {"controller": {"name": "guided", "guidance": [{"name": "dps"}]}}
    method = Method.model_validate({"model": "wdno", "control": section})
    options = TASKS.light("control").Options(methods=["wdno"])
    found = options.modules("burgers", method)
    assert set(found) == {
        "wdno.systems.burgers",
        "wdno.tasks.control.controllers.guided",
        "wdno.diffusion.guidance.dps",
    }
    assert "wdno.diffusion.guidance.reweight" in modules(*found)
    plain = stage_digest("evaluate_baseline", task="control")
    assert stage_digest("evaluate_baseline", task="control", also=found) != plain


def test_the_code_of_a_closed_loop_counts_for_what_is_trained_in_it_alone() -> None:
    config = configuration.load(PACKAGE.parent / "config/config.yaml")
    counted: dict[str, tuple[str, ...]] = {}

    def noting(stage: str, *, also: tuple[str, ...], **names: str) -> str:
        counted[names["objective"]] = also
        return stage_digest(stage, also=also, **names)

    codes = {
        name: configuration.training_code(config, "burgers", "control", name, noting)
        for name in ("pid", "bc")
    }
    assert counted == {
        "pid": ("wdno.systems.burgers", "wdno.tasks.control.closed_loop"),
        "framewise": (),
    }
    assert len(set(codes.values())) == 2


@pytest.mark.parametrize("module", ["wdno.evaluation.scores.flow", "wdno.data.scene"])
def test_what_only_scores_use_trains_nothing_again(module: str) -> None:
    computing = [stage for stage in STAGES if not stage.startswith("collect")]
    using = {stage for stage in computing if module in used(stage, **{**ALL, "system": "smoke"})}
    assert {"evaluate", "evaluate_baseline"} <= using
    assert not using & {"fetch", "generate", "statistics", "train"}
