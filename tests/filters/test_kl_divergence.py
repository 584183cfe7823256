"""Divergence from the corpus, against definitions in plain Python and counts done by hand."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters import kl_divergence, token_counts
from filters.kl_divergence import COLUMNS, PASS, KlOptions, Reference
from pipeline.errors import PlanError
from pipeline.stage import configured

Document = str | tuple[str, str | None]  # a text, or a text with its language

_NAMES = ("divergence", "cross_entropy", "excess", "percentile")


Label = Callable[..., list[dict[str, float]]]


@pytest.fixture
def label(make_corpus: Callable[..., Any]) -> Label:
    """label([unit, …], partitions=1, **options): the labels of all documents, in order."""

    def run(
        units: Sequence[Sequence[Document]], partitions: int = 1, **options: Any
    ) -> list[dict[str, float]]:
        told = any(isinstance(one, tuple) for unit in units for one in unit)
        rows: list[list[dict[str, Any]]] = []
        for index, unit in enumerate(units):
            rows.append([])
            for one in unit:
                text, language = one if isinstance(one, tuple) else (one, "")
                row = {"text": text, "source": f"s{index % 2}"}
                rows[-1].append({**row, "language": language} if told else row)
        corpus = make_corpus(rows, partitions, {"language": pa.string()} if told else {})
        found = []
        for row in corpus.label(PASS, **options):
            values = [row[f"kl_{name}"] for name in COLUMN_ENDS]
            assert all(math.isfinite(value) for value in values)
            found.append(dict(zip(_NAMES, values, strict=True)))
        return found

    return run


COLUMN_ENDS = [name.removeprefix("kl_") for name in COLUMNS.names]


def plain(texts: Sequence[str]) -> list[tuple[float, float]]:
    """Divergence and cross-entropy of texts whose words stand between spaces."""
    corpus = Counter(word for text in texts for word in text.split())
    total = corpus.total()
    found = []
    for text in texts:
        own = Counter(text.split())
        shares = [(count / own.total(), corpus[word] / total) for word, count in own.items()]
        found.append(
            (sum(p * math.log2(p / q) for p, q in shares), -sum(p * math.log2(q) for p, q in shares))
        )
    return found


def test_empty(label: Label) -> None:
    assert label([]) == label([[]]) == []
    assert label([["", " \n"], [""]]) == [dict.fromkeys(_NAMES, 0)] * 3
    nothing, alone = label([["", "one word"]])
    assert nothing == dict.fromkeys(_NAMES, 0)
    assert alone == {"divergence": 0, "cross_entropy": 1, "excess": 0, "percentile": 0.5}


def test_by_hand(label: Label) -> None:
    first, second = label([["a a b"], ["a b b b c"]])
    # Of the corpus's 8 tokens 3 are a, 4 are b and 1 is c.
    assert first["cross_entropy"] == pytest.approx(2 / 3 * math.log2(8 / 3) + 1 / 3)
    assert first["divergence"] == pytest.approx(2 / 3 * math.log2(16 / 9) + 1 / 3 * math.log2(2 / 3))
    assert second["divergence"] == pytest.approx(
        0.2 * math.log2(8 / 15) + 0.6 * math.log2(1.2) + 0.2 * math.log2(1.6)
    )


def test_what_is_a_token(label: Label) -> None:
    alike = label([["Été 1998, no!", "ete 2024, No!"]])
    assert [row["divergence"] for row in alike] == pytest.approx([0, 0])
    punctuation = label([["yes yes", "yes ♥"]])
    assert punctuation[1]["divergence"] == pytest.approx(0.5 * math.log2(2 / 3) + 0.5 * math.log2(2))


texts = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=12).map(" ".join), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, st.integers(1, 3), st.sampled_from([1, 3]), st.randoms(use_true_random=False))
def test_like_the_plain_definition(
    label: Label, texts: list[str], cut: int, partitions: int, rng: random.Random
) -> None:
    rows = label([texts[:cut], texts[cut:]], partitions, bits=16)
    assert all(row["divergence"] >= 0 for row in rows)
    for row, (divergence, cross_entropy) in zip(rows, plain(texts), strict=True):
        assert row["divergence"] == pytest.approx(divergence, abs=1e-11)
        assert row["cross_entropy"] == pytest.approx(cross_entropy, abs=1e-11)
    shuffled = [" ".join(rng.sample(text.split(), len(text.split()))) for text in texts]
    assert label([shuffled], partitions, bits=16) == rows


def test_a_document_like_the_corpus_has_none(label: Label) -> None:
    rows = label([["a b c " * 100, "a a a b b b", "c c c", "a b c"]])
    assert rows[0]["divergence"] == pytest.approx(0, abs=1e-11) and rows[3]["divergence"] < 1e-11
    assert rows[2]["divergence"] == pytest.approx(math.log2(3))


def test_fewer_buckets_never_more_divergence(label: Label) -> None:
    rng = random.Random(1)
    texts = [" ".join(f"w{'x' * rng.randint(1, 90)}" for _ in range(40)) for _ in range(20)]
    coarse, fine = label([texts], bits=8), label([texts], bits=20)
    pairs = [(few["divergence"], many["divergence"]) for few, many in zip(coarse, fine, strict=True)]
    assert all(few <= many + 1e-12 for few, many in pairs) and any(few < many - 0.1 for few, many in pairs)


def made(rng: random.Random, size: int, words: int = 500) -> str:
    """Words by Zipf's law."""
    return " ".join(
        f"w{chr(97 + k % 26)}{chr(97 + k // 26)}" for k in rng.choices(range(words), zipf(words), k=size)
    )


