"""Reads every file of the seven kinds to its end: documents, what was skipped and why, speed.

    python benchmarks/sources.py                       all there is
    python benchmarks/sources.py wikipedia arxiv       these
    python benchmarks/sources.py github --packages DIR also the archives and bundles of a folder

The real data is a folder given by WINNOW_REAL_DATA (default ../shared/data); code is the packages of
the running environment and, as a bundle, this repository. One process, one core; the time is that of
reading and conversion to text, without any measure. For web pages the text comes from the stage
`extract`, which is timed with them.
"""

import argparse
import glob
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import steps, store
from pipeline.batch import Batch
from pipeline.inputs import expand, unit_name
from pipeline.source import Reading, Source, Unit

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("WINNOW_REAL_DATA", ROOT / ".." / "shared" / "data"))
PACKED = (".zip", ".whl", ".tar.gz", ".tgz", ".tar.bz2", ".bundle", ".parquet")


@dataclass(frozen=True)
class Input:
    """Some files of one kind: paths or patterns, and options of the reader."""

    source: str
    about: str
    paths: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    extract: bool = False


@dataclass
class Outcome:
    files: int = 0
    size: int = 0
    documents: int = 0
    empty: int = 0
    characters: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)


def inputs(folder: str, packages: str | None) -> list[Input]:
    """All that is there; `folder` takes what has to be made first."""
    data = str(DATA)
    found = [
        Input("commoncrawl", "WARC, ARC, extracted", (f"{data}/warc/*arc*",), extract=True),
        Input("commoncrawl", "WET", (f"{data}/warc/*.wet.gz",), {"format": "wet"}),
        Input("c4", "json.gz", (f"{data}/jsonl/c4-en-sample.json.gz",)),
        Input("wikipedia", "dumps, wikitext", (f"{data}/wikipedia/*.bz2", f"{data}/wikipedia/*.gz")),
        Input("arxiv", "e-prints", (f"{data}/arxiv/*.tar.gz",)),
        Input("arxiv", "e-prints as Markdown", (f"{data}/arxiv/*.tar.gz",), {"output": "markdown"}),
        Input("stackexchange", "Posts.xml.gz", (f"{data}/stackexchange/*/Posts.xml.gz",)),
        Input("gutenberg", "books.tar.xz", (f"{data}/gutenberg/books.tar.xz",)),
        Input("github", "installed packages", ("{site-packages}/*/",)),
        Input("github", "this repository, a bundle", (bundle(folder),)),
    ]
    if packages:
        files = tuple(sorted(str(each) for each in Path(packages).iterdir() if each.name.endswith(PACKED)))
        found.append(Input("github", "packages", files))
    return found


def bundle(folder: str) -> str:
    """This repository as a git bundle in `folder`."""
    path = f"{folder}/winnow.bundle"
    subprocess.run(
        ["git", "-C", str(ROOT), "bundle", "create", path, "HEAD"], check=True, capture_output=True
    )
    return path


def read(given: Input) -> Outcome:
    reader = steps.source_reader(given.source)
    options = reader.options(**given.options)
    stage = steps.stage("extract")
    extract = stage.open(stage.options()) if given.extract else None
    outcome = Outcome()
    units = units_of(reader, given, options)
    outcome.files = len({path for unit in units for path, _ in unit.files or ((unit.path, ""),)})
    outcome.size = sum({unit.path: unit.size for unit in units}.values())
    started = time.perf_counter()
    for table in tables_of(reader, units, options, outcome.skipped):
        text = extract(Batch(table))[0] if extract else table.column("text")
        lengths = [len(each) for each in text.to_pylist() if each]
        outcome.documents += len(table)
        outcome.empty += len(table) - len(lengths)
        outcome.characters += sum(lengths)
    outcome.seconds = time.perf_counter() - started
    return outcome


def units_of(reader: Source, given: Input, options: Any) -> list[Unit]:
    files = expand(given.paths, reader.folders)
    if reader.units is not None:
        return reader.units(given.source, files, options)
    return [
        Unit(given.source, unit_name(given.source, f.logical), f.path, f.logical, f.size, f.version)
        for f in files
    ]


def tables_of(reader: Source, units: list[Unit], options: Any, skipped: Counter[str]) -> Iterator[pa.Table]:
    for unit in units:
        opened = partial(store.open_input, unit.path, unit.size or None)
        yield from reader.read(Reading(unit, options, opened, skipped))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", nargs="*", help="names of readers; all if none is given")
    parser.add_argument("--packages", help="folder with archives of source code")
    arguments = parser.parse_args()
    form = "{:14} {:28} {:>6} {:>8} {:>9} {:>6} {:>8} {:>8} {:>8}  {}"
    heads = ("source", "input", "files", "MB", "documents", "empty", "Mchar", "docs/s", "MB/s", "skipped")
    print(form.format(*heads))
    with tempfile.TemporaryDirectory() as folder:
        for given in inputs(folder, arguments.packages):
            if arguments.sources and given.source not in arguments.sources:
                continue
            if not any(glob.glob(path) or "{" in path for path in given.paths):
                print(f"{given.source:14} {given.about:28} not there: {', '.join(given.paths)[:80]}")
                continue
            got = read(given)
            skipped = ", ".join(f"{reason} {count:,}" for reason, count in sorted(got.skipped.items()))
            print(
                form.format(
                    given.source,
                    given.about,
                    f"{got.files:,}",
                    f"{got.size / 1e6:.1f}",
                    f"{got.documents:,}",
                    f"{got.empty:,}",
                    f"{got.characters / 1e6:.1f}",
                    f"{got.documents / got.seconds:,.0f}",
                    f"{got.size / got.seconds / 1e6:.2f}",
                    skipped or "nothing",
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
