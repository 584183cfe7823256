"""MinHash against exact Jaccard similarity, against theory, and beside datasketch."""

import re
import unicodedata
from itertools import pairwise

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from text import unicode_tables
from text.minhash import (
    band_keys,
    character_shingles,
    multipliers,
    sequence_hashes,
    shingles,
    signatures,
    similarity,
    sketches,
)
from text.strings import Offsets, Strings
from text.words import cut_words

_BANDS, _ROWS = 14, 8
_COUNT = _BANDS * _ROWS


def _signed(
    offsets: Offsets, folded: NDArray[np.uint64], ngram: int = 5, seed: int = 1
) -> NDArray[np.uint32]:
    return signatures(*shingles(offsets, folded, ngram), multipliers(_COUNT, seed))


def _words(texts: list[list[int]]) -> tuple[Offsets, NDArray[np.uint64]]:
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return offsets, np.array([word for text in texts for word in text], np.uint64)


def _pairs(count: int, size: int, jaccard: float, seed: int) -> tuple[list[list[int]], float]:
    """Pairs of sets of `size` numbers side by side in a list, and their exact similarity."""
    shared = round(2 * size * jaccard / (1 + jaccard))
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        numbers = rng.permutation(rng.choice(1 << 30, 2 * size, replace=False))
        first, second = numbers[:size], numbers[size - shared : 2 * size - shared]
        texts += [first.tolist(), rng.permutation(second).tolist()]
    return texts, shared / (2 * size - shared)


def test_no_texts() -> None:
    signed = _signed(*_words([]))
    assert signed.shape == (0, _COUNT) and signed.dtype == np.uint32
    assert band_keys(signed, _BANDS).shape == (0, _BANDS)
    offsets, hashes = shingles(*_words([]), 5)
    assert offsets.tolist() == [0] and len(hashes) == 0


def test_texts_without_words() -> None:
    signed = _signed(*_words([[], [1], []]))
    assert (signed[[0, 2]] == 2**32 - 1).all()
    assert (signed[1] < 2**32 - 1).any()


def test_short_texts_are_one_shingle_of_all_their_words() -> None:
    signed = _signed(*_words([[1, 2, 3], [1, 2, 3], [1, 2], [3, 2, 1], [1, 2, 3, 4, 5]]))
    assert (signed[0] == signed[1]).all()
    for other in signed[2:]:
        assert (signed[0] == other).mean() < 0.05


_TEXTS = st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=6)


@settings(max_examples=200, deadline=None)
@given(_TEXTS, st.integers(1, 6))
def test_shingles_are_equal_exactly_where_the_ngrams_are(texts: list[list[int]], ngram: int) -> None:
    offsets, hashes = shingles(*_words(texts), ngram)
    found = [hashes[a:b].tolist() for a, b in pairwise(offsets)]
    expected = []
    for text in texts:
        width = min(ngram, len(text))
        expected.append([tuple(text[i : i + width]) for i in range(len(text) - width + 1)] if text else [])
    assert list(map(len, found)) == list(map(len, expected))
    flat = [value for row in found for value in row]
    grams = [gram for row in expected for gram in row]
    assert len(set(flat)) == len(set(grams)) == len(set(zip(flat, grams, strict=True)))


@settings(max_examples=50, deadline=None)
@given(_TEXTS, st.integers(0, 2**64 - 1))
def test_a_text_has_its_signature_in_any_batch(texts: list[list[int]], seed: int) -> None:
    signed = _signed(*_words(texts), seed=seed)
    for text, whole in zip(texts, signed, strict=True):
        assert (_signed(*_words([text]), seed=seed)[0] == whole).all()
    again = [sorted(set(text)) for text in texts]  # with single words, order and repeats do not count
    assert (_signed(*_words(texts), 1, seed) == _signed(*_words(again), 1, seed)).all()


def test_least_values_are_spread_evenly() -> None:
    """Of m shingles the least of 2^32 values is beta distributed: mean 1 / (m + 1)."""
    rng = np.random.default_rng(0)
    texts = [rng.choice(1 << 30, 99, replace=False).tolist() for _ in range(500)]
    least = _signed(*_words(texts), 1) / 2**32
    assert np.abs(least.mean() - 0.01) < 4 * 0.01 / np.sqrt(500 * _COUNT)
    assert np.abs(least.mean(axis=0) - 0.01).max() < 5 * 0.01 / np.sqrt(500)


