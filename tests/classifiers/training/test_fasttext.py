"""Models that fastText's own code trains, read by it, by the package fasttext and by winnow's kernels."""

import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fasttext as packaged
import floret
import numpy as np
import psutil
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from classifiers.model import Model
from classifiers.training import floret_process
from classifiers.training.fasttext import OPTIONS, epochs, fit, one_line, times
from classifiers.training.task import Examples, Task
from pipeline.errors import EngineError, PlanError
from text.fasttext import FastText
from text.strings import Strings

SMALL = {"dim": 8, "buckets": 500, "epoch": 5, "min_count": 1}
WORDS = {"cat": "purr mouse whisker fur", "dog": "bark bone leash fur", "eel": "water slime fin gill"}
TASK = Task("pets", ("cat", "dog", "eel"), "top")


def made(count: int, seed: int = 0) -> Examples:
    """Texts whose words tell their label, mostly."""
    rng = np.random.Generator(np.random.PCG64(seed))
    labels = np.arange(count) % 3
    texts = []
    for label in labels:
        own = WORDS[TASK.labels[label]].split()
        texts.append(" ".join(rng.choice([*own, *own, "the", "a", "Straße", "ночь", "鳥"], 12)))
    return Examples(pa.array(texts, pa.large_string()), labels, np.full(count, np.nan), np.ones(count))


def trained(folder: Path, examples: Examples, task: Task = TASK, **options: Any) -> tuple[bytes, Model]:
    folder.mkdir()
    model = fit(examples, made(30, 1), task, OPTIONS(**{**SMALL, **options}), folder)
    assert [file.name for file in folder.iterdir()] == ["model.bin"], "nothing else is left"
    return (folder / "model.bin").read_bytes(), model


SEPARATORS = " \t\n\v\f\r\0"


def tokens(text: str) -> list[str]:
    """As fastText cuts a text: up to `</s>`, and what looks like a label is no word."""
    found = [token for token in re.split(f"[{SEPARATORS}]", text) if token]
    found = found[: found.index("</s>")] if "</s>" in found else found
    return [token for token in found if not token.startswith("__label__")]


pieces = st.sampled_from(
    [*SEPARATORS, "</s>", "__label__", "__label__cat", "x", "ß", "\u00a0", "\u2028", "</s", "İ"]
)


@given(st.lists(st.lists(pieces, max_size=12).map("".join), max_size=5))
def test_a_training_line_is_what_is_scored(texts: list[str]) -> None:
    found = one_line(pa.array(texts, pa.large_string()), False).to_pylist()
    for text, line in zip(texts, found, strict=True):
        assert not set(line) & set(SEPARATORS[1:])
        assert [token for token in line.split(" ") if token] == tokens(text)


def test_lower_case_as_in_scoring() -> None:
    assert one_line(pa.array(["ÀB\nc"], pa.large_string()), True).to_pylist() == ["àb c"]
    assert one_line(pa.array([], pa.large_string()), True).to_pylist() == []


