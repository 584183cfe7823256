"""What there is to draw from: one reading of ids and lengths, kept in scratch for later passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mixtures.columns import stored_columns
from pipeline.corpus import CorpusUnit
from pipeline.errors import ContractError
from pipeline.store import Sink, exists, join, open_input, parquet_file
from text.hashing import Hashes, hash128
from text.strings import Strings

Integers = NDArray[np.int64]
SELECTION_BITS = 12  # of a selection hash: bins of the histogram


@dataclass(frozen=True)
class Stock:
    """What one unit holds, or, added up, one source.

    documents, tokens, size   of the living documents; size in UTF-8 bytes of text
    histogram                 tokens per selection bin, [2 ** SELECTION_BITS]
    stored                    documents in the Parquet files, living or not, to which the rest belongs
    text_raw, text_packed     bytes of the text column before and after compression
    rest_packed               bytes of all other columns that go into shards, after compression
    """

    documents: int
    tokens: int
    size: int
    histogram: Integers
    stored: int
    text_raw: int
    text_packed: int
    rest_packed: int

    def __add__(self, other: "Stock") -> "Stock":
        return Stock(
            documents=self.documents + other.documents,
            tokens=self.tokens + other.tokens,
            size=self.size + other.size,
            histogram=self.histogram + other.histogram,
            stored=self.stored + other.stored,
            text_raw=self.text_raw + other.text_raw,
            text_packed=self.text_packed + other.text_packed,
            rest_packed=self.rest_packed + other.rest_packed,
        )


@dataclass(frozen=True)
class Keys:
    """The hashes and lengths of every unit's living documents, a file in `folder` for each."""

    folder: str
    seed: int

    def survey(self, unit: CorpusUnit) -> Stock:
        """Task over units: writes the unit's file unless it is there, and sums it up."""
        if not exists(self._path(unit)):
            self._write(unit)
        selection, _, tokens, size = self.load(unit)
        histogram = np.zeros(1 << SELECTION_BITS, np.int64)
        np.add.at(histogram, bins_of(selection, SELECTION_BITS), tokens)
        stored, text_raw, text_packed, rest_packed = _packed(unit, stored_columns(unit).names)
        return Stock(
            documents=len(tokens),
            tokens=int(tokens.sum()),
            size=int(size.sum()),
            histogram=histogram,
            stored=stored,
            text_raw=text_raw,
            text_packed=text_packed,
            rest_packed=rest_packed,
        )

    def load(self, unit: CorpusUnit) -> tuple[Hashes, Hashes, Integers, Integers]:
        """Selection and position hash, tokens and bytes of the living documents, [n] each."""
        with open_input(self._path(unit)) as file:
            selection, position, tokens, size = np.load(file)
        return selection, position, tokens.view(np.int64), size.view(np.int64)

    def _path(self, unit: CorpusUnit) -> str:
        return join(self.folder, f"{unit.index:06d}.npy")

    def _write(self, unit: CorpusUnit) -> None:
        parts = [np.zeros((4, 0), np.uint64)]
        for table in unit.read(("id", "tokens", "bytes")):
            hashes = hash_ids(table.column("id"), self.seed)
            lengths = [lengths_of(table, name, unit).view(np.uint64) for name in ("tokens", "bytes")]
            parts.append(np.stack([*hashes, *lengths]))
        with Sink(self._path(unit)) as sink:
            np.save(sink, np.concatenate(parts, axis=1))


def hash_ids(ids: pa.Array | pa.ChunkedArray, seed: int) -> tuple[Hashes, Hashes]:
    """Selection and position hash of every id, [n] uint64 each; independent of each other."""
    both = hash128(Strings.of(ids), seed)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def bins_of(hashes: Hashes, bits: int) -> Integers:
    """The highest `bits` of every hash, [n]."""
    return (hashes >> np.uint64(64 - bits)).astype(np.int64)


def lengths_of(table: pa.Table, name: str, unit: CorpusUnit) -> Integers:
    """Column `tokens` or `bytes` of a table; ContractError where a value cannot be a length."""
    column = table.column(name)
    lengths: Integers = column.cast(pa.int64()).fill_null(-1).to_numpy()
    if lengths.min(initial=0) < 0:
        row = int(np.argmax(lengths < 0))
        raise ContractError(
            f"unit {unit.name} of source {unit.source}: {name} is {column[row].as_py()} for document "
            f"{table.column('id')[row].as_py()}; expected a number from 0"
        )
    return np.ascontiguousarray(lengths)


def _packed(unit: CorpusUnit, kept: Sequence[str]) -> tuple[int, int, int, int]:
    """Rows stored; bytes of `text` before and after compression; of the other columns after."""
    stored = text_raw = text_packed = rest_packed = 0
    for path in (unit.documents, *(layer.path for layer in unit.layers)):
        with parquet_file(path) as file:
            metadata = file.metadata
        if path == unit.documents:
            stored = metadata.num_rows
        for group in range(metadata.num_row_groups):
            for at in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(at)
                name = chunk.path_in_schema.split(".")[0]  # a list's values lie below its name
                if name == "text":
                    text_raw += chunk.total_uncompressed_size
                    text_packed += chunk.total_compressed_size
                elif name in kept:
                    rest_packed += chunk.total_compressed_size
    return stored, text_raw, text_packed, rest_packed
