import io

import pytest
from rich.console import Console

from classifiers.labelling import summary
from classifiers.labelling.answers import Answer
from classifiers.labelling.ask import Asked
from classifiers.labelling.cost import Prices, Purse
from classifiers.labelling.summary import Ticker


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
