"""The source of code: the files of a repository as one document."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline import store
from pipeline.source import Reading
from pipeline.sources import github
from pipeline.sources.code import joined
from pipeline.sources.github import GithubOptions
from tests.sources.conftest import CODE_FILES, code_units, read_code, write_files


def test_nothing(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    assert read_code(tmp_path / "r", join="repository") == ([], {})
    assert read_code(write_files(tmp_path / "r", {"a.bin": b"\0"}), join="repository") == (
        [],
        {"left_out_binary": 1},
    )


def test_a_repository_as_one_document(tmp_path: Path) -> None:
    rows, skipped = read_code(write_files(tmp_path / "r"), join="repository")
    (row,) = rows
    assert skipped == {"left_out_binary": 1}
    assert row["address"] == row["origin"] == "r"
    assert row["github_path"].split("\n").index("src/util.py") < row["github_path"].split("\n").index(
        "src/main.py"
    )
    assert row["text"] == "\n".join(
        f"=== {path} ===\n{CODE_FILES[path].decode()}" for path in row["github_path"].split("\n")
    )
    assert (row["github_language"], row["license"]) == ("Python", "GPL-2.0-only AND MIT")
    assert row["github_bytes"] == sum(map(len, CODE_FILES.values())) - len(CODE_FILES["logo.png"])
    (unit,) = code_units(tmp_path / "r")
    options = GithubOptions(join="repository")
    reading = Reading(unit, options, partial(store.open_input, unit.path), Counter())
    assert github.original(reading, row) == row["text"].encode()


def test_a_large_repository_is_cut_between_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"f{at:02}.py": f"x{at} = 1\n".encode() * 10 for at in range(20)}
    folder = write_files(tmp_path / "r", files)
    rows, _ = read_code(folder, join="repository", max_bytes=300, heading="# {path}\n")
    assert all(len(row["text"].encode()) <= 300 for row in rows)
    assert [row["address"] for row in rows] == ["r", *(f"r#{at}" for at in range(1, len(rows)))]
    paths = [path for row in rows for path in row["github_path"].split("\n")]
    assert sorted(paths) == sorted(files)
    monkeypatch.setattr(joined, "HELD_BYTES", 250)
    held, _ = read_code(folder, join="repository", max_bytes=300, heading="# {path}\n")
    assert sorted(path for row in held for path in row["github_path"].split("\n")) == sorted(files)
    assert len({row["address"] for row in held}) == len(held)


def test_files_that_are_not_joined(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "r", {"vendor/a.py": b"a\n", "b.py": b"b\n", "tests/test_c.py": b"c\n"})
    rows, skipped = read_code(folder, join="repository", leave_out=("test",))
    assert [row["github_path"] for row in rows] == ["b.py\nvendor/a.py"]
    assert skipped == {"left_out_test": 1}
    assert read_code(folder, join="repository", leave_out=("test", "vendored"), max_bytes=1) == (
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
