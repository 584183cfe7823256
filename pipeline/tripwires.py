"""Tripwires: what a pass or rule may remove before the run asks, and what it may remove all the same.

A rule whose column is never filled and a threshold with its operator the wrong way round look the same
in a log of counts: nothing is gone, or nearly all. Such a run stops before the mixture, with examples,
until the run file says that it is meant.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from pipeline.faults import Faults, choose, explain, show
from pipeline.marks import Marked
from pipeline.recipe import RULES, StepConfig
from pipeline.stage import Options

KEY = "tripwires"
OFF = "off"


ANY: Literal["any"] = "any"
NOTHING: Literal["nothing"] = "nothing"

Accepted = tuple[Literal["any", "nothing"] | float, ...]
"""What is accepted of one rule, step or pass: that it removes nothing; a share and no more than that; any."""


def _read_accept(value: Any) -> dict[str, Accepted]:
    """What is accepted by name; a list of names accepts anything of each."""
    if isinstance(value, list | tuple):
        for name in value:
            if not isinstance(name, str):
                raise ValueError(f"found {show(name)} in it; expected names of rules, steps and passes")
            if value.count(name) > 1:
                raise ValueError(f"{name!r} is named twice; leave one out")
        anything: Accepted = (ANY,)
        return dict.fromkeys(value, anything)
    if not isinstance(value, Mapping):
        raise ValueError(
            "expected a list of names, or names with what is accepted: {NAME: nothing, NAME: 0.95}"
        )
    return {name: _accepted(name, given) for name, given in value.items()}


def _accepted(name: str, value: Any) -> Accepted:
    given = value if isinstance(value, list | tuple) else [value]
    for each in given:
        share = isinstance(each, int | float) and not isinstance(each, bool) and 0 < each <= 1
        if not share and each not in (ANY, NOTHING):
            raise ValueError(
                f"{name}: found {show(each)}; expected {NOTHING}, the share that it may remove, as 0.95, "
                f"or {ANY}"
            )
    if not given:
        raise ValueError(f"{name}: found an empty list; expected {NOTHING}, a share as 0.95, or {ANY}")
    return tuple(given)


class Tripwires(Options):
    """When a run stops before its mixture."""

    most: float = Field(
        default=0.9,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="share of the documents that it was asked about, more than which no rule or pass drops",
    )
    enough_documents: int = Field(
        default=10_000,
        ge=1,
        description="how many documents a rule of a step's own or of a recipe may see and drop none; a pass, "
        "and a rule that stands in the run file itself, must drop one of two or more",
    )
    accept: Annotated[
        dict[str, Accepted],
        BeforeValidator(
            _read_accept,
            json_schema_input_type=tuple[str, ...] | dict[str, Literal["any", "nothing"] | float | Accepted],
        ),
    ] = Field(
        default={},
        description="names of rules, steps and passes with what they may do: remove nothing, remove a share "
        "(0.95) and no more, or any; a list of names accepts any of each",
    )


def read_tripwires(
    marked: Marked, value: Any, steps: Sequence[StepConfig], faults: Faults
) -> Tripwires | None:
    """The tripwires of a run file, None where they are off; faults are added to `faults`.

    steps   all steps of the file: what they and their rules are called can be accepted
    """
    if value is None:
        return Tripwires()
    if value is False or value == OFF:
        return None
    if not isinstance(value, dict):
        faults.add(f"{KEY}: expected a mapping or {OFF!r}, found {show(value)}", marked.mark((KEY,)))
        return None
    try:
        found = Tripwires.model_validate(value)
    except ValidationError as error:
        explain(faults, error, Tripwires, marked, (KEY,), KEY)
        return None
    if not faults.found:  # of steps with faults not all names are known
        known = {step.name for step in steps if step.kind != RULES}
        known |= {rule.name for step in steps for rule in step.rules}
        listed = isinstance(value.get("accept"), list)
        for at, name in enumerate(found.accept):
            if name not in known:
                faults.add(
                    f"{KEY}: accept names {name!r}, which is no rule, step or pass of this file; "
                    f"{choose(name, sorted(known))}",
                    marked.mark((KEY, "accept", at if listed else name)),
                )
    return found


def describe(tripwires: Tripwires | None) -> list[str]:
    """What they are, for `winnow plan`, in a line or two."""
    if tripwires is None:
        return ["off: nothing that a pass or a rule removes, or does not, stops the run"]
    lines = [
        f"stop before the mixture where a pass or rule drops more than {percent(tripwires.most)}, or nothing "
        f"(a step's own rules, and recipes': nothing of {tripwires.enough_documents:,} documents or more)"
    ]
    if tripwires.accept:
        each = (f"{name}{_about(what)}" for name, what in tripwires.accept.items())
        lines.append(f"accepted: {', '.join(each)}")
    return lines


def _about(what: Accepted) -> str:
    told = [f"up to {percent(each)}" if isinstance(each, int | float) else each for each in what]
    return "" if ANY in what else f" ({' or '.join(told)})"


def percent(share: float) -> str:
    """A share as it is told: 90%, 99.5%."""
    return f"{100 * share:.4g}%"
