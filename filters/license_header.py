"""Licence headers: the notice at the top of a program is taken out (LLaMA-1, section 2.1, GitHub)

LLaMA-1 removes "boilerplate, such as headers" with regular expressions that it does not print. Here
only comments before the first line of code are looked at (`text/comments.py`). A comment is cut into
paragraphs at its empty lines; those that speak of copyright or of the terms of a licence go, with the
addresses, names and numbered conditions between two of them. What the same comment says besides, a
module's documentation, stays, and so do lines that tools read (`#!`, coding, mode lines, `go:build`).
A text whose first line is code, or that is prose, stays as it is.

`license_header_chars` counts the characters taken out. What a file's header says of its licence must
be read before this stage: the source does so.
"""

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipeline.batch import Batch
from pipeline.stage import Stage, column
from text.comments import Comment, Line, leading

COLUMNS = [
    column("license_header_chars", pa.int32(), "characters", "taken out of the top of the text"),
    column("text", pa.string(), about="without the notice of a licence at its top"),
]

_HINTS = re.compile(r"copyright|licen[sc]e|\(c\)|©|spdx-|all rights reserved|public domain", re.IGNORECASE)

# What tells a paragraph of a notice.
_NOTICE = re.compile(
    r"\bcopyright\b[^a-z]{0,12}(?:\(c\)|©|\d{4}|the\b|by\b|(?-i:[A-Z])|&copy;)|(?:\(c\)|©)[ ,]*(?:copyright\b"
    r"|\d{4})|\bcopyrighted\b|\bcopyrights?\b.{0,60}\breserved\b"
    r"|\ball rights reserved\b|\bspdx-(?:license|filecopyright|copyright|snippet)|@(?:license|copyright)\b"
    r"|\bpublic domain\b"
    r"|\b(?:un)?licen[sc]ed (?:under|to|by|according|as)\b|\b(?:mit|bsd|isc|apache|zlib|gnu|gpl|lgpl"
    r"|mozilla|eclipse|boost)\b.{0,40}\blicen[sc]ed?\b"
    r"|\bgeneral public licen[sc]e\b|\b(?:terms|conditions|provisions) (?:and conditions )?of (?:the|this)"
    r" .{0,60}licen[sc]e\b"
    r"|\blicen[sc]e (?:agreement|notice|header|information|terms|file|text)\b|\blicen[sc]e(?:s|d)?:|\b"
    r"(?:see|in|from) (?:the )?(?:accompanying |top-level |root |file )*(?:licen[sc]e|copying|notice)\b"
    r"|\bgoverned by\b.{0,80}\blicen[sc]e\b|\bpermission (?:is hereby|to use|is granted)\b"
    r"|\bredistributions? (?:and use|of|in)\b"
    r"|\bwithout (?:any |even the implied )?warrant(?:y|ies)\b|\bwarrant(?:y|ies) (?:or|of) (?:conditions"
    r"|any|merchantability)\b|\bas[ -]is\W{0,2} (?:basis|and|without)\b"
    r"|\bas[ -]is\b.{0,60}warrant|\bunless required by applicable law\b|\bin no event (?:shall|will"
    r"|unless)\b|\bneither the names?\b"
    r"|\byou (?:may|can) (?:not use this file|obtain a copy|redistribute|use, distribute)\b|\byou should"
    r" have received a copy\b"
    r"|\b(?:is free software|is distributed in the hope|is part of\b.{0,60}\blicen[sc]e|above copyright"
    r"|contributor license)"
    r"|(?:apache|gnu|opensource|mozilla|creativecommons|eclipse)\.org/(?:\w+/)*licen[sc]e|www\.fsf\.org"
    r"|free software foundation",
    re.IGNORECASE,
)
# Paragraphs that belong to the notices before and behind them: addresses, numbered conditions, names.
_FILLER = re.compile(
    r"(?:https?://|www\.|<|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)] |[*o-] |authors?\b|written by"
    r"|contributors?\b|maintainers?\b"
    r"|contact\b|modified by|originally|\S+@\S+|the origin of this|altered source|this notice may|if you"
    r" use)",
    re.IGNORECASE,
)
_RUN = re.compile("n(?:f*n)*")
# Lines that tools read.
_KEPT = re.compile(
    r"^(?:coding[:=]|.{0,20}\bcoding[:=][ \t]*[\w-]+|(?:vim?|ex):|.*\bmode:|eslint|jshint|jslint|globals?\b"
    r"|istanbul|prettier|@ts-|@flow|@jsx"
    r"|ts-|tslint|biome|go:|\+build|export |frozen_string_literal|warn_indent|encoding:|typed:|rubocop"
    r"|pylint|type:|noqa|ruff|mypy|flake8|isort"
    r"|pyright|cython:|distutils:|nolint|clang-format|NOLINT|shellcheck|checkov|phpcs|@jest|reference "
    r"|<reference|sourceMappingURL|#__|@strict"
    r"|%%|language[: ]|ocaml|\{-#|syntax=|@preserve$)",
    re.IGNORECASE,
)


