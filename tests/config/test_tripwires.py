"""`tripwires` of a run file: what is read of it, and what is said of a bad one."""

import pytest

from pipeline import config, marks
from pipeline.errors import PlanError
from pipeline.tripwires import Tripwires, describe

GOOD = """\
corpus: c
output: o
sources:
  web:
    read: warc
    paths: ["*.warc.gz"]
    steps:
      - words
      - rules: {no_text: text = ''}
across:
  - minhash: {rules: {near: minhash_rank > 0}}
"""


def read(text: str) -> config.Config:
    return config.read(marks.parse(GOOD + text, "run.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Tripwires(most=0.9, enough_documents=10_000, accept={})),
        ("tripwires:\n", Tripwires()),
        ("tripwires: {}\n", Tripwires()),
        ("tripwires: off\n", None),
        ("tripwires: 'off'\n", None),
        ("tripwires: false\n", None),
        ("tripwires: {most: 1, enough_documents: 7}\n", Tripwires(most=1, enough_documents=7)),
        # A published rule, a rule alone, a pass's, a step and a pass.
        (
            "tripwires: {accept: [short, no_text, near, words, minhash]}\n",
            Tripwires(accept=dict.fromkeys(("short", "no_text", "near", "words", "minhash"), ("any",))),
        ),
        (
            "tripwires: {accept: {near: nothing, words: 0.95, short: [nothing, 1]}}\n",
            Tripwires(accept={"near": ("nothing",), "words": (0.95,), "short": ("nothing", 1.0)}),
        ),
    ],
)
def test_what_is_read(text: str, expected: Tripwires | None) -> None:
    found = read(text)
    assert found.tripwires == expected
    assert found.tripwires_line == (12 if text else None)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("tripwires: on\n", 12, ["'on'", "'off'"]),
        ("tripwires: [minhash]\n", 12, ["a list", "a mapping"]),
        ("tripwires: {most: 0}\n", 12, ["most is the number 0", "greater than 0"]),
        ("tripwires: {most: 90}\n", 12, ["most is the number 90", "less than or equal to 1"]),
        ("tripwires:\n  most: 0.95\n  accepts: [words]\n", 14, ["unknown key 'accepts'", "'accept'"]),
        ("tripwires:\n  enough_documents: 0\n", 13, ["enough_documents is the number 0", "equal to 1"]),
        ("tripwires:\n  accept: words\n", 13, ["accept is 'words'", "expected a list"]),
        ("tripwires:\n  accept:\n  - words\n  - min_hash\n", 15, ["'min_hash'", "did you mean 'minhash'"]),
        ("tripwires:\n  accept:\n    near: any\n    wrds: any\n", 15, ["'wrds'", "did you mean 'words'"]),
        ("tripwires: {accept: {near: 95}}\n", 12, ["near: found the number 95; expected nothing, the share"]),
        ("tripwires: {accept: {near: true}}\n", 12, ["near: found true"]),
        ("tripwires: {accept: {near: noting}}\n", 12, ["near: found 'noting'"]),
        ("tripwires: {accept: {near: []}}\n", 12, ["near: found an empty list"]),
        ("tripwires: {accept: [near, near]}\n", 12, ["'near' is named twice"]),
        ("tripwires: {accept: [near: nothing]}\n", 12, ["found a mapping in it"]),
        ("tripwires: {accept: [rules]}\n", 12, ["'rules'", "no rule, step or pass of this file"]),
        ("tripwires: {accept: [minhash_duplicate]}\n", 12, ["'minhash_duplicate'"]),  # `near` replaces it
    ],
)
def test_faults(text: str, line: int, said: list[str]) -> None:
    with pytest.raises(PlanError) as caught:
        read(text)
    assert (caught.value.file, caught.value.line) == ("run.yaml", line)
    for words in said:
        assert words in caught.value.message


def test_a_step_that_cannot_be_read_is_not_said_to_be_unknown() -> None:
    with pytest.raises(PlanError) as caught:
        read("  - exakt\ntripwires: {accept: [exact_duplicate]}\n")
    assert "unknown step 'exakt'" in str(caught.value) and "exact_duplicate" not in str(caught.value)


def test_which_rules_stand_in_the_run_file() -> None:
    """Written out or overridden there; not those that a step brings."""
    steps = {step.name: step for step in [*read("").sources["web"].steps, *read("").across]}
    assert steps["words"].stands_in("run.yaml") == set()
    assert steps["rules"].stands_in("run.yaml") == {"no_text"}
    assert steps["minhash"].stands_in("run.yaml") == {"near"}
    assert steps["minhash"].stands_in("other.yaml") == set()


def test_what_the_plan_says() -> None:
    assert describe(None) == ["off: nothing that a pass or a rule removes, or does not, stops the run"]
    said = " ".join(
        describe(Tripwires(most=0.955, enough_documents=20_000, accept={"a": ("any",), "b": (0.95,)}))
    )
    assert "more than 95.5%" in said and "20,000" in said and said.endswith("accepted: a, b (up to 95%)")
