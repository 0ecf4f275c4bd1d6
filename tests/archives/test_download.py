"""Downloads: resumed, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import multiprocessing
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from archive_server import Archive, serving

from wdno.archives import cache
from wdno.archives.download import BLOCK, download
from wdno.archives.errors import ChecksumError, DownloadError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = (0.01, 0.01)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serving(Archive({"/file": CONTENT})) as archive:
        yield archive


def _get(archive: Archive, path: Path, **options: object) -> None:
    download(f"{archive.url}/file", path, **{"sha256": SHA256, "waits": QUICK, **options})  # type: ignore[arg-type]


def _left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


def test_a_file_arrives_once_with_progress(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder" / "file"
    _get(archive, path)
    assert path.read_bytes() == CONTENT
    assert "1.00M/1.00M" in capsys.readouterr().err
    _get(archive, path)
    assert archive.paths() == ["/file"], "what is there is not asked for again"
    assert _left(path.parent) == ["file"]


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_broken_transfer_is_resumed(archive: Archive, tmp_path: Path, sha256: str) -> None:
    archive.cut = [20 * BLOCK, 20 * BLOCK + 5]
    _get(archive, tmp_path / "file", sha256=sha256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    ranges = [wanted for _, wanted in archive.requests]
    assert ranges == ["", f"bytes={20 * BLOCK}-", f"bytes={40 * BLOCK}-"]


def test_more_breaks_than_tries_are_survived_while_there_is_progress(
    archive: Archive, tmp_path: Path
) -> None:
    archive.cut = [100_000] * 9
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_later_call_resumes_what_an_earlier_one_kept(archive: Archive, tmp_path: Path) -> None:
    archive.cut = [24 * BLOCK]
    with pytest.raises(DownloadError, match=r"could not be downloaded to .*file"):
        _get(archive, tmp_path / "file", waits=())
    assert not (tmp_path / "file").exists(), "a part was taken for the whole"
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert archive.requests[1][1] == f"bytes={24 * BLOCK}-"
    assert _left(tmp_path) == ["file"]


def test_a_server_without_ranges_sends_all_again(archive: Archive, tmp_path: Path) -> None:
    archive.ranges, archive.cut = False, [300_000, 500_000]
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_breaks_is_given_up(
    archive: Archive, tmp_path: Path
) -> None:
    archive.ranges, archive.cut = False, [300_000] * 99
    with pytest.raises(DownloadError):
        _get(archive, tmp_path / "file")
    # The first try got further than nothing, so it does not count.
    assert len(archive.requests) == 1 + len(QUICK)
    assert not (tmp_path / "file").exists()


def test_a_rest_is_not_joined_to_a_part_of_another_version(
    archive: Archive, tmp_path: Path
) -> None:
    archive.cut = [300_000]
    with pytest.raises(DownloadError):
        _get(archive, tmp_path / "file", waits=(), sha256="")
    archive.files["/file"] = new = CONTENT[::-1]
    _get(archive, tmp_path / "file", sha256="")
    assert (tmp_path / "file").read_bytes() == new


def test_without_marks_or_checksum_nothing_is_joined(archive: Archive, tmp_path: Path) -> None:
    archive.tagged, archive.cut = False, [300_000]
    _get(archive, tmp_path / "file", sha256="")
    assert [wanted for _, wanted in archive.requests] == ["", ""]


def test_a_part_that_is_already_whole_is_not_lost(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_bytes(CONTENT)
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_spoilt_bytes_are_got_again(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_bytes(b"x" * 1000)
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [wanted for _, wanted in archive.requests] == ["bytes=1000-", ""]


def test_a_wrong_checksum_is_refused_and_nothing_kept(archive: Archive, tmp_path: Path) -> None:
    archive.files["/file"] = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(ChecksumError, match=rf"1000000 bytes with the sha256 .* expected {SHA256}"):
        _get(archive, tmp_path / "file")
    assert _left(tmp_path) == []


def test_a_spoilt_file_in_the_cache_is_replaced(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * len(CONTENT))
    _get(archive, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_refusals_are_tried_again(archive: Archive, tmp_path: Path, status: int) -> None:
    archive.statuses = [status, status]
    _get(archive, tmp_path / "file")
    assert len(archive.requests) == 3


def test_lasting_refusals_are_not(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404"):
        download(f"{archive.url}/other", tmp_path / "file", waits=QUICK)
    assert len(archive.requests) == 1
    assert _left(tmp_path) == []


def test_an_unreachable_host_is_said_soon(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"refused"):
        download(url, tmp_path / "file", waits=(0.1, 30.0), patience=0.05)
    assert time.monotonic() - start < 5
    assert _left(tmp_path) == []


def _in_process(url: str, path: Path) -> None:
    download(url, path, sha256=SHA256, waits=QUICK)


def test_two_processes_download_once(archive: Archive, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = (f"{archive.url}/file", tmp_path / "file")
    both = [context.Process(target=_in_process, args=arguments) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert archive.paths() == ["/file"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_the_cache_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("WDNO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "wdno"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == Path.home() / ".cache" / "wdno"


def test_a_cache_that_is_only_read_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(CONTENT)

    def forbidden(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr("wdno.archives.download.alone", forbidden)
    download("http://127.0.0.1:9/file", tmp_path / "file", sha256=SHA256)
    with pytest.raises(PermissionError):
        download("http://127.0.0.1:9/file", tmp_path / "other", sha256=SHA256)
