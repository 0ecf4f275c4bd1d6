"""YAML: what would be lost or misread in silence is refused, and so are other encodings."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml

from wdno.config import ConfigError, read, typed
from wdno.config.yaml_text import parse


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("run: a\nseeds: [0]\nrun: b\n", "run", (1, 3)),
        ("models:\n  wdno:\n    label: A\n    start: x\n    label: B\n", "label", (3, 5)),
        ("models:\n  fno: {}\n  wdno: {}\n  fno: {}\n", "fno", (2, 4)),
        ("a: {b: 1,\n  c: 2,\n  b: 3}\n", "b", (1, 3)),
        ("a:\n- b: 1\n  b: 1\n", "b", (2, 3)),
        ("a: 1\n'a': 1\n", "a", (1, 2)),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  d: 2\n", "d", (4, 5)),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(
    text: str, key: str, lines: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, "config file mine.yaml")
    first, second = lines
    said = f"config file mine.yaml, line {second}: {key!r} stands here again, after line {first} "
    assert said in str(refused.value)


def test_every_key_that_stands_twice_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n", "x")
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "x, line 2",
        "x, line 3",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "base: &b {x: 1, y: 1}\nown: {<<: *b, x: 2}\n",
        "base: &b {x: 1}\nmiddle: &m {<<: *b, x: 2}\nlast: {<<: *m, x: 3}\n",
        # An anchor inside of what is merged, read before and after it is merged.
        "a: &a {<<: &c {x: 1}, x: 2}\nb: {<<: *a, y: 0}\nc: *c\nd: {<<: [*a, *c], x: 5}\n",
        "a: {x: 1}\nb: {x: 1}\nc: [{x: 1}, {x: 2}]\n",
    ],
)
def test_keys_of_merged_sections_may_be_written_again(text: str) -> None:
    assert parse(text, "x") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("written", "read_as", "base"),
    [("1:30", "90", "60"), ("0100", "64", "8"), ("-017", "-15", "8"), ("1:30.5", "90.5", "60")],
)
def test_numbers_of_another_base_are_refused(written: str, read_as: str, base: str) -> None:
    assert str(yaml.safe_load(written)) == read_as, "what YAML makes of it"
    with pytest.raises(ConfigError) as refused:
        parse(f"a:\n  steps: [1, {written}]\n", "file")
    said = f"file, line 2: YAML reads {written} as {read_as}, a number in base {base}"
    assert said in str(refused.value)
    with pytest.raises(ConfigError, match=f"--config a: YAML reads {written} as {read_as}"):
        typed({"a": [written]})


@pytest.mark.parametrize("written", ["0", "10", "-3", "0x10", "1_000", "0.50", "'0100'", "'1:30'"])
def test_other_numbers_and_text_are_what_they_are(written: str) -> None:
    assert parse(f"a: {written}", "x") == yaml.safe_load(f"a: {written}")


@pytest.mark.parametrize(
    ("key", "kind"),
    [("on", "a truth value"), ("1", "a number"), ("null", "nothing"), ("2020-01-01", "a date")],
)
def test_keys_that_are_no_text_are_refused(key: str, kind: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"a: 1\n{key}: 2\n", "file")
    assert f"file, line 2: YAML reads the key {key} as {kind}; write '{key}'" in str(refused.value)


@pytest.mark.parametrize("text", ["a: [1", "? [a]\n: 1\n", "a: 2019-13-45\n", "a: 1\n---\nb: 2\n"])
def test_what_is_no_yaml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^config file x: not valid YAML"):
        parse(text, "config file x")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_files_in_utf_16_are_refused_by_name(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("run: mine\n", encoding=encoding)
    with pytest.raises(ConfigError) as refused:
        read([path])
    for word in (str(path), "expected UTF-8", encoding[:6].upper(), "save it as UTF-8"):
        assert word in str(refused.value)


def test_files_in_latin_1_are_refused_by_name_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("run: mine\nmethods:\n  fno: {label: Séries}\n", encoding="latin-1")
    with pytest.raises(ConfigError) as refused:
        read([path])
    for word in (f"{path}, line 3", "0xe9", "Latin-1", "label: Séries", "save it as UTF-8"):
        assert word in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_in_utf_8_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("label: Séries η\n", encoding=encoding)
    assert read([path]) == {"label": "Séries η"}


def test_values_of_the_command_line_are_read_as_in_a_file() -> None:
    # As Snakemake has them: what stands alone is a number, what stands within is text.
    values = {
        "seeds": ["0", "1"],
        "run": "mine",
        "studies": "null",
        "systems": {"era5": "null", "burgers": {"data": {"seed": "7"}}},
        "models": {"wdno": {"training": {"learning_rate": "2.0e-3", "compile": "true"}}},
        "evaluation": {"digits": 4, "show": []},
        "when": ["2020-01-01"],
    }
    assert typed(values) == {
        "seeds": [0, 1],
        "run": "mine",
        "studies": None,
        "systems": {"era5": None, "burgers": {"data": {"seed": 7}}},
        "models": {"wdno": {"training": {"learning_rate": 0.002, "compile": True}}},
        "evaluation": {"digits": 4, "show": []},
        "when": [datetime.date(2020, 1, 1)],
    }
