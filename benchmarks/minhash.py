"""MinHash: signatures, and the whole job from texts to survivors, beside datatrove, datasketch and rensa.

    python benchmarks/minhash.py [--documents 3000] [--words 1000] [--only winnow,datatrove]

All take the same texts, word 5-grams, 14 bands of 8 rows, one core; times are CPU seconds, in a process of
its own each, after a run over a few texts (that compiles and loads), medians over rounds in which everybody
has a turn. All write their survivors to Parquet with snappy, as datatrove does. It runs its four steps, each
with its `LocalPipelineExecutor` and one worker; datasketch and rensa have no job of their own: their LSH is
asked for the earlier documents like each one, and one that has some goes. What is faster in rensa, texts one
by one or all at once, is what counts. rensa is no dependency: where it is not installed it is left out.
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.serial_corpus import SerialCorpus
from dedup.minhash import PASS, MinhashOptions
from pipeline.corpus import CorpusUnit
from pipeline.stage import configured
from pipeline.store import ParquetSink
from text.folded import folded_words
from text.minhash import band_keys, multipliers, shingles, signatures
from text.strings import Strings

BANDS, ROWS, NGRAM = 14, 8, 5
ROUNDS = 5
UNITS = 2
COPIED = 0.2  # share of the made corpus that is an edited copy of another document
EDITED = 100  # one word in so many is another one in a copy: a similarity of about .9
WARM = 100  # texts of the first run, some of them copies
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("date", pa.timestamp("us")),
        pa.field("bytes", pa.int64()),
        pa.field("text", pa.large_string()),
    ]
)


def made_texts(count: int, words: int, rng: np.random.Generator) -> list[str]:
    """Texts of about `words` made words each, their frequencies falling as in language (Zipf)."""
    letters = np.array(list("etaoinshrdlucmfwygpb"))
    vocabulary = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(20_000)])
    texts = []
    for _ in range(count):
        ranks = np.minimum(rng.zipf(1.2, rng.integers(words // 2, words * 3 // 2)) - 1, len(vocabulary) - 1)
        texts.append(" ".join(vocabulary[ranks]) + ".")
    return texts


def made_corpus(documents: int, words: int) -> list[str]:
    """Texts of which some are copies of another with a few other words, in any order."""
    rng = np.random.default_rng(1)
    texts = made_texts(int(documents * (1 - COPIED)), words, rng)
    originals = len(texts)
    for original in rng.integers(0, originals, documents - originals).tolist():
        copy = texts[original].split()
        for at in rng.integers(0, len(copy), len(copy) // EDITED).tolist():
            copy[at] = "edited"
        texts.append(" ".join(copy))
    return [texts[number] for number in rng.permutation(documents).tolist()]


def _grams(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))]


def signature_runs(texts: Sequence[str]) -> Iterator[tuple[str, Callable[[], None]]]:
    """What makes the signatures of the texts, words and shingles included, by name."""
    strings = Strings.of(pa.array(texts, pa.large_string()))
    functions = multipliers(BANDS * ROWS, 1)

    def of_winnow() -> None:
        band_keys(signatures(*shingles(*folded_words(strings), NGRAM), functions), BANDS)

    yield "winnow", of_winnow
    if importlib.util.find_spec("rensa"):
        rensa: Any = importlib.import_module("rensa")

        def one_by_one() -> None:
            for text in texts:
                made = rensa.RMinHash(BANDS * ROWS, 1)
                made.update(_grams(text))
                made.digest()

        def at_once() -> None:
            rensa.RMinHash.digest_matrix_from_token_sets([_grams(text) for text in texts], BANDS * ROWS, 1)

        yield "rensa", one_by_one
        yield "rensa, all at once", at_once
    import datasketch

    def of_datasketch() -> None:
        for text in texts:
            datasketch.MinHash(BANDS * ROWS).update_batch([gram.encode() for gram in _grams(text)])

    yield "datasketch", of_datasketch
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    step = MinhashDedupSignature(tempfile.gettempdir(), MinhashConfig(NGRAM, BANDS, ROWS))

    def of_datatrove() -> None:
        for text in texts:
            step.get_signature(step.get_shingles(text))

    yield "datatrove", of_datatrove


def compare_signatures(words: int) -> None:
    texts = made_texts(150_000 // words, words, np.random.default_rng(0))
    runs = dict(signature_runs(texts))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, work in runs.items():
            begin = time.process_time()
            work()
            if turn:  # the first round compiles and loads
                seconds[name].append(time.process_time() - begin)
    size = sum(map(len, texts)) / len(texts) / 1000
    print(f"signatures of {len(texts):,} texts of {size:.1f} kB, {BANDS * ROWS} functions, one core")
    speed = {name: len(texts) / statistics.median(times) for name, times in seconds.items()}
    for name, rate in speed.items():
        print(f"  {name:24s} {rate:10,.0f} documents/s   winnow {speed['winnow'] / rate:6.1f} x", flush=True)


def write_corpus(folder: str, texts: Sequence[str]) -> None:
    for unit, numbers in enumerate(np.array_split(np.arange(len(texts)), UNITS)):
        chosen = [texts[number] for number in numbers]
        columns = {
            "id": [f"{number:032x}" for number in numbers.tolist()],
            "date": pa.nulls(len(numbers), pa.timestamp("us")),
            "bytes": [len(text) for text in chosen],
            "text": chosen,
        }
        with ParquetSink(os.path.join(folder, f"{unit}.parquet"), SCHEMA) as sink:
            sink.write(pa.table(columns, schema=SCHEMA))


def _units(folder: str) -> list[CorpusUnit]:
    units: list[CorpusUnit] = []
    for index in range(UNITS):
        path = os.path.join(folder, f"{index}.parquet")
        rows = pq.ParquetFile(path).metadata.num_rows
        first = units[-1].first + rows if units else 0
        units.append(CorpusUnit(index, str(index), "made", first, rows, rows, path, (), SCHEMA))
    return units


def job_of_winnow(folder: str, work: str, **options: Any) -> int:
    """The pass, and the documents that its own rule keeps, written again."""
    asked = MinhashOptions(bands=BANDS, rows=ROWS, ngram=NGRAM, **options)
    declared = configured(PASS, asked)
    corpus = SerialCorpus(_units(folder), 1, work, work)
    label = declared.run(corpus, asked)
    kept = 0
    for unit, labels in zip(corpus.units, corpus.map(label, corpus.units, "labels"), strict=True):
        alive = labels.column("minhash_rank").to_numpy() == 0
        path = os.path.join(work, f"kept-{unit.index}.parquet")
        with pq.ParquetWriter(path, SCHEMA, compression="snappy") as sink:
            first = 0
            for table in unit.read(SCHEMA.names):
                sink.write_table(
                    table.drop_columns(["position"]).filter(pa.array(alive[first : first + len(table)]))
                )
                first += len(table)
        kept += int(alive.sum())
    return kept


def job_of_datatrove(folder: str, work: str) -> int:
    """Its four steps, as its example `minhash_deduplication.py` has them."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    config = MinhashConfig(NGRAM, BANDS, ROWS)
    reader = ParquetReader(folder, text_key="text", id_key="id", read_metadata=False)
    signed, bucketed, removed, kept = (os.path.join(work, name) for name in ("s", "b", "r", "kept"))
    steps = (
        (UNITS, [reader, MinhashDedupSignature(signed, config)]),
        (BANDS, [MinhashDedupBuckets(signed, bucketed, config=config)]),
        (1, [MinhashDedupCluster(bucketed, removed, config=config)]),
        (UNITS, [reader, MinhashDedupFilter(removed), ParquetWriter(kept)]),
    )
    for number, (tasks, pipeline) in enumerate(steps):
        LocalPipelineExecutor(
            pipeline, tasks=tasks, workers=1, logging_dir=os.path.join(work, f"log{number}")
        ).run()
    return sum(
        pq.ParquetFile(os.path.join(where, name)).metadata.num_rows
        for where, _, names in os.walk(kept)
        for name in names
    )


