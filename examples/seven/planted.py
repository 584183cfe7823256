"""What the makers of the sample share: reading the texts, packing, and the list of what is planted."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TEXTS = HERE / "texts"

KEPT, DROPPED, SKIPPED = "kept", "dropped", "skipped"

_MARK = re.compile(r"^-- (\S.*) --\n", re.MULTILINE)


@dataclass(frozen=True)
class Planted:
    """One document or piece of trouble.

    file      the input file, from this folder
    key       what names it there: a URL, the path in a repository, a title, a number
    kind      what was planted
    fate      kept, dropped (a rule of `examples/llama1.yaml` takes it) or skipped (no document)
    by        the rule or the reason; "" for what is kept
    holds     what its text must hold, in this order; also, what it must hold anywhere; lacks, what
              it must not hold
    facts     columns that it must have
    cleaned   what is in the text as it is read and is not in the corpus
    group     copies of one text share it: one of them is kept, any, and the others are dropped
    """

    file: str
    key: str
    kind: str
    fate: str = KEPT
    by: str = ""
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    cleaned: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Part:
    """A part of a text file: its name, what its header lines say (a key may come twice), and the rest."""

    name: str
    header: dict[str, list[str]]
    body: str

    def one(self, key: str, default: str = "") -> str:
        return self.header.get(key, [default])[0]


def parts(name: str) -> Iterator[tuple[str, str]]:
    """The parts of `texts/NAME`, each started by a line `-- name of the part --`."""
    pieces = _MARK.split((TEXTS / name).read_text(encoding="utf-8"))
    return zip(pieces[1::2], pieces[2::2], strict=True)


def headed(name: str) -> list[Part]:
    """The parts of `texts/NAME` that start with lines `key: value` and an empty line."""
    found = []
    for title, piece in parts(name):
        head, _, body = piece.partition("\n\n")
        header: dict[str, list[str]] = {}
        for line in head.strip("\n").split("\n"):
            key, value = line.split(": ", 1)
            header.setdefault(key, []).append(value)
        found.append(Part(title, header, body.rstrip("\n")))
    return found


def packed(content: bytes) -> bytes:
    """A gzip member without time, name or operating system in its header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(content) + packer.flush()
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return head + body + struct.pack("<II", zlib.crc32(content), len(content))
