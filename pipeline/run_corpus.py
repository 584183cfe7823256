"""The `Corpus` that a pass or the mixture is given in a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pipeline import store, written
from pipeline.corpus import CorpusUnit
from pipeline.engine import Engine
from pipeline.errors import EngineError
from pipeline.journal import Journal, closing
from pipeline.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class RunCorpus:
    """See `pipeline.corpus.Corpus`.

    journal   keeps the results of tasks for the next start; None where tasks look after that themselves
    """

    units: Sequence[CorpusUnit]
    partitions: int
    scratch: str
    tables: str
    seed: int
    engine: Engine
    progress: Progress
    journal: Journal | None = None
    _calls: int = 0

    def map(self, function: Callable[[Item], Result], items: Sequence[Item], doing: str) -> Iterator[Result]:
        self._calls += 1  # now and not with the first result: calls have the same order on every start
        return self._mapped(self._calls, function, items, doing)

    def _mapped(
        self, number: int, function: Callable[[Item], Result], items: Sequence[Item], doing: str
    ) -> Iterator[Result]:
        store.make_folder(self.scratch)
        self.progress.doing(doing)
        try:
            if self.journal is None:
                yield from self.engine.map(function, items)
            else:
                yield from self._resumed(self.journal, number, function, items, doing)
        except EngineError as fault:
            raise EngineError(f"{doing}: {fault}") from fault

    def _resumed(
        self,
        journal: Journal,
        number: int,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        doing: str,
    ) -> Iterator[Result]:
        with closing(journal.call(number, doing, len(items))) as call:
            task = partial(_told, function)
            todo = self.engine.map(task, [item for at, item in enumerate(items) if at not in call])
            for at, item in enumerate(items):
                if at not in call:
                    result, files = next(todo)
                    call.add(at, result, files)
                else:
                    try:
                        result = call.result(at)
                    except KeyError:
                        [(result, files)] = self.engine.map(task, [item])
                        call.add(at, result, files)
                yield result


def _told(function: Callable[[Item], Result], item: Item) -> tuple[Result, dict[str, int]]:
    """A task's result, and the files that it leaves."""
    with written.watched() as files:
        return function(item), files
