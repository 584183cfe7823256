"""What a hostile or clumsy user does to the seven sources, through the command line."""

import bz2
import json
import os
import random
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import cli, store
from pipeline import steps as table_of_steps
from pipeline.inputs import expand
from pipeline.source import Reading
from pipeline.sources import arxiv, github, gutenberg, stackexchange
from pipeline.sources.wikitext import dumps

SAMPLE = Path(__file__).parents[2] / "examples" / "seven"
FILES = {
    "commoncrawl": "commoncrawl/tides-20080512.arc.gz",
    "c4": "c4/c4-train.00000-of-00001.json.gz",
    "github": "github/lanternworks-tidewheel-3f2a1bc.zip",
    "wikipedia": "wikipedia/detidewiki-20240401-pages-articles-multistream.xml.bz2",
    "arxiv": "arxiv/arXiv_src_2403_001.tar",
    "stackexchange": "stackexchange/lanterns.stackexchange.com.7z",
    "gutenberg": "gutenberg/90003-0.zip",
}

Ended = tuple[int, str]
Run = Callable[..., tuple[int, int, dict[str, int]]]


def ended(capfd: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Exit status of a command and what it said to the person; any other exception is a failure."""
    capfd.readouterr()
    code = 0
    try:
        cli.main(list(arguments))
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capfd.readouterr().err


def run_file(folder: Path, source: str, pattern: str, options: str = "") -> str:
    steps = "[extract]" if source == "commoncrawl" else "[]"
    path = folder / "run.yaml"
    path.write_text(
        f"corpus: a\noutput: {folder}/out\nsources:\n  {source}:\n    read: {source}\n"
        f"    paths: ['{pattern}']\n{options}    steps: {steps}\ntripwires: off\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture
def read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a source over files by name; returns exit status, documents and what was skipped."""

    def run(source: str, files: Mapping[str, bytes], options: str = "") -> tuple[int, int, dict[str, int]]:
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        for name, data in files.items():
            (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / name).write_bytes(data)
        path = run_file(tmp_path, source, f"{tmp_path}/in/*", options)
        code, _ = ended(capfd, "run", path, "--engine", "inline", "--quiet")
        if code:
            return code, 0, {}
        told = json.loads((tmp_path / "out" / "manifest.json").read_text())["sources"][source]
        return code, told["documents"], told["skipped"]

    return run


def ids(output: Path) -> list[str]:
    files = sorted(output.rglob("documents/*.parquet"))
    return [each for file in files for each in pq.read_table(file, columns=["id"]).column(0).to_pylist()]


@pytest.mark.parametrize("source", FILES)
def test_damage_costs_what_is_damaged_and_never_the_file_beside_it(read: Run, source: str) -> None:
    good = SAMPLE / FILES[source]
    data = good.read_bytes()
    name, _, kind = good.name.partition(".")
    _, whole, _ = read(source, {good.name: data})
    assert whole > 0
    rng = random.Random(3)
    at = rng.randrange(100, len(data))
    flipped = data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]
    for bad in (data[: len(data) // 2], flipped, rng.randbytes(5000), b"%PDF-1.4\n%%EOF\n"):
        code, documents, skipped = read(source, {good.name: data, f"x{name}.{kind}": bad})
        assert code == 0
        assert documents >= whole
        assert documents > whole or sum(skipped.values()) > 0


@pytest.mark.parametrize("source", ["github", "arxiv", "gutenberg"])
def test_an_archive_of_no_bytes_is_counted(read: Run, source: str) -> None:
    assert read(source, {f"a{Path(FILES[source]).suffix}": b""}) == (0, 0, {"truncated": 1})


HEAD = '<mediawiki xml:lang="de">\n<siteinfo><dbname>dewiki</dbname></siteinfo>\n'


def wiki_page(number: int) -> str:
    return (
        f"<page><title>T{number}</title><ns>0</ns><id>{number}</id><revision><id>1</id>"
        f"<timestamp>2024-01-01T00:00:00Z</timestamp><text>Wort {number}</text></revision></page>\n"
    )


@pytest.mark.parametrize(
    ("text", "documents", "skipped"),
    [
        (HEAD + wiki_page(1) + "</mediawiki>", 1, {}),
        (HEAD, 0, {"truncated": 1}),
        (HEAD + wiki_page(1), 1, {"truncated": 1}),
        (HEAD + wiki_page(1).replace("<page>", "<pbge>") + wiki_page(2) + "</mediawiki>", 1, {"corrupt": 1}),
        (
            HEAD + wiki_page(1).replace("</page>", "</pbge>") + wiki_page(2) + "</mediawiki>",
            1,
            {"corrupt": 1},
        ),
        ('<?xml version="1.0"?>\n<posts>\n<row Id="1" /></posts>', 0, {"other_format": 1}),
    ],
)
def test_pages_that_lost_a_tag_or_the_end(
    read: Run, text: str, documents: int, skipped: dict[str, int]
) -> None:
    assert read("wikipedia", {"d.xml": text.encode()}) == (0, documents, skipped)


def test_a_multistream_dump_with_a_damaged_head_keeps_its_pages(read: Run) -> None:
    streams = [bz2.compress(text.encode()) for text in (HEAD, wiki_page(1), wiki_page(2), "</mediawiki>")]
    streams[0] = streams[0][:30] + bytes(8) + streams[0][38:]
    assert read("wikipedia", {"d.xml.bz2": b"".join(streams)}) == (0, 2, {"corrupt": 1})


def test_a_zip_that_lost_some_bytes_is_read_by_its_local_headers(read: Run) -> None:
    data = (SAMPLE / FILES["github"]).read_bytes()
    code, documents, skipped = read("github", {"a.zip": data[:167] + data[200:]})
    assert (code, documents, list(skipped)) == (0, 14, ["corrupt"])


def test_a_bundle_whose_default_branch_is_damaged_says_so(read: Run) -> None:
    data = bytearray((SAMPLE / "github" / "seawall.bundle").read_bytes())
    data[2125] ^= 255
    code, documents, skipped = read("github", {"a.bundle": bytes(data)})
    assert code == 0
    assert documents > 0
    assert skipped == {"corrupt": 1}


def test_a_folder_named_like_a_table_is_a_repository(read: Run) -> None:
    assert read("github", {"a.parquet/b.py": b"print(1)\n"}) == (0, 1, {})


def test_a_name_that_is_not_utf_8(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open(os.fsencode(tmp_path) + b"/bad\xff.json", "wb") as file:
        file.write(b"{}\n")
    code, said = ended(capfd, "plan", run_file(tmp_path, "c4", f"{tmp_path}/*.json"))
    assert (code, "bad\\xff.json: the file's name is not UTF-8" in said) == (2, True)


@pytest.mark.parametrize(
    ("source", "option"),
    [
        ("c4", "max_line_bytes: true"),
        ("gutenberg", "max_bytes: 99999999999999999999"),
        ("arxiv", 'index: "a\\0b"'),
        ("wikipedia", "max_pages_bytes: 1"),
        ("stackexchange", "sites: largest two"),
    ],
)
def test_options_that_mean_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], source: str, option: str
) -> None:
    path = run_file(tmp_path, source, str(SAMPLE / FILES[source]), f"    {option}\n")
    code, said = ended(capfd, "plan", path)
    assert (code, f"{path}:7: " in said) == (2, True)


@pytest.mark.parametrize(("source", "option"), [("arxiv", "metadata"), ("gutenberg", "catalogue")])
def test_a_companion_file_that_names_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], source: str, option: str
) -> None:
    wrong = tmp_path / "wrong.zip" if source == "gutenberg" else tmp_path / "wrong.json"
    with zipfile.ZipFile(wrong, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "hello\n")
    lines = f"    {option}: {wrong}\n" + f"    index: {tmp_path}/index\n" * (source == "arxiv")
    path = run_file(tmp_path, source, str(SAMPLE / FILES[source]), lines)
    code, said = ended(capfd, "run", path, "--engine", "inline", "--quiet")
    assert (code, f"{wrong}: names no" in said) == (1, True)


