"""Git's differences between objects: what one makes of another.

Format: gitformat-pack in git's own documentation, section "Deltified representation".
"""


class LostError(Exception):
    """An object that is not there or is damaged."""


class TooLongError(Exception):
    """An object of more bytes than were asked for; `size` says how many."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size:,} bytes")
        self.size = size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise LostError("a difference that is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if not byte & 0x80:
            return value, at


def target_size(delta: bytes) -> int:
    """How long the object is that a difference makes."""
    _, at = _number(delta, 0)
    return _number(delta, at)[0]


def applied(base: bytes, delta: bytes, most: int) -> bytes:
    """The object that `delta` makes of `base`; LostError where they do not fit."""
    size, at = _number(delta, 0)
    target, at = _number(delta, at)
    if size != len(base):
        raise LostError("a difference to another object")
    if target > most:
        raise TooLongError(target)
    pieces: list[bytes] = []
    made = 0
    end = len(delta)
    while at < end:
        code = delta[at]
        at += 1
        if not code & 0x80:
            if not code or at + code > end:
                raise LostError("a difference that is cut off")
            pieces.append(delta[at : at + code])
            at += code
            made += code
        else:
            offset = length = 0
            for bit in range(4):
                if code >> bit & 1:
                    if at >= end:
                        raise LostError("a difference that is cut off")
                    offset |= delta[at] << 8 * bit
                    at += 1
            for bit in range(3):
                if code >> bit + 4 & 1:
                    if at >= end:
                        raise LostError("a difference that is cut off")
                    length |= delta[at] << 8 * bit
                    at += 1
            length = length or 0x10000
            if offset + length > size:
                raise LostError("a difference that copies what is not there")
            pieces.append(base[offset : offset + length])
            made += length
        if made > target:
            raise LostError("a difference that makes too much")
    if made != target:
        raise LostError("a difference that makes too little")
    return b"".join(pieces)
