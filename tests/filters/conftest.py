"""What the tests of all filters do: measure some texts, apply rules to rows."""

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipeline.batch import Batch
from pipeline.stage import Options, Rule, Stage

Row = dict[str, Any]
Measured = Callable[..., list[Row]]
Dropped = Callable[..., list[set[str]]]


@pytest.fixture
def measured() -> Measured:
    """Measures texts with a stage: one dictionary of columns per text. Checks the contract."""

    def measure(stage: Stage, *texts: str | None, options: Options | None = None) -> list[Row]:
        batch = Batch(pa.table({"text": pa.array(texts, pa.string())}))
        arrays = stage.open(options or stage.options())(batch)
        assert [array.type for array in arrays] == list(stage.adds.types)
        assert all(array.null_count == 0 for array in arrays)
        batch.append(list(stage.adds), list(arrays))
        return list(batch.table.drop_columns(["text"]).to_pylist())

    return measure


@pytest.fixture
def dropped() -> Dropped:
    """The names of the rules that drop each row."""

    def drop(stage: Stage, rows: list[Row], rules: Sequence[Rule] | None = None) -> list[set[str]]:
        if not rows:
            return []
        fields = [field for field in stage.adds if field.name in rows[0]]
        table = pa.Table.from_pylist(rows, schema=pa.schema(fields))
        chosen = stage.rules if rules is None else rules
        verdicts = ", ".join(f'({rule.drop_if}) AS "{rule.name}"' for rule in chosen)
        found = duckdb.from_arrow(table).project(verdicts).to_arrow_table().to_pylist()
        return [{name for name, verdict in row.items() if verdict} for row in found]

    return drop
