"""What stands within lines: links, tags, entities, language variants, bold and italic."""

import re
from html.entities import html5

from pipeline.sources.wikitext.markup import BREAK
from pipeline.sources.wikitext.names import Site, folded
from pipeline.sources.wikitext.templates import REMOVED

_LINK = re.compile(r"\[\[((?:[^\[\]]++|\[(?!\[)|\](?!\]))*+)\]\]")
_UNCLOSED = re.compile(r"\[\[+([^\[\]\n]*+)")
_PASSES = 8  # links within captions within captions
_EXTERNAL = re.compile(
    r"\[(?:(?:https?|ftps?|sftp|ircs?|gopher|nntp|news|svn|git|telnet|rtsp)://|//|mailto:|magnet:|urn:|tel:|geo:)"
    r"([^\s\[\]<>\"]*+)[ \t\u3000]*+([^\[\]\n]*+)\]"
)
_MEDIA = re.compile(
    r"\.(?:jpe?g|jpe|png|svg|gif|tiff?|webp|bmp|xcf|pdf|djvu?|og[gva]|opus|midi?|wav|flac|mp[34]|webm|mpe?g|stl)"
    r"\s*(?:\||$)",
    re.IGNORECASE,
)
# Codes of Wikipedia's languages, and of its sister projects as they stand before a link's target.
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}|simple|be-x-old|be-tarask|zh-[a-z-]+|bat-smg|fiu-vro|map-bms|cbk-zam|roa-rup|roa-tara|nds-nl|"
    r"[a-z]{2,3}-[a-z]{2,4})$"
)
_SISTERS = frozenset(
    ("w", "wikt", "n", "s", "b", "q", "v", "m", "d", "c", "wikipedia", "wiktionary", "wikisource",
     "wikiquote", "wikibooks", "wikinews", "wikiversity", "wikivoyage", "voy", "wikispecies", "species",
     "commons", "meta", "metawikimedia", "mw", "mediawikiwiki", "wikidata", "foundation", "incubator",
     "phab", "bugzilla", "doi", "google", "imdbname", "imdbtitle", "iso", "rfc", "isbn", "oclc", "hdl",
     "arxiv", "gutenberg", "toollabs")
)  # fmt: skip

_VARIANTS = re.compile(r"-\{([^{}]*+)\}-")
_FLAGS = re.compile(r"\s*[A-Z+;\- ]*\|")
_VARIANT = re.compile(r"(?:^|;)\s*[a-z]{2,3}(?:-[a-z]+)*\s*:([^;]*)")

_SHIFTED = re.compile(r"<(sup|sub)\b[^<>]*+>([^<>\n]{0,60}+)</\1\s*>", re.IGNORECASE)
_WORD = re.compile(r"'*[^\W\d_]{2,}'*$|[a-zªº]$")  # ordinals, "th"; longer words
_ATOM = re.compile(r"[+\-−]?\w*[+\-−]?$|\([^()]*\)$")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?=[\s>/])[^<>]*+>")
_BLOCKS = frozenset(
    ("p", "div", "blockquote", "center", "ul", "ol", "dl", "hr", "section", "h1", "h2", "h3", "h4", "h5",
     "h6", "table", "tr", "caption", "tbody", "thead", "article", "aside", "figure", "figcaption", "main")
)  # fmt: skip
_INLINE = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
     "kbd", "mark", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "small", "span", "strike", "strong",
     "sub", "sup", "time", "tt", "u", "var", "wbr", "noinclude", "onlyinclude", "includeonly", "nowiki",
     "pre", "ref", "references", "gallery", "poem", "math", "source", "syntaxhighlight", "section", "td",
     "th", "img", "input", "timeline", "score", "chem", "ce", "translate", "tvar", "languages", "imagemap",
     "graph", "mapframe", "maplink", "hiero", "templatestyles", "indicator", "inputbox", "categorytree",
     "nobr", "nowrap", "blink", "link", "meta", "label", "sic", "abbrev", "acronym", "basefont", "col",
     "colgroup", "tfoot", "noscript", "wiki")
)  # fmt: skip
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SWITCH = re.compile(r"__[^\W\d_]+(?:_[^\W\d_]+)*__")

_QUOTES = re.compile(r"'{2,}")
_APOSTROPHE = "\x07"


def plain(text: str, site: Site) -> str:
    """Links, tags, variants and switches as text; bold, italic and entities are left for the lines."""
    if "&nbsp;" in text:
        text = text.replace("&nbsp;", " ")
    if "-{" in text:
        text = _VARIANTS.sub(_variant, text)
    text = without_links(text, site)
    if "<" in text:
        text = without_tags(text)
    return _SWITCH.sub(_switch, text) if "__" in text else text


def without_links(text: str, site: Site) -> str:
    """Links by their labels; files, categories and the links to other languages are gone."""
    if "[" not in text:
        return text
    text = _EXTERNAL.sub(_external, text)

    def shown(found: re.Match[str]) -> str:
        return _link(found[1], site)

    for _ in range(_PASSES):
        text, count = _LINK.subn(shown, text)
        if not count:
            break
    return _UNCLOSED.sub(lambda found: _unclosed(found, site), text) if "[[" in text else text


