"""The source of code: repositories in every form, tables of files, joined repositories, damage."""

import gzip
import io
import os
import random
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import store
from pipeline.config import load
from pipeline.errors import SourceError
from pipeline.plan import make_plan
from pipeline.source import Reading
from pipeline.sources import github
from pipeline.sources.code import repositories
from pipeline.sources.github import SOURCE, GithubOptions
from tests.sources.conftest import (
    CODE_FILES,
    CODE_LICENSE,
    code_units,
    read_code,
    read_code_units,
    write_files,
)


def tar(files: dict[str, bytes] = CODE_FILES, top: str = "name-main/", **headers: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", pax_headers=headers) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(top + name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def zipped(files: dict[str, bytes] = CODE_FILES, top: str = "name-main/", comment: bytes = b"") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(top + name, (2023, 11, 14, 22, 13, 20)), data)
        archive.comment = comment
    return sink.getvalue()


def test_nothing(tmp_path: Path, git: Any) -> None:
    (tmp_path / "folder").mkdir()
    git.write_bare(tmp_path / "bare.git", [])
    (tmp_path / "a.tar").write_bytes(tar({}))
    (tmp_path / "a.tgz").write_bytes(b"")
    (tmp_path / "a.zip").write_bytes(zipped({}))
    assert read_code(tmp_path / "folder", tmp_path / "a.*") == ([], {"truncated": 1})
    assert read_code(tmp_path / "bare.git") == ([], {"no_commit": 1})


def test_a_package_has_the_address_of_its_repository(tmp_path: Path) -> None:
    files = {"PKG-INFO": b"Name: a\nProject-URL: Source, https://github.com/o/n\n", "a.py": b"x = 1\n"}
    (tmp_path / "a-1.0.tar.gz").write_bytes(gzip.compress(tar(files, top="a-1.0/")))
    rows, _ = read_code(tmp_path / "a-1.0.tar.gz")
    assert {row["url"] for row in rows} == {"https://github.com/o/n"}
    # `git archive` says of which commit: then the files are where they are in the repository
    commit = "0123456789abcdef0123456789abcdef01234567"
    (tmp_path / "b.tar").write_bytes(tar(files, comment=commit))
    rows, _ = read_code(tmp_path / "b.tar")
    assert rows[1]["url"] == f"https://github.com/o/n/blob/{commit}/a.py"


def make_folder(place: Path, git: Any) -> None:
    del git
    write_files(place / "name")


def make_tar(place: Path, git: Any) -> None:
    del git
    (place / "name.tar.gz").write_bytes(gzip.compress(tar()))


def make_zip(place: Path, git: Any) -> None:
    del git
    (place / "name.zip").write_bytes(zipped())


def make_bundle(place: Path, git: Any) -> None:
    objects, head = git.repository(CODE_FILES)
    (place / "name.bundle").write_bytes(git.bundle({"HEAD": head}, git.pack(objects)[0]))


def make_bare(place: Path, git: Any) -> None:
    objects, head = git.repository(CODE_FILES)
    git.write_bare(place / "name.git", objects, head.hex())


def make_working_folder(place: Path, git: Any) -> None:
    objects, head = git.repository(CODE_FILES)
    git.write_bare(place / "name" / ".git", objects, head.hex())
    write_files(place / "name", {"node_modules/x.js": b"not committed"})


FORMS = [make_folder, make_tar, make_zip, make_bundle, make_bare, make_working_folder]


@pytest.mark.parametrize("make", FORMS)
def test_a_repository_is_the_same_in_every_form(make: Callable[..., None], tmp_path: Path, git: Any) -> None:
    make(tmp_path, git)
    rows, skipped = read_code(tmp_path / "*")
    assert skipped == {}
    found = {row["address"]: row["text"] for row in rows}
    assert found == {
        f"name/{path}": "" if path == "logo.png" else data.decode() for path, data in CODE_FILES.items()
    }
    assert {row["github_path"]: row["license"] for row in rows} == dict.fromkeys(CODE_FILES, "MIT") | {
        "src/util.py": "GPL-2.0-only"
    }


@pytest.mark.parametrize("make", FORMS)
def test_the_way_back_to_the_file(make: Callable[..., None], tmp_path: Path, git: Any) -> None:
    make(tmp_path, git)
    write_files(tmp_path / "other!", {"README": b"another"})  # in the same unit
    (unit,) = code_units(tmp_path / "*")
    rows, _ = read_code_units([unit])
    assert len(rows) == len(CODE_FILES) + 1
    reading = Reading(unit, GithubOptions(), partial(store.open_input, unit.path), Counter())
    for row in rows:
        expected = b"another" if row["github_repository"] == "other!" else CODE_FILES[row["github_path"]]
        assert github.original(reading, row) == expected


def test_a_row(tmp_path: Path) -> None:
    (tmp_path / "name.tar").write_bytes(tar({"LICENSE": CODE_LICENSE, "a.py": b"x = 1\r\n"}))
    rows, _ = read_code(tmp_path / "name.tar")
    assert rows[1] == {
        "address": "name/a.py",
        "url": None,
        "date": datetime(2023, 11, 14, 22, 13, 20),
        "license": "MIT",
        "origin": "name.tar!name-main/a.py",
        "offset": 1024,
        "title": "",
        "text": "x = 1\n",
        "github_repository": "name",
        "github_path": "a.py",
        "github_license_kind": "permissive",
        "github_repository_license": "MIT",
        "github_file_license": "",
        "github_language": "Python",
        "github_category": "programming",
        "github_bytes": 7,
        "github_binary": False,
        "github_too_large": False,
        "github_vendored": False,
        "github_generated": False,
        "github_minified": False,
        "github_data": False,
        "github_documentation": False,
        "github_test": False,
    }


def test_what_may_be_dropped_is_a_row(tmp_path: Path) -> None:
    large = b"x = 1\n" * 100
    files = {
        "a.bin": b"\0\1\2",
        "large.py": large,
        "node_modules/b.js": b"b()\n",
        "poetry.lock": b"# generated\n",
    }
    for place, data in (("x.tar", tar(files)), ("y.zip", zipped(files))):
        (tmp_path / place).write_bytes(data)
        rows, skipped = read_code(tmp_path / place, max_bytes=500)
        by_path = {row["github_path"]: row for row in rows}
        assert skipped == {}
        assert by_path["a.bin"]["github_binary"]
        assert (by_path["large.py"]["github_too_large"], by_path["large.py"]["github_bytes"]) == (True, 600)
        assert by_path["large.py"]["github_language"] == "Python"
        assert by_path["node_modules/b.js"]["github_vendored"]
        assert by_path["poetry.lock"]["github_generated"]
        assert [row["text"] for row in rows] == ["", "", "b()\n", "# generated\n"]


def test_the_licence_of_the_nearest_folder(tmp_path: Path) -> None:
    files = {
        "LICENSE": CODE_LICENSE,
        "a.py": b"",
        "vendor/x/COPYING": b"GNU General Public License v3.0 or later\n",
        "vendor/x/src/b.c": b"",
        "vendor/y/c.c": b"",
    }
    rows, _ = read_code(write_files(tmp_path / "r", files))
    kinds = {row["github_path"]: (row["license"], row["github_license_kind"]) for row in rows}
    assert kinds["a.py"] == kinds["vendor/y/c.c"] == ("MIT", "permissive")
    assert kinds["vendor/x/src/b.c"] == ("GPL-3.0-or-later", "copyleft")
    assert {row["github_repository_license"] for row in rows} == {"MIT"}
    rows, _ = read_code(write_files(tmp_path / "none", {"a.py": b"", "vendor/x/COPYING": CODE_LICENSE}))
    assert [(row["license"], row["github_license_kind"]) for row in rows] == [
        (None, "none"),
        ("MIT", "permissive"),
    ]


def test_the_licence_of_an_installed_package(tmp_path: Path) -> None:
    write_files(tmp_path, {"pack/a.py": b"", "pack-1.dist-info/licenses/LICENSE": CODE_LICENSE})
    (tmp_path / "pack-1.dist-info" / "RECORD").write_text("pack/a.py,sha256=,1\npack-1.dist-info/RECORD,,\n")
    rows, _ = read_code(tmp_path / "pack")
    assert [(row["github_path"], row["license"]) for row in rows] == [("a.py", "MIT")]


def test_folders(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "r", {"b/2.py": b"2", "a.py": b"1", "b-/3.py": b"3", ".hg/x": b"4"})
    (folder / "loop").symlink_to(folder)
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with open(os.fsencode(folder) + b"/\xff\xe9.py", "wb") as file:
        file.write(b"5")
    rows, skipped = read_code(folder)
    assert skipped == {"link": 2, "special": 1}
    assert [row["github_path"] for row in rows] == ["a.py", "b/2.py", "b-/3.py", "\\xff\\xe9.py"]


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    units = code_units(write_files(tmp_path / "r"))
    (unit,) = units
    reading = Reading(unit, GithubOptions(), partial(store.open_input, unit.path), skipped := Counter[str]())
    with repositories.repository(unit.path, "r", reading.open, 100, skipped) as repository:
        assert repository is not None
        (tmp_path / "r" / "README.md").unlink()
        assert len(list(repository.files())) == 4
    assert skipped == {"unreadable": 1}


@pytest.mark.parametrize("top", ["name-1.0/", "package/", ""])
def test_the_folder_around_everything_is_left_out(tmp_path: Path, top: str) -> None:
    (tmp_path / "name-1.0.tgz").write_bytes(gzip.compress(tar(top=top)))
    rows, _ = read_code(tmp_path / "*")
    assert [row["github_path"] for row in rows] == list(CODE_FILES)
    assert {row["github_repository"] for row in rows} == {"name-1.0"}


def test_names_that_climb_out_and_names_that_come_twice(tmp_path: Path) -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name in ("a/../../x.py", "/x.py", "x.py", "y.py"):
            archive.addfile(tarfile.TarInfo(name))
    (tmp_path / "r.tar").write_bytes(sink.getvalue())
    rows, _ = read_code(tmp_path / "r.tar")
    assert [row["address"] for row in rows] == ["r/x.py", "r/x.py#2", "r/x.py#3", "r/y.py"]


class Forward(io.RawIOBase):
    """A file that can only be read forwards, in small pieces; `until`: where the connection breaks."""

    def __init__(self, path: str, until: int = 1 << 30) -> None:
        self._inner = io.BytesIO(Path(path).read_bytes())
        self._until = until

    def read(self, size: int = -1) -> bytes:
        if self._inner.tell() >= self._until:
            raise OSError(5, "connection lost")
        return self._inner.read(min(size, 1000) if size >= 0 else -1)


@pytest.mark.parametrize("make", [make_tar, make_zip, make_bundle])
def test_an_input_that_can_only_be_read_forwards(make: Callable[..., None], tmp_path: Path, git: Any) -> None:
    make(tmp_path, git)
    whole, _ = read_code(tmp_path / "*")
    (unit,) = code_units(tmp_path / "*")
    reading = Reading(unit, GithubOptions(), partial(Forward, unit.path), Counter())  # type: ignore[arg-type]
    assert [row for table in SOURCE.read(reading) for row in table.to_pylist()] == whole
    broken = Reading(unit, GithubOptions(), partial(Forward, unit.path, 200), Counter())  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"name\.\w+.*connection lost"):
        list(SOURCE.read(broken))


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_addresses_on_the_web(tmp_path: Path, git: Any) -> None:
    files = {"ä b.py": b""}
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "r.tar.gz").write_bytes(gzip.compress(tar(files, comment=COMMIT)))
    (tmp_path / "o" / "s.zip").write_bytes(zipped(files, comment=COMMIT.encode()))
    rows, _ = read_code(tmp_path / "*" / "*", web="https://example.org/{repository}")
    assert [row["url"] for row in rows] == [
        f"https://example.org/o/{name}/blob/{COMMIT}/%C3%A4%20b.py" for name in "rs"
    ]
    objects, head = git.repository({"a.py": b""})
    folder = git.write_bare(tmp_path / "x.git", objects, head.hex())
    (folder / "config").write_text('[remote "origin"]\n\turl = git@github.com:owner/name.git\n')
    rows, _ = read_code(folder)
    assert [(row["address"], row["url"]) for row in rows] == [
        ("owner/name/a.py", f"https://github.com/owner/name/blob/{head.hex()}/a.py")
    ]


