"""Lines and paragraphs as they are compared and cut out, against plain Python."""

import unicodedata
from itertools import groupby

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.copies import Unit, Way, cuts, ends_with_break, read_units, units
from text.lines import Lines, cut_lines
from text.strings import Strings
from text.unicode_tables import folds

BREAKS = ("\n", "\r\n", "\r", "\x85", "\u2028", "\x0b", "\n\n", "\n \n", "\n\u3000\n\n")
WORDS = (
    "a",
    "A",
    " b ",
    "b  c",
    "\t",
    "é",
    "É",
    "x1",
    "x２",
    "…",
    "«",
    "!",
    "\x00",
    "İ",
    "Σ",
    "ς",
    "😀",
    "각",
    "①",
)
TEXTS = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), max_size=4).map("".join), st.sampled_from(BREAKS)), max_size=8
).flatmap(
    lambda parts: st.sampled_from(
        ["".join(line + end for line, end in parts), "".join(line + end for line, end in parts)[:-1]]
    )
)
SETTINGS = settings(max_examples=40, deadline=None)


def cut(texts: list[str]) -> tuple[Strings, Lines]:
    strings = Strings.of(pa.array(texts, pa.large_string()))
    return strings, cut_lines(strings)


def plain_units(text: str, unit: Unit) -> list[str]:
    """With white space at both ends, but for the line break at the very end."""
    if unit == "line":
        return [line for line in text.splitlines() if line.strip()]
    rows = groupby(text.splitlines(keepends=True), key=lambda line: bool(line.strip()))
    written = [[*lines] for filled, lines in rows if filled]
    return ["".join((*lines[:-1], *lines[-1].splitlines())) for lines in written]


def ccnet(line: str) -> str:
    """cc_net's reading of a paragraph, as it is told of its code."""
    line = "".join("0" if unicodedata.category(sign) == "Nd" else sign for sign in line.strip().lower())
    punctuation = set("，。、„”“«»」「《》´∶：？！（）；–—．～’…━〈〉【】％►")
    controls = {chr(point) for point in (*range(32), *range(127, 160))}
    return "".join(sign for sign in line if sign not in punctuation | controls)


def words(line: str) -> str:
    folded = ("".join(" " if sign.isspace() else chr(folds()[ord(sign)]) for sign in line)).replace("\0", "")
    return " ".join(folded.split())


READ = {
    "none": lambda line: line,
    "whitespace": lambda line: " ".join(line.split()),
    "ccnet": lambda line: ccnet(line).replace("ς", "σ"),
    "words": words,
}


@pytest.mark.parametrize("way", READ)
@pytest.mark.parametrize("unit", ["line", "paragraph"])
def test_nothing_to_read(way: Way, unit: Unit) -> None:
    for texts in ([], [""], [" \n\t", ""]):
        strings, lines = cut(texts)
        found = units(lines, unit)
        assert found.offsets.tolist() == [0] * (len(texts) + 1)
        assert len(read_units(strings, lines, found, way)[0]) == 0


@pytest.mark.parametrize("way", READ)
@SETTINGS
@given(st.lists(TEXTS, max_size=4), st.sampled_from(["line", "paragraph"]))
def test_copies_are_those_of_plain_python(way: Way, texts: list[str], unit: Unit) -> None:
    strings, lines = cut(texts)
    found = units(lines, unit)
    parts = [plain_units(text, unit) for text in texts]
    assert np.diff(found.offsets).tolist() == [len(part) for part in parts]
    hashes, sizes = read_units(strings, lines, found, way)
    read = [READ[way](part) for own in parts for part in own]
    assert sizes.tolist() == [len(part) for part in read]
    names = dict(zip(read, hashes.tolist(), strict=True))
    assert [names[part] for part in read] == hashes.tolist()  # copies have one hash
    assert len(set(names.values())) == len(names)  # and no two others have


@SETTINGS
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    lines = [line for line in text.encode("utf-8", "ignore").decode().splitlines() if line.strip()]
    for way, read in READ.items():
        strings, cut_up = cut(lines)
        _, sizes = read_units(strings, cut_up, units(cut_up, "line"), way)  # type: ignore[arg-type]
        assert sizes.tolist() == [len(read(line)) for line in lines]


