"""Records of ARC files, the Internet Archive's and Common Crawl's format before WARC.

A record is a line, a block and a line break. The line ends with the length of the block:

    URL IP-address Archive-date Content-type Archive-length                       (versions 1.0, 1.1)
    URL IP-address Archive-date Content-type Result-code Checksum Location Offset Filename
        Archive-length                                                            (version 2.0)

The first record (`filedesc://`) tells of the file. Lengths are wrong in many old files, and padding
stands between records: a block goes up to the next such line where its length says otherwise.
"""

import re
from hashlib import blake2b

from pipeline.sources.crawl.window import Form, Window

_LINE_BYTES = 8192  # a longer line is none
# A line that starts with the scheme of an address.
_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]{1,30}:[^\n]{8,%d}\n" % _LINE_BYTES)
_NEXT_LINE = re.compile(rb"\n(?=[A-Za-z][A-Za-z0-9+.\-]{1,30}:[^\n]{8,%d}\n)" % _LINE_BYTES)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_DATE = re.compile(rb"[0-9]{8,17}")
_ADDRESS = re.compile(rb"[0-9a-fA-F.:]+|-")
_FIELDS = (4, 9)  # behind the URL, in versions 1 and 2
_CLOSE = b"\n"

# What the contents of a packed record begin with.
STARTS = (b"http://", b"https://", b"dns:", b"filedesc://", b"ftp://", b"HTTP://", b"gopher://")


def fields(line: bytes) -> dict[str, str] | None:
    """What the line of a record says, under WARC's names; None where it is no such line.

    `warc-date` has 14 digits; what the line leaves out of them is 0.
    """
    parts = line.strip().split(b" ")
    for count in _FIELDS:
        if len(parts) <= count or not _LENGTH.fullmatch(parts[-1]):
            continue
        address, date = parts[-count], parts[-count + 1]
        if _DATE.fullmatch(date) and _ADDRESS.fullmatch(address):
            url = b" ".join(parts[:-count]).decode("utf-8", "replace")
            return {
                "warc-type": "warcinfo" if url.startswith("filedesc:") else "response",
                "warc-target-uri": url,
                "warc-date": date.decode()[:14].ljust(14, "0"),
                "content-type": parts[-count + 2].decode("latin-1"),
                "content-length": parts[-1].decode(),
            }
    return None


def starts(data: bytearray, at: int = 0) -> bool:
    """Whether a record starts at byte `at`."""
    line = _LINE.match(data, at)
    return line is not None and fields(line.group()) is not None


def _find(data: bytearray, first: int, last: int) -> int:
    """The first record behind a line break in bytes [first, last)."""
    for found in _NEXT_LINE.finditer(data, first, last):
        if starts(data, found.end()):
            return found.end()
    return -1


FORM = Form(_find, starts, _LINE_BYTES + 64)


def record(window: Window, max_bytes: int) -> tuple[bytes, dict[str, str], bytes, str]:
    """Line, fields, block and fault of the record that the window starts with; leaves the window behind it.

    `warc-record-id`, which ARC has not, is made from the URL, the time and the block. The fault of a
    record longer than `max_bytes` is "" and its block too: see `content-length`.
    """
    window.fill(_LINE_BYTES + 64)
    line = _LINE.match(window.data)
    text = line.group() if line else b""  # now: the match reads the window, which moves on
    named = fields(text)
    if line is None or named is None:
        return b"", {}, b"", window.give_up(1)
    head = line.end()
    end = head + int(named["content-length"])
    if end - head > max_bytes:
        return b"", named, b"", window.pass_over(head, end)
    if not window.fill(end) or not window.ends_record(end, _CLOSE):
        end = _true_end(window, head, max_bytes)
        if not end:
            # The line break that ends the head may be the one before the next record.
            return b"", named, b"", window.give_up(head - 1)
    block = bytes(memoryview(window.data)[head:end])
    window.drop(end)
    if named["warc-type"] == "response":
        digest = blake2b(block, digest_size=8).hexdigest()
        named["warc-record-id"] = f"{named['warc-target-uri']} {named['warc-date']} {digest}"
    return text, named, block, ""


def _true_end(window: Window, head: int, max_bytes: int) -> int:
    """Where the block ends whose length is wrong: before the next record; 0 if none is near."""
    searched = head - 1
    while searched <= head + max_bytes:
        found = _find(window.data, searched, len(window.data))
        if found >= 0:
            # A fault of the packed member before is this record's: then nothing of it is sure.
            return found - 1 if head < found <= head + max_bytes else 0
        searched = max(searched, len(window.data) - FORM.margin)
        if not window.fill(len(window.data) + 1):
            return 0
    return 0
