"""What a rule's SQL may say, and what it cannot reach."""

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import predicate, rules
from pipeline.errors import PlanError
from pipeline.predicate import PredicateError
from pipeline.stage import Rule

TABLE = pa.table(
    {
        "text": ["one", "two"],
        "words": [1, 60],
        "share": [0.25, None],
        "flag": [True, None],
        "tags": [["a"], []],
        "date": pa.array([None, 0], pa.timestamp("us")),
        "page": [{"title": "x"}, {"title": "y"}],
        "offset": [0, 10],
        "case": ["a", "b"],
        "odd name": [1, 2],
        'with "quotes"': [1, 2],
    }
)
SECRET = "in a Python variable"


def verdict(sql: str) -> list[bool]:
    """Checks and evaluates a predicate as a run does."""
    rule = Rule("rule", sql)
    rules.check([rule], TABLE.schema)
    (mask,) = rules.Rules([rule]).failing(TABLE)
    assert mask.null_count == 0 and len(mask) == len(TABLE)
    return [bool(value) for value in mask.to_pylist()]


def test_an_empty_predicate() -> None:
    for sql in ("", "  ", "\n", "-- only a comment", "/* the same */"):
        with pytest.raises(PredicateError, match="empty"):
            predicate.parse(sql)


@pytest.mark.parametrize(
    ("sql", "columns", "drops"),
    [
        ("words < 50", {"words"}, [True, False]),
        ("words NOT BETWEEN 50 AND 100000", {"words"}, [True, False]),
        ("share > 0.1", {"share"}, [True, False]),
        ("NOT share > 0.1", {"share"}, [False, False]),
        ("share IS NULL", {"share"}, [False, True]),
        ("flag", {"flag"}, [True, False]),
        ("words < 50 OR share > 1 -- as the paper has it", {"words", "share"}, [True, False]),
        ("/* a */ words < 50", {"words"}, [True, False]),
        ("words IN (1, 2)", {"words"}, [True, False]),
        ("text LIKE 'o%'", {"text"}, [True, False]),
        ("regexp_matches(text, '^t')", {"text"}, [False, True]),
        ("UPPER(text) = 'TWO'", {"text"}, [False, True]),
        ("len(tags) = 0", {"tags"}, [False, True]),
        ("list_contains(tags, 'a')", {"tags"}, [True, False]),
        ("len([x for x in tags if x = 'a']) > 0", {"tags"}, [True, False]),
        ("len(list_filter(tags, lambda text: text = 'a')) > 0", {"tags"}, [True, False]),
        ("len(list_filter(tags, lambda t: t = text)) > 0", {"tags", "text"}, [False, False]),
        ("list_reduce([words, 1], lambda a, b: a + b) > 10", {"words"}, [False, True]),
        ("page.title = 'x'", {"page"}, [True, False]),
        ("page['title'] = 'x'", {"page"}, [True, False]),
        ("date < '2000-01-01'", {"date"}, [False, True]),
        ("date::TIMESTAMPTZ = '1970-01-01 00:00:00+00'", {"date"}, [False, True]),
        ("year(date) = 1970", {"date"}, [False, True]),
        ("age(date, date) > INTERVAL 1 day", {"date"}, [False, False]),
        ('"offset" > 5', {"offset"}, [False, True]),
        ('"odd name" > 1', {"odd name"}, [False, True]),
        ('"with ""quotes""" > 1', {'with "quotes"'}, [False, True]),
        ("\"case\" = 'b'", {"case"}, [False, True]),
        ("text = '; DROP TABLE documents; --'", {"text"}, [False, False]),
        ("text = 'it''s'", {"text"}, [False, False]),
        ("CASE WHEN words > 2 THEN flag ELSE true END", {"words", "flag"}, [True, False]),
        ("coalesce(share, 1) >= 1", {"share"}, [False, True]),
        ("TRY_CAST(text AS INTEGER) > 1", {"text"}, [False, False]),
        ("if(words > 2, true, false)", {"words"}, [False, True]),
        ("nullif(words, 1) > 1", {"words"}, [False, True]),
        ("split_part(text, 'w', 1) = 't'", {"text"}, [False, True]),
        ("list_sum([words, 1]) > 2", {"words"}, [False, True]),
        ("true", set(), [True, True]),
        ("1 > 2", set(), [False, False]),
    ],
)
def test_what_a_rule_may_say(sql: str, columns: set[str], drops: list[bool]) -> None:
    assert rules.columns_of(sql) == columns
    assert verdict(sql) == drops


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        # More than one expression.
        ("words < 50; SELECT 1", "several statements"),
        ("words < 50; DROP TABLE documents", "several statements"),
        ("words < 50;", "without ';'"),
        ("words < 50, flag", "more than one expression"),
        ("words < 50 AS short", "more than one expression"),
        ("short: words < 50", "more than one expression"),
        ("flag FROM documents", "more than one expression"),
        ("flag WHERE words > 1", "more than one expression"),
        ("flag GROUP BY ALL", "more than one expression"),
        ("flag HAVING true", "more than one expression"),
        ("flag QUALIFY true", "more than one expression"),
        ("flag ORDER BY random()", "more than one expression"),
        ("flag LIMIT 1", "more than one expression"),
        ("flag USING SAMPLE 1", "more than one expression"),
        ("flag UNION SELECT true", "more than one expression"),
        ("DISTINCT flag", "more than one expression"),
        ("ALL flag", "not one expression"),
        ("words < 5) OR (words > 7", "syntax error"),
        ("words < 50 /* open", "unterminated"),
        ("words < 'open", "unterminated"),
        ("words <", "syntax error"),
        ("SELECT true", "syntax error"),
        ("COPY documents TO 'x'", "more than one expression|syntax error"),
        # More than one row.
        ("words > (SELECT 1)", "subquery"),
        ("words IN (SELECT 1)", "subquery"),
        ("EXISTS (FROM documents)", "subquery"),
        ("words > ANY([1, 2])", "subquery"),
        ("words > avg(words)", "avg.. is an aggregate"),
        ("count(*) > 1", "count.*is an aggregate"),
        ("bool_or(flag) FILTER (WHERE flag)", "FILTER"),
        ("count(DISTINCT words) > 1", "DISTINCT"),
        ("row_number() OVER () > 1", "window"),
        ("lag(words) OVER (ORDER BY words) > 1", "window"),
        ("lag(words) > 1", "aggregate"),
        ("weighted_avg(words, words) > 1", "aggregate"),
        ("unnest(tags) = 'a'", "not a function of a row"),
        ("generate_subscripts(tags, 1) > 1", "not a function of a row"),
        ("GROUPING(words) = 1", "cannot be used"),
        # Names that are none.
        ("*", "COLUMNS"),
        ("COLUMNS(*) > 1", "COLUMNS"),
        ("documents.* > 1", "COLUMNS"),
        ("#1 > 1", "name the column"),
        ("words > ?", "parameter"),
        ("words > $1", "parameter"),
        ("words > $name", "parameter"),
        ("text.lower() = 'x'", "write lower"),
        ("lenght(text) > 1", "did you mean 'length'"),
        ("no_such_thing_at_all(text)", "nothing is named like it"),
        # Another answer tomorrow.
        ("random() < 0.5", "not the same every time"),
        ("uuid() = text", "not the same every time"),
        ("now() > date", "not the same every time"),
        ("NOW() > date", "not the same every time"),
        ("today() > date", "not the same every time"),
        ("current_date > date", "depends on the time"),
        ("CURRENT_TIMESTAMP > date", "depends on the time"),
        ("localtime > '10:00'", "depends on the time"),
        ("current_localtimestamp() > date", "depends on the time"),
        ("age(date) > INTERVAL 1 day", "depends on the time"),
        ("ago(INTERVAL 1 day) > date", "depends on the time"),
        ("pg_postmaster_start_time() > date", "depends on the time"),
        ("nextval('x') > 1", "not the same every time"),
        ("txid_current() > 1", "not the same every time"),
        ("version() = 'x'", "depends on the installation"),
        ("list_aggregate(tags, 'reservoir_quantile', 0.5) > 1", "any aggregate"),
        # Beyond the row.
        ("getenv('HOME') = 'x'", "unknown function"),
        ("getvariable('x') = 1", "not the same every time"),
        ("current_setting('threads') = '1'", "not the same every time"),
        ("current_query() = 'x'", "not the same every time"),
        ("current_database() = 'x'", "not the same every time"),
        ("read_text('/etc/hostname') = 'x'", "not a function of a row"),
        ("read_csv('x') = 'x'", "not a function of a row"),
        ("query('SELECT 1') = 1", "not a function of a row"),
        ("glob('*') = 'x'", "not a function of a row"),
        ("duckdb_settings() = 'x'", "not a function of a row"),
        ("pg_get_viewdef(1) = 'x'", "subquery"),
        ("get_block_size('x') = 1", "subquery"),
        ("format_type(1, 1) = 'x'", "subquery"),
        ("json_serialize_plan('SELECT 1') = 'x'", "plans a query"),
        ("sleep_ms(10) IS NULL", "not the same every time"),
        ("pg_sleep(10) IS NULL", "not the same every time"),
        ("error('x') IS NULL", "gives no value but ends the run"),
        ("assert_true(flag) IS NULL", "not the same every time"),
        ("write_log('x') IS NULL", "not the same every time"),
        ("__internal_barrier(1) = 1", "not a function of a row"),
        # Too much.
        ("NOT " * 2000 + "flag", "nested too deeply"),
        ("words < 50 " + "OR words < 50 " * 2000, "characters"),
    ],
)
def test_what_a_rule_may_not_say(sql: str, words: str) -> None:
    with pytest.raises(PredicateError, match=words):
        predicate.parse(sql)
    with pytest.raises(PlanError, match="rule 'rule'"):
        rules.check([Rule("rule", sql)], TABLE.schema)
    with pytest.raises(PredicateError):
        rules.Rules([Rule("rule", sql)])


