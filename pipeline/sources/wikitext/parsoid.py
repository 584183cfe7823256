"""The HTML of an article, as Wikimedia's parser writes it, to prose.

What is dropped is what the reader of wikitext drops: references, tables, infoboxes, figures, notes
on top, navigation, and sections of links. What templates put into sentences is there in the HTML, so,
unlike in wikitext, it stays. The HTML is read tag by tag, in linear time, without building a tree.
"""

import re
from dataclasses import dataclass, field

from pipeline.sources.pages import fragments, htmltags
from pipeline.sources.pages.htmltags import attribute
from pipeline.sources.wikitext import headings

_TAGS = frozenset(("table", "figure", "audio", "video", "map", "noscript", "object"))
# Classes of MediaWiki and of templates that most wikis share.
_CLASSES = frozenset(
    (
        *("reference", "mw-ref", "references", "reflist", "mw-references-wrap", "refbegin", "mw-editsection"),
        *("infobox", "navbox", "vertical-navbox", "sidebar", "metadata", "ambox", "hatnote", "dablink"),
        *("noprint", "thumb", "gallery", "mw-gallery", "toc", "catlinks", "printfooter", "mw-empty-elt"),
        *("sistersitebox", "side-box", "portalbox", "portal-bar", "authority-control", "rellink", "error"),
        *(
            "mw-kartographer-container",
            "mw-cite-backlink",
            "timeline-wrapper",
            "bandeau-container",
            "homonymie",
        ),
        *("mwe-math-fallback-image-inline", "mwe-math-fallback-image-display", "geo-nondefault", "noexcerpt"),
    )
)
_VOID = frozenset(
    ("br", "hr", "img", "link", "meta", "input", "wbr", "base", "col", "source", "track", "area")
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_DISAMBIGUATION = ("mw:PageProp/disambiguation", 'id="disambigbox"')
_LETTERS = re.compile(r"\w")


@dataclass(frozen=True)
class _Tag:
    """A tag as written, and the text behind it up to the next."""

    slash: str
    name: str
    attributes: str
    text: str

    def __str__(self) -> str:
        return f"<{self.slash}{self.name}{self.attributes}>{self.text}"


@dataclass
class _Section:
    """A heading (level 0: none, the lead) and what stands below it up to the next heading."""

    level: int
    heading: list[_Tag] = field(default_factory=list)
    body: list[_Tag] = field(default_factory=list)

    def name(self) -> str:
        return htmltags.decoded("".join(tag.text for tag in self.heading[:-1]))

    def has_text(self) -> bool:
        texts = (tag.text for tag in (*self.heading[-1:], *self.body))
        return any(_LETTERS.search(htmltags.decoded(text)) for text in texts)

    def is_links(self) -> bool:
        """Whether it is lists of links and nothing else."""
        items = links = depth = 0
        for tag in self.body:
            if tag.name == "a":
                depth = max(0, depth + (-1 if tag.slash else 1))
                links += 1
            elif tag.name == "li":
                items += 1
            if not depth and _LETTERS.search(htmltags.decoded(tag.text)):
                return False
        return bool(items and links)


def to_text(html: str, keep_links: bool = False) -> tuple[str, bool]:
    """The prose of an article, and whether it says that it is a disambiguation page.

    keep_links   keeps the sections that hold only links
    """
    is_disambiguation = any(mark in html for mark in _DISAMBIGUATION)
    first, tags = _wanted(html)
    kept = _filled(_kept(_sections(tags), keep_links))
    written = [first]
    for section in kept:
        written += map(str, section.heading)
        written += map(str, section.body)
    return fragments.to_text("".join(written)), is_disambiguation


def _wanted(html: str) -> tuple[str, list[_Tag]]:
    """The text before the first tag, and the tags without unwanted elements; what stands behind an
    unwanted element stays. An element without an end is not taken to be one."""
    first, pieces = htmltags.split(html)
    tags = [
        _Tag(slash, name.lower(), attributes, text)
        for slash, name, attributes, text in zip(*[iter(pieces)] * 4, strict=True)
    ]
    ends = _ends(tags)
    kept = []
    at = 0
    while at < len(tags):
        tag = tags[at]
        end = ends.get(at, 0)
        if end and _is_unwanted(tag):
            kept.append(_Tag("/", "span", "", tags[end].text))
            at = end + 1
        else:
            kept.append(tag)
            at += 1
    return first, kept


def _ends(tags: list[_Tag]) -> dict[int, int]:
    """For each start tag the end tag of its element, both by number."""
    found: dict[int, int] = {}
    opened: dict[str, list[int]] = {}
    for at, tag in enumerate(tags):
        if tag.name in _VOID or tag.attributes.endswith("/"):
            continue
        if not tag.slash:
            opened.setdefault(tag.name, []).append(at)
        elif starts := opened.get(tag.name):
            found[starts.pop()] = at
    return found


def _is_unwanted(tag: _Tag) -> bool:
    if tag.slash:
        return False
    if tag.name in _TAGS:
        return True
    if "class" in tag.attributes and not _CLASSES.isdisjoint(attribute(tag.attributes, "class").split()):
        return True
    return tag.name == "sup" and attribute(tag.attributes, "id").startswith("cite_ref")


def _sections(tags: list[_Tag]) -> list[_Section]:
    found = [_Section(0)]
    within = 0  # level of the heading whose tags are being read
    for tag in tags:
        level = _HEADINGS.get(tag.name, 0)
        if level and not tag.slash:
            found.append(_Section(level, [tag]))
            within = level
        elif within:
            found[-1].heading.append(tag)
            within = 0 if tag.slash and level else within
        else:
            found[-1].body.append(tag)
    return found


def _kept(sections: list[_Section], keep_links: bool) -> list[_Section]:
    """The sections without those of links, by their headings and by what stands in them."""
    if keep_links:
        return sections
    kept = []
    dropped = 0  # level of the section that goes with those below it
    for section in sections:
        if dropped and section.level > dropped:
            continue
        dropped = 0
        if section.level:
            if headings.is_links_only(section.name()):
                dropped = section.level
                continue
            if section.is_links():
                section = _Section(section.level, section.heading)
        kept.append(section)
    return kept


def _filled(sections: list[_Section]) -> list[_Section]:
    """The sections without those that neither have text nor a section with text below them."""
    kept = []
    below = [False] * 8
    for section in reversed(sections):
        level = section.level
        filled = section.has_text() or below[level]
        if filled or not level:
            kept.append(section)
        below[level:] = [False] * (8 - level)
        if filled:
            below[:level] = [True] * level
    return kept[::-1]
