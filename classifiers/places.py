"""Exact places of scores among those of their group, out of core.

Units write their scores, each different one once, cut into pieces by group and score; a task adds up the
weights of one piece, and from what lies before it, it knows how much of the group has a score or a lower one.
Integers throughout: the same whatever the units, pieces and workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.exchange import read_documents, read_part, schema_of, write_by_document, write_parts
from pipeline.store import join

_STEP = 1024  # of how many scores one is looked at to cut the work into pieces
_DIGITS = (1 << 16) - 1  # numbers up to which NumPy sorts by digits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A score that documents of a unit have in common. `slot` stands for a column and a group; `document` is a
# number by which the unit finds the place again, -1 where it needs none.
_ROWS = schema_of(
    slot=pa.int64(), score=pa.float64(), weight=pa.int64(), count=pa.int64(), document=pa.int64()
)
_PLACES = schema_of(document=pa.int64(), percentile=pa.float64(), bin=pa.int32())

BINS = schema_of(slot=pa.int64(), bin=pa.int32(), least=pa.float64(), documents=pa.int64(), weight=pa.int64())
"""What a bin of a slot begins at and holds."""


@dataclass(frozen=True)
class Scores:
    """The living documents of a unit, in their order.

    names    the groups of the unit
    group    [n] place in `names`
    scores   [columns, n], NaN where there is none
    weights  [n]
    """

    names: tuple[str, ...]
    group: Ints
    scores: Floats
    weights: Ints


@dataclass(frozen=True)
class Survey:
    """Of a unit: its groups, how many of their documents have a score, [columns, groups], and of each column
    the groups and scores of a few."""

    names: tuple[str, ...]
    documents: Ints
    some: tuple[tuple[Ints, Floats], ...]


def survey(held: Scores, index: int) -> Survey:
    """What is to be known of all units before their scores are cut into pieces. `index`: of the unit."""
    documents = np.zeros((len(held.scores), len(held.names)), np.int64)
    some = []
    for at, scores in enumerate(held.scores):
        scored = ~np.isnan(scores)
        documents[at] = np.bincount(held.group[scored], minlength=len(held.names))
        order = _order(held.group[scored], scores[scored])
        rows = np.flatnonzero(scored)[order][index % _STEP :: _STEP]
        some.append((held.group[rows], scores[rows]))
    return Survey(held.names, documents, tuple(some))


@dataclass(frozen=True)
class Layout:
    """Who is placed among whom, and how the work is cut.

    names    the groups, sorted; slot `c * (groups + 1) + g` is column c in group g, the last one of a column
             all documents
    small    [columns, groups]: whether documents of a group are placed among all
    whole    [columns]: whether any are
    slots, scores   where each piece of the work but the first begins, rising
    """

    names: tuple[str, ...]
    small: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    slots: Ints
    scores: Floats

    @property
    def pieces(self) -> int:
        return len(self.slots) + 1

    def piece(self, slots: Ints, scores: Floats) -> Ints:
        """In which piece each score of a slot is, [n]."""
        found = np.zeros(len(slots), np.int64)
        for slot in np.unique(slots):
            first, last = np.searchsorted(self.slots, [slot, slot + 1])
            here = slots == slot
            found[here] = first + np.searchsorted(self.scores[first:last], scores[here], side="right")
        return found


def layout(surveys: Sequence[Survey], columns: int, least: int, pieces: int) -> Layout:
    """The layout for these units.

    least    documents of a smaller group are placed among all
    pieces   that the work is cut into, about; the places do not depend on it
    """
    names = tuple(sorted({name for each in surveys for name in each.names}))
    number = {name: at for at, name in enumerate(names)}
    documents = np.zeros((columns, len(names)), np.int64)
    groups = [np.array([number[name] for name in each.names], np.int64) for each in surveys]
    for each, group in zip(surveys, groups, strict=True):
        documents[:, group] += each.documents
    small = (documents < least) if len(names) > 1 else np.zeros(documents.shape, np.bool_)
    whole = np.asarray((small & (documents > 0)).any(axis=1))
    slots, scores = [np.zeros(0, np.int64)], [np.zeros(0)]
    for each, group in zip(surveys, groups, strict=True):
        for at, (some, values) in enumerate(each.some):
            first = at * (len(names) + 1)
            slots.append(np.where(small[at, group[some]], len(names), group[some]) + first)
            scores.append(values)
            if whole[at]:
                slots.append(np.full(len(values), first + len(names)))
                scores.append(values)
    slot, score = np.concatenate(slots), np.concatenate(scores)
    order = np.lexsort((score, slot))
    at_piece = np.arange(1, pieces) * len(order) // pieces if len(order) else np.zeros(0, np.int64)
    cuts = order[at_piece]
    cuts = cuts[_different(slot[cuts], score[cuts])]
    return Layout(names, small, whole, slot[cuts], score[cuts])


def _order(slots: Ints, scores: Floats) -> Ints:
    """Rows by slot and score, equal ones in any order, [n]. A quick sort and one by digits take NumPy about
    half as long as `lexsort`, whose sorts keep the order of equals."""
    order = np.argsort(scores)
    slots = slots[order]
    if slots.max(initial=0) <= _DIGITS:
        slots = slots.astype(np.uint16)
    return order[np.argsort(slots, kind="stable")]


def _different(slots: Ints, scores: Floats) -> NDArray[np.bool_]:
    """Of sorted pairs: whether each is another than the one before, [n]."""
    found = np.ones(len(slots), np.bool_)
    found[1:] = (slots[1:] != slots[:-1]) | (scores[1:] != scores[:-1])
    return found


@dataclass(frozen=True)
class Keys:
    """Scores of slots, each once and in order, [k]; and, for n rows, which of them each has."""

    slots: Ints
    scores: Floats
    weights: Ints
    counts: Ints
    of: Ints

    @classmethod
    def of_rows(cls, slots: Ints, scores: Floats, weights: Ints, counts: Ints) -> "Keys":
        order = _order(slots, scores)
        slots, scores = slots[order], scores[order]
        new = _different(slots, scores)
        of = np.empty(len(order), np.int64)
        of[order] = np.cumsum(new) - 1
        first = np.flatnonzero(new)
        if len(first):
            weights = np.add.reduceat(weights[order], first)
            counts = np.add.reduceat(counts[order], first)
        return cls(slots[first], scores[first], weights, counts, of)


def placed(cut: Layout, held: Scores) -> tuple[NDArray[np.bool_], Keys]:
    """Which documents have a score, [columns, n], and the keys of these, by column and then document."""
    number = {name: at for at, name in enumerate(cut.names)}
    group = np.array([number[name] for name in held.names], np.int64)[held.group]
    scored = ~np.isnan(held.scores)
    slots, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for at, rows in enumerate(scored):
        among = np.where(cut.small[at, group], len(cut.names), group)
        slots.append(among[rows] + at * (len(cut.names) + 1))
        weights.append(held.weights[rows])
    slot = np.concatenate(slots)
    return scored, Keys.of_rows(slot, held.scores[scored], np.concatenate(weights), np.ones_like(slot))


def _as_all(cut: Layout, keys: Keys) -> Keys:
    """The keys of documents that are placed in their groups, as some of all documents."""
    width = len(cut.names) + 1
    at = keys.slots // width
    rows = cut.whole[at] & (keys.slots % width < len(cut.names))
    slots = at[rows] * width + len(cut.names)
    return Keys.of_rows(slots, keys.scores[rows], keys.weights[rows], keys.counts[rows])


def write_rows(path: str, cut: Layout, held: Scores, first: int) -> None:
    """Writes a unit's scores for `total` and `place`; the places come back as `document` `first` and on."""
    _, own = placed(cut, held)
    everything = _as_all(cut, own)
    pieces = []
    for keys, document in (
        (own, first + np.arange(len(own.slots))),
        (everything, np.full(len(everything.slots), -1)),
    ):
        table = pa.table([keys.slots, keys.scores, keys.weights, keys.counts, document], schema=_ROWS)
        pieces.append((table, cut.piece(keys.slots, keys.scores)))
    write_parts(path, _ROWS, pieces, cut.pieces)


