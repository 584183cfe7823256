"""`benchmarks` of a run file: the pass that it puts into `across`, and where faults are told to be."""

from pathlib import Path

import pytest

from pipeline import config, marks
from pipeline.config import Config
from pipeline.errors import PlanError
from pipeline.recipe import StepConfig

RUN = """\
corpus: sample
output: out
sources:
  web: {read: jsonl, paths: ["*.jsonl"]}
"""


def read(text: str) -> Config:
    return config.read(marks.parse(RUN + text, "run.yaml"))


def across(found: Config) -> list[str]:
    return [step.name for step in found.across]


def sets(step: StepConfig) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.name, each.path, each.fields) for each in step.options.sets]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eval").mkdir()
    (tmp_path / "own.jsonl").write_text("{}")
    return tmp_path


def test_a_file_that_says_nothing() -> None:
    found = read("")
    assert found.across == () and not found.no_benchmarks


@pytest.mark.parametrize("none", ["none", "false"])
def test_a_file_that_wants_none(none: str) -> None:
    found = read(f"benchmarks: {none}\nacross: [exact]\n")
    assert across(found) == ["exact"] and found.no_benchmarks


def test_the_pass_comes_last() -> None:
    found = read("benchmarks: eval\nacross: [exact, rules: {r: bytes > 9}]\n")
    assert across(found) == ["exact", "rules", "contamination"]
    last = found.across[-1]
    assert sets(last) == [("", "eval", ())] and last.line == 5
    assert [(rule.name, rule.drop_if) for rule in last.rules] == [
        ("contaminated", "contamination_ngrams > 0")
    ]
    assert across(read("benchmarks: eval\n")) == ["contamination"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("[eval, own.jsonl]", [("", "eval", ()), ("", "own.jsonl", ())]),
        ("{a: eval, b: {path: own.jsonl, fields: [q]}}", [("a", "eval", ()), ("b", "own.jsonl", ("q",))]),
        ("[{path: own.jsonl, name: c}]", [("c", "own.jsonl", ())]),
    ],
)
def test_several_benchmarks(given: str, expected: list[object]) -> None:
    assert sets(read(f"benchmarks: {given}\n").across[0]) == expected


@pytest.mark.parametrize("step", ["contamination", "contamination: {}", "contamination:"])
def test_the_pass_stays_where_the_file_has_it(step: str) -> None:
    found = read(f"across:\n- {step}\n- exact\nbenchmarks: eval\n")
    assert across(found) == ["contamination", "exact"] and sets(found.across[0]) == [("", "eval", ())]
    assert found.across[0].line == 6


def test_the_file_gives_options_and_rules() -> None:
    found = read(
        "benchmarks: eval\nacross:\n- contamination: {ngram: 8, rules: {copied: contamination_share > 0.7}}\n"
    )
    (step,) = found.across
    assert step.options.ngram == 8 and sets(step) == [("", "eval", ())]  # type: ignore[attr-defined]
    assert [rule.name for rule in step.rules] == ["copied"]


def test_the_pass_alone_has_its_sets() -> None:
    assert sets(read("across: [{contamination: {sets: eval}}]\n").across[0]) == [("", "eval", ())]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("benchmarks:\n", "run.yaml:5: benchmarks: expected a folder or file"),
        ("benchmarks: []\n", "run.yaml:5: benchmarks: expected a folder or file"),
        ("benchmarks: 3\n", "run.yaml:5: benchmarks: expected a folder or file"),
        ("benchmarks: evil\n", "run.yaml:5: benchmarks: no file or folder 'evil'"),
        (
            "across:\n- exact\nbenchmarks:\n  - evil\n",
            "run.yaml:8: benchmarks: 0: no file or folder 'evil'",
        ),
        ("benchmarks:\n  a: eval\n  b: evil\n", "run.yaml:7: benchmarks: b: no file or folder 'evil'"),
        ("benchmarks:\n  a: eval\n  b: 3\n", "run.yaml:7: benchmarks: b is the number 3; expected a text"),
        ("benchmarks: [own.jsonl, {pth: eval}]\n", "run.yaml:5: benchmarks: key '1.path' is missing"),
        (
            "across:\n- contamination: {sets: evil}\n",
            "run.yaml:6: step contamination: sets: no file or folder 'evil'",
        ),
        (
            "benchmarks: eval\nacross:\n- contamination: {sets: own.jsonl}\n",
            "run.yaml:5: benchmarks and `sets` of the pass contamination both name benchmarks",
        ),
        ("across: [contamination]\n", "run.yaml:5: step contamination: key 'sets' is missing"),
        (
            "benchmarks: eval\nacross:\n- contamination: 3\n",
            "run.yaml:7: step contamination: expected a mapping",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        read(text)
    assert str(caught.value).startswith(message)
