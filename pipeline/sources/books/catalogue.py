"""Project Gutenberg's catalogue: what is known of each book, by its number.

Read are `pg_catalog.csv` (plain, or packed by gzip, xz or the like) and the catalogue in RDF: an
archive of it (`rdf-files.tar.bz2`, `.tar.zip`), a folder of `pg1342.rdf` files, or one such file.
XML is read by expat in a stream; a file that declares entities is left out.
"""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from xml.parsers import expat

from pipeline import store
from pipeline.errors import PlanError, SourceError
from pipeline.inputs import expand
from pipeline.sources import archives
from pipeline.sources.books.header import COPYRIGHTED, PUBLIC_DOMAIN, date_of, language_code

_COLUMNS = ("Text#", "Type", "Issued", "Title", "Language", "Authors", "Subjects", "LoCC", "Bookshelves")
_LARGEST = 512 << 20  # bytes of the CSV, unpacked
_LARGEST_RDF = 8 << 20  # bytes of one book's RDF
_HEAD = 4096

_DCTERMS = "http://purl.org/dc/terms/ "
_PGTERMS = "http://www.gutenberg.org/2009/pgterms/ "
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_DCAM = "http://purl.org/dc/dcam/ "

_FIELDS = {f"{_DCTERMS}title": "title", f"{_DCTERMS}issued": "issued", f"{_DCTERMS}rights": "rights"}

_LIFE = re.compile(
    r"\s*(?:[\d?]{1,5}\??(?: BCE?)?)?\s*-\s*(?:[\d?]{1,5}\??(?: BCE?)?)?\s*|.*\bactive\b.*|\s*\d{4}\??\s*"
)
_ROLE = re.compile(r"\[[^\]]*\]\s*$")


@dataclass(frozen=True)
class Entry:
    """What the catalogue says of a book; `author` is None and `license` is None where it says nothing."""

    title: str = ""
    author: str | None = None
    language: str | None = None
    date: datetime | None = None
    license: str | None = None
    subjects: tuple[str, ...] = ()
    bookshelves: tuple[str, ...] = ()


def fingerprint(path: str) -> str:
    """The state of the catalogue, for the hash by which a run resumes; looks at its first bytes.

    PlanError where there is none, or it is not a catalogue of Project Gutenberg.
    """
    if _is_folder(path):
        files = list(_rdf_paths(path))
        if not files:
            raise PlanError(
                f"catalogue: {path} is a folder without .rdf files; name pg_catalog.csv or unpack it"
            )
        return f"{len(files)} files, {max(os.stat(file).st_mtime_ns for file in files)}"
    try:
        [found] = expand([path])
        with store.open_input(path) as file:
            head = file.read(_HEAD)
    except (SourceError, OSError, ValueError) as fault:
        raise PlanError(
            f"catalogue: {fault}; get pg_catalog.csv from www.gutenberg.org/cache/epub/feeds/"
        ) from fault
    _kind(path, head)
    return f"{found.size} {found.version}"


def load(path: str) -> Mapping[int, Entry]:
    """The catalogue's entries by number; kept in memory until another state of it is asked for."""
    return _load(path, fingerprint(path))


@lru_cache(maxsize=1)
def _load(path: str, state: str) -> Mapping[int, Entry]:
    del state
    if found := _entries(path):
        return found
    raise SourceError(f"catalogue {path}: names no book; fetch it again")


def _entries(path: str) -> Mapping[int, Entry]:
    if _is_folder(path):
        return dict(_of_rdf(_contents(_rdf_paths(path))))
    with store.open_input(path) as file:
        kind = _kind(path, file.read(_HEAD))
        file.seek(0)
        if kind == "archive":
            return dict(_of_rdf(_members(archives.members(file, _LARGEST_RDF, _is_rdf_or_tar))))
        try:
            data = archives.unpacked(file.read(), _LARGEST)
            return dict(_of_rdf([data]) if kind == "rdf" else _of_csv(data.decode("utf-8-sig", "replace")))
        except (archives.TooLargeError, archives.DamagedError, csv.Error) as fault:
            raise SourceError(f"catalogue {path}: cannot be read: {fault}; fetch it again") from fault


def _kind(path: str, head: bytes) -> str:
    if archives.is_zip(head) or ".tar" in os.path.basename(path) or path.endswith((".tgz", ".tbz2")):
        return "archive"
    if not archives.is_packed(head):
        text = head.decode("utf-8-sig", "replace")
        if text.lstrip().startswith("<"):
            return "rdf"
        first = text.split("\n", 1)[0].strip()
        if "Text#" not in first:
            raise PlanError(
                f"catalogue: {path} begins {first[:60]!r}; expected pg_catalog.csv, whose first line is "
                f"{','.join(_COLUMNS)}, or the catalogue in RDF"
            )
    return "csv"


def _is_folder(path: str) -> bool:
    return store.is_local(path) and os.path.isdir(path)


