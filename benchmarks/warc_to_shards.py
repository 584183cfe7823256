"""From WARC files to deduplicated Parquet by FineWeb's rules: winnow beside datatrove, on the same cores.

    python benchmarks/warc_to_shards.py [FILE.warc.gz ...] [--workers 2] [--rounds N]

Both sides do the whole job in processes of their own: read the pages, extract their text with
Trafilatura, tell the language, apply Gopher's, C4's and FineWeb's rules with the same thresholds, drop
near-duplicates (MinHash, 14 bands of 8, word 5-grams), keep what was dropped with its reason and write
Parquet. winnow does it a second time with Resiliparse in Trafilatura's place. datatrove's side is
datatrove_fineweb.py. The sides take turns, the order turns from round to round, and figures are medians.
Before each turn the side does the job on a few made pages, which tells what of its time is start-up;
before all, winnow does so to compile its kernels into a fresh cache. In the end the verdicts on every page
are held against each other.

    seconds     of the whole job, start-up included; CPU s, of all its processes together
    apart       pages a second beside the start-up; by CPU, pages a second of CPU time
    largest MB  peak resident memory of the largest process; together, of all at once, in which
                memory that processes share counts once for each

Without files, those in the folder warc/ of WINNOW_REAL_DATA are read. A worker takes a file at a time: give
at least as many files as workers.
"""
# ruff: noqa: E402, what is imported depends on the path

import argparse
import contextlib
import gzip
import io
import json
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).resolve().parent
# The files beside this one are named like packages that winnow imports.
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import psutil
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from benchmarks import agreement
from benchmarks.agreement import SOURCE, Verdicts

DEFAULT_DATA = HERE.parent / ".." / "shared" / "data"
FEW = 4  # pages per worker of the job that tells the start-up
PROSE = """
The harbour was quiet when we came down from the old town that morning. Two fishing boats lay against
the wall, their nets spread out to dry, and a dog slept between the ropes. Nobody asked what we wanted.

After an hour the ferry arrived with bread, newspapers and a dozen passengers who looked tired. We helped
to carry the boxes up the steps, because the lift had been broken since March. The baker's wife thanked us
and gave each child a roll that was still warm.

Later it began to rain. From the window of the café you could see how the water changed its colour, first
green, then grey, and how the gulls turned inland one after another. "It will last until Thursday," said
the man at the next table, and he was right about that, as he usually is with the weather.
"""
SMALL = 20_000_000  # bytes of input up to which three rounds are the default
LOOK_EVERY = 0.25  # seconds between looks at the processes

RUN_FILE = """corpus: benchmark
output: {output}
sources:
  {source}:
    read: warc
    paths: {paths}
    steps:
      - extract: {{engine: {engine}}}
      - recipe: fineweb
      # datatrove's filter has this rule besides the paper's.
      - rules: {{fineweb_line_breaks: fineweb_line_breaks_per_word > 0.3}}
across:
  - minhash: {{bands: 14, rows: 8, ngram: 5}}
mixture: {{tokens: all}}
"""


@dataclass(frozen=True)
class Job:
    """What one run of a side took.

    cpu       seconds of all its processes, as far as they were seen
    largest   peak resident bytes of its largest process; `together`, of all at once, in which
              memory that processes share counts once for each
    """

    seconds: float
    cpu: float
    largest: float
    together: float


@dataclass(frozen=True)
class Side:
    """A contestant: the command for (files, output), and how to read what it leaves there."""

    name: str
    command: Callable[[Sequence[str], Path], list[str]]
    verdicts: Callable[[Path], Verdicts]
    parts: Callable[[Path], dict[str, float]]


def winnow(engine: str, workers: int) -> Side:
    """recipes/fineweb.yaml, whose own extractor gives way to one that stands before it."""

    def command(files: Sequence[str], output: Path) -> list[str]:
        file = output.with_suffix(".yaml")
        given = {"output": str(output), "paths": list(files), "engine": engine}
        quoted = {key: json.dumps(value) for key, value in given.items()}
        file.write_text(RUN_FILE.format(source=SOURCE, **quoted))
        return [sys.executable, "-m", "pipeline", "run", str(file), "--workers", str(workers), "--quiet"]

    def parts(output: Path) -> dict[str, float]:
        lines = (json.loads(line) for line in (output / "log.jsonl").read_text().splitlines())
        return {line["part"]: line["seconds"] for line in lines}

    return Side(f"winnow, {engine.capitalize()}", command, agreement.of_winnow, parts)


