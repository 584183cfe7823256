import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.labelling.answers import Answer
from classifiers.labelling.prompt import Prompt, load_prompt
from classifiers.labelling.verdict import Verdict, judge, mend

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["label", "reason", "x"]), inner),
    max_leaves=5,
)
GRADES = load_prompt("educational_quality")


def judged(raw: str | None, finish: str = "stop", refusal: str | None = None) -> Verdict:
    return judge(GRADES, Answer("key", raw, finish, refusal))


@pytest.mark.parametrize(
    ("raw", "label", "reason"),
    [
        ('{"reason": "clear", "label": "3"}', "3", "clear"),
        ('{"label": "0"}', "0", None),
        ('{"reason": null, "label": "0"}', "0", None),
        ('{"reason": " two\\n lines ", "label": " 5 "}', "5", "two lines"),
        ('{"reason": "a grade as a number", "label": 4}', "4", "a grade as a number"),
        ('```json\n{"label": "2"}\n```', "2", None),
        ('Here it is:\n{"label": "2"}\nI hope that helps.', "2", None),
        ('<think>{"label": "1"}? No, it is a 2.</think>\n{"label": "2"}', "2", None),
        ('{"reason": "it says I\'m sorry, I can\'t", "label": "1"}', "1", "it says I'm sorry, I can't"),
    ],
)
def test_answer_that_can_be_read(raw: str, label: str, reason: str | None) -> None:
    assert judged(raw) == Verdict("ok", label, reason)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (None, "it is empty"),
        ("", "it is empty"),
        ("<think>hm</think>", "it is empty"),
        ("3", "it is JSON, but no object"),
        ('["3"]', "it is JSON, but no object"),
        ("I would say three.", "it holds no JSON object"),
        ('{"label": "3"', "it holds no JSON object that is whole"),
        ('{"label": "3"} or {"label": "4"}', "it holds several JSON objects"),
        ('{"label": "3", "label": "4"}', "it holds no JSON object that is whole"),
        ('{"label": "6"}', "label '6' is none of those listed"),
        ('{"label": 3.5}', "label: Input should be a valid string"),
        ('{"label": true}', "label: Input should be a valid string"),
        ('{"label": "3", "score": 5}', "score: Extra inputs are not permitted"),
        ('{"reason": "none"}', "label: Field required"),
        ("[" * 100_000, "it holds no JSON object"),
        ("The page says: I'm sorry, I cannot help.", "it holds no JSON object"),
    ],
)
def test_answer_that_cannot_be_read(raw: str | None, fault: str) -> None:
    assert judged(raw) == Verdict("unparsable", fault=fault)


@pytest.mark.parametrize(
    "raw",
    [
        "I'm sorry, but I can't help with that.",
        "I’m very sorry, but I am unable to grade this document.",
        "I cannot assist with this request.",
        "I won't rate this.",
        "Sorry, I can't do that.",
    ],
)
def test_refusal_in_words(raw: str) -> None:
    assert judged(raw) == Verdict("refused")


def test_refusal_apart_from_the_text() -> None:
    assert judged(None, refusal="I will not") == Verdict("refused")
    assert judged('{"label": "3"}', finish="content_filter") == Verdict("refused")


def test_answer_that_was_cut_off_is_none_even_if_it_reads_well() -> None:
    assert judged('{"label": "3"}', finish="length").status == "unparsable"


def test_labels_that_are_words_come_as_the_prompt_spells_them(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("name: p\nabout: p\nlabels: {Yes: y, No: n}\nsystem: '{answer}'\nuser: '{text}'\n")
    prompt: Prompt = load_prompt(str(file))
    assert judge(prompt, Answer("key", '{"label": "YES"}')) == Verdict("ok", "Yes")


def test_mending_repeats_the_answer_and_says_what_is_wrong() -> None:
    first, second = mend(Answer("key", "three"), "it holds no JSON object")
    assert first == {"role": "assistant", "content": "three"}
    assert second["role"] == "user" and "it holds no JSON object" in second["content"]


@given(
    st.one_of(st.text(), st.text(alphabet='{}[]"\\:,`0123456789 label'), st.builds(json.dumps, JSON)),
    st.sampled_from(["stop", "length", "tool_calls"]),
)
def test_whatever_comes_is_a_label_of_the_prompt_or_none(raw: str, finish: str) -> None:
    verdict = judged(raw, finish)
    assert verdict.status in ("ok", "refused", "unparsable")
    assert (verdict.label in GRADES.labels) is (verdict.status == "ok")
    assert bool(verdict.fault) is (verdict.status == "unparsable")
