"""The sample's texts as pages: reads the plain files of `texts/` and puts them into `layouts/`.

A text file starts with header lines (`title: …`), then an empty line, then blocks parted by empty
lines: paragraphs, `## headings`, `- list items`, `| table | rows |`, `@ posts of a forum` and code
indented by four spaces. Lines of a paragraph or item are joined.
"""

import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

import yaml

HERE = Path(__file__).parent
UNSPACED = ("zh", "ja")  # languages that put no space between words


@dataclass(frozen=True)
class Page:
    """A text and what its header says.

    folder   english, other, junk or lost
    blocks   (kind, lines) in the order of the page; kind is one of paragraph, heading, list,
             table, post, code
    """

    name: str
    folder: str
    header: Mapping[str, str]
    blocks: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def url(self) -> str:
        return self.header["url"]

    @property
    def language(self) -> str:
        return self.header.get("lang", "en")

    def changed(self, changes: Mapping[str, str], **header: str) -> "Page":
        """A copy with other words and header lines; ValueError if a text to replace is not there."""
        text = "\n".join([*self.header.values(), *(line for _, lines in self.blocks for line in lines)])
        for old in changes:
            if old not in text:
                raise ValueError(f"{self.folder}/{self.name}: there is no {old!r} to replace")

        def edit(line: str) -> str:
            for old, new in changes.items():
                line = line.replace(old, new)
            return line

        blocks = tuple((kind, tuple(map(edit, lines))) for kind, lines in self.blocks)
        edited = {key: edit(value) for key, value in self.header.items()}
        return replace(self, header={**edited, **header}, blocks=blocks)


@dataclass(frozen=True)
class Site:
    """An invented web site; `layout` names a file of `layouts/`."""

    name: str
    line: str
    layout: str
    menu: Sequence[str]


def read_pages(folder: str) -> list[Page]:
    """All pages of a folder of `texts/`, by name."""
    return [_read(path, folder) for path in sorted((HERE / "texts" / folder).glob("*.txt"))]


def _read(path: Path, folder: str) -> Page:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    space = "" if header.get("lang") in UNSPACED else " "
    blocks = [_block(part, space) for part in body.strip("\n").split("\n\n")]
    times = int(header.get("repeat", "1"))
    if times > 1:
        blocks = [(kind, tuple(space.join([line] * times) for line in lines)) for kind, lines in blocks]
    return Page(path.stem, folder, header, tuple(blocks))


def _block(text: str, space: str) -> tuple[str, tuple[str, ...]]:
    lines = text.splitlines()
    if text.startswith("    "):
        return "code", tuple(line[4:] for line in lines)
    if text.startswith("## "):
        return "heading", (text[3:],)
    if text.startswith("| "):
        return "table", tuple(lines)
    if text.startswith("@ "):
        return "post", (lines[0][2:], space.join(lines[1:]))
    if text.startswith("- "):
        items = ("\n" + text).split("\n- ")[1:]
        return "list", tuple(space.join(line.strip() for line in item.splitlines()) for item in items)
    return "paragraph", (space.join(line.strip() for line in lines),)


def read_sites() -> dict[str, Site]:
    """The sites of `sites.yaml` by host."""
    described: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "sites.yaml").read_text(encoding="utf-8"))
    return {host: Site(**fields) for host, fields in described.items()}


def host_of(url: str) -> str:
    """The host of a URL in lower case, without `www.`."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def site_of(url: str, sites: Mapping[str, Site]) -> Site:
    """The site that a URL belongs to; one of few words if it is not among `sites`."""
    host = host_of(url)
    name = host.removesuffix(".example").rsplit(".", 1)[-1].replace("-", " ").title()
    return sites.get(host) or Site(name, "", "small", ("Home", "About", "Contact"))


def render(page: Page, site: Site, neighbours: Sequence[Page]) -> str:
    """The page's HTML: its text amid the site's menu, side bar, links to neighbours and footer."""
    layout = page.header.get("layout", site.layout)
    charset = ""
    if page.header.get("declared-in") == "meta":
        declared = page.header.get("declared-as", page.header.get("encoding", "utf-8"))
        charset = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">'
    menu = [(f"/{number}/", label) for number, label in enumerate(site.menu)]
    related = [(urlsplit(other.url).path, other.header["title"]) for other in neighbours]
    template = Template((HERE / "layouts" / f"{layout}.html").read_text(encoding="utf-8"))
    return template.substitute(
        lang=page.language,
        charset=charset,
        title=html.escape(page.header["title"]),
        site=html.escape(site.name),
        line=html.escape(site.line),
        url=html.escape(page.url),
        by=html.escape(page.header.get("by", "")),
        date=html.escape(page.header.get("date", "")),
        nav_items="\n".join(f'<li><a href="{to}">{html.escape(label)}</a></li>' for to, label in menu),
        nav_line=" | ".join(f'<a href="{to}">{html.escape(label)}</a>' for to, label in menu),
        related="\n".join(f'<li><a href="{to}">{html.escape(label)}</a></li>' for to, label in related),
        body="\n".join(_markup(page.blocks)),
    )


def _markup(blocks: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    for number, (kind, lines) in enumerate(blocks):
        safe = [html.escape(line) for line in lines]
        if kind == "heading":
            yield f"<h2>{safe[0]}</h2>"
        elif kind == "list":
            yield "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in safe) + "\n</ul>"
        elif kind == "table":
            yield "<table>\n" + "\n".join(_row(line, n == 0) for n, line in enumerate(safe)) + "\n</table>"
        elif kind == "code":
            yield "<pre><code>" + "\n".join(safe) + "</code></pre>"
        elif kind == "post":
            author, _, when = safe[0].partition(", ")
            yield (
                f'<div class="post" id="p{number + 1}">'
                f'<div class="postprofile"><a href="/u/{author}">{author}</a></div>\n'
                f'<div class="postbody"><p class="author">{when}</p>'
                f'<div class="content"><p>{safe[1]}</p></div></div></div>'
            )
        else:
            yield f"<p>{safe[0]}</p>"


def _row(line: str, heading: bool) -> str:
    tag = "th" if heading else "td"
    cells = line.strip("| ").split(" | ")
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def number_of(*words: str) -> int:
    """A number that depends on nothing but the words, below 2**32."""
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:4], "big")
