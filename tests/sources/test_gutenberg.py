"""The source of Project Gutenberg's books: files, zips, tars, editions and the catalogue."""

import gzip
import io
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources import gutenberg
from pipeline.sources.books import catalogue, editions
from pipeline.sources.gutenberg import SOURCE

Rows = list[dict[str, Any]]


def book(number: int, body: str, language: str = "English") -> bytes:
    return (
        f"The Project Gutenberg EBook of Book {number}, by Anna Bell\n\nTitle: Book {number}\n\n"
        f"Author: Anna Bell\n\nRelease Date: May 2, 2005 [EBook #{number}]\n\nLanguage: {language}\n\n"
        f"*** START OF THIS PROJECT GUTENBERG EBOOK BOOK {number} ***\n\n{body}\n\n"
        f"*** END OF THIS PROJECT GUTENBERG EBOOK BOOK {number} ***\n"
    ).encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return held.getvalue()


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def units(folder: Path, **options: Any) -> list[Unit]:
    assert SOURCE.units is not None
    return SOURCE.units("books", expand([f"{folder}/**/*"]), SOURCE.options(**options))


def reading(unit: Unit, skipped: Counter[str], **options: Any) -> Reading:
    return Reading(unit, SOURCE.options(**options), partial(store.open_input, unit.path), skipped)


def read(folder: Path, **options: Any) -> tuple[Rows, dict[str, int]]:
    rows: Rows = []
    skipped: Counter[str] = Counter()
    for unit in units(folder, **options):
        for table in SOURCE.read(reading(unit, skipped, **options)):
            assert table.schema.equals(SOURCE.schema)
            rows += table.to_pylist()
    return rows, dict(skipped)


def test_no_books(tmp_path: Path) -> None:
    put(tmp_path, {"picture.png": b"\x89PNG"})
    with pytest.raises(PlanError, match="none of 1 files is a book"):
        units(tmp_path)
    put(tmp_path, {"1.txt": b"", "2.txt": b"\0\0"})
    assert read(tmp_path) == ([], {"empty": 1, "binary": 1})


def test_the_columns_of_a_book(tmp_path: Path) -> None:
    put(tmp_path, {"12.txt": book(12, "Où est-il?")})
    [row], skipped = read(tmp_path)
    assert skipped == {} and str(row.pop("date")) == "2005-05-02 00:00:00"
    assert row == {
        "address": "12/12.txt",
        "url": "https://www.gutenberg.org/ebooks/12",
        "license": "LicenseRef-PublicDomain-US",
        "origin": "12.txt",
        "offset": 0,
        "text": "Où est-il?",
        "title": "Book 12",
        "author": "Anna Bell",
        "stated_language": "en",
        "gutenberg_book": 12,
        "gutenberg_markers": "both",
        "gutenberg_format": "text",
        "gutenberg_charset": "utf-8",
        "gutenberg_subjects": [],
        "gutenberg_bookshelves": [],
    }


def test_a_book_is_the_same_document_loose_and_in_archives(tmp_path: Path) -> None:
    files = {
        "1/2/12/12-0.txt": book(12, "One."),
        "3/34/34-h/34-h.htm": b"<p>Two.</p>",
        "3/34/34.txt": book(34, "Three."),
    }
    put(tmp_path / "loose", files)
    put(tmp_path / "tar", {"books.tar": tarred(files)})
    put(tmp_path / "packed", {"books.tar.xz": tarred(files, "w:xz")})
    put(tmp_path / "gz", {f"{name}.gz": gzip.compress(data) for name, data in files.items()})
    loose = {row["address"]: row["text"] for row in read(tmp_path / "loose")[0]}
    assert loose == {"12/12-0.txt": "One.", "34/34-h.htm": "Two.", "34/34.txt": "Three."}
    for other in ("tar", "packed"):
        assert {row["address"]: row["text"] for row in read(tmp_path / other)[0]} == loose
    assert [row["text"] for row in read(tmp_path / "gz")[0]] == ["One.", "Two.", "Three."]


