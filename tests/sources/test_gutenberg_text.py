"""From a book's file to its text: header, licence, credits and notes off, paragraphs joined."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.books import boilerplate, encodings, notes
from pipeline.sources.books.conversion import Choices, Converted, converted
from pipeline.sources.books.header import COPYRIGHTED, PUBLIC_DOMAIN, date_of, language_code

HEADER = """The Project Gutenberg EBook of A Walk, by Anna Bell

This eBook is for the use of anyone anywhere at no cost.

Title: A Walk
       Being Notes of a Summer

Author: Anna Bell
Author: Otto Klein

Release Date: March 9, 2004 [EBook #4321]

Language: English

Character set encoding: ISO-8859-1

*** START OF THIS PROJECT GUTENBERG EBOOK A WALK ***




Produced by Some One and the Online Distributed
Proofreading Team at http://www.pgdp.net




"""
FOOTER = """



End of the Project Gutenberg EBook of A Walk, by Anna Bell

*** END OF THIS PROJECT GUTENBERG EBOOK A WALK ***

***** This file should be named 4321.txt *****
Updated editions will replace the previous one.
"""


def book(data: str | bytes, is_html: bool = False, **choices: object) -> Converted:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    found = converted(raw, is_html, Choices(**choices))  # type: ignore[arg-type]
    assert isinstance(found, Converted), found
    return found


def text(data: str | bytes, **choices: object) -> str:
    return book(data, **choices).text  # type: ignore[arg-type]


def test_nothing_and_no_text() -> None:
    assert converted(b"", False, Choices()) == "empty"
    assert converted((HEADER + FOOTER).encode(), False, Choices()) == "empty"
    assert converted(b"\x89PNG\0\0", False, Choices()) == "binary"


def test_a_book_between_its_marks() -> None:
    found = book(HEADER + "A WALK\n\nIt was a day in May.\n" + FOOTER)
    assert found.text == "A WALK\n\nIt was a day in May."
    assert found.markers == "both"
    header = found.header
    assert (header.number, header.title) == (4321, "A Walk: Being Notes of a Summer")
    assert (header.author, header.language) == ("Anna Bell; Otto Klein", "en")
    assert (str(header.date), header.license) == ("2004-03-09 00:00:00", PUBLIC_DOMAIN)


@pytest.mark.parametrize(
    ("data", "markers"),
    [
        ("One.\n" + FOOTER, "end"),
        (HEADER + "One.\n", "start"),
        ("One.\n", "none"),
        ("One.\n\nEnd of Project Gutenberg's A Walk, by Anna Bell\n", "end"),
        ("One.\n\nEnde dieses Projekt Gutenberg Etextes\n", "end"),
        ("One.\n\n*** START: FULL LICENSE ***\n\nTHE FULL PROJECT GUTENBERG LICENSE\n", "end"),
    ],
)
def test_a_missing_mark_keeps_all_on_that_side(data: str, markers: str) -> None:
    found = book(data)
    assert (found.text, found.markers) == ("One.", markers)


@pytest.mark.parametrize(
    "mark",
    [
        "***START OF THE PROJECT GUTENBERG EBOOK A WALK***",
        "*** START OF THIS PROJECT GUTENBERG EBOOK\nA WALK ***",
        "*** START OF THE PROJECT GUTENBERG EBOOK 4321 ***",
        "*** START OF THE COPYRIGHTED PROJECT GUTENBERG EBOOK A WALK ***",
    ],
)
def test_the_forms_of_the_first_mark(mark: str) -> None:
    assert text(f"The Project Gutenberg eBook of A Walk\n\n{mark}\n\nOne.\n") == "One."


def test_the_small_print_of_the_nineties() -> None:
    old = (
        "The Project Gutenberg Etext of A Walk, by Anna Bell\n#2 in our series\n\n"
        "July, 1997  [Etext #972]\n\n***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\n"
        'Why is this "Small Print!" statement here?\n\n'
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n\nOne.\n\n"
        "End of The Project Gutenberg Etext of A Walk by Bell\n"
    )
    found = book(old)
    assert (found.text, found.markers) == ("One.", "both")
    assert (found.header.number, found.header.title) == (972, "A Walk")
    assert str(found.header.date) == "1997-07-01 00:00:00"


def test_a_copyrighted_book_and_one_that_says_nothing() -> None:
    banner = "** This is a COPYRIGHTED Project Gutenberg eBook, Details Below **\n"
    assert book(banner + HEADER + "One.\n" + FOOTER).header.license == COPYRIGHTED
    assert book("One.\n").header.license is None


def test_volumes_joined_in_one_file() -> None:
    found = book(HEADER + "One.\n" + FOOTER + HEADER + "Two.\n" + FOOTER)
    assert found.text.split("\n\n")[0] == "One." and found.text.endswith("Two.")
    assert "Gutenberg" not in found.text.replace("pgdp", "")


@pytest.mark.parametrize(
    "note",
    [
        "Transcriber's Note:\n\n  The symbol [=] stands for a macron.\n\n\n\n\n",
        "[Transcriber's Note: Errors are listed\nat the end [of the text].]\n\n",
        "+----------+\n| Transcriber's note: |\n| Hyphens stay. |\n+----------+\n\n",
        "Au lecteur\n\nCette version électronique reproduit la version originale.\n\n\n\n\n",
        "Anmerkungen zur Transkription:\n\nDie Schreibung blieb.\n\n\n\n\n",
        "E-text prepared by Anna Bell\n\n",
        "This etext was produced by Anna Bell <bell@example.org>\n\n",
        "Transcribed from the 1908 edition by Anna Bell\n\n",
        "[This text uses UTF-8 (Unicode) file encoding.]\n\n",
    ],
)
def test_notes_and_credits_at_the_begin(note: str) -> None:
    assert text(HEADER + note + "A WALK\n\n\n\n\nOne.\n" + FOOTER) == "A WALK\n\nOne."
    kept = text(HEADER + note + "A WALK\n\n\n\n\nOne.\n" + FOOTER, notes=True)
    assert kept.startswith("Produced by") and len(kept) > 100


@pytest.mark.parametrize(
    "note",
    [
        "\n\n\n\nTranscriber Notes:\n\nOn page 100 a period was added.\n\nBold is =bold=.\n",
        "\n\n\n\nTRANSCRIBER'S NOTES\n\n\nPage 10 'tonight'\n     Hyphen not inked.\n",
        "\n\n       *       *       *       *       *\n\nERRATA.\n\n  text reads \u201cPicre\u201d\n",
        "\n\n       *       *       *\n\n\n    Liste des modifications:\n\n page 2: «a» remplacé par «b»\n",
    ],
)
def test_notes_at_the_end(note: str) -> None:
    body = "A WALK\n\n" + "It went on and on.\n\n" * 60 + "THE END"
    found = book((HEADER + body + note + FOOTER).encode())
    assert found.text.endswith("on.\n\nTHE END")


def test_what_only_looks_like_a_note_stays() -> None:
    body = (
        "PRODUCED BY THE SEA\n\nErrata\n\nHe found two faults in himself.\n\n"
        "Au lecteur\n\nLa sottise, l'erreur.\n\n" + "It went on.\n\n" * 100
    )
    kept = text(HEADER + "\n".join(["A WALK\n"] * 12) + body + FOOTER)
    for line in ("PRODUCED BY THE SEA", "Errata", "He found two faults in himself.", "La sottise, l'erreur."):
        assert line in kept


@pytest.mark.parametrize(
    ("codec", "declared", "name"),
    [
        ("latin-1", "ISO-8859-1", "cp1252"),
        ("cp1252", "ISO-8859-1", "cp1252"),
        ("utf-8", "ISO-8859-1", "utf-8"),
        ("utf-8-sig", "UTF-8", "utf-8"),
        ("cp437", "", "cp437"),
        ("cp437", "ISO-8859-1", "cp437"),
        ("mac_roman", "", "mac_roman"),
        ("cp850", "IBM-850", "cp850"),
        ("iso8859-2", "ISO-8859-2", "iso8859-2"),
        ("koi8-r", "KOI8-R", "koi8-r"),
        ("big5", "Big5", "big5hkscs"),
        ("utf-16", "", "utf-16-le"),
    ],
)
def test_character_sets(codec: str, declared: str, name: str) -> None:
    said = {
        "iso8859-2": "Zażółć gęślą jaźń, rzekł.",
        "koi8-r": "Был ясный день, и она шла вдоль реки.",
        "big5": "子曰：學而時習之，不亦說乎。",
    }.get(codec, "Où est le café, dit-il à sa sœur, là-bas près du théâtre?")
    if codec in ("latin-1", "cp437", "cp850"):
        said = said.replace("œ", "oe")
    data = f"Character set encoding: {declared}\r\n\r\n{said}\r\n".encode(codec)
    assert encodings.decode(data) == (f"Character set encoding: {declared}\n\n{said}\n", name)


def test_a_broken_byte_in_utf_8_costs_itself_alone() -> None:
    data = "Character set encoding: UTF-8\n\n" + "Où est-elle? " * 200
    assert encodings.decode(data.encode() + b"\xff") == (data + "\ufffd", "utf-8")


HTML = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>A Walk | Project Gutenberg</title>
<style>p {}</style></head><body>
<section class="pg-boilerplate pgheader" id="pg-header"><h2>The Project Gutenberg eBook of A Walk</h2>
<div>This ebook is for the use of anyone.</div>
<p><strong>Title</strong>: A Walk</p><p><strong>Author</strong>: Anna Bell</p>
<p><strong>Release date</strong>: March 9, 2004 [eBook #4321]</p><p><strong>Language</strong>: French</p>
<div id="pg-start-separator"><span>*** START OF THE PROJECT GUTENBERG EBOOK A WALK ***</span></div></section>
<div class="transnote"><p>Transcriber's note: <div>nested</div> kept.</p></div>
<h1>A WALK</h1><p>It was<span class='pagenum'><a id='p3'>[3]</a></span> a day<br>in May.</p>
<div class="poem"><span>The river runs,<br></span><span>the river sings.</span></div>
<p>No note: <span class="tnx">x</span>.</p>
<section class="pg-boilerplate pgfooter" id="pg-footer">
<div>*** END OF THE PROJECT GUTENBERG EBOOK A WALK ***</div><p>Updated editions</p></section></body></html>"""


def test_html() -> None:
    found = book(HTML.encode(), is_html=True)
    assert found.text.split("\n\n") == [
        "A WALK",
        "It was a day\nin May.",
        "The river runs,\nthe river sings.",
        "No note: x.",
    ]
    assert (found.format, found.markers, found.charset) == ("html", "both", "us-ascii")
    assert (found.header.number, found.header.title, found.header.author) == (4321, "A Walk", "Anna Bell")
    assert found.header.language == "fr"
    assert "Transcriber" in book(HTML.encode(), is_html=True, notes=True).text


def test_html_with_its_header_in_pre() -> None:
    old = f"<html><body><pre>\n{HEADER}</pre><p>One.</p><pre>{FOOTER}</pre></body></html>"
    assert book(old.encode(), is_html=True).text == "One."


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("English", "en"),
        ("French and English", "fr"),
        ("Greek, Ancient", "grc"),
        ("German; English", "de"),
        ("fr", "fr"),
        ("Klingonese", None),
        ("", None),
    ],
)
def test_languages(name: str, code: str | None) -> None:
    assert language_code(name) == code


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("March 9, 2004", "2004-03-09"),
        ("Sept. 1, 1997 [#1]", "1997-09-01"),
        ("June, 2002", "2002-06-01"),
        ("October 1997", "1997-10-01"),
        ("2004-03-09", "2004-03-09"),
        ("February 31, 2001", None),
        ("soon", None),
    ],
)
def test_dates(said: str, date: str | None) -> None:
    found = date_of(said)
    assert (found and f"{found:%Y-%m-%d}") == date


