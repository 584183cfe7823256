"""Input and output that are not local files: the same shards, whatever the store."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline import sql, store
from pipeline.config import load
from pipeline.errors import PlanError, SourceError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

RUN_FILE = """
corpus: remote
output: {output}
sources:
  notes:
    read: jsonl
    paths: ["{paths}"]
    steps: [gopher]
across: [exact]
tripwires: off
mixture: {{shard_size: 20kB}}
"""


def run(folder: Path, paths: str, output: str) -> dict[str, str]:
    """Runs in process; returns the SHA-256 of the shards by name."""
    file = folder / "run.yaml"
    file.write_text(RUN_FILE.format(paths=paths, output=output), encoding="utf-8")
    manifest = Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    return {shard["name"]: shard["sha256"] for shard in manifest["mixture"]["shards"]}


@pytest.fixture
def served(corpus: Path) -> Iterator[str]:
    """The address of a web server over the small corpus; it cannot send parts of a file."""
    handler = functools.partial(Quiet, directory=str(corpus))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


class Dropping(Quiet):
    """Promises the whole file and closes the connection in the middle of it."""

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        outputfile.write(source.read(1000))


def test_an_object_store_holds_input_and_output(corpus: Path, tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for path in corpus.glob("notes-*.gz"):
        system.pipe(f"/bucket/in/{path.name}", path.read_bytes())
    local = run(tmp_path, f"{corpus}/notes-*.gz", str(tmp_path / "out"))
    root = "memory://bucket/out"
    assert run(tmp_path, "memory://bucket/in/notes-*.gz", root) == local
    assert len(local) > 0
    with sql.connect(root) as views:
        [(documents,)] = views.execute("SELECT count(*) FROM shards").fetchall()
    manifest = store.read_json(f"{root}/manifest.json")
    assert documents == sum(shard["rows"] for shard in manifest["mixture"]["shards"]) > 0
    store.remove("memory://bucket")


def test_a_file_is_read_from_the_web(served: str, corpus: Path, tmp_path: Path) -> None:
    local = run(tmp_path, f"{corpus}/notes-0.jsonl.gz", str(tmp_path / "out"))
    assert run(tmp_path, f"{served}/notes-0.jsonl.gz", str(tmp_path / "web")) == local


def test_an_address_without_a_file_is_told_while_planning(served: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"no file matches .*missing\.jsonl"):
        run(tmp_path, f"{served}/missing.jsonl", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_dropped_connection_is_not_the_end_of_the_file(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.remote.WAITS", (0.0,))
    handler = functools.partial(Dropping, directory=str(corpus))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/notes-0.jsonl.gz"
        with pytest.raises(SourceError, match=r"notes-0\.jsonl\.gz"):
            run(tmp_path, address, str(tmp_path / "out"))
        server.shutdown()
    assert not list((tmp_path / "out").glob("segments/*/units/*.json"))
    assert json.loads((tmp_path / "out/plan.json").read_text())["corpus"] == "remote"
