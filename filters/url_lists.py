"""Lists of domains and URLs, compiled once into a file of hashes that all workers map into memory.

A list is one of

- `datatrove`: the 4.6 million domains and 20,000 URLs that FineWeb left out, from the installed package
  (made of UT1's lists), as one category, `datatrove`;
- a folder, or a .tar or .tar.gz of one, as UT1 hands it out: CATEGORY/domains and CATEGORY/urls;
- a text file, also .gz: a domain or a URL on each line, or lines of a hosts file
  (`0.0.0.0 example.com`); its category is the file's name without endings. `#` starts a comment.

A domain stands for itself and everything below it; a URL, for itself and all that its path begins
(`example.com/a` for `example.com/a/b` and `example.com/a?b`, not for `example.com/ab`). What of a URL
does not count: head of `text/urls.py`. Of an entry in several categories the first counts: in the order
of `categories` where they are named, else of the lists.

The file lies in the user's cache under the hash of the lists' contents, 10 bytes a domain. It is written
to a temporary name and renamed, so that a process that is killed leaves nothing half done; of several
workers that start together one compiles and the others wait. A hash is 64 bits: with five million
entries, the chance that a name not listed is taken for a listed one is 3e-13.
"""

import codecs
import fcntl
import gzip
import hashlib
import io
import json
import mmap
import os
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from filters.list_files import UNREADABLE, read_to_end
from pipeline.assets import asset
from pipeline.errors import PlanError
from text.hosts import backward_hashes, hosts
from text.jit import kernel
from text.lookup import Lookup
from text.strings import Bytes, Offsets, Strings
from text.urls import page_hashes

PACKAGED = "datatrove"
ARCHIVE = "url_filterblacklistsv0_3_0.tar.gz"
KINDS = ("domains", "urls")

MAGIC = b"winnow url lists 1\n"
BLOCK = 1 << 24  # bytes of a list that are read at once
MOST = 255  # categories


@dataclass(frozen=True)
class UrlLists:
    """What is blocked: `domains` by `backward_hashes`, `urls` by `page_hashes`; values are categories."""

    categories: tuple[str, ...]
    domains: Lookup
    urls: Lookup


@dataclass(frozen=True)
class Part:
    """A stretch of lines of one category; `kind` is "" where each line says itself what it is."""

    category: str
    kind: str
    lines: IO[bytes]


def packaged(name: str) -> Path:
    """A file among datatrove's assets; PlanError where there is none."""
    path = asset(PACKAGED, "assets", name)
    if path is not None:
        return path
    raise PlanError(
        f"stage blocklist: {name} is not among the assets of the package datatrove; "
        "expected datatrove 0.3 or later to be installed, or lists of your own"
    )


def list_path(name: str) -> Path:
    return packaged(ARCHIVE) if name == PACKAGED else Path(os.path.expanduser(name))


def digest(lists: Sequence[str], categories: Sequence[str]) -> str:
    """A hash of what the lists hold and of which categories are wanted of them."""
    whole = hashlib.sha256(MAGIC + json.dumps(list(categories)).encode())
    for name in lists:
        path = list_path(name)
        files = sorted(_files(path)) if path.is_dir() else [path]
        for file in files:
            called = PACKAGED if name == PACKAGED else os.path.relpath(file, path.parent)
            try:
                with open(file, "rb") as opened:
                    contents = hashlib.file_digest(opened, "sha256").digest()
            except OSError as fault:
                raise _unreadable(file, fault) from fault
            whole.update(os.fsencode(called) + b"\0" + contents)
    return whole.hexdigest()


def load(lists: Sequence[str], categories: Sequence[str] = ()) -> UrlLists:
    """The lists, compiled now if nobody did before, mapped into memory read-only.

    `categories`: which to take; none: all. PlanError for a list that cannot be read or says nothing.
    """
    name = _name(lists, categories)
    for folder in _cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder / f"{name}.lock"):
                found = _mapped(folder / name)
                if found is None:
                    for left in folder.glob(f"{name}?*"):  # by a process that was killed
                        if left.suffix != ".lock":
                            left.unlink()
                    _write(folder / name, _compiled(lists, categories, name))
                    found = _mapped(folder / name)
        except OSError:
            continue
        if found is not None:
            return found
    return _compiled(lists, categories, name)


