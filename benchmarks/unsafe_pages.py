"""What the recipe `safety` and its signals do to real pages, and to pages with toxic comments.

    python benchmarks/unsafe_pages.py [--data FOLDER] [--pages]

Three tables: pages that each rule drops, those on health, law and education apart; how well `toxicity` tells
real pages with toxic comments put into them from those with harmless ones, by the length of its windows; and
how many pages made of comments the recipe drops. `--pages` lists the pages that the recipe drops, to be read.
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import csv
import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import real_texts
from classifiers import language, toxicity
from classifiers.training.metrics import roc_auc
from filters import blocklist
from pipeline import steps
from pipeline.batch import Batch
from pipeline.recipe import load_recipe

NOWHERE = "https://www.example.org/"
RULES = {
    "dirty_words > 0": "all_words > 0",
    "dirty_words_different >= 3 AND dirty_words_share > 0.01": "all_different >= 3 AND all_share > 0.01",
    "toxicity_score >= 0.5": "toxicity_score >= 0.5",
    "toxicity_max >= 0.9": "toxicity_max >= 0.9",
    "toxicity_share >= 0.1 AND toxicity_windows >= 5": "toxicity_share >= 0.1 AND toxicity_windows >= 5",
}
TOPICS = {
    "health": r"patient|diagnosis|diagnosed|cancer|symptom|disease|clinical|therapy|treatment|infection|hiv"
    r"|pregnan\w*|contracept\w*|abortion|fetus|surgery|doctor",
    "law": "court|judge|plaintiff|defendant|prosecutor|lawyer|attorney|convicted|sentenced|trial|police",
    "education": "student|teacher|school|university|curriculum|classroom|lesson|pupil|exam",
}


def archived(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and text of the pages of all WARC and WET files, as far as they can be read."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    kinds = WarcRecordType.response | WarcRecordType.conversion
    for path in sorted((folder / "warc").glob("*.w*")):
        if ".wat" in path.name:
            continue
        with open(path, "rb") as file:
            try:
                for record in ArchiveIterator(file, record_types=kinds, parse_http=True):
                    url = record.headers.get("WARC-Target-URI") or ""
                    if record.record_type == WarcRecordType.conversion:
                        yield url, record.reader.read().decode("utf-8", "replace")
                    elif record.http_headers and "html" in (record.http_content_type or ""):
                        raw = record.reader.read()
                        html = bytes_to_str(raw, detect_encoding(raw) or "utf-8")
                        yield url, extract_plain_text(html, main_content=True)
            except (OSError, ValueError):  # cut off or damaged on purpose
                continue


def pages(folder: Path) -> pa.Table:
    """Address, text and language of each page, equal texts once."""
    found: dict[str, str] = {}
    for text in (*real_texts.jsonl(folder), *real_texts.pages(folder)):
        host = re.match(r"daniel-dev/\d+_([^_]+)_", text.name)
        found.setdefault(text.text, text.url or (f"http://{host[1]}/" if host else NOWHERE))
    with gzip.open(folder / "labels" / "dclm-quality.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            found.setdefault(json.loads(line)["text"], NOWHERE)
    for url, page in archived(folder):
        found.setdefault(page, url)
    kept = {page: url for page, url in found.items() if page.strip() and len(page) <= real_texts.LONGEST}
    table = pa.table({"url": list(kept.values()), "text": list(kept)})
    stage = language.STAGE
    return table.append_column("language", stage.open(stage.options())(Batch(table))[0])


def signals(table: pa.Table, lists: bool) -> pa.Table:
    """With the columns of `blocklist`, of the recipe, and of all dirty words; `lists`: of domains too."""
    batch = Batch(table)
    options = blocklist.Options() if lists else blocklist.Options(lists=())
    batch.append(list(blocklist.STAGE.adds), list(blocklist.STAGE.open(options)(batch)))
    for step in load_recipe("safety").steps:
        if step.kind == "stage":
            stage = steps.stage(step.name)
            batch.append(list(stage.adds), list(stage.open(step.options)(batch)))
    words = steps.stage("dirty_words")
    every = words.open(words.options())(Batch(table))
    out = batch.table
    for name, values in zip(("all_words", "all_different", "all_share"), every, strict=False):
        out = out.append_column(name, values)
    return out


def unsafe() -> str:
    return next(rule.drop_if for step in load_recipe("safety").steps for rule in step.rules)


def by_topic(table: pa.Table, listed: bool) -> None:
    english = "language = 'en'"
    about = {
        topic: f"{english} AND len(regexp_extract_all(lower(text), '\\b({words})s?\\b')) >= 5"
        for topic, words in TOPICS.items()
    }
    parts = {
        "all": "true",
        **about,
        "other English": f"{english} AND NOT (" + " OR ".join(f"({one})" for one in about.values()) + ")",
        "other languages": "language <> 'en'",
    }
    rules = {"pages": "true", **RULES, "unsafe": unsafe()}
    print(f"{'':58}" + "".join(f"{part:>17}" for part in parts))
    with duckdb.connect() as connection:
        connection.register("pages", table)
        for name, rule in rules.items():
            counts = ", ".join(f"count(*) FILTER (({rule}) AND ({part}))" for part in parts.values())
            row = connection.execute(f"SELECT {counts} FROM pages").fetchall()[0]
            print(f"{name:58}" + "".join(f"{count:17,}" for count in row))
        if listed:
            chosen = f"SELECT url, language, left(text, 200) FROM pages WHERE {unsafe()}"
            for url, code, text in connection.execute(chosen).fetchall():
                print(f"  {code} {url}: {' '.join(text.split())}")


def comments(folder: Path) -> tuple[list[str], list[str]]:
    """Toxic ones and others."""
    with open(folder / "labels" / "surge-toxicity_en.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = ("Toxic", "Not Toxic")
    toxic, others = ([row["text"] for row in rows if row["is_toxic"] == kind] for kind in kinds)
    return toxic, others


def in_pages(table: pa.Table, folder: Path, count: int = 500) -> None:
    draw = np.random.default_rng(0)
    hosts = [
        text
        for text, code in zip(table["text"].to_pylist(), table["language"].to_pylist(), strict=True)
        if code == "en" and 3000 < len(text) < 10_000
    ]

    def page(kind: list[str], many: int) -> str:
        lines = hosts[draw.integers(len(hosts))].split("\n")
        for comment in draw.choice(kind, many, replace=False):
            lines.insert(int(draw.integers(len(lines) + 1)), str(comment))
        return "\n".join(lines)

    kinds = comments(folder)
    truth = np.repeat([True, False], count)
    for many in (1, 3, 10):
        made = pa.table({"text": pa.array([page(kind, many) for kind in kinds for _ in range(count)])})
        for window in (15, 30, 50, 100):
            options = toxicity.ToxicityOptions(language=toxicity.ANY, window=window)
            found = toxicity.STAGE.open(options)(Batch(made))
            told = zip(toxicity.STAGE.adds.names[:3], found, strict=False)
            areas = "  ".join(f"{name} {roc_auc(truth, values.to_numpy()):.3f}" for name, values in told)
            print(f"{many:2} comments, windows of {window:3} words: {areas}")


def of_comments(folder: Path, count: int = 200, size: int = 30) -> None:
    draw = np.random.default_rng(0)
    toxic, others = comments(folder)
    for many in (0, 3, 6, 15, 30):
        texts = []
        for _ in range(count):
            drawn = [
                *draw.choice(toxic, many, replace=False),
                *draw.choice(others, size - many, replace=False),
            ]
            texts.append("\n".join(draw.permutation(drawn)))
        table = pa.table({"url": [NOWHERE] * count, "text": texts, "language": ["en"] * count})
        found = duckdb.from_arrow(signals(table, lists=False)).project(unsafe()).fetchall()
        print(
            f"{many:2} toxic comments of {size}: {sum(bool(drops) for (drops,) in found) / count:.1%} dropped"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--pages", action="store_true", help="list the pages that the recipe drops")
    given = parser.parse_args()
    table = pages(given.data)
    by_topic(signals(table, lists=True), given.pages)
    in_pages(table, given.data)
    of_comments(given.data)


if __name__ == "__main__":
    main()
