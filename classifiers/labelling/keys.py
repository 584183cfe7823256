"""What a reviewer types, and what it stands for: single keys in a terminal, lines from a pipe."""

import codecs
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TextIO

from pipeline.printed import printable

try:
    import termios
    import tty
except ImportError:  # no terminals of this kind: lines alone
    termios = None  # type: ignore[assignment]

LABEL, CONFIRM, SKIP, BACK, MORE, HELP, QUIT = "label", "confirm", "skip", "back", "more", "help", "quit"
WORDS = (SKIP, BACK, MORE, HELP, QUIT)
_LETTERS = {**{word[0]: word for word in WORDS}, "?": HELP}
_ONE_KEY = 9  # numbered labels, at most, for which a digit is all that has to be typed


class Command(NamedTuple):
    """What was typed; `label` where that is a label, `fault` where it is nothing that can be understood."""

    kind: str
    label: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Choices:
    """The labels that can be given, and how.

    A label is given by its name or the beginning of it or, where names are no numbers, by its place, from 1.
    """

    labels: tuple[str, ...]

    @property
    def numbered(self) -> bool:
        return not any(_is_number(label) for label in self.labels)

    @property
    def one_key(self) -> bool:
        """Whether each label can be given by one key. If not, none is: whoever types a second one, or Enter,
        by habit, would answer for the next document."""
        short = all(len(label) == 1 for label in self.labels)
        return short or (self.numbered and len(self.labels) <= _ONE_KEY)

    def understand(self, typed: str) -> Command:
        """A name counts before a number, a number before a command, and a command before part of a name."""
        typed = typed.strip().casefold()
        if not typed:
            return Command(CONFIRM)
        folded = {label.casefold(): label for label in self.labels}
        if typed in folded:
            return Command(LABEL, folded[typed])
        if self.numbered and _is_number(typed):
            place = int(typed) if typed.isdecimal() else 0
            if 1 <= place <= len(self.labels):
                return Command(LABEL, self.labels[place - 1])
            return Command(HELP, fault=f"{typed!r}: labels have the numbers 1 to {len(self.labels)}")
        if typed in WORDS or typed in _LETTERS:
            return Command(_LETTERS.get(typed, typed))
        begun = [label for name, label in folded.items() if name.startswith(typed)]
        if len(begun) == 1:
            return Command(LABEL, begun[0])
        if begun:
            return Command(HELP, fault=f"{typed!r} may be {', '.join(begun)}")
        return Command(HELP, fault=f"{typed!r} is no label; expected {', '.join(self.labels)}, or ? for help")

    def at_once(self, typed: str) -> bool:
        """Whether this one key says all, without Enter."""
        if not self.one_key or len(typed) != 1:
            return False
        longer = [
            label for label in self.labels if len(label) > 1 and label.casefold().startswith(typed.casefold())
        ]
        return not longer and not self.understand(typed).fault


class Keys(Protocol):
    """Where commands come from."""

    def read(self, choices: Choices) -> Command:
        """The next command; `quit` at the end of the input."""
        ...


class Lines:
    """Commands from a pipe or a file, one on each line; they are written out, as a terminal would."""

    def __init__(self, stream: TextIO, out: TextIO) -> None:
        self._stream, self._out = stream, out

    def read(self, choices: Choices) -> Command:
        line = self._stream.readline()
        self._out.write(f"{printable(line.strip())}\n")
        self._out.flush()
        return choices.understand(line) if line else Command(QUIT)


class Terminal:
    """Commands from a terminal, in `cbreak` mode (`open_keys`): what is typed is written by us."""

    def __init__(self, number: int, out: TextIO) -> None:
        self._number, self._out = number, out
        self._decode = codecs.getincrementaldecoder("utf-8")("ignore").decode

    def read(self, choices: Choices) -> Command:
        typed = ""
        while True:
            key = self._key()
            if key in ("", "\x04"):  # the terminal is gone, or Ctrl-D
                return self._done(Command(QUIT))
            if key in "\r\n":
                return self._done(choices.understand(typed))
            if key == "\x1b":
                if self._escape() == "D":  # the left arrow
                    return self._done(Command(BACK))
            elif key in "\x7f\b":
                self._write("\b \b" if typed else "")
                typed = typed[:-1]
            elif key == "\x15":  # Ctrl-U
                self._write("\b \b" * len(typed))
                typed = ""
            elif key.isprintable():
                typed += key
                self._write(key)
                if choices.at_once(typed):
                    return self._done(choices.understand(typed))

    def _key(self) -> str:
        """A character; "" at the end."""
        while True:
            found = os.read(self._number, 1)
            if not found:
                return ""
            character = self._decode(found)
            if character:
                return character

    def _escape(self) -> str:
        """What ends an escape sequence, as the arrow keys send them."""
        key = self._key()
        if key not in "[O":
            return ""
        key = self._key()
        while key and not "@" <= key <= "~":
            key = self._key()
        return key

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _done(self, command: Command) -> Command:
        self._write("\n")
        return command


@contextlib.contextmanager
def open_keys(stream: TextIO, out: TextIO) -> Iterator[Keys]:
    """Single keys where `stream` is a terminal, lines where it is not. The terminal is left as it was."""
    if termios is None or not stream.isatty():
        yield Lines(stream, out)
        return
    number = stream.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield Terminal(number, out)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def numbered(labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each label with what is typed for it, for people."""
    choices = Choices(tuple(labels))
    return [(str(at) if choices.numbered else label, label) for at, label in enumerate(labels, start=1)]


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdigit()
