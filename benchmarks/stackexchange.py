"""Stack Exchange dumps beside plain Python: ElementTree, a dict of answers, html.parser or BeautifulSoup.

    python benchmarks/stackexchange.py POSTS... [--rounds 3]

POSTS are any inputs of `read: stackexchange`, best `Posts.xml.gz` with the sites' names in their paths.
Every side reads the same bytes, unpacked in memory before; one process, CPU time, in turns; ratios are of
the medians. Two comparisons:

    rows        the attributes of every post
    documents   questions with their answers, HTML to text, answers by score

The plain reader keeps all answers in memory, as published scripts do, and takes get_text() for text: it
has neither lists' marks nor code blocks. BeautifulSoup takes part where it is installed.
"""

import argparse
import importlib
import importlib.util
import io
import statistics
import time
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from lxml import etree

from pipeline import store
from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources.stackdump import posts
from pipeline.sources.stackexchange import SOURCE
from pipeline.sources.streams import chunks

Texts = Callable[[str], str]


def attributes_by_winnow(data: bytes) -> int:
    """How many posts there are, each with its attributes read."""
    rows = posts.rows([data[at : at + (1 << 20)] for at in range(0, len(data), 1 << 20)], Counter())
    return sum(posts.attributes(row.raw) is not None for row in rows)


def attributes_by_elementtree(data: bytes) -> int:
    count = 0
    for _, element in ElementTree.iterparse(io.BytesIO(data)):
        if element.tag == "row":
            count += bool(dict(element.attrib))
            element.clear()
    return count


def attributes_by_lxml(data: bytes) -> int:
    count = 0
    for _, element in etree.iterparse(io.BytesIO(data), tag="row", resolve_entities=False):
        count += bool(dict(element.attrib))
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def attributes_by_expat(data: bytes) -> int:
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += name == "row" and bool(attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(data, True)
    return count


def documents_by_winnow(data: bytes) -> int:
    unit = Unit("se", "se", "site/Posts.xml", "site/Posts.xml", len(data), "")
    reading = Reading(unit, SOURCE.options(), lambda: io.BytesIO(data), Counter())
    return sum(table.num_rows for table in SOURCE.read(reading))


def documents_by(text_of: Texts) -> Callable[[bytes], int]:
    """The plain reader with that conversion of HTML."""

    def documents(data: bytes) -> int:
        questions: dict[str, dict[str, str]] = {}
        answers: dict[str, list[dict[str, str]]] = {}
        for _, element in ElementTree.iterparse(io.BytesIO(data)):
            if element.tag != "row":
                continue
            row = dict(element.attrib)
            element.clear()
            if row.get("PostTypeId") == "1":
                questions[row["Id"]] = row
            elif row.get("PostTypeId") == "2":
                answers.setdefault(row["ParentId"], []).append(row)
        made = []
        for number, question in questions.items():
            replies = sorted(answers.get(number, []), key=lambda row: int(row["Score"]), reverse=True)
            parts = [f"Q: {question['Title']}\n{text_of(question['Body'])}"]
            parts += [f"A: {text_of(reply['Body'])}" for reply in replies]
            made.append("\n".join(parts))
        return len(made)

    return documents


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def text_by_html_parser(html: str) -> str:
    parser = _Plain()
    parser.feed(html)
    parser.close()
    return "".join(parser.pieces)


def beautiful_soup() -> Texts | None:
    """BeautifulSoup's text over lxml, the faster of its parsers."""
    if importlib.util.find_spec("bs4") is None:
        return None
    soup: Any = importlib.import_module("bs4").BeautifulSoup

    def text(html: str) -> str:
        found: str = soup(html, "lxml").get_text()
        return found

    return text


def unpacked(path: str) -> bytes:
    with store.open_input(path) as file:
        return b"".join(chunk.data for chunk in chunks(file))


def compare(title: str, sides: dict[str, Callable[[bytes], int]], dumps: list[bytes], rounds: int) -> None:
    """Prints the median seconds of each side, MB/s, and how many times as long as the first it takes."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    counts: dict[str, int] = {}
    for _ in range(rounds):
        for name, side in sides.items():
            start = time.process_time()
            counts[name] = sum(map(side, dumps))
            seconds[name].append(time.process_time() - start)
    if len(set(counts.values())) > 1:
        raise SystemExit(f"the sides do not agree: {counts}")
    first = statistics.median(next(iter(seconds.values())))
    size = sum(map(len, dumps)) / 1e6
    print(f"\n{title}: {next(iter(counts.values())):,} from {size:,.1f} MB of XML")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(
            f"  {name:32} {median:7.2f} s  {size / median:7.1f} MB/s  {counts[name] / median:9,.0f}/s"
            f"  {median / first:5.2f}×"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("posts", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    dumps = [unpacked(file.path) for file in expand(arguments.posts)]
    compare(
        "rows",
        {
            "winnow": attributes_by_winnow,
            "ElementTree.iterparse": attributes_by_elementtree,
            "lxml.iterparse": attributes_by_lxml,
            "expat": attributes_by_expat,
        },
        dumps,
        arguments.rounds,
    )
    sides = {
        "winnow": documents_by_winnow,
        "ElementTree, html.parser": documents_by(text_by_html_parser),
    }
    soup = beautiful_soup()
    if soup is not None:
        sides["ElementTree, BeautifulSoup(lxml)"] = documents_by(soup)
    compare("documents", sides, dumps, arguments.rounds)


if __name__ == "__main__":
    main()
