import io
from collections import Counter
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.errors import PlanError
from pipeline.sample import MOST, Sample, Wanted, allot, split, tell

Row = dict[str, Any]


def document(at: int, **columns: Any) -> Row:
    return {
        **{"unit": "u", "row": at, "id": f"id{at}", "source": "web", "language": "en", "score": float(at)},
        **{"url": f"http://a/{at}", "text": f"text {at}", "bytes": 6, **columns},
    }


def connected(kept: Iterable[Row], dropped: Iterable[Row] = ()) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, rows in (("documents", list(kept)), ("dropped", list(dropped))):
        made = pa.Table.from_pylist([{**document(0), **row} for row in rows] or [document(0)])
        connection.register(f"_{name}", made.slice(0, len(rows)))
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM _{name}")
    return connection


def drawn(connection: duckdb.DuckDBPyConnection, size: int, **wanted: Any) -> list[dict[str, Any]]:
    sample = Sample(connection, Wanted(size, **wanted))
    return [row for batch in sample.batches() for row in batch.to_pylist()]


MIXED = [
    *(document(at, language="en") for at in range(80)),
    *(document(at, language="de") for at in range(80, 98)),
    *(document(at, language=None) for at in range(98, 100)),
]


def test_run_without_documents_is_told() -> None:
    with pytest.raises(PlanError, match="no document to sample: the run has none"):
        drawn(connected([]), 5)
    with pytest.raises(PlanError, match=r"none for which --where 'score > 5' is true \(--documents kept\)"):
        drawn(connected([document(1)]), 5, where="score > 5")
    with pytest.raises(PlanError, match="no document to sample"):  # an empty text says nothing
        drawn(connected([document(1, bytes=0, text="")]), 5)


def test_rows_hold_what_labels_need() -> None:
    (row,) = drawn(connected([document(7)]), 5)
    assert row == {
        **{"id": "id7", "source": "web", "url": "http://a/7", "path": None, "language": "en"},
        **{"text": "text 7", "stratum": "web / en", "weight": 1.0},
    }


def test_equal_parts_take_all_of_a_small_stratum_and_weights_say_of_how_many() -> None:
    rows = drawn(connected(MIXED), 30)
    assert Counter(row["stratum"] for row in rows) == {"web / en": 14, "web / de": 14, "web / none": 2}
    assert sum(row["weight"] for row in rows) == pytest.approx(100)
    assert {row["stratum"]: row["weight"] for row in rows}["web / en"] == pytest.approx(80 / 14)


def test_proportional_parts() -> None:
    rows = drawn(connected(MIXED), 50, allocation="proportional")
    assert Counter(row["language"] for row in rows) == {"en": 40, "de": 9, None: 1}
    assert {row["weight"] for row in rows} == {2.0}


def test_any_beginning_is_a_sample_of_its_own() -> None:
    languages = [row["language"] for row in drawn(connected(MIXED), 30)]
    assert abs(languages[:10].count("en") - languages[:10].count("de")) <= 1


def test_sample_does_not_hang_on_units_rows_or_their_order() -> None:
    moved = [{**row, "unit": f"u{at % 7}", "row": 1000 - at} for at, row in enumerate(sorted(MIXED, key=str))]
    assert drawn(connected(reversed(moved)), 20) == drawn(connected(MIXED), 20)


def test_larger_sample_holds_the_smaller_one_and_another_seed_another() -> None:
    def ids(size: int, seed: int) -> set[str]:
        return {row["id"] for row in drawn(connected(MIXED), size, seed=seed)}

    assert ids(12, 0) < ids(30, 0)
    assert ids(12, 0) != ids(12, 1)


def test_kept_dropped_or_both() -> None:
    connection = connected(MIXED[:3], MIXED[3:5])
    found = {each: len(drawn(connection, 9, documents=each)) for each in ("kept", "dropped", "both")}
    assert found == {"kept": 3, "dropped": 2, "both": 5}


def test_document_that_the_run_has_twice_is_drawn_once() -> None:
    twice = [{**document(1), "unit": unit} for unit in "ab"]
    assert [row["id"] for row in drawn(connected([*twice, document(2)]), 5)].count("id1") == 1


