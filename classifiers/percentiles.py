"""Places of scores among all documents, and the best of several classifiers

    - percentiles: edu_score                    edu_score_percentile, edu_score_bin
    - percentiles: {columns: [edu_score, wiki_score, dclm_score], weight: tokens, ensemble: quality}

A score says little by itself: one classifier gives half of all documents 0.9, another none, and in a language
of which a model has seen little all are low. So a document is placed among those of its language (`within`):

    COLUMN_percentile   share of them with this score or a lower one, above 0 to 1
    COLUMN_bin          0 to 19, the best one last: bin 19 holds the scores that only a twentieth reaches

With `ensemble: quality`, `quality_bin` is the highest bin that one of the columns gives and `quality_best`
that column, as Nemotron-CC does: what one classifier does not know another may. Nemotron-CC's bins hold equal
numbers of tokens (`weight: tokens`), estimated from a sample; here they are exact.

Equal scores have one place, the highest that one of them would have: where half of the documents have 0, all
these are at 0.5; where all have the same, they are in the last bin. Places in a group with fewer than
`min_documents` documents that have a score would say little: those are placed among all documents. A document
without a score (of a source that does not measure it) has neither percentile nor bin: they are null, and no
rule drops it by them.

What each bin begins at and holds is the table COLUMN_percentiles.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from classifiers import places
from classifiers.places import Layout, Scores, Survey
from pipeline.corpus import Corpus, CorpusUnit
from pipeline.errors import PlanError
from pipeline.stage import Label, Listed, Names, Pass, column
from pipeline.stage import Options as StageOptions
from pipeline.store import ParquetSink, join, make_folder

MOST_GROUPS = 4096
LANGUAGE = "language"  # the column of `within`, where none is given
_BATCH_ROWS = 1 << 16
_NULL, _AND = "\0", "\x1f"  # a group's name is its values, these for a null and between them


class Options(StageOptions):
    """Which scores are placed, and among which documents."""

    short: ClassVar[str] = "columns"

    columns: Annotated[Listed, Names(columns=lambda names: dict.fromkeys(names, "number"))] = Field(
        min_length=1, description="scores to place, higher ones better"
    )
    within: Annotated[Listed | None, Names(columns=lambda names: dict.fromkeys(names or (), "value"))] = (
        Field(
            default=None,
            description="columns whose values part the corpus, each part with places of its own; []: one for "
            "all; none given: language, where there is such a column",
        )
    )
    weight: Literal["documents", "tokens"] = Field(
        default="documents", description="whether documents count alike, or by their tokens"
    )
    bins: int = Field(default=20, ge=2, le=1000, description="bins of equal weight")
    min_documents: int = Field(
        default=100, ge=1, description="documents of a smaller part are placed among all documents"
    )
    ensemble: str = Field(
        default="",
        pattern="^([a-z][a-z0-9_]*)?$",
        description="adds NAME_bin, the highest bin by any of `columns`, and NAME_best, by which one",
    )

    @field_validator("columns")
    @classmethod
    def _names(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        for name in columns:
            if not name.isidentifier():
                raise ValueError(f"{name!r} cannot be part of a table's name; expected letters, digits and _")
        return columns


def _scores(options: Options, within: Sequence[str], unit: CorpusUnit) -> Scores:
    names: dict[str, int] = {}
    groups, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    scores = [np.zeros((len(options.columns), 0))]
    for table in unit.read(_reads(options, within), _BATCH_ROWS):
        found = pa.array([""] * table.num_rows, pa.string())
        if within:
            values = [pc.fill_null(table.column(name).cast(pa.string()), _NULL) for name in within]
            found = pc.binary_join_element_wise(*values, _AND).combine_chunks()
        coded = found.dictionary_encode()
        numbers = [names.setdefault(name, len(names)) for name in coded.dictionary.to_pylist()]
        groups.append(np.array(numbers, np.int64)[coded.indices.to_numpy()])
        columns = [table.column(name).cast(pa.float64(), safe=False).to_numpy() for name in options.columns]
        scores.append(np.array(columns) + 0.0)  # of -0.0 and 0.0 neither is lower
        if options.weight == "tokens":
            weights.append(table.column("tokens").fill_null(0).to_numpy())
        else:
            weights.append(np.ones(table.num_rows, np.int64))
    return Scores(
        tuple(names), np.concatenate(groups), np.concatenate(scores, axis=1), np.concatenate(weights)
    )


def _reads(options: Options, within: Sequence[str]) -> tuple[str, ...]:
    tokens = ("tokens",) if options.weight == "tokens" else ()
    return tuple(dict.fromkeys((*options.columns, *within, *tokens)))


def _survey(options: Options, within: Sequence[str], unit: CorpusUnit) -> Survey:
    return places.survey(_scores(options, within, unit), unit.index)


def _write_rows(options: Options, within: Sequence[str], cut: Layout, folder: str, unit: CorpusUnit) -> str:
    path = join(folder, f"{unit.index:06d}.parquet")
    first, _ = _numbers(options, unit)
    places.write_rows(path, cut, _scores(options, within, unit), first)
    return path


def _numbers(options: Options, unit: CorpusUnit) -> tuple[int, int]:
    """The range of numbers for the unit's scores: as many as its documents could have."""
    return unit.first * len(options.columns), (unit.first + unit.stored) * len(options.columns)


