"""Files, wherever they are: local paths and s3://, gs://, hf://, http(s):// through fsspec.

A file that winnow writes is there whole or not at all: it is written under a temporary name and
renamed (local), or uploaded on close (object stores).
"""

import contextlib
import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, BinaryIO, cast

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.arrow import ArrowFSWrapper
from numpy.typing import NDArray
from pyarrow import fs

from pipeline import written
from pipeline.errors import SourceError, StoreError
from pipeline.parquet_input import ParquetInput, readable
from pipeline.remote import RemoteFile

TEMPORARY = ".tmp"  # suffix of a file that is still being written
ROW_GROUP_ROWS = 4096
ROW_GROUP_BYTES = 64 << 20  # of strings in a row group, about: writers and readers hold one at a time

BATCH_BYTES = 16 << 20  # of a row group, unpacked, that is read at a time

_options: dict[str, dict[str, Any]] = {}
_arrow_systems: dict[str, fsspec.AbstractFileSystem] = {}


def configure(options: Mapping[str, Mapping[str, Any]]) -> None:
    """Sets the `storage:` options (protocol → arguments of its file system) of this process."""
    given = {protocol: dict(arguments) for protocol, arguments in options.items()}
    if given != _options:
        _options.clear()
        _arrow_systems.clear()
        _options.update(given)


def configured(path: str) -> bool:
    """Whether the run file has `storage:` options for the file system of `path`."""
    return bool(_options.get(protocol_of(path)))


def protocol_of(path: str) -> str:
    return path.split("://", 1)[0] if "://" in path else "file"


