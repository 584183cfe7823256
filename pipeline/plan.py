"""From a run file to what will be done: the schema folded through every step before any is run.

Each step has a hash of its own (options, rules, code, model files) and a chain hash (itself and
everything upstream). Folders are named by chain hashes, so a finished unit is found again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipeline import rules as predicates
from pipeline import steps as table_of_steps
from pipeline import store
from pipeline.closure import code_digest
from pipeline.config import Config, SourceConfig
from pipeline.errors import PlanError, SourceError
from pipeline.faults import Faults
from pipeline.inputs import expand, unit_name
from pipeline.plan_checks import check_index, check_names, unknown_values
from pipeline.planned_step import Step, fingerprint, hash_of, plan_pass, plan_step, word_tables
from pipeline.recipe import StepConfig
from pipeline.source import BASE_SCHEMA, ROW_COLUMNS, Source, Unit, is_transient, transient
from pipeline.stage import Options, deciding

# Modules whose code decides what every segment writes.
_ENGINE = (
    "pipeline.segment",
    "pipeline.batch",
    "pipeline.source",
    "pipeline.rules",
    "pipeline.predicate",
    "pipeline.store",
)

# Besides these: what decides the labels file of a layer, and the documents of a mixture.
_LAYERS = ("pipeline.layer", "pipeline.corpus")
_MIXTURE = ("mixtures.draw", "pipeline.corpus", "pipeline.expression")


@dataclass(frozen=True)
class Segment:
    """The stages and rules of one source, run over its units.

    start    hash of the reader with its options, before any step
    schema   columns of documents/UNIT.parquet
    omitted  stages left out because the source gives their result already
    cpus, gpus   what a worker of it asks of the scheduler
    """

    source: str
    reader: str
    reader_options: Options
    start: str
    steps: tuple[Step, ...]
    omitted: tuple[str, ...]
    schema: pa.Schema
    hash: str
    folder: str
    units: tuple[Unit, ...]
    cpus: float
    gpus: float


# What a pass that cuts texts makes new: columns of its layer, null for documents that it leaves as they are.
EDITED = ("text", "tokens", "bytes")


@dataclass(frozen=True)
class Layer:
    """A pass (if any) and the stages and rules behind it, up to the next pass.

    adds   columns of labels/UNIT.parquet besides `unit`, `row`, those of `edits` and `dropped_by`
    edits  the columns `EDITED`, where the pass cuts texts: new values in place of those before
    counting   by source, the step that counts tokens and bytes
    """

    name: str
    pass_: Step | None
    steps: tuple[Step, ...]
    adds: pa.Schema
    reads: tuple[str, ...]
    hash: str
    folder: str
    edits: pa.Schema
    counting: Mapping[str, Step]

    @property
    def cuts(self) -> str | None:
        """The column of `adds` that tells what the pass takes out of the texts."""
        return None if self.pass_ is None else self.pass_.cuts

    @property
    def tables(self) -> dict[str, str]:
        """The tables that the pass writes, each with what it tells."""
        return {} if self.pass_ is None else dict(self.pass_.tables)


@dataclass(frozen=True)
class Plan:
    config: Config
    segments: tuple[Segment, ...]
    layers: tuple[Layer, ...]
    schema: pa.Schema
    """Columns of a surviving document: all sources together, with the labels of all passes."""
    mixture_hash: str
    notes: tuple[str, ...] = ()
    """What is no fault, but may be another thing than what is meant."""


def make_plan(config: Config) -> Plan:
    """Plans the run. Lists the inputs and reads no document; raises PlanError or SourceError."""
    store.configure(config.storage)
    check_index(config)
    counting = _counting(config)
    segments = tuple(_segment(name, source, counting) for name, source in config.sources.items())
    schema = _union(segments, config.sources)
    chain = hash_of("across", config.seed, [(s.source, s.hash) for s in segments], code_digest(_LAYERS))
    counted = {s.source: _last(s.steps, counting.name) for s in segments}
    layers, schema, chain = _layers(config, schema, chain, counted)
    own = _own_columns(segments, schema)
    _check_mixture(config, schema, own)
    mixture_hash = hash_of(
        "mixture",
        chain,
        config.corpus,
        config.seed,
        deciding(config.mixture),
        code_digest(_MIXTURE),
    )
    return Plan(config, segments, layers, schema, mixture_hash, tuple(_notes(config, layers, own)))


def _notes(config: Config, layers: Sequence[Layer], own: Mapping[str, pa.Schema]) -> Iterator[str]:
    """PlanError where a stage looks for values that its column never holds."""
    for name, source in config.sources.items():
        yield from (f"{name}: {note}" for note in unknown_values(source.steps))
    columns = {name: schema.names for name, schema in own.items()}
    for layer in layers:
        if layer.pass_ is not None:
            declared = table_of_steps.pass_(layer.pass_.name, layer.pass_.options)
            yield from declared.notes(layer.pass_.options, columns)


def _segment(name: str, source: SourceConfig, counting: StepConfig) -> Segment:
    reader = table_of_steps.source_reader(source.read)
    units = _units(name, source, reader)
    fields = {field.name: field for field in BASE_SCHEMA}
    yielded = reader.schema if reader.schema_of is None else reader.schema_of(units, source.options)
    for field in yielded:
        if field.name != "address":
            fields.setdefault(field.name, field)
    stated = list(source.steps)
    if not any(step.name == counting.name for step in stated):
        stated.append(counting)
    chain = hash_of(
        "segment", name, source.read, deciding(source.options), word_tables(),
        fingerprint(reader.fingerprint, source.options, source.file, source.line),
        code_digest((table_of_steps.SOURCES[source.read], *_ENGINE)),
    )  # fmt: skip
    start = chain
    steps: list[Step] = []
    omitted: list[str] = []
    for step in stated:
        if step.kind == "stage" and table_of_steps.stage(step.name).unless in fields:
            omitted.append(step.name)
            continue
        planned = plan_step(step, fields, chain)
        chain = planned.chain
        steps.append(planned)
    opened = [table_of_steps.stage(step.name, step.options) for step in steps if step.kind == "stage"]
    stored = [field.with_nullable(True) for field in fields.values() if not is_transient(field)]
    return Segment(
        source=name,
        reader=source.read,
        reader_options=source.options,
        start=start,
        steps=tuple(steps),
        omitted=tuple(omitted),
        schema=pa.schema([*stored, *ROW_COLUMNS]),
        hash=chain,
        folder=f"segments/{name}-{chain}",
        units=units,
        cpus=max(stage.cpus for stage in opened),
        gpus=sum(stage.gpus for stage in opened),
    )


def _own_columns(segments: Sequence[Segment], schema: pa.Schema) -> dict[str, pa.Schema]:
    """The columns of a surviving document of each source; `schema`, those of all together."""
    stored = {name for segment in segments for name in segment.schema.names}
    found = {}
    for segment in segments:
        lacking = stored - set(segment.schema.names)
        found[segment.source] = pa.schema([field for field in _there(schema) if field.name not in lacking])
    return found


def _there(schema: pa.Schema) -> list[pa.Field]:
    return [field for field in schema if not is_transient(field)]


def _check_mixture(config: Config, schema: pa.Schema, own: Mapping[str, pa.Schema]) -> None:
    """Checks what the mixture asks of a document's columns: of those of each source, and of all together."""
    faults = Faults()
    there = pa.schema(_there(schema))
    for path, problem in table_of_steps.mixture_problems(config.mixture, there, own):
        mark = config.mixture_marks.get(path, config.mixture_mark)
        faults.add(f"mixture: {problem}", mark)
    faults.stop()


