"""The sample of seven sources is what its maker writes, and each reader finds in it what was planted."""

import bz2
import gzip
import io
import json
import lzma
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections import Counter
from functools import cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest
import yaml
from warcio.archiveiterator import ArchiveIterator

from pipeline import inputs, steps, store
from pipeline.source import Reading, Unit, document_id

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "seven"
PLANTED: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "PLANTED.json").read_text(encoding="utf-8"))
RUN: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "llama1.yaml").read_text(encoding="utf-8"))

# What names a document of each source, as `key` does in PLANTED.json.
KEYS = {
    "commoncrawl": "url",
    "c4": "url",
    "github": "github_path",
    "wikipedia": "title",
    "arxiv": "arxiv_id",
    "stackexchange": "url",
    "gutenberg": "gutenberg_book",
}


def made_files() -> list[str]:
    made = [path for source in PLANTED for path in (FOLDER / source).rglob("*") if path.is_file()]
    return [*sorted(str(path.relative_to(FOLDER)) for path in made), "PLANTED.json"]


@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng packs the same content to other bytes")
def test_the_committed_files_are_what_the_maker_writes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_sample.py"), "--output", str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in told.splitlines()] == list(PLANTED)
    names = made_files()
    assert sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    ) == sorted(names)
    for name in names:
        if name.endswith(".parquet"):  # its footer names the version of its writer
            assert pq.read_table(tmp_path / name).equals(pq.read_table(FOLDER / name)), name
        else:
            assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), (
                f"{name}: run make_sample.py"
            )


def test_counts_of_what_is_planted() -> None:
    assert list(PLANTED) == list(RUN["sources"]) == list(KEYS)
    kept = {source: sum(one["fate"] == "kept" for one in found) for source, found in PLANTED.items()}
    assert kept == {
        "commoncrawl": 3,  # beside those of the other sample
        "c4": 15,  # with a copy, of which one stays
        "github": 25,  # with two copies
        "wikipedia": 12,
        "arxiv": 9,
        "stackexchange": 10,
        "gutenberg": 4,
    }
    assert sum((FOLDER / name).stat().st_size for name in made_files()) < 200_000


def test_every_host_is_invented() -> None:
    standards = {"www.w3.org"}
    for path in (FOLDER / "texts").iterdir():
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"https?://([A-Za-z0-9.-]+)", text)) | set(
            re.findall(r"\w@([\w-]+\.\w+)", text)
        )
        assert [host for host in named - standards if not host.endswith(".example")] == [], path


def test_another_reader_finds_the_posts_in_the_7z() -> None:
    data = (FOLDER / "stackexchange/lanterns.stackexchange.com.7z").read_bytes()
    assert data[:6] == b"7z\xbc\xaf\x27\x1c"
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    size = int.from_bytes(data[12:20], "little")
    posts = lzma.decompress(data[32 : 32 + size], lzma.FORMAT_RAW, filters=filters).decode("utf-8-sig")
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(posts.split("</posts>")[0] + "</posts>")
    plain = ElementTree.parse(FOLDER / "stackexchange/kites.stackexchange.com/Posts.xml")
    assert [row.get("PostTypeId") for row in plain.getroot()].count("1") == 4


def test_another_reader_finds_the_pages_of_the_arc_file() -> None:
    [one] = {one["file"] for one in PLANTED["commoncrawl"]}
    with (FOLDER / one).open("rb") as file:
        pages = [
            (record.rec_headers.get_header("uri"), record.rec_type, record.content_stream().read())
            for record in ArchiveIterator(file)
        ]
    assert [kind for _, kind, _ in pages] == ["arc_header", "response", *["response"] * 4]
    assert [url for url, _, _ in pages[1:]] == [one["key"] for one in PLANTED["commoncrawl"][1:]]
    assert b"<annotation" in pages[2][2]
    assert "Göteborg".encode("latin-1") in pages[3][2]


