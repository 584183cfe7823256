"""Pairs of a bucket, and the order in which similar ones are linked, against plain Python."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedup.shingles.candidates
from dedup.blocks import read_block, write_blocks
from dedup.shingles.candidates import EDGES, KEYS, MAIN, write_pairs
from dedup.shingles.verify import LEVELS, SIMILAR, descending, levels

_ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 2, st.booleans()), max_size=30)
_SETTINGS = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_SETTINGS
@given(_ROWS, st.integers(1, 4), st.sampled_from([1, 5, 1 << 20]))
def test_pairs_of_buckets(tmp_path: Path, rows: list[tuple[int, int, bool]], most: int, room: int) -> None:
    """Each text of a bucket with the `most` least ones before it; a copy with the least of its text."""
    keys = np.array(
        [(key, text, number | MAIN * main) for number, (key, text, main) in enumerate(rows)], KEYS
    )
    path = write_blocks(str(tmp_path / "keys"), KEYS, [(keys, np.zeros(len(keys), np.int64))], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup.shingles.candidates, "_ROOM", room)
        found = write_pairs(str(tmp_path), most, [path], 1, 0)
    pairs, copies = [], []
    for key in range(4):
        least: dict[int, int] = {}
        for number, (own, text, main) in enumerate(rows):
            if own == key and least.setdefault(text, number) != number and main:
                copies.append((least[text], number))
        texts = [least[text] for text in sorted(least)]
        pairs += [(texts[at], texts[to]) for to in range(len(texts)) for at in range(min(to, most))]
    assert sorted(read_block([found.pairs], 0, EDGES).tolist()) == sorted(pairs)
    assert sorted(read_block([found.copies], 0, EDGES).tolist()) == sorted(copies)


_SIMILARITIES = st.one_of(st.just(1.0), st.floats(0, 1), st.floats(0.9, 0.901))


@_SETTINGS
@given(st.lists(st.lists(_SIMILARITIES, max_size=20), max_size=3), st.sampled_from([0.01, 0.5, 0.9, 1.0]))
def test_similar_pairs_come_from_the_most_similar_on(
    tmp_path: Path, files: list[list[float]], least: float
) -> None:
    """Of a level too, in which similarities differ by little; those of 1 alone are the first level."""
    paths, expected = [], []
    for number, file in enumerate(files):
        rows = np.array([(0, at, jaccard) for at, jaccard in enumerate(file) if jaccard >= least], SIMILAR)
        level = levels(rows["jaccard"], least)
        assert not len(rows) or (level.min() >= 0 and level.max() < LEVELS)
        assert np.array_equal(level == 0, rows["jaccard"] == 1)
        paths.append(write_blocks(str(tmp_path / str(number)), SIMILAR, [(rows, level)], LEVELS))
        expected += rows["jaccard"].tolist()
    found = [jaccard for rows in descending(paths) for jaccard in rows["jaccard"].tolist()]
    assert found == sorted(expected, reverse=True)
