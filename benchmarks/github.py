"""Reading repositories beside what a script would use: tarfile, zipfile, and dulwich or pygit2 for git.

    python benchmarks/github.py [--data FOLDER] [--files 20000] [--rounds 3]

Three parts, each on the same input in one process, CPU seconds, medians over rounds:

archives     every file of an archive read into memory: a tar packed by gzip, read forwards, and a zip
git          every file of the default branch's tree: a repository on disk, and a bundle, of which
             pygit2 reads none and dulwich has to be told how
whole        `read: github` over FOLDER (default: the packages of this environment): documents per
             second and MB of text per second with languages, licences and signals

Peers that are not installed are left out.
"""

import argparse
import importlib.util
import io
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import store
from pipeline.inputs import expand
from pipeline.source import Reading
from pipeline.sources import archives
from pipeline.sources.git import bundles
from pipeline.sources.github import SOURCE, GithubOptions


def made(count: int) -> dict[str, bytes]:
    """Files of code-like text, 0 to 8 kB each, always the same."""
    draw = random.Random(0)
    words = [f"name_{at}" for at in range(500)]

    def line() -> str:
        return f"    {draw.choice(words)} = {draw.choice(words)}({draw.randrange(1000)})\n"

    return {
        f"repo-main/{at % 97}/f{at}.py": "".join(line() for _ in range(draw.randrange(200))).encode()
        for at in range(count)
    }


def packed(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """A tar.gz and a zip of the files."""
    first, second = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=first, mode="w:gz") as tar, zipfile.ZipFile(second, "w", 8) as zipped:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            zipped.writestr(name, data)
    return first.getvalue(), second.getvalue()


def repository(files: dict[str, bytes], folder: Path) -> tuple[Path, Path]:
    """A repository of five commits over the files, packed, and a bundle of it. Needs git."""

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=n", "-c", "user.email=e", "-c", "gc.auto=0")
        subprocess.run(["git", *who, *arguments], cwd=folder / "work", check=True, capture_output=True)

    (folder / "work").mkdir()
    git("init", "-q", "-b", "main", ".")
    for step in range(5):
        for at, (name, data) in enumerate(files.items()):
            if not step or at % 5 == step:
                place = folder / "work" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data + b"changed\n" * step)
        git("add", "-A")
        git("commit", "-q", "-m", str(step))
    git("gc", "-q")
    git("bundle", "create", "-q", "../all.bundle", "--all")
    return folder / "work", folder / "all.bundle"


def by_tarfile(data: bytes) -> int:
    total = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            total += len(file.read()) if file else 0
    return total


def by_zipfile(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(len(archive.read(info)) for info in archive.infolist())


def by_winnow(data: bytes) -> int:
    return sum(len(member.data) for member in archives.members(io.BytesIO(data), 1 << 30))


def by_pygit2(folder: Path) -> int:
    import pygit2

    def below(tree: Any) -> int:
        return sum(
            below(entry) if entry.type_str == "tree" else len(entry.data)
            for entry in tree
            if entry.type_str in ("tree", "blob")
        )

    return below(pygit2.Repository(str(folder)).head.peel(pygit2.Tree))


def by_dulwich(folder: Path) -> int:
    from dulwich.object_store import iter_tree_contents
    from dulwich.repo import Repo

    with Repo(str(folder)) as found:
        head = found[found.head()]
        entries = iter_tree_contents(found.object_store, head.tree)
        return sum(len(found.object_store[entry.sha].as_raw_string()) for entry in entries)


def bundle_by_dulwich(bundle: Path) -> int:
    from dulwich.bundle import read_bundle
    from dulwich.object_store import MemoryObjectStore, iter_tree_contents

    with bundle.open("rb") as file:
        found = read_bundle(file)
        objects = MemoryObjectStore()
        found.store_objects(objects)
        tree = objects[found.references[b"refs/heads/main"]].tree
        return sum(len(objects[entry.sha].as_raw_string()) for entry in iter_tree_contents(objects, tree))


def _tree(found: bundles.Repository | None) -> int:
    assert found is not None
    return sum(len(found.data(entry.name, 1 << 30)[0]) for entry in found.entries())


def repository_by_winnow(folder: Path) -> int:
    place = bundles.git_folder(str(folder))
    assert place is not None
    with bundles.repository(place) as found:
        return _tree(found)


def bundle_by_winnow(bundle: Path) -> int:
    with bundle.open("rb") as file, bundles.bundle(file) as found:
        return _tree(found)


def contest(title: str, rounds: int, sides: dict[str, Callable[[], int]]) -> None:
    """Times all sides in turn; they must have read the same number of bytes."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    read = set()
    for _ in range(rounds):
        for name, side in sides.items():
            begin = time.process_time()
            read.add(side())
            seconds[name].append(time.process_time() - begin)
    if len(read) > 1:
        sys.exit(f"{title}: the sides read different numbers of bytes: {sorted(read)}")
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    size = read.pop() / 1e6
    own = medians["winnow"]
    for name, median in medians.items():
        ratio = "" if name == "winnow" else f"   winnow is {median / own:.2f} times as fast"
        print(f"{title:<18} {name:<9} {median:7.3f} s {size / median:8.1f} MB/s{ratio}")


def whole(folder: str) -> None:
    options = GithubOptions()
    begin = time.process_time()
    documents = size = given = 0
    skipped: Counter[str] = Counter()
    assert SOURCE.units is not None
    for unit in SOURCE.units("code", expand([folder], folders=True), options):
        given += unit.size
        for table in SOURCE.read(Reading(unit, options, partial(store.open_input, unit.path), skipped)):
            documents += len(table)
            size += sum(len(text.encode()) for text in table.column("text").to_pylist())
    took = time.process_time() - begin
    speed = f"{documents / took:,.0f} documents/s, {size / 1e6 / took:.1f} MB/s of text"
    print(
        f"{folder}: {documents:,} documents, {dict(skipped)} skipped, {given / 1e6:,.0f} MB of files, "
        f"{size / 1e6:,.0f} MB of text; {speed}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="{site-packages}/*/", help="pattern of repositories for the last part"
    )
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    files = made(arguments.files)
    tar, zipped = packed(files)
    contest(
        "tar.gz", arguments.rounds, {"winnow": partial(by_winnow, tar), "tarfile": partial(by_tarfile, tar)}
    )
    contest(
        "zip",
        arguments.rounds,
        {"winnow": partial(by_winnow, zipped), "zipfile": partial(by_zipfile, zipped)},
    )
    with tempfile.TemporaryDirectory() as scratch:
        work, bundle = repository(files, Path(scratch))
        on_disk: dict[str, Callable[[], int]] = {"winnow": partial(repository_by_winnow, work)}
        bundled: dict[str, Callable[[], int]] = {"winnow": partial(bundle_by_winnow, bundle)}
        if importlib.util.find_spec("pygit2"):
            on_disk["pygit2"] = partial(by_pygit2, work)
        if importlib.util.find_spec("dulwich"):
            on_disk["dulwich"] = partial(by_dulwich, work)
            bundled["dulwich"] = partial(bundle_by_dulwich, bundle)
        contest("git repository", arguments.rounds, on_disk)
        contest("git bundle", arguments.rounds, bundled)
    whole(arguments.data)


if __name__ == "__main__":
    main()
