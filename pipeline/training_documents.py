"""Documents of a run as `winnow train` takes them: those that SQL picks, drawn by a hash of seed and id."""

import hashlib

import duckdb
import pyarrow as pa

from pipeline import sql
from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.layer_views import quote
from pipeline.sample import BOTH, DOCUMENTS, DROPPED, KEPT

_FACTS = ("url", "source", "language")  # what a run may have or not
_VIEWS = {KEPT: ("documents",), DROPPED: ("dropped",), BOTH: ("documents", "dropped")}


def read(
    root: str, where: str = "", documents: str = KEPT, limit: int = 0, seed: int = 0, group: str = ""
) -> tuple[pa.Table, str]:
    """The documents of the run whose output folder is `root`: id, text, url, source, language and group, as
    far as it has them; and the SHA-256 of their ids and texts.

    where       SQL; documents for which it is not true are left out
    documents   kept, dropped or both
    limit       of documents; 0: all
    group       a column of the run, or ""
    PlanError where SQL is wrong or no document is left.
    """
    if documents not in DOCUMENTS:
        raise PlanError(f"--documents {documents!r}: {choose(documents, DOCUMENTS)}")
    connection = sql.connect(root)
    rows = " UNION ALL BY NAME ".join(f"SELECT * FROM {view}" for view in _VIEWS[documents])
    columns = [
        name for (name,) in connection.execute(f"SELECT column_name FROM (DESCRIBE {rows})").fetchall()
    ]
    if group and group not in columns:
        raise PlanError(f"--group {group!r}: no column of {root}; {choose(group, columns)}")
    chosen = ["id", "text", *(f'"{name}"::VARCHAR AS {name}' for name in _FACTS if name in columns)]
    if group:
        chosen.append(f'"{group}"::VARCHAR AS "group"')
    condition = f"bytes > 0 AND ({where}\n)" if where else "bytes > 0"
    query = (
        f"SELECT {', '.join(chosen)} FROM ({rows}) WHERE {condition} "
        f"ORDER BY md5({quote(f'{seed}:')} || id), id{f' LIMIT {limit}' if limit else ''}"
    )
    try:
        found = connection.sql(query).to_arrow_table()
    except duckdb.Error as fault:
        raise PlanError(f"{root}: where {where!r}: {str(fault).splitlines()[0]}") from fault
    if not found.num_rows:
        raise PlanError(f"{root}: no document{f' for which {where!r} is true' if where else ''}")
    content = hashlib.sha256()
    for batch in found.select(["id", "text"]).to_batches(max_chunksize=256):
        for name, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            content.update(f"{name}\0{text}\0".encode())
    return found, content.hexdigest()
