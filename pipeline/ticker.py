"""A state that a person watches: always the last thing in a terminal or notebook, lines in a log."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live

LINES_EVERY = 10.0  # seconds between lines in a log


class Ticker:
    """Shows a state between `with` and its end; called whenever it has changed.

    shown   the state, for a terminal that can write over what stands there, and for a notebook
    line    the state in a line, for all else
    quiet   neither is shown
    """

    def __init__(
        self,
        console: Console,
        shown: Callable[[], RenderableType],
        line: Callable[[], RenderableType],
        quiet: bool = False,
    ) -> None:
        self._console, self._shown, self._line, self._quiet = console, shown, line, quiet
        self._live: Live | None = None
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> "Ticker":
        console = self._console
        rewrites = console.is_jupyter or (console.is_terminal and not console.is_dumb_terminal)
        if rewrites and not self._quiet:
            self._live = Live(
                console=console, get_renderable=self._shown, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self) -> None:
        with self._lock:
            due = time.monotonic() - self._last >= LINES_EVERY
            if due and self._live is None and not self._quiet:
                self._last = time.monotonic()
                self._console.print(self._line(), highlight=False, markup=False, soft_wrap=True)

    def begin(self) -> None:
        """The next line is due a while from now."""
        with self._lock:
            self._last = time.monotonic()
