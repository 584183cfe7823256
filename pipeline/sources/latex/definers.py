r"""Commands that define something or open a file, as the expansion acts on them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.sources.latex import macros
from pipeline.sources.latex.macros import DEFINERS, KEPT, KEPT_ENVIRONMENTS, Macro
from pipeline.sources.latex.tokens import join

if TYPE_CHECKING:
    from pipeline.sources.latex.expand import Expander


def _define(expander: "Expander", token: str) -> None:
    defined = DEFINERS[token](expander.feed)
    if defined is not None:
        expander.keep(*defined, everywhere=token in (r"\gdef", r"\xdef"))


def _let(expander: "Expander", token: str) -> None:
    names = macros.let(expander.feed)
    if names is None or token == r"\futurelet":
        return
    name, other = names
    if not other.isspace():
        expander.keep(name, expander.macros.get(other) or Macro((other,)))


def _new_environment(expander: "Expander", token: str) -> None:
    del token
    defined = macros.new_environment(expander.feed)
    if defined is None:
        return
    name, begin, end = defined
    if name not in KEPT_ENVIRONMENTS:
        expander.environments[name] = (begin, end)
    elif begin.arguments:  # its name says what it is, and what the document gives it is for its looks
        expander.arguments_of[name] = begin


def _new_theorem(expander: "Expander", token: str) -> None:
    feed, theorems = expander.feed, expander.document.theorems
    starred = feed.star()
    if token == r"\declaretheorem":
        options = join(feed.optional() or ())
        name = join(feed.argument() or ()).strip()
        title = options.partition("name=")[2].partition(",")[0].strip("{} ") or name.capitalize()
        theorems[name] = ([title], "", "") if title else ([], "", "")
        return
    name = join(feed.argument() or ()).strip()
    shared = join(feed.optional() or ()).strip()
    given = feed.argument() or []
    within = join(feed.optional() or ()).strip()
    if token == r"\spnewtheorem":
        feed.argument(), feed.argument()
    theorems[name] = (given, "*" if starred else shared, within)


def _number_within(expander: "Expander", token: str) -> None:
    del token
    inner, outer = (join(expander.feed.argument() or ()).strip() for _ in range(2))
    if inner and outer != inner:
        expander.document.within[inner] = outer


def _flag(expander: "Expander", token: str) -> None:
    name = join(expander.feed.argument() or ()).strip()
    if token == r"\newif":
        expander.conditions.add_flag(name)
    else:
        value = join(expander.feed.argument() or ()).strip() if token == r"\setboolean" else "false"
        expander.conditions.flags[name] = value == "true"


def _input(expander: "Expander", token: str) -> None:
    feed = expander.feed
    feed.skip_space()
    if feed.peek() == "{":
        name = join(feed.argument() or ()).strip()
    else:  # \input name, up to white space
        piece = feed.take() or ""
        if piece[:1] in ("\\", "}", "$", "&", "[", ""):
            feed.push([piece] * bool(piece))
            return
        name = piece.split(None, 1)[0]
        feed.push([rest] if (rest := piece[len(name) :]) else [])
    expander.read(name, is_include=token != r"\input")


def _import(expander: "Expander", token: str) -> None:
    del token
    expander.feed.star()
    folder, name = (join(expander.feed.argument() or ()).strip() for _ in range(2))
    expander.read(f"{folder.rstrip('/')}/{name}" if folder else name)


def _if_file(expander: "Expander", token: str) -> None:
    name = join(expander.feed.argument() or ()).strip()
    there, not_there = expander.feed.argument() or [], expander.feed.argument() or []
    found = expander.text(name) is not None
    expander.feed.push(there if found else not_there)
    if found and token == r"\InputIfFileExists":
        expander.read(name)


def _package(expander: "Expander", token: str) -> None:
    del token
    expander.feed.optional()
    for name in join(expander.feed.argument() or ()).split(","):
        package = expander.packages(name.strip())
        if package is not None:
            for macro, found in package.macros.items():
                if macro not in KEPT:
                    expander.macros.setdefault(macro, found)
            for theorem, about in package.theorems.items():
                expander.document.theorems.setdefault(theorem, about)
    expander.feed.optional()


COMMANDS: dict[str, Callable[["Expander", str], None]] = {
    **dict.fromkeys(DEFINERS, _define),
    **dict.fromkeys((r"\let", r"\futurelet"), _let),
    **dict.fromkeys((r"\newenvironment", r"\renewenvironment"), _new_environment),
    **dict.fromkeys((r"\newtheorem", r"\spnewtheorem", r"\declaretheorem"), _new_theorem),
    **dict.fromkeys((r"\newif", r"\newboolean", r"\setboolean"), _flag),
    **dict.fromkeys((r"\input", r"\include", r"\subfile", r"\subfileinclude"), _input),
    **dict.fromkeys((r"\import", r"\subimport", r"\includefrom", r"\inputfrom"), _import),
    **dict.fromkeys((r"\InputIfFileExists", r"\IfFileExists"), _if_file),
    **dict.fromkeys((r"\usepackage", r"\RequirePackage", r"\documentclass", r"\documentstyle"), _package),
    r"\numberwithin": _number_within,
}
