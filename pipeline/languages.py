"""`winnow thresholds`: from a finished run to the files of the stages `thresholds` and `stop_words`."""

import importlib
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pipeline import sql, thresholds_file
from pipeline import steps as table_of_steps
from pipeline.counted import counted
from pipeline.errors import PlanError
from pipeline.frequent_words import SEVERAL, as_table, frequent_words
from pipeline.thresholds import LANGUAGE_SCORE, SCORE, Asked, Rows, Signal, choose_signals, derive

SHOWN = 12  # words of a language in the terminal


def thresholds(
    target: str,
    out: str,
    asked: Asked,
    methods: Sequence[str],
    own: Sequence[str],
    reference_run: str | None,
    console: Console,
) -> None:
    """Derives thresholds from the run `target`, prints them and writes them to the new file `out`."""
    thresholds_file.refuse(out)
    root = sql.output_of(target)
    signals, names = _declared()
    chosen = choose_signals(signals, methods, own)
    reference = None if reference_run is None else sql.connect(sql.output_of(reference_run))
    derived = derive(sql.connect(root), chosen, asked, reference)
    if not derived.signals:
        needed = ", ".join(dict.fromkeys(signal.column for signal in derived.left_out))
        raise PlanError(f"{root}: the run has none of the columns {needed}: add the steps that measure them")
    if not derived.numbers:
        raise PlanError(f"{root}: no language has {asked.minimum:,} documents; lower --min-documents")
    thresholds_file.write(out, thresholds_file.as_yaml(derived, names, root))
    thresholds_file.show(derived, names, console)
    count = len(derived.numbers)
    console.print(
        f"wrote {out}: {counted(count, 'language')} and default; in a run file:\n"
        f"  - thresholds: {{file: {out}}}",
        style="green",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def stop_words(target: str, out: str, asked: Asked, sample: int, console: Console) -> None:
    """Counts the words of the run `target`, prints the stop words and writes them to the new file `out`."""
    thresholds_file.refuse(out)
    root = sql.output_of(target)
    signals, names = _declared()
    rows = Rows(sql.connect(root), asked.where, asked.clean)
    if LANGUAGE_SCORE in rows.columns:
        scores = [signal for signal in signals if signal.method == SCORE]
        found = derive(rows.connection, scores, asked).numbers
        rows.set_scores({language: numbers[LANGUAGE_SCORE].value for language, numbers in found.items()})
    words = frequent_words(rows, sample, asked.minimum)
    if not words:
        raise PlanError(f"{root}: no language has {asked.minimum:,} documents; lower --min-documents")
    thresholds_file.write(out, as_table(words, names, root))
    table = Table("language", box=None, padding=(0, 1, 0, 0))
    table.add_column("documents", justify="right")
    table.add_column("words", justify="right")
    table.add_column("listed", justify="right")
    table.add_column("most frequent", overflow="fold")
    for language, frequent in words.items():
        table.add_row(
            f"{language} {names.get(language, '')}".strip(),
            f"{frequent.documents:,}",
            f"{frequent.words:,}",
            str(len(frequent.listed)),
            " ".join(word for word, _ in frequent.listed[:SHOWN]),
        )
    console.print(table)
    for language, frequent in words.items():
        if language != asked.reference and len(frequent.english) >= SEVERAL:
            console.print(
                f"{language}: {', '.join(frequent.english)} are among its words: English in its documents?",
                style="yellow",
                highlight=False,
            )
    console.print(
        f"wrote {out}: {len(words)} languages; in a run file:\n  - stop_words: {{lists: {out}}}",
        style="green",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _declared() -> tuple[tuple[Signal, ...], Mapping[str, str]]:
    """What is derived unless told otherwise, and the languages' names."""
    module = importlib.import_module(table_of_steps.THRESHOLDS)
    signals: tuple[Signal, ...] = module.SIGNALS
    names: Mapping[str, str] = module.language_names()
    return signals, names
