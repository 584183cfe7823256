"""The MinHash pass against plain Python: all pairs, exact similarities, components; and on real texts."""

import gzip
import json
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import dedup.blocks
import dedup.minhash
import dedup.shingles.candidates
import dedup.shingles.verify
from dedup.minhash import PASS, MinhashOptions, describe
from dedup.shingles.s_curve import s_curve
from text.minhash import band_keys, multipliers, shingles, signatures
from text.strings import Strings
from text.words import cut_words

Run = Callable[..., list[dict[str, Any]]]
Corpora = Callable[..., Any]


def _made_words(count: int) -> list[str]:
    """Words of letters alone: digits fold to 0, which would make them the same."""
    return [f"{number:05d}".translate(str.maketrans("0123456789", "abcdefghij")) for number in range(count)]


_OPTIONS = {"bands": 3, "rows": 2, "ngram": 2}  # so loose that short texts form chains


def _keys(text: str | None) -> set[int]:
    offsets, folded = cut_words(Strings.of(pa.array([text], pa.string()))).folded_words()
    signed = signatures(*shingles(offsets, folded, 2), multipliers(6, 1))
    return set(band_keys(signed, 3)[0].tolist()) if len(folded) else set()


def _grams(text: str | None) -> set[tuple[str, ...]]:
    """Pairs of words; a text of one word has that alone."""
    words = [word for word in (text or "").split() if word.isalpha()]
    return {tuple(words[i : i + 2]) for i in range(max(1, len(words) - 1))} if words else set()


def _joined(texts: Sequence[str | None], least: float | None) -> dict[tuple[int, int], float]:
    """The pairs of texts that agree in a band, with their similarity if it reaches `least`."""
    found = {}
    for one, other in combinations(range(len(texts)), 2):
        if _keys(texts[one]) & _keys(texts[other]):
            a, b = _grams(texts[one]), _grams(texts[other])
            if least is None or len(a & b) / len(a | b) >= least:
                found[one, other] = len(a & b) / len(a | b)
    return found


def _together(count: int, joined: dict[tuple[int, int], float]) -> np.ndarray[Any, Any]:
    """For each two texts the highest threshold at which a chain of pairs joins them, 0 if none does."""
    reach = np.zeros((count, count))
    for (one, other), jaccard in joined.items():
        reach[one, other] = reach[other, one] = jaccard
    for middle in range(count):
        reach = np.maximum(reach, np.minimum(reach[:, [middle]], reach[[middle], :]))
    return reach


_TEXT = st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "c", "d", "!"]), max_size=7).map(" ".join))
_DOCUMENT = st.fixed_dictionaries(
    {"text": _TEXT, "date": st.one_of(st.none(), st.integers(0, 2)), "dropped": st.booleans()}
)
_UNITS = st.lists(st.lists(_DOCUMENT, max_size=8), max_size=4)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_UNITS, st.sampled_from([1, 2, 4]), st.sampled_from([None, 0.2, 0.5, 1.0]), st.integers(0, 3))
def test_labels_are_those_of_the_plain_reference(
    make_corpus: Corpora,
    expected_labels: Run,
    units: list[list[dict[str, Any]]],
    partitions: int,
    least: float | None,
    seed_of_cuts: int,
) -> None:
    documents = [document for unit in units for document in unit]
    texts = [None if document["dropped"] else document["text"] for document in documents]
    reach = _together(len(texts), _joined(texts, least))
    clusters = [min([number, *np.flatnonzero(row).tolist()]) for number, row in enumerate(reach)]
    keys = [cluster if _grams(text) else None for cluster, text in zip(clusters, texts, strict=True)]
    expected = expected_labels(units, lambda number, _: keys[number])
    options = {"verify": False} if least is None else {"jaccard": least, "most": 100}
    found = make_corpus(units, partitions).label(PASS, **_OPTIONS, **options)
    names = ("cluster", "rank", "size")
    assert [
        {"id": row["id"], **{name: row[f"minhash_{name}"] for name in names}} for row in found
    ] == expected
    if least is not None:
        number_of = {row["id"]: at for at, row in enumerate(expected_labels(units, lambda at, _: at))}
        living = [number for number, document in enumerate(documents) if not document["dropped"]]
        for row in found:
            before = [
                reach[living[number_of[row["id"]]], living[number_of[other["id"]]]]
                for other in found
                if other["minhash_cluster"] == row["minhash_cluster"]
                and other["minhash_rank"] < row["minhash_rank"]
            ]
            assert row["minhash_jaccard"] == max(before, default=0)
    cut = np.random.default_rng(seed_of_cuts).integers(0, len(documents) + 1, 2)
    first, last = sorted(cut.tolist())
    again = [documents[:first], documents[first:last], documents[last:]]
    assert make_corpus(again, 3).label(PASS, **_OPTIONS, **options) == found


