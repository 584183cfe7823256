"""All sources of a run through their segments, over one pool of workers.

A worker opens a source's models when the first of its units comes, so that no pool is started for
each source and no worker waits for another source's last unit.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import state, store
from pipeline.counted import counted
from pipeline.engine import TRIES, Engine, Resources
from pipeline.errors import EngineError, SourceError
from pipeline.plan import Plan, Segment
from pipeline.progress import Progress
from pipeline.segment import Report, SegmentWorker, UnitTask

GROUP_BYTES = 1 << 20  # of input that a worker is handed at a time: small units go together, since
GROUP_UNITS = 32  # handing one over takes longer than doing it
_FAULTS_SHOWN = 10


class Worker:
    """Takes a unit of any source through that source's segment. Built once per worker process."""

    def __init__(
        self, segments: Mapping[str, Segment], root: str, storage: dict[str, dict[str, Any]], report: Report
    ) -> None:
        self._segments = segments
        self._arguments = (root, storage, report)
        self._opened: dict[str, SegmentWorker] = {}

    def __call__(self, task: UnitTask) -> dict[str, Any]:
        """What became of the unit: its manifest and the seconds that it took, or an `error`."""
        source = task.unit.source
        if source not in self._opened:
            self._opened[source] = SegmentWorker(self._segments[source], *self._arguments)
        started = time.monotonic()
        outcome = self._opened[source](task)
        return {**outcome, "source": source, "seconds": time.monotonic() - started}


@dataclass
class _Spent:
    """What a source has cost: for the log and for the eyes of the person who runs it."""

    units: int = 0
    documents: int = 0
    kept: int = 0
    seconds: float = 0.0
    peak: int = 0

    def add(self, outcome: Mapping[str, Any]) -> None:
        self.units += 1
        self.documents += outcome["documents"]
        self.kept += outcome["kept"]
        self.seconds += outcome["seconds"]
        self.peak = max(self.peak, outcome["peak_rss"])

    def line(self, source: str) -> str:
        share = f", {self.kept / self.documents:.1%} kept" if self.documents else ""
        rate = f", {self.documents / max(self.seconds, 1e-9):,.0f} documents/s of a worker"
        done = f"{counted(self.units, 'unit')}, {counted(self.documents, 'document')}"
        return f"{source}: {done}{share}{rate}"


def run_segments(
    plan: Plan, engine: Callable[[], Engine], progress: Progress, log: list[str]
) -> list[state.SegmentState]:
    """Does the units of all sources that are not done; returns the state of each segment.

    engine   gives the engine, and starts it if this is its first use
    log      gets a line of JSON for each source
    Raises SourceError naming the units that could not be read; the others are done by then.
    """
    root = plan.config.output
    found = [state.segment_state(root, segment) for segment in plan.segments]
    todo: dict[Resources, list[UnitTask]] = {}
    for segment, done in zip(plan.segments, found, strict=True):
        if done.todo:
            tasks = _tasks(root, segment, done, progress)
            todo.setdefault(Resources(segment.cpus, segment.gpus), []).extend(tasks)
    if not todo:
        return found
    became: dict[str, str] = {}
    for resources, tasks in todo.items():
        became |= _do(plan, resources, tasks, engine(), progress, log)
    after = [state.segment_state(root, segment) for segment in plan.segments]
    _check(plan.segments, after, became)
    return after


def _tasks(root: str, segment: Segment, done: state.SegmentState, progress: Progress) -> list[UnitTask]:
    folder = store.join(root, segment.folder)
    store.make_folder(folder)
    store.write_json(store.join(folder, "segment.json"), state.describe_segment(segment))
    donors = state.donors(root, segment, done.todo)
    if donors:
        progress.say(
            f"{segment.source}: signals of an earlier run serve {len(donors)} of "
            f"{counted(len(done.todo), 'unit')}; their input is not read again"
        )
    return [UnitTask(unit, donors.get(unit.name)) for unit in done.todo]


def _do(
    plan: Plan,
    resources: Resources,
    tasks: Sequence[UnitTask],
    engine: Engine,
    progress: Progress,
    log: list[str],
) -> dict[str, str]:
    """Runs the tasks over a pool of workers; returns by unit's name why it is not done, if it is not."""
    root = plan.config.output
    segments = {segment.source: segment for segment in plan.segments}
    sources = [source for source in segments if any(task.unit.source == source for task in tasks)]
    storage = {name: dict(arguments) for name, arguments in plan.config.storage.items()}
    # Largest first: no worker is left alone at the end with the largest file.
    order = sorted(tasks, key=lambda task: (-task.unit.size, task.unit.source, task.unit.name))
    total = sum(len(segments[source].units) for source in sources)
    name = sources[0] if len(sources) == 1 else f"{len(sources)} sources"
    progress.start(name, total, total - len(tasks))
    spent = {source: _Spent() for source in sources}
    became = {}
    groups = list(_groups(order, engine.workers))
    for outcome in engine.map_units(Worker, (segments, root, storage), groups, progress.batch, resources):
        if "error" in outcome:
            became[outcome["unit"]] = str(outcome["error"])
            progress.say(f"{outcome['source']}: cannot read {outcome['error']}")
            continue
        became[outcome["unit"]] = (
            f"{outcome['input']['path']}: a worker has done it, but what it wrote is not in {root}: "
            "is that on a disk or store that all machines share?"
        )
        spent[outcome["source"]].add(outcome)
        progress.unit()
    progress.finish()
    for source, each in spent.items():
        if len(sources) > 1:
            progress.say(f"  {each.line(source)}")
        told = {"units": each.units, "documents": each.documents, "seconds": round(each.seconds, 3)}
        log.append(json.dumps({"part": source, **told, "peak_worker_bytes": each.peak}))
    return became


def _check(
    segments: Sequence[Segment], after: Sequence[state.SegmentState], became: Mapping[str, str]
) -> None:
    """Returns if every unit is done; else the error that names those that are not, and why."""
    left = [(segment, done) for segment, done in zip(segments, after, strict=True) if done.todo]
    if not left:
        return
    killed = f"its worker was killed {TRIES} times over, for want of memory perhaps"
    lines = []
    for segment, done in left:
        lines.append(
            f"source {segment.source!r}: {len(done.todo)} of {counted(len(segment.units), 'unit')} could not "
            "be done:"
        )
        lines += [
            f"  {became.get(unit.name, f'{unit.path}: {killed}')}" for unit in done.todo[:_FAULTS_SHOWN]
        ]
        if len(done.todo) > _FAULTS_SHOWN:
            lines.append(f"  … and {len(done.todo) - _FAULTS_SHOWN} more")
    read = all(unit.name in became for _, done in left for unit in done.todo)
    raise (SourceError if read else EngineError)(
        "\n".join([*lines, "The others are done and kept. Mend these and run again."])
    )


def _groups(tasks: Sequence[UnitTask], workers: int) -> Iterator[list[UnitTask]]:
    """The tasks in order, small ones together where there are many for each worker."""
    most = min(GROUP_UNITS, len(tasks) // (8 * workers))
    held: list[UnitTask] = []
    weight = 0
    for task in tasks:
        size = task.unit.size or GROUP_BYTES  # 0: not known, as of the files of a crawl
        if held and (len(held) >= most or weight + size > GROUP_BYTES):
            yield held
            held, weight = [], 0
        held.append(task)
        weight += size
    if held:
        yield held
