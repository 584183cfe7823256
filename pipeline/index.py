"""Indexes of earlier runs: what a pass may compare new documents with, without reading the old texts.

A run with `index: FOLDER` leaves there, for each pass that can (`Pass.index`), one Parquet file per unit
with the rows of the documents that survived, and last `index.json`, which names them with their row counts
and checksums and says by what options they were made. A pass of a later run is given the folder as
`against: [FOLDER]`. `indexing` writes what this module reads.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pyarrow as pa
from pydantic import AfterValidator

from pipeline import store
from pipeline.corpus import Corpus
from pipeline.counted import counted
from pipeline.errors import PlanError, StoreError
from pipeline.faults import show
from pipeline.stage import Listed

MANIFEST = "index.json"
FORMAT = 1  # of what stands in a folder; raised when that changes
ROWS_PER_PARTITION = 2_000_000


def _each_once(folders: tuple[str, ...]) -> tuple[str, ...]:
    told = [os.path.normpath(_place(folder)) if store.is_local(folder) else folder for folder in folders]
    for at, folder in enumerate(told):
        if folder in told[:at]:
            raise ValueError(f"{folders[told.index(folder)]} and {folders[at]} are one folder; leave out one")
    return folders


Against = Annotated[Listed, AfterValidator(_each_once)]
"""Folders of indexes, each once."""

AGAINST = (
    "folders of indexes that earlier runs have written (`index` in the run file): their documents stand "
    "before all of this run's"
)

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class IndexFile:
    """The rows of one unit of an earlier run.

    index   place of its index in `against`
    first   number of its first row among the rows of all files of all indexes, in order
    """

    path: str
    index: int
    first: int
    rows: int
    bytes: int
    sha256: str

    def read(self, columns: Sequence[str], batch_rows: int = 1 << 16) -> Iterator[pa.Table]:
        """Tables of the rows, in order, none empty; StoreError where the file is not what it was."""
        digest = hashlib.sha256()
        with store.open_input(self.path) as file:
            while data := file.read(_READ_BYTES):
                digest.update(data)
        if digest.hexdigest() != self.sha256:
            raise self._changed("its content is")
        with store.parquet_file(self.path) as parquet:
            if parquet.metadata.num_rows != self.rows:  # documents are numbered by what the manifest says
                raise self._changed(f"its number of rows, {parquet.metadata.num_rows:,}, is")
            for batch in store.row_batches(parquet, columns, batch_rows):
                yield pa.Table.from_batches([batch])

    def _changed(self, what: str) -> StoreError:
        return StoreError(
            f"{self.path}: {what} not what the {MANIFEST} of its index tells of: it is damaged, or was "
            "replaced while this run read it; remove both and start the run that wrote them again"
        )


def index_files(name: str, against: Sequence[str]) -> list[IndexFile]:
    """The files that these indexes hold for the pass `name`, in order."""
    files: list[IndexFile] = []
    first = 0
    for place, folder in enumerate(against):
        for told in _entry(name, folder)["files"]:
            path = store.join(_place(folder), told["name"])
            files.append(IndexFile(path, place, first, told["rows"], told["bytes"], told["sha256"]))
            first += told["rows"]
    return files


def partitions(corpus: Corpus, files: Sequence[IndexFile]) -> int:
    """Pieces to cut the work into, so that an index makes none larger than the corpus alone would."""
    rows = sum(unit.stored for unit in corpus.units) + sum(file.rows for file in files)
    return max(corpus.partitions, -(-rows // ROWS_PER_PARTITION)) if files else corpus.partitions


def fingerprint(name: str, against: Sequence[str], same: Mapping[str, Any]) -> str:
    """Stands for the content of the indexes, for `Pass.fingerprint`; "" where there is none.

    same   as the pass's `Index.same` gives it for this run
    Raises PlanError where one is missing, not whole, or was made otherwise.
    """
    told = [_checked(name, folder, same) for folder in against]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest() if told else ""


def describe(name: str, against: Sequence[str]) -> list[str]:
    """Which indexes are used and what they hold, for the plan."""
    return [
        f"against {folder}, the index of {read_manifest(folder)['corpus']}: "
        f"{counted(_entry(name, folder)['documents'], 'document')}"
        for folder in against
    ]


def read_manifest(folder: str) -> dict[str, Any]:
    """The `index.json` of a folder; PlanError where there is none that this version can read."""
    path = store.join(_place(folder), MANIFEST)
    try:
        found = store.read_json(path)
    except StoreError as fault:
        raise PlanError(f"index {folder!r}: {fault}") from fault
    if found is None:
        problem = "is no whole JSON file" if store.exists(path) else "is not there"
        raise PlanError(
            f"index {folder!r}: {path} {problem}; a run that has `index: {folder}` writes it, last of all: "
            "name its folder, or start that run again"
        )
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        version = found.get("winnow", "?") if isinstance(found, dict) else "?"
        raise PlanError(
            f"index {folder!r}: {path} is not an index of this form (format {FORMAT}), but what winnow "
            f"{version} wrote; start the run that wrote it again with this version"
        )
    if not _is_whole(found):
        raise PlanError(
            f"index {folder!r}: {path} lacks a part of what an index says of itself: it is damaged; remove "
            f"it and start the run that has `index: {folder}` again"
        )
    return found


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether a manifest has all that is read of it."""
    passes = found.get("passes")
    return (
        isinstance(passes, dict)
        and "corpus" in found
        and all(
            isinstance(entry, dict)
            and isinstance(entry.get("same"), dict)
            and isinstance(entry.get("documents"), int)
            and isinstance(entry.get("files"), list)
            and all(
                isinstance(told, dict) and {"name", "rows", "bytes", "sha256"} <= set(told)
                for told in entry["files"]
            )
            for entry in passes.values()
        )
    )


