"""Text from elsewhere, made fit to be printed on a terminal."""

import re

# C0 and C1 but line breaks, halves of surrogates, marks and overrides of direction.
_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def printable(text: str) -> str:
    """The text without what would steer a terminal: control characters, and marks that turn its direction."""
    return _STEERING.sub("·", text.replace("\r\n", "\n").replace("\t", "    "))
