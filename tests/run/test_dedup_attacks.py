"""What a hostile or clumsy user does to the passes of deduplication, through the command line."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from embedding.static import TABLE, TOKENIZER, write_tensors
from pipeline import cli, sql

QUESTION = "A farmer keeps seven brown hens and every hen lays three eggs a week, how many eggs has he then?"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(documents or lines, steps, **keys of the run file): exit status and what was said.

    Any exception but a fault that is told fails the test.
    """
    monkeypatch.chdir(tmp_path)
    static_table(tmp_path / "static")
    Path("eval").mkdir()
    Path("eval/gsm8k.jsonl").write_text(json.dumps({"question": QUESTION, "answer": "many"}))

    def run_steps(documents: Sequence[dict[str, Any]], steps: Sequence[Any], **keys: Any) -> tuple[int, str]:
        Path("web.jsonl").write_text("".join(json.dumps(document) + "\n" for document in documents))
        content = {
            "corpus": "made",
            "output": "out",
            "sources": {"web": {"read": "jsonl", "paths": ["web.jsonl"], "id": "id"}},
            "across": list(steps),
            "tripwires": "off",
            "benchmarks": "none",
        }
        Path("run.yaml").write_text(yaml.safe_dump({**content, **keys}, sort_keys=False))
        capfd.readouterr()
        code = 0
        try:
            cli.main(["run", "run.yaml", "--engine", "inline", "--quiet"])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, capfd.readouterr().err

    return run_steps


def static_table(folder: Path) -> None:
    """Vectors of five words."""
    folder.mkdir()
    words = ["[UNK]", *"abcde"]
    tokenizer = Tokenizer(WordLevel({name: number for number, name in enumerate(words)}, "[UNK]"))
    tokenizer.save(str(folder / TOKENIZER))
    vectors = np.random.default_rng(3).normal(size=(len(words), 8))
    vectors[0] = 0
    write_tensors(folder / TABLE, {"embeddings": vectors.astype(np.float16)})


EVERY_PASS = (
    "url",
    "exact",
    "lines",
    "paragraphs",
    {"substrings": {"length": 30}},
    "minhash",
    "containment",
    {"contamination": {"sets": "eval"}},
    {"semantic": {"embed": {"static": "static"}}},
)


@pytest.mark.timeout(1500)  # the first compiles the kernels of all passes, on a machine that others use too
@pytest.mark.parametrize(
    ("texts", "kept"),
    [([], 0), (["one"], 1), (["", "", "", ""], 4), ([" \n\u2028\x85"] * 3, 3), (["\0"] * 3, 1)],
)
def test_every_pass_over_next_to_nothing(run: Run, texts: list[str], kept: int) -> None:
    assert run([{"text": text} for text in texts], EVERY_PASS) == (0, "")
    with sql.connect("out") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(kept,)]
        assert connection.execute("SELECT count(*) FROM semantic_embeddings").fetchall() == [(0,)]


def test_documents_apart_by_their_text_are_never_compared(run: Run) -> None:
    documents = [{"text": f"a b c d e f g h i j {number % 2}"} for number in range(6)]
    assert run(documents, [{"minhash": {"within": ["text"], "jaccard": 0.1}}]) == (0, "")
    with sql.connect("out") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"containment": {"most": 1 << 40}}, "most is the number 1099511627776; expected less than"),
        ({"minhash": {"within": {"a": "b"}}}, "within is a mapping; expected a list"),
        (
            {"semantic": {"embed": {"static": "static"}, "keep": "farthst"}},
            "keep: unknown order 'farthst'; did you mean 'farthest'?",
        ),
        (
            {"semantic": {"embed": {"static": "static"}, "keep": ["nearest", "newest"]}},
            "nearest decides by itself and stands in no list; write `keep: nearest`",
        ),
        ({"minhash": {"hashes": 1 << 31}}, "hashes is the number 2147483648; expected less than"),
        ({"contamination": {"sets": []}}, "sets is an empty list; expected at least 1 item"),
        (
            {"contamination": {"sets": {"a": {"pth": "eval"}}}},
            "unknown key 'sets.a.pth'; did you mean 'path'",
        ),
    ],
)
def test_hostile_options_are_told_with_their_place(run: Run, step: Any, said: str) -> None:
    code, told = run([{"text": "a"}], [step])
    assert code == 2 and told.startswith("winnow: run.yaml:") and said in told


@pytest.mark.parametrize("damaged", ["{}", '{"exact": {}}', '{"exact": "x"}'])
def test_an_index_that_lacks_a_part_is_told(run: Run, damaged: str) -> None:
    Path("old").mkdir()
    Path("old/index.json").write_text(f'{{"format": 1, "corpus": "o", "passes": {damaged}}}')
    code, told = run([{"text": "a"}], [{"exact": {"against": ["old"]}}])
    lacks = "has nothing for pass 'exact'" if damaged == "{}" else "old/index.json lacks a part"
    assert code == 2 and told.startswith("winnow: run.yaml:") and lacks in told
