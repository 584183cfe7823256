"""A run: segments, layers, mixture, manifest, each part only as far as it is not done yet."""

import contextlib
import importlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

from pipeline import state, store
from pipeline import steps as table_of_steps
from pipeline.corpus import CorpusUnit
from pipeline.engine import Engine, InlineEngine
from pipeline.errors import EngineError, StoreError
from pipeline.hold import hold
from pipeline.layer import LabelTask, StoredLabels, label_unit
from pipeline.plan import Layer, Plan, Segment, Step
from pipeline.progress import Progress
from pipeline.ray_engine import RayEngine
from pipeline.segments import run_segments

Item = TypeVar("Item")
Result = TypeVar("Result")

ROWS_PER_PARTITION = 2_000_000


@dataclass(frozen=True)
class Settings:
    """With what a run is done; never changes a byte of the result.

    workers      None: one per core
    address      of a Ray cluster to join; None: Ray is started for the run
    partitions   of out-of-core work; None: one per 2 million documents
    """

    engine: str = "ray"
    workers: int | None = None
    address: str | None = None
    partitions: int | None = None


@dataclass
class Run:
    """A plan being carried out in its output folder."""

    plan: Plan
    settings: Settings
    progress: Progress
    _engine: Engine | None = None
    _log: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.plan.config.output

    @property
    def storage(self) -> dict[str, dict[str, Any]]:
        return {name: dict(arguments) for name, arguments in self.plan.config.storage.items()}

    def __call__(self) -> dict[str, Any]:
        """Does what is left to do; returns the manifest and leaves it in the output folder."""
        with hold(self.root), self.progress:
            try:
                store.sweep(self.root)
                manifest = self._all()
                self._write_log()
                return manifest
            except BaseException:
                with contextlib.suppress(StoreError):  # what stopped the run is worth more
                    self._write_log()
                raise
            finally:
                if self._engine is not None:
                    self._engine.close()
                    store.sweep(self.root)  # what workers that were killed have left half written

    def engine(self) -> Engine:
        """The engine, started when the first work needs it."""
        if self._engine is None:
            if self.settings.engine == "inline":
                self._engine = InlineEngine()
            else:
                self._engine = RayEngine(self.settings.workers, self.settings.address, self.storage)
        return self._engine

    def _all(self) -> dict[str, Any]:
        self._write_plan()
        segments = run_segments(self.plan, self.engine, self.progress, self._log)
        units = state.corpus_units(self.root, self.plan, segments)
        digest = state.first_digest(self.plan, segments)
        layers = []
        for layer in self.plan.layers:
            done = self._layer(layer, units, digest)
            layers.append(done)
            digest = state.next_digest(digest, layer, done, units)
            units = state.with_layer(self.root, layer, done, units)
        manifest = state.mixture_done(self.root, self.plan.mixture_hash, digest)
        if manifest is None:
            manifest = self._mixture(units, digest, segments, layers)
        elif self._engine is None:
            self.progress.say(f"nothing to do: {self.root} is complete ({_totals(manifest)})")
        return manifest

    def _layer(self, layer: Layer, units: list[CorpusUnit], digest: str) -> state.LayerState:
        found = state.layer_state(self.root, layer, units, digest)
        if not found.todo:
            return found
        started = time.monotonic()
        scratch = store.join(self.root, layer.folder, f"scratch-{digest}")
        label = None
        if layer.pass_ is not None:
            label = self._earlier_labels(layer, units, digest)
        if layer.pass_ is not None and label is None:
            declared = table_of_steps.pass_(layer.pass_.name, layer.pass_.options)
            self.progress.start(layer.name, len(units), 0)
            corpus = RunCorpus(
                units,
                self._partitions(units),
                scratch,
                store.join(self.root, layer.folder, "tables"),
                self.plan.config.seed,
                self.engine(),
                self.progress,
            )
            label = declared.run(corpus, layer.pass_.options)
        self.progress.start(layer.name, len(units), len(found.done))
        tasks = [LabelTask(unit, label, digest) for unit in found.todo]
        for manifest in self.engine().map(partial(label_unit, layer, self.root), tasks):
            self.progress.batch(manifest["documents"], 0, manifest["kept"])
            self.progress.unit()
        self.progress.finish()
        self._note(layer.name, len(tasks), started)
        store.remove(scratch)
        return state.layer_state(self.root, layer, units, digest)

    def _earlier_labels(
        self, layer: Layer, units: Sequence[CorpusUnit], digest: str
    ) -> Callable[[CorpusUnit], Any] | None:
        """Labels that this pass has given to this very corpus under other rules."""
        assert layer.pass_ is not None
        marker = {"pass": layer.pass_.own, "digest": digest}
        folder = store.join(self.root, layer.folder)
        store.make_folder(folder)
        store.write_json(store.join(folder, "layer.json"), marker)
        for name in store.names(store.join(self.root, "layers")):
            other = store.join(self.root, "layers", name)
            if other == folder or store.read_json(store.join(other, "layer.json")) != marker:
                continue
            if all(
                (store.read_json(store.join(other, "units", f"{u.name}.json")) or {}).get("digest") == digest
                for u in units
            ):
                self.progress.say(f"{layer.name}: labels of an earlier run serve; only its rules are new")
                return StoredLabels(other, layer.pass_.adds)
        return None

    def _partitions(self, units: Sequence[CorpusUnit]) -> int:
        if self.settings.partitions is not None:
            return self.settings.partitions
        return max(1, -(-sum(unit.stored for unit in units) // ROWS_PER_PARTITION))

    def _note(self, part: str, units: int, started: float) -> None:
        """A line of the log: times and memory, which are no part of the manifest."""
        seconds = round(time.monotonic() - started, 3)
        self._log.append(json.dumps({"part": part, "units": units, "seconds": seconds}))

    def _mixture(
        self,
        units: list[CorpusUnit],
        digest: str,
        segments: Sequence[state.SegmentState],
        layers: Sequence[state.LayerState],
    ) -> dict[str, Any]:
        """Draws the corpus. Old shards go only now, and the manifest is written last."""
        started = time.monotonic()
        config = self.plan.config
        store.remove(store.join(self.root, state.MANIFEST))
        scratch = store.join(self.root, f"mixture-{state.digest_of([(self.plan.mixture_hash, digest)])}")
        shards = store.join(self.root, state.SHARDS)
        marker = store.join(scratch, "begun.json")
        if not store.exists(marker):
            store.remove(shards)
            self._remove_other_mixtures(scratch)
            store.make_folder(scratch)
            store.write_json(marker, {"mixture": self.plan.mixture_hash, "digest": digest})
        store.make_folder(shards)
        self.progress.start("mixture", len(units), 0)
        corpus = RunCorpus(
            units,
            self._partitions(units),
            store.join(scratch, "work"),
            store.join(scratch, "tables"),
            config.seed,
            self.engine(),
            self.progress,
        )
        draw = importlib.import_module(table_of_steps.MIXTURE).draw
        mixture = draw(corpus, config.mixture, config.corpus, shards)
        manifest = {
            "winnow": version("winnow"),
            "corpus": config.corpus,
            "seed": config.seed,
            "mixture_hash": self.plan.mixture_hash,
            "digest": digest,
            "sources": {
                segment.source: _segment_summary(segment, found)
                for segment, found in zip(self.plan.segments, segments, strict=True)
            },
            "across": [
                {
                    "layer": layer.name,
                    "hash": layer.hash,
                    "steps": [
                        _asked(step) for step in (*([layer.pass_] if layer.pass_ else []), *layer.steps)
                    ],
                    **_sum(found.done.values()),
                }
                for layer, found in zip(self.plan.layers, layers, strict=True)
            ],
            "mixture": mixture,
        }
        card = importlib.import_module(table_of_steps.CARD).card
        with (
            open(config.file, encoding="utf-8") as recipe,
            store.Sink(store.join(self.root, "README.md")) as sink,
        ):
            sink.write(card(manifest, recipe.read()).encode())
        store.write_json(store.join(self.root, state.MANIFEST), manifest)
        store.remove(scratch)
        self._note("mixture", len(units), started)
        self.progress.say(f"complete: {_totals(manifest)}")
        return manifest

    def _remove_other_mixtures(self, scratch: str) -> None:
        for name in store.names(self.root):
            other = store.join(self.root, name)
            if name.startswith("mixture-") and other != scratch:
                store.remove(other)

    def _write_plan(self) -> None:
        """`plan.json` tells `winnow sql` which folders are the current ones."""
        plan = {
            "corpus": self.plan.config.corpus,
            "segments": [segment.folder for segment in self.plan.segments],
            "layers": [
                {"folder": layer.folder, "pass": layer.pass_.name if layer.pass_ else None}
                for layer in self.plan.layers
            ],
        }
        path = store.join(self.root, "plan.json")
        if store.read_json(path) != plan:
            store.write_json(path, plan)

    def _write_log(self) -> None:
        """Times and memory of this start, appended to `log.jsonl` (they are not in the manifest)."""
        if self._log:
            path = store.join(self.root, "log.jsonl")
            old = b""
            if store.exists(path):
                with store.open_input(path) as file:
                    old = file.read()
            with store.Sink(path) as sink:
                sink.write(old + "".join(line + "\n" for line in self._log).encode())


@dataclass(frozen=True)
class RunCorpus:
    """The `Corpus` that a pass or the mixture is given."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int
    engine: Engine
    progress: Progress

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        store.make_folder(self.scratch)
        self.progress.doing(doing)
        try:
            yield from self.engine.map(function, items)
        except EngineError as fault:
            raise EngineError(f"{doing}: {fault}") from fault


def clean(plan: Plan) -> tuple[int, int]:
    """Removes segments and layers that are not of this plan; returns folders and bytes removed."""
    root = plan.config.output
    current = {segment.folder for segment in plan.segments} | {layer.folder for layer in plan.layers}
    removed = size = 0
    with hold(root):
        for kind in ("segments", "layers"):
            for name in store.names(store.join(root, kind)):
                if f"{kind}/{name}" not in current:
                    size += store.size_below(store.join(root, kind, name))
                    store.remove(store.join(root, kind, name))
                    removed += 1
    return removed, size


def _sum(manifests: Any) -> dict[str, Any]:
    """Documents, tokens and rules of many units together."""
    total: dict[str, Any] = {"documents": 0, "kept": 0, "tokens": 0, "tokens_kept": 0, "rules": {}}
    for manifest in manifests:
        for key in ("documents", "kept", "tokens", "tokens_kept"):
            total[key] += manifest[key]
        for rule, counts in manifest["rules"].items():
            held = total["rules"].setdefault(rule, {"documents": 0, "tokens": 0})
            held["documents"] += counts["documents"]
            held["tokens"] += counts["tokens"]
    return total


def _asked(step: Step) -> dict[str, Any]:
    """A step as it was asked for, recipes put in their place: options, and rules with their predicates."""
    return {
        "name": step.name,
        "options": step.options.model_dump(mode="json"),
        "rules": {rule.name: rule.drop_if for rule in step.rules},
    }


def _segment_summary(segment: Segment, found: state.SegmentState) -> dict[str, Any]:
    skipped: dict[str, int] = {}
    for manifest in found.done.values():
        for reason, count in manifest["skipped"].items():
            skipped[reason] = skipped.get(reason, 0) + count
    manifests = [found.done[unit.name] for unit in segment.units]
    return {
        "segment": segment.hash,
        "read": segment.reader,
        "options": segment.reader_options.model_dump(mode="json"),
        "steps": [_asked(step) for step in segment.steps],
        "units": len(segment.units),
        "input_bytes": sum({unit.path: unit.size for unit in segment.units}.values()),
        "skipped": dict(sorted(skipped.items())),
        **_sum(manifests),
    }


def _totals(manifest: dict[str, Any]) -> str:
    shards = manifest["mixture"]["shards"]
    rows = sum(shard["rows"] for shard in shards)
    tokens = sum(shard["tokens"] for shard in shards)
    size = sum(shard["bytes"] for shard in shards)
    return f"{rows:,} documents, {tokens:,} tokens in {len(shards)} shards, {size / 1e6:,.1f} MB"
