import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from classifiers.labelling.answers import Answer
from classifiers.labelling.completion import read
from classifiers.labelling.endpoint import Asker, Endpoint, FailedError
from pipeline.errors import EngineError, PlanError

MESSAGES = [{"role": "user", "content": "A text."}]
SCHEMA = {"type": "object", "properties": {"label": {"type": "string", "enum": ["1", "2"]}}}
LABEL = json.dumps({"label": "1"})


def ask(endpoint: Endpoint, times: int = 1) -> list[Answer]:
    async def all_of() -> list[Answer]:
        async with Asker(endpoint) as asker:
            return [await asker.ask(f"key {at}", MESSAGES, SCHEMA, 9) for at in range(times)]

    return asyncio.run(all_of())


def replies(server: Any, *given: Any) -> None:
    """The server gives these replies, the last for ever."""
    left = list(given)
    server.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_question_goes_out_as_openai_has_it_and_comes_back_counted(llm: Any) -> None:
    assert ask(Endpoint(llm.url, "small", temperature=0.5, max_tokens=99)) == [
        Answer("key 0", llm.answer({}), "stop", None, 100, 10, limit=99)
    ]
    assert llm.requests == [
        {
            "model": "small",
            "messages": MESSAGES,
            "temperature": 0.5,
            "max_tokens": 99,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
            },
        }
    ]


def test_tokens_are_estimated_where_the_server_does_not_count(llm: Any, reply: Any) -> None:
    replies(llm, reply("x" * 40, tokens=None))
    (answer,) = ask(Endpoint(llm.url, "m"))
    assert (answer.tokens_in, answer.tokens_out, answer.counted) == (9, 10, False)


def test_refusals_and_empty_answers_are_answers(llm: Any, reply: Any) -> None:
    replies(llm, reply(None, refusal="no"), reply("", finish="content_filter"), reply(None, finish="length"))
    found = ask(Endpoint(llm.url, "m"), 3)
    assert [(each.raw, each.refusal, each.finish) for each in found] == [
        (None, "no", "stop"),
        ("", None, "content_filter"),
        (None, None, "length"),
    ]


def test_filter_before_the_model_is_a_refusal(llm: Any, reply: Any) -> None:
    replies(llm, reply("The prompt was filtered", 400, code="content_filter"), LABEL)
    assert [each.finish for each in ask(Endpoint(llm.url, "m"), 2)] == ["content_filter", "stop"]


def test_filter_says_nothing_of_what_the_server_takes(llm: Any, reply: Any) -> None:
    left = [reply("filtered", 400, code="content_filter"), reply("no response_format here", 400), LABEL]
    llm.answer = lambda _: left.pop(0)
    assert ask(Endpoint(llm.url, "m"), 2)[1].raw == LABEL
    assert ["response_format" in body for body in llm.requests] == [True, True, False]


def completion(message: Any, **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **more}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (completion({"content": None}), (None, 9, 1)),
        (
            completion({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            ("ab", 9, 1),
        ),
        (completion({"content": [{"type": "image"}]}), (None, 9, 1)),
        (completion({"content": {"label": "1"}}), ('{"label": "1"}', 9, 3)),
        (completion({"content": "é"}).decode("unicode_escape").encode("latin-1"), ("�", 9, 1)),
        (completion({"content": "a"}).decode().encode("utf-16"), ("a", 9, 1)),
        (completion({"content": "a"}, usage={"prompt_tokens": 4, "completion_tokens": 2}), ("a", 4, 2)),
        (completion({"content": "a"}, usage={"prompt_tokens": 4}), ("a", 4, 1)),
        (completion({"content": "a"}, usage={"prompt_tokens": None, "completion_tokens": "7"}), ("a", 9, 1)),
        (completion({"content": "a"}, usage={"prompt_tokens": -4, "completion_tokens": 1.5}), ("a", 9, 1)),
        (completion({"content": "a"}, usage={"prompt_tokens": 0, "completion_tokens": 10**12}), ("a", 9, 1)),
        (completion({"content": "a"}, usage="some"), ("a", 9, 1)),
    ],
)
def test_answers_of_all_forms_are_read(
    llm: Any, reply: Any, body: bytes, expected: tuple[str | None, int, int]
) -> None:
    replies(llm, reply(body=body))
    (answer,) = ask(Endpoint(llm.url, "m"))
    assert (answer.raw, answer.tokens_in, answer.tokens_out) == expected
    assert answer.counted is (expected[1:] == (4, 2))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        completion(None),
        completion("text"),
        json.dumps({"choices": {"a": 1}}).encode(),
        json.dumps({"choices": [None]}).encode(),
        json.dumps({"choices": ["a"]}).encode(),
        "<html>\x1b[31m\x9b".encode(),
    ],
)
def test_what_is_no_completion_is_told_and_steers_no_terminal(llm: Any, reply: Any, body: bytes) -> None:
    replies(llm, reply(body=body))
    with pytest.raises(EngineError, match="what answers is no chat completion") as fault:
        ask(Endpoint(llm.url, "m"))
    assert str(fault.value).isprintable()


