"""Lines and paragraphs that are copied across documents: what the passes `lines` and `paragraphs` share.

Both are one mechanism under other defaults; see `dedup/repeated/counts.py` for how it counts, and
`text/copies.py` for what is a copy. A document's bucket is told by the hash of its id: of a group of n
documents (a language, say) there are n / `bucket` buckets, rounded up, of about equal size. So it depends
on neither the order nor the cutting of the files, every bucket is a sample of all sites and days alike,
and a limit means the same in each.

First of its copies is the line of the document that comes first in the corpus, in the order of the plan.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from dedup import scope
from dedup.living import text_bytes
from dedup.repeated.counts import (
    BATCH_ROWS,
    Buckets,
    Method,
    Seen,
    columns_of,
    cut_buckets,
    look,
    read_over,
    write_counts,
    write_over,
)
from dedup.repeated.table import table_schema, write_table
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.counted import counted
from pipeline.stage import Label, Options, Rule, column
from pipeline.store import join, make_folder
from text import copies, unicode_tables
from text.counts import shares, totals
from text.duplicates import repeated
from text.lookup import Lookup

_TOGETHER = "in all languages together (Llama 3 counted each by itself: within: [language])"
_PART_BYTES = 1 << 31  # of texts whose lines are counted together, at most

UnitOption = Annotated[
    copies.Unit, Field(description="line: text between line breaks; paragraph: lines between blank lines")
]
NormaliseOption = Annotated[
    copies.Way,
    Field(
        description="two are copies when they are the same: as they stand (none), but for white space "
        "(whitespace), in lower case, with digits as 0 and some signs left out as cc_net's code has it "
        "(ccnet), or in their letters and digits, without case, accents and values of digits (words)"
    ),
]
MoreThan = Annotated[int, Field(ge=1, description="seen more often than this, a line goes")]
Count = Annotated[
    Literal["times", "documents"],
    Field(description="what is counted: times that it stands anywhere, or documents that have it"),
]
Bucket = Annotated[
    int | None,
    Field(ge=1, description="documents, about, among which it is counted; null: among all of them"),
]
Keep = Annotated[
    Literal["none", "first"],
    Field(description="of copies that go, none stays or the first in the order of the corpus"),
]
Once = Annotated[
    bool,
    Field(description="of a line that a document has several times, only the first stays, however rare"),
]
Least = Annotated[
    int,
    Field(ge=0, description="characters, as they are compared; a shorter line is never taken out"),
]
Listed = Annotated[int, Field(ge=0, description="rows of the table of the lines that are seen most")]


def columns(name: str) -> pa.Schema:
    """The columns of the pass `name`: lines or paragraphs."""
    return pa.schema(
        [
            column(f"{name}_cuts", pa.list_(pa.int64()), "bytes", "start and end of each cut in the text"),
            column(f"{name}_removed", pa.int32(), name, "taken out"),
            column(f"{name}_removed_frequent", pa.int32(), name, "of these, seen too often in the corpus"),
            column(f"{name}_removed_repeated", pa.int32(), name, "of these, seen before in this text alone"),
            column(f"{name}_removed_bytes", pa.int64(), "bytes", "cut out, line breaks and blank lines too"),
            column(f"{name}_removed_share", pa.float64(), "share", "of the text's bytes cut out"),
        ]
    )


def rules(name: str) -> tuple[Rule, ...]:
    """cc_net's: a document of which nothing is left goes."""
    return (Rule(f"{name}_empty", f"{name}_removed_share = 1"),)


def check_within(within: Sequence[str], table: str) -> None:
    """Raises ValueError where the table could not have a column of that name."""
    for name in within:
        if name in {field.name for field in table_schema(())}:
            raise ValueError(
                f"within: the table {table} has a column {name} of its own; name another column, one that "
                "many documents have alike"
            )


def fingerprint(options: Options) -> str:
    """What is white space, lower case and a letter."""
    del options
    return f"Unicode {unicode_tables.VERSION}"


def describe(method: Method) -> list[str]:
    """What goes and what stays, for the plan."""
    bucket = (
        "the whole corpus" if method.bucket is None else f"a bucket of {counted(method.bucket, 'document')}"
    )
    seen = "seen more than" if method.count == "times" else "in more than"
    often = counted(method.more_than, "time" if method.count == "times" else "document")
    stays = "goes from all of them" if method.keep == "none" else "stays where it is seen first"
    again = [f"a {method.unit} stands once in a document"] if method.once else []
    together = [] if method.within or method.name != "lines" else [_TOGETHER]
    return [
        *scope.describe(method.sources, method.within),
        *together,
        f"a {method.unit} {seen} {often} in {bucket} {stays}",
        *again,
    ]


