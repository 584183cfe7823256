"""The files of a repository as one document, what is used before what uses it.

As in the data of code models that are trained on whole repositories: a file is read after those that
it imports, so what stands before it explains it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from pipeline.sources.code import dependencies, expressions

HELD_BYTES = 256 << 20  # of text that is put in order at a time

_NEVER = ("binary", "too_large")


class JoinOptions(Protocol):
    """What of the source's options decides how files are joined."""

    @property
    def max_bytes(self) -> int: ...
    @property
    def leave_out(self) -> tuple[str, ...]: ...
    @property
    def heading(self) -> str: ...


def by_repository(
    rows: Iterator[dict[str, Any]], origin: str, options: Any, skipped: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Documents of at most `options.max_bytes`, cut between files, of the rows of one repository.

    origin    logical path of the repository's input

    A file that is left out is counted under `left_out_` and the first reason. A repository of more
    text than `HELD_BYTES` is put in order piece by piece.
    """
    held: list[dict[str, Any]] = []
    weight = number = 0
    for row in rows:
        reason = next((each for each in (*_NEVER, *options.leave_out) if row[f"github_{each}"]), "")
        if reason:
            skipped[f"left_out_{reason}"] += 1
            continue
        if weight + len(row["text"]) > HELD_BYTES:
            for document in _documents(held, origin, options, number):
                yield document
                number += 1
            held, weight = [], 0
        held.append(row)
        weight += len(row["text"])
    yield from _documents(held, origin, options, number)


def _documents(
    rows: Sequence[dict[str, Any]], origin: str, options: JoinOptions, number: int
) -> Iterator[dict[str, Any]]:
    by_path = {row["github_path"]: row for row in rows}
    held: list[dict[str, Any]] = []
    pieces: list[str] = []
    weight = 0
    for path in dependencies.order({path: row["text"] for path, row in by_path.items()}):
        row = by_path[path]
        piece = options.heading.format(path=path) + row["text"].rstrip("\n") + "\n"
        size = len(piece.encode()) + 1
        if held and weight + size > options.max_bytes:
            yield _document(held, origin, pieces, number)
            number += 1
            held, pieces, weight = [], [], 0
        held.append(row)
        pieces.append(piece)
        weight += size
    if held:
        yield _document(held, origin, pieces, number)


def _document(
    rows: Sequence[Mapping[str, Any]], origin: str, pieces: Sequence[str], number: int
) -> dict[str, Any]:
    first = rows[0]
    name = first["github_repository"]
    stated = sorted({row["license"] for row in rows if row["license"]})
    license_ = expressions.joined(stated, "AND") if stated else ""
    sizes: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["github_language"]:
            sizes[row["github_language"], row["github_category"]] += row["github_bytes"]
    # Prose and markup are around most code; what is programmed names the repository.
    language, category = max(
        sizes, key=lambda each: (each[1] == "programming", sizes[each], each), default=("", "")
    )
    url = first["url"]
    signals = {key: all(row[key] for row in rows) for key, value in first.items() if isinstance(value, bool)}
    return {
        **first,
        **signals,
        "address": f"{name}#{number}" if number else name,
        "url": url.split("/blob/")[0] if url else None,
        "date": max((row["date"] for row in rows if row["date"]), default=None),
        "license": license_ or None,
        "origin": origin,
        "offset": number,
        "text": "\n".join(pieces),
        "github_path": "\n".join(row["github_path"] for row in rows),
        "github_license_kind": expressions.kind(license_),
        "github_file_license": "",
        "github_language": language,
        "github_category": category,
        "github_bytes": sum(row["github_bytes"] for row in rows),
    }
