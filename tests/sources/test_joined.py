"""The source of code: the files of a repository as one document."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline import store
from pipeline.inputs import expand
from pipeline.source import Reading, Unit
from pipeline.sources import github
from pipeline.sources.code import joined
from pipeline.sources.github import SOURCE, GithubOptions

Rows = list[dict[str, Any]]

LICENSE = b"MIT License\n"
FILES = {
    "LICENSE": LICENSE,
    "README.md": b"# Name\n\nWhat it does.\n",
    "src/main.py": b"from src import util\n\nprint(util.one())\n",
    "src/util.py": b"# SPDX-License-Identifier: GPL-2.0-only\n\n\ndef one():\n    return 1\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0",
}


def units_of(*patterns: str | Path, **options: Any) -> list[Unit]:
    return github.units("code", expand(list(map(str, patterns)), folders=True), GithubOptions(**options))


def read_units(units: list[Unit], **options: Any) -> tuple[Rows, dict[str, int]]:
    skipped: Counter[str] = Counter()
    rows: Rows = []
    for unit in units:
        reading = Reading(unit, GithubOptions(**options), partial(store.open_input, unit.path), skipped)
        for table in SOURCE.read(reading):
            assert table.schema.equals(github.SCHEMA)
            rows += table.to_pylist()
    return rows, dict(skipped)


def read(*patterns: str | Path, **options: Any) -> tuple[Rows, dict[str, int]]:
    return read_units(units_of(*patterns, **options), **options)


def write(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    assert read(tmp_path / "r", join="repository") == ([], {})
    assert read(write(tmp_path / "r", {"a.bin": b"\0"}), join="repository") == ([], {"left_out_binary": 1})


def test_a_repository_as_one_document(tmp_path: Path) -> None:
    rows, skipped = read(write(tmp_path / "r"), join="repository")
    (row,) = rows
    assert skipped == {"left_out_binary": 1}
    assert row["address"] == row["origin"] == "r"
    assert row["github_path"].split("\n").index("src/util.py") < row["github_path"].split("\n").index(
        "src/main.py"
    )
    assert row["text"] == "\n".join(
        f"=== {path} ===\n{FILES[path].decode()}" for path in row["github_path"].split("\n")
    )
    assert (row["github_language"], row["license"]) == ("Python", "GPL-2.0-only AND MIT")
    assert row["github_bytes"] == sum(map(len, FILES.values())) - len(FILES["logo.png"])
    (unit,) = units_of(tmp_path / "r")
    options = GithubOptions(join="repository")
    reading = Reading(unit, options, partial(store.open_input, unit.path), Counter())
    assert github.original(reading, row) == row["text"].encode()


def test_a_large_repository_is_cut_between_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"f{at:02}.py": f"x{at} = 1\n".encode() * 10 for at in range(20)}
    folder = write(tmp_path / "r", files)
    rows, _ = read(folder, join="repository", max_bytes=300, heading="# {path}\n")
    assert all(len(row["text"].encode()) <= 300 for row in rows)
    assert [row["address"] for row in rows] == ["r", *(f"r#{at}" for at in range(1, len(rows)))]
    paths = [path for row in rows for path in row["github_path"].split("\n")]
    assert sorted(paths) == sorted(files)
    monkeypatch.setattr(joined, "HELD_BYTES", 250)
    held, _ = read(folder, join="repository", max_bytes=300, heading="# {path}\n")
    assert sorted(path for row in held for path in row["github_path"].split("\n")) == sorted(files)
    assert len({row["address"] for row in held}) == len(held)


def test_files_that_are_not_joined(tmp_path: Path) -> None:
    folder = write(tmp_path / "r", {"vendor/a.py": b"a\n", "b.py": b"b\n", "tests/test_c.py": b"c\n"})
    rows, skipped = read(folder, join="repository", leave_out=("test",))
    assert [row["github_path"] for row in rows] == ["b.py\nvendor/a.py"]
    assert skipped == {"left_out_test": 1}
    assert read(folder, join="repository", leave_out=("test", "vendored"), max_bytes=1) == (
        [],
        {"left_out_too_large": 3},
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"repository": "("}, "no regular expression"),
        ({"repository": "abc"}, "round brackets"),
        ({"web": "https://x/{name}"}, "repository"),
        ({"heading": "{"}, "path"),
        ({"leave_out": ["binary"]}, "leave_out"),
        ({"columns": {"text": "x"}}, "columns"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        GithubOptions(**options)
