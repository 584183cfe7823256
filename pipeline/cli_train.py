"""The command `winnow train`."""

import importlib
import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from pipeline import store
from pipeline.errors import PlanError
from pipeline.stopping import stoppable


def train(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="The model's folder, to be written.")],
    labels: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER", help="Labels that winnow label wrote. Repeatable."),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="A table of your own: Parquet, JSONL, CSV, TSV (.gz, .zst). Repeatable."
        ),
    ] = None,
    positive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TARGET",
            help="Good documents: a run file, a run's output, a table, a file of lines. Repeatable.",
        ),
    ] = None,
    negative: Annotated[
        list[str] | None, typer.Option(metavar="TARGET", help="The others, likewise. Repeatable.")
    ] = None,
    kind: Annotated[str, typer.Option(help="fasttext, embedding or transformer.")] = "fasttext",
    name: Annotated[str, typer.Option(help="Of the columns, NAME_score; default: the folder's.")] = "",
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="An option of the kind: dim, epoch, lr, word_ngrams, autotune (fasttext), embed (embedding) "
            "… A wrong name lists them. Repeatable.",
        ),
    ] = None,
    embed: Annotated[
        str,
        typer.Option(metavar="YAML", help="Short for -o embed=…: {static: models/minilm}, {model: NAME}."),
    ] = "",
    regression: Annotated[
        bool | None,
        typer.Option(
            "--regression/--classes",
            help="Learn the label as a number, or each by itself; default: numbers, of an embedding's or "
            "transformer's grades.",
        ),
    ] = None,
    at_least: Annotated[
        float | None, typer.Option(metavar="GRADE", help="Two labels of grades: yes from GRADE on, else no.")
    ] = None,
    positive_label: Annotated[
        str, typer.Option(metavar="LABEL", help="Whose probability is the score; default: yes of yes and no.")
    ] = "",
    cut: Annotated[
        float | None,
        typer.Option(
            metavar="GRADE", help="Grade that counts as positive in the report; default: the upper half."
        ),
    ] = None,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Of tables; a number: no header.")] = "",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Of tables.")] = "",
    url: Annotated[str, typer.Option(metavar="COLUMN", help="Of tables.")] = "",
    language: Annotated[str, typer.Option(metavar="COLUMN", help="Of tables.")] = "",
    weight: Annotated[
        str, typer.Option(metavar="COLUMN", help="Of tables: documents that a row stands for.")
    ] = "",
    where: Annotated[
        str, typer.Option(metavar="SQL", help="Of tables, positive and negative: these rows.")
    ] = "",
    positive_where: Annotated[str, typer.Option(metavar="SQL", help="Of positive alone.")] = "",
    negative_where: Annotated[str, typer.Option(metavar="SQL", help="Of negative alone.")] = "",
    documents: Annotated[str, typer.Option(help="Of runs: kept, dropped or both.")] = "kept",
    limit: Annotated[
        int, typer.Option(min=0, help="Documents of each table or target, drawn by a hash; 0: all.")
    ] = 0,
    group: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Never on two sides: domain (registered domain of the URL), host, id, or a column.",
        ),
    ] = "domain",
    per_group: Annotated[int, typer.Option(min=0, help="Documents of a group, at most; 0: all.")] = 0,
    fewest: Annotated[
        int, typer.Option(min=1, help="Documents that a label needs; those of rarer ones are left out.")
    ] = 1,
    balance: Annotated[str, typer.Option(help="none, or weights: each label weighs the same.")] = "none",
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Texts in lower case, here and in runs.")
    ] = False,
    validation: Annotated[float, typer.Option(help="Share of groups by which things are chosen.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of groups that the report is of.")] = 0.1,
    folds: Annotated[int, typer.Option(min=0, max=50, help="Cross-validation besides; 0: none.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    threads: Annotated[
        int,
        typer.Option(
            min=1,
            help="fasttext: with more than one no two trainings are the same. transformer: torch's. An "
            "embedding's head: no use.",
        ),
    ] = 1,
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Of the training data, for the card.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in FOLDER.")] = False,
) -> None:
    """Train a classifier from labelled texts; FOLDER is then ready for the step classify, with its card."""
    from pipeline.steps import TRAIN

    if balance not in ("none", "weights"):
        raise PlanError(f"--balance {balance!r}: expected none or weights")
    if documents not in ("kept", "dropped", "both"):
        raise PlanError(f"--documents {documents!r}: expected kept, dropped or both")
    training = importlib.import_module(TRAIN)
    asked = training.Asked(
        folder=folder,
        name=_name(folder, name),
        kind=kind,
        options=_options(option or [], embed),
        regression=regression,
        at_least=at_least,
        positive=positive_label,
        cut=cut,
        group=group if group in _GROUPS else "domain",
        per_group=per_group,
        fewest=fewest,
        balance=balance,
        validation=validation,
        test=test,
        lowercase=lowercase,
        seed=seed,
        threads=threads,
        folds=folds,
        overwrite=overwrite,
        command=shlex.join(["winnow", *context.obj]),
        licence=licence,
    )
    training.check(asked)
    own = "" if group in _GROUPS else group
    columns: dict[str, Any] = {"limit": limit, "seed": seed, "group": own, "where": where}
    inputs = [training.inputs.from_labels(each, own) for each in labels or []]
    of_table = {**columns, "text": text, "label": label, "url": url, "language": language, "weight": weight}
    if table:
        inputs += training.inputs.from_files(table, training.inputs.Columns(**of_table))
    if bool(positive) != bool(negative):
        raise PlanError("--positive and --negative: one without the other; give documents of both")
    for targets, label_, more in (
        (positive or [], "positive", positive_where),
        (negative or [], "negative", negative_where),
    ):
        picked = " AND ".join(f"({each})" for each in (where, more) if each)
        for target in targets:
            inputs += _set(training, target, label_, {**of_table, "label": "", "where": picked}, documents)
    if not inputs:
        raise PlanError("nothing to learn from: give --labels, --table, or --positive and --negative")
    console = Console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    with stoppable("stopped; no model was written, the same command begins again"):
        report = training.train(asked, inputs, say)
    for line in training.summary(asked, report):
        say(line)


