"""Under which licence each file of a repository is: that of the nearest folder that has one.

A licence at the top is the repository's. One further down is that of its folder: of code taken from
somebody else, or of one package among several.
"""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from pipeline.sources.code import licenses, manifests

MAX_BYTES = 1 << 20  # of one file in which a licence may stand
MAX_FILES = 2000  # of a repository in which licences are looked for

# Folders that hold the licence of the folder above: REUSE's LICENSES/, and what installers write.
_FOR_ABOVE = re.compile(r"(?:^|/)(?:licen[sc]es?|copying|legal|\.github|[^/]+\.(?:dist|egg)-info)$", re.I)


def is_licensing(path: str, size: int = 0) -> bool:
    """Whether a licence may stand in the file, by its name."""
    return size <= MAX_BYTES and (licenses.is_license_file(path) or manifests.is_manifest(path))


class FolderLicenses:
    """The licences of a repository. `files`: path -> bytes of those of which `is_licensing` is true."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        by_folder: dict[str, dict[str, bytes]] = defaultdict(dict)
        for path, data in files.items():
            folder = path.rpartition("/")[0]
            while _FOR_ABOVE.search(folder):
                folder = folder.rpartition("/")[0]
            by_folder[folder][path[len(folder) :].lstrip("/")] = data
        self._of_folder = {folder: licenses.repository_license(found) for folder, found in by_folder.items()}
        self.of_repository = self._of_folder.get("", "")

    def of(self, path: str) -> str:
        """The licence of the nearest folder above `path` that has one, an SPDX expression; or ""."""
        folder = path
        while folder and self._of_folder:
            folder = folder.rpartition("/")[0]
            found = self._of_folder.get(folder)
            if found:
                return found
        return self.of_repository


def of_installed(folder: str) -> str | None:
    """The folder of metadata of an installed Python package, which stands beside it; None if none does."""
    parent, name = os.path.split(os.path.abspath(folder))
    return _installed(parent, os.stat(parent).st_mtime_ns).get(name)


@lru_cache(maxsize=8)
def _installed(parent: str, modified: int) -> Mapping[str, str]:
    """Metadata folder of each package that is installed in `parent`."""
    del modified
    found: dict[str, str] = {}
    for name in sorted(os.listdir(parent)):
        record = os.path.join(parent, name, "RECORD")
        if name.endswith(".dist-info") and os.path.isfile(record):
            with open(record, encoding="utf-8", errors="surrogateescape") as lines:
                tops = {line.split("/", 1)[0] for line in lines if "/" in line}
            for top in sorted(tops - {"..", name}):
                found.setdefault(top, os.path.join(parent, name))
    return found
