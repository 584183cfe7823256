"""Git repositories without git: bundles, packs, loose objects, the default branch, damage."""

import io
import random
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.git import bundles, packs
from pipeline.sources.git.bundles import web_address

MOST = 1 << 20
FILES = {
    "README": b"read me\n",
    "src/a.py": b"a = 1\n" * 500,
    "src/b.py": b"a = 1\n" * 400 + b"b = 2\n",
    "src/deep/c.py": b"",
    "src.py": b"sorted between\n",
}


def of_bundle(data: bytes, most: int = MOST) -> dict[str, bytes | str]:
    """Path -> bytes, or the fault."""
    with bundles.bundle(io.BytesIO(data)) as repository:
        return {} if repository is None else contents(repository, most)


def of_folder(folder: Path, most: int = MOST) -> dict[str, bytes | str]:
    found = bundles.git_folder(str(folder))
    assert found is not None
    with bundles.repository(found) as repository:
        return contents(repository, most)


def contents(repository: bundles.Repository, most: int) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {}
    for entry in repository.entries():
        data, _, fault = (b"", 0, entry.fault) if entry.fault else repository.data(entry.name, most)
        found[entry.path] = fault or data
    return found


def test_nothing(git: Any, tmp_path: Path) -> None:
    assert of_bundle(b"") == {}
    assert of_bundle(b"# v2 git bundle\n\n") == {}
    objects, head = git.repository({})
    assert of_bundle(git.bundle({"HEAD": head}, git.pack(objects)[0])) == {}
    assert of_folder(git.write_bare(tmp_path / "empty.git", [])) == {}
    assert bundles.git_folder(str(tmp_path)) is None


def test_files_in_order(git: Any) -> None:
    objects, head = git.repository(FILES)
    found = of_bundle(git.bundle({"HEAD": head}, git.pack(objects)[0]))
    assert found == FILES
    assert list(found) == ["README", "src/a.py", "src/b.py", "src/deep/c.py", "src.py"]


def test_commit_and_date(git: Any) -> None:
    objects, head = git.repository(FILES, 1_600_000_000)
    with bundles.bundle(io.BytesIO(git.bundle({"HEAD": head}, git.pack(objects)[0]))) as repository:
        assert repository is not None
        assert repository.head == head.hex()
        assert str(repository.date) == "2020-09-13 12:26:40"


def test_links_and_submodules(git: Any) -> None:
    objects, head = git.repository({"link@": b"../../etc", "other!": b"", "file": b"1"})
    found = of_bundle(git.bundle({"HEAD": head}, git.pack(objects)[0]))
    assert found == {"link": "link", "other": "submodule", "file": b"1"}


def test_differences(git: Any) -> None:
    objects, head = git.repository({f"{at}.py": b"x = 1\n" * 300 + b"y\n" * at for at in range(9)})
    expected = of_bundle(git.bundle({"HEAD": head}, git.pack(objects)[0]))
    first = git.name_of(*objects[0])
    # A chain of differences, and differences to an object by its name, also to one that comes later.
    chain = {at: at - 1 for at in range(1, 9)}
    named = dict.fromkeys(range(1, 9), first)
    for bases in (chain, named):
        assert of_bundle(git.bundle({"HEAD": head}, git.pack(objects, bases)[0])) == expected
    later = [*objects[1:], objects[0]]
    assert (
        of_bundle(git.bundle({"HEAD": head}, git.pack(later, dict.fromkeys(range(8), first))[0])) == expected
    )


BRANCHES = [
    ({"HEAD": "new", "refs/heads/main": "old"}, "new"),
    ({"refs/heads/main": "old", "refs/heads/other": "new"}, "old"),
    ({"refs/heads/master": "old", "refs/heads/other": "new"}, "old"),
    ({"refs/heads/a": "old", "refs/heads/b": "new", "refs/tags/c": "middle"}, "new"),
    ({"HEAD": "gone", "refs/heads/b": "new"}, "new"),
]


@pytest.mark.parametrize(("refs", "expected"), BRANCHES)
def test_the_default_branch(git: Any, refs: dict[str, str], expected: str) -> None:
    objects = []
    names = {"gone": b"\7" * 20}
    for at, name in enumerate(("old", "middle", "new")):
        more, names[name] = git.repository({name: b""}, 1_500_000_000 + at)
        objects += more
    distinct = list(dict.fromkeys(objects))
    found = of_bundle(git.bundle({ref: names[to] for ref, to in refs.items()}, git.pack(distinct)[0]))
    assert list(found) == [expected]


