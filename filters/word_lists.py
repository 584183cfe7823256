"""Lists of dirty words, one for each language, from a package or a path.

`badwords`: the lists of 26 languages that the package badwords-py carries (MIT; it holds most of the
"List of Dirty, Naughty, Obscene and Otherwise Bad Words", CC BY 4.0, that C4 used, and as much again).
A folder, or a .tar or .tar.gz of one: a file for each language, named by its code (`en`, `pt.txt`,
`fr-CA-u-sd-caqc`), as that list itself is handed out; other files in it are not read. A text file: one
list for all documents. One word or phrase a line.
"""

import gzip
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from filters.list_files import UNREADABLE, read_to_end
from pipeline.assets import asset
from pipeline.errors import PlanError

PACKAGED = "badwords"
LONGEST = 1000  # characters of a word or phrase
_LANGUAGE = re.compile(r"([a-z]{2,3}(?:[-_][A-Za-z0-9-]+)?)(?:\.txt)?")

# ISO 639-3, and the members of a group, for the codes that lists are named by.
_SHORT = {
    "arb": "ar", "ara": "ar", "ces": "cs", "dan": "da", "deu": "de", "ell": "el", "eng": "en", "epo": "eo",
    "spa": "es", "fas": "fa", "pes": "fa", "fin": "fi", "tl": "fil", "tgl": "fil", "fra": "fr", "hin": "hi",
    "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "nb": "no", "nn": "no",
    "nob": "no", "nno": "no", "nor": "no", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "swe": "sv",
    "tha": "th", "tur": "tr", "ukr": "uk", "zho": "zh", "cmn": "zh",
}  # fmt: skip


def is_one_list(name: str) -> bool:
    """Is it a text file, one list for all documents?"""
    return name != PACKAGED and os.path.isfile(name) and not tarfile.is_tarfile(name)


def load(name: str) -> dict[str, tuple[str, ...]]:
    """The words of each list, as they stand there, by the name of the list.

    PlanError where there is no list, one cannot be read, or all are empty.
    """
    path = _packaged() if name == PACKAGED else Path(name)
    try:
        found = dict(sorted(_files(path)))
    except (*UNREADABLE, UnicodeDecodeError) as fault:
        raise PlanError(f"stage dirty_words: {path} cannot be read: {fault}") from fault
    lists = {language: _lines(text) for language, text in found.items()}
    for language, words in lists.items():
        longest = max(words, key=len, default="")
        if len(longest) > LONGEST:
            raise PlanError(
                f"stage dirty_words: a line of {len(longest):,} characters in the list {language} of {path}, "
                f"'{longest[:20]}…'; expected one word or phrase a line, of {LONGEST:,} at most"
            )
    if not any(lists.values()):
        raise PlanError(
            f"stage dirty_words: no list of words in {path}; expected a folder or tar with a file for each "
            "language (en, de, …), or a text file, one word a line"
        )
    return lists


def named(lists: Mapping[str, object], label: str) -> str:
    """The name of the list for a language by its label (en, eng, en-GB, eng_Latn); '' if there is none."""
    if label in lists:
        return label
    code = re.split("[-_]", label.lower())[0]
    code = _SHORT.get(code, code)
    return code if code in lists else ""


def _packaged() -> Path:
    folder = asset(PACKAGED, "resource", "words")
    if folder is not None:
        return folder
    raise PlanError(
        "stage dirty_words: the lists 'badwords' come with the package badwords-py, which is not installed: "
        "pip install badwords-py, or name a list of your own: lists: PATH"
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _files(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_dir():
        for file in path.iterdir():
            if (name := _LANGUAGE.fullmatch(file.name)) and file.is_file():
                yield name[1], file.read_text("utf-8-sig")
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                name = _LANGUAGE.fullmatch(os.path.basename(member.name))
                inside = archive.extractfile(member) if member.isfile() and name else None
                if name and inside is not None:
                    yield name[1], inside.read().decode("utf-8-sig")
            read_to_end(archive)
    else:
        with open(path, "rb") as opened:
            raw = opened.read()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        yield path.name.split(".")[0], raw.decode("utf-8-sig")
