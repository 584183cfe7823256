"""No group on two sides, groups that stay where they are, and no near copy of a test page in training."""

import numpy as np
import pyarrow as pa
import pytest

from classifiers.training.inputs import DOCUMENTS
from classifiers.training.split import TEST, TRAIN, VALIDATION, fold, groups_of, leaked, split, unmeasured
from classifiers.training.task import Task
from pipeline.errors import PlanError


def documents(urls: list[str | None], groups: list[str | None] | None = None) -> pa.Table:
    rows = [
        {"id": f"id{at}", "text": "t", "label": "a", "url": url, "weight": 1.0, "group": group}
        for at, (url, group) in enumerate(zip(urls, groups or [None] * len(urls), strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=DOCUMENTS)


def test_group_is_the_site_or_what_a_column_says() -> None:
    assert groups_of(documents([])).to_pylist() == []
    table = documents(
        ["https://www.a.co.uk/1", "http://b.a.co.uk", None, "http://192.0.2.1/x", "no url", "http://x.org"],
        [None, None, None, None, None, "mine"],
    )
    assert groups_of(table).to_pylist() == ["a.co.uk", "a.co.uk", "id2", "192.0.2.1", "id4", "mine"]
    assert groups_of(table, "host").to_pylist()[:2] == ["www.a.co.uk", "b.a.co.uk"]
    assert groups_of(table, "id").to_pylist()[:2] == ["id0", "id1"]


def drawn(seed: int, count: int) -> list[str]:
    """Names of groups, some of them often."""
    return [str(int(40**share)) for share in np.random.Generator(np.random.PCG64(seed)).random(count) * 2]


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_two_sides_and_none_moves(seed: int) -> None:
    groups = drawn(seed, 500)
    sides = split(pa.array(groups), 0.2, 0.2, seed)
    assert len(set(zip(groups, sides.tolist(), strict=True))) == len(set(groups))
    more = [*groups, *(f"new {at}" for at in range(50))]
    assert split(pa.array(more), 0.2, 0.2, seed)[: len(groups)].tolist() == sides.tolist()


def test_shares() -> None:
    sides = split(pa.array([f"site{at}.org" for at in range(5000)]), 0.1, 0.2, 0)
    assert np.bincount(sides, minlength=3) / 5000 == pytest.approx([0.7, 0.1, 0.2], abs=0.02)
    assert {TRAIN, VALIDATION, TEST} == {0, 1, 2}


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(PlanError, match=r"all 100 documents are of 1 group, .*--group id"):
        split(pa.array(["one.org"] * 100), 0.1, 0.1, 0)
    with pytest.raises(PlanError, match=r"no document is on the \w+ side: 10 groups are too few"):
        split(pa.array([str(at) for at in range(10)]), 0.001, 0.001, 0)


def test_a_label_of_one_site_cannot_be_measured() -> None:
    table = documents([None] * 6, ["a", "a", "b", "c", "d", "e"])
    labels = ["yes", "yes", "no", "no", "no", "no"]
    table = table.set_column(table.schema.get_field_index("label"), "label", pa.array(labels))
    sides = np.array([0, 0, 0, 0, 1, 2], np.int8)
    task = Task("x", ("no", "yes"), "probability", "yes")
    with pytest.raises(
        PlanError, match=r"^all 2 documents of label yes are of a, and a group is on one side"
    ):
        unmeasured(table, sides, task, None)
    (said,) = unmeasured(table, sides, Task("x", ("no", "yes"), "top"), None)
    assert said.startswith("no document of label yes is on the test side, so that ")
    grades = ["3", "3", "0", "1", "3", "0"]
    table = table.set_column(table.schema.get_field_index("label"), "label", pa.array(grades))
    told = unmeasured(table, sides, Task("x", ("0", "1", "3"), "expected"), None)
    assert [said.split(",")[0] for said in told] == [
        "no document of a grade below 3 is on the validation side",
        "no document of grade 3 or more is on the test side",
    ]
    assert unmeasured(table, np.array([2, 2, 1, 2, 1, 0]), Task("x", ("0", "1", "3"), "expected"), 3.0) == []


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_folds(folds: int) -> None:
    groups = drawn(folds, 300)
    found = fold(pa.array(groups), folds, 0)
    assert len(set(zip(groups, found.tolist(), strict=True))) == len(set(groups))
    sizes = np.bincount(found, minlength=folds)
    assert sizes.max() - sizes.min() <= max(groups.count(name) for name in groups)


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(PlanError, match="2 groups cannot make 3 folds"):
        fold(pa.array(["a", "b", "b"]), 3, 0)


def test_near_copies_of_later_sides_are_found() -> None:
    page = " ".join(f"word{at}" for at in range(200))
    other = " ".join(f"else{at}" for at in range(200))
    texts = pa.array([page + " Read more!", other, "", page.upper(), page], pa.large_string())
    sides = np.array([TRAIN, TRAIN, TRAIN, VALIDATION, TEST], np.int8)
    assert leaked(texts, sides).tolist() == [True, False, False, True, False]
    assert leaked(texts, np.zeros(5, np.int8)).tolist() == [False] * 5
    assert leaked(pa.array([], pa.large_string()), np.zeros(0, np.int8)).tolist() == []
    twice = pa.array(["", "", ""], pa.large_string())
    assert leaked(twice, np.array([0, 1, 2], np.int8)).tolist() == [False] * 3, "no words, no copy"
