"""A Parquet file that winnow wrote, read so that whatever is wrong with it is told with its name."""

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SourceError, StoreError


class ParquetInput(pq.ParquetFile):  # type: ignore[misc]
    """As `pq.ParquetFile`, with every page held against its checksum and StoreErrors that name `path`.

    place   the path, or the opened file
    """

    def __init__(self, path: str, place: str | BinaryIO) -> None:
        self.path = path
        with readable(path):
            super().__init__(place, page_checksum_verification=True)

    def read(self, *given: Any, **named: Any) -> pa.Table:
        with readable(self.path):
            return super().read(*given, **named)

    def read_row_group(self, *given: Any, **named: Any) -> pa.Table:
        with readable(self.path):
            return super().read_row_group(*given, **named)

    def read_row_groups(self, *given: Any, **named: Any) -> pa.Table:
        with readable(self.path):
            return super().read_row_groups(*given, **named)

    def iter_batches(self, *given: Any, **named: Any) -> Iterator[pa.RecordBatch]:
        with readable(self.path):
            yield from super().iter_batches(*given, **named)


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Makes a StoreError of what goes wrong while the file is read."""
    try:
        yield
    except (OSError, SourceError, pa.ArrowException) as fault:
        raise StoreError(
            f"{path}: cannot be read: {fault}; if it is damaged, remove it and start the same command again"
        ) from fault
