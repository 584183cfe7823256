"""Stack Exchange dumps: questions joined with their answers, on files of our own making."""

import bz2
import datetime
import gzip
import io
import lzma
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import py7zr
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources import stackexchange
from pipeline.sources.stackdump import posts
from pipeline.sources.stackdump.questions import Questions
from pipeline.sources.stackexchange import SOURCE
from pipeline.store import open_input

Fields = dict[str, Any]


def question(number: int, **fields: Any) -> Fields:
    return {
        "Id": number,
        "PostTypeId": 1,
        "CreationDate": "2019-01-02T03:04:05.060",
        "Score": 1,
        "Body": f"<p>Body {number}</p>\n",
        "Title": f"Title {number}",
        "Tags": "<one><two>",
        **fields,
    }


def answer(number: int, parent: int, score: int = 0, **fields: Any) -> Fields:
    return {
        "Id": number,
        "PostTypeId": 2,
        "ParentId": parent,
        "CreationDate": "2019-02-03T00:00:00.000",
        "Score": score,
        "Body": f"<p>Answer {number}</p>",
        **fields,
    }


def line(fields: Fields) -> str:
    kept = {ord("\n"): "&#xA;", ord("\t"): "&#x9;"}
    values = (f'{name}="{escape(str(value)).translate(kept)}"' for name, value in fields.items())
    return f"  <row {' '.join(values)} />\n"


def dump(*rows: Fields | str) -> bytes:
    lines = "".join(row if isinstance(row, str) else line(row) for row in rows)
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{lines}</posts>\n'.encode()


def seven(data: bytes, name: str = "Posts.xml", **options: Any) -> bytes:
    """A 7z archive of two files, the second of which is `data`."""
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", **options) as archive:
        archive.writestr(b"<badges></badges>", "Badges.xml")
        archive.writestr(data, name)
    return made.getvalue()


def reading(data: bytes, name: str = "tea/Posts.xml", part: Any = None, **options: Any) -> Reading:
    unit = Unit("se", "se-unit", name, name, len(data), "1", part)
    return Reading(unit, SOURCE.options(**options), lambda: io.BytesIO(data), Counter())


def rows_of(read: Reading) -> list[dict[str, Any]]:
    found = []
    for table in SOURCE.read(read):
        assert table.schema.equals(SOURCE.schema)
        found += table.to_pylist()
    return found


def texts(*rows: Fields | str, **options: Any) -> list[str]:
    return [row["text"] for row in rows_of(reading(dump(*rows), **options))]


def test_a_site_without_posts_is_empty() -> None:
    read = reading(dump())
    assert rows_of(read) == []
    assert not read.skipped


def test_an_empty_file_is_cut_off() -> None:
    read = reading(b"")
    assert rows_of(read) == []
    assert read.skipped == {"truncated": 1}


def test_a_question_with_answers_is_a_document() -> None:
    data = dump(
        question(1, AcceptedAnswerId=3, ViewCount=70, ClosedDate="2020-01-01T00:00:00.000", AnswerCount=2),
        answer(2, 1, 5),
        answer(3, 1, 12),
    )
    assert rows_of(reading(data)) == [
        {
            "address": "https://tea.stackexchange.com/questions/1",
            "url": "https://tea.stackexchange.com/questions/1",
            "date": datetime.datetime(2019, 1, 2, 3, 4, 5, 60000),
            "license": "CC-BY-SA-4.0",
            "origin": "tea/Posts.xml",
            "offset": data.index(b"<row"),
            "text": "Q: Title 1\n\nBody 1\n\nA: Answer 3\n\nA: Answer 2",
            "title": "Title 1",
            "stated_language": None,
            "stackexchange_site": "tea.stackexchange.com",
            "stackexchange_question": 1,
            "stackexchange_score": 1,
            "stackexchange_answers": 2,
            "stackexchange_accepted": True,
            "stackexchange_accepted_place": 1,
            "stackexchange_answer_scores": [12, 5],
            "stackexchange_tags": ["one", "two"],
            "stackexchange_views": 70,
            "stackexchange_closed": True,
            "stackexchange_wiki": False,
        }
    ]


