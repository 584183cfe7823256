"""How passes grow: made corpora of 100 thousand to 10 million short documents, by the command line on Ray.

    python benchmarks/growth.py [--pass minhash] [--documents 100000,1000000] [--workers 2]

Each corpus is Parquet, with what the pass looks for planted in one document of ten (`benchmarks/planted.py`);
a run reads it, does the pass and writes what is left. Told are the seconds of the pass for each document, by
the clock and of CPU (all processes, Ray's own included), and for each phase the CPU and the peak memory of
the driver, of the workers and of all processes together (proportional set size, sampled twice a second);
the most that lay in the scratch folder; then what was found beside what was planted.
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.planted import CORPORA, Corpus

FILE_ROWS = 125_000
CHUNK = 25_000


def write_corpus(folder: str, documents: int, corpus: Corpus) -> None:
    os.makedirs(folder)
    for number, first in enumerate(range(0, documents, FILE_ROWS)):
        with contextlib.ExitStack() as stack:
            file: pq.ParquetWriter | None = None
            for start in range(first, min(first + FILE_ROWS, documents), CHUNK):
                numbers = np.arange(start, min(start + CHUNK, first + FILE_ROWS, documents))
                table = pa.table({"number": pa.array(numbers), **corpus.made(numbers)})
                if file is None:
                    path = os.path.join(folder, f"{number:04d}.parquet")
                    file = stack.enter_context(pq.ParquetWriter(path, table.schema, compression="zstd"))
                file.write_table(table)


def recipe(folder: str, name: str, options: str) -> str:
    path = os.path.join(folder, "growth.yaml")
    with open(path, "w") as file:
        file.write(
            f"corpus: growth\noutput: {folder}/out\nseed: 1\n"
            f"sources:\n  made:\n    read: parquet\n    paths: ['{folder}/in/*.parquet']\n    id: number\n"
            "    keep: [number]\n"
            "    steps: []\n"
            f"across:\n  - {name}: {options}\n"
            "tripwires: off\n"
            "mixture: {tokens: all}\n"
        )
    return path


@dataclass
class Usage:
    """Peak bytes by role and in all, and seconds of CPU; of a phase or a whole run."""

    peak: dict[str, float] = field(default_factory=dict)
    cpu: float = 0.0

    def add(self, sizes: dict[str, int], cpu: float) -> None:
        for name, size in (*sizes.items(), ("all", sum(sizes.values()))):
            self.peak[name] = max(self.peak.get(name, 0.0), size / 2**20)
        self.cpu += cpu

    def __str__(self) -> str:
        told = ", ".join(f"{name} {self.peak[name]:,.0f}" for name in ("driver", "workers", "ray"))
        return f"{self.cpu:8,.1f} s of CPU, peak {self.peak['all']:6,.0f} MB ({told})"


@dataclass
class Watch:
    """What a process and all below it use: looked at while they live, and remembered when they end."""

    process: psutil.Process
    _seconds: dict[tuple[int, float], float] = field(default_factory=dict)  # by pid and start

    def look(self) -> tuple[dict[str, int], float]:
        """Proportional set size by role, bytes, and seconds of CPU since the last look."""
        sizes = {"driver": 0, "workers": 0, "ray": 0}
        spent = 0.0
        for each in [self.process, *self.process.children(recursive=True)]:
            try:
                times, begun = each.cpu_times(), (each.pid, each.create_time())
                size = each.memory_full_info().pss
                role = "driver" if each == self.process else "workers" if _is_worker(each) else "ray"
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            sizes[role] += size
            seconds = times.user + times.system
            spent += seconds - self._seconds.get(begun, 0.0)
            self._seconds[begun] = seconds
        return sizes, spent


def _is_worker(process: psutil.Process) -> bool:
    """Whether a process does tasks; Ray's own actors are Ray's."""
    title = " ".join(process.cmdline()[:1])
    return title.startswith(("ray::MapWorker", "ray::_call", "ray::IDLE"))


def _phase(out: str) -> str:
    """What a run that writes to `out` is at: reading, a step of the pass, or drawing the mixture."""
    if os.path.exists(f"{out}/manifest.json"):
        return "end"
    if glob.glob(f"{out}/mixture-*"):
        return "mixture"
    for path in sorted(glob.glob(f"{out}/layers/*/scratch-*/done/*.json"), reverse=True):
        try:
            with open(path) as file:
                return str(json.load(file)["doing"])
        except (OSError, ValueError):
            continue
    return "labels" if glob.glob(f"{out}/layers/*/labels") else "reading"


@dataclass
class Told:
    """Seconds of the pass and of the run by the clock, bytes of scratch, and what each phase used."""

    passed: float
    whole: float
    scratch: int
    phases: dict[str, Usage]


def run(folder: str, name: str, options: str, workers: int) -> Told:
    """Runs the pass `name` over the corpus in `folder`/in."""
    command = [sys.executable, "-m", "pipeline", "run", recipe(folder, name, options)]
    phases: dict[str, Usage] = {}
    scratch = 0
    with open(os.path.join(folder, "run.log"), "wb") as log:
        started = psutil.Popen(
            [*command, "--workers", str(workers)], stdout=log, stderr=subprocess.STDOUT, cwd=HERE.parent
        )
        watch = Watch(started)
        while started.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                phases.setdefault(_phase(f"{folder}/out"), Usage()).add(*watch.look())
            scratch = max(scratch, _size(f"{folder}/out/layers"))
            time.sleep(0.5)
    if started.returncode:
        with open(os.path.join(folder, "run.log"), errors="replace") as log_file:
            raise SystemExit(log_file.read()[-3000:])
    with open(os.path.join(folder, "out", "log.jsonl")) as lines:
        parts = {part["part"]: part["seconds"] for part in map(json.loads, lines) if "part" in part}
    passed = next(seconds for part, seconds in parts.items() if name in part)
    return Told(passed, sum(parts.values()), scratch, phases)


def _size(folder: str) -> int:
    """Bytes in the scratch folders of a run's layers."""
    size = 0
    for place, _, names in os.walk(folder):
        if "/scratch-" in place:
            for name in names:
                with contextlib.suppress(OSError):
                    size += os.path.getsize(os.path.join(place, name))
    return size


