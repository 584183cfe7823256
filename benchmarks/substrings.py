"""Repeated substrings: the whole pass beside a suffix array, on the same texts, one core.

    pip install pydivsufsort
    python -m benchmarks.substrings [--megabytes 100 400]

The suffix array is libdivsufsort's, with its table of longest common prefixes (Kasai), in memory. Both must
find the same bytes. Real texts first, then made ones with spans planted in known places. Every figure is of
a process of its own, CPU time, kernels compiled before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks import real_texts
from benchmarks.serial_corpus import SerialCorpus
from dedup.substrings import PASS, SubstringsOptions
from pipeline.corpus import CorpusUnit
from pipeline.store import ParquetSink, size_below
from text.strings import Strings
from text.winnowing import Winnowing, anchors

LENGTH = 500
UNITS = 4
PLANTED = 700  # bytes of a planted span
SUFFIX_ARRAY_BYTES = 120_000_000  # of text at most: it takes about 45 times as much memory
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.large_string()), ("bytes", pa.int64())])


def made_texts(megabytes: int) -> tuple[list[str], int]:
    """Texts of about 5 kB of made words, into one in ten of which a span of `PLANTED` bytes is put that
    stands in nine others too; and the bytes that are to be cut."""
    rng = np.random.default_rng(1)
    letters = np.array(list("etaoinshrdlucmfwygpb"))
    vocabulary = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(20_000)])
    count = megabytes * 200
    texts = [" ".join(vocabulary[rng.integers(0, len(vocabulary), 770)]) for _ in range(count)]
    spans = ["".join(rng.choice(letters, PLANTED)) for _ in range(count // 100)]
    chosen = rng.permutation(count)[: 10 * len(spans)]
    for number, text in enumerate(chosen.tolist()):
        at = int(rng.integers(0, len(texts[text])))
        # Marked with a byte of its own at either end, so that no more than the span is the same.
        marked = f"{chr(0x4E00 + number % 5000)}{spans[number // 10]}{chr(0x4E00 + (number + 1) % 5000)}"
        texts[text] = texts[text][:at] + marked + texts[text][at:]
    return texts, 9 * PLANTED * len(spans)


def write_corpus(folder: str, texts: Sequence[str]) -> None:
    for unit, numbers in enumerate(np.array_split(np.arange(len(texts)), UNITS)):
        columns = {"id": [f"{number:032x}" for number in numbers], "text": [texts[n] for n in numbers]}
        columns["bytes"] = [len(texts[n].encode()) for n in numbers]
        with ParquetSink(os.path.join(folder, f"{unit}.parquet"), SCHEMA) as sink:
            sink.write(pa.table(columns, schema=SCHEMA))


def run_pass(folder: str, partitions: int) -> None:
    units: list[CorpusUnit] = []
    first = size = 0
    for index in range(UNITS):
        path = os.path.join(folder, f"{index}.parquet")
        rows = pq.ParquetFile(path).metadata.num_rows
        units.append(CorpusUnit(index, str(index), "made", first, rows, rows, path, (), SCHEMA))
        first += rows
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _compile()
        work, tables = os.path.join(scratch, "scratch"), os.path.join(scratch, "tables")
        corpus = SerialCorpus(units, partitions, work, tables, talk=True)
        cpu = time.process_time()
        label = PASS.run(corpus, SubstringsOptions(length=LENGTH))
        labels = pa.concat_tables(list(map(label, units)))
        cpu = time.process_time() - cpu
        kept = size_below(corpus.scratch)
    for unit in units:
        size += sum(table.column("text").nbytes for table in unit.read(("text",)))
    cut = int(labels.column("substrings_bytes").to_numpy().sum())
    # Where the cuts are: the same for both, or one of them is wrong.
    place = np.concatenate(
        [np.asarray(cuts, np.int64) for cuts in labels.column("substrings_cuts").to_pylist()]
    )
    _told("winnow", size, cpu, cut, int(place.sum()))
    print(f"    files of the pass: {kept / size:.2f} bytes for each byte of text")


def _compile() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(folder, ["a repeated text " * 40 + str(number) for number in range(8)])
        units = [
            CorpusUnit(i, str(i), "", 2 * i, 2, 2, os.path.join(folder, f"{i}.parquet"), (), SCHEMA)
            for i in range(UNITS)
        ]
        quiet = SerialCorpus(units, 1, os.path.join(folder, "scratch"), os.path.join(folder, "tables"))
        label = PASS.run(quiet, SubstringsOptions(length=LENGTH))
        for unit in units:
            label(unit)


def run_suffix_array(folder: str) -> None:
    """Every window that stands earlier too: of each group of suffixes that agree in `LENGTH` bytes all but
    the one that comes first."""
    import pydivsufsort

    texts: list[bytes] = []
    for unit in range(UNITS):
        column = pq.read_table(os.path.join(folder, f"{unit}.parquet")).column("text")
        texts += [(text or "").encode() for text in column.to_pylist()]
    cpu = time.process_time()
    data = np.frombuffer(b"\xff".join(texts) + b"\xff", np.uint8).copy()  # it wants a right to write
    suffixes = pydivsufsort.divsufsort(data)
    common = pydivsufsort.kasai(data, suffixes)
    marked = repeated_bytes(data, suffixes, common, LENGTH)
    cut, places = 0, 0
    begin = 0
    for text in texts:
        found = np.flatnonzero(
            np.diff(marked[begin : begin + len(text)].astype(np.int8), prepend=0, append=0)
        )
        for first, last in found.reshape(-1, 2).tolist():
            start, end = whole_characters(text, first, last)
            cut += max(0, end - start)
            places += (start + end) if end > start else 0
        begin += len(text) + 1
    cpu = time.process_time() - cpu
    _told("suffix array", sum(map(len, texts)), cpu, cut, places)


def repeated_bytes(
    data: NDArray[np.uint8], suffixes: NDArray[np.int32], common: NDArray[np.int32], length: int
) -> NDArray[np.bool_]:
    """Which bytes are in a window that stands earlier too, [n]; windows with the byte 0xFF are none."""
    n = len(data)
    ends = np.flatnonzero(data == 0xFF)
    new = np.ones(n, np.bool_)
    new[1:] = common[: n - 1] < length
    starts = np.flatnonzero(new)
    least = np.minimum.reduceat(suffixes, starts)[np.cumsum(new) - 1]
    copies = np.sort(suffixes[suffixes != least])
    copies = copies[copies + length <= ends[np.searchsorted(ends, copies)]]
    steps = np.zeros(n + 1, np.int32)
    np.add.at(steps, copies, 1)
    np.add.at(steps, copies + length, -1)
    return np.asarray(np.cumsum(steps[:-1]) > 0, np.bool_)


def whole_characters(text: bytes, start: int, end: int) -> tuple[int, int]:
    """The part of a span that is whole characters."""
    while start < len(text) and text[start] & 0xC0 == 0x80:
        start += 1
    while 0 < end < len(text) and text[end] & 0xC0 == 0x80:
        end -= 1
    return start, end


def _told(name: str, size: int, cpu: float, cut: int, places: int) -> None:
    with open("/proc/self/status") as status:
        peak = next(float(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    print(
        f"  {name:12s} {size / 1e6 / cpu:7.1f} MB/s ({cpu:.1f} s of CPU for {size / 1e6:.1f} MB), "
        f"peak memory {peak:,.0f} MB; {cut:,} bytes cut, sum of the places {places:,}",
        flush=True,
    )


def compare_anchors(texts: Sequence[str]) -> None:
    strings, by = Strings.of(pa.array(texts, pa.large_string())), Winnowing(LENGTH)
    anchors(strings, by)
    cpu = time.process_time()
    found = anchors(strings, by)
    cpu = time.process_time() - cpu
    size = len(strings.data)
    print(f"  anchors alone: {size / 1e6 / cpu:.0f} MB/s, one for {size / len(found.text):.0f} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    real_texts.add_argument(parser)
    parser.add_argument("--megabytes", type=int, nargs="*", default=[100, 400], help="of made texts")
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)  # who, and the folder of the corpus
    arguments = parser.parse_args()
    if arguments.run is not None:
        who, folder = arguments.run
        run_pass(folder, arguments.partitions) if who == "winnow" else run_suffix_array(folder)
        return

    def compared(texts: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(folder, texts)
            beside = sum(map(len, texts)) <= SUFFIX_ARRAY_BYTES
            for who in ("winnow", "suffix array")[: 1 + beside]:
                again = [sys.executable, "-m", "benchmarks.substrings", "--run", who, folder]
                subprocess.run([*again, "--partitions", str(arguments.partitions)], check=True)

    texts = [text.text for text in real_texts.all_texts(Path(arguments.data), 10_000_000)]
    print(f"{len(texts):,} real texts", flush=True)
    compare_anchors(texts)
    compared(texts)
    for megabytes in arguments.megabytes:
        texts, planted = made_texts(megabytes)
        print(f"{len(texts):,} made texts, {planted:,} bytes planted again", flush=True)
        compared(texts)


if __name__ == "__main__":
    main()
