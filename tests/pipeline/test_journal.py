"""Results of tasks that were done: what is whole is believed, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import journal as journals
from pipeline import store
from pipeline.errors import StoreError
from pipeline.journal import Journal, closing


def fill(folder: str, results: dict[int, object], items: int = 10) -> None:
    with closing(Journal(folder).call(1, "work", items)) as call:
        for item, result in results.items():
            call.add(item, result, {})


def found(folder: str, items: int = 10, doing: str = "work", number: int = 1) -> dict[int, object]:
    with closing(Journal(folder).call(number, doing, items)) as call:
        return {item: call.result(item) for item in range(items) if item in call}


def test_nothing_done(tmp_path: Path) -> None:
    assert found(str(tmp_path / "done")) == {}


@pytest.mark.parametrize("place", ["local", "memory://journal"])
def test_results_come_back_after_several_starts(tmp_path: Path, place: str) -> None:
    folder = str(tmp_path / "done") if place == "local" else f"{place}/{tmp_path.name}"
    fill(folder, {0: "a", 1: [1, 2]})
    fill(folder, {2: None, 5: {"x": b"y"}})
    assert found(folder) == {0: "a", 1: [1, 2], 2: None, 5: {"x": b"y"}}
    assert found(folder, number=2) == {}


def test_many_small_results_make_few_files(tmp_path: Path) -> None:
    fill(f"memory://many/{tmp_path.name}", {item: item for item in range(20_000)}, 20_000)
    assert len(store.names(f"memory://many/{tmp_path.name}")) == 2
    fill(str(tmp_path), {item: item for item in range(20_000)}, 20_000)
    assert len(store.names(str(tmp_path))) == 2
    assert found(str(tmp_path), 20_000) == {item: item for item in range(20_000)}


@pytest.mark.parametrize(("doing", "items"), [("other work", 10), ("work", 9)])
def test_a_call_of_another_kind_is_not_believed(tmp_path: Path, doing: str, items: int) -> None:
    fill(str(tmp_path), {0: "a"})
    assert found(str(tmp_path), items, doing) == {}
    assert found(str(tmp_path)) == {}, "and what it held is gone"


@given(cut=st.integers(0, 200), more=st.booleans())
def test_an_entry_that_is_not_whole_is_not_believed(
    cut: int, more: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    results: dict[int, object] = {item: "x" * item for item in range(6)}
    fill(str(folder), results)
    [path] = folder.glob("*.tasks")
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    left = found(str(folder))
    assert left == {item: results[item] for item in range(len(left))}
    assert cut == 0 or len(left) < 6
    if more:
        fill(str(folder), {item: results[item] for item in range(len(left), 6)})
        assert found(str(folder)) == results


def test_bytes_that_have_changed_are_not_believed(tmp_path: Path) -> None:
    fill(str(tmp_path), {0: "abc", 1: "def"})
    [path] = tmp_path.glob("*.tasks")
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    with closing(Journal(str(tmp_path)).call(1, "work", 10)) as call:
        assert 0 in call and call.result(1) == "def"
        with pytest.raises(KeyError):
            call.result(0)


def test_a_result_whose_files_are_gone_is_not_believed(tmp_path: Path) -> None:
    for name in ("whole", "short", "gone"):
        (tmp_path / name).write_bytes(b"four")
    folder = str(tmp_path / "done")
    with closing(Journal(folder).call(1, "work", 10)) as call:
        for item, name in enumerate(("whole", "short", "gone")):
            call.add(item, name, {str(tmp_path / name): 4})
    (tmp_path / "short").write_bytes(b"two")
    (tmp_path / "gone").unlink()
    assert found(folder) == {0: "whole"}


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    call = Journal(str(tmp_path)).call(1, "work", 10)
    (tmp_path / "0001.tasks").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"0001\.tasks: no space left"), closing(call):
        call.add(0, "a", {})


def test_a_large_result_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "MOST_BYTES", 1000)
    fill(str(tmp_path), {0: np.zeros(100, np.int64), 1: np.zeros(10_000, np.int64), 2: "c"})
    assert sorted(found(str(tmp_path))) == [0, 2]


def test_a_call_of_a_longer_number_is_another(tmp_path: Path) -> None:
    for number in (1000, 10_000):
        with closing(Journal(str(tmp_path)).call(number, "work", 10)) as call:
            call.add(0, number, {})
    assert found(str(tmp_path), number=1000) == {0: 1000}
    assert found(str(tmp_path), items=9, number=1000) == {}
    assert found(str(tmp_path), number=10_000) == {0: 10_000}