def file_system(path: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of `path` and the path inside it; S3 and GCS come with pyarrow."""
    protocol = protocol_of(path)
    arguments = _options.get(protocol, {})
    try:
        if protocol in ("s3", "gs", "gcs"):
            if protocol not in _arrow_systems:
                opened = fs.S3FileSystem if protocol == "s3" else fs.GcsFileSystem
                _arrow_systems[protocol] = ArrowFSWrapper(opened(**arguments))
            return _arrow_systems[protocol], path.split("://", 1)[1]
        system, inside = fsspec.core.url_to_fs(path, **arguments)
    except (ImportError, ValueError, TypeError) as fault:  # an unknown protocol or argument
        raise SourceError(f"{path}: {fault}; see `storage` in the run file") from fault
    return system, cast(str, inside)


def join(root: str, *parts: str) -> str:
    return "/".join([root.rstrip("/"), *parts])


def is_local(path: str) -> bool:
    return protocol_of(path) == "file"


def open_input(path: str, size: int | None = None) -> BinaryIO:
    """Opens a file for reading; local files are plain, others seek by range requests.

    size   bytes that it is known to have: a remote file that ends before is an OSError
    """
    try:
        if is_local(path):
            return open(path, "rb")
        return cast(BinaryIO, RemoteFile(*file_system(path), size))
    except OSError as fault:
        raise SourceError(f"{path}: cannot be opened: {fault.strerror or fault}") from fault


def exists(path: str) -> bool:
    return size(path) is not None


def size(path: str) -> int | None:
    """Bytes of the file, None where there is none."""
    try:
        with errors(path, "looked up"):
            if is_local(path):
                return os.path.getsize(path)
            system, inside = file_system(path)
            return int(system.info(inside)["size"] or 0)
    except StoreError as fault:
        if isinstance(fault.__cause__, FileNotFoundError | NotADirectoryError):
            return None
        raise


def size_below(path: str) -> int:
    """Bytes of all files in a folder and below."""
    with errors(path, "listed"):
        system, inside = file_system(path)
        return sum(int(about["size"] or 0) for about in system.find(inside, detail=True).values())


def make_folder(path: str) -> None:
    with errors(path):
        if is_local(path):
            os.makedirs(path, exist_ok=True)
        elif protocol_of(path) not in ("s3", "gs", "gcs", "hf"):
            system, inside = file_system(path)
            system.makedirs(inside, exist_ok=True)


def names(path: str) -> list[str]:
    """Names in a folder, sorted; empty where there is no folder."""
    with errors(path, "listed"):
        if is_local(path):
            return sorted(os.listdir(path)) if os.path.isdir(path) else []
        system, inside = file_system(path)
        try:
            found = system.ls(inside, detail=False)
        except FileNotFoundError:
            return []
    return sorted({str(name).rstrip("/").rsplit("/", 1)[-1] for name in found})


def remove(path: str) -> None:
    """Removes a file or a folder with all that is in it, if it is there."""
    written.forget(path)
    with errors(path):
        system, inside = file_system(path)
        with contextlib.suppress(FileNotFoundError):
            system.rm(inside, recursive=True)


def sweep(root: str) -> None:
    """Removes what killed writers left half written below a local folder."""
    if is_local(root):
        for folder, _, files in os.walk(root):
            for name in files:
                if name.startswith(".") and name.endswith(TEMPORARY):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(os.path.join(folder, name))


@contextlib.contextmanager
def errors(path: str, done: str = "written") -> Iterator[None]:
    """Makes a StoreError of what goes wrong while `path` is written, listed or the like."""
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"{path}: no space left on the device; free some and start the same command "
                "again: finished units are kept"
            ) from fault
        raise StoreError(
            f"{path}: cannot be {done}: {fault.strerror or fault}; mend that or choose another folder"
        ) from fault
    except NotImplementedError as fault:  # fsspec, of HTTP and the like
        raise StoreError(
            f"{path}: {protocol_of(path)}:// can only be read; choose another `output`"
        ) from fault


class Sink:
    """A file being written: hashed on the way, in place only when closed without an error."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.bytes = 0
        self._hash = hashlib.sha256()
        self._temporary: str | None = None
        if is_local(path):
            folder, name = os.path.split(path)
            self._temporary = os.path.join(folder, f".{name}.{os.getpid()}.{uuid.uuid4().hex[:8]}{TEMPORARY}")
            with errors(path):
                os.makedirs(folder or ".", exist_ok=True)
                self._file = cast(BinaryIO, open(self._temporary, "wb"))  # noqa: SIM115, closed in __exit__
        else:
            system, inside = file_system(path)
            with errors(path):
                self._file = cast(BinaryIO, system.open(inside, "wb"))
        self.closed = False

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self.closed:  # a Parquet writer that ends after a fault still writes its footer
            return view.nbytes
        with errors(self.path):
            self._file.write(view)
        self._hash.update(view)
        self.bytes += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        with errors(self.path):
            self._file.flush()

    def tell(self) -> int:
        return self.bytes

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Left to the end of the `with` block: pyarrow closes what it is given."""

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True
        if kind is not None:
            self._discard()
            return
        try:
            with errors(self.path):
                self._file.close()
                if self._temporary is not None:
                    os.replace(self._temporary, self.path)
                    written.note(self.path, self.bytes)
        except StoreError:
            self._discard()
            raise

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            discard = getattr(self._file, "discard", None)  # fsspec: drop the upload
            if discard is not None:
                discard()
            self._file.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)


class ParquetSink:
    """Writes one Parquet file whose bytes depend only on its rows, not on how they arrived.

    `write` gathers rows into groups of `group_rows`, or less where their strings are long;
    `write_group` writes one group as given.
    Row counts, bytes and SHA-256 are in `rows`, `bytes` and `sha256` after the `with` block.

    few_values   whether numbers may be stored as dictionaries: of hashes larger, and slow to write
    """

    def __init__(
        self, path: str, schema: pa.Schema, group_rows: int = ROW_GROUP_ROWS, few_values: bool = True
    ) -> None:
        self.schema = schema
        self.rows = 0
        self._group_rows = group_rows
        self._held: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self._sink = Sink(path)
        texts = [name for name in schema.names if "string" in str(schema.field(name).type)]
        kept = {"compression": "zstd", "compression_level": 3, "use_dictionary": few_values or texts}
        kept["write_page_checksum"] = True  # a bit that has changed on the disk must not go unseen
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), schema, **kept)

    @property
    def bytes(self) -> int:
        return self._sink.bytes

    @property
    def sha256(self) -> str:
        return self._sink.sha256

    def write(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        upto = np.cumsum(_string_bytes(table))
        first = 0
        while first < table.num_rows:
            before = int(upto[first - 1]) if first else 0
            # A group ends with the row that fills it, wherever the tables that bring the rows end.
            full = int(np.searchsorted(upto, before + ROW_GROUP_BYTES - self._held_bytes)) + 1
            last = min(full, first + self._group_rows - self._held_rows, table.num_rows)
            self._held.append(table.slice(first, last - first))
            self._held_rows += last - first
            self._held_bytes += int(upto[last - 1]) - before
            first = last
            if self._held_rows == self._group_rows or self._held_bytes >= ROW_GROUP_BYTES:
                self._flush()

    def write_group(self, table: pa.Table) -> None:
        """Writes `table` as a row group of its own, even if it is empty."""
        self.rows += table.num_rows
        self._flush()
        self._put(table)

    def _flush(self) -> None:
        if self._held_rows:
            self._put(pa.concat_tables(self._held))
        self._held, self._held_rows, self._held_bytes = [], 0, 0

    def _put(self, table: pa.Table) -> None:
        # One chunk per column: page boundaries follow chunks, and the bytes must not.
        whole = table.combine_chunks()
        self._writer.write_table(whole, row_group_size=max(1, whole.num_rows))

    def __enter__(self) -> "ParquetSink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, trace
        try:
            if fault is None:
                self._flush()
                self._writer.close()
        except BaseException as late:
            self._abandon(late)
            raise
        if fault is None:
            self._sink.__exit__(None, None, None)
        else:
            self._abandon(fault)

    def _abandon(self, fault: BaseException) -> None:
        self._sink.__exit__(type(fault), fault, fault.__traceback__)
        self._writer.close()


def _string_bytes(table: pa.Table) -> NDArray[np.int64]:
    """Bytes of the strings of each row, [rows]."""
    total = np.zeros(table.num_rows, np.int64)
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            total += pc.binary_length(column).fill_null(0).to_numpy()
    return total


def row_batches(file: pq.ParquetFile, columns: Sequence[str], most_rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of a file's rows, in order: of at most `most_rows` and about `BATCH_BYTES`, none empty."""
    for group in range(file.num_row_groups):
        about = file.metadata.row_group(group)
        rows = max(1, min(most_rows, BATCH_BYTES * about.num_rows // max(1, about.total_byte_size)))
        for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=list(columns)):
            if batch.num_rows:
                yield batch


@contextlib.contextmanager
def parquet_file(path: str) -> Iterator[ParquetInput]:
    """A Parquet file that winnow wrote, open for reading; StoreError if it is gone or damaged."""
    with contextlib.ExitStack() as stack:
        with readable(path):
            place = path if is_local(path) else stack.enter_context(open_input(path))
        yield stack.enter_context(ParquetInput(path, place))


def write_json(path: str, content: Any) -> None:
    """Writes `content` with sorted keys: the same content gives the same bytes."""
    with Sink(path) as sink:
        sink.write(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n")


def read_json(path: str) -> Any:
    """The content of a JSON file; None where there is none or it is not whole."""
    try:
        with open_input(path) as file:
            content = file.read()
    except (OSError, SourceError) as fault:
        if isinstance(fault.__cause__ or fault, FileNotFoundError | NotADirectoryError):
            return None
        raise StoreError(f"{path}: cannot be read: {fault.__cause__ or fault}") from fault
    try:
        return json.loads(content)
    except ValueError:  # of JSON or of UTF-8
        return None
