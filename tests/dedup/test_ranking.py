"""Clusters, orders and labels against a plain reference, through the simplest pass that has keys."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import dedup.order
import pipeline.exchange
from dedup.keep import DEFAULT_KEEP
from dedup.order import runs
from dedup.url import PASS, UrlOptions
from pipeline.exchange import part_of, read_documents, read_part, write_by_document, write_parts

Run = Callable[..., list[dict[str, Any]]]

_DATES = st.one_of(st.none(), st.sampled_from([-(2**62), -1, 0, 1, 2, 10**15]))
_DOCUMENT = st.fixed_dictionaries(
    {
        "url": st.sampled_from([None, "", *(f"http://host/{k}" for k in range(5))]),
        "date": _DATES,
        "bytes": st.integers(0, 3),
        "dropped": st.booleans(),
    },
    # Sometimes an id of its own, which may well be another document's too.
    optional={"id": st.sampled_from(["a", "b", "ä", "id00001"])},
)
_KEEPS = st.one_of(
    st.sampled_from(["newest", "oldest", "longest", "shortest"]),
    st.permutations(["newest", "shortest"]),
    st.permutations(["oldest", "longest"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(_DOCUMENT, max_size=8), max_size=4),
    _KEEPS,
    st.sampled_from([1, 3, 16]),
    st.sampled_from([1, 2, 5, 99]),
)
def test_labels_are_those_of_the_plain_reference(
    run_pass: Run,
    expected_labels: Run,
    units: list[list[dict[str, Any]]],
    keep: str | list[str],
    partitions: int,
    most: int,
) -> None:
    """However many documents are ordered at once: large keys go range by range."""
    order = [keep] if isinstance(keep, str) else keep
    if not {"longest", "shortest"} & {*order}:
        order = [*order, "longest"]
    expected = expected_labels(units, lambda _, document: document["url"] or None, order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup.order, "MOST_ROWS", most)
        patch.setattr(dedup.order, "_SAMPLED", 1 + most // 2)
        assert run_pass(PASS, units, partitions, keep=keep) == expected


def test_a_corpus_without_units_or_documents(run_pass: Run) -> None:
    assert run_pass(PASS, []) == []
    assert run_pass(PASS, [[], []]) == []
    assert run_pass(PASS, [[], [{"url": "http://a/"}], []]) == [
        {"id": "id00000", "cluster": "id00000", "rank": 0, "size": 1}
    ]


def test_all_documents_dropped_before(run_pass: Run) -> None:
    assert run_pass(PASS, [[{"url": "http://a/", "dropped": True}] * 3]) == []


def test_one_cluster_over_many_units(run_pass: Run) -> None:
    labels = run_pass(PASS, [[{"url": "http://a/", "date": unit}] for unit in range(50)], 7)
    assert {label["cluster"] for label in labels} == {"id00049"}
    assert [label["rank"] for label in labels] == list(range(49, -1, -1))
    assert {label["size"] for label in labels} == {50}


def test_two_documents_with_one_id_keep_one(run_pass: Run) -> None:
    labels = run_pass(PASS, [[{"url": "http://a/", "id": "x"}], [{"url": "http://a/", "id": "x"}]])
    assert [label["rank"] for label in labels] == [0, 1]


def test_keep_is_completed_and_checked() -> None:
    assert UrlOptions().keep == DEFAULT_KEEP
    assert UrlOptions.model_validate({"keep": "newest"}).keep == ("newest", "longest")
    assert UrlOptions.model_validate({"keep": ["shortest", "oldest"]}).keep == ("shortest", "oldest")
    assert UrlOptions.model_validate({"keep": []}).keep == ("longest",)
    with pytest.raises(ValidationError, match="at most one of newest and oldest"):
        UrlOptions.model_validate({"keep": ["newest", "oldest"]})
    with pytest.raises(ValidationError, match="keep"):
        UrlOptions.model_validate({"keep": "best"})


def test_runs() -> None:
    order, bounds = runs(np.zeros(0, np.uint64))
    assert order.tolist() == [] and bounds.tolist() == [0]
    order, bounds = runs(np.array([5, 3, 5, 5], np.uint64), np.array([1, 1, 2, 1], np.uint64))
    assert sorted(order[bounds[0] : bounds[1]].tolist()) == [1]
    assert [sorted(order[a:b].tolist()) for a, b in pairwise(bounds)] == [
        [1],
        [0, 3],
        [2],
    ]


_NUMBERS = pa.schema([pa.field("document", pa.int64()), pa.field("text", pa.large_string())])


def _table(numbers: list[int]) -> pa.Table:
    return pa.table({"document": numbers, "text": [str(n) for n in numbers]}, schema=_NUMBERS)


@pytest.mark.parametrize("held_bytes", [1, 100, 100_000])
def test_parts_come_back_whole_however_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(pipeline.exchange, "HELD_BYTES", held_bytes)
    empty, full = str(tmp_path / "empty"), str(tmp_path / "full")
    write_parts(empty, _NUMBERS, [], 3)
    pieces = [(_table([n, n + 1]), np.array([n % 3, (n + 1) % 3])) for n in range(0, 20, 2)]
    write_parts(full, _NUMBERS, iter(pieces), 3)
    for part in range(3):
        assert read_part([empty], part, 3, _NUMBERS).equals(_NUMBERS.empty_table())
        assert read_part([full, empty, full], part, 3, _NUMBERS).column("document").to_pylist() == 2 * [
            n for n in range(20) if n % 3 == part
        ]


def test_ranges_of_documents(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    write_by_document(path, _NUMBERS, [])
    assert read_documents(path, 0, 100).equals(_NUMBERS.empty_table())
    numbers = list(range(0, 400_000, 2))  # several row groups
    write_by_document(path, _NUMBERS, [_table(numbers[:1000]), _table(numbers[1000:])])
    for first, last in ((0, 0), (0, 3), (131_000, 131_100), (399_998, 500_000), (400_000, 500_000)):
        expected = [n for n in numbers if first <= n < last]
        assert read_documents(path, first, last).column("document").to_pylist() == expected


def test_partitions_are_even() -> None:
    assert part_of(np.zeros(0, np.uint64), 3).tolist() == []
    hashes = np.array([0, 2**63, 2**64 - 1], np.uint64)
    assert part_of(hashes, 16).tolist() == [0, 8, 15]
    assert part_of(hashes, 1).tolist() == [0, 0, 0]
