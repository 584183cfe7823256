r"""Environments, headings, captions and items, as the Markdown writer acts on them."""

from collections.abc import Callable

from pipeline.sources.latex import blocks
from pipeline.sources.latex.blocks import CODE, CODE_END, ITEM, ITEM_END
from pipeline.sources.latex.labels import LEVELS
from pipeline.sources.latex.tokens import environment
from pipeline.sources.latex.vocabulary import (
    ALGORITHMS,
    BARE,
    DISPLAYS,
    FLOATS,
    GONE,
    LISTS,
    QUOTES,
    TABLES,
    THEOREMS,
    WITH_ARGUMENTS,
)
from pipeline.sources.latex.writer import DEPTH, Writer, short


def environment_token(writer: Writer, at: int, token: str) -> None:
    r"""`\begin{name}` or `\end{name}`."""
    name = environment(token)
    if token[1] == "e":
        _leave(writer, name)
        return
    end = writer.structure.end[at]
    if end < 0:
        writer.skip("o")
    elif name in DISPLAYS or name == "math":
        begin = writer.structure.behind_arguments(writer.at, "o") if name in BARE else writer.at
        writer.at = end + 1
        writer.formula_between(begin, end, display=name != "math", around="" if name in BARE else name)
    elif name in GONE:
        writer.at = end + 1
    else:
        _enter(writer, at, name)


def _enter(writer: Writer, at: int, name: str) -> None:
    if name == "abstract":
        writer.block(f"{'#' * max(1, 3 - writer.top)} Abstract")
        writer.group(name)
    elif name in writer.theorems or name.rstrip("*") in THEOREMS:
        _theorem(writer, at, name)
    elif name == "proof":
        writer.block()
        writer.group(name)
        if not writer.optional(lambda text: f"*{blocks.line(text).strip('*').rstrip('.:') or 'Proof'}.* "):
            writer.out.append("*Proof.* ")
    elif name in TABLES:
        writer.skip(TABLES[name])
        within = writer.in_table
        around = "" if within else "\n\n"
        writer.group(name, lambda text: f"{around}{blocks.as_table(text, within)}{around}")
    else:
        writer.skip(WITH_ARGUMENTS.get(name, "o"))
        if name in LISTS:
            kind = LISTS[name]
            writer.block()
            writer.group(name, lambda text: f"\n\n{blocks.as_list(text, kind)}\n\n")
        elif name in QUOTES:
            writer.block()
            writer.group(name, lambda text: f"\n\n{blocks.as_quote(text)}\n\n")
        else:
            writer.group(name, _form(writer, name))


def _form(writer: Writer, name: str) -> Callable[[str], str] | None:
    if name in ALGORITHMS:
        if name in FLOATS:
            return lambda text: writer.aside(blocks.as_algorithm(text))
        return None if writer.in_algorithm else lambda text: f"\n\n{blocks.as_algorithm(text)}\n\n"
    return writer.aside if name in FLOATS else None


def _theorem(writer: Writer, at: int, name: str) -> None:
    given = writer.theorems.get(name, ([], "", ""))[0]
    title = short(given) or THEOREMS.get(name.rstrip("*"), name.capitalize())
    number = writer.numbers.at.get(at, "")
    writer.block()
    writer.out.append(f"**{title} {number}".rstrip() + "**")
    writer.group(name)
    if not writer.optional(lambda text: f" ({blocks.line(text)}). "):
        writer.out.append(". ")


def _leave(writer: Writer, name: str) -> None:
    """The end of an environment, and of groups that were left open in it."""
    if all(each.end != name for each in writer.open[-DEPTH:]):
        return
    while writer.open:
        closed = writer.open[-1].end
        writer.close()
        if closed == name:
            break
    if name in writer.theorems or name.rstrip("*") in THEOREMS or name in ("proof", "abstract", "center"):
        writer.block()


def verbatim(writer: Writer, token: str) -> None:
    """Code, by itself or in the line; an address."""
    if token.startswith(r"\begin{"):
        name = token[7 : token.index("}")]
        content = token[len(name) + 8 : -len(name) - 6]
        first, newline, rest = content.partition("\n")
        code = rest if newline and (not first.strip() or first.lstrip()[:1] in "[{") else content
        writer.code.append(blocks.fenced(code.strip("\n").rstrip(), blocks.language(name, first)))
        writer.block(f"{CODE}{len(writer.code) - 1}{CODE_END}")
    elif token.startswith((r"\verb", r"\lstinline", r"\mintinline")):
        writer.out.append(blocks.inline_code(blocks.of_verb(token)))
    else:
        writer.out.append(token)


def heading(writer: Writer, at: int, token: str) -> None:
    writer.skip("*o")
    level = min(6, LEVELS.index(token) - writer.top + 1)
    before = f"{'#' * max(1, level)} {writer.numbers.at.get(at, '')}".rstrip()

    def form(text: str) -> str:
        title = blocks.line(text)
        return f"\n\n{before} {title}\n\n" if title else "\n\n"

    writer.block()
    writer.argument(form)


def _caption(writer: Writer, at: int, token: str) -> None:
    writer.skip("*om" if token == r"\captionof" else "*o")
    number = writer.numbers.at.get(at, "")
    inside = [each.end for each in writer.open if each.end in FLOATS or each.end in TABLES]
    name = inside[-1] if inside else ""
    kind = "Algorithm" if "algorithm" in name else "Figure" if "igure" in name else "Table"
    before = f"**{kind} {number}:** " if number else ""
    if name in TABLES:  # of a table that breaks across pages, the caption is a row
        writer.argument(lambda text: writer.aside(before + blocks.line(text)))
    else:
        writer.argument(lambda text: f"\n\n{before}{text.strip()}\n\n" if text.strip() else "")


def _item(writer: Writer, at: int, token: str) -> None:
    del at, token
    if any(each.end in LISTS for each in writer.open):
        before, after = ITEM, ITEM_END
    else:
        before, after = "\n\n- ", " "
    if not writer.optional(lambda text: before + blocks.line(text) + after):
        writer.out.append(before + after)


def _bibitem(writer: Writer, at: int, token: str) -> None:
    """A reference of the bibliography, where that is kept."""
    del at, token
    writer.skip("o")
    key = writer.raw()
    writer.out.append(f"\n\n- [@{key}] " if key else "\n\n- ")


def _bibliography(writer: Writer, at: int, token: str) -> None:
    del at, token
    writer.skip("om")


COMMANDS: dict[str, Callable[[Writer, int, str], None]] = {
    **dict.fromkeys((r"\caption", r"\tablecaption", r"\captionof"), _caption),
    **dict.fromkeys((r"\bibliography", r"\bibliographystyle"), _bibliography),
    r"\item": _item,
    r"\bibitem": _bibitem,
}
