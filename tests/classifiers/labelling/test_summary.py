import io

import pyarrow as pa
import pytest
from rich.console import Console

from classifiers.labelling.answers import Answer
from classifiers.labelling.ask import Asked
from classifiers.labelling.cost import Prices, Purse
from classifiers.labelling.labels import LABELS
from classifiers.labelling.prompt import load_prompt
from classifiers.labelling.summary import line_of, tell
from pipeline import ticker


def lines(asked: Asked, times: int, terminal: bool = False, purse: Purse | None = None) -> list[str]:
    printed = io.StringIO()
    console = Console(file=printed, width=20, force_terminal=terminal, force_interactive=False)
    with ticker.Ticker(console, lambda: "shown", lambda: line_of(asked, purse)) as told:
        for _ in range(times):
            told()
    return printed.getvalue().splitlines()


def test_log_gets_a_line_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(2000, {"ok": 90, "refused": 10}, 5000, 500, failed=2, fault="500: oops")
    asked.started -= 51
    assert lines(asked, 5) == []
    monkeypatch.setattr(ticker, "LINES_EVERY", 0.0)
    purse = Purse(Prices(1, 1), None, [Answer("a", "x", tokens_in=2_000_000, tokens_out=500_000)])
    first, second = lines(asked, 2, purse=purse)
    told = "label: 102/2,000 documents, 2.0/s, 5,500 tokens, 2.50 USD, 10 refused, 2 failed (500: oops), "
    assert first == second == f"{told}16 min left"


def test_before_the_first_answer_nothing_is_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "LINES_EVERY", 0.0)
    assert lines(Asked(1), 1) == ["label: 0/1 document"]
    waits = Asked(1, pause=lambda: 300.0)
    assert lines(waits, 1) == ["label: 0/1 document, the endpoint wants no question for 5 min"]
    stops = Asked(1, signal=2)
    assert lines(stops, 1)[0].startswith("label: 0/1 document, stopping: waits for what is under way")


def test_terminal_that_cannot_write_over_a_line_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "LINES_EVERY", 0.0)
    monkeypatch.setenv("TERM", "dumb")
    assert lines(Asked(1), 1, terminal=True) == ["label: 0/1 document"]


Row = tuple[str | None, str, str, float]


def labels_of(rows: list[Row]) -> pa.Table:
    """Of label, status, stratum and weight of each document."""
    plain = {
        "id": "1",
        "source": "s",
        "text": "",
        "shown": 0,
        "prompt": "topic",
        "prompt_hash": "0",
        "model": "m",
    }
    plain |= {"tokens_in": 0, "tokens_out": 0}
    given = [{**plain, "label": a, "status": b, "stratum": c, "weight": d} for a, b, c, d in rows]
    return pa.Table.from_pylist(given, schema=LABELS)


def told(prompt: str, rows: list[Row], width: int) -> list[list[str]]:
    printed = io.StringIO()
    tell(Console(file=printed, width=width), load_prompt(prompt), labels_of(rows), Asked(0), None)
    assert all(len(line.rstrip()) <= width for line in printed.getvalue().splitlines())
    return [line.split() for line in printed.getvalue().splitlines()]


def test_of_many_labels_each_has_a_row() -> None:
    rows: list[Row] = [
        ("food", "ok", "a", 3.0),
        ("food", "ok", "b", 1.0),
        ("arts", "ok", "a", 4.0),
        (None, "failed", "a", 1.0),
    ]
    assert told("topic", rows, 80) == [
        ["label", "documents", "of", "the", "run,", "about", "a", "b"],
        ["food", "2", "50.0%", "1", "1"],
        ["arts", "1", "50.0%", "1", "0"],
        ["failed", "1", "1", "0"],
        ["all", "4", "3", "1"],
    ]


def test_no_figure_is_cut_off_where_there_is_little_room() -> None:
    """Strata are rows in 80 columns; in fewer labels are, beside as many strata as have room."""
    rows: list[Row] = [
        ("0", "ok", "commoncrawl / en / gopher_words 1 of 5", 3.0),
        ("5", "ok", "commoncrawl / en / gopher_words 2 of 5", 1.0),
    ] * 1000
    wide = told("educational_quality", rows, 80)
    assert wide[0] == ["stratum", "documents", "0", "1", "2", "3", "4", "5", "mean"]
    assert wide[1][-8:] == ["1,000", "1,000", "0", "0", "0", "0", "0", "0.00"]
    narrow = told("educational_quality", rows, 46)
    assert ["0", "1,000", "75.0%", "1,000"] in narrow
    assert told("educational_quality", rows, 30)[-4:] == [
        ["0", "1,000", "75.0%"],
        ["5", "1,000", "25.0%"],
        ["all", "2,000"],
        ["mean", "1.25"],
    ]


def test_stratum_is_shown_as_it_is() -> None:
    """It comes from documents: markup in it is none, and nothing in it steers a terminal."""
    rows: list[Row] = [("0", "ok", "[/bold]\x1b[2J", 1.0)]
    assert told("educational_quality", rows, 90)[1][0].startswith("[/bold]")
    assert "\x1b" not in str(told("educational_quality", rows, 90))
