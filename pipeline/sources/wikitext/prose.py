"""Wikitext to prose: the page as a reader would read it aloud.

What becomes of what:

    paragraphs        separated by a blank line; lines that the wiki joins are joined
    headings          lines of their own, without a mark; gone where nothing stands below them
    lists             "- " or the number, indented by two for each level; terms and what they mean
    sections of links dropped with their heading: by its name ("See also", in a hundred languages),
                      and where all that they hold is lists of links
    links             their labels; files, categories and links to other languages are gone
    templates         gone, but those whose content is prose (`templates.RENDER`)
    tables            gone, or a line for each row; also the sentence with a colon that introduced one
    references, comments, galleries, maps, scores: gone
    formulas          TeX between dollar signs
    code              verbatim between fences
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.sources.wikitext import gaps, headings, inline, markup, tables
from pipeline.sources.wikitext.markup import BLOCK, BREAK, Atoms
from pipeline.sources.wikitext.names import Site
from pipeline.sources.wikitext.templates import REMOVED

_HEADING = re.compile(r"^(={1,6}+)(.+?)(={1,6})[ \t\x03]*$", re.MULTILINE)
_PREFIX = re.compile(r"[*#:;\x03]*+[ \t]*")
_MARKS = re.compile(r"[*#:;]++")
# A line of a list in which there is nothing but links.
_LINK_LINE = re.compile(
    r"[*#:;]++(?:[ \t\x03,;.'\"«»„“”()–—-]++|\[\[[^\[\]\n]*+\]\]|\[(?:https?:)?//[^\[\]\n]*+\])*+$"
)
_UNSEEN_LINE = re.compile(r"(?:[\s\x03]++|\[\[[^\[\]\n|:]*+:[^\[\]\n]*+\]\]|</?div[^<>]*+>|----+)*+$")

_SPACES = re.compile(r"[ \t]{2,}|\t")
_BRACES = re.compile(r"\{\{[^{}\n]{0,200}\}(?!\})|\{\{+[^\n|{}]{0,60}\|?|\}\}+")
_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
# The end of a sentence behind which another begins: no abbreviation, as far as its length can tell.
_SENTENCE = re.compile(r"[。！？]|(?:[^\W\d_]{4}|\d\d|\))[.!?؟।][\"'”’»)]?(?= +[^\W\da-zà-ÿа-я_])")
_CELL = re.compile(r"<t[rdh]\b", re.IGNORECASE)
_LONGEST_LEAD_IN = 300
_RULE = re.compile(r"-{4,}")


@dataclass(frozen=True)
class _Section:
    """A heading (level 0: none, the lead) and the wikitext up to the next."""

    level: int
    heading: str
    body: str


def to_text(wikitext: str, title: str, site: Site, keep_links: bool = False, table_rows: bool = False) -> str:
    """The prose of a page, "" if there is none; time is linear in its length, whatever it is.

    title       stands for {{PAGENAME}}
    site        the wiki's names of namespaces
    keep_links  keeps the sections that hold only links
    table_rows  keeps data tables, a line for each row
    """
    atoms = Atoms()
    text = markup.without_extensions(markup.readable(wikitext), atoms)
    text = markup.without_templates(text, title)
    text = markup.without_tables(text, _rows(site, atoms) if table_rows else None)
    sections = _sections(text)
    if not keep_links:
        sections = _without_links(sections, site)
    blocks: list[tuple[int, str]] = []
    for section in sections:
        if section.level:
            heading = _line(inline.plain(section.heading, site).replace(BREAK, " ")).strip()
            blocks.append((section.level, heading))
        blocks += [(0, block) for block in _blocks(inline.plain(section.body, site))]
    blocks = _without_lead_ins(blocks)
    return atoms.restore("\n\n".join(_filled(blocks)))


def _rows(site: Site, atoms: Atoms) -> Callable[[str], str]:
    """What shows a table as rows, put aside as an atom."""

    def cell(wikitext: str) -> str:
        wikitext = _CELL.sub(r" \g<0>", markup.unshielded(wikitext))
        text = inline.plain(wikitext, site).replace(BREAK, " ")
        return " ".join(_line(text.replace("\n", " ")).split())

    def shown(table: str) -> str:
        rows = tables.as_rows(table, markup.shielded, cell)
        return atoms.block(rows) if rows else ""

    return shown


def _without_lead_ins(blocks: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The blocks without sentences that end in a colon and introduce what is gone: the next is a heading
    that is not below theirs, or there is none."""
    kept = []
    level = 0  # of the heading that the block stands below
    for at, (own, text) in enumerate(blocks):
        level = own or level
        if not own and text.endswith((":", "：")) and text[:2] != "- " and "\n" not in text:
            following = blocks[at + 1][0] if at + 1 < len(blocks) else 1
            if 0 < following <= (level or 1) and BLOCK not in text:
                text = _before_lead_in(text)
                if not text:
                    continue
        kept.append((own, text))
    return kept


def _before_lead_in(text: str) -> str:
    """A paragraph without its last sentence; as it is where it is long and has no other sentence."""
    ends = list(_SENTENCE.finditer(text))
    if ends:
        return text[: ends[-1].end()].rstrip()
    return "" if len(text) <= _LONGEST_LEAD_IN else text


def _sections(text: str) -> list[_Section]:
    found = []
    level, heading, at = 0, "", 0
    for match in _HEADING.finditer(text):
        found.append(_Section(level, heading, text[at : match.start()]))
        left, right = len(match[1]), len(match[3])
        level = min(left, right)
        heading = "=" * (left - level) + match[2] + "=" * (right - level)
        at = match.end()
    found.append(_Section(level, heading, text[at:]))
    return found


