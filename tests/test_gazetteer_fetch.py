"""Downloads from a real local server that cuts off, lies and refuses."""

from __future__ import annotations

import bz2
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_gazetteer_layers import DUMP, NAMES, database, zip_of

from pipeline.jobs.gazetteer import add_geonames, add_whosonfirst, clear_downloads
from pipeline.places.fetch import ATTEMPTS, PIECE, Downloads, FetchError
from pipeline.places.layers import layers_in, read_note

BODY = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves `files`; what it is told to do wrong it does in `faults`, one for each request."""

    files: dict[str, bytes]
    faults: list[str]
    asked: list[tuple[str, str | None]]  # path and Range
    tag: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path, wanted = self.path, self.headers.get("Range")
        self.server.asked.append((path, wanted))
        fault = self.server.faults.pop(0) if self.server.faults else ""
        body = self.server.files.get(path)
        if body is None or fault.isdigit():
            self.send_response(int(fault or 404))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if wanted and fault != "no ranges" and self.headers.get("If-Range") == self.server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(body):
            self.send_response(416)
            self.end_headers()
            return
        rest = body[start:]
        self.send_response(206 if start else 200)
        if fault != "no length":
            self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", self.server.tag)
        self.end_headers()
        self.wfile.write(rest[: len(rest) // 2] if fault == "cut" else rest)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.files, made.faults, made.asked, made.tag = {"/a.bin": BODY}, [], [], '"one"'
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path / "downloads", pause=0)


def test_a_whole_file(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    downloads = Downloads(tmp_path / "d", watch=lambda *told: seen.append(told))
    path = downloads.file(f"{server.url}/a.bin", hashlib.sha256(BODY).hexdigest())
    assert path.read_bytes() == BODY
    assert seen[-1] == ("a.bin", len(BODY), len(BODY))
    assert [file.name for file in path.parent.iterdir()] == ["a.bin"]


def test_a_cut_connection_is_taken_up_where_it_broke(server: Server, downloads: Downloads) -> None:
    server.faults = ["cut", "503", "cut"]
    assert downloads.file(f"{server.url}/a.bin").read_bytes() == BODY
    ranges = [wanted for _, wanted in server.asked]
    assert ranges[0] is None
    half = len(BODY) // 2 // PIECE * PIECE  # what was cut off in the middle of a piece is asked for again
    assert ranges[1:3] == [f"bytes={half}-"] * 2
    assert ranges[3] > ranges[2]


def test_the_next_call_goes_on(server: Server, downloads: Downloads) -> None:
    server.faults = ["cut"] + ["503"] * ATTEMPTS
    with pytest.raises(FetchError, match=r"503.*call again to go on"):
        downloads.file(f"{server.url}/a.bin")
    server.faults = []
    assert downloads.file(f"{server.url}/a.bin").read_bytes() == BODY
    assert server.asked[-1][1] == f"bytes={len(BODY) // 2 // PIECE * PIECE}-"


def test_a_file_that_has_changed_is_begun_anew(server: Server, downloads: Downloads) -> None:
    server.faults = ["cut"] + ["503"] * ATTEMPTS
    with pytest.raises(FetchError):
        downloads.file(f"{server.url}/a.bin")
    server.faults, server.tag, server.files["/a.bin"] = [], '"two"', BODY[::-1]
    assert downloads.file(f"{server.url}/a.bin").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("fault", ["no ranges", "no length"])
def test_servers_that_know_no_ranges_or_lengths(server: Server, downloads: Downloads, fault: str) -> None:
    server.faults = ["cut", fault]
    assert downloads.file(f"{server.url}/a.bin").read_bytes() == BODY


def test_a_wrong_checksum(server: Server, downloads: Downloads) -> None:
    with pytest.raises(FetchError, match="not the file that was announced"):
        downloads.file(f"{server.url}/a.bin", "0" * 64)
    assert not (downloads.folder / "a.bin").exists()
    assert downloads.file(f"{server.url}/a.bin").read_bytes() == BODY


def test_what_is_not_there_is_not_asked_for_twice(server: Server, downloads: Downloads) -> None:
    with pytest.raises(FetchError, match=r"none\.bin: answered 404"):
        downloads.file(f"{server.url}/none.bin")
    assert len(server.asked) == 1


def test_a_size_limit(server: Server, tmp_path: Path) -> None:
    downloads = Downloads(tmp_path / "d", pause=0, largest=1000)
    for fault in ("", "no length"):
        server.faults = [fault]
        with pytest.raises(FetchError, match="1,000"):
            downloads.file(f"{server.url}/a.bin")


def test_nobody_answers(tmp_path: Path, server: Server) -> None:
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(FetchError, match=r"refused|attempts"):
        Downloads(tmp_path, pause=0).file(f"{url}/a.bin")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/x", "x"])
def test_other_addresses_are_refused(downloads: Downloads, url: str) -> None:
    with pytest.raises(FetchError, match="not an http"):
        downloads.file(url)


# -- the two public gazetteers from such a server

WOF = "/whosonfirst-data-admin-sy-latest.db.bz2"


def announce(server: Server, folder: Path) -> bytes:
    folder.mkdir(exist_ok=True)
    packed = bz2.compress(database(folder).read_bytes())
    entry = {"name_compressed": WOF[1:], "sha256_compressed": hashlib.sha256(packed).hexdigest()}
    server.files |= {WOF: packed, "/inventory.json": json.dumps([entry]).encode()}
    return packed


def test_whosonfirst_from_its_distribution(server: Server, downloads: Downloads, tmp_path: Path) -> None:
    announce(server, tmp_path / "made")
    server.faults = ["", "cut"]
    (note,) = add_whosonfirst(tmp_path / "layers", ["SY"], downloads, mirror=f"{server.url}/")
    assert (note.name, note.rows, note.files[0][0]) == ("whosonfirst-sy", 3, WOF[1:])
    assert note.url == server.url + WOF
    clear_downloads(downloads.folder)
    assert not downloads.folder.exists()


def test_whosonfirst_without_an_inventory(server: Server, downloads: Downloads, tmp_path: Path) -> None:
    announce(server, tmp_path / "made")
    del server.files["/inventory.json"]
    told: list[str] = []
    add_whosonfirst(tmp_path / "layers", ["SY"], downloads, mirror=server.url, say=told.append)
    assert "404" in told[0]


def broken_archive(server: Server, packed: bytes) -> None:
    server.files |= {WOF: packed[: len(packed) // 2], "/inventory.json": b"[]"}


def wrong_checksum(server: Server, packed: bytes) -> None:
    server.files[WOF] = packed[:-10] + b"0123456789"


def not_found(server: Server, packed: bytes) -> None:
    del server.files[WOF]


def no_database(server: Server, packed: bytes) -> None:
    server.files |= {WOF: bz2.compress(b"<html>not found</html>"), "/inventory.json": b"[]"}


@pytest.mark.parametrize("change", [broken_archive, wrong_checksum, not_found, no_database])
def test_a_failed_download_leaves_the_old_layer(
    server: Server, downloads: Downloads, tmp_path: Path, change: Callable[[Server, bytes], None]
) -> None:
    add = partial(
        add_whosonfirst, tmp_path / "layers", ["SY"], downloads, mirror=server.url, say=lambda _: None
    )
    packed = announce(server, tmp_path / "made")
    add()
    before = layers_in(tmp_path / "layers")[0].read_bytes()
    change(server, packed)
    with pytest.raises(Exception, match=r"whosonfirst-data-admin-sy-latest"):
        add()
    assert layers_in(tmp_path / "layers")[0].read_bytes() == before
    assert [path.name for path in (tmp_path / "layers").iterdir()] == ["whosonfirst-sy.places.gz"]


def test_geonames_from_its_server(server: Server, downloads: Downloads, tmp_path: Path) -> None:
    dump = zip_of(tmp_path / "SY.zip", "SY.txt", DUMP).read_bytes()
    names = zip_of(tmp_path / "alternatenames" / "SY.zip", "SY.txt", NAMES).read_bytes()
    server.files |= {"/SY.zip": dump, "/alternatenames/SY.zip": names}
    add_geonames(tmp_path / "layers", ["SY"], downloads, mirror=server.url)
    note = read_note(layers_in(tmp_path / "layers")[0])
    assert (note.name, note.rows, len(note.files)) == ("geonames-sy", 3, 2)
    assert list(downloads.folder.iterdir()) == []
