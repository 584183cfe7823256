"""Union-find against sets that swallow each other."""

import os
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.unionfind import Numbers, _write_singles, flatten, mapped, roots, unite
from pipeline.errors import StoreError

_COUNT = 24
_EDGES = st.lists(st.tuples(st.integers(0, _COUNT - 1), st.integers(0, _COUNT - 1)), max_size=30)


def _joined(
    count: int, edges: Iterable[tuple[Numbers, Numbers]], folder: str | None = None
) -> Iterator[tuple[Numbers, Numbers]]:
    with mapped(count, folder) as parents:
        for left, right in edges:
            unite(parents, left, right)
        flatten(parents)
        yield from roots(parents)


def _components(edges: list[tuple[int, int]], pieces: int = 1, count: int = _COUNT) -> dict[int, int]:
    ends = np.array(edges, np.int64).reshape(-1, 2)
    parts = [(part[:, 0].copy(), part[:, 1].copy()) for part in np.array_split(ends, pieces)]
    found: dict[int, int] = {}
    for numbers, least in _joined(count, parts):
        assert (np.diff(numbers) > 0).all()
        found.update(zip(numbers.tolist(), least.tolist(), strict=True))
    return found


def _reference(edges: list[tuple[int, int]]) -> dict[int, int]:
    sets = {number: {number} for number in range(_COUNT)}
    for a, b in edges:
        whole = sets[a] | sets[b]
        sets.update(dict.fromkeys(whole, whole))
    return {number: min(whole) for number, whole in sets.items() if len(whole) > 1}


def test_no_documents_and_no_edges() -> None:
    assert _components([], count=0) == {}
    assert _components([]) == {}
    assert _components([(3, 3)]) == {}


@settings(max_examples=200, deadline=None)
@given(_EDGES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_roots_are_the_least_of_their_component(
    edges: list[tuple[int, int]], pieces: int, random: object
) -> None:
    expected = _reference(edges)
    assert _components(edges, pieces) == expected
    turned = [(b, a) for a, b in edges]
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert _components(turned) == expected


@given(_EDGES)
def test_the_edges_that_join_two_are_a_forest_that_joins_all(edges: list[tuple[int, int]]) -> None:
    ends = np.array(edges, np.int64).reshape(-1, 2)
    with mapped(_COUNT, None) as parents:
        joined = unite(parents, ends[:, 0].copy(), ends[:, 1].copy())
    forest = ends[joined].tolist()
    expected = _reference(edges)
    assert _components(forest) == expected
    assert len(forest) == len(expected) - len(set(expected.values()))


@pytest.mark.parametrize("descending", [False, True])
def test_a_chain_of_a_million(descending: bool, tmp_path: Path) -> None:
    count = 1_500_000  # more than one chunk
    left = np.arange(1_000_000)
    edges = (left[::-1].copy(), left[::-1] + 1) if descending else (left, left + 1)
    numbers, roots = map(np.concatenate, zip(*_joined(count, [edges], str(tmp_path)), strict=True))
    assert (numbers == np.arange(1_000_001)).all()
    assert (roots == 0).all()
    assert os.listdir(tmp_path) == []  # the temporary file is gone


def test_a_kill_leaves_no_large_file(tmp_path: Path) -> None:
    with mapped(10, str(tmp_path)) as parents:
        assert parents.tolist() == list(range(10))
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_parents_are_not_held_in_the_heap(tmp_path: Path) -> None:
    count = 20_000_000  # 160 MB of parents
    left = np.arange(0, count, 1000)
    list(_joined(2, [], str(tmp_path)))  # compiles
    tracemalloc.start()
    joined = sum(len(numbers) for numbers, _ in _joined(count, [(left, left + 1)], str(tmp_path)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert joined == 2 * len(left)
    assert peak < 50e6


def test_a_full_disk_is_a_clear_error() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with pytest.raises(StoreError, match=r"/dev/full: .* free some space, or set TMPDIR"):
        _write_singles("/dev/full", 10)
