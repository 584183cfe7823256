"""Rules over tables: checked while planning, evaluated batch by batch."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import rules
from pipeline.errors import PlanError
from pipeline.marks import Mark
from pipeline.rules import Rules
from pipeline.stage import Rule

SCHEMA = pa.schema(
    [
        ("words_count", pa.int32()),
        ("share", pa.float64()),
        ("language", pa.string()),
        ("source", pa.dictionary(pa.int32(), pa.string())),
    ]
)


def problem(sql: str, schema: pa.Schema = SCHEMA) -> str:
    with pytest.raises(PlanError) as caught:
        rules.check([Rule("mine", sql)], schema, "run.yaml", 3)
    assert str(caught.value).startswith("run.yaml:3: rule 'mine'")
    assert sql in caught.value.message
    return caught.value.message


def test_no_rules_and_no_rows() -> None:
    rules.check([], SCHEMA)
    rules.check([], pa.schema([]))
    assert Rules([]).failing(SCHEMA.empty_table()) == []
    (mask,) = Rules([Rule("mine", "words_count < 50")]).failing(SCHEMA.empty_table())
    assert mask.type == pa.bool_() and len(mask) == 0
    (mask,) = Rules([Rule("mine", "true")]).failing(SCHEMA.empty_table())
    assert len(mask) == 0


def test_null_keeps_and_true_drops() -> None:
    table = pa.table({"share": [None, 0.0, 0.5, float("nan")], "flag": [True, False, None, True]})
    over, flag, every = Rules([Rule("a", "share > 0.1"), Rule("b", "flag"), Rule("c", "1 = 1")]).failing(
        table
    )
    assert over.to_pylist() == [False, False, True, True]  # SQL: not a number is greater than any
    assert flag.to_pylist() == [True, False, False, True]
    assert every.to_pylist() == [True] * 4


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("share > 0.5 AND wrods_count > 3", "no column 'wrods_count'; did you mean 'words_count'?"),
        ("Words_Count > 3", "did you mean 'words_count'?"),
        ("rows > 3", "there are words_count, share, language, source"),
        ('language = "de"', "text stands in single quotes: 'de'"),
        ("documents.share > 3", "no column 'documents'"),
        ("minhash_rank > 0", "the step 'minhash' adds it: put it before"),
        ("words_count", "it gives INTEGER; expected a condition"),
        ("language", "it gives VARCHAR"),
        ("NULL", "expected a condition"),
        ("language > 3", "Cannot compare values"),
        ("words_count LIKE 'x'", "No function matches"),
        ("share > 'many'", "Could not convert"),
        ("regexp_matches(language, '(')", "missing )"),
        ("list_filter([share], x -> x > 1) IS NULL", "no column 'x'"),
    ],
)
def test_faults_are_told_while_planning(sql: str, words: str) -> None:
    assert words in problem(sql)


def test_a_predicate_of_many_lines_is_shown_in_one() -> None:
    with pytest.raises(PlanError, match=r"rule 'mine' \(share > 1 AND shrae > 2\): there is no column"):
        rules.check([Rule("mine", "share > 1\n  AND\tshrae > 2\n")], SCHEMA)
    with pytest.raises(PlanError) as caught:
        rules.check([Rule("mine", "share > 1 OR " * 300 + "shrae > 1")], SCHEMA)
    assert len(caught.value.message) < 400


def test_a_column_that_is_a_word_of_sql() -> None:
    schema = pa.schema([("offset", pa.int64()), ("order", pa.int64())])
    assert '"offset", in double quotes' in problem("offset > 3", schema)
    assert '"order", in double quotes' in problem("order > 3", schema)
    rules.check([Rule("mine", '"offset" > "order"')], schema)


def test_columns_that_differ_by_case_only() -> None:
    schema = pa.schema([("share", pa.float64()), ("Share", pa.float64()), ("other", pa.float64())])
    assert "differs by case only" in problem("share > 3", schema)
    rules.check([Rule("mine", "other > 3")], schema)


def test_many_columns_are_not_all_listed() -> None:
    message = problem("zzz > 3", pa.schema([(f"column_{n}", pa.int64()) for n in range(100)]))
    assert "column_19 and 80 more" in message and len(message) < 600


def test_all_faults_are_told_each_with_its_line() -> None:
    given = [Rule("one", "wrds > 1"), Rule("two", "share > 1"), Rule("three", "share"), Rule("four", "")]
    marks = {"one": Mark("recipe.yaml", 9), "three": Mark("run.yaml", 4)}
    with pytest.raises(PlanError) as caught:
        rules.check(given, SCHEMA, "run.yaml", 7, marks)
    assert [line.partition(" (")[0] for line in str(caught.value).splitlines()] == [
        "recipe.yaml:9: rule 'one'",
        "run.yaml:4: rule 'three'",
        "run.yaml:7: rule 'four'",
    ]


def test_a_document_that_cannot_be_decided_stops_with_the_rules_name() -> None:
    given = [Rule("good", "language = 'en'"), Rule("bad", "language::INTEGER > 3")]
    rules.check(given, SCHEMA)
    evaluate = Rules(given, {"bad": Mark("run.yaml", 5)})
    table = pa.table({"language": ["1", "en" * 5000]})
    with pytest.raises(PlanError) as caught:
        evaluate.failing(table)
    message = str(caught.value)
    assert message.startswith("run.yaml:5: rule 'bad' (language::INTEGER > 3)") and "TRY_CAST" in message
    assert len(message) < 500
    good, bad = evaluate.failing(table.slice(0, 1))  # the next batch is decided as ever
    assert good.to_pylist() == [False] and bad.to_pylist() == [False]


def test_rows_keep_their_order_over_many_vectors_and_chunks() -> None:
    values = np.random.default_rng(0).integers(0, 1000, 100_000)
    chunks = [values[at : at + 777] for at in range(0, len(values), 777)]
    table = pa.table(
        {"words_count": pa.chunked_array(chunks), "language": pa.array(np.where(values % 7 == 0, "en", "de"))}
    )
    evaluate = Rules([Rule("short", "words_count < 300"), Rule("german", "language = 'de'")])
    short, german = evaluate.failing(table)
    assert np.array_equal(short.to_numpy(zero_copy_only=False), values < 300)
    assert np.array_equal(german.to_numpy(zero_copy_only=False), values % 7 != 0)


def test_batches_follow_each_other_and_types_may_change() -> None:
    evaluate = Rules([Rule("mine", "n > 2 OR tag = 'x'")])
    for numbers, tags in (
        (pa.array([1, 2, 3]), pa.array(["x", "", ""])),
        (pa.array([3], pa.int32()), pa.array(["y"], pa.large_string())),
        (pa.array([1.0, 2.5]), pa.array(["y", "x"]).dictionary_encode()),
        (pa.array([], pa.int64()), pa.array([], pa.string())),
        (pa.array([None, 5]), pa.array(["x", None])),
    ):
        table = pa.table({"other": pa.nulls(len(numbers)), "tag": tags, "n": numbers})
        expected = [
            (n is not None and n > 2) or tag == "x"
            for n, tag in zip(numbers.to_pylist(), tags.to_pylist(), strict=True)
        ]
        assert evaluate.failing(table)[0].to_pylist() == expected
        assert evaluate.failing(table.slice(1))[0].to_pylist() == expected[1:]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5) | st.none(), st.floats(-2, 2) | st.none()), max_size=40))
def test_the_verdicts_are_those_of_sql_logic(rows: list[tuple[int | None, float | None]]) -> None:
    table = pa.table(
        {
            "n": pa.array([n for n, _ in rows], pa.int32()),
            "x": pa.array([x for _, x in rows], pa.float64()),
        }
    )
    found = Rules([Rule("a", "n NOT BETWEEN -1 AND 3"), Rule("b", "n > 0 OR x < 0.5")]).failing(table)
    assert found[0].to_pylist() == [n is not None and not -1 <= n <= 3 for n, _ in rows]
    assert found[1].to_pylist() == [(n is not None and n > 0) or (x is not None and x < 0.5) for n, x in rows]


def test_a_worker_ends_quietly() -> None:
    code = (
        "import pyarrow as pa\n"
        "from pipeline.rules import Rules, check\n"
        "from pipeline.stage import Rule\n"
        "table = pa.table({'a': [1]})\n"
        "check([Rule('r', 'a > 0')], table.schema)\n"
        "held = Rules([Rule('r', 'a > 0')])\n"
        "print(held.failing(table)[0].to_pylist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr.strip(), done.returncode) == ("[True]", "", 0)
