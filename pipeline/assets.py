"""What other packages carry: models, lists of words, lists of addresses."""

import importlib.util
from pathlib import Path


def asset(package: str, *parts: str) -> Path | None:
    """A file or folder of an installed package, None if it is not there.

    The package is not imported: those that carry a model or a list import much that they need themselves.
    """
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, *parts)
        if path.exists():
            return path
    return None