def _last(steps: Sequence[Step], name: str) -> Step:
    """The last step of that name, without rules."""
    return replace(next(step for step in reversed(steps) if step.name == name), rules=())


def _layers(
    config: Config, schema: pa.Schema, chain: str, counting: Mapping[str, Step]
) -> tuple[tuple[Layer, ...], pa.Schema, str]:
    groups: list[list[StepConfig]] = []
    for step in config.across:
        if step.kind == "pass" or not groups:
            groups.append([])
        groups[-1].append(step)
    fields = {field.name: field for field in schema}
    written: dict[str, str] = {}
    layers = []
    for number, group in enumerate(groups, 1):
        first = set(fields)
        pass_, steps = None, []
        for step in group:
            if step.kind == "pass":
                check_names(step, fields, list(config.sources), config.left_out)
                pass_ = plan_pass(step, fields, chain, config.seed)
                for table, _ in pass_.tables:
                    if written.setdefault(table, step.name) != step.name:
                        raise PlanError(
                            f"passes {written[table]!r} and {step.name!r} both write a table {table!r}: "
                            "leave out one of them",
                            step.file,
                            step.line,
                        )
                chain = pass_.chain
                step = StepConfig(
                    kind="rules", name="rules", options=Options(), rules=step.rules,
                    file=step.file, line=step.line, rule_lines=step.rule_lines,
                )  # fmt: skip
            planned = plan_step(step, fields, chain, across=True)
            chain = planned.chain
            steps.append(planned)
        wanted = {name for step in steps for name in step.reads}
        wanted |= {
            name for step in steps for rule in step.rules for name in predicates.columns_of(rule.drop_if)
        }
        name = f"{number}-{group[0].name}"
        edits = EDITED if pass_ is not None and pass_.cuts is not None else ()
        layers.append(
            Layer(
                name=name,
                pass_=pass_,
                steps=tuple(steps),
                adds=pa.schema(
                    [field.with_nullable(True) for field in fields.values() if field.name not in first]
                ),
                reads=tuple(name for name in fields if name in wanted and name in first),
                hash=chain,
                folder=f"layers/{name}-{chain}",
                edits=pa.schema([fields[name].with_nullable(True) for name in edits]),
                counting=counting if edits else {},
            )
        )
        if pass_ is not None and pass_.cuts is not None:  # offsets into a text that is gone
            fields[pass_.cuts] = transient(fields[pass_.cuts])
    return tuple(layers), pa.schema([f.with_nullable(True) for f in fields.values()]), chain