def _within(corpus: Corpus, options: Options) -> tuple[str, ...]:
    if options.within is not None:
        return options.within
    there = any(LANGUAGE in unit.schema.names for unit in corpus.units)
    return (LANGUAGE,) if there else ()


def _run(corpus: Corpus, options: Options) -> Label:
    within = _within(corpus, options)
    rows, placed = join(corpus.scratch, "rows"), join(corpus.scratch, "places")
    make_folder(rows)
    make_folder(placed)
    surveys = list(corpus.map(partial(_survey, options, within), corpus.units, "percentiles: scores"))
    pieces = corpus.partitions * len(options.columns)
    cut = places.layout(surveys, len(options.columns), options.min_documents, pieces)
    if len(cut.names) > MOST_GROUPS:
        raise PlanError(
            f"percentiles: within: {', '.join(within)} parts the corpus into {len(cut.names):,}; expected at "
            f"most {MOST_GROUPS:,}: a place among documents needs many of them"
        )
    write = partial(_write_rows, options, within, cut, rows)
    files = list(corpus.map(write, corpus.units, "percentiles: by score"))
    total = partial(places.total, files, cut.pieces)
    totals = list(corpus.map(total, range(cut.pieces), "percentiles: sums"))
    place = partial(places.place, files, cut.pieces, options.bins, placed)
    found = list(corpus.map(place, list(enumerate(places.before(totals))), "percentiles: places"))
    _write_bins(options, within, cut, places.summed([bins for _, bins in found]), corpus.tables)
    return partial(_label, options, within, cut, [path for path, _ in found])


