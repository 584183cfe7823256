"""One layer of a run: its pass, as far as it is not done, and then the labels of each unit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline import state, store, tables
from pipeline import steps as table_of_steps
from pipeline.closure import code_digest
from pipeline.corpus import CorpusUnit
from pipeline.engine import Engine
from pipeline.errors import PlanError
from pipeline.journal import Journal
from pipeline.layer import LabelTask, StoredLabels, label_unit
from pipeline.plan import Layer
from pipeline.planned_step import Step
from pipeline.progress import Progress
from pipeline.run_corpus import RunCorpus
from pipeline.stage import Label

_SCRATCH = "scratch-"

# Modules, besides those that the layer's hash stands for, whose code decides which results are believed.
_TASKS = ("pipeline.journal", "pipeline.run_corpus", "pipeline.written")


@dataclass(frozen=True)
class LayerRun:
    """What carries out a layer over units.

    root     the output; `digest` stands for the corpus as it comes to the layer
    engine   called when the first work needs it
    """

    root: str
    layer: Layer
    units: list[CorpusUnit]
    digest: str
    partitions: int
    seed: int
    engine: Callable[[], Engine]
    progress: Progress

    @property
    def folder(self) -> str:
        return store.join(self.root, self.layer.folder)

    def __call__(self, found: state.LayerState) -> None:
        """Labels the units that are to do."""
        label = None
        if self.layer.pass_ is not None:
            label = self._earlier_labels(self.layer.pass_) or self._pass(self.layer.pass_)
        self.progress.start(self.layer.name, len(self.units), len(found.done))
        tasks = [LabelTask(unit, label, self.digest) for unit in found.todo]
        for manifest in self.engine().map(partial(label_unit, self.layer, self.root), tasks):
            self.progress.batch(manifest["documents"], 0, manifest["kept"])
            self.progress.unit()
        self.progress.finish()
        self.tidy()

    def tidy(self) -> None:
        """Removes what the pass leaves behind, which a layer that is done has no use for."""
        self._remove_scratch("")

    def _pass(self, step: Step) -> Label:
        """Runs the pass; tasks that an earlier start has done are not done again."""
        declared = table_of_steps.pass_(step.name, step.options)
        scratch = store.join(self.folder, f"{_SCRATCH}{self.digest}-{self.partitions}")
        marker = {
            "layer": self.layer.hash,
            "digest": self.digest,
            "partitions": self.partitions,
            "scratch": scratch,  # which results may name
            "code": code_digest(_TASKS),
        }
        if store.read_json(store.join(scratch, "begun.json")) != marker:
            self._remove_scratch("")
            tables.begin(self.folder)
            store.make_folder(scratch)
            store.write_json(store.join(scratch, "begun.json"), marker)
        self._remove_scratch(scratch)
        self.progress.start(self.layer.name, len(self.units), 0)
        corpus = RunCorpus(
            self.units,
            self.partitions,
            store.join(scratch, "work"),
            store.join(self.folder, tables.FOLDER),
            self.seed,
            self.engine(),
            self.progress,
            Journal(store.join(scratch, "done")),
        )
        store.make_folder(corpus.scratch)
        label = declared.run(corpus, step.options)
        if declared.fingerprint(step.options) != step.besides:
            self._remove_scratch("")
            raise PlanError(
                f"pass {step.name!r}: what it reads besides the corpus (benchmarks, a model, an index) was "
                "changed since the run began; start again"
            )
        tables.finish(self.folder, self.digest, list(self.layer.tables), step.name)
        return label

    def _remove_scratch(self, kept: str) -> None:
        for name in store.names(self.folder):
            path = store.join(self.folder, name)
            if name.startswith(_SCRATCH) and path != kept:
                store.remove(path)

    def _earlier_labels(self, step: Step) -> Label | None:
        """Labels that this pass has given to this very corpus under other rules."""
        marker = {"pass": step.own, "digest": self.digest}
        store.make_folder(self.folder)
        store.write_json(store.join(self.folder, "layer.json"), marker)
        for name in store.names(store.join(self.root, "layers")):
            other = store.join(self.root, "layers", name)
            if other == self.folder or store.read_json(store.join(other, "layer.json")) != marker:
                continue
            if self._labelled(other) and tables.there(other, self.digest, self.layer.tables):
                self.progress.say(
                    f"{self.layer.name}: labels of an earlier run serve; only its rules are new"
                )
                if not tables.there(self.folder, self.digest, self.layer.tables):
                    self._remove_scratch("")  # its results tell of tables that make way now
                    tables.bring(other, self.folder, self.engine().map)
                return StoredLabels(other, step.adds)
        return None

    def _labelled(self, folder: str) -> bool:
        """Whether that layer has labelled all units of this corpus, and the labels are there."""
        for unit in self.units:
            manifest = state.unit_manifest(folder, unit.name)
            if manifest.get("digest") != self.digest or not state.files_there(folder, unit.name, manifest):
                return False
        return True
