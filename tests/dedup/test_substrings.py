"""Repeated spans, against every window of every text compared with all before it."""

import gzip
import json
import pickle
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pydivsufsort
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import dedup.repeated.rounds
import dedup.substrings
from dedup.substrings import PASS, SubstringsOptions, describe
from pipeline.exchange import write_parts

MakeCorpus = Callable[..., Any]
Cuts = list[list[int]]


def expected(texts: Sequence[str | None], length: int, keep: str = "first", groups: Any = None) -> Cuts:
    """The cuts of each text: windows in a dictionary, bytes marked one by one, ends moved to characters."""
    raw = [(text or "").encode() for text in texts]
    keys = groups or [0] * len(raw)
    times: dict[Any, int] = {}
    for key, text in zip(keys, raw, strict=True):
        for at in range(len(text) - length + 1):
            window = (key, text[at : at + length])
            times[window] = times.get(window, 0) + 1
    cuts: Cuts = []
    met: set[Any] = set()
    for key, text in zip(keys, raw, strict=True):
        marked = [False] * len(text)
        for at in range(len(text) - length + 1):
            window = (key, text[at : at + length])
            if times[window] > 1 if keep == "none" else window in met:
                marked[at : at + length] = [True] * length
            met.add(window)
        # A character goes if all its bytes do.
        begins = [at for at, byte in enumerate(text) if byte & 0xC0 != 0x80] + [len(text)]
        found: list[int] = []
        for begin, end in pairwise(begins):
            if all(marked[begin:end]):
                if found and found[-1] == begin:
                    found[-1] = end
                else:
                    found += [begin, end]
        cuts.append(found)
    return cuts


@pytest.fixture
def cuts(make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cuts]:
    """cuts(units, partitions=3, **options): the cuts of each text, in order; checks the other labels."""

    monkeypatch.setattr(dedup.substrings, "_FINER", 1)

    def label(units: Sequence[Sequence[str | None]], partitions: int = 3, **options: Any) -> Cuts:
        corpus = make_corpus([[{"text": text} for text in unit] for unit in units], partitions)
        labels = corpus.label(PASS, **options)
        for text, row in zip((text for unit in units for text in unit), labels, strict=True):
            spans = row["substrings_cuts"]
            size = sum(spans[1::2]) - sum(spans[::2])
            assert spans == sorted(set(spans))
            assert row["substrings_spans"] == len(spans) / 2
            assert row["substrings_bytes"] == size
            assert row["substrings_share"] == size / max(1, len((text or "").encode()))
        return [row["substrings_cuts"] for row in labels]

    return label


Label = Callable[..., Cuts]
_RANDOM = random.Random(1)
_PARTS = ["".join(_RANDOM.choices("abcdé€😀", k=size)) for size in (2, 5, 9, 14, 20, 33)]
_TEXT = st.one_of(
    st.none(),
    st.text("ab", max_size=60),
    st.lists(st.sampled_from(_PARTS), max_size=5).map("".join),
    st.builds(
        lambda part, times, end: part * times + end,
        st.text("abé", max_size=7),
        st.integers(0, 30),
        st.text("ab"),
    ),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(_TEXT, max_size=5), max_size=3),
    st.integers(4, 24),
    st.sampled_from(["first", "none"]),
    st.sampled_from([1, 3]),
)
@example([["a" * 60], ["a" * 60]], 4, "first", 2)
@example([["😀" * 20], ["é😀" * 10]], 5, "first", 2)
@example([["ab" * 30 + "b", "b" + "ab" * 30]], 20, "none", 1)
def test_cuts_are_those_of_all_windows(
    cuts: Label, units: list[list[str | None]], length: int, keep: str, partitions: int
) -> None:
    found = cuts(units, partitions, length=length, keep=keep)
    assert found == expected([text for unit in units for text in unit], length, keep)


def words(count: int, seed: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(count))


def test_no_documents_and_short_ones(cuts: Label) -> None:
    assert cuts([]) == []
    assert cuts([[], []]) == []
    assert cuts([["", None], [], ["same", "same"]]) == [[], [], [], []]
    assert cuts([["x" * 499], ["x" * 499]]) == [[], []]