@pytest.mark.parametrize("loose", [False, True])
def test_a_bare_repository(git: Any, tmp_path: Path, loose: bool) -> None:
    objects, head = git.repository(FILES)
    folder = git.write_bare(tmp_path / "x.git", objects, loose=loose)
    (folder / "refs" / "heads" / "main").write_text(head.hex() + "\n")
    assert of_folder(folder) == FILES
    assert of_folder(folder, most=100)["src/a.py"] == "too_large"


def test_packed_references_tags_and_a_head_without_branch(git: Any, tmp_path: Path) -> None:
    objects, head = git.repository(FILES)
    tag = f"object {head.hex()}\ntype commit\ntag v1\n\n".encode()
    objects.append(("tag", tag))
    folder = git.write_bare(tmp_path / "x.git", objects)
    (folder / "packed-refs").write_text(
        f"# pack-refs\n{git.name_of('tag', tag).hex()} refs/tags/v1\n^{head.hex()}\n"
    )
    assert of_folder(folder) == FILES
    (folder / "HEAD").write_text(head.hex())
    (folder / "packed-refs").unlink()
    assert of_folder(folder) == FILES


def test_without_its_index_a_pack_is_gone_through(git: Any, tmp_path: Path) -> None:
    objects, head = git.repository(FILES)
    folder = git.write_bare(tmp_path / "x.git", objects, head.hex())
    place = folder / "objects" / "pack" / "pack-1.idx"
    place.write_bytes(place.read_bytes()[:500])
    assert of_folder(folder) == FILES
    place.unlink()
    assert of_folder(folder) == FILES


def test_working_folders_and_borrowed_objects(git: Any, tmp_path: Path) -> None:
    objects, head = git.repository(FILES)
    lender = git.write_bare(tmp_path / "lender.git", objects, head.hex())
    folder = git.write_bare(tmp_path / "work" / ".git", [], head.hex())
    (folder / "objects" / "info").mkdir()
    (folder / "objects" / "info" / "alternates").write_text(f"{lender}/objects\n")
    assert of_folder(tmp_path / "work") == FILES
    more = folder / "worktrees" / "second"  # a second working folder of the same repository
    more.mkdir(parents=True)
    (more / "HEAD").write_text(head.hex())
    (more / "commondir").write_text("../..\n")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / ".git").write_text(f"gitdir: {more}\n")
    assert of_folder(tmp_path / "second") == FILES


def test_a_large_object_is_not_unpacked(git: Any) -> None:
    large = b"\0" * (32 << 20)
    objects, head = git.repository({"zeros": large, "small": b"1"})
    data = git.bundle({"HEAD": head}, git.pack(objects, level=1)[0])
    with bundles.bundle(io.BytesIO(data)) as repository:
        assert repository is not None
        found = [repository.data(entry.name, MOST) for entry in repository.entries()]
    assert found == [(b"1", 1, ""), (b"", 32 << 20, "too_large")]


@pytest.mark.parametrize("bottom", ["blob", "tree"])
def test_folders_within_folders_without_end(git: Any, monkeypatch: pytest.MonkeyPatch, bottom: str) -> None:
    monkeypatch.setattr(bundles, "_MOST_FILES", 1000)
    objects = [(bottom, b"")]
    below = ("100644" if bottom == "blob" else "40000", git.name_of(bottom, b""))
    for _ in range(12):  # 10 ** 12 files, or empty folders
        data = git.tree({f"d{at}": below for at in range(10)})
        objects.append(("tree", data))
        below = ("40000", git.name_of("tree", data))
    top = git.commit(below[1])
    data = git.bundle({"HEAD": git.name_of("commit", top)}, git.pack([*objects, ("commit", top)])[0])
    with bundles.bundle(io.BytesIO(data)) as repository:
        assert repository is not None
        entries = list(repository.entries())
    assert len(entries) <= 1400  # a hundred for each object
    assert entries[-1].fault == "bomb"


