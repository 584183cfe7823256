"""Formulas and code of a page, made such that extractors of main text keep them.

Extractors drop or mangle what is not prose: they lose `<script type="math/tex">` and the alternative
texts of formula images, give KaTeX's and MathJax's output twice, as glyphs, and take blank lines and
indentation from code. So, before extraction:

    formulas   become their TeX between dollar signs, `$…$` or, displayed, `$$…$$`: MathML (with or
               without TeX beside it), math/tex scripts, KaTeX, MathJax, MediaWiki, images of formulas
    code       of `<pre>`, and of `<code>` with line breaks, stays in its element, its white space
               written as rare letters that no extractor touches; `codeblocks.restored` turns them
               back behind it, with a fence of backticks around what is code, and none around other
               preformatted text

All else stays byte for byte, and so does a page without any of this. Time is linear in the page.
"""

import functools
import re
from html import escape
from urllib.parse import unquote, unquote_plus

from pipeline.sources.pages import codeblocks, signs
from pipeline.sources.pages.chtml import to_mathml
from pipeline.sources.pages.htmltags import attribute, bare_tex, decoded
from pipeline.sources.pages.mathml import to_tex

# What a page with formulas, or with images of formulas, holds somewhere.
_MATH_SIGN = re.compile(r"(?:<|:|mwe-|data-)math|math/(?:tex|mml)")
_MATH_IMAGE = re.compile(r"mathtex|/math/|mwe-math")
_IMAGE_SIGNS = ('alt="\\', 'alt="$', 'alt="{\\', '="tex"', '="tex ', "imetex", "cht=tx")

