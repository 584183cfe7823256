"""A corpus in the calling process, and the plain-Python answer that every pass is held against."""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pytest

from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.stage import Pass
from pipeline.store import ParquetSink

Item = TypeVar("Item")
Result = TypeVar("Result")
Document = Mapping[str, Any]

_DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("url", pa.string()),
        pa.field("date", pa.timestamp("us")),
        pa.field("text", pa.large_string()),
        pa.field("bytes", pa.int64()),
        pa.field("row", pa.int64()),
    ]
)
_VERDICTS = pa.schema([pa.field("row", pa.int64()), pa.field("dropped_by", pa.list_(pa.string()))])


@dataclass(frozen=True)
class _Corpus:
    """Runs every task in order in this process, function, item and result pickled on the way."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    seed: int = 0

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        assert doing
        packed = pickle.dumps(function)
        for item in items:
            yield pickle.loads(pickle.dumps(pickle.loads(packed)(pickle.loads(pickle.dumps(item)))))


def _stored(folder: Path, index: int, first: int, documents: Sequence[Document]) -> CorpusUnit:
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
    for name, content, schema in ((path, rows, _DOCUMENTS), (layer, verdicts, _VERDICTS)):
        with ParquetSink(name, schema) as sink:
            sink.write(pa.Table.from_pylist(content, schema=schema))
    alive = sum(not verdict["dropped_by"] for verdict in verdicts)
    return CorpusUnit(
        index=index,
        name=f"unit-{index}",
        source="made",
        first=first,
        stored=len(rows),
        alive=alive,
        documents=path,
        layers=(LayerFile(layer, ()),),
        schema=_DOCUMENTS,
    )


RunPass = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def run_pass(tmp_path_factory: pytest.TempPathFactory) -> RunPass:
    """run_pass(PASS, units, partitions=3, **options): the labels of the living, in order, with `id`."""

    def run(
        step: Pass, units: Sequence[Sequence[Document]], partitions: int = 3, **options: Any
    ) -> list[dict[str, Any]]:
        folder = tmp_path_factory.mktemp("corpus")
        (folder / "scratch").mkdir()
        stored: list[CorpusUnit] = []
        for index, documents in enumerate(units):
            first = stored[-1].first + stored[-1].stored if stored else 0
            stored.append(_stored(folder, index, first, documents))
        corpus = _Corpus(stored, partitions, str(folder / "scratch"))
        label = step.run(corpus, step.options(**options))
        found: list[dict[str, Any]] = []
        for unit, labels in zip(stored, corpus.map(label, stored, "labels"), strict=True):
            assert labels.schema.equals(step.adds, check_metadata=True)
            assert all(column.null_count == 0 for column in labels.columns)
            ids = [name for table in unit.read(("id",)) for name in table.column("id").to_pylist()]
            assert len(ids) == labels.num_rows == unit.alive
            names = ("cluster", "rank", "size")
            rows = zip(*(labels.column(f"{step.name}_{name}").to_pylist() for name in names), strict=True)
            found.extend(
                {"id": name, **dict(zip(names, row, strict=True))}
                for name, row in zip(ids, rows, strict=True)
            )
        return found

    return run


ExpectedLabels = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def expected_labels() -> ExpectedLabels:
    """expected_labels(units, key_of, keep): what the labels must be, one document at a time."""

    def expect(
        units: Sequence[Sequence[Document]],
        key_of: Callable[[int, Document], Any],
        keep: Sequence[str] = ("newest", "longest"),
    ) -> list[dict[str, Any]]:
        numbered = list(enumerate(document for unit in units for document in unit))
        living = [(number, document) for number, document in numbered if not document.get("dropped")]
        clusters: dict[Any, list[tuple[Any, ...]]] = {}
        for number, document in living:
            key = key_of(number, document)
            key = ("alone", number) if key is None else ("key", key)
            places: list[Any] = []
            size = document.get("bytes", len((document.get("text") or "").encode()))
            for order in keep:
                if order in ("longest", "shortest"):
                    places.append(size if order == "shortest" else -size)
                elif document.get("date") is None:
                    places.append((1, 0))
                else:
                    places.append((0, document["date"] if order == "oldest" else -document["date"]))
            name = document.get("id", f"id{number:05d}")
            clusters.setdefault(key, []).append((*places, name, number))
        labels = {}
        for members in clusters.values():
            members.sort()
            for place, (*_, name, number) in enumerate(members):
                labels[number] = {"id": name, "cluster": members[0][-2], "rank": place, "size": len(members)}
        return [labels[number] for number, _ in living]

    return expect
