"""Fixtures that the whole suite shares."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test is judged by how long it takes; on a machine that builds, examples are the same every time.
settings.register_profile(
    "winnow",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("winnow")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data (WARC files, labelled pages …) that is not part of the project."""
    folder = Path(os.environ.get("WINNOW_REAL_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set WINNOW_REAL_DATA to run this test")
    return folder.resolve()
