"""Benchmark sets as they are handed out: files of JSONL, JSON or Parquet, and which texts of an item count.

A folder is read with all below it: *.jsonl, *.json and *.ndjson (plain, .gz or .zst) and *.parquet. Of a
folder, files whose name says that they are the training split are left out: what a benchmark gives away to
be trained on need not be looked for. Some benchmarks have no other split (IFEval and GPQA on Hugging Face):
where the folder holds nothing else of a benchmark that is known, its training split is read. A file that is
named itself is read whatever its name.

JSON that is one array, one object that holds a list of objects (`examples`, `data`), or one of objects by
their ids, is a file of those objects. Which texts of an item are looked for is said by `fields`, or else by
dedup/benchmark/presets.yaml.
"""

import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from pydantic import Field, field_validator

from dedup.benchmark import fields as benchmark_fields
from dedup.benchmark import presets
from dedup.benchmark.unpacked import unpacked_file
from pipeline import store
from pipeline.errors import PlanError, SourceError, StoreError
from pipeline.faults import show
from pipeline.stage import Options

LARGEST = 2 << 30  # bytes of a file, unpacked
_DEEPEST = 100  # lists and objects within one another
LOOKED_AT = 100  # items by which it is judged what a file's fields are

_JSON = re.compile(r".+\.(?:jsonl|ndjson|json)(?:\.gz|\.zst)?", re.IGNORECASE)
_PARQUET = re.compile(r".+\.(?:parquet|pq)", re.IGNORECASE)
_TRAINING = re.compile(r"(?:.*[-_./])?(?<!no[-_])train(?:ing)?(?:[-_.].*)?", re.IGNORECASE)
_IDS = ("task_id", "id", "question_id", "unique_id", "qID", "_id", "ind", "idx", "index", "key")
_UNREADABLE = (OSError, EOFError, zlib.error, zstandard.ZstdError, pa.ArrowException, SourceError)


