"""Decontamination: documents that hold items of benchmarks, by their word n-grams.

GPT-3 looked for runs of 13 words ("lowercase, whitespace delimited", without punctuation) that a document
shares with an item of a test set, and took n-grams that more than 10 documents have for common text (Brown
et al. 2020, appendix C). So does this pass, with the words of text/words.py without case, punctuation and
diacritics (see dedup/benchmark/grams.py). Where it differs:

- An item of fewer than 13 words is looked for as a whole, down to 8 words: GPT-3 found no use in less, and
  took for each set one n from 8 to 13 by the lengths of its items.
- GPT-3 cut out an n-gram with 200 characters on either side, and dropped what was cut into more than 10
  pieces; it had dropped every document with a match first, and thought that too hard on books. Here the rule
  drops, and is SQL: over `contamination_share` where a match alone shall not condemn.
- An n-gram counts as found once for each document, however often it stands there; n-grams of one document
  that belong to more items count for each.

The share is that of the n-grams of one text of an item (the question; the question with its answer) found in
the document. PaLM called an item contaminated from 70% of its 8-grams on (Chowdhery et al. 2022); Llama 2
from 80% of its tokens in runs of more than 10, of which four may differ (Touvron et al. 2023, appendix A.6).
Common n-grams alone make no match; in the share and in the stretch that is told they count where another
n-gram of the item is found too.

How: the n-grams of the sets are written once, as files that every worker maps. Every unit is searched, and
the n-grams that its documents hold are counted; the counts of all units say which are common; those documents
that hold another are searched again, and what they hold is told. A task holds one batch of texts, and 8 bytes
for each n-gram of the sets; nothing is as long as the corpus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from dedup import scope
from dedup.benchmark.grams import Ints, distinct, gram_hashes
from dedup.benchmark.index import map_index, survey, write_index
from dedup.benchmark.matches import FOUND, TOLD, Found, tell
from dedup.benchmark.sets import BenchmarkSet, as_sets, digest, open_sets
from dedup.scope import SOURCES, Sources, compared
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.counted import counted
from pipeline.exchange import among
from pipeline.stage import Clusters, Label, Options, Pass, Rule, column
from pipeline.store import ParquetSink, join, make_folder, parquet_file
from text.strings import Strings

MATCHES, COMMON = "contamination_matches", "contamination_common"
FILES_SHOWN = 40  # in the plan

_BATCH_ROWS = 512  # texts in memory at a time

COLUMNS = pa.schema(
    [
        column("contamination_items", pa.int32(), "items", "of benchmarks, of which n-grams are found in it"),
        column("contamination_ngrams", pa.int32(), "n-grams", "of benchmarks found in it; no common ones"),
        column(
            "contamination_share",
            pa.float64(),
            "share",
            "largest part found of one item's n-grams",
        ),
        column("contamination_benchmark", pa.string(), about="that of this item; empty: nothing found"),
    ]
)

_PAIRS = pa.schema([("position", pa.int64()), ("gram", pa.int32())])
_COUNTS = pa.schema([("gram", pa.int32()), ("documents", pa.int32())])
_COMMON = pa.schema(
    [
        ("ngram", pa.string()),
        ("documents", pa.int64()),
        ("items", pa.int32()),
        ("benchmark", pa.string()),
        ("file", pa.string()),
        ("item", pa.int64()),
    ]
)


class ContaminationOptions(Options):
    """Options of the pass `contamination`."""

    sets: Annotated[tuple[BenchmarkSet, ...], BeforeValidator(as_sets)] = Field(
        min_length=1,
        description="benchmarks: a folder or file, a list of them, or NAME: PATH, or NAME: {path, fields}; "
        "the run file's key `benchmarks` gives them too",
    )
    ngram: int = Field(default=13, ge=1, le=100, description="words that must be the same in a row")
    least: int = Field(
        default=8,
        ge=1,
        le=100,
        description="an item of fewer words than `ngram` is looked for as a whole from so many on",
    )
    common: int | None = Field(
        default=10, ge=1, description="n-grams in more documents are common text; null: none are"
    )
    listed: int = Field(
        default=100, ge=1, le=10_000, description="matches of a document that are told, at most"
    )
    sources: Sources = Field(default=(), description=SOURCES)

    @property
    def width(self) -> int:
        """Words of the shortest n-gram."""
        return min(self.least, self.ngram)


def describe(options: ContaminationOptions) -> list[str]:
    """What is looked for, file by file, for the plan."""
    sets = open_sets(options.sets)
    found = survey(sets.files, options.ngram, options.width)
    covered, items = sum(file.covered for file in found), sum(file.items for file in found)
    short = f"; one of {options.width} to {options.ngram - 1} words as a whole"
    common = (
        "" if options.common is None else f", but those in more than {counted(options.common, 'document')}"
    )
    lines = [
        *scope.describe(options.sources, ()),
        f"word {options.ngram}-grams of {covered:,} of {counted(items, 'item')}{common}"
        + (short if options.width < options.ngram else ""),
    ]
    for each in found[:FILES_SHOWN]:
        no_object = counted(each.bad, "line that is no JSON object", "lines that are no JSON objects")
        bad = f", {no_object}" if each.bad else ""
        lines.append(
            f"  {each.file.benchmark} ({each.file.shown}): {each.covered:,} of "
            f"{counted(each.items, 'item')}{bad}; " + "; ".join(each.file.texts)
        )
    if len(found) > FILES_SHOWN:
        lines.append(f"  … and {counted(len(found) - FILES_SHOWN, 'more file')}")
    if sets.training:
        lines.append(f"called training, but read, as there is no other split: {_listed(sets.training)}")
    if sets.left_out:
        lines.append(f"left out, as training splits: {_listed(sets.left_out)}; name a file to have it read")
    if sets.unread:
        lines.append(f"not read, neither JSON nor Parquet: {_listed(sets.unread)}")
    return lines


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def fingerprint(options: ContaminationOptions) -> str:
    """The content of the sets."""
    return digest(open_sets(options.sets).files)


def _search(folder: str, index_folder: str, unit: CorpusUnit) -> tuple[str, str]:
    """Writes which benchmark n-grams each document of the unit holds, and in how many each is."""
    index = map_index(index_folder)
    paths = [join(folder, f"{kind}-{unit.index:06d}.parquet") for kind in ("pairs", "counts")]
    documents = np.zeros(len(index), np.int32)
    with ParquetSink(paths[0], _PAIRS, 1 << 16) as sink:
        for table in unit.read(("text",), _BATCH_ROWS):
            found = Found.of(index, *gram_hashes(Strings.of(table.column("text"))))
            position = table.column("position").to_numpy()[found.row]
            sink.write(pa.table([position, found.gram.astype(np.int32)], schema=_PAIRS))
            np.add.at(documents, found.gram, 1)
    with ParquetSink(paths[1], _COUNTS, 1 << 16) as sink:
        gram = np.flatnonzero(documents)
        sink.write(pa.table([gram.astype(np.int32), documents[gram]], schema=_COUNTS))
    return paths[0], paths[1]


def _write_common(
    tables: str, scratch: str, index_folder: str, most: int | None, files: Sequence[str]
) -> str:
    """Adds up in how many documents each n-gram is; writes which are common, and tells them as a table."""
    index = map_index(index_folder)
    documents = np.zeros(len(index), np.int64)
    for name in files:
        with parquet_file(name) as file:
            table = file.read()
        documents[table.column("gram").to_numpy()] += table.column("documents").to_numpy()
    common = np.flatnonzero(documents > most) if most is not None else np.zeros(0, np.int64)
    path = join(scratch, "common.parquet")
    with ParquetSink(path, pa.schema([("gram", pa.int64())])) as sink:
        sink.write(pa.table({"gram": common}))
    order = common[np.lexsort((common, -documents[common]))]
    text = index.owners[index.owner_offsets[order]]
    about = index.items.take(pa.array(index.text_item[text]))
    items = [
        len(np.unique(index.text_item[index.owners[index.owner_offsets[g] : index.owner_offsets[g + 1]]]))
        for g in order.tolist()
    ]
    columns = [index.shown(order.tolist()), documents[order], pa.array(items, pa.int32())]
    columns += [about.column(name) for name in ("benchmark", "file", "number")]
    with ParquetSink(join(tables, COMMON, "ngrams.parquet"), _COMMON) as sink:
        sink.write(pa.table(columns, schema=_COMMON))
    return path


@dataclass(frozen=True)
class _Telling:
    """What the last search of a unit must know."""

    index: str
    common: str
    found: str
    matches: str
    listed: int

    def __call__(self, task: tuple[CorpusUnit, str]) -> str:
        """Writes the labels and matches of the documents that hold something that is not common."""
        unit, pairs = task
        index = map_index(self.index)
        common = np.zeros(len(index), np.bool_)
        with parquet_file(self.common) as file:
            common[file.read().column("gram").to_numpy()] = True
        wanted = _positions(pairs, common)
        path = _found_of(self.found, unit)
        with (
            ParquetSink(path, FOUND) as labels,
            ParquetSink(join(self.matches, f"{unit.index:06d}.parquet"), TOLD) as told,
        ):
            for table in unit.read(("id", "text"), _BATCH_ROWS) if len(wanted) else ():
                here = table.filter(pa.array(among(table.column("position").to_numpy(), wanted)))
                if here.num_rows:
                    rows, matches = tell(index, common, here, self.listed)
                    labels.write(rows)
                    told.write(matches)
        return path


def _found_of(folder: str, unit: CorpusUnit) -> str:
    """The file of what was found in a unit. Told by name: a list of all would go to each task that labels."""
    return join(folder, f"{unit.index:06d}.parquet")


def _positions(path: str, common: NDArray[np.bool_]) -> Ints:
    """The documents that hold an n-gram that is not common, ascending."""
    found = [np.zeros(0, np.int64)]
    with parquet_file(path) as file:
        for batch in file.iter_batches(1 << 16):
            kept = ~common[batch.column("gram").to_numpy()]
            found.append(distinct(batch.column("position").to_numpy()[kept]))
    return distinct(np.concatenate(found))


def _label(folder: str, sources: Sequence[str], unit: CorpusUnit) -> pa.Table:
    """The labels of one unit: what was found, and nothing of the rest."""
    position = [table.column("position").to_numpy() for table in unit.read((), 1 << 16)]
    living = np.concatenate([np.zeros(0, np.int64), *position])
    found = FOUND.empty_table()
    if compared([unit], sources):
        with parquet_file(_found_of(folder, unit)) as file:
            found = file.read()
    row = np.full(len(living), -1)
    row[np.searchsorted(living, found.column("position").to_numpy())] = np.arange(found.num_rows)
    take = pa.array(row, mask=row < 0)
    nothing = {pa.string(): ""}
    columns = [
        pc.fill_null(found.column(name).take(take), pa.scalar(nothing.get(field.type, 0), field.type))
        for name, field in zip(FOUND.names[1:], COLUMNS, strict=True)
    ]
    return pa.table(columns, schema=COLUMNS)


def _run(corpus: Corpus, options: ContaminationOptions) -> Label:
    folders = {name: join(corpus.scratch, name) for name in ("index", "searched", "found")}
    folders |= {name: join(corpus.tables, name) for name in (MATCHES, COMMON)}
    for folder in folders.values():
        make_folder(folder)
    units = compared(corpus.units, options.sources)
    write = partial(write_index, folders["index"], ngram=options.ngram, least=options.width)
    files = open_sets(options.sets).files
    [index] = corpus.map(write, [files], "contamination: n-grams of the benchmarks")
    search = partial(_search, folders["searched"], index)
    searched = list(corpus.map(search, units, "contamination: search"))
    add = partial(_write_common, corpus.tables, corpus.scratch, index, options.common)
    [common] = corpus.map(add, [[counts for _, counts in searched]], "contamination: common text")
    tell = _Telling(index, common, folders["found"], folders[MATCHES], options.listed)
    tasks = [(unit, pairs) for unit, (pairs, _) in zip(units, searched, strict=True)]
    for _ in corpus.map(tell, tasks, "contamination: matches"):
        pass
    return partial(_label, folders["found"], options.sources)


PASS = Pass(
    name="contamination",
    reads=("text",),
    adds=COLUMNS,
    run=_run,
    rules=(Rule("contaminated", "contamination_ngrams > 0"),),
    options=ContaminationOptions,
    about="Finds documents that hold items of benchmarks, by word n-grams that both have.",
    paper="Brown et al. 2020, Language Models are Few-Shot Learners (GPT-3), appendix C",
    describe=describe,
    clusters=lambda options: Clusters(sources=options.sources),
    fingerprint=fingerprint,
    rare=True,
    tables={
        MATCHES: "where documents hold benchmark items: document, item, share, bytes of the text, words",
        COMMON: "benchmark n-grams that are in more documents than `common`, and so not taken for a match",
    },
)
