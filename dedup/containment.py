"""Containment: documents of which most is found in one other document, as an edition is in another.

LLaMA-1 removed books with more than 90% of their content in another. The share of document A that
is found in B is estimated from sketches of their word n-grams (see text/sketch.py). The steps, each
out of core: every unit writes its documents' sketches; of longer documents, which are sampled more
thinly, those hashes besides that a shorter one's sketch asks for; every partition of hashes turns
equal ones into pairs; every partition of documents adds these up to shares. Then the documents are
gone through from the largest to the smallest by one task: one that shares more than `threshold`
with a document that stays does not stay. So a document only goes because of one that is kept: of
two that are nearly equal the larger stays, of A within B within C only C.

Size is the number of distinct n-grams; of equally large documents the longest comes first (so that
an edition with accents goes before the same without), then the one with the least id. A hash that
many documents have (boilerplate) pairs each of them with the `most` largest of them alone, so no hash
makes more than `most` pairs a document, and a share found is at least that of one of these. A task
holds the rows of one partition, 36 bytes each; the last ones those with a share above `threshold`,
and the ids of what is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dedup import scope
from dedup.living import beside, living
from dedup.ranking import label_columns
from dedup.scope import SOURCES, WITHIN, Sources, Within, compared, reading
from dedup.shingles import overlap, pairs
from dedup.shingles.overlap import READ_ROWS, SHARES, Sketching
from dedup.shingles.pairs import Numbers
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import among, schema_of, write_by_document
from pipeline.stage import Clusters, Label, Options, Pass, Rule, column
from pipeline.store import join, make_folder, parquet_file
from text.sketch import Sampling

_LEAST_BITS, _MOST_BITS = 1 << 10, 1 << 30  # bytes of the filter of hashes that are asked for

_NAMES = schema_of(document=pa.int64(), id=pa.large_string())
_FOUND = schema_of(
    document=pa.int64(), containment=pa.float64(), contained_in=pa.large_string(),
    cluster=pa.large_string(), rank=pa.int32(), size=pa.int32(),
)  # fmt: skip


COLUMNS = pa.schema(
    [
        column("containment", pa.float64(), "share", "largest part found in one other document that stays"),
        column("containment_in", pa.string(), about="id of that document; empty where there is none"),
        *label_columns("containment"),
    ]
)


class ContainmentOptions(Options):
    """Options of the pass `containment`."""

    ngram: int = Field(default=5, ge=1, le=100, description="words that are compared together")
    scale: int = Field(
        default=64, ge=1, le=1 << 20, description="at most one n-gram of so many is looked at; a power of two"
    )
    hashes: int = Field(
        default=1024, ge=1, description="n-grams of a text that are looked at at least; all of a shorter one"
    )
    most: int = Field(
        default=64,
        ge=1,
        le=1 << 20,
        description="documents, the largest, that another is compared with for a shared n-gram",
    )
    threshold: float = Field(
        default=0.9, ge=0, le=1, description="share above which a document does not stay; as in the rule"
    )
    least: float = Field(default=0.1, ge=0, le=1, description="a smaller share is told as 0")
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)

    @field_validator("scale")
    @classmethod
    def _power_of_two(cls, scale: int) -> int:
        if scale & (scale - 1):
            raise ValueError(f"{scale} is no power of two; use {1 << scale.bit_length()}")
        return scale

    @model_validator(mode="after")
    def _least_below_threshold(self) -> "ContainmentOptions":
        if self.least > self.threshold:
            raise ValueError(
                f"least: {self.least} is above threshold, {self.threshold}; nothing would be found"
            )
        return self


def describe(options: ContainmentOptions) -> list[str]:
    """How exact the shares are, for the plan."""
    among = scope.describe(options.sources, options.within)
    error = 2 * np.sqrt(0.9 * 0.1 / options.hashes)
    sure = f"of a text of {2 * options.hashes:,} distinct {options.ngram}-grams or more"
    if options.scale == 1:
        return [*among, f"word {options.ngram}-grams, all of them: shares are exact"]
    return [
        *among,
        f"word {options.ngram}-grams, {options.hashes:,} or more of a text; shares of shorter ones are exact",
        f"a share of 0.90 {sure} is right within ±{error:.3f} (two standard errors)",
    ]


@dataclass(frozen=True)
class _Verdict:
    """The documents that do not stay, ascending."""

    lost: Numbers

    def stays(self, documents: Numbers) -> NDArray[np.bool_]:
        return ~among(documents, self.lost)


def _decide(threshold: float, files: Sequence[str]) -> _Verdict:
    """Goes through the documents from the largest to the smallest."""
    tables = [SHARES.empty_table()]
    for name in files:
        with parquet_file(name) as file:
            for batch in file.iter_batches(READ_ROWS):
                found = pa.Table.from_batches([batch])
                tables.append(found.filter(pa.array(found.column("share").to_numpy() > threshold)))
    table = pa.concat_tables(tables).combine_chunks()
    ends = [
        {name: table.column(prefix + name).to_numpy() for name in ("weight", "tie")}
        | {"document": table.column(name).to_numpy()}
        for prefix, name in (("", "document"), ("other_", "other"))
    ]
    both = {name: np.concatenate([end[name] for end in ends]) for name in ("weight", "tie", "document")}
    order = np.lexsort((both["document"], both["tie"], -both["weight"]))
    document = both["document"][order]
    new = np.ones(len(order), np.bool_)
    new[1:] = document[1:] != document[:-1]
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(new) - 1
    half = table.num_rows
    gone = pairs.lost(place[:half], place[half:], int(new.sum()))
    return _Verdict(np.sort(document[new][gone]))


def _write_best(folder: str, verdict: _Verdict, files: Sequence[str], part: int) -> str:
    """Of each document the largest share in one that stays."""
    with parquet_file(files[part]) as file:
        table = file.read()
    table = table.filter(pa.array(verdict.stays(table.column("other").to_numpy())))
    document, share = table.column("document").to_numpy(), table.column("share").to_numpy()
    weight, tie = table.column("other_weight").to_numpy(), table.column("other_tie").to_numpy()
    order = np.lexsort((table.column("other").to_numpy(), tie, -weight, -share, document))
    new = np.ones(len(order), np.bool_)
    new[1:] = np.diff(document[order]) != 0
    path = join(folder, f"{part:06d}.parquet")
    write_by_document(path, SHARES, [table.take(pa.array(order[new]))])
    return path


def _write_names(folder: str, files: Sequence[str], unit: CorpusUnit) -> str:
    """The ids of the unit's documents in which others are found."""
    wanted = [np.zeros(0, np.int64)]
    for name in files:
        with parquet_file(name) as file:
            other = file.read(columns=["other"]).column("other").to_numpy()
        wanted.append(other[(other >= unit.first) & (other < unit.first + unit.stored)])
    numbers = np.unique(np.concatenate(wanted)) - unit.first
    found = []
    if len(numbers):
        for table in unit.read(("id",), batch_rows=1 << 16):
            position = table.column("position").to_numpy()
            here = among(position, numbers)
            ids = table.column("id").combine_chunks().cast(pa.large_string()).filter(pa.array(here))
            found.append(pa.table({"document": unit.first + position[here], "id": ids}, schema=_NAMES))
    path = join(folder, f"{unit.index:06d}.parquet")
    write_by_document(path, _NAMES, found)
    return path