def _write_bins(options: Options, within: Sequence[str], cut: Layout, bins: pa.Table, tables: str) -> None:
    """The table of each column: what its bins begin at and hold, group by group."""
    width = len(cut.names) + 1
    slot = bins.column("slot").to_numpy()
    for at, name in enumerate(options.columns):
        rows = bins.filter(pa.array(slot // width == at)).combine_chunks()
        group = rows.column("slot").to_numpy() % width
        held: dict[pa.Field, pa.Array] = {}
        for k, each in enumerate(within):
            values = [value.split(_AND)[k] for value in cut.names]
            texts = [None if value == _NULL else value for value in values]
            about = column(each, pa.string(), about="of the documents", nullable=True)
            held[about] = pa.array([*texts, None], pa.string()).take(pa.array(group))
        everything = column("everything", pa.bool_(), about="whether among all documents")
        held[everything] = pa.array(group == len(cut.names))
        held[column("bin", pa.int32(), about="the best one last")] = rows.column("bin")
        held[column("least", pa.float64(), about=f"{name} at which the bin begins")] = rows.column("least")
        held[column("documents", pa.int64(), "documents")] = rows.column("documents")
        if options.weight == "tokens":
            held[column("tokens", pa.int64(), "tokens")] = rows.column("weight")
        schema = pa.schema(list(held))
        with ParquetSink(join(tables, _table(name), "000000.parquet"), schema) as sink:
            sink.write(pa.table(list(held.values()), schema=schema))


def _table(name: str) -> str:
    return f"{name}_percentiles"


def _label(
    options: Options, within: Sequence[str], cut: Layout, files: Sequence[str], unit: CorpusUnit
) -> pa.Table:
    """Percentiles and bins of one unit, whose scores come back in their order."""
    scored, keys = places.placed(cut, _scores(options, within, unit))
    shares, bins = places.read_places(files, *_numbers(options, unit))
    percentile, bin_ = np.zeros(scored.shape), np.full(scored.shape, -1, np.int32)
    percentile[scored], bin_[scored] = shares[keys.of], bins[keys.of]
    columns = []
    for at, known in enumerate(scored):
        columns += [pa.array(values[at], mask=~known) for values in (percentile, bin_)]
    if options.ensemble:
        none = ~scored.any(axis=0)
        names = pa.array(options.columns, pa.string())
        best = pa.array(bin_.argmax(axis=0), mask=none)  # the first of those that are as high
        columns += [pa.array(bin_.max(axis=0), mask=none), names.take(best)]
    return pa.table(columns, schema=_adds(options))


def _adds(options: Options) -> pa.Schema:
    unit, last = f"share of {options.weight}", options.bins - 1
    found = []
    for name in options.columns:
        about = f"of its group with this {name} or a lower one"
        found.append(column(f"{name}_percentile", pa.float64(), unit, about, nullable=True))
        found.append(column(f"{name}_bin", pa.int32(), "", f"by {name}; {last}: the best", nullable=True))
    if options.ensemble:
        about = f"the highest by {', '.join(options.columns)}"
        found.append(column(f"{options.ensemble}_bin", pa.int32(), "", about, nullable=True))
        found.append(column(f"{options.ensemble}_best", pa.string(), "", "column of that bin", nullable=True))
    return pa.schema(found)


def _describe(options: Options) -> list[str]:
    within = (LANGUAGE,) if options.within is None else options.within
    among = f"among those of its {', '.join(within)}" if within else "among all"
    if options.within is None:
        among += ", where there is such a column"
    lines = [f"each document {among}; {options.bins} bins of equal {options.weight}"]
    if within:
        lines.append(f"where these are fewer than {options.min_documents:,}, among all documents")
    return lines


def _notes(options: Options, sources: Mapping[str, Collection[str]]) -> list[str]:
    """Which sources lack a column that parts the corpus."""
    notes = []
    for name in (LANGUAGE,) if options.within is None else options.within:
        lacking = [source for source, columns in sources.items() if name not in columns]
        if len(lacking) == len(sources):
            notes.append(f"percentiles: no source has a column {name!r}: documents are placed among all")
        elif lacking:
            notes.append(
                f"percentiles: {' and '.join(lacking)} without a column {name!r}: documents there are placed "
                f"among those without one, apart from those of every {name}"
            )
    return notes


def _of(options: Options) -> Pass:
    return replace(
        PASS,
        reads=_reads(options, options.within or ()),
        adds=_adds(options),
        tables={_table(name): f"what the bins of {name} begin at and hold" for name in options.columns},
        of=None,
    )


PASS = Pass(
    name="percentiles",
    reads=(),  # the `columns`: `of`
    adds=pa.schema([]),
    run=_run,
    options=Options,
    about="Places the documents of each language by scores, and joins several classifiers by the best bin.",
    paper="Su et al. 2024, Nemotron-CC, arXiv:2412.02595",
    describe=_describe,
    notes=_notes,
    of=_of,
)
