"""Which document of a cluster stays: the option `keep`, and the numbers that it orders documents by.

    keep: [newest, longest, {source: [wikipedia, web]}, {highest: quality}, {lowest: perplexity}]

The first order decides, a tie the next, and so on; then the longest unless length is among them, then
the least id.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict

from pipeline.faults import choose, show
from pipeline.stage import Names

Word = Literal["newest", "oldest", "longest", "shortest"]


class FromSource(BaseModel):
    """Documents of sources that stand earlier in the list before others; of none of them last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: tuple[str, ...]


class Highest(BaseModel):
    """Documents with a higher number in this column before others; without one last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    highest: str


class Lowest(BaseModel):
    """Documents with a lower number in this column before others; without one last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lowest: str


Order = Word | FromSource | Highest | Lowest
Orders = tuple[Order, ...]

KEEP = (
    "which copy stays: newest, oldest, longest, shortest, {source: [best, next]}, {highest: column} or "
    "{lowest: column}, or a list of them; then the longest, then the least id"
)
DEFAULT_KEEP: Orders = ("newest", "longest")

ORDERS = ("newest", "oldest", "longest", "shortest")
ORDER_KEYS = ("source", "highest", "lowest")
_CHOICES = (*ORDERS, *(f"{{{key}: …}}" for key in ORDER_KEYS))
_MOST = np.int64(np.iinfo(np.int64).max)
_SIGN = np.uint64(1 << 63)


def _read(value: Any) -> Orders:
    """The whole order as it stands in YAML; a tie goes to the longest, unless length has its say."""
    listed = value if isinstance(value, list | tuple) else [value]
    orders = tuple(_order(each) for each in listed)
    decided: dict[str, Order] = {}
    for order in orders:
        subject = _subject(order)
        if subject in decided:
            first, later = _written(decided[subject]), _written(order)
            problem = f"{later} stands twice" if first == later else f"at most one of {first} and {later}"
            raise ValueError(f"{problem}; leave out the one that comes later, it decides nothing")
        decided[subject] = order
    return orders if "length" in decided else (*orders, "longest")


def _order(value: Any) -> Order:
    if isinstance(value, FromSource | Highest | Lowest):
        return value
    if isinstance(value, str):
        if value in ORDERS:
            return value  # type: ignore[return-value]
        if value in ORDER_KEYS:
            example = "[best, next]" if value == "source" else "column"
            raise ValueError(f"{value!r} needs to know of what: write {{{value}: {example}}}")
        raise ValueError(f"unknown order {value!r}; {choose(value, ORDERS)}")
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"expected {', '.join(_CHOICES)}; found {show(value)}")
    [(key, inside)] = value.items()
    if key == "source":
        names = (
            (inside,)
            if isinstance(inside, str)
            else tuple(inside)
            if isinstance(inside, list | tuple)
            else ()
        )
        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"source: expected a list of sources, the best first; found {show(inside)}")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"source {name!r} is named twice; leave one out")
        return FromSource(source=names)
    if key not in ORDER_KEYS:
        raise ValueError(f"unknown order {key!r}; {choose(str(key), (*ORDER_KEYS, *ORDERS))}")
    if not isinstance(inside, str) or not inside:
        raise ValueError(f"{key}: expected the name of a column; found {show(inside)}")
    return Highest(highest=inside) if key == "highest" else Lowest(lowest=inside)


def _subject(order: Order) -> str:
    """What an order looks at: two that look at the same leave nothing for the second to decide."""
    if isinstance(order, FromSource):
        return "source"
    if isinstance(order, Highest | Lowest):
        return f"column {_column(order)}"
    return "date" if order in ("newest", "oldest") else "length"


def _column(order: Highest | Lowest) -> str:
    return order.highest if isinstance(order, Highest) else order.lowest


def _written(order: Order) -> str:
    if isinstance(order, FromSource):
        return f"{{source: [{', '.join(order.source)}]}}"
    if isinstance(order, Highest):
        return f"{{highest: {order.highest}}}"
    return f"{{lowest: {order.lowest}}}" if isinstance(order, Lowest) else order


def _sources(orders: Orders) -> list[str]:
    return [name for order in orders if isinstance(order, FromSource) for name in order.source]


def keep_columns(orders: Orders) -> tuple[str, ...]:
    """Columns that `keep` names, for `scope.reading`; every document has those of the other orders."""
    return tuple(_column(order) for order in orders if isinstance(order, Highest | Lowest))


Keep = Annotated[
    Orders,
    BeforeValidator(_read, json_schema_input_type=Order | Orders),
    Names(sources=_sources, columns=lambda orders: dict.fromkeys(keep_columns(orders), "number")),
]
"""Which document of a cluster stays: the first by these orders, then the longest unless length is
among them, then the one with the least id. A document without a date loses to any with one, one without
the number (null or NaN) to any with it. Length is the UTF-8 bytes of the text."""


def stored_columns(orders: Orders) -> tuple[str, ...]:
    """What `places` reads of a document."""
    words = {"date": ("newest", "oldest"), "bytes": ("longest", "shortest")}
    asked = [column for column, by in words.items() if any(order in by for order in orders)]
    return tuple(dict.fromkeys((*asked, *keep_columns(orders))))


def places(source: str, table: pa.Table, orders: Orders) -> list[pa.Array]:
    """For each order int64 [n] whose ascending order it is, null behind all; `table` holds documents of
    `source`."""
    return [_places(source, table, order) for order in orders]


def _places(source: str, table: pa.Table, order: Order) -> pa.Array:
    if isinstance(order, FromSource):
        place = order.source.index(source) if source in order.source else len(order.source)
        return pa.array(np.full(table.num_rows, place, np.int64))
    if isinstance(order, Highest | Lowest):
        numbers, unknown = _ascending(table.column(_column(order)))
        descending = isinstance(order, Highest)
    elif order in ("longest", "shortest"):
        numbers, unknown = _ascending(table.column("bytes"))
        descending = order == "longest"
    else:
        dates = table.column("date").cast(pa.timestamp("us")).cast(pa.int64())
        numbers, unknown = _ascending(dates)
        descending = order == "newest"
    # ~x, unlike -x, reverses the order of every 64-bit integer.
    return pa.array(~numbers if descending else numbers, mask=unknown)


def _ascending(values: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """64-bit integers in the order of the numbers, [n], and where there is no number."""
    unknown = values.is_null().to_numpy()
    known = values.fill_null(0)
    if pa.types.is_floating(values.type):
        floats = known.cast(pa.float64()).to_numpy() + 0.0  # of -0.0 and 0.0 none is higher
        bits = floats.view(np.int64)
        # The bits of floats that are not negative ascend with them, those of negative ones descend.
        numbers = np.where(bits < 0, bits ^ _MOST, bits)
        return numbers, unknown | np.isnan(floats)
    if values.type == pa.uint64():
        return (known.to_numpy() ^ _SIGN).view(np.int64), unknown
    return known.cast(pa.int64()).to_numpy(), unknown
