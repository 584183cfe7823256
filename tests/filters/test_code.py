"""Measures of source code, against a plain-Python reading of RedPajama's."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.code import COLUMNS, RULES, STAGE, measure
from pipeline.batch import Batch

GOOD = {
    "code_lines": 10,
    "code_longest_line": 80,
    "code_mean_line_length": 30.0,
    "code_alphanumeric": 0.6,
    "code_letters": 0.5,
    "code_letters_per_token": 3.0,
    "code_comment_lines": 0.2,
}


def test_empty(measured: Any, dropped: Any) -> None:
    rows = measured(STAGE, "", None)
    assert rows == [dict.fromkeys(GOOD, 0)] * 2
    assert dropped(STAGE, rows) == [{"code_alphanumeric", "code_letters_per_token"}] * 2
    assert measured(STAGE) == []
    (row,) = measured(STAGE, "\n\n")
    assert (row["code_lines"], row["code_longest_line"], row["code_mean_line_length"]) == (2, 0, 1.0)


def test_counts(measured: Any) -> None:
    (row,) = measured(STAGE, "# a note\nx1 = 'é'\n\nprint(x1)\n")
    assert row["code_lines"] == 4
    assert row["code_longest_line"] == 9
    assert row["code_mean_line_length"] == pytest.approx(29 / 4)
    assert row["code_alphanumeric"] == pytest.approx((5 + 3 + 7) / 29)
    assert row["code_letters"] == pytest.approx((5 + 2 + 6) / 29)
    assert row["code_comment_lines"] == pytest.approx(1 / 3)


def test_letters_per_token(measured: Any, dropped: Any) -> None:
    code = "def mean(values):\n    return sum(values) / len(values)\n" * 20
    numbers = "0.125, 3.5, 17, 4096, 99.5, 1e-5, 12345, 0.7,\n" * 20
    rows = measured(STAGE, code, numbers)
    assert rows[0]["code_letters_per_token"] > 2 > 0.5 > rows[1]["code_letters_per_token"]
    assert dropped(STAGE, rows) == [set(), {"code_letters_per_token"}]


@pytest.mark.parametrize(
    ("line", "comments"),
    [
        ("# a comment", 1),
        ("#a comment", 1),
        ("  // a comment", 1),
        ("-- a comment", 1),
        ("--", 1),
        ("; assembly", 1),
        ("% TeX", 1),
        ("/* one line */", 1),
        ("/* two\nlines */", 2),
        ("/*\n * three\n */\ncode();", 3),
        ('"""Docs\n\nand more\n"""', 3),
        ("<!-- so -->", 1),
        ("#include <a.h>", 0),
        ("#define A 1", 0),
        ("#ifdef X", 0),
        ("# if it is so", 1),
        ("#[derive(Debug)]", 0),
        ("--count;", 0),
        ("a = 1  # behind code", 0),
        ("/", 0),
    ],
)
def test_comments(measured: Any, line: str, comments: int) -> None:
    lines = len([one for one in line.split("\n") if one.strip()])
    (row,) = measured(STAGE, line)
    assert row["code_comment_lines"] == pytest.approx(comments / lines)


def test_a_text_does_not_see_its_neighbours(measured: Any) -> None:
    texts = ["/* open", "", "code", '"""', "# é", "x" * 2000]
    assert measured(STAGE, *texts) == [measured(STAGE, text)[0] for text in texts]


@pytest.mark.parametrize(
    ("column", "kept", "drops", "rule"),
    [
        ("code_longest_line", 1000, 1001, "code_longest_line"),
        ("code_mean_line_length", 100.0, 100.001, "code_mean_line_length"),
        ("code_alphanumeric", 0.25, 0.2499, "code_alphanumeric"),
        ("code_letters_per_token", 1.5, 1.4999, "code_letters_per_token"),
    ],
)
def test_published_thresholds(dropped: Any, column: str, kept: float, drops: float, rule: str) -> None:
    assert dropped(STAGE, [GOOD | {column: kept}, GOOD | {column: drops}]) == [set(), {rule}]


def test_names() -> None:
    assert [field.name for field in COLUMNS] == list(GOOD)
    assert len({rule.name for rule in RULES}) == len(RULES) == 4


def reference(text: str) -> dict[str, float]:
    lines = text.splitlines()
    chars = max(len(text), 1)
    return {
        "code_lines": len(lines),
        "code_longest_line": max(map(len, lines), default=0),
        "code_mean_line_length": len(text) / max(len(lines), 1),
        "code_alphanumeric": sum(map(str.isalnum, text)) / chars,
        "code_letters": sum(map(str.isalpha, text)) / chars,
    }


@given(st.lists(st.text(st.sampled_from('ab1é中²\n\r /*#"-;%<!>\u2028'), max_size=60), max_size=6))
@settings(max_examples=200)
def test_any_text_as_the_reference(texts: list[str]) -> None:
    batch = Batch(pa.table({"text": pa.array(texts, pa.string())}))
    batch.append(COLUMNS, measure(batch))
    for text, row in zip(texts, batch.table.to_pylist(), strict=True):
        assert {name: row[name] for name in reference(text)} == pytest.approx(reference(text))
        assert 0 <= row["code_comment_lines"] <= 1
