"""One document in full: what winnow knows of it, its text, and its record in the original file."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import duckdb
from pydantic import ValidationError
from rich.console import Console
from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from pipeline import sql, store
from pipeline import steps as table_of_steps
from pipeline.counted import counted
from pipeline.errors import MovedError, PlanError, SourceError
from pipeline.source import BASE_SCHEMA, Reading, Unit

_KEYS = (*BASE_SCHEMA.names, "unit", "row")
_SHORT = 4  # characters: a shorter beginning of an id would fit too many documents
_LISTED = 5


def show(roots: Sequence[str], identity: str, part: str, console: Console) -> None:
    """Prints a document by its id, or the beginning of it, from the first output that has it.

    part   `text` or `original`: only these bytes, for a pipe; `all`: the facts and both
    Raises PlanError where no document, or more than one, has this id.
    """
    wanted = identity.lower()
    if len(wanted) < _SHORT or set(wanted) - set("0123456789abcdef"):
        raise PlanError(
            f"id {identity!r}: expected the 32 hexadecimal digits of a document's id, or the first few; "
            'winnow sql OUTPUT "SELECT id, url, origin FROM documents" lists them'
        )
    for root in roots:
        with sql.connect(root) as connection:
            document = _find(connection, wanted)
            cuts = _cuts(connection, document) if document is not None else {}
            spans = _spans(connection, document) if document is not None else {}
        if document is not None:
            break
    else:
        raise PlanError(f"id {identity!r}: no document in {', '.join(roots)} has an id that starts so")
    if part == "text":
        _write((document["text"] or "").encode())
    elif part == "original":
        _write(original(root, document))
    else:
        _facts(root, document, console)
        console.print(Line("text", style="dim"))
        console.print(document["text"] or "", markup=False, highlight=False, soft_wrap=True)
        for pass_, pieces in cuts.items():
            size = sum(len(piece.encode()) for _, piece in pieces)
            console.print(
                Line(f"cut by {pass_}: {counted(len(pieces), 'span')}, {counted(size, 'byte')}", style="dim")
            )
            for start, piece in pieces:
                lines = piece.replace("\n", "⏎\n" + 10 * " ").rstrip(" ").removesuffix("\n")
                console.print(Text(f"{start:>8,}  ", style="dim") + Text(lines), soft_wrap=True)
        for table, rows in spans.items():
            console.print(Line(f"{table}: {counted(len(rows), 'span')}", style="dim"))
            for start, told in rows:
                console.print(Text(f"{start:>8,}  ", style="dim") + Text(told), soft_wrap=True)
        console.print(Line("original", style="dim"))
        console.print(
            original(root, document).decode("utf-8", "replace"), markup=False, highlight=False, soft_wrap=True
        )


def original(root: str, document: dict[str, Any]) -> bytes:
    """The document's record as it stands in the input file. SourceError if it is not there any more."""
    folder, reader_name, options = _segment(root, document["source"], document["unit"])
    if reader_name not in table_of_steps.SOURCES:
        raise SourceError(f"source {document['source']!r}: `read: {reader_name}` is not known here")
    reader = table_of_steps.source_reader(reader_name)
    try:
        settings = reader.options(**options)
    except ValidationError as fault:
        wrong = ", ".join(".".join(map(str, detail["loc"])) for detail in fault.errors(include_url=False))
        raise SourceError(
            f"source {document['source']!r}: another version of winnow read it, with options that are not "
            f"known here: {wrong}; run it again to see originals"
        ) from fault
    if reader.original is None:
        raise SourceError(f"source {document['source']!r}: `read: {reader_name}` cannot show originals")
    told = store.read_json(store.join(root, folder, "units", f"{document['unit']}.json"))["input"]
    part = told.get("part")
    unit = Unit(
        document["source"],
        document["unit"],
        told["path"],
        told["logical"],
        told["size"],
        told["version"],
        None if part is None else (part[0], part[1]),
        _files(told, document["origin"] or ""),
    )
    opened = partial(store.open_input, unit.path, unit.size or None)
    row = {name: document[name] for name in _KEYS}
    try:
        return reader.original(Reading(unit, settings, opened, Counter()), row)
    except MovedError as fault:
        raise SourceError(
            f"{document['origin']}: {fault.args[0]}: has the input been moved or changed since the run?"
        ) from fault


