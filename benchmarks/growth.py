"""How MinHash grows: made corpora of 100 thousand to 10 million short documents, by the command line on Ray.

    python benchmarks/growth.py [--documents 100000,1000000] [--workers 2] [--folder /tmp/growth]

Each corpus is Parquet; a run reads it, deduplicates it (`across: [minhash]`) and writes what is left. Told
are the seconds of the pass for each document, by the clock and of CPU (all processes, Ray's own included),
and for each phase the CPU and the peak memory of the driver, of the workers and of all processes together
(proportional set size, sampled twice a second); then the clusters that were found beside those planted: one
document in ten is a copy of another one, in turn without a change, with another last word (similarity
.974), with another word within (.877), and with two (.767: these must not be joined). The S-curve says how
many of the others become candidates.
"""

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
from dataclasses import dataclass, field

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dedup.shingles.s_curve import s_curve
from text.hashing import mix_array

BANDS, ROWS = 14, 8
WORDS = 80  # of a document, of four letters each
LETTERS = 4
EVERY = 10  # the last of so many documents is a copy
EDITS: tuple[tuple[int, ...], ...] = ((), (79,), (40,), (25, 55))  # places of words that are other ones
FILE_ROWS = 125_000
CHUNK = 25_000

Numbers = NDArray[np.int64]


