"""Makes git's objects, packs, indexes and bundles for tests, without git."""

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
Object = tuple[str, bytes]


def name_of(kind: str, data: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).digest()


def tree(entries: Mapping[str, tuple[str, bytes]]) -> bytes:
    """A tree of name -> (mode, object)."""
    return b"".join(f"{mode} {name}\0".encode() + to for name, (mode, to) in sorted(entries.items()))


def commit(tree_name: bytes, seconds: int = 1_700_000_000) -> bytes:
    who = f"A <a@b> {seconds} +0100"
    return f"tree {tree_name.hex()}\nauthor {who}\ncommitter {who}\n\nmessage\n".encode()


def repository(files: Mapping[str, bytes], seconds: int = 1_700_000_000) -> tuple[list[Object], bytes]:
    """The objects of one commit, and its name. A path that ends in @ is a link, in ! a submodule."""
    objects: list[Object] = []

    def below(prefix: str) -> bytes:
        entries: dict[str, tuple[str, bytes]] = {}
        for path, data in files.items():
            if not path.startswith(prefix):
                continue
            first, slash, _ = path[len(prefix) :].partition("/")
            if slash:
                if first not in entries:
                    entries[first] = ("40000", below(f"{prefix}{first}/"))
            elif first.endswith("!"):
                entries[first[:-1]] = ("160000", b"\1" * 20)
            else:
                objects.append(("blob", data))
                entries[first.rstrip("@")] = (
                    "120000" if first.endswith("@") else "100644",
                    name_of("blob", data),
                )
        data = tree(entries)
        objects.append(("tree", data))
        return name_of("tree", data)

    data = commit(below(""), seconds)
    objects.append(("commit", data))
    return objects, name_of("commit", data)


def _head(kind: int, size: int) -> bytes:
    out = bytearray()
    byte, size = kind << 4 | size & 15, size >> 4
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _back(distance: int) -> bytes:
    out = [distance & 0x7F]
    while distance := distance >> 7:
        distance -= 1
        out.append(0x80 | distance & 0x7F)
    return bytes(out[::-1])


def difference(base: bytes, data: bytes) -> bytes:
    """A difference: the common start copied, the rest as it is."""
    same = next(
        (at for at, (a, b) in enumerate(zip(base, data, strict=False)) if a != b), min(len(base), len(data))
    )
    same = min(same, 0xFFFFFF)
    out = bytearray(_number(len(base)) + _number(len(data)))
    if same:
        out += b"\xf0" + struct.pack("<I", same)[:3]
    for at in range(same, len(data), 127):
        piece = data[at : at + 127]
        out += bytes([len(piece)]) + piece
    return bytes(out)


def pack(
    objects: Sequence[Object], bases: Mapping[int, int | bytes] | None = None, level: int = 6
) -> tuple[bytes, dict[bytes, int]]:
    """A packfile and the offset of each object. `bases`: object -> earlier object, or the name of one."""
    out = bytearray(b"PACK" + struct.pack(">II", 2, len(objects)))
    offsets: dict[bytes, int] = {}
    places: list[int] = []
    by_name = {name_of(kind, data): data for kind, data in objects}
    for at, (kind, data) in enumerate(objects):
        offsets[name_of(kind, data)] = len(out)
        places.append(len(out))
        base = (bases or {}).get(at)
        if base is None:
            out += _head(KINDS[kind], len(data)) + zlib.compress(data, level)
        elif isinstance(base, int):
            delta = difference(objects[base][1], data)
            out += _head(6, len(delta)) + _back(places[at] - places[base]) + zlib.compress(delta, level)
        else:
            delta = difference(by_name[base], data)
            out += _head(7, len(delta)) + base + zlib.compress(delta, level)
    return bytes(out) + hashlib.sha1(out).digest(), offsets


def index(packed: bytes, offsets: Mapping[bytes, int]) -> bytes:
    """The index of a packfile, version 2."""
    names = sorted(offsets)
    out = b"\xfftOc" + struct.pack(">I", 2)
    out += b"".join(struct.pack(">I", sum(name[0] <= byte for name in names)) for byte in range(256))
    out += b"".join(names) + b"\0" * 4 * len(names)
    out += b"".join(struct.pack(">I", offsets[name]) for name in names) + packed[-20:]
    return out + hashlib.sha1(out).digest()


def bundle(refs: Mapping[str, bytes], packed: bytes) -> bytes:
    lines = "".join(f"{name.hex()} {ref}\n" for ref, name in refs.items())
    return b"# v2 git bundle\n" + lines.encode() + b"\n" + packed


def write_bare(
    folder: Path, objects: Sequence[Object], head: str = "ref: refs/heads/main\n", loose: bool = False
) -> Path:
    """A bare repository of these objects, without branches."""
    (folder / "refs" / "heads").mkdir(parents=True)
    (folder / "HEAD").write_text(head)
    (folder / "config").write_text("[core]\n\tbare = true\n")
    (folder / "objects" / "pack").mkdir(parents=True)
    if loose:
        for kind, data in objects:
            text = name_of(kind, data).hex()
            place = folder / "objects" / text[:2] / text[2:]
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(zlib.compress(f"{kind} {len(data)}\0".encode() + data))
    else:
        packed, offsets = pack(objects)
        (folder / "objects" / "pack" / "pack-1.pack").write_bytes(packed)
        (folder / "objects" / "pack" / "pack-1.idx").write_bytes(index(packed, offsets))
    return folder
