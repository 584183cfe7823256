"""What a disk, a terminal and other hands do to an output between two starts. In process."""

import json
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import sql, steps
from pipeline.config import load
from pipeline.errors import PlanError, StoreError
from pipeline.hold import hold
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings
from pipeline.stopping import stoppable

Sums = Callable[[Path], dict[str, str]]

RUN = """
corpus: hostile
output: {output}
sources:
  notes: {{read: jsonl, paths: "notes-*.jsonl"}}
across:
  - exact: {{rules: {{copy: exact_rank > {rank}}}}}
tripwires: off
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """run(output, rank): the manifest of a run over three files of four notes, two of each the same."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        lines = [json.dumps({"text": f"the note {number} {at // 2}"}) + "\n" for at in range(4)]
        (tmp_path / f"notes-{number}.jsonl").write_text("".join(lines))

    def run_file(output: str = "out", rank: int = 0) -> dict[str, Any]:
        Path("run.yaml").write_text(RUN.format(output=output, rank=rank))
        return Run(make_plan(load("run.yaml")), Settings("inline"), Progress(quiet=True))()

    return run_file


def test_inputs_that_are_gone_are_in_no_view(run: Callable[..., dict[str, Any]]) -> None:
    run()
    Path("notes-1.jsonl").unlink()
    assert run()["sources"]["notes"]["documents"] == 8
    with sql.connect("out") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(4,)]
        assert connection.execute("SELECT count(*) FROM dropped").fetchall() == [(4,)]
        assert connection.execute("SELECT count(*) FROM units").fetchall() == [(2,)]


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_labels_of_other_rules_serve_only_where_they_are_whole(
    run: Callable[..., dict[str, Any]], sums: Sums, harm: str
) -> None:
    run(rank=0)
    labels = next(Path("out/layers").glob("1-exact-*/labels/*"))
    if harm == "cut":
        labels.write_bytes(labels.read_bytes()[:-9])
    else:
        labels.unlink()
    run(rank=1)
    told = sums(Path("out/shards"))
    run("other", rank=1)
    assert told == sums(Path("other/shards"))


def test_a_manifest_that_was_changed_is_made_again(run: Callable[..., dict[str, Any]], sums: Sums) -> None:
    run()
    before = sums(Path("out"))
    for path in Path("out").glob("*/*/units/*.json"):
        path.write_text(path.read_text().replace('"documents": 4', '"documents": 5'))
    run()
    assert sums(Path("out")) == before


def test_what_a_pass_reads_may_not_change_under_it(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = steps.pass_("exact")
    said = iter(["planned"])
    changing = replace(given, fingerprint=lambda _: next(said, "changed"))
    monkeypatch.setattr(steps, "pass_", lambda *_: changing)
    with pytest.raises(PlanError, match=r"pass 'exact'.*was changed since the run began; start again"):
        run()
    assert list(Path("out/layers").glob("*/labels/*")) == list(Path("out/layers").glob("*/scratch-*")) == []


def test_a_full_disk_is_told_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(StoreError, match="HELD_BY: cannot be written"), hold(str(tmp_path / "out")):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
