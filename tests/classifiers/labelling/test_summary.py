import io

import pyarrow as pa
import pytest
from rich.console import Console

from classifiers.labelling import summary
from classifiers.labelling.answers import Answer
from classifiers.labelling.ask import Asked
from classifiers.labelling.cost import Prices, Purse
from classifiers.labelling.labels import LABELS
from classifiers.labelling.prompt import load_prompt
from classifiers.labelling.summary import Ticker, table_of


def lines(asked: Asked, times: int, terminal: bool = False, purse: Purse | None = None) -> list[str]:
    printed = io.StringIO()
    console = Console(file=printed, width=20, force_terminal=terminal, force_interactive=False)
    with Ticker(console, asked, purse) as ticker:
        for _ in range(times):
            ticker()
    return printed.getvalue().splitlines()


def test_log_gets_a_line_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(2000, {"ok": 90, "refused": 10}, 5000, 500, failed=2, fault="500: oops")
    asked.started -= 51
    assert lines(asked, 5) == []
    monkeypatch.setattr(summary, "LINES_EVERY", 0.0)
    purse = Purse(Prices(1, 1), None, [Answer("a", "x", tokens_in=2_000_000, tokens_out=500_000)])
    first, second = lines(asked, 2, purse=purse)
    told = "label: 102/2,000 documents, 2.0/s, 5,500 tokens, 2.50 USD, 10 refused, 2 failed (500: oops), "
    assert first == second == f"{told}16 min left"


def test_before_the_first_answer_nothing_is_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "LINES_EVERY", 0.0)
    assert lines(Asked(1), 1) == ["label: 0/1 document"]
    waits = Asked(1, pause=lambda: 300.0)
    assert lines(waits, 1) == ["label: 0/1 document, the endpoint wants no question for 5 min"]
    stops = Asked(1, signal=2)
    assert lines(stops, 1)[0].startswith("label: 0/1 document, stopping: waits for what is under way")


def test_of_many_labels_each_has_a_row() -> None:
    """Label or status, stratum and weight of four documents."""
    rows = [
        ("food", "ok", "a", 3.0),
        ("food", "ok", "b", 1.0),
        ("arts", "ok", "a", 4.0),
        (None, "refused", "a", 1.0),
    ]
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
    printed = io.StringIO()
    found = table_of(load_prompt("topic"), pa.Table.from_pylist(given, schema=LABELS))
    Console(file=printed, width=60).print(found)
    assert [line.split() for line in printed.getvalue().splitlines()] == [
        ["label", "documents", "of", "the", "run,", "about", "a", "b"],
        ["food", "2", "50.0%", "1", "1"],
        ["arts", "1", "50.0%", "1", "0"],
        ["refused", "1", "1", "0"],
        ["all", "4", "3", "1"],
    ]
