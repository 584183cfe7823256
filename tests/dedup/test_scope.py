"""What is compared with what: sources, and groups of equal values."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from dedup.scope import SOURCES, WITHIN, Sources, Within, compared, describe, groups, mixed, reading
from dedup.url import PASS, UrlOptions
from pipeline.corpus import CorpusUnit
from pipeline.errors import PlanError
from pipeline.plan_checks import check_names
from pipeline.recipe import StepConfig
from pipeline.stage import Options


class ScopedOptions(Options):
    """Options of a pass with a scope."""

    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)


def test_nothing_to_group() -> None:
    empty = pa.table({"a": pa.array([], pa.string())})
    assert groups(empty, ()).tolist() == [] == groups(empty, ("a",)).tolist()
    assert groups(pa.table({"a": ["x", None]}), ()).tolist() == [0, 0]


_VALUES = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "null", "ä"]))
_NUMBERS = st.one_of(st.none(), st.integers(-2, 2))


@given(st.lists(st.tuples(_VALUES, _VALUES, _NUMBERS), max_size=12))
def test_groups_are_equal_where_all_values_are(rows: list[tuple[Any, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    types = (pa.string(), pa.large_string(), pa.int32())
    named = dict(zip("abn", map(pa.array, columns, types), strict=True))
    found = groups(pa.table(named), ("a", "b", "n")).tolist()
    assert [found.index(each) for each in found] == [rows.index(row) for row in rows]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5, -1.5, None, 1.5]),
        pa.array([True, False, None, True]),
        pa.array([datetime.date(2026, 1, 1), datetime.date(2026, 1, 2), None, datetime.date(2026, 1, 1)]),
        pa.array([0, 1, None, 0], pa.timestamp("us", "UTC")),
        pa.array(["x", "y", None, "x"]).dictionary_encode(),
        pa.array(["x", "y", None, "x"], pa.string_view()),
        pa.array([1, 2, None, 1], pa.decimal128(10, 2)),
    ],
)
def test_values_of_any_type_that_has_a_text(values: pa.Array) -> None:
    found = groups(pa.table({"a": values}), ("a",)).tolist()
    assert [found.index(each) for each in found] == [0, 1, 2, 0]
    # The hash is of the value alone, wherever the rows were cut.
    pieces = pa.chunked_array([values[:1], values[1:]])
    assert groups(pa.table({"a": pieces}), ("a",)).tolist() == found


def test_keys_are_made_different_between_groups() -> None:
    keys = np.array([[1, 2], [1, 2], [1, 2], [3, 2]], np.uint64)
    assert mixed(keys, np.zeros(4, np.uint64)).tolist() == keys.tolist()
    group = groups(pa.table({"a": ["x", "y", "x", "x"]}), ("a",))
    rows = mixed(keys, group)
    assert rows[0].tolist() == rows[2].tolist()
    assert not set(rows[0].tolist()) & set(rows[1].tolist())
    assert (rows[0, 0] != rows[3, 0]) and (rows[0, 1] == rows[3, 1])
    assert mixed(keys[:, 0], group).tolist() == rows[:, 0].tolist()


def test_sources_are_picked() -> None:
    units = [
        CorpusUnit(index, f"unit-{index}", source, 0, 0, 0, "", (), pa.schema([]))
        for index, source in enumerate(["web", "books", "web"])
    ]
    assert compared([], ["web"]) == []
    assert compared(units, ()) == units
    assert compared(units, ("web",)) == [units[0], units[2]]
    assert compared(units, ("books", "web")) == units


def test_options_are_lists_of_names_each_once() -> None:
    assert ScopedOptions.model_validate({}) == ScopedOptions(sources=(), within=())
    given = ScopedOptions.model_validate({"sources": "web", "within": ["source", "language"]})
    assert (given.sources, given.within) == (("web",), ("source", "language"))
    for key in ("sources", "within"):
        for value, problem in (
            (["a", "b", "a"], "'a' is named twice"),
            ([""], "expected a name"),
            (3, "tuple"),
            ({"a": 1}, "tuple"),
        ):
            with pytest.raises(ValidationError, match=problem):
                ScopedOptions.model_validate({key: value})


def test_what_the_plan_says_and_reads() -> None:
    assert describe((), ()) == []
    assert describe(("web", "books"), ("language",)) == [
        "among the documents of web, books",
        "only where language is equal",
    ]
    assert describe((), ("source", "language")) == ["only where source, language are equal"]
    assert reading(PASS, ("language", "url")).reads == (*PASS.reads, "language")


def test_the_plan_checks_what_options_name() -> None:
    fields = {
        "language": pa.field("language", pa.string()),
        "tags": pa.field("tags", pa.list_(pa.string())),
        "raw": pa.field("raw", pa.binary()),
        "score": pa.field("score", pa.float32()),
    }

    def check(**stated: Any) -> None:
        read = UrlOptions.model_validate(stated)
        check_names(StepConfig("pass", "url", read, (), "run.yaml", 7), fields, ["web", "books"], ["wiki"])

    check()
    check(
        sources=["web", "wiki"],
        within=["language", "score"],
        keep=[{"source": ["books"]}, {"lowest": "score"}],
    )
    check(within=["gopher_words"])  # who checks what is read says which step adds it
    for options, problem in (
        ({"sources": ["wen"]}, "sources names source 'wen', which the run does not have; did you mean 'web'"),
        ({"keep": {"source": ["web", "bocks"]}}, "keep names source 'bocks', .* did you mean 'books'"),
        ({"within": ["missing"]}, "within names column 'missing', which is not there; expected one of"),
        ({"within": ["tags"]}, "within names column 'tags', which holds list<.*>; expected a column of text"),
        ({"within": ["raw"]}, "within names column 'raw', which holds binary; expected a column of text"),
        ({"keep": {"highest": "language"}}, "keep names column 'language', .* expected a column of numbers"),
    ):
        with pytest.raises(PlanError, match=f"pass 'url': {problem}") as fault:
            check(**options)
        assert (fault.value.file, fault.value.line) == ("run.yaml", 7)