@pytest.mark.parametrize("keep", ["first", "none"])
def test_a_planted_span_is_found_to_the_byte(cuts: Label, keep: str) -> None:
    """500 bytes between other texts, 499 that are no span, and spans at either end."""
    span, short = words(100, 1)[:500], words(100, 2)[:499]
    texts = [
        words(300, 3) + "1" + span + "1" + words(20, 4),
        words(40, 5) + "2" + short + "2" + words(300, 6),
        words(999, 7) + "3" + span + "3" + short + "3" + words(20, 8),
        span + "4" + words(200, 9),
        words(200, 10) + "5" + span,
    ]
    places = [text.find(span) for text in texts]
    expected_cuts = [[at, at + 500] if at >= 0 else [] for at in places]
    if keep == "first":
        expected_cuts[0] = []
    assert [len(found) for found in expected_cuts] == [0 if keep == "first" else 2, 0, 2, 2, 2]
    for units in (texts,), (texts[:1], texts[1:]), [[text] for text in texts]:
        assert cuts([list(unit) for unit in units], keep=keep) == expected_cuts


def test_long_copies_take_time_by_their_length_alone(cuts: Label) -> None:
    text = words(150_000, 11)
    assert len(text) == 1_049_999
    once_more = text[:500_000] + "é" + text[500_000:]
    assert cuts([[text], [text, once_more]], 1) == [
        [],
        [0, len(text)],
        [0, 500_000, 500_002, len(text) + 2],
    ]


def test_a_text_of_one_letter(cuts: Label) -> None:
    """Its windows overlap and are all the same: what stays is the first."""
    letters = "a" * 1_000_000
    assert cuts([[letters], [letters, "b" + letters]], 1) == [[1, 10**6], [0, 10**6], [1, 10**6 + 1]]
    assert cuts([[letters]], 1, keep="none") == [[0, 10**6]]


