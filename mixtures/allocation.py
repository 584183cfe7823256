"""Who gives how much: the budget split by weights, held under the epoch cap. Exact arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mixtures.options import MixtureOptions, exact


@dataclass(frozen=True)
class Available:
    """The living documents of one source and their tokens."""

    documents: int
    tokens: int


@dataclass(frozen=True)
class Share:
    """What one source was asked for and can give.

    weight     its part of the budget, all weights together 1 (or 0 where nothing is weighted)
    asked      tokens by weight and budget
    target     tokens to draw: `asked`, or less for `reason`
    copies     whole epochs of every document
    rest       tokens beyond those, from the documents with the lowest hashes
    slack      tokens by which the draw may end above `target` to end nearer to it
    reason     why `target` is below `asked`, or why nothing is asked; empty otherwise
    """

    source: str
    weight: Fraction
    asked: int
    target: int
    copies: int
    rest: int
    slack: int
    reason: str


def allocate(available: Mapping[str, Available], options: MixtureOptions) -> list[Share]:
    """One share per source that has documents or a weight, by name.

    What a source cannot give is not given by another: the mixture gets smaller.
    """
    sources = sorted({*available, *(options.weights or {})})
    stock = {source: available.get(source, Available(0, 0)) for source in sources}
    weights = _weights(stock, options)
    caps = {source: int(stock[source].tokens * exact(options.max_epochs)) for source in sources}
    asked = _asked(stock, weights, caps, options)
    everything = options.budget is None and options.weights is None
    shares = []
    for source in sources:
        tokens = stock[source].tokens
        target = min(asked[source], caps[source])
        # Without tokens there are no epochs to count, but "all" still means every document.
        once = int(everything and exact(options.max_epochs) >= 1)
        copies, rest = divmod(target, tokens) if tokens else (once, 0)
        reason = _reason(stock[source], weights[source], target < asked[source], everything)
        slack = caps[source] - target
        shares.append(Share(source, weights[source], asked[source], target, copies, rest, slack, reason))
    return shares


def _weights(stock: Mapping[str, Available], options: MixtureOptions) -> dict[str, Fraction]:
    raw = {
        source: Fraction(stock[source].tokens)
        if options.weights is None
        else exact(options.weights.get(source, 0))
        for source in stock
    }
    total = sum(raw.values())
    return {source: weight / total if total else Fraction(0) for source, weight in raw.items()}


def _asked(
    stock: Mapping[str, Available],
    weights: Mapping[str, Fraction],
    caps: Mapping[str, int],
    options: MixtureOptions,
) -> dict[str, int]:
    budget: Fraction | int
    if options.budget is not None:
        budget = options.budget
    elif options.weights is None:
        return {source: stock[source].tokens for source in stock}
    else:
        # A source without tokens would make every budget too large; it is reported instead.
        limits = [caps[s] / weights[s] for s in stock if weights[s] and stock[s].tokens]
        budget = min(limits, default=0)
    return {source: int(budget * weights[source]) for source in stock}


def _reason(stock: Available, weight: Fraction, short: bool, everything: bool) -> str:
    if not stock.documents:
        return "no documents"
    if not stock.tokens:
        return "" if everything else "no tokens"
    if not weight:
        return "no weight"
    return "epoch cap" if short else ""
