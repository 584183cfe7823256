"""The pass that finds documents within others, against sets of n-grams in plain Python."""

import gzip
import json
import random
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import pipeline.exchange
from dedup import containment
from dedup.containment import PASS, ContainmentOptions, describe
from dedup.shingles import overlap, pairs
from text.strings import Strings
from text.words import cut_words

Labels = list[dict[str, Any]]
Run = Callable[..., Labels]
RunPass = Callable[..., Labels]


def ngrams(text: str | None, ngram: int) -> set[tuple[int, ...]]:
    """The word n-grams of a text; of a text with fewer words, all of them as one."""
    _, folded = cut_words(Strings.of(pa.array([text], pa.string()))).folded_words()
    words = folded.tolist()
    width = min(ngram, len(words))
    return {tuple(words[at : at + width]) for at in range(len(words) - width + 1)} if words else set()


def expected(documents: Sequence[Mapping[str, Any]], ngram: int, threshold: float, least: float) -> Labels:
    """What an exact pass must answer, one document at a time."""
    sets = [ngrams(document["text"], ngram) for document in documents]
    names = [document.get("id", f"id{number:05d}") for number, document in enumerate(documents)]
    living = [number for number, document in enumerate(documents) if not document.get("dropped")]
    length = [len((document["text"] or "").encode()) for document in documents]
    order = sorted(living, key=lambda number: (-len(sets[number]), -length[number], names[number], number))
    stays: list[int] = []
    best: dict[int, tuple[float, int | None]] = {}
    for number in order:
        shares = [
            (len(sets[number] & sets[other]) / len(sets[number]), other) for other in stays if sets[number]
        ]
        shares = [(share, other) for share, other in shares if share > 0 and share >= least]
        share, within = max(shares, key=lambda found: found[0], default=(0.0, None))
        best[number] = share, within
        if share <= threshold:
            stays.append(number)
    labels = []
    for number in living:
        share, within = best[number]
        keeper = within if within is not None and number not in stays else number
        cluster = [other for other in order if other not in stays and best[other][1] == keeper]
        labels.append(
            {
                "id": names[number],
                "cluster": names[keeper],
                "rank": 0 if keeper == number else 1 + cluster.index(number),
                "size": 1 + len(cluster),
                "share": share,
                "in": "" if within is None else names[within],
            }
        )
    return labels


@pytest.fixture
def contained(run_pass: RunPass) -> Run:
    """Runs the pass: its labels with the share, and the document in which it is found."""

    def run(units: Sequence[Sequence[Mapping[str, Any]]], partitions: int = 3, **options: Any) -> Labels:
        told: list[tuple[float, str]] = []
        inner = PASS.run

        def spied(corpus: Any, given: Any) -> Any:
            label = inner(corpus, given)
            for unit in corpus.units:
                table = label(unit)
                shares = table.column("containment").to_pylist()
                told.extend(zip(shares, table.column("containment_in").to_pylist(), strict=True))
            return label

        step = replace(PASS, run=spied, of=None)
        labels = run_pass(step, units, partitions, **options)
        pairs_ = zip(labels, told, strict=True)
        return [{**label, "share": share, "in": within} for label, (share, within) in pairs_]

    return run


_TEXT = st.one_of(
    st.none(), st.lists(st.sampled_from(["a", "b", "c", "d", "e", "!"]), max_size=12).map(" ".join)
)
_DOCUMENT = st.fixed_dictionaries({"text": _TEXT, "dropped": st.booleans()})


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(_DOCUMENT, max_size=6), max_size=4),
    st.sampled_from([1, 4]),
    st.sampled_from([0.3, 0.5, 0.9]),
)
def test_labels_are_those_of_plain_sets(
    contained: Run, units: list[list[dict[str, Any]]], partitions: int, threshold: float
) -> None:
    documents = [document for unit in units for document in unit]
    found = contained(units, partitions, ngram=2, threshold=threshold, least=0.1)
    assert found == expected(documents, 2, threshold, 0.1)


def words(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(count)]


