"""Gopher's quality rules."""

from typing import Any

import pytest

from filters.gopher import COLUMNS, RULES, STAGE

# A row that every rule keeps.
GOOD = {
    "gopher_words": 100,
    "gopher_mean_word_length": 5.0,
    "gopher_hashes_per_word": 0.0,
    "gopher_ellipses_per_word": 0.0,
    "gopher_bullet_lines": 0.0,
    "gopher_ellipsis_lines": 0.0,
    "gopher_words_with_letter": 1.0,
    "gopher_stop_words": 4,
}


def test_empty(measured: Any, dropped: Any) -> None:
    rows = measured(STAGE, "", None, " \n\n")
    assert rows == [dict.fromkeys(GOOD, 0)] * 3
    assert dropped(STAGE, rows)[0] == {
        "gopher_words",
        "gopher_mean_word_length",
        "gopher_words_with_letter",
        "gopher_stop_words",
    }
    assert measured(STAGE) == []


def test_counts(measured: Any) -> None:
    text = "The cat, and the dog... have #1 fun… 12\n- be\n\n  • It's the end ..."
    (row,) = measured(STAGE, text)
    words = ["The", "cat", "and", "the", "dog", "have", "1", "fun", "12", "be", "It", "'s", "the", "end"]
    tokens = len(words) + len([",", "...", "#", "…", "-", "•", "..."])
    assert row["gopher_words"] == len(words)
    assert row["gopher_mean_word_length"] == pytest.approx(sum(map(len, words)) / len(words))
    assert row["gopher_hashes_per_word"] == pytest.approx(1 / tokens)
    assert row["gopher_ellipses_per_word"] == pytest.approx(3 / tokens)
    assert row["gopher_bullet_lines"] == pytest.approx(2 / 4)
    assert row["gopher_ellipsis_lines"] == pytest.approx(1 / 4)
    assert row["gopher_words_with_letter"] == pytest.approx((len(words) - 2) / tokens)
    assert row["gopher_stop_words"] == 4  # the, and, have, be; case counts


def test_ellipses(measured: Any) -> None:
    texts = ["a ....", "a ......", "a .. .", "a…\n", "a… \nb..\n...\nc"]
    rows = measured(STAGE, *texts)
    assert [row["gopher_ellipses_per_word"] for row in rows] == [1 / 2, 2 / 2, 0, 1 / 2, 2 / 6]
    assert [row["gopher_ellipsis_lines"] for row in rows] == [1, 1, 0, 1, 2 / 4]


def test_a_text_does_not_see_its_neighbours(measured: Any) -> None:
    texts = ["a.", "..", "", "… the #", "the"]
    assert measured(STAGE, *texts) == [measured(STAGE, text)[0] for text in texts]


@pytest.mark.parametrize(
    ("column", "kept", "drops", "rule"),
    [
        ("gopher_words", [50, 100_000], [49, 100_001], "gopher_words"),
        ("gopher_mean_word_length", [3.0, 10.0], [2.999, 10.001], "gopher_mean_word_length"),
        ("gopher_hashes_per_word", [0.1], [0.10001], "gopher_hashes"),
        ("gopher_ellipses_per_word", [0.1], [0.10001], "gopher_ellipses"),
        ("gopher_bullet_lines", [0.9], [0.90001], "gopher_bullet_lines"),
        ("gopher_ellipsis_lines", [0.3], [0.30001], "gopher_ellipsis_lines"),
        ("gopher_words_with_letter", [0.8], [0.79999], "gopher_words_with_letter"),
        ("gopher_stop_words", [2], [1], "gopher_stop_words"),
    ],
)
def test_published_thresholds(dropped: Any, column: str, kept: Any, drops: Any, rule: str) -> None:
    assert dropped(STAGE, [GOOD | {column: value} for value in kept]) == [set()] * len(kept)
    assert dropped(STAGE, [GOOD | {column: value} for value in drops]) == [{rule}] * len(drops)


def test_names() -> None:
    assert [field.name for field in COLUMNS] == list(GOOD)
    assert len({rule.name for rule in RULES}) == len(RULES) == 8
