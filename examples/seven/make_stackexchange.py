"""Two sites of StackExchange's dump: one in a .7z of our own writing, one as a plain Posts.xml."""

import lzma
import struct
import zlib
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import yaml
from planted import KEPT, SKIPPED, TEXTS, Planted

_HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
_USERS = '<?xml version="1.0" encoding="utf-8"?>\n<users>\n  <row Id="1" DisplayName="Keeper" />\n</users>\n'


def stackexchange(folder: Path) -> list[Planted]:
    sites: list[dict[str, Any]] = yaml.safe_load((TEXTS / "stackexchange.yaml").read_text(encoding="utf-8"))
    planted = []
    for site in sites:
        posts = _posts(site).encode()
        if site["packed"]:
            file = f"stackexchange/{site['site']}.7z"
            (folder / file).write_bytes(seven_zip({"Posts.xml": posts, "Users.xml": _USERS.encode()}))
        else:
            file = f"stackexchange/{site['site']}/Posts.xml"
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(posts)
        planted += [_planted(file, site["site"], thread) for thread in site["threads"]]
        for post in site["orphans"]:
            planted.append(Planted(file, str(post["id"]), "orphan", SKIPPED, "orphan_answer"))
        for post in site["others"]:
            planted.append(Planted(file, str(post["id"]), "tag_wiki", SKIPPED, "tag_wiki"))
    return planted


def _planted(file: str, site: str, thread: dict[str, Any]) -> Planted:
    key = f"https://{site}/questions/{thread['id']}"
    if thread["kind"] == "damaged":
        return Planted(file, key, "damaged", SKIPPED, "damaged_row")
    # The question, then the answers by score, highest first.
    holds = (thread["title"], *thread.get("order", ()))
    scores = sorted((answer["score"] for answer in thread["answers"]), reverse=True)
    facts: dict[str, object] = {
        "title": thread["title"],
        "license": _license(thread["date"]).replace(" ", "-"),
        "stackexchange_score": thread["score"],
        "stackexchange_tags": thread["tags"],
        "stackexchange_answer_scores": scores,
        "stackexchange_accepted": "accepted" in thread,
    }
    lacks = ("<p>", "&lt;", "&amp;", "</")
    return Planted(file, key, thread["kind"], KEPT, "", holds, lacks, facts, tuple(thread["holds"]))


def _license(date: str) -> str:
    return "CC BY-SA 3.0" if date < "2018-05-02" else "CC BY-SA 4.0"


def _posts(site: dict[str, Any]) -> str:
    """Posts.xml in the order of the numbers, as it is dumped: answers stand far from their questions."""
    rows: dict[int, str] = {}
    for thread in site["threads"]:
        about = {
            "Id": thread["id"],
            "PostTypeId": 1,
            **({"AcceptedAnswerId": thread["accepted"]} if "accepted" in thread else {}),
            "CreationDate": thread["date"],
            "Score": thread["score"],
            "ViewCount": 100 + thread["id"],
            "Body": thread["body"],
            "OwnerUserId": 1,
            "LastActivityDate": thread["date"],
            "Title": thread["title"],
            "Tags": "".join(f"<{tag}>" for tag in thread["tags"]),
            "AnswerCount": len(thread["answers"]),
            "ContentLicense": _license(thread["date"]),
        }
        row = _row(about)
        # The quotation mark that ends the body is gone, and with it the row.
        rows[thread["id"]] = row.replace('" OwnerUserId', " OwnerUserId") if "damage" in thread else row
        for answer in thread["answers"]:
            rows[answer["id"]] = _answer(answer, thread["id"], thread["date"])
    for post in site["orphans"]:
        rows[post["id"]] = _answer(post, post["parent"], "2018-01-01T00:00:00.000")
    for post in site["others"]:
        rows[post["id"]] = _row({"Id": post["id"], "PostTypeId": post["type"], "Body": post["body"]})
    return _HEAD + "".join(rows[number] for number in sorted(rows)) + "</posts>\n"


def _answer(answer: dict[str, Any], question: int, date: str) -> str:
    return _row(
        {
            "Id": answer["id"],
            "PostTypeId": 2,
            "ParentId": question,
            "CreationDate": date,
            "Score": answer["score"],
            "Body": answer["body"],
            "OwnerUserId": 1,
            "ContentLicense": _license(date),
        }
    )


def _row(about: dict[str, Any]) -> str:
    # Line breaks in an attribute are written as characters, or they would be read as spaces.
    breaks = {"\n": "&#xA;", '"': "&quot;"}
    fields = " ".join(
        f'{name}="{escape(str(value), breaks)}"' if name == "Body" else f"{name}={quoteattr(str(value))}"
        for name, value in about.items()
    )
    return f"  <row {fields} />\n"


def seven_zip(files: dict[str, bytes]) -> bytes:
    """A 7z archive of one solid LZMA2 stream. py7zr would write the time of day into it."""
    dictionary = 1 << 20
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary}]
    whole = b"".join(files.values())
    stream = lzma.compress(whole, lzma.FORMAT_RAW, filters=filters)
    sizes, sums = [len(data) for data in files.values()], [zlib.crc32(data) for data in files.values()]
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name in files)
    header = b"".join(
        (
            b"\x01\x04",  # header, streams
            b"\x06\x00\x01\x09" + _number(len(stream)) + b"\x00",  # one packed stream, at 0
            b"\x07\x0b\x01\x00\x01\x21\x21\x01\x10",  # one folder of one coder: LZMA2, 1 MiB
            b"\x0c" + _number(len(whole)) + b"\x00",
            b"\x08\x0d" + _number(len(files)) + b"\x09" + b"".join(map(_number, sizes[:-1])),
            b"\x0a\x01" + b"".join(struct.pack("<I", one) for one in sums) + b"\x00\x00",
            b"\x05" + _number(len(files)) + b"\x11" + _number(len(names) + 1) + b"\x00" + names,
            b"\x00\x00",
        )
    )
    start = struct.pack("<QQI", len(stream), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + stream + header


def _number(value: int) -> bytes:
    """A number as 7z writes it: the ones at the top of the first byte count the bytes behind it."""
    for behind in range(8):
        if value < 1 << (7 * (behind + 1)):
            first = (0xFF00 >> behind) & 0xFF | value >> (8 * behind)
            return bytes([first]) + (value & (1 << (8 * behind)) - 1).to_bytes(behind, "little")
    return b"\xff" + value.to_bytes(8, "little")
