"""CommonCrawl's old ARC format, and C4's JSON lines."""

import json
from pathlib import Path

from planted import DROPPED, SKIPPED, Part, Planted, headed, packed

ARC = "commoncrawl/tides-20080512.arc.gz"
C4 = "c4/c4-train.00000-of-00001.json.gz"

# LLaMA took C4 as it is: what its makers should not have let through stays.
_FATES = {"empty": (DROPPED, "c4_empty"), "damaged": (SKIPPED, "invalid_json")}


def arc(folder: Path) -> list[Planted]:
    """A version 1 file: a line about each record before it, each record a gzip member."""
    about = b"1 0 winnow-sample\nURL IP-address Archive-date Content-type Archive-length\n\n"
    head = b"filedesc://tides-20080512.arc 0.0.0.0 20080512101500 text/plain %d\n" % len(about)
    data = packed(head + about + b"\n")
    lookup = b"20080512101500\n192.0.2.7\n"
    head = b"dns:tidemaths.example 192.0.2.1 20080512101500 text/dns %d\n" % len(lookup)
    data += packed(head + lookup + b"\n")
    planted = [Planted(ARC, "filedesc:", "file_header", SKIPPED, "warcinfo")]
    planted.append(Planted(ARC, "dns:tidemaths.example", "dns", SKIPPED, "not_http"))
    for page in headed("arc.txt"):
        body = page.body.encode(page.one("encoding", "utf-8"))
        status = page.one("status", "200 OK")
        http = f"HTTP/1.1 {status}\r\nContent-Type: {page.one('type')}\r\nServer: Apache/2.2\r\n\r\n"
        block = http.encode() + body
        media_type = page.one("type").split(";")[0]
        head = f"{page.name} 192.0.2.7 {page.one('date')} {media_type} {len(block)}\n".encode()
        data += packed(head + block + b"\n")
        fate = (SKIPPED, "http_status") if page.one("kind") == "not_found" else ("kept", "")
        holds = tuple(page.one("holds").split("|")) if "holds" in page.header else ()
        lacks = () if page.one("kind") == "table_layout" else ("Home", "Copyright")
        planted.append(Planted(ARC, page.name, page.one("kind"), *fate, holds=holds, lacks=lacks))
    (folder / ARC).write_bytes(data)
    return planted


def c4(folder: Path) -> list[Planted]:
    """JSON lines of text, timestamp and url, as C4 is published; one line is cut short."""
    pages = headed("c4.txt")
    named = {page.name: page for page in pages}
    lines, planted = [], []
    for page in pages:
        kind = page.one("kind", "page")
        text = named[page.one("same as", page.name)].body
        record = {"text": text, "timestamp": page.one("date"), "url": page.name}
        line = json.dumps(record, ensure_ascii=False)
        lines.append(line[: len(line) // 2] if kind == "damaged" else line)
        planted.append(_planted(page, kind, text))
    # The damaged line stands in the middle: what is behind it must be read.
    lines.insert(5, lines.pop())
    (folder / C4).write_bytes(packed(("\n".join(lines) + "\n").encode()))
    return planted


def _planted(page: Part, kind: str, text: str) -> Planted:
    fate, by = _FATES.get(kind, ("kept", ""))
    holds = (text,) if text and fate != SKIPPED else ()
    group = "tuning" if page.name.endswith("/tuning") else ""
    return Planted(C4, page.name, kind, fate, by, holds=holds, group=group)