def _without_links(sections: list[_Section], site: Site) -> list[_Section]:
    """The sections that hold more than links, by their headings and by what stands in them."""
    kept = []
    dropped = 0  # level of the section that goes with those below it
    for section in sections:
        if dropped and section.level > dropped:
            continue
        dropped = 0
        if section.level:
            heading = inline.decoded(inline.unquoted(inline.plain(section.heading, site)))
            if headings.is_links_only(heading.replace(REMOVED, "")):
                dropped = section.level
                continue
            if _is_links(section.body):
                section = _Section(section.level, section.heading, "")
        kept.append(section)
    return kept


def _is_links(body: str) -> bool:
    """Whether a section is lists of links and nothing else."""
    some = False
    for line in body.split("\n"):
        if not line:
            continue
        if line[0] in "*#:;":
            if not _LINK_LINE.match(line):
                return False
            some = some or "[" in line
        elif not _UNSEEN_LINE.match(line):
            return False
    return some


def _filled(blocks: list[tuple[int, str]]) -> list[str]:
    """The blocks without the headings (those of a level) that nothing stands below."""
    kept: list[str] = []
    below = [False] * 8
    for level, text in reversed(blocks):
        if level:
            if not below[level]:
                continue
            below[level:] = [False] * (8 - level)
        else:
            below = [True] * 8
        if text:
            kept.append(text)
    return kept[::-1]


def _blocks(text: str) -> list[str]:
    """Paragraphs, lists and atoms of a section, in order, each without empty lines."""
    blocks: list[str] = []
    held: list[str] = []  # lines of a paragraph
    items: list[str] = []  # lines of a list
    spaced: list[str] = []  # lines that begin with a space, shown as they stand
    counts: dict[str, int] = {}

    def flush() -> None:
        if held:
            block = _paragraph(held)
            if block:
                blocks.append(block)
            held.clear()
        if items:
            blocks.append("\n".join(items))
            items.clear()
            counts.clear()
        if spaced:
            lines = [_line(part, spaces=True).rstrip() for line in spaced for part in line.split(BREAK)]
            lines = [line for line in lines if line]
            if lines:
                blocks.append("\n".join(lines) if len(lines) > 1 else lines[0].strip())
            spaced.clear()

    for line in text.split("\n"):
        first = line[:1]
        if first == REMOVED:  # what was taken out does not make a line
            stripped = line.lstrip(REMOVED)
            if not stripped.strip(f" {REMOVED}{BREAK}"):
                flush()
                continue
            if stripped[0] in "*#:;":
                line, first = stripped, stripped[0]
        if not first or line.isspace():
            flush()
        elif first in "*#:;":
            if held or spaced:
                flush()
            _item(line, items, counts)
        elif first == BLOCK:
            flush()
            blocks.append(line.strip())
        elif first == "|" or line.startswith("{|"):
            pass  # what is left of a table or a template
        elif first == " " and len(line) > 1 and not held:
            if items:
                flush()
            spaced.append(line[1:])
        elif first == "-" and _RULE.match(line):
            flush()
            if rest := line.lstrip("-").strip():
                held.append(rest)
        else:
            if items or spaced:
                flush()
            held.append(line)
    flush()
    return blocks


def _paragraph(lines: list[str]) -> str:
    """Lines joined as the wiki joins them: by a space, but not between ideographs."""
    text = lines[0].strip()
    for line in lines[1:]:
        line = line.strip()
        joined = not line or not text or (_CJK.match(text[-1]) and _CJK.match(line[0]))
        text += line if joined else f" {line}"
    return _broken(text)


def _broken(text: str) -> str:
    if BREAK in text:
        lines = (_line(part).strip() for part in text.split(BREAK))
        shown = "\n".join(line for line in lines if line)
    else:
        shown = _line(text).strip()
    if len(shown) < 4 and REMOVED in text and not any(map(str.isalnum, shown)):
        return ""  # the full stop behind a template
    return shown


def _item(line: str, items: list[str], counts: dict[str, int]) -> None:
    """Adds the line of a list, marked and indented, to `items`."""
    found = _MARKS.match(line)
    marks = found[0] if found else ""
    raw = line[len(marks) :].lstrip()
    content = _broken(raw).replace("\n", " ")
    if raw.startswith(REMOVED):
        content = content.lstrip(" –—-")
    # "1967: " and a flag, a code and a link that a template made: nothing is left to say.
    if not content.strip(" ,;.:–—-()") or (content[-1] in ":–-" and raw.rstrip().endswith(REMOVED)):
        return
    marks = marks[:12]
    last = marks[-1]
    depth = sum(1 for mark in marks[:-1] if mark in "*#")
    if last == "*":
        shown = f"{'  ' * depth}- {content}"
    elif last == "#":
        count = counts[marks] = counts.get(marks, 0) + 1
        shown = f"{'  ' * depth}{count}. {content}"
    elif last == ";":
        term, colon, meaning = content.partition(" : ")
        shown = f"{term}: {meaning}" if colon else content
    else:
        shown = f"{'  ' * depth}{content}"
    for longer in [key for key in counts if len(key) > len(marks)]:
        del counts[longer]
    if last != "#":
        for same in [key for key in counts if len(key) == len(marks)]:
            del counts[same]
    items.append(shown)


def _line(line: str, spaces: bool = False) -> str:
    """A line of text in its final form: no quotes of bold, no trace of what was taken out.

    spaces   runs of spaces stay
    """
    if "''" in line:
        line = inline.unquoted(line)
    if "{{" in line or "}}" in line:
        line = _BRACES.sub("", line)
    if "[[" in line or "]]" in line:
        line = line.replace("[[", "").replace("]]", "")
    if REMOVED in line:
        line = gaps.closed(line)
    line = inline.decoded(line)
    return line if spaces or not ("  " in line or "\t" in line) else _SPACES.sub(" ", line)
