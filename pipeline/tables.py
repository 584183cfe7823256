"""Tables that a pass writes besides its labels: there as a whole, listed in tables.json, or not at all."""

import contextlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from pipeline import store
from pipeline.errors import ContractError

FOLDER = "tables"
LIST = "tables.json"
_PIECE = 16 << 20  # bytes copied at a time


def begin(layer: str) -> None:
    """Makes way for the tables of a pass that starts anew."""
    store.remove(store.join(layer, LIST))  # first: what is not listed is not there
    store.remove(store.join(layer, FOLDER))


def finish(layer: str, digest: str, names: Sequence[str], step: str) -> None:
    """Lists the files that the pass has written. ContractError where a table has none.

    layer    folder of the layer
    digest   stands for the corpus that the pass has seen
    """
    if not names:
        return
    found: dict[str, dict[str, int | None]] = {}
    for name in names:
        folder = store.join(layer, FOLDER, name)
        files = [file for file in store.names(folder) if file.endswith(".parquet")]
        if not files:
            raise ContractError(f"pass {step}: wrote no file of its table {name}; an empty one is expected")
        found[name] = {file: store.size(store.join(folder, file)) for file in files}
    store.write_json(store.join(layer, LIST), {"digest": digest, "tables": found})


def there(layer: str, digest: str, names: Collection[str]) -> bool:
    """Whether these tables of that corpus are there, with all their files."""
    if not names:
        return True
    told = _told(layer)
    return (
        told.get("digest") == digest
        and set(names) <= set(told["tables"])
        and all(store.size(path) == size for path, size in _sizes(layer, told))
    )


def files(layer: str, name: str) -> list[str]:
    """The files of a table; none where it is not there as a whole."""
    return [store.join(layer, FOLDER, name, file) for file in _told(layer).get("tables", {}).get(name, {})]


def bring(
    source: str,
    layer: str,
    run: Callable[[Callable[[tuple[str, str]], None], Sequence[tuple[str, str]]], Any],
) -> None:
    """Copies the tables of another layer's folder, whose labels serve.

    run   carries out a function over items, as tasks
    """
    told = _told(source)
    if not told:
        return
    begin(layer)
    pairs = [(path, store.join(layer, path.removeprefix(f"{source}/"))) for path, _ in _sizes(source, told)]
    for _ in run(copy, pairs):
        pass
    store.write_json(store.join(layer, LIST), told)


def copy(pair: tuple[str, str]) -> None:
    """Copies a file, or gives it a second name where the disk can: files are replaced, never written into."""
    source, target = pair
    if store.is_local(source) and store.is_local(target):
        store.make_folder(os.path.dirname(target))
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    with store.open_input(source) as file, store.Sink(target) as sink:
        for piece in iter(partial(file.read, _PIECE), b""):
            sink.write(piece)


def _told(layer: str) -> Mapping[str, Any]:
    found = store.read_json(store.join(layer, LIST))
    return found if isinstance(found, dict) and isinstance(found.get("tables"), dict) else {}


def _sizes(layer: str, told: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [
        (store.join(layer, FOLDER, name, file), size)
        for name, several in told["tables"].items()
        for file, size in several.items()
    ]
