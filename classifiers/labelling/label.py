"""`winnow label`: a sample of a run's documents, each with what a language model says of it.

The order in which things are written makes any end harmless: the sample first, then what is asked for, then
each answer as it comes, and labels.parquet from all of them at the end.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.text import Text

from classifiers.labelling.answers import Answers
from classifiers.labelling.ask import Asked, Round
from classifiers.labelling.cost import Estimate, Prices, Purse, estimate
from classifiers.labelling.endpoint import Asker, Endpoint
from classifiers.labelling.labels import ANSWERS_FOLDER, ASKED_FILE, SAMPLE_FILE, read_asked
from classifiers.labelling.limits import Limits
from classifiers.labelling.prompt import Prompt, load_prompt
from classifiers.labelling.questions import Asking, questions, write_labels, write_sample
from classifiers.labelling.summary import line_of, tell
from classifiers.labelling.vllm import Engine, on_ray
from classifiers.labelling.vllm import ask as ask_vllm
from pipeline import store
from pipeline.counted import counted
from pipeline.errors import EngineError, PlanError
from pipeline.ticker import Ticker

Draw = Callable[[], Iterable[pa.RecordBatch]]
"""Draws the sample: the columns of `labels.SAMPLE`, some rows at a time."""


@dataclass(frozen=True)
class Job:
    """What to do.

    folder       of the labels; local
    prompt       a name, or the path of a YAML file
    endpoint     or an engine on Ray
    rate, tokens_rate   requests and tokens a minute, 0 for no limit
    redraw       draw the sample anew, where the folder has another
    dry          say what it would take, and ask nothing
    """

    folder: str
    prompt: str
    endpoint: Endpoint | Engine
    concurrency: int = 32
    rate: float = 0
    tokens_rate: float = 0
    prices: Prices = field(default_factory=Prices)
    budget: float | None = None
    redraw: bool = False
    dry: bool = False


def check(job: Job) -> Prompt:
    """The job's prompt; PlanError where the job cannot be done."""
    prompt = load_prompt(job.prompt)
    job.endpoint.secret()  # before a minute goes into drawing
    Purse(job.prices, job.budget, ())
    if not store.is_local(job.folder):
        raise PlanError(f"--out {job.folder!r}: expected a local folder; copy it to where it is wanted after")
    return prompt


def label(
    job: Job, drawn: Mapping[str, Any], draw: Draw, confirm: Callable[[str], bool], console: Console
) -> int | None:
    """Does what `job` asks, telling `console`; returns the number of the signal that ended it, if one did.

    drawn     what the sample is drawn by, as JSON has it: a folder holds one sample
    confirm   asked before money is spent
    PlanError where the folder holds other labels; EngineError where the endpoint is out of order.
    """
    asking = Asking(check(job), job.endpoint.model, tuple(job.endpoint.parameters.items()))
    held = read_asked(job.folder)
    there = held is not None and not job.redraw and store.exists(store.join(job.folder, SAMPLE_FILE))
    if held is not None:
        _check(job, asking, drawn, held, console)
    if job.dry:
        with tempfile.TemporaryDirectory() as folder:
            if not there:
                write_sample(folder, draw())
            _say(console, str(_estimate(job, asking, job.folder if there else folder)))
        return None
    if not there:
        # What says how the sample was drawn comes after it: no killed command leaves a sample of another.
        store.remove(store.join(job.folder, ASKED_FILE))
        write_sample(job.folder, draw())
    store.write_json(store.join(job.folder, ASKED_FILE), _asked(job, asking, drawn))
    expected = _estimate(job, asking, job.folder)
    _say(console, str(expected))
    if expected.questions and job.prices.told and not confirm("Ask?"):
        _say(console, f"nothing was asked; the sample is in {job.folder}")
        return None
    return _ask(job, asking, expected, console)


