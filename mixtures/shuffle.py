"""The shuffle, out of core: every group of units is cut by shard, then every shard is put together.

A run is a file in scratch with some cells per shard, by their position keys: the copies of some units
that belong there, as a compressed Arrow record batch. The cells' offsets stand at the end of the file, so a
shard reads a few bytes and its cells from every run. It is put together cell by cell: a task holds a shard
as it lies compressed in the runs, and one cell of all runs.
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
    """Task over (number, units): cuts the units' copies by cell into runs; returns their paths.

    first    first bin of the position key of every cell, [cells]
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
        if found is not None and all(size(path) == told for path, told in found.items()):
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
        write_json(done, {path: size(path) for path in paths})
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
        run.cells.append(np.searchsorted(self.first, bins_of(key, self.bits), side="right") - 1)
        run.documents += len(drawn)
        run.weight += int(lengths.sum()) + len(row)

    def _write(self, run: "_Run", number: int, part: int) -> str:
        path = join(self.folder, f"{number:06d}-{part:04d}.cells")
        table = pa.concat_tables(run.tables).combine_chunks()
        rows, copies = np.concatenate(run.rows), np.concatenate(run.copies)
        cells = np.concatenate(run.cells)
        order = np.argsort(cells, kind="stable")
        cuts = np.searchsorted(cells[order], np.arange(len(self.first) + 1))
        at = table.schema.get_field_index(EPOCH.name)
        offsets = np.zeros(len(self.first) + 1, np.int64)
        with Sink(path) as sink:
            for cell in range(len(self.first)):
                mine = order[cuts[cell] : cuts[cell + 1]]
                if len(mine):
                    sink.write(_pack(table.take(rows[mine]).set_column(at, EPOCH, pa.array(copies[mine]))))
                offsets[cell + 1] = sink.bytes
            sink.write(offsets.tobytes())
        return path


@dataclass
class _Run:
    """Copies on their way into a run: documents held once, and for every copy its document's row
    in them, its number and its cell."""

    tables: list[pa.Table] = field(default_factory=list)
    rows: list[Integers] = field(default_factory=list)
    copies: list[Copies] = field(default_factory=list)
    cells: list[Integers] = field(default_factory=list)
    documents: int = 0
    weight: int = 0


@dataclass(frozen=True)
class Gather:
    """Task over shard numbers: writes a shard from its cells; returns its entry of the manifest.

    cells   the first cell of every shard, + [shards + 1]
    """

    folder: str
    scratch: str
    name: str
    seed: int
    schema: pa.Schema
    runs: tuple[str, ...]
    cells: Integers

    def __call__(self, shard: int) -> dict[str, Any]:
        name = shard_name(self.name, shard, len(self.cells) - 1)
        path = join(self.folder, name)
        done = join(self.scratch, f"{shard:05d}.json")
        found = read_json(done)
        if found is not None and size(path) == found["bytes"]:
            return dict(found)
        tokens = 0
        licences: dict[str, dict[str, int]] = {}
        with ParquetSink(path, self.schema) as sink:
            for group in _row_groups(self._cells(shard)):
                sink.write_group(conform(group, self.schema))
                tokens += pc.sum(group.column("tokens")).as_py() or 0
                _count_licences(group, licences)
        entry = {
            "name": name,
            "rows": sink.rows,
            "tokens": tokens,
            "bytes": sink.bytes,
            "sha256": sink.sha256,
            "licenses": licences,
        }
        write_json(done, entry)
        return entry

    def _cells(self, shard: int) -> Iterator[pa.Table]:
        """The shard's cells, each in the order of the shard."""
        schema = widen(self.schema)
        first, last = self.cells[shard : shard + 2].tolist()
        packed = [_packed(path, first, last, int(self.cells[-1])) for path in self.runs]
        for _ in range(last - first):
            here = [run.pop() for run in packed]
            batches = [pa.ipc.read_record_batch(_unpack(each), schema) for each in here if each]
            table = pa.Table.from_batches(batches, schema).combine_chunks()
            yield table.take(_order(table, self.seed))


def _count_licences(table: pa.Table, counts: dict[str, dict[str, int]]) -> None:
    """Adds up rows by source and licence; an empty licence or none at all is `unknown`."""
    names = [name for name in ("source", "license") if name in table.column_names]
    groups = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
    for group in groups.to_pylist():
        found = counts.setdefault(group["source"], {})
        licence = group.get("license") or UNKNOWN
        found[licence] = found.get(licence, 0) + group["count_all"]


def shard_name(corpus: str, shard: int, shards: int) -> str:
    return f"{corpus}-{shard:05d}-of-{shards:05d}.parquet"


def _pack(cell: pa.Table) -> bytes:
    """Bytes before compression (8, little-endian), then the compressed record batch."""
    raw: pa.Buffer = cell.combine_chunks().to_batches()[0].serialize()
    packed: bytes = _CODEC.compress(raw, asbytes=True)
    return int(raw.size).to_bytes(8, "little") + packed


def _unpack(packed: bytes) -> pa.Buffer:
    return _CODEC.decompress(packed[8:], decompressed_size=int.from_bytes(packed[:8], "little"))


def _packed(path: str, first: int, last: int, cells: int) -> list[bytes]:
    """The packed cells from `first` to before `last` of a run that has so many, the last one first; empty
    where the run has nothing for one."""
    with open_input(path) as file:
        file.seek(8 * (first - cells - 1), 2)
        offsets = np.frombuffer(file.read(8 * (last - first + 1)), np.int64)
        file.seek(int(offsets[0]))
        return [file.read(length) for length in np.diff(offsets).tolist()][::-1]


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


def _row_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The rows of the tables in pieces of at most `ROW_GROUP_ROWS` rows and about `GROUP_BYTES` of text,
    wherever the tables end."""
    rest: pa.Table | None = None
    for table in tables:
        held = table if rest is None else pa.concat_tables([rest, table]).combine_chunks()
        size_before = np.cumsum(held.column("bytes").to_numpy())
        first = 0
        while first < held.num_rows:
            full = size_before[first - 1] + GROUP_BYTES if first else GROUP_BYTES
            last = int(np.searchsorted(size_before, full, side="right"))
            last = min(max(last, first + 1), first + ROW_GROUP_ROWS)
            if last >= held.num_rows:  # the next table's rows may go there too
                break
            yield held.slice(first, last - first)
            first = last
        rest = held.slice(first)
    if rest is not None and rest.num_rows:
        yield rest
