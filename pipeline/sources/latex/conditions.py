r"""Conditionals: `\iffalse`, `\ifx`, `\newif` flags and the like, as far as they can be told by reading.

A conditional that cannot be told is left as it stands, with all its branches.
"""

from collections.abc import Mapping, Sequence

from pipeline.sources.latex.feed import Feed
from pipeline.sources.latex.macros import NO_VALUE, TRUE, Macro
from pipeline.sources.latex.tokens import is_space, join

# What begins a conditional that ends with \fi; \iff and \ifthenelse do not.
_PRIMITIVES = frozenset(
    rf"\{name}"
    for name in (
        *("if", "ifcat", "ifnum", "ifdim", "ifodd", "ifvmode", "ifhmode", "ifmmode", "ifinner", "ifvoid"),
        *(
            "ifhbox",
            "ifvbox",
            "ifx",
            "ifeof",
            "iftrue",
            "iffalse",
            "ifcase",
            "ifdefined",
            "ifcsname",
            "ifpdf",
        ),
        *("ifxetex", "ifluatex", "ifPDFTeX", "ifXeTeX", "ifLuaTeX", "if@twocolumn", "if@twoside", "ifpdftex"),
    )
)
_KNOWN = {
    **dict.fromkeys((r"\iftrue", r"\ifpdf", r"\ifPDFTeX", r"\ifpdftex"), True),
    **dict.fromkeys((r"\iffalse", r"\ifxetex", r"\ifluatex", r"\ifXeTeX", r"\ifLuaTeX"), False),
    **dict.fromkeys((r"\if@twocolumn", r"\if@twoside", r"\ifvmode", r"\ifinner"), False),
}


