"""Short books in the form of Project Gutenberg's files, and the catalogue."""

import csv
import io
import re
import zipfile
from pathlib import Path

from planted import DROPPED, KEPT, TEXTS, Planted

_FRONT = """\
This book was made up for a sample of data. It looks like the files of Project Gutenberg so that a
reader of those can be tried on it, and it may be copied freely.

Title: {title}

Author: {author}

Release date: {date} [eBook #{number}]

Language: {language}

Character set encoding: {charset}

{credits}

*** START OF THE PROJECT GUTENBERG EBOOK {upper} ***




"""
_BACK = """



*** END OF THE PROJECT GUTENBERG EBOOK {upper} ***

What stands here is a licence of many pages in real files: who may copy the book, where gifts can be
sent, and what the name may be used for. Nothing of it belongs to the book, and nobodyreadsthis.
"""
_NOTE = """\
[Transcriber's Note: The spelling has been left as it was, notethatmustgo, and two commas were
added.]


"""

_LONGER = "The Keeper of the East Light, with another tale"

# Number, title, author, language, text.
_BOOKS = (
    ("90001", "The Keeper of the East Light", "Thorne, Maud Ellery, 1851-1919", "English", "keeper"),
    ("90002", "Le jardin du passeur", "Morvan-Leguével, Étienne, 1862-1931", "French", "jardin"),
    ("90003", "Letters from a Wet Summer", "Wick, Josiah Penhallow, 1838-1902", "English", "letters"),
    ("90004", "The Gate and Other Short Pieces", "Blythe, Harriet Osgood, 1870-1944", "English", "gate"),
    ("90005", _LONGER, "Thorne, Maud Ellery, 1851-1919", "English", "with_tale"),
)
_LACKS = ("PROJECT GUTENBERG", "nobodyreadsthis", "notethatmustgo", "Character set encoding")


def gutenberg(folder: Path) -> list[Planted]:
    books = {
        number: (TEXTS / f"gutenberg_{name}.txt").read_text(encoding="utf-8")
        for number, _, _, _, name in _BOOKS
        if number != "90005"
    }
    tale = (TEXTS / "gutenberg_tale.txt").read_text(encoding="utf-8")
    books["90005"] = (
        books["90001"].replace("a hundred and eighteen", "one hundred and eighteen") + "\n\n" + tale
    )
    files = {
        "90001-0.txt": _text("90001", books["90001"], "UTF-8").encode(),
        "90002-8.txt": _text("90002", books["90002"].replace("\n", "\r\n"), "ISO-8859-1").encode("latin-1"),
        "90003-0.zip": _zip("90003-0.txt", _text("90003", _illustrated(books["90003"]), "UTF-8").encode()),
        "90004-h/90004-h.htm": _html("90004", books["90004"]).encode(),
        "90005-0.txt": b"\xef\xbb\xbf" + _text("90005", books["90005"], "UTF-8").encode(),
    }
    (folder / "gutenberg/90004-h").mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / "gutenberg" / name).write_bytes(data)
    (folder / "gutenberg/pg_catalog.csv").write_bytes(_catalogue())
    holds = {
        "90001": ("CHAPTER I", "was to come on the first Monday", "a large one and a small."),
        "90002": ("Étienne", "À chaque crue", "était pas là l'année d'avant"),
        "90003": ("PREFACE", "LETTER THE FIRST", "rather dry brother."),
        "90004": ("When my uncle died", "ON BEING EARLY", "for the whole of an afternoon."),
        "90005": ("CHAPTER I", "THE MAN WHO MENDED THE BELL", "walking round it."),
    }
    kinds = {"90001": "contained", "90002": "latin_1", "90003": "zip", "90004": "html", "90005": "container"}
    planted = []
    for (number, title, author, language, _), name in zip(_BOOKS, files, strict=True):
        code = {"English": "en", "French": "fr"}[language]
        family, given = author.split(", ")[:2]
        facts: dict[str, object] = {"title": title, "author": f"{given} {family}", "stated_language": code}
        fate, by = (DROPPED, "containment") if number == "90001" else (KEPT, "")
        lacks = (*_LACKS, "<p", "pagenum", "[Illustration", "[Pg")
        planted.append(
            Planted(f"gutenberg/{name}", number, kinds[number], fate, by, holds[number], lacks, facts)
        )
    return planted


def _front(number: str, charset: str) -> tuple[str, str]:
    [(_, title, author, language, _)] = [book for book in _BOOKS if book[0] == number]
    family, given = author.split(", ")[:2]
    facts = {
        "title": title,
        "upper": title.upper(),
        "author": f"{given} {family}",
        "date": "May 3, 2024",
        "number": number,
        "language": language,
        "charset": charset,
        "credits": "Credits: Made by hand",
    }
    return _FRONT.format(**facts), _BACK.format(**facts)


def _text(number: str, book: str, charset: str) -> str:
    front, back = _front(number, charset)
    if "\r\n" in book:
        front, back = front.replace("\n", "\r\n"), back.replace("\n", "\r\n")
    return front + book + back


def _illustrated(book: str) -> str:
    return _NOTE + book.replace("LETTER THE SECOND", "[Illustration: The inn in June]\n\n\nLETTER THE SECOND")


def _zip(name: str, data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        about = zipfile.ZipInfo(name, (2024, 5, 3, 8, 0, 0))
        about.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(about, data)
    return sink.getvalue()


def _html(number: str, book: str) -> str:
    """The book as a page: headings, paragraphs, numbers of pages in the margin, a note of the transcriber."""
    front, back = _front(number, "UTF-8")
    blocks = []
    for count, block in enumerate(re.split(r"\n{2,}", book.strip())):
        tag = "h1" if count == 0 else "h2" if block.isupper() else "p"
        page = f'<span class="pagenum"><a id="Page_{count}">[Pg {count}]</a></span>' * (tag == "p")
        blocks.append(f"<{tag}>{page}{block.replace(' -- ', '&mdash;')}</{tag}>")
    note = '<div class="transnote"><p>Transcriber&rsquo;s note: notethatmustgo.</p></div>'
    title = next(book[1] for book in _BOOKS if book[0] == number)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>.pagenum {{ font-size: small; }}</style></head>
<body>
<section class="pg-boilerplate pgheader" id="pg-header"><pre>{front.strip()}</pre></section>
{note}
{chr(10).join(blocks)}
<section class="pg-boilerplate pgheader" id="pg-footer"><pre>{back.strip()}</pre></section>
</body>
</html>
"""


def _catalogue() -> bytes:
    sink = io.StringIO()
    rows = csv.writer(sink)
    rows.writerow(
        ["Text#", "Type", "Issued", "Title", "Language", "Authors", "Subjects", "LoCC", "Bookshelves"]
    )
    for number, title, author, language, _ in _BOOKS:
        code = {"English": "en", "French": "fr"}[language]
        rows.writerow([number, "Text", "2024-05-03", title, code, author, "Lamps -- Fiction", "PR", ""])
    rows.writerow(["90009", "Sound", "2024-05-04", "A Book that\nIs Read Aloud", "en", "Nobody", "", "", ""])
    return sink.getvalue().encode()
