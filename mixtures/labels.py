"""Labels held to shares of a source's tokens: how much of each is kept. Exact arithmetic.

Llama 3 (Grattafiori et al. 2024, arXiv:2407.21783, section 3.1.2) classifies what its web data tells of and
downsamples what the web has too much of, arts and entertainment for one. Here the label is any expression,
a topic's column at its simplest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mixtures.options import Downsampling, MixtureOptions, exact
from mixtures.repeats import Counts, evaluated
from pipeline.corpus import CorpusUnit
from pipeline.expression import Labels, not_a_label
from text.hashing import Hashes, mix_array, random_words

ALL_OF_THEM = np.uint64((1 << 64) - 1)  # the threshold of a label of which everything is kept
ANY_SIZE = (1 << 63) - 1  # tokens of a document that a step lets through: any
_THIN = np.uint64(0x646F776E73616D70)  # keeps its stream of hashes apart: "downsamp"


def problems(
    options: MixtureOptions, sources: Mapping[str, pa.Schema]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with `downsample`: the key path below `mixture`, and what to say of it.

    sources   the columns of a surviving document of each source
    """
    asked = options.downsample
    if asked is None:
        return
    for source, schema in sources.items():
        problem = not_a_label(asked.by, schema) if options.downsampled(source) else ""
        if problem:
            others = [name for name in sources if not not_a_label(asked.by, sources[name])]
            remedy = f"; to leave {source} alone, write sources: [{', '.join(others)}]" if others else ""
            yield ("downsample", "by"), f"downsample of {source} ({asked.by}): {problem}{remedy}"


class Coded:
    """The labels of a unit's documents as numbers: the place in `to`, for all others that behind the last."""

    def __init__(self, asked: Downsampling, unit: CorpusUnit) -> None:
        self._labels, self._unit = Labels(asked.by), unit
        self._known = pa.array(list(asked.to), pa.string())

    @property
    def columns(self) -> tuple[str, ...]:
        return self._labels.columns

    def of(self, table: pa.Table) -> Counts:
        """Number of each row's label, [n]. PlanError names the document where there can be none."""
        labels = evaluated(self._labels.of, table, "downsample", self._unit)
        found = pc.index_in(labels, value_set=self._known).fill_null(len(self._known))
        numbers: Counts = found.to_numpy().astype(np.int64)
        return numbers


def targets(tokens: Sequence[int], shares: Sequence[Fraction]) -> list[int]:
    """The most tokens of each label such that none has more than its share of what is kept, [labels + 1].

    tokens   of each label, and last of all other documents, which are kept; shares, of each label, [labels]

    What is kept in all is the largest S with S = others + Σ min(tokens, share · S). The right side is concave
    in S, so Newton's steps come down to it from all the tokens and never pass it: a label that is held back
    stays so, and there is a step for each at most. All zero where the labels alone cannot fill each other's
    shares: there are no other documents, and the shares are below 1 together.
    """
    *labelled, others = tokens
    kept = Fraction(sum(tokens))
    while True:
        held = [share * kept < count for count, share in zip(labelled, shares, strict=True)]
        free = others + sum(count for count, back in zip(labelled, held, strict=True) if not back)
        part = sum((share for share, back in zip(shares, held, strict=True) if back), Fraction(0))
        if free + part * kept >= kept:
            break
        kept = free / (1 - part)
    most = [
        int(share * kept) if back else count
        for count, share, back in zip(labelled, shares, held, strict=True)
    ]
    return [*most, others]


def shares_of(asked: Downsampling) -> list[Fraction]:
    """The shares as they are written, in the order of the labels."""
    return [exact(share) for share in asked.to.values()]


def thinning(selection: Hashes, seed: int) -> Hashes:
    """The hash by which a repetition is kept or not, [n]: another than the one by which a budget draws, or
    what is kept would be drawn first."""
    return mix_array(selection ^ random_words(1, np.uint64(seed) ^ _THIN)[0])


@dataclass(frozen=True)
class Cuts:
    """Which repetitions of each label of a source are kept: those that pass any of its steps, which have a
    thinning hash below the step's and no more tokens than it lets through.

    below   [steps, labels + 1]
    most    [steps, labels + 1], tokens
    """

    below: Hashes
    most: Counts

    @classmethod
    def of(cls, steps: Sequence[Sequence[tuple[int, int]]]) -> "Cuts":
        """From the steps of each label."""
        shape = (max(map(len, steps), default=0), len(steps))
        below, most = np.zeros(shape, np.uint64), np.zeros(shape, np.int64)
        for label, mine in enumerate(steps):
            for at, (threshold, tokens) in enumerate(mine):
                below[at, label], most[at, label] = threshold, tokens
        return cls(below, most)


def is_kept(selection: Hashes, labels: Counts, tokens: Counts, cuts: Cuts, seed: int) -> NDArray[np.bool_]:
    """Whether each repetition is kept, [n], by the number of its label and its tokens."""
    kept = np.zeros(len(selection), np.bool_)
    hashes = thinning(selection, seed)
    for below, most in zip(cuts.below, cuts.most, strict=True):
        threshold = below[labels]
        kept |= ((hashes < threshold) | (threshold == ALL_OF_THEM)) & (tokens <= most[labels])
    return kept
