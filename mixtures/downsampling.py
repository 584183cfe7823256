"""Downsampling: of an epoch of each source, the labels' documents that are kept, to the nearest document.

Two passes over the units' hashes, as the budget's draw makes them: tokens by label and bin of the thinning
hash, and then the documents of the bins in which the labels' shares run out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtures.labels import ALL_OF_THEM, shares_of, targets, thinning
from mixtures.options import Downsampling, MixtureOptions
from mixtures.sampling import border_bin, threshold_of
from mixtures.survey import SELECTION_BITS, Integers, Keys, bins_of
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.errors import PlanError
from text.hashing import Hashes

_BINS = 1 << SELECTION_BITS


@dataclass(frozen=True)
class Census:
    """An epoch of one unit, or, added up, of one source, by label.

    documents   repetitions, [labels + 1], the last for documents of other labels
    tokens      theirs by label and bin of the thinning hash, [labels + 1, bins]
    """

    documents: Integers
    tokens: Integers

    def __add__(self, other: "Census") -> "Census":
        return Census(self.documents + other.documents, self.tokens + other.tokens)


@dataclass(frozen=True)
class Counting:
    """Task over units: documents by label, the label-and-bin pairs that occur, and the tokens of each."""

    keys: Keys

    def __call__(self, unit: CorpusUnit) -> tuple[Integers, Integers, Integers]:
        held = self.keys.load(unit)
        assert held.labels is not None  # units of other sources are not asked
        row, selection = self.keys.epoch(held)
        label = held.labels[row]
        pairs, place = np.unique(label * _BINS + _bins(selection, self.keys.seed), return_inverse=True)
        tokens = np.zeros(len(pairs), np.int64)
        np.add.at(tokens, place, held.tokens[row])
        return np.bincount(label).astype(np.int64), pairs, tokens


@dataclass(frozen=True)
class Bordering:
    """Task over units: label, thinning hash and tokens of what lies in the bin in which its label's share
    runs out.

    bins   by source, of each label, [labels + 1]; -1 for one that is not held back
    """

    keys: Keys
    bins: Mapping[str, Integers]

    def __call__(self, unit: CorpusUnit) -> tuple[Integers, Hashes, Integers]:
        held = self.keys.load(unit)
        assert held.labels is not None
        row, selection = self.keys.epoch(held)
        label = held.labels[row]
        inside = _bins(selection, self.keys.seed) == self.bins[unit.source][label]
        return label[inside], thinning(selection[inside], self.keys.seed), held.tokens[row[inside]]


def _bins(selection: Hashes, seed: int) -> Integers:
    """The bin of each repetition's thinning hash, [n]."""
    return bins_of(thinning(selection, seed), SELECTION_BITS)


def downsample(corpus: Corpus, keys: Keys, options: MixtureOptions) -> tuple[Keys, dict[str, Census]]:
    """The keys with what is kept of each label, and what there was of each in an epoch, by source.

    PlanError where a source's labels cannot be held to their shares.
    """
    asked = options.downsample
    if asked is None:
        return keys, {}
    units = [unit for unit in corpus.units if options.downsampled(unit.source)]
    found = _census(corpus, Counting(keys), units, len(asked.to) + 1)
    most = {source: _targets(asked, source, census) for source, census in found.items()}
    bins: dict[str, Integers] = {}
    rest: dict[tuple[str, int], int] = {}
    for source, census in found.items():
        bins[source] = np.full(len(most[source]), -1, np.int64)
        for label, target in enumerate(most[source]):
            if target < census.tokens[label].sum():
                bins[source][label], rest[source, label] = border_bin(census.tokens[label], target)
    thresholds = {source: np.full(len(held), ALL_OF_THEM, np.uint64) for source, held in bins.items()}
    for (source, label), (hashes, tokens) in _borders(corpus, Bordering(keys, bins), units, rest).items():
        thresholds[source][label] = threshold_of(hashes, tokens, rest[source, label], slack=0)
    return replace(keys, thresholds=thresholds), found


