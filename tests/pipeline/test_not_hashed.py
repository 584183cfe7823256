"""Options that decide no result do not enter the hash, wherever they stand; all others do."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import Field

from pipeline import steps
from pipeline.planned_step import hash_of
from pipeline.stage import NOT_HASHED, Options, deciding


class Server(Options):
    address: str = ""
    timeout: Annotated[float, NOT_HASHED] = Field(default=60, gt=0)


class Made(Options):
    workers: Annotated[int | None, NOT_HASHED] = None
    threshold: float = 0.5
    server: Server = Server()
    others: tuple[Server, ...] = ()
    named: Mapping[str, Server] = Field(default_factory=dict)


def test_no_options() -> None:
    assert deciding(Options()) == {}


def test_marked_fields_are_left_out_at_any_depth() -> None:
    made = Made(workers=3, server=Server(timeout=1), others=(Server(address="a"),), named={"x": Server()})
    assert deciding(made) == {
        "threshold": 0.5,
        "server": {"address": ""},
        "others": [{"address": "a"}],
        "named": {"x": {"address": ""}},
    }


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"batch": 64}, True),
        ({"device": "cpu"}, True),
        ({"tokens": 64}, False),
        ({"prompt": "query: "}, False),
        ({"windows": 2}, False),
    ],
    ids=str,
)
def test_how_a_model_is_run_is_not_what_it_says(other: dict[str, object], same: bool) -> None:
    options = steps.pass_("semantic").options
    given = {"model": "a-model"}
    one, two = (deciding(options.model_validate({"embed": embed})) for embed in (given, given | other))
    assert (hash_of(one) == hash_of(two)) == same
