"""Passes that call documents copies where one key of theirs is equal: what `url` and `exact` share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pyarrow as pa

from dedup import scope
from dedup.keep import Orders, keep_columns
from dedup.ranking import Earlier, Keys, rank
from dedup.scope import compared, groups, mixed, reading
from pipeline import index
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.index import IndexFile, index_files, partitions
from pipeline.stage import Clusters, Index, Label, Options, Pass

_INDEXED = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
    ]
)


class KeyedOptions(Protocol):
    """What the options of such a pass have, besides those that make its keys."""

    @property
    def keep(self) -> Orders: ...

    @property
    def sources(self) -> tuple[str, ...]: ...

    @property
    def within(self) -> tuple[str, ...]: ...

    @property
    def against(self) -> tuple[str, ...]: ...


KeysBy = Callable[[Any, pa.Table], Keys]
"""The keys of a table of documents by the pass's options; picklable."""


@dataclass(frozen=True)
class Keyed:
    """How a pass makes keys.

    columns     what `keys` reads
    batch_rows  documents in memory at a time
    same        what makes the keys besides `within`, as `Index.same`
    """

    name: str
    columns: tuple[str, ...]
    keys: KeysBy
    batch_rows: int
    same: Callable[[Any], dict[str, Any]]

    def run(self, corpus: Corpus, options: KeyedOptions) -> Label:
        """`Pass.run`."""
        files = index_files(self.name, options.against)
        return rank(
            corpus,
            self.name,
            (*self.columns, *options.within),
            partial(self._keys, options),
            options.keep,
            self.batch_rows,
            units=compared(corpus.units, options.sources),
            earlier=Earlier(files, _earlier) if files else None,
            parts=partitions(corpus, files),
        )

    def index(self) -> Index:
        """`Pass.index`."""
        return Index(schema=_schema, rows=self._rows, same=self._same)

    def fingerprint(self, options: KeyedOptions) -> str:
        """`Pass.fingerprint`."""
        return index.fingerprint(self.name, options.against, self._same(options))

    def describe(self, options: KeyedOptions) -> list[str]:
        """`Pass.describe`."""
        return [
            *scope.describe(options.sources, options.within),
            *index.describe(self.name, options.against),
        ]

    def _keys(self, options: KeyedOptions, _: CorpusUnit, table: pa.Table) -> Keys:
        keys = self.keys(options, table)
        group = groups(table, options.within)
        return Keys(mixed(keys.high, group), mixed(keys.low, group), keys.known)

    def _rows(self, options: KeyedOptions, unit: CorpusUnit) -> Iterator[pa.Table]:
        if not compared([unit], options.sources):
            return
        wanted = list(dict.fromkeys(("id", *self.columns, *options.within)))
        for table in unit.read(wanted, self.batch_rows):
            keys = self._keys(options, unit, table)
            ids = table.column("id").cast(pa.large_string())
            rows = pa.table([ids, keys.high, keys.low], schema=_INDEXED)
            yield rows.filter(pa.array(keys.known))

    def _same(self, options: KeyedOptions) -> dict[str, Any]:
        return {**self.same(options), "within": list(options.within)}


def clusters(options: KeyedOptions) -> Clusters:
    """`Pass.clusters`: ranks begin behind the indexed documents, of which `winnow whatif` knows nothing."""
    return Clusters() if options.against else Clusters(joins=1, sources=options.sources)


def with_columns(pass_: Pass, options: KeyedOptions) -> Pass:
    """`Pass.of`: the pass with the columns that its options name among what it reads."""
    return reading(pass_, (*options.within, *keep_columns(options.keep)))


def _schema(options: Options) -> pa.Schema:
    del options
    return _INDEXED


def _earlier(file: IndexFile) -> Iterator[pa.Table]:
    for table in file.read(("high", "low", "id")):
        yield table.append_column("place", pa.array([file.index] * table.num_rows, pa.int64()))
