"""A corpus whose tasks are done one after the other in this process: what a pass costs, without Ray."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.corpus import CorpusUnit

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class SerialCorpus:
    """See `pipeline.corpus.Corpus`. `talk`: prints the CPU seconds of each step of the pass."""

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int = 0
    talk: bool = False

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        cpu = time.process_time()
        yield from map(function, items)
        if self.talk:
            print(f"    {doing:34s} {time.process_time() - cpu:6.1f} s", flush=True)