@pytest.mark.parametrize(
    ("by", "strata"),
    [
        ((), {"all": 100}),
        (("quantiles(score, 4)",), {f"score {at} of 4": 25 for at in (1, 2, 3, 4)}),
        (("score >= 90",), {"false": 90, "true": 10}),
        (
            ("quantiles(nullif(score, 0), 2)",),
            {"nullif(score, 0) 1 of 2": 50, "nullif(score, 0) 2 of 2": 49, "nullif(score, 0) none": 1},
        ),
    ],
)
def test_strata_by_expressions(by: tuple[str, ...], strata: dict[str, int]) -> None:
    rows = drawn(connected(MIXED), 100, by=by)
    assert Counter(row["stratum"] for row in rows) == strata


def test_equal_values_share_a_bin() -> None:
    rows = drawn(
        connected(document(at, score=min(at, 5)) for at in range(20)), 20, by=("quantiles(score, 2)",)
    )
    assert Counter(row["stratum"] for row in rows) == {"score 1 of 2": 20}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"where": "scroe > 1"}, r"--where 'scroe > 1': Binder Error.*scroe"),
        ({"where": "score >"}, "--where 'score >': "),
        ({"by": ("quantiles(url, x)",)}, r"--by 'quantiles\(url, x\)': "),
        ({"by": ("source", "lang")}, r"--by 'lang': Binder Error.*lang"),
        ({"where": "score > 1) OR (true"}, r"--where 'score > 1\) OR \(true': "),
        ({"where": "random() < 0.1"}, r"random\(\).* not the same every time"),
        ({"by": ("quantiles(score * random(), 2)",)}, r"random\(\).* not the same every time"),
        ({"by": ("quantiles(score, 1)",)}, "expected two bins or more"),
        ({"by": ("id",)}, "--by id: more strata than --sample 5"),
        ({"documents": "all"}, "--documents 'all': expected kept, dropped or both"),
        ({"allocation": "even"}, "--allocation 'even': expected equal or proportional"),
    ],
)
def test_faults_name_their_option(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        drawn(connected(MIXED), 5, **wanted)
    with pytest.raises(PlanError, match="--sample 0"):
        Wanted(0)
    with pytest.raises(PlanError, match="--sample 1,000,000"):
        Wanted(MOST + 1)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.integers(1, 200),
    st.sampled_from(["equal", "proportional"]),
)
def test_allotment(counts: list[int], size: int, allocation: str) -> None:
    taken = allot(counts, size, allocation)
    assert sum(taken) == min(size, sum(counts))
    assert all(0 <= take <= count for take, count in zip(taken, counts, strict=True))
    if allocation == "equal":
        # Only a stratum that gives all it has gives less than the others, but for one left over.
        most = max(taken)
        assert all(take >= most - 1 or take == count for take, count in zip(taken, counts, strict=True))
    else:
        whole = sum(counts)
        assert all(
            abs(take - min(size, whole) * count / whole) < 1
            for take, count in zip(taken, counts, strict=True)
        )


@pytest.mark.parametrize(
    ("given_", "parts"),
    [
        ([], ()),
        ([""], ()),
        (["source, language"], ("source", "language")),
        (["quantiles(a, 3),b", "c"], ("quantiles(a, 3)", "b", "c")),
        (["x[1, 2], ',', \"a,b\", {'k': 1, 'l': 2}"], ("x[1, 2]", "','", '"a,b"', "{'k': 1, 'l': 2}")),
    ],
)
def test_expressions_are_parted_by_commas_outside_of_brackets(
    given_: list[str], parts: tuple[str, ...]
) -> None:
    assert split(given_) == parts


def test_what_was_drawn_is_told() -> None:
    printed = io.StringIO()
    tell(Sample(connected(MIXED), Wanted(200)), Console(file=printed, width=200))
    assert printed.getvalue().splitlines() == [
        "sample: 100 of 100 documents, equal from 3 strata by source, language",
        "the run has no more than that: --sample 200 is not reached",
    ]
