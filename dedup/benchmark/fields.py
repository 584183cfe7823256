"""Which texts of a benchmark item are looked for: a small notation over its fields.

    question                                       a field; of a list, each element is a text of its own
    question.stem                                  a field within a field, or within each element of a list
    answers[0]                                     an element by its number, from 0
    choices[answer]                                the one that another field names: a number from 0, or a
                                                   letter from A
    choices[label - 1]                             the same by a number from 1
    choices.text[choices.label = answerKey]        the one beside the equal element of another list
    query after "Question:"                        what stands behind the last of these; else all
    sentence with option1 for "_"                  with one text in place of another
    question + answer                              several, one behind the other

A text of which a part is missing or empty is not looked for.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACE = r"[^\[\]=+\"]+?"
_PART = re.compile(
    rf"(?P<place>{_PLACE})(?:\[(?P<chosen>[^\[\]]+)\])?"
    r"(?: after \"(?P<after>[^\"]+)\")?"
    rf"(?: with (?P<filling>{_PLACE}) for \"(?P<blank>[^\"]+)\")?"
)
_NUMBER = re.compile(r"[+-]?\d{1,9}")
_MISSING = object()


@dataclass(frozen=True)
class Part:
    """One part of a text; `chosen` says which element of the place is meant, '' for all."""

    place: str
    chosen: str
    after: str
    filling: str
    blank: str

    def places(self) -> list[str]:
        """All fields that it asks for."""
        found = [self.place]
        if "=" in self.chosen:
            found += [side.strip() for side in self.chosen.split("=", 1)]
        elif self.chosen and not _NUMBER.fullmatch(self.chosen):
            found.append(self.chosen.removesuffix("- 1").strip())
        return [*found, self.filling] if self.filling else found

    def read(self, item: Mapping[str, Any]) -> list[str]:
        """The texts that it stands for in this item: one, of a list several, none where there is none."""
        value = _value(item, self.place)
        if self.chosen:
            value = _choose(value, self.chosen, item)
        texts = _texts(value)
        if self.after:
            texts = [text.rpartition(self.after)[2] for text in texts]
        if self.filling:
            filling = "\n".join(_texts(_value(item, self.filling)))
            texts = [text.replace(self.blank, filling) for text in texts if filling]
        return [text.strip() for text in texts if text.strip()]


def parse(notation: str) -> tuple[Part, ...]:
    """The parts of a text. ValueError says what the notation is where this is none."""
    parts = []
    for given in notation.split(" + "):
        match = _PART.fullmatch(given.strip())
        if match is None or not match["place"].strip():
            raise ValueError(
                f"{notation!r} names no text of an item; expected a field (question, question.stem, "
                "choices[answer], choices.text[choices.label = answerKey]), or several: question + answer"
            )
        parts.append(Part(*(match[name] or "" for name in ("place", "chosen", "after", "filling", "blank"))))
    return tuple(parts)


def read(parts: tuple[Part, ...], item: Mapping[str, Any]) -> list[str]:
    """The texts that these parts make in an item; none where one of them is missing."""
    if len(parts) == 1:
        return parts[0].read(item)
    found = ["\n".join(part.read(item)) for part in parts]
    return ["\n".join(found)] if all(found) else []


def is_there(place: str, item: Mapping[str, Any]) -> bool:
    """Whether the item has this field, be it empty."""
    return _value(item, place) is not _MISSING


def _value(value: Any, place: str) -> Any:
    if isinstance(value, Mapping) and place in value:  # a name may hold a full stop
        return value[place]
    name, _, rest = place.partition(".")
    if isinstance(value, Mapping):
        value = value.get(name, _MISSING)
        return _value(value, rest) if rest and value is not _MISSING else value
    if isinstance(value, list) and value:
        found = [_value(each, place) for each in value]
        return _MISSING if _MISSING in found else found
    return _MISSING


def _choose(value: Any, chosen: str, item: Mapping[str, Any]) -> Any:
    if not isinstance(value, list):
        return _MISSING
    if "=" in chosen:
        labels, wanted = (_value(item, side.strip()) for side in chosen.split("=", 1))
        places = [
            at for at, label in enumerate(labels if isinstance(labels, list) else []) if label == wanted
        ]
    elif _NUMBER.fullmatch(chosen):
        places = [int(chosen)]
    else:
        from_one = chosen.endswith("- 1")
        named = _value(item, chosen.removesuffix("- 1").strip())
        number = _number(named[0] if isinstance(named, list) and named else named)
        places = [] if number is None else [number - from_one]
    return value[places[0]] if places and 0 <= places[0] < len(value) else _MISSING


def _number(value: Any) -> int | None:
    """The place that a number, its digits or a letter stands for."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip().strip("().") if isinstance(value, str) else ""
    if _NUMBER.fullmatch(text):
        return int(text)
    return ord(text.upper()) - ord("A") if len(text) == 1 and text.isascii() and text.isalpha() else None


def _texts(value: Any) -> list[str]:
    if value is _MISSING or value is None or isinstance(value, bool):
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, int | float):
        return [str(value)]
    return [json.dumps(value, ensure_ascii=False, default=str)]
