"""The engine that a run uses: Ray Data schedules units over an actor pool, Ray tasks do the rest."""

import contextlib
import importlib
import logging
import os
import pickle
import queue
import signal
import socket
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from pipeline import store
from pipeline.engine import TRIES, Counted, Item, OpenWorker, Resources, Result, called
from pipeline.errors import WINNOW_ERRORS, EngineError

_MOST_LOST = 10  # groups given up on before the run stops
_MOST_ITEMS = 32  # of a pass in one task
_LOOK = 1.0  # seconds between looks at whether Ray is still there

PACKAGES = ("text", "pipeline", "embedding", "filters", "classifiers", "dedup", "mixtures", "recipes")


class RayEngine:
    """Ray Data schedules units over an actor pool; passes and mixtures run as Ray tasks.

    address   None starts Ray on this machine for the time of the run; otherwise an existing
              cluster is joined, to which winnow's own code is shipped
    """

    def __init__(self, workers: int | None, address: str | None, storage: dict[str, dict[str, Any]]) -> None:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # never starts again by itself
        # A worker process starts when there is work for it, not one per core besides those of the pool.
        os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
        # If a cluster is lost, Ray's core says so and ends this process.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal" if address is None else "error")
        import ray
        import ray.data

        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is told by an EngineError
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
        try:
            if address is not None:
                _knock(address)
            with _undisturbed(), _quiet_stderr():
                ray.init(log_to_driver=False, logging_level="CRITICAL", **arguments)
        except Exception as fault:  # as bare as that: Ray raises it by itself
            where = "on this machine" if local else f"at {address}"
            raise EngineError(
                f"Ray cannot be {'started' if local else 'reached'} {where}: {fault}; "
                "`--engine inline` does without Ray"
            ) from fault
        if not local:
            self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        children = psutil.Process().children() if local else []
        self._core = [child for child in children if child.name() in ("raylet", "gcs_server")]

    def map_units(
        self,
        open_worker: OpenWorker,
        arguments: tuple[Any, ...],
        groups: Sequence[Sequence[Any]],
        counted: Counted,
        resources: Resources,
    ) -> Iterator[dict[str, Any]]:
        ray = self._ray
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.max_errored_blocks = 0
        counter = self._ray.remote(_Counter).options(num_cpus=0).remote()
        pool = ray.data.ActorPoolStrategy(size=min(self._fitting(resources), len(groups)))
        items = [{"number": number, "group": pickle.dumps(group)} for number, group in enumerate(groups)]
        dataset = ray.data.from_items(items, override_num_blocks=len(items)).map(
            _PoolWorker,
            fn_constructor_args=(open_worker, arguments, counter, os.getcwd()),
            compute=pool,
            num_cpus=resources.cpus,
            num_gpus=resources.gpus or None,
        )
        stop = threading.Event()
        poll = threading.Thread(target=_poll, args=(self._ray, counter, counted, stop), daemon=True)
        poll.start()
        lost = 0
        try:
            for row in self._rows(dataset):
                done = _result(pickle.loads(row["outcome"]))
                lost += done is None
                if lost == _MOST_LOST:
                    raise EngineError(
                        "worker processes are killed again and again, for want of memory perhaps; finished "
                        "units are kept: try fewer `--workers`"
                    )
                yield from done or ()
        finally:
            stop.set()
            poll.join()
            self._ray.kill(counter)

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        call = self._ray.remote(_call).options(max_retries=TRIES - 1)
        ahead = 2 * self.workers
        # Very many items go several to a task: to start one takes a few milliseconds.
        several = max(1, min(_MOST_ITEMS, len(items) // (_MOST_ITEMS * self.workers)))
        running: deque[Any] = deque()
        for first in range(0, len(items), several):
            if len(running) >= ahead:
                yield from self._got(running.popleft())
            some = list(items[first : first + several])
            running.append(call.remote(function, some, self._storage, os.getcwd()))
        while running:
            yield from self._got(running.popleft())

    def close(self) -> None:
        self._ray.shutdown()

    def _fitting(self, resources: Resources) -> int:
        """How many workers that ask for so much can be had at once."""
        there = self._ray.cluster_resources()
        most = self.workers
        for kind, asked in (("CPU", resources.cpus), ("GPU", resources.gpus)):
            have = there.get(kind, 0)
            if asked > have:
                raise EngineError(f"a worker needs {asked:g} {kind}, and Ray has {have:g}")
            if asked:
                most = min(most, int(have / asked))
        return most

    def _rows(self, dataset: Any) -> Iterator[dict[str, Any]]:
        """The rows as they come. A thread waits for them: this one hears Ctrl-C and looks after Ray."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def wait() -> None:
            try:
                for row in dataset.iter_rows():
                    arrived.put(row)
                arrived.put(None)
            except BaseException as fault:
                arrived.put(fault)

        threading.Thread(target=wait, daemon=True).start()
        while True:
            try:
                row = arrived.get(timeout=_LOOK)
            except queue.Empty:
                self._look()
                continue
            if row is None:
                return
            if isinstance(row, self._ray.exceptions.RayError):
                self._look()
                raise EngineError(_short(row)) from row
            if isinstance(row, BaseException):
                raise row
            yield row

    def _got(self, reference: Any) -> Any:
        """The result of a task, once it is there."""
        exceptions = self._ray.exceptions
        try:
            while not self._ray.wait([reference], timeout=_LOOK)[0]:
                self._look()
            return _result(self._ray.get(reference))
        except exceptions.RayTaskError:
            raise
        except exceptions.RayError as fault:
            self._look()
            raise EngineError(_short(fault)) from fault

    def _look(self) -> None:
        """EngineError if a process of the Ray that was started here has ended: Ray would wait for it
        for a minute and then end this one without a word."""
        gone, _ = psutil.wait_procs(self._core, timeout=0)
        if gone:
            raise EngineError(
                "Ray's own processes on this machine have ended, killed perhaps for want of memory; "
                "finished units are kept: the same command goes on from here"
            )


def _knock(address: str) -> None:
    """OSError if nothing listens at `host:port`: Ray would go on trying for a quarter of an hour."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets Ray start without being interrupted half-way, and keeps our handling of signals.

    Ctrl-C reaches every process that a terminal's command has started. Ray's own, which inherit
    what is blocked here, leave it to this one to end them in good order.
    """
    numbers = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda it, _: came.append(it)) for number in numbers}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers[:2])
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for each in came:
            signal.raise_signal(each)


def _short(fault: BaseException) -> str:
    """What Ray says, in a line."""
    first = " ".join(str(fault).split())
    return f"Ray stopped: {first[:300]}; finished units are kept: the same command goes on from here"


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
    """Ray actor that adds up what the workers report until the driver asks, and outlives them."""

    def __init__(self) -> None:
        self._counts = [0, 0, 0]
        self._begun: Counter[int] = Counter()

    def begin(self, group: int) -> int:
        """How many times a worker has begun with the group, this time included."""
        self._begun[group] += 1
        return self._begun[group]

    def add(self, documents: int, size: int, kept: int) -> None:
        self._counts[0] += documents
        self._counts[1] += size
        self._counts[2] += kept

    def take(self) -> list[int]:
        counts, self._counts = self._counts, [0, 0, 0]
        return counts


class _PoolWorker:
    """What Ray Data builds once per actor."""

    def __init__(self, open_worker: OpenWorker, arguments: tuple[Any, ...], counter: Any, home: str) -> None:
        _go_to(home)
        self._counter = counter
        self._open = partial(open_worker, *arguments, lambda *counts: counter.add.remote(*counts))
        self._worker: Callable[[Any], dict[str, Any]] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        if ray.get(self._counter.begin.remote(row["number"])) > TRIES:
            return {"outcome": pickle.dumps({"result": None})}
        return {"outcome": pickle.dumps(_outcome(self._do, pickle.loads(row["group"])))}

    def _do(self, group: Sequence[Any]) -> list[dict[str, Any]]:
        # Opened by its first group: an actor that fails while it is built is built again and again.
        if self._worker is None:
            self._worker = self._open()
        return [self._worker(task) for task in group]


def _go_to(home: str) -> None:
    """Makes relative paths mean what they mean to the person who started the run, where that can be."""
    with contextlib.suppress(OSError):
        os.chdir(home)


def _call(
    function: Callable[[Any], Any], items: list[Any], storage: dict[str, dict[str, Any]], home: str
) -> dict[str, Any]:
    _go_to(home)
    store.configure(storage)
    return _outcome(lambda several: [function(item) for item in several], items)


def _outcome(function: Callable[[Any], Any], item: Any) -> dict[str, Any]:
    """Carries an error back as a value, so that Ray's wrapping does not hide it."""
    try:
        return {"result": called(function, item)}
    except WINNOW_ERRORS as fault:
        return {"error": fault}
    except Exception:  # a fault of winnow's or a plug-in's: raised again where it is shown
        return {"fault": traceback.format_exc()}


def _result(outcome: dict[str, Any]) -> Any:
    if "fault" in outcome:
        raise RuntimeError(f"a worker failed\n\n{outcome['fault']}")
    if "error" in outcome:
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
