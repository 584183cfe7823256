"""A corpus for mixtures, in one process: units stored as the run stores them, tasks run one by one."""

import hashlib
import pickle
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.corpus import CorpusUnit, LayerFile
from pipeline.store import ParquetSink

Item = TypeVar("Item")
Result = TypeVar("Result")


class Killed(BaseException):
    """Stands for the end of the process in the middle of a task."""


@dataclass
class InlineCorpus:
    """Runs tasks in this process, through a pickle as an engine would.

    done       (what, number of the item) of every task that came to its end
    kill_at    the task, counted from 0, before which the process ends
    """

    units: Sequence[CorpusUnit]
    scratch: str
    tables: str = ""
    partitions: int = 1
    seed: int = 0
    kill_at: int | None = None
    done: list[tuple[str, int]] = field(default_factory=list)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        for number, item in enumerate(items):
            if self.kill_at == len(self.done):
                raise Killed
            task, argument = pickle.loads(pickle.dumps((function, item)))
            result: Result = task(argument)
            self.done.append((doing, number))
            yield result


SCHEMA = pa.schema(
    [
        pa.field("unit", pa.dictionary(pa.int32(), pa.string())),
        pa.field("row", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("url", pa.string()),
        pa.field("text", pa.string()),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


@dataclass
class Workshop:
    """Builds corpora in a folder of their own."""

    folder: Path

    killed: ClassVar[type[BaseException]] = Killed

    @staticmethod
    def identity(source: str, number: int) -> str:
        return hashlib.sha256(f"{source}/{number}".encode()).hexdigest()[:32]

    def documents(
        self,
        source: str,
        tokens: Sequence[int],
        texts: Sequence[str] | None = None,
        first: int = 0,
        extra: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Documents `first`, `first + 1` … of a source with that many tokens, and the columns `extra`."""
        count = len(tokens)
        texts = texts or [f"document {first + at} of {source}" for at in range(count)]
        columns = {
            "unit": pa.array(["unit"] * count).dictionary_encode().cast(SCHEMA.field("unit").type),
            "row": pa.array(range(count), pa.int64()),
            "id": pa.array([self.identity(source, first + at) for at in range(count)], pa.string()),
            "source": pa.array([source] * count, pa.string()),
            "url": pa.array([f"https://example.org/{first + at}" for at in range(count)], pa.string()),
            "text": pa.array(texts, pa.string()),
            "tokens": pa.array(tokens, pa.int64()),
            "bytes": pa.array([len(text.encode()) for text in texts], pa.int64()),
        }
        table = pa.table(columns, SCHEMA)
        for name, values in (extra or {}).items():
            table = table.append_column(name, values)
        return table

    def units(self, tables: Sequence[pa.Table], sources: Sequence[str] | None = None) -> list[CorpusUnit]:
        """A unit for every table; `sources` where a table has no row to take it from."""
        units = []
        first = 0
        for index, table in enumerate(tables):
            path = str(
                self.folder / "documents" / f"{len(list(self.folder.glob('documents/*'))):04d}.parquet"
            )
            with ParquetSink(path, table.schema) as sink:
                sink.write(table)
            source = sources[index] if sources else table.column("source")[0].as_py()
            rows = table.num_rows
            units.append(
                CorpusUnit(index, f"unit-{index}", source, first, rows, rows, path, (), table.schema)
            )
            first += rows
        return units

    def drop(self, unit: CorpusUnit, dropped: Sequence[bool]) -> CorpusUnit:
        """The unit after a pass that dropped some of its documents and labelled all of them."""
        path = unit.documents.replace("documents", "layers")
        verdicts = [["rule"] if gone else [] for gone in dropped]
        label = pa.field("label", pa.int32())
        layer = pa.table(
            {
                "row": pa.array(range(len(dropped)), pa.int64()),
                "label": pa.array(np.arange(len(dropped)), label.type),
                "dropped_by": pa.array(verdicts, pa.list_(pa.string())),
            }
        )
        with ParquetSink(path, layer.schema) as sink:
            sink.write(layer)
        return CorpusUnit(
            unit.index,
            unit.name,
            unit.source,
            unit.first,
            unit.stored,
            unit.stored - sum(dropped),
            unit.documents,
            (LayerFile(path, ("label",)),),
            unit.schema.append(label),
        )

    def corpus(self, units: Sequence[CorpusUnit], **options: Any) -> InlineCorpus:
        """A corpus with scratch of its own, unless `scratch` names one."""
        number = len(list(self.folder.glob("scratch-*")))
        scratch = self.folder / f"scratch-{number}"
        scratch.mkdir()
        return InlineCorpus(units, **{"scratch": str(scratch), **options})

    def random_corpus(self, **sizes: int) -> InlineCorpus:
        """Sources of so many documents with 1 to 40 tokens each, in three units a source."""
        chance = random.Random(1)
        tables = []
        for source, count in sizes.items():
            tokens = [chance.randint(1, 40) for _ in range(count)]
            for first, last in ((0, count // 5), (count // 5, count // 2), (count // 2, count)):
                tables.append(self.documents(source, tokens[first:last], first=first))
        return self.corpus(self.units(tables, [source for source in sizes for _ in range(3)]))

    def rows(self, folder: str) -> list[dict[str, Any]]:
        """All rows of the shards in a folder, in the order of the shards."""
        paths = sorted(Path(folder).glob("*.parquet"))
        found: list[dict[str, Any]] = pa.concat_tables([pq.read_table(path) for path in paths]).to_pylist()
        return found

    def contents(self, folder: str) -> dict[str, bytes]:
        """The bytes of every file in a folder."""
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    def shards(self) -> str:
        """A new folder for shards."""
        folder = self.folder / f"shards-{len(list(self.folder.glob('shards-*')))}"
        folder.mkdir()
        return str(folder)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
