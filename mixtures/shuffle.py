"""The shuffle, out of core: every group of units is cut by shard, then every shard is put together.

A run is a file in scratch with one cell per shard: the copies of some units that belong to that
shard, as a compressed Arrow record batch. The cells' offsets stand at the end of the file, so a
shard reads sixteen bytes and its cell from every run. Memory per task is about one shard.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mixtures.columns import EPOCH, conform, stored_columns, widen
from mixtures.sampling import Copies, Quota, draw_copies, position_keys
from mixtures.survey import Integers, Keys, bins_of, hash_ids
from pipeline.corpus import CorpusUnit
from pipeline.store import ROW_GROUP_ROWS, ParquetSink, Sink, join, open_input, read_json, size, write_json
from text.hashing import Hashes

GROUP_BYTES = 64 << 20  # of text in a row group: keeps a reader's memory small with books too
UNKNOWN = "unknown"  # licence of a document that states none
_CODEC = pa.Codec("zstd", compression_level=1)


@dataclass(frozen=True)
class Scatter:
    """Task over (number, units): cuts the units' copies by shard into runs; returns their paths.

    first    first bin of the position key of every shard, [shards]
    bits     of the position key: bins are its highest bits
    held     bytes of text after which a run is written
    """

    folder: str
    keys: Keys
    schema: pa.Schema
    quotas: Mapping[str, Quota]
    first: Integers
    bits: int
    held: int

    def __call__(self, item: tuple[int, Sequence[CorpusUnit]]) -> list[str]:
        number, units = item
        done = join(self.folder, f"{number:06d}.json")
        found = read_json(done)
        if found is not None:
            return list(found)
        paths: list[str] = []
        run = _Run()
        for unit in units:
            row, copy, key = draw_copies(self.keys, self.keys.load(unit), self.quotas[unit.source])
            read = 0
            for table in unit.read(stored_columns(unit).names):
                here = slice(*np.searchsorted(row, (read, read + len(table))))
                self._add(table, row[here] - read, copy[here], key[here], run)
                read += len(table)
                if run.weight >= self.held:
                    paths.append(self._write(run, number, len(paths)))
                    run = _Run()
        if run.weight:
            paths.append(self._write(run, number, len(paths)))
        write_json(done, paths)
        return paths

    def _add(self, table: pa.Table, row: Integers, copy: Copies, key: Hashes, run: "_Run") -> None:
        if not len(row):
            return
        # Only what is drawn is held, each document once however many copies there are of it.
        drawn, place = np.unique(row, return_inverse=True)
        lengths = table.column("bytes").to_numpy()[row]
        run.tables.append(conform(table.take(drawn), self.schema))
        run.rows.append(place + run.documents)
        run.copies.append(copy)
        run.shards.append(np.searchsorted(self.first, bins_of(key, self.bits), side="right") - 1)
        run.documents += len(drawn)
        run.weight += int(lengths.sum()) + len(row)

    def _write(self, run: "_Run", number: int, part: int) -> str:
        path = join(self.folder, f"{number:06d}-{part:04d}.cells")
        table = pa.concat_tables(run.tables).combine_chunks()
        rows, copies = np.concatenate(run.rows), np.concatenate(run.copies)
        shards = np.concatenate(run.shards)
        order = np.argsort(shards, kind="stable")
        cuts = np.searchsorted(shards[order], np.arange(len(self.first) + 1))
        at = table.schema.get_field_index(EPOCH.name)
        offsets = np.zeros(len(self.first) + 1, np.int64)
        with Sink(path) as sink:
            for shard in range(len(self.first)):
                mine = order[cuts[shard] : cuts[shard + 1]]
                if len(mine):
                    cell = table.take(rows[mine]).set_column(at, EPOCH, pa.array(copies[mine]))
                    sink.write(_pack(cell))
                offsets[shard + 1] = sink.bytes
            sink.write(offsets.tobytes())
        return path


@dataclass
class _Run:
    """Copies on their way into a run: documents held once, and for every copy its document's row
    in them, its number and its shard."""

    tables: list[pa.Table] = field(default_factory=list)
    rows: list[Integers] = field(default_factory=list)
    copies: list[Copies] = field(default_factory=list)
    shards: list[Integers] = field(default_factory=list)
    documents: int = 0
    weight: int = 0


@dataclass(frozen=True)
class Gather:
    """Task over shard numbers: writes a shard from its cells; returns its entry of the manifest."""

    folder: str
    scratch: str
    name: str
    seed: int
    schema: pa.Schema
    runs: tuple[str, ...]
    shards: int

    def __call__(self, shard: int) -> dict[str, Any]:
        name = shard_name(self.name, shard, self.shards)
        path = join(self.folder, name)
        done = join(self.scratch, f"{shard:05d}.json")
        found = read_json(done)
        if found is not None and size(path) == found["bytes"]:
            return dict(found)
        table = self._read(shard)
        order = _order(table, self.seed)
        with ParquetSink(path, self.schema) as sink:
            for rows in _row_groups(order, table):
                sink.write_group(conform(table.take(rows), self.schema))
        entry = {
            "name": name,
            "rows": table.num_rows,
            "tokens": pc.sum(table.column("tokens")).as_py() or 0,
            "bytes": sink.bytes,
            "sha256": sink.sha256,
            "licenses": _licences(table),
        }
        write_json(done, entry)
        return entry

    def _read(self, shard: int) -> pa.Table:
        schema = widen(self.schema)
        cells = []
        for path in self.runs:
            packed = _cell(path, shard, self.shards)
            if packed:
                raw = int.from_bytes(packed[:8], "little")
                buffer = _CODEC.decompress(packed[8:], decompressed_size=raw)
                cells.append(pa.ipc.read_record_batch(buffer, schema))
        return pa.Table.from_batches(cells, schema).combine_chunks()


def _licences(table: pa.Table) -> dict[str, dict[str, int]]:
    """Rows by source and licence; an empty licence or none at all is `unknown`."""
    names = [name for name in ("source", "license") if name in table.column_names]
    groups = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
    counts: dict[str, dict[str, int]] = {}
    for group in groups.to_pylist():
        found = counts.setdefault(group["source"], {})
        licence = group.get("license") or UNKNOWN
        found[licence] = found.get(licence, 0) + group["count_all"]
    return counts


def shard_name(corpus: str, shard: int, shards: int) -> str:
    return f"{corpus}-{shard:05d}-of-{shards:05d}.parquet"


def _pack(cell: pa.Table) -> bytes:
    """Bytes before compression (8, little-endian), then the compressed record batch."""
    raw: pa.Buffer = cell.combine_chunks().to_batches()[0].serialize()
    packed: bytes = _CODEC.compress(raw, asbytes=True)
    return int(raw.size).to_bytes(8, "little") + packed


def _cell(path: str, shard: int, shards: int) -> bytes:
    """The packed cell of one shard in a run; empty where the run has nothing for it."""
    with open_input(path) as file:
        file.seek(8 * (shard - shards - 1), 2)
        first, last = np.frombuffer(file.read(16), np.int64).tolist()
        file.seek(first)
        return file.read(last - first)


def _order(table: pa.Table, seed: int) -> Integers:
    """Rows by position key, [n]; where keys are equal, by id, epoch, source and text."""
    _, position = hash_ids(table.column("id"), seed)
    key: Hashes = position_keys(position, table.column("epoch").to_numpy(), seed)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    tied = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    if tied.any():
        # Only documents with the same id or a collision of 64 bits get here.
        rows = order[tied]
        names = [name for name in ("id", "epoch", "source", "text") if name in table.column_names]
        held = table.select(names).take(rows).append_column("key", pa.array(key[rows]))
        ranked = pc.sort_indices(held, sort_keys=[(name, "ascending") for name in ("key", *names)])
        order[tied] = rows[ranked.to_numpy()]
    return order


def _row_groups(order: Integers, table: pa.Table) -> Iterator[Integers]:
    """`order` in pieces of at most `ROW_GROUP_ROWS` rows and about `GROUP_BYTES` of text."""
    size_before = np.cumsum(table.column("bytes").to_numpy()[order])
    first = 0
    while first < len(order):
        full = size_before[first - 1] + GROUP_BYTES if first else GROUP_BYTES
        last = int(np.searchsorted(size_before, full, side="right"))
        last = min(max(last, first + 1), first + ROW_GROUP_ROWS)
        yield order[first:last]
        first = last
