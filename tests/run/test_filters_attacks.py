"""What a hostile or clumsy user does to the filters and their lists, through the command line."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import cli, segment

Ended = tuple[int, str]
Run = Callable[..., Ended]

DOCUMENTS = (
    {"text": "", "url": None, "language": None},
    {"text": "Write to bob@mail.net, or call +44 20 7946 0958.\nshort", "url": "http://a.bad.test/"},
    {"text": "A damn line of plain words. " * 9, "url": "HTTP://BAD.TEST:80/x", "language": "en"},
    {"text": "Noch eine Zeile mit genau sieben Worten.\nmenu", "url": "not a url", "language": "xx"},
    {
        "text": "caf\u00c3\u00a9 &amp; cr\u00c3\u00a8me br\u00c3\u00bbl\u00c3\u00a9e, sir.",
        "url": "http://good.test/",
        "language": "",
    },
)


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs, in this process, a source with these steps; exit status and what was said to the person."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS))

    def go(*steps: Any, output: str = "out", across: Any = (), verb: str = "run") -> Ended:
        source = {
            "read": "jsonl", "paths": [f"{tmp_path}/in.jsonl"], "keep": ["language"], "steps": list(steps),
        }  # fmt: skip
        config = {"corpus": "a", "output": f"{tmp_path}/{output}", "sources": {"s": source}}
        path = tmp_path / f"{output}.yaml"
        path.write_text(json.dumps({**config, "across": list(across), "tripwires": "off"}))
        arguments = [verb, str(path), *(("--engine", "inline", "--quiet") if verb == "run" else ())]
        capfd.readouterr()
        try:
            cli.main(arguments)
        except SystemExit as end:
            return int(end.code or 0), capfd.readouterr().err
        return 0, capfd.readouterr().err

    return go


def rows(output: Path) -> list[dict[str, Any]]:
    """All rows of the latest segment, kept and dropped."""
    told = json.loads((output / "plan.json").read_text())["segments"]
    files = [file for folder in told for file in (output / "segments" / Path(folder).name).rglob("*.parquet")]
    tables = [pq.read_table(file) for file in sorted(files)]
    found = pa.concat_tables(tables, promote_options="default").to_pylist()
    return sorted(found, key=lambda row: int(row["offset"]))


def sums(folder: Path) -> list[str]:
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.rglob("*.parquet"))]


def packed(names: list[str]) -> bytes:
    rng = random.Random(1)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in names:
            data = b"bad.test\n" + b"".join(b"h%d.test\n" % rng.randrange(10**9) for _ in range(9000))
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def flipped(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes(byte ^ 255 for byte in data[at : at + 60]) + data[at + 60 :]


LIST = b"".join(b"h%d.test\n" % number for number in range(9000))
TAR = packed(["adult/domains", "adult/urls"])
WORDS = packed(["list/en", "list/de"])
DAMAGED = {
    "cut.txt.gz": gzip.compress(LIST)[:9000],
    "flipped.txt.gz": flipped(gzip.compress(LIST)),
    "sum.txt.gz": gzip.compress(LIST)[:-8] + bytes(8),
    "cut.tar.gz": TAR[: len(TAR) * 2 // 3],
    "flipped.tar.gz": flipped(TAR),
    "cut.tar": gzip.decompress(TAR)[:100_000],
    "utf16.txt": "bad.test\nworse.test\n".encode("utf-16"),
    "empty.txt": b"",
    "comments.txt.gz": gzip.compress(b"# nothing\n\n"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_blocklist_is_told_in_a_line(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    code, said = run({"blocklist": {"lists": [f"{tmp_path}/{name}"]}})
    assert code == 2 and name.split(".")[0] in said and "stage blocklist" in said and "Traceback" not in said
    assert not list((tmp_path / "cache").rglob("*.hashes"))


DAMAGED_WORDS = {
    "flipped.gz": flipped(gzip.compress(LIST)),
    "flipped.tar.gz": flipped(WORDS),
    "cut.tar.gz": WORDS[: len(WORDS) * 2 // 3],
    "latin.txt": b"b\xe4d\n",
    "one_line.txt": b"a" * 5_000_000,
}


@pytest.mark.parametrize("name", DAMAGED_WORDS)
def test_a_damaged_list_of_words_is_told_in_a_line(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED_WORDS[name])
    code, said = run({"dirty_words": {"lists": f"{tmp_path}/{name}", "language": "all"}}, verb="plan")
    assert code == 2 and name in said and len(said) < 600 and "Traceback" not in said


def test_a_list_with_a_mark_of_its_byte_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbfbad.test\n")
    assert run({"blocklist": {"lists": [f"{tmp_path}/marked.txt"], "rules": {}}}) == (0, "")
    found = [row["blocklist_domain"] for row in rows(tmp_path / "out")]
    assert found == ["", "marked", "marked", "", ""]


STEP = {"blocklist": {"lists": ["LIST"], "hard_words": "", "soft_words": "", "subwords": "", "rules": {}}}


def test_a_list_that_changes_during_the_run_or_between_two(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "listed.txt"
    listed.write_text("bad.test\n")
    step = {"blocklist": {**STEP["blocklist"], "lists": [str(listed)]}}
    opened = segment.Chain.__init__

    def late(chain: segment.Chain, steps: Any) -> None:
        listed.write_text("good.test\n")
        opened(chain, steps)

    monkeypatch.setattr(segment.Chain, "__init__", late)
    code, said = run(step)
    assert code == 2 and "step 'blocklist': a file that it reads" in said
    assert not list((tmp_path / "out").rglob("units/*.json"))
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, hit in (("good.test", [4]), ("bad.test", [1, 2])):
        listed.write_text(f"{name}\n")
        assert run(step) == (0, "")
        assert [at for at, row in enumerate(rows(tmp_path / "out")) if row["blocklist_domain"]] == hit


EDITS: tuple[Any, ...] = (
    {"mask": {"kinds": ["email"]}},
    "encoding_repair",
    {"personal_data": {"rules": {}}},
    {"dirty_words": {"rules": {"dirt": "dirty_words > 100"}}},
    {"c4_lines": {"rules": {}}},
    {"mask": {"rules": {"masked": "mask_phone > 5"}}},
    "line_language",
)


def test_a_changed_threshold_between_edits_equals_a_fresh_run(run: Run, tmp_path: Path) -> None:
    steps = EDITS[1:]
    assert run(*steps) == (0, "")
    changed = json.loads(
        json.dumps(steps).replace("dirty_words > 100", "dirty_words > 0").replace("> 5", "> 0")
    )
    assert run(*changed) == (0, "")
    assert run(*changed, output="fresh") == (0, "")
    folders = list((tmp_path / "fresh" / "segments").iterdir())
    assert len(folders) == 1
    again = tmp_path / "out" / "segments" / folders[0].name
    assert sums(again) == sums(folders[0]) and sums(tmp_path / "out/shards") == sums(
        tmp_path / "fresh/shards"
    )
    found = rows(tmp_path / "fresh")
    assert found[1]["text"] == "Write to <EMAIL>, or call <PHONE>." and found[1]["dropped_by"] == ["masked"]
    assert [row["mask_email"] for row in found] == [row["personal_data_emails"] for row in found]
    assert found[0]["text"] == "" and "café & crème brûlée, sir." in found[4]["text"]


def test_an_edit_listed_twice_is_refused(run: Run) -> None:
    code, said = run(*EDITS, verb="plan")
    assert code == 2 and "'mask' adds column 'mask_email', which is there already" in said


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"blocklist": {"domains": [".."]}}, "'..' is no domain"),
        ({"blocklist": {"lists": ["LIST"]}}, "no file or folder 'LIST'"),
        ({"datatrove": {"filter": ".."}}, "'..' is no name of a class"),
        ({"datatrove": {"filter": "odd_broken.Filter"}}, "cannot be imported: SyntaxError"),
        ({"mask": {"kinds": ["emial"]}}, "did you mean 'email'"),
        ({"line_language": {"letters": 0}}, "letters is the number 0"),
        ({"thresholds": {"file": "EMPTY"}}, "empty.yaml:1: expected languages with their numbers"),
    ],
)
def test_options_that_mean_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Any, told: str
) -> None:
    (tmp_path / "odd_broken.py").write_text("def (")
    (tmp_path / "empty.yaml").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    given = json.loads(json.dumps(step).replace("EMPTY", f"{tmp_path}/empty.yaml"))
    code, said = run(given, verb="plan")
    assert code == 2 and told in said and ".yaml:1: " in said and "Traceback" not in said


ODD = """
import sys

