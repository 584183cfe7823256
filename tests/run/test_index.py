"""A run leaves an index, and later runs deduplicate against it without the old texts."""

import hashlib
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import sql, steps
from pipeline.cli import app
from pipeline.config import load
from pipeline.errors import PlanError
from pipeline.indexing import IndexTask, index_unit
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

RUN = """
corpus: {name}
output: out/{name}
{index}
sources:
{sources}
across:
{across}
tripwires: off
"""


def write_crawl(folder: str, seed: int, files: int = 3, documents: int = 30) -> None:
    """Documents of a few addresses and texts, so that many are equal in one, some in both."""
    rng = random.Random(seed)
    Path(folder).mkdir()
    for number in range(files):
        with open(f"{folder}/{number}.jsonl", "w", encoding="utf-8") as file:
            for _ in range(documents):
                document = {
                    "url": f"https://host.example/{rng.randrange(90)}",
                    "text": f"The story of {'abcdefghij'[rng.randrange(10)] * rng.randint(1, 9)}\nand of me.",
                    "date": f"2024-01-{rng.randint(1, 28):02d}",
                    "language": rng.choice(["de", "en"]),
                }
                file.write(json.dumps(document) + "\n")


def write_run(name: str, across: Sequence[str], sources: Sequence[str] = (), index: str | None = None) -> str:
    """Writes a run file over the folders `sources` with an index of its own; its name."""
    folders = sources or [name]
    content = RUN.format(
        name=name,
        index=f"index: {index or f'index/{name}'}",
        sources="\n".join(
            f'  {folder}: {{read: jsonl, paths: "{folder}/*.jsonl", keep: [language]}}' for folder in folders
        ),
        across="\n".join(f"  - {step}" for step in across),
    )
    Path(f"{name}.yaml").write_text(content, encoding="utf-8")
    return f"{name}.yaml"


def run(file: str, **settings: Any) -> dict[str, Any]:
    return Run(make_plan(load(file)), Settings("inline", **settings), Progress(quiet=True))()


def kept(name: str, query: str = "SELECT url, text, date FROM documents") -> list[tuple[Any, ...]]:
    with sql.connect(f"out/{name}") as connection:
        return sorted(connection.execute(query).fetchall(), key=repr)