def _union(segments: Sequence[Segment], sources: Mapping[str, SourceConfig]) -> pa.Schema:
    """The columns of all sources; one that two sources give in different types is an error."""
    fields: dict[str, tuple[str, pa.Field]] = {}
    for segment in segments:
        for field in segment.schema:
            source, known = fields.setdefault(field.name, (segment.source, field))
            if known.type != field.type:
                here, there = sources[segment.source], sources[source]
                raise PlanError(
                    f"column {field.name!r} is {known.type} in source {source!r} ({there.file}:{there.line}) "
                    f"and {field.type} in source {segment.source!r}: rename or leave out one of them",
                    here.file,
                    here.line,
                )
    return pa.schema([field for _, field in fields.values()])


def _units(name: str, source: SourceConfig, reader: Source) -> tuple[Unit, ...]:
    try:
        if source.paths or reader.inputs is None:
            files = expand(source.paths, reader.folders)
        else:
            files = tuple(reader.inputs(source.options))
        if reader.units is not None:
            return tuple(reader.units(name, files, source.options))
    except SourceError as fault:
        raise PlanError(f"source {name!r}: {fault}", source.file, source.paths_line) from fault
    except PlanError as fault:
        raise PlanError(fault.message, fault.file or source.file, fault.line or source.paths_line) from fault
    return tuple(
        Unit(name, unit_name(name, file.logical), file.path, file.logical, file.size, file.version)
        for file in files
    )


def _counting(config: Config) -> StepConfig:
    """The stage that every source ends with unless it names it: mixtures are weighed by tokens."""
    options = table_of_steps.stage("tokens").options
    return StepConfig(
        kind="stage",
        name="tokens",
        options=options.model_validate({"tokenizer": config.mixture.tokenizer}),
        rules=(),
        file=config.mixture_mark.file,
        line=config.mixture_mark.line,
    )
