"""How fast an endpoint is asked: no faster than told, and slower for a while after it said "too much"."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

LONGEST = 60.0  # seconds between requests, at most, unless the endpoint itself asks for more
MOST_ASKED = 900.0  # seconds that are waited, at most, where an endpoint asks to be left alone

_FIRST = 0.1  # seconds between requests after the first refusal
_GROWTH, _RECOVERY = 2.0, 0.9  # what a refusal and an answer do to the time between requests
_MINUTE = 60.0


class Limits:
    """Requests and tokens a minute, spread evenly: within no minute are there more. 0: no limit.

    clock, sleep   for tests
    """

    def __init__(
        self,
        requests: float = 0,
        tokens: float = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spacing = _MINUTE / requests if requests else 0.0
        self._per_token = _MINUTE / tokens if tokens else 0.0
        self._clock, self._sleep = clock, sleep
        self._interval = 0.0
        self._next_request = self._next_token = self._paused_to = 0.0
        self._slower = float("-inf")  # since when the pace is what it is

    async def take(self, tokens: int) -> float:
        """Waits until a request of about so many tokens, the answer's included, may go out; returns when
        that is."""
        while True:
            now = self._clock()
            start = max(self._next_request, self._next_token, self._paused_to)
            if start <= now:
                break
            # Others wait for the same moment; who comes first moves it for the rest.
            await self._sleep(start - now)
        self._next_request = now + max(self._spacing, self._interval)
        self._next_token = now + tokens * self._per_token
        return now

    @property
    def pause(self) -> float:
        """Seconds for which the endpoint wants no request, from now."""
        return max(0.0, self._paused_to - self._clock())

    def used(self, more: int) -> None:
        """A request took `more` tokens than was thought, or fewer (negative)."""
        self._next_token += more * self._per_token

    def refused(self, taken: float, asked: float = 0.0) -> None:
        """The endpoint has said that it is too much.

        taken   when the request was let out: those that were under way together slow us down once
        asked   seconds for which the endpoint wants no request
        """
        now = self._clock()
        if taken > self._slower:
            self._interval = min(LONGEST, max(_FIRST, self._interval * _GROWTH))
            self._slower = now
        pause = max(min(asked, MOST_ASKED), self._interval * random.uniform(0.5, 1.0))
        self._paused_to = max(self._paused_to, now + pause)

    def served(self) -> None:
        """The endpoint has answered."""
        faster = self._interval * _RECOVERY
        self._interval = faster if faster >= _FIRST / 8 else 0.0