_ATTRIBUTES = r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+"""
_OLD = re.compile(r"<H(?:TML|EAD)\b|<TITLE")  # a page with names of tags in capitals
_CODE_LINES = re.compile(r"<code[^<>]*>[^<]*<br", re.IGNORECASE)
_TAGS = {"code": "pre|code|figure", "maths": "span|div|p|(?:[a-z]+:)?math|mjx-container", "images": "img"}
_MATHS_CLASS = re.compile(
    r"katex|mathjax|mwe-math|mjxc|data-(?:math|tex|latex|entry|expr|formula)\b", re.IGNORECASE
)
_TEX_ATTRIBUTES = ("data-math", "data-tex", "data-latex", "data-entry", "data-expr", "data-formula")
_MATH = re.compile(r"<(/?)(?:[a-z]+:)?math(?=[\s>])", re.IGNORECASE)
_ANNOTATION = re.compile(r"<annotation\b[^<>]{0,200}?\btex\b[^<>]{0,200}>([^<]*+)<", re.IGNORECASE)
_DRAWN_MATH = re.compile(r"<(?:mjx-math|g data-mml-node=\"math\")\b([^<>]{0,4000})>")
_RENDERED = frozenset(
    ("mathjax_preview", "mathjax", "mathjax_display", "mathjax_svg", "mathjax_svg_display", "mathjax_chtml")
)
_DISPLAYED = re.compile(
    r"katex-display|MJXc-display|mathml-display|fallback-image-display|display=.?(?:block|true)|math-block"
)

_FORMULA_CLASS = re.compile(
    r"(?:^|[\s_-])(?:latex|tex|math|mwe-math[\w-]*|quicklatex[\w-]*|formula|equation)(?:[\s_-]|$)",
    re.IGNORECASE,
)
_FORMULA_SERVICE = re.compile(
    r"latex\.php\?|latex\.codecogs\.com/|math/render/|/math/[0-9a-f]/[0-9a-f]/|mathtex\.cgi\?|mimetex\.cgi\?"
    r"|quicklatex\.com/|[?&]cht=tx|/texvc",
    re.IGNORECASE,
)
_QUERY_TEX = re.compile(r"[?&](?:latex|chl|tex|formula|eq)=([^&]*)", re.IGNORECASE)
_BARE_QUERY = re.compile(r"(?:codecogs\.com/[^?]*|(?:mathtex|mimetex)\.cgi)\?([^&]*)", re.IGNORECASE)
_LOOKS_LIKE_TEX = re.compile(r"\\[A-Za-z]{2,}|[_^]\{|[A-Za-z0-9)}]\^[A-Za-z0-9{]")

_LONGEST = 1 << 18  # characters of an element that is looked into
_AROUND = 600  # characters before a <pre> whose tags, right before it, may say what is in it
_TAGS_BEFORE = re.compile(r"(?:<[A-Za-z][^<>]*+>\s*+){1,5}\Z")
_BLOCK_BEFORE = re.compile(r"</(?:p|div|h[1-6]|ul|ol|dl|pre|table|figure|blockquote)>\s*\Z", re.IGNORECASE)


def kept(page: str, marked: int = signs.ALL) -> tuple[str, str]:
    """The page with its formulas as TeX and its code in letters, and those letters ("" for none).

    marked   what the page may hold (`signs`); it is searched for nothing else
    """
    wanted = []
    preformatted = marked & signs.PRE and ("<pre" in page or ("<PRE" in page and _OLD.search(page, 0, 1000)))
    if preformatted or (marked & signs.CODE and _breaks_in_code(page)):
        wanted.append("code")
    around = _around_math(page) if marked & signs.MATH else ""
    tex = marked & signs.TEX
    if (
        (marked & signs.MATHJAX and "MathJax" in page)
        or (tex and "katex" in page)
        or _MATH_SIGN.search(around)
    ):
        wanted.append("maths")
    if (
        (tex and "latex" in page)
        or _MATH_IMAGE.search(around)
        or (marked & signs.IMAGE and _any(_IMAGE_SIGNS, page))
    ) and "<img" in page:
        wanted.append("images")
    if not wanted:
        return page, ""
    letters = codeblocks.letters_for(page)
    return _Rewriter(page, letters, tuple(wanted)).written(), letters


def _around_math(page: str) -> str:
    """What stands around each `math` in the page: one search in the place of nine."""
    found = []
    at = page.find("math")
    while at >= 0:
        found.append(page[max(0, at - 5) : at + 8])
        at = page.find("math", at + 4)
    return "\n".join(found)


def _breaks_in_code(page: str) -> bool:
    at = page.find("<code")
    while at >= 0 and not _CODE_LINES.match(page, at):
        at = page.find("<code", at + 5)
    return at >= 0


def _any(parts: tuple[str, ...], page: str) -> bool:
    return any(part in page for part in parts)


@functools.cache
def _start(wanted: tuple[str, ...]) -> re.Pattern[str]:
    """The start of a comment, of an element to look into, or of one whose content is no markup."""
    names = "|".join(["script", "style", "textarea", *(_TAGS[each] for each in wanted)])
    return re.compile(
        rf"<(?:(?P<cut>!--)|(?P<name>{names})(?=[\s/>])(?P<attributes>{_ATTRIBUTES})>)", re.IGNORECASE
    )


class _Rewriter:
    """One page on its way from tag to tag."""

    def __init__(self, page: str, letters: str, wanted: tuple[str, ...]) -> None:
        self._page = page
        self._start = _start(wanted)
        self._letters = letters
        self._scripts = "math/tex" in page
        self._budget = 8 * len(page) + (1 << 20)  # characters to look at for ends of elements

    def written(self) -> str:
        page = self._page
        out: list[str] = []
        done = at = 0
        closed = True
        while found := self._start.search(page, at):
            at = found.end()
            if found["cut"]:
                end = page.find("-->", found.start() + 2) if closed else -1
                closed = end >= 0  # one that is not closed is none, and neither is any behind it
                at = end + 3 if closed else at
                continue
            name = found["name"].lower()
            new, end = self._element(name, found)
            at = max(at, end)
            if new is not None:
                if new.startswith("$$") and _BLOCK_BEFORE.search(
                    page, max(0, found.start() - 40), found.start()
                ):
                    new = f"<p>{new}</p>"  # between two paragraphs extractors overlook what has no tag
                out += (page[done : found.start()], new)
                done = at = end
        if not out:
            return page
        out.append(page[done:])
        return "".join(out)

    def _element(self, name: str, found: re.Match[str]) -> tuple[str | None, int]:
        """What to write in place of an element, None to leave it, and where to go on."""
        attributes = found["attributes"]
        start, inner = found.span()
        if name == "img":
            return _image(attributes), inner
        if name in ("script", "style", "textarea"):
            close, end = self._end(name, inner, nested=False)
            if name == "script" and close >= 0 and "math/" in attributes:
                return self._script(attributes, self._page[inner:close]), end
            return None, max(end, inner)
        if name == "figure":
            # Extractors leave figures out: of one with code in it the tag goes.
            close, _ = self._end(name, inner, nested=False)
            return ("" if close >= 0 and "<pre" in self._page[inner:close] else None), inner
        if name in ("pre", "code"):
            close, end = self._end(name, inner, nested=False)
            if close < 0 or (name == "code" and not self._is_block(inner, close)):
                return None, inner
            around = _TAGS_BEFORE.search(self._page, max(0, start - _AROUND), start)
            before = around[0] if around else ""
            return codeblocks.lettered(name, attributes, self._page[inner:close], before, self._letters), end
        if name.endswith("math") or name == "mjx-container":
            close, end = self._end(name, inner, nested=False)
            element = self._page[start:end] if close >= 0 else ""
            tex = to_tex(element) if name.endswith("math") else _container(attributes, element)
            shown = _DISPLAYED.search(attributes) or 'mode="display"' in attributes
            return (_written(tex, bool(shown)) if tex else None), max(end, inner) if tex else inner
        if not _MATHS_CLASS.search(attributes):
            return None, inner
        close, end = self._end(name, inner, nested=True)
        if close < 0:
            return None, inner
        new = self._formula(attributes, self._page[start:end])
        return new, end if new is not None else inner

    def _end(self, name: str, inner: int, nested: bool) -> tuple[int, int]:
        """Where the content of an element ends and where itself does; -1 for both if it does not."""
        page, depth = self._page, 1
        last = min(len(page), inner + _LONGEST)
        for found in _ends(name).finditer(page, inner, last):
            if self._budget <= 0:
                return -1, -1
            if not found[1]:
                depth += nested
                continue
            depth -= 1
            if depth == 0:
                self._budget -= found.end() - inner
                return found.span()
        self._budget -= last - inner
        return -1, -1

    def _script(self, attributes: str, content: str) -> str | None:
        kind = attribute(attributes, "type").lower()
        if kind.startswith("math/tex"):
            content = content.strip().removeprefix("% <![CDATA[").removesuffix("%]]>")
            return _written(bare_tex(content), "display" in kind)
        return _written(to_tex(content), False) if kind.startswith("math/mml") else None

    def _formula(self, attributes: str, element: str) -> str | None:
        """The TeX of an element that renders a formula; "" where a script beside it has it."""
        classes = attribute(attributes, "class").lower().split()
        if _RENDERED.intersection(classes):
            if self._scripts:
                return " "
            if "mathjax_preview" in classes:
                return None
        displayed = bool(_DISPLAYED.search(element[:2000]))
        for name in _TEX_ATTRIBUTES:
            tex = attribute(attributes, name) if name in attributes else ""
            if tex and ("katex" in element or "math" in element.lower()):
                return _written(bare_tex(tex), displayed)
        if annotation := _ANNOTATION.search(element):
            return _written(bare_tex(decoded(annotation[1])), displayed)
        tex = to_tex(attribute(attributes, "data-mathml") or _inner_math(element))
        if not tex and (image := re.search(rf"<img\b({_ATTRIBUTES})>", element)):
            return _image(image[1])
        return _written(tex, displayed) if tex else None

    def _is_block(self, inner: int, close: int) -> bool:
        return "<br" in self._page[inner:close].lower()


@functools.cache
def _ends(name: str) -> re.Pattern[str]:
    """Tags of this name: group 1 is the slash of an end tag."""
    return re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^<>]*>", re.IGNORECASE)


def _written(tex: str, displayed: bool) -> str | None:
    tex = " ".join(tex.split()).removeprefix("\\displaystyle ")
    if not tex:
        return None
    if tex.startswith(("$", "\\(", "\\[")):
        return escape(tex, quote=False)
    sign = "$$" if displayed else "$"
    return escape(f"{sign}{tex}{sign}", quote=False)


def _container(attributes: str, element: str) -> str:
    """The TeX of MathJax's `<mjx-container>`: stated, or of its MathML, or of what it has drawn."""
    if math := _inner_math(element):
        return to_tex(math)
    stated = attribute(attributes, "data-latex")
    if not stated and (drawn := _DRAWN_MATH.search(element)):
        stated = attribute(drawn[1], "data-latex")
    return bare_tex(stated) if stated else to_tex(to_mathml(element))


