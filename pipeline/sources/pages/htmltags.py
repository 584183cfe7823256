"""HTML cut into tags and the text between them, in linear time whatever the HTML is.

Comments, declarations and elements that hold no text to read (scripts, styles, drawings, the head)
are left out, formulas in `<math>` and `<script type="math/tex">` replaced by their TeX.
"""

import re
from collections.abc import Iterator
from html import escape, unescape

# A tag, its attributes with the values in quotes. A value with `<` in it is left to `_slowly`:
# without it an attempt at a tag never looks further than the next `<`.
_TAG = re.compile(
    r"""<(/?)([A-Za-z][^\s<>/]*+)((?:[^<>"'=]++|=\s*+"[^"<]*+"|=\s*+'[^'<]*+'|=(?!\s*+["'])|["'])*+)>"""
)
_NAME = re.compile(r"<(/?)([A-Za-z][^\s<>/]*+)")
_SIGN = re.compile(r"""[>"']""")
_STRAY = re.compile(r"<(?=[A-Za-z/])")

_UNREAD = (
    "script",
    "style",
    "template",
    "head",
    "title",
    "svg",
    "math",
    "iframe",
    "canvas",
    "audio",
    "video",
)
_TO_THE_END = ("script", "style", "title")  # what browsers read to the end of the page if it is not closed
_CUT = re.compile(rf"<(?:!|\?|(?i:{'|'.join(_UNREAD)})(?=[\s>/]))")
_CLOSING = {name: re.compile(rf"</(?i:{name})(?=[\s>/])[^>]*+>?") for name in _UNREAD}

_ATTRIBUTE = re.compile(r"""([^\s"'=>/]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++))""")
_TEX = re.compile(r"<annotation\b[^>]*\btex\b[^>]*+>([^<]*+)<", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*+>")
_LONG_NUMBER = re.compile(r"&#[0-9]{9,}+;?")


def decoded(text: str) -> str:
    """`text` with its character references as the characters that they stand for."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&#39;", "'")
    if plain.count("&") == plain.count("&amp;"):  # almost always, and many times as fast
        return plain.replace("&amp;", "&")
    # Python refuses to make a number of thousands of digits.
    return unescape(_LONG_NUMBER.sub("\ufffd", text) if "&#" in text else text)


def attribute(attributes: str, name: str) -> str:
    """The value of an attribute of a tag; "" if it has none."""
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return decoded(found[2] or found[3] or found[4] or "")
    return ""


def split(html: str) -> tuple[str, list[str]]:
    """The text before the first tag; then for each tag four strings: "/" of an end tag or "",
    name as written, attributes as written, the text behind it. Character references are left as they are.
    """
    html = _readable(html.replace("\r\n", "\n").replace("\r", "\n") if "\r" in html else html)
    first, *pieces = _TAG.split(html)
    if html.count("<") != len(pieces) // 4 and _STRAY.search("\0".join((first, *pieces[3::4]))):
        first, *pieces = _slowly(html)
    return first, pieces


def _slowly(html: str) -> Iterator[str]:
    """As `_TAG.split`, for tags with `<` in a value, or with quotes that are not closed."""
    quotes = True  # until one is found that never closes: then a tag ends at the first `>`
    last = html.rfind(">")
    begin = at = 0
    while 0 <= (at := html.find("<", at)) < last:
        name = _NAME.match(html, at)
        if name is None:
            at += 1
            continue
        end = _end_of_tag(html, name.end()) if quotes else html.find(">", at)
        if end < 0:
            quotes = False
            end = html.find(">", at)
        yield html[begin:at]
        yield name[1]
        yield name[2]
        yield html[name.end() : end]
        begin = at = end + 1
    yield html[begin:]


def _end_of_tag(html: str, at: int) -> int:
    """Where the `>` of a tag is; -1 where a quoted value or the tag does not end."""
    while sign := _SIGN.search(html, at):
        at = sign.end()
        if sign[0] == ">":
            return at - 1
        if html[max(0, at - 9) : at - 1].rstrip().endswith("="):
            at = html.find(sign[0], at) + 1
            if not at:
                return -1
    return -1


def _readable(html: str) -> str:
    """`html` without what no tag of it is to be read from."""
    found = _CUT.search(html)
    if found is None:
        return html
    kept = []
    begin = 0
    unclosed: set[str] = set()
    while found is not None:
        start, inner = found.span()
        name = found[0][1:].lower()
        close, end = _end_of(html, start, inner, name, unclosed)
        if end > start:
            kept.append(html[begin:start])
            if name in ("math", "script"):
                kept.append(_formula(html[start:close]))
            begin = end
        found = _CUT.search(html, max(end, inner))
    kept.append(html[begin:])
    return "".join(kept)


def _end_of(html: str, start: int, inner: int, name: str, unclosed: set[str]) -> tuple[int, int]:
    """Where the content of the element or comment that starts at `start` ends, and where itself does;
    the start for both where only the tag is there: browsers, too, go on behind it then.

    What is not closed is put into `unclosed`, so that the rest is searched for it once.
    """
    if name in ("!", "?"):
        # `<!-->` is a whole comment, as browsers see it.
        signs = (("-->", start + 2), (">", inner)) if html.startswith("<!--", start) else ((">", inner),)
        for sign, behind in signs:
            if sign not in unclosed:
                end = html.find(sign, behind)
                if end >= 0:
                    return end, end + len(sign)
                unclosed.add(sign)
        return inner, inner
    if name not in unclosed:
        closing = _CLOSING[name].search(html, inner)
        if closing is not None:
            return closing.span()
        unclosed.add(name)
    return (len(html), len(html)) if name in _TO_THE_END else (start, start)


def _formula(element: str) -> str:
    """The TeX of a `<math>` or `<script>` up to its end tag, escaped, between dollar signs; the bare
    text of a formula without TeX; "" for any other script."""
    end = _end_of_tag(element, 1)
    opening, content = element[:end], element[end + 1 :]
    if end < 0:
        return ""
    if opening[1:5].lower() == "math":
        tex = attribute(opening, "alttext")
        if not tex and (found := _TEX.search(content)):
            tex = decoded(found[1])
        if not tex:
            return " ".join(_ANY_TAG.sub(" ", content).split())
        displayed = attribute(opening, "display") == "block"
    else:
        kind = attribute(opening, "type").lower()
        if not kind.startswith("math/tex"):
            return ""
        tex = content
        displayed = "display" in kind
    sign = "$$" if displayed else "$"
    return escape(f"{sign}{bare_tex(tex)}{sign}", quote=False)


def bare_tex(tex: str) -> str:
    """TeX without the wrapper that wikis put around it: `{\\displaystyle …}`."""
    tex = tex.strip()
    for wrapper in ("{\\displaystyle ", "{\\textstyle "):
        if tex.startswith(wrapper) and tex.endswith("}"):
            return tex[len(wrapper) : -1].strip()
    return tex
