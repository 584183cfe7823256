r"""Lines of algorithms, as the Markdown writer acts on them, in the manner of both families of packages.

algorithm2e gives a command its lines as an argument, `\If{condition}{lines}`; algorithmic puts them
between two commands, `\If{condition}` and `\EndIf`. Either way they are indented below it.
"""

from pipeline.sources.latex import blocks
from pipeline.sources.latex.blocks import INDENT
from pipeline.sources.latex.vocabulary import LINES
from pipeline.sources.latex.writer import Writer

_WITH_LINES = frozenset(
    ("if", "uif", "elsif", "elseif", "uelseif", "eif", "else", "uelse", "for", "forall", "foreach", "while")
) | {"loop", "repeat", "begin", "function", "procedure"}
_WITHOUT_CONDITION = frozenset(("else", "uelse", "loop", "begin"))
_ON_ONE_LINE = frozenset(("lif", "lfor", "lforeach", "lwhile", "lelseif", "lelse"))
_DEEPEST = 20  # steps that lines are indented by at most


def line(writer: Writer, at: int, token: str) -> None:
    """A command that begins a line, with its condition and, where they are its arguments, its lines."""
    del at
    name = token[1:].lower()
    if name.startswith(("end", "until", "els")):
        writer.steps = max(0, writer.steps - 1)
    writer.out.append("\n" + INDENT * min(writer.steps, _DEEPEST) + LINES[token])
    writer.skip("*")
    first = _group(writer, writer.at)
    if not writer.in_algorithm or first < 0:
        writer.steps += name in _WITH_LINES
        return
    if name in _WITHOUT_CONDITION:
        writer.bodies[first] = blocks.as_body
        return
    second = _group(writer, writer.structure.close[first] + 1)
    if name in ("function", "procedure") and second >= 0 and not _has_lines(writer, second):
        writer.bodies[second] = lambda text: f"({text.strip()})"
        writer.steps += 1
        writer.argument(str.strip)
    elif name in _WITH_LINES and second >= 0:
        _with_lines(writer, name, second)
    else:
        writer.steps += name in _WITH_LINES
        end = ": " if name in _ON_ONE_LINE and second >= 0 else "\n"
        writer.argument(lambda text: text.strip() + end)


def _with_lines(writer: Writer, name: str, group: int) -> None:
    """The condition that is next, and the lines of `group`, which are read when the writer is there."""
    condition: list[str] = []

    def until(text: str) -> str:
        condition.append(text.strip())
        return ""

    if name == "repeat":
        writer.bodies[group] = lambda text: f"{blocks.as_body(text)}until {''.join(condition)}\n"
        writer.argument(until)
        return
    writer.bodies[group] = blocks.as_body
    other = _group(writer, writer.structure.close[group] + 1) if name == "eif" else -1
    if other >= 0:
        writer.bodies[other] = lambda text: f"else{blocks.as_body(text)}"
    writer.argument(str.strip)


def _group(writer: Writer, at: int) -> int:
    """Where a group that is closed begins, at `at` or behind white space; -1 if none does."""
    at = writer.structure.behind_space(at)
    is_group = at < len(writer.tokens) and writer.tokens[at] == "{" and writer.structure.close[at] >= 0
    return at if is_group else -1


def _has_lines(writer: Writer, group: int) -> bool:
    inner = writer.tokens[group : min(writer.structure.close[group], group + 200)]
    return any(token in LINES or token == r"\;" for token in inner)
