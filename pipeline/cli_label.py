"""The command line: winnow label."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.errors import PlanError
from pipeline.stopping import STOPPED, stop, stoppable


def label(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_OUTPUT",
            help="Run file or output folder to sample; with --review the labels' folder.",
        ),
    ],
    prompt: Annotated[
        str | None, typer.Option(metavar="NAME", help="One of winnow's prompts, or a YAML file of your own.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible server, as http://127.0.0.1:8000/v1."),
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="As the endpoint knows it.")] = None,
    vllm: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="In place of an endpoint: run this model, a name on the Hub or a folder, by vLLM on Ray.",
        ),
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, help="Of one copy of --vllm's model.")] = 1,
    address: Annotated[
        str | None, typer.Option(help="A Ray cluster for --vllm; default: this machine's GPUs.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FOLDER", help="Where labels and answers go.")] = None,
    sample: Annotated[int, typer.Option(min=1, help="Documents to draw.")] = 2000,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SQL,…",
            help="Strata: expressions over columns; quantiles(COLUMN, 5) makes five bins. '' for none. "
            "Repeatable. Default: source and language.",
        ),
    ] = None,
    where: Annotated[str, typer.Option(metavar="SQL", help="Draw from these documents alone.")] = "",
    documents: Annotated[str, typer.Option(help="kept, dropped or both.")] = "kept",
    allocation: Annotated[
        str, typer.Option(help="equal: as many of each stratum; proportional: its share of the run.")
    ] = "equal",
    seed: Annotated[int, typer.Option(help="Another one draws other documents.")] = 0,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Draw anew into a folder that holds another sample.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=4096, help="Questions at a time.")] = 32,
    rate: Annotated[float, typer.Option(min=0, help="Requests a minute, at most; 0: no limit.")] = 0,
    tokens_rate: Annotated[float, typer.Option(min=0, help="Tokens a minute, at most; 0: no limit.")] = 0,
    key: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Environment variable that holds the endpoint's key.")
    ] = "",
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Of the model's answers.")] = 0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Of an answer; models that think need more.")] = 512,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for an answer.")] = 300,
    retries: Annotated[int, typer.Option(min=0, help="Of a question that is not answered.")] = 5,
    price_in: Annotated[float | None, typer.Option(min=0, help="USD for a million tokens sent.")] = None,
    price_out: Annotated[float | None, typer.Option(min=0, help="USD for a million tokens answered.")] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="USD; stop before more are spent for this folder.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take; ask and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before money is spent.")] = False,
    review: Annotated[
        bool, typer.Option("--review", help="Show documents with their labels, to confirm or correct.")
    ] = False,
    reviewer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of who reviews; default: who is logged in.")
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind/--shown", help="Review without a look at the model's label before.")
    ] = True,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="Review documents of this label or status alone. Repeatable."),
    ] = None,
) -> None:
    """Have a language model label a sample of a run's documents, for winnow train. Interrupt at will: the
    same command goes on, and no answer is paid for twice."""
    from pipeline import steps

    if review:
        reviewing: Any = importlib.import_module(steps.REVIEW)
        asked = reviewing.Review(target, prompt, reviewer, blind, tuple(only or ()), seed=seed)
        with stoppable():
            reviewing.review(asked, Console())
        return
    if vllm and (endpoint or model):
        raise PlanError("--vllm names the model that is to run here; expected no --endpoint and no --model")
    asking = {} if vllm else {"--endpoint": endpoint, "--model": model}
    given = {"--prompt": prompt, **asking, "--out": out}
    missing = [option for option, value in given.items() if not value]
    if missing or not (prompt and out):
        either = " (or --vllm)" if "--endpoint" in missing else ""
        raise PlanError(f"winnow label: expected {', '.join(missing)} too{either}")
    from pipeline import sample as sampling

    parts = None if by is None else sampling.split(by)
    wanted = sampling.Wanted(sample, parts, where, documents, allocation, seed)
    module: Any = importlib.import_module(steps.LABEL)
    if vllm:
        asked = module.Engine(vllm, temperature, max_tokens, gpus, address)
    else:
        asked = module.Endpoint(endpoint, model, key, temperature, max_tokens, timeout, retries)
    job = module.Job(
        out,
        prompt,
        asked,
        concurrency,
        rate,
        tokens_rate,
        module.Prices(price_in, price_out),
        budget,
        redraw,
        dry_run,
    )
    console = Console()
    with stoppable():
        number = _labelled(module, job, target, wanted, yes, console)
    if number is not None:
        stop(STOPPED, 128 + number)


def _labelled(module: Any, job: Any, target: str, wanted: Any, yes: bool, console: Console) -> int | None:
    from pipeline import sample as sampling
    from pipeline.hold import hold
    from pipeline.sql import output_of

    root = output_of(target)
    module.check(job)  # before a folder is made for it

    def draw() -> Iterable[Any]:
        drawn = sampling.draw(root, wanted)
        sampling.tell(drawn, console)
        return drawn.batches()

    def confirm(question: str) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(question)

    by = None if wanted.by is None else list(wanted.by)
    asked = {"run": os.path.abspath(root) if "://" not in root else root, **asdict(wanted), "by": by}
    with contextlib.nullcontext() if job.dry else hold(job.folder, "winnow label", "--out"):
        number: int | None = module.label(job, asked, draw, confirm, console)
    return number
