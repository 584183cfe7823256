"""Faults of a run file, told to the person who wrote it: what was found, expected, and the nearest."""

import difflib
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from pipeline.errors import PlanError
from pipeline.marks import KeyPath, Mark, Marked

MAX_SHOWN = 60  # characters of a value in a message


class Faults:
    """Gathers faults, so that one reading of the file names all that could be found."""

    def __init__(self) -> None:
        self.found: list[PlanError] = []

    def add(self, message: str, mark: Mark) -> None:
        self.found.append(PlanError(message, mark.file, mark.line))

    def absorb(self, fault: PlanError) -> None:
        self.found.append(fault)

    def stop(self) -> None:
        """Raises the faults as one PlanError, each on a line of its own; returns if there are none."""
        if self.found:
            self._stop()

    def _stop(self) -> NoReturn:
        files = list(dict.fromkeys(fault.file for fault in self.found))
        in_order = sorted(self.found, key=lambda fault: (files.index(fault.file), fault.line or 0))
        first, rest = in_order[0], list(dict.fromkeys(str(fault) for fault in in_order))[1:]
        raise PlanError("\n".join([first.message, *rest]), first.file, first.line)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that look like `name`, best first, whatever the case."""
    folded = {each.casefold(): each for each in known}
    return [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]


def choose(name: str, known: Sequence[str], listed: int = 40) -> str:
    """The end of a message about an unknown name: the nearest known names, or all, if not too many."""
    close = nearest(name, known)
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    if not known:
        return "there is none"
    return "expected one of " + ", ".join(known) if len(known) <= listed else "nothing is named like it"


def show(value: Any) -> str:
    """A value as a message names it."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else f"the number {value}"
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def explain(
    faults: Faults,
    error: ValidationError,
    model: type[BaseModel],
    marked: Marked,
    at: KeyPath,
    what: str,
    also: Sequence[str] = (),
) -> None:
    """Adds pydantic's findings about the mapping at `at`; `what` names it ("step gopher").

    also   keys that the mapping may hold besides the model's fields
    """
    details = error.errors(include_url=False)
    for detail in details:
        if detail["type"] == "too_short" and any(_within(other["loc"], detail["loc"]) for other in details):
            continue  # short of what was refused: said already
        inside = tuple(part for part in detail["loc"] if not str(part).startswith(("function-", "[")))
        place = marked.written(at, inside)
        mark = marked.mark(place)
        moved = marked.told(place)
        here, name = (place[len(at) :], what) if moved == place else (moved[1:], str(moved[0]))
        key = ".".join(map(str, here)) or "value"
        kind, found = detail["type"], detail["input"]
        if kind == "extra_forbidden":
            message = (
                f"{name}: unknown key {key!r}; {choose(str(inside[-1]), _keys(model, inside[:-1], also))}"
            )
        elif kind == "missing":
            message = f"{name}: key {key!r} is missing{_about(model, inside)}"
        elif kind == "literal_error":
            allowed = detail.get("ctx", {}).get("expected", "")
            known = [word.strip("' ") for word in allowed.replace(" or ", ", ").split(",")]
            message = f"{name}: {key} is {show(found)}; {choose(str(found), known)}"
        elif kind == "value_error":
            said = str(detail["ctx"]["error"])
            if not here:  # of several keys together, or all that is written
                message = f"{name}: {said}"
            elif repr(found) in said or f"found {show(found)}" in said:
                message = f"{name}: {key}: {said}"
            else:
                message = f"{name}: {key} is {show(found)}; {said}"
        else:
            expected = detail["msg"].replace("Input should be", "expected")
            expected = expected.replace("valid string", "text").replace("valid dictionary", "mapping")
            expected = expected.replace("valid tuple", "list").replace("Tuple should have", "expected")
            message = f"{name}: {key} is {show(found)}; {expected[0].lower()}{expected[1:]}"
            if "text" in expected and isinstance(found, int | float):
                message += "; put it in quotes"
        faults.add(message, mark)


def _within(inner: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _about(model: type[BaseModel], inside: tuple[Any, ...]) -> str:
    holder = _model(model, inside[:-1])
    known = holder.model_fields.get(str(inside[-1])) if holder else None
    return f" ({known.description})" if known and known.description else ""


def _keys(model: type[BaseModel], inside: tuple[Any, ...], also: Sequence[str]) -> list[str]:
    holder = _model(model, inside)
    return [*(() if inside else also), *(holder.model_fields if holder else ())]


def _model(model: type[BaseModel], inside: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model that describes the mapping at `inside`, where one does."""
    holder: Any = model
    for part in inside:
        if isinstance(holder, type) and issubclass(holder, BaseModel):
            known = holder.model_fields.get(str(part))
            holder = known.annotation if known else None
        else:
            inner = [each for each in typing.get_args(holder) if each is not Ellipsis]
            holder = inner[-1] if inner else None
        holder = _without_none(holder)
    return holder if isinstance(holder, type) and issubclass(holder, BaseModel) else None


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind
    return next((each for each in typing.get_args(kind) if each is not type(None)), None)
