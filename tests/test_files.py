"""Files appear complete or not at all."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk_fixture  # noqa: F401

from wdno.files import DiskFullError, atomic_path, remove_leftovers, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_file_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "field.nc"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".") and temporary.suffix == ".nc"
        temporary.write_bytes(b"complete")
        assert not target.exists()
    assert target.read_bytes() == b"complete"
    assert names(target.parent) == ["field.nc"]


def test_writers_of_one_file_have_different_temporary_names(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"  # left last


@pytest.mark.parametrize("exception", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, exception: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(exception), atomic_path(target) as temporary:
        temporary.write_text("ne")
        raise exception
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_caller_that_writes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was written"), atomic_path(tmp_path / "a"):
        pass


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a folder of that name"), atomic_path(tmp_path):
        pass


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    (tmp_path / ".0123456789ab.a.json").write_text("left by a killed process")
    (tmp_path / ".0123456789ab.b.json").write_text("another file's")
    (tmp_path / ".gitignore").write_text("")
    write_json(target, 1)
    remove_leftovers(target)
    assert names(tmp_path) == [".0123456789ab.b.json", ".gitignore", "a.json"]


def test_json_round_trip_keeps_order_and_digits(tmp_path: Path) -> None:
    value = {"z": 0.1 + 0.2, "a": [1, None, True, "é"]}
    write_json(tmp_path / "a.json", value)
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert read == value and list(read) == ["z", "a"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_json_refuses_what_it_cannot_hold(tmp_path: Path, value: object) -> None:
    with pytest.raises(ValueError, match=r"a\.json"):
        write_json(tmp_path / "a.json", {"value": value})
    assert names(tmp_path) == []


def test_a_full_disk_is_said_with_numbers(small_disk: Path) -> None:
    target = small_disk / "table.csv"
    write_text(target, "old")
    with pytest.raises(DiskFullError) as caught:
        write_text(target, "x" * 1_000_000)
    message = str(caught.value)
    assert caught.value.errno == errno.ENOSPC
    for part in (str(target), "kB free", "1.0 MB needed", "Nothing already computed was lost"):
        assert part in message, message
    assert target.read_text() == "old"
    assert names(small_disk) == ["table.csv"], "the temporary file still takes space"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_and_full_quota_are_recognised(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFullError, match="free, more than"), atomic_path(tmp_path / "a"):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_is_recognised_behind_the_error_of_a_library(small_disk: Path) -> None:
    with pytest.raises(DiskFullError, match=r"a\.nc"), atomic_path(small_disk / "a.nc"):
        raise RuntimeError("NetCDF: HDF error")
    assert names(small_disk) == []


def test_the_innermost_file_is_the_one_named(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match=r"inner.txt"),
        atomic_path(tmp_path / "outer.txt"),
        atomic_path(tmp_path / "inner.txt"),
    ):
        raise OSError(errno.ENOSPC, "no space")


def test_other_errors_of_the_system_pass_through(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), atomic_path(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "no")


def test_importing_it_is_cheap() -> None:
    code = "import sys, wdno.files; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_others_wait_until_the_work_with_a_folder_is_done(tmp_path: Path) -> None:
    program = (
        "import sys, time; from wdno.files import alone\n"
        "with alone(sys.argv[1]):\n"
        "    print('in', time.monotonic(), flush=True); time.sleep(0.5)\n"
        "    print('out', time.monotonic(), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    spans = sorted(
        [float(line.split()[1]) for line in process.communicate()[0].splitlines()]
        for process in both
    )
    assert spans[0][1] <= spans[1][0], f"the two worked at the same time: {spans}"
