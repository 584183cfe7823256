"""MinHash: signatures beside datasketch's and datatrove's, and the whole pass on a made corpus.

    python benchmarks/minhash.py [--documents 200000]

The peers compute as many hash functions (112) over the same texts, word 5-grams, on one core; all
times are this process's CPU time, medians over rounds in which everybody has a turn.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from dedup.minhash import PASS, MinhashOptions
from pipeline.corpus import CorpusUnit
from pipeline.store import ParquetSink
from text.minhash import band_keys, multipliers, signatures
from text.strings import Strings
from text.words import cut_words

Item = TypeVar("Item")
Result = TypeVar("Result")

BANDS, ROWS, NGRAM = 14, 8, 5
ROUNDS = 5
UNITS = 8
COPIED = 0.2  # share of the made corpus that is an edited copy of another document
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


def compare_signatures() -> None:
    """Documents per second of each, words and shingles included."""
    # Here, so that the process that measures the pass's memory does not load them.
    import datasketch
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature

    texts = made_texts(150, 1000, np.random.default_rng(0))
    column = pa.array(texts, pa.large_string())
    functions = multipliers(BANDS * ROWS, 1)

    cut = cut_words(Strings.of(column))

    def ours_from_words() -> None:
        offsets, folded = cut.folded_words()
        band_keys(signatures(offsets, folded, NGRAM, functions), BANDS)

    def ours() -> None:
        offsets, folded = cut_words(Strings.of(column)).folded_words()
        band_keys(signatures(offsets, folded, NGRAM, functions), BANDS)

    def of_datasketch() -> None:
        for text in texts:
            words = text.lower().split()
            grams = {" ".join(words[i : i + NGRAM]).encode() for i in range(len(words) - NGRAM + 1)}
            datasketch.MinHash(BANDS * ROWS).update_batch(grams)

    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder, MinhashConfig(NGRAM, BANDS, ROWS))

        def of_datatrove() -> None:
            for text in texts:
                step.get_signature(step.get_shingles(text))

        runs: dict[str, Callable[[], None]] = {
            "winnow": ours,
            "winnow, words cut before": ours_from_words,
            "datasketch": of_datasketch,
            "datatrove": of_datatrove,
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(ROUNDS + 1):
            for name, work in runs.items():
                begin = time.process_time()
                work()
                if turn:  # the first round compiles and loads
                    seconds[name].append(time.process_time() - begin)
    size = sum(map(len, texts)) / len(texts) / 1000
    print(f"signatures of {len(texts)} texts of {size:.1f} kB, {BANDS * ROWS} functions, one core")
    speed = {name: len(texts) / statistics.median(times) for name, times in seconds.items()}
    for name, rate in speed.items():
        print(
            f"  {name:11s} {rate:10,.0f} documents/s   winnow is {speed['winnow'] / rate:6.1f} times as fast"
        )


@dataclass(frozen=True)
class _Corpus:
    """Runs the tasks one after the other in this process."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int = 0

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        begin, cpu = time.perf_counter(), time.process_time()
        for item in items:
            yield function(item)
        took = time.perf_counter() - begin
        print(f"  {doing:22s} {took:6.1f} s ({time.process_time() - cpu:.1f} s of CPU)", flush=True)


def write_corpus(folder: str, documents: int) -> None:
    """Short texts, some of them copies of another in which one word in 50 is another one."""
    rng = np.random.default_rng(1)
    originals = made_texts(int(documents * (1 - COPIED)), 100, rng)
    texts = list(originals)
    for original in rng.integers(0, len(originals), documents - len(originals)).tolist():
        words = originals[original].split()
        for at in rng.integers(0, len(words), len(words) // 50).tolist():
            words[at] = "edited"
        texts.append(" ".join(words))
    order = rng.permutation(documents)
    for unit, numbers in enumerate(np.array_split(order, UNITS)):
        chosen = [texts[number] for number in numbers]
        columns = {
            "id": [f"{number:032x}" for number in numbers.tolist()],
            "date": pa.nulls(len(numbers), pa.timestamp("us")),
            "bytes": [len(text) for text in chosen],
            "text": chosen,
        }
        with ParquetSink(os.path.join(folder, f"{unit}.parquet"), SCHEMA) as sink:
            sink.write(pa.table(columns, schema=SCHEMA))


def peak_memory() -> float:
    """Peak resident megabytes of this process (Linux). `getrusage` would count its parent's too."""
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def run_pass(folder: str, documents: int, partitions: int) -> None:
    units = []
    first = 0
    for index, share in enumerate(np.array_split(np.arange(documents), UNITS)):
        path = os.path.join(folder, f"{index}.parquet")
        units.append(CorpusUnit(index, str(index), "made", first, len(share), len(share), path, (), SCHEMA))
        first += len(share)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        corpus = _Corpus(units, partitions, scratch, scratch)
        begin, cpu = time.perf_counter(), time.process_time()
        label = PASS.run(corpus, MinhashOptions(bands=BANDS, rows=ROWS, ngram=NGRAM))
        dropped = sum(
            int((labels.column("minhash_rank").to_numpy() > 0).sum())
            for labels in corpus.map(label, units, "minhash: labels")
        )
        took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = peak_memory()
    print(
        f"  whole pass: {documents / took:,.0f} documents/s ({documents / cpu:,.0f} per second of CPU, "
        f"compiling or loading of kernels included); {dropped:,} of {documents:,} are copies "
        f"({COPIED:.0%} were planted); peak memory {peak:,.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=200_000, help="in the made corpus")
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # the corpus is there: run the pass on it
    arguments = parser.parse_args()
    if arguments.folder is not None:
        run_pass(arguments.folder, arguments.documents, arguments.partitions)
        return
    compare_signatures()
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(folder, arguments.documents)
        print(
            f"the pass on {arguments.documents:,} texts of 100 words in {UNITS} units, one process",
            flush=True,
        )
        again = [sys.executable, __file__, "--folder", folder]
        again += ["--documents", str(arguments.documents), "--partitions", str(arguments.partitions)]
        subprocess.run(again, check=True)  # a process of its own: its peak memory is the pass's


if __name__ == "__main__":
    main()
