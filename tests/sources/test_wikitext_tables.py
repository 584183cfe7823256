"""Tables as rows, and the sentences that introduced what is gone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources.wikitext import prose, tables
from pipeline.sources.wikitext.names import Site


def rows(wikitext: str) -> str:
    return prose.to_text(wikitext, "A page", Site(), table_rows=True)


def text(wikitext: str) -> str:
    return prose.to_text(wikitext, "A page", Site())


TABLE = """{| class="wikitable sortable" style="width: 40%"
|+ style="x" | Rivers
! Name !! scope="col" | Length<ref>Somewhere</ref>
|-
| [[Amber (river)|Amber]] || align="right" | 12 ''km''
|-
| Birch
| {{nowrap|7 km}}
|}"""


def test_a_page_without_tables_is_the_same() -> None:
    assert rows("") == ""
    assert rows("Only '''words'''.") == text("Only '''words'''.") == "Only words."


def test_a_table_is_a_line_for_each_row() -> None:
    shown = "Rivers\nName | Length\nAmber | 12 km\nBirch | 7 km"
    assert rows(f"Before.\n\n{TABLE}\nBehind.") == f"Before.\n\n{shown}\n\nBehind."
    assert text(f"Before.\n\n{TABLE}\nBehind.") == "Before.\n\nBehind."


def test_cells_that_span() -> None:
    table = """{| class="wikitable"
! Town !! Year !! People
|-
| rowspan="2" | Holm || 1990 || 500
|-
| 2000 || 600
|-
| colspan=2 | together || 1100
|}"""
    assert rows(table) == "Town | Year | People\nHolm | 1990 | 500\nHolm | 2000 | 600\ntogether | 1100"


def test_a_table_within_a_cell_is_flattened() -> None:
    table = """{| class="wikitable"
! Name !! Parts
|-
| Coat
|
{|
| sleeve || collar
|-
| pocket
|}
|-
| Hat || brim
|}"""
    assert rows(table) == "Name | Parts\nCoat | sleeve collar pocket\nHat | brim"


def test_tables_in_html() -> None:
    html = (
        "Before.\n<table class='wikitable'><tr><th>Sign</th><th>Sound</th></tr>"
        "<tr><td>[[A|a]]</td><td rowspan=2>open</td></tr><tr><td>o</td></tr></table>\nBehind."
    )
    assert rows(html) == "Before.\n\nSign | Sound\na | open\no | open\n\nBehind."
    assert text(html) == "Before.\n\nBehind."


@pytest.mark.parametrize(
    "table",
    [
        '{| class="infobox"\n! Name !! x\n|-\n| a || b\n|}',
        '{| class="wikitable navbox"\n! Name !! x\n|-\n| a || b\n|}',
        '{| role="presentation"\n! Name !! x\n|-\n| a || b\n|}',
        "{|\n| laid || out\n|-\n| by || hand\n|}",  # no header and no class
        '{| class="wikitable"\n| one column\n|-\n| only\n|}',
        '{| class="wikitable"\n! One row !! only\n|}',
        '{| class="wikitable"\n|}',
    ],
)
def test_what_is_no_data_is_dropped(table: str) -> None:
    assert rows(f"Before.\n\n{table}\n\nBehind.") == "Before.\n\nBehind."


def test_long_tables_and_cells_are_cut() -> None:
    lines = "".join(f"|-\n| row {number} || {'long ' * 200}\n" for number in range(1000))
    shown = rows(f'{{| class="wikitable"\n! a !! b\n{lines}|}}').split("\n")
    assert len(shown) == tables.MOST_ROWS
    assert shown[1].startswith("row 0 | long long") and shown[1].endswith("long …")
    assert max(map(len, shown)) < tables.LONGEST_CELL + 20


@pytest.mark.parametrize(
    ("wikitext", "shown"),
    [
        # What the colon introduced was a table, and nothing follows in the section.
        (f"Lead.\n\n== Towns ==\nThe towns are:\n{TABLE}", "Lead."),
        (f"Lead.\n\n== Towns ==\nThere are nine towns. They are:\n{TABLE}\n\n== Rivers ==\nTwo.",
         "Lead.\n\nTowns\n\nThere are nine towns.\n\nRivers\n\nTwo."),
        ("Lead.\n\n== Towns ==\nEin Satz davor, ca. 12 km. Die Orte:\n{{list}}\n",
         "Lead."),  # no end of a sentence that can be told
        ("导言。\n\n== 城市 ==\n共有九个城市。如下：\n{{list}}\n", "导言。\n\n城市\n\n共有九个城市。"),
        # Something follows: a list, a paragraph, a section below.
        ("== Towns ==\nThe towns are:\n* Holm\n", "Towns\n\nThe towns are:\n\n- Holm"),
        (f"== Towns ==\nThe towns are:\n{TABLE}\nAll are small.",
         "Towns\n\nThe towns are:\n\nAll are small."),
        ("== Towns ==\nThe towns are:\n=== Holm ===\nSmall.", "Towns\n\nThe towns are:\n\nHolm\n\nSmall."),
    ],
)  # fmt: skip
def test_sentences_that_introduce_what_is_gone(wikitext: str, shown: str) -> None:
    assert text(wikitext) == shown


def test_a_sentence_that_introduces_a_table_that_is_kept() -> None:
    assert rows(f"== Towns ==\nThe towns are:\n{TABLE}").startswith("Towns\n\nThe towns are:\n\nRivers\nName")


PIECES = st.lists(
    st.sampled_from(["{|", "|}", "\n", "|-", "|+", "|", "||", "!", "!!", "a", "[[", "]]", "<table>", "<td>",
                     "<tr>", "</table>", "class=wikitable", "rowspan=2", "colspan=99", "=",
                     ": ", "\n* ", "{{", "}}"]),
    max_size=60,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(PIECES)
def test_any_table_is_read(pieces: list[str]) -> None:
    shown = rows("\n{|class=wikitable\n" + "".join(pieces))
    assert not set(shown) & set("\x00\x01\x02\x03\x04\x05\x06\x07")


@pytest.mark.parametrize(
    "piece",
    ["{|\n|", "{| class=wikitable\n!", "|-\n|a||b\n", "a=a", "||", "<table><tr><td>", "| a=",
     "|rowspan=999|x\n|-\n"],
)  # fmt: skip
def test_hostile_tables_end(piece: str) -> None:
    # What grows by the square takes minutes for 500 KB.
    rows("{| class=wikitable\n! a !! b\n" + piece * (500_000 // len(piece)) + "\n|}")
