"""How near a document came to a rule that did not drop it, where one column's distance from a number says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.predicate import parse, shared

_BELOW, _AT, _ABOVE = -1, 0, 1  # on which side of a bound a rule drops
_SIDES = {
    "COMPARE_LESSTHAN": _BELOW,
    "COMPARE_LESSTHANOREQUALTO": _BELOW,
    "COMPARE_GREATERTHAN": _ABOVE,
    "COMPARE_GREATERTHANOREQUALTO": _ABOVE,
    "COMPARE_EQUAL": _AT,
}


@dataclass(frozen=True)
class Nearness:
    """A rule as bounds of one column: `bounds` are (number, the side on which it drops)."""

    column: str
    bounds: tuple[tuple[float, int], ...]

    def distances(self, values: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
        """How far each value is from being dropped, [n]; infinite where there is none."""
        found = np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
        away = [
            np.abs(found - bound) if side == _AT else side * (bound - found) for bound, side in self.bounds
        ]
        nearest: NDArray[np.float64] = np.nan_to_num(np.min(away, axis=0), nan=np.inf)
        return nearest


def nearness(drop_if: str) -> Nearness | None:
    """The bounds of a rule that compares one column with numbers (`<`, `>`, `=`, BETWEEN, and these joined
    by OR); None for any other."""
    ((serialized,),) = (
        shared().execute("SELECT json_serialize_sql(?)", [f"SELECT {parse(drop_if).sql}"]).fetchall()
    )
    found = _bounds(json.loads(serialized)["statements"][0]["node"]["select_list"][0])
    if found is None or len({column for column, _, _ in found}) != 1:
        return None
    return Nearness(found[0][0], tuple((bound, side) for _, bound, side in found))


def _bounds(tree: dict[str, Any]) -> list[tuple[str, float, int]] | None:
    kind = tree["type"]
    if kind == "CONJUNCTION_OR":
        parts = [_bounds(child) for child in tree["children"]]
        return None if None in parts else list(chain.from_iterable(filter(None, parts)))
    negated = kind == "OPERATOR_NOT"
    if negated:
        tree = tree["children"][0]
    if tree["type"] == "COMPARE_BETWEEN":
        column, ends = _column(tree["input"]), [_number(tree["lower"]), _number(tree["upper"])]
        sides = (_BELOW, _ABOVE) if negated else (_AT, _AT)
        if column is None or None in ends:
            return None
        return [(column, end, side) for end, side in zip(ends, sides, strict=True) if end is not None]
    if negated or kind not in _SIDES:
        return None
    return next(_compared(tree, _SIDES[kind]), None)


def _compared(tree: dict[str, Any], side: int) -> Iterator[list[tuple[str, float, int]]]:
    for one, other, drops in ((tree["left"], tree["right"], side), (tree["right"], tree["left"], -side)):
        column, bound = _column(one), _number(other)
        if column is not None and bound is not None:
            yield [(column, bound, drops)]


def _column(tree: dict[str, Any]) -> str | None:
    plain = tree["class"] == "COLUMN_REF" and len(tree["column_names"]) == 1
    return str(tree["column_names"][0]) if plain else None


def _number(tree: dict[str, Any]) -> float | None:
    if tree["class"] != "CONSTANT" or tree["literal"]["kind"] not in ("INTEGER", "NUMERIC"):
        return None
    return float(tree["literal"]["text"])
