"""What an answer says: a label of the prompt's, a refusal, or nothing that can be read."""

import json
import re
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from classifiers.labelling.answers import CUT_OFF, FILTERED, Answer
from classifiers.labelling.labels import OK, REFUSED, UNPARSABLE
from classifiers.labelling.prompt import Prompt

# What some models write before the answer, and how many fence it.
_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
# An answer without any JSON that begins so is a refusal. One that only holds such words is not: a model
# may quote them from the document.
_REFUSAL = re.compile(
    r"(?:i['’]?m|i am|we['’]re)?\s*(?:very |so )?(?:sorry|afraid)\b"
    r"[^.]{0,60}\b(?:can|could|unable|not able|must)"
    r"|(?:i|we)\s+(?:can['’]?t|cannot|can not|won['’]?t|will not|am unable to|am not able to|must decline)\s+"
    r"(?:to\s+)?(?:assist|help|comply|fulfil|provide|process|engage|rate|grade|answer|continue|do)",
    re.IGNORECASE,
)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_each_once)


class Verdict(NamedTuple):
    """label   of the prompt's, None unless status is ok
    fault   why an answer cannot be read, for the model to mend it; "" where it can be"""

    status: str
    label: str | None = None
    reason: str | None = None
    fault: str = ""


class _Given(BaseModel):
    """The object that is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    label: str
    reason: str | None = None

    @field_validator("label", mode="before")
    @classmethod
    def _whole_number(cls, label: Any) -> Any:
        """Where a schema is not heeded grades often come as numbers."""
        return str(label) if isinstance(label, int) and not isinstance(label, bool) else label


def judge(prompt: Prompt, answer: Answer) -> Verdict:
    """The verdict that an answer stands for."""
    if answer.refusal is not None or answer.finish == FILTERED:
        return Verdict(REFUSED)
    text = _THOUGHT.sub("", answer.raw or "", count=1).strip()
    if answer.finish == CUT_OFF:
        return Verdict(UNPARSABLE, fault="it was cut off")
    if not text:
        return Verdict(UNPARSABLE, fault="it is empty")
    found, fault = _object(text)
    if found is None:
        return Verdict(REFUSED) if _REFUSAL.match(text) else Verdict(UNPARSABLE, fault=fault)
    try:
        given = _Given.model_validate(found)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        return Verdict(UNPARSABLE, fault=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    spelled = {label.casefold(): label for label in prompt.labels}
    label = spelled.get(given.label.strip().casefold())
    if label is None:
        return Verdict(UNPARSABLE, fault=f"label {given.label!r} is none of those listed")
    # Half a pair of surrogates, which JSON can spell, cannot be stored.
    reason = " ".join((given.reason or "").encode("utf-8", "replace").decode().split())
    return Verdict(OK, label, reason or None)


def _object(text: str) -> tuple[Any, str]:
    """The one JSON object in a text; None, and why, where there is none or more than one."""
    try:
        whole = _DECODER.decode(text)
    except (ValueError, RecursionError):
        pass
    else:
        return (whole, "") if isinstance(whole, dict) else (None, "it is JSON, but no object")
    fenced = _FENCE.findall(text)
    if len(fenced) == 1:
        text = fenced[0]
    found: list[Any] = []
    at = text.find("{")
    while at >= 0 and len(found) < 2:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None, "it holds no JSON object that is whole"
        found.append(value)
        at = text.find("{", end)
    if len(found) == 1:
        return found[0], ""
    return None, "it holds several JSON objects" if found else "it holds no JSON object"


def mend(answer: Answer, fault: str) -> list[dict[str, str]]:
    """The messages that ask once more, after the first ones."""
    wanted = (
        f"That answer cannot be read: {fault}. Give it again, as the one JSON object asked for, and "
        "nothing else."
    )
    return [{"role": "assistant", "content": answer.raw or ""}, {"role": "user", "content": wanted}]
