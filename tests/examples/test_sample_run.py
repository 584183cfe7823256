"""The demo run over the bundled sample: what becomes of every capture, against what was planted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import sql
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "sample"
PLANTED: dict[str, Any] = json.loads((SAMPLE / "PLANTED.json").read_text(encoding="utf-8"))
CAPTURES: list[dict[str, Any]] = PLANTED["captures"]
READ = [one for one in CAPTURES if one["fate"] != "skipped"]


def run(folder: Path, **changed: str) -> str:
    """The output of examples/sample.yaml; its two paths are not as they stand there, nor `changed`."""
    file = folder / "sample.yaml"
    text = (ROOT / "examples" / "sample.yaml").read_text(encoding="utf-8")
    for there, here in (
        ("output: out/sample", f"output: {folder / 'out'}"),
        ("[examples/sample/sample.warc.gz]", f"[{SAMPLE / 'sample.warc.gz'}]"),
        *((f"recipe: {name}", step) for name, step in changed.items()),
    ):
        assert there in text
        text = text.replace(there, here)
    file.write_text(text, encoding="utf-8")
    Run(make_plan(load(str(file))), Settings("inline"), Progress(quiet=True))()
    return str(folder / "out")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def views(output: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql.connect(output) as connection:
        yield connection


@pytest.fixture(scope="module")
def fates(views: duckdb.DuckDBPyConnection) -> dict[int, list[str]]:
    """By offset in the sample, the rules that dropped each document; none for what was kept."""
    found = views.execute(
        'SELECT "offset", []::VARCHAR[] FROM documents UNION ALL SELECT "offset", dropped_by FROM dropped'
    ).fetchall()
    return dict(found)


@pytest.fixture(scope="module")
def texts(views: duckdb.DuckDBPyConnection) -> dict[int, str]:
    query = 'SELECT "offset", text FROM documents UNION ALL SELECT "offset", text FROM dropped'
    return dict(views.execute(query).fetchall())


def test_an_empty_page_is_read_and_dropped(fates: dict[int, list[str]], texts: dict[int, str]) -> None:
    [empty] = [one for one in CAPTURES if one["kind"] == "empty_body"]
    assert texts[empty["offset"]] == ""
    assert "extract_empty" in fates[empty["offset"]]


def test_every_capture_meets_its_fate(fates: dict[int, list[str]]) -> None:
    assert sorted(fates) == sorted(one["offset"] for one in READ)
    wrong = []
    for one in READ:
        dropped_by = fates[one["offset"]]
        right = one["by"] in dropped_by if one["fate"] == "dropped" else not dropped_by
        if not right:
            wrong.append((one["kind"], one["page"] or one["url"], one["by"] or "kept", dropped_by))
    assert wrong == []


def test_good_pages_are_kept(fates: dict[int, list[str]]) -> None:
    kept = [offset for offset, dropped_by in fates.items() if not dropped_by]
    assert len(kept) == sum(one["fate"] == "kept" for one in CAPTURES) >= 45


def test_records_left_out_are_counted_by_reason(views: duckdb.DuckDBPyConnection) -> None:
    counted = dict(views.execute("SELECT reason, records::INTEGER FROM skipped").fetchall())
    planned = Counter(one["by"] for one in CAPTURES if one["fate"] == "skipped")
    planned.update({kind: PLANTED["records"][kind] for kind in ("warcinfo", "request", "metadata")})
    assert counted == planned


def test_of_the_copies_of_a_page_the_newest_stays(views: duckdb.DuckDBPyConnection) -> None:
    kept = {offset for (offset,) in views.execute('SELECT "offset" FROM documents').fetchall()}
    dates = dict(
        views.execute(
            'SELECT "offset", date FROM documents UNION ALL SELECT "offset", date FROM dropped'
        ).fetchall()
    )
    groups: dict[str, list[int]] = {}
    for one in READ:
        if one["group"]:
            groups.setdefault(one["group"], []).append(one["offset"])
    copied = [group for group in groups.values() if len(group) > 1]
    assert len(copied) == 21
    for group in copied:
        assert kept.intersection(group) == {max(group, key=lambda offset: dates[offset])}


def test_a_copy_knows_what_it_lost_to(views: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT pass, url, kept_url FROM duplicates WHERE rank > 0"
    lost = {(name, url): kept for name, url, kept in views.execute(query).fetchall()}
    by_group = {one["group"]: one["url"] for one in CAPTURES if one["group"] and one["fate"] == "kept"}
    losers = [one for one in READ if one["group"] in by_group and one["fate"] == "dropped"]
    assert len(lost) == len(losers) == 21
    for one in losers:
        assert lost[one["by"].removesuffix("_duplicate"), one["url"]] == by_group[one["group"]]


def test_near_duplicates_share_nine_tenths_of_their_word_5_grams(texts: dict[int, str]) -> None:
    by_group: dict[str, list[dict[str, Any]]] = {}
    for one in READ:
        by_group.setdefault(one["group"], []).append(one)
    pairs = [group for group in by_group.values() if any(one["kind"] == "near_duplicate" for one in group)]
    assert len(pairs) == 10
    for group in pairs:
        original = shingles(texts[group[0]["offset"]])
        for other in group[1:]:
            shared = shingles(texts[other["offset"]])
            assert 0.9 <= len(original & shared) / len(original | shared) < 1.0, other["url"]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def test_texts_come_out_of_their_pages_and_encodings_whole(tmp_path: Path) -> None:
    """Every paragraph of the plain files is in the extracted text, before any edit, and nothing of the
    menus is."""
    with sql.connect(run(tmp_path, fineweb="extract: {engine: trafilatura}", safety="rules: {}")) as views:
        query = 'SELECT "offset", text FROM documents UNION ALL SELECT "offset", text FROM dropped'
        texts = dict(views.execute(query).fetchall())
    pages = [one for one in READ if one["kind"] in ("english", "other_language")]
    assert len(pages) == 72
    for one in pages:
        source = (SAMPLE / "texts" / f"{one['page']}.txt").read_text(encoding="utf-8")
        text = "".join(texts[one["offset"]].split())
        for paragraph in source.split("\n\n")[1:]:
            if paragraph.startswith(("#", "|", "-", "@", " ")):
                continue
            assert "".join(paragraph.split()) in text, (one["page"], paragraph)
        assert "cookies" not in text
        assert "Allrightsreserved" not in text


def test_shards_hold_each_kept_document_once(views: duckdb.DuckDBPyConnection, output: str) -> None:
    drawn = views.execute("SELECT id FROM shards ORDER BY id").fetchall()
    assert drawn == views.execute("SELECT id FROM documents ORDER BY id").fetchall()
    assert len(drawn) == len(set(drawn))
    assert len(list(Path(output, "shards").glob("sample-*.parquet"))) > 1
