r"""The files of a paper's source: which is the main one, and what `\input` finds.

The main file is the one that TeX was started on: it has a `\documentclass` (not in a comment), no
other file includes it, and its name, its bibliography and its length tell it from what is left.
"""

import functools
import json
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.sources import charset
from pipeline.sources.latex import macros
from pipeline.sources.latex.expand import Document, Expander
from pipeline.sources.latex.macros import Package
from pipeline.sources.latex.tokens import Names, names, tokens

TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".tex.txt")
TEXT_SUFFIXES = (
    *TEX_SUFFIXES,
    *(".sty", ".cls", ".bbl", ".def", ".cfg", ".clo", ".tikz", ".pgf", ".txt", ".inc", ".mac", ".macros"),
    *(".pdf_tex", ".eps_tex", ".pstex_t", ".pdftex_t", ".xxx", ".json"),
)
_LARGEST_PAPER = 16 << 20  # characters that files may give, counted each time that they are included
_MOST_TOKENS = 1_500_000  # of a paper's files, each time that they are included: the longest books have fewer
_LARGEST_PACKAGE = 1 << 20  # bytes: a longer package or class is not searched for macros
_OTHER_SUFFIXES = re.compile(
    r"\.(?:png|jpe?g|gif|pdf|e?ps[fi]?|bmp|tiff?|svg|bib|bst|gz|zip|dat|csv|py|m|c|h|r|ipynb|ist|log|aux)$",
    re.IGNORECASE,
)

_CLASS = re.compile(
    r"^(?:[^%\n\\]++|\\(?!document(?:class|style)).)*+\\document(?:class|style)", re.MULTILINE
)
_CLASS_NAME = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]{0,500}\])?\s*\{\s*([A-Za-z0-9_.-]+)")
_BEGIN = re.compile(r"^(?:[^%\n\\]++|\\(?!begin\s*\{document\}).)*+\\begin\s*\{document\}", re.MULTILINE)
_PLAIN_TEX = re.compile(
    r"^[^%\n]*\\(?:bye|magnification|end\s*$|input|font|def|vskip|beginsection)\b", re.MULTILINE
)
_INCLUDED = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|subimport\*?|import\*?)\s*(?:\{([^{}\n]{0,200})\})?\s*\{?([^\s{}\\%]{1,200})"
)
_ENCODING = re.compile(r"\\usepackage\s*\[\s*([A-Za-z0-9-]{1,20})[^\]]{0,40}\]\s*\{\s*inputenc[x]?\s*\}")
_ENCODINGS = {
    "latin1": "iso-8859-1", "latin2": "iso-8859-2", "latin3": "iso-8859-3", "latin4": "iso-8859-4",
    "latin5": "iso-8859-9", "latin9": "iso-8859-15", "latin10": "iso-8859-16", "ansinew": "windows-1252",
    "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "applemac": "macintosh",
    "koi8-r": "koi8-r", "cp866": "ibm866", "utf8": "utf-8", "utf8x": "utf-8",
}  # fmt: skip
_NAMES = ("ms", "main", "paper", "article", "manuscript", "arxiv", "root")
_PARTS = ("subfiles", "standalone")


@dataclass
class Eprint:
    """A paper's text files by path; how each is decoded; which are of other papers or not for print."""

    files: Mapping[str, bytes]
    _texts: dict[str, str] = field(default_factory=dict)
    _encoding: str | None = None
    _lower: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lower = {path.lower(): path for path in sorted(self.files, reverse=True)}

    def text(self, path: str) -> str:
        """The characters of a file: lines end with a line feed, control characters are gone."""
        if path not in self._texts:
            self._texts[path] = decoded(self.files[path], self._encoding)
        return self._texts[path]

    def main(self) -> str:
        """The path of the main file, "" where no file is TeX."""
        found = self._candidates()
        if not found:
            return ""
        top, ignored = _readme(self.files)
        left = [path for path in found if path not in ignored] or found
        included = self._included(found)
        ranked = [(self._rank(path, top, included), len(self.files[path]), path) for path in left]
        best = max(ranked)[-1]
        encoding = _ENCODING.search(self.text(best))
        if encoding and (label := _ENCODINGS.get(encoding.group(1).lower())):
            self._encoding = label
            self._texts.clear()
        return best

    def _candidates(self) -> list[str]:
        tex = [path for path in self.files if path.lower().endswith(TEX_SUFFIXES)]
        if tex:
            return sorted(tex)
        others = [path for path in self.files if not _OTHER_SUFFIXES.search(path)]
        others = [
            path for path in others if not path.lower().endswith((".sty", ".cls", ".bbl", ".def", ".clo"))
        ]
        return sorted(path for path in others if looks_like_tex(self.text(path)))

    def _rank(self, path: str, top: set[str], included: set[str]) -> tuple[int, ...]:
        text = self.text(path)
        stem = posixpath.splitext(path)[0]
        name = _CLASS_NAME.search(text)
        has_class = _has_class(text)
        return (
            path in top,
            has_class and not (name and name.group(1) in _PARTS),
            _begins(text),
            stem.lower() not in included,
            "template" not in stem.lower() and "supp" not in posixpath.basename(stem).lower(),
            f"{stem}.bbl" in self.files,
            -path.count("/"),
            posixpath.basename(stem).lower() in _NAMES,
            has_class or bool(_PLAIN_TEX.search(text)),
        )

    def _included(self, paths: list[str]) -> set[str]:
        """What files include, without extensions, in lower case."""
        found = set()
        for path in paths:
            stem = posixpath.splitext(path)[0].lower()
            for folder, name in _INCLUDED.findall(self.text(path)):
                for given in (name, f"{folder}/{name}", folder):
                    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), given)).lower()
                    target = target.removesuffix(".tex")
                    if target != stem:
                        found.add(target)
        return found

    def find(self, name: str, near: str = "", suffixes: tuple[str, ...] = (".tex", "")) -> str:
        """The path that a name in the document means; "" where there is none. Never outside the paper."""
        for folder in dict.fromkeys((posixpath.dirname(near), "")):
            path: str = posixpath.normpath(posixpath.join(folder, name.strip())).lstrip("/")
            for suffix in suffixes:
                named: list[str] = [path + suffix, *([path] if path.endswith(suffix) else [])]
                for wanted in named:
                    if wanted in self.files:
                        return wanted
                    if wanted.lower() in self._lower:
                        return self._lower[wanted.lower()]
        return ""