def without_header(text: str) -> str:
    """`text` without the paragraphs of its leading comments that are a licence's notice.

    Linear; the same text where there is none. Doing it twice changes nothing more.
    """
    comments = leading(text)
    if not comments or _HINTS.search(text, 0, comments[-1].end) is None:
        return text
    kept: list[str] = []
    at = 0
    for comment in comments:
        cut = list(_cut(comment))
        if not cut:
            continue
        for start, end in cut:
            kept.append(text[at:start])
            at = end
            if start == comment.start and end == comment.end:
                at = _behind_blank_lines(text, end)
    if not at:
        return text
    return "".join(kept) + text[at:]


def _behind_blank_lines(text: str, at: int) -> int:
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end + 1
        if text[at:end].strip():
            break
        at = end
    return at


def _cut(comment: Comment) -> Iterator[tuple[int, int]]:
    """The parts of a comment that go: the paragraphs of notices, and what belongs to two of them."""
    lines = comment.lines
    paragraphs = list(_paragraphs(lines))
    marks = "".join([_mark([lines[at] for at in places]) for places in paragraphs])
    runs = [
        [
            at
            for places in paragraphs[run.start() : run.end()]
            for at in places
            if not _KEPT.match(lines[at].says)
        ]
        for run in _RUN.finditer(marks)
    ]
    said = [at for at, line in enumerate(lines) if line.says]
    if said and sum(map(len, runs)) == len(said):
        yield comment.start, comment.end
        return
    for going in runs:
        yield from _cut_run(comment, said, going)


def _cut_run(comment: Comment, said: Sequence[int], going: Sequence[int]) -> Iterator[tuple[int, int]]:
    begin, end = _bounds(comment, said, going[0], going[-1])
    for at in range(going[0], going[-1]):
        line = comment.lines[at]
        if _KEPT.match(line.says):
            if begin < line.start:
                yield begin, line.start
            begin = line.end
    if begin < end:
        yield begin, end


def _bounds(comment: Comment, said: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """From where to where a comment is cut whose lines `first` to `last` go.

    Of the empty lines around, those behind go too; at the comment's end, those before.
    """
    lines = comment.lines
    behind = next((at for at in said if at > last), None)
    if behind is not None:
        on_mark = comment.closed and first == 0  # the line break behind the opening mark stays
        return lines[first].start, lines[behind].start - on_mark
    before = next((at for at in reversed(said) if at < first), None)
    begin = lines[first].start if before is None else lines[before].end
    if not comment.closed:
        return begin, lines[-1].end
    on_mark = before == 0 or (before is None and first == 0)
    if last == len(lines) - 1:
        return begin + (on_mark and before == 0), lines[-1].end
    return begin + on_mark, lines[-1].start


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[int]]:
    """Lines in a row that say something, by their places."""
    held: list[int] = []
    for at, line in enumerate(lines):
        if line.says:
            held.append(at)
        elif held:
            yield held
            held = []
    if held:
        yield held


def _mark(lines: Sequence[Line]) -> str:
    """n: a paragraph of a notice, f: one that may belong to a notice, o: another."""
    says = " ".join([line.says for line in lines if not _KEPT.match(line.says)])
    if _NOTICE.search(says[:4000]):
        return "n"
    return "f" if _FILLER.match(says) else "o"


def measure(batch: Batch) -> list[pa.Array]:
    """The columns of `COLUMNS`, [n] each."""
    before = batch.column("text").to_pylist()
    after = [without_header(text or "") for text in before]
    counts = [len(text or "") - len(rest) for text, rest in zip(before, after, strict=True)]
    return [pa.array(counts, pa.int32()), pa.array(after, pa.string())]


STAGE = Stage(
    "license_header",
    reads=("text",),
    adds=pa.schema(COLUMNS),
    replaces=("text",),
    open=lambda _: measure,
    about="takes the notice of a licence out of the comments at the top of a file",
    paper="Touvron et al. 2023, LLaMA, section 2.1, arXiv:2302.13971",
)
