"""Who learns from what: training, validation and test sides, and folds, never with one group on two of them.

A group is a site (the registered domain of a document's URL), or whatever a column says: a user, a book.
Its side is a hash of its name and the seed, so that a group stays where it is when documents are added, and
figures of an old and a new model are of the same test groups.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from classifiers.training.report import cut_of
from classifiers.training.task import Task, some
from pipeline.errors import PlanError
from text.hosts import hosts, registered_domains, to_array
from text.minhash import band_keys, multipliers, shingles, signatures
from text.strings import Strings
from text.words import cut_words

TRAIN, VALIDATION, TEST = range(3)
SIDES = ("train", "validation", "test")
FEWEST = 10  # groups, below which no split says anything
_NGRAM, _BANDS, _ROWS = 5, 14, 8  # FineWeb's: pairs of a similarity of .8 are found with probability .92
_PIECE = 4096  # texts whose shingles are held at once

Sides = NDArray[np.int8]


def groups_of(documents: pa.Table, by: str = "domain") -> pa.Array:
    """The group of each document, [n] string: its column `group`, else by its URL, else its id.

    by   "domain": registered domain; "host": host name; "id": each document is a group of its own
    """
    found = documents["group"].combine_chunks()
    if by != "id":
        names = hosts(Strings.of(documents["url"])).names
        if by == "domain":
            sites = registered_domains(names)
            # An address or a public suffix has no registered domain: its host stands for it.
            sites = pc.if_else(pc.equal(sites, ""), to_array(names).cast(pa.string()), sites)
        else:
            sites = to_array(names).cast(pa.string())
        found = pc.coalesce(found, pc.if_else(pc.equal(sites, ""), pa.scalar(None, pa.string()), sites))
    return pc.coalesce(found, documents["id"].combine_chunks())


def shares(groups: pa.Array, seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each document that its group and the seed decide, [n]."""
    encoded = groups.dictionary_encode()
    of_group = np.array(
        [
            int.from_bytes(hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest(), "big") / 2**64
            for name in encoded.dictionary.to_pylist()
        ],
        np.float64,
    )
    return of_group[encoded.indices.to_numpy()] if len(groups) else np.zeros(0)


def split(groups: pa.Array, validation: float, test: float, seed: int) -> Sides:
    """The side of each document, [n]. PlanError where there are too few groups to tell anything."""
    count = len(pc.unique(groups))
    if count < FEWEST:
        raise PlanError(
            f"all {len(groups):,} documents are of {count} group{'s' * (count != 1)}, but a group must be on "
            f"one side alone, so that at least {FEWEST} are needed; give documents of more sites, or say by "
            "--group what a group is (--group id: each document is one)"
        )
    share = shares(groups, seed)
    sides = np.full(len(groups), TRAIN, np.int8)
    sides[share < test + validation] = VALIDATION
    sides[share < test] = TEST
    for side, name in enumerate(SIDES):
        if not (sides == side).any():
            raise PlanError(
                f"no document is on the {name} side: {count} groups are too few; give more of them, a "
                "larger share (--validation, --test), or another --seed"
            )
    return sides


def unmeasured(documents: pa.Table, sides: Sides, task: Task, cut: float | None) -> list[str]:
    """What cannot be measured since a side has none of a label, a sentence each.

    cut   see `report.cut_of`
    PlanError where a label of two has so few groups that this cannot be otherwise.
    """
    labels = documents["label"].combine_chunks()
    if task.score == "top":
        parts = {f"label {label}": np.asarray(pc.equal(labels, label)) for label in task.labels}
    elif task.score == "probability":
        positive = np.asarray(pc.equal(labels, str(task.positive)))
        others = [label for label in task.labels if label != task.positive]
        parts = {
            f"label {task.positive}": positive,
            f"label {others[0]}" if len(others) == 1 else "another label": ~positive,
        }
    else:
        at = cut_of(task, cut)
        high = np.asarray(pc.cast(labels, pa.float64())) >= (np.inf if at is None else at)
        parts = {f"grade {at:g} or more": high, f"a grade below {at:g}": ~high}
    lacking: dict[int, list[str]] = {VALIDATION: [], TEST: []}
    for name, there in parts.items():
        if task.score == "probability":
            groups = pc.unique(documents["group"].filter(pa.array(there))).to_pylist()
            if len(groups) < len(SIDES):
                where = " and ".join(groups) or "no group"
                raise PlanError(
                    f"all {int(there.sum()):,} documents of {name} are of {where}, and a group "
                    "is on one side alone: nothing could be measured. Give documents of more "
                    "sites, or say by --group what a group is (--group id: each document is one)"
                )
        for side, missed in lacking.items():
            if not (there & (sides == side)).any():
                missed.append(name)
    told = []
    for side, missed in lacking.items():
        if missed and (side == TEST or task.score != "top"):
            lost = "the figures say nothing of it" if side == TEST else "no threshold can be chosen by it"
            told.append(
                f"no document of {some(missed)} is on the {SIDES[side]} side, so that {lost}: give more, a "
                f"larger --{SIDES[side]}, or another --seed; --folds 5 measures all documents"
            )
    return told


def fold(groups: pa.Array, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each document, [n], 0 … folds - 1; one group is in one fold.

    Groups go, the largest first, to the fold that has fewest documents, so that folds of few groups come out
    even. PlanError where there are fewer groups than folds.
    """
    encoded = groups.dictionary_encode()
    at = encoded.indices.to_numpy()
    names: Sequence[str] = encoded.dictionary.to_pylist()
    if len(names) < folds:
        raise PlanError(f"{len(names)} groups cannot make {folds} folds; give fewer --folds")
    sizes = np.bincount(at, minlength=len(names))
    draw = shares(encoded.dictionary, seed)
    filled = np.zeros(folds, np.int64)
    of_group = np.empty(len(names), np.int64)
    for group in sorted(range(len(names)), key=lambda group: (-sizes[group], draw[group], names[group])):
        of_group[group] = int(filled.argmin())
        filled[of_group[group]] += sizes[group]
    found: NDArray[np.int64] = of_group[at]
    return found


def leaked(texts: pa.Array, sides: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which documents nearly repeat one of a later side (of validation or test), [n].

    By MinHash of word 5-grams, 14 bands of 8 (pairs of similarity .8 with probability .92): a mirror of a
    test page under another domain would let the model be examined on what it has learnt.
    """
    keys = _keys(texts)
    out = np.zeros(len(sides), np.bool_)
    for side in range(int(sides.max(initial=0)), 0, -1):
        mine, before = sides == side, sides < side
        for band in range(_BANDS):
            known = np.unique(keys[mine & ~out, band])
            known = known[known != 0]
            out |= before & np.isin(keys[:, band], known)
    return out


def _keys(texts: pa.Array) -> NDArray[np.uint64]:
    """[n, bands] uint64; 0 of a text without words."""
    by = multipliers(_BANDS * _ROWS, 1)
    parts = [np.zeros((0, _BANDS), np.uint64)]
    for first in range(0, len(texts), _PIECE):
        offsets, folded = cut_words(Strings.of(texts.slice(first, _PIECE))).folded_words()
        cut, hashes = shingles(offsets, folded, _NGRAM)
        keys = band_keys(signatures(cut, hashes, by), _BANDS)
        keys[np.diff(cut) == 0] = 0
        parts.append(keys)
    return np.concatenate(parts)
