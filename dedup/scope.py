"""Which documents a pass compares: those of the sources named, where the columns named are equal.

Passes that compare documents with each other take the same two options:

    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)

and say `of=lambda options: reading(PASS, options.within)`, so that the columns are read. By the types of the
options the plan checks that sources and columns of these names exist.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import pyarrow as pa

from pipeline.corpus import CorpusUnit
from pipeline.stage import Listed, Names, Pass
from text.hashing import MULTIPLIER, Hashes, hash128, mix_array
from text.strings import Strings

SOURCES = "sources whose documents are compared, all if none is given; a document of another is alone"
WITHIN = "columns: documents are compared only where all of these are equal, as [source] or [language]"

_NULL = np.uint64(0x6E756C6C00000001)  # stands for a null; no value's hash but by chance


Sources = Annotated[Listed, Names(sources=tuple)]
"""Names of sources of the run, each once; the plan checks that they are its."""

Within = Annotated[Listed, Names(columns=lambda within: dict.fromkeys(within, "value"))]
"""Names of columns, each once, of any type that has a text; the plan checks their types."""


def compared(units: Sequence[CorpusUnit], sources: Sequence[str]) -> list[CorpusUnit]:
    """The units of these sources, of all where none is named, in their order."""
    return [unit for unit in units if not sources or unit.source in sources]


def groups(table: pa.Table, within: Sequence[str]) -> Hashes:
    """Which documents may be compared: the hash of each row's values in `within`, [n] uint64.

    Rows are equal where all values are, null equal to null and to no value; 0 where `within` is empty.
    A value is compared by its text (`1`, `true`, `2026-11-22`).
    """
    found = np.zeros(table.num_rows, np.uint64)
    for name in within:
        values = table.column(name)
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        hashes = hash128(Strings.of(values))[:, 0]
        nulls = values.is_null().to_numpy()
        # Not a sum: [a, b] and [b, a] are two groups.
        found = mix_array(found * MULTIPLIER + np.where(nulls, _NULL, hashes))
    return found


def mixed(keys: Hashes, group: Hashes) -> Hashes:
    """Well-mixed keys, [n] or [n, k], made different where the groups of their rows, [n], are."""
    if not group.any():
        return keys
    by_row = group.reshape(-1, *[1] * (keys.ndim - 1))
    return mix_array(np.ascontiguousarray(keys ^ by_row).ravel()).reshape(keys.shape)


def reading(pass_: Pass, columns: Sequence[str]) -> Pass:
    """The pass with those columns added to what it reads, so that the plan checks that they are there."""
    return replace(pass_, reads=tuple(dict.fromkeys((*pass_.reads, *columns))))


def describe(sources: Sequence[str], within: Sequence[str]) -> list[str]:
    """What is compared, for the plan; nothing where all documents are."""
    among = [f"among the documents of {', '.join(sources)}"] if sources else []
    return among + ([f"only where {', '.join(within)} {_are(within)} equal"] if within else [])


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
