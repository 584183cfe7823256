r"""The tokens still to be read, as TeX's mouth holds them: taken from the front, put back in front.

Arguments are taken here: `{…}`, `[…]`, single tokens, and what a `\def` delimits (`#1.#2;`). Taking
one costs its length, and nested calls take the same tokens again and again; so the feed counts what
it has taken against a budget in proportion to the input, and gives nothing more once it is spent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.sources.latex.tokens import is_space, paragraph_in

BUDGET = 16  # tokens taken into arguments, for each token of the input
SPARE = 1 << 20  # tokens that may be taken whatever the input's size


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose expansion the tokens that follow come from: a chain of calls up to the text itself."""

    name: str
    parent: "Scope | None"
    depth: int


TEXT = Scope("", None, 0)
Token = str | Scope


class Feed:
    """A stack of tokens, and between them the scopes that tokens behind belong to."""

    def __init__(self) -> None:
        self.stack: list[Token] = []
        self.scope = TEXT
        self.budget = SPARE

    def push(self, tokens: Sequence[Token]) -> None:
        """Puts tokens in front of what is there."""
        self.stack.extend(reversed(tokens))

    def add_input(self, tokens: Sequence[Token]) -> None:
        """Puts the tokens of a file in front of what is there."""
        self.budget += BUDGET * len(tokens)
        self.push(tokens)

    def take(self) -> str | None:
        """The next token; None at the end."""
        stack = self.stack
        while stack:
            token = stack.pop()
            if isinstance(token, str):
                return token
            self.scope = token
        return None

    def skip_space(self, paragraphs: bool = False) -> bool:
        """Passes over white space; stops before an empty line, unless `paragraphs`; whether it did any."""
        if self.stack and isinstance(first := self.stack[-1], str) and not first[0].isspace():
            return False
        skipped = False
        while (token := self.take()) is not None:
            if token.__class__ is not str or not token[0].isspace():
                self.stack.append(token)
                break
            rest = token.lstrip()
            if not paragraphs and paragraph_in(token[: len(token) - len(rest)]):
                self.stack.append(token)
                break
            skipped = True
            if rest:
                self.stack.append(rest)
                break
        return skipped

    def peek(self) -> str:
        """The next token, which stays; "" at the end."""
        if self.stack and isinstance(first := self.stack[-1], str):
            return first
        token = self.take()
        if token is None:
            return ""
        self.stack.append(token)
        return token

    def star(self) -> bool:
        """Takes a `*` if it is next."""
        token = self.peek()
        if token[:1] != "*" or token.__class__ is not str:
            return False
        self.stack.pop()
        if len(token) > 1:
            self.stack.append(token[1:])
        return True

    def argument(self) -> list[str] | None:
        """The next argument: a group without its braces, or one token; None (nothing taken) if there is
        none before an empty line."""
        self.skip_space()
        token = self.take()
        if token is None:
            return None
        if token == "{":
            group = self.until("}")
            if group is None:
                self.stack.append(token)
            return group
        if token == "}" or token[0].isspace() or token in ("&", "$", "$$"):
            self.stack.append(token)
            return None
        if token[0] in "\\[]#" or token.__class__ is not str:
            return [token]
        if len(token) > 1:
            self.stack.append(token[1:])
        return [token[0]]

    def optional(self) -> list[str] | None:
        """The next `[…]` without its brackets; None (nothing taken) if there is none."""
        if not self.stack:
            return None
        before = self.peek()
        if before != "[" and not is_space(before):
            return None
        space = is_space(before) and not paragraph_in(before)
        if space:
            self.take()
        if self.peek() == "[":
            self.take()
            group = self.until("]")
            if group is not None:
                return group
            self.stack.append("[")
        if space:
            self.stack.append(before)
        return None

    def until(self, close: str) -> list[str] | None:
        """The tokens up to `close` outside braces, which is taken too; None (nothing taken) if there is none
        or the budget is spent."""
        found: list[str] = []
        stack, keep = self.stack, found.append
        depth = 0
        left = self.budget
        while stack and left > 0:
            token = stack.pop()
            if not isinstance(token, str):
                self.scope = token
                continue
            left -= 1
            if token == close and depth == 0:
                self.budget = left
                return found
            if token == "{":
                depth += 1
            elif token == "}":
                if depth == 0:
                    stack.append(token)
                    break
                depth -= 1
            keep(token)
        self.budget = left
        self.push(found)
        return None

    def delimited(self, delimiter: Sequence[str]) -> list[str] | None:
        """The tokens before `delimiter` outside braces, which is taken too; None as for `until`.

        The delimiter's first token may be part of a run of text; braces around all of it are taken off.
        """
        found: list[str] = []
        depth = 0
        first, rest = delimiter[0], list(delimiter[1:])
        while self.budget > 0:
            token = self.take()
            if token is None:
                break
            self.budget -= 1
            if depth == 0:
                at = _ends(token, first, bool(rest))
                if at >= 0 and self.matches(rest):
                    if at:
                        found.append(token[:at])
                    if at + len(first) < len(token):
                        self.stack.append(token[at + len(first) :])
                    return _without_braces(found)
            if token == "{":
                depth += 1
            elif token == "}":
                if depth == 0:
                    self.stack.append(token)
                    break
                depth -= 1
            found.append(token)
        self.push(found)
        return None

    def matches(self, expected: Iterable[str]) -> bool:
        """Takes the expected tokens if they are next, or none."""
        taken: list[str] = []
        for wanted in expected:
            token = self.take()
            if token is None:
                break
            taken.append(token)
            if token == wanted:
                continue
            if token.startswith(wanted) and token[0] not in "\\#":
                taken[-1] = wanted
                self.stack.append(token[len(wanted) :])
                continue
            if is_space(wanted) and token[0].isspace():
                taken[-1] = token[0]
                self.stack.append(token[1:])
                continue
            break
        else:
            return True
        self.push(taken)
        return False


def _ends(token: str, first: str, more: bool) -> int:
    """Where the delimiter's first token stands in `token`, -1 if it does not."""
    if token == first:
        return 0
    if first[0] in "\\{}[]&$#" or token[0] in "\\{}[]&$#" or token.__class__ is not str:
        return -1
    if more:
        return len(token) - len(first) if token.endswith(first) else -1
    return token.find(first)


def _without_braces(found: list[str]) -> list[str]:
    if len(found) < 2 or found[0] != "{" or found[-1] != "}":
        return found
    depth = 0
    for token in found[:-1]:
        depth += (token == "{") - (token == "}")
        if depth == 0:
            return found
    return found[1:-1]