def test_the_repository_by_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "owner__name__v1.tar").write_bytes(tar({"a.py": b""}))
    (tmp_path / "other.tar").write_bytes(tar({"a.py": b""}))
    rows, _ = read_code(tmp_path / "*", repository=r"(\w+?)__(\w+?)__")
    assert [row["address"] for row in rows] == ["other/a.py", "owner/name/a.py"]


def test_units_gather_what_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(6):
        write_files(tmp_path / f"r{at}", {"a.py": b"x" * 100})
    whole, _ = read_code(tmp_path / "*")
    assert [len(unit.files) for unit in code_units(tmp_path / "*")] == [6]
    for most, counts in ((250, [2, 2, 2]), (99, [0] * 6)):  # one alone needs no list of files
        monkeypatch.setattr(github, "UNIT_BYTES", most)
        units = code_units(tmp_path / "*")
        assert [len(unit.files) for unit in units] == counts
        assert len({unit.name for unit in units}) == len(units)
        assert read_code_units(units)[0] == whole


def test_a_unit_changes_with_its_files(tmp_path: Path, git: Any) -> None:
    folder = write_files(tmp_path / "r", {"a/b.py": b"1"})
    before = code_units(folder)[0].version
    assert code_units(folder)[0].version == before
    (folder / "a" / "b.py").write_bytes(b"12")
    assert code_units(folder)[0].version != before
    objects, head = git.repository({"a.py": b""})
    bare = git.write_bare(tmp_path / "g" / ".git", objects, head.hex())
    before = code_units(tmp_path / "g")[0].version
    write_files(tmp_path / "g", {"built.o": b"1"})
    assert code_units(tmp_path / "g")[0].version == before
    (bare / "HEAD").write_text("1" * 40)
    assert code_units(tmp_path / "g")[0].version != before


