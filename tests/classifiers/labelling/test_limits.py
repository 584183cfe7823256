import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.labelling.limits import LONGEST, MOST_ASKED, Limits


class Clock:
    """Time that passes when somebody sleeps; those who wake first go first."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def taken(limits: Limits, clock: Clock, tokens: Sequence[int]) -> list[float]:
    async def take() -> list[float]:
        times = []
        for each in tokens:
            await limits.take(each)
            times.append(clock.now)
        return times

    return asyncio.run(take())


def made(requests: float = 0, tokens: float = 0) -> tuple[Limits, Clock]:
    clock = Clock()
    return Limits(requests, tokens, clock, clock.sleep), clock


def test_without_limits_nobody_waits() -> None:
    limits, clock = made()
    assert taken(limits, clock, []) == []
    assert taken(limits, clock, [1000] * 3) == [0, 0, 0]


@given(st.integers(1, 200), st.integers(100, 5000), st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_no_minute_holds_more_than_is_allowed(requests: int, tokens: int, asked: list[int]) -> None:
    limits, clock = made(requests, tokens)
    times = taken(limits, clock, asked)
    assert times[0] == 0 and times == sorted(times)
    for start in times:
        within = [at for at, time in enumerate(times) if start <= time < start + 60 - 1e-6]
        assert len(within) <= requests
        # The first of a minute may have been let through just before its tokens are.
        assert sum(asked[at] for at in within[:-1]) <= tokens


def test_what_was_not_used_is_given_back() -> None:
    limits, clock = made(tokens=600)
    assert taken(limits, clock, [100]) == [0]
    limits.used(-90)
    assert taken(limits, clock, [100]) == [1]
    limits.used(+50)
    assert taken(limits, clock, [1]) == [1 + 10 + 5]


def test_all_wait_when_the_endpoint_asks_for_it() -> None:
    limits, clock = made()
    limits.refused(0, asked=7)
    assert taken(limits, clock, [1, 1]) == [7, 7.1]
    limits.refused(7, asked=1e9)
    assert taken(limits, clock, [1]) == [7.1 + MOST_ASKED]


def test_questions_refused_together_slow_down_once() -> None:
    limits, clock = made()
    times = taken(limits, clock, [1] * 32)
    clock.now = 1.0
    for time in times:
        limits.refused(time)
    first, second, third = taken(limits, clock, [1, 1, 1])
    assert 1.05 <= first <= 1.1 and second - first == pytest.approx(0.1) == pytest.approx(third - second)


def test_pace_falls_with_refusals_and_comes_back_with_answers() -> None:
    limits, clock = made()
    for _ in range(20):
        limits.refused(*taken(limits, clock, [1]))
    before = clock.now
    first, second = taken(limits, clock, [1, 1])
    assert LONGEST / 2 <= first - before <= LONGEST and second == first + LONGEST
    for _ in range(100):
        limits.served()
    clock.now += 1000
    assert taken(limits, clock, [1, 1, 1]) == [clock.now] * 3
