"""Readable plain text from a piece of HTML: posts, articles, chapters.

No page furniture is looked for: all text of the piece is kept. What becomes of what:

    paragraphs     separated by a blank line; headings are lines of their own, without a mark
    lists          "- " or the number and a full stop; nested lists are indented
    quotations     "> " before each line
    code blocks    verbatim between fences of three backticks (more where the code has three), with
                   the language where the class says it: `lang-py`
    inline code    as it stands
    tables         a line for each row, cells separated by " | "
    TeX            as it stands, line breaks in displayed formulas kept; `<math>` by its TeX
    <sup>, <sub>   "10^6", "x_1", "x^(n+1)"; ordinals and longer pieces as they stand
    <br>, <hr>     a line break, a paragraph break
    links          their text; images: nothing, but formulas and drop capitals by their alt text
    white space    runs of it, no-break spaces too, are one space, but in code

The markup is read tag by tag without building a tree, with a stack of at most `DEPTH` containers, so
time and memory are linear in its length whatever it is: unclosed, misnested, a million levels deep.
Measured on posts, cutting out tags by one regular expression is faster than parsing by libxml2.
"""

import re

from pipeline.sources.pages import htmltags
from pipeline.sources.pages.htmltags import attribute, bare_tex, decoded
from pipeline.sources.pages.white_space import collapsed, has_formula

DEPTH = 32  # lists, items and quotations within each other that are shown; deeper ones are breaks

_LINE = 1  # a line break before and after
_PARAGRAPH = 2  # a blank line before and after

_BREAKS = {
    **dict.fromkeys(("div", "tr", "dt", "dd", "caption", "address", "legend", "option", "center"), _LINE),
    **dict.fromkeys(("summary", "thead", "tbody", "tfoot", "figcaption", "body", "html", "form"), _LINE),
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "dl", "figure"), _PARAGRAPH),
    **dict.fromkeys(("section", "article", "aside", "main", "header", "footer", "nav"), _PARAGRAPH),
    **dict.fromkeys(("details", "fieldset", "hgroup", "ul", "ol", "blockquote", "pre"), _PARAGRAPH),
    "li": _LINE,
}
_LISTS = ("ul", "ol")
_CONTAINERS = (*_LISTS, "li", "blockquote")
_KNOWN = frozenset((*_BREAKS, "br", "td", "th", "img", "q", "code", "sup", "sub"))

# Inline tags as they are usually written: taken out at once, for speed.
_ATTRIBUTES = r"""(?: [a-z]++="[^"<>]*+")*+>"""
_INLINE = re.compile(f"</?(?:a|em|strong|b|i|kbd|span|s|strike|del|u){_ATTRIBUTES}")
_INLINE_AND_CODE = re.compile(f"</?(?:a|code|em|strong|b|i|kbd|span|s|strike|del|u){_ATTRIBUTES}")
_PARAGRAPHS = re.compile(r"</?p>")

_LANGUAGE = re.compile(r"\blang(?:uage)?-([A-Za-z0-9+#.-]+)")
_NO_LANGUAGE = ("none", "default", "text", "nohighlight")
_FENCES = re.compile(r"`{3,}")
_BLANK_START = re.compile(r"\A(?:[^\S\n]*+\n)++")
_INTEGER = re.compile(r"\s*(-?[0-9]{1,9})\s*\Z")

# What is raised or lowered as it stands; what else is so short gets parentheses if it needs them.
_WORD = re.compile(r"(?:st|nd|rd|th|er|re|e|ème|o|a|º|ª|de|ste|TM|tm|SM|[\[(^_{].*)\Z", re.DOTALL)
_SHORT = re.compile(r"\S{1,16}\Z")
_BASES = frozenset(")]}|'′")
_ATOM = re.compile(r"(?:\w|[+−-]?[0-9]+(?:[.,][0-9]+)?|[*†‡′+−-]|\w*)\Z")


