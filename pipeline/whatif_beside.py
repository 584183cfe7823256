"""What the rules of a layer read: its labels beside the documents, as passes have edited them."""

from collections.abc import Iterable, Sequence

from pipeline.account import Part
from pipeline.predicate import parse
from pipeline.stage import Rule
from pipeline.whatif_tables import Tables
from pipeline.whatif_unknown import quote


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
