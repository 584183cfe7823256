"""One unit through one segment: read, measure, decide, write; a bounded batch at a time."""

import resource
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline import steps as table_of_steps
from pipeline import store
from pipeline.batch import Batch
from pipeline.errors import ContractError, PlanError, SourceError
from pipeline.plan import Segment
from pipeline.planned_step import Step
from pipeline.replay import Donor
from pipeline.rules import Rules
from pipeline.seal import sealed
from pipeline.source import BASE_SCHEMA, Reading, Unit, document_id
from pipeline.stage import Measure, Stage

Report = Callable[[int, int, int], None]
"""Told of each batch: documents read, bytes of text, documents kept."""

DROPPED_BY = pa.field("dropped_by", pa.list_(pa.string()), metadata={"about": "every rule it fails"})


@dataclass(frozen=True)
class UnitTask:
    """A unit of a segment to be done, and an earlier segment whose signals can be used again."""

    unit: Unit
    donor: Donor | None = None


@dataclass
class Tally:
    """What happened to the documents of a unit."""

    read: int = 0
    kept: int = 0
    tokens: int = 0
    tokens_kept: int = 0
    rules: dict[str, list[int]] = field(default_factory=dict)

    def add(self, names: Sequence[str], failing: NDArray[np.bool_], tokens: NDArray[np.int64]) -> None:
        """Counts a batch: `failing` [rules, rows], `tokens` [rows]."""
        alive = ~failing.any(axis=0)
        self.read += len(tokens)
        self.kept += int(alive.sum())
        self.tokens += int(tokens.sum())
        self.tokens_kept += int(tokens[alive].sum())
        for name, mask in zip(names, failing, strict=True):
            counts = self.rules.setdefault(name, [0, 0])
            counts[0] += int(mask.sum())
            counts[1] += int(tokens[mask].sum())

    def as_dict(self) -> dict[str, Any]:
        return {
            "documents": self.read,
            "kept": self.kept,
            "tokens": self.tokens,
            "tokens_kept": self.tokens_kept,
            "rules": {name: {"documents": d, "tokens": t} for name, (d, t) in self.rules.items()},
        }


