"""One run over all seven sources: the command line on Ray, against what was planted in the sample."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from pipeline import sql
from pipeline.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PLANTED: dict[str, list[dict[str, Any]]] = json.loads(
    (EXAMPLES / "seven" / "PLANTED.json").read_text(encoding="utf-8")
)
PAGES: list[dict[str, Any]] = json.loads((EXAMPLES / "sample" / "PLANTED.json").read_text(encoding="utf-8"))[
    "captures"
]
READ = [(source, one) for source, found in PLANTED.items() for one in found if one["fate"] != "skipped"]

# What names a document of each source, as `key` does in PLANTED.json.
KEYS = """CASE source
    WHEN 'github' THEN CASE WHEN origin LIKE '%.parquet'
        THEN github_repository || '/' || github_path ELSE github_path END
    WHEN 'wikipedia' THEN title
    WHEN 'arxiv' THEN arxiv_id
    WHEN 'gutenberg' THEN gutenberg_book::VARCHAR
    ELSE url END"""
BOTH = "(FROM documents UNION ALL BY NAME FROM dropped)"

# The records that a document of each source was made from start so.
STARTS = {
    "commoncrawl": (b"WARC/1.0\r\n", b"http://"),
    "c4": (b'{"text": ',),
    "wikipedia": (b"<page>",),
    "arxiv": (b"\\document", b"\x1f\x8b"),
    "stackexchange": (b"<row Id=",),
    "gutenberg": (b"This book was made up", b"\xef\xbb\xbfThis book was made up", b"<!DOCTYPE html>"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where examples/llama1.yaml was run; only the paths of its input are not as they stand there."""
    folder = tmp_path_factory.mktemp("llama1")
    text = (EXAMPLES / "llama1.yaml").read_text(encoding="utf-8")
    assert "output: out/llama1-sample\n" in text
    (folder / "llama1.yaml").write_text(
        text.replace("examples/seven/", f"{EXAMPLES}/seven/").replace(
            "examples/sample/", f"{EXAMPLES}/sample/"
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pipeline", "run", "llama1.yaml"]
    around = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=folder, env=around)
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


@pytest.fixture(scope="module")
def views(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect(str(folder / "out" / "llama1-sample")) as connection:
        yield connection


@pytest.fixture(scope="module")
def fates(views: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], tuple[list[str], str]]:
    """By source, file and key: the rules that dropped a document, none for what was kept, and its text."""
    query = f"SELECT source, split_part(origin, '!', 1), {KEYS}, coalesce(dropped_by, []), text FROM {BOTH}"
    found = {}
    for source, logical, key, rules, text in views.execute(query).fetchall():
        if logical != "sample.warc.gz":
            found[source, logical, key] = rules, text
    return found


def fate(fates: dict[tuple[str, str, str], Any], source: str, one: dict[str, Any]) -> tuple[list[str], str]:
    """What became of a planted document; KeyError where it was not read."""
    file = one["file"].removeprefix(f"{source}/")
    names = (file, file.rsplit("/", 1)[-1])  # the logical path depends on where the pattern's wildcard is
    [found] = [fates[source, name, one["key"]] for name in set(names) if (source, name, one["key"]) in fates]
    rules, text = found
    return rules, text


def test_every_planted_document_is_read_and_no_other(fates: dict[tuple[str, str, str], Any]) -> None:
    assert Counter(source for source, _, _ in fates) == Counter(source for source, _ in READ)
    for source, one in READ:
        fate(fates, source, one)


def test_every_document_meets_its_fate(fates: dict[tuple[str, str, str], Any]) -> None:
    wrong = []
    for source, one in READ:
        rules, _ = fate(fates, source, one)
        right = one["by"] in rules if one["fate"] == "dropped" else not rules
        if "group" in one and rules == ["exact_duplicate"]:
            right = True  # which of the copies stays is asked below
        if not right:
            wrong.append((source, one["key"], one["by"] or "kept", rules))
    assert wrong == []


def test_of_copies_one_stays(fates: dict[tuple[str, str, str], Any]) -> None:
    kept: Counter[str] = Counter()
    for source, one in READ:
        if "group" in one:
            kept[one["group"]] += not fate(fates, source, one)[0]
    assert kept == {"tuning": 1, "smallcsv": 1, "pond": 1}


def test_texts_are_as_planted(fates: dict[tuple[str, str, str], Any]) -> None:
    wrong = []
    for source, one in READ:
        rules, text = fate(fates, source, one)
        at = 0
        for piece in one.get("holds", []):
            place = text.find(piece, at)
            if place < 0:
                wrong.append((source, one["key"], "holds", piece))
            at = max(at, place)
        wrong += [(source, one["key"], "also", piece) for piece in one.get("also", []) if piece not in text]
        absent = [*one.get("lacks", []), *(one.get("cleaned", []) if not rules else [])]
        wrong += [(source, one["key"], "lacks", piece) for piece in absent if piece in text]
    assert wrong == []


def test_of_the_crawl_english_pages_stay_and_others_go(views: duckdb.DuckDBPyConnection) -> None:
    query = f"SELECT \"offset\", dropped_by FROM {BOTH} WHERE origin = 'sample.warc.gz'"
    rules = dict(views.execute(query).fetchall())
    assert sorted(rules) == sorted(one["offset"] for one in PAGES if one["fate"] != "skipped")
    others = [one for one in PAGES if one["kind"] == "other_language"]
    # What is too short is not asked for its language.
    assert all({"not_english", "ccnet_short"}.intersection(rules[one["offset"]]) for one in others)
    english = [one for one in PAGES if one["kind"] == "english"]
    assert sum(not rules[one["offset"]] for one in english) > 0.8 * len(english)


def test_what_is_no_document_is_counted(views: duckdb.DuckDBPyConnection) -> None:
    # The name of a unit starts with that of its source.
    query = "SELECT split_part(unit, '-', 1), reason, sum(records)::INTEGER FROM skipped GROUP BY ALL"
    counted = {(source, reason): count for source, reason, count in views.execute(query).fetchall()}
    planted = Counter(
        (source, one["by"]) for source, found in PLANTED.items() for one in found if one["fate"] == "skipped"
    )
    for (source, reason), count in planted.items():
        assert counted[source, reason] >= count, (source, reason)
    assert {key for key in counted if key[0] != "commoncrawl"} == {
        key for key in planted if key[0] != "commoncrawl"
    }


def test_the_shards_hold_all_seven_sources(views: duckdb.DuckDBPyConnection, folder: Path) -> None:
    query = "SELECT source, sum(tokens)::INTEGER FROM shards GROUP BY source"
    tokens = dict(views.execute(query).fetchall())
    assert set(tokens) == set(PLANTED)
    assert max(tokens, key=lambda source: tokens[source]) == "commoncrawl"
    shards = list((folder / "out" / "llama1-sample" / "shards").glob("llama1-sample-*.parquet"))
    assert len(shards) > 1
    [(known,)] = views.execute(
        "SELECT count(*) FROM shards WHERE id NOT IN (SELECT id FROM documents)"
    ).fetchall()
    assert known == 0


def original(folder: Path, identity: str) -> bytes:
    """What `winnow show ID --part original` prints."""
    output = str(folder / "out" / "llama1-sample")
    done = CliRunner().invoke(app, ["show", identity, output, "--part", "original"])
    assert done.exit_code == 0, done.exception
    return done.stdout_bytes


@pytest.mark.parametrize("source", STARTS)
def test_the_original_of_a_document_is_shown(
    source: str, views: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    query = "SELECT id, origin FROM documents WHERE source = ? ORDER BY origin, id LIMIT 1"
    [(identity, origin)] = views.execute(query, [source]).fetchall()
    shown = original(folder, identity)
    assert shown.lstrip().startswith(STARTS[source]), (origin, shown[:80])


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "bundle", "parquet"])
def test_a_file_of_code_is_shown_as_it_stands(
    ending: str, views: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    """The licence header that the recipe takes out is there again."""
    query = f"""SELECT id, text FROM documents WHERE source = 'github'
        AND (origin LIKE '%.{ending}' OR origin LIKE '%.{ending}!%') AND text <> '' ORDER BY origin, id"""
    found = views.execute(query).fetchall()
    identity, text = next((row for row in found if "# SPDX" not in row[1]), found[0])
    shown = original(folder, identity)
    assert text.strip().encode() in shown
