"""The recipes of whole corpora against their papers' tables, and that they can be built on."""

import jsonschema
import pytest

from pipeline import config, marks, schema, steps
from pipeline.corpus_recipe import corpus_recipe_names, load_corpus_recipe

# LLaMA, table 1: sampling proportions. RedPajama-1T: tokens in billions.
WEIGHTS: dict[str, dict[str, float]] = {
    "llama1": {
        "commoncrawl": 67.0,
        "c4": 15.0,
        "github": 4.5,
        "wikipedia": 4.5,
        "gutenberg": 4.5,
        "arxiv": 2.5,
        "stackexchange": 2.0,
    },
    "redpajama": {
        "commoncrawl": 878,
        "c4": 175,
        "github": 59,
        "arxiv": 28,
        "gutenberg": 26,
        "wikipedia": 24,
        "stackexchange": 20,
    },
}


def run_file(recipe: str, sources: list[str]) -> marks.Marked:
    listed = "".join(f"  {name}: {{paths: [x]}}\n" for name in sources)
    return marks.parse(f"recipe: {recipe}\ncorpus: c\noutput: o\nsources:\n{listed}", "run.yaml")


def test_there_is_a_table_for_every_one() -> None:
    assert sorted(WEIGHTS) == list(corpus_recipe_names())


@pytest.mark.parametrize("name", WEIGHTS)
def test_it_says_whose_it_is_and_mixes_as_its_paper_does(name: str) -> None:
    recipe = load_corpus_recipe(name)
    assert recipe.name == name and "arXiv:" in recipe.paper and recipe.about.endswith(".")
    run = config.read(run_file(name, list(WEIGHTS[name])))
    assert run.mixture.weights == WEIGHTS[name]
    assert (run.recipe, run.left_out) == (name, ())


@pytest.mark.parametrize("name", WEIGHTS)
def test_each_source_is_read_as_its_publisher_gives_it_and_has_steps(name: str) -> None:
    run = config.read(run_file(name, list(WEIGHTS[name])))
    for source in run.sources.values():
        assert source.read == source.name  # the sources are named like their readers
        assert source.steps, source.name
        assert all(step.kind != "pass" for step in source.steps)
    assert [step.name for step in run.across] == ["paragraphs", "exact", "containment"]
    assert run.sources["stackexchange"].options.model_dump()["sites"] == "largest 28"


@pytest.mark.parametrize("name", WEIGHTS)
def test_it_is_good_by_the_json_schema_and_so_is_a_part_of_it(name: str) -> None:
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    validator.validate(run_file(name, list(WEIGHTS[name])).data)
    validator.validate(run_file(name, ["wikipedia"]).data)
    assert not validator.is_valid(run_file("lama1", ["wikipedia"]).data)


def test_every_reader_of_the_seven_is_in_the_table_of_steps() -> None:
    assert set(WEIGHTS["llama1"]) <= set(steps.SOURCES)
