"""arXiv's metadata snapshot (JSON lines), looked up by identifier without holding it.

The snapshot is some 4 GB. On first use a machine reads it once and writes an index beside its other
caches: for each paper a hash of its identifier and the byte where its line starts, sorted, 16 bytes
a paper. Workers map that file, so they share its memory, and read one line for each paper.
"""

import fcntl
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline import store
from pipeline.errors import SourceError, StoreError
from pipeline.inputs import InputFile
from pipeline.sources import dates
from pipeline.sources.latex.markdown import fragment
from pipeline.sources.latex.tokens import tokens

_BLOCK = 16 << 20
_LONGEST = 4 << 20  # bytes of a record
_FIRST_ID = re.compile(rb'\{"id": ?"([^"\\]{1,40})"')  # how the lines of arXiv's own snapshot begin

_BARE = re.compile(r"(?<!\\)[%&#]")
_LICENSES = re.compile(
    r"https?://(?:arxiv\.org/licenses/(?P<arxiv>[a-z-]+)/(?P<of>[\d.]+)"
    r"|creativecommons\.org/(?:licenses/(?P<cc>by(?:-nc)?(?:-sa|-nd)?)/(?P<version>[\d.]+)"
    r"|(?P<zero>publicdomain/zero)/1\.0|(?P<public>licenses/publicdomain|publicdomain/mark/1\.0)))/?.*"
)


@dataclass(frozen=True)
class Paper:
    """What the snapshot says of a paper."""

    title: str
    author: str
    categories: tuple[str, ...]
    license: str | None
    doi: str | None
    date: datetime | None


def spdx(address: str | None) -> str | None:
    """The SPDX identifier of a licence's address; `LicenseRef-arXiv-…` for arXiv's own."""
    found = _LICENSES.fullmatch((address or "").strip())
    if found is None:
        return None
    if found["arxiv"]:
        return f"LicenseRef-arXiv-{found['arxiv']}-{found['of']}"
    if found["cc"]:
        return f"CC-{found['cc'].upper()}-{found['version']}"
    return "CC0-1.0" if found["zero"] else "LicenseRef-public-domain"


class Snapshot:
    """A snapshot and its index; the index is made if the folder has none for this state of the file."""

    def __init__(self, file: InputFile, folder: str) -> None:
        self._path = file.path
        state = f"{os.path.abspath(file.path) if store.is_local(file.path) else file.path}"
        digest = hashlib.blake2b(f"{state}\0{file.size}\0{file.version}".encode(), digest_size=8).hexdigest()
        self._index = _index(file, folder, os.path.join(folder, f"arxiv-{digest}.npy"))
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return int(self._index.shape[1])

    def find(self, identifier: str) -> Paper | None:
        """The paper of that identifier; None where there is none."""
        wanted = _hash(identifier.encode())
        at = int(np.searchsorted(self._index[0], np.uint64(wanted)))
        while at < len(self) and int(self._index[0, at]) == wanted:
            record = self._record(int(self._index[1, at]))
            if record is not None and record.get("id") == identifier:
                return paper(record)
            at += 1
        return None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _record(self, offset: int) -> dict[str, Any] | None:
        if self._file is None:
            self._file = store.open_input(self._path)
        self._file.seek(offset)
        return _parsed(self._file.readline(_LONGEST))


def paper(record: dict[str, Any]) -> Paper:
    """What a line of the snapshot says; fields that are missing or of another type are empty."""
    categories = record.get("categories")
    return Paper(
        title=_printed(_line(record.get("title"))),
        author=_printed(_line(record.get("authors"))),
        categories=tuple(categories.split()) if isinstance(categories, str) else (),
        license=spdx(_line(record.get("license"))),
        doi=_line(record.get("doi")) or None,
        date=_date(record),
    )


def _date(record: dict[str, Any]) -> datetime | None:
    """When the first version came, else the date of the last change."""
    versions = record.get("versions")
    first = versions[0] if isinstance(versions, list) and versions else None
    if isinstance(first, dict) and isinstance(first.get("created"), str):
        try:
            moment = parsedate_to_datetime(first["created"])
        except ValueError:
            return dates.parse(record.get("update_date"))
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return dates.parse(record.get("update_date"))


def _line(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _printed(text: str) -> str:
    r"""As it is printed: `Z\"ahlen` as Zählen, `{\L}ojasiewicz` as Łojasiewicz; formulas stay TeX.

    Signs that TeX would read otherwise stand for themselves in the snapshot: `100% of A & B`.
    """
    if "\\" not in text and "{" not in text:
        return text
    return fragment(tokens(_BARE.sub(r"\\\g<0>", text))) or text


def _hash(identifier: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(identifier, digest_size=8).digest(), "little")


def _index(file: InputFile, folder: str, path: str) -> NDArray[np.uint64]:
    """Hashes and offsets, [2, papers], sorted by hash. One process makes the file, others wait for it."""
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(path):
            with open(f"{path}.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not os.path.exists(path):
                    _write(path, _scanned(file))
    except OSError as fault:
        raise StoreError(
            f"{folder}: cannot hold the index of {file.path}: {fault.strerror or fault}; "
            "name another folder in `index`"
        ) from fault
    found: NDArray[np.uint64] = np.load(path, mmap_mode="r")
    return found


def _write(path: str, index: NDArray[np.uint64]) -> None:
    content = io.BytesIO()  # NumPy's own writing to a file does not say why it failed
    np.save(content, index)
    with store.Sink(path) as sink:
        sink.write(content.getbuffer())


def _scanned(file: InputFile) -> NDArray[np.uint64]:
    hashes: list[NDArray[np.uint64]] = [np.empty((2, 0), np.uint64)]
    with store.open_input(file.path, file.size) as source:
        for offset, block in _blocks(source):
            found = [(_hash(name), offset + at) for name, at in _names(block)]
            hashes.append(np.array(found, np.uint64).reshape(-1, 2).T)
    index = np.concatenate(hashes, axis=1)
    if file.size and not index.size:
        raise SourceError(
            f"{file.path}: names no paper; expected arXiv's metadata snapshot, a line of JSON for each paper"
        )
    order = np.argsort(index[0], kind="stable")
    return np.ascontiguousarray(index[:, order])


def _blocks(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes at a time, each with the offset of the first."""
    held = b""
    offset = 0
    while data := source.read(_BLOCK):
        held += data
        end = held.rfind(b"\n") + 1
        if end:
            yield offset, held[:end]
            offset += end
            held = held[end:]
        elif len(held) > 8 * _BLOCK:  # no lines at all: not a snapshot
            return
    if held:
        yield offset, held


def _names(block: bytes) -> Iterator[tuple[bytes, int]]:
    """The identifier of each line and the byte where the line starts."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    at = 0
    for end in (*ends.tolist(), len(block)):
        if at < end:
            found = _FIRST_ID.match(block, at, end)
            if found:
                yield found.group(1), at
            else:
                record = _parsed(block[at:end])
                if record is not None and isinstance(record.get("id"), str):
                    yield record["id"].encode(), at
        at = end + 1


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