class TooManyTokensError(Exception):
    """A paper holds more than can be expanded in the time and memory of a paper."""


def read(eprint: Eprint, main: str, bibliography: bool = False) -> Document:
    """The document of a paper: its main file with all that it includes, macros expanded.

    TooManyTokensError beyond 1,500,000 tokens.
    """
    also = names(eprint.text(path) for path in eprint.files if path.lower().endswith((*TEX_SUFFIXES, ".sty")))
    cache: dict[str, list[str]] = {}
    left, tokens_left = _LARGEST_PAPER, _MOST_TOKENS

    def of(path: str) -> list[str]:
        nonlocal left, tokens_left
        if path not in cache:
            text = eprint.text(path)
            if path != main and _has_class(text):
                text = _inner(text)
            cache[path] = tokens(text, path.lower().endswith((".sty", ".cls")), also)
        left -= len(eprint.text(path))
        tokens_left -= len(cache[path])
        if tokens_left < 0:
            raise TooManyTokensError(path)
        return cache[path] if left > 0 else []

    def of_name(name: str) -> list[str] | None:
        path = eprint.find(name, main)
        if not path or path.lower().endswith((".pdf", ".eps", ".ps")):
            return None
        return of(path)

    def packages(name: str) -> Package | None:
        path = eprint.find(name, main, (".sty", ".cls"))
        if not path or len(eprint.files[path]) > _LARGEST_PACKAGE:
            return None
        return _package(eprint.text(path), also)

    expander = Expander(of_name, packages)
    document = expander.run(of(main))
    if bibliography:
        document.references = _references(eprint, main, of)
    return document


def _references(eprint: Eprint, main: str, of: Callable[[str], list[str]]) -> list[str]:
    """The tokens of the bibliography that BibTeX made, [] where there is none."""
    found = [path for path in eprint.files if path.lower().endswith(".bbl")]
    own = posixpath.splitext(main)[0] + ".bbl"
    path = own if own in found else (sorted(found)[0] if found else "")
    return of(path) if path else []


@functools.lru_cache(maxsize=64)
def _package(text: str, also: Names | None) -> Package:
    """The same few classes come with most papers: each is read once."""
    return macros.package(text, tokens(text, True, also))


def _inner(text: str) -> str:
    r"""What a file that is a document of its own gives when another includes it."""
    begin = _BEGIN.search(text)
    if begin is None:
        return text
    end = text.rfind(r"\end{document}")
    return text[begin.end() : end if end > begin.end() else len(text)]


def looks_like_tex(text: str) -> bool:
    """Whether a text without a telling name is TeX."""
    return is_latex(text) or _PLAIN_TEX.search(text) is not None


def is_latex(text: str) -> bool:
    """Whether a text is LaTeX rather than plain TeX."""
    return _has_class(text) or _begins(text)


def _has_class(text: str) -> bool:
    return r"\document" in text and _CLASS.search(text) is not None


def _begins(text: str) -> bool:
    return "{document}" in text and _BEGIN.search(text) is not None


def decoded(data: bytes, label: str | None = None) -> str:
    text = charset.decode(data, label or "windows-1252", html=False)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text) if _CONTROL.search(text) else text


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000-\ue00f]")


def _readme(files: Mapping[str, bytes]) -> tuple[set[str], set[str]]:
    """The files that the author's 00README names as top level, and those that it says to ignore."""
    top: set[str] = set()
    ignored: set[str] = set()
    for path, data in files.items():
        name = posixpath.basename(path).lower()
        if name in ("00readme.xxx", "00readme"):
            for line in data.decode("utf-8", "replace").splitlines():
                words = line.split()
                if len(words) == 2:
                    top |= {words[0]} if words[1].lower() == "toplevelfile" else set()
                    ignored |= {words[0]} if words[1].lower() == "ignore" else set()
        elif name == "00readme.json":
            try:
                sources = json.loads(data).get("sources", [])
            except (ValueError, RecursionError, AttributeError):
                continue
            for source in sources if isinstance(sources, list) else ():
                if isinstance(source, dict) and isinstance(source.get("filename"), str):
                    use = source.get("usage")
                    top |= {source["filename"]} if use == "toplevel" else set()
                    ignored |= {source["filename"]} if use == "ignore" else set()
    return top, ignored
