"""Which local files a task has written whole: told with its result, so that a later start can see whether
they are still there."""

import contextlib
import os
from collections.abc import Iterator, Mapping

_watching: list[dict[str, int]] = []


@contextlib.contextmanager
def watched() -> Iterator[dict[str, int]]:
    """The files that are written in the block and still there, with their bytes."""
    files: dict[str, int] = {}
    _watching.append(files)
    try:
        yield files
    finally:
        _watching.remove(files)


def note(path: str, size: int) -> None:
    """A file is there whole."""
    for files in _watching:
        files[path] = size


def forget(path: str) -> None:
    """A file, or a folder with all that is in it, is removed."""
    for files in _watching:
        for name in [name for name in files if name == path or name.startswith(f"{path}/")]:
            del files[name]


def there(files: Mapping[str, int]) -> bool:
    """Whether these files are there, each with so many bytes."""
    try:
        return all(os.path.getsize(path) == size for path, size in files.items())
    except OSError:
        return False
