"""DuckDB over the files of a finished run, and the pieces of SQL that what-if is made of."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from pipeline import store
from pipeline.account import Account, Part
from pipeline.errors import PlanError, StoreError
from pipeline.layer_views import parquet
from pipeline.predicate import bracket, parse, reason
from pipeline.stage import Rule
from pipeline.whatif_unknown import NEVER, Conditions, quote, sql

NAMES = ("source", "unit", "row", "id", "language", "tokens", "counted")
DELTA = (
    "source VARCHAR, unit VARCHAR, row BIGINT, id VARCHAR, language VARCHAR, tokens BIGINT, counted BOOLEAN, "
    "was BOOLEAN, lo BOOLEAN, hi BOOLEAN, odds DOUBLE"
)
UNHEARD = "not measured yet"  # instead of a language
ABOUT = "_about_"  # a document's own facts, beside the columns that rules read
OF_ABOUT = ", ".join(name if name in ("unit", "row") else f"{ABOUT}.{name}" for name in NAMES)


class Tables:
    """A connection with the views `kept_0`, `lost_0` … of the sources and `labels_0` … of the layers.

    Nothing is written but what DuckDB cannot hold in memory, to the folder for temporary files.
    """

    def __init__(self, run: Account) -> None:
        self.run = run
        self.connection = duckdb.connect(config={"temp_directory": tempfile.mkdtemp(prefix="winnow-")})
        self.connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
        if not store.is_local(run.root):
            self.connection.register_filesystem(store.file_system(run.root)[0])
        self.types: dict[str, str] = {}
        for at, part in enumerate(run.sources):
            self._view(f"kept_{at}", part, "documents")
            self._view(f"lost_{at}", part, "dropped")
        for at, part in enumerate(run.layers):
            self._view(f"labels_{at}", part, "labels")
        self._tokens()

    def _view(self, name: str, part: Part, folder: str) -> None:
        self.query(f"CREATE VIEW {name} AS SELECT * FROM {self.files(part, folder, part.units)}")
        for column, kind, *_ in self.query(f"DESCRIBE {name}"):
            self.types.setdefault(column, kind)

    def files(self, part: Part, folder: str, units: Iterable[str]) -> str:
        """The rows of some units, SQL."""
        paths = (store.join(self.run.root, part.folder, folder, f"{unit}.parquet") for unit in units)
        return parquet(paths, union=False)

    def query(self, query: str) -> list[Any]:
        """All rows of the answer. StoreError where a file is gone or damaged."""
        try:
            return self.connection.execute(query).fetchall()
        except (duckdb.IOException, duckdb.InvalidInputException) as fault:
            raise StoreError(
                f"{self.run.root}: cannot be read: {str(fault).splitlines()[0]}; if a file is damaged or "
                "gone, remove that unit's file in `units` and start the run again"
            ) from fault

    def evaluate(self, query: str, part: str, rules: Sequence[Rule]) -> None:
        """Runs a query that holds the rules' predicates. PlanError where a row has no answer to one."""
        try:
            self.query(query)
        except (
            duckdb.ConversionException,
            duckdb.OutOfRangeException,
            duckdb.InvalidInputException,
        ) as fault:
            names = " or ".join(rule.name for rule in rules)
            raise PlanError(
                f"rule {names} ({part}): cannot be evaluated for a document: {reason(fault)}; use TRY_CAST, "
                "or TRY(…), which is null and keeps the document"
            ) from fault

    def language(self, at: int) -> str:
        """The column of source `at` that tells the language, SQL."""
        names = self.run.sources[at].columns.names
        there = [name for name in ("language", "stated_language") if name in names]
        return there[0] if there else "NULL::VARCHAR"

    def rows(self, at: int, uncounted: str = "false", unheard: str = "false") -> str:
        """The facts `NAMES` of the rows of a source's view, SQL.

        uncounted, unheard   that the tokens and the language of a row are not known, SQL
        """
        language = self.language(at)
        if unheard != "false":
            language = f"CASE WHEN {unheard} THEN {text(UNHEARD)} ELSE {language} END"
        return (
            f"{text(self.run.sources[at].name)} AS source, unit, row, id, {language} AS language, "
            f"coalesce(tokens, 0) AS tokens, NOT {uncounted} AS counted"
        )

    def _tokens(self) -> None:
        """The table `recounted`: tokens of documents whose text layers edit, as the last one leaves it."""
        edits = [
            f"SELECT unit, row, tokens, {at} AS layer FROM labels_{at} WHERE tokens IS NOT NULL"
            for at, part in enumerate(self.run.layers)
            if "tokens" in part.edits
        ]
        self._recounted = bool(edits)
        if edits:
            self.query(
                "CREATE TEMP TABLE recounted AS SELECT unit, row, arg_max(tokens, layer) AS recounted "
                f"FROM ({' UNION ALL '.join(edits)}) GROUP BY unit, row"
            )

    def stored(self, columns: Iterable[str] = (), edited: bool = True) -> str:
        """Documents that their sources keep: unit, row, facts as `ABOUT`, and the columns asked for; SQL.

        The columns are as the sources store them. The tokens of the facts are those in the end; with
        `edited` false, they are as the sources store them too.
        """
        asked = [name for name in columns if name not in ("unit", "row")]
        recounted = edited and self._recounted
        joined = " LEFT JOIN recounted USING (unit, row)" if recounted else ""
        tokens = "coalesce(recounted, tokens, 0)" if recounted else "coalesce(tokens, 0)"
        parts = []
        for at, part in enumerate(self.run.sources):
            more = "".join(f", {self.column(part, name)}" for name in asked)
            facts = (
                f"{{source: {text(part.name)}, id: id, language: {self.language(at)}, "
                f"tokens: {tokens}, counted: true}}"
            )
            parts.append(f"SELECT unit, row, {facts} AS {ABOUT}{more} FROM kept_{at}{joined}")
        return "(" + " UNION ALL ".join(parts) + ")"

    def column(self, part: Part, name: str) -> str:
        """A column of a part, null where it has none of that name; SQL."""
        there = name in part.columns.names or name in ("unit", "row")
        return quote(name) if there else f"NULL::{self.types[name]} AS {quote(name)}"


