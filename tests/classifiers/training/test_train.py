"""From inputs to a folder: whole or not at all, with a card that tells what its report holds."""

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from classifiers.classify import STAGE, Options
from classifiers.model import digest, load_model
from classifiers.training import fasttext, floret_process, report
from classifiers.training.data import examples, gather, make_task
from classifiers.training.inputs import DOCUMENTS, Input
from classifiers.training.split import shares
from classifiers.training.train import Asked, check, cross_validate, summary, train
from pipeline.batch import Batch
from pipeline.errors import EngineError, PlanError, StoreError

SMALL = {"dim": 8, "buckets": 500, "epoch": 20, "min_count": 1}
GRADES: Sequence[str] = ("advert cheap buy", "story forest night", "theorem proof lemma")


def documents(count: int, labels: Sequence[str], flawed: int = 0) -> Input:
    """Texts of 40 sites whose words tell their label; the first `flawed` have the next one."""
    rng = np.random.Generator(np.random.PCG64(5))
    rows = []
    for at in range(count):
        words = GRADES[at % len(labels)].split()
        rows.append(
            {
                "id": f"id{at:04d}",
                "text": " ".join(rng.choice([*words, "the", "of", *(f"w{n}x" for n in "abcdefgh")], 30)),
                "label": labels[(at + (at < flawed)) % len(labels)],
                "url": f"https://www.site{at % 40}.org/{at}",
                "source": "web" if at % 3 else "books",
                "language": ("en", "de")[at // 3 % 2],
                "weight": 1.0 + at % 2,
            }
        )
    return Input("made", "f" * 64, pa.Table.from_pylist(rows, schema=DOCUMENTS), {"kind": "a table"})


def asked(folder: Path, **more: Any) -> Asked:
    return Asked(
        **{"folder": str(folder), "name": "good", "options": SMALL, "command": "winnow train x", **more}
    )


def silent(line: str) -> None:
    del line


def test_a_model_with_its_card(tmp_path: Path) -> None:
    shares_ = {"validation": 0.2, "test": 0.3}
    told: list[str] = []
    found = train(
        asked(tmp_path / "m" / "good", folds=3, **shares_), [documents(400, ("no", "yes"), 8)], told.append
    )
    folder = tmp_path / "m" / "good"
    assert sorted(file.name for file in folder.iterdir()) == [
        "CARD.md",
        "model.bin",
        "model.yaml",
        "report.json",
    ]
    assert json.loads((folder / "report.json").read_text()) == found
    model = load_model(folder)
    assert (model.score, model.positive, model.languages) == ("probability", "yes", ("en", "de"))
    assert model.threshold == found["test"]["binary"]["chosen"]["threshold"]
    assert model.trained["from"] == [{"name": "made", "sha256": "f" * 64}]
    assert found["sha256"] == digest(folder)
    assert set(model.files) == {"model.bin"}
    assert found["test"]["binary"]["auc"] > 0.9
    assert found["folds"]["documents"] == 400
    assert found["folds"]["binary"]["auc"] > 0.9
    split = found["split"]
    assert sum(split[side]["documents"] for side in ("train", "validation", "test")) == 400
    assert sum(split[side]["groups"] for side in ("train", "validation", "test")) == 40
    assert [row["language"] for row in found["test"]["by_language"]] == ["en", "de"]
    assert "kept" in found["test"]["binary"]["chosen"]["run"], "by weight too"
    card = (folder / "CARD.md").read_text()
    for said in (
        "# good",
        "good_score <",
        "winnow train x",
        "## Thresholds",
        "## Cross-validation",
        "kept of the run",
    ):
        assert said in card
    assert "Licence of the training data: not stated" in card
    assert told[0].startswith("train ")
    assert summary(asked(folder), found)[0].startswith("test side, ")
    again = train(asked(tmp_path / "again", **shares_), [documents(400, ("no", "yes"), 8)], silent)
    assert again["sha256"] == found["sha256"], "the same documents give the same model"


def test_what_the_card_says_is_what_the_step_does(tmp_path: Path) -> None:
    given = documents(300, ("no", "yes"))
    found = train(asked(tmp_path / "m", lowercase=True), [given], silent)
    options = Options(model=str(tmp_path / "m"))
    assert STAGE.of is not None
    measure = STAGE.of(options).open(options)
    scores = measure(Batch(given.documents))[0].to_numpy()
    texts = given.documents["text"].to_pylist()
    wrong = {row["id"]: row["score"] for row in found["test"]["wrong"]}
    ids = given.documents["id"].to_pylist()
    assert wrong
    for name, score in wrong.items():
        assert scores[ids.index(name)] == pytest.approx(score, rel=1e-5), texts[ids.index(name)]


def test_grades(tmp_path: Path) -> None:
    graded = replace(documents(400, ("0", "2", "5")), about={"kind": "labels of a language model"})
    found = train(asked(tmp_path / "m"), [graded], silent)
    model = load_model(tmp_path / "m")
    assert (model.score, model.labels) == ("expected", ("0", "2", "5"))
    assert found["test"]["binary"]["positive"] == "grade 5 or more"
    assert found["test"]["grades"]["spearman"] > 0.8
    assert found["test"]["grades"]["mean_absolute_error"] < found["test"]["grades"]["of_the_mean"]
    card = (tmp_path / "m" / "CARD.md").read_text()
    assert "## Grades" in card
    assert f"model: {tmp_path / 'm'}\n" in card, "as it was called, to be copied"
    assert "count as grades" not in card
    train(asked(tmp_path / "n o"), [documents(400, ("0", "1", "2"))], silent)
    card = (tmp_path / "n o" / "CARD.md").read_text()
    assert "Labels 0, 1, 2 are numbers and count as grades" in card, "which codes of names are not"
    assert f'model: "{tmp_path / "n o"}"\n' in card


def test_labels_without_an_order(tmp_path: Path) -> None:
    found = train(asked(tmp_path / "m"), [documents(400, ("ads", "fiction", "maths"))], silent)
    assert load_model(tmp_path / "m").threshold is None
    assert "binary" not in found["test"]
    assert found["test"]["labels"]["micro_f1"] > 0.8
    assert found["test"]["labels"]["names"] == ["ads", "fiction", "maths"]


def test_a_label_that_training_lacks_is_not_learnt(tmp_path: Path) -> None:
    given = documents(300, ("a", "b"))
    table = given.documents.to_pylist()
    lone = [
        {**row, "id": f"lone{at}", "text": f"lone {row['text']}", "label": "c", "url": "http://lone.org"}
        for at, row in enumerate(table[:5])
    ]
    both = Input("both", "", pa.Table.from_pylist([*table, *lone], schema=DOCUMENTS))
    told: list[str] = []
    sites = pa.array(["lone.org"])
    seed = next(seed for seed in range(100) if shares(sites, seed)[0] < 0.1)  # a site of the test side
    train(asked(tmp_path / "m", seed=seed), [both], told.append)
    assert any("label c is on the training side: it is not learnt" in line for line in told)
    assert load_model(tmp_path / "m").labels == ("a", "b")


def test_a_folder_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f".m.{2**22 + 7}.tmp").mkdir()  # of one that was killed
    with monkeypatch.context() as broken, pytest.raises(EngineError, match="without a model"):
        broken.setattr(floret_process, "MAIN", "raise SystemExit(7)")
        train(asked(tmp_path / "m"), [documents(100, ("a", "b"))], silent)
    assert list(tmp_path.iterdir()) == []
    train(asked(tmp_path / "m"), [documents(100, ("a", "b"))], silent)
    before = digest(tmp_path / "m")
    with pytest.raises(PlanError, match="m: is there; --overwrite replaces a model"):
        train(asked(tmp_path / "m"), [documents(100, ("a", "b"))], silent)

    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fasttext, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(asked(tmp_path / "m", overwrite=True), [documents(100, ("a", "b"))], silent)
    assert [file.name for file in tmp_path.iterdir()] == ["m"]
    assert digest(tmp_path / "m") == before
    monkeypatch.undo()
    train(asked(tmp_path / "m", overwrite=True, seed=3), [documents(100, ("a", "b"))], silent)
    after = digest(tmp_path / "m")
    assert after != before
    assert os.listdir(tmp_path) == ["m"]

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "model.yaml")

    monkeypatch.setattr(fasttext, "fit", full)
    with pytest.raises(StoreError, match="m: No space left on device; make room"):
        train(asked(tmp_path / "m", overwrite=True), [documents(100, ("a", "b"))], silent)
    assert os.listdir(tmp_path) == ["m"]
    monkeypatch.undo()
    (tmp_path / "m").rename(tmp_path / f".m.old.{2**22 + 7}.tmp")  # killed between two renames
    with pytest.raises(PlanError, match="m: is there"):
        check(asked(tmp_path / "m"))
    assert digest(tmp_path / "m") == after


