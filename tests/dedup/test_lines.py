"""Lines cut out across documents, whole corpora against plain Python."""

import pickle
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dedup.lines import PASS, LinesOptions
from dedup.paragraphs import PASS as PARAGRAPHS
from dedup.paragraphs import ParagraphsOptions
from dedup.repeated import copies as line_copies
from dedup.repeated import counts as line_counts
from pipeline.stage import Pass
from text import sieve
from text.hashing import hash128
from text.strings import Strings

Document = Mapping[str, Any]
MakeCorpus = Callable[..., Any]

SETTINGS = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DEFAULTS: dict[str, dict[str, Any]] = {
    "lines": LinesOptions().model_dump(),
    "paragraphs": ParagraphsOptions().model_dump(),
}
LINES = st.sampled_from(
    ["Home | About", "home | about", " Home | About ", "Cookies?", "x 1", "x 2", "", " ", "é"]
)
TEXTS = st.lists(
    st.tuples(LINES, st.sampled_from(["\n", "\n", "\r\n", "\x85", "\n\n"])).map("".join), max_size=6
).flatmap(lambda lines: st.sampled_from(["".join(lines), "".join(lines).rstrip("\r\n\x85")]))
DOCUMENTS = st.fixed_dictionaries(
    {
        "text": st.one_of(st.none(), TEXTS, TEXTS, TEXTS),
        "language": st.sampled_from(["en", "de", None]),
        "dropped": st.sampled_from([False, False, False, True]),
    }
)
OPTIONS = st.fixed_dictionaries(
    {
        "more_than": st.sampled_from([1, 1, 2, 6]),
        "count": st.sampled_from(["times", "documents"]),
        "normalise": st.sampled_from(["none", "whitespace", "ccnet"]),
        "unit": st.sampled_from(["line", "line", "paragraph"]),
        "keep": st.sampled_from(["none", "first"]),
        "once": st.booleans(),
        "least": st.sampled_from([0, 0, 4]),
        "within": st.sampled_from([(), ("language",), ("source", "language")]),
        "sources": st.sampled_from([(), ("web",)]),
        "bucket": st.sampled_from([None, 2, 3, 100]),
        "listed": st.sampled_from([0, 2, 1000]),
    }
)


def read(line: str, way: str) -> str:
    if way == "none":
        return line
    if way == "whitespace":
        return " ".join(line.split())
    return "".join(
        "0" if sign.isdecimal() else sign for sign in line.strip().lower() if sign >= " " and sign != "\x85"
    )


def spans(text: str, unit: str) -> list[tuple[int, int, str]]:
    """First line, the one behind the last, and what stands there, of each line or paragraph."""
    lines = text.splitlines(keepends=True)
    found = []
    for filled, row in groupby(range(len(lines)), key=lambda at: bool(lines[at].strip())):
        numbers = [*row]
        for part in [[number] for number in numbers] if unit == "line" else [numbers]:
            whole = "".join(lines[at] for at in part)
            found += [
                (part[0], part[-1] + 1, whole[: -len(lines[part[-1]])] + lines[part[-1]].splitlines()[0])
            ] * filled
    return found


def left_of(text: str, gone: set[int]) -> str:
    lines = text.splitlines(keepends=True)
    loose = [at in gone or not line.strip() for at, line in enumerate(lines)]
    rows = [[*row] for _, row in groupby(range(len(lines)), key=lambda at: loose[at])]
    left: list[str] = []
    for place, row in enumerate(rows):
        blank = [*row]
        if gone & {*row}:
            inner = 0 < place < len(rows) - 1
            runs = [[*run] for is_gone, run in groupby(row, key=lambda at: at in gone) if not is_gone]
            blank = runs[0] if inner and runs else []
        left += [lines[at] for at in blank]
    if left and gone & {*rows[-1]} and lines[-1].splitlines()[0] == lines[-1]:
        left[-1] = left[-1].splitlines()[0]
    return "".join(left)


