"""Configurations as users have them: from anywhere, with any names, with slips that YAML hides."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from snakemake_project import Project, parse_jobs

# A wildcard, a formula, and markup of Markdown, LaTeX, HTML and reStructuredText.
NASTY = r"{x} $\frac{$ a|b *c* `d` <i>e</i> f_ \g"


def elsewhere(project: Project, folder: Path, *arguments: str, check: bool = True) -> str:
    """A dry run of a project's workflow from another folder, with an overlay there."""
    overlay = folder / "mine.yaml"
    if not overlay.exists():
        overlay.write_text("run: mine\nsystems: {era5: null, smoke: null}\n", encoding="utf-8")
    snakefile = str(project.path / "workflow" / "Snakefile")
    command = ["--snakefile", snakefile, "--cores", "2", "--configfile", "mine.yaml", *arguments]
    return Project(folder).dry_run_of_default(*command, "--", "tables", check=check)


def test_an_overlay_in_another_folder_is_read_over_the_default(
    fresh: Project, tmp_path: Path
) -> None:
    jobs = parse_jobs(elsewhere(fresh, tmp_path))
    assert {job.wildcards["run"] for job in jobs if "run" in job.wildcards} == {"mine"}
    systems = {job.wildcards["system"] for job in jobs if "system" in job.wildcards}
    assert systems == {"advection", "burgers", "compressible_ns"}
    assert not (tmp_path / "results").exists()


def test_a_folder_may_have_a_default_of_its_own(fresh: Project, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    text = (fresh.path / "config" / "config.yaml").read_text(encoding="utf-8")
    own = text.replace("seeds: [0]", "seeds: [7]")
    (tmp_path / "config" / "config.yaml").write_text(own, encoding="utf-8")
    jobs = parse_jobs(elsewhere(fresh, tmp_path))
    assert {job.wildcards["seed"] for job in jobs if job.rule == "train"} == {"7"}


def test_values_of_the_command_line_are_read_as_in_a_file(fresh: Project, tmp_path: Path) -> None:
    config = ["seeds=[3,4]", "systems={advection: null, compressible_ns: null}", "run=other"]
    jobs = parse_jobs(elsewhere(fresh, tmp_path, "--config", *config))
    assert {job.wildcards["seed"] for job in jobs if job.rule == "train"} == {"3", "4"}
    assert {job.wildcards["system"] for job in jobs if job.rule == "train"} == {"burgers"}
    output = elsewhere(fresh, tmp_path, "--config", "seeds=[0100]", check=False)
    assert "--config seeds: YAML reads 0100 as 64" in output and "Traceback" not in output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run: mine\nseeds: [0]\nrun: other\n", "line 3: 'run' stands here again, after line 1"),
        ("run: mine\nevaluation: {digits: 010}\n", "line 2: YAML reads 010 as 8"),
    ],
)
def test_what_yaml_would_lose_or_misread_is_refused(
    fresh: Project, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    output = elsewhere(fresh, tmp_path, check=False)
    assert f"{tmp_path / 'mine.yaml'}, {words}" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("tables", "--report tables: expected a file that ends in .html or .zip"),
        ("absent/report.html", "--report absent/report.html: there is no folder absent"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(
    fresh: Project, tmp_path: Path, path: str, words: str
) -> None:
    output = elsewhere(fresh, tmp_path, "--report-after-run", "--report", path, check=False)
    assert words in output and "Traceback" not in output


def test_names_for_readers_may_be_any_text(project: Project) -> None:
    overlay: dict[str, Any] = {
        "systems": {"burgers": {"title": f"title {NASTY}"}},
        "methods": {"fno": {"label": f"fno {NASTY}"}, "wdno": {"label": f"wdno {NASTY}"}},
        "studies": {"samplers": {"label": f"study {NASTY}"}},
    }
    output = project.run("all", overlays=(overlay,))
    assert f"tables: {project.result('tables').relative_to(project.path)}" in output
    table = project.result("tables", "simulation.html").read_text(encoding="utf-8")
    assert html.escape(f"fno {NASTY}") in table and html.escape(f"title {NASTY}") in table
    project.run("--report", "report.html", "all", overlays=(overlay,))
    text = (project.path / "report.html").read_text(encoding="utf-8")
    found = re.search(r"var results = (\{.*?\})\s*(?:;|</script>|\nvar )", text, re.S)
    assert found, "the report embeds no results"
    captions = [one["caption"] for one in json.loads(found[1]).values()]
    titled = [html.unescape(one) for one in captions if "study " in html.unescape(one)]
    assert sum(f"<strong>study {NASTY}</strong>" in one for one in titled) == 2, titled
    assert "system-message" not in "".join(captions), "reStructuredText that is wrong"
