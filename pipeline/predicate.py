"""What a rule's SQL may say: one expression over a row's own columns, with the same answer always.

DuckDB parses the predicate; its syntax tree is walked here, and what could read a file, look at
another row, or give another answer tomorrow is refused before anything is bound or run.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from pipeline.faults import choose

MAX_LENGTH = 10_000  # characters
MAX_REASON = 200  # characters of DuckDB's message, which may quote a whole document
MAX_KIND = 30  # characters of "Invalid Input Error:" and the like
_HEAD = "SELECT "

# What winnow sets on every connection: no files, no network, no extensions, no Python variables,
# one thread (rows keep their order), and nothing of it can be changed again.
_SETTINGS = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "1",
}

_EXPRESSIONS = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "OPERATOR",
    "TYPE",
}
_REFUSED = {
    "SUBQUERY": "a subquery: one row is seen at a time (write a = 1 OR a = 2, or a IN (1, 2))",
    "WINDOW": "a window function: one row is seen at a time",
    "STAR": "'*' or COLUMNS(): name the columns",
    "PARAMETER": "a parameter: write the value",
    "POSITIONAL_REFERENCE": "'#' and a number: name the column",
}
_OPERATORS_REFUSED = {"GROUPING_FUNCTION", "OPERATOR_UNPACK"}
_CLOCKS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

# DuckDB calls these consistent, but they are not functions of the row alone, or reach past it.
_FUNCTIONS_REFUSED = {
    "current_localtime": "it depends on the time of the run",
    "current_localtimestamp": "it depends on the time of the run",
    "version": "it depends on the installation",
    "json_serialize_plan": "it plans a query",
    "error": "it gives no value but ends the run; write NULL",
    **dict.fromkeys(
        ("aggregate", "array_aggr", "array_aggregate", "list_aggr", "list_aggregate"),
        "it takes the name of any aggregate; use list_sum, list_max and so on",
    ),
}

# What DuckDB says, and what it means in an expression.
_SEVERAL = "it holds several statements; expected one expression without ';'"
_SAID = (
    ("without selection list", "it is empty"),
    ("expression depth", "it is nested too deeply"),
    ("Only SELECT statements", _SEVERAL),
)


class PredicateError(ValueError):
    """A predicate that a rule may not have; the message says why."""


@dataclass(frozen=True)
class Predicate:
    """A predicate that may be run. `columns`: the columns that it names, as it spells them."""

    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Function:
    kinds: frozenset[str]
    stable: bool
    bodies: tuple[tuple[tuple[str, ...], str], ...]
    """Of a macro: parameters and definition of each form."""


def connect() -> duckdb.DuckDBPyConnection:
    """A private in-memory database that can evaluate expressions and do nothing else."""
    connection = duckdb.connect(":memory:", config=dict(_SETTINGS))
    connection.execute("SET TimeZone = 'UTC'")  # an extension's own setting: only known by now
    connection.execute("SET lock_configuration = true")
    return connection


@cache
def parse(sql: str) -> Predicate:
    """Parses a predicate. Raises PredicateError."""
    if len(sql) > MAX_LENGTH:
        raise PredicateError(f"it has {len(sql)} characters; at most {MAX_LENGTH} are allowed")
    try:
        expression = _expression(f"{_HEAD}{sql}")
        _same_inside_brackets(sql, expression)
        columns = dict.fromkeys(_columns(expression, frozenset()))
        _check_functions(expression)
    except RecursionError:
        raise PredicateError("it is nested too deeply") from None
    return Predicate(sql, tuple(columns))


def check_expression(sql: str) -> None:
    """Raises PredicateError unless this is one expression, which may look at other rows and tables, and has
    the same value whenever it is asked for."""
    try:
        expression = _expression(f"{_HEAD}{sql}")
        _same_inside_brackets(sql, expression)
    except RecursionError:
        raise PredicateError("it is nested too deeply") from None
    for call in _calls(expression):
        function_name = call["function_name"].casefold()
        function = _functions().get(function_name)
        if function is not None and not function.stable:
            why = _FUNCTIONS_REFUSED.get(function_name, "it is not the same every time it is asked for")
            raise PredicateError(f"{function_name}() cannot be used: {why}")


def _expression(query: str) -> dict[str, Any]:
    """The syntax tree of the one expression of `query`."""
    try:
        ((serialized,),) = shared().execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    except duckdb.Error as fault:
        raise PredicateError(reason(fault)) from None
    parsed = json.loads(serialized)
    if parsed["error"]:
        raise PredicateError(_shown(parsed["error_message"]))
    if len(parsed["statements"]) != 1:
        raise PredicateError(_SEVERAL)
    node = parsed["statements"][0]["node"]
    plain = {"modifiers": [], "cte_map": {"map": []}, "group_expressions": [], "group_sets": []}
    empty = ("where_clause", "having", "sample", "qualify")
    if (
        node["type"] != "SELECT_NODE"
        or node["from_table"]["type"] != "EMPTY"
        or node["aggregate_handling"] != "STANDARD_HANDLING"
        or any(node[key] != value for key, value in plain.items())
        or any(node[key] is not None for key in empty)
        or len(node["select_list"]) != 1
        or node["select_list"][0]["alias"]
    ):
        raise PredicateError("it is more than one expression (no FROM, WHERE, ',' or AS)")
    expression: dict[str, Any] = node["select_list"][0]
    return expression


def _same_inside_brackets(sql: str, expression: dict[str, Any]) -> None:
    """What will be run is the predicate in brackets: it must say the same as the predicate alone."""
    try:
        bracketed = _expression(f"{_HEAD}coalesce({bracket(sql)}, false)")
    except PredicateError as fault:
        raise PredicateError(f"it is not one expression without ';' ({fault})") from None
    if bracketed.get("type") != "OPERATOR_COALESCE" or _plain(bracketed["children"][0]) != _plain(expression):
        raise PredicateError("it is not one expression without ';'")


def bracket(sql: str) -> str:
    """The predicate as part of a larger expression; the line break ends a comment."""
    return f"({sql}\n)"


def _plain(tree: Any) -> Any:
    """The tree without positions."""
    if isinstance(tree, dict):
        return {key: _plain(each) for key, each in tree.items() if not key.startswith("query_location")}
    return [_plain(each) for each in tree] if isinstance(tree, list) else tree


def _columns(tree: Any, bound: frozenset[str]) -> Iterator[str]:
    """Names of the columns in the tree; `bound`: parameters of the lambdas around it."""
    if isinstance(tree, list):
        for each in tree:
            yield from _columns(each, bound)
        return
    if not isinstance(tree, dict):
        return
    kind = tree.get("class")
    if "node" in tree:
        raise PredicateError(f"it holds {_REFUSED['SUBQUERY']}")
    if kind is not None:
        _check_expression(tree, kind)
    if kind == "COLUMN_REF":
        name = tree["column_names"][0]
        if name.casefold() not in bound:
            yield name
        return
    if kind == "LAMBDA" and tree["syntax_type"] == "LAMBDA_KEYWORD":
        inner = {name.casefold() for name in _columns(tree["lhs"], frozenset())}
        yield from _columns(tree["expr"], bound | inner)
        return
    for each in tree.values():
        yield from _columns(each, bound)


def _check_expression(tree: dict[str, Any], kind: str) -> None:
    if kind in _REFUSED:
        raise PredicateError(f"it holds {_REFUSED[kind]}")
    if kind not in _EXPRESSIONS or tree["type"] in _OPERATORS_REFUSED:
        raise PredicateError(f"it holds {tree['type'].replace('_', ' ').lower()}, which cannot be used")
    if kind == "COLUMN_REF" and len(tree["column_names"]) == 1 and tree["column_names"][0].lower() in _CLOCKS:
        raise PredicateError(f"{tree['column_names'][0]} depends on the time of the run; write the date")
    if kind == "FUNCTION":
        name = tree["function_name"]
        if tree["schema"] or tree["catalog"]:
            raise PredicateError(f"write {name}(column), not {tree['schema']}.{name}(…)")
        if tree["distinct"] or tree["filter"] or tree["order_bys"]["orders"]:
            raise PredicateError(f"{name} has DISTINCT, FILTER or ORDER BY: one row is seen at a time")


def _check_functions(expression: dict[str, Any]) -> None:
    for call in _calls(expression):
        name = call["function_name"].casefold()
        if name in _FUNCTIONS_REFUSED:
            raise PredicateError(f"{name}() cannot be used: {_FUNCTIONS_REFUSED[name]}")
        if name == "age" and len(call["arguments"]) == 1:
            raise PredicateError("age() of one date depends on the time of the run; give it two")
        problem = _problem(name)
        if problem:
            raise PredicateError(problem)


@cache
def _problem(name: str) -> str:
    """Why a function cannot be used, "" where it can."""
    function = _functions().get(name)
    if function is None:
        known = [each for each, one in _functions().items() if one.kinds & {"scalar", "macro"}]
        return f"unknown function {name}(); {choose(name, sorted(known))}"
    if function.kinds & {"aggregate", "window"}:
        shown = "count(*)" if name == "count_star" else f"{name}()"
        return f"{shown} is an aggregate: one row is seen at a time"
    if not function.kinds <= {"scalar", "macro"} or name.startswith("__internal"):
        return f"{name}() cannot be used: it is not a function of a row's values"
    if not function.stable:
        return f"{name}() cannot be used: its result is not the same every time"
    for parameters, body in function.bodies:
        # A macro may do what its body may, and its body may name nothing but its parameters.
        try:
            tree = _expression(f"{_HEAD}{body}")
            free = set(_columns(_unqualified(tree), frozenset(parameters)))
        except PredicateError as fault:
            return f"{name}() cannot be used: {fault}"
        inner = {call["function_name"].casefold() for call in _calls(tree)} - {name}
        for problem in filter(None, map(_problem, sorted(inner))):
            return f"{name}() cannot be used: {problem}"
        if free:
            return f"{name}() cannot be used: it depends on {', '.join(sorted(free))}"
    return ""


def _unqualified(tree: Any) -> Any:
    """The tree of a macro of DuckDB's own, whose calls may say in which schema they look."""
    if isinstance(tree, dict):
        return {key: "" if key in ("schema", "catalog") else _unqualified(each) for key, each in tree.items()}
    return [_unqualified(each) for each in tree] if isinstance(tree, list) else tree