@pytest.mark.parametrize(
    ("said", "status"), [("System role not supported", 400), ("Conversation roles must alternate …", 422)]
)
def test_model_without_a_system_message_gets_it_before_the_user_s(
    llm: Any, reply: Any, said: str, status: int
) -> None:
    two = [{"role": "system", "content": "Be brief."}, *MESSAGES]
    llm.answer = lambda body: reply(said, status) if len(body["messages"]) > 1 else LABEL

    async def one() -> Answer:
        async with Asker(Endpoint(llm.url, "m")) as asker:
            return await asker.ask("a", two, SCHEMA, 9)

    assert asyncio.run(one()).raw == LABEL
    assert llm.requests[1]["messages"] == [{"role": "user", "content": "Be brief.\n\nA text."}]
    assert "response_format" in llm.requests[1]


def test_schema_that_the_server_stumbles_over_is_left_out(llm: Any, reply: Any) -> None:
    broken = reply("failed to parse grammar", 500)
    llm.answer = lambda body: broken if "response_format" in body else LABEL
    assert [each.raw for each in ask(Endpoint(llm.url, "m", retries=0), 2)] == [LABEL, LABEL]
    assert len(llm.requests) == 3


def test_half_a_surrogate_pair_can_be_stored(llm: Any) -> None:
    llm.answer = lambda _: "a\ud800"
    assert ask(Endpoint(llm.url, "m"))[0].raw == "a?"


@pytest.mark.parametrize("fault", ["status 500", "drop", "no json", "html", "no choices"])
def test_fault_that_passes_is_outlived(llm: Any, reply: Any, fault: str) -> None:
    given = {
        "status 500": reply("oops", 500),
        "drop": reply(drop=True),
        "no json": reply(body=b"{", status=500),
        "html": reply(body=b"<html>gateway", status=502),
        "no choices": reply(body=b"<html>half a page</html>"),
    }[fault]
    replies(llm, LABEL, given, LABEL)
    assert [each.raw for each in ask(Endpoint(llm.url, "m"), 2)] == [LABEL, LABEL]
    assert len(llm.requests) == 3


def test_fault_that_stays_fails_the_question_after_all_retries(llm: Any, reply: Any) -> None:
    replies(llm, reply("oops", 500))
    with pytest.raises(FailedError, match="500: oops"):
        ask(Endpoint(llm.url, "m", retries=1))
    assert len(llm.requests) == 2
    replies(llm, reply(LABEL, delay=1.0))
    with pytest.raises(FailedError, match=r"no answer within 0\.2 s"):
        ask(Endpoint(llm.url, "m", retries=0, timeout=0.2))


@pytest.mark.parametrize(
    ("header", "seconds"), [({"Retry-After": "0.6"}, 0.6), ({"retry-after-ms": "400"}, 0.4)]
)
def test_too_many_requests_wait_as_long_as_they_are_told(
    llm: Any, reply: Any, header: dict[str, str], seconds: float
) -> None:
    replies(llm, reply("slow down", 429, header), LABEL)
    assert ask(Endpoint(llm.url, "m", retries=0))[0].raw == LABEL
    first, second = llm.times
    assert seconds <= second - first < seconds + 1


def test_long_time_to_wait_ends_the_work(llm: Any, reply: Any) -> None:
    """As a day's share that is used up does; a wait of minutes is waited."""
    replies(llm, reply("daily limit", 429, {"Retry-After": "200000"}))
    with pytest.raises(EngineError, match=r"wants no question for 2 days \(429: daily limit\); .* is kept"):
        ask(Endpoint(llm.url, "m"))
    assert len(llm.requests) == 1


@pytest.mark.parametrize(
    ("message", "raw"),
    [
        ({"tool_calls": [{"function": {"name": "answer", "arguments": LABEL}}]}, LABEL),
        ({"content": " ", "tool_calls": [{"function": {"arguments": {"label": "1"}}}]}, '{"label": "1"}'),
        ({"function_call": {"arguments": LABEL}}, LABEL),
        ({"tool_calls": [{"function": {"arguments": "a"}}, {"function": {"arguments": "b"}}]}, "a\nb"),
        ({"content": "no", "tool_calls": [{"function": {"arguments": LABEL}}]}, "no"),
        ({"content": None, "tool_calls": [None, {}, {"function": "x"}]}, None),
        ({"content": "", "tool_calls": 3}, ""),
    ],
)
def test_answer_by_a_call_of_a_function_is_one(message: dict[str, Any], raw: str | None) -> None:
    assert read(completion(message)).text == raw


def test_server_without_schemas_is_asked_without_from_then_on(llm: Any) -> None:
    llm.schemas = False
    assert len(ask(Endpoint(llm.url, "m"), 3)) == 3
    assert ["response_format" in body for body in llm.requests] == [True, False, False, False]


