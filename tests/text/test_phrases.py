"""Phrase search against the `in` of Python strings."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.phrases import Phrases
from text.strings import Strings


def found(phrases: tuple[str, ...], *texts: str) -> list[int]:
    strings = Strings.of(pa.array(texts, pa.string()))
    bits = Phrases.of(phrases).found(strings, strings.offsets[:-1], strings.offsets[1:])
    return [int(value) for value in bits]


def test_empty() -> None:
    assert found(("a",), "") == [0]
    assert found(("a",)) == []
    assert found((), "a") == [0]


def test_example() -> None:
    phrases = ("lorem ipsum", "{", "use cookies", "日本")
    assert found(phrases, "LOREM Ipsum", "lorem  ipsum", "a{b", "We use Cookies in 日本") == [1, 0, 2, 12]


def test_not_across_the_end_of_a_text() -> None:
    assert found(("ab",), "a", "b", "ab") == [0, 0, 1]


def test_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="at most 32"):
        Phrases.of(("a", ""))
    with pytest.raises(ValueError, match="at most 32"):
        Phrases.of(tuple("abcdefghijklmnopqrstuvwxyzABCDEFG"))


def lower(text: str) -> str:
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in text)


letters = st.text(st.sampled_from("aAbBc {zZé日"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(letters.filter(bool), max_size=32, unique=True), st.lists(letters, max_size=8))
def test_like_in(phrases: list[str], texts: list[str]) -> None:
    expected = [
        sum(1 << bit for bit, phrase in enumerate(phrases) if lower(phrase) in lower(text)) for text in texts
    ]
    assert found(tuple(phrases), *texts) == expected
