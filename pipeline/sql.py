"""DuckDB over an output folder: views on what was kept, dropped, labelled and drawn, and why."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipeline import layer_views, state, store
from pipeline.errors import PlanError, StoreError
from pipeline.layer_views import parquet
from pipeline.views import VIEWS


def output_of(target: str) -> str:
    """The output folder that `target` means: itself, or that of a run file. PlanError if neither."""
    if target.endswith((".yaml", ".yml")):
        from pipeline.config import load

        config = load(target)
        store.configure(config.storage)
        target = config.output
    if store.read_json(store.join(target, "plan.json")) is None:
        raise PlanError(
            f"{target}: no run of winnow is there (no plan.json); "
            "give a run file or the `output` folder of one"
        )
    return target


def outputs_below(folder: str) -> list[str]:
    """Output folders of runs in a local folder, at most two levels down. PlanError if there is none."""
    base = Path(folder)
    found = sorted(
        str(file.parent) for depth in ("", "*/", "*/*/") for file in base.glob(f"{depth}plan.json")
    )
    if not found:
        raise PlanError(f"{base.resolve()}: no run's output is in this folder; give a run file or an output")
    return found


def connect(root: str) -> duckdb.DuckDBPyConnection:
    """A connection with the views of `VIEWS` over the output folder `root`, finished or not.

    StoreError where files of it are gone, damaged, or not as this version of winnow writes them.
    """
    try:
        return _connected(root)
    except duckdb.Error as fault:
        raise StoreError(
            f"{root}: cannot be read: {str(fault).splitlines()[0]}; remove that unit's file in `units`, if a "
            "file is damaged or gone, and start the run again"
        ) from fault
    except (KeyError, TypeError) as fault:  # of what its JSON files should say
        raise StoreError(
            f"{root}: {fault} is not where it should be: a file is damaged, or another version of winnow "
            "wrote it; start the run again"
        ) from fault


def _connected(root: str) -> duckdb.DuckDBPyConnection:
    plan = store.read_json(store.join(root, "plan.json"))
    connection = duckdb.connect()
    if not store.is_local(root):
        system, _ = store.file_system(root)
        connection.register_filesystem(system)
    segments = [_segment_files(root, folder, plan) for folder in plan["segments"]]
    layers = [_layer_files(root, layer, plan) for layer in plan["layers"]]
    layers = [layer for layer in layers if layer["files"]]
    stored = [path for segment in segments for path in segment["documents"]]
    ledger = [path for segment in segments for path in segment["dropped"]]
    _view(connection, "_stored", stored)
    _view(connection, "_dropped_at_source", ledger)
    for number, layer in enumerate(layers):
        _view(connection, f"_labels_{number}", layer["files"])
    layer_views.documents(connection, layers)
    layer_views.dropped(connection, layers)
    manifest = store.read_json(store.join(root, state.MANIFEST))
    shards = [] if manifest is None else [shard["name"] for shard in manifest["mixture"]["shards"]]
    _view(connection, "shards", [store.join(root, state.SHARDS, name) for name in shards])
    layer_views.duplicates(connection, layers)
    layer_views.cuts(connection, layers)
    layer_views.pass_tables(connection, root, plan["layers"])
    connection.execute(_RULES)
    _units(connection, segments)
    _steps(connection, plan)
    return connection


def _segment_files(root: str, folder: str, plan: dict[str, Any]) -> dict[str, Any]:
    """Files of the units that are finished, and their manifests."""
    names = state.finished_units(root, folder, plan)
    found: dict[str, Any] = {
        kind: [store.join(root, folder, kind, f"{name}.parquet") for name in names]
        for kind in ("documents", "dropped")
    }
    found["manifests"] = [
        store.read_json(store.join(root, folder, "units", f"{name}.json")) for name in names
    ]
    return found


def _layer_files(root: str, layer: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    folder = layer["folder"]
    names = state.finished_units(root, folder, plan)
    files = [store.join(root, folder, "labels", f"{name}.parquet") for name in names]
    columns = _columns(files[0]) if files else []
    return {**layer, "files": files, "columns": columns}


def _columns(path: str) -> list[str]:
    with store.parquet_file(path) as file:
        names: list[str] = file.schema_arrow.names
        return names


def _view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[str]) -> None:
    """A view over Parquet files; without files, an empty one with the columns that others need."""
    if files:
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {parquet(files)}")
        return
    dropped_by = ", []::VARCHAR[] AS dropped_by" if name != "_stored" else ""
    connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM (SELECT ''::VARCHAR AS id, ''::VARCHAR AS source, "
        "''::VARCHAR AS url, ''::VARCHAR AS origin, NULL::TIMESTAMP AS date, ''::VARCHAR AS text, "
        f"0::BIGINT AS tokens, 0::BIGINT AS bytes, ''::VARCHAR AS unit, 0::BIGINT AS row{dropped_by}) "
        "WHERE false"
    )


_RULES = """
CREATE VIEW rules AS
SELECT rule, count(*) AS documents, sum(tokens)::BIGINT AS tokens,
       (count(*) FILTER (alone))::BIGINT AS documents_alone,
       coalesce(sum(tokens) FILTER (alone), 0)::BIGINT AS tokens_alone
