"""Fixtures that the whole suite shares."""

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings

# Every kernel that a test or a process of its runs is compiled with each index checked.
os.environ["NUMBA_BOUNDSCHECK"] = "1"

from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.stage import Pass, configured
from pipeline.store import ParquetSink

# No test is judged by how long it takes; on a machine that builds, examples are the same every time.
settings.register_profile(
    "winnow",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("winnow")


# Files are shared among the workers whole: one that takes a minute must not be the last to begin.
_LONGEST = (
    *("test_kill.py", "test_llama1_run.py", "test_bounds_check.py", "test_killed_worker.py"),
    *("test_resumed_tasks.py", "test_sample_run.py", "test_readme.py", "test_signals.py", "test_again.py"),
    *("test_contamination.py", "test_containment.py", "test_substrings.py", "test_minhash_pass.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first."""
    place = {name: at for at, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data (WARC files, labelled pages …) that is not part of the project."""
    folder = Path(os.environ.get("WINNOW_REAL_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set WINNOW_REAL_DATA to run this test")
    return folder.resolve()


Item = TypeVar("Item")
Result = TypeVar("Result")
Document = Mapping[str, Any]

_COLUMNS: Mapping[str, pa.DataType] = {
    "id": pa.string(),
    "source": pa.string(),
    "url": pa.string(),
    "date": pa.timestamp("us"),
    "text": pa.large_string(),
    "bytes": pa.int64(),
    "row": pa.int64(),
}
_VERDICTS = pa.schema([pa.field("row", pa.int64()), pa.field("dropped_by", pa.list_(pa.string()))])


@dataclass(frozen=True)
class MadeCorpus:
    """Runs every task in order in this process, function, item and result pickled on the way."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int = 0

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        assert doing
        packed = pickle.dumps(function)
        for item in items:
            yield pickle.loads(pickle.dumps(pickle.loads(packed)(pickle.loads(pickle.dumps(item)))))

    def label(self, step: Pass, **options: Any) -> list[dict[str, Any]]:
        """The labels of the living documents, in order, with `id`; checks what every pass promises."""
        chosen = step.options(**options)
        step = configured(step, chosen)
        label = step.run(self, chosen)
        found: list[dict[str, Any]] = []
        for unit, labels in zip(self.units, self.map(label, self.units, "labels"), strict=True):
            assert labels.schema.equals(step.adds, check_metadata=True)
            for field, values in zip(labels.schema, labels.columns, strict=True):
                assert field.nullable or values.null_count == 0
            ids = [name for table in unit.read(("id",)) for name in table.column("id").to_pylist()]
            assert len(ids) == labels.num_rows == unit.alive
            found += [{"id": name, **row} for name, row in zip(ids, labels.to_pylist(), strict=True)]
        return found


def _stored(
    folder: Path, index: int, first: int, documents: Sequence[Document], schema: pa.Schema
) -> CorpusUnit:
    """One unit as the pipeline stores it; documents with a true `dropped` were lost to an earlier pass."""
    rows = [
        {
            "id": f"id{first + row:05d}",
            "source": "made",
            "bytes": len((document.get("text") or "").encode()),
            "row": 2 * row,  # as if stages had dropped every other row that was read
            **document,
        }
        for row, document in enumerate(documents)
    ]
    verdicts = [
        {"row": row["row"], "dropped_by": ["earlier"] if document.get("dropped") else []}
        for row, document in zip(rows, documents, strict=True)
    ]
    path, layer = str(folder / f"{index}.parquet"), str(folder / f"{index}.layer.parquet")
    for name, content, kind in ((path, rows, schema), (layer, verdicts, _VERDICTS)):
        with ParquetSink(name, kind) as sink:
            sink.write(pa.Table.from_pylist(content, schema=kind))
    return CorpusUnit(
        index=index,
        name=f"unit-{index}",
        source=rows[0]["source"] if rows else "made",
        first=first,
        stored=len(rows),
        alive=sum(not verdict["dropped_by"] for verdict in verdicts),
        documents=path,
        layers=(LayerFile(layer, ()),),
        schema=schema,
    )


MakeCorpus = Callable[..., MadeCorpus]


@pytest.fixture
def make_corpus(tmp_path_factory: pytest.TempPathFactory) -> MakeCorpus:
    """make_corpus(units, partitions=3, columns={}): units of documents, each a mapping of its columns.

    columns   types of columns besides id, source, url, date, text and bytes
    """

    def make(
        units: Sequence[Sequence[Document]],
        partitions: int = 3,
        columns: Mapping[str, pa.DataType] | None = None,
    ) -> MadeCorpus:
        folder = tmp_path_factory.mktemp("corpus")
        for name in ("scratch", "tables"):
            (folder / name).mkdir()
        schema = pa.schema({**_COLUMNS, **(columns or {})})
        stored: list[CorpusUnit] = []
        for index, documents in enumerate(units):
            first = stored[-1].first + stored[-1].stored if stored else 0
            stored.append(_stored(folder, index, first, documents, schema))
        return MadeCorpus(stored, partitions, str(folder / "scratch"), str(folder / "tables"))

    return make