def _name(lists: Sequence[str], categories: Sequence[str]) -> str:
    return f"{digest(lists, categories)[:32]}.hashes"


def _compiled(lists: Sequence[str], categories: Sequence[str], name: str) -> UrlLists:
    """The lists that go under this name: one that is written just now would be kept under that of another."""
    found = _compile(lists, categories)
    if _name(lists, categories) != name:
        raise PlanError(f"stage blocklist: {', '.join(lists)} changed while being read; start again")
    return found


def _unreadable(path: Path, fault: Exception) -> PlanError:
    return PlanError(
        f"stage blocklist: {path} cannot be read: {fault}; is it damaged, or was it not loaded to its end?"
    )


def _cache_folders() -> Iterator[Path]:
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "winnow" / "url_lists"
    try:
        with tempfile.TemporaryDirectory(prefix="winnow-url-lists-", ignore_cleanup_errors=True) as own:
            yield Path(own)  # what is mapped stays mapped
    except OSError:
        return  # no room for temporary files: the lists stay in this process


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process of this machine is here; the system lets go of one that dies."""
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, lists: UrlLists) -> None:
    arrays = [
        np.ascontiguousarray(getattr(lookup, name))
        for lookup in (lists.domains, lists.urls)
        for name in ("keys", "values", "index")
    ]
    about = {"categories": lists.categories, "sizes": [len(array) for array in arrays]}
    head = MAGIC + json.dumps(about).encode() + b"\n"
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        try:
            file.write(head)
            for array in arrays:
                file.write(bytes(-file.tell() % 64))
                file.write(array.tobytes())
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _mapped(path: Path) -> UrlLists | None:
    """The compiled lists; None where they are not there, or not whole."""
    try:
        with open(path, "rb") as file:
            if file.readline() != MAGIC:
                return None
            about = json.loads(file.readline())
            at = file.tell()
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    arrays = []
    for size, kind in zip(about["sizes"], (np.uint64, np.uint8, np.uint32) * 2, strict=True):
        at += -at % 64
        if at + size * np.dtype(kind).itemsize > len(whole):
            return None
        arrays.append(np.frombuffer(whole, kind, size, at))
        at += arrays[-1].nbytes
    return UrlLists(tuple(about["categories"]), Lookup(*arrays[:3]), Lookup(*arrays[3:]))


def _compile(lists: Sequence[str], categories: Sequence[str]) -> UrlLists:
    names = list(categories)
    found: dict[str, list[tuple[np.ndarray, int]]] = {kind: [] for kind in KINDS}
    for name in lists:
        usable = False
        for part in _parts(name):
            if categories and part.category not in categories:
                continue
            if part.category not in names:
                names.append(part.category)
            number = names.index(part.category)
            try:
                for kind, hashes in _hashes(part, list_path(name)):
                    usable |= len(hashes) > 0
                    found[kind].append((hashes, number))
            except UNREADABLE as fault:
                raise _unreadable(list_path(name), fault) from fault
        if not usable:
            of = f" in categories {', '.join(categories)}" if categories else ""
            raise PlanError(
                f"stage blocklist: no domain or URL found{of} in {list_path(name)}; expected a folder or tar "
                "of CATEGORY/domains and CATEGORY/urls, or a text file with one a line"
            )
    if len(names) > MOST:
        raise PlanError(
            f"stage blocklist: {len(names)} categories; expected at most {MOST}: name those wanted"
        )
    domains, urls = (_lookup(found[kind]) for kind in KINDS)
    return UrlLists(tuple(names), domains, urls)


def _lookup(found: list[tuple[np.ndarray, int]]) -> Lookup:
    ordered = sorted(found, key=lambda pair: pair[1])
    hashes = [np.zeros(0, np.uint64), *(hashes for hashes, _ in ordered)]
    values = [np.full(len(hashes), number, np.uint8) for hashes, number in ordered]
    return Lookup.of(np.concatenate(hashes), np.concatenate([np.zeros(0, np.uint8), *values]))


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder laid out as UT1 does."""
    for path in folder.rglob("*"):
        if path.name.removesuffix(".gz") in KINDS and path.is_file():
            yield path


