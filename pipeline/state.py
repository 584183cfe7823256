"""What an output folder already holds of a plan: which units, layers and shards are done."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import store, tables
from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.plan import Layer, Plan, Segment
from pipeline.replay import Donor
from pipeline.seal import unsealed
from pipeline.source import BASE_SCHEMA, ROW_COLUMNS, Unit

MANIFEST = "manifest.json"
SHARDS = "shards"


@dataclass(frozen=True)
class SegmentState:
    """Manifests of the finished units, by unit name, and the units still to do."""

    done: dict[str, dict[str, Any]]
    todo: tuple[Unit, ...]


def segment_state(root: str, segment: Segment) -> SegmentState:
    """A unit is done if its manifest is of this segment and input, and its files are there."""
    folder = store.join(root, segment.folder)
    written = set(store.names(store.join(folder, "units")))
    done: dict[str, dict[str, Any]] = {}
    todo = []
    for unit in segment.units:
        manifest = _unit_manifest(folder, unit) if f"{unit.name}.json" in written else None
        if manifest is None:
            todo.append(unit)
        else:
            done[unit.name] = manifest
    return SegmentState(done, tuple(todo))


def _unit_manifest(folder: str, unit: Unit) -> dict[str, Any] | None:
    manifest = unit_manifest(folder, unit.name)
    told = manifest.get("input", {})
    if [told.get(key) for key in ("size", "version", "path")] != [unit.size, unit.version, unit.path]:
        return None
    return manifest if files_there(folder, unit.name, manifest) else None


def unit_manifest(folder: str, name: str) -> dict[str, Any]:
    """The manifest of a unit in the folder of a segment or layer; empty where there is none that is whole."""
    return unsealed(store.read_json(store.join(folder, "units", f"{name}.json")))


def finished_units(root: str, folder: str, plan: Mapping[str, Any]) -> list[str]:
    """Names of the units that are done in the folder of a segment or layer, without those of inputs that are
    gone. `plan` as plan.json has it."""
    known = set(plan["units"])
    written = store.names(store.join(root, folder, "units"))
    return [name for each in written if (name := each.removesuffix(".json")) != each and name in known]


def _read(path: str) -> dict[str, Any]:
    """A manifest; empty where there is none, or none that this version of winnow has written."""
    found = store.read_json(path)
    return found if isinstance(found, dict) else {}


def files_there(folder: str, name: str, manifest: dict[str, Any]) -> bool:
    """Whether a unit's files are there, with the bytes that its manifest tells of."""
    files = manifest.get("files", {})
    return bool(files) and all(
        store.size(store.join(folder, kind, f"{name}.parquet")) == file["bytes"]
        for kind, file in files.items()
    )


def describe_segment(segment: Segment) -> dict[str, Any]:
    """What a later plan must know of this segment to use its signals again (`segment.json`), and
    `winnow show` to find a document's original."""
    return {
        "source": segment.source,
        "reader": segment.reader,
        "options": segment.reader_options.model_dump(mode="json"),
        "hash": segment.hash,
        "start": segment.start,
        "columns": segment.schema.names,
        "steps": [
            {
                "name": step.name,
                "kind": step.kind,
                "own": step.own,
                "adds": step.adds,
                "expensive": step.expensive,
                "rules": [[rule.name, rule.drop_if] for rule in step.rules],
            }
            for step in segment.steps
        ],
    }


def donors(root: str, segment: Segment, units: Sequence[Unit]) -> dict[str, Donor]:
    """For each unit the earlier segment, if any, that saves the most measuring."""
    found: dict[str, tuple[int, Donor]] = {}
    for name in store.names(store.join(root, "segments")):
        folder = f"segments/{name}"
        about = _read(store.join(root, folder, "segment.json"))
        if about.get("source") != segment.source or folder == segment.folder:
            continue
        columns = _reusable(segment, about)
        if columns is None:
            continue
        for unit in units:
            if _unit_manifest(store.join(root, folder), unit) is None:
                continue
            if unit.name not in found or len(columns) > found[unit.name][0]:
                found[unit.name] = (len(columns), Donor(folder, columns))
    return {name: donor for name, (_, donor) in found.items()}


def _reusable(segment: Segment, about: dict[str, Any]) -> tuple[str, ...] | None:
    """Columns of an earlier segment that this one would measure to the same values.

    None where its rows cannot stand in for the input: the reader must be the same, and so must all
    that shaped the stored text. That is every stage up to the last that reads what is not stored (a
    page's HTML) or edits the text, and the rules before an expensive one of these: rows that fail them
    were not measured, and what it would have read is gone.
    """
    if about.get("start") != segment.start:
        return None
    earlier = about["steps"]
    bound = max((at for at, step in enumerate(segment.steps) if not step.replay), default=-1)
    shaping = [step for step in segment.steps[: bound + 1] if step.kind == "stage"]
    now = describe_segment(segment)["steps"]
    if _shape(now, len(shaping)) != _shape(earlier, len(shaping)):
        return None
    added = {name for step in segment.steps for name in step.adds}
    columns = [name for name in segment.schema.names if name not in added]
    if not set(columns) <= set(about["columns"]):
        return None  # the reader gives other columns now
    valid = set(columns).union(*(step.adds for step in shaping))
    owned = {step["own"] for step in earlier}
    for step in segment.steps[bound + 1 :]:
        if step.kind == "stage" and step.own in owned and set(step.reads) - _volatile(segment) <= valid:
            valid |= set(step.adds)
    return tuple(name for name in segment.schema.names if name in valid)


