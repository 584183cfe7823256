"""The bundled sample is what its maker writes, and holds what it is said to hold."""

import importlib
import io
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastwarc.warc import ArchiveIterator

FOLDER = Path(__file__).parents[2] / "examples" / "sample"
PLANTED: dict[str, Any] = json.loads((FOLDER / "PLANTED.json").read_text(encoding="utf-8"))
CAPTURES: list[dict[str, Any]] = PLANTED["captures"]
DATA = (FOLDER / "sample.warc.gz").read_bytes()
SKIPPED = {
    "not_found": "http_status",
    "redirect": "http_status",
    "image": "not_html",
    "pdf": "not_html",
    "json": "not_html",
    "packed_bomb": "too_large",
    "revisit": "revisit",
    "resource": "resource",
    "damage_corrupt": "corrupt",
    "damage_length": "corrupt",
    "damage_truncated": "truncated",
}


def maker(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module beside make_sample.py, which is a script and no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


def first_record(offset: int) -> Any:
    """What FastWARC reads at this byte of the sample, its block in memory."""
    found = next(iter(ArchiveIterator(io.BytesIO(DATA[offset:]))))
    found.freeze()
    return found


def test_no_captures_make_an_archive_of_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = maker("archive", monkeypatch).write([])
    assert archive.records == {"warcinfo": 1}
    assert archive.offsets == []
    [record] = ArchiveIterator(io.BytesIO(archive.data))
    assert record.headers["WARC-Date"] == "2024-05-18T06:00:00Z"


@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng packs the same content to other bytes")
def test_the_committed_sample_is_what_the_maker_writes(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_sample.py"), "--output", str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"{len(CAPTURES)} captures" in told
    for name in ("PLANTED.json", "sample.warc.gz"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), f"{name}: run make_sample.py"


def test_counts_of_what_is_planted() -> None:
    fates = Counter(one["fate"] for one in CAPTURES)
    kinds = Counter(one["kind"] for one in CAPTURES)
    assert 130 <= len(CAPTURES) <= 160
    assert fates["kept"] >= 45
    assert kinds["english"] == 49
    assert kinds["other_language"] == 23
    assert kinds["near_duplicate"] == 10
    assert kinds["exact_duplicate"] == 5
    assert kinds["url_duplicate"] == 6
    assert {one["kind"]: one["by"] for one in CAPTURES if one["fate"] == "skipped"} == SKIPPED
    rules = Counter(one["by"] for one in CAPTURES if one["page"].startswith("junk/"))
    assert rules == {
        "gopher_words": 7,
        "gopher_stop_words": 3,
        "gopher_bullet_lines": 3,
        "gopher_ellipsis_lines": 3,
        "gopher_words_with_letter": 2,
        "gopher_hashes": 1,
        "gopher_mean_word_length": 1,
        "gopher_repetition_5_grams": 2,
        "gopher_repetition_10_grams": 1,
        "c4_curly_bracket": 3,
        "c4_lorem_ipsum": 3,
        "c4_sentences": 2,
        "fineweb_line_punctuation": 2,
        "fineweb_short_lines": 2,
        "fineweb_duplicate_line_chars": 1,
        "unsafe": 1,
    }
    assert 150_000 <= len(DATA) <= 500_000


def test_records_are_as_planted_for_another_reader() -> None:
    for one in CAPTURES:
        if one["kind"] in ("damage_corrupt", "damage_truncated"):
            continue
        record = first_record(one["offset"])
        assert record.record_id == f"<{one['record']}>"
        assert record.headers["WARC-Target-URI"] == one["url"]
        stray = one["kind"] in ("revisit", "resource")
        assert record.headers["WARC-Type"] == (one["kind"] if stray else "response")
        if not stray:
            status = {"not_found": 404, "redirect": 301}.get(one["kind"], 200)
            assert record.http_headers.status_code == status


def test_the_damage_is_there() -> None:
    damaged = {one["kind"]: one for one in CAPTURES if one["kind"].startswith("damage_")}
    with pytest.raises(zlib.error):
        zlib.decompress(DATA[damaged["damage_corrupt"]["offset"] :], 31)
    last = damaged["damage_truncated"]
    assert last is CAPTURES[-1]
    with pytest.raises(zlib.error, match="incomplete"):
        zlib.decompress(DATA[last["offset"] :], 31)
    unpacker = zlib.decompressobj(31)
    member = unpacker.decompress(DATA[damaged["damage_length"]["offset"] :])
    head, _, block = member.partition(b"\r\n\r\n")
    stated = re.search(rb"Content-Length: (\d+)", head)
    assert stated and int(stated[1]) > len(block)


def test_encodings_are_as_planted() -> None:
    """What a page is in, by what its bytes are and are not; the label may be another's."""
    others = [one for one in CAPTURES if one["kind"] == "other_language"]
    bodies = {one["page"]: first_record(one["offset"]).reader.read() for one in others}
    assert len(bodies) == 23
    encodings = {
        "german-bees": "windows-1252",
        "french-lighthouse": "iso-8859-1",
        "spanish-olives": "windows-1252",
        "polish-mushrooms": "iso-8859-2",
        "russian-dacha": "windows-1251",
        "russian-radio": "koi8-r",
        "chinese-bridge": "utf-16",
        "japanese-bath": "shift_jis",
        "japanese-umbrella": "euc-jp",
        "korean-noodles": "euc-kr",
    }
    for page, body in bodies.items():
        name = page.removeprefix("other/")
        text = (FOLDER / "texts" / f"{page}.txt").read_text(encoding="utf-8")
        title = re.search("^title: (.*)$", text, re.MULTILINE)
        assert title and title[1] in body.decode(encodings.get(name, "utf-8"))
        if name in encodings:
            with pytest.raises(UnicodeDecodeError):
                body.decode("utf-8")
    by_page = {one["page"]: one for one in CAPTURES}
    for page, label in (("other/spanish-olives", "utf-8"), ("other/greek-island", "iso-8859-1")):
        headers = first_record(by_page[page]["offset"]).http_headers
        assert headers["Content-Type"] == f"text/html; charset={label}"


def test_codings_are_as_planted() -> None:
    by_page = {one["page"]: one for one in CAPTURES if one["kind"] == "english"}
    coded = {
        "moon-phases": ("gzip", None),
        "bug-report": ("gzip", "chunked"),
        "science-prize": ("deflate", None),
        "tides": (None, "chunked"),
    }
    for name, codings in coded.items():
        headers = first_record(by_page[f"english/{name}"]["offset"]).http_headers
        assert (headers.get("Content-Encoding"), headers.get("Transfer-Encoding")) == codings


def test_every_host_is_invented() -> None:
    hosts = {urlsplit(one["url"]).hostname or "" for one in CAPTURES} - {""}
    assert len(hosts) > 80
    assert [host for host in hosts if not host.endswith(".example")] == []
    standards = {"schema.org", "www.w3.org"}
    for path in [*FOLDER.glob("texts/*/*.txt"), *FOLDER.glob("layouts/*.html"), FOLDER / "sites.yaml"]:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"https?://([A-Za-z0-9.-]+)", text)) | set(re.findall(r"\w@([\w.-]+\w)", text))
        assert [host for host in named - standards if not host.endswith(".example")] == [], path


def test_a_text_to_change_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = maker("pages", monkeypatch)
    [page] = [page for page in pages.read_pages("lost") if page.name == "owl-box"]
    assert page.changed({}) == page
    with pytest.raises(ValueError, match=r"lost/owl-box: there is no 'penguin' to replace"):
        page.changed({"barn owl": "tawny owl", "penguin": "puffin"})
