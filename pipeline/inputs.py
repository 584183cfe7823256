"""From the `paths` of a source to its input files: globs, local or remote, in a stable order."""

import glob
import hashlib
import os
import re
import sysconfig
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from pipeline import store
from pipeline.errors import SourceError

SITE_PACKAGES = "{site-packages}"

_MAGIC = re.compile(r"[*?\[]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class InputFile:
    """A file that a pattern matched.

    logical   its path below the fixed part of the pattern, `/`-separated: what ids are made from
    version   what the store says of the file's state: modification time or entity tag
    """

    path: str
    logical: str
    size: int
    version: str


def expand(patterns: list[str] | tuple[str, ...], folders: bool = False) -> tuple[InputFile, ...]:
    """The files of all patterns, each once, sorted by logical path.

    `{site-packages}` in a pattern is the folder of packages of the running Python environment.
    A pattern that matches nothing is a `SourceError` that says what there is instead.

    folders   a local folder that a pattern matches is an input too (of size 0, without a version),
              and what matches within it belongs to it
    """
    found: dict[str, tuple[str, InputFile]] = {}
    for given in patterns:
        pattern = given.replace(SITE_PACKAGES, sysconfig.get_path("purelib"))
        matches = _local(pattern, folders) if store.is_local(pattern) else _remote(pattern)
        if not matches:
            raise SourceError(_nothing(pattern))
        base = _fixed_part(pattern)
        for match in matches:
            _check_name(match.path)
            found.setdefault(match.path, (base, match))
    if folders:
        found = {path: each for path, each in found.items() if not _is_within(path, found)}
    return tuple(sorted(_distinct(list(found.values())), key=lambda file: (file.logical, file.path)))


def _check_name(path: str) -> None:
    """SourceError where a file's name cannot be written into the documents' `origin`."""
    try:
        path.encode()
    except UnicodeEncodeError as fault:
        told = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise SourceError(f"{told}: the file's name is not UTF-8; rename it") from fault


def _distinct(found: list[tuple[str, InputFile]]) -> list[InputFile]:
    """Lengthens logical paths that two patterns share by the folders above, until they differ."""
    files = []
    taken: dict[str, int] = {}
    for _, file in found:
        taken[file.logical] = taken.get(file.logical, 0) + 1
    for base, file in found:
        logical = file.logical
        if taken[logical] > 1:
            logical = f"{base.rstrip('/')}/{logical}"
        files.append(InputFile(file.path, logical, file.size, file.version))
    return files


def _is_within(path: str, found: Container[str]) -> bool:
    """Whether a folder above `path` was found too."""
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        if path in found:
            return True
    return False


def _fixed_part(pattern: str) -> str:
    """The folder of the pattern above its first wildcard."""
    magic = _MAGIC.search(pattern)
    fixed = pattern if magic is None else pattern[: magic.start()]
    return fixed.rsplit("/", 1)[0] if "/" in fixed else ""


def _below(path: str, base: str) -> str:
    return path[len(base) :].lstrip("/") if base and path.startswith(base) else path.lstrip("/")


def _local(pattern: str, folders: bool) -> list[InputFile]:
    pattern = os.path.expanduser(pattern.removeprefix("file://"))
    if folders and not _MAGIC.search(pattern):
        pattern = pattern.rstrip("/") or pattern
    base = _fixed_part(pattern)
    # A file whose name holds wildcards is meant literally where it exists.
    paths = [pattern] if os.path.exists(pattern) else glob.glob(pattern, recursive=True)
    files = []
    for path in paths:
        if os.path.isfile(path):
            status = os.stat(path)
            logical = _below(path, base).replace(os.sep, "/")
            files.append(InputFile(path, logical, status.st_size, str(status.st_mtime_ns)))
        elif folders and os.path.isdir(path):
            path = path.rstrip("/") or path
            logical = _below(path, base).replace(os.sep, "/")
            files.append(InputFile(path, logical or os.path.basename(os.path.abspath(path)), 0, ""))
    return files


def _remote(pattern: str) -> list[InputFile]:
    protocol = store.protocol_of(pattern)
    system, inside = store.file_system(pattern)
    wildcard = _MAGIC.search(inside) and protocol not in ("http", "https")
    try:
        paths = system.glob(inside) if wildcard else [inside]
        files = []
        for path in sorted(paths):
            about = system.info(path)
            if about.get("type") == "directory":
                continue
            full = path if "://" in path else f"{protocol}://{path}"
            logical = _below(path, _fixed_part(inside))
            files.append(InputFile(full, logical, int(about.get("size") or 0), _version(about)))
        return files
    except FileNotFoundError:
        return []
    except Exception as fault:  # whatever library stands behind the store: these calls only look
        raise SourceError(f"{pattern}: cannot be listed: {fault}") from fault


def _version(about: dict[str, object]) -> str:
    for key in ("ETag", "etag", "LastModified", "last_modified", "Last-Modified", "mtime", "commit"):
        value = about.get(key)
        if value:
            return value.isoformat() if isinstance(value, datetime) else str(value)
    return ""


def _nothing(pattern: str) -> str:
    """Says why a pattern matched nothing, as far as the folder tells."""
    message = f"no file matches {pattern!r}"
    if not store.is_local(pattern):
        return f"{message}; check the address and the credentials"
    pattern = os.path.expanduser(pattern.removeprefix("file://"))
    if os.path.isdir(pattern):
        return f"{pattern} is a folder; name the files in it, as in '{pattern.rstrip('/')}/*'"
    if os.path.lexists(pattern):
        return f"{pattern} is not a file" + (" but a link to what is gone" * os.path.islink(pattern))
    folder = _fixed_part(pattern) or "."
    while folder and not os.path.isdir(folder):
        folder = folder.rsplit("/", 1)[0] if "/" in folder else "."
    names = sorted(os.listdir(folder))[:5]
    there = ", ".join(names) if names else "nothing"
    where = "the current folder" if folder == "." else folder
    return f"{message} (relative paths start at the current folder); {where} holds {there}"


def unit_name(source: str, logical: str, part: tuple[int, int] | None = None) -> str:
    """A name for a unit: safe as a file name, the same on every start, unique in the run."""
    digest = hashlib.blake2b(f"{source}\0{logical}".encode(), digest_size=4).hexdigest()
    readable = _UNSAFE.sub("-", logical.rsplit("/", 1)[-1]).strip("-.")[:80]
    span = "" if part is None else f"-{part[0]:05d}-{part[1]:05d}"
    return f"{source}-{readable}-{digest}{span}"
