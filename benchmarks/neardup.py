"""Labelled near-duplicates: what MinHash finds of them, beside datasketch, datatrove and rensa.

    python -m benchmarks.neardup FOLDER

FOLDER holds McCormick's articles (`mccormick-articles_N.train.gz`, a document a line behind its id, and
`.truth.gz`, the ids of each planted pair) and pairs of web pages judged by people
(`copycat-canonical-pairs.jsonl.gz`: texts `a` and `b`, `label` 0.5, 1, 2 or 3). All tools take the same
texts, word 5-grams and, but for the row that says otherwise, 14 bands of 8 rows, and unite candidates to
clusters; precision, recall and F1 are of pairs of documents in one cluster, the adjusted Rand index (ARI) of
the clusters. Of judged pairs alone it is known what they are, so there is no ARI, and precision is among
them. rensa is left out where it is not installed.
"""

import argparse
import gzip
import importlib
import importlib.util
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.serial_corpus import SerialCorpus
from dedup.minhash import PASS, MinhashOptions
from pipeline.corpus import CorpusUnit
from pipeline.stage import configured
from pipeline.store import ParquetSink

Pair = tuple[int, int]
Clusters = list[int]  # of each document, equal where the tool takes documents for one

BANDS, ROWS, NGRAM = 14, 8, 5
GRADES = ("3", "2", "1", "0.5")  # from the surest on
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("date", pa.timestamp("us")),
        pa.field("bytes", pa.int64()),
        pa.field("text", pa.large_string()),
    ]
)


def by_winnow(texts: Sequence[str], folder: str, **options: Any) -> Clusters:
    path = os.path.join(folder, "documents.parquet")
    columns = {
        "id": [f"{number:08d}" for number in range(len(texts))],
        "date": pa.nulls(len(texts), pa.timestamp("us")),
        "bytes": [len(text.encode()) for text in texts],
        "text": list(texts),
    }
    with ParquetSink(path, SCHEMA) as sink:
        sink.write(pa.table(columns, schema=SCHEMA))
    unit = CorpusUnit(0, "0", "made", 0, len(texts), len(texts), path, (), SCHEMA)
    asked = MinhashOptions.model_validate({"bands": BANDS, "rows": ROWS, "ngram": NGRAM, **options})
    corpus = SerialCorpus([unit], 1, folder, folder)
    labels = configured(PASS, asked).run(corpus, asked)(unit)
    return [int(name) for name in labels.column("minhash_cluster").to_pylist()]


def _grams(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))]


def united(count: int, pairs: Iterable[Pair]) -> Clusters:
    """Connected components: of each document the least one of its own."""
    parents = list(range(count))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for left, right in pairs:
        a, b = root(left), root(right)
        parents[max(a, b)] = min(a, b)
    return [root(at) for at in range(count)]


def by_datasketch(texts: Sequence[str], folder: str) -> Clusters:
    import datasketch

    del folder
    lsh = datasketch.MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    pairs: list[Pair] = []
    for number, text in enumerate(texts):
        made = datasketch.MinHash(BANDS * ROWS)
        made.update_batch([gram.encode() for gram in _grams(text)])
        pairs += [(number, other) for other in lsh.query(made)]
        lsh.insert(number, made, check_duplication=False)
    return united(len(texts), pairs)


def by_rensa(texts: Sequence[str], folder: str) -> Clusters:
    rensa: Any = importlib.import_module("rensa")
    del folder
    lsh = rensa.RMinHashLSH(0.8, BANDS * ROWS, BANDS)
    pairs: list[Pair] = []
    for number, text in enumerate(texts):
        made = rensa.RMinHash(BANDS * ROWS, 1)
        made.update(_grams(text))
        pairs += [(number, other) for other in lsh.query(made)]
        lsh.insert(number, made)
    return united(len(texts), pairs)


