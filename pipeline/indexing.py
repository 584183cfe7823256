"""Writes the index of a run: for later runs, what their passes must know of the documents that survived.

FOLDER/PASS/UNIT-HASH.parquet and, last, FOLDER/index.json. The hash in a file's name stands for the unit's
documents, all that was decided of them and the pass, so a file that is there is right, and what has not
changed is not written again. The old files go only when the new index.json stands.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from pipeline import state, store
from pipeline import steps as table_of_steps
from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.engine import Engine
from pipeline.errors import StoreError
from pipeline.exchange import GROUP_ROWS
from pipeline.hold import hold
from pipeline.index import FORMAT, MANIFEST, gone
from pipeline.plan import Plan
from pipeline.planned_step import Step
from pipeline.progress import Progress
from pipeline.stage import Options

_WRITTEN = re.compile(r".+-[0-9a-f]{16}\.parquet")
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class IndexTask:
    """One unit's rows of one pass: `name` is where they go below `folder`."""

    folder: str
    name: str
    pass_: str
    options: Options
    unit: CorpusUnit


def indexed_passes(plan: Plan) -> list[Step]:
    """The passes of the plan that can leave an index, in their order."""
    passes = [layer.pass_ for layer in plan.layers if layer.pass_ is not None]
    return [step for step in passes if table_of_steps.pass_(step.name, step.options).index is not None]


def write_index(
    plan: Plan,
    segments: Sequence[state.SegmentState],
    layers: Sequence[state.LayerState],
    units: Sequence[CorpusUnit],
    engine: Callable[[], Engine],
    progress: Progress,
) -> None:
    """Writes what is not there yet of the index that the run file asks for, if it does.

    units    as they stand after all layers
    engine   gives the engine, and starts it if this is its first use
    """
    folder = plan.config.index
    if not folder:
        return
    steps = indexed_passes(plan)
    tasks = _tasks(plan, folder, steps, segments, layers, units)
    known = _known(folder, steps)
    todo = [task for task in tasks if task.name not in known]
    same = {
        step.name: json.loads(json.dumps(_index(step.name, step.options).same(step.options)))
        for step in steps
    }
    others = _others(folder, {task.name for task in tasks})
    told = store.read_json(store.join(folder, MANIFEST))
    if not todo and not others and told == _manifest(plan, same, tasks, known):
        return
    store.make_folder(folder)
    with hold(folder):
        store.sweep(folder)
        progress.start("index", len(tasks), len(tasks) - len(todo))
        if todo:
            for written in engine().map(index_unit, todo):
                known[written["name"]] = written
                progress.batch(written["rows"], 0)
                progress.unit()
        progress.finish()
        store.write_json(store.join(folder, MANIFEST), _manifest(plan, same, tasks, known))
        for name in others:
            store.remove(store.join(folder, name))
    documents = {
        step.name: sum(known[t.name]["rows"] for t in tasks if t.pass_ == step.name) for step in steps
    }
    summary = ", ".join(f"{name} {rows:,}" for name, rows in documents.items())
    progress.say(f"index {folder}: documents by pass: {summary}")


def index_unit(task: IndexTask) -> dict[str, Any]:
    """Writes one file, unless it is there; returns its name, rows, bytes and SHA-256."""
    path = store.join(task.folder, task.name)
    found = _told(path)  # by a run that was killed before it could write `index.json`
    if found is None:
        index = _index(task.pass_, task.options)
        schema = index.schema(task.options)
        with store.ParquetSink(path, schema, GROUP_ROWS) as sink:
            for table in index.rows(task.options, task.unit):
                sink.write(table.cast(schema))
        found = {"rows": sink.rows, "bytes": sink.bytes, "sha256": sink.sha256}
    return {"name": task.name, **found}


def _told(path: str) -> dict[str, Any] | None:
    """What `index.json` tells of a file, None where there is none that can be read."""
    size = store.size(path)
    if size is None:
        return None
    try:
        with store.parquet_file(path) as file:
            rows = sum(batch.num_rows for batch in file.iter_batches())  # all read: it may be damaged
    except StoreError:
        return None
    digest = hashlib.sha256()
    with store.open_input(path) as opened:
        while data := opened.read(_READ_BYTES):
            digest.update(data)
    return {"rows": rows, "bytes": size, "sha256": digest.hexdigest()}


def _index(name: str, options: Options) -> Any:
    return table_of_steps.pass_(name, options).index


def _tasks(
    plan: Plan,
    folder: str,
    steps: Sequence[Step],
    segments: Sequence[state.SegmentState],
    layers: Sequence[state.LayerState],
    units: Sequence[CorpusUnit],
) -> list[IndexTask]:
    """A task for each unit of each pass, in this order."""
    done = {segment.source: found.done for segment, found in zip(plan.segments, segments, strict=True)}
    tasks = []
    for step in steps:
        layer = next(at for at, layer in enumerate(plan.layers) if layer.pass_ is step)
        for unit in units:
            files = [done[unit.source][unit.name]["files"]["documents"]["sha256"]]
            files += [found.done[unit.name]["files"]["labels"]["sha256"] for found in layers]
            made = state.digest_of([("pass", step.own), *(("file", file) for file in files)])
            name = f"{step.name}/{unit.name}-{made}.parquet"
            tasks.append(IndexTask(folder, name, step.name, step.options, _before(unit, layer)))
    return tasks


def _before(unit: CorpusUnit, layer: int) -> CorpusUnit:
    """The unit as the pass of this layer saw it; of what came later only who is still in."""
    later = [LayerFile(file.path, ()) for file in unit.layers[layer:]]
    return replace(unit, layers=(*unit.layers[:layer], *later))


def _known(folder: str, steps: Sequence[Step]) -> dict[str, dict[str, Any]]:
    """The files that the index there names and has, by name."""
    manifest = store.read_json(store.join(folder, MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return {}
    known: dict[str, dict[str, Any]] = {}
    for step in steps:
        files = manifest["passes"].get(step.name, {"files": []})["files"]
        lost = {told["name"] for told in gone(folder, step.name, files)}
        known |= {told["name"]: told for told in files if told["name"] not in lost}
    return known


def _manifest(
    plan: Plan,
    same: dict[str, dict[str, Any]],
    tasks: Sequence[IndexTask],
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    passes: dict[str, Any] = {}
    for name, alike in same.items():
        files = [known[task.name] for task in tasks if task.pass_ == name]
        passes[name] = {"same": alike, "documents": sum(told["rows"] for told in files), "files": files}
    return {"format": FORMAT, "winnow": version("winnow"), "corpus": plan.config.corpus, "passes": passes}


def _others(folder: str, names: set[str]) -> list[str]:
    """Files that an earlier index had, by name, and nothing that winnow has not written there."""
    return [
        f"{below}/{name}"
        for below in table_of_steps.PASSES
        for name in store.names(store.join(folder, below))
        if _WRITTEN.fullmatch(name) and f"{below}/{name}" not in names
    ]
