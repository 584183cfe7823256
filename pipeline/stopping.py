"""How a command ends before its time: in good order, with a word about what to do."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from rich.console import Console

from pipeline.printed import printable

STOPPED = "stopped; the same command goes on from here"


@contextlib.contextmanager
def stoppable(word: str = STOPPED) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the run in good order, with a word and 128 + the signal's number."""
    came: list[int] = []

    def came_in(number: int, _: Any) -> None:
        came.append(number)
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # One that is ignored stays so: a run under `nohup` outlives its terminal.
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, came_in) for number in heard}
    try:
        yield
    except BaseException:  # a library may have made another exception of it
        if came:
            stop(word, 128 + came[0])
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def stop(message: str, code: int) -> NoReturn:
    """Ends the process with a word on standard error."""
    Console(stderr=True).print(
        f"winnow: {printable(message)}", style="red", highlight=False, markup=False, soft_wrap=True
    )
    sys.exit(code)