def _unclosed(found: re.Match[str], site: Site) -> str:
    """What begins as a link and does not end: the rest of the line is text, but not of a file."""
    prefix, colon, _ = found[1].partition(":")
    is_file = colon and (folded(prefix) in site.files or _MEDIA.search(found[1]))
    return REMOVED if is_file else found[1].rpartition("|")[2]


def _external(found: re.Match[str]) -> str:
    return found[2] or REMOVED


def _link(inside: str, site: Site) -> str:
    target, bar, label = inside.partition("|")
    if "\n" in target:
        return inside
    visible = target.lstrip()
    if ":" in visible:
        if visible.startswith(":"):
            target = visible.lstrip(": ")
        else:
            before = visible.partition(":")[0]
            prefix = folded(before)
            if prefix in site.files or _MEDIA.search(inside):
                return REMOVED
            if prefix in site.categories:
                return ""
            if prefix in _SISTERS:
                target = visible.partition(":")[2] or target
            elif not bar and _LANGUAGE.match(before):
                return ""
    if not bar:
        return target.strip() if target.startswith(" ") else target
    label = label.strip("\n")
    if label.strip():
        return label.replace("|", " ") if "|" in label else label
    return label or _tricked(target)


def _tricked(target: str) -> str:
    """What `[[Pages (things)|]]` shows: the target without what stands in brackets or before a colon."""
    return target.partition("(")[0].rpartition(":")[2].strip() or target


def _variant(found: re.Match[str]) -> str:
    """One of the variants of `-{zh-hans:…;zh-hant:…}-`, the first."""
    content = found[1]
    flags = _FLAGS.match(content)
    if flags is not None:
        if any(flag in flags[0] for flag in "HT-"):
            return ""
        content = content[flags.end() :]
    variants = _VARIANT.findall(content)
    return variants[0].strip() if variants else content


def without_tags(text: str) -> str:
    """HTML by what it does to lines; what only looks like a tag stays."""
    return _TAG.sub(_tag, _SHIFTED.sub(_shifted, text))


def _tag(found: re.Match[str]) -> str:
    name = found[1].lower()
    if name == "br":
        return BREAK
    if name in _INLINE:
        return ""
    if name in _BLOCKS:
        return "\n\n"
    if name == "li":
        return "\n* " if found[0][1] != "/" else ""
    if name in ("dt", "dd"):
        return "\n"
    return found[0]


def _shifted(found: re.Match[str]) -> str:
    """`10<sup>6</sup>` as 10^6, `x<sub>1</sub>` as x_1; ordinals and words as they stand."""
    what = found[2].strip()
    before = found.string[found.start() - 1 : found.start()]
    if not what or _WORD.match(what) or not (before.isalnum() or before in ("'", ")", "]", "|", "}")):
        return found[2]
    bare = what.strip("'")
    sign = "^" if found[1].lower() == "sup" else "_"
    return sign + (bare if _ATOM.match(bare) else f"({bare})")


def _switch(found: re.Match[str]) -> str:
    """`__NOTOC__` and the like, in any language, are in capitals."""
    word = found[0]
    return "" if word == word.upper() else word


def unquoted(line: str) -> str:
    """A line without the quotes of bold and italic, and with those that are apostrophes."""
    runs = [len(run) for run in _QUOTES.findall(line)]
    bold = sum(1 for run in runs if run in (3, 4) or run >= 5)
    italic = sum(1 for run in runs if run == 2 or run >= 5)
    if bold % 2 and italic % 2:
        line = _apostrophe(line)
    return _QUOTES.sub(_unquoted, line).replace(_APOSTROPHE, "'")


def _unquoted(found: re.Match[str]) -> str:
    length = found.end() - found.start()
    return "'" if length == 4 else "'" * (length - 5)


def _apostrophe(line: str) -> str:
    """Of a line where bold and italic do not come out even, one `'''` is `'` and `''`, as in
    "l'''Iliade''": the first behind a single letter, else the first behind a word, else the first."""
    best: tuple[int, int] | None = None
    for found in _QUOTES.finditer(line):
        if found.end() - found.start() != 3:
            continue
        before = line[max(0, found.start() - 2) : found.start()]
        rank = 2 if not before or before[-1] == " " else 0 if len(before) == 1 or before[0] == " " else 1
        if best is None or rank < best[0]:
            best = (rank, found.start())
    if best is None:
        return line
    return f"{line[: best[1]]}{_APOSTROPHE}{line[best[1] + 1 :]}"


def decoded(text: str) -> str:
    """Entities as the characters that they stand for; no-break spaces as spaces."""
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    return text.replace("\u00a0", " ")


def _entity(found: re.Match[str]) -> str:
    name = found[1]
    if name[0] != "#":
        return html5.get(f"{name};", found[0])
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    if code in (9, 10, 32):
        return " "
    if code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return ""
    return chr(code)
