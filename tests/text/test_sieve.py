"""The sieve lets through all hashes over the limit, and hardly any others."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text import sieve
from text.hashing import random_words


def test_nothing_counted() -> None:
    counted = sieve.counters(0)
    assert len(counted) == sieve.LEAST
    hashes = random_words(5, np.uint64(1))
    assert sieve.may_exceed(counted, hashes, 1).tolist() == [False] * 5
    assert sieve.may_exceed(counted, hashes[:0], 1).tolist() == []


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 300)), max_size=50),
    st.sampled_from([1, 6, 254, 255, 256, 1000]),
)
def test_none_over_the_limit_is_lost(rows: list[tuple[int, int]], limit: int) -> None:
    hashes = np.array([key for key, _ in rows], np.uint64)
    counted = sieve.counters(len(rows))
    sieve.count(counted, hashes, np.array([times for _, times in rows], np.int64))
    total: Counter[int] = Counter()
    for key, times in rows:
        total[key] += times
    found = sieve.may_exceed(counted, hashes, limit)
    assert all(passed for passed, (key, _) in zip(found, rows, strict=True) if total[key] > limit)


@pytest.mark.parametrize(("limit", "most"), [(1, 0.25), (6, 0.001)])
def test_what_passes_by_chance(limit: int, most: float) -> None:
    hashes = random_words(100_000, np.uint64(7))
    counted = sieve.counters(len(hashes))
    sieve.count(counted, hashes, np.ones(len(hashes), np.int64))
    assert sieve.may_exceed(counted, hashes, limit).mean() < most
