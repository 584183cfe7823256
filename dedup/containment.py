"""Containment: documents of which most is found in one other document, as an edition is in another.

LLaMA-1 removed books with more than 90% of their content in another. The share of document A that
is found in B is estimated from sketches of their word n-grams (see text/sketch.py). The steps, each
out of core: every unit writes its documents' sketches; of longer documents, which are sampled more
thinly, those hashes besides that a shorter one's sketch asks for; every partition of hashes finds the
largest documents that have each; every partition of documents adds up what these share. Then the
documents are gone through from the largest to the smallest by one task: one that shares more than
`threshold` with a document that stays does not stay. So a document only goes because of one that is kept:
of two that are nearly equal the larger stays, of A within B within C only C.

Size is the number of distinct n-grams; of equally large documents the longest comes first (so that
an edition with accents goes before the same without), then the one with the least id. With a hash that
many documents have (boilerplate) each of them is compared with the `most` largest of them alone: no document
is compared with more than `most` others for a hash, and a share found is at least that of one of these.

Partitions are made as small as the n-grams ask: a task holds some millions of rows, about 36 bytes each, and
of a hash no more than `most`. The task that goes through the documents holds 8 bytes for each with a share
above `threshold`, and the pairs of those that are in none that is sure to stay.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from dedup import scope
from dedup.living import beside, living, text_sizes
from dedup.ranking import label_columns
from dedup.scope import SOURCES, WITHIN, Sources, Within, compared, reading
from dedup.shingles import overlap, pairs
from dedup.shingles.overlap import READ_ROWS, SHARES, Sketching
from dedup.shingles.pairs import Numbers
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.exchange import (
    among,
    part_of,
    read_documents,
    read_part,
    schema_of,
    write_by_document,
    write_parts,
)
from pipeline.stage import Clusters, Label, Options, Pass, Rule, column
from pipeline.store import join, make_folder, parquet_file
from text.hashing import mix_array
from text.sketch import Sampling

_LEAST_BITS, _MOST_BITS = 1 << 10, 1 << 30  # bytes of the filter of hashes that are asked for

_WORD_BYTES = 4  # and more: how many n-grams a text has
_PART_ROWS = 1 << 22  # of n-grams that a task holds, about
_MOST_SHARES = 64  # of a document

_LOST = schema_of(document=pa.int64())
_BEST = schema_of(
    document=pa.int64(), weight=pa.int64(), tie=pa.uint64(), other=pa.int64(), share=pa.float64(),
    gone=pa.bool_(),
)  # fmt: skip
_NAMES = schema_of(document=pa.int64(), id=pa.large_string())
_KEEPERS = schema_of(document=pa.int64(), size=pa.int32())
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


def _above(threshold: float, files: Sequence[str]) -> Iterator[pa.Table]:
    """The shares above the threshold."""
    for name in files:
        with parquet_file(name) as file:
            for batch in file.iter_batches(READ_ROWS):
                found = pa.Table.from_batches([batch])
                yield found.filter(pa.array(found.column("share").to_numpy() > threshold))


def _decide(path: str, threshold: float, files: Sequence[str]) -> str:
    """Goes through the documents from the largest to the smallest; writes those that do not stay."""
    # Who is found in nobody stays, and who is found in one of these goes: few are left to go through.
    found = _documents([table.column("document") for table in _above(threshold, files)])
    sure = _documents(
        [
            table.column("document").filter(pa.array(~among(table.column("other").to_numpy(), found)))
            for table in _above(threshold, files)
        ]
    )
    tables = [SHARES.empty_table()]
    for each in _above(threshold, files):
        open_ = ~among(each.column("document").to_numpy(), sure) & ~among(
            each.column("other").to_numpy(), sure
        )
        tables.append(each.filter(pa.array(open_)))
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
    lost = np.sort(np.concatenate([sure, document[new][gone]]))
    write_by_document(path, _LOST, [pa.table({"document": lost}, schema=_LOST)])
    return path


def _documents(columns: Iterable[pa.ChunkedArray]) -> Numbers:
    """The different documents of columns, ascending."""
    found = [np.zeros(0, np.int64), *(overlap.different(column.to_numpy()) for column in columns)]
    return overlap.different(np.concatenate(found))


def _stays(lost_file: str, documents: Numbers) -> NDArray[np.bool_]:
    """Which documents are not among those that the file has, [n]; it is read in pieces."""
    known, which = np.unique(documents, return_inverse=True)
    stays = np.ones(len(known), np.bool_)
    with parquet_file(lost_file) as file:
        for batch in file.iter_batches(READ_ROWS):
            stays &= ~among(known, batch.column("document").to_numpy())
    return stays[which.ravel()]


def _write_best(folder: str, lost_file: str, files: Sequence[str], parts: int, part: int) -> tuple[str, str]:
    """Of each document the largest share in one that stays: cut by that one; and these by number."""
    with parquet_file(files[part]) as file:
        table = file.read()
    table = table.filter(pa.array(_stays(lost_file, table.column("other").to_numpy())))
    document, share = table.column("document").to_numpy(), table.column("share").to_numpy()
    weight, tie = table.column("other_weight").to_numpy(), table.column("other_tie").to_numpy()
    order = np.lexsort((table.column("other").to_numpy(), tie, -weight, -share, document))
    new = np.ones(len(order), np.bool_)
    new[1:] = np.diff(document[order]) != 0
    best = table.take(pa.array(order[new])).select([field.name for field in _BEST if field.name != "gone"])
    best = best.append_column(
        _BEST.field("gone"), pa.array(~_stays(lost_file, best.column("document").to_numpy()))
    )
    paths = join(folder, f"{part:06d}.parquet"), join(folder, f"{part:06d}.others.parquet")
    other = best.column("other").to_numpy()
    write_parts(paths[0], _BEST, [(best, part_of(mix_array(other.astype(np.uint64)), parts))], parts)
    write_by_document(paths[1], _LOST, [pa.table({"document": overlap.different(other)}, schema=_LOST)])
    return paths


def _write_names(folder: str, files: Sequence[str], parts: int, unit: CorpusUnit) -> str:
    """The ids of the unit's documents in which others are found."""
    wanted = [read_documents(name, unit.first, unit.first + unit.stored).column("document") for name in files]
    numbers = _documents(wanted)

    def found() -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        for table in unit.read(("id",), batch_rows=1 << 16) if len(numbers) else ():
            number = unit.first + table.column("position").to_numpy()
            here = among(number, numbers)
            ids = table.column("id").combine_chunks().cast(pa.large_string()).filter(pa.array(here))
            rows = pa.table({"document": number[here], "id": ids}, schema=_NAMES)
            yield rows, part_of(mix_array(number[here].astype(np.uint64)), parts)

    path = join(folder, f"{unit.index:06d}.parquet")
    write_parts(path, _NAMES, found(), parts)
    return path


