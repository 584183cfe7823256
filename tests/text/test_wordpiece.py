"""WordPiece tokens against the `tokenizers` library, and means against NumPy."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from text.strings import Strings
from text.wordpiece import LONGEST, WordPieces, means

_LETTERS = [*"abcéßıdžж中日각αος", *"0127", *".,!?'’—$#+≠½…", "[", "]"]
_TOKENS = [
    "[UNK]",
    "ab",
    "abc",
    "##b",
    "##bc",
    "##a",
    "##c",
    "a",
    "b",
    "c",
    "e",
    "ss",
    "##e",
    "##ж",
    "ж",
    "中",
]
_TOKENS += [
    "日",
    "ᄀ",
    "##ᅡ",
    "##ᆨ",
    "α",
    "##ο",
    "##ς",
    "0",
    "1",
    "##2",
    "12",
    ".",
    ",",
    "!",
    "'",
    "’",
    "—",
    "$",
    "=",
]
_ALPHABET = st.one_of(st.sampled_from([*_LETTERS, " ", "\n", "\t", "\u00a0", "\u200b", "\u0301", "\0"]))


def library(lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece({name: at for at, name in enumerate(_TOKENS)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer


def pieces(lowercase: bool) -> WordPieces:
    return WordPieces.of({name: at for at, name in enumerate(_TOKENS) if at}, lowercase)


@given(st.lists(st.text(_ALPHABET, max_size=30), max_size=4), st.booleans())
def test_tokens_are_those_of_the_library(texts: list[str], lowercase: bool) -> None:
    offsets, ids = pieces(lowercase).cut(Strings.of(pa.array(texts, pa.string())), 1 << 40)
    for at, found in enumerate(library(lowercase).encode_batch(texts)):
        assert ids[offsets[at] : offsets[at + 1]].tolist() == [number for number in found.ids if number]


@given(st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_cut(texts: list[str]) -> None:
    offsets, ids = pieces(True).cut(Strings.of(pa.array(texts, pa.string())), 3)
    assert (np.diff(offsets) <= 3).all() and len(ids) == offsets[-1]


def test_first_tokens_long_words_and_what_is_unknown() -> None:
    longest = "a" * LONGEST
    texts = [
        "",
        "ab abc ab",
        longest,
        longest + "a",
        "abx ab",
        "🙂" * 50,
        "AB ÀB",
        f"{longest} b",
        f"{longest}a b",
    ]
    offsets, ids = pieces(True).cut(Strings.of(pa.array(texts)), 2)
    found = [[_TOKENS[token] for token in ids[a:b]] for a, b in pairwise(offsets)]
    whole = ["a", "##a"]
    assert found == [[], ["ab", "abc"], whole, [], ["ab"], [], ["ab", "ab"], whole, ["b"]]


def test_means_are_of_length_one_and_zero_without_tokens() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    vectors.setflags(write=False)
    found = means(np.array([0, 0, 3, 4]), np.array([1, 2, 2, 4], np.int32), vectors)
    plain = vectors[[1, 2, 2]].sum(axis=0)
    assert not found[0].any()
    assert np.allclose(found[1], plain / np.linalg.norm(plain), atol=1e-6)
    assert np.allclose(found[2], vectors[4] / np.linalg.norm(vectors[4]), atol=1e-6)