_GROUPS = ("domain", "host", "id")


def _name(folder: str, name: str) -> str:
    found = name or Path(folder).absolute().name.lower().replace("-", "_").replace(".", "_")
    if not re.fullmatch("[a-z][a-z0-9_]*", found):
        whence = "" if name else " (of the folder: give another by --name)"
        raise PlanError(f"--name {found!r}{whence}: expected small letters, digits and _, a letter first")
    return found


def _options(given: list[str], embed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in [*given, *([f"embed={embed}"] if embed else [])]:
        name, equals, value = each.partition("=")
        if not equals:
            raise PlanError(f"-o {each!r}: expected NAME=VALUE")
        if name in found:
            raise PlanError(f"-o {name}: given twice")
        try:
            found[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as fault:
            raise PlanError(f"-o {name}: {value!r} is not YAML: {' '.join(str(fault).split())}") from fault
    return found


def _set(training: Any, target: str, label: str, columns: dict[str, Any], documents: str) -> list[Any]:
    """The inputs of a target of --positive or --negative: files, or the documents of a run."""
    from pipeline import training_documents
    from pipeline.sql import output_of

    remote = not store.is_local(target) and store.exists(store.join(target, "plan.json"))
    if not target.endswith((".yaml", ".yml")) and not Path(target).is_dir() and not remote:
        return list(training.inputs.from_files([target], training.inputs.Columns(**columns), label))
    about = {"kind": f"{documents} documents of a run", "label": label}
    if columns["where"]:
        about["where"] = columns["where"]
    rows, sha256 = training_documents.read(
        output_of(target), columns["where"], documents, columns["limit"], columns["seed"], columns["group"]
    )
    return [training.inputs.from_rows(target, sha256, rows, label, about)]
