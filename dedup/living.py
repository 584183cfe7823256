"""The living documents of a unit, and rows of files by document put beside them: how passes make labels."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.corpus import CorpusUnit
from pipeline.exchange import read_documents
from pipeline.store import parquet_file


def text_sizes(unit: CorpusUnit) -> NDArray[np.int64]:
    """Bytes of the texts that are stored, dropped ones too and all before any cut, [stored]: what work that
    grows with texts is cut by."""
    with parquet_file(unit.documents) as file:
        found = file.read(columns=["bytes"]).column("bytes").fill_null(0)
    return np.asarray(found.to_numpy(), np.int64)


def text_bytes(unit: CorpusUnit) -> int:
    """Their sum."""
    return int(text_sizes(unit).sum())


def living(unit: CorpusUnit) -> pa.Table:
    """Columns `id` and `position` of the living documents, in their order."""
    empty = pa.table({"id": pa.array([], pa.string()), "position": pa.array([], pa.int64())})
    return pa.concat_tables([empty, *unit.read(("id",), batch_rows=1 << 16)]).combine_chunks()


def beside(documents: pa.Table, unit: CorpusUnit, files: Sequence[str], schema: pa.Schema) -> pa.Table:
    """For each of the unit's `living` documents its row in the files, null where it has none.

    files   of `write_by_document`, of this schema; each document is in one of them at most
    """
    rows = [read_documents(path, unit.first, unit.first + unit.stored) for path in files]
    found = pa.concat_tables([schema.empty_table(), *rows]).combine_chunks()
    at = np.searchsorted(
        documents.column("position").to_numpy(), found.column("document").to_numpy() - unit.first
    )
    row = np.full(documents.num_rows, -1)
    row[at] = np.arange(found.num_rows)
    return found.take(pa.array(row, mask=row < 0))