def _inner_math(element: str) -> str:
    """The first `<math>` element in another; "" where there is none."""
    start = -1
    for found in _MATH.finditer(element):
        if not found[1] and start < 0:
            start = found.start()
        elif found[1] and start >= 0:
            return element[start : element.find(">", found.end()) + 1]
    return ""


def _image(attributes: str) -> str | None:
    """The TeX of an image of a formula; None for any other image."""
    source = attribute(attributes, "src")
    alt = attribute(attributes, "alt").strip()
    service = bool(_FORMULA_SERVICE.search(source))
    if not service and not _FORMULA_CLASS.search(attribute(attributes, "class")):
        if not (_LOOKS_LIKE_TEX.search(alt) and "\\" in alt and len(alt) < 4000):
            return None
        return _written(_bare(alt), alt.startswith(("$$", "\\[", "\\begin")))
    if alt and (service or _LOOKS_LIKE_TEX.search(alt) or len(alt) <= 3):
        return _written(_bare(alt), "display" in attribute(attributes, "class"))
    if not service:
        return None
    if stated := _QUERY_TEX.search(source):
        return _written(_bare(unquote_plus(stated[1])), False)
    query = _BARE_QUERY.search(source)
    return _written(_bare(unquote(query[1])), False) if query else None


def _bare(tex: str) -> str:
    tex = tex.strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\[", "\\]"), ("\\(", "\\)")):
        if tex.startswith(opening) and tex.endswith(closing) and len(tex) > len(opening) + len(closing):
            tex = tex[len(opening) : -len(closing)]
            break
    return bare_tex(tex)