def test_what_cannot_be_asked(tmp_path: Path) -> None:
    for more, said in (
        ({"kind": "fastext"}, "--kind 'fastext': did you mean 'fasttext'"),
        ({"options": {"epochs": 5}}, "-o epochs: no such option; did you mean 'epoch'"),
        ({"options": {"dim": "big"}}, "-o dim: "),
        ({"test": 0.0}, r"--validation 0\.1, --test 0: expected shares above 0"),
        ({"validation": 0.6, "test": 0.5}, "that leave some for training"),
    ):
        with pytest.raises(PlanError, match=said):
            check(asked(tmp_path / "m", **more))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(PlanError, match="holds no model"):
        check(asked(tmp_path / "other", overwrite=True))
    with pytest.raises(PlanError, match="of 1 group"):
        table = documents(50, ("a", "b")).documents
        alone = table.set_column(3, DOCUMENTS.field("url"), pa.array(["http://one.org"] * 50))
        train(asked(tmp_path / "m"), [Input("one", "", alone)], silent)


def test_cross_validation_never_scores_what_was_learnt() -> None:
    """Labels that hang on the site alone: a model that has seen the site knows them, another cannot."""
    table = gather([documents(240, ("a", "b"))]).documents
    sites = table["group"].to_pylist()
    names = {site: "ab"[at % 2] for at, site in enumerate(sorted(set(sites)))}
    marked = ["it said " + "".join("abcdefghij"[int(digit)] for digit in site[4:-4]) * 9 for site in sites]
    table = table.set_column(1, DOCUMENTS.field("text"), pa.array(marked, pa.large_string()))
    table = table.set_column(2, DOCUMENTS.field("label"), pa.array([names[site] for site in sites]))
    task = make_task("x", ("a", "b"), "fasttext")
    given = examples(table, task)
    answers = cross_validate(given, table["group"].combine_chunks(), task, "fasttext", SMALL, 4)
    assert answers.shape == (240, 2)
    assert np.isfinite(answers).all()
    right = (answers.argmax(axis=1) == given.labels).mean()
    assert 0.2 < right < 0.8


def test_judging_answers() -> None:
    table = gather([documents(60, ("0", "1", "2"))]).documents
    task = make_task("x", ("0", "1", "2"), "embedding")
    model = task.model("embedding")
    given = examples(table, task)
    answers = np.clip(given.targets, 0, 2)[:, None].astype(np.float32)
    answers[0] = np.nan
    judged = report.judge(table, given, task, model, answers)
    assert (judged.scores[0], judged.found[0]) == (0.0, -1), "the least score, and no label"
    assert (judged.found[1:] == given.labels[1:]).all()
    assert report.cut_of(task, None) == 1
    assert report.cut_of(task, 2) == 2
    found = report.evaluate(judged, task, 0.5, None)
    assert found["grades"]["mean_absolute_error"] < 0.05
    nothing = report.evaluate(judged.take(np.zeros(60, np.bool_)), task, 0.5, None)
    assert nothing["binary"]["auc"] is None
    json.dumps(nothing, allow_nan=False)