def datatrove(workers: int) -> Side:
    def command(files: Sequence[str], output: Path) -> list[str]:
        script = str(HERE / "datatrove_fineweb.py")
        return [sys.executable, script, "--workers", str(workers), "--output", str(output), *files]

    def parts(output: Path) -> dict[str, float]:
        seconds: dict[str, float] = json.loads((output / "seconds.json").read_text())
        return seconds

    return Side("datatrove", command, agreement.of_datatrove, parts)


def measure(side: Side, files: Sequence[str], output: Path, environment: dict[str, str]) -> Job:
    """Runs a side to its end and looks at its processes as it goes. SystemExit if it fails."""
    command = side.command(files, output)
    log = output.with_suffix(".log")
    spent: dict[psutil.Process, float] = {}
    largest = together = 0
    with log.open("wb") as sink:
        started = perf_counter()
        process = psutil.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, cwd=HERE.parent, env=environment
        )
        try:
            while process.poll() is None:
                sizes = [0]
                for each in _tree(process):
                    with contextlib.suppress(psutil.Error):
                        sizes.append(each.memory_info().rss)
                        spent[each] = sum(each.cpu_times()[:2])
                largest, together = max(largest, *sizes), max(together, sum(sizes))
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(LOOK_EVERY)
            seconds = perf_counter() - started
        finally:
            for each in _tree(process):
                with contextlib.suppress(psutil.Error):
                    each.kill()
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise SystemExit(f"{side.name} ended with status {process.returncode}:\n{tail}")
    return Job(seconds, sum(spent.values()), largest, together)


