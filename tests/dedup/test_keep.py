"""Who is kept: how `keep` is read, and the order that it makes, against plain Python sorting."""

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dedup.exact import ExactOptions
from dedup.keep import DEFAULT_KEEP, FromSource, Highest, Lowest, keep_columns, places, stored_columns
from dedup.url import PASS, UrlOptions
from pipeline.stage import configured

_COLUMNS = {"score": pa.float32(), "votes": pa.uint64(), "depth": pa.int16()}
_SCORES = st.sampled_from([None, math.nan, -math.inf, -1.5, -0.0, 0.0, 0.25, math.inf])
_VOTES = st.sampled_from([None, 0, 1, 2**63 - 1, 2**63, 2**64 - 1])
_DOCUMENT = st.fixed_dictionaries(
    {
        "url": st.sampled_from(["http://a/", "http://b/"]),
        "date": st.sampled_from([None, -1, 0, 10**15]),
        "bytes": st.integers(0, 2),
        "score": _SCORES,
        "votes": _VOTES,
        "depth": st.sampled_from([None, -(2**15), 0, 2**15 - 1]),
    }
)
_ORDERS: dict[str, list[Any]] = {
    "date": ["newest", "oldest"],
    "length": ["longest", "shortest"],
    "source": [{"source": ["web"]}, {"source": ["books", "web"]}, {"source": ["other", "books"]}],
    "score": [{"highest": "score"}, {"lowest": "score"}],
    "votes": [{"highest": "votes"}, {"lowest": "votes"}],
    "depth": [{"highest": "depth"}, {"lowest": "depth"}],
}
_KEEP = st.lists(st.sampled_from(sorted(_ORDERS)), unique=True, max_size=4).flatmap(
    lambda subjects: st.tuples(*(st.sampled_from(_ORDERS[subject]) for subject in subjects))
)


def _key(document: dict[str, Any], order: Any) -> tuple[Any, ...]:
    """Sorts documents as this order does."""
    if isinstance(order, dict) and "source" in order:
        named = order["source"]
        return (named.index(document["source"]) if document["source"] in named else len(named),)
    column, descending = {
        "newest": ("date", True),
        "oldest": ("date", False),
        "longest": ("bytes", True),
        "shortest": ("bytes", False),
    }.get(order if isinstance(order, str) else "", ("", False))
    if isinstance(order, dict):
        [(way, column)] = order.items()
        descending = way == "highest"
    value = document[column]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return (1, 0)
    return (0, -value if descending else value)


@example(  # 0 as uint64 has the bits of the last place
    units=[[{"url": "http://a/", "date": None, "bytes": 0, "score": None, "votes": votes, "depth": None}
            for votes in (None, 0)]],
    keep=({"highest": "votes"},),
    partitions=1,
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_DOCUMENT, max_size=6), max_size=3), _KEEP, st.sampled_from([1, 2, 4]))
def test_the_order_is_that_of_plain_python(
    make_corpus: Callable[..., Any], units: list[list[dict[str, Any]]], keep: tuple[Any, ...], partitions: int
) -> None:
    named = [
        [{**document, "source": source} for document in unit]
        for unit, source in zip(units, ("web", "books", "other"), strict=False)
    ]
    documents = [document for unit in named for document in unit]
    orders = [*keep] if {"longest", "shortest"} & {str(order) for order in keep} else [*keep, "longest"]
    wanted = [{} for _ in documents]  # type: list[dict[str, Any]]
    for url in ("http://a/", "http://b/"):
        members = [number for number, document in enumerate(documents) if document["url"] == url]
        members.sort(key=lambda number: (*(_key(documents[number], order) for order in orders), number))
        for place, number in enumerate(members):
            wanted[number] = {
                "id": f"id{number:05d}",
                "url_cluster": f"id{members[0]:05d}",
                "url_rank": place,
                "url_size": len(members),
            }
    corpus = make_corpus(named, partitions, _COLUMNS)
    assert corpus.label(PASS, keep=list(keep)) == wanted


def test_no_documents() -> None:
    empty = pa.table({name: pa.array([], kind) for name, kind in _COLUMNS.items()})
    found = places(
        "web", empty, (FromSource(source=("web",)), Highest(highest="score"), Lowest(lowest="votes"))
    )
    assert found == [pa.array([], pa.int64())] * 3


def test_keep_is_completed_and_comes_back_from_json() -> None:
    assert UrlOptions().keep == DEFAULT_KEEP == ("newest", "longest")
    assert UrlOptions.model_validate({"keep": "oldest"}).keep == ("oldest", "longest")
    assert UrlOptions.model_validate({"keep": []}).keep == ("longest",)
    assert UrlOptions.model_validate({"keep": ["shortest", "oldest"]}).keep == ("shortest", "oldest")
    given = {"keep": ["newest", "longest", {"source": ["wikipedia", "web"]}, {"highest": "score"}]}
    options = UrlOptions.model_validate(given)
    assert options.model_dump(mode="json")["keep"] == given["keep"]
    assert UrlOptions.model_validate(options.model_dump(mode="json")) == options
    assert hash(options) == hash(UrlOptions.model_validate(given))
    assert UrlOptions.model_validate({"keep": {"source": "web"}}).keep[0] == FromSource(source=("web",))


@pytest.mark.parametrize(
    ("keep", "problem"),
    [
        ("newst", "unknown order 'newst'; did you mean 'newest'"),
        ("source", r"'source' needs to know of what: write {source: \[best, next\]}"),
        ("highest", "'highest' needs to know of what: write {highest: column}"),
        (["newest", "oldest"], "at most one of newest and oldest; leave out the one that comes later"),
        (["longest", "newest", "shortest"], "at most one of longest and shortest"),
        (["newest", "newest"], "newest stands twice"),
        ([{"highest": "a"}, {"lowest": "a"}], "at most one of {highest: a} and {lowest: a}"),
        ([{"source": ["a"]}, {"source": ["b"]}], "at most one of {source"),
        ({"source": ["a", "b", "a"]}, "source 'a' is named twice"),
        ({"source": []}, "expected a list of sources, the best first; found an empty list"),
        ({"source": [3]}, "expected a list of sources, the best first; found a list"),
        ({"sauce": ["a"]}, "unknown order 'sauce'; did you mean 'source'"),
        ({"highest": ["a"]}, "highest: expected the name of a column; found a list"),
        ({"newest": 1}, "unknown order 'newest'"),
        ({"highest": "a", "lowest": "b"}, "found a mapping"),
        (3, "expected newest, oldest, .* found the number 3"),
        (True, "found true"),
        (None, "found nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused(keep: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ExactOptions.model_validate({"keep": keep})


def test_columns_that_are_read() -> None:
    options = UrlOptions.model_validate({"keep": ["newest", {"highest": "score"}], "within": "language"})
    assert keep_columns(options.keep) == ("score",)
    assert stored_columns(options.keep) == ("date", "bytes", "score")
    assert configured(PASS, options).reads == ("url", "language", "score")
    assert configured(PASS, UrlOptions()).reads == ("url",)
