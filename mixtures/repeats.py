"""How often an epoch holds a document: FineWeb-2's rehydration, by an SQL expression over its columns.

FineWeb-2 (Penedo et al. 2025, arXiv:2506.20920) removes the copies of a document and then repeats the one
that is left by the size of its cluster. Each repetition is drawn as a document of its own would be: it has
its own selection hash, made of the document's, so that half an epoch holds half of the repetitions.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mixtures.options import MixtureOptions
from pipeline.corpus import CorpusUnit
from pipeline.errors import PlanError
from pipeline.expression import Numbers, not_a_number
from text.hashing import Hashes, mix_array, random_words

MOST = 100  # repetitions of a document: a task holds a number for each of those of its unit
ONCE = 1.0
_PART = np.uint64(0x7265706561742E31)  # keep the streams of hashes apart: "repeat.1", "repeat.2"
_COPY = np.uint64(0x7265706561742E32)

Counts = NDArray[np.int64]
Values = TypeVar("Values")


def problems(
    options: MixtureOptions, schema: pa.Schema, sources: Mapping[str, pa.Schema]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with `repeat`: the key path below `mixture`, and what to say of it.

    schema    the columns of a surviving document of any source; `sources`, those of each
    """
    given = options.repeat
    if isinstance(given, str):
        problem = not_a_number(given, schema)
        if problem:
            yield ("repeat",), f"repeat ({given}): {problem}"
    elif given is not None:
        for source, sql in given.items():
            problem = not_a_number(sql, sources[source])
            if problem:
                yield ("repeat", source), f"repeat of {source} ({sql}): {problem}"


class Repeat:
    """The repetitions of one unit's documents by an expression."""

    def __init__(self, sql: str, unit: CorpusUnit, seed: int) -> None:
        self._sql, self._unit, self._seed = sql, unit, seed
        self._numbers = Numbers(sql)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._numbers.columns

    def of(self, table: pa.Table, selection: Hashes) -> Counts:
        """Repetitions of each row, [n]: of 2.3 two, and a third for three in ten documents, by their hashes.

        PlanError where the expression gives no number from 0 to `MOST`.
        """
        numbers = evaluated(self._numbers.of, table, "repeat", self._unit)
        wrong = ~((numbers >= 0) & (numbers <= MOST))
        if wrong.any():
            row = int(np.argmax(wrong))
            found = "no number" if np.isnan(numbers[row]) else f"{numbers[row]:g}"
            raise PlanError(
                f"mixture: repeat ({self._sql}) gives {found} for document "
                f"{table.column('id')[row].as_py()} of source {self._unit.source}; expected a number from 0 "
                f"to {MOST}" + ("; where a column may be null, write coalesce(…, 1)" * (found == "no number"))
            )
        whole = np.floor(numbers)
        part = mix_array(selection ^ random_words(1, np.uint64(self._seed) ^ _PART)[0])
        chance = (part >> np.uint64(11)).astype(np.float64) * 2.0**-53  # [0, 1), every double as likely
        counts: Counts = (whole + (chance < numbers - whole)).astype(np.int64)
        return counts


def evaluated(of: Callable[[pa.Table], Values], table: pa.Table, option: str, unit: CorpusUnit) -> Values:
    """What an expression of the mixture gives for the table; PlanError names the document where it cannot."""
    try:
        return of(table)
    except PlanError as fault:
        if len(table) > 1:  # which of them it is
            for row in range(len(table)):
                evaluated(of, table.slice(row, 1), option, unit)
        raise PlanError(
            f"mixture: {option} {fault.message} (document {table.column('id')[0].as_py()} of source "
            f"{unit.source})"
        ) from fault


def each(selection: Hashes, repeats: Counts, seed: int) -> tuple[Counts, Hashes]:
    """Every repetition: the row of its document and its selection hash, which of the first is the
    document's own, [sum of `repeats`]."""
    row = np.repeat(np.arange(len(repeats)), repeats)
    number = np.arange(len(row)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    salts = random_words(int(number.max(initial=0)) + 1, np.uint64(seed) ^ _COPY)
    hashes = selection[row]
    later = number > 0
    hashes[later] = mix_array(hashes[later] ^ salts[number[later]])
    return row, hashes
