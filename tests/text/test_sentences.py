"""Sentences against a plain-Python walk over the tokens, and against spaCy where it is there."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.sentences import count_sentences
from text.strings import Strings
from text.words import cut_words

TERMINAL = ".!?。？।"


def counted(*texts: str) -> list[int]:
    return [int(n) for n in count_sentences(cut_words(Strings.of(pa.array(texts, pa.string()))))]


def test_empty() -> None:
    assert counted("", " \n") == [0, 0]
    assert counted() == []


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One.", 1),
        ("One. Two! Three?", 3),
        ('He said "No." Then he left.', 2),
        ("What?! Really...", 2),
        ("no mark at all", 1),
        ("The U.S. is big", 1),
        ("... and so on", 1),
        ("这是一句。这是两句。", 2),
        ("(One.) (Two.)", 2),
    ],
)
def test_examples(text: str, sentences: int) -> None:
    assert counted(text) == [sentences]


def reference(tokens: list[str]) -> int:
    count, ended, inside = 0, False, False
    for token in tokens:
        ends = len(token) == 1 and token in TERMINAL
        punctuation = all(unicodedata.category(char)[0] == "P" for char in token)
        if not inside or (ended and not ends and not punctuation):
            count, inside, ended = count + 1, True, False
        ended = ended or ends
    return count


tokens = st.lists(st.sampled_from(["a", "B", "1", *TERMINAL, "...", '"', ")", ",", "$", "U.S."]), max_size=30)


@settings(max_examples=200, deadline=None)
@given(st.lists(tokens, min_size=1, max_size=4))
def test_like_the_reference(batch: list[list[str]]) -> None:
    texts = [" ".join(words) for words in batch]
    assert counted(*texts) == [reference(words) for words in batch]


def test_like_spacy() -> None:
    spacy = pytest.importorskip("spacy")
    cutter = spacy.blank("en")
    cutter.add_pipe("sentencizer")
    texts = [
        "One. Two! Three? (Four.) “Five.” six … seven... eight",
        "Is it? Yes - it is! At 3.14, well: no. [edit] The end",
        "日本。 中国？ हिन्दी। اردو۔ end",
    ]
    assert counted(*texts) == [len(list(cutter(text).sents)) for text in texts]
