"""Where compiled kernels are kept."""

from pathlib import Path

import numba
import pytest

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
