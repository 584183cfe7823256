"""Arrow columns of any type as the types that winnow's documents have."""

import json

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources import dates
from pipeline.sources.charset import well_formed


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are strings, or bytes that may be."""
    kind = _value_type(kind)
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def texts(array: pa.Array) -> tuple[pa.Array, int]:
    """The texts as string [n], null where there is none, and how many were not UTF-8 (null too).

    Parquet does not enforce that a string column holds UTF-8, and winnow's kernels rely on it.
    """
    raw = array.cast(_value_type(array.type)).cast(pa.binary())
    try:
        return raw.cast(pa.string()), 0
    except pa.ArrowInvalid:
        values = [_decoded(value) for value in raw.to_pylist()]
    return pa.array(values, pa.string()), values.count(None) - raw.null_count


def strings(array: pa.Array) -> pa.Array:
    """string [n]: numbers in decimal, all else as JSON has it; what is not UTF-8 is replaced."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.string())
    if is_text(array.type):
        found, invalid = texts(array)
        if not invalid:
            return found
        raw = array.cast(_value_type(array.type)).cast(pa.binary()).to_pylist()
        return pa.array([None if value is None else value.decode("utf-8", "replace") for value in raw])
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type):
        return array.cast(pa.string())
    return pa.array([None if value is None else _json(value) for value in array.to_pylist()], pa.string())


def timestamps(array: pa.Array) -> pa.Array:
    """timestamp[us] [n], UTC without a zone, from timestamps, dates, texts or numbers."""
    kind = array.type
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        zoned = array.cast(pa.timestamp("us", tz=kind.tz), safe=False)
        return zoned.cast(pa.int64()).cast(pa.timestamp("us"))
    if pa.types.is_date(kind):
        return array.cast(pa.timestamp("us"))
    if is_text(kind):
        array = strings(array)
    return pa.array([dates.parse(value) for value in array.to_pylist()], pa.timestamp("us"))


def kept_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column is kept in: of few, so that files written by different tools agree."""
    kind = _value_type(kind)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return kind
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return pa.int64()
    if pa.types.is_floating(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pa.timestamp("us")
    return pa.string()


def kept(array: pa.Array) -> pa.Array:
    """The column in the type that `kept_type` says; NaN and infinity, which no rule can read, are null."""
    kind = kept_type(array.type)
    if pa.types.is_null(kind):
        return array
    if pa.types.is_string(kind):
        return strings(array)
    if pa.types.is_timestamp(kind):
        return timestamps(array)
    values = array.cast(_value_type(array.type)).cast(kind)
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
    return values


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _json(value: object) -> str:
    if not isinstance(value, list | dict):
        return str(value)
    return well_formed(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str))
