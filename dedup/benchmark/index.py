"""Benchmark sets made ready to be found: files that every worker maps, so that none holds its own copy.

n-grams are numbered by their place in the look-up. Each belongs to one or more texts of items, each text
to one item, each item to one file of a set.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.benchmark.grams import Grams, Ints, Places, distinct, gram_words, grams_of, start_filter
from dedup.benchmark.sets import BenchmarkFile, Item, digest, read_items
from pipeline.store import ParquetSink, Sink, is_local, join, make_folder, open_input, parquet_file
from text import winnowing
from text.hashing import Hashes, mix_array
from text.lookup import Lookup
from text.strings import Strings

BATCH_CHARS = 8 << 20  # of items' texts that are cut into words at a time

ITEMS = pa.schema(
    [
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("identity", pa.string(), nullable=False),
    ]
)
_ARRAYS = (
    "keys", "index", "starts", "width", "lengths", "owner_offsets", "owners", "alike", "text_item",
    "text_grams", "begins", "stops",
)  # fmt: skip
_TEXTS, _ITEMS = "texts.bin", "items.parquet"


@dataclass(frozen=True)
class Coverage:
    """What of a file is looked for: items in all, those with a text that is, lines that are no items."""

    file: BenchmarkFile
    items: int
    covered: int
    bad: int


@dataclass(frozen=True)
class BenchmarkIndex:
    """g n-grams of t texts of m items.

    lengths         [g] int64, words of each n-gram
    owner_offsets   [g + 1] int64; `owners[owner_offsets[i]:owner_offsets[i + 1]]` are the texts of n-gram i
    alike           [g] int32, the first n-gram of the same texts: a preamble's n-grams are all of thousands
    text_item       [t] int32, the item of each text; `text_grams`, how many different n-grams it has
    begins, stops   [g] int64, where in the file `texts` each n-gram stands (once), in bytes
    items           of ITEMS
    """

    grams: Grams
    lengths: Ints
    owner_offsets: Ints
    owners: Places
    alike: Places
    text_item: Places
    text_grams: Places
    begins: Ints
    stops: Ints
    texts: str
    items: pa.Table

    def __len__(self) -> int:
        return len(self.lengths)

    def shown(self, grams: Sequence[int]) -> list[str]:
        """The words of n-grams as they stand in one of their items."""
        found = []
        with open_input(self.texts) as file:
            for gram in grams:
                file.seek(int(self.begins[gram]))
                found.append(file.read(int(self.stops[gram] - self.begins[gram])).decode("utf-8", "replace"))
        return found


def survey(files: Sequence[BenchmarkFile], ngram: int, least: int) -> tuple[Coverage, ...]:
    """How many items of each file are looked for. PlanError where a file is damaged."""
    return _survey(tuple(files), digest(files), ngram, least)


@lru_cache(maxsize=8)
def _survey(files: tuple[BenchmarkFile, ...], content: str, ngram: int, least: int) -> tuple[Coverage, ...]:
    del content  # files that have changed are read again
    return tuple(_covered(file, ngram, least) for file in files)


def _covered(file: BenchmarkFile, ngram: int, least: int) -> Coverage:
    items = covered = bad = 0
    for batch in _batches(file):
        known, texts, owner = _texts(batch)
        words = gram_words(texts)
        cut = grams_of(words.offsets, words.hashes, ngram, least)[0]
        items += len(known)
        bad += len(batch) - len(known)
        covered += len(distinct(owner[np.diff(cut) > 0]))
    return Coverage(file, items, covered, bad)


def write_index(folder: str, files: Sequence[BenchmarkFile], ngram: int, least: int) -> str:
    """Writes the index of these files; the folder is what `map_index` takes."""
    make_folder(folder)
    found: list[tuple[Hashes, Hashes, Ints, Ints, Ints, Ints]] = []
    text_item: list[Places] = []
    items = texts_before = bytes_before = 0
    with Sink(join(folder, _TEXTS)) as sink, ParquetSink(join(folder, _ITEMS), ITEMS) as listed:
        for file in files:
            for batch in _batches(file):
                known, texts, owner = _texts(batch)
                words = gram_words(texts)
                cut, keys, starts, firsts, lasts = grams_of(words.offsets, words.hashes, ngram, least)
                text = texts_before + np.repeat(np.arange(len(texts)), np.diff(cut))
                begins, stops = words.starts[firsts], words.ends[lasts - 1]
                found.append(
                    (keys, starts, text, begins + bytes_before, stops + bytes_before, lasts - firsts)
                )
                text_item.append((items + owner).astype(np.int32))
                names = {"benchmark": [file.benchmark] * len(known), "file": [file.shown] * len(known)}
                numbers = {
                    "number": [item.number for item in known],
                    "identity": [item.identity for item in known],
                }
                listed.write(pa.table(names | numbers, schema=ITEMS))
                size = int(texts.offsets[-1])
                sink.write(texts.data[:size])
                items += len(known)
                texts_before += len(texts)
                bytes_before += size
    keys, starts, text, begins, stops, lengths = (
        np.concatenate(column) for column in zip(*found, strict=True)
    )
    lookup = Lookup.of(keys, np.zeros(len(keys)))
    first = np.unique(keys, return_index=True)[1]
    gram = np.searchsorted(lookup.keys, keys)
    owned = distinct(gram * max(texts_before, 1) + text)
    gram, text = np.divmod(owned, max(texts_before, 1))
    owners = np.bincount(gram, minlength=len(lookup))
    owner_offsets = np.concatenate([[0], np.cumsum(owners)]).astype(np.int64)
    held = mix_array(text.astype(np.uint64) + np.uint64(1))
    same = np.add.reduceat(held, owner_offsets[:-1]) if len(held) else held
    arrays: dict[str, NDArray[Any]] = {
        "keys": lookup.keys,
        "index": lookup.index,
        "starts": start_filter(starts),
        "owner_offsets": owner_offsets,
        "alike": winnowing.firsts(mix_array(same), owners.astype(np.uint64)).astype(np.int32),
        "owners": text.astype(np.int32),
        "text_item": np.concatenate(text_item),
        "text_grams": np.bincount(text, minlength=texts_before).astype(np.int32),
        "begins": begins[first],
        "stops": stops[first],
        "lengths": lengths[first],
        "width": np.array(least),
    }
    for name, values in arrays.items():
        with Sink(join(folder, f"{name}.npy")) as array:
            np.save(array, values)
    return folder


@lru_cache(maxsize=1)
def map_index(folder: str) -> BenchmarkIndex:
    """The index that `write_index` left in this folder, mapped where the folder is local."""
    about = {name: _mapped(join(folder, f"{name}.npy")) for name in _ARRAYS}
    keys = about["keys"]
    lookup = Lookup(keys, np.zeros(len(keys), np.uint8), about["index"])
    lengths = about["lengths"]
    with parquet_file(join(folder, _ITEMS)) as file:
        items = file.read()
    return BenchmarkIndex(
        grams=Grams(lookup, about["starts"], int(about["width"]), np.flatnonzero(np.bincount(lengths))),
        lengths=lengths,
        owner_offsets=about["owner_offsets"],
        owners=about["owners"],
        alike=about["alike"],
        text_item=about["text_item"],
        text_grams=about["text_grams"],
        begins=about["begins"],
        stops=about["stops"],
        texts=join(folder, _TEXTS),
        items=items,
    )


def _mapped(path: str) -> NDArray[Any]:
    if is_local(path):
        mapped: NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
        return mapped
    with open_input(path) as file:
        found: NDArray[Any] = np.load(io.BytesIO(file.read()))
        return found


def _batches(file: BenchmarkFile) -> Iterator[list[Item | None]]:
    """The items of a file, some megabytes of texts at a time; once at least."""
    batch: list[Item | None] = []
    held = 0
    for item in read_items(file):
        batch.append(item)
        held += 100 if item is None else 100 + sum(map(len, item.texts))
        if held >= BATCH_CHARS:
            yield batch
            batch, held = [], 0
    yield batch


def _texts(batch: Sequence[Item | None]) -> tuple[list[Item], Strings, Ints]:
    """The items that there are, their texts, and the place of each text's item among them."""
    items = [item for item in batch if item is not None]
    texts = pa.array([text for item in items for text in item.texts], pa.large_string())
    owner = np.repeat(np.arange(len(items)), [len(item.texts) for item in items])
    return items, Strings.of(texts), owner.astype(np.int64)
