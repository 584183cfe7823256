"""What the tests of personal data share, hits as kind and text; and the process that checks every index."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from text.personal.find import KINDS_FOUND, find_personal
from text.strings import Strings

Found = Callable[..., list[list[tuple[str, str]]]]


@pytest.fixture(scope="session")
def found() -> Found:
    """found(text, …): kind and text of each hit, a list for each text."""

    def find(*texts: str) -> list[list[tuple[str, str]]]:
        strings = Strings.of(pa.array(texts, pa.string()))
        hits = find_personal(strings)
        pieces = [
            (KINDS_FOUND[kind], strings.data[start:end].tobytes().decode())
            for start, end, kind in zip(hits.starts, hits.ends, hits.kinds, strict=True)
        ]
        return [pieces[hits.offsets[i] : hits.offsets[i + 1]] for i in range(len(texts))]

    return find


# Runs the scripts of several test files, given by name, and tells the fault of each, "" for none.
RUN = """
import json
import sys
import traceback

import numba

assert numba.config.BOUNDSCHECK
faults = {}
for name, script in json.load(sys.stdin).items():
    try:
        exec(script, {})
        faults[name] = ""
    except BaseException:
        faults[name] = traceback.format_exc()[-3000:]
json.dump(faults, sys.stdout)
"""


@pytest.fixture(scope="module")
def checked(request: pytest.FixtureRequest) -> dict[str, str]:
    """By test file, what its `SCRIPT` met when run with the index of every kernel checked; "" for nothing.

    With checks every kernel is compiled once more, as long a work as all other compiling.
    """
    scripts = {str(request.path): request.module.SCRIPT}
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    told = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=Path(__file__).parents[2],
        env=environment | {"NUMBA_BOUNDSCHECK": "1"},
        input=json.dumps(scripts),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    faults: dict[str, str] = json.loads(told)
    return faults
