"""Writes the blocks of Markdown: lists, tables, quotations, code; and brings the whole into shape.

Between the writer and the last step a few characters from Unicode's private area stand for what
white space must not be lost from; texts are rid of them before.
"""

import re
import unicodedata

CELL, ROW = "\ue001", "\ue002"  # ends of cells and rows
INDENT = "\ue003"
CODE, CODE_END = "\ue004", "\ue005"  # around the number of a code block
ITEM, ITEM_END = "\ue006", "\ue007"  # around an item's marker
JOIN = "\ue008"  # white space before it goes

_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_EDGES = re.compile(r"(?<![ \t])[ \t]*+\n[ \t]*+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_LINE = re.compile(r"\n(?=[^\n])")  # the break before a line that is not empty
_JOINED = re.compile(rf"\s?{JOIN}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_STEP = re.compile(rf"^({INDENT}+)[ \t]+")
_CAPTIONS = ("**Algorithm ", "**Figure ", "**Table ")
_CODE_LINE = re.compile(rf"^({INDENT}*)[^\n{CODE}]*{CODE}(\d+){CODE_END}[^\n]*$", re.MULTILINE)


def shaped(text: str, code: list[str]) -> str:
    """The whole text: one space between words, one empty line between blocks, code in its place."""
    text = _JOINED.sub("", text)
    text = _EDGES.sub("\n", text)
    text = _SPACES.sub(" ", text)
    text = _EMPTY_LINES.sub("\n\n", text).strip()

    def block(found: re.Match[str]) -> str:
        lines = code[int(found.group(2))].split("\n")
        return "\n".join(found.group(1) + line for line in lines)

    if code:
        text = _CODE_LINE.sub(block, text)
    return text.replace(INDENT, "  ")


def indented(text: str) -> str:
    return _LINE.sub(f"\n{INDENT}", text)


def as_list(text: str, kind: str) -> str:
    """The items between `ITEM` marks; `kind`: `-`, `1` (numbered) or `:` (terms)."""
    _, *pieces = text.split(ITEM)
    items = []
    for number, piece in enumerate(pieces, 1):
        label, _, content = piece.partition(ITEM_END)
        content = _EMPTY_LINES.sub("\n\n", _EDGES.sub("\n", content)).strip()
        label = line(label)
        if kind == "1" and not label:
            marker = f"{number}. "
        elif kind == ":" and label:
            marker = f"- **{label.strip('*')}** "
        else:
            marker = f"- {label} " if label and label not in ("•", "-", "–", "*") else "- "
        items.append(marker + indented(content))
    loose = any("\n\n" in item for item in items)
    return ("\n\n" if loose else "\n").join(items)


def as_quote(text: str) -> str:
    text = _EMPTY_LINES.sub("\n\n", _EDGES.sub("\n", text)).strip()
    return "> " + text.replace("\n", "\n> ") if text else ""


def as_body(text: str) -> str:
    """What stands within a command of an algorithm: a line each, one step further in."""
    lines = [stripped for each in text.split("\n") if (stripped := each.strip())]
    return "".join(f"\n{INDENT}{each}" for each in lines) + "\n"


def as_algorithm(text: str) -> str:
    """The lines of an algorithm without empty ones between, its caption apart."""
    lines = [_STEP.sub(r"\1", stripped) for each in text.split("\n") if (stripped := each.strip())]
    return "\n".join(f"\n{each}\n" if each.startswith(_CAPTIONS) else each for each in lines).strip()


def line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def as_table(text: str, within: bool) -> str:
    """Rows and cells as a pipe table; as lines where there is one column, or it stands `within` another."""
    rows = [[line(cell) for cell in row.split(CELL)] for row in text.split(ROW)]
    rows = [row for row in rows if any(row)]
    if within:
        return " ".join(" ".join(filter(None, row)) for row in rows)
    width = max(map(len, rows), default=0)
    if width < 2:
        return "\n".join(row[0] for row in rows)
    padded = [[_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    ruled = [padded[0], ["---"] * width, *padded[1:]]
    return "\n".join("| " + " | ".join(row) + " |" for row in ruled)


def _cell(text: str) -> str:
    """A cell's text, in which | would end it: in formulas \\vert, elsewhere \\|."""
    if "|" not in text:
        return text
    parts = text.split("$")
    return "$".join(
        part.replace(r"\|", r"\Vert ").replace("|", r"\vert ") if at % 2 else part.replace("|", r"\|")
        for at, part in enumerate(parts)
    )


def fenced(code: str, language: str = "") -> str:
    """A fence longer than any run of backticks in the code."""
    longest = max(map(len, re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def inline_code(text: str) -> str:
    if "`" in text:
        return f"`` {text} ``"
    return f"`{text}`" if text.strip() else text


def marked(text: str, mark: str) -> str:
    """Emphasis: the marks stand at the words; none around nothing or around several paragraphs."""
    inner = text.strip()
    if not inner or "\n\n" in inner or not any(map(str.isalnum, inner)) or CODE in inner or CELL in inner:
        return text
    if inner.startswith(mark) and inner.endswith(mark) and len(inner) > 2 * len(mark):
        return text
    if inner.startswith("$") and inner.endswith("$") and inner.count("$") == 2:
        return text
    begin = len(text) - len(text.lstrip())
    return f"{text[:begin]}{mark}{inner}{mark}{text[begin + len(inner) :]}"


def accented(letter: str, accent: str) -> str:
    letter = {"ı": "i", "ȷ": "j"}.get(letter, letter)
    if not letter:
        return ""
    return unicodedata.normalize("NFC", letter[0] + accent) + letter[1:]


_QUOTES = (("``", "“"), ("''", "”"), ("---", "—"), ("--", "–"), ("`", "‘"), ("'", "’"), ("~", " "))


def plain(text: str) -> str:
    """A run of text as it is printed: ligatures for quotation marks and dashes, white space as one space
    or one empty line."""
    for old, new in _QUOTES:
        if old in text:
            text = text.replace(old, new)
    if "\n" in text:
        text = _PARAGRAPH.sub("\ue000", text)
        text = text.replace("\n", " ").replace("\ue000", "\n\n")
    return text


_LANGUAGE = re.compile(r"language\s*=\s*\{?\[?([A-Za-z+#]{1,20})")
_ARGUMENT = re.compile(r"\{([A-Za-z0-9+#-]{1,20})\}")


def language(environment: str, first_line: str) -> str:
    r"""The language that `\begin{lstlisting}[language=C]` or `\begin{minted}{c}` names, in lower case."""
    found = _LANGUAGE.search(first_line)
    if found is None and environment == "minted":
        found = _ARGUMENT.search(first_line)
    return found.group(1).lower() if found else ""


_VERB = re.compile(r"\\(?:verb\*?|lstinline|mintinline)(?:\[[^\]]*\])?(?:\{[^{}]*\}(?=\S))?")


def of_verb(token: str) -> str:
    r"""What stands between the delimiters of a `\verb`."""
    found = _VERB.match(token)
    start = found.end() if found else 0
    return token[start + 1 : -1]