def test_zips_and_archives_of_zips(tmp_path: Path) -> None:
    packed = zipped({"12-h/12-h.htm": b"<p>One.</p>", "12-h/images/a.png": b"\x89PNG"})
    put(tmp_path, {"12-h.zip": packed, "all.tar": tarred({"1/34.zip": zipped({"34.txt": book(34, "Two.")})})})
    rows, skipped = read(tmp_path)
    assert skipped == {"not_a_book": 1}
    found = {row["origin"]: (row["address"], row["text"]) for row in rows}
    assert found == {
        "12-h.zip!12-h/12-h.htm": ("12/12-h.zip/12-h.htm", "One."),
        "all.tar!1/34.zip!34.txt": ("34/34.zip/34.txt", "Two."),
    }


def test_originals(tmp_path: Path) -> None:
    one, two = book(12, "One."), book(34, "Two.")
    put(
        tmp_path,
        {"12.txt": one, "a.tar": tarred({"x.txt": b"No.", "34.txt": two}), "12.zip": zipped({"12.txt": one})},
    )
    put(
        tmp_path,
        {"b.tar.gz": tarred({"x.txt": b"No.", "34.zip": zipped({"a.txt": b"A", "34.txt": two})}, "w:gz")},
    )
    assert SOURCE.original is not None
    seen = set()
    for unit in units(tmp_path):
        opened = reading(unit, Counter())
        for table in SOURCE.read(opened):
            for row in table.to_pylist():
                if row["gutenberg_book"]:
                    expected = one if row["gutenberg_book"] == 12 else two
                    assert SOURCE.original(opened, row) == expected
                    seen.add(row["origin"])
    assert len(seen) == 4


def test_damage_costs_the_member(tmp_path: Path) -> None:
    whole = tarred({"1.txt": book(1, "One."), "2.txt": book(2, "Two."), "3.txt": book(3, "Three.")})
    put(tmp_path, {"cut.tar": whole[: 2 * 1024 + 600], "no.zip": b"PK\3\4 no more"})
    put(tmp_path, {"2.txt.gz": gzip.compress(b"x" * 999)[:-9]})
    rows, skipped = read(tmp_path)
    assert [row["text"] for row in rows] == ["One.", "Two."]
    assert sum(skipped.values()) == 3 and set(skipped) <= {"truncated", "corrupt"}


def test_what_is_too_large(tmp_path: Path) -> None:
    data = book(1, "a " * 2000)
    put(tmp_path, {"1.txt": data, "2.txt.gz": gzip.compress(data), "a.tar": tarred({"3.txt": data})})
    assert read(tmp_path, max_bytes=1000) == ([], {"too_large": 3})
    assert len(read(tmp_path, max_bytes=len(data))[0]) == 3


@pytest.mark.parametrize("size", [1, 600, 5_000, 1 << 30])
def test_parts_of_a_tar_give_every_book_once(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{number}.txt": book(number, f"Text {number}. " * number) for number in range(1, 30)}
    put(tmp_path, {"books.tar": tarred(files)})
    whole, _ = read(tmp_path)
    assert [row["gutenberg_book"] for row in whole] == list(range(1, 30))
    if size > 500:
        monkeypatch.setattr(gutenberg, "UNIT_BYTES", size)
    assert read(tmp_path)[0] == whole
    names = [unit.name for unit in units(tmp_path)]
    assert len(set(names)) == len(names) and (len(names) > 1) == (600 <= size <= 5_000)


def test_units_keep_the_files_of_a_book_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        tmp_path,
        {f"{number}{end}": b"One." for number in range(10, 30) for end in (".txt", "-8.txt", "-h.htm")},
    )
    monkeypatch.setattr(gutenberg, "UNIT_FILES", 2)
    made = units(tmp_path)
    assert len(made) == 20 and all(len(unit.files) == 3 for unit in made)
    assert {
        number for unit in made for number in {editions.number_of(name) for _, name in unit.files}
    } == set(range(10, 30))


def test_the_best_edition(tmp_path: Path) -> None:
    files = {
        "12/12.txt": book(12, "ASCII."),
        "12/12-8.txt": book(12, "Latin-1."),
        "12/12-0.txt": book(12, "UTF-8."),
        "12/12-h/12-h.htm": b"<p>HTML.</p>",
        "12/12-0.zip": zipped({"12-0.txt": book(12, "Zip.")}),
        "12/old/12-0.txt": book(12, "Old."),
        "34/34-h/34-h.htm": b"<p>HTML only.</p>",
        "notes.txt": b"No number.",
    }
    put(tmp_path / "loose", files)
    put(tmp_path / "tar", {"a.tar": tarred(files)})
    for place in ("loose", "tar"):
        rows, skipped = read(tmp_path / place, editions="best")
        assert sorted(row["text"] for row in rows) == ["HTML only.", "No number.", "UTF-8."]
        assert skipped == {"other_edition": 5}
        assert len(read(tmp_path / place)[0]) == 8


