"""Candidates of MinHash: documents that agree in all values of a band, in pairs.

Every unit writes the band keys of its documents; every partition of keys turns equal ones into pairs.
A text that several documents have takes part once, as its least document; the others are its copies.
In a bucket, the documents of one key, each text is paired with the `most` texts of it that have the
least hashes: so a bucket of any size makes few pairs, the same ones in every band, and which texts are
paired depends on texts alone.

A task that makes pairs holds about 60 bytes for each of its keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dedup.blocks import Numbers, Rows, read_block, write_blocks
from pipeline.exchange import part_of
from pipeline.store import join
from text.hashing import Hashes, mix_array
from text.jit import kernel

KEYS = np.dtype([("key", "<u8"), ("text", "<u8"), ("document", "<i8")])
"""A band of a document: its key, the hash of the document's text, its number (+ `MAIN` in one band)."""
EDGES = np.dtype([("left", "<i8"), ("right", "<i8")])
"""Two documents; of copies, `left` is the one that takes part."""

MAIN = 1 << 62

_ROOM = 1 << 20  # pairs made at a time
_MOST_TEXTS = 1 << 20  # of a unit that are told apart there; the partitions do so anyway


@dataclass(frozen=True)
class Banded:
    """Some documents with shingles: number [n], hash of the text [n], keys [n, bands].

    values   of their sketches in all, at most
    """

    document: Numbers
    text: Hashes
    keys: Hashes
    values: int


@dataclass(frozen=True)
class Keyed:
    """Files of KEYS, by partition, and of EDGES, copies; and the values of all sketches, at most."""

    keys: str
    copies: str
    values: int


def write_keys(folder: str, name: str, batches: Iterable[Banded], parts: int) -> Keyed:
    """Writes the band keys of documents in the order of their numbers, each text's once."""
    texts = _Texts()
    copies: list[Rows] = []
    values = 0

    def pieces() -> Iterator[tuple[Rows, Numbers]]:
        nonlocal values
        for batch in batches:
            first = texts.firsts(batch.text, batch.document)
            alone = first == batch.document
            copies.append(edges_of(first[~alone], batch.document[~alone]))
            keys = batch.keys[alone]
            rows = np.empty(keys.shape, KEYS)
            rows["key"] = keys
            rows["text"] = batch.text[alone, None]
            rows["document"] = batch.document[alone, None]
            rows["document"][:, 0] |= MAIN
            values += batch.values
            yield rows.ravel(), part_of(keys.ravel(), parts)

    keys = write_blocks(join(folder, f"{name}.keys"), KEYS, pieces(), parts)
    told = ((rows, np.zeros(len(rows), np.int64)) for rows in copies)
    return Keyed(keys, write_blocks(join(folder, f"{name}.copies"), EDGES, told, 1), values)


def edges_of(left: Numbers, right: Numbers) -> Rows:
    """Rows of EDGES, [n]."""
    rows = np.empty(len(left), EDGES)
    rows["left"], rows["right"] = left, right
    return rows


class _Texts:
    """The first document of each text that was seen; so many texts at most that memory is bounded."""

    def __init__(self) -> None:
        self._keys = np.zeros(1 << 12, np.uint64)
        self._owners = np.full(1 << 12, -1, np.int64)
        self._count = 0

    def firsts(self, text: Hashes, document: Numbers) -> Numbers:
        """The first document with the text of each, itself perhaps, [n]; numbers never fall."""
        while self._count + len(text) > len(self._keys) // 2 and self._count < _MOST_TEXTS:
            held = self._owners >= 0
            keys, owners = self._keys[held], self._owners[held]
            self._keys = np.zeros(2 * len(self._keys), np.uint64)
            self._owners = np.full(len(self._keys), -1, np.int64)
            _note(self._keys, self._owners, keys, owners, True)
        first, new = _note(
            self._keys, self._owners, text, document, self._count + len(text) <= len(self._keys) // 2
        )
        self._count += new
        return first