def _gathered(files: Sequence[str], pieces: int, piece: int) -> tuple[Keys, Ints]:
    """The keys of one piece of the work, and the `document` of each row."""
    table = read_part(files, piece, pieces, _ROWS)
    slot, score, weight, count, document = (table.column(name).to_numpy() for name in _ROWS.names)
    return Keys.of_rows(slot, score, weight, count), document


Totals = tuple[Ints, Ints]
"""The slots of a piece, rising, and the weight of each in it."""


def total(files: Sequence[str], pieces: int, piece: int) -> Totals:
    """The totals of one piece."""
    keys, _ = _gathered(files, pieces, piece)
    slots, at = np.unique(keys.slots, return_inverse=True)
    weights = np.zeros(len(slots), np.int64)
    np.add.at(weights, at, keys.weights)
    return slots, weights


@dataclass(frozen=True)
class Before:
    """Of the slots of a piece: the weight in the pieces before it, and in all; [slots] each."""

    slots: Ints
    before: Ints
    total: Ints


def before(totals: Sequence[Totals]) -> list[Before]:
    """For each piece, what lies before it."""
    reached: dict[int, int] = {}
    found = []
    for slots, weights in totals:
        found.append(np.array([reached.get(slot, 0) for slot in slots.tolist()], np.int64))
        for slot, weight in zip(slots.tolist(), weights.tolist(), strict=True):
            reached[slot] = reached.get(slot, 0) + weight
    return [
        Before(slots, earlier, np.array([reached[slot] for slot in slots.tolist()], np.int64))
        for (slots, _), earlier in zip(totals, found, strict=True)
    ]


