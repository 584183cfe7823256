"""The recipes that come with winnow: what they claim, against the modules that publish it."""

from typing import Any

import duckdb
import jsonschema
import pyarrow as pa
import pytest

from pipeline import config, marks, rules, schema, steps
from pipeline.errors import PlanError
from pipeline.recipe import RECIPES, Recipe, StepConfig, load_recipe, recipe_names
from pipeline.source import BASE_SCHEMA
from pipeline.stage import Pass

NAMES = recipe_names()
EXAMPLES = RECIPES.parent / "examples"

LONG_LINES = "'HTML', 'JSON', 'Markdown', 'Roff', 'Roff Manpage', 'SMT', 'TeX', 'Text', 'XML'"

# Where a recipe departs from what a stage publishes, and says so: stage → rule → predicate, or None
# where it leaves the rule out.
DEPARTS: dict[str, dict[str, dict[str, str | None]]] = {
    "fineweb": {
        "c4": {"c4_sentences": "c4_sentences < 5"},
        "language": {"not_english": "language <> 'en' OR language_score < 0.65"},
    },
    "c4": {"language": {"not_english": "language <> 'en' OR language_score < 0.65"}},
    "refinedweb": {"language": {"not_english": "language <> 'en' OR language_score < 0.65"}},
    "dclm": {"language": {"not_english": "language <> 'en' OR language_score < 0.65"}},
    "llama1_commoncrawl": {"language": {"not_english": "language <> 'en' OR language_score < 0.5"}},
    "llama1_github": {"code": {"code_letters_per_token": None}},
    "starcoder2": {
        "code": {
            "code_alphanumeric": None,
            "code_letters_per_token": None,
            "code_lines": "code_lines > 100000",
            "code_longest_line": f"code_longest_line > CASE WHEN github_language IN ({LONG_LINES}) "
            "THEN 100000 ELSE 1000 END",
            "code_mean_line_length": f"code_mean_line_length > 100 AND github_language NOT IN ({LONG_LINES})",
            "code_letters": "CASE WHEN github_language IN ('Motorola 68K Assembly', 'WebAssembly') "
            "THEN code_alphanumeric ELSE code_letters END < 0.25",
        },
        "the_stack": {
            "the_stack_generated": "the_stack_generated OR github_generated",
            "the_stack_html": "github_language = 'HTML' AND "
            "(the_stack_html_text < 100 OR the_stack_html_text_share < 0.2)",
        },
    },
}
# Signals without a rule.
DEPARTS["redpajama2"] = {
    name: dict.fromkeys((rule.name for rule in steps.stage(name).rules), None)
    for name in ("blocklist", "dirty_words", "gopher", "stop_words")
}
DEPARTS["llama3"] = {
    # Domains by the list alone, and a number of its own where the report has none.
    "blocklist": dict.fromkeys(
        ("blocklist_url", "blocklist_subwords", "blocklist_hard_words", "blocklist_soft_words")
    ),
    "personal_data": {"personal_data_many": None},
    "dirty_words": {"dirty_words": None},
}
DEPARTS["safety"] = {"dirty_words": {"dirty_words": None}}
DEPARTS["llama3_across"] = {
    "domains": {
        "personal_domain": "domain_documents >= 10 AND domain_personal_data_per_document > 5",
    },
}
LINE_CORRECTIONS: dict[str, object] = {
    "max_uppercase": 0.5,
    "max_words": 10,
    "starts": ("sign-in",),
    "ends": ("read more...", "read more…"),
    "anywhere": ("items in cart",),
}
# Thresholds of the document's language: columns of the step `thresholds`.
DEPARTS["fineweb2"] = {
    "thresholds": {"language_score": "language_score < threshold_language_score"},
    "gopher_repetition": {
        "gopher_repetition_lines": "gopher_repetition_duplicate_lines > threshold_duplicate_lines",
        "gopher_repetition_line_chars": None,
        "gopher_repetition_paragraphs": None,
        "gopher_repetition_paragraph_chars": None,
        **{
            f"gopher_repetition_top_{n}_gram": f"gopher_repetition_top_{n}_gram > threshold_top_{n}_gram"
            for n in range(2, 5)
        },
        **{
            f"gopher_repetition_{n}_grams": f"gopher_repetition_duplicate_{n}_grams"
            f" > threshold_duplicate_{n}_grams"
            for n in range(5, 11)
        },
    },
    "fineweb": {
        "fineweb_line_punctuation": "fineweb_line_punctuation < threshold_line_punctuation",
        "fineweb_duplicate_line_chars": "fineweb_duplicate_line_chars > 0.1",
        "fineweb_short_lines": None,
        "fineweb_line_breaks": "fineweb_line_breaks_per_word > threshold_line_breaks_per_word",
    },
    "gopher": {
        "gopher_mean_word_length": "gopher_mean_word_length NOT BETWEEN threshold_min_word_length"
        " AND threshold_max_word_length",
        "gopher_words_with_letter": "gopher_words_with_letter < threshold_words_with_letter",
        "gopher_stop_words": None,
    },
}
OPTIONS: dict[str, dict[str, dict[str, object]]] = {
    "llama3": {
        "extract": {"engine": "trafilatura"},
        "ngram_coverage_lines": {"within": "line", "line_ngram": 5, "line_words": 50, "line_coverage": 0.6},
    },
    "safety": {"dirty_words": {"lists": "badwords"}, "toxicity": {"window": 30, "language": "en"}},
    "llama3_across": {
        "url": {"keep": ("newest", "longest")},
        "minhash": {"bands": 14, "rows": 8, "ngram": 5},
        "lines": {"more_than": 6, "bucket": 30_000_000, "within": ("language",), "count": "times"},
    },
    "fineweb": {
        "extract": {"engine": "trafilatura"},
        "c4_lines": {"end_mark": False, "min_words_per_line": 3, "max_word_length": 1000},
        "mask": {"kinds": ("email", "ip"), "form": "fineweb"},
    },
    "c4": {
        "extract": {"engine": "trafilatura"},
        "c4_lines": {"end_mark": True, "min_words_per_line": 5, "max_word_length": 1000},
        "dirty_words": {"language": "en"},
    },
    "refinedweb": {"extract": {"engine": "trafilatura"}, "refinedweb": LINE_CORRECTIONS},
    "dclm": {"extract": {"engine": "resiliparse"}, "refinedweb": LINE_CORRECTIONS},
    "gopher": {"extract": {"engine": "trafilatura"}},
    "fineweb2": {"extract": {"engine": "trafilatura"}, "thresholds": {"file": "fineweb2"}},
    "llama1_commoncrawl": {"extract": {"engine": "trafilatura"}},
}

