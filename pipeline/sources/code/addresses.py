"""Where a package says that its repository is on the web: package.json, PKG-INFO, METADATA and others."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.sources.code.manifests import MAX_BYTES
from pipeline.sources.git.bundles import web_address

# A repository on a public forge; what stands behind OWNER/NAME is a place in it. GitLab has subgroups.
_FORGE = re.compile(
    r"https://(?:www\.)?(?:(?:github\.com|bitbucket\.org|codeberg\.org|gitee\.com|git\.sr\.ht)/[\w.~-]+/[\w.-]+"
    r"|(?:gitlab\.com|gitlab\.[\w-]+\.\w+)(?:/(?!-/)[\w.-]+){2,})"
)
_SHORTHAND = re.compile(r"(?:(github|gitlab|bitbucket):)?([\w.-]+/[\w.-]+)")  # of npm
_HOSTS = {"gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
# What people call the link to their repository, best first; `home-page` is PKG-INFO's own.
_LABELS = (
    *("repository", "source", "sourcecode", "code", "github", "gitlab", "repo", "scm"),
    *("homepage", "home", "home-page", "url"),
)
_METADATA_FOLDER = re.compile(r"[^/]+\.(?:dist|egg)-info")


def stated(files: Mapping[str, bytes]) -> str:
    """The repository's address, as `https://github.com/OWNER/NAME`; "" if no manifest states one.

    files   path -> bytes; manifests at the root count, and Python's in `NAME.dist-info`
    """
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        folder, _, name = path.rpartition("/")
        links = _READERS.get(name.lower())
        is_deeper = bool(folder) and not _METADATA_FOLDER.fullmatch(folder)
        if links is None or is_deeper or len(files[path]) > MAX_BYTES:
            continue
        try:
            given = dict(links(files[path].decode("utf-8", "replace")))
        except (ValueError, RecursionError):  # no JSON, no TOML, or nested without end
            continue
        for label in _LABELS:
            if address := _on_a_forge(given.get(label)):
                return address
    return ""


def _on_a_forge(link: Any) -> str:
    if not isinstance(link, str):
        return ""
    link = link.strip().split("#", 1)[0]
    short = _SHORTHAND.fullmatch(link)
    if short:
        link = f"https://{_HOSTS.get(short[1], 'github.com')}/{short[2]}"
    found = _FORGE.match(web_address(link))
    return found.group().removesuffix(".git") if found else ""


def _plain(label: str) -> str:
    return label.lower().replace(" ", "").replace("_", "")


def _labelled(links: Any) -> Iterator[tuple[str, Any]]:
    for label, link in links.items() if isinstance(links, dict) else ():
        yield _plain(str(label)), link


def _json(text: str) -> Iterator[tuple[str, Any]]:
    """Of package.json, and of composer.json, which has it below `support`."""
    manifest = json.loads(text)
    if isinstance(manifest, dict):
        repository = manifest.get("repository")
        yield "homepage", manifest.get("homepage")
        yield from _labelled(manifest.get("support"))
        yield "repository", repository.get("url") if isinstance(repository, dict) else repository


def _toml(text: str) -> Iterator[tuple[str, Any]]:
    """Of Cargo.toml and pyproject.toml."""
    manifest = tomllib.loads(text)
    tool = manifest.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for part in (manifest.get("package"), poetry, manifest.get("project")):
        if isinstance(part, dict):
            yield from _labelled(part)
            yield from _labelled(part.get("urls"))


def _fields(text: str) -> Iterator[tuple[str, Any]]:
    """Of PKG-INFO and METADATA: `Project-URL: LABEL, ADDRESS` and `Home-page: ADDRESS`."""
    for line in text.split("\n\n", 1)[0].split("\n"):
        field, _, value = line.partition(":")
        if field == "Home-page":
            yield "home-page", value
        elif field == "Project-URL":
            label, _, link = value.partition(",")
            yield _plain(label), link


_READERS: dict[str, Callable[[str], Iterator[tuple[str, Any]]]] = {
    "package.json": _json,
    "composer.json": _json,
    "bower.json": _json,
    "cargo.toml": _toml,
    "pyproject.toml": _toml,
    "metadata": _fields,
    "pkg-info": _fields,
}