@pytest.mark.parametrize(
    ("refused", "gone"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported, use 'max_completion_tokens'", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0 with this model", "temperature"),
    ],
)
def test_parameter_that_is_not_taken_is_left_out(llm: Any, reply: Any, refused: str, gone: str) -> None:
    llm.answer = lambda body: reply(refused, 400) if gone in body else LABEL
    ask(Endpoint(llm.url, "m"), 2)
    assert len(llm.requests) == 3
    assert gone not in llm.requests[-1] and "response_format" in llm.requests[-1]
    assert ("max_completion_tokens" in llm.requests[-1]) is (gone == "max_tokens")


def test_question_that_the_server_will_not_take_fails_alone(llm: Any, reply: Any) -> None:
    long = reply("This model's maximum context length is 4096 tokens; reduce max_tokens", 400)
    replies(llm, long, LABEL)

    async def all_of() -> Answer:
        async with Asker(Endpoint(llm.url, "m")) as asker:
            with pytest.raises(FailedError, match="400: This model's maximum") as fault:
                await asker.ask("a", MESSAGES, SCHEMA, 9)
            assert fault.value.of_question
            return await asker.ask("b", MESSAGES, SCHEMA, 9)

    assert asyncio.run(all_of()).raw == LABEL
    # It was not the schema: the next question has one.
    assert "response_format" in llm.requests[-1]


def test_wrong_key_stops_and_is_never_shown(llm: Any, reply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    llm.key = "right"
    monkeypatch.setenv("SOME_KEY", "sk-secret-0123456789")
    with pytest.raises(EngineError, match="the environment variable SOME_KEY holds a key"):
        ask(Endpoint(llm.url, "m", "SOME_KEY"))
    with pytest.raises(EngineError, match="name the environment variable that holds a key by --key"):
        ask(Endpoint(llm.url, "m"))
    assert len(llm.requests) == 2
    replies(llm, reply("Incorrect key sk-secret-0123456789", 500))
    monkeypatch.setattr(llm, "key", None)
    with pytest.raises(FailedError) as fault:
        ask(Endpoint(llm.url, "m", "SOME_KEY", retries=0))
    assert str(fault.value) == "500: Incorrect key ***"


def test_right_key_is_sent_and_nothing_that_nobody_asked_for(
    llm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm.key = "right"
    monkeypatch.setenv("SOME_KEY", "right\n")
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "private")
    assert ask(Endpoint(llm.url, "m", "SOME_KEY"))
    assert llm.headers[0]["authorization"] == "Bearer right"
    assert "private" not in str(llm.headers)


def test_unknown_model_gets_the_nearest(llm: Any) -> None:
    llm.models = ("llama-3-8b", "qwen-2")
    with pytest.raises(EngineError, match="it has no model 'lama-3-8b'; did you mean 'llama-3-8b'"):
        ask(Endpoint(llm.url, "lama-3-8b"))


def test_wrong_address_is_told(llm: Any, reply: Any) -> None:
    with pytest.raises(EngineError, match="as a rule ends in /v1"):
        ask(Endpoint(llm.url.removesuffix("/v1"), "m"))
    replies(llm, reply(body=b"<html>Welcome</html>"))
    with pytest.raises(EngineError, match=r"no chat completion: <html>Welcome</html>; .* ends in /v1"):
        ask(Endpoint(llm.url, "m"))


def test_nobody_listening_is_told_at_once(llm: Any) -> None:
    llm.shutdown()
    llm.server_close()
    before = time.monotonic()
    with pytest.raises(EngineError, match=r"no server answers at http://127\.0\.0\.1"):
        ask(Endpoint(llm.url, "m"))
    assert time.monotonic() - before < 5


def test_nothing_left_to_pay_with_stops(llm: Any, reply: Any) -> None:
    replies(llm, reply("You exceeded your quota", 429, code="insufficient_quota"))
    with pytest.raises(EngineError, match="nothing is left to pay with"):
        ask(Endpoint(llm.url, "m"))
    assert len(llm.requests) == 1


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Endpoint("127.0.0.1:8000/v1", "m"), "expected an address as http"),
        (lambda: Endpoint("http://host:port/v1", "m"), "Port could not be cast"),
        (lambda: Endpoint("http://u:sesame@host/v1", "m"), "without a key in it"),
        (lambda: Endpoint("https://host/v1?key=sesame", "m"), "without a key in it"),
        (lambda: Endpoint("http://host/v1", ""), "--model"),
        (lambda: Endpoint("http://host/v1", "m", "sesame").secret(), "no environment variable of that name"),
    ],
)
def test_endpoint_that_cannot_be_asked_is_told_without_its_key(made: Callable[[], Any], message: str) -> None:
    with pytest.raises(PlanError, match=message) as fault:
        made()
    assert "sesame" not in str(fault.value)
