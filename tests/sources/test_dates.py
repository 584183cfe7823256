"""Dates as data sets write them."""

from datetime import datetime
from typing import Any

import pytest

from pipeline.sources import dates


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("", None),
        (None, None),
        ("2013-05-18T05:48:54Z", datetime(2013, 5, 18, 5, 48, 54)),
        ("2013-05-18T05:48:54.123456+02:00", datetime(2013, 5, 18, 3, 48, 54, 123456)),
        (" 2013-05-18 05:48:54 ", datetime(2013, 5, 18, 5, 48, 54)),
        ("2013-05-18", datetime(2013, 5, 18)),
        ("20080430204825", datetime(2008, 4, 30, 20, 48, 25)),
        ("2013", datetime(2013, 1, 1)),
        ("2013-05", datetime(2013, 5, 1)),
        ("2013-13", None),
        ("Sat, 18 May 2013 05:48:54 GMT", datetime(2013, 5, 18, 5, 48, 54)),
        ("18 May 2013 07:48:54 +0200", datetime(2013, 5, 18, 5, 48, 54)),
        ("32 May 2013 05:48:54 GMT", None),
        ("1368856134", datetime(2013, 5, 18, 5, 48, 54)),
        ("1368856134.5", datetime(2013, 5, 18, 5, 48, 54, 500000)),
        ("1368856134000", datetime(2013, 5, 18, 5, 48, 54)),
        ("20130518", datetime(2013, 5, 18)),
        (2013, datetime(2013, 1, 1)),
        (20130518, datetime(2013, 5, 18)),
        (20130230, None),
        (20131340, datetime(1970, 8, 22, 0, 2, 20)),
        (0, datetime(1970, 1, 1)),
        ("2013-13-40", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+10:00", None),
        (1368856134, datetime(2013, 5, 18, 5, 48, 54)),
        (1368856134000, datetime(2013, 5, 18, 5, 48, 54)),
        (0.5, datetime(1970, 1, 1, 0, 0, 0, 500000)),
        (float("nan"), None),
        (float("inf"), None),
        (10**30, None),
        (True, None),
        ([], None),
    ],
)
def test_parse(value: Any, moment: datetime | None) -> None:
    assert dates.parse(value) == moment