def _check(
    job: Job, asking: Asking, drawn: Mapping[str, Any], held: Mapping[str, Any], console: Console
) -> None:
    """PlanError where the folder holds the labels of another sample or question; a word where answers that
    are there do not count."""
    if held.get("prompt") != asking.prompt.name:
        raise PlanError(
            f"{job.folder} holds labels by the prompt {held.get('prompt')!r}, not {asking.prompt.name!r}; "
            "choose another --out"
        )
    sample = held.get("sample", {})
    wrong = [name for name, value in drawn.items() if sample.get(name) != value]
    if wrong and not job.redraw:
        told = "; ".join(f"{name} {_told(sample.get(name))}, not {_told(drawn[name])}" for name in wrong)
        raise PlanError(
            f"{job.folder} holds a sample drawn otherwise ({told}); choose another --out, or --redraw it: "
            "answers that are there are used again"
        )
    before = {
        "prompt": held.get("prompt_hash"),
        "model": held.get("model"),
        "parameters": held.get("parameters"),
    }
    now = {"prompt": asking.prompt.hash, "model": asking.model, "parameters": dict(asking.parameters)}
    changed = [name for name in now if before[name] != now[name]]
    if changed:
        _say(console, f"{' and '.join(changed)} changed since: earlier answers, which stay, are not these")


def _told(value: Any) -> str:
    if value is None:  # no --by was given
        return "source, language"
    return ", ".join(map(str, value)) if isinstance(value, list) else repr(value)


def _asked(job: Job, asking: Asking, drawn: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sample": dict(drawn),
        "prompt": asking.prompt.name,
        "prompt_hash": asking.prompt.hash,
        "labels": {label: str(told) for label, told in asking.prompt.labels.items()},
        "ordered": asking.prompt.ordered,
        "model": asking.model,
        "parameters": dict(asking.parameters),
        "endpoint": job.endpoint.url,
    }


def _estimate(job: Job, asking: Asking, folder: str) -> Estimate:
    answers = Answers(store.join(job.folder, ANSWERS_FOLDER))
    limit = job.endpoint.max_tokens
    return estimate(questions(folder, asking), answers, job.prices, limit, job.rate, job.tokens_rate)


def _ask(job: Job, asking: Asking, expected: Estimate, console: Console) -> int | None:
    fault: EngineError | None = None
    asked = Asked(expected.questions)
    with Answers(store.join(job.folder, ANSWERS_FOLDER)) as answers:
        purse = Purse(job.prices, job.budget, answers)
        before = purse.spent
        told = purse if job.prices.told else None

        def state() -> Text:
            return line_of(asked, told)

        with Ticker(console, state, state) as ticker:
            try:
                if isinstance(job.endpoint, Engine):
                    all_of_them = questions(job.folder, asking)
                    ask_vllm(job.endpoint, asking.prompt, all_of_them, answers, asked, ticker, on_ray)
                else:
                    asyncio.run(_round(job, job.endpoint, asking, answers, purse, asked, ticker))
            except EngineError as out_of_order:
                fault = out_of_order
        labels = write_labels(job.folder, asking, answers) if len(answers) else None
    if labels is not None:
        tell(console, asking.prompt, labels, asked, purse.spent - before if job.prices.told else None)
    if fault is not None:
        raise fault
    if asked.ended == "budget":
        left = asked.total - asked.answered - asked.failed
        raise EngineError(
            f"--budget {job.budget:g}: {purse.spent:,.4f} USD are spent for {job.folder}, and "
            f"{counted(left, 'document')} not asked about; the same command with a larger one goes on"
        )
    if asked.signal is not None:
        return asked.signal
    if asked.failed:
        raise EngineError(
            f"{counted(asked.failed, 'document')} failed (the last one: {asked.fault}); the same command "
            "asks for them again"
        )
    if expected.questions or labels is not None:
        _say(console, f"wrote {job.folder}: next, look at some with winnow label --review {job.folder},")
        _say(console, f"or train on them: winnow train models/{asking.prompt.name} --labels {job.folder}")
    return None


async def _round(
    job: Job,
    endpoint: Endpoint,
    asking: Asking,
    answers: Answers,
    purse: Purse,
    asked: Asked,
    ticker: Ticker,
) -> None:
    limits = Limits(job.rate, job.tokens_rate)
    asked.pause = lambda: limits.pause
    async with Asker(endpoint, limits) as asker:
        ask = Round(asker, asking.prompt, answers, purse, job.concurrency, asked, ticker)
        await ask(questions(job.folder, asking))


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
