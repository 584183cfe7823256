"""Repeated n-grams against a plain-Python count over lists of strings."""

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from text.ngrams import LARGEST, LARGEST_TOP, NgramChars, ngram_chars
from text.strings import Strings
from text.words import cut_words


def measured(*texts: str) -> NgramChars:
    return ngram_chars(cut_words(Strings.of(pa.array(texts, pa.string()))))


def top(words: list[str], n: int) -> int:
    """Characters of the most frequent n-gram (of the first among equals), times its frequency."""
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0
    counts = Counter(grams)
    most = max(counts.values())
    return most * len(next(gram for gram in grams if counts[gram] == most))


def duplicate(words: list[str], n: int) -> int:
    """Characters of n-grams seen before, read from the left, jumping over what is found."""
    seen: set[tuple[str, ...]] = set()
    chars = at = 0
    while at + n <= len(words):
        gram = tuple(words[at : at + n])
        if gram in seen:
            chars += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return chars


def test_empty() -> None:
    found = measured("", "one", "one one")
    assert found.top.tolist() == [[0, 0, 0, 0], [3, 0, 0, 0], [6, 7, 0, 0]]
    assert found.duplicate[:, :3].tolist() == [[0, 0, 0], [0, 0, 0], [3, 0, 0]]
    assert measured().top.shape == (0, LARGEST_TOP)


def test_example() -> None:
    found = measured("a b a b a b", "aa b c aa b d")
    # "a b" stands three times; from the left, the second is a repetition, then the third.
    assert found.top[0].tolist() == [3, 9, 10, 14]
    assert found.duplicate[0, :3].tolist() == [4, 4, 3]
    assert found.top[1].tolist() == [4, 8, 6, 9]
    assert found.duplicate[1, :3].tolist() == [3, 3, 0]


few_words = st.lists(st.sampled_from(["a", "b", "cc", "ddd", "é", "日", ","]), max_size=60).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(few_words, min_size=1, max_size=4))
def test_like_the_reference(batch: list[str]) -> None:
    found = measured(*batch)
    for i, text in enumerate(batch):
        words = text.split()
        assert found.top[i].tolist() == [top(words, n) for n in range(1, LARGEST_TOP + 1)]
        assert found.duplicate[i].tolist() == [duplicate(words, n) for n in range(1, LARGEST + 1)]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.lists(st.integers(0, 39), min_size=20, max_size=400))
def test_long_repetitions(period: int, draws: list[int]) -> None:
    words = [f"w{draw % period}" for draw in draws] * 2
    found = measured(" ".join(words))
    assert found.duplicate[0].tolist() == [duplicate(words, n) for n in range(1, LARGEST + 1)]
    assert found.top[0].tolist() == [top(words, n) for n in range(1, LARGEST_TOP + 1)]


def test_ten_megabytes() -> None:
    """One word over and over is the hard case: nothing drops out from round to round."""
    found = measured("word " * 2_000_000)
    assert found.top[0, 1] == 9 * 1_999_999
    assert found.duplicate[0, 9] == 4 * 10 * 199_999
