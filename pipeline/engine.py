"""Who runs the tasks: Ray on one machine or a cluster, or the calling process."""

import contextlib
import importlib
import logging
import os
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pipeline import store
from pipeline.errors import WINNOW_ERRORS, StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")
OpenWorker = Callable[..., Callable[[Any], dict[str, Any]]]
Counted = Callable[[int, int, int], None]

PACKAGES = ("text", "pipeline", "filters", "classifiers", "dedup", "mixtures", "recipes")


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
        tasks: Sequence[Any],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        """Opens workers as `open_worker(*arguments, report)`, calls them with each task and yields
        what they return, in any order. `counted` is told of each batch while it goes on."""
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
        tasks: Sequence[Any],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        del resources
        worker = open_worker(*arguments, counted)
        for task in tasks:
            yield worker(task)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        for item in items:
            yield function(item)

    def close(self) -> None:
        pass


class RayEngine:
    """Ray Data schedules units over an actor pool; passes and mixtures run as Ray tasks.

    address   None starts Ray on this machine for the time of the run; otherwise an existing
              cluster is joined, to which winnow's own code is shipped
    """

    def __init__(self, workers: int | None, address: str | None, storage: dict[str, dict[str, Any]]) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray
        import ray.data

        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._ray = ray
        self._storage = storage
        local = address is None
        if local:
            self.workers = workers or len(os.sched_getaffinity(0))
            arguments: dict[str, Any] = {
                "address": "local",
                "num_cpus": self.workers,
                "include_dashboard": False,
                "object_store_memory": 256 << 20,  # only summaries pass through it
            }
        else:
            folders = [str(Path(str(importlib.import_module(name).__path__[0]))) for name in PACKAGES]
            arguments = {"address": address, "runtime_env": {"py_modules": folders}}
        with _quiet_stderr():
            ray.init(log_to_driver=False, logging_level="ERROR", **arguments)
        if not local:
            self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def map_units(
        self,
        open_worker: OpenWorker,
        arguments: tuple[Any, ...],
        tasks: Sequence[Any],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        ray = self._ray
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.max_errored_blocks = 0
        counter = self._ray.remote(_Counter).options(num_cpus=0).remote()
        pool = ray.data.ActorPoolStrategy(size=min(self.workers, len(tasks)))
        dataset = ray.data.from_items(
            [{"task": pickle.dumps(task)} for task in tasks], override_num_blocks=len(tasks)
        ).map(
            _PoolWorker,
            fn_constructor_args=(open_worker, arguments, counter),
            compute=pool,
            num_cpus=resources.cpus,
            num_gpus=resources.gpus or None,
        )
        stop = threading.Event()
        poll = threading.Thread(target=_poll, args=(self._ray, counter, counted, stop), daemon=True)
        poll.start()
        try:
            for row in dataset.iter_rows():
                yield _result(pickle.loads(row["outcome"]))
        finally:
            stop.set()
            poll.join()
            self._ray.kill(counter)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        call = self._ray.remote(_call)
        ahead = 2 * self.workers
        running: deque[Any] = deque()
        for item in items:
            if len(running) >= ahead:
                yield _result(self._ray.get(running.popleft()))
            running.append(call.remote(function, item, self._storage))
        while running:
            yield _result(self._ray.get(running.popleft()))

    def close(self) -> None:
        self._ray.shutdown()


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keeps what Ray's C++ core prints of its own start off the terminal; errors are raised anyway."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


class _Counter:
    """Ray actor that adds up what the workers report until the driver asks."""

    def __init__(self) -> None:
        self._counts = [0, 0, 0]

    def add(self, documents: int, size: int, kept: int) -> None:
        self._counts[0] += documents
        self._counts[1] += size
        self._counts[2] += kept

    def take(self) -> list[int]:
        counts, self._counts = self._counts, [0, 0, 0]
        return counts


class _PoolWorker:
    """What Ray Data builds once per actor."""

    def __init__(self, open_worker: OpenWorker, arguments: tuple[Any, ...], counter: Any) -> None:
        self._fault: Exception | None = None
        try:
            self._worker = open_worker(*arguments, lambda *counts: counter.add.remote(*counts))
        except WINNOW_ERRORS as fault:  # told by the first unit: an actor that fails is restarted
            self._fault = fault

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._fault is not None:
            outcome: dict[str, Any] = {"error": self._fault}
        else:
            outcome = _outcome(self._worker, pickle.loads(row["task"]))
        return {"outcome": pickle.dumps(outcome)}


def _call(function: Callable[[Any], Any], item: Any, storage: dict[str, dict[str, Any]]) -> dict[str, Any]:
    store.configure(storage)
    return _outcome(function, item)


def _outcome(function: Callable[[Any], Any], item: Any) -> dict[str, Any]:
    """Carries an error meant for the user back as a value, so that Ray's wrapping does not hide it."""
    try:
        return {"result": function(item)}
    except WINNOW_ERRORS as fault:
        return {"error": fault}
    except OSError as fault:
        return {"error": StoreError(f"{fault.filename or 'the output'}: {fault.strerror or fault}")}


def _result(outcome: dict[str, Any]) -> Any:
    if "error" in outcome and outcome["error"] is not None:
        raise outcome["error"]
    return outcome["result"]


def _poll(ray: Any, counter: Any, counted: Counted, stop: threading.Event) -> None:
    """Brings the counts of the running units to the display twice a second, and once at the end."""
    while True:
        last = stop.wait(0.5)
        with contextlib.suppress(ray.exceptions.RayError, TimeoutError):
            counted(*ray.get(counter.take.remote(), timeout=5))
        if last:
            return