@pytest.mark.parametrize(
    ("path", "number", "variant"),
    [
        ("1342-0.txt", 1342, "1342-0.txt"),
        ("cache/epub/1342/pg1342.txt.utf8", 1342, "pg1342.txt.utf8"),
        ("1342-h/1342-h.htm", 1342, "1342-h.htm"),
        ("pg1342-images.html", 1342, "pg1342-images.html"),
        ("me-pg1342.txt", 1342, "me-pg1342.txt"),
        ("1/3/4/1342/old/pandp10.txt", 1342, "old/pandp10.txt"),
        ("Pride_1342/old/old/pandp10.txt", 1342, "old/old/pandp10.txt"),
        ("0/5/when10.txt", 5, "when10.txt"),
        ("2019/grimm10.txt", None, "grimm10.txt"),
        ("grimm10.txt", None, "grimm10.txt"),
    ],
)
def test_names(path: str, number: int | None, variant: str) -> None:
    assert (editions.number_of(path), editions.variant_of(path)) == (number, variant)


CSV = (
    "Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves\n"
    '12,Text,2001-02-03,"The Book\nof Twelve",fr,"Bell, Anna, 1800-1850; Klein, Otto [Translator]",'
    '"Walking -- Fiction; Rivers",PR,"Browsing: Fiction; Travel"\n'
    '34,Text,1999-01-01,Other,de,"Homer, 751? BCE-651? BCE; Doyle, Arthur Conan, Sir, 1859-1930",,,\n'
)

RDF = """<?xml version="1.0" encoding="utf-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcterms="http://purl.org/dc/terms/"
  xmlns:pgterms="http://www.gutenberg.org/2009/pgterms/" xmlns:dcam="http://purl.org/dc/dcam/">
<pgterms:ebook rdf:about="ebooks/12"><dcterms:title>The Book
of Twelve</dcterms:title><dcterms:issued>2001-02-03</dcterms:issued>
<dcterms:rights>Copyrighted. Read the copyright notice inside this book for details.</dcterms:rights>
<dcterms:creator><pgterms:agent><pgterms:name>Bell, Anna</pgterms:name><pgterms:alias>B.</pgterms:alias>
</pgterms:agent></dcterms:creator>
<dcterms:language><rdf:Description><rdf:value>fr</rdf:value></rdf:Description></dcterms:language>
<dcterms:subject><rdf:Description><dcam:memberOf rdf:resource="http://purl.org/dc/terms/LCSH"/>
<rdf:value>Rivers</rdf:value></rdf:Description></dcterms:subject>
<dcterms:subject><rdf:Description><rdf:value>PR</rdf:value>
<dcam:memberOf rdf:resource="http://purl.org/dc/terms/LCC"/></rdf:Description></dcterms:subject>
<pgterms:bookshelf><rdf:Description><rdf:value>Travel</rdf:value></rdf:Description></pgterms:bookshelf>
</pgterms:ebook></rdf:RDF>"""


def test_the_catalogue_goes_before_the_header(tmp_path: Path) -> None:
    put(
        tmp_path / "books",
        {"12.txt": book(12, "One."), "34.txt": book(34, "Two."), "56.txt": book(56, "Three.")},
    )
    put(tmp_path, {"pg_catalog.csv": CSV.encode(), "pg_catalog.csv.gz": gzip.compress(CSV.encode())})
    plain, _ = read(tmp_path / "books", catalogue=str(tmp_path / "pg_catalog.csv"))
    assert read(tmp_path / "books", catalogue=str(tmp_path / "pg_catalog.csv.gz"))[0] == plain
    first, second, third = plain
    assert (first["title"], first["author"], first["stated_language"]) == (
        "The Book: of Twelve",
        "Anna Bell",
        "fr",
    )
    assert str(first["date"]) == "2001-02-03 00:00:00"
    assert first["license"] == "LicenseRef-PublicDomain-US"
    assert first["gutenberg_subjects"] == ["Walking -- Fiction", "Rivers"]
    assert first["gutenberg_bookshelves"] == ["Browsing: Fiction", "Travel"]
    assert second["author"] == "Homer; Arthur Conan Doyle, Sir"
    assert (third["title"], third["stated_language"]) == ("Book 56", "en")


