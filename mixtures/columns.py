"""The schema of the shards: every column that any source stored."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from pipeline.corpus import CorpusUnit
from pipeline.errors import ContractError, PlanError
from pipeline.source import BASE_SCHEMA, ROW_COLUMNS, is_transient
from pipeline.stage import column

EPOCH = column("epoch", pa.int32(), unit="copies", about="which copy of the document this is, from 0")
LEADING = ("id", "source", "url", "date", "license", "text", "tokens", "bytes", "epoch")
NEEDED = ("id", "source", "text", "tokens", "bytes")

# The columns of a corpus that has no units.
EMPTY = pa.schema(
    [
        *(BASE_SCHEMA.field(name) for name in ("id", "source", "url", "date", "license")),
        column("text", pa.string()),
        column("tokens", pa.int64(), unit="tokens"),
        column("bytes", pa.int64(), unit="bytes"),
    ]
)

# What locates or judges a row within the run, not the document; `epoch` of shards read again.
_LEFT_OUT = {*(field.name for field in ROW_COLUMNS), "position", "alive", "dropped_by", "epoch"}


def stored_columns(unit: CorpusUnit) -> pa.Schema:
    """The columns of a unit that go into shards, in the order of its schema."""
    fields = {
        field.name: field for field in unit.schema if field.name not in _LEFT_OUT and not is_transient(field)
    }
    for name in NEEDED:
        if name not in fields:
            raise ContractError(
                f"unit {unit.name} of source {unit.source}: no column {name} for the mixture; "
                f"there are {', '.join(fields) or 'none'}"
            )
    return pa.schema(list(fields.values()))


def shard_schema(stored: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """The union of (source, schema) pairs: `LEADING` first, then the rest by source and position.

    Dictionaries are decoded and every column may be null, so that all shards of all sources agree.
    PlanError where two sources have the same column with types that no type holds both of.
    """
    fields: dict[str, pa.Field] = {}
    origin: dict[str, str] = {}
    for source, schema in sorted(stored, key=lambda pair: (pair[0], str(pair[1]))):
        for field in schema:
            plain = field.with_type(_plain(field.type)).with_nullable(True)
            if field.name not in fields:
                fields[field.name], origin[field.name] = plain, source
            elif plain.type != fields[field.name].type:
                fields[field.name] = _promote(fields[field.name], plain, origin[field.name], source)
    fields[EPOCH.name] = EPOCH
    leading = [fields.pop(name) for name in LEADING if name in fields]
    return pa.schema([*leading, *fields.values()])


def describe_columns(schema: pa.Schema) -> list[dict[str, str]]:
    """Name, type, unit and meaning of every column, from the fields' metadata."""
    described = []
    for field in schema:
        known = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        unit, about = known.get("unit", ""), known.get("about", "")
        described.append({"name": field.name, "type": str(field.type), "unit": unit, "about": about})
    return described


def widen(schema: pa.Schema) -> pa.Schema:
    """The schema with 64-bit offsets: a shard's text may be larger than 2 GiB in memory."""
    wide = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}
    return pa.schema([field.with_type(wide.get(field.type, field.type)) for field in schema])


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the columns and types of `schema`; a column it lacks is null."""
    columns: Sequence[pa.ChunkedArray | pa.Array] = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    return {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}.get(kind, kind)


def _promote(first: pa.Field, second: pa.Field, source: str, other: str) -> pa.Field:
    try:
        pair = [pa.schema([field.remove_metadata()]) for field in (first, second)]
        both = pa.unify_schemas(pair, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError) as fault:
        raise PlanError(
            f"column {first.name} is {first.type} in source {source} and {second.type} in source {other}; "
            "expected types that one column can hold: rename or cast it in one of the sources"
        ) from fault
    return first.with_type(both)
