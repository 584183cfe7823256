"""The files of one book: what their published names say of number, character set and age.

`1342-0.txt` is UTF-8, `1342-8.txt` has eight bits (mostly Latin-1), `1342.txt` is plain ASCII,
`1342-h.htm` HTML, `1342-h.zip` HTML with its pictures; `pg1342.txt` and `pg1342-images.html` are
what the site makes of them; `old/` holds what newer files replaced, by names like `pandp10.txt`.
A mirror has the files of book 1342 in the folder `1/3/4/1342`.
"""

import re

_NAME = re.compile(
    r"(?:^|[^0-9a-z])(?:pg)?(?P<number>\d{1,6})(?:-(?P<variant>[0-9a-z]{1,12}))?(?:\.txt)?"
    r"\.(?P<kind>txt|html?|xhtml|zip|utf-?8)(?:\.utf-?8)?(?:\.(?:gz|bz2|xz|zst))?$",
    re.IGNORECASE,
)
_SITE = re.compile(r"(?:^|[^0-9a-z])pg\d", re.IGNORECASE)
_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)
_OLD = re.compile(r"(?:^|/)old/", re.IGNORECASE)
_INSIDE = re.compile(r"(?:^|/)(?:old|files|\d{1,6}-[a-z0-9]{1,3})(?=/)", re.IGNORECASE)


def number_of(path: str) -> int | None:
    """The number of the book that a path belongs to: by its name, else by its folder in a mirror."""
    named = _NAME.search(path.rsplit("/", 1)[-1])
    if named:
        return int(named.group("number"))
    folders = [part for part in _INSIDE.sub("", "/" + path).split("/")[:-1] if part]
    if not folders:
        return None
    last = folders[-1]
    above = list(last[:-1]) or ["0"]
    if last.isdigit() and folders[-1 - len(above) : -1] == above:
        return int(last)
    found = re.search(r"_(\d{1,6})$", last)  # GITenberg's folders: Pride-and-Prejudice_1342
    return int(found.group(1)) if found else None


def variant_of(path: str) -> str:
    """What tells a file from the others of its book: its name, with `old/` in front where it is old."""
    name = path.rsplit("/", 1)[-1]
    return "old/" * path.split("/").count("old") + name


def rank_of(path: str) -> tuple[int, int, str]:
    """Ascending from the edition to read, where only one is wanted: new before old, UTF-8 text, then
    eight bits, then plain ASCII, then HTML; files before archives of the same."""
    name = path.rsplit("/", 1)[-1].lower()
    named = _NAME.search(name)
    variant = (named.group("variant") or "").lower() if named else ""
    if ".htm" in name or ".xhtml" in name or variant.startswith(("h", "images")):
        kind = 3
    elif variant == "0" or _SITE.search(name) or _UTF8.search(name):
        kind = 0
    elif named and not variant:
        kind = 2
    else:
        kind = 1
    return (1 if _OLD.search(path) else 0, 2 * kind + name.endswith(".zip"), path)
