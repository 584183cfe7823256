"""Repositories as they are handed out: GitHub's zip, a tar.gz, a git bundle, and rows of Parquet."""

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from git_bundle import bundle
from planted import DROPPED, KEPT, SKIPPED, Planted, packed, parts

TIDEWHEEL = "lanternworks-tidewheel-3f2a1bc"
FIELDNOTES = "fieldnotes-1.2.0"
SALTPANS = "harrow-saltpans-77c0de1"
COMMIT = "3f2a1bc5d6e7f8091a2b3c4d5e6f708192a3b4c5"
TIME = 1714723200  # 3 May 2024
STACK = "github/stack-sample.parquet"

_LICENSES = {"tidewheel": "MIT", "fieldnotes": "Apache-2.0", "seawall": "GPL-3.0-or-later", "saltpans": None}
_HEADERS = ("SPDX-License-Identifier", "Copyright (c) 2024 Lanternworks", "Permission is hereby")


def github(folder: Path) -> list[Planted]:
    repositories: dict[str, dict[str, bytes]] = {}
    for name, text in parts("github.txt"):
        repository, _, path = name.partition("/")
        repositories.setdefault(repository, {})[path] = text.rstrip("\n").encode() + b"\n" * bool(
            text.strip()
        )
    stack = repositories.pop("stack")
    wheel = repositories["tidewheel"]
    wheel.update(_made())
    # A file that two repositories share, to the byte.
    notes = repositories["fieldnotes"]
    notes["tools/smallcsv.py"] = wheel["vendor/smallcsv/smallcsv.py"]
    file = f"github/{TIDEWHEEL}.zip"
    (folder / file).write_bytes(_zip(TIDEWHEEL, wheel))
    planted = [_planted(file, path, "tidewheel") for path in wheel]
    file = f"github/{SALTPANS}.zip"
    (folder / file).write_bytes(_zip(SALTPANS, repositories["saltpans"]))
    planted += [_planted(file, path, "saltpans") for path in repositories["saltpans"]]
    file = f"github/{FIELDNOTES}.tar.gz"
    (folder / file).write_bytes(_tar(FIELDNOTES, notes))
    planted += [_planted(file, path, "fieldnotes") for path in notes]
    planted.append(Planted(file, "latest", "link", SKIPPED, "link"))
    planted.append(Planted(file, "outside.sh", "unsafe_name", facts={"license": "Apache-2.0"}))
    file = "github/seawall.bundle"
    wall = repositories["seawall"]
    (folder / file).write_bytes(bundle(wall, _younger(wall), {"draft/idea.md": b"# An idea\n\nLater.\n"}))
    planted += [_planted(file, path, "seawall") for path in wall]
    return planted + _stack(folder, stack, wheel["tidewheel/pond.py"])


def _made() -> dict[str, bytes]:
    """Files that are not written by hand."""
    script = ";".join(f"function f{n}(a,b){{return a*{n}+b/{n + 1}}}" for n in range(1, 60))
    heights = "".join(f"{1900 + n},{2.4 + (n * 37 % 100) / 100:.2f}\n" for n in range(90))
    locked = "".join(
        f'    "node_modules/part-{n}": {{"version": "1.{n}.0", "integrity": "sha512-{n * 7919:064x}"}},\n'
        for n in range(12)
    )
    lock = f'{{\n  "name": "tidewheel",\n  "lockfileVersion": 3,\n  "packages": {{\n{locked[:-2]}\n  }}\n}}\n'
    pixels = zlib.compress(bytes(range(256)) * 4, 9)
    latin = (
        "# Die Höhe des Wassers über der Schwelle, größer als null.\n"
        "schwelle = 0.4\nhöhe = 2.1 - schwelle\n"
        'print("Höhe: %.1f m" % höhe)\n'
    )
    return {
        "static/app.min.js": script.encode(),
        "data/heights.csv": b"year,height\n" + heights.encode(),
        "package-lock.json": lock.encode(),
        "docs/wheel.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00 \x00\x00\x00 \x08\x00" + pixels,
        "tools/schwelle.rb": b"# encoding: iso-8859-1\n" + latin.encode("latin-1"),
    }


_KINDS = {
    "tidewheel/__init__.py": "empty",
    "vendor/smallcsv/smallcsv.py": "vendored",
    "node_modules/left/index.js": "vendored",
    "tidewheel/gate_pb2.py": "generated",
    "package-lock.json": "generated",
    "static/app.min.js": "minified",
    "data/heights.csv": "data",
    "docs/wheel.png": "binary",
    "tools/schwelle.rb": "latin_1",
    "tools/smallcsv.py": "exact_duplicate",
}
_FATES = {"empty": "code_alphanumeric", "minified": "code_longest_line", "binary": "github_binary"}
_GROUPS = {
    "vendor/smallcsv/smallcsv.py": "smallcsv",
    "tools/smallcsv.py": "smallcsv",
    "tidewheel/pond.py": "pond",
    "lib/pond.py": "pond",
}
_LANGUAGES = {
    ".py": "Python",
    ".c": "C",
    ".ts": "TypeScript",
    ".go": "Go",
    ".rs": "Rust",
    ".rb": "Ruby",
    ".md": "Markdown",
}


