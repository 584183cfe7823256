"""From the bytes of an e-print to the text files of a paper, in memory.

An e-print is a gzip-packed tar of the paper's files, a gzip-packed single file, or a PDF; older and
self-made ones are zip files, PostScript, HTML, or an archive within the archive.
"""

import io
import re
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pipeline.sources import archives
from pipeline.sources.latex import eprint

Format = Literal["latex", "tex", "pdf", "html", "ps", "none"]

_HTML = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|\?xml)", re.IGNORECASE | re.DOTALL
)
_WITHDRAWN = re.compile(rb"\s*%auto-ignore")
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LONGEST = 8 << 20  # bytes of a text file: a longer one is a table of data
_DEPTH = 2  # archives within archives


@dataclass
class Contents:
    """What an e-print holds.

    files    text files by path; `format` is what the paper is given as
    faults   why files of it were left out, counted
    """

    format: Format
    files: dict[str, bytes] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)


def contents(data: bytes, max_bytes: int, name: str = "") -> Contents:
    """The files of an e-print; `max_bytes` bounds what it unpacks to, all together.

    Raises TooLargeError and DamagedError of `archives` where the e-print itself is packed and cannot
    be unpacked.
    """
    plain = archives.unpacked(data, max_bytes)
    faults: Counter[str] = Counter()
    if archives.is_zip(plain[:8]) or _is_tar(plain):
        files: dict[str, bytes] = {}
        others = _collect(plain, max_bytes, files, faults, 0)
        if any(path.lower().endswith(eprint.TEX_SUFFIXES) for path in files):
            return Contents("latex", files, faults)
        if any(eprint.looks_like_tex(eprint.decoded(text)) for text in files.values()):
            return Contents("latex", files, faults)
        return Contents(others, {}, faults)
    kind = _single(plain)
    if kind != "latex":
        return Contents(kind)
    return Contents("latex", {name or "paper.tex": plain})


def _single(data: bytes) -> Format:
    """What a file by itself is."""
    head = data[:4096]
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith((b"%!PS", b"\x04%!PS", b"\xc5\xd0\xd3\xc6")):
        return "ps"
    if _HTML.match(head):
        return "html"
    if not data.strip() or b"\0" in head or _WITHDRAWN.match(head) or len(data) > LONGEST:
        return "none"
    return "latex"


def _is_tar(data: bytes) -> bool:
    if len(data) < tarfile.BLOCKSIZE:
        return False
    try:
        tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except tarfile.HeaderError:
        return False
    return True


def _collect(
    data: bytes, max_bytes: int, files: dict[str, bytes], faults: Counter[str], depth: int
) -> Format:
    """Adds the text files of an archive to `files`; what else it holds, where it is the paper."""
    others: set[str] = set()
    inner: list[bytes] = []
    left = max_bytes

    def wanted(name: str, size: int) -> bool:
        lower = name.lower()
        if size > left:
            return False
        if lower.endswith(_ARCHIVES):
            return True
        is_text = lower.endswith(eprint.TEXT_SUFFIXES) or "." not in lower.rsplit("/", 1)[-1]
        return is_text and size <= LONGEST

    for member in archives.members(io.BytesIO(data), max_bytes, wanted):
        if member.fault:
            if member.fault not in ("link", "special"):
                faults[f"file_{member.fault}"] += 1
            continue
        path = archives.plain_path(member.name)
        lower = path.lower()
        left -= len(member.data)
        others.add(lower.rsplit(".", 1)[-1])
        if member.size and not member.data:
            continue  # not wanted
        if lower.endswith(_ARCHIVES):
            inner.append(member.data)
        elif path and b"\0" not in member.data[:1024]:
            files.setdefault(path, member.data)
    if inner and depth < _DEPTH and not any(path.lower().endswith(eprint.TEX_SUFFIXES) for path in files):
        for packed in inner:
            try:
                plain = archives.unpacked(packed, max(0, left))
            except archives.TooLargeError:
                faults["file_too_large"] += 1
                continue
            except archives.DamagedError as fault:
                faults[f"file_{fault.reason}"] += 1
                continue
            if archives.is_zip(plain[:8]) or _is_tar(plain):
                _collect(plain, max(0, left), files, faults, depth + 1)
    if "pdf" in others:
        return "pdf"
    if others & {"html", "htm"}:
        return "html"
    return "ps" if others & {"ps", "eps"} else "none"
