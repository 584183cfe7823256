"""A folder of labels: what `winnow label` writes, a person reviews, and `winnow train` reads.

    labels.parquet    a row per sampled document, with its text and what the model said of it (`LABELS`)
    reviews.parquet   a row per document that a person has looked at, as often as one has (`REVIEWS`)
    sample.parquet    the documents as they were drawn, before any was asked about
    asked.json        what was asked: of which run, how it was drawn, by which prompt and model
    answers/          the model's answers as they came: no document is paid for twice

A label is always text, as the prompt names it: "3", "yes", "mathematics".
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import store
from pipeline.errors import PlanError, StoreError
from pipeline.stage import column

LABELS_FILE, REVIEWS_FILE = "labels.parquet", "reviews.parquet"
SAMPLE_FILE, ASKED_FILE, ANSWERS_FOLDER = "sample.parquet", "asked.json", "answers"

OK, REFUSED, UNPARSABLE, FAILED = STATUSES = ("ok", "refused", "unparsable", "failed")
"""ok: a label of the prompt's set. refused: the model would not say. unparsable: an answer, but not one of
those asked for. failed: the server gave none; the same command asks for it again."""

SAMPLE = pa.schema(
    [
        column("id", pa.string(), about="of the document"),
        column("source", pa.string(), about="of the run that it comes from"),
        column("url", pa.string(), about="where it has one", nullable=True),
        column("path", pa.string(), about="where it has one", nullable=True),
        column("language", pa.string(), about="where the run has a column of that name", nullable=True),
        column("text", pa.large_string(), about="the whole document"),
        column("stratum", pa.string(), about="of the sample"),
        column("weight", pa.float64(), unit="documents", about="of the run that this one stands for"),
    ]
)

_ANSWERED = [
    column("prompt", pa.string(), about="name of the prompt"),
    column("prompt_hash", pa.string(), about="of all in the prompt that decides an answer"),
    column("model", pa.string(), about="as the endpoint names it"),
    column("label", pa.string(), about="one of the prompt's; null unless status is ok", nullable=True),
    column("status", pa.string(), about="ok, refused, unparsable or failed"),
    column("reason", pa.string(), about="the model's, in a few words", nullable=True),
    column("raw", pa.string(), about="the model's answer as it came", nullable=True),
    column("tokens_in", pa.int32(), unit="tokens", about="of all requests for this document"),
    column("tokens_out", pa.int32(), unit="tokens", about="of all answers, unseen reasoning included"),
]

_TEXT = SAMPLE.get_field_index("text")
LABELS = pa.schema(
    [
        *list(SAMPLE)[: _TEXT + 1],
        column("shown", pa.int32(), unit="characters", about="of the text that the model saw"),
        *list(SAMPLE)[_TEXT + 1 :],
        *_ANSWERED,
    ]
)
"""Types and order of labels.parquet."""

REVIEWS = pa.schema(
    [
        column("id", pa.string(), about="of the document"),
        column("label", pa.string(), about="that the reviewer gave"),
        column("reviewer", pa.string(), about="name"),
        column("reviewed_at", pa.timestamp("us", tz="UTC"), about="when"),
        column("blind", pa.bool_(), about="whether the model's label was not shown before", nullable=True),
    ]
)
"""Types and order of reviews.parquet."""


def read_labels(folder: str | Path) -> pa.Table:
    """labels.parquet (`LABELS`) with the reviews applied, and one column more: `reviewer`, null for the
    model's own labels. A reviewed document is `ok`, whatever the model had said of it; of several
    reviews the last one counts. PlanError where no labels are there."""
    labels = read_answered(folder)
    last = {review["id"]: review for review in read_reviews(folder).sort_by("reviewed_at").to_pylist()}
    reviewed = [last.get(name) for name in labels.column("id").to_pylist()]
    changed = {
        "label": [each["label"] if each else None for each in reviewed],
        "status": [OK if each else None for each in reviewed],
    }
    for name, values in changed.items():
        at = labels.column_names.index(name)
        new = pa.array(values, pa.string())
        old = labels.column(name).combine_chunks()
        labels = labels.set_column(at, LABELS.field(name), pc.coalesce(new, old))
    reviewers = pa.array([each["reviewer"] if each else None for each in reviewed], pa.string())
    return labels.append_column(pa.field("reviewer", pa.string()), reviewers)


def read_answered(folder: str | Path) -> pa.Table:
    """labels.parquet (`LABELS`) as the model answered, without reviews. PlanError where none is there."""
    labels = _read(store.join(str(folder), LABELS_FILE), LABELS)
    if labels is None:
        raise PlanError(
            f"labels {str(folder)!r}: no {LABELS_FILE} is there; expected a folder that `winnow label` wrote"
        )
    return labels


def read_reviews(folder: str | Path) -> pa.Table:
    """reviews.parquet (`REVIEWS`); no rows where there is none."""
    reviews = _read(store.join(str(folder), REVIEWS_FILE), REVIEWS)
    return REVIEWS.empty_table() if reviews is None else reviews


def read_asked(folder: str | Path) -> dict[str, Any] | None:
    """What asked.json says: how the sample was drawn, and what was asked; None where none that is whole is
    there."""
    found = store.read_json(store.join(str(folder), ASKED_FILE))
    if not isinstance(found, dict):
        return None
    return found if all(isinstance(found.get(name, {}), dict) for name in ("sample", "labels")) else None


def _read(path: str, schema: pa.Schema) -> pa.Table | None:
    """A Parquet file of that schema, None where there is none."""
    if not store.exists(path):
        return None
    try:
        with store.open_input(path) as file:
            found = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as fault:
        again = (
            "the command that wrote it writes it again, without asking" if schema is LABELS else "restore it"
        )
        raise StoreError(f"{path}: cannot be read: {str(fault).splitlines()[0]}; {again}") from fault
    missing = [field for field in schema if field.name not in found.column_names]
    for field in missing:
        if field.nullable:
            found = found.append_column(field, pa.nulls(len(found), field.type))
    missing = [field.name for field in missing if not field.nullable]
    if missing:
        raise StoreError(
            f"{path}: no column {', '.join(missing)}; it was not written by this version of winnow"
        )
    return found.select(schema.names).cast(schema)