def test_every_function_that_is_not_stable_is_refused() -> None:
    query = (
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type = 'scalar' AND stability <> 'CONSISTENT'"
    )
    rows = predicate.connect().execute(query).fetchall()
    assert len(rows) > 10
    for (name,) in rows:
        with pytest.raises(PredicateError):
            predicate.parse(f'"{name}"(words) IS NULL')


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '{folder}/stolen.csv'",
        "FROM read_text('{folder}/file.txt')",
        "FROM read_csv('{folder}/file.txt')",
        "FROM '{folder}/file.txt'",
        "FROM glob('{folder}/*')",
        "ATTACH '{folder}/other.db'",
        "EXPORT DATABASE '{folder}/other'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{folder}/file.txt'",
        "FROM python_table",
        "SET enable_external_access = true",
        "SET threads = 8",
        "SET TimeZone = 'Europe/Paris'",
        "RESET lock_configuration",
        "SET lock_configuration = false",
        "PRAGMA threads = 8",
        "SELECT getenv('HOME')",
    ],
)
def test_the_connection_can_do_nothing_else(query: str, tmp_path: Path) -> None:
    """Were a predicate ever to slip through, this is what would stop it."""
    (tmp_path / "file.txt").write_text("secret")
    python_table = pa.table({"secret": [SECRET]})
    with pytest.raises(duckdb.Error):
        predicate.connect().execute(query.format(folder=tmp_path)).fetchall()
    assert python_table and os.listdir(tmp_path) == ["file.txt"]


