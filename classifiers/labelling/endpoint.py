"""Questions to a server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, or a paid one.

What a server does not take (structured answers, `max_tokens`, a temperature) is found out with the first
question, which goes alone, and left out from then on.
"""

import asyncio
import os
import random
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import openai

from classifiers.labelling.answers import FILTERED, Answer
from classifiers.labelling.completion import Completion, NoChoicesError, NoCompletionError, read
from classifiers.labelling.limits import MOST_ASKED, Limits
from pipeline.counted import duration
from pipeline.errors import EngineError, PlanError
from pipeline.faults import choose
from pipeline.pace import retry_after
from pipeline.printed import printable

SCHEMA, SHORT, WARM = "response_format", "max_tokens", "temperature"
SYSTEM = "system"
"""Parts of a request that some servers do not take; `SYSTEM`: chat templates without a system message."""

# What templates (Gemma 2's, Mistral's first ones) say of a system message.
_ROLES = re.compile(r"system (?:role|message|prompt)|role.{0,3}system|roles must alternate")
# What servers say, by a status of 500 and more, of a schema that they cannot use.
_FORM = re.compile(r"grammar|schema|guided|format")

_LONGEST_WAIT = 30.0  # seconds before a question is asked again, at most, where nothing else is said
_FIRST_WAIT = 0.25
_REACHED = 10.0  # seconds within which a server must be reached
_TOO_MUCH = 20  # refusals by reason of pace that one question outlives
_SHOWN = 200  # characters of a server's message


