"""A book's paragraphs: hard-wrapped prose joined, verse and tables left, signs and page numbers off."""

import pytest

from pipeline.sources.books import paragraphs
from pipeline.sources.books.conversion import Choices, Converted, converted


def text(data: str, **choices: object) -> str:
    found = converted(data.encode(), False, Choices(**choices))  # type: ignore[arg-type]
    return found.text if isinstance(found, Converted) else found


def test_nothing() -> None:
    assert paragraphs.text_of([], True, "captions", False) == ""
    assert paragraphs.text_of(["", "  ", "* * * * *"], True, "captions", False) == ""


def test_prose_is_joined_and_verse_is_not() -> None:
    body = (
        "It was a day in May, and she had walked along the river since the first\n"
        "light, past the mill and the two bridges, and had met nobody but a boy\n"
        "with a goat.\n\n"
        '    "The river runs, the river sings,\n      And carries off the day;\n'
        '    It does not care for other things,\n      It only goes its way."\n\n'
        "Dear Otto,\n\nCome and see.\n"
    )
    lines = text(body).split("\n")
    assert lines[0].startswith("It was a day") and lines[0].endswith("with a goat.")
    assert lines[2:6] == [
        '"The river runs, the river sings,',
        "  And carries off the day;",
        "It does not care for other things,",
        '  It only goes its way."',
    ]
    assert text(body, unwrap=False).count("\n") == body.count("\n") - 1


def test_verse_that_fills_its_lines() -> None:
    """Set in, each line in upper case, as wide as the prose around it."""
    prose = "\n".join(["and so she went along the river until it was dark and cold there,"] * 12)
    verse = (
        "    The river runs all night, the river sings and carries the days,\n"
        "      And nobody has ever known the place from where it had to come,\n"
        "    For all its water goes away to other lands by other long ways,\n"
        "      And what it sings of is not heard by those who sit at home"
    )
    assert text(f"{prose}\n\n{verse}\n").split("\n\n")[1].count("\n") == 3


def test_tables_lists_and_names_keep_their_lines() -> None:
    body = (
        "CHAP.                        PAGE\n   I. THE MILL                  1\n"
        "  II. THE BRIDGE               15\n\n"
        "THE PERSONS\n\nAnna Bell.\nOtto Klein.\nA Boy.\n\n"
        "1. Reading\n2. Writing\n3. Arithmetic\n"
    )
    assert text(body).split("\n\n") == [block.strip("\n") for block in body.split("\n\n")]


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("and there it was for all of the world to see it, the well--", "known house.", "well--known"),
        ("and there it was for all of the world to see, the red-", "haired boy, he.", "the red-haired"),
        ("and there it was for all of the world to see, and pre-", "and post-war.", "pre- and post-war"),
        ("and there it was for all of the world to see it, the bridge", "--no other.", "bridge--no"),
    ],
)
def test_words_broken_at_the_end_of_a_line(first: str, second: str, joined: str) -> None:
    assert joined in text(f"{first}\n{second}\n")


def test_illustrations_emphasis_and_pages() -> None:
    body = (
        "He saw [Pg 12]it, the =big= _old_ house, for 2_s._ 6_d._ and _any_body\nmight.\n\n"
        "[Illustration]\n\n[Illustration: A _view_ of [the] mill]\n\n"
        "and so it went on\n\n[Pg 13]\n\nuntil the end, snake_case_name and ____.\n"
    )
    assert text(body).split("\n\n") == [
        "He saw it, the big old house, for 2s. 6d. and anybody might.",
        "A view of [the] mill",
        "and so it went on until the end, snake_case_name and ____.",
    ]
    assert "view" not in text(body, illustrations="drop")
    kept = text(body, illustrations="keep", emphasis=True)
    assert "[Illustration]" in kept and "[Illustration: A _view_ of [the] mill]" in kept and "=big=" in kept


def test_numbers_in_braces_are_pages_only_in_a_row_and_footnotes_else() -> None:
    assert text("He went{1} on{2}.\n\n{1} Far.\n\n{2} Farther.\n").count("{") == 4
    pages = "\n\n".join(f"Then{{{number}}} it went." for number in range(1, 30))
    assert text(pages).count("Then it went.") == 29


def test_lines_that_were_never_wrapped_stay() -> None:
    lines = ["It went on and on. " * 20 + "and then", "it stopped. " * 30] * 6
    assert paragraphs.text_of(lines, True, "captions", False).count("\n") == 11
