"""Where downloads are kept on machines without a home, or with one that cannot be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from wdno.archives import cache, months
from wdno.archives.download import download
from wdno.archives.errors import RecordError


@pytest.fixture
def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be made, also by root: a file is in its way."""
    for variable in ("WDNO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "file" / "folder"


def test_without_a_home_downloads_go_to_a_temporary_folder(
    blocked: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(blocked))
    found = cache.folder()
    assert found.parent == blocked.parents[1] / "temporary"
    assert "cannot be written: downloads go to" in caplog.text
    assert "$WDNO_CACHE names another folder" in caplog.text

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache.folder() == found
    assert not found.exists(), "a folder is made when something is kept in it"


def test_without_any_folder_one_is_asked_for(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setenv("HOME", str(blocked))
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(RecordError, match=r"no folder to keep downloads in.*\$WDNO_CACHE"):
        cache.folder()


def test_a_cache_that_cannot_be_written_is_said_before_anything_is_asked_for(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDNO_CACHE", str(blocked))
    with pytest.raises(RecordError, match=r"cannot be written.*\$WDNO_CACHE names another"):
        download("http://127.0.0.1:9/file", cache.folder() / "file")

    def get(month: months.Month, path: Path) -> None:
        raise AssertionError("asked for")

    with pytest.raises(RecordError, match=r"cannot be written.*\$WDNO_CACHE names another"):
        months.fetch("cds", {"variable": "t"}, [2020], 6, get)