def test_no_documents_and_no_words(contained: Run) -> None:
    assert contained([]) == []
    assert contained([[], []]) == []
    found = contained([[{"text": ""}, {"text": "..."}], [], [{"text": None}]])
    assert [(label["cluster"], label["share"], label["in"]) for label in found] == [
        (f"id{number:05d}", 0.0, "") for number in range(3)
    ]


def test_of_two_equally_large_the_longest_stays(contained: Run) -> None:
    """The same words, and accents take more bytes."""
    texts = ["cafe creme et dejeuner", "café crème et déjeuner", "CAFE CREME ET DEJEUNER"]
    assert [label["rank"] for label in contained([[{"text": text} for text in texts]])] == [1, 0, 2]


def test_of_two_equal_texts_the_one_with_the_least_id_stays(contained: Run) -> None:
    text = " ".join(words(50, 1))
    found = contained([[{"text": text, "id": "b"}, {"text": text, "id": "a"}]])
    assert [(label["rank"], label["cluster"], label["share"]) for label in found] == [
        (1, "a", 1.0),
        (0, "a", 0.0),
    ]


def test_of_a_chain_all_go_into_the_one_that_stays(contained: Run) -> None:
    """A in B in C: A is told to be in C, not in B, which does not stay either."""
    text = words(3000, 2)
    made = {"a": text[:1000], "b": text[:2000], "c": text}
    found = contained([[{"id": name, "text": " ".join(made[name])} for name in made]])
    assert [(label["cluster"], label["in"], label["rank"], label["size"]) for label in found] == [
        ("c", "c", 2, 3),
        ("c", "c", 1, 3),
        ("c", "", 0, 3),
    ]


def test_a_document_does_not_go_because_of_one_that_goes(contained: Run) -> None:
    """B goes into C; A is in B, but what it shares with C is too little."""
    text = words(2000, 3)
    a, b = text[:100], text[:1000]
    c = text[80:1000] + words(1000, 4)
    found = contained([[{"text": " ".join(part)} for part in (a, b, c)]])
    assert [label["rank"] for label in found] == [0, 1, 0]
    assert found[0]["in"] == found[1]["in"] == "id00002" and found[0]["share"] < 0.2


def test_a_text_in_two_halves_of_others_is_in_neither(contained: Run) -> None:
    text = words(1000, 5)
    one, other = text[:500] + words(900, 6), text[500:] + words(900, 7)
    found = contained([[{"text": " ".join(part)} for part in (text, one, other)]])
    assert [label["rank"] for label in found] == [0, 0, 0]
    assert found[0]["share"] == pytest.approx(0.5, abs=0.01)


def test_samples_estimate_within_their_error(contained: Run) -> None:
    """Shares of .5 to 1 in documents four times as long, sampled 1 in 4 and 1 in 16."""
    shares = np.linspace(0.5, 1, 13)
    documents = []
    for number, share in enumerate(shares):
        text = words(8000, 100 + number)
        longer = text[: int(8000 * share)] + words(32000 - int(8000 * share), 200 + number)
        documents += [{"text": " ".join(text)}, {"text": " ".join(longer)}]
    found = contained([documents[:7], documents[7:]], scale=64, hashes=1000)[::2]
    errors = [label["share"] - share for label, share in zip(found, shares, strict=True)]
    # At most 2,000 hashes of 8,000; three standard errors of one estimate, and of their mean.
    assert max(map(abs, errors)) < 3 * np.sqrt(0.25 / 1000)
    assert abs(np.mean(errors)) < 3 * np.sqrt(0.25 / 1000 / 13)
    exact = contained([documents], scale=1)[::2]
    assert [label["share"] for label in exact] == pytest.approx(shares.tolist(), abs=0.001)


def test_a_short_text_is_found_in_one_that_is_sampled(contained: Run) -> None:
    text = words(20000, 8)
    short = [{"text": " ".join(text[at : at + 40])} for at in range(0, 20000, 1000)]
    found = contained([short, [{"text": " ".join(text)}]], scale=64, hashes=100)
    assert [label["share"] for label in found] == [1.0] * 20 + [0.0]


