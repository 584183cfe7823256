"""What there is to draw from: one reading of ids and lengths, kept in scratch for later passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mixtures.columns import stored_columns
from mixtures.labels import Coded, Cuts, is_kept
from mixtures.options import Downsampling
from mixtures.repeats import Repeat, each
from pipeline.corpus import CorpusUnit
from pipeline.errors import ContractError, SourceError
from pipeline.store import Sink, join, open_input, parquet_file
from text.hashing import Hashes, hash128
from text.strings import Strings

Integers = NDArray[np.int64]
SELECTION_BITS = 12  # of a selection hash: bins of the histogram


@dataclass(frozen=True)
class Stock:
    """What one unit holds, or, added up, one source.

    living, living_tokens     documents that are still in, and their tokens
    documents, tokens, size   of an epoch, which holds each of them as often as it is repeated and, where
                              labels are held to shares, kept; size in UTF-8 bytes of text
    histogram                 an epoch's tokens per selection bin, [2 ** SELECTION_BITS]
    stored                    documents in the Parquet files, living or not, to which the rest belongs
    text_raw, text_packed     bytes of the text column before and after compression
    rest_packed               bytes of all other columns that go into shards, after compression
    """

    living: int
    living_tokens: int
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
            living=self.living + other.living,
            living_tokens=self.living_tokens + other.living_tokens,
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
class Held:
    """Of a unit's living documents selection and position hash, tokens, bytes of text, how often an epoch
    holds each (None: once) and the number of its label (None: not downsampled), [n] each; and which of these
    are kept (None: not known yet)."""

    selection: Hashes
    position: Hashes
    tokens: Integers
    size: Integers
    repeats: Integers | None = None
    labels: Integers | None = None
    cuts: Cuts | None = None


@dataclass(frozen=True)
class Keys:
    """The hashes and lengths of every unit's living documents, a file in `folder` for each.

    repeats     by source, the expression that says how often an epoch holds a document; not named: once
    labels      by source, what its documents are downsampled by; not named: not at all
    cuts        by source, which documents of each label an epoch keeps
    """

    folder: str
    seed: int
    repeats: Mapping[str, str]
    labels: Mapping[str, Downsampling] = field(default_factory=dict)
    cuts: Mapping[str, Cuts] = field(default_factory=dict)

    def survey(self, unit: CorpusUnit) -> Stock:
        """Task over units: writes the unit's file unless it is there, and sums it up."""
        try:
            held = self.load(unit)
        except (SourceError, ValueError, EOFError):  # not there, or not whole
            self._write(unit)
            held = self.load(unit)
        row, selection = self.epoch(held)
        histogram = np.zeros(1 << SELECTION_BITS, np.int64)
        np.add.at(histogram, bins_of(selection, SELECTION_BITS), held.tokens[row])
        stored, text_raw, text_packed, rest_packed = _packed(unit, stored_columns(unit).names)
        return Stock(
            living=len(held.tokens),
            living_tokens=int(held.tokens.sum()),
            documents=len(row),
            tokens=int(held.tokens[row].sum()),
            size=int(held.size[row].sum()),
            histogram=histogram,
            stored=stored,
            text_raw=text_raw,
            text_packed=text_packed,
            rest_packed=rest_packed,
        )

    def load(self, unit: CorpusUnit) -> Held:
        """What the unit's file holds, once it was surveyed."""
        with open_input(self._path(unit)) as file:
            selection, position, *counts = np.load(file)
        tokens, size, *rest = (count.view(np.int64) for count in counts)
        repeats = rest.pop(0) if unit.source in self.repeats else None
        labels = rest.pop(0) if unit.source in self.labels else None
        return Held(selection, position, tokens, size, repeats, labels, self.cuts.get(unit.source))

    def epoch(self, held: Held) -> tuple[Integers, Hashes]:
        """The documents of an epoch: row and selection hash of each, as often as it is repeated and kept."""
        row, selection = np.arange(len(held.selection)), held.selection
        if held.repeats is not None:
            row, selection = each(held.selection, held.repeats, self.seed)
        if held.labels is not None and held.cuts is not None:
            kept = is_kept(selection, held.labels[row], held.tokens[row], held.cuts, self.seed)
            row, selection = row[kept], selection[kept]
        return row, selection

    def _path(self, unit: CorpusUnit) -> str:
        return join(self.folder, f"{unit.index:06d}.npy")

    def _write(self, unit: CorpusUnit) -> None:
        sql = self.repeats.get(unit.source)
        repeat = None if sql is None else Repeat(sql, unit, self.seed)
        asked = self.labels.get(unit.source)
        coded = None if asked is None else Coded(asked, unit)
        more = [each for each in (repeat, coded) if each is not None]
        columns = ["id", "tokens", "bytes", *(name for each in more for name in each.columns)]
        parts = [np.zeros((4 + len(more), 0), np.uint64)]
        for table in unit.read(list(dict.fromkeys(columns))):
            selection, position = hash_ids(table.column("id"), self.seed)
            counts = [lengths_of(table, name, unit) for name in ("tokens", "bytes")]
            if repeat is not None:
                counts.append(repeat.of(table, selection))
            if coded is not None:
                counts.append(coded.of(table))
            parts.append(np.stack([selection, position, *(count.view(np.uint64) for count in counts)]))
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
