"""A number for every document, by an SQL expression over its own columns."""

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

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL(\(.*\))?|DOUBLE|FLOAT|BIGNUM")


def not_a_number(sql: str, schema: pa.Schema) -> str:
    """What is wrong with an expression that should give a number for a row of `schema`, "" for nothing."""
    try:
        kind = typed(sql, schema)
    except PredicateError as fault:
        return str(fault)
    number = _NUMBER.fullmatch(kind) is not None
    remedy = f", as by CAST({sql} AS DOUBLE)" if kind == "VARCHAR" else ""
    return "" if number else f"it gives {kind}; expected a number{remedy}"


class Numbers:
    """Evaluates an expression that `not_a_number` has nothing against, over tables."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self.columns = predicate.parse(sql).columns
        self._connection = predicate.connect()

    def of(self, table: pa.Table) -> NDArray[np.float64]:
        """The numbers, [n]; NaN where there is none. PlanError where a row makes it impossible to say."""
        rows = pa.array(np.arange(len(table)))  # a table without columns has no rows
        self._connection.register(TABLE, table.select(list(self.columns)).append_column("", rows))
        query = f"SELECT CAST({bracket(self._sql)} AS DOUBLE) AS number FROM {TABLE}"
        try:
            found: Any = self._connection.execute(query).fetchnumpy()["number"]
        except duckdb.Error as fault:
            raise PlanError(
                f"({self._sql}) cannot be evaluated: {reason(fault)}; use TRY_CAST, or TRY(…)"
            ) from fault
        finally:
            self._connection.unregister(TABLE)
        return np.ma.filled(np.ma.asarray(found, np.float64), np.nan)
