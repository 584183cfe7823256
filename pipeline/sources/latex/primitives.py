r"""Commands that the expansion must know to read on rightly: `\ensuremath`, `\@ifnextchar`, `\frac\a\b` …"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pipeline.sources.latex.macros import Macro
from pipeline.sources.latex.tokens import join

if TYPE_CHECKING:
    from pipeline.sources.latex.expand import Expander

# What packages define and documents use as if it were their own.
MACROS: dict[str, Macro] = {
    r"\texorpdfstring": Macro((0,), "mm"),
    r"\detokenize": Macro((0,), "m"),
}

# Commands whose argument is set apart as a group where a macro stands for it: \frac\a\b.
_ARGUMENTS = {
    **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac", r"\binom"), 2),
    **dict.fromkeys(
        (r"\sqrt", r"\bar", r"\hat", r"\tilde", r"\vec", r"\dot", r"\ddot", r"\mathbf", r"\mathrm"), 1
    ),
    **dict.fromkeys(
        (r"\mathcal", r"\mathbb", r"\mathfrak", r"\mathsf", r"\boldsymbol", r"\bm", r"\overline"), 1
    ),
    **dict.fromkeys((r"\underline", r"\widehat", r"\widetilde", r"\text", r"\mathit", r"\mbox"), 1),
}


def _ensure_math(expander: "Expander", token: str) -> None:
    formula = expander.feed.argument()
    if formula is None:
        expander.out.append(token)
    elif not expander.modes.math:
        expander.feed.push(["$", *formula, "$"])
    elif _needs_group(expander.out, formula):
        expander.feed.push(["{", *formula, "}"])
    else:
        expander.feed.push(formula)


def _needs_group(out: Sequence[str], formula: Sequence[str]) -> bool:
    r"""Whether `x^\ensuremath{…}` would lose more than its first token without braces."""
    return len(formula) > 1 and bool(out) and out[-1].rstrip()[-1:] in ("^", "_")


def _math_choice(expander: "Expander", token: str) -> None:
    styles = [expander.feed.argument() for _ in range(4)]
    if None in styles:
        expander.out.append(token)
        return
    expander.feed.push(styles[0 if expander.modes.display else 1] or [])


def _if_next(expander: "Expander", token: str) -> None:
    feed = expander.feed
    wanted, there, not_there = (feed.argument() for _ in range(3))
    if wanted is None or there is None or not_there is None:
        expander.out.append(token)
        return
    # White space is looked behind, but passed over only if what follows is the token asked for.
    skipped = feed.skip_space()
    following = feed.peek()
    mark = {r"\bgroup": "{", r"\egroup": "}"}.get(wanted[0], wanted[0]) if wanted else ""
    same = bool(mark) and (following == mark or (mark[0] not in "\\{}[" and following.startswith(mark)))
    if skipped and not same:
        feed.push([" "])
    feed.push(there if same else not_there)


def _if_star(expander: "Expander", token: str) -> None:
    there, not_there = expander.feed.argument(), expander.feed.argument()
    if there is None or not_there is None:
        expander.out.append(token)
        return
    expander.feed.push(there if expander.feed.star() else not_there)


def _space(expander: "Expander", token: str) -> None:
    del token
    if expander.feed.peek()[:1].isalnum():
        expander.out.append(" ")


def _takes_arguments(expander: "Expander", token: str) -> None:
    expander.modes.command(token)
    expander.out.append(token)
    if expander.modes.math:
        set_apart(expander, _ARGUMENTS[token])


def set_apart(expander: "Expander", count: int) -> None:
    r"""Puts braces around the next arguments that are a single macro: `\frac\half x` is `\frac{1/2}x`."""
    feed = expander.feed
    for left in range(count, 0, -1):
        feed.skip_space()
        token = feed.take()
        if token is None:
            return
        if token in expander.macros:
            expander.watched.append((expander.modes.depth, left - 1))
            feed.push(["{", token, "}"])
            return
        feed.push([token])
        if token == "{":
            expander.watched.append((expander.modes.depth, left - 1))
            return
        if token[0] in "\\}[]&$#" or left == 1 or not token.strip():
            return
        feed.take()
        expander.out.append(token[0])
        feed.push([token[1:]] if len(token) > 1 else [])


def _loose_environment(expander: "Expander", token: str) -> None:
    r"""A `\begin` that did not stand before its name in the source: a macro's work."""
    feed = expander.feed
    name = feed.argument() if feed.peek() == "{" else None
    if name is None:
        expander.out.append(token)
    elif all(each[0] not in "\\{}$#&" for each in name):
        expander.environment(f"{token}{{{join(name).strip()}}}")
    else:
        expander.out += [token, "{"]
        expander.modes.seen("{")
        feed.push([*name, "}"])


COMMANDS: dict[str, Callable[["Expander", str], None]] = {
    **dict.fromkeys(_ARGUMENTS, _takes_arguments),
    r"\ensuremath": _ensure_math,
    r"\mathchoice": _math_choice,
    r"\@ifnextchar": _if_next,
    r"\@ifstar": _if_star,
    r"\xspace": _space,
    r"\begin": _loose_environment,
    r"\end": _loose_environment,
}