def run(corpus: Corpus, method: Method) -> Label:
    """Counts, writes the table `{name}_frequent`, and returns what labels a unit."""
    units = scope.compared(corpus.units, method.sources)
    size = sum(corpus.map(text_bytes, units, f"{method.name}: sizes"))
    parts = max(corpus.partitions, -(-size // _PART_BYTES))
    folders = [join(corpus.scratch, name) for name in ("counts", "over")]
    table = join(corpus.tables, f"{method.name}_frequent")
    for folder in (*folders, table):
        make_folder(folder)
    buckets = cut_buckets(corpus, method, units)
    count = partial(write_counts, folders[0], method, buckets, parts)
    counted = [done for done in corpus.map(count, units, f"{method.name}: lines") if done.rows]
    choose = partial(write_over, folders[1], method, counted, parts)
    written = list(corpus.map(choose, range(parts), f"{method.name}: counts"))
    frequent = [path for _, path in written]
    write_table(corpus, method, buckets, frequent, join(table, "000000.parquet"))
    return partial(_label, method, buckets, [path for path, _ in written])


class _Unit:
    """The keys of a unit that are over the limit, and which of their lines are still to come first."""

    def __init__(self, keys: NDArray[np.uint64], first: NDArray[np.bool_]) -> None:
        self._over = Lookup.of(keys, first)
        self._awaited = self._over.values.astype(np.bool_)

    def frequent(self, keys: NDArray[np.uint64], keep: Literal["none", "first"]) -> NDArray[np.bool_]:
        """Which lines, the next of the unit, are over the limit and do not stay, [m]."""
        place = self._over.find(keys)
        over = place >= 0
        if keep == "first":
            at = np.flatnonzero(over)
            at = at[self._awaited[place[at]]]
            _, first = np.unique(place[at], return_index=True)
            self._awaited[place[at]] = False
            over[at[first]] = False
        return over


def _cut(seen: Seen, frequent: NDArray[np.bool_], again: NDArray[np.bool_]) -> list[pa.Array]:
    """The labels of a table of texts."""
    gone = frequent | again
    edge = np.zeros(len(seen.after) + 1, np.int64)  # +1 where lines that go begin, -1 behind them
    np.add.at(edge, seen.units.first[gone], 1)
    np.add.at(edge, seen.units.last[gone], -1)
    offsets, cuts = copies.cuts(seen.strings, seen.lines, np.cumsum(edge[:-1]) > 0)
    removed = totals(offsets, np.where(np.arange(len(cuts)) % 2, cuts, -cuts))
    by_document = seen.units.offsets
    counts = (totals(by_document, part).astype(np.int32) for part in (gone, frequent, again & ~frequent))
    lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(cuts))
    return [
        lists,
        *map(pa.array, counts),
        pa.array(removed),
        pa.array(shares(removed, np.diff(seen.strings.offsets))),
    ]


def _nothing(schema: pa.Schema, rows: int) -> pa.Table:
    """The labels of documents that are not compared."""
    lists = pa.array([[]] * rows, pa.list_(pa.int64()))
    zeros = np.zeros(rows)
    return pa.table([lists, *(pa.array(zeros).cast(field.type) for field in list(schema)[1:])], schema)


def _label(method: Method, buckets: Buckets, over_files: Sequence[str], unit: CorpusUnit) -> pa.Table:
    schema = columns(method.name)
    if method.sources and unit.source not in method.sources:
        return _nothing(schema, unit.alive)
    known = _Unit(*read_over(over_files, unit))

    def tables() -> Iterator[pa.Table]:
        for table in unit.read(columns_of(method, buckets), BATCH_ROWS):
            seen = look(method, buckets, table)
            frequent = known.frequent(seen.keys, method.keep)
            again = np.zeros(len(frequent), np.bool_)
            if method.once:
                again = repeated(seen.units.offsets, seen.keys)
            yield pa.table(_cut(seen, frequent, again), schema)

    return pa.concat_tables([schema.empty_table(), *tables()])
