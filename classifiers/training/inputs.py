"""Where labelled texts come from: folders of labels, tables of one's own, and sets of documents.

    labels      a folder that `winnow label` wrote, a person's reviews before the model's answers
    table       Parquet, JSONL, CSV or TSV with a column of texts and one of labels
    set         documents that all have one label: files, or documents of a run

Files may be compressed (.gz, .zst). A file of any other name holds a text on each line.
"""

import glob
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.labelling.labels import LABELS_FILE, OK, REVIEWS_FILE, read_labels
from pipeline import store
from pipeline.errors import PlanError
from pipeline.faults import choose

DOCUMENTS = pa.schema(
    {
        "id": pa.string(),
        "text": pa.large_string(),
        "label": pa.string(),
        "url": pa.string(),
        "source": pa.string(),
        "language": pa.string(),
        "weight": pa.float64(),
        "group": pa.string(),
    }
)
"""What is known of labelled documents; of `id`, `text`, `label` and `weight` none is null."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_PACKED = (".gz", ".zst")
_LONGEST = 400  # characters of what DuckDB says of a file
_TEXTS = ("text", "content")
_LANGUAGES = ("language", "lang")


@dataclass(frozen=True)
class Input:
    """One input.

    name        as the person named it
    sha256      of its content
    documents   `DOCUMENTS`
    without     rows that are left out: without a text or a label
    about       what else is known of it, for the card
    """

    name: str
    sha256: str
    documents: pa.Table
    about: dict[str, Any] = field(default_factory=dict)
    without: int = 0


@dataclass(frozen=True)
class Columns:
    """The columns of a table of one's own; empty: the usual name, where there is one.

    where   SQL over the table's columns: only rows that fulfil it are read
    limit   of rows, drawn by a hash of id and seed; 0: all
    """

    text: str = ""
    label: str = ""
    url: str = ""
    group: str = ""
    language: str = ""
    weight: str = ""
    where: str = ""
    limit: int = 0
    seed: int = 0


def from_labels(folder: str, group: str = "") -> Input:
    """The labelled documents of a folder; those without a label are counted in `about`."""
    if not store.is_local(folder):
        raise PlanError(f"labels {folder!r}: expected a folder on this machine: fetch it first")
    table = read_labels(folder)
    if group and group not in table.column_names:
        raise PlanError(f"--group {group!r}: no column of labels; {choose(group, table.column_names)}")
    statuses = Counter(table.column("status").to_pylist())
    about: dict[str, Any] = {
        "kind": "labels of a language model",
        "prompt": _different(table, "prompt"),
        "prompt_hash": _different(table, "prompt_hash"),
        "model": _different(table, "model"),
        "statuses": dict(sorted(statuses.items())),
        "reviewed": table.num_rows - table.column("reviewer").null_count,
    }
    agreement = _agreement(folder, table)
    if agreement:
        about["agreement"] = agreement
    labelled = table.filter(pc.and_(pc.equal(table["status"], OK), pc.is_valid(table["label"])))
    if not labelled.num_rows:
        raise PlanError(f"labels {folder!r}: none of {table.num_rows:,} documents has a label")
    content = hashlib.sha256()
    for name in (LABELS_FILE, REVIEWS_FILE):
        file = Path(folder) / name
        if file.is_file():
            content.update(f"{name}\0{_digest(file)}\n".encode())
    return Input(folder, content.hexdigest(), _documents(labelled, group=group), about)


def from_files(paths: Sequence[str], columns: Columns, label: str | None = None) -> list[Input]:
    """An input per file; globs are expanded, but where a file has such a name.

    label   that all of the documents have; None: it stands in the column `columns.label`
    PlanError where a file cannot be read or a column is missing.
    """
    found: list[str] = []
    for path in paths:
        matches = [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True)) or [path]
        found += [match for match in matches if not Path(match).is_dir() or match == path]
    return [_from_file(path, columns, label) for path in found]


def from_rows(name: str, sha256: str, rows: pa.Table, label: str | None, about: dict[str, Any]) -> Input:
    """Documents that somebody else has read: with `id`, `text`, and what there is of `DOCUMENTS` besides."""
    if label is not None:
        rows = rows.append_column("label", pa.array([label] * rows.num_rows, pa.string()))
    documents = _documents(rows)
    return Input(name, sha256, documents, about, rows.num_rows - documents.num_rows)


def _from_file(path: str, columns: Columns, label: str | None) -> Input:
    file = Path(path)
    if not store.is_local(path):
        raise PlanError(
            f"{path}: no run of winnow is there (no plan.json), and tables are read from this machine alone: "
            "fetch it first"
        )
    if file.is_dir():
        raise PlanError(f"{path}: a folder; name its files: {path.rstrip('/')}/*.parquet, or one by one")
    if not file.is_file():
        raise PlanError(f"{path}: no such file; expected Parquet, JSONL, CSV, TSV, or a text on each line")
    query = _reader(file, columns)
    with duckdb.connect() as connection:
        try:
            connection.execute(f"CREATE VIEW t AS {query}")
            kinds = dict(row[:2] for row in connection.execute("DESCRIBE t").fetchall())
            # Of a column of both numbers and words DuckDB gives JSON, words in quotes; of texts that a writer
            # of Parquet has not called so, bytes.
            unpacked = ", ".join(_UNPACKED[kind](name) for name, kind in kinds.items() if kind in _UNPACKED)
            if unpacked:
                connection.execute(f"CREATE VIEW u AS SELECT * REPLACE ({unpacked}) FROM t")
            if not file.stat().st_size and "text" not in kinds:  # nor a file of lines, which may be empty
                raise PlanError(f"{path}: the file is empty")
            chosen = _chosen(path, columns, kinds, label)
            where = f" WHERE ({columns.where})" if columns.where else ""
            selected = ", ".join(f'{value} AS "{name}"' for name, value in chosen.items())
            limit = (
                f" ORDER BY md5({_text(columns.seed)} || id), id LIMIT {columns.limit}"
                if columns.limit
                else ""
            )
            rows = connection.sql(
                f"SELECT {selected} FROM {'u' if unpacked else 't'}{where}{limit}"
            ).to_arrow_table()
        except duckdb.Error as fault:
            raise PlanError(f"{path}: {_said(fault)}") from fault
    about = {"kind": "a file", "label": label} if label is not None else {"kind": "a table"}
    if columns.where:
        about["where"] = columns.where
    return from_rows(path, _digest(file), rows, label, about)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_UNPACKED: dict[str, Callable[[str], str]] = {
    "JSON": lambda name: f"{_quoted(name)} ->> '$' AS {_quoted(name)}",
    "BLOB": lambda name: f"decode({_quoted(name)}) AS {_quoted(name)}",
}


def _reader(file: Path, columns: Columns) -> str:
    """The query that reads all columns of a file."""
    name = file.name
    for packed in _PACKED:
        name = name.removesuffix(packed)
    suffix = Path(name).suffix.lower()
    quoted = _text(glob.escape(str(file)))
    if suffix == ".parquet":
        return f"SELECT * FROM read_parquet({quoted})"
    if suffix in (".jsonl", ".ndjson", ".json"):
        form = "auto" if suffix == ".json" else "newline_delimited"
        return f"SELECT * FROM read_json({quoted}, format={_text(form)}, maximum_object_size=268435456)"
    longest = "max_line_size=268435456, parallel=false"
    if suffix in _DELIMITERS:
        numbered = columns.text.isdigit()
        quote = "''" if numbered and suffix == ".tsv" else "'\"'"
        return (
            f"SELECT * FROM read_csv({quoted}, delim={_text(_DELIMITERS[suffix])}, quote={quote}, "
            f"escape={quote}, header={'false' if numbered else 'true'}, all_varchar=true, {longest})"
        )
    return (
        f"SELECT * FROM read_csv({quoted}, delim='\x01', quote='', escape='', header=false, "
        f"columns={{'text': 'VARCHAR'}}, {longest})"
    )


def _chosen(path: str, columns: Columns, kinds: dict[str, str], label: str | None) -> dict[str, str]:
    """The SQL of each column of `DOCUMENTS` that the file has.

    kinds   of the file's columns: their types in DuckDB's words
    """
    names = list(kinds)

    def column(option: str, asked: str, usual: Sequence[str], needed: bool = False) -> str | None:
        if asked.isdigit() and asked not in names:
            asked = f"column{int(asked) - 1}" if int(asked) <= 10 or len(names) <= 10 else asked
        if asked:
            if asked not in names:
                raise PlanError(f"{path}: --{option} {asked!r}: no such column; {choose(asked, names)}")
            return one_value(option, asked)
        there = [name for name in usual if name in names]
        if needed and not there:
            raise PlanError(
                f"{path}: no column {' or '.join(usual)}; name it by --{option}: {', '.join(names)}"
            )
        return one_value(option, there[0]) if there else None

    def one_value(option: str, name: str) -> str:
        if kinds[name].endswith("]") or kinds[name].startswith(("STRUCT", "MAP", "UNION")):
            raise PlanError(
                f"{path}: column {name!r} ({option}) holds {kinds[name][:60]}; expected one value in each row"
            )
        return _quoted(name)

    text = column("text", columns.text, _TEXTS, needed=True)
    assert text is not None
    found = {
        "id": column("id", "", ("id",)) or f"md5({text}::VARCHAR)",
        "text": f"{text}::VARCHAR",
        "label": None if label is not None else column("label", columns.label, ("label",), needed=True),
        "url": column("url", columns.url, ("url",)),
        "source": column("source", "", ("source",)),
        "language": column("language", columns.language, _LANGUAGES),
        "weight": column("weight", columns.weight, ()),
        "group": column("group", columns.group, ()),
    }
    return {name: value for name, value in found.items() if value is not None}


def _documents(rows: pa.Table, group: str = "") -> pa.Table:
    """The rows as `DOCUMENTS`, without those that have no text or no label: none, white space, or NaN."""
    arrays = []
    for name, kind in zip(DOCUMENTS.names, DOCUMENTS.types, strict=True):
        read = group if name == "group" and group else name
        if read in rows.column_names:
            try:
                values = pc.cast(rows[read], kind)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as fault:  # of words for numbers
                expected = "numbers" if name == "weight" else "text"
                raise PlanError(f"column of --{name}: {fault}; expected {expected}") from fault
        else:
            values = pa.chunked_array([pa.nulls(rows.num_rows, kind)])
        arrays.append(_weights(values) if name == "weight" else values)
    table = pa.table(arrays, schema=DOCUMENTS)
    label = pc.utf8_lower(pc.utf8_trim_whitespace(table["label"]))
    none = pc.is_in(label, pa.array(["", "nan", None], pa.string()))
    return table.filter(pc.and_(pc.is_valid(table["text"]), pc.invert(none)))


def _weights(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """1 where none is given; PlanError where one is no number of documents."""
    weights = pc.fill_null(values, 1.0)
    wrong = weights.filter(pc.invert(pc.and_(pc.is_finite(weights), pc.greater_equal(weights, 0.0))))
    if len(wrong):
        raise PlanError(f"--weight: found {wrong[0].as_py():g}; expected finite numbers, 0 or more")
    return weights


def _different(table: pa.Table, name: str) -> list[str]:
    return sorted(map(str, pc.unique(table[name]).to_pylist()))


def _agreement(folder: str, reviewed: pa.Table) -> dict[str, Any]:
    """How often a person left the model's label as it was, of the documents that one has looked at."""
    import pyarrow.parquet as pq

    if reviewed["reviewer"].null_count == reviewed.num_rows:
        return {}
    before = pq.read_table(Path(folder) / LABELS_FILE, columns=["id", "label"])
    said = dict(zip(before["id"].to_pylist(), before["label"].to_pylist(), strict=True))
    pairs = [
        (said[row["id"]], row["label"])
        for row in reviewed.select(["id", "label", "reviewer"]).to_pylist()
        if row["reviewer"] is not None and said[row["id"]] is not None
    ]
    if not pairs:
        return {}
    same = sum(left == right for left, right in pairs) / len(pairs)
    model, person = Counter(left for left, _ in pairs), Counter(right for _, right in pairs)
    chance = sum(model[label] * person[label] for label in model) / len(pairs) ** 2
    return {
        "documents": len(pairs),
        "same": same,
        "kappa": (same - chance) / (1 - chance) if chance < 1 else 1.0,
    }


def _said(fault: duckdb.Error) -> str:
    """What DuckDB says is wrong, without its advice on its own options."""
    lines = str(fault).split("\n\n")[0].splitlines()
    said = " ".join(line for line in lines if not line.startswith("Original Line"))
    return " ".join(said.split())[:_LONGEST]


def _digest(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
