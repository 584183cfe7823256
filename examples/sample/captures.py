"""What the sample's crawler is supposed to have fetched, and what is to become of each capture."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from pages import HERE, Page, Site, host_of, number_of, read_pages, read_sites, render, site_of

CRAWLED = "2024-05-18"  # the originals
EARLIER = "2024-05-11"  # their copies, unless they say otherwise
RULES = {
    "near_duplicate": "minhash_duplicate",
    "exact_duplicate": "exact_duplicate",
    "url_duplicate": "url_duplicate",
}
PIXEL = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)  # a GIF
CHUNK = 1500  # bytes of a chunk in chunked transfer coding


@dataclass(frozen=True)
class Capture:
    """One fetched address.

    kind     what was planted: `english`, `near_duplicate`, `junk` …
    fate     kept, dropped or skipped; `by`, the rule or the reason, "" for what is kept
    page     the text's file, "" where there is none
    group    captures of one page share it; the newest of a group is the one to keep
    record   WARC-Type
    damage   what is done to the record: corrupt, length (a wrong Content-Length) or truncated
    """

    url: str
    kind: str
    fate: str
    by: str
    crawled: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: str = "200 OK"
    page: str = ""
    group: str = ""
    record: str = "response"
    damage: str = ""


def all_captures() -> list[Capture]:
    """Every capture of the sample in the order of the file, its kinds well mixed."""
    captures = [*_pages(), *_strays()]
    captures.sort(key=lambda one: (one.damage == "truncated", number_of(one.url, one.crawled)))
    return captures


def _pages() -> Iterator[Capture]:
    sites = read_sites()
    english = read_pages("english")
    others = [*english, *read_pages("other"), *read_pages("junk")]
    copies: list[dict[str, Any]] = yaml.safe_load((HERE / "copies.yaml").read_text(encoding="utf-8"))
    newest = {copy["of"]: str(copy["crawled"]) for copy in copies if str(copy.get("crawled", "")) > CRAWLED}
    kinds = {copy["of"]: copy["kind"] for copy in copies}
    named = {page.name: page for page in english}

    def made(page: Page, kind: str, by: str, crawled: str = CRAWLED, group: str = "", **more: str) -> Capture:
        around = [one for one in others if host_of(one.url) == host_of(page.url) and one.name != page.name]
        fate = more.pop("fate", "dropped" if by else "kept")
        headers, body = _answer(page, site_of(page.url, sites), around)
        name = f"{page.folder}/{page.name}"
        return Capture(page.url, kind, fate, by, crawled, headers, body, page=name, group=group, **more)

    for page in english:
        beaten = RULES[kinds[page.name]] if page.name in newest else page.header.get("expect", "")
        yield made(page, "english", beaten, group=page.name)
    for copy in copies:
        crawled = str(copy.get("crawled", EARLIER))
        header = {key: copy[key] for key in ("url", "layout") if key in copy}
        page = named[copy["of"]].changed(copy.get("changes", {}), **header)
        by = "" if crawled > CRAWLED else RULES[copy["kind"]]
        yield made(page, copy["kind"], by, crawled, copy["of"])
    for page in read_pages("other"):
        yield made(page, "other_language", "not_english")
    for page in read_pages("junk"):
        yield made(page, page.name.rsplit("-", 1)[0], page.header["expect"])
    damages = {"corrupt": "corrupt", "length": "corrupt", "truncated": "truncated"}
    for page, (damage, reason) in zip(read_pages("lost"), damages.items(), strict=True):
        yield made(page, f"damage_{damage}", reason, fate="skipped", damage=damage)


def _answer(page: Page, site: Site, neighbours: Sequence[Page]) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """The HTTP header fields and body of a page."""
    encoding = page.header.get("encoding", "utf-8")
    layout = page.header.get("layout", site.layout)
    body = render(page, site, neighbours).encode(encoding)
    media_type = "application/xhtml+xml" if layout == "xhtml" else "text/html"
    if page.header.get("declared-in", "header") == "header":
        media_type += f"; charset={page.header.get('declared-as', encoding)}"
    headers = [("Content-Type", media_type), ("Server", "nginx" if layout != "table" else "Apache/2.2")]
    codings = page.header.get("coding", "").split(", ")
    if "gzip" in codings:
        body = packed(body)
        headers.append(("Content-Encoding", "gzip"))
    if "deflate" in codings:
        body = zlib.compress(body, 9)
        headers.append(("Content-Encoding", "deflate"))
    if "chunked" in codings:
        pieces = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        headers.append(("Content-Length", str(len(body))))
    return tuple(headers), body


def _strays() -> Iterator[Capture]:
    """What a crawl brings home besides pages."""

    def stray(url: str, kind: str, by: str, media_type: str, body: bytes, **more: Any) -> Capture:
        headers = (("Content-Type", media_type), *more.pop("headers", ()), ("Content-Length", str(len(body))))
        return Capture(url, kind, more.pop("fate", "skipped"), by, CRAWLED, headers, body, **more)

    html = "text/html; charset=utf-8"
    for url in ("https://old-timetables.example/lines/4", "https://honestbench.example/reviews/kettle"):
        body = b"<html><head><title>404</title></head><body><h1>Not found</h1></body></html>"
        yield stray(url, "not_found", "http_status", html, body, status="404 Not Found")
    for url, target in (
        ("http://slowcrumb.example/", "https://slowcrumb.example/"),
        ("https://eveningsky.example/moon", "https://eveningsky.example/moon/"),
    ):
        head = (("Location", target),)
        yield stray(url, "redirect", "http_status", html, b"", status="301 Moved Permanently", headers=head)
    yield stray("https://dampcorner.example/pixel.gif", "image", "not_html", "image/gif", PIXEL)
    # Said to be a page, but its first bytes say otherwise.
    yield stray("https://ropemuseum.example/cat.jpg", "image", "not_html", html, PIXEL)
    yield stray("https://lower-wendle.example/plan.pdf", "pdf", "not_html", "application/pdf", _pdf())
    answer = b'{"station": "Wendle", "level_m": 1.42, "warning": null}\n'
    yield stray("https://river-news.example/api/level", "json", "not_html", "application/json", answer)
    yield stray("https://empty-rooms.example/", "empty_body", "extract_empty", html, b"", fate="dropped")
    yield stray("https://slowtrains.example/diary/day-one", "revisit", "revisit", html, b"", record="revisit")
    note = b"<p>A page that was saved from a disk and not fetched.</p>"
    yield stray("file:///srv/site/index.html", "resource", "resource", "text/html", note, record="resource")
    # 40 MB of spaces, packed twice: a few hundred bytes that must not be taken for a page.
    bomb = packed(packed(b" " * 40_000_000))
    head = (("Content-Encoding", "gzip, gzip"),)
    yield stray("https://zip-bomb.example/", "packed_bomb", "too_large", html, bomb, headers=head)


def _pdf() -> bytes:
    """A PDF file of one empty page."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
    )
    pdf = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(pdf)
    return pdf + b"xref\n0 4\n0000000000 65535 f \n" + table + trailer


def packed(content: bytes) -> bytes:
    """A gzip member without time, name or operating system in its header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(content) + packer.flush()
    return (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
        + body
        + struct.pack("<II", zlib.crc32(content), len(content))
    )


def moment(crawled: str, position: int) -> datetime:
    """When the capture at this position of the file was made: one every eleven seconds of its day."""
    day = datetime.fromisoformat(crawled).replace(tzinfo=UTC)
    return datetime.fromtimestamp(day.timestamp() + 6 * 3600 + 11 * position, UTC)


def counts(captures: Sequence[Capture]) -> Mapping[tuple[str, str, str], int]:
    """Captures by (kind, fate, by), sorted."""
    found: dict[tuple[str, str, str], int] = {}
    for one in captures:
        key = (one.kind, one.fate, one.by)
        found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (item[0][1] != "kept", item[0])))