def _planted(file: str, path: str, repository: str) -> Planted:
    kind = _KINDS.get(path, "file")
    license = _LICENSES[repository]
    if path == "tools/plot.py":  # its own header counts
        license, kind = "MIT", "licence_of_its_own"
    facts: dict[str, object] = {"license": license}
    ending = Path(path).suffix
    if kind != "binary" and ending in _LANGUAGES:
        facts["github_language"] = _LANGUAGES[ending]
    by = _FATES.get(kind, "")
    if not by and license not in ("MIT", "Apache-2.0"):
        by, kind = "github_license", "copyleft" if license else "no_licence"
    fate = DROPPED if by else KEPT
    holds = ("Höhe",) if kind == "latin_1" else ()
    cleaned = () if by or path == "LICENSE" else _HEADERS
    group = _GROUPS.get(path, "")
    return Planted(file, path, kind, fate, by, holds, (), facts, (), cleaned, group)


def _zip(top: str, files: dict[str, bytes]) -> bytes:
    """As GitHub makes it: all in one folder, the commit as the comment of the archive."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = COMMIT.encode()
        archive.writestr(zipfile.ZipInfo(f"{top}/", (2024, 5, 3, 8, 0, 0)), b"")
        for path, data in sorted(files.items()):
            about = zipfile.ZipInfo(f"{top}/{path}", (2024, 5, 3, 8, 0, 0))
            about.compress_type, about.external_attr, about.create_system = (
                zipfile.ZIP_DEFLATED,
                0o644 << 16,
                3,
            )
            archive.writestr(about, data)
    return sink.getvalue()


def _tar(top: str, files: dict[str, bytes]) -> bytes:
    """A source release, with a link and a member that would like to be written elsewhere."""
    sink = io.BytesIO()
    head = {"comment": COMMIT}  # where `git archive` tells the commit
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, pax_headers=head) as archive:
        for path, data in sorted(files.items()):
            archive.addfile(_member(f"{top}/{path}", len(data)), io.BytesIO(data))
        link = _member(f"{top}/latest", 0)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        evil = b"#!/bin/sh\necho outside\n"
        archive.addfile(_member(f"{top}/../../outside.sh", len(evil)), io.BytesIO(evil))
    return packed(sink.getvalue())


def _member(name: str, size: int) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.size, about.mtime, about.mode = size, TIME, 0o644
    return about


def _younger(files: dict[str, bytes]) -> dict[str, bytes]:
    """The first commit: without some files, and others shorter."""
    library = files["src/lib.rs"]
    return {"README.md": b"# seawall\n", "src/lib.rs": library[: library.index(b"/// The height that")]}


def _stack(folder: Path, files: dict[str, bytes], shared: bytes) -> list[Planted]:
    """Parquet with the columns of The Stack; one row is a file of the zip as well."""
    licenses = {"kitelab": ["MIT"], "brinehouse": ["GPL-3.0-only"], "nobody": []}
    rows = []
    for name, data in files.items():
        repository, _, path = name.partition("/")
        rows.append((f"harrow/{repository}", path, licenses[repository], data.decode()))
    rows.append(("thorne/copies", "lib/pond.py", ["Apache-2.0"], shared.decode()))
    languages = {".py": "Python", ".java": "Java", ".rb": "Ruby", ".lua": "Lua"}
    table = pa.table(
        {
            "max_stars_repo_name": [row[0] for row in rows],
            "max_stars_repo_path": [row[1] for row in rows],
            "max_stars_repo_licenses": pa.array([row[2] for row in rows], pa.list_(pa.string())),
            "lang": [languages[Path(row[1]).suffix] for row in rows],
            "ext": [Path(row[1]).suffix[1:] for row in rows],
            "size": [len(row[3].encode()) for row in rows],
            "content": [row[3] for row in rows],
        }
    )
    pq.write_table(table, folder / STACK, row_group_size=2, compression="zstd")
    planted = []
    for repository, path, license, _ in rows:
        by = "" if license in (["MIT"], ["Apache-2.0"]) else "github_license"
        kind = "row" if not by else "copyleft" if license else "no_licence"
        if path == "lib/pond.py":
            kind = "exact_duplicate"
        facts: dict[str, object] = {"license": license[0] if license else None}
        facts["github_language"] = languages[Path(path).suffix]
        fate = DROPPED if by else KEPT
        group = _GROUPS.get(path, "")
        planted.append(Planted(STACK, f"{repository}/{path}", kind, fate, by, (), (), facts, group=group))
    return planted
