"""Crawls by name: which files, from the web or a folder, and what is told when there are none."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline import config, marks
from pipeline.errors import PlanError
from pipeline.plan import make_plan
from pipeline.sources.commoncrawl import CommonCrawlOptions
from pipeline.sources.crawl import crawls

CRAWL = "CC-MAIN-2024-10"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with a crawl of twelve empty files."""
    folder = tmp_path / "crawl-data" / CRAWL
    folder.mkdir(parents=True)
    paths = [f"crawl-data/{CRAWL}/segments/1/warc/CC-{number:05d}.warc.gz" for number in range(12)]
    (folder / "warc.paths.gz").write_bytes(gzip.compress("\n".join([*paths, ""]).encode()))
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(gzip.compress(b""))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "spans"),
    [
        ("all", "all"),
        (7, ((7, 7),)),
        ("7", ((7, 7),)),
        ("0-99", ((0, 99),)),
        ("0 - 2, 5", ((0, 2), (5, 5))),
        ([0, "5-9"], ((0, 0), (5, 9))),
        (((0, 0), (5, 9)), ((0, 0), (5, 9))),
    ],
)
def test_which_files(given: Any, spans: Any) -> None:
    assert crawls.parse_files(given) == spans


@pytest.mark.parametrize("given", ["", "x", "9-0", "-1", [], "1-", 1.5, True, None])
def test_what_is_no_number_of_files(given: Any) -> None:
    with pytest.raises(ValueError, match="expected numbers of files"):
        crawls.parse_files(given)


def numbers(files: list[crawls.CrawlFile]) -> list[int]:
    return [int(file.logical[-13:-8]) for file in files]


def test_files_of_a_crawl_in_a_folder(base: Path) -> None:
    files = crawls.crawl_files(str(base), CRAWL, "warc", ((9, 11), (0, 1), (1, 1)))
    assert numbers(files) == [0, 1, 9, 10, 11]
    assert files[0].path == f"{base}/crawl-data/{CRAWL}/segments/1/warc/CC-00000.warc.gz"
    assert files[0].size > 0 and files[0].version
    assert numbers(crawls.crawl_files(str(base), CRAWL, "warc", "all")) == list(range(12))


def test_a_crawl_that_is_not_there(base: Path) -> None:
    with pytest.raises(PlanError, match=r"'CC-MAIN-2024-11': there is no .*did you mean 'CC-MAIN-2024-10'"):
        crawls.crawl_files(str(base), "CC-MAIN-2024-11", "warc", "all")
    with pytest.raises(PlanError, match=r"there is no .*wet\.paths\.gz"):
        crawls.crawl_files(str(base), CRAWL, "wet", "all")
    for name in ("../etc", "", "a b", "/x", "https://x"):
        with pytest.raises(PlanError, match="expected a name such as"):
            crawls.crawl_files(str(base), name, "warc", "all")


@pytest.mark.parametrize("files", [((0, 12),), ((12, 12),), ((0, 1), (999, 1000))])
def test_files_that_the_crawl_does_not_have(base: Path, files: Any) -> None:
    with pytest.raises(PlanError, match="has 12 warc files, 0 to 11; files names"):
        crawls.crawl_files(str(base), CRAWL, "warc", files)


def test_options_go_together() -> None:
    with pytest.raises(ValidationError, match="name it, as in crawl"):
        CommonCrawlOptions(files="0-9")
    with pytest.raises(ValidationError, match="say which of its files"):
        CommonCrawlOptions(crawl=CRAWL)
    with pytest.raises(ValidationError, match="100GB"):
        CommonCrawlOptions.model_validate({"cache": {"folder": "x", "size": "big"}})


def plan(text: str, folder: Path) -> Any:
    lines = [
        f"corpus: x\noutput: {folder}/out\nsources:\n  web:\n    read: commoncrawl\n",
        *text.splitlines(),
    ]
    return make_plan(config.read(marks.parse("\n    ".join(lines) + "\n", "run.yaml")))


def test_a_plan_of_a_crawl(base: Path) -> None:
    found = plan(f"crawl: {CRAWL}\nfiles: 0-2\nbase: {base}\nsteps: [recipe: fineweb]", base)
    [segment] = found.segments
    assert len(segment.units) == 3
    assert "extract" in [step.name for step in segment.steps]
    # More files, or a cache, do not make another result: what is done stays done.
    more = plan(
        f"crawl: {CRAWL}\nfiles: all\nbase: {base}\ncache: {{folder: c}}\nsteps: [recipe: fineweb]", base
    )
    assert more.segments[0].hash == segment.hash
    assert set(segment.units) < set(more.segments[0].units)


def test_paths_or_a_crawl(base: Path) -> None:
    page = base / "page.warc.gz"
    page.write_bytes(b"")
    assert (
        len(plan(f"paths: ['{page}']\nsteps: [gopher]".replace("gopher", "extract"), base).segments[0].units)
        == 1
    )
    with pytest.raises(PlanError, match="expected paths, or crawl and files"):
        plan("steps: [extract]", base)
    with pytest.raises(PlanError, match="paths and crawl both say what to read"):
        plan(f"paths: ['{page}']\ncrawl: {CRAWL}\nfiles: 0\nbase: {base}\nsteps: [extract]", base)


def test_texts_need_no_extraction(base: Path) -> None:
    page = base / "page.wet.gz"
    page.write_bytes(b"")
    [segment] = plan(f"format: wet\npaths: ['{page}']\nsteps: [extract, gopher]", base).segments
    assert segment.omitted == ("extract",)
