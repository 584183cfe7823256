"""Lines across documents: the pass beside datatrove's deduplication of sentences and plain Python.

    python -m benchmarks.lines [--data FOLDER]

All find the lines that the real texts of `--data` have more than once, white space aside, and leave the
first, over the same texts, one after the other on one core; times are this process's CPU time, of a second
run where a first one compiles or loads. Ours reads Parquet files and makes labels and the texts that are
left; "plain set" is a set of Python strings, in memory, in one loop; datatrove's takes documents from
memory, writes its signatures and finds their copies in three steps, set to spans of one line. "As cc_net"
is two loops that read lines as cc_net does, by a regular expression and SHA-1, and count documents; ours is
run that way too.
"""

import argparse
import hashlib
import logging
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from typing import Any

import numpy as np
import pyarrow as pa
from loguru import logger

from benchmarks import real_texts
from benchmarks.serial_corpus import SerialCorpus
from dedup import lines, paragraphs
from pipeline.corpus import CorpusUnit
from pipeline.stage import Pass
from pipeline.store import ParquetSink, parquet_file
from text.copies import CCNET_SIGNS
from text.splice import splice
from text.strings import Strings

UNITS = 4
PARTITIONS = 4
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.large_string()), ("bytes", pa.int64())])
DIGIT = re.compile(r"\d")
SIGNS = re.compile("[" + CCNET_SIGNS + "".join(map(chr, (*range(32), *range(127, 160)))) + "]")


def write_corpus(folder: str, texts: Sequence[str]) -> list[CorpusUnit]:
    units = []
    for index in range(UNITS):
        span = range(index * len(texts) // UNITS, (index + 1) * len(texts) // UNITS)
        path = os.path.join(folder, f"{index}.parquet")
        with ParquetSink(path, SCHEMA) as sink:
            own = [texts[at] for at in span]
            ids, sizes = [f"{at:032x}" for at in span], [len(text.encode()) for text in own]
            sink.write(pa.table([ids, own, sizes], schema=SCHEMA))
        units.append(
            CorpusUnit(index, str(index), "real", span.start, len(span), len(span), path, (), SCHEMA)
        )
    return units


def ours(units: Sequence[CorpusUnit], step: Pass, options: dict[str, Any], talk: bool) -> int:
    """How many lines are cut out."""
    removed = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = SerialCorpus(units, PARTITIONS, folder, os.path.join(folder, "tables"), talk=talk)
        label = step.run(corpus, step.options(**options))
        labelled = corpus.map(label, units, f"{step.name}: labels")
        for unit, labels in zip(units, labelled, strict=True):
            removed += int(labels.column(f"{step.name}_removed").to_numpy().sum())
            _left(unit, labels.column(f"{step.name}_cuts").combine_chunks())
    return removed


def _left(unit: CorpusUnit, cuts: pa.ListArray) -> pa.Array:
    """The texts of the unit as they are after the cuts."""
    with parquet_file(unit.documents) as file:
        strings = Strings.of(file.read(columns=["text"]).column("text"))
    offsets = cuts.offsets.to_numpy().astype(np.int64) // 2
    ends = cuts.values.to_numpy() + np.repeat(strings.offsets[:-1], 2 * np.diff(offsets))
    return splice(strings, offsets, ends[::2], ends[1::2], np.zeros(len(ends) // 2, np.uint8), [""])


def plain_set(texts: Sequence[str]) -> int:
    """How many lines were seen before."""
    seen: set[str] = set()
    removed = 0
    left = []
    for text in texts:
        kept = []
        for line in text.splitlines(keepends=True):
            name = " ".join(line.split())
            if name and name in seen:
                removed += 1
            else:
                seen.add(name)
                kept.append(line)
        left.append("".join(kept))
    return removed


def as_cc_net(texts: Sequence[str]) -> int:
    """How many lines more than one document has, or one has again."""

    def name(line: str) -> bytes:
        line = line.strip()
        line = SIGNS.sub("", DIGIT.sub("0", line.lower())) if line else line
        return hashlib.sha1(line.encode()).digest()[:8]

    documents: Counter[bytes] = Counter()
    for text in texts:
        documents.update({name(line) for line in text.splitlines()})
    removed = 0
    for text in texts:
        before: set[bytes] = set()
        kept = []
        for line in text.splitlines():
            key = name(line)
            if line.strip() and (documents[key] > 1 or key in before):
                removed += 1
            else:
                kept.append(line)
            before.add(key)
        "\n".join(kept)
    return removed


def datatrove(texts: Sequence[str]) -> int:
    """How many lines it takes for copies of an earlier one."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.sentence_dedup import (
        SentDedupConfig,
        SentenceDedupFilter,
        SentenceDedupSignature,
        SentenceFindDedups,
    )
    from datatrove.utils.text import TextNormConfig

    white_space_alone = TextNormConfig(
        lowercase=False,
        norm_whitespace=True,
        remove_punctuation=False,
        norm_unicode_diacritics=False,
        norm_numbers=False,
        norm_weekdays=False,
        norm_monthnames=False,
    )
    config = SentDedupConfig(
        n_sentences=1,
        split_sentences=False,
        min_doc_words=0,
        min_num_sentences=0,
        norm_config=white_space_alone,
    )

    def documents() -> Iterator[Document]:
        return (Document(text=text, id=str(at)) for at, text in enumerate(texts))

    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        signatures, found = os.path.join(folder, "signatures"), os.path.join(folder, "found")
        SentenceDedupSignature(signatures, config=config).run(documents())
        SentenceFindDedups(signatures, found, config=config).run()
        last = SentenceDedupFilter(found, config=config)
        for document in last.run(documents()):
            assert document.text is not None
        return int(last.stats.stats["removed_sentences"].total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    real_texts.add_argument(parser)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    logging.disable()
    logger.disable("datatrove")
    texts = [text.text for text in real_texts.all_texts(arguments.data) if text.text]
    size = sum(len(text.encode()) for text in texts)
    count = sum(len(text.splitlines()) for text in texts)
    print(f"{len(texts):,} texts, {size / 1e6:.1f} MB, {count:,} lines; one core, {sys.platform}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        units = write_corpus(folder, texts)
        first = {"more_than": 1, "bucket": None, "normalise": "whitespace", "keep": "first"}
        runs: dict[str, tuple[str, Callable[[], int]]] = {
            "winnow, first stays": ("first", lambda: ours(units, lines.PASS, first, False)),
            "plain set": ("first", lambda: plain_set(texts)),
            "datatrove": ("first", lambda: datatrove(texts)),
            "winnow, as CCNet": ("ccnet", lambda: ours(units, paragraphs.PASS, {}, False)),
            "as cc_net, plain": ("ccnet", lambda: as_cc_net(texts)),
        }
        base: dict[str, float] = {}
        for name, (kind, work) in runs.items():
            if name.startswith("winnow"):
                work()  # compiles
            begin = time.process_time()
            removed = work()
            took = time.process_time() - begin
            base.setdefault(kind, took)
            print(
                f"  {name:20s} {len(texts) / took:10,.0f} documents/s  {size / took / 1e6:7.1f} MB/s  "
                f"{removed:8,} lines cut  winnow is {took / base[kind]:5.1f} times as fast",
                flush=True,
            )
        print("where the time goes:")
        ours(units, lines.PASS, {"within": []}, True)


if __name__ == "__main__":
    main()
