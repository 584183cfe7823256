"""Folded words beside those of the tokens."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from text.folded import folded_words
from text.strings import Strings
from text.words import cut_words

_PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(
        [*"aB9éÉ'’.,;:/=-–+*^@~_\\?!()«»\u200b\u3000🙂²½①", "e\u0301", "://", "ไทย", "汉字", "かな", "ភាសា"]
    ),
    st.sampled_from(["don't", "it's", "U.S.", "3.14", "1,000", "covid-19", "C++", "-5", ".NET", "end.Start"]),
    st.sampled_from(["http://a.b/c?d=e", "me@site.org", "한글"]),
    st.sampled_from([" ", "\n", "\t", "\u00a0", "\u0301", "\u200d"]),
)
_TEXTS = st.lists(st.one_of(st.none(), st.lists(_PIECES, max_size=12).map("".join)), max_size=6)


def _same(texts: list[str | None]) -> None:
    array = pa.array(["before", *texts], pa.string()).slice(1)
    offsets, folded = folded_words(Strings.of(array))
    expected_offsets, expected = cut_words(Strings.of(array)).folded_words()
    assert offsets.tolist() == expected_offsets.tolist()
    assert folded.tolist() == expected.tolist()
    assert (offsets.dtype, folded.dtype) == (expected_offsets.dtype, expected.dtype)


def test_no_texts_and_no_words() -> None:
    _same([])
    _same(["", None, "...", " \n", "🙂🙂🙂", "\u0301"])


@settings(max_examples=500)
@given(_TEXTS)
def test_words_are_those_of_the_tokens(texts: list[str | None]) -> None:
    _same(texts)


def test_more_words_than_there_is_room_for_at_first() -> None:
    _same(["a b " * 1000, "ไทย", "a'b'c'd" * 100])
