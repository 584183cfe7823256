"""Which documents are nearest to one, by the embeddings that the pass `semantic` leaves with a run."""

import json
from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from pipeline import sql
from pipeline.errors import PlanError

TABLE = "semantic_embeddings"
_SHORT = 4  # characters: a shorter beginning of an id would fit too many documents
_LISTED = 5
_BEGINNING = 200  # characters of a text that are shown


def neighbours(root: str, identity: str, count: int, everywhere: bool) -> list[dict[str, Any]]:
    """The document itself and then its neighbours, nearest first: id, similarity, source, url, text.

    everywhere   look at all documents; without it at those of the document's k-means cluster alone
    PlanError where the run has no embeddings, or no document of that id.
    """
    with sql.connect(root) as connection:
        identity, centroid = _find(connection, root, identity)
        where = "true" if everywhere else f"e.centroid = {centroid}"
        # The documents' own facts are looked up for the nearest alone.
        query = f"""
        WITH asked AS (SELECT embedding FROM {TABLE} WHERE id = $id LIMIT 1),
        near AS (
            SELECT e.id, e.centroid,
                   list_cosine_similarity(e.embedding, asked.embedding)::DOUBLE AS similarity
            FROM {TABLE} e, asked WHERE {where}
            ORDER BY e.id = $id DESC, similarity DESC, e.id LIMIT $count
        ),
        known AS (
            SELECT id, source, url, text, [] AS dropped_by FROM documents WHERE id IN (SELECT id FROM near)
            UNION ALL BY NAME
            SELECT id, source, url, text, dropped_by FROM dropped WHERE id IN (SELECT id FROM near)
        )
        SELECT near.id, round(near.similarity, 4) AS similarity, centroid, source, url, dropped_by,
               left(text, {_BEGINNING}) AS text
        FROM near LEFT JOIN known USING (id) ORDER BY near.id = $id DESC, near.similarity DESC, near.id
        """
        found = connection.execute(query, {"id": identity, "count": count + 1})
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _find(connection: duckdb.DuckDBPyConnection, root: str, wanted: str) -> tuple[str, int]:
    """The whole id, and its k-means cluster."""
    views = "SELECT 1 FROM duckdb_views() WHERE view_name = ?"
    if not connection.execute(views, [TABLE]).fetchall():
        raise PlanError(
            f"{root}: the run has no embeddings; it needs the pass 'semantic' (with embeddings: true), "
            "run to its end"
        )
    exact = f"SELECT id, centroid FROM {TABLE} WHERE id = ? LIMIT 1"
    found = connection.execute(exact, [wanted]).fetchall()
    if not found and len(wanted) >= _SHORT:
        begins = f"SELECT DISTINCT id, centroid FROM {TABLE} WHERE starts_with(id, ?) ORDER BY id LIMIT ?"
        found = connection.execute(begins, [wanted, _LISTED]).fetchall()
    if not found:
        raise PlanError(
            f"id {wanted!r}: no document with an embedding has it in {root}; give an id (or at least "
            f"{_SHORT} digits of it) of a document that the pass 'semantic' saw"
        )
    if len(found) > 1:
        raise PlanError(
            f"id {wanted!r}: several documents' ids start so: {', '.join(name for name, _ in found)}"
        )
    return found[0]


def show(found: list[dict[str, Any]], as_json: bool, console: Console) -> None:
    """Prints what `neighbours` gives."""
    if as_json:
        for row in found:
            print(json.dumps(row, ensure_ascii=False))
        return
    for row in found:
        verdict = f"dropped by {', '.join(row['dropped_by'])}" if row["dropped_by"] else ""
        about = "  ".join(filter(None, [row["source"], row["url"], verdict]))
        line = Text.assemble(f"{row['similarity']:.4f}  ", (row["id"], "dim"), "  ", (about, "cyan"))
        console.print(line, soft_wrap=True)
        console.print(Text("        " + " ".join((row["text"] or "").split())), soft_wrap=True)
    if len(found) == 1:
        console.print("its k-means cluster holds no other document: --all looks at all of them")