def _write_found(
    folder: str, best_files: Sequence[str], name_files: Sequence[str], parts: int, part: int
) -> tuple[str, str]:
    """Joins the best shares with ids, and numbers those that do not stay behind the one that does.

    Files by document: of what was found, a document whose cluster is told as "" being its own; and of those
    behind which others stand.
    """
    best, names = read_part(best_files, part, parts, _BEST), read_part(name_files, part, parts, _NAMES)
    document, other = best.column("document").to_numpy(), best.column("other").to_numpy()
    known = np.argsort(names.column("document").to_numpy())
    at = known[np.searchsorted(names.column("document").to_numpy()[known], other)]
    inside = names.column("id").combine_chunks().take(pa.array(at))
    gone = best.column("gone").to_numpy(zero_copy_only=False)
    order = np.lexsort((document, best.column("tie").to_numpy(), -best.column("weight").to_numpy(), other))
    order = order[gone[order]]
    keepers, first, members = np.unique(other[order], return_index=True, return_counts=True)
    rank, size = np.zeros(len(document), np.int32), np.ones(len(document), np.int32)
    rank[order] = np.arange(len(order)) - np.repeat(first, members) + 1
    size[order] = np.repeat(members, members) + 1
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
    paths = join(folder, f"{part:06d}.parquet"), join(folder, f"{part:06d}.keepers.parquet")
    write_by_document(paths[0], _FOUND, [told.take(pa.array(np.argsort(document)))])
    sizes = pa.table({"document": keepers, "size": (members + 1).astype(np.int32)}, schema=_KEEPERS)
    write_by_document(paths[1], _KEEPERS, [sizes])
    return paths