def test_no_documents_and_no_words(run_pass: Run) -> None:
    assert run_pass(PASS, []) == []
    assert run_pass(PASS, [[], []]) == []
    labels = run_pass(PASS, [[{"text": ""}, {"text": "..."}], [], [{"text": None}, {"text": "..."}]])
    assert [(label["cluster"], label["size"]) for label in labels] == [
        (f"id{number:05d}", 1) for number in range(4)
    ]


def test_all_identical(run_pass: Run) -> None:
    labels = run_pass(PASS, [[{"text": "the same old story"}] * 40] * 3, 16)
    assert {(label["cluster"], label["size"]) for label in labels} == {("id00000", 120)}
    assert [label["rank"] for label in labels] == list(range(120))


def test_a_chain_is_one_cluster(run_pass: Run) -> None:
    """Each text shares most with its neighbours and nothing with those further on."""
    words = _made_words(2000)
    texts = [" ".join(words[first : first + 300]) for first in range(0, 400, 10)]
    assert not set(texts[0].split()) & set(texts[-1].split())
    labels = run_pass(PASS, [[{"text": text}] for text in [*texts, "something else altogether"]])
    assert {label["cluster"] for label in labels[:-1]} == {labels[0]["cluster"]}
    assert labels[-1]["size"] == 1