def test_an_option_that_stands_for_any_size(read: Run) -> None:
    assert read("gutenberg", {"1-0.txt": b"A book.\n"}, "    max_bytes: 4000000000000000000\n")[:2] == (0, 1)


def test_the_original_of_a_file_with_an_exclamation_mark(
    read: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read("gutenberg", {"wow!.txt": b"A book.\n", "zip!.zip": (SAMPLE / FILES["gutenberg"]).read_bytes()})
    found = []
    for each in ids(tmp_path / "out"):
        with pytest.raises(SystemExit, match="0"):
            cli.main(["show", each, str(tmp_path / "out"), "--part", "original"])
        found.append(capfd.readouterr().out)
    assert found[0] == "A book.\n"
    assert len(found[1]) > 1000


@pytest.mark.parametrize("source", [name for name in FILES if name != "c4"])
def test_the_original_of_an_input_that_was_replaced(
    read: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str], source: str
) -> None:
    name = Path(FILES[source]).name
    read(source, {name: (SAMPLE / FILES[source]).read_bytes()})
    (tmp_path / "in" / name).write_bytes(b"hello, there is nothing here\n" * 2000)
    last = ids(tmp_path / "out")[-1]
    code, said = ended(capfd, "show", last, str(tmp_path / "out"), "--part", "original")
    assert (code, name in said) == (1, True)


