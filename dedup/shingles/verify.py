"""Candidates checked: the Jaccard similarity of the shingles of each pair, by their sketches.

Pairs are cut by one of their two documents, their home, into blocks; every block tells each unit which
of its documents it wants to see; the units, reading their texts again, write sketches of these alone;
every block then holds those of its homes while those of the others pass by, unit after unit. So a task
holds the sketches of one block's homes, 1 / blocks of all at most, and its distinct pairs, 16 bytes each.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.blocks import Numbers, Rows, pieces_of, read_block, rows_of, write_blocks
from dedup.shingles.candidates import EDGES
from pipeline.store import join, remove
from text.jit import kernel
from text.minhash import Sketches, similarity
from text.strings import Offsets

SIMILAR = np.dtype([("left", "<i8"), ("right", "<i8"), ("jaccard", "<f8")])
"""Two documents and the similarity of their shingles."""
_SIZES = np.dtype([("document", "<i8"), ("size", "<i8")])
_WANTED = np.dtype("<i8")
_VALUES = np.dtype("<u4")

_HELD_PAIRS = 1 << 22  # that are made distinct at a time, about
_HELD_VALUES = 1 << 22  # of sketches that pass by together

LEVELS = 256
"""Files of SIMILAR are cut by similarity into so many blocks, the first of 1 alone, then descending."""

Sketched = Callable[[Numbers], Iterator[tuple[Numbers, Offsets, Sketches]]]
"""Given documents of one item, ascending: their numbers, again ascending, and their sketches, in pieces."""


@dataclass(frozen=True)
class Asked:
    """A block's pairs, each once, by `right`, and the documents that it wants: block 2i of item i its homes,
    block 2i + 1 the others."""

    pairs: str
    wanted: str


def write_asked(folder: str, pair_files: Sequence[str], firsts: Sequence[int], block: int) -> Asked:
    """Makes the pairs of the block distinct and asks the items for their sketches.

    firsts   number of the first document of each item, ascending
    """
    path = join(folder, f"{block:06d}.pairs")
    starts = np.asarray(firsts, np.int64)
    homes = [np.zeros(0, np.int64)]

    def distinct() -> Iterator[tuple[Rows, Numbers]]:
        for rows in _by_right(f"{path}.ranges", pair_files, block):
            left, right = np.ascontiguousarray(rows["left"]), np.ascontiguousarray(rows["right"])
            order = np.lexsort((left, right))
            left, right = left[order], right[order]
            new = np.ones(len(order), np.bool_)
            new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
            homes[:] = [np.unique(np.concatenate([*homes, left[new]]))]
            yield rows[order[new]], np.zeros(int(new.sum()), np.int64)

    def wanted() -> Iterator[tuple[Rows, Numbers]]:
        def item(documents: Numbers) -> Numbers:
            return 2 * (np.searchsorted(starts, documents, "right") - 1)

        yield homes[0], item(homes[0])
        before = -1
        for rows in pieces_of(path, 0, EDGES):
            each = np.unique(rows["right"])
            each = each[each > before]
            if len(each):
                before = int(each[-1])
                yield each, item(each) + 1

    write_blocks(path, EDGES, distinct(), 1)
    return Asked(path, write_blocks(join(folder, f"{block:06d}.wanted"), _WANTED, wanted(), 2 * len(firsts)))


def _by_right(path: str, pair_files: Sequence[str], block: int) -> Iterator[Rows]:
    """The pairs of the block in ranges of `right`, ascending: a bucket of any size is taken in pieces.

    path   of a file in which they lie meanwhile
    """
    count = sum(int(rows_of(name)[block]) for name in pair_files)
    if count <= _HELD_PAIRS:
        yield read_block(pair_files, block, EDGES)
        return
    last = 1 + max(int(rows["right"].max()) for name in pair_files for rows in pieces_of(name, block, EDGES))
    ranges = -(-count // _HELD_PAIRS)

    def cut() -> Iterator[tuple[Rows, Numbers]]:
        for name in pair_files:
            for rows in pieces_of(name, block, EDGES):
                yield rows, rows["right"] // -(-last // ranges)

    write_blocks(path, EDGES, cut(), ranges)
    for number in range(ranges):
        yield read_block([path], number, EDGES)
    remove(path)


@dataclass(frozen=True)
class Sent:
    """An item's sketches: files of documents with sizes and of values, block 2b the homes of block b, block
    2b + 1 the others that it asked for."""

    sizes: str
    values: str


def write_sketches(folder: str, asked: Sequence[Asked], item: int, sketched: Sketched) -> Sent:
    """Writes the sketches of the item's documents that the blocks want."""
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for block, ask in enumerate(asked):
        for role in range(2):
            each = read_block([ask.wanted], 2 * item + role, _WANTED)
            found.append((each, np.full(len(each), 2 * block + role)))
    document, target = (np.concatenate([pair[at] for pair in found]) for at in range(2))
    order = np.argsort(document, kind="stable")
    document, target = document[order], target[order]
    sizes: list[tuple[Rows, Numbers]] = []

    def pieces() -> Iterator[tuple[Rows, Numbers]]:
        for numbers, offsets, values in sketched(np.unique(document)):
            low, high = np.searchsorted(document, [numbers[0], numbers[-1] + 1])
            at = np.searchsorted(numbers, document[low:high])
            size = np.diff(offsets)[at]
            told = np.empty(high - low, _SIZES)
            told["document"], told["size"] = document[low:high], size
            sizes.append((told, target[low:high]))
            yield _ragged(offsets, values, at), np.repeat(target[low:high], size)

    blocks = 2 * len(asked)
    values = write_blocks(join(folder, f"{item:06d}.values"), _VALUES, pieces(), blocks)
    return Sent(write_blocks(join(folder, f"{item:06d}.sizes"), _SIZES, sizes, blocks), values)


