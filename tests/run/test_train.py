"""`winnow train` as a person types it: from two runs' documents to a model that a third run uses."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
import yaml

from pipeline.cli import main

RUN = """
corpus: {name}
output: {name}
sources:
  notes: {{read: jsonl, paths: [{name}.jsonl], steps: {steps}}}
tripwires: off
"""
GOOD = ("theorem", "proof", "lemma", "orbit", "energy", "river", "history")
BAD = ("cheap", "casino", "click", "coupon", "basket", "discount", "login")


def write_run(folder: Path, name: str, words: tuple[str, ...], steps: str = "[]") -> str:
    rng = random.Random(name)
    with (folder / f"{name}.jsonl").open("w") as file:
        for at in range(200):
            text = " ".join(rng.choices([*words, "the", "of", "and"], k=40)) + "."
            file.write(json.dumps({"text": text, "url": f"https://{name}-{at % 50}.org/{at}"}) + "\n")
    (folder / f"{name}.yaml").write_text(RUN.format(name=name, steps=steps))
    return f"{name}.yaml"


def winnow(*arguments: str) -> int:
    """The command line in this process and folder: starting another takes longer than what is done here."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outputs of two runs: `cited` and `random`."""
    place = tmp_path_factory.mktemp("train")
    with contextlib.chdir(place):
        for name, words in (("cited", GOOD), ("random", BAD)):
            assert winnow("run", write_run(place, name, words), "--engine", "inline", "--quiet") == 0
    return place


@pytest.fixture
def folder(outputs: Path) -> Iterator[Path]:
    with contextlib.chdir(outputs):
        yield outputs


SETS = ("--positive", "cited", "--negative", "random.yaml")
QUICK = ("-o", "dim=8", "-o", "buckets=500", "-o", "epoch=20")


def test_from_two_runs_to_a_third(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--positive-where", "text NOT LIKE 'lemma%'", "--limit", "150", "--licence", "made up")
    assert winnow("train", "models/cited", *SETS, *QUICK, *where) == 0
    assert "test side, " in capsys.readouterr().out
    model = yaml.safe_load((folder / "models/cited/model.yaml").read_text())
    assert (model["name"], model["labels"]) == ("cited", ["negative", "positive"])
    assert model["positive"] == "positive"
    report = json.loads((folder / "models/cited/report.json").read_text())
    assert [each["name"] for each in report["inputs"]] == ["cited", "random.yaml"]
    assert [each["documents"] for each in report["inputs"]] == [150, 150]
    assert report["inputs"][0]["where"] == "(text NOT LIKE 'lemma%')"
    assert report["test"]["binary"]["auc"] > 0.95
    assert report["command"].startswith("winnow train models/cited --positive cited ")
    card = (folder / "models/cited/CARD.md").read_text()
    assert "made up" in card
    assert "registered domain" in card
    steps = f"[{{classify: {{model: models/cited, rules: {{low: cited_score < {model['threshold']}}}}}}}]"
    write_run(folder, "third", (*GOOD, *GOOD[:3], BAD[0]), steps)
    assert winnow("run", "third.yaml", "--engine", "inline", "--quiet") == 0
    query = "SELECT count(*) AS n, min(cited_score) AS least FROM documents"
    capsys.readouterr()
    assert winnow("sql", "third", query, "--format", "json") == 0
    row = json.loads(capsys.readouterr().out)
    assert row["n"] > 150
    assert row["least"] >= model["threshold"]


def test_faults_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fsspec.filesystem("memory").put(str(folder / "cited"), "/far", recursive=True)
    for arguments, said in (
        ((), "nothing to learn from: give --labels, --table, or --positive and --negative"),
        (("--positive", "cited"), "--positive and --negative: one without the other"),
        ((*SETS, "--positive-where", "wods > 3"), "wods"),
        ((*SETS, "--where", "text = ''"), "no document for which"),
        ((*SETS, "--group", "sites"), "--group 'sites': no column of cited"),
        ((*SETS, "-o", "dims=8"), "-o dims: no such option; did you mean 'dim'?"),
        (
            (*SETS, "--kind", "embedding", "--embed", "{statik: x}"),
            "-o embed.statik: no such option; did you mean ",
        ),
        ((*SETS, "--kind", "embedding", "--embed", "static"), "-o embed: found 'static'; expected "),
        ((*SETS, "--kind", "embedding"), "-o embed: is missing; expected "),
        ((*SETS, "-o", "dim"), "-o 'dim': expected NAME=VALUE"),
        ((*SETS, "--balance", "yes"), "--balance 'yes': expected none or weights"),
        (
            ("--table", "random.csv", "--documents", "kep"),
            "--documents 'kep': expected kept, dropped or both",
        ),
        (("--positive", "cited", "--negative", "nowhere"), "nowhere: no such file"),
        (("--labels", "cited"), "no labels.parquet is there"),
        (
            ("--positive", "memory://far", "--negative", "random.yaml", "--where", "text = ''"),
            "memory://far: no document for which",
        ),
        (("--labels", "memory://cited"), "labels 'memory://cited': expected a folder on this machine"),
        (
            ("--table", "memory://cited.csv"),
            "memory://cited.csv: no run of winnow is there (no plan.json), and",
        ),
    ):
        assert winnow("train", "models/none", *arguments) == 2, arguments
        assert said in capsys.readouterr().err
    assert winnow("train", "memory://none", *SETS) == 2
    assert "memory://none: expected a folder on this machine: copy the model" in capsys.readouterr().err
    assert winnow("train", "models/2nd", *SETS) == 2
    assert (
        "--name '2nd' (of the folder: give another by --name): expected small letters"
        in capsys.readouterr().err
    )
    assert winnow("train", "cited.jsonl/x", *SETS, *QUICK) == 2
    assert "cited.jsonl/x: cannot be made here: cited.jsonl: File exists" in capsys.readouterr().err
    assert not (folder / "models/none").exists()


def test_stopped_it_leaves_nothing(folder: Path) -> None:
    endless = ("-o", "epoch=1000", "-o", "dim=1024", "-o", "buckets=500")
    command = [sys.executable, "-m", "pipeline", "train", "stopped/m", *SETS, *endless]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    while not list((folder / "stopped").glob(".m.*.tmp/.texts-*/train.txt")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped; no model was written" in said
    assert list((folder / "stopped").iterdir()) == []