@pytest.mark.parametrize(
    ("way", "line", "same", "other"),
    [
        ("none", "a b", "a b", "a b "),
        ("whitespace", " a\t\u3000b", "a b ", "A b"),
        (
            "ccnet",
            "  Posted by Ann — 12.03.2019",
            "posted BY …ann  99.99.9999 ",
            "posted by ann  9.99.9999",
        ),
        ("ccnet", "CAFÉ", "café", "cafe"),  # accents stay, and so does ASCII's punctuation
        ("ccnet", "a, b", "A, B", "a b"),
        ("ccnet", "a\tb", "ab", "a b"),
        ("ccnet", "٣ ΟΔΟΣ", "7 οδος", "7 οδο"),
        ("words", "Café, 12 €!", "cafe 99", "cafe 9"),
    ],
)
def test_what_each_way_ignores(way: Way, line: str, same: str, other: str) -> None:
    strings, lines = cut([line, same, other])
    hashes, _ = read_units(strings, lines, units(lines, "line"), way)
    assert hashes[0] == hashes[1] != hashes[2]


def plain_cut(text: str, gone: list[bool]) -> str:
    lines = text.splitlines(keepends=True)
    marked = [(line, go, not line.strip()) for line, go in zip(lines, gone, strict=True)]
    rows = [(loose, [*row]) for loose, row in groupby(marked, key=lambda line: line[1] or line[2])]
    left: list[str] = []
    for at, (_, row) in enumerate(rows):
        if not any(go for _, go, _ in row):
            left += [line for line, _, _ in row]
        elif 0 < at < len(rows) - 1:
            blank = next(([*run] for is_blank, run in groupby(row, key=lambda line: line[2]) if is_blank), [])
            left += [line for line, _, _ in blank]
    had_break = bool(lines) and lines[-1].splitlines()[0] != lines[-1]
    if left and not had_break and rows[-1][0] and any(go for _, go, _ in rows[-1][1]):
        left[-1] = left[-1].splitlines()[0]
    return "".join(left)


@SETTINGS
@given(st.lists(TEXTS, max_size=4), st.randoms(use_true_random=False))
def test_cuts_are_those_of_plain_python(texts: list[str], chance: object) -> None:
    strings, lines = cut(texts)
    filled = lines.inner_starts < lines.inner_ends
    gone = filled & np.array([chance.random() < 0.4 for _ in filled], np.bool_)  # type: ignore[attr-defined]
    offsets, found = cuts(strings, lines, gone)
    assert len(offsets) == len(texts) + 1 and offsets[-1] == len(found)
    for i, text in enumerate(texts):
        spans = found[offsets[i] : offsets[i + 1]].tolist()
        own = gone[lines.offsets[i] : lines.offsets[i + 1]].tolist()
        assert spans == sorted(set(spans)) and bool(spans) == any(own)
        data = text.encode()
        edges = [0, *spans, len(data)]
        left = b"".join(data[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
        assert left.decode() == plain_cut(text, own)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("-", ""),
        ("-\n", ""),
        ("\n-\n\n", ""),
        ("a\n-\nb", "a\nb"),
        ("a\r\n-\r\nb\r\n", "a\r\nb\r\n"),
        ("a\n-", "a"),
        ("a\n-\n", "a\n"),
        ("a\n\n-\n\n", "a\n"),
        ("\n-\n\na", "a"),
        ("a\n\n-\n\nb", "a\n\nb"),
        ("a\n-\n \n\n-\nb", "a\n \n\nb"),
        ("\n\na\n\n\n-\nb\n\n\n", "\n\na\n\n\nb\n\n\n"),
        ("a\n\n\n\nb", "a\n\n\n\nb"),
    ],
)
def test_blank_lines_around_a_cut(text: str, left: str) -> None:
    strings, lines = cut([text])
    gone = np.array([line == "-" for line in text.splitlines()])
    _, found = cuts(strings, lines, gone)
    edges = [0, *found.tolist(), len(text)]
    assert "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)) == left


@SETTINGS
@given(st.lists(TEXTS, max_size=4))
def test_lines_with_their_breaks(texts: list[str]) -> None:
    strings, lines = cut(texts)
    sizes = ends_with_break(strings, lines) - lines.starts
    expected = [len(line.encode()) for text in texts for line in text.splitlines(keepends=True)]
    assert sizes.tolist() == expected


def test_ten_megabytes_without_a_break() -> None:
    strings, lines = cut(["😀" * 2_500_000, "a " * 5_000_000])
    modes: list[Unit] = ["line", "paragraph"]
    for unit in modes:
        found = units(lines, unit)
        assert read_units(strings, lines, found, "words")[1].tolist() == [0, 9_999_999]