@kernel
def _ragged(offsets: Offsets, values: Sketches, at: Numbers) -> Sketches:
    """The rows `at` of a ragged array, one after the other."""
    size = 0
    for i in range(len(at)):
        size += offsets[at[i] + 1] - offsets[at[i]]
    out = np.empty(size, np.uint32)
    end = 0
    for i in range(len(at)):
        for j in range(offsets[at[i]], offsets[at[i] + 1]):
            out[end] = values[j]
            end += 1
    return out


@dataclass(frozen=True)
class _Sketches:
    """Sketches of documents, ascending: numbers [n], offsets [n + 1], values."""

    document: Numbers
    offsets: Offsets
    values: Sketches

    @classmethod
    def read(cls, sent: Sequence[Sent], block: int) -> "_Sketches":
        sizes = read_block([each.sizes for each in sent], block, _SIZES)
        values = read_block([each.values for each in sent], block, _VALUES)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes["size"])])
        return cls(np.ascontiguousarray(sizes["document"]), offsets, values)

    @classmethod
    def pieces(cls, sent: Sent, block: int) -> "Iterator[_Sketches]":
        """Those of one item in pieces of about `_HELD_VALUES`: in a large bucket is all of an item."""
        sizes = read_block([sent.sizes], block, _SIZES)
        document, ends = np.ascontiguousarray(sizes["document"]), np.cumsum(sizes["size"])
        source = pieces_of(sent.values, block, _VALUES)
        held = np.zeros(0, _VALUES)
        first = before = 0
        while first < len(ends):
            last = max(first + 1, int(np.searchsorted(ends, before + _HELD_VALUES, "right")))
            upto = int(ends[last - 1])
            parts, count = [held], len(held)
            while count < upto - before:
                parts.append(next(source))
                count += len(parts[-1])
            values = np.concatenate(parts)
            yield cls(document[first:last], np.append(0, ends[first:last] - before), values[: upto - before])
            held = values[upto - before :].copy()
            first, before = last, upto


def write_similar(
    folder: str, most: int, least: float, asked: Sequence[Asked], sent: Sequence[Sent], block: int
) -> str:
    """Writes the pairs of the block whose similarity is at least `least`, by LEVELS.

    most   as in `text.minhash.sketches`
    """
    pairs = read_block([asked[block].pairs], 0, EDGES)
    left, right = np.ascontiguousarray(pairs["left"]), np.ascontiguousarray(pairs["right"])
    homes = _Sketches.read(sent, 2 * block)

    def pieces() -> Iterator[tuple[Rows, Numbers]]:
        for others in (piece for each in sent for piece in _Sketches.pieces(each, 2 * block + 1)):
            low, high = np.searchsorted(right, [others.document[0], others.document[-1] + 1])
            found = _similarities(
                homes.offsets,
                homes.values,
                np.searchsorted(homes.document, left[low:high]),
                others.offsets,
                others.values,
                np.searchsorted(others.document, right[low:high]),
                most,
                least,
            )
            enough = np.flatnonzero(found > 0)
            rows = np.empty(len(enough), SIMILAR)
            rows["left"], rows["right"] = left[low:high][enough], right[low:high][enough]
            rows["jaccard"] = found[enough]
            yield rows, levels(rows["jaccard"], least)

    return write_blocks(join(folder, f"{block:06d}.similar"), SIMILAR, pieces(), LEVELS)


@kernel
def _similarities(
    left_offsets: Offsets,
    left_values: Sketches,
    left: Numbers,
    right_offsets: Offsets,
    right_values: Sketches,
    right: Numbers,
    most: int,
    least: float,
) -> NDArray[np.float64]:
    found = np.empty(len(left), np.float64)
    for i in range(len(left)):
        a = left_values[left_offsets[left[i]] : left_offsets[left[i] + 1]]
        b = right_values[right_offsets[right[i]] : right_offsets[right[i] + 1]]
        found[i] = similarity(a, b, most, least)
    return found


def levels(jaccard: NDArray[np.float64], least: float) -> Numbers:
    """The block of each similarity: 0 of 1 alone, the others from the most similar on, [n]."""
    if least >= 1:
        return np.zeros(len(jaccard), np.int64)
    step = (1 - jaccard) / (1 - least) * (LEVELS - 1)
    return np.where(jaccard == 1, 0, 1 + np.minimum(step.astype(np.int64), LEVELS - 2))


def descending(similar_files: Sequence[str]) -> Iterator[Rows]:
    """The rows of files of SIMILAR from the most similar on; in memory are those of one level, of the first
    of all, which may be many, some at a time."""
    counts = np.array([rows_of(path) for path in similar_files]).reshape(-1, LEVELS)
    for level in np.flatnonzero(counts.any(axis=0)).tolist():
        paths = [similar_files[at] for at in np.flatnonzero(counts[:, level]).tolist()]
        if level == 0:
            for path in paths:
                # Copied, as what is read cannot be written: Numba would compile anew for that.
                yield from (piece.copy() for piece in pieces_of(path, level, SIMILAR))
            continue
        rows = read_block(paths, level, SIMILAR)
        yield rows[np.argsort(-rows["jaccard"], kind="stable")]
