"""Fixtures that the whole suite shares."""

import json
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

# Every kernel that a test or a process of its runs is compiled with each index checked.
os.environ["NUMBA_BOUNDSCHECK"] = "1"

from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.stage import Pass, configured
from pipeline.store import ParquetSink

# Shells start what runs in the background with Ctrl-C ignored, and what it starts inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is judged by how long it takes; on a machine that builds, examples are the same every time.
settings.register_profile(
    "winnow",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("winnow")


# Files are shared among the workers whole: one that takes a minute must not be the last to begin.
_LONGEST = (
    *("test_kill.py", "test_llama1_run.py", "test_bounds_check.py", "test_killed_worker.py"),
    *("test_resumed_tasks.py", "test_sample_run.py", "test_readme.py", "test_signals.py", "test_again.py"),
    *("test_contamination.py", "test_containment.py", "test_substrings.py", "test_minhash_pass.py"),
    "test_label_train_classify.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first."""
    place = {name: at for at, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data (WARC files, labelled pages …) that is not part of the project."""
    folder = Path(os.environ.get("WINNOW_REAL_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set WINNOW_REAL_DATA to run this test")
    return folder.resolve()


Item = TypeVar("Item")
Result = TypeVar("Result")
Document = Mapping[str, Any]

_COLUMNS: Mapping[str, pa.DataType] = {
    "id": pa.string(),
    "source": pa.string(),
    "url": pa.string(),
    "date": pa.timestamp("us"),
    "text": pa.large_string(),
    "bytes": pa.int64(),
    "row": pa.int64(),
}
_VERDICTS = pa.schema([pa.field("row", pa.int64()), pa.field("dropped_by", pa.list_(pa.string()))])


@dataclass(frozen=True)
class MadeCorpus:
    """Runs every task in order in this process, function, item and result pickled on the way."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int = 0

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        assert doing
        packed = pickle.dumps(function)
        for item in items:
            yield pickle.loads(pickle.dumps(pickle.loads(packed)(pickle.loads(pickle.dumps(item)))))

    def label(self, step: Pass, **options: Any) -> list[dict[str, Any]]:
        """The labels of the living documents, in order, with `id`; checks what every pass promises."""
        chosen = step.options(**options)
        step = configured(step, chosen)
        label = step.run(self, chosen)
        found: list[dict[str, Any]] = []
        for unit, labels in zip(self.units, self.map(label, self.units, "labels"), strict=True):
            assert labels.schema.equals(step.adds, check_metadata=True)
            for column, values in zip(labels.schema, labels.columns, strict=True):
                assert column.nullable or values.null_count == 0
            ids = [name for table in unit.read(("id",)) for name in table.column("id").to_pylist()]
            assert len(ids) == labels.num_rows == unit.alive
            found += [{"id": name, **row} for name, row in zip(ids, labels.to_pylist(), strict=True)]
        return found


def _stored(
    folder: Path, index: int, first: int, documents: Sequence[Document], schema: pa.Schema
) -> CorpusUnit:
    """One unit as the pipeline stores it; documents with a true `dropped` were lost to an earlier pass."""
    rows = [
        {
            "id": f"id{first + row:05d}",
            "source": "made",
            "bytes": len((document.get("text") or "").encode()),
            "row": 2 * row,  # as if stages had dropped every other row that was read
            **document,
        }
        for row, document in enumerate(documents)
    ]
    verdicts = [
        {"row": row["row"], "dropped_by": ["earlier"] if document.get("dropped") else []}
        for row, document in zip(rows, documents, strict=True)
    ]
    path, layer = str(folder / f"{index}.parquet"), str(folder / f"{index}.layer.parquet")
    for name, content, kind in ((path, rows, schema), (layer, verdicts, _VERDICTS)):
        with ParquetSink(name, kind) as sink:
            sink.write(pa.Table.from_pylist(content, schema=kind))
    return CorpusUnit(
        index=index,
        name=f"unit-{index}",
        source=rows[0]["source"] if rows else "made",
        first=first,
        stored=len(rows),
        alive=sum(not verdict["dropped_by"] for verdict in verdicts),
        documents=path,
        layers=(LayerFile(layer, ()),),
        schema=schema,
    )


MakeCorpus = Callable[..., MadeCorpus]


@pytest.fixture
def make_corpus(tmp_path_factory: pytest.TempPathFactory) -> MakeCorpus:
    """make_corpus(units, partitions=3, columns={}): units of documents, each a mapping of its columns.

    columns   types of columns besides id, source, url, date, text and bytes
    """

    def make(
        units: Sequence[Sequence[Document]],
        partitions: int = 3,
        columns: Mapping[str, pa.DataType] | None = None,
    ) -> MadeCorpus:
        folder = tmp_path_factory.mktemp("corpus")
        for name in ("scratch", "tables"):
            (folder / name).mkdir()
        schema = pa.schema({**_COLUMNS, **(columns or {})})
        stored: list[CorpusUnit] = []
        for index, documents in enumerate(units):
            first = stored[-1].first + stored[-1].stored if stored else 0
            stored.append(_stored(folder, index, first, documents, schema))
        return MadeCorpus(stored, partitions, str(folder / "scratch"), str(folder / "tables"))

    return make


@dataclass
class Reply:
    """What the server gives for one request: a message of a model, or what may go wrong.

    status    another than 200 is an error of the form OpenAI's servers use, `content` its message
    code      of such an error
    body      sent as it is, in place of JSON
    drop      the connection is cut without an answer
    """

    content: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    body: bytes | None = None
    finish: str = "stop"
    refusal: str | None = None
    delay: float = 0.0
    drop: bool = False
    tokens: tuple[int, int] | None = (100, 10)


class LlmServer(ThreadingHTTPServer):
    """A server on loopback that speaks OpenAI's chat completions.

    answer    gives the reply to a request's body; unless changed, label 3 for all
    schemas   whether response_format json_schema is taken, or refused with 400
    key       what must come as bearer token; None: anything
    models    the names that are known; empty: all
    requests  bodies of the completions asked for, in the order they came, faulty ones included; `headers`
              and `times` (seconds) go with them
    most      the most that were in work at one time
    """

    daemon_threads = True
    request_queue_size = 128
    answer: Callable[[dict[str, Any]], Reply | str]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Chat)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.answer = lambda _: json.dumps({"reason": "clear and complete", "label": "3"})
        self.schemas = True
        self.key: str | None = None
        self.models: tuple[str, ...] = ()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most = self.working = 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is part of the tests."""

    def reply(self, body: dict[str, Any], token: str) -> Reply:
        if self.key is not None and token != f"Bearer {self.key}":
            return Reply("Incorrect API key provided: sk-***", 401, code="invalid_api_key")
        if self.models and body["model"] not in self.models:
            return Reply(f"The model {body['model']!r} does not exist", 404, code="model_not_found")
        if not self.schemas and "response_format" in body:
            return Reply("response_format of type json_schema is not supported", 400)
        given = self.answer(body)
        return given if isinstance(given, Reply) else Reply(given)


class _Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LlmServer

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest shows what matters."""

    def do_GET(self) -> None:
        known = [{"id": name, "object": "model", "created": 1} for name in self.server.models]
        found = self.path == "/v1/models"
        content = json.dumps({"object": "list", "data": known}) if found else "{}"
        self._send(200 if found else 404, {}, content.encode(), "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.requests.append(body)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            server.times.append(time.monotonic())
            server.working += 1
            server.most = max(server.most, server.working)
        try:
            if self.path != "/v1/chat/completions":
                self._send(404, {}, b"<html><body>404 page not found</body></html>", "text/html")
                return
            reply = server.reply(body, self.headers.get("Authorization", ""))
            time.sleep(reply.delay)
            self._answer(body, reply)
        finally:
            with server.lock:
                server.working -= 1

    def _answer(self, body: dict[str, Any], reply: Reply) -> None:
        if reply.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if reply.body is not None:
            self._send(reply.status, reply.headers, reply.body, "text/html")
            return
        if reply.status != 200:
            content: dict[str, Any] = {
                "error": {"message": reply.content, "type": "made", "param": None, "code": reply.code}
            }
        else:
            message = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
            content = {
                "id": "made",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
            }
            if reply.tokens is not None:
                sent, made = reply.tokens
                used = {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}
                content["usage"] = used
        self._send(reply.status, reply.headers, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, headers: Mapping[str, str], content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def llm() -> Iterator[LlmServer]:
    """A language model's server on loopback: `llm.url` for --endpoint; set `llm.answer` to say what it
    answers, count `llm.requests`."""
    server = LlmServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def reply() -> type[Reply]:
    """The class of replies, for tests to make them of."""
    return Reply