def test_boilerplate_in_many_documents_is_asked_about_once(
    cuts: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A footer that all documents of a batch have comes to as many hashes as one document has."""
    footer = words(120, 12)
    texts = [words(20, 100 + number) + chr(0x4E00 + number) + footer for number in range(400)]
    rows = []

    def counted(path: str, schema: Any, tables: Any, parts: int) -> None:
        def counting() -> Any:
            for table, part in tables:
                rows.append(table.num_rows)
                yield table, part

        write_parts(path, schema, counting(), parts)

    monkeypatch.setattr(dedup.repeated.rounds, "write_parts", counted)
    found = cuts([texts], 1)
    assert found == [[], *([142, 142 + len(footer)] for _ in texts[1:])]
    # Each text has about three runs, one of them its own; cut twice, that one is 400 times 25 rows.
    runs, blocks, windows = rows
    assert runs < 400 * 3 and blocks < 400 * 25 and windows < 400 * 25


def test_the_same_for_any_partitions_and_units(
    make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dedup.substrings, "_FINER", 2)
    monkeypatch.setattr(dedup.substrings, "_PIECE_BYTES", 1000)
    rng = random.Random(13)
    parts = [words(90, 20 + k) for k in range(6)]
    texts = [" ".join(rng.choices(parts, k=rng.randint(0, 3))) + words(30, k) for k in range(24)]
    documents = [{"text": text, "dropped": number % 7 == 3} for number, text in enumerate(texts)]
    results = []
    for width, partitions in ((24, 1), (24, 4), (5, 2), (1, 1), (11, 3)):
        units = [documents[at : at + width] for at in range(0, len(documents), width)]
        corpus = make_corpus(units, partitions)
        labels = corpus.label(PASS, length=200)
        table = pq.read_table(f"{corpus.tables}/repeated_substrings").to_pylist()
        results.append((labels, table))
    assert all(result == results[0] for result in results)
    labels, table = results[0]
    living = [text for text, document in zip(texts, documents, strict=True) if not document["dropped"]]
    assert [row["substrings_cuts"] for row in labels] == expected(living, 200)
    assert len(table) > 5 and table[0]["times"] > 1


def test_what_goes_to_the_tasks_that_label_does_not_grow_with_the_units(make_corpus: MakeCorpus) -> None:
    sizes = [
        len(pickle.dumps(PASS.run(make_corpus([[{"text": "short"}]] * units, 1), PASS.options())))
        for units in (1, 20)
    ]
    assert sizes[1] < sizes[0] + 20  # a folder's name


def test_sources_and_columns_within_which_documents_are_compared(make_corpus: MakeCorpus) -> None:
    text = words(100, 14)

    def cut(**options: Any) -> list[int]:
        units = [
            [{"text": text, "source": source, "url": url} for url in urls]
            for source, urls in (("web", "aab"), ("books", "ab"), ("web", "c"))
        ]
        return [row["substrings_spans"] for row in make_corpus(units).label(PASS, **options)]

    assert cut() == [0, 1, 1, 1, 1, 1]
    assert cut(sources=["books"]) == [0, 0, 0, 0, 1, 0]
    assert cut(within=["source"]) == [0, 1, 1, 0, 1, 1]
    assert cut(within=["source", "url"]) == [0, 1, 0, 0, 0, 0]
    assert cut(within="url", keep="none") == [1, 1, 1, 1, 1, 0]
    assert set(PASS.of(SubstringsOptions(within=("url",))).reads) == {"text", "url"}  # type: ignore[misc]


def test_the_table_of_what_is_cut_most_often(make_corpus: MakeCorpus) -> None:
    """Whole words: a letter that happens to stand before two copies makes no other span."""
    footer, other = "the  " + words(100, 15), words(95, 16)
    texts = [
        *(f"{words(9, 50 + k)}{mark}\n{footer} {k}" for k, mark in enumerate(".;..;.")),
        *(f"{words(9, 60 + k)} {other} {k}" for k in range(2)),
        f"{other} : {other}",
    ]
    corpus = make_corpus([[{"text": text} for text in texts[:4]], [{"text": text} for text in texts[4:]]])
    corpus.label(PASS)
    rows = pq.read_table(f"{corpus.tables}/repeated_substrings").to_pylist()
    assert rows == [
        {
            "text": footer[:200],
            "bytes": len(footer),
            "times": 5,
            "documents": 5,
            "ids": ["id00001", "id00002", "id00003"],
        },
        {"text": other[:200], "bytes": len(other), "times": 3, "documents": 2, "ids": ["id00007", "id00008"]},
    ]
    corpus = make_corpus([[{"text": text} for text in texts]])
    corpus.label(PASS, listed=1)
    assert pq.read_table(f"{corpus.tables}/repeated_substrings").to_pylist() == rows[:1]


def test_reported_or_removed() -> None:
    of = PASS.of
    assert of is not None
    assert (of(SubstringsOptions()).cuts, len(of(SubstringsOptions()).rules)) == ("substrings_cuts", 1)
    assert (of(SubstringsOptions(cut=False)).cuts, of(SubstringsOptions(cut=False)).rules) == (None, ())
    assert describe(SubstringsOptions(sources=("web",), keep="none", cut=False)) == [
        "among the documents of web",
        "spans of 500 bytes or more that are repeated: all copies are reported, and stay in the texts",
    ]
    with pytest.raises(ValidationError, match="length"):
        SubstringsOptions(length=3)


def test_the_same_bytes_as_a_suffix_array(cuts: Label, real_data: Path) -> None:
    """Every window of 100 and 500 bytes of real texts, by libdivsufsort."""
    texts: list[str] = []
    for name in ("c4-en-sample.json.gz", "data-juicer-stack_exchange.jsonl.gz", "fineweb-sample.jsonl.gz"):
        with gzip.open(real_data / "jsonl" / name, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line in lines]
    raw = [text.encode() for text in texts]
    data = np.frombuffer(b"\xff".join(raw) + b"\xff", np.uint8).copy()
    suffixes = pydivsufsort.divsufsort(data)
    common = pydivsufsort.kasai(data, suffixes)[:-1]
    offsets = np.append(0, np.cumsum([len(text) + 1 for text in raw]))
    for length in (100, 500):
        starts = np.flatnonzero(np.append(True, common < length))
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(data))))
        copies = suffixes[suffixes != np.minimum.reduceat(suffixes, starts)[group]]
        copies = copies[copies + length < offsets[np.searchsorted(offsets, copies, side="right")]]
        steps = np.zeros(len(data) + 1, np.int64)
        np.add.at(steps, copies, 1)
        np.add.at(steps, copies + length, -1)
        marked = np.cumsum(steps) > 0
        found = cuts([texts[:300], texts[300:]], 2, length=length)
        wrong = 0
        for text, spans, begin in zip(raw, found, offsets, strict=False):
            own = np.zeros(len(text), np.bool_)
            for start, end in zip(spans[::2], spans[1::2], strict=True):
                own[start:end] = True
            there = marked[begin : begin + len(text)]
            assert not (own & ~there).any()
            # Parts of characters at the ends of spans are not cut.
            wrong += int((np.frombuffer(text, np.uint8)[there & ~own] < 0x80).sum())
        assert wrong == 0
        assert marked.sum() > 50_000