def _census(
    corpus: Corpus, counting: Counting, units: Sequence[CorpusUnit], labels: int
) -> dict[str, Census]:
    found: dict[str, Census] = {}
    for unit, part in zip(units, corpus.map(counting, units, "mixture: labels"), strict=True):
        documents, pairs, tokens = part
        if unit.source not in found:
            found[unit.source] = Census(np.zeros(labels, np.int64), np.zeros((labels, _BINS), np.int64))
        census = found[unit.source]
        census.documents[: len(documents)] += documents
        census.tokens.reshape(-1)[pairs] += tokens
    return found


def _targets(asked: Downsampling, source: str, census: Census) -> list[int]:
    tokens = census.tokens.sum(axis=1).tolist()
    kept = targets(tokens, shares_of(asked))
    if any(tokens) and not any(kept):
        there = [label for label, count in zip(asked.to, tokens, strict=False) if count]
        together = float(sum(share for share, count in zip(shares_of(asked), tokens, strict=False) if count))
        raise PlanError(
            f"mixture: downsample ({asked.by}): every document of source {source} is {' or '.join(there)}, "
            f"and the shares of these are {together:g} together, so none can be kept; expected 1 or more, or "
            "documents of other labels: raise a share, or name the sources to downsample by `sources`"
        )
    return kept


def _borders(
    corpus: Corpus,
    bordering: Bordering,
    units: Sequence[CorpusUnit],
    rest: Mapping[tuple[str, int], int],
) -> dict[tuple[str, int], tuple[Hashes, Integers]]:
    """Hashes and tokens of what lies in the border bins, by source and label."""
    held = {source for source, _ in rest}
    units = [unit for unit in units if unit.source in held]
    parts: dict[tuple[str, int], list[tuple[Hashes, Integers]]] = defaultdict(list)
    for unit, inside in zip(units, corpus.map(bordering, units, "mixture: shares"), strict=True):
        labels, hashes, tokens = inside
        for label in np.unique(labels).tolist():
            mine = labels == label
            parts[unit.source, label].append((hashes[mine], tokens[mine]))
    return {
        which: (np.concatenate([each[0] for each in found]), np.concatenate([each[1] for each in found]))
        for which, found in parts.items()
    }


def told(asked: Downsampling, census: Census, documents: Integers, tokens: Integers) -> dict[str, Any]:
    """What was asked of a source's labels, what an epoch had of each and what was drawn, ready for JSON.

    documents, tokens   drawn of each label, [labels + 1]
    """
    had = census.tokens.sum(axis=1)
    whole, total = int(had.sum()), int(tokens.sum())
    rows = []
    for at, label in enumerate([*asked.to, None]):
        rows.append(
            {
                "label": label,
                "most": None if label is None else asked.to[label],
                "epoch": {
                    "documents": int(census.documents[at]),
                    "tokens": int(had[at]),
                    "share": round(int(had[at]) / whole, 6) if whole else 0.0,
                },
                "documents": int(documents[at]),
                "tokens": int(tokens[at]),
                "share": round(int(tokens[at]) / total, 6) if total else 0.0,
            }
        )
    return {"by": asked.by, "labels": rows}


def note(source: str, entry: Mapping[str, Any]) -> str:
    """What `told` tells, in a line for people: which labels were held back, and which are not there."""
    labels = [row for row in entry["labels"] if row["label"] is not None]
    changed = [
        f"{row['label']} {row['epoch']['share']:.1%} → {row['share']:.1%}"
        for row in sorted(labels, key=lambda row: -row["epoch"]["share"])
        if row["epoch"]["share"] > row["most"]
    ]
    absent = [str(row["label"]) for row in labels if not row["epoch"]["documents"]]
    said = f"{source} by {' '.join(entry['by'].split())}: {', '.join(changed) or 'no label above its share'}"
    return said + (f"; no document is {' or '.join(absent)}" if absent else "")