def test_scores_are_numbers_and_ties_go_to_the_accepted_then_the_older() -> None:
    """As strings, "9" would stand before "10", and "-3" before "-20"."""
    answers = [answer(5, 1, 9), answer(6, 1, 10), answer(7, 1, -20), answer(8, 1, -3), answer(9, 1, 9)]
    (row,) = rows_of(reading(dump(question(1, AcceptedAnswerId=9), *answers)))
    assert row["stackexchange_answer_scores"] == [10, 9, 9, -3, -20]
    assert [int(part.split()[-1]) for part in row["text"].split("\n\nA: ")[1:]] == [6, 9, 5, 8, 7]
    assert row["stackexchange_accepted_place"] == 2


def test_answers_come_from_anywhere_in_the_file() -> None:
    made = texts(answer(9, 2), question(1), answer(3, 1), question(2), answer(4, 1))
    assert made == [
        "Q: Title 1\n\nBody 1\n\nA: Answer 3\n\nA: Answer 4",
        "Q: Title 2\n\nBody 2\n\nA: Answer 9",
    ]


def test_forms() -> None:
    rows = (question(1, AcceptedAnswerId=2), answer(2, 1, 3), answer(4, 1, 8))
    assert texts(*rows, form="plain") == ["Title 1\n\nBody 1\n\nAnswer 4\n\nAnswer 2"]
    assert texts(*rows, form="accepted") == ["Q: Title 1\n\nBody 1\n\nA: Answer 4\n\nA (accepted): Answer 2"]


def test_an_answer_that_starts_with_a_block_stands_below_its_mark() -> None:
    made = texts(
        question(1), answer(2, 1, Body="<pre><code>x</code></pre>"), answer(3, 1, Body="<ul><li>a</ul>")
    )
    assert made == ["Q: Title 1\n\nBody 1\n\nA:\n\n```\nx\n```\n\nA:\n\n- a"]


def test_weak_answers_can_be_left_out_of_the_text() -> None:
    rows = (question(1, AcceptedAnswerId=2), answer(2, 1, -1), answer(3, 1, 4), answer(4, 1, 2))
    (row,) = rows_of(reading(dump(*rows), min_answer_score=0, max_answers=1))
    assert row["text"] == "Q: Title 1\n\nBody 1\n\nA: Answer 3"
    assert row["stackexchange_answers"] == 3
    assert row["stackexchange_answer_scores"] == [4]
    assert row["stackexchange_accepted"] is False


def test_code_and_references_survive_both_escapings() -> None:
    body = '<pre><code>if (a &lt; b &amp;&amp; c) {\n\tx = "&amp;lt;";\n}\n</code></pre>'
    assert texts(question(1, Title='a "b" & <c>', Body=body)) == [
        'Q: a "b" & <c>\n\n```\nif (a < b && c) {\n\tx = "&lt;";\n}\n```'
    ]


def test_question_without_answers_or_with_a_bad_score_is_kept() -> None:
    (row,) = rows_of(reading(dump(question(1, Score=-7))))
    assert (row["stackexchange_score"], row["stackexchange_answers"]) == (-7, 0)
    assert row["stackexchange_answer_scores"] == []
    assert row["text"] == "Q: Title 1\n\nBody 1"


def test_what_is_no_document_is_counted() -> None:
    other = [question(number, PostTypeId=kind) for number, kind in enumerate((3, 4, 5, 6, 7, 8, 17), 10)]
    read = reading(dump(question(1), *other, answer(3, 999), answer(4, 998), answer(5, 1), answer(5, 1)))
    assert len(rows_of(read)) == 1
    assert read.skipped == {
        "tag_wiki": 3,
        "moderator_nomination": 1,
        "other_post": 3,
        "orphan_answer": 2,
        "duplicate_row": 1,
    }


@pytest.mark.parametrize(
    "bad",
    [
        '  <row Id="2" PostTypeId="2" ParentId="1" Score="1" Body="cut off\n',
        '  <row Id="2" PostTypeId="2" ParentId="1" Score="many" Body="" />\n',
        '  <row Id="2" PostTypeId="2" ParentId="1" Score="1" Body="&undeclared;" Body="twice" />\n',
        '  <row Id="2" PostTypeId="2" Score="1" Body="whose?" />\n',
        "  <row />\n",
    ],
)
def test_a_damaged_row_costs_that_row(bad: str) -> None:
    read = reading(dump(question(1), answer(3, 1), bad, question(4), answer(5, 1)))
    assert [row["text"][-8:] for row in rows_of(read)] == ["Answer 5", "\n\nBody 4"]
    assert read.skipped == {"damaged_row": 1}