@kernel
def _note(keys: Hashes, owners: Numbers, text: Hashes, document: Numbers, learn: bool) -> tuple[Numbers, int]:
    """Looks each text up in a table with open addressing; notes it there if it is new and `learn`."""
    mask = np.uint64(len(keys) - 1)
    first = np.empty(len(text), np.int64)
    new = 0
    for i in range(len(text)):
        at = text[i] & mask
        while owners[at] >= 0 and keys[at] != text[i]:
            at = (at + np.uint64(1)) & mask
        if owners[at] < 0:
            first[i] = document[i]
            if learn:
                keys[at], owners[at] = text[i], document[i]
                new += 1
        else:
            first[i] = owners[at]
    return first, new


@dataclass(frozen=True)
class Paired:
    """Files of EDGES: pairs, by the block of `left`; and copies."""

    pairs: str
    copies: str


def write_pairs(folder: str, most: int, key_files: Sequence[str], blocks: int, part: int) -> Paired:
    """Pairs the texts of each bucket of the partition, and joins copies to the least of their text.

    blocks   pairs are cut into, by their `left`
    """
    rows = _shared(read_block(key_files, part, KEYS))
    copies: list[Rows] = []

    def pieces() -> Iterator[tuple[Rows, Numbers]]:
        for pairs, same in _paired(rows, most):
            copies.append(same)
            yield pairs, block_of(pairs["left"], blocks)

    pairs = write_blocks(join(folder, f"{part:06d}.pairs"), EDGES, pieces(), blocks)
    told = ((piece, np.zeros(len(piece), np.int64)) for piece in copies)
    return Paired(pairs, write_blocks(join(folder, f"{part:06d}.copies"), EDGES, told, 1))


def block_of(document: Numbers, blocks: int) -> Numbers:
    """The block of each document, [n]."""
    return part_of(mix_array(document.astype(np.uint64)), blocks)


def _shared(rows: Rows) -> Rows:
    """The rows whose key another one has, by key, then text, then document; `MAIN` stays."""
    key = np.ascontiguousarray(rows["key"])
    order = np.argsort(key)
    ordered = key[order]
    same = np.zeros(len(key) + 1, np.bool_)
    same[1:-1] = ordered[1:] == ordered[:-1]
    found = rows[order[same[1:] | same[:-1]]]
    return found[np.lexsort((found["document"] & ~np.int64(MAIN), found["text"], found["key"]))]


@kernel
def _pair(
    key: Hashes,
    text: Hashes,
    document: Numbers,
    firsts: Numbers,
    state: Numbers,
    row: int,
    pairs: Numbers,
    copies: Numbers,
) -> tuple[int, int, int]:
    """Pairs from `row` on until `pairs` or `copies`, [2, room], are full: the next row, how many of each.

    firsts   documents of the bucket's first texts; state: how many they are, document of the last text
    """
    main = np.int64(MAIN)
    found = same = 0
    while row < len(key):
        if found + len(firsts) > pairs.shape[1] or same == copies.shape[1]:
            break
        own = document[row] & ~main
        new = row == 0 or key[row] != key[row - 1]
        if new:
            state[0] = 0
        if new or text[row] != text[row - 1]:
            state[1] = own
            for at in range(state[0]):
                pairs[0, found], pairs[1, found] = firsts[at], own
                found += 1
            if state[0] < len(firsts):
                firsts[state[0]] = own
                state[0] += 1
        elif document[row] & main and own != state[1]:
            copies[0, same], copies[1, same] = state[1], own
            same += 1
        row += 1
    return row, found, same


def _paired(rows: Rows, most: int) -> Iterator[tuple[Rows, Rows]]:
    """Pairs and copies, both rows of EDGES, in pieces."""
    key, text, document = (np.ascontiguousarray(rows[name]) for name in ("key", "text", "document"))
    firsts, state = np.zeros(most, np.int64), np.zeros(2, np.int64)
    room = max(_ROOM, most)
    pairs, copies = np.empty((2, room), np.int64), np.empty((2, room), np.int64)
    row = 0
    while row < len(rows):
        row, found, same = _pair(key, text, document, firsts, state, row, pairs, copies)
        yield edges_of(*pairs[:, :found]), edges_of(*copies[:, :same])