def zipf(words: int) -> list[float]:
    return [1 / (k + 1) for k in range(words)]


def test_units_and_partitions_decide_nothing(label: Label, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    documents = [(made(rng, 30), language) for _ in range(20) for language in ("en", "de", None, "fr")]
    whole = label([documents], alike=10)
    monkeypatch.setattr(token_counts, "HELD", 2)
    monkeypatch.setattr(token_counts, "GATHERED", 100)
    monkeypatch.setattr(token_counts, "BATCH_ROWS", 7)
    cut = label([documents[:33], [], documents[33:]], 5, alike=10)
    assert cut == whole


def test_languages_are_compared_with_their_own(label: Label) -> None:
    documents = [("a a b", "en"), ("c c d", "de"), ("a a b", "en"), ("c c d", None)]
    assert [row["divergence"] for row in label([documents])] == [0, 0, 0, 0]
    everything = label([documents], by=[])
    assert [row["divergence"] for row in everything] == pytest.approx([1, 1, 1, 1])
    by_source = label([documents[:2], documents[2:]], by=["source"])
    assert [row["divergence"] for row in by_source] == pytest.approx([1, 1, 1, 1])
    assert label([documents[:2], documents[2:]], by=["language", "source"])[1]["excess"] == 0


def test_places_by_hand(label: Label) -> None:
    # Of four texts of two tokens, three are like the others and one is not.
    rows = label([["a b", "a b", "a b", "x y"]])
    divergence = [row["divergence"] for row in rows]
    assert divergence == pytest.approx([math.log2(4 / 3)] * 3 + [2])
    assert [row["excess"] for row in rows] == pytest.approx([0, 0, 0, 2 - math.log2(4 / 3)])
    assert [row["percentile"] for row in rows] == pytest.approx([0.375, 0.375, 0.375, 0.875])


def test_reference_by_hand() -> None:
    tokens = np.array([4, 4, 4, 16, 16, 16])
    reference = Reference.of(tokens, np.array([5.0, 6, 7, 3, 4, 5]), alike=3)
    assert reference.first.tolist() == [4, 16] and reference.medians.tolist() == [6, 4]
    # Between: on the line from (2, 6) to (4, 4). Behind: level. Before: a bit for each halving.
    excess, percentile = reference.place(np.array([8, 64, 1, 4, 16]), np.array([6.0, 4, 9, 5, 4]))
    assert excess.tolist() == pytest.approx([1, 0, 1, -1, 0])
    assert percentile.tolist() == pytest.approx([5 / 6, 1 / 2, 5 / 6, 1 / 6, 1 / 2])
    together = Reference.of(tokens, np.array([5.0, 6, 7, 3, 4, 5]), alike=4)
    assert together.first.tolist() == [4] and together.medians.tolist() == [5]


def test_excess_does_not_depend_on_length(label: Label) -> None:
    rng = random.Random(3)
    sizes = [16, 64, 256, 1024] * 60
    rows = label([[made(rng, size) for size in sizes]], alike=50)
    medians = {
        name: [
            float(np.median([row[name] for row, of in zip(rows, sizes, strict=True) if of == size]))
            for size in (16, 64, 256, 1024)
        ]
        for name in ("divergence", "excess", "cross_entropy")
    }
    assert medians["divergence"][0] > medians["divergence"][3] + 2
    assert max(map(abs, medians["excess"])) < 0.05
    assert max(medians["cross_entropy"]) - min(medians["cross_entropy"]) < 0.3


def test_outliers_are_found(label: Label) -> None:
    rng = random.Random(4)
    normal = [made(rng, rng.randint(20, 400)) for _ in range(300)]
    letters = "bcdfghjklmnpqrstvxz"
    gibberish = " ".join("".join(rng.choices(letters, k=7)) for _ in range(100))
    stuffed = "wbb wcc wdd " * 30
    rows = label([normal, [gibberish, stuffed]])
    over = [number for number, row in enumerate(rows) if row["excess"] > 2.5]
    assert over == [300, 301]
    assert all(row["percentile"] > 0.98 for row in rows[300:])


def test_large_groups_are_drawn(label: Label, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    documents = [made(rng, 50) for _ in range(900)]
    exact = label([documents])
    monkeypatch.setattr(kl_divergence, "SAMPLE", 300)
    drawn = label([documents[:100], documents[100:]])
    for name, error in (("divergence", 0), ("excess", 0.1), ("percentile", 0.1)):
        differences = [abs(a[name] - b[name]) for a, b in zip(exact, drawn, strict=True)]
        assert max(differences) <= error
    assert drawn != exact


def test_too_many_parts(label: Label, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kl_divergence, "MOST_GROUPS", 2)
    documents = [("a", "en"), ("a", "de"), ("a", "fr")]
    with pytest.raises(PlanError, match="by: language parts the corpus into 3; expected at most 2"):
        label([documents])


def test_what_it_reads() -> None:
    assert configured(PASS, KlOptions()).reads == ("text",)
    assert configured(PASS, KlOptions(by=("language", "source"))).reads == ("text", "language", "source")
