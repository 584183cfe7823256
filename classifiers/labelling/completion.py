"""What a server's answer to a question holds.

Servers that speak OpenAI's chat completions differ in what they leave out and in the forms of what they put
in. All that they may send ends here as a `Completion`, or as one of two faults.
"""

import json
from typing import Any, NamedTuple

_MOST_TOKENS = 100_000_000  # of one answer; a larger figure counts something else


class NoCompletionError(Exception):
    """It is no chat completion; the message is what came."""


class NoChoicesError(Exception):
    """There is no answer in it; the message is the error that it tells, "" for none."""


class Completion(NamedTuple):
    """text   None where there is none
    finish   why it ended, as far as that is told
    refusal  what is said apart from the text where the model would not answer
    tokens_in, tokens_out   None where the server does not count, or cannot
    """

    text: str | None
    finish: str | None
    refusal: str | None
    tokens_in: int | None
    tokens_out: int | None


def read(content: bytes) -> Completion:
    """The first answer of a response's body. NoCompletionError, NoChoicesError."""
    try:
        try:
            found = json.loads(content)
        except UnicodeDecodeError:  # what is paid for is not thrown away for an accent
            found = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NoCompletionError(content[:2000].decode("utf-8", "replace")) from None
    if not isinstance(found, dict):
        raise NoCompletionError("" if found is None else str(found)[:2000])
    choices = found.get("choices")
    if not choices:
        raise NoChoicesError(str(found.get("error") or "")[:2000])
    choice = choices[0] if isinstance(choices, list) else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise NoCompletionError(str(found)[:2000])
    text, refusal, finish = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    said = _joined(text)
    raw = _clean(said if (said or "").strip() else _called(message) or said)
    usage = found.get("usage")
    used = usage if isinstance(usage, dict) else {}
    # That nothing was asked, or that something is nothing, is no count.
    tokens_out = _tokens(used.get("completion_tokens"))
    return Completion(
        raw,
        finish if isinstance(finish, str) else None,
        _clean(_joined(refusal)) if refusal else None,
        _tokens(used.get("prompt_tokens")) or None,
        (tokens_out or None) if raw else tokens_out,
    )


def _called(message: dict[str, Any]) -> str | None:
    """The arguments of the functions that an answer calls, those of each in a line: what some servers make of
    an answer that is bound to a schema."""
    calls = message.get("tool_calls")
    functions = [message.get("function_call")]
    if isinstance(calls, list):
        functions += [call.get("function") for call in calls if isinstance(call, dict)]
    given = [each.get("arguments") for each in functions if isinstance(each, dict)]
    return "\n".join(_text(each) for each in given if each) or None


def _joined(content: Any) -> str | None:
    """Content as text: some servers give it in parts, or as the object that was asked for."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list):
        return _text(content)
    parts = [part.get("text") if isinstance(part, dict) else part for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts else None


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _clean(text: str | None) -> str | None:
    """Text that can be stored: half a pair of surrogates cannot."""
    return None if text is None else text.encode("utf-8", "replace").decode()


def _tokens(count: Any) -> int | None:
    whole = isinstance(count, int) and not isinstance(count, bool)
    return count if whole and 0 <= count <= _MOST_TOKENS else None
