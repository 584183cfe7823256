"""A step as it will be run: checked against the columns that are there, and hashed."""

import difflib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline import rules as predicates
from pipeline import steps as table_of_steps
from pipeline.closure import code_digest
from pipeline.errors import ContractError, PlanError
from pipeline.marks import Mark
from pipeline.recipe import StepConfig
from pipeline.source import is_transient
from pipeline.stage import Options, Pass, Rule, Stage, deciding
from pipeline.views import VIEWS
from text import unicode_tables, unspaced_packages

# Modules of the engine whose code decides what a pass reads and how its rows travel.
_PASSES = ("pipeline.corpus", "pipeline.exchange", "pipeline.index")
_CUTTING = "pipeline.cutting"  # whose code decides what a text is once a pass has cut it


@dataclass(frozen=True)
class Step:
    """A step as it will be run. `adds`: names of its columns; empty for rules alone."""

    kind: str
    name: str
    options: Options
    rules: tuple[Rule, ...]
    own: str
    chain: str
    reads: tuple[str, ...]
    adds: tuple[str, ...]
    replay: bool
    """Whether an earlier run's rows suffice to run it again (it reads and replaces nothing that
    is not stored as it was)."""
    expensive: bool
    rule_lines: Mapping[str, Mark]
    """Where each rule stands, for messages."""
    besides: str = ""
    """What the `fingerprint` of the stage or pass said when it was planned."""
    cuts: str | None = None
    """Of a pass: the column that tells what it takes out of the texts."""
    tables: tuple[tuple[str, str], ...] = ()
    """Of a pass: names of the tables that it writes, each with what it tells."""


def plan_step(step: StepConfig, fields: dict[str, pa.Field], chain: str, across: bool = False) -> Step:
    """Checks that the step can run over `fields`, adds its columns to them, hashes it.

    across   it stands behind the sources, whose documents are written: it can replace nothing of them
    """
    reads: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    replay = True
    expensive = False
    besides = ""
    own = hash_of(step.kind, step.name, deciding(step.options))
    if step.kind == "stage":
        stage = table_of_steps.stage(step.name, step.options)
        check_reads(step, stage.reads, fields)
        _check_adds(step, stage, fields)
        if across and stage.replaces:
            raise PlanError(
                f"step {step.name!r} replaces {', '.join(stage.replaces)}, which only a step of a source "
                "can: put it there, before the documents are written",
                step.file,
                step.line,
            )
        reads, adds = stage.reads, tuple(stage.adds.names)
        expensive = stage.expensive
        replay = not stage.replaces and not any(is_transient(fields[name]) for name in reads)
        besides = fingerprint(stage.fingerprint, step.options, step.file, step.line)
        own = hash_of(own, besides, code_digest((table_of_steps.STAGES[step.name], *stage.code)))
        for added in stage.adds:
            fields[added.name] = added
    predicates.check(step.rules, pa.schema(fields.values()), file=step.file, lines=step.rule_lines)
    decided = [(rule.name, rule.drop_if) for rule in step.rules]
    return Step(
        kind=step.kind,
        name=step.name,
        options=step.options,
        rules=step.rules,
        own=own,
        chain=hash_of(chain, own, decided),
        reads=reads,
        adds=adds,
        replay=replay,
        expensive=expensive,
        rule_lines=step.rule_lines,
        besides=besides,
    )


def plan_pass(step: StepConfig, fields: dict[str, pa.Field], chain: str, seed: int) -> Step:
    """As `plan_step`, of a pass without its rules, which stand behind it."""
    declared = table_of_steps.pass_(step.name, step.options)
    check_reads(step, declared.reads, fields)
    for added in declared.adds:
        if added.name in fields:
            raise PlanError(
                f"pass {step.name!r} adds column {added.name!r}, which is there already: "
                "is the pass listed twice?",
                step.file,
                step.line,
            )
        fields[added.name] = added
    _check_tables(step, declared)
    modules = [table_of_steps.PASSES[step.name], *_PASSES]
    if declared.cuts is not None:
        modules.append(_CUTTING)
        kind = fields[declared.cuts].type if declared.cuts in declared.adds.names else None
        if kind != pa.list_(pa.int64()):
            raise ContractError(f"pass {step.name}: cuts by column {declared.cuts}, which is {kind}")
    besides = fingerprint(declared.fingerprint, step.options, step.file, step.line)
    # Labels are used again by `own` alone, over documents that another chain may have left.
    own = hash_of(
        "pass", step.name, deciding(step.options), seed, besides, code_digest(tuple(modules)), word_tables()
    )
    return Step(
        kind="pass",
        name=step.name,
        options=step.options,
        rules=(),
        own=own,
        chain=hash_of(chain, own),
        reads=declared.reads,
        adds=tuple(declared.adds.names),
        replay=True,
        expensive=False,
        rule_lines={},
        besides=besides,
        cuts=declared.cuts,
        tables=tuple(declared.tables.items()),
    )


def _check_tables(step: StepConfig, declared: Pass) -> None:
    for name in declared.tables:
        if not name.isidentifier() or name.startswith("_"):
            raise ContractError(f"pass {step.name}: table {name!r} cannot be the name of a view")
        if name in VIEWS:
            raise PlanError(
                f"pass {step.name!r} writes a table {name!r}, which is a view of `winnow sql` already: "
                "the pass must name it otherwise",
                step.file,
                step.line,
            )


def check_reads(step: StepConfig, reads: Iterable[str], fields: Mapping[str, pa.Field]) -> None:
    """Raises PlanError for a column that the step reads and that is not there."""
    for name in reads:
        if name in fields:
            continue
        near = difflib.get_close_matches(name, fields, n=3)
        adding = [other for other in table_of_steps.adding(name) if other != step.name]
        remedy = f"; the step {adding[0]!r} adds it: put it before" if adding else ""
        nearest = f"nearest: {', '.join(near)}; " if near else ""
        of_recipe = f" of recipe {step.recipe!r}" if step.recipe else ""
        raise PlanError(
            f"step {step.name!r}{of_recipe} reads column {name!r}, which is not there{remedy} "
            f"({nearest}there are {', '.join(fields)})",
            *step.listed,
        )


def _check_adds(step: StepConfig, stage: Stage, fields: dict[str, pa.Field]) -> None:
    for added in stage.adds:
        if added.name in fields and added.name not in stage.replaces:
            named = " Of two models of one name, one can be given another by `name`."
            raise PlanError(
                f"step {step.name!r} adds column {added.name!r}, which is there already: "
                "is the step listed twice, or does the input have a column of that name?"
                f"{named if 'name' in type(step.options).model_fields else ''}",
                step.file,
                step.line,
            )


def fingerprint(of: Callable[[Any], str], options: Options, file: str, line: int) -> str:
    """What decides a step's result besides; a PlanError of it gets the step's place in the run file."""
    try:
        return of(options)
    except PlanError as fault:
        raise PlanError(fault.message, fault.file or file, fault.line or line) from fault


def word_tables() -> str:
    """The versions of what characters are classed by, and words told apart by where no spaces part them."""
    try:
        return f"{unicode_tables.VERSION} {unspaced_packages.versions()}"
    except unspaced_packages.MissingDataError as fault:
        raise PlanError(str(fault)) from fault


def hash_of(*parts: Any) -> str:
    """12 hexadecimal digits that stand for these values."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
