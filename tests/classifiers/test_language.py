"""The stage `language`: fastText's answer, and ours where fastText has none."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fasttext
import pyarrow as pa
import pytest
from pydantic import ValidationError

from classifiers.language import STAGE, LanguageOptions, model_path
from pipeline.batch import Batch
from pipeline.errors import PlanError


def measure(texts: Sequence[str | None], **options: Any) -> list[tuple[str, float]]:
    table = pa.table({"text": pa.array(texts, pa.string())})
    labels, scores = STAGE.open(LanguageOptions(**options))(Batch(table))
    assert (labels.type, scores.type) == (STAGE.adds.field(0).type, STAGE.adds.field(1).type)
    assert labels.null_count == scores.null_count == 0
    return list(zip(labels.to_pylist(), scores.to_pylist(), strict=True))


def test_nothing() -> None:
    assert measure([]) == []
    assert measure(["", None, " ", "\n\t\u3000\u00a0\n"]) == [("und", 0.0)] * 4


def test_languages() -> None:
    texts = ["This is an English sentence.", "Dies ist\nein deutscher Satz.", "これは日本語の文章です。"]
    assert [label for label, _ in measure(texts)] == ["en", "de", "ja"]
    assert all(0.5 < score <= 1.001 for _, score in measure(texts))


@pytest.mark.parametrize(
    "text", ["\0", "1 2 3 …", "</s>", "__label__fr", "\ufffd", "😀" * 99, "a" * 100_000, "x\r\n"]
)
def test_odd_texts(text: str) -> None:
    ((label, score),) = measure([text])
    assert label and 0 <= score <= 1.001


def test_same_as_the_best_of_all_labels(real_data: Path) -> None:
    model = fasttext.load_model(model_path(LanguageOptions()))
    with gzip.open(real_data / "jsonl" / "c4-en-sample.json.gz", "rt") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(100), strict=False)]
    for text, (label, score) in zip(texts, measure(texts), strict=True):
        # What datatrove's language filter does, with the same model.
        labels, scores = model.predict(text.replace("\n", " "), k=-1)
        best = max(zip(labels, scores, strict=True), key=lambda pair: pair[1])
        assert label == best[0].split("__")[2]
        assert score == pytest.approx(float(best[1]), abs=1e-4)


def test_accuracy_on_sentences(real_data: Path) -> None:
    model = fasttext.load_model(model_path(LanguageOptions()))
    known = {label.removeprefix("__label__") for label in model.predict("x", k=-1)[0]}
    with gzip.open(real_data / "langid" / "lingua-sentences.jsonl.gz", "rt") as lines:
        items = [item for line in lines if (item := json.loads(line))["lang"] in known][::5]
    got = measure([item["text"] for item in items])
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for item, (label, _) in zip(items, got, strict=True):
        total[item["lang"]] += 1
        right[item["lang"]] += label == item["lang"]
    assert len(total) > 65
    # Single sentences; what it gets wrong are near relatives (Bosnian, Malay) and rare languages.
    assert sum(right.values()) / sum(total.values()) > 0.89


def test_model_that_is_missing_or_none(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"no file .*nowhere\.bin.*lid\.176\.ftz"):
        LanguageOptions(model=str(tmp_path / "nowhere.bin"))
    (tmp_path / "text.bin").write_text("no model")
    with pytest.raises(PlanError, match=r"text\.bin is not a fastText model"):
        STAGE.open(LanguageOptions(model=str(tmp_path / "text.bin")))


def test_fingerprint_is_of_the_contents(tmp_path: Path) -> None:
    own = tmp_path / "own.ftz"
    own.write_bytes(Path(model_path(LanguageOptions())).read_bytes())
    assert STAGE.fingerprint(LanguageOptions(model=str(own))) == STAGE.fingerprint(LanguageOptions())
    own.write_bytes(b"other")
    assert STAGE.fingerprint(LanguageOptions(model=str(own))) != STAGE.fingerprint(LanguageOptions())


def test_own_model(tmp_path: Path) -> None:
    own = tmp_path / "own.ftz"
    own.write_bytes(Path(model_path(LanguageOptions())).read_bytes())
    assert measure(["hello world"], model=str(own)) == measure(["hello world"])
