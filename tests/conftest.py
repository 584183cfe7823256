"""Fixtures that the whole suite shares."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data (WARC files, labelled pages …) that is not part of the project."""
    folder = Path(os.environ.get("WINNOW_REAL_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set WINNOW_REAL_DATA to run this test")
    return folder.resolve()
