"""The command line: winnow run, plan, sql, show, neighbours, whatif, thresholds, distil, steps and more."""

import json
import os
import shutil
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.cli_label import label
from pipeline.cli_train import train
from pipeline.counted import counted
from pipeline.errors import WINNOW_ERRORS, PlanError, TripwireError
from pipeline.stopping import stop, stoppable

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From raw public text to a weighted, deduplicated pretraining corpus in Parquet.",
)

RunFile = Annotated[str, typer.Argument(metavar="FILE", help="Run file (YAML).")]


@app.command()
def run(
    file: RunFile,
    engine: Annotated[str, typer.Option(help="ray, or inline: in this process.")] = "ray",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; default: one per core.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="A Ray cluster to join; default: start Ray here.")
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Partitions of deduplication; default: by document count.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Run FILE, as far as it is not done yet. Interrupt at will: the same command goes on."""
    from pipeline.config import load
    from pipeline.plan import make_plan
    from pipeline.progress import Progress
    from pipeline.report import funnel
    from pipeline.run import Run, Settings

    if engine not in ("ray", "inline"):
        raise PlanError(f"--engine {engine!r}: expected 'ray' or 'inline'")
    with stoppable():
        plan = make_plan(load(file))
        progress = Progress(quiet=quiet)
        manifest = Run(plan, Settings(engine, workers, address, partitions), progress)()
    if not quiet:
        funnel(manifest, Console())


@app.command()
def plan(file: RunFile) -> None:
    """Print what running FILE would do and what is done already; no document is read."""
    from pipeline.config import load
    from pipeline.plan import make_plan
    from pipeline.report import outline

    outline(make_plan(load(file)), Console())


@app.command(context_settings={"ignore_unknown_options": True})  # a query may begin with a comment: -- …
def sql(
    target: Annotated[str, typer.Argument(metavar="FILE_OR_OUTPUT", help="Run file or output folder.")],
    query: Annotated[str | None, typer.Argument(help="SQL; without it a prompt is opened.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json (a row per line).")] = "table",
) -> None:
    """Query an output with DuckDB: views documents, dropped, shards, rules, duplicates, cuts, skipped, units
    and the tables of passes."""
    from pipeline import sql as views

    if query is not None and query.startswith("-") and not query.startswith("-- ") and "\n" not in query:
        raise PlanError(f"no option {query.split('=')[0]!r}; expected --format, or a query in SQL")
    if form not in ("table", "csv", "json"):
        raise PlanError(f"--format {form!r}: expected 'table', 'csv' or 'json'")
    connection = views.connect(views.output_of(target))
    if query is None:
        views.prompt(connection)
    elif not views.show(connection, query, form):
        raise typer.Exit(1)


@app.command()
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="A document's id, or its first digits.")],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE_OR_OUTPUT", help="Run file or output folder; default: outputs below this folder."
        ),
    ] = None,
    part: Annotated[str, typer.Option(help="text, original, or all with the facts.")] = "all",
) -> None:
    """Print a document: what is known of it, its text, and its record from the original file."""
    from pipeline.show import show as show_document
    from pipeline.sql import output_of, outputs_below

    if part not in ("all", "text", "original"):
        raise PlanError(f"--part {part!r}: expected 'all', 'text' or 'original'")
    roots = outputs_below(".") if target is None else [output_of(target)]
    show_document(roots, identity, part, Console())


@app.command()
def whatif(
    target: Annotated[str, typer.Argument(metavar="FILE_OR_OUTPUT", help="Run file or output folder.")],
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: PREDICATE'",
            help="A rule in the place of the one of that name, or a new one; 'NAME: null' is without it. "
            "Repeatable. Default: what FILE says now.",
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Change the rules of this source alone. Repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    as_sql: Annotated[
        bool, typer.Option("--sql", help="The queries for winnow sql that list all documents concerned.")
    ] = False,
) -> None:
    """What other rules would do to a finished run: from its stored signals, in seconds; writes nothing."""
    from pipeline import whatif_report as report
    from pipeline.whatif import question
    from pipeline.whatif_answer import answer

    given = answer(question(target, rule or [], source or []))
    if as_json:
        report.print_json(given)
    elif as_sql:
        report.print_queries(given)
    else:
        report.print_answer(given, Console())


@app.command()
def thresholds(
    target: Annotated[str, typer.Argument(metavar="FILE_OR_OUTPUT", help="Run file or output folder.")],
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The file to write; default: thresholds.yaml, stop_words.tsv."),
    ] = None,
    min_documents: Annotated[
        int, typer.Option(min=1, help="Documents that a language needs for numbers of its own.")
    ] = 1000,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=METHOD", help="Derive a threshold by another method. Repeatable."),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: COLUMN < NUMBER by METHOD'",
            help="One more threshold; NUMBER is what holds for English. Repeatable.",
        ),
    ] = None,
    tail: Annotated[float, typer.Option(min=0, max=1, help="Share that the method 'tail' drops.")] = 0.1,
    reference: Annotated[str, typer.Option(help="Language that the published numbers are for.")] = "en",
    reference_run: Annotated[
        str | None, typer.Option(metavar="FILE_OR_OUTPUT", help="Another run, which holds that language.")
    ] = None,
    where: Annotated[str, typer.Option(metavar="SQL", help="Count these documents alone.")] = "",
    clean: Annotated[
        str,
        typer.Option(metavar="SQL", help="Documents that 'tail' and 'quantile' are taken over: clean text."),
    ] = "",
    stop_words: Annotated[
        bool, typer.Option("--stop-words", help="Stop words from the texts, in place of thresholds.")
    ] = False,
    sample: Annotated[
        int, typer.Option(min=1, help="Documents of a language whose words are counted, at most.")
    ] = 20_000,
) -> None:
    """Derive thresholds per language, or stop words, from a finished run, as FineWeb-2 does."""
    from pipeline import languages
    from pipeline.thresholds import Asked

    asked = Asked(min_documents, tail, reference, where, clean)
    if stop_words:
        languages.stop_words(target, out or "stop_words.tsv", asked, sample, Console())
    else:
        languages.thresholds(
            target, out or "thresholds.yaml", asked, method or [], signal or [], reference_run, Console()
        )


@app.command()
def neighbours(
    target: Annotated[str, typer.Argument(metavar="FILE_OR_OUTPUT", help="Run file or output folder.")],
    identity: Annotated[str, typer.Argument(metavar="ID", help="A document's id, or its first digits.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many neighbours.")] = 10,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Among all documents, not those of its k-means cluster alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object per line, for programs.")] = False,
) -> None:
    """Print the documents whose embeddings are nearest to one document's, of a run with pass semantic."""
    from pipeline.neighbours import neighbours as find
    from pipeline.neighbours import show as show_neighbours
    from pipeline.sql import output_of

    show_neighbours(find(output_of(target), identity, count, everywhere), as_json, Console())


