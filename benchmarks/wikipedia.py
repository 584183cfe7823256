"""Wikitext to text beside mwparserfromhell's strip_code() and wikiextractor, on the same pages.

    python benchmarks/wikipedia.py DUMP... [--rounds 3]

DUMP is any input of `read: wikipedia`. Every side turns the same wikitexts (articles, no redirects) into
text, one process, CPU time, in turns; the ratio is of the medians. wikiextractor takes part where it is
installed. Then the texts are compared:

    left     pieces of markup that are still in the text, for each million characters of it
    runs     share of the runs of plain words of the wikitext that are in the text: at least six words
             on a line without any markup, outside templates, tables, references and sections of links
"""

import argparse
import importlib
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mwparserfromhell

from pipeline import inputs, store
from pipeline.source import Reading
from pipeline.sources.wikipedia import SOURCE
from pipeline.sources.wikitext import dumps, prose, xml_pages
from pipeline.sources.wikitext.headings import is_links_only
from pipeline.sources.wikitext.names import Site, redirect_target, site

LEFT = {
    "{{ or }}": re.compile(r"\{\{|\}\}"),
    "[[ or ]]": re.compile(r"\[\[|\]\]"),
    "''": re.compile(r"''"),
    "tags": re.compile(
        r"</?(?:ref|small|br|span|div|sup|sub|table|tr|td|center|gallery|math|nowiki|code|i|b)\b"
    ),
    "table rows": re.compile(r"^\s*(?:\{\||\|[-}+]|!\s|\|\s)", re.MULTILINE),
    "|": re.compile(r"\|"),
    "thumb, px": re.compile(r"\bthumb\b\||\b\d+px\b"),
    "headings' =": re.compile(r"^=+[^=\n]+=+\s*$", re.MULTILINE),
    "list marks": re.compile(r"^[*#:;]", re.MULTILINE),
    "entities": re.compile(r"&(?:[a-z]{2,8}|#\d+);"),
    "() and ( ,": re.compile(r"\(\s*[,;:]|\(\s*\)|[,;]\s*\)"),
}
FORMULAS = re.compile(r"\$[^$\n]+\$|```.*?```", re.DOTALL)  # braces and bars of TeX and code are no markup
PLAIN = re.compile(r"(?:[\w,-]+ ){5,}[\w,-]+[.]?")
HIDDEN = re.compile(r"<!--.*?-->|<ref\b[^>]*/>|<ref\b[^>]*>.*?</ref>", re.DOTALL)
HEADING = re.compile(r"^==+([^=\n]+)==+", re.MULTILINE)

Convert = Callable[[str, str, Site], str]


@dataclass(frozen=True)
class Article:
    title: str
    text: str
    names: Site


def articles(patterns: list[str]) -> Iterator[Article]:
    """The articles of all files: namespace 0, no redirects."""
    files = inputs.expand(patterns)
    for unit in SOURCE.units("wikipedia", files, SOURCE.options()) if SOURCE.units else ():
        reading = Reading(unit, SOURCE.options(), lambda path=unit.path: store.open_input(path), Counter())  # type: ignore[misc]
        with reading.open() as file:
            for found in dumps.found(reading, file):
                page = xml_pages.parsed(found.data) if found.kind is dumps.Kind.XML and found.data else None
                if page and page.namespace == 0 and not page.is_redirect and not redirect_target(page.text):
                    yield Article(page.title, page.text, site(found.head.namespaces))


def by_winnow(text: str, title: str, names: Site) -> str:
    return prose.to_text(text, title, names)


def by_mwparserfromhell(text: str, title: str, names: Site) -> str:
    del title, names
    return str(mwparserfromhell.parse(text).strip_code())


def by_wikiextractor() -> Convert | None:
    try:
        extract = importlib.import_module("wikiextractor.extract")
    except ImportError:
        return None

    def convert(text: str, title: str, names: Site) -> str:
        del names
        extractor = extract.Extractor("1", "1", "https://example.org/wiki", title, [])
        return "\n".join(extractor.clean_text(text, expand_templates=False, html_safe=False))

    return convert


def timed(convert: Convert, pages: list[Article]) -> tuple[float, list[str]]:
    started = time.process_time()
    texts = [convert(page.text, page.title, page.names) for page in pages]
    return time.process_time() - started, texts


def left(texts: list[str]) -> dict[str, float]:
    """Pieces of markup for each million characters."""
    bare = [FORMULAS.sub("", text) for text in texts]
    size = sum(map(len, bare)) / 1e6
    return {
        name: sum(len(found.findall(text)) for text in bare) / max(size, 1e-9) for name, found in LEFT.items()
    }


def plain_runs(text: str) -> Iterator[str]:
    """Runs of plain words of a wikitext, outside of whatever a reader does not see as prose."""
    depth = 0
    hidden = False
    for line in HIDDEN.sub("|", text).split("\n"):
        heading = HEADING.match(line)
        if heading:
            hidden = is_links_only(heading[1].strip())
        opened = depth
        depth += line.count("{{") + line.count("{|") - line.count("}}") - line.count("|}")
        depth = max(depth, 0)
        marked = any(
            mark in line for mark in ("{{", "}}", "{|", "|}", "<", "[[File", "[[Image", "|", "''", "&")
        )
        if not (opened or depth or hidden or marked) and line[:1] not in (
            "|",
            "!",
            "*",
            "#",
            ":",
            ";",
            " ",
            "=",
        ):
            yield from PLAIN.findall(re.sub(r"\[\[[^\[\]]*\]\]", "\n", line))


def kept(texts: list[str], pages: list[Article]) -> float:
    total = there = 0
    for page, text in zip(pages, texts, strict=True):
        flat = " ".join(text.split())
        for run in plain_runs(page.text):
            total += 1
            there += run in flat
    return there / max(total, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    pages = list(articles(given.dumps))
    size = sum(len(page.text.encode()) for page in pages) / 1e6
    print(f"{len(pages):,} articles, {size:.1f} MB of wikitext")
    sides: dict[str, Convert] = {"winnow": by_winnow, "mwparserfromhell": by_mwparserfromhell}
    peer = by_wikiextractor()
    if peer is None:
        print("wikiextractor is not installed, so it does not take part")
    else:
        sides["wikiextractor"] = peer
    times: dict[str, list[float]] = {name: [] for name in sides}
    texts: dict[str, list[str]] = {}
    for _ in range(given.rounds):
        for name, convert in sides.items():
            seconds, texts[name] = timed(convert, pages)
            times[name].append(seconds)
    own = statistics.median(times["winnow"])
    print(f"{'':18}{'pages/s':>10}{'MB/s':>8}{'winnow is':>12}{'characters':>13}{'runs kept':>11}")
    for name, rounds in times.items():
        median = statistics.median(rounds)
        characters = sum(map(len, texts[name]))
        print(
            f"{name:18}{len(pages) / median:10,.0f}{size / median:8.2f}{median / own:11.1f}×{characters:13,}"
            f"{kept(texts[name], pages):11.2%}"
        )
    print("\nmarkup left, pieces in a million characters (formulas and code apart)")
    print(f"{'':18}" + "".join(f"{name:>18}" for name in sides))
    counts = {name: left(texts[name]) for name in sides}
    for mark in LEFT:
        print(f"{mark:18}" + "".join(f"{counts[name][mark]:18.1f}" for name in sides))


if __name__ == "__main__":
    main()
