"""YAML with line numbers: plain data, and for every key the line it stands on.

Scalars follow the YAML 1.2 core schema: `no`, `on` and `2024-01-01` are text, `1e6` is a number.
Keys are always text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from pipeline.errors import PlanError

KeyPath = tuple[str | int, ...]


class Mark(NamedTuple):
    """A place in a file; `line` is 1-based."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Marked:
    """The content of a YAML file; `lines` says of each key path of `data` where it stands.

    moved   key paths of `data` that the person wrote under another one, and that
    """

    file: str
    data: Any
    lines: Mapping[KeyPath, Mark]
    moved: Mapping[KeyPath, KeyPath] = field(default_factory=dict)

    def mark(self, path: KeyPath = ()) -> Mark:
        """Where `path` stands; for a path that is not in the file, its nearest parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, Mark(self.file, 1))

    def written(self, at: KeyPath, inside: KeyPath) -> KeyPath:
        """The key path in `data` of what became `inside` when the value at `at` was read: a text can stand
        for a list of it, names with values for a list."""
        value = self.data
        for part in at:
            value = value.get(part) if isinstance(value, dict) else value[int(part)]
        value = value if isinstance(value, dict | list) else None  # the name of a step alone
        parts: list[str | int] = [*at]
        for part in inside:
            if isinstance(value, str | int | float):
                break
            if isinstance(value, dict) and isinstance(part, int):
                part = [*value, part][min(part, len(value))]
            parts.append(part)
            if isinstance(value, dict):
                value = value.get(part)
            else:
                there = isinstance(value, list) and isinstance(part, int) and part < len(value)
                value = value[int(part)] if there else None
        return tuple(parts)

    def told(self, path: KeyPath) -> KeyPath:
        """`written`, in the place where the person wrote what was moved."""
        for place, written in self.moved.items():
            if path[: len(place)] == place:
                return (*written, *path[len(place) :])
        return path


MAX_NODES = 100_000  # after aliases are expanded: a run file is small, a YAML bomb is not

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
_WORDS: dict[str, bool | float | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_PLAIN = "plain"  # a scalar without quotes and without a tag


class _Loader(yaml.SafeLoader):
    """Leaves it to `_resolved` what a plain scalar is."""


_Loader.yaml_implicit_resolvers = {
    None: [(_PLAIN, re.compile("(?!<<$)"))],
    "<": [(_MERGE, re.compile("<<$"))],
}


_ADVICE = (
    ("'\\t'", "a tab stands where YAML wants spaces"),
    ("expected a single document", "more than one document (---) where one was expected"),
    (
        "mapping values are not allowed",
        "a key where none is expected; check the indentation, quote text with ': '",
    ),
)


def load(path: str) -> Marked:
    """Reads a local YAML file. Raises PlanError with the line of the fault."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as fault:
        raise PlanError(f"cannot be read: {fault.strerror}", path) from fault
    return parse(content, path)


def parse(content: bytes | str, file: str) -> Marked:
    """Parses YAML; `file` is the name that marks and messages carry."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise PlanError("not UTF-8 text; save the file as UTF-8", file, line) from fault
    try:
        node = yaml.compose(text, Loader=_Loader)
        reader = _Reader(file)
        data = None if node is None else reader.value(node, ())
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        raise PlanError(f"character #x{fault.character:04x} is not allowed in YAML", file, line) from fault
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise PlanError(_explain(fault), file, None if mark is None else mark.line + 1) from fault
    except RecursionError as fault:
        raise PlanError("nested too deeply", file) from fault
    return Marked(file, data, reader.lines)


def _explain(fault: yaml.MarkedYAMLError) -> str:
    problem = fault.problem or str(fault)
    for words, advice in _ADVICE:
        if words in problem or words in (fault.context or ""):
            return f"not valid YAML: {advice}"
    return "not valid YAML: " + ", ".join(filter(None, (fault.context, problem)))


class _Reader:
    """Turns YAML nodes into plain data and notes their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, Mark] = {}
        self._open: set[int] = set()
        self._nodes = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, Mark(self.file, _line(node)))
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._fault(node, f"more than {MAX_NODES} values once its aliases are expanded")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._fault(node, "an anchor that contains itself")
        self._open.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            self._known_tag(node, "seq")
            data: Any = [self.value(item, (*path, at)) for at, item in enumerate(node.value)]
        else:
            self._known_tag(node, "map")
            data = self._mapping(node, path)
        self._open.remove(id(node))
        return data

    def _mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = self._merged(value) | merged
                continue
            name = self._key(key)
            if name in own:
                first = _line(own[name][0])
                raise self._fault(key, f"key {name!r} stands twice, first in line {first}; keep one")
            own[name] = (key, value)
        data: dict[str, Any] = {}
        for name, (key, value) in (own | {name: merged[name] for name in merged if name not in own}).items():
            self.lines[(*path, name)] = Mark(self.file, _line(key))
            data[name] = self.value(value, (*path, name))
        return data

    def _merged(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The pairs that `<<` brings in; of several mappings the first wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for each in nodes:
            if not isinstance(each, yaml.MappingNode):
                raise self._fault(each, "'<<' takes a mapping or a list of mappings")
            for key, value in each.value:
                pairs.setdefault(self._key(key), (key, value))
        return pairs

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._fault(node, "a key must be a plain word, found a list or a mapping")
        if not node.value:
            raise self._fault(node, "an empty key")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _PLAIN:
            return _resolved(node.value)
        self._known_tag(node, "str")
        return node.value

    def _known_tag(self, node: yaml.Node, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            raise self._fault(node, f"tag {node.tag!r} is not known; write the value plainly")

    def _fault(self, node: yaml.Node, message: str) -> PlanError:
        return PlanError(message, self.file, _line(node))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _resolved(text: str) -> Any:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
