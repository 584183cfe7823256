"""The run file: what is read from a good one, and what is said of a bad one."""

from pathlib import Path

import pytest

from pipeline import config, marks
from pipeline.config import Config
from pipeline.errors import PlanError
from pipeline.stage import Rule

GOOD = """\
corpus: cc-sample
output: out/cc-sample
sources:
  web:
    read: warc
    paths: ["*.warc.gz"]
    steps:
      - extract: {engine: resiliparse}
      - words
"""


def read(text: str, file: str = "run.yaml") -> Config:
    return config.read(marks.parse(text, file))


def faults(text: str, file: str = "run.yaml") -> list[str]:
    """The lines of the message, each `file:line: fault`."""
    with pytest.raises(PlanError) as caught:
        read(text, file)
    return str(caught.value).splitlines()


def test_an_empty_file() -> None:
    (fault,) = faults("")
    assert fault.startswith("run.yaml:1: ")
    assert "corpus, output, sources" in fault and "an empty file" in fault


def test_a_good_file() -> None:
    found = read(GOOD)
    assert (found.corpus, found.output, found.seed, found.file) == (
        "cc-sample",
        "out/cc-sample",
        0,
        "run.yaml",
    )
    web = found.sources["web"]
    assert (web.name, web.read, web.paths, web.line, web.paths_line) == ("web", "warc", ("*.warc.gz",), 4, 6)
    extract, words = web.steps
    assert (extract.kind, extract.name, extract.rules, extract.line) == ("stage", "extract", (), 8)
    assert extract.options.model_dump()["engine"] == "resiliparse"
    assert (words.kind, words.name, words.line) == ("stage", "words", 9)
    assert words.rules == (Rule("short", "words_count < 50"), Rule("long", "words_count > 100000"))
    assert words.rule_lines == {"short": ("run.yaml", 9), "long": ("run.yaml", 9)}
    assert found.across == ()
    assert found.mixture.tokens == "all" and found.mixture.tokenizer is None
    assert found.storage == {}


def test_all_keys() -> None:
    found = read(
        GOOD
        + """\
      - words: {rules: {}}
      - rules:
          not_english: language <> 'en'
  books:
    read: jsonl
    paths: books.jsonl
    lines_field: lines
seed: 7
across:
  - exact
  - language
  - minhash: {bands: 20, rules: {copy: minhash_rank > 1}}
mixture: {tokens: 1000, weights: {web: 2, books: 1e0}, tokenizer: tok.json}
storage:
  s3: {anonymous: true}
"""
    )
    measured, alone = found.sources["web"].steps[2:]
    assert measured.rules == ()
    assert (alone.kind, alone.name, alone.rules) == (
        "rules",
        "rules",
        (Rule("not_english", "language <> 'en'"),),
    )
    assert alone.rule_lines == {"not_english": ("run.yaml", 12)}
    books = found.sources["books"]
    assert (books.paths, books.steps) == (("books.jsonl",), ())
    assert books.options.model_dump() == {"text": "text", "lines_field": "lines"}
    assert [(step.kind, step.name) for step in found.across] == [
        ("pass", "exact"),
        ("stage", "language"),
        ("pass", "minhash"),
    ]
    assert found.across[2].rules == (Rule("copy", "minhash_rank > 1"),)
    assert found.across[2].options.model_dump() == {"bands": 20, "rows": 8}
    assert found.mixture.weights == {"web": 2.0, "books": 1.0}
    assert found.mixture.tokenizer == "tok.json"
    assert found.storage == {"s3": {"anonymous": True}}
    assert found.seed == 7


def test_names_that_yaml_1_1_reads_as_booleans() -> None:
    found = read(GOOD.replace("web:", "no:").replace("corpus: cc-sample", "corpus: on"))
    assert found.corpus == "on"
    assert list(found.sources) == ["no"]


def step(text: str) -> str:
    """A good file but for its second step, which stands in line 9."""
    return GOOD.replace("- words", f"- {text}")


