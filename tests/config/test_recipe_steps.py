"""Recipes: found by name or path, put in their place, and changed rule by rule."""

from pathlib import Path

import pytest

from pipeline import config, marks, recipe
from pipeline.config import Config
from pipeline.errors import PlanError
from pipeline.stage import Rule

RECIPE = """\
recipe: mine
paper: Me (2024)
about: Two steps.
steps:
  - language
  - rules:
      foreign: language <> 'en'
  - words
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(RECIPE)
    return tmp_path


def read(folder: Path, step: str, more: str = "") -> Config:
    text = (
        f"corpus: x\noutput: y\nsources:\n  web:\n    read: warc\n    paths: x\n    steps:\n      - {step}\n"
    )
    return config.read(marks.parse(text + more, str(folder / "run.yaml")))


def fault(folder: Path, step: str, more: str = "") -> str:
    with pytest.raises(PlanError) as caught:
        read(folder, step, more)
    return str(caught.value).replace(str(folder) + "/", "")


def test_a_recipe_without_steps(folder: Path) -> None:
    (folder / "none.yaml").write_text("recipe: none\nsteps: []\n")
    assert read(folder, "recipe: ./none.yaml").sources["web"].steps == ()


def test_its_steps_stand_in_its_place(folder: Path) -> None:
    steps = read(folder, "recipe: mine.yaml", "      - extract\n").sources["web"].steps
    assert [(step.name, step.recipe) for step in steps] == [
        ("language", "mine"),
        ("rules", "mine"),
        ("words", "mine"),
        ("extract", ""),
    ]
    mine = str(folder / "mine.yaml")
    assert [(step.file, step.line) for step in steps[:3]] == [(mine, 5), (mine, 6), (mine, 8)]
    assert steps[1].rule_lines == {"foreign": (mine, 7)}


def test_overrides_replace_and_remove_rules_by_name(folder: Path) -> None:
    found = read(folder, "recipe: {name: mine.yaml, override: {short: words_count < 9, foreign: null}}")
    language, rules, words = found.sources["web"].steps
    assert (language.rules, rules.rules, rules.rule_lines) == ((), (), {})
    assert words.rules == (Rule("short", "words_count < 9"), Rule("long", "words_count > 100000"))
    assert words.rule_lines == {
        "short": (str(folder / "run.yaml"), 8),
        "long": (str(folder / "mine.yaml"), 8),
    }


def test_a_recipe_in_a_recipe_is_found_beside_it(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "outer.yaml").write_text("recipe: outer\nsteps: [recipe: ../mine.yaml, extract]\n")
    steps = (
        read(folder, "recipe: {name: inner/outer.yaml, override: {foreign: 'false'}}").sources["web"].steps
    )
    assert [(step.name, step.recipe) for step in steps] == [
        ("language", "mine"),
        ("rules", "mine"),
        ("words", "mine"),
        ("extract", "outer"),
    ]
    assert steps[1].rules == (Rule("foreign", "false"),)


def test_passes_of_a_recipe_belong_across(folder: Path) -> None:
    (folder / "copies.yaml").write_text("recipe: copies\nsteps: [exact]\n")
    assert "copies.yaml:2: step exact is a pass" in fault(folder, "recipe: copies.yaml")
    found = read(folder, "words", "across: [recipe: copies.yaml]\n")
    assert [step.kind for step in found.across] == ["pass"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            "recipe: {name: mine.yaml, override: {shrt: a > 1}}",
            ["run.yaml:8", "recipe mine", "'shrt'", "'short'"],
        ),
        (
            "recipe: {name: mine.yaml, override: {short: 3}}",
            ["run.yaml:8", "rule short", "null to remove it"],
        ),
        ("recipe: {name: mine.yaml, override: [short]}", ["run.yaml:8", "override", "a list"]),
        ("recipe: {name: mine.yaml, overide: {}}", ["run.yaml:8", "'overide'", "'override'"]),
        ("recipe: {override: {}}", ["run.yaml:8", "mapping with 'name'"]),
        ("recipe: mine", ["run.yaml:8", "unknown recipe 'mine'"]),
        ("recipe: other.yaml", ["run.yaml:8", "there is no file other.yaml"]),
    ],
)
def test_faults_in_the_run_file(folder: Path, step: str, words: list[str]) -> None:
    found = fault(folder, step)
    assert all(word in found for word in words), found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["bad.yaml:1", "a recipe is a mapping", "nothing"]),
        ("- words\n", ["bad.yaml:1", "a list"]),
        ("recipe: bad\n", ["bad.yaml:1", "'steps' is missing"]),
        ("steps: []\n", ["bad.yaml:1", "'recipe' is missing"]),
        ("recipe: bad\nsteps: []\npapper: x\n", ["bad.yaml:3", "'papper'", "'paper'"]),
        ("recipe: bad\nsteps: []\npaper: 3\n", ["bad.yaml:3", "paper is the number 3", "text"]),
        ("recipe: bad\nsteps:\n  - wrods\n", ["bad.yaml:3", "'wrods'", "'words'"]),
        ("recipe: bad\nsteps:\n  - recipe: bad.yaml\n", ["bad.yaml:3", "contains itself"]),
        (
            "recipe: bad\nsteps:\n  - recipe: ./round.yaml\n",
            ["round.yaml:2", "bad.yaml → ", "contains itself"],
        ),
        ("recipe: bad\nsteps: [\n", ["bad.yaml:3", "not valid YAML"]),
    ],
)
def test_faults_in_the_recipe(folder: Path, text: str, words: list[str]) -> None:
    (folder / "bad.yaml").write_text(text)
    (folder / "round.yaml").write_text("recipe: round\nsteps: [recipe: bad.yaml]\n")
    found = fault(folder, "recipe: bad.yaml")
    assert all(word in found for word in words), found
    assert len(found.splitlines()) == 1, found


def test_the_same_recipe_twice_is_two_rules_of_one_name(folder: Path) -> None:
    found = fault(folder, "recipe: mine.yaml", "      - recipe: mine.yaml\n")
    assert "mine.yaml:7: rule 'foreign' stands twice, first in mine.yaml:7" in found


def test_load_recipe(folder: Path) -> None:
    mine = recipe.load_recipe(str(folder / "mine.yaml"))
    assert (mine.name, mine.paper, mine.about) == ("mine", "Me (2024)", "Two steps.")
    assert [step.name for step in mine.steps] == ["language", "rules", "words"]
    with pytest.raises(PlanError, match="unknown recipe 'nothing'"):
        recipe.load_recipe("nothing")


def test_a_folder_named_recipes_does_not_stand_in_for_winnows_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    assert "mine" not in recipe.recipe_names()
