"""In which language a file is written, by GitHub Linguist's names, from its path and its head.

What decides, in this order: an editor's mode line; the file's name; `#!`; the extension, and where
several languages share it, what stands in the file (`ambiguous.tsv`); markup that says what it is.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from pipeline.sources.code import tables

HEAD = 16_384  # characters of a file that are looked at
LINE = 300  # characters of a line that are looked at: patterns may be quadratic in a line's length

_MODELINES = re.compile(
    r"-\*-(?:[^\n]{0,200}?\bmode[ \t]*:[ \t]*|[ \t]*)([\w+#.-]+?)(?:[ \t]*;[^\n]{0,200}?)?[ \t]*-\*-"
    r"|\b(?:vim?|ex)[\d<=>]*:[^\n]{0,200}?\b(?:ft|filetype|syntax)[ \t]*=[ \t]*([\w+#.-]+)"
)
_SHEBANG = re.compile(r"#![ \t]*(?:\S*/)?(\S+)([^\n]*)")
_EXEC = re.compile(r"^[ \t]*exec[ \t]+(?:[^\s]*/)?([\w.+-]+)[^\n]*\$0", re.MULTILINE)
_ASSIGNED = re.compile(r"\w+=")
_MARKUP = re.compile(r"\s*<(\?xml\b|!doctype\s+html\b|html\b|\?php\b)", re.IGNORECASE)
_ROOT = re.compile(r"<(?![?!])(?:\w+:)?(\w+)")

# Modes and file types of editors that are no alias of Linguist's.
_MODES = {
    "c-mode": "C",
    "c++": "C++",
    "cperl": "Perl",
    "emacs-lisp": "Emacs Lisp",
    "shell-script": "Shell",
    "sh": "Shell",
    "tcl": "Tcl",
    "nroff": "Roff",
    "makefile-gmake": "Makefile",
    "python3": "Python",
}

# Names of prose that carry no extension, or one that says nothing.
_TEXT_NAME = re.compile(
    r"(?:readme|licen[sc]e|copying|copyright|authors|contributors|changelog|changes|history|news|notice"
    r"|todo|thanks|credits|install|maintainers|bugs|patents|unlicense|version)(?:[-_.][\w.-]*)?",
    re.IGNORECASE,
)


class Language(NamedTuple):
    name: str
    category: str  # programming, markup, data, prose; "" for the unknown language


UNKNOWN = Language("", "")


class _Tables(NamedTuple):
    languages: Mapping[str, Language]
    extensions: Mapping[str, tuple[str, ...]]
    filenames: Mapping[str, str]
    interpreters: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]
    choices: Mapping[str, tuple[tuple[re.Pattern[str] | None, str], ...]]


@cache
def _tables() -> _Tables:
    languages: dict[str, Language] = {}
    extensions: dict[str, list[str]] = {}
    filenames: dict[str, str] = {}
    interpreters: dict[str, list[str]] = {}
    aliases: dict[str, str] = {}
    for name, category, *lists in tables.rows(tables.LANGUAGES):
        languages[name] = Language(name, category)
        found = [column.split("|") if column else [] for column in lists]
        for extension in dict.fromkeys(map(str.lower, found[0])):
            extensions.setdefault(extension, []).append(name)
        for filename in found[1]:
            filenames[filename] = name
        for interpreter in found[2]:
            interpreters.setdefault(interpreter, []).append(name)
        for alias in (name.lower().replace(" ", "-"), *found[3]):
            aliases.setdefault(alias.lower(), name)
    return _Tables(
        languages,
        {extension: tuple(names) for extension, names in extensions.items()},
        filenames,
        {interpreter: tuple(names) for interpreter, names in interpreters.items()},
        aliases | _MODES,
        _choices(),
    )


def _choices() -> dict[str, tuple[tuple[re.Pattern[str] | None, str], ...]]:
    """Extension → (pattern, language) in order; no pattern: whatever the file holds."""
    named: dict[str, str] = {}
    choices: dict[str, list[tuple[re.Pattern[str] | None, str]]] = {}
    for extension, language, pattern in tables.rows(tables.AMBIGUOUS):
        if extension.startswith("$"):
            named[extension] = pattern
            continue
        pattern = named.get(pattern, pattern)
        compiled = re.compile(pattern, re.MULTILINE) if pattern else None
        choices.setdefault(extension, []).append((compiled, language))
    return {extension: tuple(found) for extension, found in choices.items()}


def names() -> list[str]:
    """Every language that can be told."""
    return list(_tables().languages)


def of(path: str, text: str) -> Language:
    """The language of a file; `UNKNOWN` where nothing tells. Looks at `HEAD` characters of `text`."""
    found = _of_mode_line(text)
    if found is None:
        found = _tables().filenames.get(path.rpartition("/")[2])
    if found is None:
        found = _of_extension(path, text, _of_shebang(text) if text.startswith("#!") else ())
    if found is None:
        found = _of_markup(text)
    if found is None and _TEXT_NAME.fullmatch(path.rpartition("/")[2]):
        found = "Text"
    return _tables().languages.get(found or "", UNKNOWN)


def _of_mode_line(text: str) -> str | None:
    for part in (text[:600], text[-600:]):
        if "-*-" not in part and ":" not in part:
            continue
        for mode in _MODELINES.finditer(part):
            name = (mode.group(1) or mode.group(2)).lower()
            language = _tables().aliases.get(name)
            if language is not None and language != "Text":
                return language
        if len(text) <= 600:
            break
    return None


def _of_shebang(text: str) -> tuple[str, ...]:
    """Languages of the interpreter that `#!` names, or that the shell there hands over to."""
    line = _SHEBANG.match(text[:500])
    if line is None:
        return ()
    interpreter, rest = line.group(1), line.group(2).split()
    if interpreter == "env":
        words = [word for word in rest if not word.startswith("-") and not _ASSIGNED.match(word)]
        interpreter = words[0].rpartition("/")[2] if words else ""
    if interpreter in ("sh", "bash", "tclsh", "wish"):
        handed = _EXEC.search("\n".join(text[:2000].split("\n", 6)[:6]))
        if handed and handed.group(1) not in ("sh", "bash"):
            interpreter = handed.group(1)
    known = _tables().interpreters
    return known.get(interpreter) or known.get(re.sub(r"[\d.-]+$", "", interpreter)) or ()


def _of_extension(path: str, text: str, interpreted: tuple[str, ...]) -> str | None:
    name = path.rpartition("/")[2].lower()
    known = _tables().extensions
    at = name.find(".", 0)
    while at >= 0:
        extension = name[at:]
        candidates = known.get(extension)
        if candidates:
            fitting = [language for language in interpreted if language in candidates]
            if fitting:
                return fitting[0]
            if interpreted and len(candidates) > 1:
                return interpreted[0]
            return _choose(extension, candidates, text) or None
        at = name.find(".", at + 1)
    return interpreted[0] if interpreted else None


def _choose(extension: str, candidates: tuple[str, ...], text: str) -> str:
    choices = _tables().choices.get(extension)
    if choices is None:
        return candidates[0]
    head = "\n".join([line[:LINE] for line in text[:HEAD].split("\n")])
    return next(language for pattern, language in choices if pattern is None or pattern.search(head))


def _of_markup(text: str) -> str | None:
    marked = _MARKUP.match(text[:1000])
    if marked is None:
        return None
    if marked.group(1).lower() == "?php":
        return "PHP"
    if marked.group(1).lower() != "?xml":
        return "HTML"
    root = _ROOT.search(text[:HEAD])
    return {"svg": "SVG", "html": "HTML", "plist": "XML Property List"}.get(
        root.group(1) if root else "", "XML"
    )
