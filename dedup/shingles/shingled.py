"""What MinHash knows of a document: its bands and its sketch, from its text or from an index."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from dedup.blocks import Numbers
from dedup.scope import groups, mixed
from dedup.shingles.candidates import Banded
from pipeline.corpus import CorpusUnit
from pipeline.exchange import among
from pipeline.index import IndexFile
from text import unicode_tables, unspaced_packages
from text.folded import folded_words
from text.hashing import Hashes
from text.minhash import (
    Sketches,
    band_keys,
    character_shingles,
    multipliers,
    sequence_hashes,
    shingles,
    signatures,
    sketches,
)
from text.strings import Offsets, Strings

Unit = Literal["words", "characters"]

_BATCH_ROWS = 512  # texts in memory at a time
_MADE = 1  # raised when the same text gets other keys or another sketch: what indexes hold is void then


@dataclass(frozen=True)
class Shingled:
    """How texts are compared.

    ngram    words or characters of a shingle, as `unit` says
    hashes   values of a sketch, 0 for all
    sketch   whether an index holds sketches
    """

    unit: Unit
    ngram: int
    bands: int
    rows: int
    seed: int
    hashes: int
    within: tuple[str, ...]
    sketch: bool

    def same(self) -> dict[str, Any]:
        """As `Index.same`."""
        words = {"words": unspaced_packages.versions()} if self.unit == "words" else {}
        return {
            "made": _MADE,
            "unicode": unicode_tables.VERSION,
            **words,
            "unit": self.unit,
            "ngram": self.ngram,
            "bands": self.bands,
            "rows": self.rows,
            "seed": self.seed,
            "hashes": self.hashes if self.sketch else None,
            "within": list(self.within),
        }

    def schema(self) -> pa.Schema:
        """Of an index's rows; `keys` and `sketch` are numbers as they lie in memory, little-endian."""
        fields = [
            pa.field("id", pa.large_string(), nullable=False),
            pa.field("text", pa.uint64(), nullable=False),
            pa.field("keys", pa.binary(8 * self.bands), nullable=False),
        ]
        sketch = pa.field("sketch", pa.large_binary(), nullable=False)
        return pa.schema([*fields, sketch] if self.sketch else fields)

    def banded(self, item: "CorpusUnit | Indexed") -> Iterator[Banded]:
        """The bands of the item's documents that have shingles."""
        if isinstance(item, Indexed):
            yield from self._banded_index(item)
            return
        functions = multipliers(self.bands * self.rows, self.seed)
        for table in item.read(list(dict.fromkeys(("text", *self.within))), _BATCH_ROWS):
            cut, hashes = self._shingles(table)
            sizes = np.diff(cut)
            known = sizes > 0
            group = groups(table, self.within)[known]
            yield Banded(
                item.first + table.column("position").to_numpy()[known],
                mixed(sequence_hashes(cut, hashes)[known], group),
                mixed(band_keys(signatures(cut, hashes, functions)[known], self.bands), group),
                int(self._most(sizes).sum()),
            )

    def sketched(
        self, item: "CorpusUnit | Indexed", documents: Numbers
    ) -> Iterator[tuple[Numbers, Offsets, Sketches]]:
        """The sketches of these documents of the item, ascending, which have shingles, in pieces."""
        if len(documents) == 0:
            return
        if isinstance(item, Indexed):
            yield from self._sketched_index(item, documents)
            return
        for table in item.read(("text",), _BATCH_ROWS):
            number = item.first + table.column("position").to_numpy()
            asked = among(number, documents)
            if asked.any():
                cut, hashes = self._shingles(table.filter(pa.array(asked)))
                yield number[asked], *sketches(cut, hashes, self.hashes)

    def index_rows(self, unit: CorpusUnit) -> Iterator[pa.Table]:
        """As `Index.rows`."""
        functions = multipliers(self.bands * self.rows, self.seed)
        for table in unit.read(list(dict.fromkeys(("id", "text", *self.within))), _BATCH_ROWS):
            cut, hashes = self._shingles(table)
            group = groups(table, self.within)
            keys = mixed(band_keys(signatures(cut, hashes, functions), self.bands), group)
            columns = [
                table.column("id").cast(pa.large_string()),
                mixed(sequence_hashes(cut, hashes), group),
                pa.Array.from_buffers(
                    pa.binary(8 * self.bands), len(keys), [None, pa.py_buffer(keys.astype("<u8"))]
                ),
            ]
            if self.sketch:
                ends, values = sketches(cut, hashes, self.hashes)
                buffers = [None, pa.py_buffer(4 * ends), pa.py_buffer(values.astype("<u4"))]
                columns.append(pa.Array.from_buffers(pa.large_binary(), len(keys), buffers))
            yield pa.table(columns, schema=self.schema()).filter(pa.array(np.diff(cut) > 0))

    def _shingles(self, table: pa.Table) -> tuple[Offsets, Hashes]:
        strings = Strings.of(table.column("text"))
        if self.unit == "words":
            return shingles(*folded_words(strings), self.ngram)
        classes, folds = unicode_tables.classes(), unicode_tables.folds()
        return character_shingles(strings.data, strings.offsets, classes, folds, self.ngram)

    def _most(self, sizes: Numbers) -> Numbers:
        return np.minimum(sizes, self.hashes + 1) if self.hashes else sizes

    def _banded_index(self, item: "Indexed") -> Iterator[Banded]:
        document = item.first
        for table in item.file.read(("text", "keys", *(("sketch",) if self.sketch else ()))):
            last = document + table.num_rows
            keys = table.column("keys").combine_chunks()
            first = keys.offset * self.bands
            held = np.frombuffer(keys.buffers()[1], "<u8")[first : first + len(keys) * self.bands]
            values = 0
            if self.sketch:
                values = sum(chunk.nbytes for chunk in table.column("sketch").chunks) // 4
            yield Banded(
                np.arange(document, last),
                table.column("text").to_numpy(),
                held.reshape(-1, self.bands),
                values,
            )
            document = last

    def _sketched_index(
        self, item: "Indexed", documents: Numbers
    ) -> Iterator[tuple[Numbers, Offsets, Sketches]]:
        document = item.first
        for table in item.file.read(("sketch",), _BATCH_ROWS):
            number = np.arange(document, document + table.num_rows)
            document += table.num_rows
            asked = among(number, documents)
            if asked.any():
                held = table.column("sketch").combine_chunks().filter(pa.array(asked))
                _, ends, data = held.buffers()
                offsets = np.frombuffer(ends, "<i8")[held.offset : held.offset + len(held) + 1] // 4
                values = np.frombuffer(data, "<u4") if data is not None else np.zeros(0, "<u4")
                yield number[asked], offsets - offsets[0], values[offsets[0] : offsets[-1]].copy()


@dataclass(frozen=True)
class Indexed:
    """A file of an index, its documents numbered from `first` on, behind those of the corpus."""

    file: IndexFile
    first: int
