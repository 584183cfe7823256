"""Dumps of two invented wikis: multistream XML in bzip2, and the index of its streams."""

import bz2
from pathlib import Path
from xml.sax.saxutils import escape

from planted import DROPPED, KEPT, SKIPPED, Part, Planted, headed

PAGES_PER_STREAM = 4  # a hundred in real dumps
NAMESPACES = {
    "en": {-1: "Special", 0: "", 1: "Talk", 2: "User", 6: "File", 10: "Template", 14: "Category"},
    "de": {-1: "Spezial", 0: "", 1: "Diskussion", 2: "Benutzer", 6: "Datei", 10: "Vorlage", 14: "Kategorie"},
}
_FATES = {
    "redirect": (DROPPED, "wikipedia_redirect"),
    "disambiguation": (DROPPED, "wikipedia_disambiguation"),
    "stub": (KEPT, ""),
    "talk": (SKIPPED, "namespace"),
    "template": (SKIPPED, "namespace"),
    "category": (SKIPPED, "namespace"),
    "file": (SKIPPED, "namespace"),
}


def wikipedia(folder: Path) -> list[Planted]:
    return [*_dump(folder, "en", "Tidewiki"), *_dump(folder, "de", "Gezeitenwiki")]


def _dump(folder: Path, language: str, name: str) -> list[Planted]:
    stem = f"{language}tidewiki-20240401-pages-articles-multistream"
    file = f"wikipedia/{stem}.xml.bz2"
    pages = headed(f"wikipedia_{language}.txt")
    data = bz2.compress(_head(language, name).encode())
    index = []
    for first in range(0, len(pages), PAGES_PER_STREAM):
        some = pages[first : first + PAGES_PER_STREAM]
        index += [f"{len(data)}:{page.one('id')}:{page.name}\n" for page in some]
        data += bz2.compress("".join(map(_page, some)).encode())
    data += bz2.compress(b"</mediawiki>\n")
    (folder / file).write_bytes(data)
    (folder / f"wikipedia/{stem}-index.txt.bz2").write_bytes(bz2.compress("".join(index).encode()))
    return [_planted(file, language, page) for page in pages]


def _planted(file: str, language: str, page: Part) -> Planted:
    kind = page.one("kind")
    fate, by = _FATES.get(kind, (KEPT, ""))
    holds = tuple(page.header.get("holds", ()))
    facts: dict[str, object] = {} if fate == SKIPPED else {"title": page.name, "stated_language": language}
    return Planted(file, page.name, kind, fate, by, holds, tuple(page.header.get("lacks", ())), facts)


def _head(language: str, name: str) -> str:
    spaces = "".join(
        f'      <namespace key="{key}" case="first-letter">{space}</namespace>\n'
        if space
        else f'      <namespace key="{key}" case="first-letter" />\n'
        for key, space in NAMESPACES[language].items()
    )
    return f"""\
<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.mediawiki.org/xml/export-0.11/ \
http://www.mediawiki.org/xml/export-0.11.xsd" version="0.11" xml:lang="{language}">
  <siteinfo>
    <sitename>{name}</sitename>
    <dbname>{language}tidewiki</dbname>
    <base>https://{language}.tidewiki.example/wiki/{"Main_Page" if language == "en" else "Hauptseite"}</base>
    <generator>MediaWiki 1.42.0</generator>
    <case>first-letter</case>
    <namespaces>
{spaces}    </namespaces>
  </siteinfo>
"""


def _page(page: Part) -> str:
    redirect = (
        f'    <redirect title="{escape(page.one("redirect"))}" />\n' if "redirect" in page.header else ""
    )
    number = int(page.one("id"))
    text = escape(page.body)
    return f"""\
  <page>
    <title>{escape(page.name)}</title>
    <ns>{page.one("ns", "0")}</ns>
    <id>{number}</id>
{redirect}    <revision>
      <id>{number + 7000}</id>
      <parentid>{number + 6000}</parentid>
      <timestamp>2024-03-{number % 28 + 1:02}T08:{number % 60:02}:00Z</timestamp>
      <contributor>
        <username>Harrow</username>
        <id>3</id>
      </contributor>
      <comment>copy &amp; paste of &lt;nothing&gt;</comment>
      <origin>{number + 7000}</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="{len(page.body.encode())}" xml:space="preserve">{text}</text>
      <sha1>none</sha1>
    </revision>
  </page>
"""
