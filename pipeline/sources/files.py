"""Reads files of text or source code: each file is a document.

Many small files make one unit. Files that become no row are counted:

    binary      holds NUL bytes, or bytes that are no text in any encoding
    too_large   longer than `max_bytes`
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.inputs import InputFile
from pipeline.source import ADDRESS, BASE_SCHEMA, Reading, Source, Unit, tables
from pipeline.sources import charset
from pipeline.sources.gathering import gathered
from pipeline.stage import Options

SCHEMA = pa.schema(
    [
        ADDRESS,
        BASE_SCHEMA.field("origin"),
        pa.field("text", pa.string(), metadata={"about": "the file's text, decoded"}),
    ]
)

UNIT_FILES = 4096
UNIT_BYTES = 32 << 20

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
    """Units of whole folders, neighbours together; one that is too large for a unit is cut."""
    wanted = [file for file in files if not options.suffixes or file.logical.endswith(options.suffixes)]
    if not wanted:
        raise PlanError(
            f"source {name!r}: none of {len(files)} files has a name ending in {', '.join(options.suffixes)}"
        )
    depth = _shared_depth(wanted)
    found: list[Unit] = []
    held: list[InputFile] = []
    weight = 0
    for _, members in groupby(sorted(wanted, key=_order), key=lambda file: _folder(file, depth)):
        for folder in _cut(list(members)):
            size = sum(file.size for file in folder)
            if held and (len(held) + len(folder) > UNIT_FILES or weight + size > UNIT_BYTES):
                found.append(gathered(name, held))
                held, weight = [], 0
            held += folder
            weight += size
    return [*found, gathered(name, held)]


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA`, a row for each file, in the order of their logical paths."""
    return tables(_rows(reading), SCHEMA, weigh="text")


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The file's bytes."""
    with store.open_input(reading.unit.file(row["origin"])) as file:
        return file.read()


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


def _order(file: InputFile) -> tuple[list[str], str]:
    """Folder by folder, whatever characters sort before the slash."""
    return file.logical.split("/"), file.path


def _shared_depth(files: Sequence[InputFile]) -> int:
    """How many folders at the top all files have in common."""
    folders = [file.logical.split("/")[:-1] for file in files]
    pairs = zip(min(folders), max(folders), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _folder(file: InputFile, depth: int) -> str:
    """The folder at the first level where there are several; "" for a file that is in none."""
    parts = file.logical.split("/")
    return parts[depth] if len(parts) > depth + 1 else ""


def _cut(files: Sequence[InputFile]) -> Iterator[list[InputFile]]:
    """The files of a folder, in as few pieces as make units."""
    held: list[InputFile] = []
    weight = 0
    for file in files:
        if held and (len(held) == UNIT_FILES or weight + file.size > UNIT_BYTES):
            yield held
            held, weight = [], 0
        held.append(file)
        weight += file.size
    yield held


SOURCE = Source(
    "files",
    SCHEMA,
    read,
    options=FilesOptions,
    about="files of text or code, each one document",
    units=units,
    original=original,
)