def test_git_reads_the_bundle(tmp_path: Path) -> None:
    bundle = str(FOLDER / "github/seawall.bundle")
    try:
        subprocess.run(
            ["git", "clone", "-q", bundle, str(tmp_path / "seawall")], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    command = ["git", "-C", str(tmp_path / "seawall"), "fsck", "--strict", "--full"]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    found = {
        str(path.relative_to(tmp_path / "seawall"))
        for path in (tmp_path / "seawall").rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
    assert found == {one["key"] for one in PLANTED["github"] if one["file"].endswith(".bundle")}


def test_archives_hold_what_is_planted() -> None:
    with zipfile.ZipFile(FOLDER / "github/lanternworks-tidewheel-3f2a1bc.zip") as archive:
        assert len(archive.comment) == 40
        top = {name.split("/")[0] for name in archive.namelist()}
        assert top == {"lanternworks-tidewheel-3f2a1bc"}
        vendored = archive.read("lanternworks-tidewheel-3f2a1bc/vendor/smallcsv/smallcsv.py")
    with tarfile.open(FOLDER / "github/fieldnotes-1.2.0.tar.gz") as tar:
        assert "fieldnotes-1.2.0/../../outside.sh" in tar.getnames()
        assert tar.getmember("fieldnotes-1.2.0/latest").issym()
        copy = tar.extractfile("fieldnotes-1.2.0/tools/smallcsv.py")
        assert copy is not None and copy.read() == vendored
    with tarfile.open(FOLDER / "arxiv/arXiv_src_2403_001.tar") as tar:
        damaged = tar.extractfile("2403/2403.00105.gz")
        assert damaged is not None
        with pytest.raises(zlib.error):
            gzip.decompress(damaged.read())


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_index_leads_to_the_pages(language: str) -> None:
    stem = FOLDER / f"wikipedia/{language}tidewiki-20240401-pages-articles-multistream"
    data = Path(f"{stem}.xml.bz2").read_bytes()
    index = bz2.decompress(Path(f"{stem}-index.txt.bz2").read_bytes()).decode().splitlines()
    assert [line.split(":", 2)[2] for line in index] == [
        one["key"] for one in PLANTED["wikipedia"] if f"/{language}tidewiki" in one["file"]
    ]
    for line in index:
        offset, number, title = line.split(":", 2)
        stream = bz2.BZ2Decompressor().decompress(data[int(offset) :])
        pages = ElementTree.parse(io.BytesIO(b"<pages>" + stream + b"</pages>")).getroot()
        assert (number, title) in [(page.findtext("id"), page.findtext("title")) for page in pages]
    ElementTree.fromstring(bz2.decompress(data))


# What each reader makes of it.


@cache
def reading(name: str) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The rows of a source of examples/llama1.yaml, without its steps, and what was skipped.

    A row has its `id` and, as `raw`, its record in the input besides.
    """
    source = steps.source_reader(name)
    given = dict(RUN["sources"][name])
    patterns = [str(ROOT / path) for path in given.pop("paths")]
    for key in ("metadata", "catalogue"):
        if key in given:
            given[key] = str(ROOT / given[key])
    options = source.options(**given)
    files = [file for file in inputs.expand(patterns, source.folders) if "sample.warc" not in file.path]
    units = (
        source.units(name, files, options)
        if source.units is not None
        else [
            Unit(name, inputs.unit_name(name, one.logical), one.path, one.logical, one.size, one.version)
            for one in files
        ]
    )
    rows: list[dict[str, Any]] = []
    skipped: Counter[str] = Counter()
    for unit in units:
        opened = partial(store.open_input, unit.path, unit.size or None)
        again = Reading(unit, options, opened, Counter())
        for table in source.read(Reading(unit, options, opened, skipped)):
            for row in table.to_pylist():
                row |= {"id": document_id(name, row["address"]), "unit": unit.name, "source": name}
                assert source.original is not None
                rows.append({**row, "raw": source.original(again, row)})
    return rows, dict(skipped)


def found(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows by input file and key."""
    rows, _ = reading(name)
    by_key = {}
    for row in rows:
        logical = row["origin"].split("!")[0]
        [file] = {one["file"] for one in PLANTED[name] if one["file"].endswith(f"/{logical}")}
        key = str(row[KEYS[name]])
        if file.endswith(".parquet"):
            key = f"{row['github_repository']}/{key}"
        by_key[file, key] = row
    assert len(by_key) == len(rows)
    return by_key


def documents(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["file"], one["key"]): one for one in PLANTED[name] if one["fate"] != "skipped"}


@pytest.mark.parametrize("name", KEYS)
def test_a_reader_finds_every_document_and_no_other(name: str) -> None:
    assert sorted(found(name)) == sorted(documents(name))


@pytest.mark.parametrize("name", KEYS)
def test_a_reader_counts_what_is_no_document(name: str) -> None:
    _, skipped = reading(name)
    assert skipped == Counter(one["by"] for one in PLANTED[name] if one["fate"] == "skipped")


@pytest.mark.parametrize("name", [name for name in KEYS if name != "commoncrawl"])
def test_a_text_holds_what_it_must_and_nothing_else(name: str) -> None:
    wrong = []
    for key, one in documents(name).items():
        text, at = found(name)[key]["text"], 0
        for piece in one.get("holds", []):
            place = text.find(piece, at)
            if place < 0:
                wrong.append((*key, "holds", piece))
            at = max(at, place)
        wrong += [(*key, "also", piece) for piece in one.get("also", []) if piece not in text]
        wrong += [(*key, "lacks", piece) for piece in one.get("lacks", []) if piece in text]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in KEYS if name not in ("commoncrawl", "c4")])
def test_a_row_has_the_columns_that_were_planted(name: str) -> None:
    wrong = []
    for key, one in documents(name).items():
        row = found(name)[key]
        wrong += [
            (*key, column, value, row[column])
            for column, value in one.get("facts", {}).items()
            if row[column] != value
        ]
    assert wrong == []


def test_ids_differ() -> None:
    ids = [row["id"] for name in KEYS for row in reading(name)[0]]
    assert len(set(ids)) == len(ids) == sum(len(documents(name)) for name in KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_every_row_leads_back_to_its_record(name: str) -> None:
    wrong = [key for key, row in found(name).items() if mark(name, row) not in row["raw"]]
    assert wrong == []


def mark(name: str, row: dict[str, Any]) -> bytes:
    """What stands in the record of this document and in no other."""
    if name in ("commoncrawl", "c4"):
        return str(row["url"]).encode()
    if name == "wikipedia":
        return f"<id>{row['wikipedia_page']}</id>".encode()
    if name == "stackexchange":
        return f' Id="{row["stackexchange_question"]}"'.encode()
    if name == "gutenberg":
        return str(row["text"].split("\n")[-1][-20:]).encode(row["gutenberg_charset"])
    if name == "github":
        return b"\x89PNG" if row["github_binary"] else str(row["text"].split("\n")[0][:60]).encode()
    return b"%PDF" if row["arxiv_format"] == "pdf" else b"\x1f\x8b"
