from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.inputs import expand, unit_name


def write(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_no_pattern_no_file() -> None:
    assert expand([]) == ()


def test_globs_are_sorted_and_each_file_is_taken_once(tmp_path: Path) -> None:
    for name in ("b.gz", "a.gz", "deep/c.gz", "note.txt"):
        write(tmp_path / name)
    files = expand([f"{tmp_path}/*.gz", f"{tmp_path}/a.gz", f"{tmp_path}/**/c.gz"])
    assert [file.logical for file in files] == ["a.gz", "b.gz", "deep/c.gz"]
    assert files[0].size == 1


def test_logical_path_does_not_depend_on_where_the_folder_stands(tmp_path: Path) -> None:
    write(tmp_path / "one/in/x.gz")
    write(tmp_path / "two/in/x.gz")
    (first,), (second,) = expand([f"{tmp_path}/one/in/*.gz"]), expand([f"{tmp_path}/two/in/*.gz"])
    assert first.logical == second.logical == "x.gz"


def test_same_names_in_two_folders_stay_apart(tmp_path: Path) -> None:
    write(tmp_path / "one/x.gz")
    write(tmp_path / "two/x.gz")
    files = expand([f"{tmp_path}/one/*.gz", f"{tmp_path}/two/*.gz"])
    assert len({file.logical for file in files}) == 2
    assert len({unit_name("web", file.logical) for file in files}) == 2


def test_a_file_whose_name_holds_wildcards_is_meant_literally(tmp_path: Path) -> None:
    write(tmp_path / "a[1].gz")
    assert [file.logical for file in expand([f"{tmp_path}/a[1].gz"])] == ["a[1].gz"]


def test_no_match_says_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "crawl.warc.gz")
    with pytest.raises(SourceError, match=r"no file matches .*\.arc.*holds crawl\.warc\.gz"):
        expand([f"{tmp_path}/*.arc"])
    with pytest.raises(SourceError, match=f"{tmp_path} holds crawl"):
        expand([f"{tmp_path}/missing/deeper/*.gz"])


def test_unit_names_are_safe_as_file_names() -> None:
    name = unit_name("web", "a b/ü:~opera~8443.warc.gz", (3, 7))
    assert name.startswith("web-") and name.endswith("-00003-00007")
    assert all(letter.isascii() and (letter.isalnum() or letter in "_.-") for letter in name)


def test_packages_of_the_running_environment_are_found() -> None:
    [file] = expand(["{site-packages}/pytest/__init__.py"])
    assert file.logical == "__init__.py"
    assert Path(file.path).read_bytes() == Path(pytest.__file__).read_bytes()


def test_memory_file_system() -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe("/bucket/in/b.jsonl", b"22")
    system.pipe("/bucket/in/a.jsonl", b"1")
    files = expand(["memory://bucket/in/*.jsonl"])
    assert [(file.logical, file.size) for file in files] == [("a.jsonl", 1), ("b.jsonl", 2)]
    with pytest.raises(SourceError, match="no file matches"):
        expand(["memory://bucket/none/*.jsonl"])