def judge(folder: str, documents: int, name: str) -> None:
    """What was found beside what was planted."""
    out = os.path.join(folder, "out")
    read = "read_parquet('{}', union_by_name=true)"
    stored = read.format(f"{out}/segments/*/documents/*.parquet")
    labels = read.format(f"{out}/layers/*{name}*/labels/*.parquet")
    made = duckdb.connect()
    made.sql(f"CREATE VIEW stored AS SELECT id, unit, row, number FROM {stored}")
    made.sql(
        f"CREATE VIEW labelled AS SELECT stored.number, labels.* FROM {labels} labels JOIN stored "
        "ON labels.unit = stored.unit AND labels.row = stored.row"
    )

    def columns(query: str) -> Mapping[str, NDArray[np.int64]]:
        found = made.sql(f"SELECT labelled.number AS number_, {query} ORDER BY 1").to_arrow_table()
        return {field: found.column(field).to_numpy() for field in found.column_names}

    for line in CORPORA[name].judge(documents, columns):
        print(f"  {line}", flush=True)


def tell(name: str, documents: int, workers: int, told: Told) -> None:
    of_pass = sum(
        used.cpu for phase, used in told.phases.items() if phase not in ("reading", "mixture", "end")
    )
    print(
        f"{name}, {documents:,} documents, {workers} workers: the pass {told.passed:,.1f} s, "
        f"{told.passed / documents * 1e6:.1f} µs a document, {of_pass:,.1f} s of CPU, "
        f"{of_pass / documents * 1e6:.1f} µs; the run {told.whole:,.1f} s, "
        f"{sum(used.cpu for used in told.phases.values()):,.1f} s of CPU; peak memory "
        f"{max(used.peak['all'] for used in told.phases.values()):,.0f} MB in all, "
        f"scratch {told.scratch / documents:,.0f} bytes a document"
    )
    for phase, used in told.phases.items():
        print(f"  {phase:40s}{used.cpu / documents * 1e6:8.1f} µs {used}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pass", dest="name", default="minhash", choices=list(CORPORA))
    parser.add_argument("--documents", default="100000,1000000,10000000", help="sizes, by a comma")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "growth"))
    parser.add_argument("--keep", action="store_true", help="leave the corpora and outputs there")
    given = parser.parse_args()
    corpus = CORPORA[given.name]
    for documents in map(int, given.documents.split(",")):
        folder = os.path.join(given.folder, f"{given.name}-{documents}")
        shutil.rmtree(folder, ignore_errors=True)
        write_corpus(os.path.join(folder, "in"), documents, corpus)
        if corpus.prepare is not None:
            corpus.prepare(folder)
        told = run(folder, given.name, corpus.options.replace("{folder}", folder), given.workers)
        tell(given.name, documents, given.workers, told)
        judge(folder, documents, given.name)
        if not given.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
