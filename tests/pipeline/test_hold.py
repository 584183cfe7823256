import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import store
from pipeline.errors import StoreError
from pipeline.hold import hold

HOLDER = """
import sys, time
from pipeline.hold import hold
with hold(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_free_output_is_held_and_freed(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(str(tmp_path / "out")):
            assert json.loads((tmp_path / "out/HELD_BY").read_text())["pid"] == os.getpid()
    assert (tmp_path / "out/HELD_BY").read_text() == ""


def test_second_run_is_told_who_holds_it_and_kill_frees_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline().strip() == "held"
        with (
            pytest.raises(StoreError, match=rf"held by another run: process {holder.pid} on"),
            hold(str(tmp_path)),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
    with hold(str(tmp_path)):
        pass


def test_object_store_sees_signs_of_life() -> None:
    root = "memory://held"
    with hold(root), pytest.raises(StoreError, match="held by another run"), hold(root):
        pass
    store.write_json("memory://held/HELD_BY", {"pid": 1, "host": "gone", "beat": time.time() - 3600})
    with hold(root):
        pass
    assert store.read_json("memory://held/HELD_BY") is None