class BenchmarkSet(Options):
    """A file or folder of benchmark items."""

    path: str = Field(description="a file of JSONL, JSON or Parquet, or a folder of them")
    name: str = Field(
        default="", description="what the benchmark is called; else by the presets, or its file"
    )
    fields: tuple[str, ...] = Field(
        default=(), description="the texts of an item that are looked for, as [question, question + answer]"
    )

    @field_validator("path")
    @classmethod
    def _is_there(cls, path: str) -> str:
        path = os.path.expanduser(path.removeprefix("file://"))
        if not path or (store.is_local(path) and not os.path.exists(path)):
            raise ValueError(f"no file or folder {path!r}; expected benchmarks as JSONL or Parquet")
        return path

    @field_validator("fields")
    @classmethod
    def _are_fields(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        for notation in fields:
            benchmark_fields.parse(notation)
        return fields


def as_sets(value: Any) -> Any:
    """The sets that a run file names: one path, a list of paths, or names with a path or with options."""
    if isinstance(value, str):
        return [{"path": value}]
    if isinstance(value, Mapping):
        return [
            {"name": name, **given} if isinstance(given, Mapping) else {"name": name, "path": given}
            for name, given in value.items()
        ]
    if isinstance(value, Sequence):
        return [{"path": each} if isinstance(each, str) else each for each in value]
    return value


@dataclass(frozen=True)
class BenchmarkFile:
    """One file of a set.

    benchmark   its name: as given, of the preset, or that of the file
    shown       the path below the set's folder, for people
    texts       which texts of an item are looked for
    """

    benchmark: str
    path: str
    shown: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One item: `number` is that of its line or row from 1, `identity` what the file calls it, if it does."""

    number: int
    identity: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Sets:
    """What is read; `training` of it are files of training splits, as there is no other, `left_out` are those
    that are not read, `unread` files of other kinds."""

    files: tuple[BenchmarkFile, ...]
    training: tuple[str, ...]
    left_out: tuple[str, ...]
    unread: tuple[str, ...]


def open_sets(sets: Sequence[BenchmarkSet]) -> Sets:
    """Finds and recognises the files of all sets, each file once, in the order of the sets and paths.

    PlanError where a set has no file, or one cannot be read or is of no known kind.
    """
    files: dict[str, BenchmarkFile] = {}
    training: list[str] = []
    left_out: list[str] = []
    unread: list[str] = []
    for given in sets:
        found, trained, others = _files(given.path)
        names = {
            path: {name for name, _ in presets.known_as(given.path, path)} for path, _ in found + trained
        }
        tested = set().union(*(names[path] for path, _ in found))
        only = [(path, shown) for path, shown in trained if names[path] and not names[path] & tested]
        training += [shown for _, shown in only]
        left_out += [shown for path, shown in trained if (path, shown) not in only]
        unread += others
        if not found and not only:
            there = [*(shown for _, shown in trained), *others]
            kinds = f"; there are {', '.join(there[:5])}" if there else ""
            raise PlanError(f"benchmarks: no test items as .jsonl, .json or .parquet in {given.path}{kinds}")
        for path, shown in sorted([*found, *only], key=lambda each: each[1]):
            if path not in files:
                files[path] = _recognised(given, path, shown)
    return Sets(tuple(files.values()), tuple(training), tuple(left_out), tuple(unread))


def digest(files: Sequence[BenchmarkFile]) -> str:
    """What the files hold and what is looked for in them, as one hash."""
    found = hashlib.sha256()
    for file in files:
        found.update(repr((file.benchmark, file.shown, file.texts)).encode())
        found.update(_content(file.path, _stamp(file.path)).encode())
    return found.hexdigest()[:16]


def read_items(file: BenchmarkFile) -> Iterator[Item | None]:
    """The items in order; None for a line that is no JSON object. PlanError where the file is damaged."""
    texts = [benchmark_fields.parse(text) for text in file.texts]
    for number, record in _records(file.path):
        if record is None:
            yield None
            continue
        identity = next((record[name] for name in _IDS if isinstance(record.get(name), str | int)), "")
        found = [clean(text) for parts in texts for text in benchmark_fields.read(parts, record)]
        yield Item(number, clean(str(identity)), tuple(dict.fromkeys(found)))


def clean(text: str) -> str:
    """Without what UTF-8 cannot hold: halves of surrogate pairs, which JSON can."""
    return text.encode("utf-8", "replace").decode()


def _stamp(path: str) -> tuple[int, int]:
    if store.is_local(path):
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns
    return store.size(path) or 0, 0


@lru_cache(maxsize=4096)
def _content(path: str, stamp: tuple[int, int]) -> str:
    del stamp  # a file that was changed is read again
    found = hashlib.sha256()
    with _opened(path) as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _opened(path: str) -> BinaryIO:
    try:
        return store.open_input(path)
    except SourceError as fault:
        raise PlanError(f"benchmarks: {fault}") from fault


def _files(path: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[str]]:
    """Path and shown name of each file to read, and of training splits; the names of other kinds."""
    if _is_kind(path) and not (store.is_local(path) and os.path.isdir(path)):
        return [(path, os.path.basename(path))], [], []
    if store.is_local(path) and os.path.isfile(path):
        return [], [], [os.path.basename(path)]
    if store.is_local(path):
        names = [
            os.path.relpath(os.path.join(folder, name), path)
            for folder, _, inside in os.walk(path)
            for name in inside
        ]
    else:
        try:
            with store.errors(path, "listed"):
                system, inside_path = store.file_system(path)
                root = inside_path.rstrip("/")
                names = [str(name)[len(root) + 1 :] for name in system.find(root)]
        except (SourceError, StoreError) as fault:
            raise PlanError(f"benchmarks: {fault}") from fault
    found, training, others = [], [], []
    for name in sorted(names):
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if not _is_kind(name):
            others.append(name)
        elif any(_TRAINING.fullmatch(part) for part in name.split("/")):
            training.append((store.join(path, name), name))
        else:
            found.append((store.join(path, name), name))
    return found, training, others


def _is_kind(path: str) -> bool:
    return bool(_JSON.fullmatch(path) or _PARQUET.fullmatch(path))


def _records(path: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number from 1 and fields of each record; None for a line that is no object."""
    try:
        if _PARQUET.fullmatch(path):
            yield from _rows(path)
        else:
            yield from _lines(path)
    except _UNREADABLE as fault:
        raise PlanError(f"benchmarks: {path} cannot be read: {fault}; is it damaged or cut off?") from fault


def _rows(path: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    number = 0
    with _opened(path) as file, pq.ParquetFile(file) as table:
        size = sum(table.metadata.row_group(group).total_byte_size for group in range(table.num_row_groups))
        if size > LARGEST:
            raise _too_large(path)
        for batch in table.iter_batches(1024):
            for record in _rows_of(batch):
                number += 1
                yield number, record


def _rows_of(batch: pa.RecordBatch) -> list[dict[str, Any] | None]:
    """The rows; None for one with a text that is not UTF-8, which Parquet does not look at."""
    try:
        return cast(list[dict[str, Any] | None], batch.to_pylist())
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [None]
        return [row for at in range(batch.num_rows) for row in _rows_of(batch.slice(at, 1))]


def _lines(path: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
    with _opened(path) as raw:
        unpacked = unpacked_file(raw, path)
        if re.fullmatch(r".+\.json(?:\.gz|\.zst)?", path, re.IGNORECASE):
            content = unpacked.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise _too_large(path)
            whole = _whole(content)
            if whole is not None:
                yield from enumerate(map(_record, whole), 1)
                return
            unpacked = io.BytesIO(content)
        read = 0
        for number, line in enumerate(_split(unpacked), 1):
            read += len(line)
            if read > LARGEST:
                raise _too_large(path)
            if line.strip():
                yield number, _record(_parsed(line))


def _record(value: Any) -> dict[str, Any] | None:
    """A JSON object as a record; None for all else, and for one that nobody would write by hand."""
    if not isinstance(value, dict):
        return None
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        level = [
            each
            for holder in level
            for each in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(each, dict | list)
        ]
        if not level:
            return value
    return None


def _split(file: BinaryIO) -> Iterator[bytes]:
    """Lines; one without an end is given up when it is too long for any file."""
    while line := file.readline(LARGEST + 1):
        yield line


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None


def _whole(content: bytes) -> list[Any] | None:
    """The records of a file that is one JSON value; None where it is one a line."""
    value = _parsed(content)
    if isinstance(value, dict):
        lists = [
            each for each in value.values() if isinstance(each, list) and each and isinstance(each[0], dict)
        ]
        if not lists and len(value) > 1 and all(isinstance(each, dict) for each in value.values()):
            return list(value.values())
        return lists[0] if len(lists) == 1 else [value]
    return value if isinstance(value, list) else None


def _too_large(path: str) -> PlanError:
    return PlanError(
        f"benchmarks: {path} holds more than {LARGEST >> 30} GiB; expected the items of a test set. Is it a "
        "training set? Name the files of the test splits"
    )


def _recognised(given: BenchmarkSet, path: str, shown: str) -> BenchmarkFile:
    """The file with its benchmark and texts. PlanError names the fields of one that is not known."""
    head = list(islice(_records(path), LOOKED_AT))
    records = [record for _, record in head if record is not None]
    if not records:
        what = "no line is a JSON object" if head else "it is empty"
        raise PlanError(f"benchmarks: {path}: {what}; expected one benchmark item a line or row")
    name, layouts = given.name, [given.fields] if given.fields else []
    stem = re.sub(r"(?:\.[A-Za-z]{1,7}){1,2}$", "", os.path.basename(shown)) or shown
    if not given.fields:
        for benchmark, known in presets.known_as(given.path, path):
            if any(presets.fits(layout, records) for layout in known):
                name, layouts = name or benchmark, list(known)
                break
        else:
            layouts = list(presets.by_fields())
    for layout in layouts:
        if presets.fits(layout, records):
            return BenchmarkFile(name or stem, path, shown, layout)
    fields = ", ".join(f"{field} ({_kind(value)})" for field, value in records[0].items()) or "none"
    if given.fields:
        missing = [
            place
            for text in given.fields
            for place in presets.places(text)
            if not any(benchmark_fields.is_there(place, record) for record in records)
        ]
        raise PlanError(f"benchmarks: {path} has no field {show(missing[0])}; its items have: {fields}")
    raise PlanError(
        f"benchmarks: {path}: no known benchmark has these fields: {fields}. Say which texts are looked for: "
        f"benchmarks: {{{name or stem}: {{path: {given.path}, fields: [question, question + answer]}}}}"
    )


def _kind(value: Any) -> str:
    kinds = {str: "text", bool: "true or false", int: "number", float: "number", dict: "fields", list: "list"}
    if isinstance(value, dict):
        return f"with {', '.join(map(str, list(value)[:5]))}"
    return kinds.get(type(value), "nothing" if value is None else type(value).__name__)
