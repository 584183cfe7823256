"""What a mixture may be asked for."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from pipeline.stage import Listed, Options

ALL = "all"
_COUNTS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SIZES = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
}
_TIMES = {"type": ["string", "number"]}
_REPEAT_SCHEMA = {"anyOf": [_TIMES, {"type": "object", "additionalProperties": _TIMES}, {"type": "null"}]}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def _parse(value: Any, suffixes: dict[str, int], expected: str) -> int:
    """A whole number above 0 from an int or from text with a suffix; ValueError says what was found."""
    found = None if isinstance(value, bool | float) else _NUMBER.fullmatch(str(value).strip())
    factor = suffixes.get(found[2].upper()) if found else None
    if found is None or factor is None:
        raise ValueError(f"{value!r} found; expected {expected}")
    number = Decimal(found[1]) * factor
    if number < 1 or number != int(number):
        raise ValueError(f"{value!r} is {number.normalize():f}; expected {expected}, whole and above 0")
    return int(number)


def parse_tokens(value: Any) -> int | str:
    """Tokens as an int, or `all`: 1000, "10M", "2B", "1.5T"."""
    if value == ALL:
        return ALL
    return _parse(value, _COUNTS, 'a number of tokens such as 10000000, "10M", "2B", "1.5T", or "all"')


def parse_size(value: Any) -> int:
    """Bytes: 1000, "512kB", "256MB", "1GiB"."""
    return _parse(value, _SIZES, 'a size in B, kB, MB, GB, KiB, MiB or GiB such as "256MB"')


def parse_repeat(value: Any) -> Any:
    """An SQL expression, or one for each source by name; a number stands for itself."""
    if isinstance(value, dict):
        return {source: _expression(each) for source, each in value.items()}
    return None if value is None else _expression(value)


def _expression(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected an SQL expression, a number, or one of these for each source")
    return value if isinstance(value, str) else str(value)


class Downsampling(Options):
    """Labels that may have no more than a share of a source's tokens."""

    by: str = Field(
        description="the label of a document: SQL over its columns, a column's name at its simplest"
    )
    to: dict[str, float] = Field(
        description="label → its share of a source's tokens at most, from 0 to 1; by 1 it is only counted",
        json_schema_extra={
            "minProperties": 1,
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        },
    )
    sources: Listed = Field(default=(), description="sources to downsample, each for itself; none: all")

    @field_validator("to", mode="before")
    @classmethod
    def _truth_is_no_share(cls, to: Any) -> Any:
        for label, share in to.items() if isinstance(to, dict) else ():
            if isinstance(share, bool):
                raise ValueError(f"share of {label!r} is {share}; expected a number from 0 to 1")
        return to

    @field_validator("to")
    @classmethod
    def _shares_are_shares(cls, to: dict[str, float]) -> dict[str, float]:
        for label, share in to.items():
            if not 0 <= share <= 1:
                raise ValueError(f"share of {label!r} is {share}; expected a number from 0 to 1")
        if not to:
            raise ValueError("no label; expected one with its share at least, such as {sports: 0.05}")
        return to


class MixtureOptions(Options):
    """How much of what goes into the shards."""

    tokens: Annotated[int | str, BeforeValidator(parse_tokens)] = Field(
        default=ALL,
        description="budget of the whole mixture: a number, 10M, 2B …; all: the most that weights and epoch "
        "cap allow, and without weights an epoch of all sources",
    )
    weights: dict[str, float] | None = Field(
        default=None,
        description="source → its part of the budget, normalised; none: each in proportion to its tokens",
    )
    max_epochs: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="epochs of a source at most: how often a document may be drawn, on average over it",
    )
    repeat: Annotated[
        str | dict[str, str] | None, BeforeValidator(parse_repeat), WithJsonSchema(_REPEAT_SCHEMA)
    ] = Field(
        default=None,
        description="how often an epoch holds a document: SQL over its columns, for all sources, or source → "
        "SQL; fractions for so many of the documents; none: once",
    )
    downsample: Downsampling | None = Field(
        default=None,
        description="documents of over-represented labels, topics say, are drawn by share at most",
    )
    shard_size: Annotated[int | str, BeforeValidator(parse_size)] = Field(
        default="256MB", description="bytes of a Parquet file, about: 256MB, 1GiB …"
    )
    tokenizer: str | None = Field(
        default=None, description="path of a tokenizer.json or a tiktoken file; none: winnow's estimate"
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**64, description="of the draw and the shuffle; none: the run's"
    )

    @field_validator("weights")
    @classmethod
    def _weights_can_be_shares(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is None:
            return None
        for source, weight in weights.items():
            if not math.isfinite(weight) or weight < 0:
                raise ValueError(f"weight of {source} is {weight}; expected a finite number from 0")
        if not any(weights.values()):
            raise ValueError("no weight above 0; expected one, or no weights for natural proportions")
        return weights

    def repeat_of(self, source: str) -> str | None:
        """How often an epoch holds a document of this source, as SQL; None for once."""
        return self.repeat.get(source) if isinstance(self.repeat, dict) else self.repeat

    def downsampled(self, source: str) -> bool:
        """Whether labels of this source are held to shares."""
        return self.downsample is not None and source in (self.downsample.sources or (source,))

    @property
    def budget(self) -> int | None:
        """Tokens asked for; None for all there are."""
        return None if self.tokens == ALL else int(self.tokens)

    @property
    def shard_bytes(self) -> int:
        return parse_size(self.shard_size)


def exact(number: float) -> Fraction:
    """The number as it is written: .7 is 7/10, not the binary float next to it."""
    return Fraction(str(number))
