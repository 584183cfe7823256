"""Reads the data dumps of Stack Exchange: each question with its answers is a document.

A site's file is its `.7z` or the `Posts.xml` out of it, plain or packed. A question becomes a document
whatever its score, closed or without answers: columns say so. What becomes none is counted:

    tag_wiki                texts about tags (post types 3 to 5)
    moderator_nomination    post type 6
    other_post              post types 7, 8 and whatever may come
    orphan_answer           the question is not in the file
    duplicate_row           a second row with the same id
    damaged_row             not XML, not UTF-8, or without id, type, question or a number for a score
    too_large               a row of over 16 MiB
    truncated               the file ends before the XML does: the posts behind are missing
    corrupt                 a packed piece is damaged, and what is behind it missing
    encrypted, unsupported, no_posts   of a 7z that cannot be read: counts as one

A file that is large becomes several units. Each of them reads the whole file and takes its share of
the questions, by ranges of their ids: the unpacking is done several times, the text once.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field, field_validator

from pipeline.errors import MovedError
from pipeline.inputs import InputFile, unit_name
from pipeline.source import ADDRESS, BASE_SCHEMA, STATED_LANGUAGE, Reading, Source, Unit, tables
from pipeline.sources import dates
from pipeline.sources.archives import sevenzip
from pipeline.sources.charset import well_formed
from pipeline.sources.pages.fragments import to_text
from pipeline.sources.stackdump import posts, sites
from pipeline.sources.stackdump.posts import ANSWER, QUESTION, Row
from pipeline.sources.stackdump.questions import WIDTH, Post, Questions
from pipeline.sources.streams import chunks, opened
from pipeline.stage import Options, column

SCHEMA = pa.schema(
    [
        ADDRESS,
        *(BASE_SCHEMA.field(name) for name in ("url", "date", "license", "origin", "offset")),
        pa.field("text", pa.string(), metadata={"about": "question and answers, highest score first"}),
        pa.field("title", pa.string(), metadata={"about": "of the question"}),
        STATED_LANGUAGE,
        column("stackexchange_site", pa.string(), about="domain of the site"),
        column("stackexchange_question", pa.int64(), about="id of the question"),
        column("stackexchange_score", pa.int32(), "votes", "for the question, less those against it"),
        column("stackexchange_answers", pa.int32(), "answers", "in the dump"),
        column("stackexchange_accepted", pa.bool_(), about="an answer in the text is the accepted one"),
        column("stackexchange_accepted_place", pa.int32(), about="its place in the text, 1 = first; 0: none"),
        column("stackexchange_answer_scores", pa.list_(pa.int32()), "votes", "as the text has the answers"),
        column("stackexchange_tags", pa.list_(pa.string()), about="of the question"),
        column("stackexchange_views", pa.int64(), "views", "of the question; null if not given", True),
        column("stackexchange_closed", pa.bool_(), about="the question is closed"),
        column("stackexchange_wiki", pa.bool_(), about="the question is community wiki"),
    ]
)

_KINDS = {3: "tag_wiki", 4: "tag_wiki", 5: "tag_wiki", 6: "moderator_nomination"}

# Licence of contributions by their date, where the row does not name it.
_LICENSES = (
    ("2018-05-02", "CC-BY-SA-4.0"),
    ("2011-04-08", "CC-BY-SA-3.0"),
    ("", "CC-BY-SA-2.5"),
)

# Bytes of XML for each unit of a site; how much of it a byte of a packed file is, about.
UNIT_BYTES = 24 << 30
_UNPACKED = {"7z": 6, "gz": 4, "bz2": 6, "xz": 6, "zst": 4}

_BLOCK = re.compile(r"> |- |[0-9]+\. |```")
_INT32 = 1 << 31  # numbers in dumps are below


class StackExchangeOptions(Options):
    """Options of `read: stackexchange`."""

    sites: str | tuple[str, ...] = Field(
        default="all",
        description="'all'; 'largest 28', by bytes of the matched files; or names, as 'cooking'",
    )
    form: Literal["qa", "accepted", "plain"] = Field(
        default="qa",
        description="qa: 'Q: ' before the question, 'A: ' before each answer; accepted: the accepted one "
        "is marked 'A (accepted): '; plain: no marks",
    )
    min_answer_score: int | None = Field(
        default=None, description="answers with less are left out of the text"
    )
    max_answers: int | None = Field(default=None, ge=0, description="the best ones that the text takes; all")

    @field_validator("sites")
    @classmethod
    def _sites_can_be_meant(cls, wanted: str | tuple[str, ...]) -> str | tuple[str, ...]:
        return sites.well_formed_choice(wanted)


def units(name: str, files: Sequence[InputFile], options: StackExchangeOptions) -> list[Unit]:
    """A unit for each site that is wanted, several for a large one. Raises PlanError as `sites.chosen`."""
    found = []
    for _, file in sites.chosen(name, files, options.sites):
        ratio = _UNPACKED.get(file.path.rsplit(".", 1)[-1].lower(), 1)
        count = max(1, min(16, round(file.size * ratio / UNIT_BYTES)))
        for part in [(number, count) for number in range(count)] if count > 1 else [None]:
            label = unit_name(name, file.logical, part)
            found.append(Unit(name, label, file.path, file.logical, file.size, file.version, part))
    return found


def read(reading: Reading) -> Iterator[pa.Table]:
    """Tables of `SCHEMA` in the order of the questions' ids; `offset` is the byte of the question's row
    in the unpacked file.
    """
    return tables(_documents(reading), SCHEMA, weigh="text")


def _documents(reading: Reading) -> Iterator[dict[str, Any]]:
    share, shares = reading.unit.part or (0, 1)
    skipped = reading.skipped
    # What belongs to no question is counted by the first of a file's units.
    counted = skipped if share == 0 else Counter[str]()
    site = _site(reading.unit)
    with Questions() as questions:
        for row in posts.rows(_pieces(reading, counted), counted):
            if row.kind not in (QUESTION, ANSWER):
                counted[_KINDS.get(row.kind, "other_post")] += 1
            elif row.question // WIDTH % shares == share:
                questions.add(row)
        for number, gathered in questions:
            document = _document(site, number, gathered, reading)
            if document is not None:
                yield document


def _site(unit: Unit) -> str:
    return sites.site_of(unit.logical if "/" in unit.logical else unit.path) or sites.domain("unknown")


def _pieces(reading: Reading, counted: Counter[str]) -> Iterator[bytes | None]:
    """The unpacked XML; None where something is missing, counted."""
    with opened(reading) as file:
        packed = file.read(len(sevenzip.MAGIC)) == sevenzip.MAGIC
    with opened(reading) as file:
        if packed:
            for piece in sevenzip.member(file, "Posts.xml"):
                if isinstance(piece, str):
                    counted["no_posts" if piece == sevenzip.NO_MEMBER else piece] += 1
                    yield None
                else:
                    yield piece
            return
        for chunk in chunks(file):
            if chunk.fault:
                counted[chunk.fault] += 1
                yield None
            else:
                yield chunk.data


def _document(site: str, number: int, gathered: Sequence[Post], reading: Reading) -> dict[str, Any] | None:
    """The document of a question and its answers; None, counted, where the question is missing."""
    options: StackExchangeOptions = reading.options
    question = None
    answers: list[_Answer] = []
    last = None
    for _, kind, identity, offset, raw in gathered:
        if (kind, identity) == last:
            reading.skipped["duplicate_row"] += 1
            continue
        last = (kind, identity)
        fields = posts.attributes(raw)
        score = None if fields is None else _integer(fields.get("Score", "0"))
        if fields is None or score is None:
            reading.skipped[posts.DAMAGED] += 1
        elif kind == QUESTION:
            question = (fields, score, offset)
        else:
            answers.append(_Answer(score, identity, fields))
    if question is None:
        if answers:
            reading.skipped["orphan_answer"] += len(answers)
        return None
    fields, score, offset = question
    accepted = _integer(fields.get("AcceptedAnswerId", "")) or 0
    answers.sort(key=lambda answer: (-answer.score, answer.id != accepted, answer.id))
    count = len(answers)
    if options.min_answer_score is not None:
        answers = [answer for answer in answers if answer.score >= options.min_answer_score]
    if options.max_answers is not None:
        del answers[options.max_answers :]
    title = well_formed(" ".join(fields.get("Title", "").split()))
    place = next((at for at, answer in enumerate(answers, 1) if answer.id == accepted), 0)
    url = f"https://{site}/questions/{number}"
    return {
        "address": url,
        "url": url,
        "date": dates.parse(fields.get("CreationDate")),
        "license": _license([fields, *(answer.fields for answer in answers)]),
        "origin": reading.unit.logical,
        "offset": offset,
        "text": _text(title, fields, answers, place, options.form),
        "title": title,
        "stated_language": sites.stated_language(site),
        "stackexchange_site": site,
        "stackexchange_question": number,
        "stackexchange_score": score,
        "stackexchange_answers": count,
        "stackexchange_accepted": place > 0,
        "stackexchange_accepted_place": place,
        "stackexchange_answer_scores": [answer.score for answer in answers],
        "stackexchange_tags": tags(fields.get("Tags", "")),
        "stackexchange_views": _integer(fields.get("ViewCount", "")),
        "stackexchange_closed": "ClosedDate" in fields,
        "stackexchange_wiki": "CommunityOwnedDate" in fields,
    }


class _Answer(NamedTuple):
    score: int
    id: int
    fields: Mapping[str, str]


def _text(title: str, fields: Mapping[str, str], answers: Sequence[_Answer], place: int, form: str) -> str:
    """Question and answers as one text, a blank line between all."""
    mark_q, mark_a = ("", "") if form == "plain" else ("Q: ", "A: ")
    body = _body(fields)
    parts = [f"{mark_q}{title}", body] if title else [_marked(mark_q, body)]
    for at, answer in enumerate(answers, 1):
        mark = "A (accepted): " if form == "accepted" and at == place else mark_a
        parts.append(_marked(mark, _body(answer.fields)))
    return well_formed("\n\n".join([part for part in parts if part]))


def _marked(mark: str, body: str) -> str:
    """`body` behind `mark`; below it where the body starts with a quotation, list or code block."""
    return f"{mark.rstrip()}\n\n{body}" if mark and _BLOCK.match(body) else f"{mark}{body}"


def _body(fields: Mapping[str, str]) -> str:
    return to_text(fields.get("Body", ""))


def _integer(value: str) -> int | None:
    """The number that `value` is; None if it is none, or none that a dump can have."""
    try:
        number = int(value) if len(value) < 20 else _INT32
    except ValueError:
        return None
    return number if -_INT32 <= number < _INT32 else None


def tags(value: str) -> list[str]:
    """The tags of `<a><b>`, as dumps had them until 2024, or of `|a|b|`."""
    return [tag for tag in value.replace("<", "|").replace(">", "|").split("|") if tag]


def _license(rows: Sequence[Mapping[str, str]]) -> str | None:
    """The licences of all contributions as an SPDX expression: `CC-BY-SA-3.0 AND CC-BY-SA-4.0`."""
    found = {
        _named(row["ContentLicense"]) if "ContentLicense" in row else _dated(row.get("CreationDate", "")[:10])
        for row in rows
    }
    found.discard("")
    return " AND ".join(sorted(found)) or None


@lru_cache(4096)
def _named(given: str) -> str:
    """The SPDX identifier of a licence as rows name it: `CC BY-SA 4.0`."""
    if given.startswith("CC BY"):
        return given.strip().replace(" ", "-")
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", given) if given.strip() else ""


@lru_cache(4096)
def _dated(day: str) -> str:
    """The licence of contributions of a day, `2019-01-31`; "" where that is no day."""
    try:
        date.fromisoformat(day)
    except ValueError:
        return ""
    return next(name for since, name in _LICENSES if day >= since)


def original(reading: Reading, row: Mapping[str, Any]) -> bytes:
    """The rows of the question and its answers, a line each, in the order of the file.

    Reads until as many answers are found as the question says it has; of a plain file from the
    question on, of a packed one from the start.
    """
    number = int(str(row["url"]).rsplit("/", 1)[-1])
    ignored = Counter[str]()
    found: list[bytes] = []
    left = -1
    for post in _rows_from(reading, int(row["offset"]), ignored):
        if post.question != number:
            continue
        found.append(posts.element(post))
        if post.kind == QUESTION:
            fields = posts.attributes(post.raw) or {}
            left = (_integer(fields.get("AnswerCount", "")) or 0) + 1 - len(found)
        else:
            left -= 1
        if left == 0:
            break
    if not found:
        raise MovedError(f"{reading.unit.path}: no question {number}")
    return b"\n".join(found)


def _rows_from(reading: Reading, offset: int, ignored: Counter[str]) -> Iterator[Row]:
    with opened(reading) as file:
        if file.read(5) in (b"<?xml", b"\xef\xbb\xbf<?", b"<post") and file.seekable():
            file.seek(offset)
            yield from posts.rows((chunk.data or None for chunk in chunks(file)), ignored, offset)
            return
    yield from posts.rows(_pieces(reading, ignored), ignored)


SOURCE = Source(
    "stackexchange",
    SCHEMA,
    read,
    options=StackExchangeOptions,
    about="Stack Exchange dumps (.7z or Posts.xml): a question with its answers, highest score first",
    units=units,
    original=original,
)