class Conditions:
    """The conditionals that are open, and the flags that decide them."""

    def __init__(self, feed: Feed, macros: Mapping[str, Macro]) -> None:
        self.flags: dict[str, bool] = {}
        self._feed = feed
        self._macros = macros
        self._open: list[bool] = []  # whether each could be told
        self._setters: dict[str, tuple[str, bool]] = {}
        self._begins = set(_PRIMITIVES)
        self.quiet: set[str] = set()  # commands seen that mean nothing here, nor to `Modes`

    def add_flag(self, name: str) -> None:
        r"""`\newif\ifname`, with `\nametrue` and `\namefalse`."""
        if name.startswith(r"\if") and len(name) > 3:
            self._begins.add(name)
            self.quiet.clear()
            self.flags[name] = False
            self._setters[f"\\{name[3:]}true"] = (name, True)
            self._setters[f"\\{name[3:]}false"] = (name, False)

    def handle(self, token: str, math: bool) -> bool:
        """Deals with a token if it is about conditionals; whether it was, and so is done with."""
        if token in self._setters:
            name, value = self._setters[token]
            self.flags[name] = value
            return True
        if token in (r"\else", r"\fi", r"\or"):
            return self._middle(token)
        if token[1:3] in ("if", "If"):
            if token in self._begins:
                return self._begin(token, math)
            return self._with_arguments(token)
        return False

    def _middle(self, token: str) -> bool:
        if not self._open:
            return False
        told = self._open[-1]
        if token == r"\fi" or (token == r"\else" and told):
            self._open.pop()
        if token == r"\else" and told:
            self._skip()
        return told

    def _begin(self, token: str, math: bool) -> bool:
        if token == r"\ifmmode":
            value: bool | None = math
        else:
            value = self.flags.get(token, _KNOWN.get(token))
        if value is None:
            value = self._evaluate(token)
        self._open.append(value is not None)
        if value is False and self._skip() == r"\fi":
            self._open.pop()
        return value is not None

    def _skip(self) -> str:
        r"""Passes over a branch to its `\else` or `\fi`, which is taken and returned."""
        depth = 0
        feed, stack = self._feed, self._feed.stack
        while stack:
            token = stack.pop()
            if not isinstance(token, str):
                feed.scope = token
                continue
            if token[0] != "\\":
                continue
            if token in self._begins:
                depth += 1
            elif token == r"\fi":
                if depth == 0:
                    return token
                depth -= 1
            elif token == r"\else" and depth == 0 and self._open and self._open[-1]:
                return token
        return r"\fi"

    def _evaluate(self, token: str) -> bool | None:
        feed = self._feed
        if token in (r"\ifx", r"\if"):
            return self._same()
        if token == r"\ifdefined":
            feed.skip_space()
            name = feed.take()
            return None if name is None else name in self._macros
        if token in (r"\ifnum", r"\ifodd"):
            return self._number(token)
        return None

    def _same(self) -> bool | None:
        """Whether the next two tokens are the same."""
        taken = []
        for _ in range(2):
            token = self._feed.take()
            if token is None:
                return None
            if token[0] not in "\\{}$&#[]" and len(token) > 1:
                self._feed.push([token[1:]])
                token = token[0]
            elif token[0] == "#":
                token = token[0]
            taken.append(token)
        first, second = (self._macros.get(token) or token for token in taken)
        if isinstance(first, Macro) and not first.body:
            first = ""
        if isinstance(second, Macro) and not second.body:
            second = ""
        empty = (r"\empty", r"\@empty")
        return first == second or (first in ("", *empty) and second in ("", *empty))

    def _number(self, token: str) -> bool | None:
        """A comparison of numbers that are written out, or of two strings by \\pdfstrcmp."""
        feed = self._feed
        feed.skip_space()
        taken: list[str] = []
        if feed.peek() in (r"\pdfstrcmp", r"\strcmp"):
            feed.take()
            first, second = feed.argument(), feed.argument()
            if first is None or second is None:
                return None
            left = (join(first) > join(second)) - (join(first) < join(second))
            text = feed.take() or ""
        else:
            text = feed.take() or ""
            digits = text[: len(text) - len(text.lstrip("-0123456789"))]
            if not digits.lstrip("-").isdigit() or digits.count("-") > 1:
                feed.push([text] if text else [])
                return None
            left, text = int(digits[:12]), text[len(digits) :]
        taken.append(text)
        if token == r"\ifodd":
            feed.push([text] if text else [])
            return left % 2 == 1
        sign, rest = text.lstrip()[:1], text.lstrip()[1:].lstrip()
        number = rest[: len(rest) - len(rest.lstrip("-0123456789"))]
        if sign not in ("<", "=", ">") or not number.lstrip("-").isdigit() or number.count("-") > 1:
            feed.push([text] if text else [])
            return None
        right, rest = int(number[:12]), rest[len(number) :]
        rest = rest[1:] if rest[:1] == " " else rest
        feed.push([rest] if rest else [])
        return {"<": left < right, "=": left == right, ">": left > right}[sign]

    # Conditionals that take their branches as arguments.

    def _with_arguments(self, token: str) -> bool:
        feed = self._feed
        name = token[1:]
        if name == "ifthenelse":
            return self._if_then_else()
        base = name.rstrip("TF")
        if base in ("IfBoolean", "IfNoValue", "IfValue") and name != base:
            given = feed.argument()
            value = given == [TRUE] if base == "IfBoolean" else (given == [NO_VALUE]) == (base == "IfNoValue")
            branches = [feed.argument() or [] for _ in name[len(base) :]]
            chosen = [
                branch
                for branch, kind in zip(branches, name[len(base) :], strict=True)
                if (kind == "T") == value
            ]
            feed.push(chosen[0] if chosen else [])
            return given is not None
        if name in ("ifstrempty", "ifblank", "ifx@empty"):
            given, there, not_there = (feed.argument() or [] for _ in range(3))
            feed.push(there if all(map(is_space, given)) else not_there)
            return True
        if name == "ifdefempty":
            given, there, not_there = (feed.argument() or [] for _ in range(3))
            named = self._macros.get(given[0]) if given else None
            feed.push(there if named is not None and not named.body else not_there)
            return True
        if name in ("ifdef", "ifundef"):
            given, there, not_there = (feed.argument() or [] for _ in range(3))
            defined = bool(given) and given[0] in self._macros
            feed.push(there if defined == (name == "ifdef") else not_there)
            return True
        return False

    def _if_then_else(self) -> bool:
        feed = self._feed
        condition, there, not_there = (feed.argument() for _ in range(3))
        if condition is None or there is None or not_there is None:
            feed.push(_groups(condition, there, not_there))
            return False
        value = self._told(condition)
        if value is None:
            feed.push(_groups(condition, there, not_there))
            return False
        feed.push(there if value else not_there)
        return True

    def _told(self, condition: Sequence[str]) -> bool | None:
        inner = Feed()
        inner.push(condition)
        inner.skip_space()
        command = inner.take()
        if command == r"\NOT" or command == r"\not":
            rest = [token for token in reversed(inner.stack) if isinstance(token, str)]
            value = self._told(rest) if r"\not" not in rest and r"\NOT" not in rest else None
            return None if value is None else not value
        if command == r"\equal":
            first, second = inner.argument(), inner.argument()
            return None if first is None or second is None else join(first).strip() == join(second).strip()
        if command == r"\boolean":
            name = join(inner.argument() or ()).strip()
            return self.flags.get(name, self.flags.get(rf"\if{name}"))
        if command == r"\isundefined":
            return join(inner.argument() or ()) not in self._macros
        return None


def _groups(*arguments: list[str] | None) -> list[str]:
    return [token for each in arguments if each is not None for token in ("{", *each, "}")]
