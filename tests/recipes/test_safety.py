"""The recipe `safety`: which witnesses agree on what, and what it says of texts."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest

from filters import blocklist, dirty_words
from filters.dirty_words import STAGE
from pipeline import steps
from pipeline.batch import Batch
from pipeline.recipe import load_recipe
from pipeline.stage import Options, Stage

# A page with nothing against it.
QUIET: dict[str, Any] = {
    "blocklist_domain": "",
    "blocklist_url": "",
    "blocklist_subwords": 0,
    "blocklist_hard_words": 0,
    "blocklist_soft_words": 0,
    "dirty_words_different": 0,
    "dirty_words_share": 0.0,
    "toxicity_share": 0.0,
    "toxicity_windows": 10,
}
ADDRESS: dict[str, Any] = {"blocklist_hard_words": 1}
WORDS: dict[str, Any] = {"dirty_words_different": 3, "dirty_words_share": 0.005}
MODEL: dict[str, Any] = {"toxicity_share": 0.1}
RUDE = "You stupid bitch, go fuck yourself, this shit is bullshit, you fucking idiot and asshole."
NEWS = (
    "The court heard how the defendant ran a ring that sold sex to wealthy men. Sexual services were "
    "advertised, prosecutors said, beside nude pictures; the trial goes on for another week in Boston."
)
HEALTH = (
    "Breast cancer is found early by touch: a lump in the breast, a change of the nipple, blood from the "
    "vagina after the menopause. Talk to your doctor about sex and contraception during the treatment."
)


def rule() -> str:
    (found,) = [rule for step in load_recipe("safety").steps for rule in step.rules]
    assert found.name == "unsafe"
    return found.drop_if


def drops(rows: pa.Table) -> list[bool]:
    return [bool(verdict) for (verdict,) in duckdb.from_arrow(rows).project(rule()).fetchall()]


def test_no_rows() -> None:
    schema = pa.Table.from_pylist([QUIET]).schema
    assert drops(schema.empty_table()) == []


@pytest.mark.parametrize(
    ("signals", "unsafe"),
    [
        ({}, False),
        # one witness, not certain
        (ADDRESS, False),
        (WORDS, False),
        (MODEL, False),
        # words, and one of the others
        (ADDRESS | WORDS, True),
        (WORDS | MODEL, True),
        ({"blocklist_subwords": 1} | WORDS, True),
        # the others err alike on health services and on those for gay people
        (ADDRESS | MODEL, False),
        # one that is certain
        ({"blocklist_domain": "adult"}, True),
        ({"blocklist_url": "adult"}, True),
        # words where there is no model to ask
        (WORDS | {"toxicity_windows": 0}, False),
        ({"dirty_words_different": 3, "dirty_words_share": 0.021, "toxicity_windows": 0}, True),
        ({"dirty_words_different": 2, "dirty_words_share": 0.5, "toxicity_windows": 0}, False),
        # and where it makes nothing of them
        ({"dirty_words_different": 9, "dirty_words_share": 0.5}, False),
        # one or two words of a URL that health services have too
        ({"blocklist_soft_words": 2} | WORDS, False),
    ],
)
def test_who_agrees(signals: dict[str, Any], unsafe: bool) -> None:
    assert drops(pa.Table.from_pylist([QUIET | signals])) == [unsafe]


def measured(texts: list[str], languages: list[str]) -> pa.Table:
    """The signals of texts from an address that is on no list."""
    urls = ["https://www.example.org/page"] * len(texts)
    batch = Batch(pa.table({"url": urls, "text": texts, "language": languages}))
    configured: list[tuple[Stage, Options]] = [
        (blocklist.STAGE, blocklist.Options(lists=())),
        *(
            (steps.stage(step.name), step.options)
            for step in load_recipe("safety").steps
            if step.kind == "stage"
        ),
    ]
    for stage, options in configured:
        batch.append(list(stage.adds), list(stage.open(options)(batch)))
    return batch.table


def test_rude_pages_go_and_those_on_trials_and_health_stay() -> None:
    texts = [RUDE, " ".join([NEWS] * 6 + [RUDE]), NEWS, HEALTH, " ".join([HEALTH] * 80 + [RUDE])]
    table = measured(texts, ["en"] * len(texts))
    assert drops(table) == [True, True, False, False, False]
    assert table["toxicity_share"].to_pylist()[3] >= 0.1  # the model alone would drop it
    every = STAGE.open(dirty_words.Options())(Batch(table.select(["text", "language"])))
    assert every[1].to_pylist()[2] >= 3 and every[1].to_pylist()[3] >= 3  # and so would all words of the list


def test_other_languages_have_words_alone() -> None:
    table = measured([RUDE, RUDE], ["en", "de"])
    assert table["toxicity_windows"].to_pylist()[1] == 0
    assert drops(table) == [True, False]


def test_llama3_ends_with_it() -> None:
    assert load_recipe("llama3").steps[-3:] == load_recipe("safety").steps
