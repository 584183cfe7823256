"""The source of arXiv's papers: monthly tars, e-prints by themselves, the snapshot of metadata."""

import gzip
import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import store
from pipeline.errors import PlanError
from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources import arxiv
from pipeline.sources.arxiv import SOURCE, ArxivOptions
from pipeline.sources.eprints import ids, snapshot
from pipeline.sources.eprints.papers import contents
from pipeline.sources.latex import eprint
from pipeline.sources.latex.eprint import Eprint


def tex(text: str, title: str = "A title") -> bytes:
    front = f"\\title{{{title}}}\\author{{A. Author}}\\begin{{document}}\\maketitle"
    return f"\\documentclass{{article}}\n{front}\\section{{One}}\n{text}\n\\end{{document}}\n".encode()


def tar(files: Mapping[str, bytes], links: Sequence[str] = ()) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return sink.getvalue()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


MONTH = {
    "2401/2401.00001.gz": packed(
        tar({"ms.tex": tex(r"\input{part}"), "part.tex": b"Parted.", "f.pdf": b"%PDF-"})
    ),
    "2401/2401.00002.pdf": b"%PDF-1.5 ...",
    "2401/2401.00003.gz": packed(tex("Single file.", "Alone")),
    "2401/2401.00004.gz": packed(tex("Damaged."))[:-30],
    "2401/2401.00005.gz": packed(b"%auto-ignore\nThis paper has been withdrawn."),
    "2401/2401.00006.gz": packed(
        tar({"paper/src/main.tex": tex("Nested folders."), "paper/readme": b"hello"})
    ),
    "2401/2401.00007.gz": packed(b"\\magnification=1200 \\def\\x{Plain} \\x\\ text. \\bye"),
    "2401/2401.00008.gz": packed(b"<html><body>Words</body></html>"),
    "2401/2401.00009.gz": packed(b"%!PS-Adobe-2.0\n..."),
    "2401/2401.00010.gz": packed(zipped({"a.tex": tex("Zipped.")})),
    "2401/astro-ph0001001.gz": packed(tex("Old.")),
}  # fmt: skip
EXPECTED = {
    "2401.00001": ("latex", "\\section{One}\nParted."),
    "2401.00002": ("pdf", ""),
    "2401.00003": ("latex", "\\section{One}\nSingle file."),
    "2401.00005": ("none", ""),
    "2401.00006": ("latex", "\\section{One}\nNested folders."),
    "2401.00007": ("tex", "\\magnification=1200  Plain\\ text. \\bye"),
    "2401.00008": ("html", ""),
    "2401.00009": ("ps", ""),
    "2401.00010": ("latex", "\\section{One}\nZipped."),
    "astro-ph/0001001": ("latex", "\\section{One}\nOld."),
}


def units(folder: Path, pattern: str = "**/*", **options: Any) -> list[Unit]:
    return arxiv.units("papers", expand([f"{folder}/{pattern}"]), ArxivOptions(**options))


def rows_of(found: Sequence[Unit], **options: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    skipped: Counter[str] = Counter()
    rows = []
    for unit in found:
        reading = Reading(unit, ArxivOptions(**options), partial(store.open_input, unit.path), skipped)
        for table in SOURCE.read(reading):
            assert table.schema.equals(SOURCE.schema)
            rows += [row | {"unit": unit.name} for row in table.to_pylist()]
    return rows, dict(skipped)


@pytest.fixture
def month(tmp_path: Path) -> Path:
    (tmp_path / "arXiv_src_2401_001.tar").write_bytes(tar(MONTH, links=["2401/2401.00099.gz"]))
    return tmp_path


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "arXiv_src_2401_001.tar").write_bytes(tar({}))
    assert rows_of(units(tmp_path)) == ([], {})