class Odd:
    def __init__(self, how):
        if how == "init":
            raise KeyError("no")
        self.how = how

    def filter(self, doc):
        return True

    def filter_batch(self, documents):
        print("a line")
        if self.how == "exit":
            sys.exit(3)
        if self.how == "text":
            documents[0].text = 5
        if self.how == "half":
            documents[0].text = "a\\ud83d"
        return {"three": [(True, 1, 2)], "none": None, "reason": [(False, "\\ud800")]}.get(self.how, [True])
"""


@pytest.mark.parametrize(
    ("how", "reason", "error"),
    [
        ("three", "", "ValueError: too many values"),
        ("none", "", "TypeError: cannot unpack"),
        ("reason", "\ufffd", None),
        ("text", "", "TypeError: left int in the place of the text"),
        ("half", "", None),
        ("exit", "", "SystemExit: 3"),
    ],
)
def test_a_filter_of_somebody_that_answers_oddly(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, reason: str, error: str | None
) -> None:
    (tmp_path / "odd_answers.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    step = {"datatrove": {"filter": "odd_answers.Odd", "how": how, "edits": True, "rules": {}}}
    assert run(step) == (0, "")
    for row in rows(tmp_path / "out"):
        assert row["datatrove_odd"] == reason
        assert (row["datatrove_odd_error"] or "").startswith(error or "")
        assert (row["datatrove_odd_error"] is None) == (error is None)
        assert how != "half" or row["text"] == "a\ufffd"


def test_a_filter_that_cannot_be_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd_answers.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    code, said = run({"datatrove": {"filter": "odd_answers.Odd", "how": "init"}})
    assert code == 2 and "KeyError: 'no'" in said and "Traceback" not in said


def test_hits_that_are_no_numbers(run: Run) -> None:
    code, said = run("personal_data", across=[{"domains": {"hits": ["text"]}}])
    assert code == 2 and "column 'text' is" in said and "whole numbers" in said and "Traceback" not in said


def test_a_condition_of_thresholds_that_fails_over_values(
    run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("statistics") == (0, "")
    arguments = ["--out", f"{tmp_path}/t.yaml", "--where", "language = (SELECT 1)"]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["thresholds", f"{tmp_path}/out", *arguments])
    said = capfd.readouterr().err
    assert "--where 'language = (SELECT 1)': Conversion Error" in said and "Traceback" not in said
