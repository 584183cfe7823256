"""The vocabulary of a run: columns, rules, stages and passes.

A stage measures, a rule decides, a pass sees the whole corpus: stages and passes add columns, and rules
alone drop documents. Texts change in two ways, each declared: a stage of a source that `replaces` the column
`text` writes the new one; a pass that `cuts` adds a column of spans like any label, and the engine takes
them out. Either way what stands behind it sees the new text.

A file that publishes a method holds `COLUMNS`, `RULES` and `STAGE` (or `PASS`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

if TYPE_CHECKING:
    from pipeline.batch import Batch
    from pipeline.corpus import Corpus, CorpusUnit

Measure = Callable[["Batch"], Sequence[pa.Array]]
"""Measures one batch: the arrays of the stage's `adds`, in that order, one value per row."""

Label = Callable[["CorpusUnit"], pa.Table]
"""Labels one unit: the columns of the pass's `adds`, one row per living document of the unit."""


class Options(BaseModel):
    """The options of a step that takes none; subclass it to add typed, documented fields.

    short   the option that text in the place of the mapping stands for: `- classify: models/edu`; "" for none
    """

    short: ClassVar[str] = ""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _no_other_meaning(cls, value: Any, check: ValidatorFunctionWrapHandler, about: ValidationInfo) -> Any:
        """Refuses what would pass for something else: `true` for 1, a number that no size can be."""
        checked = check(value)
        kinds = str(cls.model_fields[about.field_name or ""].annotation)
        if isinstance(value, bool) and "bool" not in kinds and "Any" not in kinds:
            expected = "a number" if "int" in kinds or "float" in kinds else "text"
            raise ValueError(f"expected {expected}")
        if isinstance(value, int) and abs(value) >= 1 << 62:
            raise ValueError("expected a number below 2^62")
        if isinstance(value, str) and "\0" in value:
            raise ValueError("expected text without NUL characters")
        return checked


