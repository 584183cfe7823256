"""Whether what a run file names besides its steps is there: sources, columns, indexes."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline import steps as table_of_steps
from pipeline import store
from pipeline.config import Config
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.index import MANIFEST
from pipeline.recipe import StepConfig
from pipeline.stage import Names
from text.language_codes import SHORTER

_VALUES_SHOWN = 8


def check_names(
    step: StepConfig, fields: Mapping[str, pa.Field], sources: Sequence[str], left_out: Sequence[str]
) -> None:
    """Raises PlanError where an option that is marked by `Names` names what the run does not have.

    fields     columns that are there when the pass runs
    left_out   sources of the run's recipe that the run file leaves out: they may be named
    """
    options = step.options
    for name, about in type(options).model_fields.items():
        for mark in about.metadata:
            if isinstance(mark, Names):
                value = getattr(options, name)
                for source in mark.sources(value):
                    if source not in sources and source not in left_out:
                        raise PlanError(
                            f"pass {step.name!r}: {name} names source {source!r}, which the run does not "
                            f"have; {choose(source, sources)}",
                            step.file,
                            step.line,
                        )
                for column, kind in mark.columns(value).items():
                    if column in fields:
                        _check_type(step, name, column, fields[column].type, kind)
                    elif not table_of_steps.adding(column):  # else who checks `reads` says which step does
                        raise PlanError(
                            f"pass {step.name!r}: {name} names column {column!r}, which is not there; "
                            f"{choose(column, list(fields))}",
                            step.file,
                            step.line,
                        )


def unknown_values(steps: Sequence[StepConfig]) -> Iterator[str]:
    """Notes on values that stages look for and their columns never hold: a language that is spelled in
    another way than the model's.

    steps   of one source, in their order. PlanError where a stage looks for no value that its column holds
    """
    for at, step in enumerate(steps):
        if step.kind != "stage":
            continue
        for column, wanted in table_of_steps.stage(step.name, step.options).seeks(step.options).items():
            known = _values(steps[:at], column)
            lacking = [] if known is None else [value for value in wanted if value not in known]
            if known is None or not lacking:
                continue
            named = ", ".join(map(repr, lacking[:_VALUES_SHOWN]))
            more = f" and {len(lacking) - _VALUES_SHOWN} more" if len(lacking) > _VALUES_SHOWN else ""
            meant = [code for value in lacking if (code := _code(value)) in known]
            said = f"step {step.name!r} looks for {named}{more} in column {column!r}, which never holds "
            said += "it" if len(lacking) == 1 else "these"
            said += f"; did you mean {' or '.join(map(repr, meant[:_VALUES_SHOWN]))}?" if meant else ""
            if len(lacking) == len(wanted):
                raise PlanError(
                    f"{said}{' ' if said.endswith('?') else '. '}It holds {_some(known)}",
                    step.file,
                    step.line,
                )
            yield f"{said} ({step.file}:{step.line})"


def _values(steps: Sequence[StepConfig], column: str) -> Collection[str] | None:
    """All that the column can hold by the step that adds it; None where that is not known."""
    for step in reversed(steps):
        if step.kind == "stage":
            stage = table_of_steps.stage(step.name, step.options)
            if column in stage.adds.names:
                try:
                    return stage.values(step.options).get(column)
                except PlanError as fault:
                    raise PlanError(fault.message, step.file, step.line) from fault
    return None


def _code(value: str) -> str:
    """The shortest code of the language that `value` may stand for."""
    language = value.casefold().replace("_", "-").partition("-")[0]
    return SHORTER.get(language, language)


def _some(values: Collection[str]) -> str:
    shown = sorted(values)[:_VALUES_SHOWN]
    return ", ".join(shown) + (f" and {len(values) - len(shown)} more" if len(values) > len(shown) else "")


def check_index(config: Config) -> None:
    """Raises PlanError where the index that the run file asks for cannot be written to its folder."""
    folder = config.index
    if not folder:
        return

    def refuse(problem: str) -> None:
        raise PlanError(f"index {folder!r}: {problem}", config.file, config.index_line)

    passes = [step for step in config.across if step.kind == "pass"]
    if not any(table_of_steps.pass_(step.name, step.options).index for step in passes):
        able = [name for name in table_of_steps.PASSES if table_of_steps.pass_(name).index is not None]
        refuse(
            f"no pass of `across` can leave one; {', '.join(able)} can: add one of them, or leave out `index`"
        )
    own = f"give it a folder of its own, as {store.join(config.output, 'index')}"
    if _same_place(folder, config.output):
        refuse(f"it is the `output` of this run; {own}")
    for kept in ("shards", "segments", "layers"):
        place = _whole(store.join(config.output, kept))
        if f"{_whole(folder)}/".startswith(f"{place}/"):
            refuse(f"it lies in {store.join(config.output, kept)}, which holds this run's own files; {own}")
    if store.is_local(folder) and not _can_be_folder(folder):
        refuse("a file is there, or on the way to it; expected a folder, or a path where there is nothing")
    for step in passes:
        if any(_same_place(folder, other) for other in getattr(step.options, "against", ())):
            refuse(f"pass {step.name!r} is to compare against it, so it must not be written; choose another")
    there = store.read_json(store.join(folder, MANIFEST))
    owner = there.get("corpus") if isinstance(there, dict) else config.corpus
    if owner != config.corpus:
        refuse(
            f"that is the index of corpus {owner!r}, and this one is {config.corpus!r}; choose another folder"
        )


def _can_be_folder(path: str) -> bool:
    """Whether a folder is there, or nothing that stands in the way of one."""
    place = Path(_whole(path))
    return next((each.is_dir() for each in (place, *place.parents) if os.path.lexists(each)), True)


def _same_place(one: str, other: str) -> bool:
    return _whole(one) == _whole(other)


def _whole(path: str) -> str:
    path = path.removeprefix("file://")
    return os.path.realpath(os.path.expanduser(path)) if store.is_local(path) else path.rstrip("/")


def _check_type(step: StepConfig, option: str, column: str, found: pa.DataType, kind: str) -> None:
    types = pa.types
    number = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
    if kind == "number" and not number:
        expected = "a column of numbers"
    elif kind == "value" and (
        types.is_nested(found) or types.is_binary(found) or types.is_large_binary(found)
    ):
        expected = "a column of text, numbers, dates or truth values"
    else:
        return
    raise PlanError(
        f"pass {step.name!r}: {option} names column {column!r}, which holds {found}; expected {expected}",
        step.file,
        step.line,
    )
