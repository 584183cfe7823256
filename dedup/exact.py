"""Exact deduplication: documents whose text is the same, up to white space, case or punctuation."""

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from dedup.keep import DEFAULT_KEEP, KEEP, Keep
from dedup.keyed import Keyed, clusters, with_columns
from dedup.ranking import Keys, label_columns
from dedup.scope import SOURCES, WITHIN, Sources, Within
from pipeline.index import AGAINST, Against
from pipeline.stage import Options, Pass, Rule
from text import unicode_tables, unspaced_packages
from text.folded import folded_words
from text.hashing import collapse_whitespace, hash128, hash_sequences
from text.lower import lower
from text.strings import Strings

Normalise = Literal["whitespace", "none", "lower", "words"]

_BATCH_ROWS = 512  # texts in memory at a time
_KEYS = 1  # raised when the same text gets another key: what indexes hold is void then


class ExactOptions(Options):
    """Options of the pass `exact`."""

    normalise: Normalise = Field(
        default="whitespace",
        description="compared are: the text with its white space runs as single spaces (whitespace), that "
        "in lower case (lower), its bytes (none), or its words without punctuation, case, diacritics and "
        "digits' values (words)",
    )
    keep: Keep = Field(default=DEFAULT_KEEP, description=KEEP)
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)
    against: Against = Field(default=(), description=AGAINST)


def _keys(options: ExactOptions, table: pa.Table) -> Keys:
    """128-bit hashes of the texts; a text with nothing to compare has no key."""
    strings = Strings.of(table.column("text"))
    if options.normalise == "words":
        offsets, folded = folded_words(strings)
        hashes = hash_sequences(offsets, folded)
    else:
        if options.normalise != "none":
            strings = collapse_whitespace(strings)
        if options.normalise == "lower":
            strings = lower(strings)
        offsets, hashes = strings.offsets, hash128(strings)
    return Keys(hashes[:, 0], hashes[:, 1], np.diff(offsets) > 0)


def _same(options: ExactOptions) -> dict[str, Any]:
    tables = {"unicode": unicode_tables.VERSION} if options.normalise in ("lower", "words") else {}
    words = {"words": unspaced_packages.versions()} if options.normalise == "words" else {}
    return {"keys": _KEYS, "normalise": options.normalise, **tables, **words}


_KEYED = Keyed("exact", ("text",), _keys, _BATCH_ROWS, _same)

PASS: Pass = Pass(
    name="exact",
    reads=("text",),
    adds=label_columns("exact"),
    run=_KEYED.run,
    rules=(Rule("exact_duplicate", "exact_rank > 0"),),
    options=ExactOptions,
    describe=_KEYED.describe,
    clusters=clusters,
    fingerprint=_KEYED.fingerprint,
    of=lambda options: with_columns(PASS, options),
    index=_KEYED.index(),
    about="Labels documents with the same text (white space aside) by a 128-bit hash.",
)