def _read_all(files: Sequence[str], schema: pa.Schema) -> pa.Table:
    tables = [schema.empty_table()]
    for name in files:
        with parquet_file(name) as file:
            tables.append(file.read())
    return pa.concat_tables(tables).combine_chunks()


def _write_found(path: str, verdict: _Verdict, best_files: Sequence[str], name_files: Sequence[str]) -> str:
    """Joins the best shares with ids, and numbers those that do not stay behind the one that does.

    A document whose cluster is told as "" is its own.
    """
    best, names = _read_all(best_files, SHARES), _read_all(name_files, _NAMES)
    document, other = best.column("document").to_numpy(), best.column("other").to_numpy()
    known = np.argsort(names.column("document").to_numpy())
    at = known[np.searchsorted(names.column("document").to_numpy()[known], other)]
    inside = names.column("id").combine_chunks().take(pa.array(at))
    gone = ~verdict.stays(document)
    order = np.lexsort((document, best.column("tie").to_numpy(), -best.column("weight").to_numpy(), other))
    order = order[gone[order]]
    keepers, first, members = np.unique(other[order], return_index=True, return_counts=True)
    rank, size = np.zeros(len(document), np.int32), np.ones(len(document), np.int32)
    rank[order] = np.arange(len(order)) - np.repeat(first, members) + 1
    size[order] = np.repeat(members, members) + 1
    kept = np.isin(document, keepers)
    size[kept] = members[np.searchsorted(keepers, document[kept])] + 1
    told = pa.table(
        {
            "document": document,
            "containment": best.column("share"),
            "contained_in": inside,
            "cluster": pc.if_else(pa.array(gone), inside, pa.scalar("", pa.large_string())),
            "rank": rank,
            "size": size,
        },
        schema=_FOUND,
    )
    # Those in which others are found and which themselves are found in none.
    alone = ~np.isin(keepers, document)
    blank = pa.array([""] * int(alone.sum()), pa.large_string())
    zeros = np.zeros(len(blank))
    rest = {"document": keepers[alone], "containment": zeros, "contained_in": blank, "cluster": blank}
    rest |= {"rank": zeros.astype(np.int32), "size": (members[alone] + 1).astype(np.int32)}
    told = pa.concat_tables([told, pa.table(rest, schema=_FOUND)])
    write_by_document(path, _FOUND, [told.take(pa.array(np.argsort(told.column("document").to_numpy())))])
    return path


