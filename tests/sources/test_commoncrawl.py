"""Crawls over HTTP: dropped connections, throttling, changes, the cache; with a server that does it all."""

import errno
import gzip
import http.server
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline import pace, remote
from pipeline.errors import PlanError, SourceError
from pipeline.source import Reading, Unit, document_id
from pipeline.sources.commoncrawl import SOURCE
from pipeline.sources.crawl import cache, crawls, download
from pipeline.sources.crawl.cache import PART, Cache
from pipeline.sources.crawl.download import Download

DATA = random.Random(1).randbytes(300_000)


class Server(http.server.ThreadingHTTPServer):
    """What is asked of it, and how it behaves."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/file": DATA}
        self.asked: list[tuple[float, str]] = []
        self.served = 0
        self.drops_after = 0  # bytes after which a connection is dropped
        self.refusals: list[tuple[int, str]] = []  # statuses to answer first, and their Retry-After
        self.ranges = True
        self.tag = '"one"'

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        stated = self.headers.get("Range") or ""
        server.asked.append((time.monotonic(), stated))
        if server.refusals:
            status, after = server.refusals.pop(0)
            self.send_response(status)
            if after:
                self.send_header("Retry-After", after)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        first = re.fullmatch(r"bytes=(\d+)-", stated)
        same = self.headers.get("If-Range", server.tag) == server.tag
        start = int(first[1]) if first and server.ranges and same else 0
        if start >= len(data) > 0 and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        some = data[start : start + server.drops_after] if server.drops_after else data[start:]
        server.served += len(some)
        try:
            self.wfile.write(some)
        except OSError:
            return
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setattr(remote, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(pace, "FIRST", 0.02)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "pace"))
    monkeypatch.setattr(pace, "_paces", {})
    with Server() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


def everything(file: Any, size: int = 10_000) -> bytes:
    parts = []
    with file:
        while part := file.read(size):
            parts.append(part)
    return b"".join(parts)


def test_an_empty_file(server: Server, tmp_path: Path) -> None:
    server.files["/file"] = b""
    assert everything(Download(f"{server.address}/file")) == b""
    assert everything(Cache(str(tmp_path / "c"), 1000).open(f"{server.address}/file")) == b""
    assert everything(Cache(str(tmp_path / "c"), 1000).open(f"{server.address}/file")) == b""


def test_one_request_for_a_file(server: Server) -> None:
    assert everything(Download(f"{server.address}/file")) == DATA
    assert [stated for _, stated in server.asked] == [""]
    with Download(f"{server.address}/file") as file:
        assert file.read() == DATA
        assert file.read() == b"" and file.read(10) == b""


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_drops_is_taken_up_where_it_broke(server: Server, ranges: bool) -> None:
    server.drops_after, server.ranges = (100_000, True) if ranges else (0, False)
    assert everything(Download(f"{server.address}/file")) == DATA
    if ranges:
        assert [stated for _, stated in server.asked] == ["", "bytes=100000-", "bytes=200000-"]
        assert server.served == len(DATA)


def test_a_connection_that_always_drops_is_an_error(server: Server) -> None:
    server.ranges, server.drops_after = False, 50_000
    with pytest.raises(OSError, match=r"it ends (before byte|after) 50,000"):
        everything(Download(f"{server.address}/file"))


def test_seeking_asks_for_the_rest(server: Server) -> None:
    with Download(f"{server.address}/file") as file:
        assert file.seek(200_000) == 200_000
        assert file.read(5) == DATA[200_000:200_005]
        assert file.tell() == 200_005
        file.seek(-5, os.SEEK_END)
        assert file.read() == DATA[-5:]


def test_a_file_that_changes_meanwhile_is_an_error(server: Server) -> None:
    server.drops_after = 100_000
    file = Download(f"{server.address}/file")
    file.read(1000)
    server.tag = '"two"'
    with pytest.raises(OSError, match="it has changed"):
        everything(file)


def test_what_is_not_there(server: Server) -> None:
    with pytest.raises(FileNotFoundError):
        Download(f"{server.address}/nothing")
    assert len(server.asked) == 1
    with pytest.raises(SourceError, match="cannot be opened: HTTP status 404"):
        crawls.open_file(f"{server.address}/nothing")
    with pytest.raises(OSError, match="refused"):
        Download("http://127.0.0.1:9/file")


def test_a_store_that_throttles_is_asked_less_often(server: Server) -> None:
    server.refusals = [(503, "")] * 6
    assert everything(Download(f"{server.address}/file")) == DATA
    times = [moment for moment, _ in server.asked]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 6
    assert gaps[5] > 4 * gaps[0] > 0.01
    # It recovers: each answer makes the pace faster, until nothing is waited for.
    kept = pace.pace_of(f"127.0.0.1:{server.server_port}")
    slow = kept.interval
    assert slow > 0.1
    for _ in range(30):
        kept.served()
    assert kept.interval == 0.0


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_heeded(server: Server, status: int) -> None:
    server.refusals = [(status, "1")]
    assert everything(Download(f"{server.address}/file")) == DATA
    assert server.asked[1][0] - server.asked[0][0] >= 0.95


def test_what_one_process_is_told_all_heed(tmp_path: Path) -> None:
    told, other = pace.Pace("host", str(tmp_path)), pace.Pace("host", str(tmp_path))
    elsewhere = pace.Pace("other host", str(tmp_path))
    told.refused(0.3)
    assert elsewhere.wait() == 0.0
    assert other.wait() >= 0.25
    assert other.interval == 0.0


def test_other_errors_are_tried_again_and_then_told(server: Server) -> None:
    server.refusals = [(500, ""), (502, "")]
    assert everything(Download(f"{server.address}/file")) == DATA
    server.refusals = [(403, "")] * 3
    with pytest.raises(OSError, match="HTTP status 403"):
        Download(f"{server.address}/file")


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (download.RefusedError("u", 503, {}), 0.0),
        (download.RefusedError("u", 429, {"Retry-After": "7"}), 7.0),
        (download.RefusedError("u", 500, {}), None),
        (OSError("AWS Error SLOW_DOWN during GetObject operation: Please reduce your request rate."), 0.0),
        (OSError("HTTP status 503"), 0.0),
        (OSError("it ends after 503 of 1,000 bytes"), None),
        (FileNotFoundError("x"), None),
    ],
)
def test_what_is_throttling(fault: Exception, seconds: float | None) -> None:
    assert pace.refusal(fault) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 0), ("", 0), ("soon", 0), ("12", 12), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("-1", 0)],
)
def test_retry_after(value: str | None, seconds: float) -> None:
    assert pace.retry_after(value) == seconds


def keeping(folder: Path, size: int = 10**6) -> tuple[Cache, list[str]]:
    told: list[str] = []
    return Cache(str(folder), size, told.append), told


def kept(folder: Path) -> list[str]:
    return sorted(name.split("-", 1)[1] for name in os.listdir(folder) if not name.startswith("."))


def test_a_file_is_read_once_from_the_web(server: Server, tmp_path: Path) -> None:
    store, told = keeping(tmp_path / "cache")
    for _ in range(3):
        assert everything(store.open(f"{server.address}/file")) == DATA
    assert len(server.asked) == 1
    assert kept(tmp_path / "cache") == ["file"] and not told
    whole = store.have(f"{server.address}/file")
    assert whole is not None
    with whole:
        whole.seek(100)
        assert whole.read(5) == DATA[100:105]


def test_a_part_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    store, _ = keeping(tmp_path / "cache")
    with store.open(f"{server.address}/file") as file:
        assert file.read(70_000) == DATA[:70_000]
    assert kept(tmp_path / "cache") == ["file.json", f"file{PART}"]
    assert everything(store.open(f"{server.address}/file")) == DATA
    assert server.asked[-1][1] == "bytes=70000-"
    assert kept(tmp_path / "cache") == ["file"]


def test_a_part_of_another_version_is_not(server: Server, tmp_path: Path) -> None:
    store, _ = keeping(tmp_path / "cache")
    with store.open(f"{server.address}/file") as file:
        file.read(70_000)
    server.tag, server.files["/file"] = '"two"', DATA[::-1]
    assert everything(store.open(f"{server.address}/file")) == DATA[::-1]
    assert everything(store.open(f"{server.address}/file")) == DATA[::-1]


KILLED = """
import os, signal, sys
from pipeline.sources.crawl.cache import Cache
file = Cache(sys.argv[1], 10**6).open(sys.argv[2])
while file.tell() < 150_000:
    file.read(10_000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_what_it_had(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    command = [sys.executable, "-c", KILLED, str(folder), f"{server.address}/file"]
    assert subprocess.run(command, check=False, timeout=30).returncode == -9
    store, told = keeping(folder)
    assert everything(store.open(f"{server.address}/file")) == DATA
    assert server.asked[-1][1] == "bytes=150000-"
    assert kept(folder) == ["file"] and not told


def test_two_at_once_both_read_it(server: Server, tmp_path: Path) -> None:
    store, told = keeping(tmp_path / "cache")
    with store.open(f"{server.address}/file") as first:
        start = first.read(1000)
        assert everything(store.open(f"{server.address}/file")) == DATA
        assert start + everything(first) == DATA
    assert kept(tmp_path / "cache") == ["file"] and not told


def test_what_was_unused_for_longest_goes(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    store, told = keeping(folder, 700_000)
    for number, name in enumerate("abc"):
        server.files[f"/{name}"] = DATA
        assert everything(store.open(f"{server.address}/{name}")) == DATA
        if name == "b":
            for path in folder.glob("*-[ab]"):
                os.utime(path, (1000, 1000) if path.name.endswith("b") else (2000, 2000))
        del number
    assert kept(folder) == ["a", "c"]
    server.files["/big"] = DATA * 3
    assert everything(store.open(f"{server.address}/big")) == DATA * 3
    assert kept(folder) == ["a", "c"] and not told


def test_a_part_that_is_being_written_is_not_taken_away(server: Server, tmp_path: Path) -> None:
    store, _ = keeping(tmp_path / "cache", 400_000)
    server.files["/other"] = DATA
    with store.open(f"{server.address}/file") as first:
        first.read(1000)
        assert everything(store.open(f"{server.address}/other")) == DATA
        assert kept(tmp_path / "cache") == ["file.json", f"file{PART}"]
    assert everything(store.open(f"{server.address}/other")) == DATA
    assert kept(tmp_path / "cache") == ["other"]


def test_a_full_disk_costs_a_warning(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: int, data: bytes, at: int) -> int:
        if at < 50_000:
            return written(part, data, at)
        raise OSError(errno.ENOSPC, "No space left on device")

    written = os.pwrite
    monkeypatch.setattr("os.pwrite", full)
    store, told = keeping(tmp_path / "cache")
    assert everything(store.open(f"{server.address}/file")) == DATA
    assert len(server.asked) == 1
    assert len(told) == 1 and "No space left on device; reading without it" in told[0]
    assert kept(tmp_path / "cache") == []


def test_a_folder_that_cannot_be_used_costs_a_warning(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store, told = keeping(tmp_path / "file" / "cache")
    assert everything(store.open(f"{server.address}/file")) == DATA
    assert len(told) == 1 and "Not a directory" in told[0]


@pytest.mark.parametrize(
    ("given", "size"), [(1000, 1000), ("100GB", 10**11), ("1.5 kB", 1500), ("2TiB", 2 << 40), ("7B", 7)]
)
def test_sizes(given: Any, size: int) -> None:
    assert cache.parse_size(given) == size


def test_a_crawl_from_its_name_to_its_pages(server: Server, tmp_path: Path, make: Any) -> None:
    page = make.packed([make.record(make.http(b"<p>a page")), make.record(make.http(b"<p>another"))])
    paths = [f"crawl-data/CC-TEST/warc/{number}.warc.gz" for number in range(3)]
    server.files |= {f"/{path}": page for path in paths}
    server.files["/crawl-data/CC-TEST/warc.paths.gz"] = gzip.compress("\n".join(paths).encode())
    given = {"crawl": "CC-TEST", "files": "1-2", "base": server.address}
    options = SOURCE.options.model_validate({**given, "cache": {"folder": str(tmp_path / "cache")}})
    assert SOURCE.inputs is not None and SOURCE.units is not None and SOURCE.original is not None
    units = SOURCE.units("cc", SOURCE.inputs(options), options)
    assert [unit.logical for unit in units] == paths[1:]
    assert len(server.asked) == 1, "planning asks for the list and nothing else"
    assert len({unit.name for unit in units}) == 2
    for again in range(2):
        for unit in units:
            reading = Reading(unit, options, lambda: pytest.fail("opened in another way"), Counter())
            rows = [row for table in SOURCE.read(reading) for row in table.to_pylist()]
            assert [row["html"] for row in rows] == ["<p>a page", "<p>another"]
            row = {**rows[1], "id": document_id("cc", rows[1]["address"])}
            assert SOURCE.original(reading, row).endswith(b"<p>another")
        assert len(server.asked) == 3, again
    bare = Reading(units[0], SOURCE.options.model_validate(given), lambda: pytest.fail("opened"), Counter())
    assert SOURCE.original(bare, row).endswith(b"<p>another")
    assert [stated for _, stated in server.asked[3:]] == [f"bytes={row['offset']}-"]
    with pytest.raises(PlanError, match="there is no"):
        SOURCE.inputs(SOURCE.options.model_validate({**given, "crawl": "CC-NONE"}))


def test_an_input_that_is_gone_is_told(server: Server, tmp_path: Path) -> None:
    unit = Unit("cc", "u", f"{server.address}/gone.warc.gz", "gone.warc.gz", 0, "")
    for more in ({}, {"cache": {"folder": str(tmp_path)}}):
        reading = Reading(unit, SOURCE.options.model_validate(more), lambda: pytest.fail("opened"), Counter())
        with pytest.raises(SourceError, match=r"gone\.warc\.gz: cannot be opened"):
            list(SOURCE.read(reading))
