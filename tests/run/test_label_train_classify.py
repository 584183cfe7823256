"""Labels by a language model, a classifier trained on them, the crawl scored with it: the whole loop by its
commands, against a server that answers by a rule that only it knows."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.cli import main

LEARNING = (
    "isotope",
    "glacier",
    "theorem",
    "enzyme",
    "treaty",
    "sonnet",
    "orbit",
    "fossil",
    "syntax",
    "harmonic",
)
SELLING = (
    "coupon",
    "checkout",
    "jackpot",
    "giveaway",
    "wishlist",
    "promo",
    "casino",
    "refund",
    "upsell",
    "bonus",
)
COMMON = ("the", "of", "and", "a", "is", "in", "this", "with", "many", "we", "also", "on", "page", "one")
DOCUMENTS, ASKED, AT_ONCE = 600, 300, 8

RUN = """\
corpus: made
output: out
sources:
  pages:
    read: jsonl
    paths: "pages-*.jsonl"
{steps}tripwires: off
"""
SCORED = """\
    steps:
      - classify: models/edu
      - rules: {not_educational: edu_score < 0.5}
"""


def grade(text: str) -> int:
    """The rule: 0 to 5, by which of the two kinds of words the text has."""
    words = Counter(re.findall("[a-z]+", text))
    good, bad = (sum(words[word] for word in kind) for kind in (LEARNING, SELLING))
    return round(5 * good / max(good + bad, 1))


def document(rng: random.Random, number: int) -> dict[str, str]:
    share = rng.random()
    words = [
        rng.choice(COMMON if rng.random() < 0.6 else LEARNING if rng.random() < share else SELLING)
        for _ in range(rng.randint(60, 120))
    ]
    url = f"https://site-{number % 97}.example/{number}"
    return {"text": f"Document {number}. " + " ".join(words), "url": url}


def winnow(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    wide = {**os.environ, "COLUMNS": "200"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, env=wide, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def here(folder: Path, *arguments: str) -> None:
    """The command line in this process: starting another takes longer than most that is done here."""
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert not ended.value.code


def auc(scores: Any, positive: Any) -> float:
    order = np.argsort(np.argsort(scores, kind="stable"), kind="stable")
    good = int(positive.sum())
    return float((order[positive].sum() - good * (good - 1) / 2) / (good * (len(scores) - good)))


def number_of(body: dict[str, Any]) -> int:
    found = re.search(r"Document (\d+)\.", body["messages"][-1]["content"])
    assert found is not None
    return int(found[1])


def test_the_loop(
    tmp_path: Path, llm: Any, run_winnow: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(11)
    texts = [document(rng, number) for number in range(DOCUMENTS)]
    for part in range(3):
        lines = [json.dumps(each) for each in texts[part::3]]
        (tmp_path / f"pages-{part}.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "run.yaml").write_text(RUN.format(steps=""), "utf-8")
    here(tmp_path, "run", "run.yaml", "--engine", "inline", "-q")

    answered: list[int] = []
    killed = threading.Event()

    def answer(body: dict[str, Any]) -> str:
        if len(answered) >= ASKED // 2:
            killed.wait(60)  # until there is nobody to hear it
        number = number_of(body)
        answered.append(number)
        return json.dumps({"reason": "by the rule", "label": str(grade(texts[number]["text"]))})

    llm.answer = answer
    asking = ["label", "run.yaml", "--prompt", "educational_quality", "--endpoint", llm.url]
    asking += ["--model", "made", "--out", "labels/edu", "--sample", str(ASKED), "--yes"]
    asking += ["--concurrency", str(AT_ONCE)]
    first = winnow(tmp_path, *asking)
    while len(answered) < ASKED // 2 or llm.working < AT_ONCE:
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    killed.set()
    while llm.working:
        time.sleep(0.01)
    assert ASKED // 2 <= len(answered) <= ASKED // 2 + 2 * AT_ONCE
    here(tmp_path, *asking)
    # Asked again are those alone whose answers were on their way when the process was killed.
    times = Counter(answered)
    assert len(times) == ASKED and set(times.values()) == {1, 2}
    assert len(answered) - ASKED <= AT_ONCE
    labels = pq.read_table(tmp_path / "labels/edu/labels.parquet").to_pylist()
    assert len(labels) == ASKED and all(row["label"] == str(grade(row["text"])) for row in labels)

    small = ("-o", "dim=8", "-o", "buckets=1000", "-o", "epoch=20")
    here(tmp_path, "train", "models/edu", "--labels", "labels/edu", "--at-least", "3", *small)
    assert (tmp_path / "models/edu/CARD.md").is_file()

    (tmp_path / "run.yaml").write_text(RUN.format(steps=SCORED), "utf-8")
    run_winnow(tmp_path, "run", "run.yaml", "-q")
    query = (
        "SELECT *, (SELECT fingerprint FROM steps WHERE step = 'classify') AS fingerprint FROM ("
        "SELECT text, edu_score, edu_label, true AS kept FROM documents UNION ALL "
        "SELECT text, edu_score, edu_label, false FROM dropped)"
    )
    capsys.readouterr()
    here(tmp_path, "sql", "out", query, "--format", "json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == DOCUMENTS
    good = np.array([grade(row["text"]) >= 3 for row in rows])
    asked = {row["text"] for row in labels}
    unseen = np.array([row["text"] not in asked for row in rows])
    scores, kept_ = (np.array([row[name] for row in rows]) for name in ("edu_score", "kept"))
    assert auc(scores[unseen], good[unseen]) > 0.98
    assert (kept_ == good)[unseen].mean() > 0.9
    assert [row["edu_label"] for row in rows] == ["yes" if score >= 0.5 else "no" for score in scores]

    manifest = json.loads((tmp_path / "out/manifest.json").read_text("utf-8"))
    [step] = [step for step in manifest["sources"]["pages"]["steps"] if step["name"] == "classify"]
    assert re.fullmatch("edu sha256:[0-9a-f]{64}", step["fingerprint"])
    assert {row["fingerprint"] for row in rows} == {step["fingerprint"]}
