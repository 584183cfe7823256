"""URL deduplication: documents with the same normalised URL are copies of one page.

Llama 3.1 (2024, section 3.1.1) keeps the newest version of each URL; so does the default here.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import idna
import idna.idnadata
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from dedup.keep import DEFAULT_KEEP, KEEP, Keep
from dedup.keyed import Keyed, clusters, with_columns
from dedup.plain_urls import HOST, PATH, QUERY, name_hashes, plain
from dedup.ranking import Keys, label_columns
from dedup.scope import SOURCES, WITHIN, Sources, Within
from pipeline.index import AGAINST, Against
from pipeline.stage import Options, Pass, Rule
from text.hashing import Hashes, hash128
from text.strings import Strings

TRACKING_PREFIXES = ("utm_", "mtm_", "hsa_", "aspsessionid")
"""Query parameters that start like this name a campaign or a session, not a page."""

# fmt: off
TRACKING = frozenset((
    "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "gad_source", "gad_campaignid", "srsltid",  # Google
    "_ga", "_gl",
    "fbclid", "fb_action_ids", "fb_action_types", "fb_source", "fb_ref", "mibextid",  # Facebook
    "igshid", "igsh", "twclid", "ttclid", "li_fat_id", "epik", "rdt_cid", "sccid",  # other social networks
    "msclkid", "yclid", "ysclid", "_openstat",  # Microsoft, Yandex
    "ef_id", "s_kwcid", "s_cid", "irclickid", "zanpid", "wickedid", "rb_clickid", "tblci", "dicbo",  # other
    "_branch_match_id", "itm_source", "itm_medium", "itm_campaign", "itm_content", "itm_term",  # advertising
    "mc_cid", "mc_eid", "mkt_tok", "vero_id", "oly_anon_id", "oly_enc_id", "_hsenc", "_hsmi",  # newsletters
    "__hstc", "__hssc", "__hsfp", "hsctatracking", "_kx", "__s",
    "pk_campaign", "pk_kwd", "pk_keyword", "pk_source", "pk_medium", "pk_content", "pk_cid",  # Matomo
    "piwik_campaign", "piwik_kwd", "piwik_keyword",
    "phpsessid", "jsessionid", "sessionid", "cfid", "cftoken",  # sessions
))
# fmt: on
"""Query parameters, in lower case, of which the same is true."""

_BATCH_ROWS = 8192
_KEYS = 2  # raised when the same URL gets another key: what indexes hold is void then
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENDS = "".join(map(chr, range(0x21)))  # C0 controls and the space, which browsers trim
_INSIDE = str.maketrans("", "", "\t\n\r")  # and those that they ignore inside
_PARTS = re.compile(
    r"(?:(?P<scheme>https?):)?[/\\]{2}(?P<authority>[^/\\?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_HOST = 255  # characters: what the DNS allows, and a little
_WWW = re.compile(r"(?:www\.)+")
_HOST = re.compile(r"[a-z0-9_\-.]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SAFE = "%/:@!$&'()*+,;=~"  # RFC 3986: what a path may hold besides letters, digits and -._
_PLAIN = re.compile(r"[A-Za-z0-9\-._~/:@!$&'()*+,;=]*")
_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)


def _unescape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "%25"
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _percent(part: str, also_safe: str = "") -> str:
    """Percent-encoding as RFC 3986 section 6.2.2 wants it: only where needed, in capitals."""
    if _PLAIN.fullmatch(part):
        return part
    return quote(_ESCAPE.sub(_unescape, part), safe=_SAFE + also_safe, errors="surrogatepass")


def _authority(authority: str, scheme: str) -> str | None:
    """Host and port without what does not tell sites apart; None if there is no such host."""
    # The cache must not hold megabytes, and no host that is one is long.
    found = _known_authority if len(authority) <= 2 * _LONGEST_HOST else _known_authority.__wrapped__
    return found(authority, scheme)


@lru_cache(maxsize=1 << 16)
def _known_authority(authority: str, scheme: str) -> str | None:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        literal, closed, port = host[1:].partition("]")
        if not closed:
            return None
        try:
            host = f"[{ipaddress.IPv6Address(literal.partition('%')[0]).compressed}]"
        except ValueError:
            return None
        if port and not port.startswith(":"):
            return None
        port = port[1:]
    else:
        host, _, port = host.partition(":")
        host = unquote(host).lower()
        if not host.isascii():
            if len(host) > _LONGEST_HOST:  # Punycode takes the square of its length
                return None
            try:
                host = idna.encode(host, uts46=True).decode("ascii")
            except idna.IDNAError:
                return None
        host = host.rstrip(".")
        www = _WWW.match(host)
        if www is not None:  # of `www.www.com` the last is the site's name
            rest = host[www.end() :]
            host = rest if "." in rest.strip(".") else f"www.{rest}"
        if not _HOST.fullmatch(host):
            return None
    if not port:
        return host
    if not (port.isascii() and port.isdigit() and len(port) < 10):
        return None
    number = int(port)
    return host if number == _DEFAULT_PORTS.get(scheme) else f"{host}:{number}"


def _path(path: str) -> str:
    path = path.replace("\\", "/")
    if ";" in path:
        path = _SESSION.sub("", path)
    path = _percent(path)
    if "/." in path:
        kept: list[str] = []
        for segment in path[1:].split("/"):
            if segment == "..":
                del kept[-1:]
            elif segment != ".":
                kept.append(segment)
        path = "/" + "/".join(kept)
    return path.rstrip("/") or "/"


def _query(query: str) -> str:
    kept = []
    for parameter in query.split("&"):
        parameter = _percent(parameter, "?")
        name = parameter.partition("=")[0]
        low = name.lower()
        if parameter and low not in TRACKING and not low.startswith(TRACKING_PREFIXES):
            kept.append((name, parameter))
    # Sorted by name alone: the order of equal names can matter to a site.
    return "&".join(parameter for _, parameter in sorted(kept, key=lambda pair: pair[0]))


def normalise(url: str) -> str:
    """The form of `url` that is compared, `//host/path?query`; never raises, idempotent.

    Taken to be the same page: http and https; any case, a trailing dot, a leading `www.`, user
    info and the default port in the host; international names and their `xn--` form; percent
    escapes that RFC 3986 calls equivalent; `.` and `..` segments; trailing slashes of the path;
    any fragment but `#!`; tracking and session parameters; the order of parameters of different
    names. Anything that is not such a URL stays as it is, but for white space at its ends.
    """
    url = url.strip(_ENDS)
    parts = _PARTS.fullmatch(url.translate(_INSIDE))
    if parts is None:
        return url
    authority, path, query, fragment = parts.group("authority", "path", "query", "fragment")
    host = _authority(authority, (parts["scheme"] or "").lower())
    if host is None:
        return url
    normal = f"//{host}{_path(path)}"
    if query and (query := _query(query)):
        normal += f"?{query}"
    if fragment and fragment.startswith("!"):
        normal += f"#{_percent(fragment, '?')}"
    return normal


class UrlOptions(Options):
    """Options of the pass `url`."""

    keep: Keep = Field(default=DEFAULT_KEEP, description=KEEP)
    sources: Sources = Field(default=(), description=SOURCES)
    within: Within = Field(default=(), description=WITHIN)
    against: Against = Field(default=(), description=AGAINST)


def _classes() -> NDArray[np.uint8]:
    """Of each byte, in which parts of a URL it stays as it is."""
    classes = np.zeros(256, np.uint8)
    for byte in range(128):
        character = chr(byte)
        host, path = _HOST.fullmatch(character), _PLAIN.fullmatch(character)
        # A semicolon may begin a session in a path.
        classes[byte] += HOST * bool(host) + PATH * bool(path and character != ";")
        classes[byte] += QUERY * bool(path or character == "?")
    return classes


_CLASSES = _classes()
_NAMES, _PREFIXES = name_hashes(TRACKING), name_hashes(TRACKING_PREFIXES)


def hashes_of(urls: pa.ChunkedArray) -> tuple[Hashes, NDArray[np.bool_]]:
    """The 128-bit hashes of the normal forms, [n, 2], and which URLs are not null or blank, [n]."""
    strings = Strings.of(urls)
    data, offsets, taken = plain(strings.data, strings.offsets, _CLASSES, _NAMES, _PREFIXES)
    hashes = hash128(Strings(data, offsets))
    known = taken.copy()
    others = np.flatnonzero(~taken)
    if len(others):
        listed = urls.take(pa.array(others)).fill_null("").to_pylist()
        normal = Strings.of(pa.array(map(normalise, listed), pa.large_string()))
        hashes[others] = hash128(normal)
        known[others] = np.diff(normal.offsets) > 0
    return hashes, known


def _keys(_: UrlOptions, table: pa.Table) -> Keys:
    """Keys of the normalised URLs; a null or blank URL has none."""
    hashes, known = hashes_of(table.column("url"))
    return Keys(hashes[:, 0], hashes[:, 1], known)


def _same(_: UrlOptions) -> dict[str, Any]:
    return {"keys": _KEYS, "host names": idna.idnadata.__version__}


_KEYED = Keyed("url", ("url",), _keys, _BATCH_ROWS, _same)

PASS: Pass = Pass(
    name="url",
    reads=("url",),
    adds=label_columns("url"),
    run=_KEYED.run,
    rules=(Rule("url_duplicate", "url_rank > 0"),),
    options=UrlOptions,
    describe=_KEYED.describe,
    clusters=clusters,
    fingerprint=_KEYED.fingerprint,
    of=lambda options: with_columns(PASS, options),
    index=_KEYED.index(),
    about="Labels documents with the same normalised URL; the newest copy stays.",
    paper="Grattafiori et al. 2024, The Llama 3 Herd of Models, section 3.1.1",
)
