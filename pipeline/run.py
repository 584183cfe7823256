"""A run: segments, layers, mixture, manifest, each part only as far as it is not done yet."""

import contextlib
import importlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

from pipeline import state, store
from pipeline import steps as table_of_steps
from pipeline.corpus import CorpusUnit
from pipeline.counted import counted
from pipeline.engine import Engine, InlineEngine
from pipeline.errors import StoreError, TripwireError
from pipeline.hold import hold
from pipeline.indexing import write_index
from pipeline.plan import Layer, Plan, Segment
from pipeline.planned_step import Step
from pipeline.progress import Progress
from pipeline.ray_engine import RayEngine
from pipeline.run_corpus import RunCorpus
from pipeline.run_layer import LayerRun
from pipeline.segments import run_segments
from pipeline.stage import deciding
from pipeline.tripped import Tripped, tripped
from pipeline.tripwire_message import Message

Item = TypeVar("Item")
Result = TypeVar("Result")

ROWS_PER_PARTITION = 2_000_000
UNITS_ALONE = 64  # that a run reads of itself, sooner than starting an engine


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
        for note in self.plan.notes:
            self.progress.say(note)
        segments = run_segments(self.plan, self.engine, self.progress, self._log)
        units = state.corpus_units(self.root, self.plan, segments)
        digest = state.first_digest(self.plan, segments)
        layers = []
        for layer in self.plan.layers:
            done = self._layer(layer, units, digest)
            layers.append(done)
            digest = state.next_digest(digest, layer, done, units)
            units = state.with_layer(self.root, layer, done, units)
        wires = tripped(self.plan, segments, layers)
        if wires.stopping:
            raise TripwireError(Message(self.plan, segments, layers, self._tasks)(wires))
        write_index(self.plan, segments, layers, units, self.engine, self.progress)
        manifest = state.mixture_done(self.root, self.plan.mixture_hash, digest)
        if manifest is not None:  # a start that was killed at its very end has left it
            self._remove_other_mixtures("")
        if manifest is None:
            manifest = self._mixture(units, digest, segments, layers, wires)
        elif manifest.get("tripwires") != wires.as_dict():  # others are accepted now: the draw is the same
            manifest = self._publish({**manifest, "tripwires": wires.as_dict()})
        elif self._engine is None:
            self.progress.say(f"nothing to do: {self.root} is complete ({_totals(manifest)})")
        return manifest

    def _tasks(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Small tasks: an engine that runs already does them, or is started for many of them alone."""
        alone = self._engine is None and len(items) <= UNITS_ALONE
        return (InlineEngine() if alone else self.engine()).map(function, items)

    def _layer(self, layer: Layer, units: list[CorpusUnit], digest: str) -> state.LayerState:
        found = state.layer_state(self.root, layer, units, digest)
        layer_run = LayerRun(
            self.root,
            layer,
            units,
            digest,
            self._partitions(units),
            self.plan.config.seed,
            self.engine,
            self.progress,
        )
        if not found.todo:
            layer_run.tidy()  # of a start that was killed at the very end of the layer
            return found
        started = time.monotonic()
        layer_run(found)
        self._note(layer.name, len(found.todo), started)
        return state.layer_state(self.root, layer, units, digest)

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
        wires: Tripped,
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
            "tripwires": wires.as_dict(),
            "mixture": mixture,
        }
        self._publish(manifest)
        store.remove(scratch)
        self._note("mixture", len(units), started)
        self.progress.say(f"complete: {_totals(manifest)}")
        return manifest

    def _publish(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Writes the dataset card and then the manifest, by which the run is complete."""
        config = self.plan.config
        card = importlib.import_module(table_of_steps.CARD).card
        with (
            open(config.file, encoding="utf-8") as recipe,
            store.Sink(store.join(self.root, "README.md")) as sink,
        ):
            sink.write(card(manifest, recipe.read()).encode())
        store.write_json(store.join(self.root, state.MANIFEST), manifest)
        return manifest

    def _remove_other_mixtures(self, scratch: str) -> None:
        for name in store.names(self.root):
            other = store.join(self.root, name)
            if name.startswith("mixture-") and other != scratch:
                store.remove(other)

    def _write_plan(self) -> None:
        """`plan.json` tells `winnow sql` which folders are the current ones, and which units in them."""
        plan = {
            "corpus": self.plan.config.corpus,
            "segments": [segment.folder for segment in self.plan.segments],
            "units": sorted(unit.name for segment in self.plan.segments for unit in segment.units),
            "layers": [
                {
                    "folder": layer.folder,
                    "pass": layer.pass_.name if layer.pass_ else None,
                    "cuts": layer.cuts,
                    "tables": layer.tables,
                }
                for layer in self.plan.layers
            ],
            "steps": [
                {"part": part, "name": step.name, "options": _options(step), "fingerprint": step.besides}
                for part, step in _measuring(self.plan)
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
        for key, count in manifest.get("cut", {}).items():
            cut = total.setdefault("cut", {})
            cut[key] = cut.get(key, 0) + count
    return total


def _asked(step: Step) -> dict[str, Any]:
    """A step as it was asked for, recipes put in their place: options, and rules with their predicates; and
    what of files and libraries decided its result, a model's digest say."""
    return {
        "name": step.name,
        "options": _options(step),
        "rules": {rule.name: rule.drop_if for rule in step.rules},
        **({"fingerprint": step.besides} if step.besides else {}),
    }


def _options(step: Step) -> dict[str, Any]:
    return step.options.model_dump(mode="json")


def _measuring(plan: Plan) -> Iterator[tuple[str, Step]]:
    """The stages and passes of a plan, in order, each with its source or layer."""
    parts = [(segment.source, segment.steps) for segment in plan.segments]
    parts += [(layer.name, (*([layer.pass_] if layer.pass_ else []), *layer.steps)) for layer in plan.layers]
    for part, steps in parts:
        for step in steps:
            if step.kind != "rules":
                yield part, step


def _segment_summary(segment: Segment, found: state.SegmentState) -> dict[str, Any]:
    skipped: dict[str, int] = {}
    for manifest in found.done.values():
        for reason, count in manifest["skipped"].items():
            skipped[reason] = skipped.get(reason, 0) + count
    manifests = [found.done[unit.name] for unit in segment.units]
    return {
        "segment": segment.hash,
        "read": segment.reader,
        "options": deciding(segment.reader_options),
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
    what = f"{counted(rows, 'document')}, {counted(tokens, 'token')} in {counted(len(shards), 'shard')}"
    return f"{what}, {size / 1e6:,.1f} MB"
