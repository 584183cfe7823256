"""Dates as data sets write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1)
_MILLISECONDS = 10**11  # a number of seconds this large would be in the year 5138


def parse(value: Any) -> datetime | None:
    """The moment in UTC, without a zone; None where `value` says none.

    ISO 8601 in any of its forms, with or without a zone (then UTC); fourteen digits
    (20240229235959); a number: seconds since 1970, or milliseconds where that is plain; a datetime.
    """
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
        if isinstance(value, str):
            text = value.strip()
            if len(text) == 14 and text.isascii() and text.isdigit():
                return datetime.strptime(text, "%Y%m%d%H%M%S")
            value = datetime.fromisoformat(text)
        if not isinstance(value, datetime):
            return None
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