def test_a_pack_that_would_unpack_to_no_end(git: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = [("blob", b"\0" * 1_000_000 + b"%d" % at) for at in range(60)]
    data = git.bundle({"HEAD": b"\1" * 20}, git.pack(objects, {at: at - 1 for at in range(1, 60)})[0])
    start = len(data.partition(b"\n\n")[0]) + 2
    assert len(list(packs.Pack(data, start, 20)._offsets)) == 60
    monkeypatch.setattr(packs, "_BUDGET", 20_000_000)
    bounded = packs.Pack(data, start, 20)
    assert (len(bounded._offsets), bounded.lost) == (19, 41)
    monkeypatch.setattr(packs, "_BUDGET", 1 << 30)
    monkeypatch.setattr(packs, "_WAITING", 10_000_000)
    bounded = packs.Pack(data, start, 20)
    assert (len(bounded._offsets), bounded.lost) == (10, 50)


def test_a_damaged_object_costs_its_file(git: Any) -> None:
    objects, head = git.repository({f"f{at}": b"%d " % at * 50 for at in range(20)})
    packed, offsets = git.pack(objects)
    place = offsets[git.name_of("blob", b"7 " * 50)]
    broken = packed[: place + 6] + b"\xff\xff" + packed[place + 8 :]
    found = of_bundle(git.bundle({"HEAD": head}, broken))
    assert {path for path, data in found.items() if data == "corrupt"} == {"f7"}
    assert all(data == b"%d " % int(path[1:]) * 50 for path, data in found.items() if path != "f7")


def test_a_lost_folder_costs_what_is_in_it(git: Any, tmp_path: Path) -> None:
    objects, head = git.repository(FILES)
    folder = git.write_bare(tmp_path / "x.git", objects, head.hex(), loose=True)
    lost = next(git.name_of(*each).hex() for each in objects if each[0] == "tree" and b"c.py" in each[1])
    place = folder / "objects" / lost[:2] / lost[2:]
    place.write_bytes(b"nonsense")
    expected = {path: data for path, data in FILES.items() if not path.startswith("src/deep")}
    assert of_folder(folder) == expected | {"src/deep": "corrupt"}


def test_a_bundle_that_is_cut(git: Any) -> None:
    objects, head = git.repository({f"f{at}": random.Random(at).randbytes(500) for at in range(20)})
    order = [objects[-1], objects[-2], *objects[:-2]]
    data = git.bundle({"HEAD": head}, git.pack(order)[0])
    found = of_bundle(data[: len(data) * 2 // 3])
    assert len(found) == 20
    assert 5 < sum(each != "corrupt" for each in found.values()) < 20


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_survived_and_never_passes_for_a_file(git: Any, draw: st.DataObject) -> None:
    files = {f"f{at}": b"line %d\n" % at * 9 for at in range(9)}
    objects, head = git.repository(files)
    bases = draw.draw(st.sampled_from([{}, {at: at - 1 for at in range(1, 9)}]))
    data = bytearray(git.bundle({"HEAD": head}, git.pack(objects, bases)[0]))
    for at, byte in draw.draw(
        st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)
    ):
        data[at] = byte
    cut = draw.draw(st.integers(len(data) // 2, len(data)))
    for content in of_bundle(bytes(data[:cut])).values():
        assert isinstance(content, str) or content in files.values()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_no_repository(data: bytes) -> None:
    assert of_bundle(b"# v2 git bundle\n" + b"\1" * 0 + data) == {}
    assert of_bundle(b"# v2 git bundle\n" + b"a" * 40 + b" HEAD\n\nPACK\0\0\0\2\0\0\1\0" + data) == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_the_same_as_git_itself(tmp_path: Path, kind: str) -> None:
    def run(*arguments: str) -> bytes:
        name = ["-c", "user.name=n", "-c", "user.email=e", "-c", "core.autocrlf=false"]
        return subprocess.run(
            ["git", *name, *arguments], cwd=tmp_path / "w", capture_output=True, check=True
        ).stdout

    (tmp_path / "w" / "sub").mkdir(parents=True)
    run("init", "-q", "-b", "trunk", f"--object-format={kind}", ".")
    lines = [f"line {at} {zlib.crc32(bytes(str(at), 'ascii'))}\n" for at in range(2000)]
    for step in range(8):
        lines[step * 200] = f"changed {step}\n"
        for at in range(6):
            (tmp_path / "w" / "sub" / f"{at}.txt").write_text("".join(lines[at * step :]))
        run("add", "-A")
        run("commit", "-q", "-m", str(step))
    expected = {f"sub/{at}.txt": (tmp_path / "w" / "sub" / f"{at}.txt").read_bytes() for at in range(6)}
    assert of_folder(tmp_path / "w") == expected
    run("gc", "-q", "--aggressive")
    assert of_folder(tmp_path / "w") == expected
    run("bundle", "create", "-q", "../x.bundle", "--all")
    assert of_bundle((tmp_path / "x.bundle").read_bytes()) == expected


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/owner/name.git", "https://github.com/owner/name"),
        ("https://user:secret@github.com/owner/name", "https://github.com/owner/name"),
        ("git@github.com:owner/name.git", "https://github.com/owner/name"),
        ("ssh://git@gitlab.com:22/group/sub/name.git/", "https://gitlab.com/group/sub/name"),
        ("git://example.org/x", "https://example.org/x"),
        ("/home/me/name", ""),
        ("../name", ""),
        ("file:///home/me/name", ""),
        ("", ""),
    ],
)
def test_web_address(url: str, address: str) -> None:
    assert web_address(url) == address
