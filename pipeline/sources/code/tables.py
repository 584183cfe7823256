"""The tables beside this file: how they are read, and how they were built from what is published.

`languages.tsv`   name, type, extensions, file names, interpreters and aliases of languages: facts that
                  GitHub Linguist publishes in `languages.yml` (MIT licence)
`ambiguous.tsv`   patterns that tell languages with one extension apart; winnow's own, edited by hand
`licenses.tsv`    fingerprints of the texts of the SPDX License List (CC0): hashes of groups of
                  words, not the texts

To build the first and the last anew, from checkouts of `github-linguist/linguist` and
`spdx/license-list-data`:

    python -m pipeline.sources.code.tables lib/linguist/languages.yml json/details
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent
LANGUAGES = _HERE / "languages.tsv"
AMBIGUOUS = _HERE / "ambiguous.tsv"
LICENSES = _HERE / "licenses.tsv"

Row = tuple[str, ...]


def rows(table: Path) -> list[Row]:
    """The lines of a table but for its comments (`# …`), cut at tabs."""
    lines = table.read_text(encoding="utf-8").split("\n")
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("# ")]


@cache
def fingerprint() -> str:
    """Digest of the tables: beside the code, what decides how a file is described."""
    digest = hashlib.sha256()
    for table in (LANGUAGES, AMBIGUOUS, LICENSES):
        digest.update(table.read_bytes())
    return digest.hexdigest()


def language_rows(published: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Of Linguist's `languages.yml`: name, type, extensions, file names, interpreters, aliases."""
    keys = ("extensions", "filenames", "interpreters", "aliases")
    return [
        (name, facts["type"], *("|".join(facts.get(key) or ()) for key in keys))
        for name, facts in sorted(published.items())
    ]


def _write(table: Path, about: str, lines: Iterable[Row]) -> None:
    text = f"# {about}\n" + "".join("\t".join(line) + "\n" for line in lines)
    table.write_text(text, encoding="utf-8")


def main(linguist: str, spdx: str) -> None:
    """Writes both tables from `languages.yml` and the folder of SPDX's `NAME.json`."""
    from pipeline.sources.code.license_texts import BUILDS_ON, KNOWN, row_of

    published = yaml.safe_load(Path(linguist).read_text(encoding="utf-8"))
    about = "name, type, extensions, file names, interpreters, aliases; facts published by GitHub Linguist"
    _write(LANGUAGES, about, language_rows(published))
    texts = {name: json.loads((Path(spdx) / f"{name}.json").read_bytes())["licenseText"] for name in KNOWN}
    about = "identifier, words, spacing of the sample, hashes (see license_texts.py); SPDX License List"
    _write(
        LICENSES,
        about,
        (row_of(name, text, texts.get(BUILDS_ON.get(name, ""), "")) for name, text in texts.items()),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
