r"""Commands in running text, as the Markdown writer acts on them.

Each takes the writer, where the command stands, and the command, and reads on behind it.
"""

import re
from collections.abc import Callable

from pipeline.sources.latex import blocks
from pipeline.sources.latex.blocks import ROW
from pipeline.sources.latex.references import citation, reference
from pipeline.sources.latex.tokens import is_word
from pipeline.sources.latex.vocabulary import (
    ACCENTS,
    BOLD,
    CITES,
    DROPPED,
    ITALIC,
    LENGTHS,
    MONOSPACE,
    REFERENCES,
    SIGNS,
    SWITCHES,
)
from pipeline.sources.latex.writer import Writer, short

_UNIT = r"(?:true)?\s?(?:pt|in|cm|mm|em|ex|bp|pc|sp|mu|fil{1,3})?"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_LENGTH = re.compile(
    rf"\s*=?\s*(?:{_NUMBER}\s?{_UNIT}(?:\s?(?:plus|minus)\s?{_NUMBER}\s?{_UNIT}){{0,2}}[ ]?)?"
)
_FONT = re.compile(r"\s*=?\s*[A-Za-z]+\d*(?:\s+(?:scaled|at)\s+[\d.]+\s?[a-z]{0,2})?[ ]?")
_LISTS_OF_TOKENS = frozenset((r"\headline", r"\footline"))
_BREAKS = frozenset((r"\vskip", r"\vglue"))
_ESCAPED = re.compile(r"\\([#%&_~$])")


def sign(writer: Writer, at: int, token: str) -> None:
    del at
    writer.out.append(SIGNS[token])
    if token[-1].isalpha():  # an empty group ends the name
        tokens, after = writer.tokens, writer.at
        if tokens[after : after + 2] == ["{", "}"]:
            writer.at = after + 2


def line_break(writer: Writer, at: int, token: str) -> None:
    del at
    if token == "\\\\":
        writer.skip("*o")
    writer.out.append(ROW if writer.in_table else "\n")


def semicolon(writer: Writer, at: int, token: str) -> None:
    r"""`\;`: the end of an algorithm's line, elsewhere a space."""
    del at, token
    writer.out.append("\n" if writer.in_algorithm else " ")


def accent(writer: Writer, at: int, token: str) -> None:
    del at
    writer.argument(lambda text: blocks.accented(text, ACCENTS[token]))


def dropped(writer: Writer, at: int, token: str) -> None:
    del at
    writer.skip(DROPPED[token])


def _length(writer: Writer, at: int, token: str) -> None:
    """With the length or number, or the group, that it is given."""
    del at
    if token in _BREAKS:
        writer.block()
    tokens = writer.tokens
    if writer.at < len(tokens) and tokens[writer.at][0] not in "\\{}[]&$":
        found = _LENGTH.match(tokens[writer.at])
        rest = tokens[writer.at][found.end() if found else 0 :]
        writer.at += 1
        if not rest and writer.at < len(tokens) and tokens[writer.at] == "{" and token in _LISTS_OF_TOKENS:
            writer.skip("g")
        elif (
            not rest and writer.at < len(tokens) and tokens[writer.at][0] == "\\" and found and found.group()
        ):
            writer.at += is_word(tokens[writer.at])  # \\hsize=.5\\textwidth
        if rest:
            writer.text(rest)


def _font(writer: Writer, at: int, token: str) -> None:
    r"""`\font\name=cmr10 scaled 1200`"""
    del at, token
    writer.skip("m")
    if writer.at < len(writer.tokens) and (found := _FONT.match(writer.tokens[writer.at])):
        rest = writer.tokens[writer.at][found.end() :]
        writer.at += 1
        if rest:
            writer.text(rest)


def unknown(writer: Writer, at: int, token: str) -> None:
    """Its name and options go, and its groups are read on as text."""
    del at
    settings = token.startswith((r"\Set", r"\alg", r"\Dont", r"\tikz", r"\pgf"))
    writer.skip("*omggggggggg" if settings else "*o")