_WORD = st.text("abcdefgh ABÉß.,;:!?'\"()", min_size=1, max_size=12)
_LINES = st.lists(st.one_of(st.just(""), st.lists(_WORD, max_size=12).map(" ".join)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(_LINES, st.booleans(), st.booleans())
def test_no_word_of_the_book_is_lost_or_moved(lines: list[str], header: bool, footer: bool) -> None:
    body = "\n".join(lines)
    words = body.split()
    data = (HEADER * header + body + FOOTER * footer).encode()
    found = converted(data, False, Choices())
    assert (found.text.split() if isinstance(found, Converted) else []) == words


_PIECES = st.sampled_from(
    [
        *HEADER.split("\n"),
        *FOOTER.split("\n"),
        "",
        "",
        "",
        "Transcriber's Note:",
        "[Illustration: x",
        "]",
        "[Pg 3]",
        "[Transcriber's note:",
        "ERRATA",
        "*** END OF THE PROJECT GUTENBERG EBOOK ***",
        "* * * * *",
        "_x_",
        "=y=",
        "{3}",
        "+-----------+",
        "|  Transcriber's note  |",
        "\x1e",
        "\x0c",
        "    indented",
        "a    b    c",
        "<p>",
        "<pre>",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.text(max_size=80)), max_size=60), st.booleans())
def test_nothing_raises_and_the_middle_stays(pieces: list[str], is_html: bool) -> None:
    converted("\n".join(pieces).encode("utf-8", "replace"), is_html, Choices())
    middle = [f"line {number} of the middle" for number in range(400)]  # longer than any bracketed note
    lines = [*pieces, "", "", "", "", *middle, "", "", "", "", *pieces]
    cut = boilerplate.cut([line for piece in lines for line in piece.split("\n")])
    kept = "\n".join(notes.without_notes(cut.body))
    if not any("***" in piece or "End of" in piece for piece in pieces):
        assert all(line in kept for line in middle)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_decoded(data: bytes) -> None:
    decoded, name = encodings.decode(data)
    decoded.encode("utf-8", "surrogatepass")
    assert name and "\r" not in decoded


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 300_000,
        "[Illustration" * 50_000,
        "_" * 300_000,
        "_a " * 200_000,
        "<div class=tn " * 50_000,
        "*** START " * 50_000,
        "a\n" * 200_000,
        "{1}" * 100_000,
        "=" * 300_000,
        "<span class='pagenum'>" * 50_000,
    ],
)
def test_hostile_input_comes_to_an_end(hostile: str) -> None:
    for is_html in (False, True):
        converted(hostile.encode(), is_html, Choices())


def test_entities_and_tags_in_plain_text() -> None:
    plain = "<b>A SONG</b>\n\nHe went&mdash;and <i>she</i>, &amp;c., at 5 &deg; &unknown; AT&T; a < b </x>."
    assert text(plain) == "A SONG\n\nHe went—and she, &c., at 5 ° &unknown; AT&T; a < b </x>."
    assert text("so <i>very</i> much", emphasis=True) == "so _very_ much"
