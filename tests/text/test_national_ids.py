"""National ids, IBANs and card numbers, against the checksums of python-stdnum."""

import datetime
import random
import string
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn

from text.personal import payment


def grouped(digits: str, *form: int | str) -> str:
    """Digits with separators: grouped("123456", 2, "-", 4) is 12-3456."""
    out, at = "", 0
    for part in form:
        if isinstance(part, str):
            out += part
        else:
            out += digits[at : at + part]
            at += part
    assert at == len(digits)
    return out


def plain(digits: str) -> str:
    return digits


def _day(rng: random.Random, order: str = "%y%m%d") -> str:
    return (datetime.date(1950, 1, 1) + datetime.timedelta(rng.randrange(17000))).strftime(order)


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


Making = Callable[[random.Random], str]

# Module of python-stdnum, a way to make candidates, how a number is written, the words before it.
COUNTRIES: list[tuple[str, Making, Callable[[str], str], str]] = [
    ("us.ssn", lambda rng: _digits(rng, 9), lambda n: grouped(n, 3, "-", 2, "-", 4), ""),
    ("es.dni", lambda rng: _digits(rng, 8) + rng.choice(string.ascii_uppercase), plain, ""),
    ("es.nie", lambda rng: "X" + _digits(rng, 7) + rng.choice(string.ascii_uppercase), plain, ""),
    ("fr.nir", lambda rng: rng.choice("12") + _day(rng, "%y%m") + _digits(rng, 10),
     lambda n: grouped(n, 1, " ", 2, " ", 2, " ", 2, " ", 3, " ", 3, " ", 2), ""),
    ("nl.bsn", lambda rng: _digits(rng, 9), plain, "BSN: "),
    ("pl.pesel", lambda rng: _day(rng) + _digits(rng, 5), plain, "PESEL "),
    ("de.idnr", lambda rng: "".join(rng.sample("123456789", 9)) + _digits(rng, 2), plain, "Steuer-ID: "),
    ("se.personnummer", lambda rng: _day(rng) + _digits(rng, 4), lambda n: grouped(n, 6, "-", 4), ""),
    ("fi.hetu", lambda rng: _day(rng, "%d%m%y") + "-" + _digits(rng, 3) + rng.choice("012345ABCDEFHJKL"),
     plain, ""),
    ("no.fodselsnummer", lambda rng: _day(rng, "%d%m%y") + _digits(rng, 5),
     lambda n: grouped(n, 6, " ", 5), ""),
    ("be.nn", lambda rng: _day(rng) + _digits(rng, 5),
     lambda n: grouped(n, 2, ".", 2, ".", 2, "-", 3, ".", 2), ""),
    ("pt.nif", lambda rng: "1" + _digits(rng, 8), plain, "NIF "),
    ("br.cpf", lambda rng: _digits(rng, 11), lambda n: grouped(n, 3, ".", 3, ".", 3, "-", 2), ""),
    ("cl.rut", lambda rng: "1" + _digits(rng, 7) + rng.choice("0123456789K"),
     lambda n: grouped(n, 2, ".", 3, ".", 3, "-", 1), ""),
    ("in_.aadhaar", lambda rng: "3" + _digits(rng, 11), lambda n: grouped(n, 4, " ", 4, " ", 4), ""),
    ("tr.tckimlik", lambda rng: "1" + _digits(rng, 10), plain, "TC Kimlik No: "),
    ("gb.nhs", lambda rng: "4" + _digits(rng, 9), lambda n: grouped(n, 3, " ", 3, " ", 4), "NHS number: "),
    ("za.idnr", lambda rng: _day(rng) + _digits(rng, 4) + "08" + _digits(rng, 1), plain, "ID "),
    ("at.vnr", lambda rng: "1" + _digits(rng, 3) + _day(rng, "%d%m%y"), plain, "SVNR "),
    ("ro.cnp", lambda rng: "1" + _day(rng) + "12" + _digits(rng, 4), plain, "CNP "),
    ("bg.egn", lambda rng: _day(rng) + _digits(rng, 4), plain, "EGN "),
    ("hr.oib", lambda rng: _digits(rng, 11), plain, "OIB: "),
    ("ee.ik", lambda rng: "3" + _day(rng) + _digits(rng, 4), plain, "isikukood "),
    ("ca.sin", lambda rng: "1" + _digits(rng, 8), lambda n: grouped(n, 3, " ", 3, " ", 3), "SIN "),
    ("au.tfn", lambda rng: _digits(rng, 9), plain, "TFN "),
    ("il.idnr", lambda rng: "1" + _digits(rng, 8), plain, "ת״ז "),
    ("ie.pps", lambda rng: _digits(rng, 7) + rng.choice(string.ascii_uppercase), plain, "PPS "),
    ("cz.rc", lambda rng: _day(rng) + _digits(rng, 4), lambda n: grouped(n, 6, "/", 4), ""),
    ("kr.rrn", lambda rng: _day(rng) + "1" + _digits(rng, 6), lambda n: grouped(n, 6, "-", 7), ""),
    ("cn.ric", lambda rng: "110101" + _day(rng, "%Y%m%d") + _digits(rng, 3) + rng.choice("0123456789X"),
     plain, ""),
    ("ch.ssn", lambda rng: "756" + _digits(rng, 10), lambda n: grouped(n, 3, ".", 4, ".", 4, ".", 2), ""),
    ("th.pin", lambda rng: "1" + _digits(rng, 12),
     lambda n: grouped(n, 1, "-", 4, "-", 5, "-", 2, "-", 1), ""),
    ("ar.cuit", lambda rng: "20" + _digits(rng, 9), lambda n: grouped(n, 2, "-", 8, "-", 1), ""),
    ("jp.in_", lambda rng: _digits(rng, 12), plain, "マイナンバー "),
    ("mx.curp", lambda rng: "GOMA" + _day(rng) + "HDFRRL0" + _digits(rng, 1), plain, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "write", "before"), COUNTRIES, ids=[row[0] for row in COUNTRIES])
