"""Gopher's repetition rules."""

from typing import Any

import pytest

from filters.gopher_repetition import COLUMNS, RULES, STAGE

GOOD = {field.name: 0.0 for field in COLUMNS}

# Table A1 of the paper: column, largest share that is kept, rule.
TABLE_A1 = [
    ("duplicate_lines", 0.30, "lines"),
    ("duplicate_paragraphs", 0.30, "paragraphs"),
    ("duplicate_line_chars", 0.20, "line_chars"),
    ("duplicate_paragraph_chars", 0.20, "paragraph_chars"),
    ("top_2_gram", 0.20, "top_2_gram"),
    ("top_3_gram", 0.18, "top_3_gram"),
    ("top_4_gram", 0.16, "top_4_gram"),
    ("duplicate_5_grams", 0.15, "5_grams"),
    ("duplicate_6_grams", 0.14, "6_grams"),
    ("duplicate_7_grams", 0.13, "7_grams"),
    ("duplicate_8_grams", 0.12, "8_grams"),
    ("duplicate_9_grams", 0.11, "9_grams"),
    ("duplicate_10_grams", 0.10, "10_grams"),
]


def short(row: dict[str, float]) -> dict[str, float]:
    """What of a row is not zero, without the prefix of the names."""
    return {name.removeprefix("gopher_repetition_"): value for name, value in row.items() if value}


def test_empty(measured: Any, dropped: Any) -> None:
    """A text with nothing in it repeats nothing: it passes here."""
    rows = measured(STAGE, "", None, "\n \n")
    assert rows == [GOOD] * 3
    assert dropped(STAGE, rows) == [set()] * 3
    assert measured(STAGE) == []


def test_one_word(measured: Any) -> None:
    assert [short(row) for row in measured(STAGE, "word")] == [{}]


def test_lines_and_paragraphs(measured: Any) -> None:
    text = "aa b\ncc\n\naa b\ncc\n\naa b\n"  # 23 characters, 5 lines, 3 paragraphs
    (row,) = measured(STAGE, text)
    found = short(row)
    assert found["duplicate_lines"] == 3 / 5
    assert found["duplicate_line_chars"] == (4 + 2 + 4) / 23
    assert found["duplicate_paragraphs"] == 1 / 3
    assert found["duplicate_paragraph_chars"] == 7 / 23
    assert found["top_2_gram"] == 3 * 4 / 23
    assert found["top_3_gram"] == 2 * 7 / 23


def test_ngrams(measured: Any) -> None:
    text = "a b c d e f " * 3  # 36 characters, 18 tokens
    (row,) = measured(STAGE, text)
    found = short(row)
    assert found["top_2_gram"] == 3 * 3 / 36
    assert found["top_4_gram"] == 3 * 7 / 36
    assert found["duplicate_5_grams"] == 10 / 36
    assert found["duplicate_6_grams"] == 12 / 36
    assert found["duplicate_10_grams"] == 10 / 36


def test_characters_are_not_bytes(measured: Any) -> None:
    latin, greek = measured(STAGE, "ab cd ab cd", "αβ γδ αβ γδ")
    assert latin == greek


def test_a_text_does_not_see_its_neighbours(measured: Any) -> None:
    texts = ["a b\n\na b", "a b", "", "a b a b", "b"]
    assert measured(STAGE, *texts) == [measured(STAGE, text)[0] for text in texts]


@pytest.mark.parametrize(("column", "limit", "rule"), TABLE_A1)
def test_published_thresholds(dropped: Any, column: str, limit: float, rule: str) -> None:
    name = f"gopher_repetition_{column}"
    rows = [GOOD | {name: limit}, GOOD | {name: limit + 1e-6}]
    assert dropped(STAGE, rows) == [set(), {f"gopher_repetition_{rule}"}]


def test_names() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == len(COLUMNS) == len(TABLE_A1)