# The readers that a recipe for one kind of source is made for; the others are for pages and texts.
READERS: dict[str, tuple[str, ...]] = {
    "llama1_arxiv": ("arxiv",),
    "llama1_c4": ("c4",),
    "llama1_stackexchange": ("stackexchange",),
    "llama1_github": ("github",),
    "redpajama_github": ("github",),
    "starcoder2": ("github",),
    "llama1_gutenberg": ("gutenberg",),
    "llama1_wikipedia": ("wikipedia",),
}


# Recipes of passes, which go under `across`, and the recipe for sources that goes before.
ACROSS = {"llama3_across": "llama3"}

# A recipe that goes behind another's steps, and one of these.
BEHIND = {"safety": "fineweb"}


@pytest.fixture(params=NAMES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load_recipe(request.param)


def test_it_is_named_like_its_file_and_says_whose_it_is(recipe: Recipe) -> None:
    assert recipe.file == str(RECIPES / f"{recipe.name}.yaml")
    assert "arXiv:" in recipe.paper and recipe.about.endswith(".")


def test_its_predicates_are_those_that_the_stages_publish(recipe: Recipe) -> None:
    for step in recipe.steps:
        if step.kind == "rules":
            continue
        declared = steps.pass_(step.name) if step.kind == "pass" else steps.stage(step.name)
        published = {rule.name: rule.drop_if for rule in declared.rules}
        departs = DEPARTS.get(recipe.name, {}).get(step.name, {})
        expected = {name: sql for name, sql in (published | departs).items() if sql is not None}
        assert {rule.name: rule.drop_if for rule in step.rules} == expected, step.name
        assert all(published.get(name) != predicate for name, predicate in departs.items())


def test_its_options_are_spelled_out(recipe: Recipe) -> None:
    for step in recipe.steps:
        found = step.options.model_dump()
        expected = OPTIONS.get(recipe.name, {}).get(step.name, {})
        assert {name: found[name] for name in expected} == expected


def test_which_text_files_starcoder2_keeps() -> None:
    """Requirements by any part of the name; the others by the whole name but its extension."""
    (predicate,) = (
        rule.drop_if
        for step in load_recipe("starcoder2").steps
        for rule in step.rules
        if rule.name == "github_text"
    )
    kept = ["requirements.txt", "a/Dev-Requirements.in", "README.txt", "docs/README", "a/todo.txt"]
    gone = ["data.txt", "a/myreadme.txt", "readme.old.txt", "readme/list.txt", "requirements/list.txt"]
    rows = pa.table({"github_path": [*kept, *gone], "github_language": ["Text"] * 10})
    found = duckdb.from_arrow(rows).project(predicate).fetchall()
    assert [bool(drops) for (drops,) in found] == [False] * 5 + [True] * 5


def test_every_threshold_stands_in_the_file(recipe: Recipe) -> None:
    """A reviewer reads the rules here, not in the stages: all but those of `extract`."""
    for step in recipe.steps:
        if step.name != "extract":
            lines = {mark.line for mark in step.rule_lines.values()}
            assert len(lines) == len(step.rules) and step.line not in lines


@pytest.mark.parametrize(
    ("name", "reader"), [(name, reader) for name in NAMES for reader in READERS.get(name, ("warc", "wet"))]
)
def test_it_can_be_planned(name: str, reader: str) -> None:
    first = (ACROSS | BEHIND).get(name)
    before = load_recipe(first).steps if first else ()
    fields = {field.name: field for field in [*BASE_SCHEMA, *steps.source_reader(reader).schema]}
    for step in (*before, *load_recipe(name).steps):
        if step.kind != "rules":
            declared = steps.pass_(step.name) if step.kind == "pass" else steps.stage(step.name)
            unless, replaces = (
                (None, ()) if isinstance(declared, Pass) else (declared.unless, declared.replaces)
            )
            if unless in fields:
                continue
            assert set(declared.reads) <= fields.keys(), step.name
            assert not (set(declared.adds.names) - set(replaces)) & fields.keys(), step.name
            fields |= {field.name: field for field in declared.adds}
        rules.check(step.rules, pa.schema(fields.values()), step.file, step.line, step.rule_lines)


def run_file(step: str, across: bool = False) -> Any:
    text = "corpus: x\noutput: y\nsources:\n  web:\n    read: warc\n    paths: '*'\n    steps:\n"
    text += "      - gopher\nacross:\n" if across else ""
    return marks.parse(f"{text}      - {step}\n", "run.yaml")


def steps_of(marked: Any, across: bool) -> tuple[StepConfig, ...]:
    read = config.read(marked)
    return read.across if across else read.sources["web"].steps


@pytest.mark.parametrize("name", NAMES)
def test_a_run_file_may_name_it_and_change_a_rule(name: str) -> None:
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    across = name in ACROSS
    marked = run_file(f"recipe: {name}", across)
    assert steps_of(marked, across) == load_recipe(name).steps
    validator.validate(marked.data)
    rule = [rule.name for step in load_recipe(name).steps for rule in step.rules][-1]
    marked = run_file(f"recipe: {{name: {name}, override: {{{rule}: null}}}}", across)
    changed = steps_of(marked, across)
    assert rule not in {rule.name for step in changed for rule in step.rules}
    validator.validate(marked.data)


def test_a_recipe_of_passes_has_no_place_in_a_source() -> None:
    for name in ACROSS:
        with pytest.raises(PlanError, match="put it under 'across'"):
            config.read(run_file(f"recipe: {name}"))


def test_its_steps_are_good_by_the_json_schema(recipe: Recipe) -> None:
    whole = schema.json_schema()
    across = recipe.name in ACROSS
    listed = whole["properties"]["across"] if across else {"$ref": "#/$defs/steps"}
    steps_schema = {"$schema": whole["$schema"], "$defs": whole["$defs"], **listed}
    jsonschema.Draft202012Validator(steps_schema).validate(marks.load(recipe.file).data["steps"])


def test_the_json_schema_marks_a_recipe_that_is_not_there() -> None:
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    assert not validator.is_valid(run_file("recipe: finweb").data)
    assert not validator.is_valid(run_file("gopher: {rule: {}}").data)
    assert not validator.is_valid(run_file("goper").data)


@pytest.mark.parametrize("path", sorted(map(str, EXAMPLES.glob("*.yaml"))))
def test_the_examples_are_good(path: str) -> None:
    assert config.load(path).sources
    jsonschema.Draft202012Validator(schema.json_schema()).validate(marks.load(path).data)
