"""What kind of file this is, from its path and its bytes: language, generated, vendored, binary …

Signals only: nothing is left out here, rules decide. A path is as it stands in the repository, with
`/` between folders and without the repository's own name in front.
"""

import re
from dataclasses import dataclass

from pipeline.sources import charset
from pipeline.sources.code import contents, languages, notebooks, paths, tables

NOTEBOOK = "Jupyter Notebook"

# Languages that hold records, whatever their size.
_RECORDS = frozenset(
    (
        "CSV",
        "TSV",
        "SVG",
        "Public Key",
        "SubRip Text",
        "WebVTT",
        "Wavefront Object",
        "Wavefront Material",
        "STL",
        "G-code",
        "Gerber Image",
        "X PixMap",
        "X BitMap",
        "Adobe Font Metrics",
        "Spline Font Database",
        "Glyph Bitmap Distribution Format",
        "Formatted",
        "COLLADA",
        "Unity3D Asset",
        "GEDCOM",
        "vCard",
        "iCalendar",
        "Checksums",
        "Simple File Verification",
        "Raw token data",
        "Pickle",
        "CoNLL-U",
        "KiCad Layout",
        "KiCad Schematic",
        "KiCad Legacy Layout",
        "Eagle",
        "LTspice Symbol",
        "Altium Designer",
        "IRC log",
        "E-mail",
        "Cue Sheet",
        "TextGrid",
        "STAR",
        "TSPLIB data",
        "Survex data",
        "Jest Snapshot",
        "DNS Zone",
        "ObjDump",
        "C-ObjDump",
        "Cpp-ObjDump",
        "D-ObjDump",
        "DirectX 3D File",
        "Web Ontology Language",
        "Turtle",
        "2-Dimensional Array",
    )
)
# Languages of configuration and of dumps alike: there the size decides.
_EITHER = frozenset(
    (
        "JSON",
        "JSON5",
        "JSONLD",
        "JSON with Comments",
        "XML",
        "YAML",
        "SQL",
        "PLSQL",
        "PLpgSQL",
        "TSQL",
        "INI",
        "TOML",
        "Text",
        "XML Property List",
        "OpenStep Property List",
        "edn",
        "RON",
        "CSON",
        "HTML",
        "Diff",
        "Graphviz (DOT)",
        "Graph Modeling Language",
        "Gettext Catalog",
        "Protocol Buffer Text Format",
        "Record Jar",
        "KDL",
        "Adblock Filter List",
    )
)
# What minifiers take. In others, long lines without spaces are tables or a way to write.
_MINIFIED = frozenset(("JavaScript", "CSS", "HTML", "JSON"))
DUMP = 65_536  # bytes from which a file of those languages is a dump
_RECORD_NAME = re.compile(
    r"\.(?:jsonl|ndjson|geojson|topojson|csv|tsv|psv|dat|har|arff|libsvm|fasta|fa|fastq|vcf|bed|gff3?)$", re.I
)
_PROSE_DUMP = frozenset({"Text", "HTML", "Gettext Catalog", "Diff"})


@dataclass(frozen=True)
class FileKind:
    """One file of a repository.

    text           its characters: line breaks are LF, a byte order mark is taken off, a notebook is
                   its cells (see `notebooks`); "" where `binary`, as are language and category
    language       as GitHub Linguist names it ("Python", "C++", "Jupyter Notebook"); "" if unknown
    category       of the language, by Linguist: programming, markup, data or prose; "" if unknown
    binary         no text: NUL bytes, control characters, or the name of such a format
    vendored       somebody else's code kept in the repository (node_modules/, third_party/)
    generated      written by a program (schema compilers, lock files, source maps, "DO NOT EDIT")
    minified       JavaScript, CSS, HTML or JSON packed by a machine: long lines, hardly white space
    data           records rather than code or prose: CSV, SVG, big JSON, tables of literals, base 64
    documentation  README, docs/, man pages and other prose that is no test
    test           tests and their fixtures
    """

    text: str
    language: str
    category: str
    binary: bool
    vendored: bool
    generated: bool
    minified: bool
    data: bool
    documentation: bool
    test: bool


def describe(path: str, data: bytes) -> FileKind:
    """What `data` is, kept under `path` in its repository. Never raises; linear in `len(data)`."""
    vendored, test = paths.is_vendored(path), paths.is_test(path)
    generated = paths.is_generated(path)
    text = None if paths.is_binary(path) else _characters(data)
    if text is None:
        return FileKind(
            text="",
            language="",
            category="",
            binary=True,
            vendored=vendored,
            generated=generated,
            minified=False,
            data=False,
            documentation=paths.is_documentation(path),
            test=test,
        )
    language = languages.of(path, text)
    if language.name == NOTEBOOK:
        cells = notebooks.to_text(text)
        if cells is not None:
            text = cells
            data = text.encode("utf-8", "replace")
    prose = language.category == "prose"
    minified = paths.is_minified(path) or (
        language.name in _MINIFIED and contents.looks_minified(data, data.count(b"\n") + 1)
    )
    return FileKind(
        text=text,
        language=language.name,
        category=language.category,
        binary=False,
        vendored=vendored,
        generated=generated or contents.says_generated(text, language.category, language.name),
        minified=minified,
        data=_is_data(path, data, language),
        documentation=not test and ((prose and language.name != "Text") or paths.is_documentation(path)),
        test=test,
    )


def fingerprint() -> str:
    """What decides a description besides the code: the tables."""
    return tables.fingerprint()


def _characters(data: bytes) -> str | None:
    """The text with LF at its line ends; None for bytes that are none."""
    is_unicode = True
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        is_unicode = False
        text = ""
    if not is_unicode or data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")) and not contents.is_text(data, is_unicode):
            return None
        text = charset.decode(data, html=False)
        if "\0" in text:
            return None
    elif not contents.is_text(data, is_unicode):
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\n" not in text:
            text = text.replace("\r", "\n")
    return text


def _is_data(path: str, data: bytes, language: languages.Language) -> bool:
    name = language.name
    if name in _RECORDS or _RECORD_NAME.search(path):
        return True
    if name in _EITHER and name not in _PROSE_DUMP and len(data) >= DUMP:
        return True
    return contents.is_table(data)
