"""A server on localhost with the faults that servers of large files have."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Archive:
    """What is served, what goes wrong, and what was asked for.

    Attributes:
        files: Content by path, such as "/sample.grib".
        folder: Folder whose files are served beside.
        ranges: Whether parts of files are sent.
        tagged: Whether a file's version has a mark.
        cut: Bytes after which the next answers break off, one entry each.
        statuses: Statuses of the next answers, instead of content.
        fail: Paths that are answered by the status 500 for as long as they are here.
        post: Answers what is posted: path and body to a body, or to a status.
        requests: Path and range of each request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    folder: Path | None = None
    ranges: bool = True
    tagged: bool = True
    cut: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    fail: set[str] = field(default_factory=set)
    post: Callable[[str, bytes], bytes | int] = lambda path, body: 405
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


@contextmanager
def serving(archive: Archive) -> Iterator[Archive]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            archive.requests.append((self.path, wanted))
            self._answer(body=True)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = archive.post(self.path, body)
            if isinstance(answer, int):
                self._empty(answer)
            else:
                self.send_response(201)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def _answer(self, body: bool) -> None:
            content = _content(archive, self.path)
            if archive.statuses and body:
                self._empty(archive.statuses.pop(0))
            elif self.path in archive.fail:
                self._empty(500)
            elif content is None:
                self._empty(404)
            else:
                self._send(content, body)

        def _empty(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, content: bytes, body: bool) -> None:
            tag = f'"{hash(content)}"'
            span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            same = self.headers.get("If-Range", tag) == tag
            start = int(span[1]) if span and archive.ranges and same else 0
            if start >= len(content) > 0:
                return self._empty(416)
            rest = content[start:]
            self.send_response(206 if start else 200)
            if start:
                size = len(content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            if archive.tagged:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            if not body:
                return None
            if archive.cut:
                rest = rest[: archive.cut.pop(0)]
                self.close_connection = True
            self.wfile.write(rest)
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()


def _content(archive: Archive, path: str) -> bytes | None:
    path = path.partition("?")[0]
    if path in archive.files:
        return archive.files[path]
    if archive.folder is not None:
        found = archive.folder / path.lstrip("/")
        if found.is_file():
            return found.read_bytes()
    return None
