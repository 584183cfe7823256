"""The living documents of a unit, and rows of files by document put beside them: how passes make labels."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.corpus import CorpusUnit
from pipeline.exchange import read_documents


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
