"""Winnow's topics and its categories of safety: what their files promise."""

import re
from pathlib import Path

import pytest
import yaml

import classifiers
from classifiers.labelling.prompt import Prompt, load_prompt

TOPICS = Path(classifiers.__path__[0]) / "labelling" / "topics.yaml"


def test_the_prompt_has_the_topics_of_the_file() -> None:
    told = yaml.safe_load(TOPICS.read_text("utf-8"))
    prompt = load_prompt("topic")
    assert list(prompt.labels) == list(told["labels"]) and len(prompt.labels) == 27
    assert not prompt.ordered
    assert "one of 27" in told["about"] and "one of 27" in prompt.about
    for label in prompt.labels:
        assert re.fullmatch("[a-z]+", label)  # a word that stands in SQL and YAML as it is
    system = prompt.ask("A page.").messages[0]["content"]
    assert all(f"{label}: {told['labels'][label]['about']}" in system for label in prompt.labels)


def test_what_is_excluded_is_told_where_it_belongs() -> None:
    prompt = load_prompt("topic")
    for label, told in prompt.labels.items():
        for excluded in told.excludes:
            found = re.search(r"\(([a-z, ]+)\)$", excluded)
            named = set(found[1].split(", ")) if found else set()
            assert label not in named, f"{label}: {excluded}"
            if found and found[1] not in ("that subject", "the topic of the thing"):
                assert named <= set(prompt.labels), f"{label}: {excluded}"


def test_other_topics_change_the_prompts_hash(tmp_path: Path) -> None:
    """Labels of one taxonomy are not taken for those of another."""
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    own = prompts / "topic.yaml"
    own.write_text((TOPICS.parents[1] / "prompts" / "topic.yaml").read_text("utf-8"), "utf-8")
    topics = tmp_path / "labelling" / "topics.yaml"
    topics.parent.mkdir()
    topics.write_text(TOPICS.read_text("utf-8"), "utf-8")
    assert load_prompt(str(own)).hash == load_prompt("topic").hash
    topics.write_text(TOPICS.read_text("utf-8").replace("Food and drink", "Eating"), "utf-8")
    assert load_prompt(str(own)).hash != load_prompt("topic").hash


@pytest.fixture
def safety() -> Prompt:
    return load_prompt("safety")


def test_safety(safety: Prompt) -> None:
    """Ten labels, `none` the first; the order of gravity names each of the others once."""
    labels = list(safety.labels)
    assert labels[0] == "none" and len(labels) == 10 and not safety.ordered
    found = re.search(r"take the gravest: ([^.]+)\.", " ".join(safety.system.split()))
    assert found is not None
    gravest = [name.removeprefix("then ") for name in found[1].split(", ")]
    assert sorted(gravest) == sorted(labels[1:])
    assert "one of 10" in safety.about
