"""Dates as data sets write them."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_EPOCH = datetime(1970, 1, 1)
_MILLISECONDS = 10**11  # a number of seconds this large would be in the year 5138
_SECONDS = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?|[0-9]{13}")  # as text: digits of no other form
_MONTH = re.compile(r"[0-9]{4}(?:-[0-9]{2})?")
_MAIL = re.compile(r"(?:[A-Za-z]{3}, *)?[0-9]{1,2}[ -][A-Za-z]{3}[ -]")


def parse(value: Any) -> datetime | None:
    """The moment in UTC, without a zone; None where `value` says none.

    ISO 8601 in any of its forms, with or without a zone (then UTC), a year or a month alone being its
    first day; fourteen digits (20240229235959); the date of a mail or of HTTP (Thu, 29 Feb 2024 23:59:59
    GMT); a number, or one of 9 digits and more as text: seconds since 1970, or milliseconds where that is
    plain; a number of 4 digits is a year and one that reads so from 1900 to 2100 is a day (20240229); a
    datetime.
    """
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int) and _is_calendar(value):
            value = str(value)
        if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, int | float):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
        if isinstance(value, str):
            text = value.strip()
            if len(text) == 14 and text.isascii() and text.isdigit():
                return datetime.strptime(text, "%Y%m%d%H%M%S")
            if _MONTH.fullmatch(text):
                text = f"{text}-01-01" if len(text) == 4 else f"{text}-01"
            value = parsedate_to_datetime(text) if _MAIL.match(text) else datetime.fromisoformat(text)
        if not isinstance(value, datetime):
            return None
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _is_calendar(number: int) -> bool:
    """Whether a number is a year, or a day as eight digits, sooner than one of the first seconds of 1970."""
    month, day = number // 100 % 100, number % 100
    return 1000 <= number <= 9999 or (19000101 <= number <= 21001231 and 1 <= month <= 12 and 1 <= day <= 31)
