"""Downsampling: of an epoch of each source, the labels' documents that are kept.

Of a label those with the lowest thinning hashes are taken until the next is too large for what is left of
its share. Where that is more than a hundredth of it, smaller ones behind are looked at as well, and so on:
one book among pages would otherwise close a share that it does not fit into. Such a round takes two passes
over the units' hashes, as the budget's draw does: tokens by label and bin of the thinning hash, and then the
documents of the bins in which the shares run out. Where documents are many, one round is enough.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mixtures.labels import ALL_OF_THEM, ANY_SIZE, Cuts, is_kept, shares_of, targets, thinning
from mixtures.options import Downsampling, MixtureOptions
from mixtures.sampling import border_bin, threshold_of
from mixtures.survey import SELECTION_BITS, Integers, Keys, bins_of
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.errors import PlanError
from text.hashing import Hashes

_BINS = 1 << SELECTION_BITS
_PARTS = 100  # a share is full, or is kept to, by less than one of these of it
_AGAIN = 8  # times that shares are filled, each with less, as labels of large documents do not fill theirs

Which = tuple[str, int]  # a source and the number of a label


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
class Left:
    """What may yet be taken of a source: what `cuts` do not keep, of so many tokens at most.

    most   by label, [labels + 1]; -1 for one of which nothing more is taken
    """

    cuts: Cuts
    most: Integers

    def of(self, keys: Keys, unit: CorpusUnit) -> tuple[Integers, Hashes, Integers]:
        """Label, thinning hash and tokens of each repetition in the unit that may yet be taken."""
        held = keys.load(unit)
        assert held.labels is not None  # units of other sources are not asked
        row, selection = keys.epoch(held)
        label, tokens = held.labels[row], held.tokens[row]
        there = (tokens <= self.most[label]) & ~is_kept(selection, label, tokens, self.cuts, keys.seed)
        return label[there], thinning(selection[there], keys.seed), tokens[there]


@dataclass(frozen=True)
class Counting:
    """Task over units: of what is left, documents by label, the label-and-bin pairs that occur, and the
    tokens of each."""

    keys: Keys
    left: Mapping[str, Left]

    def __call__(self, unit: CorpusUnit) -> tuple[Integers, Integers, Integers]:
        label, hashes, lengths = self.left[unit.source].of(self.keys, unit)
        pairs, place = np.unique(label * _BINS + bins_of(hashes, SELECTION_BITS), return_inverse=True)
        tokens = np.zeros(len(pairs), np.int64)
        np.add.at(tokens, place, lengths)
        return np.bincount(label).astype(np.int64), pairs, tokens


@dataclass(frozen=True)
class Bordering:
    """Task over units: label, thinning hash and tokens of what is left in the bin in which its label's share
    runs out.

    bins   by source, of each label, [labels + 1]; -1 for one that is not held back
    """

    keys: Keys
    left: Mapping[str, Left]
    bins: Mapping[str, Integers]

    def __call__(self, unit: CorpusUnit) -> tuple[Integers, Hashes, Integers]:
        label, hashes, tokens = self.left[unit.source].of(self.keys, unit)
        inside = bins_of(hashes, SELECTION_BITS) == self.bins[unit.source][label]
        return label[inside], hashes[inside], tokens[inside]


@dataclass
class _Share:
    """What a label that is held back may have, and how it is filled.

    goal    tokens; `taken`, of these
    most    tokens of a document that may yet be taken
    steps   as those of `Cuts`
    """

    goal: int
    taken: int = 0
    most: int = ANY_SIZE
    steps: list[tuple[int, int]] = field(default_factory=list)

    @property
    def rest(self) -> int:
        return self.goal - self.taken

    def take(self, below: int, tokens: int) -> None:
        self.steps.append((below, self.most))
        self.taken += tokens

    def goes_on(self) -> bool:
        """Whether there is another round, with smaller documents. There are none where documents of one
        hash stand in the way, as these go together."""
        smaller = self.rest < self.most
        self.most = self.rest
        return smaller and _PARTS * self.rest > self.goal


def downsample(corpus: Corpus, keys: Keys, options: MixtureOptions) -> tuple[Keys, dict[str, Census]]:
    """The keys with what is kept of each label, and what there was of each in an epoch, by source.

    PlanError where a source's labels cannot be held to their shares.
    """
    asked = options.downsample
    if asked is None:
        return keys, {}
    labels, shares = len(asked.to) + 1, shares_of(asked)
    units = [unit for unit in corpus.units if options.downsampled(unit.source)]
    all_of_it = Left(Cuts.of([[]] * labels), np.full(labels, ANY_SIZE))
    found = _census(corpus, Counting(keys, {unit.source: all_of_it for unit in units}), units, labels)
    had = {source: census.tokens.sum(axis=1).tolist() for source, census in found.items()}
    goals = {source: _targets(asked, source, census) for source, census in found.items()}
    for _ in range(_AGAIN):
        held = {
            (source, label): _Share(goals[source][label])
            for source in found
            for label, share in enumerate(shares)
            if not share or goals[source][label] < had[source][label]
        }
        _fill(corpus, keys, units, found, held)
        lowered = False
        for source, tokens in had.items():
            kept = [
                held[source, label].taken if (source, label) in held else count
                for label, count in enumerate(tokens)
            ]
            whole = sum(kept)
            above = {
                label
                for label, (count, share) in enumerate(zip(kept, shares, strict=False))
                if _PARTS * count > (_PARTS + 1) * share * whole
            }
            less = targets(kept, shares) if above else []
            if any(less):
                lowered = True
                goals[source] = [
                    least if label in above else goal
                    for label, (goal, least) in enumerate(zip(goals[source], less, strict=True))
                ]
        if not lowered:
            break
    return replace(keys, cuts={source: _cuts(source, labels, held) for source in found}), found


def _cuts(source: str, labels: int, held: Mapping[Which, _Share]) -> Cuts:
    whole = [(int(ALL_OF_THEM), ANY_SIZE)]
    return Cuts.of(
        [held[source, label].steps if (source, label) in held else whole for label in range(labels)]
    )


def _fill(
    corpus: Corpus,
    keys: Keys,
    units: Sequence[CorpusUnit],
    found: Mapping[str, Census],
    held: Mapping[Which, _Share],
) -> None:
    """Takes documents of each label until next to nothing of its share is free, or nothing fits."""
    labels = max((len(census.documents) for census in found.values()), default=0)
    census = found
    going = {which: share for which, share in held.items() if share.goal}
    while going:
        left = {}
        for source in {source for source, _ in going}:
            most = [going[source, label].most if (source, label) in going else -1 for label in range(labels)]
            left[source] = Left(_cuts(source, labels, held), np.array(most))
        units = [unit for unit in units if unit.source in left]
        if census is not found:
            census = _census(corpus, Counting(keys, left), units, labels)
        bins = {source: np.full(labels, -1, np.int64) for source in left}
        rest: dict[Which, int] = {}
        for (source, label), share in going.items():
            tokens = census[source].tokens[label]
            if tokens.sum() > share.rest:
                bins[source][label], rest[source, label] = border_bin(tokens, share.rest)
            else:
                share.take(int(ALL_OF_THEM), int(tokens.sum()))
        for which, (hashes, tokens) in _borders(corpus, Bordering(keys, left, bins), units, rest).items():
            below = threshold_of(hashes, tokens, rest[which], slack=0)
            inside = int(tokens[hashes < np.uint64(below)].sum())
            going[which].take(below, going[which].rest - rest[which] + inside)
        going = {which: going[which] for which in rest if going[which].goes_on()}
        census = {}


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
    shares = shares_of(asked)
    kept = targets(tokens, shares)
    if any(tokens) and not any(kept):
        there = [label for label, count in zip(asked.to, tokens, strict=False) if count]
        together = float(sum(share for share, count in zip(shares, tokens, strict=False) if count))
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
    rest: Mapping[Which, int],
) -> dict[Which, tuple[Hashes, Integers]]:
    """Hashes and tokens of what lies in the border bins, by source and label."""
    held = {source for source, _ in rest}
    units = [unit for unit in units if unit.source in held]
    parts: dict[Which, list[tuple[Hashes, Integers]]] = defaultdict(list)
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
