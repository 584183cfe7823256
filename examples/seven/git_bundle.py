"""A git bundle of two branches, written object by object: git's own depend on its version."""

import hashlib
import struct
import zlib

_KINDS = {"commit": 1, "tree": 2, "blob": 3}
_AUTHOR = "Abel Harrow <harrow@saltby.example>"
_DELTA = 6  # against the object that starts so many bytes before


def bundle(files: dict[str, bytes], first: dict[str, bytes], draft: dict[str, bytes]) -> bytes:
    """Branch `main` with `files`, its first commit with those of `first`; branch `draft` with more.

    The current version of a file that was in the first commit is stored as its difference from that.
    """
    pack = _Pack()
    one = pack.commit(first, "", "Begin", 1709280000)
    two = pack.commit(files, one, "Fit the curve", 1709884800)
    three = pack.commit({**files, **draft}, two, "An idea", 1709971200)
    heads = f"# v2 git bundle\n{two} HEAD\n{two} refs/heads/main\n{three} refs/heads/draft\n\n"
    return heads.encode() + pack.data()


class _Pack:
    def __init__(self) -> None:
        self._body = bytearray()
        self._places: dict[str, int] = {}  # where in `_body` which object starts
        self._versions: dict[str, tuple[int, bytes]] = {}  # path -> the version stored last

    def commit(self, files: dict[str, bytes], parent: str, message: str, seconds: int) -> str:
        names = {path: self._file(path, data) for path, data in sorted(files.items())}
        tree = self._tree(names)
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
        lines += [f"{role} {_AUTHOR} {seconds} +0000" for role in ("author", "committer")]
        return self._add("commit", ("\n".join(lines) + f"\n\n{message}\n").encode())

    def data(self) -> bytes:
        whole = b"PACK" + struct.pack(">II", 2, len(self._places)) + bytes(self._body)
        return whole + hashlib.sha1(whole).digest()

    def _tree(self, names: dict[str, str]) -> str:
        """The tree of these paths; folders are sorted as if their names ended in a slash."""
        entries: dict[str, tuple[str, str]] = {}
        folders: dict[str, dict[str, str]] = {}
        for path, name in names.items():
            folder, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(folder, {})[rest] = name
            else:
                entries[path] = ("100644", name)
        entries |= {f"{folder}/": ("40000", self._tree(inside)) for folder, inside in folders.items()}
        rows = (
            f"{mode} {entry.rstrip('/')}\0".encode() + bytes.fromhex(name)
            for entry, (mode, name) in sorted(entries.items())
        )
        return self._add("tree", b"".join(rows))

    def _file(self, path: str, data: bytes) -> str:
        name = _name("blob", data)
        if name in self._places:
            return name
        older = self._versions.get(path)
        self._versions[path] = (len(self._body), data)
        if older is None:
            return self._add("blob", data)
        place, base = older
        self._places[name] = len(self._body)
        change = _difference(base, data)
        self._body += _head(_DELTA, len(change)) + _distance(len(self._body) - place) + zlib.compress(change)
        return name

    def _add(self, kind: str, data: bytes) -> str:
        name = _name(kind, data)
        if name not in self._places:
            self._places[name] = len(self._body)
            self._body += _head(_KINDS[kind], len(data)) + zlib.compress(data)
        return name


def _name(kind: str, data: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def _head(kind: int, size: int) -> bytes:
    """Kind and size: four bits of the size in the first byte, seven in each that follows."""
    rest = size >> 4
    head = bytearray([kind << 4 | size & 15 | (0x80 if rest else 0)])
    while rest:
        head.append(rest & 0x7F | (0x80 if rest >> 7 else 0))
        rest >>= 7
    return bytes(head)


def _distance(value: int) -> bytes:
    """How far back the base of a difference starts, highest bits first."""
    found = [value & 0x7F]
    while value := value >> 7:
        value -= 1
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def _size(value: int) -> bytes:
    found = bytearray()
    while value >> 7:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _difference(base: bytes, data: bytes) -> bytes:
    """What `base` and `data` start with in common is copied, the rest is written out."""
    same = 0
    while same < min(len(base), len(data), 0xFFFF) and base[same] == data[same]:
        same += 1
    change = bytearray(_size(len(base)) + _size(len(data)))
    if same:
        change += b"\xb0" + struct.pack("<H", same)  # copy from 0, a length of two bytes
    for at in range(same, len(data), 127):
        piece = data[at : at + 127]
        change += bytes([len(piece)]) + piece
    return bytes(change)