def test_a_monthly_tar(month: Path) -> None:
    rows, skipped = rows_of(units(month))
    assert {row["address"]: (row["arxiv_format"], row["text"]) for row in rows} == EXPECTED
    assert skipped == {"truncated": 1, "link": 1}
    first = rows[0]
    assert first["url"] == "https://arxiv.org/abs/2401.00001"
    assert first["origin"] == "arXiv_src_2401_001.tar!2401/2401.00001.gz"
    assert (first["title"], first["author"]) == ("A title", "A. Author")
    assert first["date"] == datetime(2024, 1, 1)
    assert (first["arxiv_main_file"], first["arxiv_files"]) == ("ms.tex", 2)


def test_originals(month: Path) -> None:
    found = units(month)
    rows, _ = rows_of(found)
    reading = Reading(found[0], ArxivOptions(), partial(store.open_input, found[0].path), Counter())
    for row in rows:
        assert arxiv.original(reading, row) == MONTH[row["origin"].partition("!")[2]]


@pytest.mark.parametrize("size", [512, 1024, 3000, 10_000, 1 << 20])
def test_documents_are_the_same_for_any_split(
    month: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole, skipped = rows_of(units(month))
    monkeypatch.setattr(arxiv, "UNIT_BYTES", size)
    found = units(month)
    assert len({unit.name for unit in found}) == len(found) >= (10 if size == 512 else 1)
    rows, skipped_too = rows_of(found)
    assert [row | {"unit": ""} for row in rows] == [row | {"unit": ""} for row in whole]
    assert skipped_too == skipped


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_eprints_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(arxiv, "GATHERED_FILES", chunk)
    files = {
        "a.tex": tex("Plain file."),
        "b/2305.01582v2.tar.gz": packed(tar({"x.tex": tex("Packed.")})),
        "c.zip": zipped({"x.tex": tex("Zip.")}),
        "d.tar": tar({"x.tex": tex("Tar of one paper."), "fig.pdf": b"%PDF-1"}),
        "e.gz": b"\x1f\x8b\x08 broken",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    found = units(tmp_path)
    rows, skipped = rows_of(found)
    assert sorted((row["address"], row["text"].partition("\n")[2]) for row in rows) == [
        ("2305.01582", "Packed."),
        ("a.tex", "Plain file."),
        ("c.zip", "Zip."),
        ("d.tar", "Tar of one paper."),
    ]
    assert skipped == {"corrupt": 1} or skipped == {"truncated": 1}
    by_name = {unit.name: unit for unit in found}
    for row in rows:
        unit = by_name[row["unit"]]
        reading = Reading(unit, ArxivOptions(), partial(store.open_input, unit.path), Counter())
        assert arxiv.original(reading, row) == files[row["origin"]]


def test_a_bomb_and_a_damaged_member_cost_themselves(tmp_path: Path) -> None:
    bomb = packed(b"\\documentclass{article}" + b" " * (40 << 20))
    good = packed(tex("Good."))
    data = bytearray(tar({"2401/2401.1.gz": good, "2401/2401.2.gz": bomb, "2401/2401.3.gz": good, "z": good}))
    data[-1024 - 512 - 512 : -1024 - 512 - 300] = b"\xff" * 212  # a damaged header
    (tmp_path / "m.tar").write_bytes(bytes(data))
    rows, skipped = rows_of(units(tmp_path), max_bytes=1 << 20)
    assert [row["text"] for row in rows if row["text"]][:2] == ["\\section{One}\nGood."] * 2
    assert skipped["too_large"] == 1


def test_markdown(month: Path) -> None:
    rows, _ = rows_of(units(month), output="markdown", start="document")
    assert rows[0]["text"] == "# A title\n\n# 1 One\n\nParted."


def test_a_damaged_file_within_a_paper() -> None:
    data = bytearray(tar({"a.tex": tex("Text."), "b.tex": b"never\n"}))
    data[2048 + 100 : 2048 + 200] = b"\xff" * 100  # header of the second file
    found = contents(packed(bytes(data)), 1 << 20)
    assert "a.tex" in found.files
    assert sum(found.faults.values()) >= 1


def test_names_that_climb_and_archives_within() -> None:
    found = contents(packed(tar({"../../etc/x.tex": b"a", "/abs.tex": b"b"}, links=["l.tex"])), 1 << 20)
    assert found.files == {"etc/x.tex": b"a", "abs.tex": b"b"}
    inner = packed(tar({"deep.tex": tex("Deep.")}))
    assert list(contents(packed(tar({"source.tar.gz": inner})), 1 << 20).files) == ["deep.tex"]


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"a.tex": b"\\input{b}", "b.tex": b"text"}, "a.tex"),
        ({"a.tex": b"% \\documentclass{x}", "b.tex": tex("")}, "b.tex"),
        ({"paper.tex": tex(""), "supp.tex": tex("x" * 999)}, "paper.tex"),
        ({"zzz.tex": tex(""), "zzz.bbl": b"", "aaa.tex": tex("x" * 99)}, "zzz.tex"),
        ({"a.tex": tex(""), "b.tex": tex("x" * 99), "00README.XXX": b"a.tex toplevelfile\n"}, "a.tex"),
        ({"a.tex": tex(""), "b.tex": tex("x" * 99), "00README.XXX": b"b.tex ignore\n"}, "a.tex"),
        ({"a.tex": tex(""), "b.tex": tex("x" * 99),
          "00README.json": b'{"sources": [{"filename": "a.tex", "usage": "toplevel"}]}'}, "a.tex"),
        ({"a.tex": tex(""), "b.tex": tex("x" * 99), "00README.json": b"[broken"}, "b.tex"),
        ({"main.tex": tex(r"\subfile{long}"),
          "long.tex": b"\\documentclass[main]{subfiles}\\begin{document}" + b"x" * 999}, "main.tex"),
        ({"paper": tex("")}, "paper"),
        ({"notes.txt": b"no TeX"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_main_file(files: dict[str, bytes], main: str) -> None:
    assert Eprint(files).main() == main


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("latin1", "latin-1"), ("utf8", "utf-8"), ("applemac", "mac-roman"), ("cp1251", "cp1251")],
)
def test_encodings(declared: str, codec: str) -> None:
    letters = "привет" if codec == "cp1251" else "größer Ångström é"
    text = f"\\documentclass{{article}}\\usepackage[{declared}]{{inputenc}}\\begin{{document}}{letters}"
    paper = Eprint({"a.tex": text.encode(codec)})
    assert paper.text(paper.main()).endswith(letters)