def test_what_everybody_has_counts_towards_the_largest_alone(contained: Run) -> None:
    """A licence of 100 words in 41 texts: it pairs each of them with the two largest, and is found there."""
    licence = words(100, 9)
    documents = [{"text": " ".join(licence + words(10 + number, 10 + number))} for number in range(40)]
    documents.append({"text": " ".join(licence)})
    found = contained([documents], most=2, least=0.5)
    assert found[-1]["share"] == 1.0 and found[-1]["in"] == "id00039"
    assert {label["in"] for label in found} == {"", "id00039"}
    assert [label["share"] for label in found[:2]] == pytest.approx([96 / 106, 96 / 107])


@pytest.mark.parametrize("partitions", [1, 2, 7, 16])
def test_the_same_for_any_partitions_and_units(
    contained: Run, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(11)
    text = words(6000, 12)
    documents = []
    for _ in range(60):
        first = rng.randrange(5000)
        documents.append({"text": " ".join(text[first : first + rng.randint(20, 1000)])})
    whole = contained([documents], 1, scale=16, hashes=50)
    assert 20 < sum(label["rank"] > 0 for label in whole) < 60
    monkeypatch.setattr(pipeline.exchange, "HELD_BYTES", 5_000)
    monkeypatch.setattr(pairs, "_ROOM", 10)
    monkeypatch.setattr(overlap, "_HELD_ROWS", 100)
    monkeypatch.setattr(overlap, "_LISTS", 7)
    monkeypatch.setattr(containment, "_PART_ROWS", 1000)
    cut = [documents[:7], [], documents[7:40], documents[40:]]
    assert contained(cut, partitions, scale=16, hashes=50) == whole


def test_only_the_sources_named_are_compared(contained: Run) -> None:
    text = " ".join(words(50, 13))
    units = [[{"text": text, "id": "a"}, {"text": text, "id": "b"}]]
    assert [label["rank"] for label in contained(units, sources=["made"])] == [0, 1]
    assert [label["rank"] for label in contained(units, sources=["books"])] == [0, 0]


def test_documents_are_compared_within_their_group_alone(contained: Run) -> None:
    rng = random.Random(14)
    shared = words(900, 15)
    documents = []
    for number in range(24):
        first = rng.randrange(600)
        text = " ".join(shared[first : first + rng.choice([40, 150, 300])] + words(rng.randrange(40), number))
        documents.append({"text": text, "source": rng.choice("xyz"), "id": f"id{number:05d}"})
    sampled = {"scale": 16, "hashes": 16, "least": 0.05, "threshold": 0.5}
    apart = [
        label
        for source in "xyz"
        for label in contained([[each for each in documents if each["source"] == source]], **sampled)
    ]
    assert max(label["size"] for label in apart) > 2
    apart.sort(key=lambda label: label["id"])
    together = contained([documents[:7], documents[7:]], within="source", **sampled)
    assert together == apart
    assert together == contained([documents], 1, within=["source"], **sampled)
    assert together != contained([documents], **sampled)


def test_options_and_their_meaning() -> None:
    assert describe(ContainmentOptions(scale=1)) == ["word 5-grams, all of them: shares are exact"]
    assert "±0.019" in describe(ContainmentOptions())[1]
    assert describe(ContainmentOptions(sources=("a", "b")))[0] == "among the documents of a, b"
    with pytest.raises(ValidationError, match=r"least: 0.5 is above threshold, 0.4"):
        ContainmentOptions(threshold=0.4, least=0.5)
    with pytest.raises(ValidationError, match="48 is no power of two; use 64"):
        ContainmentOptions(scale=48)


def test_editions_of_real_books(real_data: Path, contained: Run) -> None:
    folder = real_data / "gutenberg"
    with gzip.open(folder / "books.index.jsonl.gz", "rt") as file:
        index = {row["file"]: row["pg_id"] for row in map(json.loads, file)}
    with tarfile.open(folder / "books.tar.xz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        documents = [
            {"id": name, "text": file.read().decode("latin-1")} for name, file in files.items() if file
        ]
    found = {label["id"]: label for label in contained([documents], threshold=0.8)}
    for name, label in found.items():
        if label["rank"]:
            numbers = {index[name], index[label["cluster"]]} - {None}
            assert len(numbers) == 1, (name, label)