def to_text(html: str, *, fence_pre: bool = True) -> str:
    """The text of `html`, without white space at its ends; "" where there is none.

    fence_pre   whether a `<pre>` without `<code>` in it, too, is put between fences: it is code on
                sites of programmers, and verse in books
    """
    plain = _INLINE_AND_CODE.sub("", html)
    text = _paragraphs(plain)
    if text is not None:
        return text
    if "<script" not in html and "<math" not in html:  # in TeX, a<b> is no tag
        html = plain if "<pre" not in plain else _INLINE.sub("", html)
    writer = _Writer(fence_pre)
    first, pieces = htmltags.split(html)
    writer.text(first)
    read = iter(pieces)
    for slash, name, attributes, text in zip(read, read, read, read, strict=True):
        if name == "p":
            writer.paragraph()
        else:
            tag = name if name in _KNOWN else name.lower()
            if tag in _KNOWN:
                if slash:
                    writer.end(tag)
                else:
                    writer.start(tag, attributes)
        if text:
            writer.text(text)
    return writer.finish()


def _paragraphs(html: str) -> str | None:
    """The text of HTML that has no tags but paragraphs, as most posts; None for any other."""
    pieces = _PARAGRAPHS.split(html)
    if html.count("<") != len(pieces) - 1:
        return None
    texts = [decoded(piece) if "&" in piece else piece for piece in pieces]
    if has_formula(html):
        texts = [collapsed([text]) for text in texts]
    else:
        texts = [" ".join(text.split()) for text in texts]
    return "\n\n".join([text for text in texts if text])


class _Container:
    """A list, an item or a quotation that is open; `first` and `rest` stand before its lines."""

    __slots__ = ("first", "name", "number", "rest")

    def __init__(self, name: str, first: str = "", number: int = 0) -> None:
        self.name = name
        self.first = first
        self.rest = first if name == "blockquote" else " " * len(first)
        self.number = number


