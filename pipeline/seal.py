"""Manifests of units that vouch for themselves: a digit that has changed on the disk must not go unseen."""

import hashlib
import json
from typing import Any

_SEAL = "seal"


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of all that it tells."""
    return {**manifest, _SEAL: _seal(manifest)}


def unsealed(found: Any) -> dict[str, Any]:
    """What a sealed manifest tells; empty where it is none, or not as it was written."""
    if not isinstance(found, dict):
        return {}
    manifest = {key: value for key, value in found.items() if key != _SEAL}
    return manifest if found.get(_SEAL) == _seal(manifest) else {}


def _seal(manifest: dict[str, Any]) -> str:
    as_read = json.loads(json.dumps(manifest))  # keys that are numbers become text
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()[:16]
