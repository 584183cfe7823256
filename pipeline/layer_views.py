"""Views of `winnow sql` on documents and what passes made of them: labels, verdicts, edited texts."""

import glob
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

from pipeline import store, tables
from pipeline.plan import EDITED

Layers = Sequence[dict[str, Any]]
"""Of each layer that has files: `columns` of its labels, name of its `pass`, and what the pass `cuts` by.
The labels themselves are the views `_labels_0`, `_labels_1` and so on."""


def quote(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def parquet(paths: Iterable[str], union: bool = True) -> str:
    """The rows of Parquet files in SQL; what would be a wildcard in their names stands for itself.

    union   they may have different columns
    """
    listed = ", ".join(quote(glob.escape(path)) for path in paths)
    return f"read_parquet([{listed}]{', union_by_name=true' if union else ''})"


def _joined(layers: Layers, upto: int) -> tuple[str, str]:
    """FROM clause and columns of stored documents with the labels of layers 0 … upto, as these leave
    them."""
    source = "_stored"
    columns = _edited(layers, upto)
    for number in range(upto + 1):
        source += f" JOIN _labels_{number} USING (unit, row)"
        for name in layers[number]["columns"]:
            if name not in ("unit", "row", "dropped_by", *EDITED):
                columns += f', _labels_{number}."{name}"'
    return source, columns


def _edited(layers: Layers, upto: int) -> str:
    """The columns of stored documents, SQL: the last new value of those that passes up to `upto` edit."""
    values = []
    for name in EDITED:
        new = [f"_labels_{at}.{name}" for at in range(upto, -1, -1) if name in layers[at]["columns"]]
        if new:
            values.append(f"coalesce({', '.join(new)}, _stored.{name}) AS {name}")
    return f"_stored.* REPLACE ({', '.join(values)})" if values else "_stored.*"


def _seen(layers: Layers, at: int) -> str:
    """Stored documents as they come to layer `at`, without labels, SQL."""
    edits = [number for number in range(at) if EDITED[0] in layers[number]["columns"]]
    if not edits:
        return "_stored"
    joined = "".join(f" JOIN _labels_{number} USING (unit, row)" for number in edits)
    return f"(SELECT {_edited(layers, at - 1)} FROM _stored{joined})"


def _alive(upto: int) -> str:
    return " AND ".join(f"len(_labels_{number}.dropped_by) = 0" for number in range(upto)) or "true"


def documents(connection: duckdb.DuckDBPyConnection, layers: Layers) -> None:
    """The view of documents that survive."""
    source, columns = _joined(layers, len(layers) - 1)
    connection.execute(f"CREATE VIEW documents AS SELECT {columns} FROM {source} WHERE {_alive(len(layers))}")


def dropped(connection: duckdb.DuckDBPyConnection, layers: Layers) -> None:
    """The view of documents that do not, wherever they went."""
    parts = ["SELECT * FROM _dropped_at_source"]
    for number in range(len(layers)):
        source, columns = _joined(layers, number)
        parts.append(
            f"SELECT {columns}, _labels_{number}.dropped_by FROM {source} "
            f"WHERE len(_labels_{number}.dropped_by) > 0"
        )
    connection.execute("CREATE VIEW dropped AS " + " UNION ALL BY NAME ".join(parts))


def duplicates(connection: duckdb.DuckDBPyConnection, layers: Layers) -> None:
    """The view of clusters, their texts as the pass has seen them."""
    parts = []
    for number, layer in enumerate(layers):
        name = layer["pass"]
        if name is None or f"{name}_cluster" not in layer["columns"]:
            continue
        parts.append(
            f"SELECT {quote(name)} AS pass, l.{name}_cluster AS cluster, l.{name}_rank AS rank, "
            f"l.{name}_size AS size, d.id, d.source, d.url, d.origin, d.date, d.tokens, "
            f"k.url AS kept_url, k.origin AS kept_origin, d.text "
            f"FROM _labels_{number} l JOIN {_seen(layers, number)} d USING (unit, row) LEFT JOIN ("
            f"SELECT a.{name}_cluster AS cluster, b.url, b.origin FROM _labels_{number} a "
            f"JOIN _stored b USING (unit, row) WHERE a.{name}_rank = 0 AND a.{name}_size > 1"
            f") k ON k.cluster = l.{name}_cluster WHERE l.{name}_size > 1"
        )
    empty = (
        "SELECT ''::VARCHAR AS pass, ''::VARCHAR AS cluster, 0::INTEGER AS rank, 0::INTEGER AS size, id, "
        "source, url, origin, date, tokens, ''::VARCHAR AS kept_url, ''::VARCHAR AS kept_origin, text "
        "FROM _stored WHERE false"
    )
    connection.execute("CREATE VIEW duplicates AS " + " UNION ALL ".join([empty, *parts]))


def cuts(connection: duckdb.DuckDBPyConnection, layers: Layers) -> None:
    """The view of what was cut, a row for each span."""
    parts = [
        "SELECT ''::VARCHAR AS pass, 0::BIGINT AS part, 0::BIGINT AS start, 0::BIGINT AS \"end\", "
        "text AS cut, id, source, url, unit, row FROM _stored WHERE false"
    ]
    for number, layer in enumerate(layers):
        column = layer.get("cuts")
        if column is not None:
            parts.append(
                f"SELECT {quote(layer['pass'])}, edge // 2, spans[edge], spans[edge + 1], "
                "decode(encode(text)[spans[edge] + 1:spans[edge + 1]]), id, source, url, unit, row FROM ("
                f'SELECT l."{column}" AS spans, unnest(range(1, len(l."{column}"), 2)) AS edge, d.text, '
                f"d.id, d.source, d.url, unit, row FROM _labels_{number} l "
                f"JOIN {_seen(layers, number)} d USING (unit, row)) WHERE spans[edge] < spans[edge + 1]"
            )
    connection.execute("CREATE VIEW cuts AS " + " UNION ALL ".join(parts))


def pass_tables(connection: duckdb.DuckDBPyConnection, root: str, layers: Layers) -> None:
    """The views of the tables that passes write. One that is not there yet says so when it is asked."""
    for layer in layers:
        for name, about in layer.get("tables", {}).items():
            found = tables.files(store.join(root, layer["folder"]), name)
            query = f"SELECT * FROM {parquet(found)}"
            if not found:
                lacking = f"{name}: the pass {layer['pass']} has not written it yet; go on with winnow run"
                query = f"SELECT error({quote(lacking)}) AS {name}"
            connection.execute(f'CREATE VIEW "{name}" AS {query}')
            connection.execute(f'COMMENT ON VIEW "{name}" IS {quote(about)}')
