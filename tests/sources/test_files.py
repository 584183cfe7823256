"""The source of plain files: a document each, many files to a unit."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PlanError, SourceError
from pipeline.inputs import InputFile, expand
from pipeline.source import Reading, Unit
from pipeline.sources import files
from pipeline.sources.files import SOURCE, FilesOptions


def found(folder: Path) -> tuple[InputFile, ...]:
    return expand([f"{folder}/**/*"])


def read(units: list[Unit], **options: Any) -> tuple[list[dict[str, Any]], dict[str, int]]:
    rows: list[dict[str, Any]] = []
    skipped: Counter[str] = Counter()
    for unit in units:
        reading = Reading(unit, FilesOptions(**options), lambda: pytest.fail("opened"), skipped)
        rows += [row for table in SOURCE.read(reading) for row in table.to_pylist()]
    return rows, dict(skipped)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in {
        "top.py": b"",
        "a/one.py": b"print(1)\n",
        "a/b/two.py": "größer = 1\n".encode("latin-1"),
        "a/b/three.txt": b"text",
        "c/four.py": b"\x00\x01binary",
        "c/five.py": "x".encode("utf-16"),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    rows, skipped = read(files.units("code", found(tmp_path), FilesOptions()))
    assert rows == [{"address": "empty.py", "origin": "empty.py", "text": ""}]
    assert skipped == {}


def test_files(folder: Path) -> None:
    units = files.units("code", found(folder), FilesOptions(suffixes=(".py",)))
    assert [len(unit.files) for unit in units] == [5]
    rows, skipped = read(units)
    assert [(row["address"], row["text"]) for row in rows] == [
        ("a/b/two.py", "größer = 1\n"),
        ("a/one.py", "print(1)\n"),
        ("c/five.py", "x"),
        ("top.py", ""),
    ]
    assert skipped == {"binary": 1}


def test_too_large(folder: Path) -> None:
    units = files.units("code", found(folder / "a"), FilesOptions())
    rows, skipped = read(units, max_bytes=9)
    assert [row["address"] for row in rows] == ["b/three.txt", "one.py"]
    assert skipped == {"too_large": 1}


def test_units_do_not_depend_on_the_order_of_files(folder: Path) -> None:
    inputs = found(folder)
    assert files.units("code", inputs, FilesOptions()) == files.units("code", inputs[::-1], FilesOptions())


@pytest.mark.parametrize(
    ("most", "sizes"), [(1, [1] * 6), (2, [2, 1, 2, 1]), (3, [3, 3]), (4, [3, 3]), (5, [5, 1]), (6, [6])]
)
def test_units_are_whole_folders(
    folder: Path, monkeypatch: pytest.MonkeyPatch, most: int, sizes: list[int]
) -> None:
    whole, _ = read(files.units("code", found(folder), FilesOptions()))
    monkeypatch.setattr(files, "UNIT_FILES", most)
    units = files.units("code", found(folder), FilesOptions())
    assert [len(unit.files) for unit in units] == sizes
    assert len({unit.name for unit in units}) == len(units)
    assert read(units)[0] == whole


def test_units_are_bounded_by_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UNIT_BYTES", 10)
    units = files.units("code", found(folder), FilesOptions())
    assert all(unit.size <= 10 or len(unit.files) == 1 for unit in units)
    assert sum(len(unit.files) for unit in units) == 6


def test_folders_that_all_files_share_make_no_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("python3/site/one/a.py", "python3/site/one/b.py", "python3/site/two/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(files, "UNIT_FILES", 2)
    units = files.units("code", found(tmp_path), FilesOptions())
    assert [unit.logical for unit in units] == ["python3/site/one/a.py", "python3/site/two/c.py"]


def test_version_changes_with_any_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UNIT_FILES", 3)
    before = files.units("code", found(folder), FilesOptions())
    (folder / "a" / "one.py").write_text("print(22)\n")
    after = files.units("code", found(folder), FilesOptions())
    changed = [old.logical for old, new in zip(before, after, strict=True) if old.version != new.version]
    assert changed == ["a/b/three.txt"]


def test_no_file_of_that_name(folder: Path) -> None:
    with pytest.raises(PlanError, match=r"none of 6 files has a name ending in \.rs"):
        files.units("code", found(folder), FilesOptions(suffixes=(".rs",)))


def test_a_file_that_is_gone(folder: Path) -> None:
    units = files.units("code", found(folder), FilesOptions())
    (folder / "a" / "one.py").unlink()
    with pytest.raises(SourceError, match=r"one\.py"):
        read(units)
