"""Sites of the Stack Exchange network: their names from the names of a dump's files, and which to read."""

import re
from collections.abc import Sequence

from pipeline.errors import PlanError
from pipeline.faults import choose
from pipeline.inputs import InputFile

_TABLES = "Badges|Comments|PostHistory|PostLinks|PostTypes|Tags|Users|Votes"
_POSTS_XML = re.compile(r"Posts\.xml(?:\.[A-Za-z0-9]+)?\Z", re.IGNORECASE)
_ARCHIVE = re.compile(r"(.+?)(?:-(Posts))?\.7z\Z", re.IGNORECASE)
_OTHER_ARCHIVE = re.compile(rf".+-(?:{_TABLES})\.7z\Z", re.IGNORECASE)
_LARGEST = re.compile(r"largest\s+([0-9]+)\Z")

# Names of the sites that are not NAME.stackexchange.com, without their top-level domain.
_OWN_DOMAINS = {
    **dict.fromkeys(("stackoverflow", "superuser", "serverfault", "askubuntu", "stackapps"), ".com"),
    "mathoverflow": ".net",
}
_LANGUAGES = ("es", "ja", "pt", "ru")  # of Stack Overflow; all others are in English, or about a language


def site_of(path: str) -> str | None:
    """The site's domain, from where its posts lie: `beer/Posts.xml.gz`, `beer.stackexchange.com.7z`,
    `stackoverflow.com-Posts.7z`; None for a file of anything but posts.
    """
    *folders, name = path.replace("\\", "/").rstrip("/").split("/")
    if _POSTS_XML.search(name):
        before = name[: _POSTS_XML.search(name).start()].rstrip("-_.")  # type: ignore[union-attr]
        return domain(before or (folders[-1] if folders else "") or "unknown")
    archive = _ARCHIVE.match(name)
    if archive is None or _OTHER_ARCHIVE.match(name):
        return None
    return domain(archive[1])


def domain(name: str) -> str:
    """A site's domain by any of its names: `beer`, `bicycles.meta`, `stackoverflow`, `mathoverflow.net`."""
    name = name.strip().lower()
    if name.endswith((".com", ".net", ".org")):
        return _meta_first(name)
    name = name.removesuffix(".stackexchange")
    parts = name.split(".")
    own = next((part for part in parts if part in _OWN_DOMAINS), None)
    if own is not None:
        return _meta_first(f"{name}{_OWN_DOMAINS[own]}")
    if name in ("meta", "stackexchange", "meta.stackexchange"):
        return "meta.stackexchange.com"
    return f"{_meta_order(name)}.stackexchange.com"


def _meta_order(name: str) -> str:
    """`bicycles.meta` as sites of the network write it; older dumps have `meta.bicycles`."""
    return f"{name[5:]}.meta" if name.startswith("meta.") else name


def _meta_first(name: str) -> str:
    """`meta.stackoverflow.com` as it is, `meta.beer.stackexchange.com` as `beer.meta…` today."""
    if name.endswith(".stackexchange.com") and name != "meta.stackexchange.com":
        return f"{_meta_order(name.removesuffix('.stackexchange.com'))}.stackexchange.com"
    first, _, rest = name.partition(".")
    return f"meta.{first}.{rest.removeprefix('meta.')}" if rest.startswith("meta.") else name


def stated_language(site: str) -> str | None:
    """The language of a site that is for one by its rules; None where the network names none."""
    first, _, rest = site.partition(".")
    if rest.endswith("stackoverflow.com"):
        return first if first in _LANGUAGES else None
    return {"rus.stackexchange.com": "ru", "rus.meta.stackexchange.com": "ru"}.get(site)


def chosen(
    source: str, files: Sequence[InputFile], wanted: str | tuple[str, ...]
) -> list[tuple[str, InputFile]]:
    """The sites to read with their files, in the order of the files.

    wanted   "all"; "largest N": of the matched sites, by bytes of their files; or names
    Raises PlanError where there is no file of posts, a site has two, or a name is unknown.
    """
    found: dict[str, InputFile] = {}
    for file in files:
        site = site_of(file.logical if "/" in file.logical else file.path)
        if site is None:
            continue
        if site in found:
            raise PlanError(
                f"source {source!r}: two files hold the posts of {site}: {found[site].path} and {file.path}; "
                "name one of them in 'paths'"
            )
        found[site] = file
    if not found:
        raise PlanError(
            f"source {source!r}: none of {len(files)} files holds posts; expected SITE.7z, SITE-Posts.7z or "
            "SITE/Posts.xml (plain, .gz, .bz2, .xz, .zst)"
        )
    if wanted == "all":
        return list(found.items())
    largest = _LARGEST.match(wanted) if isinstance(wanted, str) else None
    if largest is not None:
        ranked = sorted(found, key=lambda site: (-found[site].size, site))
        keep = set(ranked[: int(largest[1])])
        return [(site, file) for site, file in found.items() if site in keep]
    names = (wanted,) if isinstance(wanted, str) else wanted
    keep = set()
    for name in names:
        site = domain(name)
        if site not in found:
            raise PlanError(
                f"source {source!r}: sites names {name!r}, of which there is no file; "
                + choose(site, sorted(found))
            )
        keep.add(site)
    return [(site, file) for site, file in found.items() if site in keep]


def well_formed_choice(wanted: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """`wanted` as given; ValueError where it cannot be meant."""
    if isinstance(wanted, str):
        largest = _LARGEST.match(wanted)
        if (wanted.startswith("largest") and largest is None) or (largest and int(largest[1]) < 1):
            raise ValueError("expected 'largest N' with N of at least 1, 'all', or a list of sites")
    elif not wanted:
        raise ValueError("names no site; leave it out to read all")
    return wanted