def test_what_is_within_a_folder_belongs_to_it(tmp_path: Path) -> None:
    write_files(tmp_path / "r", {"deep/a.py": b"1", "b.py": b"2"})
    (tmp_path / "s.tar").write_bytes(tar({"c.py": b"3"}))
    assert [unit.files for unit in code_units(f"{tmp_path}/r")] == [()]
    rows, _ = read_code(f"{tmp_path}/r/", f"{tmp_path}/**/*")
    assert [row["address"] for row in rows] == ["r/b.py", "r/deep/a.py", "s/c.py"]
    rows, _ = read_code(f"{tmp_path}/*/")  # folders only
    assert [row["address"] for row in rows] == ["r/b.py", "r/deep/a.py"]


def test_damaged_archives(tmp_path: Path) -> None:
    files = {f"f{at}.txt": random.Random(at).randbytes(3000).hex().encode() for at in range(20)}
    data = gzip.compress(tar(files))
    (tmp_path / "cut.tar.gz").write_bytes(data[: len(data) // 2])
    rows, skipped = read_code(tmp_path / "cut.tar.gz")
    assert skipped == {"truncated": 1}
    assert 8 <= len(rows) <= 10
    broken = bytearray(zipped(files))
    broken[broken.index(b"f3.txt") + 500] ^= 0xFF
    (tmp_path / "broken.zip").write_bytes(broken)
    rows, skipped = read_code(tmp_path / "broken.zip")
    assert skipped == {"corrupt": 1}
    assert len(rows) == 19
    (tmp_path / "stray.txt").write_bytes(b"not a repository" * 100)
    (tmp_path / "bad.bundle").write_bytes(b"# v2 git bundle\n\nPACK")
    assert read_code(tmp_path / "stray.txt", tmp_path / "bad.bundle") == (
        [],
        {"no_repository": 1, "corrupt": 1},
    )


def test_a_hundred_thousand_small_files_are_walked_in_bounded_pieces(tmp_path: Path) -> None:
    (tmp_path / "r.tar").write_bytes(tar({f"{at % 100}/{at}.py": b"" for at in range(5000)}))
    (unit,) = code_units(tmp_path / "r.tar")
    reading = Reading(unit, GithubOptions(), partial(store.open_input, unit.path), Counter())
    sizes = [len(table) for table in SOURCE.read(reading)]
    assert sizes == [1024] * 4 + [904]


def test_in_a_run_file(tmp_path: Path) -> None:
    write_files(tmp_path / "repos" / "owner" / "name")
    (tmp_path / "run.yaml").write_text(
        f"corpus: code\noutput: {tmp_path}/out\nsources:\n  code:\n    read: github\n"
        f"    paths: '{tmp_path}/repos/*/*'\n    join: repository\n"
        "    steps: [{rules: {no_licence: github_license_kind = 'none'}}]\nmixture: {tokens: all}\n"
    )
    (segment,) = make_plan(load(str(tmp_path / "run.yaml"))).segments
    assert [unit.logical for unit in segment.units] == ["owner/name"]
    assert "github_license_kind" in segment.schema.names
