"""Language of lines: parts by hand and by plain Python, shares with a made-up and the real model."""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from classifiers import language
from classifiers.line_language import COLUMNS, STAGE, LineLanguageOptions, _shares
from pipeline.batch import Batch
from pipeline.errors import PlanError

NAMES = [field.name.removeprefix("line_language_") for field in COLUMNS]
ENGLISH = "The weather was fine and all of us went down to the river."
GERMAN = "Das Wetter war schön und wir gingen alle zum Fluss hinunter."


def measure(texts: Sequence[str | None], own: Sequence[str | None], **options: Any) -> list[dict[str, Any]]:
    table = pa.table({"text": pa.array(texts, pa.string()), "language": pa.array(own, pa.string())})
    arrays = STAGE.open(LineLanguageOptions(**options))(Batch(table))
    assert [array.type for array in arrays] == list(STAGE.adds.types)
    assert all(array.null_count == 0 for array in arrays)
    return [dict(zip(NAMES, row, strict=True)) for row in zip(*(a.to_pylist() for a in arrays), strict=True)]


def test_nothing() -> None:
    empty = {"share": 0.0, "count": 0, "second": "und", "second_share": 0.0, "parts": 0, "shares": []}
    assert measure([], []) == []
    assert measure(["", None, " \n\n", "12 …\n--"], ["und", None, "en", "en"]) == [empty] * 4


def test_two_languages() -> None:
    text = f"{ENGLISH}\n\n{GERMAN}\n{ENGLISH}"
    english, german = measure([text, text], ["en", "de"])
    assert english["share"] == pytest.approx(2 * len(ENGLISH) / (2 * len(ENGLISH) + len(GERMAN)))
    assert (english["count"], english["second"], english["parts"]) == (2, "de", 3)
    assert english["second_share"] == pytest.approx(1 - english["share"])
    assert german["second"] == "en" and german["share"] == pytest.approx(english["second_share"])
    assert (
        english["shares"]
        == german["shares"]
        == [
            {"language": "en", "share": english["share"]},
            {"language": "de", "share": german["share"]},
        ]
    )


def test_one_language(real_data: Path) -> None:
    (row,) = measure([ENGLISH], ["en"])
    assert row.pop("shares") == [{"language": "en", "share": 1.0}]
    assert row == {"share": 1.0, "count": 1, "second": "und", "second_share": 0.0, "parts": 1}
    (row,) = measure([ENGLISH], ["fr"])
    assert (row["share"], row["second"], row["second_share"]) == (0.0, "en", 1.0)
    with gzip.open(real_data / "jsonl" / "c4-en-sample.json.gz", "rt") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(80), strict=False)]
    rows = measure(texts, ["en"] * len(texts))
    assert np.mean([row["share"] for row in rows]) > 0.97
    assert np.mean([row["count"] == 1 for row in rows]) > 0.95