class Chain:
    """The steps of a segment, opened: models loaded, predicates prepared. One per worker."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._links: list[_Link] = []
        self.rule_names: list[str] = []
        measured = {"text"}
        for step in steps:
            stage = table_of_steps.stage(step.name, step.options) if step.kind == "stage" else None
            measure = _opened(stage, step) if stage is not None else None
            needs: tuple[str, ...] = ()
            if stage is not None:
                needs = tuple(name for name in stage.reads if name in measured)
                measured |= {added.name for added in stage.adds if not added.nullable}
            rules = Rules(step.rules, step.rule_lines) if step.rules else None
            self._links.append(_Link(stage, measure, needs, rules))
            self.rule_names += [rule.name for rule in step.rules]

    def apply(self, batch: Batch) -> NDArray[np.bool_]:
        """Adds every stage's columns to the batch; returns which rule each row fails [rules, rows].

        All rules see all rows, so that the ledger names every rule that a row fails; only the
        measures of expensive stages are left out for rows that already fail.
        """
        verdicts: list[NDArray[np.bool_]] = []
        failed = np.zeros(len(batch), np.bool_)
        for link in self._links:
            if link.stage is not None and link.measure is not None:
                _measure(batch, link.stage, link.measure, link.needs, failed)
            if link.rules is not None:
                for mask in link.rules.failing(batch.table):
                    verdict = np.asarray(mask.to_numpy(zero_copy_only=False), np.bool_)
                    verdicts.append(verdict)
                    failed = failed | verdict
        return np.array(verdicts, np.bool_).reshape(len(verdicts), len(batch))


@dataclass(frozen=True)
class _Link:
    """One opened step. `needs`: columns whose null means that an earlier stage did not measure."""

    stage: Stage | None
    measure: Measure | None
    needs: tuple[str, ...]
    rules: Rules | None


def _opened(stage: Stage, step: Step) -> Measure:
    """The stage's measure. PlanError where what it was made of is not what was planned with: its results
    would be kept under the name of others."""
    measure = stage.open(step.options)
    if stage.fingerprint(step.options) != step.besides:
        raise PlanError(
            f"step {step.name!r}: a file that it reads (a list, a table, a model) or a library was changed "
            "since the run began, or differs on this machine; start again"
        )
    return measure


def _measure(
    batch: Batch, stage: Stage, measure: Measure, needs: tuple[str, ...], failed: NDArray[np.bool_]
) -> None:
    """Measures the rows that want it and have no value yet from an earlier run.

    A row wants it unless the stage is expensive and the row already fails, or a column that the
    stage needs was itself not measured.
    """
    wanted = ~failed if stage.expensive else np.ones(len(batch), np.bool_)
    for name in needs:
        wanted = wanted & ~_is_null(batch, name)
    known = next(
        (
            added.name
            for added in stage.adds
            if not added.nullable
            and added.name not in stage.replaces
            and added.name in batch.table.column_names
        ),
        None,
    )
    todo = wanted if known is None else wanted & _is_null(batch, known)
    if todo.all():
        arrays = _checked(stage, measure(batch), len(batch))
    else:
        part = Batch(batch.table.filter(pa.array(todo)))
        measured = _checked(stage, measure(part), len(part)) if len(part) else None
        arrays = []
        for at, added in enumerate(stage.adds):
            new = None if measured is None else measured[at]
            hide = None if added.name in stage.replaces else ~wanted
            arrays.append(_merged(batch, added, new, todo, hide))
    batch.append([added.with_nullable(True) for added in stage.adds], arrays)


def _is_null(batch: Batch, name: str) -> NDArray[np.bool_]:
    return np.asarray(pc.is_null(batch.column(name)).to_numpy(zero_copy_only=False), np.bool_)


def _merged(
    batch: Batch,
    added: pa.Field,
    measured: pa.Array | None,
    todo: NDArray[np.bool_],
    hide: NDArray[np.bool_] | None,
) -> pa.Array:
    """New values where `todo`, those already there elsewhere, null where to `hide`."""
    if added.name in batch.table.column_names:
        old = batch.column(added.name)
    else:
        old = pa.nulls(len(batch), added.type)
    place = np.full(len(batch), -1, np.int64)
    place[~todo] = np.flatnonzero(~todo)
    values = old
    if measured is not None:
        place[todo] = len(batch) + np.arange(int(todo.sum()))
        values = pa.concat_arrays([old, measured])
    return values.take(pa.array(place, mask=hide))


def _checked(stage: Stage, arrays: Sequence[pa.Array], rows: int) -> list[pa.Array]:
    """What the stage returned, or a ContractError naming what it broke."""
    if len(arrays) != len(stage.adds):
        raise ContractError(
            f"stage {stage.name}: {len(arrays)} columns returned, {len(stage.adds)} declared: "
            + ", ".join(stage.adds.names)
        )
    checked = []
    for added, array in zip(stage.adds, arrays, strict=True):
        values = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if len(values) != rows:
            raise ContractError(f"stage {stage.name}: {added.name} has {len(values)} values, {rows} expected")
        if values.type != added.type:
            raise ContractError(f"stage {stage.name}: {added.name} is {values.type}, {added.type} declared")
        if values.null_count and not added.nullable:
            raise ContractError(f"stage {stage.name}: {added.name} has {values.null_count} nulls")
        if pa.types.is_floating(added.type) and not pc.all(pc.is_finite(values), min_count=0).as_py():
            raise ContractError(f"stage {stage.name}: {added.name} holds NaN or infinity")
        checked.append(values)
    return checked


def dropped_by(names: Sequence[str], failing: NDArray[np.bool_]) -> pa.Array:
    """Per row the names of the rules that it fails, in the order of the rules: list<string> [rows]."""
    rows, rules = np.nonzero(failing.T)
    offsets = np.searchsorted(rows, np.arange(failing.shape[1] + 1)).astype(np.int32)
    values = pa.array(np.array(names, dtype=object)[rules], pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets), values)


class SegmentWorker:
    """Takes units through one segment. Built once per worker process; called once per unit."""

    def __init__(
        self, segment: Segment, root: str, storage: dict[str, dict[str, Any]], report: Report
    ) -> None:
        store.configure(storage)
        self._segment = segment
        self._folder = store.join(root, segment.folder)
        self._root = root
        self._chain = Chain(segment.steps)
        self._report = report

    def __call__(self, task: UnitTask) -> dict[str, Any]:
        """Does the unit; returns its manifest, or why its input could not be opened.

        A unit that cannot be read does not stop the others: the run names it at the end.
        """
        try:
            return self._run(task)
        except SourceError as fault:
            return {"unit": task.unit.name, "error": str(fault)}

    def _run(self, task: UnitTask) -> dict[str, Any]:
        """Writes the unit's documents, ledger and, last, its manifest."""
        unit, segment = task.unit, self._segment
        skipped: Counter[str] = Counter()
        tally = Tally()
        documents = store.join(self._folder, "documents", f"{unit.name}.parquet")
        ledger = store.join(self._folder, "dropped", f"{unit.name}.parquet")
        kept_schema = segment.schema
        lost_schema = kept_schema.append(DROPPED_BY)
        if task.donor is None:
            inputs = self._fresh(unit, skipped)
        else:
            inputs = task.donor.read(self._root, unit)
            skipped.update(task.donor.skipped(self._root, unit))
        with (
            store.ParquetSink(documents, kept_schema) as kept,
            store.ParquetSink(ledger, lost_schema) as lost,
        ):
            for table in inputs:
                batch = Batch(table)
                failing = self._chain.apply(batch)
                names = self._chain.rule_names
                tokens = batch.column("tokens").fill_null(0).to_numpy(zero_copy_only=False)
                before = tally.kept
                tally.add(names, failing, tokens)
                full = batch.table.select(kept_schema.names).cast(kept_schema)
                alive = pa.array(~failing.any(axis=0))
                kept.write(full.filter(alive))
                ledger_rows = full.append_column(DROPPED_BY, dropped_by(names, failing))
                lost.write(ledger_rows.filter(pc.invert(alive)))
                size = int(pc.sum(batch.column("bytes").fill_null(0)).as_py() or 0)
                self._report(len(batch), size, tally.kept - before)
        manifest = {
            "unit": unit.name,
            "segment": segment.hash,
            "input": {
                "path": unit.path,
                "logical": unit.logical,
                "roots": unit.roots(),
                "part": unit.part,
                "size": unit.size,
                "version": unit.version,
            },
            "skipped": dict(skipped),
            **tally.as_dict(),
            "files": {
                "documents": {"rows": kept.rows, "bytes": kept.bytes, "sha256": kept.sha256},
                "dropped": {"rows": lost.rows, "bytes": lost.bytes, "sha256": lost.sha256},
            },
        }
        store.write_json(store.join(self._folder, "units", f"{unit.name}.json"), sealed(manifest))
        return {**manifest, "peak_rss": peak_memory()}

    def _fresh(self, unit: Unit, skipped: Counter[str]) -> Iterator[pa.Table]:
        """The unit as its source reads it, with the base columns completed."""
        segment = self._segment
        source = table_of_steps.source_reader(segment.reader)
        reading = Reading(
            unit, segment.reader_options, partial(store.open_input, unit.path, unit.size or None), skipped
        )
        row = 0
        for table in source.read(reading):
            addresses = table.column("address").to_pylist()
            columns: dict[str, Any] = {
                "id": pa.array([document_id(segment.source, address) for address in addresses]),
                "source": pa.array([segment.source] * len(table), pa.string()),
            }
            for base in BASE_SCHEMA:
                if base.name not in columns:
                    there = base.name in table.column_names
                    columns[base.name] = (
                        table.column(base.name).cast(base.type) if there else pa.nulls(len(table), base.type)
                    )
            for name in table.column_names:
                if name not in columns and name != "address":
                    columns[name] = table.column(name)
            columns["unit"] = pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(table), np.int32)), pa.array([unit.name])
            )
            columns["row"] = pa.array(np.arange(row, row + len(table)))
            row += len(table)
            yield pa.table(columns)


def peak_memory() -> int:
    """Peak resident memory of this process and of its largest child, bytes."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + child) * 1024