def _calls(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if tree.get("class") == "FUNCTION":
            yield tree
        for each in tree.values():
            yield from _calls(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from _calls(each)


@cache
def shared() -> duckdb.DuckDBPyConnection:
    """The connection that parses and plans; it holds no data. For one thread at a time."""
    return connect()


@cache
def _functions() -> dict[str, _Function]:
    rows = (
        shared()
        .execute(
            "SELECT lower(function_name), list(DISTINCT function_type), "
            "bool_and(coalesce(stability, 'CONSISTENT') = 'CONSISTENT'), "
            "list((parameters, macro_definition)) FILTER (function_type = 'macro') "
            "FROM duckdb_functions() GROUP BY 1"
        )
        .fetchall()
    )
    return {
        name: _Function(
            frozenset(kinds),
            stable,
            tuple((tuple(each.casefold() for each in parameters), body) for parameters, body in bodies or ()),
        )
        for name, kinds, stable, bodies in rows
    }


def reserved() -> frozenset[str]:
    """Words that SQL keeps for itself: a column of such a name stands in double quotes."""
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    return frozenset(name for (name,) in shared().execute(query).fetchall())


def reason(fault: duckdb.Error) -> str:
    """The first paragraph of DuckDB's message, without its kind and without the echo of the query."""
    lines = str(fault).partition("\nLINE ")[0].strip().splitlines()
    first = " ".join(line.strip() for line in lines if line.strip())
    kind, found, rest = first.partition(" Error: ")
    return _shown(rest if found and len(kind) < MAX_KIND else first)


def _shown(message: str) -> str:
    for words, said in _SAID:
        if words in message:
            return said
    return message if len(message) <= MAX_REASON else f"{message[:MAX_REASON]}…"