FAULTS = [
    # The file's own keys.
    ("- a\n- b\n", 1, ["a list", "corpus, output, sources"]),
    ("just text\n", 1, ["'just text'"]),
    ("corpus: x\noutput: y\n", 1, ["'sources' is missing", "what is read"]),
    (GOOD.replace("corpus: cc-sample\n", ""), 1, ["'corpus' is missing"]),
    (GOOD.replace("output: out/cc-sample\n", ""), 1, ["'output' is missing"]),
    (GOOD.replace("out/cc-sample", "''"), 2, ["output is ''", "at least 1 character"]),
    (GOOD + "acros: [exact]\n", 10, ["unknown key 'acros'", "'across'"]),
    (GOOD + "mixtures: {}\n", 10, ["unknown key 'mixtures'", "'mixture'"]),
    (GOOD + "colour: red\n", 10, ["unknown key 'colour'", "expected one of recipe, corpus, output"]),
    (GOOD.replace("cc-sample\noutput", "2024\noutput"), 1, ["corpus is the number 2024", "text", "quotes"]),
    (GOOD.replace("corpus: cc-sample", "corpus: cc/sample"), 1, ["'cc/sample'", "letters, digits"]),
    (GOOD.replace("corpus: cc-sample", "corpus: ../up"), 1, ["'../up'", "letters, digits"]),
    (GOOD.replace("corpus: cc-sample", "corpus: " + "x" * 101), 1, ["at most 100"]),
    (GOOD.replace("corpus: cc-sample", "corpus: ''"), 1, ["''", "letters, digits"]),
    (GOOD + "seed: soon\n", 10, ["seed is 'soon'", "integer"]),
    (GOOD + "seed: -1\n", 10, ["seed is the number -1", "greater than or equal to 0"]),
    (GOOD + "seed: 1.5\n", 10, ["seed is the number 1.5", "integer"]),
    (GOOD + "storage: {s3: yes}\n", 10, ["storage.s3 is 'yes'", "mapping"]),
    (GOOD + "across: minhash\n", 10, ["across: expected a list", "'minhash'"]),
    # Sources.
    ("corpus: x\noutput: y\nsources: {}\n", 3, ["sources", "at least one"]),
    ("corpus: x\noutput: y\nsources:\n", 3, ["sources is nothing", "mapping"]),
    ("corpus: x\noutput: y\nsources: [web]\n", 3, ["sources is a list", "mapping"]),
    ("corpus: x\noutput: y\nsources:\n  web: warc\n", 4, ["sources.web is 'warc'", "mapping"]),
    (GOOD.replace("  web:", "  my web:"), 4, ["source 'my web'", "letters, digits"]),
    (GOOD.replace("  web:", "  .web:"), 4, ["source '.web'", "not starting with '.'"]),
    (GOOD.replace("read: warc", "read: wrac"), 5, ["source web", "read is 'wrac'", "'warc'"]),
    (GOOD.replace("read: warc", "read: [warc]"), 5, ["read is a list", "warc, jsonl"]),
    (GOOD.replace("    read: warc\n", ""), 4, ["source web", "'read' is missing", "warc, jsonl"]),
    (GOOD.replace('    paths: ["*.warc.gz"]\n', ""), 4, ["source web", "expected paths", "found nothing"]),
    (GOOD.replace('["*.warc.gz"]', "[]"), 6, ["expected paths", "found an empty list"]),
    (GOOD.replace('["*.warc.gz"]', "[3]"), 6, ["expected paths", "found a list"]),
    (GOOD.replace("    paths", "    path: x\n    paths"), 6, ["(warc)", "unknown key 'path'", "'paths'"]),
    (GOOD.replace("warc\n", "jsonl\n    lines_field: l\n    txet: a\n"), 7, ["unknown key 'txet'", "'text'"]),
    (GOOD.replace("warc\n", "jsonl\n"), 4, ["'lines_field' is missing", "the field that holds the lines"]),
    (GOOD.replace("warc\n", "jsonl\n    lines_field: 3\n"), 6, ["lines_field is the number 3", "quotes"]),
    # Steps.
    (
        GOOD.partition("    steps")[0] + "    steps: all\n",
        7,
        ["steps", "expected a list of steps", "'all'"],
    ),
    (step("wrods"), 9, ["unknown step 'wrods'", "'words'"]),
    (step("wrods: {}"), 9, ["unknown step 'wrods'", "'words'"]),
    (step("zzz"), 9, ["unknown step 'zzz'", "recipe, rules, extract, words, language"]),
    (step("minhash"), 9, ["minhash is a pass", "put it under 'across'"]),
    (step("exact: {}"), 9, ["exact is a pass", "put it under 'across'"]),
    (step("3"), 9, ["name of a step", "the number 3"]),
    (step("[words]"), 9, ["name of a step", "a list"]),
    (step("{}"), 9, ["name of a step", "an empty mapping"]),
    (step(""), 9, ["name of a step", "nothing"]),
    (
        step("extract:\n        engine: x"),
        10,
        ["one name", "'extract', 'engine'", "indent 'engine'"],
    ),
    (
        step("extract: trafilatura"),
        9,
        ["step extract", "mapping of its options", "'trafilatura'"],
    ),
    (step("words: {rule: {}}"), 9, ["step words", "unknown key 'rule'", "'rules'"]),
    (step("extract: {enigne: x}"), 9, ["step extract", "unknown key 'enigne'", "'engine'"]),
    (step("words: {any: x}"), 9, ["step words", "unknown key 'any'", "expected one of rules"]),
    (
        step("extract: {engine: trafiltura}"),
        9,
        ["step extract", "engine is 'trafiltura'", "'trafilatura'"],
    ),
    (step("extract: {engine: x}"), 9, ["expected one of trafilatura, resiliparse"]),
    (
        step("extract:\n          engine: trafilatura\n          timeout: long"),
        11,
        ["timeout is 'long'", "number"],
    ),
    (step("extract: {timeout: 0}"), 9, ["timeout is the number 0", "greater than 0"]),
    (step("extract: {tables: maybe}"), 9, ["tables is 'maybe'", "boolean"]),
    (step("extract: {pairs: 3}"), 9, ["pairs is the number 3", "expected an even number"]),
    (step("extract: {inner: {dpeth: 2}}"), 9, ["unknown key 'inner.dpeth'", "'depth'"]),
    (
        step("extract:\n          many:\n            one:\n              dpeth: 2"),
        12,
        ["unknown key 'many.one.dpeth'", "'depth'"],
    ),
    (step("extract: {optional: {dpeth: 2}}"), 9, ["'optional.dpeth'", "'depth'"]),
    # Rules.
    (step("rules"), 9, ["rules", "mapping of names to SQL", "nothing"]),
    (step("rules: [a > 1]"), 9, ["mapping of names to SQL", "a list"]),
    (step("words: {rules: }"), 9, ["mapping of names to SQL", "{} for none"]),
    (step("rules: {a: true}"), 9, ["rule a", "SQL predicate", "true"]),
    (
        step("rules:\n          a: b > 1\n          c:"),
        11,
        ["rule c", "SQL predicate", "nothing"],
    ),
    (GOOD + "      - rules: {short: a > 1}\n", 10, ["rule 'short' stands twice", "run.yaml:9"]),
    (GOOD + "across: [rules: {long: a > 1}]\n", 10, ["rule 'long' stands twice", "run.yaml:9"]),
    (GOOD + "across: [exact, exact]\n", 10, ["rule 'exact_duplicate' stands twice", "run.yaml:10"]),
    # Steps over all sources.
    (GOOD + "across:\n  - minhsah\n", 11, ["unknown step 'minhsah'", "'minhash'"]),
    (GOOD + "across:\n  - minhash: {band: 3}\n", 11, ["step minhash", "unknown key 'band'", "'bands'"]),
    # Recipes.
    (step("recipe: finweb"), 9, ["unknown recipe 'finweb'"]),
    (step("recipe: ./none.yaml"), 9, ["'./none.yaml'", "there is no file none.yaml"]),
    (step("recipe: 3"), 9, ["recipe", "expected a name", "the number 3"]),
    (step("recipe"), 9, ["recipe", "expected a name", "nothing"]),
    # The mixture.
    (GOOD + "mixture: all\n", 10, ["mixture is 'all'", "mapping"]),
    (GOOD + "mixture:\n  token: 3\n", 11, ["mixture", "unknown key 'token'", "'tokens'"]),
    (GOOD + "mixture: {tokenizer: 3}\n", 10, ["tokenizer is the number 3", "text"]),
    (GOOD + "mixture:\n  weights:\n    wbe: 1\n    web: 1\n", 12, ["'wbe', which is not a source", "'web'"]),
    (
        GOOD + "  more: {read: warc, paths: x}\nmixture:\n  weights: {web: 1}\n",
        12,
        ["source 'more' has no weight", "'more: 0'"],
    ),
    (GOOD + "mixture: {weights: {web: heavy}}\n", 10, ["weights.web is 'heavy'", "number"]),
]


@pytest.mark.parametrize(("text", "line", "words"), FAULTS)
def test_faults(text: str, line: int, words: list[str]) -> None:
    found = faults(text)
    matching = [fault for fault in found if all(word in fault for word in words)]
    assert matching, found
    assert matching[0].startswith(f"run.yaml:{line}: "), found
    assert len(found) == 1, found


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    found = faults(
        GOOD.replace("resiliparse", "resilparse")
        .replace("read: warc", "read: wrac")
        .replace("words", "wrods")
        + "acros: []\nmixture: {weights: {wbe: 1}}\n"
    )
    assert [int(fault.split(":")[1]) for fault in found] == [5, 8, 9, 10, 11, 11]
    assert all(fault.startswith("run.yaml:") for fault in found)


def test_a_long_value_is_cut() -> None:
    (fault,) = faults(step("extract: {engine: " + "x" * 1000 + "}"))
    assert len(fault) < 200


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(AttributeError):
        read(GOOD).seed = 3  # type: ignore[misc]


def test_a_file_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(GOOD)
    assert config.load(str(file)).sources["web"].file == str(file)
    with pytest.raises(PlanError, match=r"none\.yaml: cannot be read"):
        config.load(str(tmp_path / "none.yaml"))