FROM (SELECT unnest(dropped_by) AS rule, coalesce(tokens, 0) AS tokens, len(dropped_by) = 1 AS alone
      FROM dropped)
GROUP BY rule ORDER BY documents DESC, rule
"""


def _units(connection: duckdb.DuckDBPyConnection, segments: Sequence[dict[str, Any]]) -> None:
    connection.execute(
        "CREATE TABLE units (unit VARCHAR, path VARCHAR, bytes BIGINT, documents BIGINT, kept BIGINT, "
        "tokens BIGINT)"
    )
    connection.execute("CREATE TABLE skipped (unit VARCHAR, reason VARCHAR, records BIGINT)")
    for segment in segments:
        for unit in segment["manifests"]:
            told = unit["input"]
            connection.execute(
                "INSERT INTO units VALUES (?, ?, ?, ?, ?, ?)",
                [unit["unit"], told["path"], told["size"], unit["documents"], unit["kept"], unit["tokens"]],
            )
            for reason, count in sorted(unit["skipped"].items()):
                connection.execute("INSERT INTO skipped VALUES (?, ?, ?)", [unit["unit"], reason, count])


def _steps(connection: duckdb.DuckDBPyConnection, plan: dict[str, Any]) -> None:
    connection.execute(
        "CREATE TABLE steps (number INTEGER, part VARCHAR, step VARCHAR, options JSON, fingerprint VARCHAR)"
    )
    for number, told in enumerate(plan.get("steps", ())):
        options = json.dumps(told["options"], ensure_ascii=False)
        connection.execute(
            "INSERT INTO steps VALUES (?, ?, ?, ?, ?)",
            [number, told["part"], told["name"], options, told["fingerprint"]],
        )


_HELP = (".help", ".views", ".tables")


def prompt(connection: duckdb.DuckDBPyConnection) -> None:
    """Reads queries from the keyboard until the end of input; an error leaves the prompt standing."""
    import readline

    views = _views(connection)
    readline.set_completer(_completer(connection))
    readline.parse_and_bind("tab: complete")
    print("Views: " + ", ".join(views) + ". A query ends with ';'. .help, .quit or Ctrl-D.")
    held = ""
    while True:
        try:
            line = input("   ...> " if held else "winnow> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            held = ""
            continue
        word = line.strip()
        if not held and word in (".quit", ".exit"):
            return
        if not held and word in _HELP:
            _list(views)
            continue
        held = f"{held}\n{line}" if held else line
        if held.strip().endswith(";"):
            query, held = held, ""
            show(connection, query, "table")
        elif not held.strip():
            held = ""


def _list(views: dict[str, str]) -> None:
    width = max(map(len, views))
    for name, about in views.items():
        print(f"  {name:{width}}  {about}")


def _views(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The views that there are, with those of passes, and what each shows."""
    query = "SELECT view_name, comment FROM duckdb_views() WHERE comment IS NOT NULL ORDER BY view_name"
    return {**VIEWS, **dict(connection.execute(query).fetchall())}


def _completer(connection: duckdb.DuckDBPyConnection) -> Any:
    columns = connection.execute("SELECT DISTINCT column_name FROM (DESCRIBE documents)").fetchall()
    words = sorted(
        [*_views(connection), *(name for (name,) in columns), "select ", "from ", "where ", "group by "]
    )

    def complete(text: str, at: int) -> str | None:
        found = [word for word in words if word.startswith(text)]
        return found[at] if at < len(found) else None

    return complete


def show(connection: duckdb.DuckDBPyConnection, query: str, form: str) -> bool:
    """Prints the results of a query, or of several parted by `;`, as `table`, `csv` or `json` lines; False
    if one is wrong. `.help` lists the views, as it does at the prompt."""
    if query.strip() in _HELP:
        _list(_views(connection))
        return True
    try:
        for statement in connection.extract_statements(query):
            result = connection.sql(statement)
            if result is None:
                continue
            if form == "table":
                result.show(max_width=os.get_terminal_size().columns if os.isatty(1) else 160, max_rows=60)
            else:
                table = result.to_arrow_table()
                _print_rows(table, form)
        return True
    except duckdb.Error as fault:
        print(fault, file=sys.stderr)
        return False


def _print_rows(table: Any, form: str) -> None:
    import csv

    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows(tuple(row.values()) for row in table.to_pylist())
        return
    for row in table.to_pylist():
        print(json.dumps(row, default=str, ensure_ascii=False))