def _shape(steps: Sequence[dict[str, Any]], stages: int) -> list[Any]:
    """What decides the values that the first `stages` stages leave: themselves, and before each
    expensive one the rules so far."""
    shape: list[Any] = []
    rules: list[list[str]] = []
    for step in steps:
        if step["kind"] == "stage":
            if not stages:
                break
            stages -= 1
            if step["expensive"]:
                shape.append(list(rules))
            shape.append(step["own"])
        rules += step["rules"]
    return shape


def _volatile(segment: Segment) -> set[str]:
    """Columns that are read but not stored: equal chains up to their readers vouch for them."""
    stored = set(segment.schema.names)
    return {name for step in segment.steps for name in step.reads if name not in stored}


@dataclass(frozen=True)
class LayerState:
    """Manifests of the labelled units and the units still to do; `digest` stands for the input."""

    digest: str
    done: dict[str, dict[str, Any]]
    todo: tuple[CorpusUnit, ...]


def corpus_units(root: str, plan: Plan, segments: Sequence[SegmentState]) -> list[CorpusUnit]:
    """The units of all finished segments, in the order of the plan, with no layer yet."""
    units: list[CorpusUnit] = []
    first = 0
    for segment, state in zip(plan.segments, segments, strict=True):
        for unit in segment.units:
            rows = int(state.done[unit.name]["files"]["documents"]["rows"])
            path = store.join(root, segment.folder, "documents", f"{unit.name}.parquet")
            units.append(
                CorpusUnit(
                    index=len(units),
                    name=unit.name,
                    source=segment.source,
                    first=first,
                    stored=rows,
                    alive=rows,
                    documents=path,
                    layers=(),
                    schema=plan.schema,
                )
            )
            first += rows
    return units


def first_digest(plan: Plan, segments: Sequence[SegmentState]) -> str:
    """Stands for all documents of all segments."""
    parts = [
        (unit.name, state.done[unit.name]["files"]["documents"]["sha256"])
        for segment, state in zip(plan.segments, segments, strict=True)
        for unit in segment.units
    ]
    return digest_of(parts)


def next_digest(digest: str, layer: Layer, state: LayerState, units: Sequence[CorpusUnit]) -> str:
    """Stands for the corpus after a finished layer."""
    return digest_of(
        [(digest, layer.hash), *((u.name, state.done[u.name]["files"]["labels"]["sha256"]) for u in units)]
    )


def digest_of(parts: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(list(parts)).encode()).hexdigest()[:16]


def layer_state(root: str, layer: Layer, units: Sequence[CorpusUnit], digest: str) -> LayerState:
    """A unit is labelled if its manifest answers to this layer's input and its file is there. None is
    where the tables of the pass are not."""
    folder = store.join(root, layer.folder)
    if not tables.there(folder, digest, layer.tables):
        return LayerState(digest, {}, tuple(units))
    written = set(store.names(store.join(folder, "units")))
    done: dict[str, dict[str, Any]] = {}
    todo = []
    for unit in units:
        manifest = unit_manifest(folder, unit.name) if f"{unit.name}.json" in written else {}
        if manifest.get("digest") != digest or not files_there(folder, unit.name, manifest):
            todo.append(unit)
        else:
            done[unit.name] = manifest
    return LayerState(digest, done, tuple(todo))


def with_layer(root: str, layer: Layer, state: LayerState, units: Sequence[CorpusUnit]) -> list[CorpusUnit]:
    """The units as the next layer sees them."""
    deeper = []
    for unit in units:
        path = store.join(root, layer.folder, "labels", f"{unit.name}.parquet")
        deeper.append(
            CorpusUnit(
                **{
                    **unit.__dict__,
                    "alive": int(state.done[unit.name]["kept"]),
                    "layers": (
                        *unit.layers,
                        LayerFile(path, tuple(layer.adds.names), tuple(layer.edits.names)),
                    ),
                }
            )
        )
    return deeper


def mixture_done(root: str, mixture_hash: str, digest: str) -> dict[str, Any] | None:
    """The manifest of the run, if it is of this mixture over this corpus and its shards are there."""
    manifest = _read(store.join(root, MANIFEST))
    if (manifest.get("mixture_hash"), manifest.get("digest")) != (mixture_hash, digest):
        return None
    there = all(
        store.size(store.join(root, SHARDS, shard["name"])) == shard["bytes"]
        for shard in manifest["mixture"]["shards"]
    )
    return manifest if there else None


def base_columns() -> list[str]:
    return [*BASE_SCHEMA.names, *(field.name for field in ROW_COLUMNS)]
