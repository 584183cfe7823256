"""Lines against str.splitlines and str.strip."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from text.lines import Lines, cut_lines
from text.strings import Strings

BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
pieces = st.one_of(
    st.sampled_from(BREAKS),
    st.sampled_from(
        [" ", "\t", "\xa0", "\x1f", "\u3000", "\u200b", "\u0301", "\x00", "a.", "é…", "•b", "日本", "👩"]
    ),
    st.characters(codec="utf-8"),
)
texts = st.lists(pieces, max_size=30).map("".join)


def cut(*texts: str | None) -> tuple[Lines, bytes]:
    strings = Strings.of(pa.array(texts, pa.large_string()))
    return cut_lines(strings), bytes(strings.data)


def spans(data: bytes, starts: Any, ends: Any) -> list[str]:
    return [data[a:b].decode() for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def test_empty() -> None:
    lines, _ = cut("", None)
    assert lines.offsets.tolist() == [0, 0, 0]
    assert lines.breaks.tolist() == [0, 0]
    assert len(lines) == 2
    assert cut()[0].offsets.tolist() == [0]


def test_a_break_at_the_end_opens_no_line() -> None:
    lines, _ = cut("\n", "a\n", "a\n\n", "a\r\nb")
    assert lines.counts.tolist() == [1, 1, 2, 2]
    assert lines.breaks.tolist() == [1, 1, 2, 1]


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
@example(["\r\n\r\r\n\n", "\x85\x84\u2027\u2028\u202a"])
@example([" \u0301 x \u00a0"])
def test_like_splitlines(batch: list[str]) -> None:
    lines, data = cut(*batch)
    expected = [text.splitlines() for text in batch]
    flat = [line for text in expected for line in text]
    inner = [line.strip() for line in flat]
    assert np.diff(lines.offsets).tolist() == [len(text) for text in expected]
    assert lines.breaks.tolist() == [len((text + "x").splitlines()) - 1 for text in batch]
    assert spans(data, lines.starts, lines.ends) == flat
    assert spans(data, lines.inner_starts, lines.inner_ends) == inner
    assert lines.chars.tolist() == [len(line) for line in flat]
    assert lines.inner_chars.tolist() == [len(line) for line in inner]
    assert lines.first.tolist() == [ord(line[0]) if line else 0 for line in inner]
    assert lines.last.tolist() == [ord(line[-1]) if line else 0 for line in inner]
    assert len(set(zip(lines.hashes.tolist(), flat, strict=True))) == len(set(flat))
    assert len(set(lines.hashes.tolist())) == len(set(flat))
    values = np.arange(len(flat))
    sums = [values[a:b].sum() for a, b in zip(lines.offsets[:-1], lines.offsets[1:], strict=True)]
    assert lines.total(values).tolist() == sums


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | texts, min_size=1, max_size=6), st.data())
def test_slices_and_nulls(batch: list[str | None], data: Any) -> None:
    start = data.draw(st.integers(0, len(batch)))
    strings = Strings.of(pa.array(batch).slice(start))
    lines, alone = cut_lines(strings), cut(*batch[start:])[0]
    assert lines.offsets.tolist() == alone.offsets.tolist()
    assert lines.hashes.tolist() == alone.hashes.tolist()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_stay_inside(raw: bytes) -> None:
    data = np.frombuffer(raw + b"next\n", np.uint8)
    lines = cut_lines(Strings(data, np.array([0, len(raw), len(raw) + 5])))
    first = lines.offsets[1]
    assert (lines.ends[:first] <= len(raw)).all()
    assert (lines.inner_starts <= lines.inner_ends).all()
    assert lines.starts[first:].tolist() == [len(raw)]


def test_more_lines_than_guessed() -> None:
    lines, _ = cut("\n" * 1000, "x")
    assert lines.counts.tolist() == [1000, 1]


def test_ten_megabytes() -> None:
    lines, _ = cut("A line of some length, no more.\n" * 320_000, "next")
    assert lines.counts.tolist() == [320_000, 1]
    assert set(lines.chars[:-1].tolist()) == {31}