class _Writer:
    """Takes tags and text in order and writes blocks.

    A break ends the block only when text follows, so that several breaks are the widest of them and
    a cell of a table can take one back.
    """

    def __init__(self, fence_pre: bool) -> None:
        self._fence_pre = fence_pre
        self._out: list[str] = []
        self._held: list[str] = []  # text of the line that is being gathered, white space as it was
        self._lines: list[str] = []  # finished lines of the block
        self._gap = 0  # before the block
        self._pending = 0  # behind it
        self._fresh = False  # in an item, quotation or cell without text so far: breaks do nothing
        self._open: list[_Container] = []
        self._shown: list[_Container] = []  # what was open around the last block written
        self._deeper = dict.fromkeys(_CONTAINERS, 0)  # containers open beyond `DEPTH`
        self._pre = False
        self._code = False
        self._language = ""
        self._tables = 0
        self._cells = 0  # of the row so far
        self._row = False  # whether the block is a row
        self._shifted = -1  # place in `_held` where the <sup> or <sub> that is open starts
        self._formula = ""  # the last one shown by an image or before it

    def text(self, text: str) -> None:
        if (self._pending or self._fresh) and not self._pre:
            if not text or text.isspace():
                return
            self._fresh = False
            if self._pending:
                self._turn()
        self._held.append(decoded(text) if "&" in text else text)

    def finish(self) -> str:
        if self._pre:
            self._end_pre()
        self._flush()
        return "".join(self._out)

    def paragraph(self) -> None:
        """Start or end of a paragraph: as `start` and `end`, in short."""
        if self._pre:
            self._within_pre("p", "")
        elif not self._fresh:
            self._pending = _PARAGRAPH

    def start(self, tag: str, attributes: str) -> None:
        if self._pre:
            self._within_pre(tag, attributes)
        elif tag in _CONTAINERS:
            self._start_container(tag, attributes)
        elif tag in _BREAKS:
            self._block(tag)
            if tag == "pre":
                self._turn()
                self._pre = True
                self._fresh = self._code = False
                self._language = _language(attributes)
        elif tag == "br":
            self._line_break()
        elif tag in ("sup", "sub"):
            self._shifted = len(self._held)
        elif tag in ("td", "th"):
            self._start_cell()
        elif tag == "img":
            self._image(attributes)
        elif tag == "q":
            self.text('"')

    def end(self, tag: str) -> None:
        if self._pre:
            if tag == "pre":
                self._end_pre()
            else:
                self._within_pre(tag, "")
        elif tag in _CONTAINERS:
            self._end_container(tag)
        elif tag in _BREAKS:
            self._block(tag)
            if tag == "table":
                self._tables = max(0, self._tables - 1)
        elif tag in ("sup", "sub"):
            self._end_shifted("^" if tag == "sup" else "_")
        elif tag == "q":
            self.text('"')

    def _block(self, tag: str) -> None:
        """Start or end of a block that contains nothing to keep track of but rows."""
        if tag in ("tr", "table"):
            if tag == "tr" and self._cells:
                self._pending = 0  # of the last cell
            self._cells = 0
            self._fresh = False
            if tag == "table":
                self._tables += 1
        if self._cells and _BREAKS[tag] == _LINE:
            self._held.append(" ")
        else:
            self._break(_BREAKS[tag])

    def _break(self, gap: int) -> None:
        if not self._fresh and gap > self._pending:
            self._pending = gap

    def _turn(self) -> None:
        """Writes the block that stands before the breaks; what comes now is the next."""
        written = self._flush()
        self._gap = self._pending if written else max(self._gap, self._pending)
        self._pending = 0

    def _line_break(self) -> None:
        if self._cells:
            self._held.append(" ")
        elif not self._fresh:
            self._lines.append(collapsed(self._held))
            self._held = []
            self._shifted = -1

    # Lists and quotations

    def _start_container(self, tag: str, attributes: str) -> None:
        self._break(self._gap_of(tag))
        self._turn()
        if tag == "li" and not any(self._deeper.values()):
            self._close_item()
        if len(self._open) >= DEPTH:
            self._deeper[tag] += 1
            return
        if tag == "blockquote":
            self._open.append(_Container(tag, "> "))
        elif tag == "li":
            self._open.append(_Container(tag, self._marker(attributes)))
        else:
            number = _INTEGER.match(attribute(attributes, "start")) if attributes else None
            self._open.append(_Container(tag, number=int(number[1]) if number else 1))
        self._fresh = tag not in _LISTS

    def _end_container(self, tag: str) -> None:
        self._fresh = False
        self._turn()
        if self._deeper[tag]:
            self._deeper[tag] -= 1
        elif tag == "li":
            self._close_item()
        elif any(container.name == tag for container in self._open):
            while self._open.pop().name != tag:
                pass
        self._break(self._gap_of(tag))

    def _gap_of(self, tag: str) -> int:
        """A list within a list goes on without a blank line."""
        within = tag in _LISTS and any(container.name in _LISTS for container in self._open)
        return _LINE if within else _BREAKS[tag]

    def _close_item(self) -> None:
        """Closes the open item of the innermost list, with what is in it."""
        for at in range(len(self._open) - 1, -1, -1):
            if self._open[at].name in _LISTS:
                return
            if self._open[at].name == "li":
                del self._open[at:]
                return

    def _marker(self, attributes: str) -> str:
        if not self._open or self._open[-1].name != "ol":
            return "- "
        numbered = self._open[-1]
        value = _INTEGER.match(attribute(attributes, "value")) if attributes else None
        number = int(value[1]) if value else numbered.number
        numbered.number = number + 1
        return f"{number}. "

    # Tables

    def _start_cell(self) -> None:
        if not self._tables:
            self._block("div")
            return
        if self._cells:
            self._pending = 0
            self._held.append(" | ")
        elif self._pending:
            self._turn()
        self._cells += 1
        self._fresh = self._row = True

    # Code

    def _within_pre(self, tag: str, attributes: str) -> None:
        if tag == "br":
            self._held.append("\n")
        elif tag == "code":
            self._code = True
            self._language = self._language or _language(attributes)
        elif tag in _BREAKS and self._held and not self._held[-1].endswith("\n"):
            self._held.append("\n")

    def _end_pre(self) -> None:
        code = _BLANK_START.sub("", "".join(self._held)).rstrip()
        self._held = []
        self._pre = False
        if code:
            if self._code or self._language or self._fence_pre:
                longest = max(map(len, _FENCES.findall(code)), default=2) if "```" in code else 2
                fence = "`" * (longest + 1)
                code = f"{fence}{self._language}\n{code}\n{fence}"
            self._write(code.split("\n"))
            self._gap = 0
        self._break(_PARAGRAPH)

    # Within a line

    def _end_shifted(self, sign: str) -> None:
        """Marks as raised or lowered what stands in `_held` since the start tag, where it matters."""
        begin = self._shifted
        self._shifted = -1
        if begin < 1 or begin >= len(self._held):
            return
        before = self._held[begin - 1][-1:]
        what = "".join(self._held[begin:])
        short = what.strip()
        if not (before.isalnum() or before in _BASES) or _WORD.match(short) or not _SHORT.match(short):
            return
        self._held[begin:] = [sign, short if _ATOM.match(short) else f"({short})"]
        if what[-1:].isspace():
            self._held.append(" ")

    def _image(self, attributes: str) -> None:
        alt = attribute(attributes, "alt").strip() if attributes else ""
        if len(alt) == 1 and alt.isalpha():
            self.text(alt)  # the first letter of a chapter
        elif alt and any(mark in attribute(attributes, "class") for mark in ("math", "tex")):
            formula = f"${bare_tex(alt)}$"
            # Wikis show a formula twice: in <math> and for browsers that cannot read that.
            if not any(piece.rstrip().endswith(formula) for piece in self._held[-3:]):
                self._held.append("")
                self.text(formula.replace("&", "&amp;"))

    # Writing

    def _flush(self) -> bool:
        """Writes the block that is held; False if there is none."""
        if not self._held and not self._lines:
            return False
        text = collapsed(self._held)
        if self._lines:
            text = "\n".join([*self._lines, text]).strip()
            self._lines = []
            while "\n\n\n" in text:
                text = text.replace("\n\n\n", "\n\n")
        row = self._row
        self._held, self._row, self._shifted = [], False, -1
        if not text or (row and not text.strip(" |")):
            return False
        self._write(text.split("\n") if "\n" in text else [text])
        return True

    def _write(self, lines: list[str]) -> None:
        out = self._out
        if out:
            out.append("\n")
            if self._gap == _PARAGRAPH:
                out.append(self._blank())
        if self._open:
            first = "".join([container.first for container in self._open])
            rest = "".join([container.rest for container in self._open])
            for container in self._open:
                container.first = container.rest
            out.append(f"{first}{lines[0]}")
            out.extend(f"\n{rest}{line}" if line else f"\n{rest}".rstrip(" ") for line in lines[1:])
        else:
            out.append(lines[0] if len(lines) == 1 else "\n".join(lines))
        if self._open or self._shown:
            self._shown = self._open[:]

    def _blank(self) -> str:
        """The blank line before a block: with the marks of the quotations that go on."""
        if not self._shown:
            return "\n"
        marks = []
        for before, now in zip(self._shown, self._open, strict=False):
            if before is not now:
                break
            marks.append(now.rest)
        return "".join(marks).rstrip() + "\n"


def _language(attributes: str) -> str:
    found = _LANGUAGE.search(attribute(attributes, "class")) if attributes else None
    return found[1] if found and found[1] not in _NO_LANGUAGE else ""