@app.command()
def distil(
    model: Annotated[str, typer.Argument(help="A sentence-transformers model: folder, package or name.")],
    folder: Annotated[str, typer.Argument(help="The folder to write: embed: {static: FOLDER} uses it.")],
    dimensions: Annotated[int, typer.Option(min=2, max=4096, help="Of the vectors.")] = 256,
    texts: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Ordinary texts (Parquet, JSONL or lines) in which tokens are counted: better vectors. "
            "Repeatable.",
        ),
    ] = None,
) -> None:
    """Make a static embedding of a model, by which any CPU embeds thousands of documents a second."""
    import importlib

    from pipeline.steps import DISTIL

    card = importlib.import_module(DISTIL).distil(model, folder, dimensions, texts or [])
    print(f"{folder}: {card['tokens']:,} tokens, {card['dimensions']} dimensions; licence: {card['licence']}")


@app.command()
def steps(
    name: Annotated[str | None, typer.Argument(help="A source, stage, pass or recipe.")] = None,
) -> None:
    """List every source, stage, pass and recipe, or show NAME with its columns, options and rules."""
    from pipeline.report import catalogue, step

    if name is None:
        catalogue(Console())
    else:
        step(name, Console())


@app.command()
def schema() -> None:
    """Print the JSON Schema of the run file, for editors to complete and check it."""
    from pipeline.schema import json_schema

    print(json.dumps(json_schema(), indent=1))


@app.command()
def clean(file: RunFile) -> None:
    """Remove signals of earlier versions of FILE from its output; the current ones stay."""
    from pipeline.config import load
    from pipeline.plan import make_plan
    from pipeline.run import clean as clean_output

    removed, size = clean_output(make_plan(load(file)))
    print(f"removed {counted(removed, 'superseded folder')}, {size / 1e6:,.1f} MB")


app.command()(label)
app.command()(train)

_BOXES = 100  # columns; in fewer, boxes leave an option's help too little room and cut its name


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command line. Exit status: 0 done, 1 stopped by an input or the output, 2 not runnable,
    3 stopped by a tripwire."""
    group: Any = typer.main.get_command(app)
    if shutil.get_terminal_size().columns < _BOXES:
        for command in group.commands.values():
            command.rich_markup_mode = None
    try:
        return group(args=arguments, prog_name="winnow", obj=sys.argv[1:] if arguments is None else arguments)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # which a library took for a failure
            sys.exit(0)
        raise
    except PlanError as fault:
        stop(str(fault), 2)
    except TripwireError as fault:
        stop(str(fault), 3)
    except WINNOW_ERRORS as fault:
        stop(str(fault), 1)
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
