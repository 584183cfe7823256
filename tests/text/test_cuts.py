"""Lines kept and what is taken out of them, against slices of Python strings."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.cuts import Holes, Kept
from text.lines import Lines, cut_lines
from text.strings import Strings
from text.words import OPENS_SENTENCE, cut_words

Spans = list[tuple[int, int]]


def bytes_before(text: str, at: int) -> int:
    return len(text[:at].encode())


def kept_of(texts: list[str], keep: list[list[bool]], holes: list[list[Spans]], inner: bool) -> Kept:
    """`keep` and `holes`, in characters of the bare line, for each line of each text."""
    strings = Strings.of(pa.array(texts, pa.string()))
    lines = cut_lines(strings)
    starts, ends = (lines.inner_starts, lines.inner_ends) if inner else with_breaks(strings, lines)
    found = []
    bare = [line.strip() for text in texts for line in text.splitlines()]
    for k, spans in enumerate(span for of_text in holes for span in of_text):
        at = int(lines.inner_starts[k])
        found += [tuple(at + bytes_before(bare[k], edge) for edge in span) for span in spans]
    edges = np.array(found, np.int64).reshape(-1, 2)
    cut = Holes.of(edges[:, 0].copy(), edges[:, 1].copy(), starts)
    flags = np.array([flag for of_text in keep for flag in of_text], np.bool_)
    return Kept(strings, lines.offsets, starts, ends, flags, cut, "\n" if inner else "")


def with_breaks(strings: Strings, lines: Lines) -> tuple[Any, Any]:
    ends = lines.starts.copy()
    for i in range(len(lines)):
        stop = int(lines.offsets[i + 1])
        if stop > lines.offsets[i]:
            ends[lines.offsets[i] : stop] = [
                *lines.starts[lines.offsets[i] + 1 : stop],
                strings.offsets[i + 1],
            ]
    return lines.starts, ends


def reference(text: str, keep: list[bool], holes: list[Spans], inner: bool) -> str:
    kept = []
    for raw, stays, spans in zip(text.splitlines(keepends=True), keep, holes, strict=True):
        line = raw.strip()
        left = line
        for start, end in reversed(spans):
            left = left[:start] + left[end:]
        if stays:
            before = raw[: len(raw) - len(raw.lstrip())] if line else ""
            behind = raw[len(before) + len(line) :]
            kept.append(left if inner else before + left + behind)
    return ("\n" if inner else "").join(kept).strip()


@pytest.mark.parametrize("inner", [True, False])
def test_empty(inner: bool) -> None:
    for texts in ([], [""], ["", ""]):
        kept = kept_of(texts, [[] for _ in texts], [[] for _ in texts], inner)
        assert kept.text().to_pylist() == texts
        assert len(kept.words(cut_words(kept.strings)).starts) == 0


@pytest.mark.parametrize(
    ("inner", "new"),
    [(True, "b is\nd"), (False, "b is \r\nd")],
)
def test_lines(inner: bool, new: str) -> None:
    text = " a\n\n [1] b[2] is \r\nc\nd\n\n"
    keep = [False, True, True, False, True, True]
    holes: list[Spans] = [[(0, 1)], [], [(0, 3), (5, 8)], [(0, 1)], [], []]
    assert reference(text, keep, holes, inner) == new
    assert kept_of([text], [keep], [holes], inner).text().to_pylist() == [new]


atoms = st.sampled_from(
    [
        *(
            "a",
            "It's",
            "é",
            "e\u0301",
            "日本語です",
            "ไทย",
            "👩🏽",
            "שלום",
            "3.14",
            "U.S.",
            "...",
            "[1]",
            "(",
            "://x.y",
        ),
        *("\n", "\r\n", "\n\n", "\u2028", "\x1c", " ", "\u3000", "\u200b", "\u0301", "\x00", "-", "C++"),
    ]
)
texts = st.one_of(st.text(max_size=25), st.lists(atoms, max_size=15).map("".join))


@given(st.lists(texts, min_size=1, max_size=3), st.booleans(), st.data())
def test_like_the_reference(texts: list[str], inner: bool, data: st.DataObject) -> None:
    keep: list[list[bool]] = []
    holes: list[list[Spans]] = []
    for text in texts:
        lines = text.splitlines()
        keep.append(data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines))))
        holes.append([])
        for line in lines:
            edges = data.draw(st.lists(st.integers(0, len(line.strip())), max_size=4).map(sorted))
            pairs = list(zip(edges[::2], edges[1::2], strict=False))
            holes[-1].append([pair for pair in pairs if pair[0] < pair[1]])
    kept = kept_of(texts, keep, holes, inner)
    new = kept.text()
    found = [reference(*each, inner) for each in zip(texts, keep, holes, strict=True)]
    assert new.to_pylist() == found
    words, expected = kept.words(cut_words(kept.strings)), cut_words(Strings.of(new))
    for name in ("offsets", "starts", "ends", "hashes", "folded", "chars", "kinds"):
        assert getattr(words, name).tolist() == getattr(expected, name).tolist(), name


@pytest.mark.parametrize(
    ("text", "keep", "opening"),
    [
        ("0\u2028เขา", [True, True], [False, True]),  # between them stands a line end now
        ("เขา\nx\nมา", [False, False, True], [False]),  # nothing stands before it any more
        ("x\nเขา", [True, True], [False, True]),
    ],
)
def test_sentences_open_by_what_stands_before_them_now(
    text: str, keep: list[bool], opening: list[bool]
) -> None:
    kept = kept_of([text], [keep], [[] for _ in keep], True)
    words = kept.words(cut_words(kept.strings))
    assert ((words.kinds & OPENS_SENTENCE) != 0).tolist() == opening
    assert words.kinds.tolist() == cut_words(Strings.of(kept.text())).kinds.tolist()


def test_a_part_of_a_longer_array() -> None:
    array = pa.array(["x\ny", "a\nb\nc", "z"]).slice(1, 1)
    strings = Strings.of(array)
    lines = cut_lines(strings)
    none = np.zeros(0, np.int64)
    flags = np.array([True, False, True])
    kept = Kept(
        strings,
        lines.offsets,
        lines.inner_starts,
        lines.inner_ends,
        flags,
        Holes.of(none, none, lines.inner_starts),
        "\n",
    )
    assert kept.text().to_pylist() == ["a\nc"]
    words = kept.words(cut_words(strings))
    assert (words.starts.tolist(), words.ends.tolist()) == ([0, 2], [1, 3])
