"""Windows of bytes that texts have in common: anchors by which equal ones find each other.

A window is `length` bytes of a text from one place on. Each has an anchor: of the k-grams of bytes
within it, the one with the least hash, the last of these where there are several (winnowing:
Schleimer et al. 2003, Local algorithms for document fingerprinting). The anchor depends on nothing but
the window's bytes, so equal windows have equal anchors at the same distance from their start. Windows
that follow one another mostly have one anchor; a run of these is what `anchors` finds, and `pieces`
cuts it at fixed distances from the anchor, so that equal windows come to lie in blocks cut alike.

Bytes are hashed as a polynomial over the integers modulo 2^61 - 1 (Karp and Rabin 1987): two different
strings of n bytes have the same hash for at most n of the 2^60 bases that there are. From the hashes of
all prefixes of a text that of any part of it follows in two steps. One base is fixed for all: nothing
here resists someone who looks for collisions on purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from text.hashing import Hashes, random_words
from text.jit import inlined, kernel
from text.strings import Bytes, Offsets, Strings

Places = NDArray[np.int64]

_PRIME = np.uint64((1 << 61) - 1)
_BASE = np.uint64(random_words(1, np.uint64(61))[0] >> np.uint64(4))  # below 2^60: see `_prefixes`
_THREE, _SHIFT = np.uint64(3), np.uint64(61)
_ONE = np.uint64(1)
_CHUNK = 1 << 15  # windows that are gone through at a time: their hashes stay in the processor's cache


def _product_high(context: Any, a: Any, b: Any) -> Any:
    """The upper 64 bits of a product of 128, which NumPy cannot ask for and the processor gives at once."""
    del context, a, b

    def generate(_: Any, builder: Any, __: Any, given: Any) -> Any:
        wide = ir.IntType(128)
        left, right = (builder.zext(value, wide) for value in given)
        high = builder.lshr(builder.mul(left, right), ir.Constant(wide, 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


_high: Callable[[np.uint64, np.uint64], np.uint64] = intrinsic(_product_high)


@inlined
def _folded(a: np.uint64, b: np.uint64) -> np.uint64:
    """a * b modulo the prime, not always brought below it: at most 2^61 + a * b / 2^61."""
    low = a * b
    return (low & _PRIME) + ((low >> _SHIFT) | (_high(a, b) << _THREE))


@inlined
def _least(value: np.uint64) -> np.uint64:
    """A value below 2^63 brought below the prime."""
    value = (value & _PRIME) + (value >> _SHIFT)
    return value - _PRIME if value >= _PRIME else value


@inlined
def _part(prefixes: Hashes, powers: Hashes, start: int, end: int) -> np.uint64:
    """The hash of the bytes from `start` to `end`."""
    return _least(prefixes[end] + _PRIME - _least(_folded(prefixes[start], powers[end - start])))


@kernel
def _prefixes(data: Bytes, first: int, last: int, out: Hashes) -> None:
    """The hashes of data[first:first], data[first:first + 1] and so on to data[first:last] into `out`."""
    running = np.uint64(0)
    out[0] = running
    # The base is below 2^60, so that what is carried on stays below 2^62 + 2^9 without being reduced.
    for at in range(first, last):
        running = _folded(running, _BASE) + np.uint64(data[at]) + _ONE
        out[at - first + 1] = _least(running)


@kernel
def _grams(prefixes: Hashes, gram: int, power: np.uint64, out: Hashes) -> None:
    """The hashes of as many k-grams as `out` has room for."""
    behind = prefixes[gram:]
    for at in range(len(out)):
        out[at] = _least(behind[at] + _PRIME - _least(_folded(prefixes[at], power)))


@kernel
def _powers(count: int) -> Hashes:
    out = np.empty(count, np.uint64)
    value = _ONE
    for i in range(count):
        out[i] = value
        value = _least(_folded(value, _BASE))
    return out


@dataclass(frozen=True)
class Winnowing:
    """Windows of `length` bytes, and the k-grams of `gram` bytes of which each has one for its anchor.

    A shorter k-gram means fewer anchors and more that are equal without their windows being so.
    """

    length: int

    @property
    def gram(self) -> int:
        return max(1, self.length // 4)

    @property
    def grams(self) -> int:
        """k-grams of a window, as many as windows may have one anchor."""
        return self.length - self.gram + 1

    @cached_property
    def powers(self) -> Hashes:
        return _powers(2 * self.length + 1)


@dataclass(frozen=True)
class Blocks:
    """m blocks of windows, each block of one text and with one anchor.

    text      [m] int64, number of the text
    anchor    [m] int64, byte of the text at which the anchor begins
    first     [m] int64, byte at which the first window begins; `last`, the last window
    again     [m] int64, windows behind the last one that are the block's own once more, perhaps many times
    core      [m] uint64, hash of what all windows hold that the block could have by its distance from
              the anchor; of a run the anchor
    whole     [m] uint64, hash of the bytes of all windows; `name`, of the anchor

    Hashes are below 2^61 - 1 and not mixed further.
    """

    text: Places
    anchor: Places
    first: Places
    last: Places
    again: Places
    core: Hashes
    whole: Hashes
    name: Hashes


def anchors(strings: Strings, by: Winnowing) -> Blocks:
    """The runs of windows with one anchor, in order: every window of every text is in one.

    A run that is the one before it once more is told as `again` of that one: a text with a period of a
    few bytes has as many runs as bytes. A run may end without need, every `_CHUNK` windows.
    """
    places, hashes = _anchors(strings.data, strings.offsets, by.length, by.gram, by.powers)
    text, anchor, first, last, again = places.T
    return Blocks(text, anchor, first, last, again, hashes[:, 0], hashes[:, 1], hashes[:, 0])


def pieces(strings: Strings, blocks: Blocks, size: int, by: Winnowing) -> Blocks:
    """Blocks cut into such of at most `size` windows, in order.

    Two windows whose anchors are equal and at the same distance fall into blocks with the same core,
    whatever other windows the blocks that are given hold. Of these no more than the places is looked at,
    and `again` not either.
    """
    least, most = (blocks.anchor - end for end in (blocks.last, blocks.first))
    counts = most // size - least // size + 1
    of = np.repeat(np.arange(len(counts)), counts)
    step = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    nearest = (most[of] // size - step) * size  # the least distance from the anchor
    anchor = blocks.anchor[of]
    first = np.maximum(anchor - nearest - size + 1, blocks.first[of])
    last = np.minimum(anchor - nearest, blocks.last[of])
    hashes = _hashes(
        strings.data,
        strings.offsets[blocks.text],
        blocks.first,
        blocks.last + by.length,
        np.append(0, np.cumsum(counts)),
        anchor,
        nearest,
        first,
        last,
        size,
        by.length,
        by.gram,
        by.powers,
    )
    core, whole, name = hashes.T
    return Blocks(blocks.text[of], anchor, first, last, np.zeros(len(of), np.int64), core, whole, name)


@kernel
def _hashes(
    data: Bytes,
    texts: Offsets,
    starts: Places,
    ends: Places,
    offsets: Offsets,
    anchor: Places,
    nearest: Places,
    first: Places,
    last: Places,
    size: int,
    length: int,
    gram: int,
    powers: Hashes,
) -> Hashes:
    """Core, whole and name of pieces, [m, 3]; those of block k are `offsets[k]:offsets[k + 1]`."""
    out = np.empty((len(anchor), 3), np.uint64)
    prefixes = np.empty(len(powers) + length, np.uint64)
    for k in range(len(texts)):
        start = starts[k]
        _prefixes(data, texts[k] + start, texts[k] + ends[k], prefixes)
        for i in range(offsets[k], offsets[k + 1]):
            highest = anchor[i] - nearest[i] - start
            out[i, 0] = _part(prefixes, powers, highest, highest - size + 1 + length)
            out[i, 1] = _part(prefixes, powers, first[i] - start, last[i] + length - start)
            out[i, 2] = _part(prefixes, powers, anchor[i] - start, anchor[i] - start + gram)
    return out


@kernel
def _runs(values: Hashes, count: int, grams: int, anchor: Places, last: Places) -> int:
    """The runs among `count` windows, each of which has `grams` k-grams of the hashes `values`: the anchor
    and the last window of each; returns how many."""
    found, chosen = 0, 0
    for window in range(count):
        newest = window + grams - 1
        if window == 0 or chosen < window:
            next_one = newest
            for at in range(newest - 1, window - 1, -1):
                if values[at] < values[next_one]:
                    next_one = at
        elif values[newest] <= values[chosen]:
            next_one = newest
        else:
            continue
        if window:
            anchor[found], last[found] = chosen, window - 1
            found += 1
        chosen = next_one
    anchor[found], last[found] = chosen, count - 1
    return found + 1


@kernel
def _longer(values: NDArray[Any], room: int) -> NDArray[Any]:
    out = np.empty((room, values.shape[1]), values.dtype)
    out[: len(values)] = values
    return out


@kernel
def _anchors(data: Bytes, offsets: Offsets, length: int, gram: int, powers: Hashes) -> tuple[Places, Hashes]:
    """Text, anchor, first, last and again of each run, [m, 5]; hashes of anchor and whole, [m, 2]."""
    grams = length - gram + 1
    chunk = max(_CHUNK, 2 * length)
    prefixes = np.empty(chunk + length, np.uint64)
    values = np.empty(chunk + grams, np.uint64)
    anchor, last = np.empty(chunk, np.int64), np.empty(chunk, np.int64)
    room = chunk + 4 * (offsets[-1] - offsets[0]) // grams
    places, hashes = np.empty((room, 5), np.int64), np.empty((room, 2), np.uint64)
    m = 0
    for row in range(len(offsets) - 1):
        windows = offsets[row + 1] - offsets[row] - length + 1
        for begin in range(0, windows, chunk):
            count = min(chunk, windows - begin)
            start = offsets[row] + begin
            _prefixes(data, start, start + count + length - 1, prefixes)
            _grams(prefixes, gram, powers[gram], values[: count + grams - 1])
            found = _runs(values, count, grams, anchor, last)
            if m + found > room:
                room = 2 * (m + found)
                places, hashes = _longer(places, room), _longer(hashes, room)
            first = 0
            for i in range(found):
                whole = _part(prefixes, powers, first, last[i] + length)
                size = last[i] - first + 1
                if (
                    m > 0
                    and places[m - 1, 0] == row
                    and hashes[m - 1, 1] == whole
                    and hashes[m - 1, 0] == values[anchor[i]]
                    and places[m - 1, 3] - places[m - 1, 2] == size - 1
                    and places[m - 1, 1] - places[m - 1, 2] == anchor[i] - first
                ):
                    places[m - 1, 4] += size
                else:
                    places[m, 0], places[m, 1] = row, begin + anchor[i]
                    places[m, 2], places[m, 3], places[m, 4] = begin + first, begin + last[i], 0
                    hashes[m, 0], hashes[m, 1] = values[anchor[i]], whole
                    m += 1
                first = last[i] + 1
    return places[:m], hashes[:m]


@kernel
def _firsts(hashes: Hashes, checks: Hashes) -> Places:
    n = len(hashes)
    size = 16
    while size < 2 * n:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, np.int64)
    found = np.empty(n, np.int64)
    for i in range(n):
        slot = hashes[i] & mask
        while table[slot] >= 0 and (hashes[table[slot]] != hashes[i] or checks[table[slot]] != checks[i]):
            slot = (slot + _ONE) & mask
        if table[slot] < 0:
            table[slot] = i
        found[i] = table[slot]
    return found


def firsts(hashes: Hashes, checks: Hashes) -> Places:
    """Where each pair (hash, check) stands first, [n]; `hashes` well mixed."""
    found: Places = _firsts(np.ascontiguousarray(hashes), np.ascontiguousarray(checks))
    return found