def files(folder: str) -> dict[str, str]:
    """SHA-256 of every file of an index."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name != "HELD_BY"
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_document_at_all() -> None:
    Path("none").mkdir()
    Path("none/0.jsonl").write_text("")
    run(write_run("none", ["url", "exact"]))
    about = json.loads(Path("index/none/index.json").read_text())
    assert {name: told["documents"] for name, told in about["passes"].items()} == {"url": 0, "exact": 0}
    write_crawl("new", 1)
    run(write_run("new", ["url: {against: [index/none]}"]))
    run(write_run("alone", ["url"], ["new"]))
    assert kept("new") == kept("alone")


@pytest.mark.parametrize(
    "step",
    [
        "url: {%s}",
        "exact: {%s}",
        "exact: {within: [language], %s}",
        "exact: {normalise: words, %s}",
        "minhash: {within: [language], %s}",
    ],
)
def test_the_new_ones_kept_are_those_that_one_run_over_all_would_keep(step: str) -> None:
    for seed, name in enumerate(["first", "second", "third"]):
        write_crawl(name, seed)
    run(write_run("first", [step % ""]), partitions=1)
    run(write_run("second", [step % "against: [index/first]"]), partitions=2)
    run(write_run("third", [step % "against: [index/first, index/second]"]), partitions=4)
    all_sources = "keep: [{source: [first, second, third]}, newest]"
    run(write_run("all", [step % all_sources], ["first", "second", "third"]))
    for name in ("first", "second", "third"):
        query = "SELECT id, url, text, date FROM documents WHERE source = '{}'"
        assert kept(name, query.format(name)) == kept("all", query.format(name))
    pass_ = step.split(":")[0]
    labels = f"SELECT id, {pass_}_cluster, {pass_}_size > 1 FROM dropped WHERE source = 'third'"
    assert kept("third", labels) == kept("all", labels)
    assert all(len(kept(name)) > 5 for name in ("first", "second", "third"))


def test_the_index_holds_what_survives_all_that_comes_after() -> None:
    write_crawl("old", 3)
    across = ["url", "exact: {rules: {}}", "rules: {german: language = 'de'}"]
    run(write_run("old", across))
    ids = kept("old", "SELECT id FROM documents")
    assert 0 < len(ids) < len(kept("old", "SELECT id FROM documents UNION SELECT id FROM dropped"))
    about = json.loads(Path("index/old/index.json").read_text())
    for name in ("url", "exact"):
        told = about["passes"][name]
        rows = [
            row for file in told["files"] for row in pq.read_table(f"index/old/{file['name']}").to_pylist()
        ]
        assert sorted((row["id"],) for row in rows) == ids
        assert told["documents"] == len(ids) == sum(file["rows"] for file in told["files"])
    assert sum(file["rows"] > 0 for file in about["passes"]["url"]["files"]) == 3


def test_the_index_knows_the_texts_as_the_pass_has_seen_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass before the cut compares whole texts, the one behind it what is left."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "passes"))
    monkeypatch.setitem(steps.PASSES, "made_cut", "made_cut")
    for name, texts in (
        ("old", ["a harbour in the north of the old town", "the market of the whole old town"]),
        ("new", ["a harbour in the north of the old town", "a  in the north of the old town"]),
    ):
        Path(name).mkdir()
        Path(name, "0.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    labels = "SELECT text, exact_rank FROM {}"
    cut, whole = "a  in the north of the old town", "a harbour in the north of the old town"
    run(write_run("old", ["exact: {normalise: none}", "made_cut: {rules: {}}"]))
    run(write_run("new", ["exact: {normalise: none, against: index/old}", "made_cut: {rules: {}}"]))
    assert kept("new", labels.format("dropped")) == [(whole, 1)]
    assert kept("new", labels.format("documents")) == [(cut, 0)]
    run(write_run("old", ["made_cut: {rules: {}}", "exact: {normalise: none}"]))
    run(write_run("new", ["made_cut: {rules: {}}", "exact: {normalise: none, against: index/old}"]))
    assert kept("new", labels.format("dropped")) == [(cut, 1), (cut, 2)]


def test_only_what_has_changed_is_written_again() -> None:
    write_crawl("old", 4)
    file = write_run("old", ["url", "exact"])
    run(file)
    before = files("index/old")
    times = {path: Path("index/old", path).stat().st_mtime_ns for path in before}
    Path("index/old/url/note.txt").write_text("mine")
    run(file)
    assert {path: Path("index/old", path).stat().st_mtime_ns for path in before} == times
    # A file of the index that is lost comes back as it was.
    lost = next(path for path in before if path.startswith("url/"))
    Path("index/old", lost).unlink()
    run(file)
    assert {path: sum_ for path, sum_ in files("index/old").items() if path != "url/note.txt"} == before
    # New documents: the files of the units that say the same as before stay.
    Path("old/9.jsonl").write_text(json.dumps({"url": "http://new.example/", "text": "quite another"}) + "\n")
    run(file)
    after = files("index/old")
    assert {path: after[path] for path in before if path != "index.json"} == {
        path: before[path] for path in before if path != "index.json"
    }
    assert len(after) == len(before) + 2 + 1
    # Other documents: their files go, and what others put there stays.
    shutil.rmtree("old")
    write_crawl("old", 5, files=1)
    run(file)
    assert len(files("index/old")) == 2 + 1 + 1
    assert Path("index/old/url/note.txt").read_text() == "mine"


def test_another_index_of_that_name_is_seen() -> None:
    for seed, name in enumerate(["old", "new"]):
        write_crawl(name, seed)
    old, new = write_run("old", ["url"]), write_run("new", ["url: {against: [index/old]}"])
    run(old)
    run(new)
    once = kept("new")
    shutil.rmtree("old")
    write_crawl("old", 7)
    run(old)
    run(new)
    assert kept("new") != once
    run(write_run("all", ["url: {keep: [{source: [old, new]}, newest]}"], ["old", "new"]))
    query = "SELECT id FROM documents WHERE source = 'new'"
    assert kept("new", query) == kept("all", query)


def test_the_plan_says_what_is_used() -> None:
    for seed, name in enumerate(["old", "new"]):
        write_crawl(name, seed)
    run(write_run("old", ["url", "exact"]))
    shown = CliRunner().invoke(app, ["plan", write_run("new", ["url: {against: [index/old]}"])])
    assert shown.exit_code == 0
    count = len(kept("old", "SELECT id FROM documents"))
    assert f"against index/old, the index of old: {count} documents" in shown.stdout
    assert "index  index/new: the documents that survive, for later runs, by url" in shown.stdout


@pytest.mark.parametrize(
    ("across", "index", "problem"),
    [
        (["containment"], "index/x", "index 'index/x': no pass of `across` can leave one; url, exact"),
        ([], "index/x", "index 'index/x': no pass of `across` can leave one"),
        (["url"], "out/new", "it is the `output` of this run; give it a folder of its own"),
        (["url"], "out/new/layers/x", "it lies in out/new/layers, which holds this run's own files; give it"),
        (["url"], "new/0.parquet", "a file is there, or on the way to it; expected a folder"),
        (["url"], "new/0.parquet/x", "a file is there, or on the way to it; expected a folder"),
        (["url: {against: index/old}"], "index/old", "pass 'url' is to compare against it"),
        (["url: {against: index/old}"], "./index/../index/old/", "pass 'url' is to compare against it"),
        (["url"], "index/old", "is the index of corpus 'old', and this one is 'new'"),
        (["url: {against: index/nowhere}"], "index/x", r"index 'index/nowhere': .*index\.json is not there"),
        (["exact: {against: index/old}"], "index/x", "has nothing for pass 'exact', only url"),
        (["url: {sources: [newer]}"], "index/x", "pass 'url': sources names source 'newer', .*'new'"),
        (["url: {keep: {source: [news]}}"], "index/x", "pass 'url': keep names source 'news'"),
        (["url: {within: [tongue]}"], "index/x", "pass 'url': within names column 'tongue', which is"),
        (["url: {keep: {highest: score}}"], "index/x", "pass 'url': keep names column 'score', which is not"),
        (["url: {keep: {lowest: text}}"], "index/x", "keep names column 'text', .* expected a column of num"),
    ],
)
def test_what_cannot_be_planned(across: list[str], index: str, problem: str) -> None:
    write_crawl("old", 1, files=1)
    run(write_run("old", ["url"]))
    Path("new").mkdir()
    pq.write_table(pa.table({"text": ["x"], "tags": [["a"]]}), "new/0.parquet")
    file = Path(write_run("new", across, index=index))
    content = file.read_text().replace("jsonl", "parquet").replace(", keep: [language]", "")
    file.write_text(content.replace("across:\n\n", ""))
    with pytest.raises(PlanError, match=problem):
        make_plan(load(str(file)))


def test_a_source_of_the_recipe_that_the_run_leaves_out_may_be_named() -> None:
    write_crawl("new", 1, files=1)
    Path("whole.yaml").write_text(
        "recipe: whole\nsources:\n  new: {read: jsonl}\n  books: {read: jsonl}\n"
        "across:\n  - url: {keep: {source: [books, new]}, sources: [new, books]}\n"
    )
    Path("run.yaml").write_text(
        "recipe: ./whole.yaml\ncorpus: x\noutput: out/x\n"
        'sources: {new: {paths: "new/*.jsonl"}}\ntripwires: off\n'
    )
    assert run("run.yaml")["across"][0]["rules"]["url_duplicate"]["documents"] > 0


def test_stopped_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goes on with other partitions: the same bytes, nothing written twice. (Kills are in test_kill.)"""
    write_crawl("old", 6, files=6, documents=10)
    file = write_run("old", ["url", "exact"])
    begun: list[IndexTask] = []

    def stops(task: IndexTask) -> dict[str, Any]:
        begun.append(task)
        if len(begun) == 8:
            raise KeyboardInterrupt
        return index_unit(task)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pipeline.indexing.index_unit", stops)
        run(file)
    new = write_run("new", ["url: {against: [index/old]}"], ["old"])
    with pytest.raises(PlanError, match=r"index\.json is not there"):
        make_plan(load(new))
    done = {path: path.stat().st_mtime_ns for path in Path("index").glob("old/*/*.parquet")}
    assert len(done) == 7
    run(file, partitions=3)
    assert done.items() <= {path: path.stat().st_mtime_ns for path in done}.items()
    stopped = files("index/old")
    assert len(stopped) == 6 * 2 + 1
    shutil.rmtree("index")
    shutil.rmtree("out")
    run(file)
    assert files("index/old") == stopped