@pytest.mark.parametrize(
    "options",
    [
        {"word_ngrams": 1},
        {"word_ngrams": 3},
        {"min_chars": 2, "max_chars": 4, "loss": "hs"},
        {"loss": "ova", "word_ngrams": 2},
        {"quantise": True, "cutoff": 300, "word_ngrams": 2},
    ],
    ids=str,
)
def test_all_readers_agree(tmp_path: Path, options: dict[str, Any]) -> None:
    content, model = trained(tmp_path / "m", made(120), **options)
    assert model.labels == ("cat", "dog", "eel")
    # Floret's own file has two numbers more.
    (tmp_path / "floret.bin").write_bytes(content[:52] + struct.pack("<ii", 1, 1) + content[52:])
    theirs = floret.load_model(str(tmp_path / "floret.bin"))
    package = packaged.load_model(str(tmp_path / "m" / "model.bin"))
    ours = FastText(tmp_path / "m" / "model.bin")
    texts = [*made(20, 7).texts.to_pylist(), "", "nothing known", "fur fur __label__cat fur"]
    labels, scores = ours.predict(Strings.of(pa.array(texts, pa.large_string())), 3)
    for row, text in enumerate(texts):
        expected = {name: share for share, name in theirs.f.predict(text + "\n", 3, -1.0, "strict")}
        names = [f"__label__{ours.labels[label]}" for label in labels[row]]
        assert dict(zip(names, scores[row].tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
        assert dict(zip(*package.predict(text, 3), strict=True)) == pytest.approx(expected, abs=1e-5)


def test_the_same_bytes_again(tmp_path: Path) -> None:
    content, model = trained(tmp_path / "a", made(60))
    assert trained(tmp_path / "b", made(60)) == (content, model)
    other = Task("pets", TASK.labels, "top", seed=1)
    assert trained(tmp_path / "c", made(60), other)[0] != content
    assert model.trained["fasttext"]["dim"] == 8
    assert model.trained["floret"]


def test_labels_within_texts_teach_nothing(tmp_path: Path) -> None:
    clean = made(60)
    odd = [f"__label__dog\n{text}\t__label__eel </s> bark __label__x" for text in clean.texts.to_pylist()]
    dirty = Examples(pa.array(odd, pa.large_string()), clean.labels, clean.targets, clean.weights)
    assert trained(tmp_path / "a", dirty)[0] == trained(tmp_path / "b", clean)[0]


def test_weights_are_times() -> None:
    assert times(np.zeros(0), 0).tolist() == []
    assert times(np.array([2.0, 1.0, 3.0, 1e9]), 0).tolist() == [2, 1, 3, 50]
    found = times(np.array([1.0, *[1.25] * 4000]), 0)
    assert found[0] == 1
    assert found[1:].mean() == pytest.approx(1.25, abs=0.03)


def test_a_heavy_label_is_said_more_often(tmp_path: Path) -> None:
    even = made(60)
    heavy = Examples(even.texts, even.labels, even.targets, np.where(even.labels == 2, 20.0, 1.0))
    blank = Strings.of(pa.array(["the a"], pa.large_string()))
    shares = []
    for name, examples in (("even", even), ("heavy", heavy)):
        trained(tmp_path / name, examples)
        model = FastText(tmp_path / name / "model.bin")
        labels, scores = model.predict(blank, 3)
        shares.append(scores[0][[model.labels[label] for label in labels[0]].index("eel")])
    assert shares[0] < 0.6 < shares[1]


def test_epochs_by_examples() -> None:
    assert [epochs(count) for count in (0, 100, 5000, 100_000, 10**7)] == [50, 50, 20, 5, 5]


def test_search_ends_in_a_model_that_its_arguments_give(tmp_path: Path) -> None:
    content, model = trained(tmp_path / "a", made(60), autotune=1, autotune_metric="f1:eel")
    found = model.trained["fasttext"]
    assert (found["dim"], found["epoch"], found["bucket"]) == (8, 5, 500), "what was asked for stays"
    again = OPTIONS(
        **{**SMALL, "lr": found["lr"], "word_ngrams": found["wordNgrams"]},
        min_chars=found["minn"],
        max_chars=found["maxn"],
    )
    (tmp_path / "b").mkdir()
    fit(made(60), made(30, 1), TASK, again, tmp_path / "b")
    assert (tmp_path / "b" / "model.bin").read_bytes() == content


SEARCH = """
import json, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
job = json.load(sys.stdin)
starts = pathlib.Path(job["answer"]).with_name("starts")
starts.write_text((starts.read_text() if starts.exists() else "") + "x")
print({begins!r}, file=sys.stderr, flush=True)
if {ticks} or len(starts.read_text()) == 3:
    print("Progress: 1%", file=sys.stderr, flush=True)
if len(starts.read_text()) == 3:
    pathlib.Path(job["answer"]).write_text('{{"arguments": {{"lr": 1}}}}')
else:
    time.sleep(60)
"""


def test_a_search_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """floret's clock stops in one of three, and an interrupt is not always obeyed."""
    told = {"begins": floret_process._BEGINS}
    monkeypatch.setattr(floret_process, "_SILENT", 0.1)
    monkeypatch.setattr(floret_process, "MAIN", SEARCH.format(ticks=False, **told))
    assert floret_process.search({"autotuneDuration": 1}, (), tmp_path) == {"lr": 1}
    assert (tmp_path / "starts").read_text() == "xxx"
    (tmp_path / "starts").unlink()
    monkeypatch.setattr(floret_process, "_STARTS", 1)
    with pytest.raises(EngineError, match="its clock stopped 1 times"):
        floret_process.search({"autotuneDuration": 1}, (), tmp_path)
    monkeypatch.setattr(floret_process, "MAIN", SEARCH.format(ticks=True, **told))
    monkeypatch.setattr(floret_process, "_GRACE", 0.0)
    with pytest.raises(EngineError, match=r"did not end within 0 seconds .*-o autotune=300"):
        floret_process.search({"autotuneDuration": 0.1}, (), tmp_path)


def test_faults_are_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"learning rate is too high .*-o lr"):
        trained(tmp_path / "a", made(60), lr=10, epoch=500)
    assert list((tmp_path / "a").iterdir()) == [], "nothing half is left"
    with pytest.raises(PlanError, match="autotune_metric 'f1:bird': expected f1 or f1:LABEL"):
        trained(tmp_path / "b", made(60), autotune=1, autotune_metric="f1:bird")
    with pytest.raises(PlanError, match="min_chars 5 is above max_chars 3"):
        trained(tmp_path / "c", made(60), min_chars=5, max_chars=3)
    with pytest.raises(PlanError, match="cannot learn a number"):
        trained(tmp_path / "d", made(60), Task("x", ("1", "2"), "value", range=(1, 2)))
    with pytest.raises(ValidationError, match="found 40; expected 0, or 256 or more"):
        OPTIONS(cutoff=40)
    with pytest.raises(ValidationError, match="expected bytes"):
        OPTIONS(autotune_size="2 MB")


def test_a_killed_trainer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floret_process, "MAIN", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert "give fewer: -o buckets=" in floret_process._why("std::bad_alloc", 1, "")
    with pytest.raises(EngineError, match=r"runs out of memory: .* buckets="):
        trained(tmp_path / "a", made(6))
    monkeypatch.setattr(floret_process, "MAIN", "print('odd'); raise SystemExit(7)")
    with pytest.raises(EngineError, match=r"without a model \(status 7\): odd"):
        trained(tmp_path / "b", made(6))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process cannot even say what became of it: /dev/full has no room for a byte."""
    fake = (
        "import io, json, sys; job = json.load(sys.stdin); job['answer'] = '/dev/full';"
        "from classifiers.training import floret_process as p; p._train = lambda job: {};"
        "sys.stdin = io.StringIO(json.dumps(job)); p.main()"
    )
    monkeypatch.setattr(floret_process, "MAIN", fake)
    with pytest.raises(OSError, match="No space left on device"):
        floret_process._ask({"train": {}, "quantise": None, "model": ""}, tmp_path)


def test_the_trainer_dies_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("__label__a x y z\n__label__b u v w\n" * 50)
    job = {"input": str(tmp_path / "texts"), "epoch": 1000000, "thread": 1, "verbose": 0, "dim": 100}
    code = (
        "from pathlib import Path; from classifiers.training import floret_process as p; "
        f"p.train({job!r}, None, Path({str(tmp_path / 'm')!r}))"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths})
    try:
        children: list[psutil.Process] = []
        while not children and parent.poll() is None:
            children = psutil.Process(parent.pid).children()
            time.sleep(0.02)
        while children[0].is_running() and "floret" not in str(children[0].memory_maps()):
            time.sleep(0.02)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        gone, alive = psutil.wait_procs(children, timeout=10)
        assert gone and not alive
    finally:
        parent.kill()