def _parts(name: str) -> Iterator[Part]:
    path = list_path(name)
    stem = PACKAGED if name == PACKAGED else path.name.split(".")[0]
    try:
        if path.is_dir():
            for file in sorted(_files(path)):
                with _opened(file) as lines:
                    yield Part(file.parent.name, file.name.removesuffix(".gz"), lines)
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                for member in archive:
                    category, _, kind = f"{stem}/{member.name}".rpartition("/")
                    if member.isfile() and kind in KINDS:
                        inside = archive.extractfile(member)
                        assert inside is not None
                        yield Part(category.rpartition("/")[2].strip(".") or stem, kind, inside)
                read_to_end(archive)
        else:
            with _opened(path) as lines:
                yield Part(stem, "", lines)
    except UNREADABLE as fault:
        raise _unreadable(path, fault) from fault


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return io.BufferedReader(gzip.open(path)) if zipped else open(path, "rb")


def _hashes(part: Part, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Hashes of the entries of a part, by kind."""
    rest = b""
    first = True
    while True:
        block = part.lines.read(BLOCK)
        if b"\0" in block:
            raise PlanError(
                f"stage blocklist: {path}: the list {part.category} holds NUL bytes, as UTF-16 and files "
                "that are no text do; expected UTF-8 text, plain or .gz"
            )
        if first:
            block, first = block.removeprefix(codecs.BOM_UTF8), False
        whole = rest + block
        cut = whole.rfind(b"\n") + 1 if block else len(whole)
        rest = whole[cut:]
        data, offsets = _entries(np.frombuffer(whole, np.uint8)[:cut])
        entries = Strings(data, offsets)
        found = hosts(entries)
        written = np.diff(found.names.offsets) > 0
        pages = page_hashes(entries, found)
        roots = page_hashes(found.names, hosts(found.names))
        is_url = {"domains": np.zeros(len(pages), np.bool_), "urls": np.ones(len(pages), np.bool_)}.get(
            part.kind, pages != roots
        )
        yield "domains", backward_hashes(found.names)[written & ~is_url]
        yield "urls", pages[written & is_url]
        if not block:
            return


@kernel
def _is_address(data: Bytes, start: int, end: int) -> bool:
    """Digits, a to f, dots and colons, with a dot or a colon: what a line of a hosts file starts with."""
    apart = False
    for at in range(start, end):
        byte = data[at]
        if byte == 0x2E or byte == 0x3A:
            apart = True
        elif byte == 0x25 and apart:  # %: the name of an interface follows
            return True
        elif not (0x30 <= byte <= 0x39 or 0x61 <= (byte | 0x20) <= 0x66):
            return False
    return apart


@kernel
def _entries(data: Bytes) -> tuple[Bytes, Offsets]:
    """The entries of some lines, one behind the other: the first word of each, or all behind an address."""
    out = np.empty(len(data), np.uint8)
    cut = np.zeros(len(data) // 2 + 2, np.int64)
    count = length = at = 0
    while at < len(data):
        words = 0
        address = False
        while at < len(data) and data[at] != 0x0A:
            if data[at] <= 0x20:
                at += 1
                continue
            if data[at] == 0x23:  # a comment
                while at < len(data) and data[at] != 0x0A:
                    at += 1
                break
            start = at
            while at < len(data) and data[at] > 0x20:
                at += 1
            words += 1
            if words > 1 and not address:
                continue
            if words == 1:
                address = _is_address(data, start, at)
            elif words == 2:  # the address was not the entry
                count -= 1
                length = cut[count]
            if at - start > 2 and data[start] == 0x2A and data[start + 1] == 0x2E:  # *.
                start += 2
            for place in range(start, at):
                out[length] = data[place]
                length += 1
            count += 1
            cut[count] = length
        at += 1
    return out[:length], cut[: count + 1]
