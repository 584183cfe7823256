"""Tables as rows of text: a line for each row, cells parted by " | ", the caption on top.

Data tables only: with a header cell, or of a class that wikis give to them, of two rows and two
columns at least. What is laid out by a table, infoboxes and navigation are none. A table within a cell
is flattened into it. A cell that spans rows stands in each; one that spans columns stands once.
"""

import re
from collections.abc import Callable

MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 500, 40, 500  # more of a table is left out; characters of a cell

_DATA = re.compile(r"\b(?:wikitable|sortable|prettytable|standard)\b", re.IGNORECASE)
_NO_DATA = re.compile(
    r"\b(?:infobox|navbox|vevent|vcard|toccolours|metadata|ambox|mbox|noprint|sidebar|taxobox|geography|biota)|"
    r"role\s*=\s*[\"']?presentation|float\s*:\s*right|align\s*=\s*[\"']?right",
    re.IGNORECASE,
)
_LINE = re.compile(r"\n[ \t:*#;\x03]*+(\{\||\|\}(?!\})|\|-|\|\+|\||!)")
_ROW_OF_HTML = re.compile(r"<tr\b[^<>]*+>", re.IGNORECASE)
_CELL_OF_HTML = re.compile(r"<(t[dh]|caption)\b([^<>]*+)>", re.IGNORECASE)
_ATTRIBUTES = re.compile(
    r"\s*+!?(?:(?:\s*+[\w-]++\s*+=\s*+(?:\"[^\"\n]*+\"|'[^'\n]*+'|[^\s|\"']++))++\s*+|\s*+nowrap\s*+)"
)
_SPAN = re.compile(r"\b(row|col)span\s*=\s*[\"']?\s*(\d{1,3})", re.IGNORECASE)

# The text of a cell's wikitext, on one line.
Show = Callable[[str], str]


class _Cell:
    """A cell's attributes, and the wikitext in it, piece by piece."""

    def __init__(self, attributes: str, is_header: bool) -> None:
        spans = {kind.lower(): int(number) for kind, number in _SPAN.findall(attributes)}
        self.rows = max(1, min(spans.get("row", 1), MOST_ROWS))
        self.columns = max(1, min(spans.get("col", 1), MOST_COLUMNS))
        self.is_header = is_header
        self.pieces: list[str] = []


def as_rows(table: str, shield: Callable[[str], str], show: Show) -> str:
    """The rows of a table in wikitext (`{|` … `|}`) or HTML; "" where it holds no data.

    shield   wikitext with the bars within links replaced, so that those left part cells
    """
    html = table.lstrip()[:1] == "<"
    head = table[: table.find(">" if html else "\n", 1) + 1]
    if _NO_DATA.search(head):
        return ""
    caption, rows = _of_html(table) if html else _of_wikitext(shield(table))
    rows = [row for row in rows if row]
    has_header = any(cell.is_header for row in rows for cell in row)
    if not (has_header or _DATA.search(head)):
        return ""
    lines = _lines(rows, show)
    if len(lines) < 2 or sum(len(line) > 1 for line in lines) < 2:
        return ""
    title = show(caption)
    shown = [" | ".join(line).rstrip() for line in lines]
    return "\n".join([title, *shown] if title else shown)


def _lines(rows: list[list[_Cell]], show: Show) -> list[list[str]]:
    """The texts of each row's cells; rows in which there is nothing to read are gone."""
    lines = []
    below: dict[int, tuple[int, str]] = {}  # column: rows that the cell goes on for, its text
    for row in rows[:MOST_ROWS]:
        line: list[str] = []
        column = 0
        cells = iter(row)
        cell = next(cells, None)
        own = False
        while (cell is not None or column in below) and column < MOST_COLUMNS:
            if column in below:
                left, text = below.pop(column)
                if left > 1:
                    below[column] = (left - 1, text)
                line.append(text)
                column += 1
                continue
            assert cell is not None
            text = show("".join(cell.pieces))
            if len(text) > LONGEST_CELL:
                text = text[:LONGEST_CELL].rpartition(" ")[0] + " …"
            own = own or any(map(str.isalnum, text))
            if cell.rows > 1:
                below[column] = (cell.rows - 1, text)
            line.append(text)
            column += cell.columns
            cell = next(cells, None)
        if own:
            lines.append(line)
    return lines


def _of_wikitext(table: str) -> tuple[str, list[list[_Cell]]]:
    """The caption and the rows of cells; tables within cells are read on as text of theirs."""
    table = "\n" + table.strip()
    found = list(_LINE.finditer(table))
    caption = ""
    rows: list[list[_Cell]] = [[]]
    depth = 0
    for at, mark in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(table)
        content = table[mark.end() : end]
        sign = mark[1]
        if sign == "{|":
            depth += 1
        elif sign == "|}":
            depth -= 1
            if depth == 1 and rows[-1]:
                rows[-1][-1].pieces.append(" " + content)  # what follows a table within the cell
        elif depth > 1:
            if rows[-1] and sign in ("|", "!"):
                texts = [_without_attributes(each)[1] for each in re.split(r"\|\||!!", content)]
                rows[-1][-1].pieces.append(" " + " ".join(texts))
        elif sign == "|-":
            rows.append([])
        elif sign == "|+":
            caption = _without_attributes(content)[1]
        else:
            for each in re.split(r"\|\||!!" if sign == "!" else r"\|\|", content):
                attributes, text = _without_attributes(each)
                cell = _Cell(attributes, sign == "!")
                cell.pieces.append(text)
                rows[-1].append(cell)
    return caption, rows


def _without_attributes(cell: str) -> tuple[str, str]:
    """The attributes of a cell, which a bar ends, and its text."""
    before, bar, after = cell.partition("|")
    if bar and _ATTRIBUTES.fullmatch(before):
        return before, after
    return "", cell


def _of_html(table: str) -> tuple[str, list[list[_Cell]]]:
    caption = ""
    rows: list[list[_Cell]] = []
    for row in _ROW_OF_HTML.split(table):
        cells: list[_Cell] = []
        found = list(_CELL_OF_HTML.finditer(row))
        for at, mark in enumerate(found):
            content = row[mark.end() : found[at + 1].start() if at + 1 < len(found) else len(row)]
            if mark[1].lower() == "caption":
                caption = content
                continue
            cell = _Cell(mark[2], mark[1].lower() == "th")
            cell.pieces.append(content)
            cells.append(cell)
        rows.append(cells)
    return caption, rows
