"""C4's rules, against a plain-Python reading of the original code."""

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.c4 import RULES, STAGE, Options, measure
from pipeline.batch import Batch
from text.sentences import count_sentences
from text.strings import Strings
from text.words import cut_words

GOOD = {"c4_sentences": 3, "c4_lorem_ipsum": False, "c4_curly_bracket": False}
LINE = "This line has five words."


def test_empty(measured: Any, dropped: Any) -> None:
    rows = measured(STAGE, "", None, "\n \n\n")
    assert rows[0] == rows[1] == rows[2]
    assert not any(rows[0].values())
    assert dropped(STAGE, rows) == [{"c4_sentences"}] * 3
    assert measured(STAGE) == []


def test_reasons(measured: Any) -> None:
    lines = {
        LINE: "kept",
        "He said: 'No end mark but a quote.'": "kept",
        'Really, is it so? Yes! It ends in a quote."': "kept",
        "A citation may stand behind it.[12][edit][citation needed][]": "kept",
        "": None,
        "  \t": None,
        f"A {'w' * 1001} of many letters, here.": "long_word",
        f"A {'w' * 999}. of just so many letters.": "kept",
        "This line has no end mark": "no_end_mark",
        "This line trails off in an ellipsis...": "no_end_mark",
        "A citation behind a blank. [1]": "no_end_mark",
        "Too few words here.": "few_words",
        "Please turn on JavaScript in your browser.": "javascript",
        "We link our Privacy Policy from here.": "policy",
        "This site makes use of cookies, always.": "policy",
    }
    (row,) = measured(STAGE, "\n".join(lines))
    for reason in ("long_word", "no_end_mark", "few_words", "javascript", "policy"):
        assert row[f"c4_lines_{reason}"] == list(lines.values()).count(reason), reason
    assert row["c4_lines_kept"] == list(lines.values()).count("kept")
    assert row["c4_lines"] == len([reason for reason in lines.values() if reason])
    assert row["c4_sentences"] == 1 + 1 + 3 + 1 + 2


def test_what_drops_a_page(measured: Any, dropped: Any) -> None:
    page = f"{LINE}\n{LINE}\n{LINE}\n"
    texts = [
        page,
        page + "Here we have LOREM ipsum, of course.",
        page + "function f() { return it, please; } or not.",
        page + "lorem ipsum {",  # a line that goes anyway
        page + "Some javascript and { a bracket, too.",
        f"{LINE}\n{LINE}",
    ]
    assert dropped(STAGE, measured(STAGE, *texts)) == [
        set(),
        {"c4_lorem_ipsum"},
        {"c4_curly_bracket"},
        set(),
        set(),
        {"c4_sentences"},
    ]


def test_options(measured: Any) -> None:
    text = "no mark in these words\nthree words here\ntwo words\n{ is code now"
    fineweb = Options(end_mark=False, min_words_per_line=3)
    (row,) = measured(STAGE, text, options=fineweb)
    assert (row["c4_lines_kept"], row["c4_lines_few_words"], row["c4_lines_no_end_mark"]) == (3, 1, 0)
    assert row["c4_sentences"] == 3
    assert row["c4_curly_bracket"]
    (row,) = measured(STAGE, text, options=Options(max_word_length=4))
    assert row["c4_lines_long_word"] == 3
    with pytest.raises(ValidationError):
        Options(min_words_per_line=-1)
    with pytest.raises(ValidationError):
        Options.model_validate({"min_words": 3})


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({}, set()),
        ({"c4_sentences": 2}, {"c4_sentences"}),
        ({"c4_lorem_ipsum": True}, {"c4_lorem_ipsum"}),
        ({"c4_curly_bracket": True}, {"c4_curly_bracket"}),
    ],
)
def test_published_thresholds(dropped: Any, values: dict[str, Any], rules: set[str]) -> None:
    assert dropped(STAGE, [GOOD | values]) == [rules]
    assert len({rule.name for rule in RULES}) == len(RULES) == 3
    assert Options() == Options(end_mark=True, min_words_per_line=5, max_word_length=1000)


# ---------------------------------------------------------------- the plain-Python reference

POLICIES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)


def reference(text: str, options: Options) -> dict[str, int]:
    reasons = dict.fromkeys(("long_word", "no_end_mark", "few_words", "javascript", "policy", "kept"), 0)
    lorem_ipsum = curly_bracket = False
    sentences = 0
    for raw in text.splitlines():
        line = raw.strip()
        words = line.split()
        if not words:
            continue
        cited = re.sub(r"\[[0-9]*\]|\[edit\]|\[citation needed\]", "", line)
        lower = cited.lower()
        if max(map(len, words)) > options.max_word_length:
            reasons["long_word"] += 1
        elif options.end_mark and (not cited.endswith((".", "?", "!", '"', "'")) or cited.endswith("...")):
            reasons["no_end_mark"] += 1
        elif len(words) < options.min_words_per_line:
            reasons["few_words"] += 1
        else:
            lorem_ipsum |= "lorem ipsum" in lower
            if "javascript" in lower:
                reasons["javascript"] += 1
                continue
            curly_bracket |= "{" in lower
            if any(phrase in lower for phrase in POLICIES):
                reasons["policy"] += 1
            else:
                reasons["kept"] += 1
                sentences += int(count_sentences(cut_words(Strings.of(pa.array([cited]))))[0])
    counts = {f"c4_lines_{reason}": count for reason, count in reasons.items()}
    return counts | {
        "c4_lines": sum(reasons.values()),
        "c4_sentences": sentences,
        "c4_lorem_ipsum": lorem_ipsum,
        "c4_curly_bracket": curly_bracket,
    }


words = st.sampled_from(
    [
        *(
            "a",
            "é",
            "日本",
            "end.",
            "really?",
            "said.”",
            'so."',
            "...",
            "wait...",
            "[1]",
            "it.[23]",
            "[edit]",
            "[]",
        ),
        *(
            "x[citation needed]",
            "[citation",
            "U.S.",
            "JavaScript",
            "lorem ipsum",
            "{",
            "Use Cookies",
            "wwwwwwwww",
        ),
        *("\n", "\r\n", "\u2028", "\xa0", "\n\n"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(words, max_size=25).map(" ".join), min_size=1, max_size=3),
    st.builds(
        Options,
        end_mark=st.booleans(),
        min_words_per_line=st.integers(0, 3),
        max_word_length=st.integers(4, 9),
    ),
)
def test_like_the_reference(texts: list[str], options: Options) -> None:
    arrays = measure(Batch(pa.table({"text": pa.array(texts)})), options)
    rows = pa.Table.from_arrays(arrays, schema=STAGE.adds).to_pylist()
    assert rows == [reference(text, options) for text in texts]