def text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def listed(values: Iterable[str]) -> str:
    """A list of texts in SQL."""
    given = ", ".join(map(text, values))
    return f"[{given}]" if given else "[]::VARCHAR[]"


def any_of(rules: Iterable[Rule], unknown: Mapping[str, Conditions] | None = None) -> str:
    """That one of the rules drops a row, for all that is known; SQL. Null keeps, as in a run."""
    each = []
    for rule in rules:
        conditions = (unknown or {}).get(rule.name, NEVER)
        known = f" AND NOT {sql(conditions)}" if conditions else ""
        each.append(f"(coalesce({bracket(rule.drop_if)}, false){known})")
    return "(" + " OR ".join(each) + ")" if each else "false"


def beside(tables: Tables, layers: Sequence[Part], at: int, labels: str, rules: Sequence[Rule]) -> str:
    """Labels of layer `at` beside the columns that rules read of the documents and of layers before; SQL.

    labels   the view `labels_{at}`, or a table like it
    """
    wanted = dict.fromkeys(name for rule in rules for name in parse(rule.drop_if).columns)
    own = layers[at]
    joined = ""
    found = {"unit", "row", *own.columns.names}
    new: dict[str, list[str]] = {}
    for number, layer in enumerate(layers[:at]):
        asked = [name for name in wanted if name in layer.columns.names]
        found |= set(asked)
        columns = [*map(quote, asked), *_renamed(layer, number, wanted, new)]
        if columns:
            listed = ", ".join(columns)
            joined += f" JOIN (SELECT unit, row, {listed} FROM labels_{number}) USING (unit, row)"
    if own.edits:
        columns = [f"* EXCLUDE ({', '.join(own.edits)})", *_renamed(own, at, wanted, new)]
        labels = f"(SELECT {', '.join(columns)} FROM {labels})"
    stored = tables.stored(name for name in wanted if name not in found)
    values = [f"coalesce({', '.join([*reversed(each), name])}) AS {name}" for name, each in new.items()]
    replaced = f" REPLACE ({', '.join(values)})" if values else ""
    return f"(SELECT *{replaced} FROM {labels} JOIN {stored} USING (unit, row){joined})"


def _renamed(layer: Part, at: int, wanted: Iterable[str], new: dict[str, list[str]]) -> list[str]:
    """The wanted columns that a layer edits, under names of their own, which are added to `new`; SQL."""
    columns = []
    for name in wanted:
        if name in layer.edits:
            columns.append(f"{name} AS _{name}_{at}")
            new.setdefault(name, []).append(f"_{name}_{at}")
    return columns
