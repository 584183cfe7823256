"""The attributes of an XML element as data dumps write them, many times as fast as by an XML parser."""

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel

Bytes = NDArray[np.uint8]

_MARK = "\x01"  # behind each name and each value; no XML has it


def attributes(inside: bytes) -> dict[str, str] | None:
    """Names and values of ` Id="1" Title="a &lt; b"`, references replaced; a reference to what is no
    character is U+FFFD. None where `inside` is of another form or no XML: then ask an XML parser.

    Raises UnicodeDecodeError where `inside` is not UTF-8.
    """
    out = np.empty(len(inside), np.uint8)
    length = _unpacked(np.frombuffer(inside, np.uint8), out)
    if length < 0:
        return None
    pieces = out[:length].tobytes().decode().split(_MARK)
    found = dict(zip(pieces[0:-1:2], pieces[1::2], strict=True))
    return found if 2 * len(found) + 1 == len(pieces) else None


@kernel
def _unpacked(data: Bytes, out: Bytes) -> int:
    """Writes name, mark, value, mark … to `out`, which is as long as `data`; how much, -1 if it cannot."""
    n = len(data)
    at = 0
    to = 0
    while True:
        begin = at
        while at < n and data[at] == 0x20:
            at += 1
        if at == n:
            return to
        if at == begin:
            return -1
        begin = at
        while at < n and (0x41 <= data[at] <= 0x5A or 0x61 <= data[at] <= 0x7A):
            out[to] = data[at]
            to += 1
            at += 1
        if at == begin or at + 1 >= n or data[at] != 0x3D or data[at + 1] != 0x22:
            return -1
        out[to] = 1
        to += 1
        at += 2
        while at < n and data[at] != 0x22:
            byte = data[at]
            if byte == 0x26:
                code, at = _reference(data, at + 1)
                if code < 0:
                    return -1
                to = _put(out, to, code)
                continue
            if byte < 0x20 or byte == 0x3C:
                return -1
            out[to] = byte
            to += 1
            at += 1
        if at == n:
            return -1
        out[to] = 1
        to += 1
        at += 1


@kernel
def _reference(data: Bytes, at: int) -> tuple[int, int]:
    """The character of the reference whose `&` stands before `at`, and the place behind it; -1 if none."""
    end = at
    n = min(len(data), at + 10)
    while end < n and data[end] != 0x3B:
        end += 1
    if end == n:
        return -1, at
    length = end - at
    first = data[at]
    code = -1
    if first == 0x23 and length > 1:
        code = 0
        hexadecimal = data[at + 1] == 0x78
        if hexadecimal and length == 2:
            return -1, at
        for i in range(at + (2 if hexadecimal else 1), end):
            byte = data[i]
            if 0x30 <= byte <= 0x39:
                digit = byte - 0x30
            elif hexadecimal and 0x61 <= (byte | 0x20) <= 0x66:
                digit = (byte | 0x20) - 0x57
            else:
                return -1, at
            code = code * (16 if hexadecimal else 10) + digit
        control = code < 32 and code != 9 and code != 10 and code != 13
        if control or 0xD800 <= code < 0xE000 or code > 0x10FFFF or code == 0xFFFE or code == 0xFFFF:
            code = 0xFFFD
    elif length == 2 and data[at + 1] == 0x74:
        if first == 0x6C:
            code = 0x3C
        elif first == 0x67:
            code = 0x3E
    elif length == 3 and first == 0x61 and data[at + 1] == 0x6D and data[at + 2] == 0x70:
        code = 0x26
    elif length == 4 and first == 0x71:
        if data[at + 1] == 0x75 and data[at + 2] == 0x6F and data[at + 3] == 0x74:
            code = 0x22
    elif (
        length == 4
        and first == 0x61
        and data[at + 1] == 0x70
        and data[at + 2] == 0x6F
        and data[at + 3] == 0x73
    ):
        code = 0x27
    return code, end + 1


@kernel
def _put(out: Bytes, to: int, code: int) -> int:
    """Writes a character as UTF-8; the place behind it."""
    if code < 0x80:
        out[to] = code
        return to + 1
    if code < 0x800:
        out[to] = 0xC0 | code >> 6
        out[to + 1] = 0x80 | code & 0x3F
        return to + 2
    if code < 0x10000:
        out[to] = 0xE0 | code >> 12
        out[to + 1] = 0x80 | code >> 6 & 0x3F
        out[to + 2] = 0x80 | code & 0x3F
        return to + 3
    out[to] = 0xF0 | code >> 18
    out[to + 1] = 0x80 | code >> 12 & 0x3F
    out[to + 2] = 0x80 | code >> 6 & 0x3F
    out[to + 3] = 0x80 | code & 0x3F
    return to + 4