def test_the_catalogue_in_rdf(tmp_path: Path) -> None:
    bomb = RDF.replace("<rdf:RDF", '<!DOCTYPE x [<!ENTITY a "aaaa">]><rdf:RDF', 1).replace(
        "ebooks/12", "ebooks/13"
    )
    files = {"cache/epub/12/pg12.rdf": RDF.encode(), "cache/epub/13/pg13.rdf": bomb.encode(), "x.rdf": b"<no"}
    put(tmp_path / "folder", files)
    put(tmp_path, {"rdf-files.tar.bz2": tarred(files, "w:bz2"), "one.rdf": RDF.encode()})
    put(tmp_path, {"rdf-files.tar.zip": zipped({"rdf-files.tar": tarred(files)})})
    wanted = None
    for name in ("folder", "rdf-files.tar.bz2", "rdf-files.tar.zip", "one.rdf"):
        found = catalogue.load(str(tmp_path / name))
        assert list(found) == [12]
        wanted = wanted or found[12]
        assert found[12] == wanted
    assert wanted is not None
    assert (wanted.title, wanted.author, wanted.language) == ("The Book: of Twelve", "Anna Bell", "fr")
    assert (wanted.subjects, wanted.bookshelves) == (("Rivers",), ("Travel",))
    assert wanted.license == "LicenseRef-ProjectGutenberg-Copyrighted"


def test_what_is_no_catalogue(tmp_path: Path) -> None:
    options = gutenberg.GutenbergOptions
    assert SOURCE.fingerprint(options()) == ""
    with pytest.raises(PlanError, match=r"no file matches .* get pg_catalog\.csv"):
        SOURCE.fingerprint(options(catalogue=str(tmp_path / "none.csv")))
    put(tmp_path, {"other.csv": b"a,b\n1,2\n"})
    with pytest.raises(PlanError, match="begins 'a,b'; expected pg_catalog"):
        SOURCE.fingerprint(options(catalogue=str(tmp_path / "other.csv")))
    put(tmp_path, {"cut.csv.gz": gzip.compress(CSV.encode())[:-20]})
    with pytest.raises(SourceError, match="cannot be read: truncated; fetch it again"):
        catalogue.load(str(tmp_path / "cut.csv.gz"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlanError, match="is a folder without"):
        SOURCE.fingerprint(options(catalogue=str(tmp_path / "empty")))
    put(tmp_path, {"pg_catalog.csv": CSV.encode()})
    assert SOURCE.fingerprint(options(catalogue=str(tmp_path / "pg_catalog.csv")))


def test_the_real_books(real_data: Path) -> None:
    with gzip.open(real_data / "gutenberg" / "books.index.jsonl.gz", "rt") as file:
        index = {row["file"]: row for row in map(json.loads, file)}
    rows, skipped = read(real_data / "gutenberg")
    rows = [row for row in rows if "books.tar.xz!" in row["origin"]]
    assert len(rows) == len(index) == 59 and not {"binary", "corrupt"} & set(skipped)
    languages = {"en": "English", "fr": "French", "de": "German", None: None}
    for row in rows:
        stated = index[row["origin"].split("!")[1]]
        assert stated["language"] == languages[row["stated_language"]]
        assert stated["pg_id"] in (str(row["gutenberg_book"]), None)
        assert row["title"].startswith((stated["title"] or "").split("\ufffd")[0])
        # The licence, of some 20 kB, and white space: nothing else is gone.
        lost = stated["bytes"] - len(row["text"].encode())
        assert -5000 < lost < 22_000 + 0.12 * stated["bytes"], row["origin"]
        for left in ("Project Gutenberg", "pgdp.net", "Transcriber", "[Illustration", "\ufffd"):
            assert left not in row["text"], (row["origin"], left)
    assert Counter(row["gutenberg_markers"] for row in rows) == {"both": 57, "start": 1, "none": 1}