@pytest.mark.parametrize(
    ("name", "identifier", "month"),
    [
        ("2401/2401.00001.gz", "2401.00001", datetime(2024, 1, 1)),
        ("0704.0001v3.pdf", "0704.0001", datetime(2007, 4, 1)),
        ("0001/astro-ph0001001.gz", "astro-ph/0001001", datetime(2000, 1, 1)),
        ("astro-ph/9901001.tar.gz", "astro-ph/9901001", datetime(1999, 1, 1)),
        ("math.GT0309136", "math/0309136", datetime(2003, 9, 1)),
        ("paper-2401.00001.tar.gz", "", None),
        ("2413.00001.gz", "", None),
        ("", "", None),
    ],
)
def test_identifiers(name: str, identifier: str, month: datetime | None) -> None:
    assert ids.of_name(name) == identifier
    assert ids.month(identifier) == month


RECORD: dict[str, Any] = {
    "id": "2401.00001",
    "authors": "Ann One and\n  Bob Two",
    "title": "A title\n  of the snapshot",
    "categories": "hep-th math.CO",
    "doi": "10.1000/x",
    "license": "http://creativecommons.org/licenses/by/4.0/",
    "versions": [{"version": "v1", "created": "Mon, 1 Jan 2024 19:18:42 GMT"}],
    "update_date": "2024-02-03",
}


