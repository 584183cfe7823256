"""One unit through one layer: a pass's labels, then the rules that decide on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline import store
from pipeline.batch import Batch
from pipeline.corpus import CorpusUnit
from pipeline.cutting import Cutter
from pipeline.errors import ContractError
from pipeline.plan import Layer
from pipeline.planned_step import Step
from pipeline.seal import sealed
from pipeline.segment import DROPPED_BY, Chain, Tally, dropped_by
from pipeline.source import ROW_COLUMNS
from pipeline.stage import Label


@dataclass(frozen=True)
class LabelTask:
    """A unit to be labelled by `label` (None: the layer has rules alone)."""

    unit: CorpusUnit
    label: Label | None
    digest: str


@dataclass(frozen=True)
class StoredLabels:
    """Labels that the same pass gave to the same corpus before: only its rules have changed."""

    folder: str
    columns: tuple[str, ...]

    def __call__(self, unit: CorpusUnit) -> pa.Table:
        with store.parquet_file(store.join(self.folder, "labels", f"{unit.name}.parquet")) as file:
            return file.read(columns=list(self.columns))


_chains: dict[tuple[str, str], Chain] = {}


def _chain(layer: Layer) -> Chain:
    """The layer's steps, opened once per process: passes have no worker pool of their own."""
    return _opened(layer, "", layer.steps)


def _opened(layer: Layer, source: str, steps: Sequence[Step]) -> Chain:
    if any(known != layer.hash for known, _ in _chains):
        _chains.clear()
    if (layer.hash, source) not in _chains:
        _chains[layer.hash, source] = Chain(steps)
    return _chains[layer.hash, source]


def _cutter(layer: Layer, unit: CorpusUnit) -> Cutter | None:
    """What cuts the unit's texts, where the pass of the layer does."""
    if layer.pass_ is None or layer.cuts is None:
        return None
    counting = _opened(layer, unit.source, [layer.counting[unit.source]])
    return Cutter(layer.pass_.name, unit.name, layer.cuts, layer.edits, counting)


def label_unit(layer: Layer, root: str, task: LabelTask) -> dict[str, Any]:
    """Writes labels/UNIT.parquet and, last, the unit's manifest, which is returned."""
    unit = task.unit
    folder = store.join(root, layer.folder)
    told = store.join(folder, "units", f"{unit.name}.json")
    store.remove(told)  # one of another corpus, which must not stand beside new labels
    schema = pa.schema([*ROW_COLUMNS, *layer.adds, *layer.edits, DROPPED_BY])
    stored = [name for name in schema.names if name not in (*layer.edits.names, DROPPED_BY.name)]
    chain = _chain(layer)
    cutter = _cutter(layer, unit)
    tally = Tally()
    with store.ParquetSink(store.join(folder, "labels", f"{unit.name}.parquet"), schema) as sink:
        for table in _labelled(layer, task):
            new: Mapping[str, pa.Array] = {}
            if cutter is not None:
                table, new = cutter(table)
            batch = Batch(table)
            failing = chain.apply(batch)
            tokens = batch.column("tokens").fill_null(0).to_numpy(zero_copy_only=False)
            tally.add(chain.rule_names, failing, tokens)
            full = batch.table.select(stored)
            for name, values in new.items():
                full = full.append_column(name, values)
            full = full.append_column(DROPPED_BY, dropped_by(chain.rule_names, failing))
            sink.write(full.cast(schema))
    manifest = {
        "unit": unit.name,
        "layer": layer.hash,
        "digest": task.digest,
        **tally.as_dict(),
        "files": {"labels": {"rows": sink.rows, "bytes": sink.bytes, "sha256": sink.sha256}},
    }
    if cutter is not None:
        manifest["tokens"] += cutter.cut.tokens  # as they came to the layer; all other counts are as cut
        manifest["cut"] = cutter.cut.as_dict()
    store.write_json(told, sealed(manifest))
    return manifest


def _labelled(layer: Layer, task: LabelTask) -> Iterator[pa.Table]:
    """The unit's living rows with the columns that the layer reads and the pass's labels."""
    unit = task.unit
    labels: pa.Table | None = None
    if task.label is not None and layer.pass_ is not None:
        declared = [layer.adds.field(name) for name in layer.pass_.adds]
        labels = task.label(unit).select([field.name for field in declared])
        labels = labels.cast(pa.schema(declared))
        if labels.num_rows != unit.alive:
            raise ContractError(
                f"pass {layer.pass_.name}: {labels.num_rows} labels for the {unit.alive} living "
                f"documents of unit {unit.name}"
            )
    read = [field.name for field in ROW_COLUMNS]
    besides = [*layer.reads, "tokens", *(["id", *layer.edits.names] if layer.cuts is not None else [])]
    columns = [*read, *(name for name in dict.fromkeys(besides) if name not in read)]
    row = 0
    for table in unit.read(columns):
        table = table.drop_columns(["position"])
        if labels is not None:
            piece = labels.slice(row, table.num_rows)
            for field in piece.schema:
                table = table.append_column(field, piece.column(field.name))
        row += table.num_rows
        yield table
