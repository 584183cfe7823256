"""Who runs the tasks: the calling process, or Ray on one machine or a cluster (`ray_engine`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pipeline.errors import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")
OpenWorker = Callable[..., Callable[[Any], dict[str, Any]]]
Counted = Callable[[int, int, int], None]

TRIES = 4  # of units whose worker is killed at them: it may have been for want of memory


@dataclass(frozen=True)
class Resources:
    """What a worker asks of the scheduler: cores and devices, fractions allowed."""

    cpus: float = 1.0
    gpus: float = 0.0


class Engine(Protocol):
    """Runs units over a pool of workers, and tasks of passes and mixtures."""

    workers: int

    def map_units(
        self,
        open_worker: OpenWorker,
        arguments: tuple[Any, ...],
        groups: Sequence[Sequence[Any]],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        """Opens workers as `open_worker(*arguments, report)`, calls them with each task and yields
        what they return, in any order. `counted` is told of each batch while it goes on. The tasks
        of a group go to one worker; if it is killed at them `TRIES` times, they yield nothing."""
        ...

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """`function` over `items`, results in the order of the items."""
        ...

    def close(self) -> None: ...


class InlineEngine:
    """Everything in the calling process: for tests, debugging and very small runs."""

    def __init__(self) -> None:
        self.workers = 1

    def map_units(
        self,
        open_worker: OpenWorker,
        arguments: tuple[Any, ...],
        groups: Sequence[Sequence[Any]],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        del resources
        worker = open_worker(*arguments, counted)
        for group in groups:
            for task in group:
                yield called(worker, task)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        for item in items:
            yield called(function, item)

    def close(self) -> None:
        pass


def called(function: Callable[[Item], Result], item: Item) -> Result:
    """`function(item)`; trouble with a disk or network that nobody has put into words is a StoreError."""
    try:
        return function(item)
    except OSError as fault:
        raise StoreError(f"{fault.filename or 'the output'}: {fault.strerror or fault}") from fault
