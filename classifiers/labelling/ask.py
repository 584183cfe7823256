"""Asks all questions of a sample at once, as many as are wanted at a time, and stops in good order."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from classifiers.labelling.answers import CUT_OFF, Answer, Answers, together
from classifiers.labelling.cost import Purse
from classifiers.labelling.endpoint import Asker, FailedError
from classifiers.labelling.labels import UNPARSABLE
from classifiers.labelling.prompt import Prompt
from classifiers.labelling.questions import Question
from classifiers.labelling.verdict import judge, mend
from pipeline.errors import EngineError

GRACE = 10.0  # seconds that questions which are out have for their answers when all is to stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TELL_EVERY = 1.0  # seconds
_IN_A_ROW = 10  # questions that fail, none answered between them: then the endpoint is out of order
_AT_FIRST = 3  # of those before the first answer


@dataclass
class Asked:
    """How asking went.

    statuses   of the answers that came now, with how many there are of each
    failed     questions without an answer; the last fault in words
    ended      why not all were asked: "" if all were, else budget, or a signal's number in `signal`
    pause      tells for how many seconds the endpoint wants no question
    """

    total: int
    statuses: dict[str, int] = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: int = 0
    cut_off: int = 0
    failed: int = 0
    fault: str = ""
    ended: str = ""
    signal: int | None = None
    started: float = field(default_factory=time.monotonic)
    pause: Callable[[], float] = lambda: 0.0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


@dataclass
class Round:
    """One round of questions: those that are not answered yet go to the endpoint, each answer into `answers`.

    tell   called after every answer or failure, and now and then
    """

    asker: Asker
    prompt: Prompt
    answers: Answers
    purse: Purse
    concurrency: int
    asked: Asked
    tell: Callable[[], None]

    def __post_init__(self) -> None:
        self._in_a_row = self._out = 0
        self._stopped = False
        self._thought = self._took = 1  # tokens in, of the questions answered
        self._settled = asyncio.Event()

    async def __call__(self, questions: Iterator[Question]) -> None:
        """Asks; EngineError, after what was under way, where the endpoint is out of order."""
        workers = [asyncio.create_task(self._work(questions)) for _ in range(self.concurrency)]
        telling = asyncio.create_task(self._tell_on())
        with self._heard(workers):
            try:
                await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
                if any(not worker.done() for worker in workers):
                    self._stop()
                    await asyncio.wait(workers, timeout=GRACE)
            finally:
                self._stopped = True
                telling.cancel()
                for worker in workers:
                    worker.cancel()
                ends = await asyncio.gather(*workers, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end

    async def _tell_on(self) -> None:
        """Tells how it goes while no answer comes too: that the endpoint wants no question, say."""
        while True:
            await asyncio.sleep(_TELL_EVERY)
            self.tell()

    def _stop(self) -> None:
        self._stopped = True
        self._settled.set()
        self.asker.stop()

    @contextlib.contextmanager
    def _heard(self, workers: list[asyncio.Task[None]]) -> Iterator[None]:
        """The first signal lets nothing more go out and waits for what is; the second waits no longer."""
        loop = asyncio.get_running_loop()

        def came(number: int) -> None:
            if self.asked.signal is not None:
                for worker in workers:
                    worker.cancel()
                return
            self.asked.signal = number
            self._stop()
            loop.call_later(GRACE, lambda: [worker.cancel() for worker in workers])

        before = {}
        for number in _SIGNALS:
            # One that is ignored stays so: what runs under `nohup` outlives its terminal.
            if signal.getsignal(number) != signal.SIG_IGN:
                with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
                    held = signal.getsignal(number)
                    loop.add_signal_handler(number, came, number)
                    before[number] = held
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def _work(self, questions: Iterator[Question]) -> None:
        for question in questions:
            if self._stopped:
                return
            known = self.answers.get(question.key)
            if known is not None and not known.wants(self.asker.endpoint.max_tokens):
                continue
            reserved = await self._reserve(question)
            if reserved is None:
                return
            self._out += 1
            try:
                await self._ask(question, known, reserved)
            finally:
                self._out -= 1
                self._settled.set()
            self.tell()

    async def _reserve(self, question: Question) -> float | None:
        """Dollars set aside for a question; None where there are none left, nor any to come back."""
        while not self._stopped:
            reserved = self.purse.reserve(self._likely(question.tokens), self.asker.endpoint.max_tokens)
            if reserved is not None:
                return reserved
            if not self._out:
                self.asked.ended = "budget"
                self._stopped = True
                break
            self._settled.clear()
            await self._settled.wait()
        return None

    def _likely(self, tokens: int) -> int:
        """Tokens by the endpoint's count, from those by winnow's estimate: no fewer."""
        return tokens * max(self._took, self._thought) // self._thought

    async def _ask(self, question: Question, known: Answer | None, reserved: float) -> None:
        spent = (0, 0)
        try:
            answer = await self.asker.ask(
                question.key, question.messages, self.prompt.answer_schema, question.tokens
            )
            spent = (answer.tokens_in, answer.tokens_out)
        except FailedError as fault:
            self._failed(fault)
            return
        finally:
            self.purse.settle(reserved, *spent)
        self._in_a_row = 0
        self._thought, self._took = self._thought + question.tokens, self._took + answer.tokens_in
        self._count(answer)
        kept = answer if known is None else together(known, answer)
        self.answers.add(kept)
        verdict = judge(self.prompt, answer)
        if verdict.status == UNPARSABLE and answer.raw and answer.finish != CUT_OFF and not self._stopped:
            kept = await self._mended(question, answer, kept, verdict.fault)
        status = judge(self.prompt, kept).status
        self.asked.statuses[status] = self.asked.statuses.get(status, 0) + 1
        self.asked.cut_off += kept.finish == CUT_OFF

    async def _mended(self, question: Question, answer: Answer, kept: Answer, fault: str) -> Answer:
        """What comes of asking once more, in the light of what is wrong; `kept` where nothing does."""
        tokens = question.tokens + answer.tokens_out
        reserved = self.purse.reserve(self._likely(tokens), self.asker.endpoint.max_tokens)
        if reserved is None:
            return kept
        spent = (0, 0)
        messages = [*question.messages, *mend(answer, fault)]
        try:
            second = await self.asker.ask(question.key, messages, self.prompt.answer_schema, tokens)
            spent = (second.tokens_in, second.tokens_out)
        except FailedError:
            return kept
        finally:
            self.purse.settle(reserved, *spent)
        self._count(second)
        mended = together(kept, second)
        self.answers.add(mended)
        return mended

    def _count(self, answer: Answer) -> None:
        self.asked.tokens_in += answer.tokens_in
        self.asked.tokens_out += answer.tokens_out
        self.asked.estimated += not answer.counted

    def _failed(self, fault: FailedError) -> None:
        self.asked.failed += 1
        self.asked.fault = str(fault)
        self._in_a_row += 1
        if self._in_a_row >= (_IN_A_ROW if self.asker.answered else _AT_FIRST):
            raise EngineError(
                f"{self.asker.endpoint.url}: {self._in_a_row} questions in a row were not answered, the last "
                f"one: {fault}; what was answered is kept: give the same command again when that is mended"
            ) from fault