def test_many_documents_in_many_batches_and_row_groups(
    run_pass: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    words = np.array(_made_words(5000))
    texts = [" ".join(words[rng.integers(0, 5000, 30)]) for _ in range(1500)]
    copies = rng.choice(1500, 400).tolist()
    documents = [{"text": text, "date": 0} for text in texts]
    documents += [{"text": texts[copy].upper() + "!", "date": 1} for copy in copies]
    expected = run_pass(PASS, [documents], 1)
    assert sum(label["rank"] == 0 for label in expected) == 1500
    assert all(expected[copy]["rank"] > 0 for copy in copies)
    monkeypatch.setattr(dedup.blocks, "HELD_BYTES", 10_000)
    monkeypatch.setattr(dedup.blocks, "READ_ROWS", 100)
    monkeypatch.setattr(dedup.shingles.candidates, "_ROOM", 64)
    monkeypatch.setattr(dedup.shingles.candidates, "_MOST_TEXTS", 100)
    monkeypatch.setattr(dedup.minhash, "_BLOCK_VALUES", 10_000)
    assert run_pass(PASS, [documents[:700], documents[700:1700], documents[1700:]], 5) == expected


def test_the_seed_changes_the_functions(run_pass: Run) -> None:
    """At Jaccard .7 about two pairs in five are missed, and not the same ones under another seed."""
    words = _made_words(4000)
    documents = []
    for first in range(0, 4000, 100):
        documents += [{"text": " ".join(words[first : first + n])} for n in (100, 72)]
    one, same, other = (
        [label["size"] for label in run_pass(PASS, [documents], seed=seed, verify=False)]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_a_rule_can_be_stricter_than_the_option(make_corpus: Corpora) -> None:
    """Three editions, each of which differs from the next by more: .95 and .85; the newest stays."""
    words = _made_words(400)
    near, far = [*words[:300]], [*words[:300]]
    near[150] = "edited"  # 5 of 296 shingles
    for at in (50, 100, 200, 250):
        far[at] = "changed"
    documents = [{"text": " ".join(text), "date": date} for date, text in enumerate([far, near, words[:300]])]
    loose = make_corpus([documents]).label(PASS, jaccard=0.5)
    assert [row["minhash_cluster"] for row in loose] == ["id00002"] * 3
    assert [row["minhash_rank"] for row in loose] == [2, 1, 0]
    assert [round(row["minhash_jaccard"], 3) for row in loose] == [
        round(276 / 316, 3),
        round(291 / 301, 3),
        0,
    ]
    strict = make_corpus([documents]).label(PASS, jaccard=0.9)
    assert [row["minhash_rank"] > 0 for row in strict] == [row["minhash_jaccard"] >= 0.9 for row in loose]
    assert strict[0]["minhash_size"] == 1 and strict[0]["minhash_jaccard"] == 0


def test_candidates_that_are_not_similar_are_told_apart(run_pass: Run) -> None:
    """One of these texts is half of the other: with one row a band they always become candidates."""
    words = _made_words(400)
    documents = [{"text": " ".join(words)}, {"text": " ".join(words[:200])}]
    loose = {"bands": 50, "rows": 1}
    assert [row["size"] for row in run_pass(PASS, [documents], verify=False, **loose)] == [2, 2]
    assert [row["size"] for row in run_pass(PASS, [documents], **loose)] == [1, 1]
    assert [row["size"] for row in run_pass(PASS, [documents], jaccard=0.49, **loose)] == [2, 2]


def test_long_texts_are_compared_by_sketches(make_corpus: Corpora) -> None:
    words = _made_words(20_000)
    edited = [word if at % 40 else "edited" for at, word in enumerate(words)]  # 5 of 40 shingles differ
    documents = [{"text": " ".join(words)}, {"text": " ".join(edited)}]
    exact = 35 / 45
    for hashes, error in ((0, 1e-3), (1024, 4 * np.sqrt(exact * (1 - exact) / 1024))):
        rows = make_corpus([documents]).label(PASS, bands=40, rows=4, jaccard=0.5, hashes=hashes)
        assert abs(max(row["minhash_jaccard"] for row in rows) - exact) < error
        assert rows[0]["minhash_size"] == 2


def test_a_bucket_of_any_size_makes_few_pairs(make_corpus: Corpora, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editions of one text, all in one bucket with the others and with a few alone compared."""
    words = _made_words(400)
    documents = [{"text": " ".join([*words[:300], f"{words[300 + number % 60]}"])} for number in range(240)]
    checked = []
    similarity = dedup.shingles.verify._similarities

    def counted(*given: Any) -> Any:
        checked.append(len(given[2]))
        return similarity(*given)

    whole = make_corpus([documents[:100], documents[100:]]).label(PASS, most=3)
    monkeypatch.setattr(dedup.shingles.verify, "_similarities", counted)
    monkeypatch.setattr(dedup.shingles.verify, "_HELD_PAIRS", 20)
    monkeypatch.setattr(dedup.shingles.verify, "_HELD_VALUES", 1000)
    rows = make_corpus([documents[:100], documents[100:]]).label(PASS, most=3)
    assert rows == whole  # made distinct, and compared, in several pieces
    assert {row["minhash_cluster"] for row in rows} == {"id00000"}
    assert sum(checked) <= 60 * 3 * 3  # texts, times `most`, times the few buckets that are not of all
    assert sorted(row["minhash_jaccard"] == 1 for row in rows)[-180:] == [True] * 180  # the copies


def test_characters(run_pass: Run) -> None:
    text = "Il était une fois un roi et une reine, qui étaient si fâchés de n’avoir point d’enfants. " * 3
    documents = [
        {"text": text},
        {"text": text.upper().replace(",", "  ...  ").replace("É", "E\u0301")},
        {"text": text.replace("reine", "fée")},
        {
            "text": "一"
            + "的是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会" * 2
        },
        {"text": "的是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会" * 2},
    ]
    rows = run_pass(PASS, [documents], unit="characters", ngram=5, jaccard=0.7, threshold=0.7)
    assert [row["size"] for row in rows] == [3, 3, 3, 2, 2]
    rows = run_pass(PASS, [documents], unit="characters", ngram=24, bands=20, rows=13)
    assert [row["size"] for row in rows] == [2, 2, 1, 2, 2]


def test_sources_and_columns_that_keep_documents_apart(make_corpus: Corpora) -> None:
    units = [
        [{"text": "the same old story", "source": source, "date": date} for date in (0, 1)]
        for source in ("web", "books", "code")
    ]

    def sizes(**given: Any) -> list[int]:
        return [row["minhash_size"] for row in make_corpus(units).label(PASS, **given)]

    assert sizes() == [6] * 6
    assert sizes(sources=["web", "code"]) == [4, 4, 1, 1, 4, 4]
    assert sizes(within="source") == [2] * 6
    assert sizes(within=["source", "date"]) == [1] * 6
    kept = make_corpus(units).label(PASS, keep=[{"source": ["code", "web"]}, "newest"])
    assert [row["minhash_rank"] for row in kept] == [3, 2, 5, 4, 1, 0]
    assert [row["minhash_jaccard"] for row in kept] == [1, 1, 1, 1, 1, 0]


def test_s_curve_and_its_description() -> None:
    assert s_curve(0.0, 14, 8) == 0.0 and s_curve(1.0, 14, 8) == 1.0
    published = {0.7: 0.56, 0.75: 0.77, 0.8: 0.92, 0.85: 0.988}  # FineWeb, section 3.4
    assert {at: round(s_curve(at, 14, 8), 3 if at == 0.85 else 2) for at in published} == published
    assert round(s_curve(0.8, 20, 13), 2) == 0.68 and round(s_curve(0.8, 9, 13), 2) == 0.40
    lines = describe(MinhashOptions())
    assert lines[0] == "14 bands of 8 rows over word 5-grams"
    assert len(lines[1]) == len(lines[2]) == len(lines[3])
    assert "0.80" in lines[1] and "92.4%" in lines[2] and "0.0%" in lines[3]
    assert "1,024 different word 5-grams" in lines[4] and "0.8 is right within ±0.025" in lines[4]
    assert "stricter" in lines[5]
    unverified = describe(MinhashOptions(verify=False))
    assert unverified[:3] == lines[:3] and "taken at their word" in unverified[3]
    chosen = describe(MinhashOptions(threshold=0.8, unit="characters", ngram=24))
    assert chosen[0] == "9 bands of 13 rows over character 24-grams, the best for a similarity of 0.8"
    for options, first, last in [({"threshold": 0.3}, "0.05", "0.95"), ({"threshold": 0.97}, "0.90", "0.99")]:
        _, similarities, chances, *_ = describe(MinhashOptions.model_validate(options))
        assert similarities.split()[1:] == [first, *similarities.split()[2:-1], last]
        assert float(chances.split()[1][:-1]) < 50 < float(chances.split()[-1][:-1]), "where it rises"


def test_a_threshold_chooses_bands_and_rows() -> None:
    options = MinhashOptions(threshold=0.8)
    assert (options.bands, options.rows) == (9, 13)
    assert MinhashOptions.model_validate(options.model_dump()) == options
    assert MinhashOptions(threshold=0.8, weights=(0.1, 0.9), functions=256).rows < 13


@pytest.mark.parametrize(
    "fault",
    [
        {"bands": 0},
        {"rows": 0},
        {"ngram": 0},
        {"seed": -1},
        {"band": 14},
        {"jaccard": 0},
        {"threshold": 1},
        {"functions": 256},
        {"weights": (0.2, 0.8)},
        {"bands": 14, "threshold": 0.8},
        {"weights": (0.7, 0.7), "threshold": 0.8},
        {"unit": "lines"},
    ],
)
def test_impossible_options_are_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fault))):
        MinhashOptions.model_validate(fault)


@pytest.mark.parametrize("articles", [100, 1000])
def test_finds_the_planted_copies_among_news(real_data: Path, run_pass: Run, articles: int) -> None:
    folder = real_data / "neardup"
    with gzip.open(folder / f"mccormick-articles_{articles}.train.gz", "rt") as file:
        lines = [line.rstrip("\n").split(" ", 1) for line in file]
    with gzip.open(folder / f"mccormick-articles_{articles}.truth.gz", "rt") as file:
        planted = {frozenset(line.split()) for line in file}
    documents = [{"id": name, "text": text} for name, text in lines]
    found: dict[str, set[str]] = {}
    for label in run_pass(PASS, [documents[:50], documents[50:]]):
        found.setdefault(label["cluster"], set()).add(label["id"])
    # Jaccard similarity .96: recall and precision are both 1.
    assert {frozenset(cluster) for cluster in found.values() if len(cluster) > 1} == planted


def test_web_pages_judged_by_people(real_data: Path, run_pass: Run) -> None:
    """Page pairs of one canonical URL, labelled from 3, the same, to 0.5, different."""
    with gzip.open(real_data / "neardup" / "copycat-canonical-pairs.jsonl.gz", "rt") as file:
        pairs = [json.loads(line) for line in file]
    pairs = [pair for pair in pairs if pair["index"] == "cc1511"]
    units = [[{"id": f"{pair['pair']}/{side}", "text": pair[side]} for pair in pairs] for side in "ab"]
    labels = run_pass(PASS, units)
    matched = {
        label: np.mean(
            [
                labels[number]["cluster"] == labels[number + len(pairs)]["cluster"]
                for number, pair in enumerate(pairs)
                if pair["label"] == label
            ]
        )
        for label in ("3", "2", "1", "0.5")
    }
    assert matched["3"] > 0.8
    assert matched["3"] > matched["2"] > matched["0.5"]
    assert matched["0.5"] < 0.3
