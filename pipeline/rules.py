"""Rules: named SQL predicates, checked while planning and evaluated by DuckDB over Arrow tables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from pipeline import predicate, steps
from pipeline.errors import PlanError
from pipeline.faults import Faults, nearest
from pipeline.marks import Mark
from pipeline.predicate import PredicateError, bracket, reason
from pipeline.stage import Rule

TABLE = "documents"
MAX_LISTED = 20  # columns in a message
MAX_SQL = 200  # characters of a predicate in a message
_NO_COLUMNS = pa.table({"": pa.nulls(1, pa.bool_())})


def columns_of(drop_if: str) -> set[str]:
    """The columns that a predicate names. Raises PredicateError where it is not a predicate."""
    return set(predicate.parse(drop_if).columns)


def check(
    rules: Sequence[Rule],
    schema: pa.Schema,
    file: str | None = None,
    line: int | None = None,
    lines: Mapping[str, Mark] | None = None,
) -> None:
    """Checks that each rule is a yes-or-no question about one row of `schema`.

    Raises one PlanError that names all faults: for each the rule, what is wrong and the remedy.
    `lines` says where a rule stands; `file` and `line`, where those stand that it does not name.
    """
    faults = Faults()
    for rule in rules:
        problem = _problem(rule, schema)
        if problem:
            mark = (lines or {}).get(rule.name)
            at = (file, line) if mark is None else (mark.file, mark.line)
            faults.absorb(PlanError(f"{_named(rule)}: {problem}", *at))
    faults.stop()


def _named(rule: Rule) -> str:
    """The rule as a message names it, in one line."""
    sql = " ".join(rule.drop_if.split())
    return f"rule {rule.name!r} ({sql if len(sql) <= MAX_SQL else sql[:MAX_SQL] + '…'})"


def _problem(rule: Rule, schema: pa.Schema) -> str:
    """What is wrong with the rule, "" for nothing."""
    try:
        kind = typed(rule.drop_if, schema)
    except PredicateError as fault:
        return str(fault)
    return "" if kind == "BOOLEAN" else f"it gives {kind}; expected a condition, true where to drop"


def typed(sql: str, schema: pa.Schema) -> str:
    """The SQL type of an expression over one row of `schema`. Raises PredicateError: what is wrong with it,
    and the remedy."""
    try:
        names = predicate.parse(sql).columns
    except PredicateError as fault:
        raise PredicateError(_reserved(str(fault), sql, schema)) from fault
    for name in names:
        if name not in schema.names:
            raise PredicateError(_unknown(name, sql, schema))
        if sum(name.casefold() == other.casefold() for other in schema.names) > 1:
            raise PredicateError(f"SQL does not tell column {name!r} from another that differs by case only")
    # One row of nulls, as an expensive stage leaves where it did not measure: what cannot be
    # decided for it (a constant that is no number) could not be decided for a document either.
    nulls = [pa.nulls(1, schema.field(name).type) for name in names]
    connection = predicate.shared()
    _register(connection, pa.table(nulls, names=list(names)) if names else _NO_COLUMNS)
    try:
        connection.execute(f"SELECT {bracket(sql)} FROM {TABLE}").fetchall()
    except duckdb.Error as fault:
        raise PredicateError(reason(fault)) from fault
    return str(connection.description[0][1])


def _reserved(problem: str, sql: str, schema: pa.Schema) -> str:
    """A syntax error is often a column whose name is a word of SQL's own."""
    for name in sorted(predicate.reserved() & set(schema.names)):
        if "syntax error" in problem and re.search(rf'(?<!["\w]){name}(?!["\w])', sql):
            return f'{problem}; {name} is a word of SQL: the column is written "{name}", in double quotes'
    return problem


def _unknown(name: str, sql: str, schema: pa.Schema) -> str:
    adding = steps.adding(name)
    if adding:
        return f"there is no column {name!r} yet; the step {adding[0]!r} adds it: put it before"
    close = nearest(name, schema.names)
    if close:
        return f"there is no column {name!r}; did you mean {' or '.join(map(repr, close))}?"
    if f'"{name}"' in sql:
        return f"there is no column {name!r}; text stands in single quotes: '{name}'"
    more = len(schema.names) - MAX_LISTED
    listed = ", ".join(schema.names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
    return f"there is no column {name!r}; there are {listed or 'none'}"


class _Stream:
    """What DuckDB scans: the table that is set at the time of the query, so that a prepared
    statement serves every batch."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def _register(connection: Any, table: pa.Table) -> _Stream:
    stream = _Stream(table)
    connection.register(TABLE, stream)
    return stream


class Rules:
    """Evaluates rules over tables: one prepared DuckDB statement, one per worker.

    `lines` says where each rule stands, for the message when one cannot be evaluated.
    """

    def __init__(self, rules: Sequence[Rule], lines: Mapping[str, Mark] | None = None) -> None:
        self._rules = tuple(rules)
        self._lines = dict(lines or {})
        self._connection = predicate.connect()
        columns = dict.fromkeys(name for rule in rules for name in predicate.parse(rule.drop_if).columns)
        self._columns = list(columns)
        self._schema: pa.Schema | None = None
        self._stream: _Stream | None = None

    def failing(self, table: pa.Table) -> list[pa.BooleanArray]:
        """Per rule a boolean array of the table's length, true where it drops the row; no nulls.

        A predicate that is null keeps the row. Raises PlanError for a predicate that a row makes
        impossible to evaluate (a cast of text that is no number).
        """
        if not self._rules:
            return []
        needed = self._needed(table)
        if self._stream is None or not needed.schema.equals(self._schema):
            self._prepare(needed)
        assert self._stream is not None
        self._stream.table = needed
        try:
            verdicts = self._connection.execute("EXECUTE verdicts").fetchnumpy()
        except duckdb.Error as fault:
            raise self._explain(needed, fault) from fault
        finally:
            self._stream.table = needed.slice(0, 0)  # the batch is not kept alive
        return [pa.array(verdicts[f"r{at}"], pa.bool_()) for at in range(len(self._rules))]

    def _needed(self, table: pa.Table) -> pa.Table:
        if self._columns:
            return table.select(self._columns)
        return pa.table({_NO_COLUMNS.column_names[0]: pa.nulls(table.num_rows, pa.bool_())})

    def _prepare(self, needed: pa.Table) -> None:
        verdicts = ", ".join(f"{_verdict(rule)} AS r{at}" for at, rule in enumerate(self._rules))
        self._stream = _register(self._connection, needed.slice(0, 0))
        self._schema = needed.schema
        self._connection.execute(f"PREPARE verdicts AS SELECT {verdicts} FROM {TABLE}")

    def _explain(self, needed: pa.Table, fault: duckdb.Error) -> Exception:
        """Names the rule that cannot be evaluated over the rows of `needed`."""
        for rule in self._rules:
            _register(self._connection, needed)
            try:
                self._connection.execute(f"SELECT {_verdict(rule)} FROM {TABLE}").fetchnumpy()
            except duckdb.Error as own:
                mark = self._lines.get(rule.name)
                return PlanError(
                    f"{_named(rule)}: cannot be evaluated for a document: "
                    f"{reason(own)}; use TRY_CAST, or TRY(…), which is null and keeps the document",
                    None if mark is None else mark.file,
                    None if mark is None else mark.line,
                )
        return fault


def _verdict(rule: Rule) -> str:
    return f"coalesce({bracket(rule.drop_if)}, false)"