def _texts(folder: str) -> list[str]:
    found: list[str] = []
    for index in range(UNITS):
        found += pq.read_table(os.path.join(folder, f"{index}.parquet"), columns=["text"])["text"].to_pylist()
    return found


def _write_kept(texts: Sequence[str], kept: Sequence[int], work: str) -> int:
    pq.write_table(pa.table({"text": [texts[number] for number in kept]}), os.path.join(work, "kept.parquet"))
    return len(kept)


def job_of_datasketch(folder: str, work: str) -> int:
    import datasketch

    texts = _texts(folder)
    found = datasketch.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    kept = []
    for number, text in enumerate(texts):
        made = datasketch.MinHash(BANDS * ROWS)
        made.update_batch([gram.encode() for gram in _grams(text)])
        if not found.query(made):
            kept.append(number)
        found.insert(number, made, check_duplication=False)
    return _write_kept(texts, kept, work)


def job_of_rensa(folder: str, work: str) -> int:
    rensa: Any = importlib.import_module("rensa")
    texts = _texts(folder)
    found = rensa.RMinHashLSH(0.8, BANDS * ROWS, BANDS)
    kept = []
    for number, text in enumerate(texts):
        made = rensa.RMinHash(BANDS * ROWS, 1)
        made.update(_grams(text))
        if not found.query(made):
            kept.append(number)
        found.insert(number, made)
    return _write_kept(texts, kept, work)