def plain(units: Sequence[Sequence[Document]], step: Pass, options: Mapping[str, Any]) -> tuple[Any, Any]:
    """What is left of each living document with counts by reason, and the table of frequent lines."""
    chosen = {**DEFAULTS[step.name], **options}
    documents = [
        {"id": f"id{number:05d}", "source": (unit[0] if unit else {}).get("source", "made"), **document}
        for number, (unit, document) in enumerate((unit, document) for unit in units for document in unit)
    ]
    living = [document for document in documents if not document.get("dropped")]
    among = [
        document for document in living if not chosen["sources"] or document["source"] in chosen["sources"]
    ]
    group_of = {document["id"]: tuple(document.get(name) for name in chosen["within"]) for document in among}
    sizes = Counter(group_of.values())
    seen: dict[Any, list[tuple[Document, int, str, int]]] = defaultdict(list)
    found: dict[str, list[tuple[int, int, Any]]] = defaultdict(list)
    for document in among:
        text = document["text"] or ""
        lines = text.splitlines(keepends=True)
        group = group_of[document["id"]]
        whole = len(among) <= (chosen["bucket"] or len(among))
        buckets = 1 if whole else -(-sizes[group] // chosen["bucket"])
        ids = int(hash128(Strings.of(pa.array([document["id"]])))[0, 0])
        bucket = (ids >> 32) * buckets >> 32
        for first, last, line in spans(text, chosen["unit"]):
            name = read(line, chosen["normalise"])
            if len(name) >= chosen["least"]:
                key = (group, bucket, name)
                seen[key].append((document, first, line, len("".join(lines[first:last]).encode())))
                found[document["id"]].append((first, last, key))
    count = {
        key: len(rows) if chosen["count"] == "times" else len({row[0]["id"] for row in rows})
        for key, rows in seen.items()
    }
    over = {key for key in seen if count[key] > chosen["more_than"]}
    labels = []
    for document in living:
        gone, frequent, repeated = set(), 0, 0
        before = set()
        for first, last, key in found[document["id"]]:
            kept = chosen["keep"] == "first" and (document["id"], first) == (
                seen[key][0][0]["id"],
                seen[key][0][1],
            )
            is_frequent = key in over and not kept
            is_repeated = chosen["once"] and key in before and not is_frequent
            before.add(key)
            frequent, repeated = frequent + is_frequent, repeated + is_repeated
            gone |= set(range(first, last)) if is_frequent or is_repeated else set()
        labels.append((document["id"], left_of(document["text"] or "", gone), frequent, repeated))
    table = [
        {
            "text": seen[key][0][2],
            **dict(zip(chosen["within"], key[0], strict=True)),
            "bucket": key[1],
            "times": len(seen[key]),
            "documents": len({row[0]["id"] for row in seen[key]}),
            "bytes": sum(row[3] for row in seen[key][chosen["keep"] == "first" :]),
            "id": seen[key][0][0]["id"],
        }
        for key in over
    ]
    return labels, table


def cut(text: str | None, label: Mapping[str, Any], name: str) -> str:
    """The text with the cuts taken out, which must be in order and say how much that is."""
    data = (text or "").encode()
    ends = label[f"{name}_cuts"]
    assert ends == sorted(set(ends)) and len(ends) % 2 == 0
    left = b"".join(
        data[start:end] for start, end in zip([0, *ends][::2], [*ends, len(data)][::2], strict=True)
    )
    assert label[f"{name}_removed_bytes"] == len(data) - len(left)
    assert label[f"{name}_removed_share"] == (len(data) - len(left)) / max(len(data), 1)
    return left.decode()


def run(
    make_corpus: MakeCorpus,
    units: Sequence[Sequence[Document]],
    partitions: int = 3,
    step: Pass = PASS,
    **options: Any,
) -> tuple[list[tuple[str, str, int, int]], list[dict[str, Any]]]:
    """As `plain` gives it."""
    name = step.name
    corpus = make_corpus(units, partitions, {"language": pa.string()})
    labels = corpus.label(step, **options)
    texts = [document["text"] for unit in units for document in unit if not document.get("dropped")]
    table = pq.read_table(f"{corpus.tables}/{name}_frequent").to_pylist()
    for label in labels:
        assert (
            label[f"{name}_removed"] == label[f"{name}_removed_frequent"] + label[f"{name}_removed_repeated"]
        )
    return [
        (
            label["id"],
            cut(text, label, name),
            label[f"{name}_removed_frequent"],
            label[f"{name}_removed_repeated"],
        )
        for label, text in zip(labels, texts, strict=True)
    ], table


def by_content(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(map(str, rows))


@pytest.mark.parametrize("step", [PASS, PARAGRAPHS], ids=lambda step: step.name)
def test_no_lines(make_corpus: MakeCorpus, step: Pass) -> None:
    assert run(make_corpus, [], step=step) == ([], [])
    blank: list[Document] = [{"text": ""}, {"text": None}, {"text": " \n\n"}]
    labels, table = run(make_corpus, [blank, [], blank], step=step, more_than=1)
    assert table == []
    assert [label[1:] for label in labels] == [("", 0, 0), ("", 0, 0), (" \n\n", 0, 0)] * 2


@SETTINGS
@given(
    st.lists(st.lists(DOCUMENTS, max_size=6), max_size=3),
    st.sampled_from([PASS, PARAGRAPHS]),
    OPTIONS,
    st.sampled_from([2, 4]),
)
def test_labels_and_table_are_those_of_plain_python(
    make_corpus: MakeCorpus,
    units: list[list[dict[str, Any]]],
    step: Pass,
    options: dict[str, Any],
    partitions: int,
) -> None:
    units = [
        [{**row, "source": source} for row in unit]
        for unit, source in zip(units, ("web", "wiki", "web"), strict=False)
    ]
    labels, table = plain(units, step, options)
    found = [run(make_corpus, units, parts, step, **options) for parts in (1, partitions)]
    assert found[0] == found[1]
    assert found[0][0] == labels
    assert [(row["times"], row["documents"]) for row in found[0][1]] == sorted(
        ((row["times"], row["documents"]) for row in table), reverse=True
    )[: options["listed"]]
    assert {*by_content(found[0][1])} <= {*by_content(table)}


@SETTINGS
@given(st.lists(DOCUMENTS, max_size=8), st.integers(0, 8), OPTIONS)
def test_the_cutting_of_units_makes_no_difference(
    make_corpus: MakeCorpus, documents: list[dict[str, Any]], at: int, options: dict[str, Any]
) -> None:
    documents = [{**document, "source": "web"} for document in documents]
    assert run(make_corpus, [documents], **options) == run(
        make_corpus, [documents[:at], [], documents[at:]], 2, **options
    )


def test_llama_3_by_hand(make_corpus: MakeCorpus) -> None:
    """Seven times is too often, six times is not; how many documents have it makes no difference."""
    often = [{"text": f"Menu\n\nbody {number}\nShare\nShare"} for number in range(3)]
    units = [[*often, {"text": "Menu \n\nMenu\nMenu\r\nMenu\nbody"}], [{"text": "a\nmenu"}]]
    labels, table = run(make_corpus, units)
    assert [text for _, text, _, _ in labels] == [
        *(f"body {number}\nShare\nShare" for number in range(3)),
        "body",
        "a\nmenu",
    ]
    assert table == [
        {"text": "Menu", "bucket": 0, "times": 7, "documents": 4, "bytes": 37, "id": "id00000"},
    ]


def test_ccnet_by_hand(make_corpus: MakeCorpus) -> None:
    """What two documents have goes from both; of what one repeats, the first stays."""
    units = [
        [{"text": "Posted 2019-01-02\nOne\n— Two\n\none, once more\nTwo"}],
        [{"text": "posted 2020-12-31\r\n\r\nThree"}, {"text": "THREE…"}, {"text": "four\nFour\nfour"}],
    ]
    labels, table = run(make_corpus, units, step=PARAGRAPHS)
    assert [label[1:] for label in labels] == [
        ("One\n— Two\n\none, once more\nTwo", 1, 0),
        ("", 2, 0),
        ("", 1, 0),
        ("four", 0, 2),
    ]
    assert {(row["text"], row["documents"]) for row in table} == {("Posted 2019-01-02", 2), ("Three", 2)}
    first, _ = run(make_corpus, units, step=PARAGRAPHS, keep="first")
    assert [text for _, text, _, _ in first][:3] == [
        "Posted 2019-01-02\nOne\n— Two\n\none, once more\nTwo",
        "Three",
        "",
    ]


def test_a_line_of_all_documents_and_one_of_a_megabyte(make_corpus: MakeCorpus) -> None:
    long = "😀" * (1 << 18)
    units = [
        [{"text": f"Menu\n{unit} {row}" + f"\n{long}" * (row < 2)} for row in range(100)] for unit in range(3)
    ]
    labels, table = run(make_corpus, units, more_than=5)
    assert [text for _, text, _, _ in labels] == [f"{unit} {row}" for unit in range(3) for row in range(100)]
    assert [(row["text"], row["times"]) for row in table] == [("Menu", 300), ("😀" * 1000, 6)]


@pytest.mark.parametrize(("bucket", "buckets"), [(100, 10), (300, 4), (999, 2), (1000, 1)])
def test_every_bucket_holds_about_as_many_documents(
    make_corpus: MakeCorpus, bucket: int, buckets: int
) -> None:
    units = [[{"text": "Menu"} for _ in range(1000)]]
    _, table = run(make_corpus, units, bucket=bucket)
    assert sorted(row["bucket"] for row in table) == list(range(buckets))
    assert sum(row["times"] for row in table) == 1000
    assert all(0.6 < row["documents"] * buckets / 1000 < 1.4 for row in table)


def test_a_group_is_cut_into_as_many_buckets_as_it_fills(make_corpus: MakeCorpus) -> None:
    units = [[{"text": "Menu", "language": "en" if row % 10 else "de"} for row in range(300)]]
    _, table = run(make_corpus, units, bucket=100, within=["language"])
    assert sorted((row["language"], row["bucket"]) for row in table) == [
        ("de", 0), ("en", 0), ("en", 1), ("en", 2),
    ]  # fmt: skip


def test_the_first_of_many_batches(make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where lines are added up in small portions, and where nothing is ruled out beforehand."""
    own = [f"{row}" + "\nsix times" * (row < 6) for row in range(1100)]
    texts = [f"{' ' * (row > 0)}Menu\n{own[row]}" + "\nlate" * (row >= 600) for row in range(1100)]
    for _ in range(2):
        for parts in (1, 2):
            units = [[{"text": text} for text in texts], [{"text": "Menu \nend"}]]
            labels, table = run(make_corpus, units, parts, keep="first")
            left = [*own[:600], own[600] + "\nlate", *own[601:], "end"]
            assert [text for _, text, _, _ in labels] == ["Menu\n" + left[0], *left[1:]]
            assert [(row["text"], row["times"], row["bytes"], row["id"]) for row in table] == [
                ("Menu", 1101, 1100 * 6, "id00000"),
                ("late", 500, 499 * 4, "id00600"),
            ]
        monkeypatch.setattr(sieve, "MOST", 1)
        monkeypatch.setattr(line_counts, "_HELD_LINES", 1)
        monkeypatch.setattr(line_copies, "_PART_BYTES", 100)


def test_the_order_of_the_table(make_corpus: MakeCorpus) -> None:
    """By times, then by documents; the first `listed` of these."""
    units = [
        [{"text": "a\na\na\na\na"}, {"text": "b\nc\nd\nd"}],
        [{"text": "b\nc\nd"}, {"text": "b\nc\nd"}, {"text": "b"}, {"text": "a"}],
    ]
    for listed in (10, 3):
        _, table = run(make_corpus, units, more_than=2, listed=listed)
        rows = [("a", 6, 2, 12 - 2), ("b", 4, 4, 7), ("d", 4, 3, 5), ("c", 3, 3, 6)]
        assert [(row["text"], row["times"], row["documents"], row["bytes"]) for row in table] == rows[:listed]


def test_labels_of_a_unit_can_be_made_anywhere(make_corpus: MakeCorpus) -> None:
    """The first copy stays also where a unit is labelled twice or out of order."""
    units = [[{"text": "a\nb"}], [{"text": "b\na\na"}]]
    corpus = make_corpus(units)
    options = LinesOptions(more_than=1, keep="first")
    label = pickle.dumps(PASS.run(corpus, options))
    for unit, removed in [(1, [3]), (0, [0]), (1, [3])]:
        found = pickle.loads(label)(corpus.units[unit])
        assert found.column("lines_removed").to_pylist() == removed
        assert np.diff(found.column("lines_cuts").combine_chunks().offsets.to_numpy()).sum() == 2 * (
            unit == 1
        )


def test_options() -> None:
    read = LinesOptions.model_validate
    assert read({"within": "language", "sources": "web"}).within == ("language",)
    with pytest.raises(ValidationError, match="the table lines_frequent has a column text of its own"):
        read({"within": ["text"]})
    with pytest.raises(ValidationError, match="paragraphs_frequent"):
        ParagraphsOptions.model_validate({"within": ["id"]})
    for wrong in ({"more_than": 0}, {"bucket": 0}, {"unit": "sentence"}, {"listed": -1}):
        with pytest.raises(ValidationError):
            read(wrong)
    assert PASS.of is not None
    assert PASS.of(LinesOptions(within=("language",))).reads == ("text", "language")


def test_what_the_plan_says() -> None:
    assert PASS.describe(LinesOptions(within=("language",))) == [
        "only where language is equal",
        "a line seen more than 6 times in a bucket of 30,000,000 documents goes from all of them",
    ]
    assert "in all languages together" in PASS.describe(LinesOptions())[0]
    assert PARAGRAPHS.describe(ParagraphsOptions(keep="first", bucket=None)) == [
        "a line in more than 1 document in the whole corpus stays where it is seen first",
        "a line stands once in a document",
    ]
