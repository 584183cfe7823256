"""A stratified sample of a run's documents, the same whatever the run was cut into.

Within a stratum the documents come in the order of a hash of seed and id. So the sample does not hang on
units or workers, and a larger one holds the smaller one of the same seed, stratum by stratum.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from rich.console import Console

from pipeline import predicate, sql
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.layer_views import quote

MOST = 999_999  # documents: what DuckDB's min_by keeps
KEPT, DROPPED, BOTH = DOCUMENTS = ("kept", "dropped", "both")
EQUAL, PROPORTIONAL = ALLOCATIONS = ("equal", "proportional")
NONE = "none"  # in a stratum's name: no value

_BATCH = 256  # documents that are read at a time
_QUANTILES = re.compile(r"\s*quantiles\s*\((.*),\s*(\d{1,4})\s*\)\s*", re.IGNORECASE | re.DOTALL)
_FACTS = ("url", "path", "language")  # what a run may have or not
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Wanted:
    """What to draw.

    size         documents
    by           SQL expressions whose values make the strata; quantiles(EXPRESSION, N) makes N bins of about
                 as many documents. None: `source`, and `language` where the run has it
    where        SQL; documents for which it is not true are left out
    documents    kept, dropped or both
    allocation   equal: as many of each stratum, as far as it has them; proportional: its share of all
    """

    size: int
    by: tuple[str, ...] | None = None
    where: str = ""
    documents: str = KEPT
    allocation: str = EQUAL
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST:
            raise PlanError(f"--sample {self.size:,}: expected 1 to {MOST:,} documents")
        for option, value, known in (
            ("documents", self.documents, DOCUMENTS),
            ("allocation", self.allocation, ALLOCATIONS),
        ):
            if value not in known:
                raise PlanError(f"--{option} {value!r}: expected {', '.join(known[:-1])} or {known[-1]}")


@dataclass(frozen=True)
class Stratum:
    """`documents` of the run are in it, of which `taken` are in the sample."""

    name: str
    documents: int
    taken: int

    @property
    def weight(self) -> float:
        return self.documents / self.taken


@dataclass
class Sample:
    """The documents drawn; what stopped it is a PlanError that names the option."""

    connection: duckdb.DuckDBPyConnection
    wanted: Wanted
    strata: tuple[Stratum, ...] = field(init=False)
    by: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._columns = self._named()
        default = tuple(name for name in ("source", "language") if name in self._columns)
        self.by = default if self.wanted.by is None else self.wanted.by
        self._pool = self._pool_query()
        self._count()
        self._choose()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The documents with their texts: id, source, url, path, language, text, stratum, weight.

        The strata are interleaved: the first n rows are a sample of their own, allotted like the whole.
        """
        facts = ", ".join(
            f'd."{name}"::VARCHAR AS {name}' if name in self._columns else f"NULL::VARCHAR AS {name}"
            for name in _FACTS
        )
        query = (
            f"SELECT d.id, d.source, {facts}, d.text, c.stratum, c.weight "
            f"FROM ({self._documents()}) d JOIN _chosen c USING (unit, row) ORDER BY c.turn, c.place"
        )
        reader: pa.RecordBatchReader = self.connection.sql(query).to_arrow_reader(_BATCH)
        yield from reader

    def _named(self) -> set[str]:
        query = f"SELECT column_name FROM (DESCRIBE {self._documents()})"
        return {name for (name,) in self.connection.execute(query).fetchall()}

    def _documents(self) -> str:
        """The documents that are looked at, SQL."""
        views = {KEPT: ("documents",), DROPPED: ("dropped",), BOTH: ("documents", "dropped")}
        return " UNION ALL BY NAME ".join(f"SELECT * FROM {view}" for view in views[self.wanted.documents])

    def _pool_query(self) -> str:
        """Of every document that may be drawn: unit, row, stratum, and the place it has by its hash, SQL."""
        if self._where:
            _check(self._where, "--where", self._where)
        self._run(
            f"SELECT count(*) FROM ({self._documents()}) WHERE {self._condition}", "--where", self._where
        )
        parts = [self._part(number, expression) for number, expression in enumerate(self.by)]
        stratum = "concat_ws(' / ', " + ", ".join(parts) + ")" if parts else "'all'"
        # Of one id there are several documents where a run read a record twice: each has a place.
        place = f"md5({quote(f'{self.wanted.seed}:')} || id) || unit || ':' || row"
        return (
            f"SELECT unit, row, {place} AS place, {stratum} AS stratum "
            f"FROM ({self._documents()}) WHERE {self._condition}"
        )

    @property
    def _where(self) -> str:
        return self.wanted.where

    @property
    def _condition(self) -> str:
        """Empty documents, and those that nobody wants, are left out."""
        return f"bytes > 0 AND ({self._where}\n)" if self._where else "bytes > 0"

    def _part(self, number: int, expression: str) -> str:
        """A part of the stratum's name, SQL."""
        found = _QUANTILES.fullmatch(expression)
        _check(expression if found is None else found[1], "--by", expression)
        if found is None:
            self._run(f"SELECT ({expression}\n) FROM ({self._documents()}) LIMIT 0", "--by", expression)
            return f"coalesce(({expression}\n)::VARCHAR, {quote(NONE)})"
        inner, bins = found[1].strip(), int(found[2])
        if bins < 2:
            raise PlanError(f"--by {expression!r}: expected two bins or more")
        shares = [bin_ / bins for bin_ in range(1, bins)]
        edges = f"_edges_{number}"
        self._run(
            f"SET VARIABLE {edges} = (SELECT quantile_disc(({inner}\n), {shares}) FROM ({self._documents()}) "
            f"WHERE {self._condition})",
            "--by",
            expression,
        )
        bin_of = f"1 + len(list_filter(getvariable('{edges}'), lambda edge: ({inner}\n) > edge))"
        told, whole = quote(f"{inner} "), quote(f" of {bins}")
        value = f"CASE WHEN ({inner}\n) IS NULL THEN {quote(NONE)} ELSE ({bin_of}) || {whole} END"
        return f"{told} || {value}"

    def _count(self) -> None:
        """Finds the strata and how many documents each gives."""
        limit = self.wanted.size + 1
        found = self._run(
            f"SELECT stratum, count(*) FROM ({self._pool}) GROUP BY stratum ORDER BY stratum LIMIT {limit}",
            "--by",
            ", ".join(self.by),
        )
        if not found:
            where = f" for which --where {self._where!r} is true" if self._where else ""
            raise PlanError(
                f"no document to sample: the run has none{where} (--documents {self.wanted.documents}); "
                "look with winnow sql, or let the run go on"
            )
        if len(found) >= limit:
            raise PlanError(
                f"--by {', '.join(self.by)}: more strata than --sample {self.wanted.size:,} has documents; "
                "take fewer expressions, coarser ones (quantiles(COLUMN, 5)), or a larger sample"
            )
        counts = [count for _, count in found]
        taken = allot(counts, self.wanted.size, self.wanted.allocation)
        self.strata = tuple(
            Stratum(name, count, take) for (name, count), take in zip(found, taken, strict=True) if take
        )

    def _choose(self) -> None:
        """Makes the table of the documents chosen."""
        most = max(stratum.taken for stratum in self.strata)
        listed = ", ".join(f"({quote(each.name)}, {each.taken}, {each.documents})" for each in self.strata)
        # min_by holds no more than the documents wanted, however many there are.
        self.connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE _chosen AS
            WITH first AS (
                SELECT stratum, min_by({{unit: unit, row: row, place: place}}, place, {most}) AS found
                FROM ({self._pool}) GROUP BY stratum
            ),
            each AS (
                SELECT stratum, unnest(found) AS document, generate_subscripts(found, 1) AS rank FROM first
            )
            SELECT document.unit AS unit, document.row AS row, document.place AS place, stratum,
                   documents / taken AS weight, (rank - 0.5) / taken AS turn
            FROM each JOIN (VALUES {listed}) AS strata(stratum, taken, documents) USING (stratum)
            WHERE rank <= taken
            -- A document that the run has twice is drawn once.
            QUALIFY row_number() OVER (PARTITION BY left(place, 32) ORDER BY place) = 1
            """
        )

    def _run(self, query: str, option: str, written: str) -> list[Any]:
        try:
            return self.connection.execute(query).fetchall()
        except duckdb.Error as fault:
            raise PlanError(f"{option} {written!r}: {str(fault).splitlines()[0]}") from fault


def _check(expression: str, option: str, written: str) -> None:
    try:
        predicate.check_expression(expression)
    except predicate.PredicateError as fault:
        raise PlanError(f"{option} {written!r}: {fault}") from fault


def draw(root: str, wanted: Wanted) -> Sample:
    """A sample of the run whose output folder is `root`. PlanError where there is nothing to draw."""
    return Sample(sql.connect(root), wanted)


def allot(counts: Sequence[int], size: int, allocation: str) -> list[int]:
    """How many documents each stratum gives, [n], of `counts` that it has; together `size`, or all.

    equal: what a small stratum cannot give, the others give in equal parts. proportional: by largest
    remainder. Of equal claims the first strata's are met.
    """
    size = min(size, sum(counts))
    if allocation == PROPORTIONAL:
        whole = sum(counts)
        taken = [size * count // whole for count in counts]
        rest = sorted(range(len(counts)), key=lambda at: (-(size * counts[at] % whole), at))
        for at in rest[: size - sum(taken)]:
            taken[at] += 1
        return taken
    taken = [0] * len(counts)
    left = size
    smallest_first = sorted(range(len(counts)), key=lambda at: (counts[at], -at))
    for done, at in enumerate(smallest_first):
        # Rounded down: the large ones, which come last, take what is left over.
        taken[at] = min(counts[at], left // (len(counts) - done))
        left -= taken[at]
    return taken


def split(listed: Sequence[str]) -> tuple[str, ...]:
    """SQL expressions parted by commas: those that stand in brackets or quotes part nothing."""
    return tuple(part for text in listed for part in _parts(text) if part)


def _parts(text: str) -> list[str]:
    parts, start, closing, quoted = [], 0, "", ""
    for at, character in enumerate(text):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        elif character in _BRACKETS:
            closing = _BRACKETS[character] + closing
        elif closing and character == closing[0]:
            closing = closing[1:]
        elif character == "," and not closing:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def tell(sample: Sample, console: Console) -> None:
    """Prints what was drawn, and where there was less than was wanted."""
    taken = sum(stratum.taken for stratum in sample.strata)
    whole = sum(stratum.documents for stratum in sample.strata)
    line = f"sample: {taken:,} of {counted(whole, 'document')}"
    if sample.by:
        line += f", {sample.wanted.allocation} from {counted(len(sample.strata), 'stratum', 'strata')} by "
        line += ", ".join(sample.by)
    console.print(line, highlight=False, markup=False, soft_wrap=True)
    if taken < sample.wanted.size:
        short = f"the run has no more than that: --sample {sample.wanted.size:,} is not reached"
        console.print(short, style="yellow", highlight=False)