def by_datatrove(texts: Sequence[str], folder: str) -> Clusters:
    """Its steps, told to keep the number of each document's cluster."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    source, signed, bucketed, removed, kept, gone = (
        os.path.join(folder, name) for name in ("source", "signed", "bucketed", "removed", "kept", "gone")
    )
    os.mkdir(source)
    with open(os.path.join(source, "texts.jsonl"), "w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": str(number), "text": text}) + "\n")
    config = MinhashConfig(NGRAM, BANDS, ROWS)
    reader = JsonlReader(source)
    told = MinhashDedupFilter(removed, JsonlWriter(gone, compression=None), load_cluster_ids=True)
    steps = (
        (1, [reader, MinhashDedupSignature(signed, config)]),
        (BANDS, [MinhashDedupBuckets(signed, bucketed, config=config)]),
        (1, [MinhashDedupCluster(bucketed, removed, config=config, save_cluster_id=True)]),
        (1, [reader, told, JsonlWriter(kept, compression=None)]),
    )
    for number, (tasks, pipeline) in enumerate(steps):
        logs = os.path.join(folder, f"log{number}")
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
    clusters = list(range(len(texts)))
    for path in [*Path(kept).glob("*.jsonl"), *Path(gone).glob("*.jsonl")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            document = json.loads(line)
            cluster = document["metadata"].get("minhash_cluster_id")
            if cluster is not None and cluster >= 0:  # below 0: alone
                clusters[int(document["id"])] = len(texts) + int(cluster)
    return clusters


TOOLS: dict[str, Callable[[Sequence[str], str], Clusters]] = {
    "winnow, verified from 0.8": by_winnow,
    "winnow, verified from 0.6": lambda texts, folder: by_winnow(texts, folder, jaccard=0.6),
    "winnow, 32 x 4, from 0.6": lambda texts, folder: by_winnow(texts, folder, bands=32, rows=4, jaccard=0.6),
    "winnow, unverified": lambda texts, folder: by_winnow(texts, folder, verify=False),
    "datasketch": by_datasketch,
    "datatrove": by_datatrove,
    "rensa": by_rensa,
}


def adjusted_rand_index(one: Sequence[int], other: Sequence[int]) -> float:
    """How far two partitions of the same documents agree: 1 wholly, 0 as by chance (Hubert, Arabie 1985)."""

    def pairs(counts: Iterable[int]) -> int:
        return sum(count * (count - 1) // 2 for count in counts)

    both = pairs(Counter(zip(one, other, strict=True)).values())
    left, right = pairs(Counter(one).values()), pairs(Counter(other).values())
    chance = left * right / max(1, pairs([len(one)]))
    most = (left + right) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def pairs_of(clusters: Clusters) -> set[Pair]:
    members: dict[int, list[int]] = {}
    for number, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(number)
    return {pair for each in members.values() for pair in combinations(each, 2)}


def scores(found: set[Pair], true: set[Pair]) -> str:
    right = len(found & true)
    precision, recall = right / max(1, len(found)), right / max(1, len(true))
    f1 = 2 * precision * recall / max(1e-12, precision + recall)
    return f"{precision:9.3f} {recall:9.3f} {f1:9.3f}"


def clustered(texts: Sequence[str]) -> Iterator[tuple[str, Clusters]]:
    for name, tool in TOOLS.items():
        if name != "rensa" or importlib.util.find_spec("rensa"):
            with tempfile.TemporaryDirectory() as folder:
                yield name, tool(texts, folder)


def compare_articles(folder: Path, count: int) -> None:
    stem = folder / f"mccormick-articles_{count}"
    with gzip.open(f"{stem}.train.gz", "rt", encoding="utf-8") as file:
        documents = dict(line.rstrip("\n").split(" ", 1) for line in file)
    number = {name: at for at, name in enumerate(documents)}
    with gzip.open(f"{stem}.truth.gz", "rt", encoding="utf-8") as file:
        true = {
            (number[a], number[b]) for a, b in (sorted(line.split(), key=number.__getitem__) for line in file)
        }
    truth = united(len(documents), true)
    print(f"\n{count} articles, {len(true)} planted pairs")
    print(f"  {'':28s} {'precision':>9s} {'recall':>9s} {'F1':>9s} {'ARI':>9s}")
    for name, clusters in clustered(list(documents.values())):
        ari = adjusted_rand_index(clusters, truth)
        print(f"  {name:28s} {scores(pairs_of(clusters), true)} {ari:9.3f}", flush=True)


def compare_pages(folder: Path) -> None:
    with gzip.open(folder / "copycat-canonical-pairs.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    judged = [row for row in rows if row["label"] in GRADES]
    texts = list(dict.fromkeys(row[side] for row in judged for side in "ab"))
    number = {text: at for at, text in enumerate(texts)}
    grades: dict[Pair, str] = {}
    for row in judged:
        a, b = sorted((number[row["a"]], number[row["b"]]))
        grades[a, b] = row["label"]
    found = list(clustered(texts))
    shared = {
        grade: np.median([_jaccard(texts[a], texts[b]) for (a, b), each in grades.items() if each == grade])
        for grade in GRADES
    }
    told = ", ".join(f"{share:.2f} of grade {grade}" for grade, share in shared.items())
    print(f"\n{len(grades)} judged pairs of web pages; similarity of their 5-grams, median: {told}")
    for last in range(1, len(GRADES)):
        true = {pair for pair, grade in grades.items() if grade in GRADES[:last]}
        print(f"  duplicates are those of grade {GRADES[last - 1]} or more: {len(true)}")
        print(f"  {'':28s} {'precision':>9s} {'recall':>9s} {'F1':>9s}")
        for name, clusters in found:
            same = {(a, b) for a, b in grades if clusters[a] == clusters[b]}
            print(f"  {name:28s} {scores(same, true)}", flush=True)


def _jaccard(one: str, other: str) -> float:
    a, b = set(_grams(one)), set(_grams(other))
    return len(a & b) / len(a | b)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="MinHash on labelled near-duplicates.")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    for size in (100, 1000):
        compare_articles(chosen.folder, size)
    compare_pages(chosen.folder)
