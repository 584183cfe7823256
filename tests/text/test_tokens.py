"""The token estimate against a plain-Python reading of its rule."""

import gzip
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text import tokens
from text.strings import Strings
from text.tokens import count_tokens

LETTER = "A-Za-z\u00c0-\u036f\u1e00-\u1eff"


def pieces(text: str) -> list[tuple[str, str]]:
    """The pieces of the rule, each with its kind; an "other" is one character."""
    found: list[tuple[str, str]] = []
    for character in text:
        if re.match(f"[{LETTER}]", character):
            kind = "word"
        elif character in "0123456789":
            kind = "number"
        elif character in " \t\n\v\f\r":
            kind = "space"
        else:
            kind = "sign" if character.isascii() else "other"
        if found and found[-1][0] == kind and kind != "other":
            found[-1] = (kind, found[-1][1] + character)
        else:
            found.append((kind, character))
    return found


def price_of(character: str) -> int:
    return [price for first, _, _, price in tokens.SCRIPTS if first <= ord(character)][-1]


def reference(text: str) -> int:
    if not text:
        return 0
    cost = english = foreign = words = frequent = runs = 0
    cut = pieces(text)
    for (kind, piece), (after, _) in zip(cut, [*cut[1:], ("end", "")], strict=True):
        size = len(piece)
        if kind == "word":
            words += 1
            if re.search("[\u1e00-\u1eff]", piece):
                cost += 100
            elif not piece.isascii():
                cost += 100 + 28 * size
            else:
                english += 104 + 30 * max(0, size - 8)
                foreign += 100 + 40 * max(0, size - 4)
                frequent += piece.lower() in COMMON
        elif kind == "number":
            cost += 100 * -(-size // 3)
        elif kind == "space":
            cost += 100 * bool(re.search("[\r\n]", piece))
            cost += 100 * (after == "number" and piece[-1] not in "\r\n")
        elif kind == "sign":
            runs += 1
            cost += 60 + 75 * sum(a != b for a, b in itertools.pairwise(piece))
        else:
            cost += price_of(piece)
    if words:
        share = 10_000 * frequent // (words * 16) + 2 * max(0, 100 * runs // words - 30)
        share = min(100, share)
        cost += (english * share + foreign * (100 - share)) // 100
    return max(1, (cost + 50) // 100)


COMMON = tokens.COMMON.split()


def estimate(texts: list[str | None]) -> list[int]:
    counted: list[int] = count_tokens(Strings.of(pa.array(texts, pa.string()))).tolist()
    return counted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        (" ", 1),
        ("word", 1),
        ("1234567", 3),
        ("a 1", 3),
        ("a\n1", 3),
        ("a\n 1", 4),
        ("\n\n\n", 1),
        ("---------", 1),
        ("-=-=", 3),
        ("The cat is on the mat", 6),
        ("internationalisation", 7),
        ("the internationalisation", 6),
        ("日本", 2),
        ("\U0001f600", 2),
        ("\x00", 1),
        ("é", 1),
        ("việt", 1),
    ],
)
def test_examples(text: str, expected: int) -> None:
    assert estimate([text]) == [expected]
    assert reference(text) == expected


def test_no_texts_and_null() -> None:
    assert estimate([]) == []
    assert estimate([None, "a", ""]) == [0, 1, 0]
    sliced = pa.array(["skipped", "a b", "c"])[1:]
    assert count_tokens(Strings.of(sliced)).tolist() == [2, 1]


TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="theofAandZ 01\n\r\t.-_(éệжあ漢\u0301\U0001f600\u00ad", max_size=120),
    st.lists(st.sampled_from([*COMMON, "Wort", "naïve", "12", ",", "漢字"]), max_size=30).map(" ".join),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_matches_reference(texts: list[str]) -> None:
    assert estimate([*texts]) == [reference(text) for text in texts]


def test_every_character_has_a_price() -> None:
    points = [*range(0x20, 0x3000), *range(0x3000, 0x110000, 499)]
    texts: list[str | None] = [chr(point) * 20 for point in points if not 0xD800 <= point < 0xE000]
    assert estimate(texts) == [reference(text or "") for text in texts]


def test_bytes_that_are_not_utf8_end_in_a_count() -> None:
    data = np.frombuffer(b"\xff\xfe\xc3\xe2\x82", np.uint8)
    assert count_tokens(Strings(data, np.array([0, 2, 3, 5], np.int64))).min() >= 1


def test_size_on_real_pages(real_data: Path) -> None:
    """English web text has four to five and a half bytes a token with every tokenizer of today."""
    with gzip.open(real_data / "jsonl" / "c4-en-sample.json.gz", "rt", encoding="utf-8") as file:
        pages = [json.loads(line)["text"] for line in file]
    size = sum(len(page.encode()) for page in pages)
    assert 4.0 < size / sum(estimate(pages)) < 5.5