def _comment(writer: Writer, at: int, token: str) -> None:
    """A comment of an algorithm."""
    del at, token
    writer.skip("*")
    writer.argument(lambda text: f" // {blocks.line(text)}\n")


def _marked(writer: Writer, mark: str) -> Callable[[str], str]:
    if not writer.notes:
        return str
    if mark == "`":
        return blocks.inline_code
    return lambda text: blocks.marked(text, mark)


def _mark(token: str) -> str:
    return "**" if token in BOLD else "*" if token in ITALIC else "`"


def _emphasis(writer: Writer, at: int, token: str) -> None:
    del at
    writer.argument(_marked(writer, _mark(token)))


def _switch(writer: Writer, at: int, token: str) -> None:
    r"""`{\bf text}`: the rest of the group, if nothing in it has been written."""
    if not writer.open or writer.open[-1].end != "}" or writer.open[-1].form is not None:
        return
    if not _first(writer, at):
        return
    writer.open.pop()
    writer.group("}", _marked(writer, _mark(token)))


def _first(writer: Writer, at: int) -> bool:
    """Whether only white space and other commands stand between the brace and this command."""
    while at > 0:
        at -= 1
        token = writer.tokens[at]
        if token == "{":
            return True
        if token[0] != "\\" and not token.isspace():
            return False
    return False


def _link(writer: Writer, at: int, token: str) -> None:
    del at, token
    writer.skip("o")
    address = _ESCAPED.sub(r"\1", writer.raw())

    def form(text: str) -> str:
        text = text.strip()
        if not text or text == address or not writer.notes:
            return text or address
        return f"[{text}]({address})"

    writer.argument(form)


def _note(writer: Writer, at: int, token: str) -> None:
    del at, token
    writer.skip("o")
    writer.argument(lambda text: f"^[{blocks.line(text)}]" if writer.notes and text.strip() else "")


def _raised(writer: Writer, at: int, token: str) -> None:
    del at
    mark = "^" if token == r"\textsuperscript" else "_"
    writer.argument(lambda text: f"{mark}{text}" if text.strip().isalnum() and writer.notes else "")


def _cite(writer: Writer, at: int, token: str) -> None:
    del at
    writer.skip("*")
    notes = []
    while (option := writer.option()) is not None:
        notes.append(short(option))
    writer.out.append(citation(token, notes, writer.raw(), writer.citations == "keys"))


def _reference(writer: Writer, at: int, token: str) -> None:
    del at
    writer.skip("*")
    if token == r"\hyperref":  # its text follows
        writer.option()
        return
    writer.out.append(reference(token, writer.raw(), writer.numbers.labels))


def _delimited(writer: Writer, at: int, token: str) -> None:
    r"""`\(…\)` and `\[…\]`"""
    writer.formula(at, r"\)" if token == r"\(" else r"\]", display=token == r"\[")


def _paragraph(writer: Writer, at: int, token: str) -> None:
    del at, token
    writer.block()


def _table_head(writer: Writer, at: int, token: str) -> None:
    del at, token
    writer.argument(lambda text: text + ROW)


COMMANDS: dict[str, Callable[[Writer, int, str], None]] = {
    **dict.fromkeys(BOLD | ITALIC | MONOSPACE, _emphasis),
    **dict.fromkeys(SWITCHES, _switch),
    **dict.fromkeys(CITES, _cite),
    **dict.fromkeys(REFERENCES, _reference),
    **dict.fromkeys((r"\(", r"\["), _delimited),
    **dict.fromkeys((r"\par", r"\endgraf"), _paragraph),
    **dict.fromkeys((r"\footnote", r"\footnotetext", r"\endnote", r"\sidenote"), _note),
    **dict.fromkeys((r"\textsuperscript", r"\textsubscript"), _raised),
    **dict.fromkeys((r"\Comment", r"\tcp", r"\tcc", r"\tcpy", r"\COMMENT", r"\LCOMMENT"), _comment),
    **dict.fromkeys(LENGTHS, _length),
    r"\font": _font,
    r"\href": _link,
    r"\tablehead": _table_head,
}