def test_the_host_says_nothing_about_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert verdict("date::TIMESTAMPTZ::VARCHAR LIKE '1970-01-01 00:00:00%'") == [False, True]


# Of a clock's name DuckDB does not say whether it was quoted: a column of that name is refused.
CLOCKS = ("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=12).filter(lambda name: "\0" not in name and name.lower() not in CLOCKS))
def test_any_column_name_can_be_written_in_quotes(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    table = pa.table({name: [1, 2]})
    rule = Rule("rule", f"{quoted} > 1")
    assert rules.columns_of(rule.drop_if) == {name}
    rules.check([rule], table.schema)
    assert rules.Rules([rule]).failing(table)[0].to_pylist() == [False, True]


TOKENS = [*"()[]{},;.*+-<>=!?$#'\"|&~:", "--", "/*", "*/", "$$", "\n", " ", "words", "flag", "text", "x"]
TOKENS += ["SELECT", "FROM", "documents", "AND", "NOT", "NULL", "IN", "AS", "CASE", "WHEN", "END", "lambda"]
TOKENS += ["now()", "random()", "count(*)", "1", "0.5", "'a'", '"flag"', "::", "INT", "OVER", "UNION", "ALL"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=9).map(" ".join))
def test_any_text_is_refused_or_gives_one_verdict_per_row(sql: str) -> None:
    rule = Rule("rule", sql)
    try:
        rules.check([rule], TABLE.schema)
    except PlanError as fault:
        assert "rule 'rule'" in fault.message
        return
    assert rules.columns_of(sql) <= set(TABLE.column_names)
    try:
        verdict(sql)
    except PlanError as fault:
        assert "cannot be evaluated" in fault.message
