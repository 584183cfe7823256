"""Which fields of a record are the document's: options that table-like sources share."""

import pyarrow as pa
from pydantic import Field, model_validator

from pipeline.source import ADDRESS, BASE_SCHEMA
from pipeline.stage import Options

TEXT_SCHEMA = pa.schema(
    [
        ADDRESS,
        *(BASE_SCHEMA.field(name) for name in ("url", "date", "license", "origin", "offset")),
        pa.field("text", pa.string(), metadata={"about": "text as the file gives it"}),
    ]
)

_TAKEN = {*BASE_SCHEMA.names, "text", "address", "unit", "row"}


class ColumnOptions(Options):
    """Names of the fields that hold a document's text, where it is from, and what else to keep."""

    text: str = Field(default="text", description="field with the text")
    id: str | None = Field(
        default=None, description="field whose value names the document for good; else its place in the file"
    )
    url: str | None = Field(default="url", description="field with the address on the web, if there is one")
    date: str | None = Field(default="date", description="field with the date, if there is one")
    license: str | None = Field(default=None, description="field with the licence")
    keep: tuple[str, ...] = Field(default=(), description="other fields to keep as columns")

    @model_validator(mode="after")
    def _kept_names_are_free(self) -> "ColumnOptions":
        names = [column_name(name) for name in self.keep]
        if len(set(names)) < len(names):
            raise ValueError(f"keep names a column twice: {', '.join(names)}")
        taken = sorted(_TAKEN.intersection(names))
        if taken:
            raise ValueError(
                f"keep: {', '.join(taken)}: winnow's own column of that name stands there; leave it out "
                "(text, id, url, date and license have options of their own)"
            )
        return self


def column_name(field: str) -> str:
    """The column's name for a field of the input: `metadata.url` becomes `metadata_url`."""
    return field.replace(".", "_")


def kept_column(field: str, kind: pa.DataType) -> pa.Field:
    """The column that a field of the input is kept in."""
    return pa.field(column_name(field), kind, metadata={"about": f"field {field!r} of the input"})