def _label(found_file: str, unit: CorpusUnit) -> pa.Table:
    """The labels of one unit: what was found of it, and the rest alone."""
    documents = living(unit)
    told = beside(documents, unit, [found_file], _FOUND)
    own = documents.column("id").cast(pa.large_string())
    cluster = told.column("cluster").fill_null("")
    return pa.table(
        [
            told.column("containment").fill_null(0.0),
            told.column("contained_in").fill_null("").cast(pa.string()),
            pc.if_else(pc.equal(cluster, ""), own, cluster).cast(pa.string()),
            told.column("rank").fill_null(0),
            told.column("size").fill_null(1),
        ],
        schema=COLUMNS,
    )


def _run(corpus: Corpus, options: ContainmentOptions) -> Label:
    folders = {
        name: join(corpus.scratch, name)
        for name in ("sketches", "others", "pairs", "shares", "best", "names")
    }
    for folder in folders.values():
        make_folder(folder)
    parts = corpus.partitions
    units = compared(corpus.units, options.sources)
    sampling = Sampling(options.ngram, options.scale, options.hashes)
    how = Sketching(sampling, options.within, parts)
    write = partial(overlap.write_sketches, folders["sketches"], how)
    written = list(corpus.map(write, units, "containment: sketches"))
    files = [file for file, _ in written]
    limit = sampling.limit(max((largest for _, largest in written), default=0))
    asked = sum(corpus.map(partial(overlap.count_above, limit), files, "containment: hashes asked for"))
    if asked:
        size = min(max(1 << int(asked - 1).bit_length(), _LEAST_BITS), _MOST_BITS)
        filtered = partial(overlap.write_bits, join(corpus.scratch, "asked.bits"), limit=limit, size=size)
        [bits] = corpus.map(filtered, [files], "containment: filter")
        answer = partial(overlap.write_others, folders["others"], how, bits)
        files += corpus.map(answer, units, "containment: hashes of longer documents")
    pair = partial(overlap.write_pairs, folders["pairs"], how, options.most, files)
    pair_files = list(corpus.map(pair, range(parts), "containment: pairs"))
    add = partial(overlap.write_shares, folders["shares"], options.least, pair_files, parts)
    share_files = list(corpus.map(add, range(parts), "containment: shares"))
    [verdict] = corpus.map(partial(_decide, options.threshold), [share_files], "containment: who stays")
    choose = partial(_write_best, folders["best"], verdict, share_files)
    best_files = list(corpus.map(choose, range(parts), "containment: largest shares"))
    name_files = list(
        corpus.map(partial(_write_names, folders["names"], best_files), units, "containment: ids")
    )
    join_ids = partial(_write_found, join(corpus.scratch, "found.parquet"), verdict, best_files)
    [found] = corpus.map(join_ids, [name_files], "containment: clusters")
    return partial(_label, found)


PASS: Pass = Pass(
    name="containment",
    reads=("text",),
    adds=COLUMNS,
    run=_run,
    rules=(Rule("containment", "containment > 0.9"),),
    options=ContainmentOptions,
    clusters=lambda options: Clusters(sources=options.sources),
    about="Labels documents of which most is found in one other document: editions, parts, excerpts.",
    paper="Touvron et al. 2023, LLaMA, section 2.1; Irber et al. 2022, Lightweight compositional analysis "
    "of metagenomes with FracMinHash",
    describe=describe,
    of=lambda options: reading(PASS, options.within),
)
