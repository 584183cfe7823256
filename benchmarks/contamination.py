"""Decontamination beside datatrove's filter and a plain set of tuples, on real texts and benchmarks.

    python benchmarks/contamination.py [--data FOLDER] [--documents 2000] [--rounds 3]

Texts are the samples and main texts of pages of the folder of real data, benchmarks those of its folder
`decontam`, both the same for all sides, which look for 13-grams of questions with their answers:

- winnow: the search of the pass `contamination`, from Arrow strings to the n-grams of each document;
- datatrove: NGramsDecontFilter, its words and its hashes, the index made of the same items' texts;
- plain Python: lower-cased words without punctuation, in tuples, looked up in a set; the first match ends it.

Times are CPU times of this process, medians over rounds; building the indexes is left out, and told apart.
So that there is something to find, one text in a hundred has an item planted in its middle.
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import pyarrow as pa

from benchmarks import real_texts
from dedup.benchmark.grams import gram_hashes
from dedup.benchmark.index import BenchmarkIndex, map_index, write_index
from dedup.benchmark.matches import Found
from dedup.benchmark.sets import BenchmarkSet, open_sets, read_items
from text.strings import Strings

NGRAM, LEAST = 13, 13
BATCH_ROWS = 512
_WORD = re.compile(r"[^\W_]+")


def texts_of(folder: Path, count: int, items: list[str]) -> tuple[list[str], set[int]]:
    """`count` texts, and which of them have an item of a benchmark in their middle."""
    found = [text.text for text in (*real_texts.jsonl(folder), *real_texts.pages(folder)) if text.text]
    found = [text for text in found if len(text) <= real_texts.LONGEST]
    draw = random.Random(0)
    draw.shuffle(found)
    found = found[:count]
    planted = set(draw.sample(range(len(found)), len(found) // 100))
    for at in planted:
        middle = len(found[at]) // 2
        found[at] = f"{found[at][:middle]}\n{draw.choice(items)}\n{found[at][middle:]}"
    return found, planted


def plain(text: str) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return [tuple(words[at : at + NGRAM]) for at in range(len(words) - NGRAM + 1)]


def datatrove_filter(items: list[str]) -> Callable[[str], bool]:
    from datatrove.data import Document
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    config = NGramsDecontConfig(n_grams=NGRAM)
    judge = NGramsDecontFilter(tempfile.mkdtemp(), config)
    judge._index_hashes = {}
    for item in items:
        tokens = judge.tokenizer.word_tokenize(simplify_text(item, config.norm_config))
        for ngram in ngrams(tokens, NGRAM):
            judge._index_hashes[judge.hash_func(" ".join(ngram))] = "benchmarks"
    return lambda text: judge.filter(Document(text, "")) is not True


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def search(index: BenchmarkIndex, tables: list[pa.Table]) -> list[bool]:
    """Whether each document holds an n-gram."""
    found: list[bool] = []
    for table in tables:
        held = set(Found.of(index, *gram_hashes(Strings.of(table.column("text")))).row.tolist())
        found += [row in held for row in range(table.num_rows)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    files = open_sets([BenchmarkSet(path=str(chosen.data / "decontam"))]).files
    records = [item for file in files for item in read_items(file) if item is not None]
    items = list(dict.fromkeys(text for item in records for text in item.texts))
    texts, planted = texts_of(chosen.data, chosen.documents, [text for text in items if len(plain(text)) > 5])
    table = pa.table({"text": pa.array(texts, pa.large_string())})
    tables = [table.slice(first, BATCH_ROWS) for first in range(0, len(table), BATCH_ROWS)]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6

    folder = tempfile.mkdtemp()
    building = [cpu(lambda: write_index(folder, files, NGRAM, LEAST))]
    index = map_index(folder)
    known: set[tuple[str, ...]] = set()
    building.append(cpu(lambda: known.update(ngram for item in items for ngram in plain(item))))
    started = time.process_time()
    judge = datatrove_filter(items)
    building.append(time.process_time() - started)

    sides: dict[str, Callable[[], list[bool]]] = {
        "winnow": lambda: search(index, tables),
        "a set of tuples": lambda: [any(ngram in known for ngram in plain(text)) for text in texts],
        "datatrove": lambda: [judge(text) for text in texts],
    }
    print(
        f"{len(texts):,} texts of {megabytes:.1f} MB, {len(planted)} with a planted item; "
        f"{len(records):,} items of {len(files)} sets, {len(index):,} n-grams"
    )
    print(
        f"{'':16} {'index s':>8} {'MB/s':>8} {'texts/s':>9} {'slower by':>10} {'found':>6} {'of planted':>11}"
    )
    for _ in range(2):  # compiles
        verdicts = {"winnow": sides["winnow"]()}
    ours = statistics.median(cpu(sides["winnow"]) for _ in range(chosen.rounds))
    for (name, work), built in zip(sides.items(), building, strict=True):
        if name not in verdicts:
            verdicts[name] = work()
        seconds = ours if name == "winnow" else statistics.median(cpu(work) for _ in range(chosen.rounds))
        found = {row for row, dirty in enumerate(verdicts[name]) if dirty}
        print(
            f"{name:16} {built:8.1f} {megabytes / seconds:8.2f} {len(texts) / seconds:9,.0f} "
            f"{seconds / ours:9.1f}x {len(found):6} {len(found & planted):11}"
        )


if __name__ == "__main__":
    main()
