"""Known benchmarks: by their files' names and fields, as presets.yaml lists them."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dedup.benchmark.fields import is_there, parse
from pipeline import store

Layout = tuple[str, ...]

_TABLE = Path(__file__).with_name("presets.yaml")


@cache
def _table() -> tuple[dict[str, list[tuple[str, tuple[Layout, ...]]]], tuple[Layout, ...]]:
    """Benchmarks and layouts by each word that their files go by, and the layouts by fields alone."""
    data = yaml.safe_load(_TABLE.read_text("utf-8"))
    by_word: dict[str, list[tuple[str, tuple[Layout, ...]]]] = {}
    for name, about in data["benchmarks"].items():
        for word in about["files"]:
            by_word.setdefault(word, []).append((name, tuple(map(tuple, about["layouts"]))))
    return by_word, tuple(map(tuple, data["by_fields"]))


def preset_names() -> tuple[str, ...]:
    """The benchmarks that are known by name."""
    return tuple(dict.fromkeys(name for known in _table()[0].values() for name, _ in known))


def by_fields() -> tuple[Layout, ...]:
    """The layouts of files whose names say nothing."""
    return _table()[1]


def known_as(given: str, path: str) -> Iterator[tuple[str, tuple[Layout, ...]]]:
    """The presets whose words the path holds, the nearest to the file first, the longest word first.

    Looked at are the file's name, the folders below the set's, that one itself and the two above.

    given   path of the set, `path` that of a file in it
    """
    parts = os.path.abspath(path).split(os.sep) if store.is_local(path) else path.split("/")
    own = os.path.abspath(given).split(os.sep) if store.is_local(given) else given.rstrip("/").split("/")
    by_word, _ = _table()
    for part in reversed(parts[max(len(own) - 3, 0) :]):
        plain = f"_{re.sub(r'[^a-z0-9]+', '_', part.lower())}_"
        fitting = [word for word in by_word if f"_{word}_" in plain]
        for word in sorted(fitting, key=lambda word: (-len(word), word)):
            yield from by_word[word]


def fits(layout: Sequence[str], records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the items, at least, has every field of the layout."""
    return all(
        any(is_there(place, record) for record in records) for text in layout for place in places(text)
    )


def places(notation: str) -> list[str]:
    """All fields that a text asks for."""
    return [place for part in parse(notation) for place in part.places()]