def _no_stored(output: Path) -> None:
    next(output.rglob("documents/*.parquet")).unlink()


def _write(content: str, pattern: str, output: Path) -> None:
    for path in output.glob(pattern):
        path.write_text(content)


@pytest.mark.parametrize(
    "harm",
    [
        _no_stored,
        partial(_write, "{}", "plan.json"),
        partial(_write, "{}", "manifest.json"),
        partial(_write, "{}", "segments/*/units/*.json"),
        partial(_write, "{}", "segments/*/segment.json"),
        partial(_write, '{"source": "c4", "reader": "c5", "options": {}}', "segments/*/segment.json"),
        partial(_write, '{"source": "c4", "reader": "c4", "options": {"x": 1}}', "segments/*/segment.json"),
    ],
)
def test_outputs_that_are_damaged_or_of_another_version(
    read: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str], harm: Callable[[Path], Any]
) -> None:
    read("c4", {"a.json": b'{"text": "one two", "url": "http://a.example/", "timestamp": ""}\n'})
    output = tmp_path / "out"
    document = ids(output)[0]
    assert ended(capfd, "show", document, str(output), "--part", "original") == (0, "")
    harm(output)
    code, said = ended(capfd, "show", document, str(output), "--part", "original")
    assert (code, said.startswith("winnow: ")) == (1, True)


def test_an_output_without_any_finished_unit(
    read: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read("c4", {"a.json": b'{"text": "one two", "url": "http://a.example/", "timestamp": ""}\n'})
    shutil.rmtree(tmp_path / "out" / "segments")
    assert ended(capfd, "sql", str(tmp_path / "out"), "SELECT * FROM documents") == (0, "")


def addresses(source: str, pattern: str) -> tuple[int, list[str], dict[str, int]]:
    """Number of units, addresses of the documents in some order, and what was skipped."""
    reader = table_of_steps.source_reader(source)
    assert reader.units is not None
    options = reader.options()
    found: list[str] = []
    total: dict[str, int] = {}
    units = reader.units(source, expand((pattern,), reader.folders), options)
    for unit in units:
        reading = Reading(unit, options, partial(store.open_input, unit.path), Counter())
        for table in reader.read(reading):
            found += table.column("address").to_pylist()
        for reason, count in reading.skipped.items():
            total[reason] = total.get(reason, 0) + count
    return len(units), sorted(found), total


@pytest.mark.parametrize(
    ("source", "pattern", "module"),
    [
        ("wikipedia", "wikipedia/*-multistream.xml.bz2", dumps),
        ("arxiv", "arxiv/*.tar", arxiv),
        ("stackexchange", "stackexchange/*/Posts.xml", stackexchange),
        ("stackexchange", "stackexchange/*.7z", stackexchange),
        ("gutenberg", "gutenberg/*", gutenberg),
        ("github", "github/*", github),
    ],
)
def test_any_split_into_units_gives_the_same_documents(
    monkeypatch: pytest.MonkeyPatch, source: str, pattern: str, module: Any
) -> None:
    few, whole, skipped = addresses(source, str(SAMPLE / pattern))
    for size in (300, 700, 1500):
        monkeypatch.setattr(module, "UNIT_BYTES", size)
        many, found, also = addresses(source, str(SAMPLE / pattern))
        assert found == whole
        assert also == skipped
    assert many > few
