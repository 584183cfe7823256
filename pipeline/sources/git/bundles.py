"""Git bundles and repositories without git: the tree of the default branch, no checkout.

A bundle is a list of branches and a packfile without index, so all of its objects are gone through
once. A repository on disk has indexes: only the objects of the tree are read. Objects that are lost
cost the files that they hold.

The default branch is what HEAD says, else main, else master, else the branch with the newest commit.
"""

import contextlib
import mmap
import os
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from pipeline.sources.archives.member import BOMB, LINK, TOO_LARGE, decoded, moment
from pipeline.sources.git.deltas import LostError, TooLongError
from pipeline.sources.git.packs import Buffer, Pack, named
from pipeline.sources.streams import CORRUPT

SUBMODULE = "submodule"

_SIGNATURES = {b"# v2 git bundle\n": 2, b"# v3 git bundle\n": 3}
_COMMIT, _TREE, _BLOB, _TAG = 1, 2, 3, 4
_MOST = 64 << 20  # bytes of a commit, tag or tree
_DEEPEST = 1000  # folders
_MOST_FILES = 1_000_000  # files and folders; more, and over _SAME for each object, are a bomb
_SAME = 100
_PREFERRED = ("HEAD", "refs/heads/main", "refs/heads/master", "refs/remotes/origin/HEAD")
_WHEN = re.compile(rb"^committer [^\n]*> (\d+) [+-]\d{4}$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A file of the tree. `fault`: `link`, `submodule`, `corrupt` (a folder that is lost) or `bomb`."""

    path: str
    name: bytes
    fault: str = ""


class Repository:
    """A repository's objects. `head`: the commit that is read, the default branch's; "" where none can
    be. `is_damaged`: the default branch's commit is lost, so it is another's."""

    def __init__(
        self, packs: Sequence[Pack], loose: Sequence[str], refs: Mapping[str, bytes], long: int
    ) -> None:
        self._packs = packs
        self._loose = loose
        self._long = long
        self.is_damaged = False
        self.head, self.date, self._tree = self._newest(refs)

    def entries(self) -> Iterator[Entry]:
        """The files of the tree, folder by folder, in git's order."""
        if not self.head:
            return
        distinct: set[bytes] = set()
        count = 0
        # Deepest folder last: its remaining entries.
        stack = [iter(self._folder(b"", self._tree))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                continue
            mode, path, name = entry
            kind = mode & 0o170000
            count += 1
            distinct.add(name)
            if count > _MOST_FILES and count > _SAME * len(distinct):
                yield Entry(decoded(path), name, BOMB)
                return
            if kind == 0o040000 and len(stack) < _DEEPEST:
                stack.append(iter(self._folder(path, name)))
                continue
            fault = {0o120000: LINK, 0o160000: SUBMODULE, 0o100000: ""}.get(kind, CORRUPT)
            yield Entry(decoded(path), name, fault)

    def data(self, name: bytes, most: int) -> tuple[bytes, int, str]:
        """A file's bytes, how many it has, and its fault: `too_large`, or `corrupt` where it is lost."""
        try:
            kind, data = self._read(name, most)
        except TooLongError as long:
            return b"", long.size, TOO_LARGE
        except LostError:
            return b"", 0, CORRUPT
        return (data, len(data), "") if kind == _BLOB else (b"", 0, CORRUPT)

    def _folder(self, path: bytes, name: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Mode, path and object of each entry of a tree; one of mode 0 where the rest of it is lost."""
        try:
            kind, data = self._read(name, _MOST)
        except (LostError, TooLongError):
            kind, data = 0, b""
        if kind != _TREE:
            yield 0, path, name
            return
        at = 0
        while at < len(data):
            space, end = data.find(b" ", at), data.find(b"\0", at)
            if space < 0 or end < space or end + self._long >= len(data) + 1 or not data[at:space].isdigit():
                yield 0, path, name
                return
            below = data[space + 1 : end]
            yield (
                int(data[at:space][:8], 8),
                path + b"/" + below if path else below,
                data[end + 1 : end + 1 + self._long],
            )
            at = end + 1 + self._long

    def _read(self, name: bytes, most: int) -> tuple[int, bytes]:
        """Kind and bytes of an object, wherever it is; tries all places before it is lost."""
        for pack in self._packs:
            place = pack.find(name)
            if place is not None:
                with contextlib.suppress(LostError):
                    kind, data = pack.read(place, most)
                    if named(kind, data, self._long) == name:
                        return kind, data
        text = name.hex()
        for folder in self._loose:
            with contextlib.suppress(LostError, FileNotFoundError):
                kind, data = _loose(os.path.join(folder, text[:2], text[2:]), most)
                if named(kind, data, self._long) == name:
                    return kind, data
        raise LostError(text)

    def _newest(self, refs: Mapping[str, bytes]) -> tuple[str, datetime | None, bytes]:
        """Commit, date and tree of the default branch; of another where that cannot be read."""
        for ref in _PREFERRED:
            if ref in refs:
                if (found := self._commit(refs[ref])) is not None:
                    return found
                self.is_damaged = True
        others = [self._commit(name) for ref, name in sorted(refs.items()) if ref not in _PREFERRED]
        known = [each for each in others if each is not None]
        return max(known, key=lambda each: each[1] or datetime.min, default=("", None, b""))

    def _commit(self, name: bytes) -> tuple[str, datetime | None, bytes] | None:
        """The commit, through tags, whose tree can be read; None where there is none."""
        try:
            for _ in range(10):
                kind, data = self._read(name, _MOST)
                first, _, digits = data.split(b"\n", 1)[0].partition(b" ")
                below = bytes.fromhex(digits.decode("ascii", "replace"))
                if kind == _COMMIT and first == b"tree" and self._read(below, _MOST)[0] == _TREE:
                    when = _WHEN.search(data.split(b"\n\n", 1)[0])
                    return name.hex(), moment(int(when[1][:18])) if when else None, below
                if kind != _TAG or first != b"object":
                    return None
                name = below
        except (LostError, TooLongError, ValueError):
            return None
        return None


def _loose(path: str, most: int) -> tuple[int, bytes]:
    """An object in a file of its own: `KIND LENGTH\\0` and its bytes, packed."""
    unpacker = zlib.decompressobj()
    with open(path, "rb") as file:
        try:
            data = unpacker.decompress(file.read(4096), 64)
            head, _, begun = data.partition(b"\0")
            kind, _, digits = head.partition(b" ")
            number = {b"commit": _COMMIT, b"tree": _TREE, b"blob": _BLOB, b"tag": _TAG}.get(kind)
            if number is None or not digits.isdigit() or len(digits) > 18:
                raise LostError(path)
            size = int(digits)
            if size > most:
                raise TooLongError(size)
            data = begun + unpacker.decompress(unpacker.unconsumed_tail + file.read(size + size // 512 + 64))
        except zlib.error as fault:
            raise LostError(path) from fault
    if len(data) != size:
        raise LostError(path)
    return number, data


def is_bundle(head: bytes) -> bool:
    """Whether a file with these first bytes is a git bundle."""
    return head[:16] in _SIGNATURES


@contextlib.contextmanager
def bundle(file: BinaryIO) -> Iterator[Repository | None]:
    """The repository in a bundle; None where its head or its pack is damaged beyond use."""
    with contextlib.ExitStack() as stack:
        data = _mapped(file, stack)
        head = data[: 4 << 20].partition(b"\n\n")[0] + b"\n"
        refs: dict[str, bytes] = {}
        long = 20
        for line in head.split(b"\n")[1:]:
            if line.startswith(b"@object-format=sha256"):
                long = 32
            elif re.match(rb"[0-9a-f]{40,64} ", line):
                name, _, ref = line.partition(b" ")
                refs[ref.decode("utf-8", "replace")] = bytes.fromhex(name.decode())
        try:
            pack = Pack(data, len(head) + 1, long)
        except LostError:
            yield None
            return
        yield Repository([pack], [], refs, long)


def _mapped(file: BinaryIO, stack: contextlib.ExitStack) -> Buffer:
    """The file's bytes, without having them in memory; a copy where it is not a file on a disk."""
    try:
        place = file.fileno()
    except (OSError, AttributeError):
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115, closed by the stack
        while block := file.read(1 << 20):
            copy.write(block)
        copy.flush()
        place = copy.fileno()
    if not os.fstat(place).st_size:
        return b""
    return stack.enter_context(mmap.mmap(place, 0, access=mmap.ACCESS_READ))


def git_folder(path: str) -> str | None:
    """Where a folder's repository is: the folder itself (a bare one), its `.git`, or where that points."""
    below = os.path.join(path, ".git")
    for folder in (below, path):
        if os.path.isfile(os.path.join(folder, "HEAD")) and os.path.isdir(_common(folder, "objects")):
            return folder
    if os.path.isfile(below):
        with open(below, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read(4096)
        if text.startswith("gitdir:"):
            folder = os.path.join(path, text[7:].strip())
            if os.path.isfile(os.path.join(folder, "HEAD")):
                return folder
    return None


def _common(folder: str, below: str) -> str:
    """A path in the repository that a further working folder shares with the first."""
    text = _text(os.path.join(folder, "commondir")).strip()
    return os.path.join(folder, text, below) if text else os.path.join(folder, below)


def _text(path: str, most: int = 64 << 20) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(most)
    except OSError:
        return ""


@contextlib.contextmanager
def repository(folder: str) -> Iterator[Repository]:
    """The repository in a folder that `git_folder` found."""
    long = 32 if re.search(r"objectformat\s*=\s*sha256", _text(_common(folder, "config")), re.I) else 20
    with contextlib.ExitStack() as stack:
        places = _places(_common(folder, "objects"))
        packs = []
        for place in places:
            below = os.path.join(place, "pack")
            for name in sorted(os.listdir(below)) if os.path.isdir(below) else ():
                if name.endswith(".pack"):
                    with contextlib.suppress(LostError):
                        packs.append(_pack(os.path.join(below, name), long, stack))
        yield Repository(packs, places, references(folder), long)


def _pack(path: str, long: int, stack: contextlib.ExitStack) -> Pack:
    beside = path.removesuffix(".pack") + ".idx"
    index: Buffer | None = None
    if os.path.isfile(beside):
        with open(beside, "rb") as file:  # what is mapped stays when the file is closed
            index = _mapped(file, stack)
    with open(path, "rb") as file:
        return Pack(_mapped(file, stack), 0, long, index)


def _places(objects: str) -> list[str]:
    """The folder of objects and those that it borrows from."""
    found = [objects]
    for place in found:
        for line in _text(os.path.join(place, "info", "alternates"), 1 << 16).splitlines():
            other = os.path.join(place, line)
            if line and not line.startswith("#") and other not in found and len(found) < 10:
                found.append(other)
    return found


def references(folder: str) -> dict[str, bytes]:
    """All branches and tags, and what HEAD stands for."""
    found: dict[str, bytes] = {}
    for line in _text(_common(folder, "packed-refs")).splitlines():
        name, _, ref = line.partition(" ")
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name):
            found[ref] = bytes.fromhex(name)
    top = _common(folder, "refs")
    heads = {"HEAD": _text(os.path.join(folder, "HEAD"), 4096).strip()}
    for place, _, names in sorted(os.walk(top)):
        for name in names:
            path = os.path.join(place, name)
            ref = "refs/" + os.path.relpath(path, top).replace(os.sep, "/")
            heads[ref] = _text(path, 4096).strip()
    symbolic = {}
    for ref, text in heads.items():
        if text.startswith("ref: "):
            symbolic[ref] = text[5:].strip()
        elif re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text):
            found[ref] = bytes.fromhex(text)
    for ref, to in symbolic.items():
        if to in found:
            found[ref] = found[to]
    return found


def remote(folder: str) -> str:
    """The address on the web that a repository was cloned from, as `https://HOST/OWNER/NAME`; "" if none."""
    section = ""
    for line in _text(_common(folder, "config"), 1 << 20).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == '[remote "origin"]' and re.match(r"url\s*=", line):
            return web_address(line.partition("=")[2].strip())
    return ""


def web_address(url: str) -> str:
    """A remote's address as one of the web, without user and password; "" for a local one."""
    found = re.fullmatch(
        r"(?:(?:https?|git|ssh|git\+(?:ssh|https?))://(?:[^@/]*@)?([\w.-]+\.\w+)(?::\d+)?/|(?:[\w.-]+@)?([\w.-]+\.\w+):(?!//))"
        r"([\w./~-]+?)(?:\.git)?/*",
        url,
    )
    return f"https://{found[1] or found[2]}/{found[3]}" if found else ""