def place(
    files: Sequence[str], pieces: int, bins: int, folder: str, task: tuple[int, Before]
) -> tuple[str, pa.Table]:
    """Writes the places of one piece; returns its file, for `read_places`, and what its bins hold (`BINS`).

    The place of a score is the share of its slot's weight that has it or a lower one; its bin, how many
    whole `bins`-th parts that is, but never the last and one more.
    """
    piece, known = task
    keys, document = _gathered(files, pieces, piece)
    at = np.searchsorted(known.slots, keys.slots)
    reached = np.cumsum(keys.weights)
    first = np.searchsorted(keys.slots, known.slots)  # of each slot's keys
    reached += known.before[at] - (reached - keys.weights)[first][at]
    whole = np.maximum(known.total, 1)[at]
    bin_ = np.minimum(bins * reached // whole, bins - 1).astype(np.int32)
    asked = np.flatnonzero(document >= 0)
    asked = asked[np.argsort(document[asked])]
    of = keys.of[asked]
    path = join(folder, f"{piece:06d}.parquet")
    table = pa.table([document[asked], (reached / whole)[of], bin_[of]], schema=_PLACES)
    write_by_document(path, _PLACES, [table])
    return path, summed([pa.table([keys.slots, bin_, keys.scores, keys.counts, keys.weights], schema=BINS)])


def summed(bins: Sequence[pa.Table]) -> pa.Table:
    """`BINS` of several pieces as one row for each bin of a slot, in order."""
    every = pa.concat_tables([BINS.empty_table(), *bins])
    by = every.group_by(["slot", "bin"]).aggregate(
        [("least", "min"), ("documents", "sum"), ("weight", "sum")]
    )
    found = by.select(["slot", "bin", "least_min", "documents_sum", "weight_sum"])
    return found.rename_columns(BINS.names).cast(BINS).sort_by([("slot", "ascending"), ("bin", "ascending")])


def read_places(files: Sequence[str], first: int, last: int) -> tuple[Floats, NDArray[np.int32]]:
    """Places and bins of the keys whose `document` is from `first` to below `last`, in order."""
    read = [_PLACES.empty_table(), *(read_documents(path, first, last) for path in files)]
    found = pa.concat_tables(read).sort_by("document")
    return found.column("percentile").to_numpy(), found.column("bin").to_numpy()