def test_bytes_that_are_no_text_cost_the_row() -> None:
    read = reading(dump(question(1), question(2, Body="<p>here</p>")).replace(b"here", b"\xff\xfe"))
    assert len(rows_of(read)) == 1
    assert read.skipped == {"damaged_row": 1}


@pytest.mark.parametrize(
    "row",
    [
        "<row Id='1' PostTypeId='1' Score='2' Title='T &amp; U' Body='b' />",
        '<row PostTypeId="1" Id="1" Score="2" Title="T &amp; U" Body="b"/>',
        '<row Id="1" PostTypeId="1" Score="2"\n Title="T\n&#38; U" Body="b"></row>',
        '<row  Id = "1"\tPostTypeId = "1" Score="2" Title="T &#x26; U" Body="b" />',
    ],
)
def test_xml_of_another_form_is_read_too(row: str) -> None:
    (document,) = rows_of(reading(dump(row)))
    assert document["text"] == "Q: T & U\n\nb"
    assert document["stackexchange_score"] == 2


def test_entities_are_never_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<posts>'
    read = reading(dump("<row Id='1' PostTypeId='1' Title='&b;' />", question(2)).replace(b"<posts>", bomb))
    assert [row["stackexchange_question"] for row in rows_of(read)] == [2]
    assert read.skipped == {"damaged_row": 1}


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    rows_of(reading(data))
    rows_of(reading(dump().replace(b"<posts>", b"<posts><row " + data)))


def made_site(count: int, rng: random.Random) -> tuple[bytes, dict[int, list[int]]]:
    """A dump of `count` posts, and the ids of each question's answers in the order expected."""
    rows: list[Fields] = []
    answers: dict[int, list[tuple[int, int]]] = {}
    for number in range(1, count + 1):
        if not answers or rng.random() < 0.3:
            answers[number * 7] = []
            rows.append(question(number * 7))
        else:
            parent = rng.choice(list(answers))
            score = rng.randint(-5, 120)
            answers[parent].append((-score, number * 7))
            rows.append(answer(number * 7, parent, score))
    return dump(*rows), {parent: [number for _, number in sorted(them)] for parent, them in answers.items()}


def expected(answers: dict[int, list[int]]) -> list[str]:
    return [
        "\n\n".join([f"Q: Title {number}\n\nBody {number}", *(f"A: Answer {at}" for at in answers[number])])
        for number in sorted(answers)
    ]