def _list_of_one(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not name:
            raise ValueError("expected a name, found empty text")
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named twice; leave one out")
    return names


Listed = Annotated[
    tuple[str, ...],
    BeforeValidator(_list_of_one, json_schema_input_type=str | tuple[str, ...]),
    AfterValidator(_each_once),
]
"""An option that lists names, each once; one alone may stand without a list."""


def _no_sources(value: Any) -> Iterable[str]:
    del value
    return ()


def _no_columns(value: Any) -> Mapping[str, str]:
    del value
    return {}


@dataclass(frozen=True)
class Names:
    """Marks an option of a pass (`Annotated[…, Names(…)]`) whose value names parts of the run: the plan
    looks whether they are there.

    sources   the sources that a value of the option names
    columns   the columns that it names, each with what it must hold: "number", or "value" for all that
              can be written as text (numbers, dates, text; no lists). That a pass `reads` them too is
              left to its `of`
    """

    sources: Callable[[Any], Iterable[str]] = _no_sources
    columns: Callable[[Any], Mapping[str, str]] = _no_columns


@dataclass(frozen=True)
class _NotHashed:
    """See `NOT_HASHED`."""


NOT_HASHED = _NotHashed()
"""Marks an option (`Annotated[int, NOT_HASHED]`) that says by what means or how patiently a result is come
by, and not what it is: retries, seconds to wait, a device. Who changes it has nothing done again."""


def deciding(options: BaseModel) -> dict[str, Any]:
    """The options that decide a result, as JSON has them: all that are not `NOT_HASHED`."""
    return options.model_dump(mode="json", exclude=_not_hashed(options))


def _not_hashed(value: Any) -> Any:
    """What `model_dump` is to leave out of a value: True all of it, None nothing."""
    if isinstance(value, BaseModel):
        found: dict[Any, Any] = {
            name: True if NOT_HASHED in known.metadata else _not_hashed(getattr(value, name))
            for name, known in type(value).model_fields.items()
        }
    elif isinstance(value, Mapping):
        found = {name: _not_hashed(each) for name, each in value.items()}
    elif isinstance(value, list | tuple):
        found = {at: _not_hashed(each) for at, each in enumerate(value)}
    else:
        return None
    return {key: each for key, each in found.items() if each} or None


@dataclass(frozen=True)
class Rule:
    """A named SQL predicate over a row's columns; a row for which it is true is dropped."""

    name: str
    drop_if: str


def column(name: str, kind: pa.DataType, unit: str = "", about: str = "", nullable: bool = False) -> pa.Field:
    """A column that a step adds; `unit` is kept in the field's metadata.

    A column that is not `nullable` must be finite and present on every row that was measured.
    """
    return pa.field(name, kind, nullable=nullable, metadata={"unit": unit, "about": about})


def no_fingerprint(options: Options) -> str:
    """For steps that depend on nothing but their options and winnow's own code."""
    del options
    return ""


def nothing_to_describe(options: Options) -> Sequence[str]:
    """For passes whose options say all."""
    del options
    return ()


def nothing_to_note(options: Options, sources: Mapping[str, Collection[str]]) -> Sequence[str]:
    """For passes that do the same whatever columns a source has."""
    del options, sources
    return ()


def no_values(options: Options) -> Mapping[str, Collection[str]]:
    """For stages whose columns hold values that nobody knows before, or that look for none."""
    del options
    return {}


@dataclass(frozen=True)
class Stage:
    """Measures documents: adds columns, never removes or reorders a row.

    open       called once per worker with the step's options: loads models, returns the measure
    reads      columns that must exist; `adds`, the columns appended
    replaces   columns of `adds` that stand in place of an existing one (an edit of `text`)
    unless     where this column exists already, the stage is left out of the plan
    expensive  rows that already fail a rule are not measured (their columns stay null)
    fingerprint  what decides the result besides the options and winnow's own code: versions of
               libraries, contents of model files; enters the hash by which a run resumes
    code       modules that decide the result with these options, and that the stage's own module does not
               import by a statement; enters the same hash
    of         where columns, rules or what is read depend on the options: the stage for these options
               (PlanError where they name what is not there); None where all options give the same
    values     by column of `adds`, all that it can hold, where that is known
    seeks      by column of `reads`, the values that the options have a meaning for: the plan looks whether
               the stage that adds the column knows them
    """

    name: str
    reads: tuple[str, ...]
    adds: pa.Schema
    open: Callable[[Any], Measure]
    rules: tuple[Rule, ...] = ()
    options: type[Options] = Options
    about: str = ""
    paper: str = ""
    replaces: tuple[str, ...] = ()
    unless: str | None = None
    expensive: bool = False
    fingerprint: Callable[[Any], str] = no_fingerprint
    code: tuple[str, ...] = ()
    cpus: float = 1.0
    gpus: float = 0.0
    of: Callable[[Any], "Stage"] | None = None
    values: Callable[[Any], Mapping[str, Collection[str]]] = no_values
    seeks: Callable[[Any], Mapping[str, Collection[str]]] = no_values


@dataclass(frozen=True)
class Clusters:
    """How the labels `{pass}_cluster`, `_rank` and `_size` of a document hang on the other documents.

    joins    the most clusters that one more document can bring together. 1: a cluster is the documents of
             one key, so that with some taken out the others stay together, in their order. None: not known
    sources  the sources whose documents are compared, all where none is named
    """

    joins: int | None = None
    sources: tuple[str, ...] = ()


def unknown_clusters(options: Options) -> Clusters:
    """For passes of which nothing is known but their labels."""
    del options
    return Clusters()


@dataclass(frozen=True)
class Index:
    """What a later run must know of this run's survivors to find copies of them among its own documents.

    schema   of the rows, `id` (large_string, not null) first, then what the pass compares
    rows     called for each unit once all steps across the sources are done: tables of that schema, one
             row per document that has something to compare. The unit reads as the pass saw it, without
             what later passes cut or added, but yields only the documents that are in to the end
    same     what two runs must have alike for one to use the other's index, by name, as JSON has it:
             options that make the rows, versions of what the rows hang on besides
    """

    schema: Callable[[Any], pa.Schema]
    rows: Callable[[Any, "CorpusUnit"], Iterator[pa.Table]]
    same: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Pass:
    """Labels documents after seeing the whole corpus, out of core; never deletes one.

    Every pass has these:
    reads      columns that must exist; `adds`, the labels, one row for each living document
    run        `run(corpus, options)` does the work with `corpus.map` over units and partitions and
               returns a picklable function that labels one unit from what it left in `corpus.scratch`
    rules      the published ones, which a run file may replace; they alone drop documents
    options, fingerprint, of   as a stage's

    For people:
    about, paper   what it does, in a line, and who published it
    describe   lines about what these options mean, for `winnow plan`
    notes      lines on what they mean for sources with these columns, by name, where one may expect another
               thing: told by plan and run

    What only some do:
    cuts       the column of `adds`, list<int64>, that holds what the pass takes out of a document's text:
               byte offsets start, end, start, end and so on, ascending, at ends of characters. What is
               left is the document's text from there on, its `bytes` and `tokens` counted anew
    tables     tables that the pass writes besides its labels, each with what it tells: as Parquet files
               in `Corpus.tables`/NAME. `winnow sql` shows each as a view of that name
    index      where the pass can compare with the documents of an earlier run: what that one must leave
    clusters   what `winnow whatif` may conclude of other labels when other documents come in
    rare       that the pass finds nothing is what is hoped for: no tripwire stops a run over it
    """

    name: str
    reads: tuple[str, ...]
    adds: pa.Schema
    run: Callable[["Corpus", Any], Label]
    rules: tuple[Rule, ...] = ()
    options: type[Options] = Options
    about: str = ""
    paper: str = ""
    describe: Callable[[Any], Sequence[str]] = nothing_to_describe
    notes: Callable[[Any, Mapping[str, Collection[str]]], Sequence[str]] = nothing_to_note
    clusters: Callable[[Any], Clusters] = unknown_clusters
    fingerprint: Callable[[Any], str] = no_fingerprint
    of: Callable[[Any], "Pass"] | None = None
    cuts: str | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    rare: bool = False
    index: Index | None = None


Configured = TypeVar("Configured", Stage, Pass)


def configured(step: Configured, options: Options) -> Configured:
    """The step as it is with these options."""
    return step if step.of is None else step.of(options)