def _rdf_paths(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (os.path.join(place, name) for name in sorted(files) if name.endswith(".rdf"))


def _contents(paths: Iterable[str]) -> Iterator[bytes]:
    for path in paths:
        with open(path, "rb") as file:
            yield file.read(_LARGEST_RDF)


def _is_rdf_or_tar(name: str, size: int) -> bool:
    del size
    return name.endswith((".rdf", ".tar"))


def _members(members: Iterable[archives.Member]) -> Iterator[bytes]:
    for member in members:
        if member.data and member.name.endswith(".tar"):  # rdf-files.tar.zip
            yield from _members(archives.members(io.BytesIO(member.data), _LARGEST_RDF, _is_rdf_or_tar))
        elif member.data:
            yield member.data


def _of_csv(text: str) -> Iterator[tuple[int, Entry]]:
    csv.field_size_limit(1 << 24)
    for row in csv.DictReader(io.StringIO(text, newline="")):
        number = (row.get("Text#") or "").strip()
        if not number.isdigit():
            continue
        yield (
            int(number),
            Entry(
                title=_title(row.get("Title") or ""),
                author=_authors(_listed(row.get("Authors") or "")),
                language=language_code((row.get("Language") or "").split(";")[0]),
                date=date_of(row.get("Issued") or ""),
                subjects=_listed(row.get("Subjects") or ""),
                bookshelves=_listed(row.get("Bookshelves") or ""),
            ),
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(";"))))


def _title(text: str) -> str:
    return ": ".join(filter(None, (" ".join(line.split()) for line in re.split(r"[\r\n]+", text))))


def _authors(names: Iterable[str]) -> str | None:
    """Those that are no translators, editors and the like; if all are something, the first."""
    names = list(names)
    authors = [name for name in names if not _ROLE.search(name)] or names[:1]
    return "; ".join(map(_readable, authors)) or None


def _readable(name: str) -> str:
    """`Austen, Jane, 1775-1817` as `Jane Austen`."""
    parts = [part.strip() for part in _ROLE.sub("", name).split(",")]
    parts = [part for part in parts if part and not _LIFE.fullmatch(part)]
    if len(parts) < 2:
        return parts[0] if parts else ""
    return ", ".join([f"{parts[1]} {parts[0]}", *parts[2:]])


class _UnsafeError(Exception):
    """The XML declares an entity."""


@dataclass
class _Book:
    """What was met in one book's RDF so far."""

    number: int | None = None
    title: str = ""
    issued: str = ""
    rights: str = ""
    authors: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    bookshelves: list[str] = field(default_factory=list)


def _of_rdf(files: Iterable[bytes]) -> Iterator[tuple[int, Entry]]:
    for data in files:
        book = _parsed(data)
        if book is None or book.number is None:
            continue
        rights = book.rights.lower()
        yield (
            book.number,
            Entry(
                title=_title(book.title),
                author="; ".join(map(_readable, book.authors)) or None,
                language=language_code(book.languages[0]) if book.languages else None,
                date=date_of(book.issued),
                license=PUBLIC_DOMAIN
                if "public domain" in rights
                else COPYRIGHTED
                if "copyright" in rights
                else None,
                subjects=tuple(book.subjects),
                bookshelves=tuple(book.bookshelves),
            ),
        )


class _Reader:
    """Takes what expat meets in one book's RDF."""

    def __init__(self) -> None:
        self.book = _Book()
        self._path: list[str] = []
        self._text: list[str] = []
        self._subjects: list[str] = []
        self._is_class = False  # the subject at hand is a class of the Library of Congress

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()
        if name == f"{_PGTERMS}ebook" and self.book.number is None:
            digits = attributes.get(f"{_RDF}about", "").rstrip("/").rsplit("/", 1)[-1]
            self.book.number = int(digits) if digits.isdigit() else None
        elif name == f"{_DCTERMS}subject":
            self._is_class = False
        elif name == f"{_DCAM}memberOf":
            self._is_class |= attributes.get(f"{_RDF}resource", "").endswith("LCC")

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        value = "".join(self._text).strip()
        self._text.clear()
        self._path.pop()
        if name == f"{_DCTERMS}subject":
            self.book.subjects += [] if self._is_class else self._subjects
            self._subjects = []
        elif value:
            self._take(name, value)

    def _take(self, name: str, value: str) -> None:
        book, path = self.book, self._path
        if len(path) == 2 and name in _FIELDS:
            setattr(book, _FIELDS[name], value)
        elif name == f"{_PGTERMS}name" and f"{_DCTERMS}creator" in path:
            book.authors.append(value)
        elif name == f"{_RDF}value" and len(path) > 2:
            lists = {
                f"{_DCTERMS}language": book.languages,
                f"{_PGTERMS}bookshelf": book.bookshelves,
                f"{_DCTERMS}subject": self._subjects,
            }
            lists.get(path[2], []).append(value)


def _unsafe(*_: object) -> None:
    raise _UnsafeError


def _parsed(data: bytes) -> _Book | None:
    """One file of RDF; None where it is no XML or not safe to read."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _unsafe
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _UnsafeError):
        return None
    return reader.book
