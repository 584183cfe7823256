"""The view of Arrow's buffers, and counts over it."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.counts import shares, totals
from text.strings import Strings
from text.utf8 import count_chars


def back(strings: Strings) -> list[str]:
    ends = zip(strings.offsets[:-1], strings.offsets[1:], strict=True)
    return [bytes(strings.data[start:end]).decode() for start, end in ends]


def test_empty() -> None:
    for kind in (pa.string(), pa.large_string()):
        assert back(Strings.of(pa.array([], kind))) == []
        assert back(Strings.of(pa.array([""], kind))) == [""]
        assert back(Strings.of(pa.array([None], kind))) == [""]
        assert back(Strings.of(pa.chunked_array([], kind))) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(max_size=10), max_size=8), st.integers(0, 8), st.integers(0, 8))
def test_any_slice(texts: list[str | None], start: int, length: int) -> None:
    expected = [text or "" for text in texts[start : start + length]]
    for kind in (pa.string(), pa.large_string()):
        array = pa.array(texts, kind).slice(min(start, len(texts)), length)
        assert back(Strings.of(array)) == expected
        assert count_chars(Strings.of(array)).tolist() == [len(text) for text in expected]
        assert back(Strings.of(pa.chunked_array([array, array]))) == expected * 2


def test_read_only() -> None:
    for strings in (
        Strings.of(pa.array(["a"])),
        Strings.of(pa.array([""])),
        Strings.of(pa.array([], pa.string())),
    ):
        with pytest.raises(ValueError, match="read-only"):
            strings.offsets[0] = 1


def test_totals_and_shares() -> None:
    offsets = np.array([0, 0, 2, 3])
    assert totals(offsets, np.array([1, 2, 4])).tolist() == [0, 3, 4]
    assert totals(offsets, np.array([True, True, False])).tolist() == [0, 2, 0]
    assert totals(np.array([0]), np.array([], np.int64)).tolist() == []
    assert shares(np.array([0, 1, 3]), np.array([0, 2, 3])).tolist() == [0.0, 0.5, 1.0]
