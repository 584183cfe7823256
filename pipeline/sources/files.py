"""Reads files of text or source code: each file is a document.

A folder of small files is one unit, cut where it is large. Files that become no row are counted:

    binary      holds NUL bytes, or bytes that are no text in any encoding
    too_large   longer than `max_bytes`
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.inputs import InputFile, unit_name
from pipeline.source import ADDRESS, BASE_SCHEMA, Reading, Source, Unit, tables
from pipeline.sources import charset
from pipeline.stage import Options

SCHEMA = pa.schema(
    [
        ADDRESS,
        BASE_SCHEMA.field("origin"),
        pa.field("text", pa.string(), metadata={"about": "the file's text, decoded"}),
    ]
)

UNIT_FILES = 4096
UNIT_BYTES = 64 << 20

_HEAD = 8192  # bytes that are searched for NUL
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MAX_REPLACED = 0.05  # of the characters; more and it was no text


class FilesOptions(Options):
    """Options of `read: files`."""

    suffixes: tuple[str, ...] = Field(
        default=(), description="endings of the names to read, as '.py'; all if none is given"
    )
    max_bytes: int = Field(default=8 << 20, gt=0, description="a longer file is left out")


def units(name: str, files: Sequence[InputFile], options: FilesOptions) -> list[Unit]:
    """A unit for each folder at the top, cut so that none holds too many files or bytes."""
    wanted = [file for file in files if not options.suffixes or file.logical.endswith(options.suffixes)]
    if not wanted:
        raise PlanError(
            f"source {name!r}: none of {len(files)} files has a name ending in {', '.join(options.suffixes)}"
        )
    found = []
    for folder, members in groupby(sorted(wanted, key=_place), key=lambda file: _place(file)[0]):
        inside = list(members)
        cuts = _cuts(inside)
        for first, last in cuts:
            part = (first, last) if len(cuts) > 1 else None
            found.append(_unit(name, folder, inside[first:last], part))
    return found


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA`, a row for each file, in the order of their logical paths."""
    return tables(_rows(reading), SCHEMA, weigh="text")


def _rows(reading: Reading) -> Iterator[dict[str, Any]]:
    for path, logical in reading.unit.files:
        text, reason = _text(path, reading.options.max_bytes)
        if reason:
            reading.skipped[reason] += 1
        else:
            yield {"address": logical, "origin": logical, "text": text}


def _text(path: str, max_bytes: int) -> tuple[str, str]:
    """The file's text, and the reason why it has none ("" if it has)."""
    with store.open_input(path) as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as fault:
            raise SourceError(f"{path}: cannot be read: {fault}") from fault
    if len(data) > max_bytes:
        return "", "too_large"
    if b"\0" in data[:_HEAD] and not data.startswith(_UTF_16):
        return "", "binary"
    text = charset.decode(data, html=False)
    if text.count("\ufffd") > _MAX_REPLACED * len(text):
        return "", "binary"
    return text, ""


def _place(file: InputFile) -> tuple[str, str, str]:
    """Sort key: the folder at the top ("" for files that are in none), then the file."""
    folder, slash, _ = file.logical.partition("/")
    return folder if slash else "", file.logical, file.path


def _cuts(files: Sequence[InputFile]) -> list[tuple[int, int]]:
    """Ranges of files of at most `UNIT_FILES` files and about `UNIT_BYTES` bytes each."""
    cuts = []
    first = size = 0
    for index, file in enumerate(files):
        if index > first and (index - first >= UNIT_FILES or size + file.size > UNIT_BYTES):
            cuts.append((first, index))
            first, size = index, 0
        size += file.size
    return [*cuts, (first, len(files))]


def _unit(name: str, folder: str, files: Sequence[InputFile], part: tuple[int, int] | None) -> Unit:
    state = "\n".join(f"{file.logical}\t{file.size}\t{file.version}" for file in files)
    return Unit(
        source=name,
        name=unit_name(name, folder or "files", part),
        path=files[0].path,
        logical=folder,
        size=sum(file.size for file in files),
        version=hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest(),
        part=part,
        files=tuple((file.path, file.logical) for file in files),
    )


SOURCE = Source(
    "files",
    SCHEMA,
    read,
    options=FilesOptions,
    about="files of text or code, each one document",
    units=units,
)