def origin(documents: Numbers) -> Numbers:
    """The document that each is a copy of, itself where it is none."""
    copy = documents % EVERY == EVERY - 1
    drawn = mix_array(documents.astype(np.uint64) + np.uint64(1 << 40))
    # Any document up to the last one of its own file that is no copy.
    tens = (drawn % np.uint64(1 << 40)).astype(np.int64) % (documents // EVERY + 1)
    original = tens * EVERY + (drawn >> np.uint64(40)).astype(np.int64) % (EVERY - 1)
    return np.where(copy, original, documents)


def kind(documents: Numbers) -> Numbers:
    """Which of EDITS a copy has."""
    return documents // EVERY % len(EDITS)


def texts(documents: Numbers) -> pa.Array:
    """The texts: words that the numbers of documents and places alone decide."""
    places = np.arange(WORDS, dtype=np.uint64)
    source = origin(documents).astype(np.uint64)[:, None] * np.uint64(WORDS) + places
    copy = documents % EVERY == EVERY - 1
    for number, edit in enumerate(EDITS):
        rows = np.flatnonzero(copy & (kind(documents) == number))
        for place in edit:
            source[rows, place] = documents[rows].astype(np.uint64) * np.uint64(WORDS) + np.uint64(1 << 60)
    drawn = mix_array(source.ravel())
    data = np.full((len(drawn), LETTERS + 1), ord(" "), np.uint8)
    for letter in range(LETTERS):
        data[:, letter] = ord("a") + (drawn >> np.uint64(8 * letter)).astype(np.int64) % 26
    offsets = np.arange(0, data.size + 1, WORDS * (LETTERS + 1), dtype=np.int32)
    return pa.StringArray.from_buffers(len(documents), pa.py_buffer(offsets), pa.py_buffer(data))


def write_corpus(folder: str, documents: int) -> None:
    os.makedirs(folder)
    for number, first in enumerate(range(0, documents, FILE_ROWS)):
        schema = pa.schema([("number", pa.int64()), ("text", pa.string())])
        with pq.ParquetWriter(
            os.path.join(folder, f"{number:04d}.parquet"), schema, compression="zstd"
        ) as file:
            for start in range(first, min(first + FILE_ROWS, documents), CHUNK):
                numbers = np.arange(start, min(start + CHUNK, first + FILE_ROWS, documents))
                file.write_table(pa.table([numbers, texts(numbers)], schema=schema))


def recipe(folder: str) -> str:
    path = os.path.join(folder, "growth.yaml")
    with open(path, "w") as file:
        file.write(
            f"corpus: growth\noutput: {folder}/out\nseed: 1\n"
            f"sources:\n  made:\n    read: parquet\n    paths: ['{folder}/in/*.parquet']\n    id: number\n"
            "    keep: [number]\n"
            "    steps: []\n"
            f"across:\n  - minhash: {{bands: {BANDS}, rows: {ROWS}, ngram: 5}}\n"
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


def run(folder: str, workers: int) -> tuple[float, float, dict[str, Usage]]:
    """Runs the recipe; seconds of the pass and of the run by the clock, and what each phase used."""
    command = [sys.executable, "-m", "pipeline", "run", recipe(folder), "--workers", str(workers)]
    phases: dict[str, Usage] = {}
    with open(os.path.join(folder, "run.log"), "wb") as log:
        started = psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        watch = Watch(started)
        while started.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                phases.setdefault(_phase(f"{folder}/out"), Usage()).add(*watch.look())
            time.sleep(0.5)
    if started.returncode:
        with open(os.path.join(folder, "run.log"), errors="replace") as log_file:
            raise SystemExit(log_file.read()[-3000:])
    with open(os.path.join(folder, "out", "log.jsonl")) as lines:
        parts = {part["part"]: part["seconds"] for part in map(json.loads, lines) if "part" in part}
    passed = next(seconds for part, seconds in parts.items() if "minhash" in part)
    return passed, sum(parts.values()), phases


def judge(folder: str, documents: int) -> None:
    """The clusters found beside those planted."""
    out = os.path.join(folder, "out")
    read = "read_parquet('{}', union_by_name=true)"
    stored = read.format(f"{out}/segments/*/documents/*.parquet")
    labels = read.format(f"{out}/layers/*minhash*/labels/*.parquet")
    found = duckdb.sql(
        f"WITH d AS (SELECT id, unit, row, number FROM {stored}) "
        "SELECT d.number AS number, k.number AS keeper "
        f"FROM {labels} l JOIN d ON l.unit = d.unit AND l.row = d.row JOIN d k ON k.id = l.minhash_cluster "
        "WHERE l.minhash_size > 1"
    )
    assert found is not None
    found = found.to_arrow_table()
    number, keeper = (found[name].to_numpy() for name in ("number", "keeper"))
    wrong = int((origin(number) != origin(keeper)).sum())
    print(
        f"  {int((number != keeper).sum()):,} documents are joined to another one, {wrong:,} to a wrong one"
    )
    numbers = np.arange(documents)
    cluster = numbers.copy()
    cluster[number] = keeper
    copies = numbers[numbers % EVERY == EVERY - 1]
    together = cluster[copies] == cluster[origin(copies)]
    for at, edit in enumerate(EDITS):
        of_kind = kind(copies) == at
        jaccard = _jaccard(edit)
        chance = s_curve(jaccard, BANDS, ROWS) if jaccard >= 0.8 else 0.0
        count = int(of_kind.sum())
        print(
            f"    similarity {jaccard:.3f}: {int(together[of_kind].sum()):,} of {count:,} found, "
            f"expected {count * chance:,.1f} ± {np.sqrt(count * chance * (1 - chance)):.1f}"
        )


def _jaccard(edit: tuple[int, ...]) -> float:
    shingles = WORDS - 4
    changed = len(
        {start for place in edit for start in range(max(0, place - 4), min(place, shingles - 1) + 1)}
    )
    return (shingles - changed) / (shingles + changed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", default="100000,1000000,10000000", help="sizes, by a comma")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "growth"))
    parser.add_argument("--keep", action="store_true", help="leave the corpora and outputs there")
    given = parser.parse_args()
    for documents in map(int, given.documents.split(",")):
        folder = os.path.join(given.folder, str(documents))
        shutil.rmtree(folder, ignore_errors=True)
        write_corpus(os.path.join(folder, "in"), documents)
        passed, whole, phases = run(folder, given.workers)
        of_pass = sum(used.cpu for name, used in phases.items() if name not in ("reading", "mixture", "end"))
        print(
            f"{documents:,} documents of {WORDS * (LETTERS + 1)} bytes, {given.workers} workers: the pass "
            f"{passed:,.1f} s, {passed / documents * 1e6:.1f} µs a document, {of_pass:,.1f} s of CPU, "
            f"{of_pass / documents * 1e6:.1f} µs; the run {whole:,.1f} s, "
            f"{sum(used.cpu for used in phases.values()):,.1f} s of CPU; peak memory "
            f"{max(used.peak['all'] for used in phases.values()):,.0f} MB in all"
        )
        for name, used in phases.items():
            print(f"  {name:26s}{used}", flush=True)
        judge(folder, documents)
        if not given.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
