"""Personal data replaced by placeholders."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.mask import STAGE, MaskOptions
from pipeline.batch import Batch
from pipeline.config import load
from pipeline.errors import PlanError
from text.personal.find import KINDS_FOUND

KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy" * 2
    + "\n-----END PRIVATE KEY-----"
)
TEXT = (
    "Write to jane.roe@site.org or call 212-555-0147 (from 93.184.216.34), card 4111 1111 1111 1111, "
    "IBAN DE89 3704 0044 0532 0130 00, SSN 219-09-9999, AKIAIOSFODNN7EXAMPLE.\n" + KEY
)


def masked(*texts: str | None, **options: Any) -> list[str]:
    batch = Batch(pa.table({"text": pa.array(texts, pa.string())}))
    arrays = STAGE.open(MaskOptions(**options))(batch)
    assert [array.type for array in arrays] == list(STAGE.adds.types)
    found: list[str] = arrays[-1].to_pylist()
    return found


def test_empty() -> None:
    assert masked("", None, "\n") == ["", "", "\n"]
    assert masked() == []


def test_every_kind_has_its_placeholder() -> None:
    assert masked(TEXT) == [
        "Write to <EMAIL> or call <PHONE> (from <IP>), card <CARD>, IBAN <IBAN>, SSN <NATIONAL_ID>, "
        "<API_KEY>.\n<PRIVATE_KEY>"
    ]


def test_counts_what_was_taken_out() -> None:
    batch = Batch(pa.table({"text": [TEXT, "none", "me@site.org, you@site.org"]}))
    arrays = STAGE.open(MaskOptions())(batch)
    rows = dict(zip(STAGE.adds.names, arrays, strict=True))
    assert [rows[f"mask_{kind}"].to_pylist() for kind in KINDS_FOUND] == [[1, 0, 2]] + [[1, 0, 0]] * 7


def test_only_the_kinds_asked_for() -> None:
    assert masked("me@site.org 212-555-0147", kinds=("phone",)) == ["me@site.org <PHONE>"]


def test_as_fineweb_in_turn_within_a_text() -> None:
    texts = ["a@b.org, c@d.org, e@f.org 81.2.69.142 81.2.69.143", "x@y.org"]
    assert masked(*texts, form="fineweb") == [
        "email@example.com, firstname.lastname@example.org, email@example.com 22.214.171.124 126.96.36.199",
        "email@example.com",
    ]


def test_as_dolma() -> None:
    assert masked("a@b.org 212-555-0147 81.2.69.142", form="dolma") == [
        "|||EMAIL_ADDRESS||| |||PHONE_NUMBER||| |||IP_ADDRESS|||"
    ]


def test_a_plan_waits_for_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("filters.mask.find_personal")
    assert MaskOptions().placeholders == {}
    with pytest.raises(NameError):
        MaskOptions(placeholders={"email": "[mail]"})


def test_own_placeholders() -> None:
    assert masked("a@b.org, c@d.org", placeholders={"email": "[mail]"}) == ["[mail], [mail]"]
    assert masked("a@b.org, c@d.org", placeholders={"email": ""}) == [", "]
    with pytest.raises(ValidationError, match=r"'you@there\.org' reads as personal data itself \(email\)"):
        MaskOptions(placeholders={"phone": "you@there.org"})
    with pytest.raises(ValidationError):
        MaskOptions.model_validate({"kinds": ["telephone"]})


ATOMS = st.sampled_from(
    [
        "a",
        "Z",
        "é",
        "日",
        " ",
        "\n",
        "@",
        ".",
        "-",
        "+",
        "(",
        ")",
        "/",
        ":",
        "_",
        "=",
        "x",
        "0",
        "1",
        "44",
        "212",
        "555",
        "0147",
        "4111",
        "1111",
        "81.2.69.142",
        "a@b.org",
        "b.org",
        "git",
        "call ",
        "ssn ",
        "219-09-9999",
        "DE89370400440532013000",
        "AKIAIOSFODNN7EXAMPLE",
        "token=",
        "a8Fj29dkLs0Qm3Zx81Vb",
        "<",
        ">",
        "2001:",
        "https://",
        "card ",
        "131052-308T",
        "12345678Z",
        "+44 20 7946 0958",
        "-----",
        "eyJ",
        "“",
        "ä",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(ATOMS, max_size=24).map("".join), st.sampled_from(["typed", "fineweb", "dolma"]))
@example("1.2.3.45-81.2.69.142-81.2.69.142", "fineweb")
def test_masking_twice_changes_nothing(text: str, form: str) -> None:
    once = masked(text, form=form)
    assert masked(*once, form=form) == once


def test_a_text_does_not_see_its_neighbours() -> None:
    texts = [TEXT[:40], TEXT[40:], "", "call ", "2125550147", "me@", "site.org"]
    assert masked(*texts) == [masked(text)[0] for text in texts]


def test_a_kind_that_is_none_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    page = tmp_path / "a.jsonl"
    page.write_bytes(b"")
    source = f"sources:\n  web: {{read: jsonl, paths: {page}, steps: [mask: {{kinds: [emails]}}]}}\n"
    file.write_text(f"corpus: a\noutput: b\n{source}", "utf-8")
    with pytest.raises(PlanError) as told:
        load(str(file))
    assert str(told.value).endswith("step mask: kinds.0 is 'emails'; did you mean 'email'?")
    file.write_text(file.read_text("utf-8").replace("[emails]", "[]"), "utf-8")
    with pytest.raises(PlanError, match="kinds is an empty list"):
        load(str(file))
