"""A member of an archive, as the readers of tar and zip files give it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.sources.streams import CORRUPT, TRUNCATED

TOO_LARGE = "too_large"
LINK = "link"
SPECIAL = "special"
ENCRYPTED = "encrypted"
UNSUPPORTED = "unsupported"
BOMB = "bomb"

FAULTS = (TOO_LARGE, TRUNCATED, CORRUPT, LINK, SPECIAL, ENCRYPTED, UNSUPPORTED, BOMB)

Wanted = Callable[[str, int], bool]


def everything(name: str, size: int) -> bool:
    """Wants every member."""
    del name, size
    return True


# What no honest archive comes near, all its members together: above both, it is a bomb.
BOMB_BYTES = 1 << 30
BOMB_RATIO = 200


@dataclass(frozen=True)
class Member:
    """A file in an archive, or a stretch of damage between two (then `name` is "").

    name      path in the archive, decoded, as it stands: it may begin with / or hold `..`, which
              harms nobody as long as it is not used to write (`archives.plain_path` tidies it)
    offset    where its header starts: byte of the file for a plain tar and for zip, byte of the
              unpacked stream for a packed tar
    size      bytes as the header says
    modified  UTC, without a zone; None where the header does not say
    data      its bytes; b"" where there is a fault, or it was not wanted
    fault     "", or one of `FAULTS`
    """

    name: str
    offset: int
    size: int
    modified: datetime | None
    data: bytes
    fault: str = ""


def decoded(name: bytes) -> str:
    """A name as text; bytes that are no UTF-8 stand as `\\xe9`, so that names stay apart."""
    return name.decode("utf-8", "backslashreplace")


def moment(seconds: float) -> datetime | None:
    """Seconds since 1970 as a moment in UTC; None for 0, which stands for "not known"."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
