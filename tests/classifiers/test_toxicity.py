"""The stage `toxicity` against the package whose model it reads, and against plain Python."""

import csv
import gzip
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import profanity_check
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from classifiers import toxicity
from classifiers.toxicity import STAGE, ToxicityOptions, load
from pipeline.batch import Batch
from text.lookup import Lookup
from text.lower import lowered
from text.strings import Strings

RUDE = "You are a stupid idiot and your bullshit sucks."
POLITE = "Thanks for the careful review; the second paragraph reads much better now."
WORD = re.compile(r"(?u)\b\w\w+\b")  # of the package's vectorizer

# fmt: off
PIECES = st.sampled_from(
    [*("fuck", "FUCK", "Idiot", "idiots", "the", "a", "wiki", "village", "f*ck", "under_score", "x", "naïve"),
     *("İdiot", "idİot", "STRAßE", "ΟΔΟΣ", "ass²", "damn\u0301", "K", "中文", "१२", "\U0001f600", "_", "a1"),
     *(" ", " ", " ", "\n", "\t", "'", "-", ".", "\u00a0", "\u200b", "\u0307")]
)
# fmt: on
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def measured(texts: list[str | None], of: str = "en", **options: Any) -> list[dict[str, Any]]:
    table = pa.table({"text": pa.array(texts, pa.string()), "language": [of] * len(texts)})
    batch = Batch(table)
    arrays = list(STAGE.open(ToxicityOptions(**options))(batch))
    assert [array.type for array in arrays] == list(STAGE.adds.types)
    return list(pa.Table.from_arrays(arrays, schema=STAGE.adds).to_pylist())


def probability(text: str) -> float:
    return float(profanity_check.predict_prob([text])[0])


def test_no_texts() -> None:
    assert measured([]) == []


def test_a_text_without_a_word_is_not_scored() -> None:
    nothing = {"toxicity_score": 0, "toxicity_max": 0, "toxicity_share": 0, "toxicity_windows": 0}
    assert measured(["", None, " a b c ", "!?"]) == [nothing] * 4


def test_a_short_text_is_one_window() -> None:
    rude, polite = measured([RUDE, POLITE])
    assert rude["toxicity_score"] == rude["toxicity_max"] == pytest.approx(probability(RUDE), abs=1e-12)
    assert (rude["toxicity_share"], rude["toxicity_windows"]) == (1, 1)
    assert rude["toxicity_score"] > 0.9 > 0.1 > polite["toxicity_score"] > 0
    assert (polite["toxicity_share"], polite["toxicity_windows"]) == (0, 1)


