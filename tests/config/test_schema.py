"""The JSON Schema of the run file accepts what `config` accepts and marks what it refuses."""

from typing import Any

import jsonschema
import pytest

from pipeline import config, marks, schema
from pipeline.errors import PlanError


def validator() -> Any:
    found = schema.json_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def run_file(step: str, more: str = "") -> Any:
    text = "corpus: x\noutput: y\nsources:\n  web:\n    read: warc\n    paths: '*.gz'\n    steps:\n"
    return marks.parse(f"{text}      - {step}\n{more}", "run.yaml")


def test_an_empty_file_is_marked() -> None:
    assert not validator().is_valid(None)
    assert not validator().is_valid({})


GOOD = [
    ("words", ""),
    ("words:", ""),
    ("words: {}", ""),
    ("words: {rules: {}}", ""),
    ("words: {rules: {a: words_count > 3}}", ""),
    ("rules: {a: words_count > 3}", ""),
    ("extract: {engine: resiliparse, timeout: 3, inner: {depth: 2}}", ""),
    ("words", "across:\nmixture:\nstorage:\n"),
    ("words", "across: [exact, language, minhash: {bands: 3}]\nseed: 3\n"),
    ("words", "mixture: {tokens: 1000, weights: {web: 1}, tokenizer: a.json}\n"),
    ("words", "storage: {s3: {anonymous: true}}\n"),
    ("words", "  more:\n    read: jsonl\n    paths: [a, b]\n    lines_field: x\nmixture: {tokens: all}\n"),
]
BAD = [
    ("wrods", ""),
    ("wrods: {}", ""),
    ("minhash", ""),
    ("{words: {}, extract: {}}", ""),
    ("{}", ""),
    ("words: 3", ""),
    ("words: {any: 1}", ""),
    ("words: {rules: {a: 3}}", ""),
    ("rules: {a: }", ""),
    ("extract: {enigne: resiliparse}", ""),
    ("extract: {engine: resilparse}", ""),
    ("extract: {timeout: 0}", ""),
    ("extract: {inner: {dpeth: 2}}", ""),
    ("recipe: no-such-recipe", ""),
    ("recipe: {override: {}}", ""),
    ("words", "acros: []\n"),
    ("words", "across: [minhsah]\n"),
    ("words", "across: [minhash: {band: 3}]\n"),
    ("words", "seed: soon\n"),
    ("words", "mixture: {token: 3}\n"),
    ("words", "mixture: {tokenizer: 3}\n"),
    ("words", "storage: {s3: anonymous}\n"),
    ("words", "  more: {read: wrac, paths: a}\n"),
    ("words", "  more: {read: warc}\n"),
    ("words", "  more: {read: warc, paths: []}\n"),
    ("words", "  more: {read: warc, path: a, paths: b}\n"),
    ("words", "  more: {read: jsonl, paths: a}\n"),
    ("words", "  my web: {read: warc, paths: a}\n"),
    ("words", "  .web: {read: warc, paths: a}\n"),
]


@pytest.mark.parametrize(("step", "more"), GOOD)
def test_what_is_good_is_not_marked(step: str, more: str) -> None:
    marked = run_file(step, more)
    config.read(marked)
    validator().validate(marked.data)


@pytest.mark.parametrize(("step", "more"), BAD)
def test_what_is_wrong_is_marked(step: str, more: str) -> None:
    marked = run_file(step, more)
    with pytest.raises(PlanError):
        config.read(marked)
    assert not validator().is_valid(marked.data)


def test_steps_carry_what_they_are_about() -> None:
    step = schema.json_schema()["$defs"]["steps"]["items"]
    assert {"const": "extract", "description": "Main text of a page."} in step["anyOf"]
    extract = step["anyOf"][-1]["properties"]["extract"]
    assert extract["description"] == "Main text of a page."
    assert extract["anyOf"][0]["properties"]["timeout"]["description"] == "seconds per page"


def test_the_schema_is_the_same_every_time() -> None:
    assert schema.json_schema() == schema.json_schema()
