"""Which code decides a result: a module and whatever of winnow it imports, however deep.

A step's digest covers this closure, so a change of one source's reader re-runs that source and
leaves the others' finished units alone.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline.errors import ContractError

_FLOORS = (
    "pipeline.sources",
    "pipeline.isolate",
    "embedding",
    "filters",
    "classifiers",
    "dedup",
    "mixtures",
    "recipes",
)
"""Imports that are followed. The rest of `pipeline` is the engine, hashed by its own list, or
decides no byte; the kernels of `text` enter every digest whole."""

_DATA = frozenset((".tsv", ".csv", ".json", ".txt", ".npz", ".yaml"))


@cache
def code_digest(modules: tuple[str, ...]) -> str:
    """Digest of the source text of these modules, of what they import, and of all kernels."""
    found = {**followed(modules), **_kernels()}
    digest = hashlib.sha256()
    for module in sorted(found):
        source = found[module].read_bytes()
        digest.update(f"{module}\0{len(source)}\0".encode())
        digest.update(source)
    return digest.hexdigest()


def followed(modules: Iterable[str]) -> dict[str, Path]:
    """The files of these modules and of all that they import from the followed floors, by name."""
    found: dict[str, Path] = {}
    wanted = list(modules)
    while wanted:
        module = wanted.pop()
        path = _file(module)
        if path is not None and module not in found:
            found[module] = path
            wanted += _imports(path)
            # Tables beside a module, which it reads instead of importing them.
            for file in path.parent.iterdir():
                if file.suffix in _DATA:
                    # Named below winnow's root: the same wherever it is installed, and in no other folder.
                    found["/".join(file.parts[-1 - module.count(".") - (path.name == "__init__.py") :])] = (
                        file
                    )
    return found


@cache
def _kernels() -> dict[str, Path]:
    """The files of `text`, by module."""
    root = _file("text")
    assert root is not None  # winnow's own
    found: dict[str, Path] = {}
    folders = [root.parent]
    while folders:
        # Not `rglob`: beside the sources lie thousands of compiled kernels.
        for entry in folders.pop().iterdir():
            if entry.suffix == ".py":
                found[".".join(("text", *entry.relative_to(root.parent).with_suffix("").parts))] = entry
            elif entry.is_dir() and entry.name != "__pycache__":
                folders.append(entry)
    return found


@cache
def _imports(path: Path) -> list[str]:
    """Modules of the followed floors that this file imports, anywhere in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` and `from module import name` look the same.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if any(name == floor or name.startswith(f"{floor}.") for floor in _FLOORS)]


def _file(module: str) -> Path | None:
    """The module's file, found without importing it; None for the name of a function or class."""
    top, *below = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        raise ContractError(f"package {top} cannot be found: is winnow installed whole?")
    path = Path(spec.origin).parent.joinpath(*below)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
