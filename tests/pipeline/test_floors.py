"""Who may import whom: text ← pipeline ← embedding ← filters, classifiers, dedup, mixtures."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("text", "pipeline", "embedding", "filters", "classifiers", "dedup", "mixtures")
CORE = {
    "pipeline.assets",
    "pipeline.stage",
    "pipeline.batch",
    "pipeline.corpus",
    "pipeline.counted",
    "pipeline.source",
    "pipeline.errors",
    "pipeline.exchange",
    "pipeline.expression",
    "pipeline.faults",
    "pipeline.index",
    "pipeline.marks",
    "pipeline.pace",
    "pipeline.printed",
    "pipeline.store",
    "pipeline.thresholds",
    "pipeline.ticker",
}


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in FLOORS}


def forbidden(floor: str, name: str) -> bool:
    top = name.split(".")[0]
    if top == floor or (top == "text" and floor != "text"):
        return False
    if floor in ("text", "pipeline"):
        return True
    if top == "embedding":
        return False
    if top != "pipeline":
        return True
    return name != "pipeline" and not any(name == core or name.startswith(f"{core}.") for core in CORE)


@pytest.mark.parametrize("floor", FLOORS)
def test_floor_imports_only_what_lies_below(floor: str) -> None:
    files = sorted((ROOT / floor).rglob("*.py"))
    assert files
    wrong = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in imports(file)
        if forbidden(floor, name)
    }
    assert not wrong


def test_the_check_sees_a_wrong_import() -> None:
    assert forbidden("filters", "dedup.url")
    assert forbidden("text", "pipeline.stage")
    assert forbidden("pipeline", "filters.gopher")
    assert forbidden("mixtures", "pipeline.run")
    assert forbidden("embedding", "classifiers.language")
    assert not forbidden("classifiers", "embedding.embed")
    assert not forbidden("dedup", "pipeline.corpus.Corpus")
    assert not forbidden("filters", "text.words")


def test_no_file_has_grown_too_long() -> None:
    long = {
        str(file.relative_to(ROOT)): length
        for folder in (*FLOORS, "benchmarks", "tests", "examples")
        for file in (ROOT / folder).rglob("*.py")
        if (length := len(file.read_text(encoding="utf-8").splitlines())) > 420
    }
    assert not long