JOBS: dict[str, Callable[[str, str], int]] = {
    "winnow": job_of_winnow,
    "winnow unverified": lambda folder, work: job_of_winnow(folder, work, verify=False),
    "rensa": job_of_rensa,
    "datasketch": job_of_datasketch,
    "datatrove": job_of_datatrove,
}


def run_job(name: str, folder: str) -> None:
    """Runs one job twice in this process, first over a few texts, and tells seconds of CPU and survivors."""
    told = {}
    for corpus in (os.path.join(folder, "few"), os.path.join(folder, "all")):
        with tempfile.TemporaryDirectory(dir=folder) as work:
            begin = os.times()
            kept = JOBS[name](corpus, work)
            end = os.times()
            seconds = sum(end[:4]) - sum(begin[:4])  # of children too: datatrove may start some
            told = {"seconds": seconds, "kept": kept, "peak": peak_memory()}
    print(json.dumps(told))


def peak_memory() -> float:
    """Peak resident megabytes of this process (Linux). `getrusage` would count its parent's too."""
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def compare_jobs(documents: int, words: int, rounds: int, names: Sequence[str]) -> None:
    texts = made_corpus(documents, words)
    size = sum(map(len, texts)) / len(texts) / 1000
    told: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for part, chosen in (("few", made_corpus(WARM, words)), ("all", texts)):
            os.mkdir(os.path.join(folder, part))
            write_corpus(os.path.join(folder, part), chosen)
        for _ in range(rounds):
            for name in names:
                command = [sys.executable, __file__, "--job", name, "--folder", folder]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    print(done.stderr[-2000:], file=sys.stderr)
                told[name].append(json.loads(done.stdout.splitlines()[-1]))
    print(f"the whole job over {documents:,} texts of {size:.1f} kB, {COPIED:.0%} of them edited copies")
    seconds = {name: statistics.median(each["seconds"] for each in runs) for name, runs in told.items()}
    for name, runs in told.items():
        print(
            f"  {name:20s} {documents / seconds[name]:9,.0f} documents/s   "
            f"winnow {seconds[name] / seconds['winnow']:6.1f} x   {int(runs[0]['kept']):,} kept   "
            f"peak memory {max(each['peak'] for each in runs):,.0f} MB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=3000, help="in the made corpus")
    parser.add_argument("--words", type=int, default=1000, help="of a text, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="jobs, by a comma")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job is not None:
        run_job(given.job, given.folder)
        return
    there = [name for name in JOBS if name != "rensa" or importlib.util.find_spec("rensa")]
    compare_signatures(given.words)
    compare_jobs(
        given.documents,
        given.words,
        given.rounds,
        ["winnow", *given.only.split(",")] if given.only else there,
    )


if __name__ == "__main__":
    main()
