"""A folder that is whole or not there, whenever the process that writes it ends."""

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PlanError, StoreError


@contextmanager
def aside(place: Path) -> Iterator[Path]:
    """A folder beside `place` that takes its name at the end of the block; removed where that ends early.

    PlanError where no folder can be made there; StoreError where the disk is full.
    """
    folder = place.parent / f".{place.name}.{os.getpid()}.tmp"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in _left(place):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except OSError as fault:
        raise PlanError(f"{place}: cannot be made here: {fault.filename}: {fault.strerror}") from fault
    try:
        yield folder
        old = place.parent / f".{place.name}.old.{os.getpid()}.tmp"
        if place.exists():
            place.rename(old)
        folder.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StoreError(f"{place}: {fault.strerror}; make room, and give the same command") from fault
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _left(place: Path, which: str = "") -> list[Path]:
    """What processes that are gone have left beside a folder."""
    found = place.parent.glob(f".{glob.escape(place.name)}.{which}*.tmp")
    processes = {left: left.name.removesuffix(".tmp").rsplit(".", 1)[-1] for left in found}
    return [left for left, id_ in processes.items() if id_.isdigit() and not Path(f"/proc/{id_}").exists()]


def restore(place: Path) -> None:
    """Puts a model back that a killed process had moved aside to replace it."""
    for old in [] if place.exists() else _left(place, "old.")[:1]:
        old.rename(place)
