"""The dataset card: what the Hub reads of it, what it says, and that its examples run."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
import yaml

from mixtures.card import card, size_category
from mixtures.draw import draw
from mixtures.options import MixtureOptions

if TYPE_CHECKING:
    from tests.mixtures.conftest import Workshop

RECIPE = "sources:\n  web: {}\n# a fence: ```\n"


def counts(documents: int, kept: int, **rules: int) -> dict[str, Any]:
    dropped = {rule: {"documents": number, "tokens": 10 * number} for rule, number in rules.items()}
    steps = [{"name": "rules", "rules": {rule: f"{rule} > 0 OR 'a||b' = '`'" for rule in rules}}]
    return {"documents": documents, "kept": kept, "rules": dropped, "steps": steps}


@pytest.fixture
def manifest(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A drawn corpus in the current folder, and its manifest."""
    folder = workshop.folder / "shards"
    folder.mkdir()
    tables = [
        workshop.documents("web", [10] * 60),
        workshop.documents("code", [10] * 8, extra={"license": pa.array(["MIT"] * 8)}),
    ]
    weights = {"web": 3, "code": 1}
    options = MixtureOptions.model_validate({"tokens": 400, "weights": weights, "shard_size": "1kB"})
    mixture = draw(workshop.corpus(workshop.units(tables)), options, "mix", str(folder))
    monkeypatch.chdir(workshop.folder)
    return {
        "winnow": "0.1.0",
        "corpus": "mix",
        "sources": {
            "web": counts(100, 60, gopher_words=40, c4_lines=12, never=0),
            "code": counts(9, 9),
        },
        "across": [{"layer": "minhash", **counts(69, 68, minhash_duplicate=1)}],
        "tripwires": {
            "accepted": [
                {
                    "kind": "rule",
                    "where": "web",
                    "name": "most",
                    "documents": 100,
                    "dropped": 95,
                    "by": ["most"],
                },
                {
                    "kind": "pass",
                    "where": "minhash",
                    "name": "minhash",
                    "documents": 9,
                    "dropped": 0,
                    "by": [],
                },
            ]
        },
        "mixture": mixture,
    }


def test_nothing_drawn(workshop: "Workshop") -> None:
    mixture = draw(workshop.corpus([]), MixtureOptions(), "empty", workshop.shards())
    empty = {"winnow": "0", "corpus": "empty", "sources": {}, "across": [], "tripwires": {"accepted": []}}
    text = card({**empty, "mixture": mixture}, "")
    assert "0 documents with 0 tokens and 0 B of text in 1 Parquet shard " in text
    assert yaml.safe_load(text.split("---")[1])["size_categories"] == ["n<1K"]


def test_models_behind_the_signals_are_named(manifest: dict[str, Any]) -> None:
    assert "## Models and lists" not in card(manifest, RECIPE)
    scored = {"name": "classify", "rules": {}, "fingerprint": "edu sha256:0f"}
    manifest["sources"]["web"]["steps"].append(scored)
    manifest["across"][0]["steps"].append({"name": "semantic", "rules": {}, "fingerprint": "a\n|b"})
    text = card(manifest, RECIPE)
    assert "| web | classify | `edu sha256:0f` |\n| minhash | semantic | `a \\|b` |" in text


def test_front_matter(manifest: dict[str, Any]) -> None:
    head = yaml.safe_load(card(manifest, RECIPE).split("---\n")[1])
    assert head["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "shards/*.parquet"}]}
    ]
    assert head["size_categories"] == ["n<1K"]
    assert head["pretty_name"] == "mix"


def test_what_it_says(manifest: dict[str, Any]) -> None:
    lines = card(manifest, RECIPE).splitlines()
    for line in (
        "# mix",
        "| web | 75.00% | 78.95% | 300 | 300 | 30 | 0.50 | 600 |  |",
        "| code | 25.00% | 21.05% | 100 | 80 | 8 | 1.00 | 80 | epoch cap |",
        "| code | MIT | 8 |",
        "| web | unknown | 30 |",
        "| web | read |  | 100 |",
        "| web | gopher_words | ``gopher_words > 0 OR 'a\\|\\|b' = '`'`` | 40 |",
        "| minhash | minhash_duplicate | ``minhash_duplicate > 0 OR 'a\\|\\|b' = '`'`` | 1 |",
        "| minhash | kept |  | 68 |",
        "| epoch | int32 | copies | which copy of the document this is, from 0 |",
        "Tokens are counted by winnow's estimate: no tokenizer, calibrated on Llama 3's.",
    ):
        assert line in lines, line
    assert not any("never" in line for line in lines)
    assert next(line for line in lines if "Achieved" in line).startswith(
        "Asked for: 400 tokens, sources by weight, at most 1 epoch. Achieved: 380 of 400 tokens."
    )
    assert (
        "The rule `most` (web) removed 95 of 100 documents (accepted in the recipe). The pass `minhash` "
        "(minhash) removed 0 of 9 documents (not asked about: tripwires are off)." in card(manifest, RECIPE)
    )
    everything = {**manifest["mixture"]["asked"], "tokens": "all", "weights": None}
    manifest["mixture"]["asked"] = everything
    assert "Asked for: all there is, sources in proportion to their tokens" in card(manifest, RECIPE)


def test_recipe_is_fenced_whole(manifest: dict[str, Any]) -> None:
    assert card(manifest, RECIPE).endswith("\n````yaml\n" + RECIPE + "````\n")
    assert card(manifest, "a: 1\n\n").endswith("\n```yaml\na: 1\n```\n")


def test_names_that_would_break_a_table(manifest: dict[str, Any]) -> None:
    manifest["mixture"]["sources"]["code"]["licenses"] = {"a | b\n\nc": 1}
    assert "| code | a \\| b c | 1 |" in card(manifest, RECIPE).splitlines()


def test_same_card_from_the_manifest_on_disk(manifest: dict[str, Any], workshop: "Workshop") -> None:
    text = card(manifest, RECIPE)
    assert card(json.loads(json.dumps(manifest, sort_keys=True)), RECIPE) == text
    assert str(workshop.folder) not in text


def test_its_examples_run(
    manifest: dict[str, Any], workshop: "Workshop", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(workshop.folder / "cache"))
    pytest.importorskip("datasets")
    text = card(manifest, RECIPE)
    (query,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert sorted(duckdb.execute(query).fetchall()) == [("code", 8, 80), ("web", 30, 300)]
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    assert sum(row["tokens"] for row in names["documents"]) == 380
    # As the Hub does: the folder itself, by the front matter of its README.md.
    Path("README.md").write_text(text)
    from datasets import load_dataset

    cache = str(workshop.folder / "cache")
    assert load_dataset(str(workshop.folder), split="train", cache_dir=cache).num_rows == 38


@pytest.mark.parametrize(
    ("documents", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "n>1T")],
)
def test_size_category(documents: int, name: str) -> None:
    assert size_category(documents) == name
