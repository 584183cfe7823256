"""The comments at the top of a program, whatever its language: where notices of licences stand.

Marks are told by their look, not by the language: `#`, `//`, `--`, `;`, `%`, `!`, `REM`, `::`, `dnl`
and `.\\"` for lines; `/* */`, `<!-- -->`, `(* *)`, `{- -}`, `--[[ ]]`, `#= =#`, `#| |#`, `<# #>`,
`{# #}`, `<%-- --%>`, `=begin =end`, `/+ +/`, triple quotes and others for blocks. What stands before
the comments by the rules of a language (`#!`, `<?php`, `<?xml … ?>`, `'use strict';`) is passed over.
A block that is never closed is no comment. Nothing is looked for behind `MOST` lines of comments.
"""

import re
from typing import NamedTuple

# Opening → closing, the longer openings first.
_BLOCKS = (
    ("<%--", "--%>"),
    ("{{!--", "--}}"),
    ("<!--", "-->"),
    ("--[[", "]]"),
    ("--[=[", "]=]"),
    ("=begin", "=end"),
    ('"""', '"""'),
    ("'''", "'''"),
    ("/*", "*/"),
    ("/+", "+/"),
    ("(*", "*)"),
    ("{-", "-}"),
    ("{#", "#}"),
    ("{*", "*}"),
    ("@*", "*@"),
    ("%{", "%}"),
    ("#=", "=#"),
    ("#|", "|#"),
    ("<#", "#>"),
    ("###", "###"),
)
_OPENING = re.compile(
    "[ \t]*(?:[rRbBuU](?=['\"]{3}))?(" + "|".join(re.escape(opening) for opening, _ in _BLOCKS) + ")"
)
_CLOSINGS = dict(_BLOCKS)

_LINE = re.compile(
    r"[ \t]*(?:"
    r"//+!?|--+(?!\[=*\[)|;+|%+(?!\{)|\.?\\\"|!+(?!\[)|REM\b|@REM\b|::|dnl\b"
    # preprocessors, attributes of Rust, colours and headings of levels are no comments
    r"|\#+(?![!\[{|=>]|[ \t]*(?:include|define|undef|if|ifdef|ifndef|elif|else|endif|pragma|import|error"
    r"|line|region"
    r"|warning|using|require|lang|light|nowarn)\b)"
    r"|[\"'](?=[ \t][^\"'\n]*$)"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_PREAMBLE = re.compile(
    r"[ \t]*(?:#![^\n]*|<\?php[^\n/#]*|<\?xml[^\n]*\?>|<!doctype[^>\n]*>|@charset[^\n;]*;|[\"']use"
    r" strict[\"'];?"
    r"|declare\(strict_types=1\);|---|%YAML[^\n]*)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_DECORATION = " \t*#/;%-=~_+|!.:<>\"'\\"


_BLANK_LINES = re.compile(r"(?:[ \t\r\f\v]*\n)+")
MOST = 2000  # lines of comments


class Line(NamedTuple):
    """One line of a comment, and what it says without marks.

    From `start` to `end` it can be taken out: the line with its line break; of the line on which a
    block opens what stands behind the mark, without the break, and of that on which it closes what
    stands before the mark.
    """

    start: int
    end: int
    says: str


class Comment(NamedTuple):
    """A comment. `closed`: between an opening and a closing mark; else a run of marked lines."""

    start: int
    end: int
    closed: bool
    lines: tuple[Line, ...]


def leading(text: str) -> list[Comment]:
    """The comments before the first line of `text` that is none, in order. Linear; never raises."""
    found: list[Comment] = []
    at = count = 0
    while at < len(text) and count < MOST:
        blank = _BLANK_LINES.match(text, at)
        if blank:
            at = blank.end()
            continue
        end = _line_end(text, at)
        line = text[at:end]
        if _PREAMBLE.match(line):
            at = end
            count += 1
            continue
        opening = _OPENING.match(line)
        comment = _block(text, at, opening) if opening else None
        if comment is None:
            comment = _run(text, at)
        if comment is None:
            break
        found.append(comment)
        count += len(comment.lines)
        at = comment.end
    return found


def _line_end(text: str, at: int) -> int:
    """Where the line that starts at `at` ends, its line break included."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _block(text: str, start: int, opening: re.Match[str]) -> Comment | None:
    mark = opening.group(1)
    inside = start + opening.end()
    if mark == "###" and text[inside : inside + 1] not in ("\n", "\r"):
        return None  # a heading, or a ruler of signs
    close = text.find(_CLOSINGS[mark], inside)
    if close < 0:
        return None
    behind = close + len(_CLOSINGS[mark])
    end = _line_end(text, behind)
    if text[behind:end].strip(" \t\r\n;"):
        return None  # code on the line behind it
    if text.count("\n", start, end) > MOST:
        return None
    lines = []
    at = start
    while at < end:
        stop = _line_end(text, at)
        first = inside if at == start else at
        last = close if stop == end else stop - 1 if at == start else stop
        says = text[first:last].strip().strip(_DECORATION) if first < last else ""
        lines.append(Line(first, max(first, last), says))
        at = stop
    return Comment(start, end, True, tuple(lines))


def _run(text: str, start: int) -> Comment | None:
    lines: list[Line] = []
    at = start
    while at < len(text) and len(lines) < MOST:
        end = _line_end(text, at)
        line = text[at:end].rstrip("\r\n")
        mark = _LINE.match(line)
        if mark is None or _PREAMBLE.fullmatch(line):
            break
        lines.append(Line(at, end, line[mark.end() :].strip().strip(_DECORATION)))
        at = end
    return Comment(start, at, False, tuple(lines)) if lines else None
