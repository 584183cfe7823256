"""Manifests that vouch for themselves."""

import json
from typing import Any

import pytest

from pipeline.seal import sealed, unsealed


@pytest.mark.parametrize("found", [None, [], {}, {"documents": 3}, {"seal": 3}])
def test_what_has_no_seal_is_not_believed(found: Any) -> None:
    assert unsealed(found) == {}


@pytest.mark.parametrize("manifest", [{}, {"documents": 12, "part": (0, 2), "rules": {"é": {"tokens": 0.5}}}])
def test_what_was_changed_is_not_believed(manifest: dict[str, Any]) -> None:
    written = json.dumps(sealed(manifest), sort_keys=True)
    assert unsealed(json.loads(written)) == json.loads(json.dumps(manifest))
    assert unsealed(json.loads(written.replace("12", "13")) if manifest else {"seal": "0"}) == {}
    assert unsealed({**json.loads(written), "more": 1}) == {}
