"""Semantic deduplication: documents that say the same, whatever their words (SemDeDup).

Every document is embedded. Spherical k-means cuts the vectors into clusters; within a cluster documents
are put in an order, those farthest from the centroid first, and each is told its largest cosine with one
that stands before it. Where that is above 1 - epsilon it goes, as in SemDeDup's own code, even if the
one before it goes too: so each leads, over others before it, to one that stays, the keeper of its cluster.

`semantic_similarity` does not depend on epsilon: a rule with another threshold needs no new run of the pass.
Documents of two k-means clusters are never compared; so is the method. See dedup/semdedup/vectors.py for
why the labels are the same bytes however the work is cut and in whatever order it is done.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, TypeAdapter

from dedup import scope
from dedup.keep import ORDER_KEYS, ORDERS, FromSource, Keep, Orders, keep_columns
from dedup.living import beside, living
from dedup.ranking import label_columns
from dedup.scope import SOURCES, WITHIN, Sources, Within, compared, reading
from dedup.semdedup.clusters import (
    PART_BYTES,
    PROTOTYPES,
    Work,
    count_clusters,
    part_count,
    scatter,
    write_centroids_of,
    write_embedded,
    write_prototypes,
)
from dedup.semdedup.copies import FOUND, write_empty_table, write_neighbours
from dedup.semdedup.vectors import Method, version_of
from embedding import embed as embedding
from embedding.embed import Embed
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.faults import choose
from pipeline.stage import Label, Names, Options, Pass, Rule, column
from pipeline.store import join, make_folder, parquet_file

TABLE = "semantic_embeddings"
_PER_CLUSTER = 2048  # documents, at least, of clusters whose number nobody states
_SAMPLE = 128  # documents of each cluster that centroids are found from, in all so many:
_LEAST_SAMPLE, _MOST_SAMPLE = 4096, 1 << 18

COLUMNS = pa.schema(
    [
        *label_columns("semantic"),
        column(
            "semantic_similarity", pa.float64(), "cosine", "largest with a document before it in its cluster"
        ),
        column("semantic_nearest", pa.string(), about="id of that document; empty where there is none"),
        column("semantic_centroid", pa.int32(), about="number of its k-means cluster; -1 without a vector"),
        column("semantic_distance", pa.float64(), "1 - cosine", "from the centroid of its k-means cluster"),
    ]
)
_PROTOTYPE = column(
    "semantic_prototype",
    pa.float64(),
    "share",
    "of the documents left that are nearer to their centroids; D4",
)

_KEEP = TypeAdapter(Keep)
_PLACES = ("farthest", "nearest")  # by the distance from the centroid


def _keep(value: Any) -> Any:
    if value in _PLACES:
        return value
    if isinstance(value, str) and value not in (*ORDERS, *ORDER_KEYS):
        raise ValueError(f"unknown order {value!r}; {choose(value, (*_PLACES, *ORDERS))}")
    for each in value if isinstance(value, list | tuple) else ():
        if each in _PLACES:
            raise ValueError(f"{each} decides by itself and stands in no list; write `keep: {each}`")
    return _KEEP.validate_python(value)


def _keep_sources(keep: Any) -> list[str]:
    return [name for order in _orders(keep) if isinstance(order, FromSource) for name in order.source]


def _keep_columns(keep: Any) -> dict[str, str]:
    return dict.fromkeys(keep_columns(_orders(keep)), "number")


def _orders(keep: Any) -> Orders:
    return () if isinstance(keep, str) else keep


SemanticKeep = Annotated[
    Literal["farthest", "nearest"] | Orders,
    BeforeValidator(_keep),
    Names(sources=_keep_sources, columns=_keep_columns),
]


class SemanticOptions(Options):
    """Options of the pass `semantic`."""

    embed: Embed = Field(description="what turns documents into vectors: static, model or endpoint")
    epsilon: float = Field(
        default=0.05, gt=0, lt=1, description="documents with a cosine above 1 - epsilon are copies"
    )
    clusters: int | None = Field(
        default=None,
        ge=1,
        le=1 << 20,
        description="clusters of k-means; default: one per 2,048 documents, or per square root of their "
        "number where that is more",
    )
    kmeans: Method = Field(default="scikit-learn", description="what finds the centroids")
    largest: int = Field(
        default=50_000,
        ge=2,
        description="documents that are compared with one another; larger clusters are cut",
    )
    keep: SemanticKeep = Field(
        default="farthest",
        description="who comes first: farthest from the centroid, nearest to it, or the orders of other "
        "passes (newest, longest, {source: [best, next]} …); then the least id",
    )
    prototypes: bool = Field(
        default=False, description="cluster what is left anew, and tell how near to its centroid each is (D4)"
    )
    embeddings: bool = Field(
        default=True, description="keep the vectors with the run, for `winnow neighbours` and SQL"
    )
    seed: int = Field(default=1, ge=0, lt=1 << 32, description="of k-means")
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)


def cluster_count(documents: int) -> int:
    """Clusters of k-means for so many documents, where nobody states their number."""
    return max(1, round(documents / max(_PER_CLUSTER, sqrt(documents))))


def _threshold(options: SemanticOptions) -> float:
    return round(1.0 - options.epsilon, 6)


def describe(options: SemanticOptions) -> list[str]:
    """What is embedded and how, and what counts as a copy, for the plan."""
    number = (
        "one per 2,048 documents or their square root"
        if options.clusters is None
        else f"{options.clusters:,}"
    )
    return [
        *scope.describe(options.sources, options.within),
        *embedding.describe(options.embed),
        f"k-means clusters: {number} ({options.kmeans}); a cosine above {_threshold(options):g} with a "
        "document before it in its cluster is a copy",
    ]


def _fingerprint(options: SemanticOptions) -> str:
    return f"{embedding.fingerprint(options.embed)} {version_of(options.kmeans)}"


def _run(corpus: Corpus, options: SemanticOptions) -> Label:
    folders = {
        name: join(corpus.scratch, name) for name in ("embedded", "parts", "found", "left", "prototypes")
    }
    for folder in folders.values():
        make_folder(folder)
    units = compared(corpus.units, options.sources)
    alive = sum(unit.alive for unit in units)
    count = options.clusters or cluster_count(alive)
    work = _work(options, alive, count)
    embed = partial(write_embedded, folders["embedded"], work)
    every = list(corpus.map(embed, units, "semantic: embeddings"))
    embedded = [found for found in every if found.rows]
    if not embedded:
        if options.embeddings:  # of no vectors; where there is no text either, nobody knows their size
            write_empty_table(join(corpus.tables, TABLE), max((found.size for found in every), default=0))
        return partial(_label, options.prototypes, [], [], np.zeros(0))
    size = embedded[0].size
    files = [found.path for found in embedded]
    centroids = join(corpus.scratch, "centroids.npy")
    samples = [found.sample for found in embedded]
    [count] = corpus.map(write_centroids_of(centroids, work, count), [samples], "semantic: centroids")
    counts = np.zeros(count, np.int64)
    for found in corpus.map(partial(count_clusters, centroids), files, "semantic: clusters"):
        counts += found
    rows = max(1, PART_BYTES // (2 * size))
    cut = partial(scatter, folders["parts"], work, centroids, counts, rows)
    part_files = list(corpus.map(cut, embedded, "semantic: exchange"))
    parts = part_count(counts, rows)
    table = join(corpus.tables, TABLE) if options.embeddings else None
    if table is not None:
        make_folder(table)
    left = folders["left"] if options.prototypes else None
    compare = partial(write_neighbours, folders["found"], table, work, size, part_files, parts, left)
    found_files = list(corpus.map(compare, range(parts), "semantic: neighbours"))
    if not options.prototypes:
        return partial(_label, False, found_files, [], np.zeros(0))
    return partial(_label, True, found_files, *_prototypes(corpus, options, folders, parts))


def _work(options: SemanticOptions, documents: int, count: int) -> Work:
    wanted = max(_LEAST_SAMPLE, min(_SAMPLE * count, _MOST_SAMPLE))
    return Work(
        embed=options.embed,
        within=options.within,
        keep=_orders(options.keep),
        farthest=options.keep != "nearest",
        method=options.kmeans,
        seed=options.seed,
        largest=options.largest,
        threshold=_threshold(options),
        sampled=min(1 << 64, (wanted << 64) // max(1, documents)),
    )


def _prototypes(
    corpus: Corpus, options: SemanticOptions, folders: dict[str, str], parts: int
) -> tuple[list[str], NDArray[np.float64]]:
    """D4's second step: survivors clustered anew. Files by document, and of each bin of distances the
    share of survivors that are nearer."""
    files = [join(folders["left"], f"{part:06d}.parquet") for part in range(parts)]
    left = sum(corpus.map(_rows, files, "semantic: survivors"))
    count = options.clusters or cluster_count(left)
    centroids = join(corpus.scratch, "prototypes.npy")
    work = _work(options, left, count)
    [_] = corpus.map(write_centroids_of(centroids, work, count), [files], "semantic: centroids of survivors")
    measure = partial(write_prototypes, folders["prototypes"], centroids)
    told, total = [], np.zeros(1, np.int64)
    for path, counts in corpus.map(measure, list(enumerate(files)), "semantic: prototypes"):
        told.append(path)
        total = total + counts
    nearer = np.cumsum(total) - total
    return told, nearer / max(1, left)


def _rows(path: str) -> int:
    with parquet_file(path) as file:
        return int(file.metadata.num_rows)


def _label(
    prototypes: bool, found_files: Sequence[str], prototype_files: Sequence[str], nearer: NDArray[np.float64],
    unit: CorpusUnit,
) -> pa.Table:  # fmt: skip
    """The labels of one unit: what the parts found of it, and the rest alone."""
    documents = living(unit)
    own = documents.column("id").combine_chunks().cast(pa.large_string())
    found = beside(documents, unit, found_files, FOUND)
    arrays = [
        pc.coalesce(found["cluster"], own).cast(pa.string()),
        pc.fill_null(found["rank"], 0),
        pc.fill_null(found["size"], 1),
        pc.fill_null(found["similarity"], 0.0),
        pc.fill_null(found["nearest"], "").cast(pa.string()),
        pc.fill_null(found["centroid"], -1),
        pc.fill_null(found["distance"], 0.0),
    ]
    if not prototypes:
        return pa.table(arrays, schema=COLUMNS)
    near = beside(documents, unit, prototype_files, PROTOTYPES)
    share = np.append(nearer, 1.0)[pc.fill_null(near["bin"], -1).to_numpy()]
    return pa.table([*arrays, share], schema=COLUMNS.append(_PROTOTYPE))


def _of(options: SemanticOptions) -> Pass:
    rules = [Rule("semantic_duplicate", f"semantic_similarity > {_threshold(options):g}")]
    adds = COLUMNS
    if options.prototypes:
        rules.append(Rule("semantic_prototype", "semantic_prototype < 0.2"))
        adds = COLUMNS.append(_PROTOTYPE)
    tables = _PASS.tables if options.embeddings else {}
    made = replace(_PASS, rules=tuple(rules), adds=adds, tables=tables)
    return reading(made, (*options.within, *_keep_columns(options.keep)))


_PASS = Pass(
    name="semantic",
    reads=("text",),
    adds=COLUMNS,
    run=_run,
    rules=(Rule("semantic_duplicate", "semantic_similarity > 0.95"),),
    options=SemanticOptions,
    about="Labels documents that mean the same, by their embeddings: SemDeDup, with D4's prototypes.",
    paper="Abbas et al. 2023, SemDeDup, arXiv:2303.09540; Tirumala et al. 2023, D4, arXiv:2308.12284",
    describe=describe,
    fingerprint=_fingerprint,
    tables={TABLE: "the vector of each document that was compared, with its k-means cluster"},
)
PASS = replace(_PASS, of=_of)