def _tree(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


@dataclass(frozen=True)
class Turn:
    """One turn of a side: the whole job over `pages`, and before it the job over `few` made pages."""

    pages: int
    whole: Job
    few: int
    start: Job

    def speeds(self) -> tuple[float, float, float]:
        """Pages a second; apart from start-up (NaN where that is most of the time); by CPU time."""
        beyond = self.whole.seconds - self.start.seconds
        apart = (self.pages - self.few) / beyond if beyond > self.start.seconds else math.nan
        return self.pages / self.whole.seconds, apart, self.pages / self.whole.cpu


def default_files() -> list[str]:
    """The gzip-packed WARC files of the real data that are whole: datatrove stops at one that is not."""
    folder = Path(os.environ.get("WINNOW_REAL_DATA", DEFAULT_DATA)) / "warc"
    files = []
    for path in sorted(folder.glob("*.warc.gz")):
        try:
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
        except EOFError:
            print(f"left out: {path.name} is cut off, and datatrove stops there")
            continue
        files.append(str(path))
    return files


def few_pages(folder: Path, workers: int) -> list[str]:
    """Made pages that pass every filter, `FEW` for each worker and in a file for each."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in PROSE.strip().split("\n\n"))
    page = f"<html><head><title>Harbour</title></head><body><article>{body}</article></body></html>".encode()
    paths = [str(folder / f"few-{worker}.warc.gz") for worker in range(workers)]
    for path in paths:
        with open(path, "wb") as sink:
            writer = WARCWriter(sink, gzip=True)
            for number in range(FEW):
                http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
                url = f"http://example.org/{Path(path).stem}/{number}"
                writer.write_record(
                    writer.create_warc_record(url, "response", payload=io.BytesIO(page), http_headers=http)
                )
    return paths


def seconds_of(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())


def median(values: Iterable[float]) -> float:
    """NaN if one of them is."""
    found = list(values)
    return math.nan if any(map(math.isnan, found)) else statistics.median(found)


def table(sides: Sequence[Side], kept: Sequence[int], turns: Sequence[Sequence[Turn]]) -> str:
    """Speed and memory, a line for each side, and how winnow's speed stands to datatrove's."""
    lines = [
        f"{'':20} {'pages':>6} {'kept':>6} {'seconds':>8} {'start-up':>8} {'CPU s':>7}"
        f" | {'pages/s':>8} {'apart':>7} {'by CPU':>7} | {'largest MB':>10} {'together':>8}"
    ]
    for side, left, mine in zip(sides, kept, turns, strict=True):
        whole, apart, cpu = (median(values) for values in zip(*(turn.speeds() for turn in mine), strict=True))
        jobs = [turn.whole for turn in mine]
        shown = "-" if math.isnan(apart) else f"{apart:.1f}"
        lines.append(
            f"{side.name:20} {mine[0].pages:6,} {left:6,} {median(job.seconds for job in jobs):8.1f} "
            f"{median(turn.start.seconds for turn in mine):8.1f} {median(job.cpu for job in jobs):7.1f}"
            f" | {whole:8.1f} {shown:>7} {cpu:7.1f}"
            f" | {median(job.largest for job in jobs) / 1e6:10,.0f} "
            f"{median(job.together for job in jobs) / 1e6:8,.0f}"
        )
    for side, mine in zip(sides[1:], turns[1:], strict=True):
        lines.append(f"{side.name}, times datatrove's speed, round by round:")
        ratios = [
            [ours / theirs for ours, theirs in zip(turn.speeds(), peer.speeds(), strict=True)]
            for turn, peer in zip(mine, turns[0], strict=True)
        ]
        for what, values in zip(("pages/s", "apart", "by CPU"), zip(*ratios, strict=True), strict=True):
            told = f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
            if math.isnan(median(values)):
                told = "not to be told: start-up is most of the time, give more input"
            lines.append(f"  {what:8} {told}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="WARC files (.warc or .warc.gz)")
    parser.add_argument(
        "--workers", type=int, default=2, help="worker processes, and cores, of each side (2)"
    )
    parser.add_argument("--rounds", type=int, help="default: 3 for up to 20 MB of input, else 1")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder to leave the outputs in")
    arguments = parser.parse_args()
    files = [os.path.abspath(path) for path in arguments.files] or default_files()
    if not files:
        parser.error("no WARC files given, and none found: give some, or set WINNOW_REAL_DATA")
    for path in files:
        if not os.path.isfile(path):
            parser.error(f"{path}: no such file")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the sides' processes on the way out
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True)
        contest(files, arguments.workers, arguments.rounds, arguments.keep.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="winnow-benchmark-") as folder:
        contest(files, arguments.workers, arguments.rounds, Path(folder))


def contest(files: Sequence[str], workers: int, rounds: int | None, folder: Path) -> None:
    """Does all runs below `folder` and prints the report."""
    size = sum(map(os.path.getsize, files))
    rounds = rounds or (3 if size <= SMALL else 1)
    cores = sorted(os.sched_getaffinity(0))[:workers]
    os.sched_setaffinity(0, cores)  # what both sides inherit
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "kernels")}
    sides = [
        datatrove(workers),
        *(winnow(engine, workers) for engine in ("trafilatura", "resiliparse")),
    ]
    print(
        f"{len(files)} files, {size / 1e6:.1f} MB; {workers} workers on {len(cores)} cores; "
        f"median of {rounds}; load before {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    few = few_pages(folder, workers)
    cold = measure(sides[1], few, folder / "cold", environment)
    warm = measure(sides[1], few, folder / "warm", environment)
    print(
        f"start-up of winnow with kernels to compile {cold.seconds:.1f} s (once per machine and version), "
        f"compiled {warm.seconds:.1f} s; the rest is measured compiled",
        flush=True,
    )
    compiled = _compiled(folder)
    jobs: list[list[tuple[Job, Job]]] = [[] for _ in sides]
    outputs = [folder / f"side-{number}" for number in range(len(sides))]
    for turn in range(rounds):
        order = list(range(len(sides)))
        for number in reversed(order) if turn % 2 else order:
            side, output, small = sides[number], outputs[number], folder / f"few-{number}"
            for old in (output, small):
                shutil.rmtree(old, ignore_errors=True)
            load = os.getloadavg()[0]
            start = measure(side, few, small, environment)
            whole = measure(side, files, output, environment)
            jobs[number].append((whole, start))
            print(
                f"  round {turn + 1}: {side.name} {whole.seconds:.1f} s, start-up {start.seconds:.1f} s, "
                f"load before {load:.1f}",
                flush=True,
            )
    if _compiled(folder) > compiled:
        print(f"in these runs {_compiled(folder) - compiled} more kernels were compiled")
    verdicts = [side.verdicts(output) for side, output in zip(sides, outputs, strict=True)]
    turns = [
        [Turn(len(found.read), whole, FEW * workers, start) for whole, start in mine]
        for found, mine in zip(verdicts, jobs, strict=True)
    ]
    print(table(sides, [len(found.kept) for found in verdicts], turns))
    for side, output in zip(sides, outputs, strict=True):
        print(f"seconds of the last run, {side.name}: {seconds_of(side.parts(output))}")
    for number in range(1, len(sides)):
        print()
        print(agreement.compare(sides[number].name, verdicts[number], verdicts[0], outputs[number]))


def _compiled(folder: Path) -> int:
    return len(list((folder / "kernels").rglob("*.nbc")))


if __name__ == "__main__":
    main()