def test_a_rude_paragraph_shows_in_its_window_though_not_in_the_whole() -> None:
    text = "\n".join([*[POLITE] * 20, RUDE, *[POLITE] * 20])
    words = WORD.findall(text)
    (found,) = measured([text], window=10)
    many = len(words) // 10
    cuts = [window * len(words) // many for window in range(many + 1)]
    windows = [" ".join(words[begin:end]) for begin, end in itertools.pairwise(cuts)]
    scores = profanity_check.predict_prob(windows)
    assert found["toxicity_windows"] == many
    assert found["toxicity_max"] == pytest.approx(scores.max(), abs=1e-12)
    assert found["toxicity_share"] == pytest.approx((scores >= 0.5).mean())
    assert found["toxicity_score"] == pytest.approx(probability(text), abs=1e-12)
    assert found["toxicity_score"] < 0.2 < 0.8 < found["toxicity_max"]


def test_it_speaks_of_english_alone_unless_told() -> None:
    texts = ["You idiot, du Idiot", None]
    assert [row["toxicity_windows"] for row in measured([*texts], "de")] == [0, 0]
    assert [row["toxicity_windows"] for row in measured([*texts], "de", language="de")] == [1, 0]
    assert measured([*texts], "de", language="any") == measured([*texts], "en")


def test_it_reads_the_column_language_only_where_it_must() -> None:
    assert STAGE.of is not None
    assert STAGE.of(ToxicityOptions()).reads == ("text", "language")
    assert STAGE.of(ToxicityOptions(language="any")).reads == ("text",)
    batch = Batch(pa.table({"text": [RUDE]}))
    assert STAGE.open(ToxicityOptions(language="any"))(batch)[0].to_pylist()[0] > 0.9


def test_rows_of_other_languages_between_change_nothing() -> None:
    table = pa.table({"text": [RUDE, RUDE, POLITE, None, RUDE], "language": ["en", "fr", "en", "en", None]})
    score, *_, windows = STAGE.open(ToxicityOptions())(Batch(table))
    rude, polite = probability(RUDE), probability(POLITE)
    assert score.to_pylist() == pytest.approx([rude, 0, polite, 0, 0], abs=1e-12)
    assert windows.to_pylist() == [1, 0, 1, 0, 0]


@pytest.mark.parametrize("window", [4, 10_001, True, "30 words"])
def test_windows_that_are_none(window: object) -> None:
    with pytest.raises(ValueError, match="window"):
        ToxicityOptions(window=window)  # type: ignore[arg-type]


@given(st.lists(TEXTS, max_size=5))
@example([])
@example(["İİ", "aİ", "İa"])
def test_words_are_cut_as_by_the_pattern_of_the_package(texts: list[str]) -> None:
    words = ["fuck", "idiot", "idiots", "village", "under_score", "naïve", "straße", "οδος", "damn", "ss"]
    hashes = toxicity._hashes_of(words)
    known = Lookup.of(hashes, np.zeros(len(words), np.uint8))
    order = [words[at] for at in np.argsort(hashes)]
    strings = Strings.of(pa.array(texts, pa.large_string()))
    numbers, cuts = toxicity._numbers(
        strings.data,
        strings.offsets,
        toxicity._word_points(),
        lowered(),
        known.keys,
        known.index,
        known.shift,
    )
    found = [[int(number) for number in numbers[a:b]] for a, b in itertools.pairwise(cuts)]
    # Within a word, Python puts a Σ at its end in lower case as ς, and no English word ends so.
    cut = [WORD.findall("".join(map(str.lower, text))) for text in texts]
    assert found == [[order.index(word) if word in words else -1 for word in each] for each in cut]


@given(st.lists(TEXTS, min_size=1, max_size=5))
@example([RUDE, POLITE])
def test_the_score_is_the_package_s(texts: list[str]) -> None:
    spoken = [text for text in texts if WORD.search("".join(map(str.lower, text)))]
    found = [row["toxicity_score"] for row in measured([*spoken])]
    assert found == pytest.approx([probability(text) for text in spoken], abs=1e-9)


@given(st.lists(st.integers(0, 200), max_size=8), st.integers(1, 60))
@example([], 30)
def test_windows_cover_each_text_in_equal_parts(sizes: list[int], window: int) -> None:
    cuts = np.append(0, np.cumsum(sizes)).astype(np.int64)
    windows = np.array([max(size // window, size > 0) for size in sizes], np.int64)
    found = toxicity.window_cuts(cuts, windows)
    assert found[-1] == cuts[-1] and set(cuts[:-1][windows > 0]) <= set(found)
    parts = np.split(np.diff(found), np.cumsum(windows)[:-1]) if sizes else []
    for size, part in zip(sizes, parts, strict=True):
        assert part.sum() == size and (not size or part.max() - part.min() <= 1)
        assert size < window or part.min() >= window


def test_real_texts(real_data: Path) -> None:
    """Tweets and pages: the package's probability of each."""
    with gzip.open(real_data / "labels" / "davidson-hate-offensive.csv.gz", "rt", encoding="utf-8") as file:
        texts = [row["tweet"] for row in csv.DictReader(file)][::5]
    with gzip.open(real_data / "jsonl" / "c4-en-sample.json.gz", "rt", encoding="utf-8") as file:
        texts += list(file)
    found = [row["toxicity_score"] for row in measured([*texts])]
    assert found == pytest.approx(profanity_check.predict_prob(texts).tolist(), abs=1e-9)


def test_the_model_is_the_package_s() -> None:
    model = load()
    assert len(model.words) == len(model.idf) == len(model.weights) == 15_442
    assert model.weights.shape[1] == len(model.bias) == 5
    assert len(toxicity.fingerprint(ToxicityOptions())) == 64
