import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.labelling.answers import Answer, Answers, key_of
from pipeline.errors import StoreError


def test_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    answers = Answers(str(tmp_path / "answers"))
    assert len(answers) == 0 and answers.get("a") is None
    with answers:
        pass
    assert not (tmp_path / "answers").exists()


def test_answers_are_there_again_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    first = Answer("a", 'x"\n\u2028é', "stop", None, 10, 2)
    with Answers(str(tmp_path)) as answers:
        answers.add(first)
        answers.add(Answer("b", None, refusal="no"))
        # Before the end: a killed process has lost nothing.
        assert len(Answers(str(tmp_path))) == 2
    for number in range(11):  # more files than have one digit
        with Answers(str(tmp_path)) as answers:
            assert answers.get("a") == first
            answers.add(Answer("b", str(number)))
    found = {answer.key: answer for answer in Answers(str(tmp_path))}
    assert found == {"a": first, "b": Answer("b", "10")}


def test_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    with Answers(str(tmp_path)) as answers:
        for key in "abc":
            answers.add(Answer(key, "é" * 50))
    file = tmp_path / "00001.jsonl"
    whole = file.read_bytes()
    line = whole.index(b"\n") + 1
    for cut in (2, 3, line // 2, line - 30, line - 1):
        file.write_bytes(whole[:-cut])
        assert [answer.key for answer in Answers(str(tmp_path))] == ["a", "b"]
    for garbage in (b"[" * 100_000, b'{"key": "b", "raw": 5}', b'{"key": 5, "raw": "x"}', b"\xff", b"null"):
        file.write_bytes(whole.replace(whole[line : 2 * line], garbage + b"\n"))
        assert [answer.key for answer in Answers(str(tmp_path))] == ["a", "c"]
    file.write_bytes(whole.replace(b'"b"', b'"b', 1))
    assert [answer.key for answer in Answers(str(tmp_path))] == ["a", "c"]


def test_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes once there is room again is whole."""
    write = os.write

    def full(file: int, line: bytes) -> int:
        if len(line) <= 50:
            raise OSError(errno.ENOSPC, "full")
        return write(file, line[:50])

    with Answers(str(tmp_path)) as answers:
        answers.add(Answer("a", "x"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(StoreError, match="no space left"):
                answers.add(Answer("b", "x"))
        answers.add(Answer("c", "x"))
    assert [answer.key for answer in Answers(str(tmp_path))] == ["a", "c"]


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_key_tells_questions_apart(first: str, second: str, model: str, other: str) -> None:
    def key(text: str, model: str, temperature: float) -> str:
        return key_of([{"role": "user", "content": text}], model, {"temperature": temperature})

    assert (key(first, model, 0) == key(second, model, 0)) is (first == second)
    assert (key(first, model, 0) == key(first, other, 0)) is (model == other)
    assert key(first, model, 0) != key(first, model, 0.5)


def test_line_is_json_that_anybody_can_read(tmp_path: Path) -> None:
    with Answers(str(tmp_path)) as answers:
        answers.add(Answer("a", "grün", "stop", None, 10, 2, limit=512))
    assert json.loads((tmp_path / "00001.jsonl").read_text("utf-8")) == {
        **{"key": "a", "raw": "grün", "finish": "stop", "refusal": None, "tokens_in": 10, "tokens_out": 2},
        **{"requests": 1, "counted": True, "limit": 512},
    }


def test_answer_that_was_cut_off_wants_more_tokens() -> None:
    assert Answer("a", "x", "length", limit=100).wants(101)
    assert not Answer("a", "x", "length", limit=100).wants(100)
    assert not Answer("a", "x", "stop", limit=100).wants(101)