def asked(text: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """What the model is asked about."""
    seen: list[str] = []

    class Model:
        languages = ("xx", "und")

        def identify(self, data: Any, firsts: Any, lasts: Any, seconds: bool) -> Any:
            assert not seconds
            parts = (data[first:last].tobytes().decode() for first, last in zip(firsts, lasts, strict=True))
            seen.extend(" ".join(part.splitlines()) for part in parts)
            return SimpleNamespace(language=np.zeros(len(firsts), np.int32))

    monkeypatch.setattr(language, "load", lambda *_: Model())
    (row,) = measure([text], ["xx"], **options)
    assert row["share"] == bool(seen) and row["parts"] == len(seen)
    return seen


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("abcd\nefgh", ["abcd", "efgh"]),
        ("ab\n\n cd \nefgh", ["ab   cd", "efgh"]),
        ("abcd\nef", ["abcd ef"]),
        ("ab\ncd", ["ab cd"]),
        ("ab", ["ab"]),
        ("12\n34", []),
        ("1 2\nabcd", ["1 2 abcd"]),
        ("abcdefghijk", ["abcdefgh"]),
        ("你好吗啊\r\n再见", ["你好吗啊 再见"]),
    ],
)
def test_parts(text: str, parts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(text, monkeypatch, letters=4, longest=8)
    assert found == parts


def plain(text: str, letters: int) -> list[str]:
    """The parts of a text, their lines as a list joined by single breaks."""
    parts: list[list[str]] = [[]]
    for line in (line.strip() for line in text.splitlines()):
        if line:
            parts[-1].append(line)
            if sum(char.isalpha() for char in "".join(parts[-1])) >= letters:
                parts.append([])
    last = parts.pop()
    if last and parts:
        parts[-1] += last
    elif any(char.isalpha() for char in "".join(last)):
        parts.append(last)
    return [" ".join(part) for part in parts]


@given(st.text(st.sampled_from("abé你1 -\n\r\u2028\u0301👍"), max_size=40), st.integers(1, 6))
@example("", 1)
def test_like_plain_python(text: str, letters: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = asked(text, monkeypatch, letters=letters, longest=10_000)
    assert ["".join(part.split()) for part in found] == [
        "".join(part.split()) for part in plain(text, letters)
    ]


def test_a_part_in_a_script_that_the_model_does_not_know() -> None:
    cherokee = "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᏠᏱ ᎤᎾᏕᎿ ᏚᏳᎧᏛ ᎨᏒᎢ"
    (row,) = measure([f"{ENGLISH}\n{cherokee}"], ["en"])
    assert [one["language"] for one in row["shares"]] == ["en", "und"]
    assert row["second"] == "und" and row["second_share"] == row["shares"][1]["share"]
    (row,) = measure([f"{ENGLISH}\n{cherokee}"], ["en"], script_check=False)
    assert row["shares"][1]["language"] not in ("und", "en")


LANGUAGES = ("aa", "bb", "cc", "und")


def as_counted(found: Sequence[tuple[int, int]], own: int) -> tuple[Any, ...]:
    """What the kernel makes of one text, by plain Python; `found` holds language and characters of parts."""
    sums: Counter[int] = Counter()
    for one, chars in found:
        sums[one] += chars
    total = sums.total()
    order = sorted(sums, key=lambda one: (-sums[one], one))
    others = [one for one in order if one != own]
    return (
        sums[own] / total if found else 0.0,
        sum(one > 0.1 * total for one in sums.values()),
        others[0] if others else len(LANGUAGES) - 1,
        sums[others[0]] / total if others else 0.0,
        [(one, sums[one] / total) for one in order],
    )


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), max_size=9), st.integers(-1, 3)),
        max_size=4,
    )
)
@example([])
@example([([], 0)])
def test_shares_are_as_plain_python(drawn: list[tuple[list[tuple[int, int]], int]]) -> None:
    parts = [part for text, _ in drawn for part in text]
    firsts = np.cumsum([0, *(len(text) for text, _ in drawn)])
    share, count, second, second_share, offsets, listed, shares = _shares(
        firsts,
        np.array([chars for _, chars in parts], np.int64),
        np.array([one for one, _ in parts], np.int32),
        np.array([own for _, own in drawn], np.int32),
        len(LANGUAGES),
    )
    lists = [
        list(zip(listed[first:last].tolist(), shares[first:last].tolist(), strict=True))
        for first, last in pairwise(offsets.tolist())
    ]
    columns = (share.tolist(), count.tolist(), second.tolist(), second_share.tolist(), lists)
    assert list(zip(*columns, strict=True)) == [as_counted(*one) for one in drawn]


@pytest.mark.parametrize("text", ["a" * 1_000_000, "\n" * 1_000_000, "1\n" * 300_000])
def test_long(text: str) -> None:
    assert measure([text], ["en"])[0]["parts"] <= 1


def test_options(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"no file .*nowhere\.bin"):
        LineLanguageOptions(model=str(tmp_path / "nowhere.bin"))
    assert STAGE.fingerprint(LineLanguageOptions()) == language.fingerprint(language.LanguageOptions())
    (tmp_path / "text.bin").write_bytes(
        Path(language.model_path(language.LanguageOptions())).read_bytes()[:99]
    )
    with pytest.raises(PlanError, match=r"stage line_language: .*text\.bin is not a fastText model"):
        STAGE.open(LineLanguageOptions(model=str(tmp_path / "text.bin")))
