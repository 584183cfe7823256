"""Where compiled kernels are kept."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import pytest
from numba.core.caching import IndexDataCacheFile

from text.jit import cache_folder


def test_no_sources(tmp_path: Path) -> None:
    assert Path(cache_folder(tmp_path)).parent == tmp_path / "__pycache__"


def test_named_after_all_sources(tmp_path: Path) -> None:
    """A kernel that calls one of another file must not outlive a change of that file."""
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    before = cache_folder(tmp_path)
    assert cache_folder(tmp_path) == before
    (tmp_path / "b.py").write_text("3")
    assert cache_folder(tmp_path) != before
    (tmp_path / "b.py").write_text("2")
    assert cache_folder(tmp_path) == before


def test_checked_kernels_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", None)
    plain = cache_folder(tmp_path)
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert cache_folder(tmp_path) == f"{plain}-checked"


def test_elsewhere_where_the_sources_are_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, home = tmp_path / "sources", tmp_path / "home"
    sources.mkdir()
    (sources / "__pycache__").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    assert Path(cache_folder(sources)).parent == home / "winnow"
    home.joinpath("winnow", Path(cache_folder(sources)).name).rmdir()
    home.joinpath("winnow").rmdir()
    home.rmdir()
    home.write_text("not a folder")
    assert Path(cache_folder(sources)).name.startswith("winnow-kernels-")


def test_kernels_compiled_at_once_do_not_take_each_others_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that look at the index at the same time: each gets a file of its own."""
    looked = IndexDataCacheFile._load_index

    def slowly(self: IndexDataCacheFile) -> object:
        found = looked(self)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(IndexDataCacheFile, "_load_index", slowly)
    files = [IndexDataCacheFile(str(tmp_path), "kernel", "stamp") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: files[at].save(f"types {at}", f"code {at}"), range(4)))
    assert [files[0].load(f"types {at}") for at in range(4)] == [f"code {at}" for at in range(4)]


COMPILES = """
import sys

sys.path.insert(0, {here!r})
from added import add

print("ready", flush=True)
sys.stdin.readline()
add(1)
print(sum(add.stats.cache_misses.values()))
"""


def test_of_two_processes_one_compiles_and_both_have_it(tmp_path: Path) -> None:
    (tmp_path / "added.py").write_text(
        "from text.jit import kernel\n\n\n@kernel\ndef add(number: int) -> int:\n    return number + 1\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", COMPILES.format(here=str(tmp_path))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")},
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[0].strip() for process in started]
    assert sorted(told) == ["0", "1"]
