"""What labelling will cost, and what it has cost: tokens, money and time."""

from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.labelling.answers import Answer, Answers
from classifiers.labelling.questions import Question
from pipeline.counted import counted
from pipeline.errors import PlanError

TOKENS_OUT = 70  # of an answer with a reason, about; as long as none is there that says more
_MILLION = 1e6


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens; None: not told."""

    tokens_in: float | None = None
    tokens_out: float | None = None

    def __post_init__(self) -> None:
        if (self.tokens_in is None) != (self.tokens_out is None):
            raise PlanError("--price-in, --price-out: expected both or neither, in USD for a million tokens")

    @property
    def told(self) -> bool:
        return self.tokens_in is not None

    def of(self, tokens_in: float, tokens_out: float) -> float:
        """Dollars; 0 where no prices are told."""
        return ((self.tokens_in or 0) * tokens_in + (self.tokens_out or 0) * tokens_out) / _MILLION


@dataclass(frozen=True)
class Estimate:
    """What is still to be asked, and about what that takes."""

    questions: int
    answered: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    minutes: float | None

    def __str__(self) -> str:
        if not self.questions:
            return f"nothing to ask: {counted(self.answered, 'document')} answered before"
        lines = [f"to ask: {counted(self.questions, 'document')}"]
        if self.answered:
            lines[0] += f" ({self.answered:,} answered before)"
        lines.append(
            f"tokens: about {self.tokens_in:,} in, {self.tokens_out:,} out (the messages by winnow's "
            f"estimate, answers of {self.tokens_out // self.questions} tokens, no thinking)"
        )
        if self.dollars is not None:
            lines.append(f"cost:   about {self.dollars:,.2f} USD by the prices given")
        if self.minutes is not None:
            lines.append(f"time:   {self.minutes:,.1f} minutes at least, by the rates given")
        return "\n".join(lines)


def estimate(
    questions: Iterable[Question],
    answers: Answers,
    prices: Prices,
    limit: int,
    rate: float = 0,
    tokens_rate: float = 0,
) -> Estimate:
    """Counts the questions that have no answer yet.

    limit   tokens that an answer may take
    rate, tokens_rate   requests and tokens a minute, 0 for no limit
    """
    asked = answered = tokens_in = made = 0
    for question in questions:
        known = answers.get(question.key)
        if known is None or known.wants(limit):
            asked += 1
            tokens_in += question.tokens
        else:
            answered += 1
            made += known.tokens_out
    tokens_out = asked * (made // answered if answered else TOKENS_OUT)
    minutes = [asked / rate] if rate else []
    minutes += [(tokens_in + tokens_out) / tokens_rate] if tokens_rate else []
    dollars = prices.of(tokens_in, tokens_out) if prices.told else None
    return Estimate(asked, answered, tokens_in, tokens_out, dollars, max(minutes, default=None))


class Purse:
    """Money for a folder of answers: what earlier commands spent there counts.

    budget   dollars, None for no end
    """

    def __init__(self, prices: Prices, budget: float | None, spent: Iterable[Answer]) -> None:
        if budget is not None and not prices.told:
            raise PlanError("--budget: expected --price-in and --price-out with it")
        self._prices, self._budget = prices, budget
        self.spent = sum(prices.of(answer.tokens_in, answer.tokens_out) for answer in spent)
        self._reserved = 0.0

    def reserve(self, tokens_in: int, tokens_out: int) -> float | None:
        """Sets dollars aside for a question and its longest answer; None where they are not there."""
        dollars = self._prices.of(tokens_in, tokens_out)
        if self._budget is not None and self.spent + self._reserved + dollars > self._budget:
            return None
        self._reserved += dollars
        return dollars

    def settle(self, reserved: float, tokens_in: int = 0, tokens_out: int = 0) -> None:
        """Pays what a question took, out of what was set aside for it."""
        self._reserved -= reserved
        self.spent += self._prices.of(tokens_in, tokens_out)