@dataclass(frozen=True)
class Endpoint:
    """Where to ask, and how.

    url          ends in /v1, as a rule
    key          name of the environment variable that holds the key, "" for none
    max_tokens   of an answer, with what the model thinks unseen
    timeout      seconds for one answer
    retries      of a question that is not answered, or by a fault of the server
    """

    url: str
    model: str
    key: str = ""
    temperature: float = 0.0
    max_tokens: int = 512
    timeout: float = 300.0
    retries: int = 5

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError as fault:
            raise PlanError(f"--endpoint {self.url!r}: {fault}") from fault
        if port == 0 or parts.scheme not in ("http", "https") or not parts.hostname:
            raise PlanError(f"--endpoint {self.url!r}: expected an address as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query:
            raise PlanError(
                f"--endpoint: expected an address without a key in it, as {parts.scheme}://"
                f"{parts.hostname}/v1; put the key into an environment variable, whose name --key takes"
            )
        if not self.model:
            raise PlanError("--model: expected the name by which the endpoint knows the model")

    @property
    def parameters(self) -> dict[str, Any]:
        """What, besides model and messages, decides an answer."""
        return {"temperature": float(self.temperature)}

    def secret(self) -> str:
        """The key itself. PlanError where its variable is not set."""
        if not self.key:
            return "none"  # the client insists on one
        value = os.environ.get(self.key, "").strip()
        if not value:
            raise PlanError(
                "--key: no environment variable of that name is set; expected the name of one that holds the "
                "key, not the key itself"
            )
        if not (value.isascii() and value.isprintable()):
            raise PlanError(f"--key {self.key}: it holds characters that no key has")
        return value


Waited = TypeVar("Waited")


class FailedError(Exception):
    """One question was not answered. `of_question`: the server took offence at it, and may answer others."""

    def __init__(self, message: str, of_question: bool = False) -> None:
        super().__init__(message)
        self.of_question = of_question


class _AgainError(Exception):
    """Worth another try; `asked`: after so many seconds, where it was too much; None: it was a fault."""

    def __init__(self, message: str, asked: float | None = None) -> None:
        super().__init__(message)
        self.asked = asked


@dataclass
class Asker:
    """Asks one endpoint; `async with`. EngineError where no question at all can be answered."""

    endpoint: Endpoint
    limits: Limits = field(default_factory=Limits)
    left_out: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._secret = self.endpoint.secret()
        self._client = openai.AsyncOpenAI(
            base_url=self.endpoint.url,
            api_key=self._secret,
            timeout=openai.Timeout(self.endpoint.timeout, connect=min(_REACHED, self.endpoint.timeout)),
            max_retries=0,  # ours heed the limits
        )
        # What the environment says of an account with OpenAI is nobody else's business.
        self._client.organization = self._client.project = None
        self._first = asyncio.Lock()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._answered = False

    async def __aenter__(self) -> "Asker":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    @property
    def answered(self) -> bool:
        """Whether the endpoint has answered a question at all."""
        return self._answered

    def stop(self) -> None:
        """No question goes out from here on: those that wait for their moment are cancelled, those that
        are out may be answered."""
        self._stopping = True
        for task in self._waiting:
            task.cancel()

    async def ask(
        self, key: str, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], tokens: int
    ) -> Answer:
        """The model's answer. FailedError where there is none, after all retries.

        tokens   of the messages, about
        """
        if not self._answered:
            async with self._first:
                if not self._answered:
                    return await self._until_answered(key, messages, schema, tokens)
        return await self._until_answered(key, messages, schema, tokens)

    async def _until_answered(
        self, key: str, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], tokens: int
    ) -> Answer:
        failures = refusals = 0
        while True:
            taken = await self._wait(self.limits.take(tokens + self.endpoint.max_tokens))
            try:
                answer = await self._once(key, messages, schema, tokens)
            except _AgainError as fault:
                paced = fault.asked is not None
                refusals, failures = refusals + paced, failures + (not paced)
                if fault.asked is not None:
                    self.limits.refused(taken, fault.asked)
                if failures > self.endpoint.retries or refusals > _TOO_MUCH:
                    raise FailedError(str(fault)) from fault
                if not paced:
                    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**failures)
                    await self._wait(asyncio.sleep(wait * random.uniform(0.75, 1.0)))
                continue
            self.limits.served()
            self.limits.used(answer.tokens_in + answer.tokens_out - tokens - self.endpoint.max_tokens)
            return answer

    async def _wait(self, moment: Coroutine[Any, Any, Waited]) -> Waited:
        if self._stopping:
            moment.close()
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            return await moment
        finally:
            self._waiting.discard(task)

    async def _once(
        self, key: str, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], tokens: int
    ) -> Answer:
        """One question; as long as none was answered, once more without what the server does not take."""
        on_trial = False
        while True:
            try:
                came = await self._client.chat.completions.with_raw_response.create(
                    **self._request(messages, schema)
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as fault:
                if _filtered(fault):
                    return Answer(key, None, FILTERED, limit=self.endpoint.max_tokens)
                part = None if self._answered else self._not_taken(fault)
                if part is not None:
                    self.left_out.add(part)
                    on_trial = part == SCHEMA
                    continue
                if on_trial:  # it was not that
                    self.left_out.discard(SCHEMA)
                raise FailedError(f"{fault.status_code}: {self._told(fault)}", of_question=True) from fault
            except openai.APIStatusError as fault:
                if self._stumbles_over_schema(fault):
                    self.left_out.add(SCHEMA)
                    on_trial = True
                    continue
                if on_trial:
                    self.left_out.discard(SCHEMA)
                await self._status(fault)
            except openai.APIConnectionError as fault:
                self._not_reached(fault)
            return self._answer(key, came.http_response.content, tokens)

    def _request(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
        said = [dict(each) for each in messages]
        if SYSTEM in self.left_out and said[0]["role"] == "system":
            system, user, *more = said
            said = [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *more]
        request: dict[str, Any] = {"model": self.endpoint.model, "messages": said}
        if SCHEMA not in self.left_out:
            form = {"name": "answer", "strict": True, "schema": dict(schema)}
            request[SCHEMA] = {"type": "json_schema", "json_schema": form}
        if WARM not in self.left_out:
            request[WARM] = self.endpoint.temperature
        # OpenAI's reasoning models know it under another name.
        short = "max_completion_tokens" if SHORT in self.left_out else SHORT
        request[short] = self.endpoint.max_tokens
        return request

    def _not_taken(self, fault: openai.APIStatusError) -> str | None:
        """The part of a request that the server does not take, None where it takes offence at another."""
        said = f"{fault.message} {fault.param}".lower()
        if "context length" in said or "context size" in said:
            return None
        if _ROLES.search(said) and SYSTEM not in self.left_out:
            return SYSTEM
        named = [part for part in (SHORT, WARM, SCHEMA) if part in said]
        # Servers put it in many words what they know nothing of.
        left = [part for part in named or [SCHEMA] if part not in self.left_out]
        return left[0] if left else None

    def _stumbles_over_schema(self, fault: openai.APIStatusError) -> bool:
        if fault.status_code < 500 or self._answered or SCHEMA in self.left_out:
            return False
        return _FORM.search(self._told(fault).lower()) is not None

    async def _status(self, fault: openai.APIStatusError) -> NoReturn:
        status, url, told = fault.status_code, self.endpoint.url, self._told(fault)
        if status == 401 or (status == 403 and not self._answered):
            name = self.endpoint.key
            remedy = (
                f"see that the environment variable {name} holds a key that is valid there"
                if name
                else "name the environment variable that holds a key by --key"
            )
            raise EngineError(f"{url} refuses us ({status}: {told}); {remedy}") from fault
        if status == 404:
            known, model = await self._models(), self.endpoint.model
            if known and model not in known:
                raise EngineError(f"{url}: it has no model {model!r}; {choose(model, known)}") from fault
            raise EngineError(
                f"{url}: no model {model!r} answers there (404: {told}); see that --model is its name, and "
                "--endpoint the address of an OpenAI-compatible server, which as a rule ends in /v1"
            ) from fault
        if status == 402 or fault.code == "insufficient_quota":
            raise EngineError(
                f"{url}: nothing is left to pay with ({status}: {told}); top up, then give the same "
                "command again"
            ) from fault
        wait = _wait(fault)
        if status == 429 or (status == 503 and wait):
            if wait > MOST_ASKED:
                raise EngineError(
                    f"{url} wants no question for {duration(wait)} ({status}: {told}); what was answered is "
                    "kept: give the same command again then"
                ) from fault
            raise _AgainError(f"{status}: {told}", asked=wait) from fault
        if status in (408, 409) or status >= 500:
            raise _AgainError(f"{status}: {told}") from fault
        raise FailedError(f"{status}: {told}", of_question=True) from fault

    async def _models(self) -> list[str]:
        """The models that the endpoint serves, as far as it says."""
        try:
            return sorted([printable(each.id) async for each in self._client.models.list()])
        except (
            openai.OpenAIError,
            ValueError,
            AttributeError,
            TypeError,
        ):  # of what a stranger's server says
            return []

    def _not_reached(self, fault: openai.APIConnectionError) -> NoReturn:
        cause = fault.__cause__
        kind = type(cause).__name__
        said = _short(cause or fault) or kind
        if not self._answered and kind in ("ConnectError", "ConnectTimeout"):
            raise EngineError(
                f"no server answers at {self.endpoint.url} ({said}); start it, or see that --endpoint is "
                "right"
            ) from fault
        if isinstance(fault, openai.APITimeoutError):
            raise _AgainError(f"no answer within {self.endpoint.timeout:g} s") from fault
        raise _AgainError(f"the connection broke: {said}") from fault

    def _told(self, fault: openai.APIStatusError) -> str:
        """What the server says, without the key, which some repeat."""
        body = fault.body
        said = body.get("message") or body if isinstance(body, dict) else body or fault.message
        return _short(str(said).replace(self._secret, "***"))

    def _answer(self, key: str, content: bytes, tokens: int) -> Answer:
        try:
            found = read(content)
        except NoChoicesError as fault:
            raise _AgainError(f"an answer without choices: {_short(fault)}".removesuffix(": ")) from fault
        except NoCompletionError as fault:
            told = f": {_short(fault)}".removesuffix(": ")
            if self._answered:
                raise _AgainError(f"an answer that is no chat completion{told}") from fault
            raise EngineError(
                f"{self.endpoint.url}: what answers is no chat completion{told}; expected the address of an "
                "OpenAI-compatible server, which as a rule ends in /v1"
            ) from fault
        self._answered = True
        return _counted(key, found, tokens, self.endpoint.max_tokens)


def _counted(key: str, found: Completion, tokens: int, limit: int) -> Answer:
    """The answer, by the server's count of tokens or by an estimate."""
    tokens_in, tokens_out = found.tokens_in, found.tokens_out
    return Answer(
        key,
        found.text,
        found.finish,
        found.refusal,
        tokens if tokens_in is None else tokens_in,
        max(1, len(found.text or "") // 4) if tokens_out is None else tokens_out,
        counted=tokens_in is not None and tokens_out is not None,
        limit=limit,
    )


def _filtered(fault: openai.APIStatusError) -> bool:
    """Whether a filter before the model refused what the document says, as Azure's does."""
    return FILTERED in f"{fault.code} {fault.message}".lower()


def _wait(fault: openai.APIStatusError) -> float:
    """Seconds for which the server wants no request, 0 where it does not say."""
    headers = fault.response.headers
    return retry_after(headers.get("retry-after-ms")) / 1000 or retry_after(headers.get("retry-after"))


def _short(said: Any) -> str:
    text = printable(" ".join(str(said).split()))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
