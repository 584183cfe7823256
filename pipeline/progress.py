"""What a person sees while a run goes on: a live table in a terminal or notebook, lines in a pipe."""

import threading
import time
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from pipeline.counted import counted, duration
from pipeline.ticker import Ticker


class Progress:
    """The state of the segment, pass or mixture that is going on.

    Documents and bytes of text are counted as batches end, units as units end; rates are over the
    time since the work began here, without what an earlier run had done.
    """

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True)
        self._quiet = quiet
        self._lock = threading.Lock()
        self._ticker = Ticker(self.console, self._table, self._summary, quiet)
        self._clear("")

    def _clear(self, name: str, units: int = 0, done: int = 0) -> None:
        self._name, self._units, self._before, self._done = name, units, done, done
        self._documents = self._bytes = self._kept = self._judged = 0
        self._doing = ""
        self._started = time.monotonic()

    def __enter__(self) -> "Progress":
        self._ticker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticker.__exit__(kind, fault, trace)

    def start(self, name: str, units: int, done: int) -> None:
        """Begins work on `units` units of which `done` are finished already."""
        with self._lock:
            self._clear(name, units, done)
        self._ticker.begin()
        if done and done < units:
            self.say(f"{name}: {done} of {counted(units, 'unit')} done before")

    def doing(self, what: str) -> None:
        """Names the part of the work that goes on now."""
        with self._lock:
            self._doing = what

    def batch(self, documents: int, size: int, kept: int | None = None) -> None:
        """`kept` of these documents stay; None where nothing is asked about that."""
        with self._lock:
            self._documents += documents
            self._bytes += size
            if kept is not None:
                self._kept, self._judged = self._kept + kept, self._judged + documents
        self._ticker()

    def unit(self) -> None:
        with self._lock:
            self._done += 1
        self._ticker()

    def finish(self) -> None:
        """Leaves one line about the work that has ended."""
        self.say(self._summary(final=True))

    def say(self, line: str) -> None:
        if not self._quiet:
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _rates(self) -> tuple[float, str, str, str, str]:
        spent = max(time.monotonic() - self._started, 1e-9)
        rate = f"{self._documents / spent:,.0f} documents/s" if self._documents else ""
        speed = f"{self._bytes / spent / 1e6:,.1f} MB/s" if self._bytes else ""
        kept = f"{self._kept / self._judged:.1%} kept" if self._judged else ""
        here = self._done - self._before
        left = ""
        if here and self._done < self._units:
            left = f"{duration((self._units - self._done) * spent / here)} left"
        return spent, rate, speed, kept, left

    def _summary(self, final: bool = False) -> str:
        spent, rate, speed, kept, left = self._rates()
        documents = counted(self._documents, "document") if self._documents else ""
        parts = [f"{self._done}/{counted(self._units, 'unit')}", documents, rate, speed, kept]
        parts += [f"in {duration(spent)}"] if final else [left, self._doing]
        return f"{self._name}: " + ", ".join(part for part in parts if part)

    def _table(self) -> RenderableType:
        with self._lock:
            _, rate, speed, kept, left = self._rates()
            grid = Table.grid(padding=(0, 2))
            if not self._name:
                return grid
            bar = ProgressBar(total=max(self._units, 1), completed=self._done, width=24)
            done = f"{self._done}/{counted(self._units, 'unit')}"
            grid.add_row(self._name, bar, done, rate, speed, kept, left, self._doing)
            return grid