@pytest.mark.parametrize(("held", "join", "width"), [(1 << 20, 1 << 20, 1 << 14), (2000, 700, 50), (1, 1, 3)])
def test_the_join_is_the_same_however_little_memory_there_is(
    held: int, join: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, answers = made_site(300, random.Random(1))
    monkeypatch.setattr(stackexchange, "Questions", lambda: Questions(held, join, width))
    assert [row["text"] for row in rows_of(reading(data))] == expected(answers)


def test_spilled_posts_leave_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data, _ = made_site(300, random.Random(2))
    with Questions(held_bytes=2000) as held:
        for row in posts.rows([data], Counter()):
            held.add(row)
        assert held.spilled_bytes > 0
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_parts_of_a_site_are_the_whole(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stackexchange, "WIDTH", 16)
    data, _ = made_site(200, random.Random(3))
    data = data.replace(b"</posts>", line(question(9000, PostTypeId=5)).encode() + b"</posts>")
    whole = reading(data)
    rows = rows_of(whole)
    shared = []
    skipped: Counter[str] = Counter()
    for part in range(parts):
        read = reading(data, part=(part, parts))
        shared += rows_of(read)
        skipped += read.skipped
    assert sorted(shared, key=lambda row: row["stackexchange_question"]) == rows
    assert skipped == whole.skipped == {"tag_wiki": 1}


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "7z": seven,
    "7z-lzma": lambda data: seven(data, filters=[{"id": py7zr.FILTER_LZMA}]),
    "7z-bzip2": lambda data: seven(data, filters=[{"id": py7zr.FILTER_BZIP2}]),
    "7z-folder": lambda data: seven(data, "tea/posts.XML"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_file_is_the_same_as_a_plain_one(kind: str) -> None:
    data, answers = made_site(200, random.Random(4))
    read = reading(PACKED[kind](data), "tea/Posts.xml.packed")
    assert [row["text"] for row in rows_of(read)] == expected(answers)
    assert not read.skipped


def test_ppmd_is_unpacked_in_a_process_of_its_own(tmp_path: Path) -> None:
    data, answers = made_site(50, random.Random(5))
    path = tmp_path / "tea.stackexchange.com.7z"
    path.write_bytes(seven(data, filters=[{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]))
    assert SOURCE.units is not None
    (unit,) = SOURCE.units("se", expand([str(path)]), SOURCE.options())
    read = Reading(unit, SOURCE.options(), lambda: open_input(unit.path), Counter())
    assert [row["text"] for row in rows_of(read)] == expected(answers)
    assert not read.skipped
    remote = reading(path.read_bytes())
    assert rows_of(remote) == []
    assert remote.skipped == {"unsupported": 1}


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "7z", "7z-bzip2"])
def test_a_damaged_file_costs_what_is_behind_the_damage(kind: str) -> None:
    rng = random.Random(6)
    noise = [question(number, Body=rng.randbytes(700).hex()) for number in range(1, 1200)]
    packed = bytearray(PACKED[kind](dump(*noise)))
    middle = len(packed) // 2
    packed[middle : middle + 200] = rng.randbytes(200)
    read = reading(bytes(packed), "tea/Posts.xml.packed")
    assert 0 < len(rows_of(read)) < 1199
    assert sum(read.skipped[reason] for reason in ("corrupt", "truncated")) >= 1


def test_a_file_that_is_cut_off_keeps_its_whole_rows() -> None:
    data = dump(question(1), question(2), question(3))
    read = reading(data[: data.index(b"Title 3")])
    assert [row["stackexchange_question"] for row in rows_of(read)] == [1, 2]
    assert read.skipped == {"truncated": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (seven(b"<users></users>", "Users.xml"), "no_posts"),
        (seven(b"<posts></posts>", password="x"), "encrypted"),
        (seven(b"<posts></posts>")[:40], "corrupt"),
    ],
    ids=["no posts", "a password", "cut off"],
)
def test_an_archive_that_cannot_be_read_is_counted(data: bytes, reason: str) -> None:
    read = reading(data, "tea.7z")
    assert rows_of(read) == []
    assert read.skipped == {reason: 1}


def test_the_original_is_the_rows() -> None:
    rows = [question(1), question(2, AnswerCount=2), answer(3, 1), answer(4, 2), question(5), answer(6, 2)]
    wanted = "\n".join(line(rows[at]).strip().replace(" />", " />") for at in (1, 3, 5)).encode()
    for packing in (bytes, gzip.compress, seven):
        read = reading(packing(dump(*rows)))
        second = rows_of(read)[1]
        assert SOURCE.original is not None
        assert SOURCE.original(read, second) == wanted


@pytest.mark.parametrize(
    ("fields", "license"),
    [
        ({"ContentLicense": "CC BY-SA 3.0"}, "CC-BY-SA-3.0"),
        ({"CreationDate": "2011-04-07T23:59:59.999"}, "CC-BY-SA-2.5"),
        ({"CreationDate": "2011-04-08T00:00:00.000"}, "CC-BY-SA-3.0"),
        ({"CreationDate": "2018-05-01T23:59:59.999"}, "CC-BY-SA-3.0"),
        ({"CreationDate": "2018-05-02T00:00:00.000"}, "CC-BY-SA-4.0"),
        ({"CreationDate": "once"}, None),
        ({"CreationDate": "1368856134"}, None),
    ],
)
def test_the_licence_is_the_rows_or_that_of_its_date(fields: Fields, license: str | None) -> None:
    (row,) = rows_of(reading(dump(question(1, **fields))))
    assert row["license"] == license


def test_licences_of_all_contributions_are_named() -> None:
    (row,) = rows_of(reading(dump(question(1, CreationDate="2010-01-01T00:00:00.000"), answer(2, 1))))
    assert row["license"] == "CC-BY-SA-2.5 AND CC-BY-SA-4.0"
