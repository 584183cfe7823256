"""A number or a label for every document, by an SQL expression over its own columns."""

import re
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import predicate
from pipeline.errors import PlanError
from pipeline.predicate import PredicateError, bracket, reason
from pipeline.rules import TABLE, typed

_WHOLE = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER"
_NUMBER = re.compile(rf"{_WHOLE}|DECIMAL(\(.*\))?|DOUBLE|FLOAT|BIGNUM")
_LABEL = re.compile(rf"{_WHOLE}|VARCHAR|BOOLEAN|DATE|ENUM\(.*\)", re.DOTALL)


def not_a_number(sql: str, schema: pa.Schema) -> str:
    """What is wrong with an expression that should give a number for a row of `schema`, "" for nothing."""
    try:
        kind = typed(sql, schema)
    except PredicateError as fault:
        return str(fault)
    number = _NUMBER.fullmatch(kind) is not None
    remedy = f", as by CAST({sql} AS DOUBLE)" if kind == "VARCHAR" else ""
    return "" if number else f"it gives {kind}; expected a number{remedy}"


def not_a_label(sql: str, schema: pa.Schema) -> str:
    """What is wrong with an expression that should give a label for a row of `schema`, "" for nothing."""
    try:
        kind = typed(sql, schema)
    except PredicateError as fault:
        return str(fault)
    return (
        "" if _LABEL.fullmatch(kind) else f"it gives {kind}; expected text, a whole number or true and false"
    )


class Numbers:
    """Evaluates an expression that `not_a_number` has nothing against, over tables."""

    def __init__(self, sql: str) -> None:
        self._expression = _Expression(sql, "DOUBLE")
        self.columns = self._expression.columns

    def of(self, table: pa.Table) -> NDArray[np.float64]:
        """The numbers, [n]; NaN where there is none. PlanError where a row makes it impossible to say."""
        found: Any = self._expression.of(table).to_numpy(zero_copy_only=False)
        return np.asarray(found, np.float64)


class Labels:
    """Evaluates an expression that `not_a_label` has nothing against, over tables."""

    def __init__(self, sql: str) -> None:
        self._expression = _Expression(sql, "VARCHAR")
        self.columns = self._expression.columns

    def of(self, table: pa.Table) -> pa.Array:
        """The labels as text, [n]; null where there is none. PlanError where a row makes it impossible to
        say."""
        return self._expression.of(table)


class _Expression:
    """An expression and a connection on which it is evaluated."""

    def __init__(self, sql: str, kind: str) -> None:
        self._sql, self._kind = sql, kind
        self.columns = predicate.parse(sql).columns
        self._connection = predicate.connect()

    def of(self, table: pa.Table) -> pa.Array:
        rows = pa.array(np.arange(len(table)))  # a table without columns has no rows
        self._connection.register(TABLE, table.select(list(self.columns)).append_column("", rows))
        query = f"SELECT CAST({bracket(self._sql)} AS {self._kind}) AS found FROM {TABLE}"
        try:
            found = self._connection.sql(query).to_arrow_table()
        except duckdb.Error as fault:
            raise PlanError(
                f"({self._sql}) cannot be evaluated: {reason(fault)}; use TRY_CAST, or TRY(…)"
            ) from fault
        finally:
            self._connection.unregister(TABLE)
        return found.column("found").combine_chunks()
