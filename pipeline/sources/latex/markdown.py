r"""A document, macros expanded, as Markdown.

Formulas stay TeX, between `$` or `$$`; labels in them become `\tag`s with the number that references
to them say. Headings, lists, emphasis, notes (`^[…]`), links, simple tables and code have their
Markdown; of figures the caption is kept, drawings are not. Citations are Pandoc's: `[@key]`.
"""

from collections.abc import Callable, Sequence

from pipeline.sources.latex import algorithms, blocks, environments, inline
from pipeline.sources.latex.expand import Document
from pipeline.sources.latex.labels import LEVELS
from pipeline.sources.latex.tokens import Verbatim
from pipeline.sources.latex.vocabulary import ACCENTS, DROPPED, LINES, SIGNS
from pipeline.sources.latex.writer import Citations, Writer

__all__ = ["Citations", "fragment", "markdown"]

_COMMANDS: dict[str, Callable[[Writer, int, str], None]] = {
    **dict.fromkeys(DROPPED, inline.dropped),
    **dict.fromkeys(LINES, algorithms.line),
    **dict.fromkeys(LEVELS, environments.heading),
    **inline.COMMANDS,
    **environments.COMMANDS,
    **dict.fromkeys(ACCENTS, inline.accent),
    **dict.fromkeys(SIGNS, inline.sign),
    "\\\\": inline.line_break,
    r"\tabularnewline": inline.line_break,
    r"\;": inline.semicolon,
}


def markdown(document: Document, tokens: Sequence[str], citations: Citations, title: bool) -> str:
    """The Markdown of `tokens`, the part of the document's body that is kept; `title`: its title on top."""
    text = _written(Writer(document, tokens, citations))
    named = fragment(document.title) if title else ""
    return f"# {named}\n\n{text}".strip() if named else text


def fragment(tokens: Sequence[str]) -> str:
    """The text of a title or a name, on one line: no notes, no emphasis."""
    return blocks.line(_written(Writer(Document(), tokens, "drop", notes=False)))


def _written(writer: Writer) -> str:
    """One pass over the tokens with a stack of open groups: no recursion, and nothing is read twice."""
    tokens, total = writer.tokens, len(writer.tokens)
    while writer.at < total:
        at = writer.at
        token = tokens[at]
        first = token[0]
        writer.at += 1
        if token.__class__ is Verbatim:
            environments.verbatim(writer, token)
        elif first == "\\":
            if token[-1] == "}" and len(token) > 2:
                environments.environment_token(writer, at, token)
            else:
                _COMMANDS.get(token, inline.unknown)(writer, at, token)
        elif first in "{}$&":
            writer.sign(at, token)
        elif first != "]" or not writer.closes(at):
            writer.text(token)
    return writer.finished()
