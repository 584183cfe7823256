"""Anchors of windows and hashes of their blocks, against whole numbers and slices in plain Python."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from text import winnowing
from text.strings import Strings
from text.winnowing import Blocks, Winnowing, anchors, firsts, pieces

PRIME = (1 << 61) - 1
_TEXTS = st.lists(st.one_of(st.text("ab", max_size=40), st.text(max_size=30)), max_size=4)


def hashed(part: bytes) -> int:
    """The polynomial whose coefficients are the bytes, each and 1."""
    value = 0
    for byte in part:
        value = (value * int(winnowing._BASE) + byte + 1) % PRIME
    return value


def anchor_of(window: bytes, gram: int) -> int:
    """The last of the k-grams with the least hash."""
    values = [hashed(window[at : at + gram]) for at in range(len(window) - gram + 1)]
    return max(at for at, value in enumerate(values) if value == min(values))


def strings_of(texts: Sequence[str]) -> tuple[Strings, list[bytes]]:
    # Not at the start of the buffer: offsets need not begin with 0.
    return Strings.of(pa.array(["before", *texts], pa.large_string()).slice(1)), [t.encode() for t in texts]


def test_no_text_and_texts_shorter_than_a_window() -> None:
    for texts in ([], [""], ["abc", ""]):
        assert len(anchors(strings_of(texts)[0], Winnowing(4)).text) == 0


@settings(max_examples=60)
@given(_TEXTS, st.integers(4, 12))
@example(["a" * 30, "😀" * 12, "abcabcabcabc"], 7)
def test_every_window_is_in_the_run_of_its_anchor(texts: list[str], length: int) -> None:
    strings, raw = strings_of(texts)
    by = Winnowing(length)
    runs = anchors(strings, by)
    windows = []
    for k in range(len(runs.text)):
        text, first, last = raw[runs.text[k]], int(runs.first[k]), int(runs.last[k])
        assert runs.core[k] == runs.name[k] == hashed(text[runs.anchor[k] :][: by.gram])
        assert runs.whole[k] == hashed(text[first : last + length])
        for at in range(first, last + int(runs.again[k]) + 1):
            period = last - first + 1
            same = first + (at - first) % period
            windows.append((int(runs.text[k]), at))
            assert text[at : at + length] == text[same : same + length]
            assert int(runs.anchor[k]) - same == anchor_of(text[at : at + length], by.gram)
    assert windows == [(i, at) for i, text in enumerate(raw) for at in range(len(text) - length + 1)]


@settings(max_examples=60)
@given(_TEXTS, st.integers(4, 12), st.integers(1, 5))
def test_pieces_are_cut_at_fixed_distances_from_the_anchor(texts: list[str], length: int, size: int) -> None:
    strings, raw = strings_of(texts)
    by = Winnowing(length)
    size = min(size, length)
    runs = anchors(strings, by)
    found = pieces(strings, runs, size, by)
    windows = []
    for k in range(len(found.text)):
        text, first, last = raw[found.text[k]], int(found.first[k]), int(found.last[k])
        anchor = int(found.anchor[k])
        windows += [(int(found.text[k]), at) for at in range(first, last + 1)]
        [place] = {(anchor - at) // size for at in range(first, last + 1)}
        highest = anchor - place * size
        assert found.core[k] == hashed(text[highest : highest - size + 1 + length])
        assert found.whole[k] == hashed(text[first : last + length])
        assert found.name[k] == hashed(text[anchor : anchor + by.gram])
    assert windows == [
        (int(runs.text[k]), at)
        for k in range(len(runs.text))
        for at in range(int(runs.first[k]), int(runs.last[k]) + 1)
    ]


def test_a_text_of_one_letter_is_one_run() -> None:
    """Each window is the one before it: 3 million runs otherwise."""
    runs = anchors(Strings.of(pa.array(["a" * 3_000_000])), Winnowing(500))
    assert (runs.first.tolist(), runs.last.tolist(), runs.again.tolist()) == ([0], [0], [3_000_000 - 500])


def test_runs_of_long_texts_go_on_over_the_pieces_that_are_gone_through() -> None:
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("abcdefgh"), 100_000))
    runs = anchors(Strings.of(pa.array([text])), Winnowing(500))
    assert runs.first[0] == 0 and runs.last[-1] == 100_000 - 500
    assert (runs.first[1:] == runs.last[:-1] + 1).all()
    copy = anchors(Strings.of(pa.array(["x" * 777 + text])), Winnowing(500))
    known = {int(anchor) for anchor in copy.anchor}
    missing = [int(anchor) for anchor in runs.anchor if int(anchor) + 777 not in known]
    assert missing == []
    # About two for as many bytes as there are k-grams in a window.
    assert 1.8 < len(runs.anchor) * Winnowing(500).grams / 100_000 < 2.2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=20))
def test_where_pairs_stand_first(given_pairs: list[tuple[int, int]]) -> None:
    hashes = np.array([pair[0] << 40 for pair in given_pairs], np.uint64)
    checks = np.array([pair[1] for pair in given_pairs], np.uint64)
    assert firsts(hashes, checks).tolist() == [given_pairs.index(pair) for pair in given_pairs]


def test_no_blocks() -> None:
    none = np.zeros(0, np.int64)
    empty = Blocks(none, none, none, none, none, *(np.zeros(0, np.uint64),) * 3)
    assert len(pieces(Strings.of(pa.array(["abcdef"])), empty, 2, Winnowing(4)).text) == 0