def _label(files: Sequence[tuple[str, str]], unit: CorpusUnit) -> pa.Table:
    """The labels of one unit: what was found of it, and the rest alone."""
    documents = living(unit)
    told = beside(documents, unit, [found for found, _ in files], _FOUND)
    keepers = beside(documents, unit, [keepers for _, keepers in files], _KEEPERS)
    own = documents.column("id").cast(pa.large_string())
    cluster = told.column("cluster").fill_null("")
    return pa.table(
        [
            told.column("containment").fill_null(0.0),
            told.column("contained_in").fill_null("").cast(pa.string()),
            pc.if_else(pc.equal(cluster, ""), own, cluster).cast(pa.string()),
            told.column("rank").fill_null(0),
            pc.coalesce(keepers.column("size"), told.column("size"), pa.scalar(1, pa.int32())),
        ],
        schema=COLUMNS,
    )


def _rows(options: ContainmentOptions, unit: CorpusUnit) -> int:
    """How many n-grams of a unit are looked at, about, by the bytes of its texts: more rather than less."""
    words = text_sizes(unit) // _WORD_BYTES
    looked_at = np.minimum(words, np.maximum(2 * options.hashes, words // options.scale))
    # A document of one word may be found in as many others as are looked at.
    return int(np.maximum(looked_at, min(options.most, _MOST_SHARES)).sum())


def _run(corpus: Corpus, options: ContainmentOptions) -> Label:
    folders = {
        name: join(corpus.scratch, name)
        for name in ("sketches", "others", "lists", "shares", "best", "names", "found")
    }
    for folder in folders.values():
        make_folder(folder)
    units = compared(corpus.units, options.sources)
    rows = sum(corpus.map(partial(_rows, options), units, "containment: sizes"))
    parts = max(corpus.partitions, -(-rows // _PART_ROWS))
    sampling = Sampling(options.ngram, options.scale, options.hashes)
    how = Sketching(sampling, options.within, parts)
    write = partial(overlap.write_sketches, folders["sketches"], how)
    written = list(corpus.map(write, units, "containment: sketches"))
    files, others = [file for file, _ in written], []
    limit = sampling.limit(max((largest for _, largest in written), default=0))
    asked = sum(corpus.map(partial(overlap.count_above, limit), files, "containment: hashes asked for"))
    if asked:
        size = min(max(1 << int(asked - 1).bit_length(), _LEAST_BITS), _MOST_BITS)
        filtered = partial(overlap.write_bits, join(corpus.scratch, "asked.bits"), limit=limit, size=size)
        [bits] = corpus.map(filtered, [files], "containment: filter")
        answer = partial(overlap.write_others, folders["others"], how, bits)
        others = list(corpus.map(answer, units, "containment: hashes of longer documents"))
    gather = partial(overlap.write_lists, folders["lists"], how, options.most, files, others)
    lists = list(corpus.map(gather, range(parts), "containment: lists"))
    add = partial(overlap.write_shares, folders["shares"], options.least, lists, parts)
    share_files = list(corpus.map(add, range(parts), "containment: shares"))
    decide = partial(_decide, join(corpus.scratch, "lost.parquet"), options.threshold)
    [lost] = corpus.map(decide, [share_files], "containment: who stays")
    choose = partial(_write_best, folders["best"], lost, share_files, parts)
    best = list(corpus.map(choose, range(parts), "containment: largest shares"))
    name = partial(_write_names, folders["names"], [within for _, within in best], parts)
    names = list(corpus.map(name, units, "containment: ids"))
    tell = partial(_write_found, folders["found"], [path for path, _ in best], names, parts)
    return partial(_label, list(corpus.map(tell, range(parts), "containment: clusters")))


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
