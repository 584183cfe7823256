"""Steps of a made-up table, so that these tests hold whatever winnow's own steps become."""

import sys
import types
from typing import Annotated, Literal, NoReturn

import pyarrow as pa
import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline import steps
from pipeline.source import Source
from pipeline.stage import Options, Pass, Rule, Stage, column


def even(value: int) -> int:
    if value % 2:
        raise ValueError("expected an even number")
    return value


class Inner(Options):
    depth: int = 1


class ExtractOptions(Options):
    engine: Literal["trafilatura", "resiliparse"] = "trafilatura"
    timeout: float = Field(default=10.0, gt=0, description="seconds per page")
    tables: bool = True
    pairs: Annotated[int, AfterValidator(even)] = 2
    inner: Inner = Inner()
    many: dict[str, Inner] = Field(default_factory=dict)
    optional: Inner | None = None


class MinhashOptions(Options):
    bands: int = Field(default=14, ge=1)
    rows: int = Field(default=8, ge=1)


class JsonlOptions(Options):
    text: str = "text"
    lines_field: str = Field(description="name of the field that holds the lines")


class MixtureOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: Literal["all"] | int = "all"
    weights: dict[str, float] = Field(default_factory=dict)
    max_epochs: float = 1
    tokenizer: str | None = None


def _nothing(*_: object) -> NoReturn:
    raise AssertionError("a configuration is read without running a step")


WORDS_RULES = (
    Rule("short", "words_count < 50"),
    Rule("long", "words_count > 100000"),
)
SOURCES = {
    "warc": Source("warc", pa.schema([]), _nothing, about="Web archives."),
    "jsonl": Source("jsonl", pa.schema([]), _nothing, options=JsonlOptions),
}
STAGES = {
    "extract": Stage(
        "extract",
        ("html",),
        pa.schema([column("text", pa.string())]),
        _nothing,
        options=ExtractOptions,
        about="Main text of a page.",
    ),
    "words": Stage("words", ("text",), pa.schema([column("words_count", pa.int32())]), _nothing, WORDS_RULES),
    "language": Stage("language", ("text",), pa.schema([column("language", pa.string())]), _nothing),
}
PASSES = {
    "exact": Pass(
        "exact",
        ("text",),
        pa.schema([column("exact_rank", pa.int64())]),
        _nothing,
        (Rule("exact_duplicate", "exact_rank > 0"),),
    ),
    "minhash": Pass(
        "minhash",
        ("text",),
        pa.schema([column("minhash_rank", pa.int64())]),
        _nothing,
        (Rule("minhash_duplicate", "minhash_rank > 0"),),
        options=MinhashOptions,
    ),
}


@pytest.fixture(autouse=True)
def made_up_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for table, attribute, made_up in (
        ("SOURCES", "SOURCE", SOURCES),
        ("STAGES", "STAGE", STAGES),
        ("PASSES", "PASS", PASSES),
    ):
        modules = {}
        for name, step in made_up.items():
            module = types.ModuleType(f"made_up_{attribute}_{name}")
            setattr(module, attribute, step)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            modules[name] = module.__name__
        monkeypatch.setattr(steps, table, modules)
    draw = types.ModuleType("made_up_draw")
    draw.MixtureOptions = MixtureOptions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, draw.__name__, draw)
    monkeypatch.setattr(steps, "MIXTURE", draw.__name__)