def test_as_the_checksum_says(
    found: Any, name: str, make: Making, write: Callable[[str], str], before: str
) -> None:
    """Numbers that python-stdnum takes are found; those that it does not take are no national ids, but for
    the few that another country's rules let pass."""
    try:
        module = import_module(f"stdnum.{name}")
    except ImportError:
        pytest.skip(f"python-stdnum has no {name}")
    rng = random.Random(name)
    good: list[str] = []
    bad: list[str] = []
    for _ in range(20_000):
        number = make(rng)
        if module.is_valid(number):
            good.append(number)
        elif len(bad) < 200:
            bad.append(number)
        if len(good) >= 20:
            break
    assert len(good) >= 10
    texts = [f"{before}{write(number)} it is" for number in good]
    hits = [[piece for kind, piece in row if kind == "national_id"] for row in found(*texts)]
    assert hits == [[write(number)] for number in good]
    wrong = [
        number
        for number, row in zip(bad, found(*[f"{before}{write(number)} it is" for number in bad]), strict=True)
        if any(kind == "national_id" for kind, _ in row)
    ]
    assert len(wrong) <= len(bad) // 30


@pytest.mark.parametrize(
    "text",
    [
        "RSSMRA85T10A562S",
        "S1234567D",
        "A123456(3)",
        "身分證字號：A123456789",
        "12.531.909-2",
        "19800101-0019",
    ],
)
def test_others(found: Any, text: str) -> None:
    assert [kind for kind, _ in found(text)[0]] == ["national_id"]


@example("DE", 47, "65D5D8B08F65CD6C47")  # letters, where a German account has digits alone
@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["DE", "GB", "FR", "NO", "MT", "XX", "NL"]),
    st.integers(0, 99),
    st.text("0123456789ABCDEF", min_size=8, max_size=28),
)
def test_ibans(found: Any, country: str, check: int, rest: str) -> None:
    number = f"{country}{check:02d}{rest}"
    try:
        iban.validate(number, check_country=False)
        good = True
    except Exception:
        good = False
    assert ([piece for kind, piece in found(f"to {number}.")[0] if kind == "iban"] == [number]) == good


@pytest.mark.parametrize(
    "country", ["AT", "BE", "CH", "DE", "ES", "FR", "GB", "IT", "LV", "MT", "NL", "NO", "PL"]
)
def test_good_ibans(found: Any, country: str) -> None:
    places = payment._PLACES[ord(country[0]) - 65, ord(country[1]) - 65]
    body = "".join("B" if kind == payment._LETTER else str(at % 10) for at, kind in enumerate(places) if kind)
    number = iban.calc_check_digits(f"{country}00{body}")
    whole = f"{country}{number}{body}"
    spaced = " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))
    for text in (whole, spaced, whole.lower()):
        assert found(f"IBAN: {text}, BIC")[0] == [("iban", text)]
    other = f"{country}{(int(number) + 1) % 97:02d}{body}"
    assert not [kind for kind, _ in found(f"IBAN: {other}")[0] if kind == "iban"]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["4", "51", "2221", "34", "6011", "3528", "62", "36", "9", "1"]), st.integers(0, 10**19)
)
def test_cards(found: Any, prefix: str, rest: int) -> None:
    number = (prefix + f"{rest:019d}")[:15]
    whole = number + luhn.calc_check_digit(number)
    good = prefix not in ("9", "1") and not prefix.startswith("34")  # American Express has 15 digits
    for text in (whole, grouped(whole, 4, " ", 4, " ", 4, " ", 4), grouped(whole, 4, "-", 4, "-", 4, "-", 4)):
        hits = [piece for kind, piece in found(f"card {text}.")[0] if kind == "card"]
        assert hits == ([text] if good else [])
    wrong = number + str((int(luhn.calc_check_digit(number)) + 1) % 10)
    assert not [kind for kind, _ in found(f"card {wrong}.")[0] if kind == "card"]
