"""A pass for tests: two rounds of tasks, each of which notes in a folder that it has been carried out and
leaves a file that the second round reads."""

import os
import time
import uuid
from functools import partial

import pyarrow as pa
from pydantic import Field

from pipeline.corpus import Corpus, CorpusUnit
from pipeline.stage import Label, Options, Pass, column
from pipeline.store import Sink, join, open_input


class StepsOptions(Options):
    """How many tasks, and where they note that they were carried out."""

    tasks: int = Field(default=40, description="of each round")
    log: str = Field(default="ran", description="folder for a file per task and time")
    fails: str = Field(default="", description="file that is removed by the task that then fails")
    waits: str = Field(default="", description="file that the task of its name waits to be gone")


def _task(options: StepsOptions, scratch: str, doing: str, given: tuple[int, int]) -> tuple[int, int]:
    at, value = given
    if options.fails == f"{doing}-{at}" and os.path.exists(options.fails):
        os.unlink(options.fails)
        raise KeyboardInterrupt
    while options.waits == f"{doing}-{at}" and os.path.exists(options.waits):
        time.sleep(0.02)
    os.makedirs(options.log, exist_ok=True)
    with open(os.path.join(options.log, f"{doing}-{at:04d}-{uuid.uuid4().hex}"), "w"):
        pass
    if doing == "second":
        with open_input(join(scratch, f"first-{at}")) as left:
            assert left.read() == b"whole"
    with Sink(join(scratch, f"{doing}-{at}")) as sink:
        sink.write(b"whole")
    return at, 3 * value + at


def _label(total: int, unit: CorpusUnit) -> pa.Table:
    return pa.table({"made_steps_total": pa.array([total + unit.index] * unit.alive, pa.int64())})


def _run(corpus: Corpus, options: StepsOptions) -> Label:
    values: list[tuple[int, int]] = [(at, at) for at in range(options.tasks)]
    for doing in ("first", "second"):
        values = list(
            corpus.map(partial(_task, options, corpus.scratch, doing), values, f"made_steps: {doing}")
        )
    return partial(_label, sum(value for _, value in values) % 1_000_003)


PASS = Pass(
    name="made_steps",
    reads=("text",),
    adds=pa.schema([column("made_steps_total", pa.int64(), unit="", about="of all tasks")]),
    run=_run,
    options=StepsOptions,
    about="Two rounds of tasks.",
)