def _place(folder: str) -> str:
    return os.path.expanduser(folder.removeprefix("file://"))


def _entry(name: str, folder: str) -> dict[str, Any]:
    passes = read_manifest(folder)["passes"]
    if name not in passes:
        has = f"only {', '.join(passes)}" if passes else "nothing"
        raise PlanError(
            f"index {folder!r} has nothing for pass {name!r}, {has}; add the pass to `across` of the run "
            "that writes it and start that again, or leave the index out here"
        )
    entry: dict[str, Any] = passes[name]
    return entry


def _checked(name: str, folder: str, same: Mapping[str, Any]) -> dict[str, Any]:
    entry = _entry(name, folder)
    here = json.loads(json.dumps(same))
    there = entry["same"]
    for key in sorted({*here, *there}):
        if here.get(key) != there.get(key):
            raise PlanError(
                f"index {folder!r}: pass {name!r} was run with {key} {_shown(there.get(key))} there, and has "
                f"{_shown(here.get(key))} here; what it holds can only be compared if both are the same: "
                "change it here, or there and start that run again"
            )
    place = _place(folder)
    wrong = gone(place, name, entry["files"])
    if wrong:
        path = store.join(place, wrong[0]["name"])
        size = store.size(path)
        found = "is not there" if size is None else f"has {size:,} bytes"
        others = f" (and {counted(len(wrong) - 1, 'file')} more)" if len(wrong) > 1 else ""
        raise PlanError(
            f"index {folder!r}: {path} {found}, {MANIFEST} says {wrong[0]['bytes']:,}{others}; start the run "
            "that wrote the index again: it writes what is missing"
        )
    return entry


def gone(folder: str, name: str, files: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Which of the files that `index.json` names for a pass are not there, or have another size."""
    if store.is_local(folder):
        return [told for told in files if store.size(store.join(folder, told["name"])) != told["bytes"]]
    # One look for all files of an object store; their content is checked when they are read.
    there = set(store.names(store.join(folder, name)))
    return [told for told in files if told["name"].rsplit("/", 1)[-1] not in there]


def _shown(value: Any) -> str:
    return show(value) if isinstance(value, str) or value is None else json.dumps(value)