@pytest.mark.parametrize("jaccard", [0.0, 0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("size", [5, 100])
def test_estimate_has_no_bias_and_the_variance_of_independent_functions(jaccard: float, size: int) -> None:
    count = 1000
    texts, exact = _pairs(count, size, jaccard, seed=size)
    signed = _signed(*_words(texts), 1)
    estimates = (signed[::2] == signed[1::2]).mean(axis=1)
    variance = exact * (1 - exact) / _COUNT
    assert abs(estimates.mean() - exact) <= 4 * np.sqrt(variance / count) + 1e-6
    if variance:
        # Functions that agree with each other would widen this; the ratio's own deviation is .045.
        assert 0.8 < estimates.var() / variance < 1.2


@pytest.mark.parametrize("jaccard", [0.6, 0.7, 0.8, 0.9])
def test_candidates_follow_the_s_curve(jaccard: float) -> None:
    count = 2000
    texts, exact = _pairs(count, 120, jaccard, seed=7)
    keys = band_keys(_signed(*_words(texts), 1), _BANDS)
    candidates = (keys[::2] == keys[1::2]).any(axis=1).mean()
    chance = 1 - (1 - exact**_ROWS) ** _BANDS
    assert abs(candidates - chance) < 4 * np.sqrt(chance * (1 - chance) / count)


def test_bands_share_no_keys() -> None:
    signed = np.full((3, _COUNT), 7, np.uint32)
    signed[2, -1] = 8
    keys = band_keys(signed, _BANDS)
    assert len(np.unique(keys[0])) == _BANDS
    assert (keys[0] == keys[1]).all()
    assert (keys[0] == keys[2]).tolist() == [True] * (_BANDS - 1) + [False]


def test_as_close_to_the_exact_similarity_as_datasketch() -> None:
    rng = np.random.default_rng(3)
    vocabulary = ["".join(chr(97 + c) for c in rng.integers(0, 26, 6)) for _ in range(500)]
    texts: list[str] = []
    for _ in range(200):
        words = rng.choice(vocabulary, 150)
        edited = words.copy()
        edited[rng.choice(150, rng.integers(1, 12), replace=False)] = "edited"
        texts += [" ".join(words), " ".join(edited)]
    offsets, folded = cut_words(Strings.of(pa.array(texts))).folded_words()
    cut, hashes = shingles(offsets, folded, 5)
    sets = [set(hashes[a:b].tolist()) for a, b in pairwise(cut)]
    exact = np.array([len(a & b) / len(a | b) for a, b in zip(sets[::2], sets[1::2], strict=True)])
    assert exact.min() < 0.5 and exact.max() > 0.9
    signed = _signed(offsets, folded)
    ours = (signed[::2] == signed[1::2]).mean(axis=1) - exact
    peers = []
    for members in sets:
        peer = datasketch.MinHash(_COUNT)
        peer.update_batch([value.to_bytes(8, "little") for value in members])
        peers.append(peer)
    theirs = [a.jaccard(b) for a, b in zip(peers[::2], peers[1::2], strict=True)] - exact
    assert np.sqrt((ours**2).mean()) < 1.2 * np.sqrt((theirs**2).mean())
    assert abs(ours.mean()) < 4 * np.sqrt((exact * (1 - exact)).mean() / (_COUNT * len(exact)))


def _characters(text: str) -> str:
    """Letters and digits without case and marks, every digit 0, one space for what stands between."""
    folds, classes = unicode_tables.folds(), unicode_tables.classes()
    kept = "".join(
        chr(fold)
        if (fold := int(folds[ord(char)]))
        else ""
        if classes[ord(char)] & unicode_tables.EXTEND
        else " "
        for char in text
    )
    return re.sub(" +", " ", kept).strip(" ")


@given(
    st.lists(
        st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aB 1.\u0301🙂"))),
        max_size=5,
    ),
    st.integers(1, 6),
)
def test_character_ngrams_are_equal_exactly_where_they_are(texts: list[str], ngram: int) -> None:
    strings = Strings.of(pa.array(texts, pa.string()))
    tables = unicode_tables.classes(), unicode_tables.folds()
    offsets, hashes = character_shingles(strings.data, strings.offsets, *tables, ngram)
    expected = []
    for text in map(_characters, texts):
        width = min(ngram, len(text))
        expected.append([text[i : i + width] for i in range(len(text) - width + 1)] if text else [])
    assert np.diff(offsets).tolist() == list(map(len, expected))
    grams = [gram for row in expected for gram in row]
    assert len(set(hashes.tolist())) == len(set(grams)) == len(set(zip(hashes.tolist(), grams, strict=True)))


def test_characters_have_no_case_marks_and_punctuation() -> None:
    forms = ["Élan vital, 1907!", unicodedata.normalize("NFD", "élan VITAL 2024"), " elan...vital\n(0000)"]
    strings = Strings.of(pa.array(forms, pa.string()))
    tables = unicode_tables.classes(), unicode_tables.folds()
    offsets, hashes = character_shingles(strings.data, strings.offsets, *tables, 5)
    rows = [hashes[a:b].tolist() for a, b in pairwise(offsets)]
    assert rows[0] == rows[1] == rows[2] and len(rows[0]) == len("elan vital 0000") - 4


def test_texts_of_other_order_have_other_hashes() -> None:
    cut, hashes = shingles(*_words([[1, 2, 3], [], [3, 2, 1], [1, 2, 3], [1, 2, 3, 1]]), 1)
    found = sequence_hashes(cut, hashes)
    assert found[0] == found[3] and len(set(found.tolist())) == 4


_SETS = st.lists(st.integers(0, 30), max_size=40)


@given(_SETS, _SETS, st.sampled_from([0, 1, 5, 20, 64]), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_similarity_is_that_of_the_sets_or_of_the_least_of_both(
    left: list[int], right: list[int], most: int, least: float
) -> None:
    cut, hashes = shingles(*_words([left, right]), 1)
    ends, values = sketches(cut, hashes, most)
    sets = [{value >> 32 for value in hashes[a:b].tolist()} for a, b in pairwise(cut)]
    for (a, b), values_of in zip(pairwise(ends), sets, strict=True):
        assert values[a:b].tolist() == sorted(values_of)[: most + 1 if most else None]
    one, other = sets
    whole = most == 0 or max(len(one), len(other)) <= most
    looked_at = one | other if whole else set(sorted(one | other)[:most])
    exact = len(one & other & looked_at) / len(looked_at) if looked_at else 0.0
    found = similarity(values[: ends[1]], values[ends[1] :], most, least)
    assert found == (exact if exact >= least else 0.0)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [7],
        [2**32 - 1, 0, 2**32 - 1],
        [5] * 300,  # one n-gram again and again
        [*range(300, 0, -1), *range(2**32 - 100, 2**32)],  # not spread as hashes are
        [*range(40, 0, -1), *(at << 24 for at in range(200))],
    ],
)
def test_a_sketch_is_in_order_however_its_values_are_spread(values: list[int]) -> None:
    hashes = np.array([value << 32 for value in values], np.uint64)
    ends, found = sketches(np.array([0, len(values)]), hashes, 0)
    assert ends.tolist() == [0, len(found)]
    assert found.tolist() == sorted(set(values))


@pytest.mark.parametrize("jaccard", [0.2, 0.5, 0.8, 0.95])
def test_the_error_of_sketches_is_as_stated(jaccard: float) -> None:
    count, most = 500, 128
    texts, exact = _pairs(count, 1000, jaccard, seed=11)
    ends, values = sketches(*shingles(*_words(texts), 1), most)
    rows = [values[a:b] for a, b in pairwise(ends)]
    assert {len(row) for row in rows} == {most + 1}
    found = np.array([similarity(a, b, most, 0.0) for a, b in zip(rows[::2], rows[1::2], strict=True)])
    variance = exact * (1 - exact) / most
    assert abs(found.mean() - exact) < 4 * np.sqrt(variance / count)
    assert 0.75 < found.var() / variance < 1.25  # four deviations of a variance of 500