@pytest.mark.parametrize("order", ["id first", "id last"])
def test_the_snapshot_is_joined(month: Path, tmp_path: Path, order: str) -> None:
    others: list[dict[str, Any]] = [
        {"id": f"2401.{number:05d}", "title": "other"} for number in range(100, 3000)
    ]
    records = [*others[:1500], RECORD, *others[1500:]]
    if order == "id last":
        records = [
            {**{key: record[key] for key in record if key != "id"}, "id": record["id"]} for record in records
        ]
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text("\n".join(map(json.dumps, records)) + "\nnot json\n")
    options: dict[str, Any] = {"metadata": str(snapshot), "index": str(tmp_path / "index")}
    rows, _ = rows_of(units(month, "*.tar", **options), **options)
    row = rows[0]
    assert (row["title"], row["author"]) == ("A title of the snapshot", "Ann One and Bob Two")
    assert (row["arxiv_categories"], row["arxiv_doi"]) == (["hep-th", "math.CO"], "10.1000/x")
    assert (row["license"], row["date"]) == ("CC-BY-4.0", datetime(2024, 1, 1, 19, 18, 42))
    assert (rows[2]["title"], rows[2]["license"], rows[2]["arxiv_categories"]) == ("Alone", None, None)
    before = arxiv.fingerprint(ArxivOptions(**options))
    snapshot.write_text(json.dumps({**RECORD, "title": "Changed"}))
    assert arxiv.fingerprint(ArxivOptions(**options)) != before
    assert rows_of(units(month, "*.tar", **options), **options)[0][0]["title"] == "Changed"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "LicenseRef-arXiv-nonexclusive-distrib-1.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("http://creativecommons.org/licenses/publicdomain/", "LicenseRef-public-domain"),
        ("", None),
        (None, None),
        ("http://example.org/", None),
    ],
)
def test_licenses(address: str | None, expected: str | None) -> None:
    assert snapshot.spdx(address) == expected


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("", ""),
        ("50% of A & B -- plain", "50% of A & B -- plain"),
        (r"Die Z\"ahlen des Herrn {\L}ososi\'nski", "Die Zählen des Herrn Łososiński"),
        (
            r"Bounds on $\alpha_{1}$ by Erd\H{o}s: 100% & more",
            r"Bounds on $\alpha_{1}$ by Erdős: 100% & more",
        ),
        ("{", "{"),
    ],
)
def test_titles_and_authors_of_the_snapshot_are_as_printed(given: str, printed: str) -> None:
    paper = snapshot.paper({"title": given, "authors": given})
    assert (paper.title, paper.author) == (printed, printed)


def test_a_paper_of_too_many_tokens_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eprint, "_MOST_TOKENS", 1000)
    (tmp_path / "2401.00001.gz").write_bytes(packed(tex(r"\section{One} Words.")))
    (tmp_path / "2401.00002.gz").write_bytes(packed(tex(r"\section{Two} " + r"\f{" * 1000)))
    rows, skipped = rows_of(units(tmp_path, "*.gz"))
    assert [row["arxiv_id"] for row in rows] == ["2401.00001"]
    assert skipped == {"too_large": 1}


def test_a_snapshot_that_is_not_there_or_packed(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(PlanError, match=r"metadata: .*nowhere\.json"):
        units(tmp_path, "x", metadata=str(tmp_path / "nowhere.json"))
    (tmp_path / "s.json.gz").touch()
    with pytest.raises(PlanError, match="unpack it first"):
        units(tmp_path, "x", metadata=str(tmp_path / "s.json.gz"))


@pytest.mark.parametrize("output", ["latex", "markdown"])
def test_real_papers(real_data: Path, output: str) -> None:
    rows, skipped = rows_of(units(real_data / "arxiv", "*.tar.gz"), output=output)
    assert len(rows) == 21
    assert skipped == {}
    for row in rows:
        assert row["title"]
        assert len(row["text"]) > 8_000
        assert "\\newcommand" not in row["text"]
        assert "\\begin{thebibliography}" not in row["text"]
    numbers = next(row["text"] for row in rows if row["address"].startswith("coveringyourbasis"))
    assert "\\macros" not in numbers
