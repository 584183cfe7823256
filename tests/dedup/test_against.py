"""New documents against the indexes of earlier runs, and who is compared at all, in plain Python."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dedup import exact, url
from pipeline.errors import PlanError, StoreError
from pipeline.index import IndexFile, describe, fingerprint, index_files, partitions
from pipeline.stage import Pass
from pipeline.store import ParquetSink

Document = Mapping[str, Any]
MakeCorpus = Callable[..., Any]

_PASSES = {"url": (url.PASS, "url"), "exact": (exact.PASS, "text")}


def write_index(
    folder: Path, step: Pass, corpus: Any, survivors: set[str], crawl: str, **options: Any
) -> list[int]:
    """What a run over `corpus` leaves at its end: an index of the documents whose ids survive; their keys."""
    assert step.index is not None
    chosen = step.options(**options)
    schema = step.index.schema(chosen)
    (folder / step.name).mkdir(parents=True)
    told: list[dict[str, Any]] = []
    rows: list[int] = []
    for unit in corpus.units:
        name = f"{step.name}/{unit.name}-{'0' * 16}.parquet"
        with ParquetSink(str(folder / name), schema) as sink:
            for table in step.index.rows(chosen, unit):
                assert table.schema.equals(schema)
                living = table.filter(
                    pa.array([each in survivors for each in table["id"].to_pylist()], pa.bool_())
                )
                rows += living["high"].to_pylist()
                sink.write(living)
        told.append({"name": name, "rows": sink.rows, "bytes": sink.bytes, "sha256": sink.sha256})
    entry = {"same": step.index.same(chosen), "documents": len(rows), "files": told}
    about = {"format": 1, "winnow": "0", "corpus": crawl, "passes": {step.name: entry}}
    (folder / "index.json").write_text(json.dumps(about))
    return rows


def expected(
    crawls: Sequence[Sequence[Sequence[Document]]], field: str, within: Sequence[str], sources: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """The labels of each crawl, one after the other, each against what survived of those before."""
    kept: dict[Any, list[str]] = {}  # by key, the ids that are in the indexes, as they stand there
    labels = []
    for units in crawls:
        documents = [document for unit in units for document in unit]
        compared = {
            document["id"]
            for unit in units
            for document in unit
            if (not sources or unit[0]["source"] in sources)
            and not document.get("dropped")
            and document[field]
        }
        found: dict[str, dict[str, Any]] = {}
        clusters: dict[Any, list[Document]] = {}
        for document in documents:
            key = (document[field], *(document[column] for column in within))
            clusters.setdefault(key if document["id"] in compared else document["id"], []).append(document)
        survivors: dict[Any, list[str]] = {}
        for key, members in clusters.items():
            before = kept.get(key, [])
            new = sorted(members, key=lambda document: (-document["date"], document["id"]))
            for rank, document in enumerate(new, len(before)):
                found[document["id"]] = {
                    "cluster": (before or [new[0]["id"]])[0],
                    "rank": rank,
                    "size": len(before) + len(members),
                }
            if isinstance(key, tuple) and not before:
                survivors[key] = [new[0]["id"]]
        for key, ids in survivors.items():
            kept.setdefault(key, []).extend(ids)
        labels.append([{"id": each["id"], **found[each["id"]]} for each in documents])
    return labels


def _crawls(drawn: Sequence[Sequence[Sequence[dict[str, Any]]]]) -> list[list[list[Document]]]:
    """Documents with ids of their own and the source of their unit; ids do not ascend with time."""
    crawls = []
    number = 0
    for units in drawn:
        crawl: list[list[Document]] = []
        for unit in units:
            documents: list[Document] = []
            for document in unit:
                number += 1
                name = hashlib.sha256(str(number).encode()).hexdigest()[:8]
                source = unit[0]["source"]
                text = document["key"] and f"a text {document['key']}"
                address = document["key"] and f"http://host/{document['key']}"
                documents.append({**document, "id": name, "source": source, "text": text, "url": address})
            crawl.append(documents)
        crawls.append(crawl)
    return crawls


_DOCUMENT = st.fixed_dictionaries(
    {
        "key": st.sampled_from([None, "1", "2", "3"]),
        "date": st.integers(0, 3),
        "language": st.sampled_from([None, "de", "en"]),
        "source": st.sampled_from(["web", "books"]),
    }
)
_CRAWLS = st.lists(st.lists(st.lists(_DOCUMENT, max_size=5), max_size=3), min_size=2, max_size=3).map(_crawls)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    _CRAWLS,
    st.sampled_from(sorted(_PASSES)),
    st.sampled_from([(), ("language",), ("language", "source")]),
    st.sampled_from([(), ("web",)]),
    st.sampled_from([1, 2, 4]),
)
def test_crawls_one_after_the_other(
    make_corpus: MakeCorpus,
    tmp_path_factory: pytest.TempPathFactory,
    crawls: list[list[list[Document]]],
    name: str,
    within: tuple[str, ...],
    sources: tuple[str, ...],
    cut: int,
) -> None:
    step, field = _PASSES[name]
    folder = tmp_path_factory.mktemp("indexes")
    against: list[str] = []
    scope = {"within": within, "sources": sources}
    wanted = expected(crawls, field, within, sources)
    for number, crawl in enumerate(crawls):
        corpus = make_corpus(crawl, cut, {"language": pa.string()})
        labels = corpus.label(step, keep="newest", against=against, **scope)
        found = [
            {"id": row["id"], **{key: row[f"{name}_{key}"] for key in ("cluster", "rank", "size")}}
            for row in labels
        ]
        assert found == wanted[number]
        survivors = {row["id"] for row in labels if row[f"{name}_rank"] == 0}
        write_index(folder / str(number), step, corpus, survivors, f"crawl-{number}", **scope)
        against.append(str(folder / str(number)))


def test_indexed_documents_stand_first_in_the_order_of_their_indexes(
    make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    """Whatever `keep` says; of one index by their ids."""
    made = {}
    for folder, names in (("one", ["y", "x"]), ("two", ["a"])):
        corpus = make_corpus([[{"url": "http://a/", "id": name, "date": 1} for name in names]])
        write_index(tmp_path / folder, url.PASS, corpus, set(names), folder)
        made[folder] = str(tmp_path / folder)
    new = make_corpus([[{"url": "http://a", "id": "new", "date": 9}, {"url": "http://b", "id": "b"}]], 4)
    for order, first in ((["one", "two"], "x"), (["two", "one"], "a")):
        labels = new.label(url.PASS, keep="newest", against=[made[each] for each in order])
        assert labels[0] == {"id": "new", "url_cluster": first, "url_rank": 3, "url_size": 4}
        assert labels[1] == {"id": "b", "url_cluster": "b", "url_rank": 0, "url_size": 1}


@pytest.fixture
def indexed(make_corpus: MakeCorpus, tmp_path: Path) -> Path:
    """An index of three texts in two units, made with the options that `exact` has by default."""
    units = [[{"text": "one"}, {"text": "two"}], [{"text": "three"}, {"text": " "}]]
    ids = {"id00000", "id00001", "id00002", "id00003"}
    write_index(tmp_path / "index", exact.PASS, make_corpus(units), ids, "old")
    return tmp_path / "index"


def _same(**options: Any) -> dict[str, Any]:
    assert exact.PASS.index is not None
    return exact.PASS.index.same(exact.ExactOptions(**options))


def test_what_an_index_holds(indexed: Path, make_corpus: MakeCorpus) -> None:
    assert index_files("exact", []) == []
    assert fingerprint("exact", [], _same()) == ""
    files = index_files("exact", [str(indexed)])
    assert [(file.index, file.first, file.rows) for file in files] == [(0, 0, 2), (0, 2, 1)]
    assert [row["id"] for file in files for table in file.read(["id"], 1) for row in table.to_pylist()] == [
        "id00000",
        "id00001",
        "id00002",
    ]
    assert describe("exact", [str(indexed)]) == [f"against {indexed}, the index of old: 3 documents"]
    assert exact.PASS.describe(exact.ExactOptions(against=(str(indexed),))) == describe(
        "exact", [str(indexed)]
    )
    corpus = make_corpus([[{"text": "x"}]], 2)
    assert partitions(corpus, files) == 2
    assert partitions(corpus, [IndexFile("", 0, 0, 9_000_000, 0, "")]) == 5
    assert partitions(corpus, []) == 2


def test_its_content_decides_the_hash_of_a_pass(indexed: Path) -> None:
    options = exact.ExactOptions(against=(str(indexed),))
    before = exact.PASS.fingerprint(options)
    assert before and before == exact.PASS.fingerprint(options)
    about = json.loads((indexed / "index.json").read_text())
    about["passes"]["minhash"] = {"same": {}, "documents": 0, "files": []}  # of no concern here
    (indexed / "index.json").write_text(json.dumps(about))
    assert exact.PASS.fingerprint(options) == before
    about["passes"]["exact"]["files"][0]["sha256"] = "0" * 64
    (indexed / "index.json").write_text(json.dumps(about))
    assert exact.PASS.fingerprint(options) != before


def _spoil(folder: Path, how: str) -> None:
    [first, *_] = sorted((folder / "exact").iterdir())
    about = json.loads((folder / "index.json").read_text())
    if how == "gone":
        (folder / "index.json").unlink()
    elif how == "half":
        text = (folder / "index.json").read_text()
        (folder / "index.json").write_text(text[: len(text) // 2])
    elif how == "file gone":
        first.unlink()
    elif how == "file short":
        first.write_bytes(first.read_bytes()[:-1])
    elif how == "list":
        (folder / "index.json").write_text("[]")
    elif how == "newer":
        (folder / "index.json").write_text(json.dumps({**about, "format": 2, "winnow": "9.9"}))
    elif how == "other pass":
        (folder / "index.json").write_text(json.dumps({**about, "passes": {"url": about["passes"]["exact"]}}))


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("gone", r"index\.json is not there; a run that has `index: .*` writes it, last of all"),
        ("half", r"index\.json is no whole JSON file"),
        ("list", r"is not an index of this form \(format 1\)"),
        ("newer", r"what winnow 9\.9 wrote"),
        ("other pass", "has nothing for pass 'exact', only url; add the pass"),
        ("file gone", r"exact/unit-0-0{16}\.parquet is not there, index\.json says [\d,]+; start the run"),
        ("file short", r"unit-0-0{16}\.parquet has [\d,]+ bytes, index\.json says"),
    ],
)
def test_a_damaged_index_stops_the_plan(indexed: Path, how: str, problem: str) -> None:
    _spoil(indexed, how)
    with pytest.raises(PlanError, match=problem) as fault:
        exact.PASS.fingerprint(exact.ExactOptions(against=(str(indexed),)))
    assert str(indexed) in str(fault.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"normalise": "none"}, "normalise 'whitespace' there, and has 'none' here"),
        ({"within": ["language"]}, r'within \[\] there, and has \["language"\] here'),
        ({"normalise": "lower"}, "normalise 'whitespace' there, and has 'lower' here"),
    ],
)
def test_an_index_of_other_options_stops_the_plan(indexed: Path, options: Any, problem: str) -> None:
    with pytest.raises(PlanError, match=problem):
        exact.PASS.fingerprint(exact.ExactOptions(against=(str(indexed),), **options))
    # What is compared, and who is kept, may differ.
    exact.PASS.fingerprint(exact.ExactOptions(against=(str(indexed),), sources=("web",), keep=("oldest",)))


def test_content_that_was_replaced_stops_the_run(indexed: Path, make_corpus: MakeCorpus) -> None:
    """As many bytes as before, so that the plan cannot see it."""
    [first, *_] = sorted((indexed / "exact").iterdir())
    content = bytearray(first.read_bytes())
    content[10] ^= 1
    first.write_bytes(content)
    corpus = make_corpus([[{"text": "one"}]])
    with pytest.raises(StoreError, match=r"unit-0-0{16}\.parquet: its content is not what the index\.json"):
        corpus.label(exact.PASS, against=[str(indexed)])


def test_rows_that_are_told_wrongly_stop_the_run(indexed: Path, make_corpus: MakeCorpus) -> None:
    """They number the documents."""
    manifest = indexed / "index.json"
    told = json.loads(manifest.read_text())
    told["passes"]["exact"]["files"][0]["rows"] += 1
    manifest.write_text(json.dumps(told))
    with pytest.raises(StoreError, match=r"rows, \d, is not what the index\.json"):
        make_corpus([[{"text": "one"}]]).label(exact.PASS, against=[str(indexed)])


def test_a_folder_that_is_named_twice(indexed: Path) -> None:
    with pytest.raises(ValidationError, match="are one folder"):
        exact.ExactOptions(against=(str(indexed), f"{indexed}/"))


def test_keys_that_indexes_hold_are_the_same_for_ever(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    """Whoever changes them raises `_KEYS` in the pass, and mends this."""
    corpus = make_corpus([[{"text": "The  Café,\nopen 24 h.", "url": "https://www.A.example/b/?utm_id=1#c"}]])
    found = {
        mode: write_index(tmp_path / mode, exact.PASS, corpus, {"id00000"}, mode, normalise=mode)
        for mode in ("none", "whitespace", "lower", "words")
    }
    assert found == {
        "none": [13102864750819353075],
        "whitespace": [5068376223505804275],
        "lower": [14758583070274747118],
        "words": [5237652306389766928],
    }
    assert write_index(tmp_path / "url", url.PASS, corpus, {"id00000"}, "url") == [10715690806944417392]