def _files(told: dict[str, Any], origin: str) -> tuple[tuple[str, str], ...]:
    """Path and logical path of the input file that `origin` names, where its unit gathers several."""
    if origin == told["logical"] or origin.startswith(f"{told['logical']}!"):
        return ()
    logicals = [origin[:at] for at, sign in enumerate(origin) if sign == "!"] + [origin]
    found = [(root + logical, logical) for root in told.get("roots", ()) for logical in logicals]
    return tuple(pair for pair in found if _is_there(pair[0]))[:1]


def _is_there(path: str) -> bool:
    return os.path.exists(path) if store.is_local(path) else store.exists(path)


def _find(connection: duckdb.DuckDBPyConnection, wanted: str) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = []
    for view in ("documents", "dropped"):
        result = connection.execute(f"SELECT * FROM {view} WHERE starts_with(id, ?) ORDER BY id", [wanted])
        assert result.description is not None  # it is a query
        names = [column[0] for column in result.description]
        found += [dict(zip(names, row, strict=True)) for row in result.fetchmany(_LISTED)]
    distinct = sorted({row["id"] for row in found})
    if len(distinct) > 1:
        raise PlanError(f"id {wanted!r}: several documents' ids start so: {', '.join(distinct[:_LISTED])}")
    return found[0] if found else None


def _cuts(
    connection: duckdb.DuckDBPyConnection, document: dict[str, Any]
) -> dict[str, list[tuple[int, str]]]:
    """What each pass has cut from the document: byte of the text as it was then, and the piece."""
    cuts: dict[str, list[tuple[int, str]]] = {}
    for pass_, start, piece in connection.execute(
        "SELECT pass, start, cut FROM cuts WHERE unit = ? AND row = ?", [document["unit"], document["row"]]
    ).fetchall():
        cuts.setdefault(pass_, []).append((start, piece))
    return {pass_: sorted(pieces) for pass_, pieces in cuts.items()}


def _spans(
    connection: duckdb.DuckDBPyConnection, document: dict[str, Any]
) -> dict[str, list[tuple[int, str]]]:
    """Spans of the document that tables of passes tell of: where each starts, and what is said of it."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_columns() WHERE column_name IN ('id', 'start', 'end') "
        "AND table_name <> 'cuts' GROUP BY table_name HAVING count(*) = 3 ORDER BY table_name"
    ).fetchall()
    spans: dict[str, list[tuple[int, str]]] = {}
    for (table,) in tables:
        result = connection.execute(f'SELECT * FROM "{table}" WHERE id = ?', [document["id"]])
        assert result.description is not None  # it is a query
        names = [column[0] for column in result.description]
        for row in result.fetchall():
            told = dict(zip(names, row, strict=True))
            start, _, _ = told.pop("start"), told.pop("end"), told.pop("id")
            said = ", ".join(f"{name} {_shown(value)}" for name, value in told.items() if value != "")
            spans.setdefault(table, []).append((start, " ".join(said.split())))
    return {table: sorted(rows) for table, rows in spans.items()}


def _segment(root: str, source: str, unit: str) -> tuple[str, str, dict[str, Any]]:
    """Folder of the segment that holds the unit, its reader and the reader's options."""
    for folder in store.read_json(store.join(root, "plan.json"))["segments"]:
        about = store.read_json(store.join(root, folder, "segment.json")) or {}
        if about.get("source") == source and store.exists(store.join(root, folder, "units", f"{unit}.json")):
            if "reader" in about and "options" in about:
                return folder, about["reader"], about["options"]
            break
    raise SourceError(
        f"{root}: says nothing of how unit {unit} of source {source!r} was read: segment.json is damaged, or "
        "another version of winnow wrote it; start the run again"
    )


def _facts(root: str, document: dict[str, Any], console: Console) -> None:
    layers = store.read_json(store.join(root, "plan.json"))["layers"]
    hidden = {"text", "dropped_by", *(layer.get("cuts") for layer in layers)}  # what is cut is shown itself
    failed = document.get("dropped_by")
    verdict = Text(f"dropped by {', '.join(failed)}", style="red") if failed else Text("kept", style="green")
    table = Table.grid(padding=(0, 2))
    for name, value in document.items():
        if name not in hidden and value is not None:
            table.add_row(Text(name, style="dim"), Text(_shown(value)))
    console.print(verdict)
    console.print(table)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return (
        ", ".join(map(str, value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else str(value)
    )


def _write(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
