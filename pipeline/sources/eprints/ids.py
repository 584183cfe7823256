"""arXiv's identifiers: read from the names of files, and what they tell."""

import re
from datetime import datetime

_NEW = re.compile(r"(\d{2})(0[1-9]|1[0-2])\.(\d{4,5})(?:v\d{1,3})?")
_OLD = re.compile(r"([a-z][a-z-]{1,15})(?:\.[A-Za-z-]{2,3})?/?(\d{2})(0[1-9]|1[0-2])(\d{3})(?:v\d{1,3})?")
_SUFFIX = re.compile(r"\.(?:tar\.gz|tgz|tar|gz|zip|tex|pdf|ps|html?|txt)$", re.IGNORECASE)


def of_name(path: str) -> str:
    """The identifier, without its version, in a file's name: `2401/2401.00001v2.gz` is 2401.00001,
    `0001/astro-ph0001001.gz` and `astro-ph/0001001.tar.gz` are astro-ph/0001001; "" if it has none."""
    parts = path.split("/")
    name = _SUFFIX.sub("", _SUFFIX.sub("", parts[-1]))
    if new := _NEW.fullmatch(name):
        return name if new.group(0).find("v") < 0 else name[: name.index("v")]
    for old in (name, "/".join([*parts[-2:-1], name])):
        if found := _OLD.fullmatch(old):
            archive, year, month, number = found.groups()
            return f"{archive}/{year}{month}{number}"
    return ""


def month(identifier: str) -> datetime | None:
    """The first day of the month that the identifier was given in."""
    found = re.search(r"(?:^|/)(\d{2})(\d{2})", identifier)
    if found is None:
        return None
    year, number = int(found.group(1)), int(found.group(2))
    return datetime(year + (1900 if year >= 91 else 2000), number, 1)
