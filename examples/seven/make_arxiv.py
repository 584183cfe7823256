"""Monthly tars of papers' sources, and the snapshot of their metadata."""

import io
import json
import tarfile
from pathlib import Path

from planted import DROPPED, KEPT, SKIPPED, Planted, packed, parts

MARCH = "arxiv/arXiv_src_2403_001.tar"
OLD = "arxiv/arXiv_src_0301_001.tar"
TIME = 1709251200  # 1 March 2024
_PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Size 2 /Root 1 0 R >>\n%%EOF\n"
_BY = "http://creativecommons.org/licenses/by/4.0/"
_ZERO = "http://creativecommons.org/publicdomain/zero/1.0/"
_ARXIV = "http://arxiv.org/licenses/nonexclusive-distrib/1.0/"
_SECRETS = ("secretcomment", "secretunused", "secretbibliography", "supplementonly")

# Paper, title, authors, licence as the snapshot has it, date.
_SNAPSHOT = (
    ("2403.00101", "On the Mean Height of the Sea\n  over a Tilting Bed", "A. Harrow and R. Thorne", _BY),
    ("2403.00102", "A Short Proof that Lanterns Sway", "M. Thorne", _ZERO),
    ("2403.00103", "Drawings of Wheels", "J. Ellery", _ARXIV),
    ("2403.00104", "Counting Gannets with One Eye Shut", "O. Marsh (Saltby)", _ARXIV),
    ("2403.00106", 'Z\\"ahlen am Strand', 'J. M\\"uller', _BY),
    ("2403.00107", "A Paper that Was Withdrawn", "Nobody", _ARXIV),
    ("2403.00110", "What the Bell Said", "H. Blythe", _BY),
    ("2403.00111", "Three Kites on One Line", "E. Morvan, M. Thorne", _ZERO),
    ("math/0301005", "Sums of Odd Lanterns", "E. Morvan", None),
    ("2403.09999", "A Paper of Another Tar", "Somebody", _BY),
)

# Paper, kind, fate, rule or reason, what its text holds, columns.
_PAPERS: tuple[tuple[str, str, str, str, tuple[str, ...], dict[str, object]], ...] = (
    (
        "2403.00101",
        "many_files",
        KEPT,
        "",
        (
            "That the sea stands higher",
            "$\\mathcal{S}$",
            "$(x \\mid t)$",
            "\\partial_t^2 \\eta_{k}(t)",
            "The coast is taken to be far away.",
            "\\left\\langle \\eta_{k}(t) \\right\\rangle",
            "% kept in verbatim",
        ),
        {"license": "CC-BY-4.0", "title": "On the Mean Height of the Sea over a Tilting Bed"},
    ),
    (
        "2403.00102",
        "single_file",
        KEPT,
        "",
        ("$x(t) \\in \\mathbb{R}^2$", "\\lVert x(t) \\rVert", "The proof needs neither the weight"),
        {"license": "CC0-1.0"},
    ),
    ("2403.00103", "pdf_only", DROPPED, "arxiv_no_source", (), {}),
    (
        "2403.00104",
        "two_main_files",
        KEPT,
        "",
        ("People who count birds", "291", "$t_1 = 1.3\\,\\mathrm{s}$"),
        {},
    ),
    ("2403.00105", "damaged", SKIPPED, "corrupt", (), {}),
    (
        "2403.00106",
        "latin_1",
        KEPT,
        "",
        ("\\lvert \\mathbf{x} \\rvert < \\varepsilon", "Größere Mengen", "ein Gang am Strand"),
        {"license": "CC-BY-4.0"},
    ),
    ("2403.00107", "withdrawn", DROPPED, "arxiv_no_source", (), {}),
    (
        "2403.00108",
        "hostile",
        KEPT,
        "",
        ("the reader comes to an end", "comes to the last sentence of the paper."),
        {"license": None},
    ),
    (
        "2403.00109",
        "listing",
        KEPT,
        "",
        ("A child has $n$ shells", "\\mathcal{O}", "# 100% of the row", "found by a child of six"),
        {"license": None},
    ),
    (
        "2403.00110",
        "comment_block",
        KEPT,
        "",
        ("A cracked bell has", "411\\,\\mathrm{Hz}", "It does so until Easter."),
        {},
    ),
    ("2403.00111", "plain", KEPT, "", ("Kites that fly in a train", "T_{k-1}", "the theory flew alone."), {}),
    (
        "math/0301005",
        "old_paper",
        KEPT,
        "",
        ("as everybody learns with pebbles", "{\\bf Z}", "$\\sum_{k=1}^n h_k = n^2$"),
        {"title": "Sums of Odd Lanterns"},
    ),
)


def arxiv(folder: Path) -> list[Planted]:
    papers: dict[str, dict[str, bytes]] = {}
    for name, text in parts("arxiv.txt"):
        paper, _, path = name.partition("/")
        encoding = "latin-1" if paper == "2403.00106" else "utf-8"
        papers.setdefault(paper, {})[path] = text.encode(encoding)
    papers["2403.00101"]["bed.pdf"] = _PDF
    damaged = bytearray(_source(papers["2403.00105"]))
    damaged[40:80] = bytes(byte ^ 0x5A for byte in damaged[40:80])
    march = {
        "2403.00101.gz": _source(papers["2403.00101"]),
        "2403.00102.gz": packed(papers["2403.00102"]["paper.tex"]),
        "2403.00103.pdf": _PDF,
        "2403.00104.gz": _source(papers["2403.00104"]),
        "2403.00105.gz": bytes(damaged),
        "2403.00106.gz": packed(papers["2403.00106"]["article.tex"]),
        "2403.00107.gz": packed(
            b"%auto-ignore\nThis paper has been withdrawn by its author: it was wrong.\n"
        ),
        "2403.00108.gz": _source(papers["2403.00108"]),
        "2403.00109.gz": packed(papers["2403.00109"]["main.tex"]),
        "2403.00110.gz": packed(papers["2403.00110"]["draft.tex"]),
        "2403.00111.gz": _source(papers["2403.00111"]),
    }
    (folder / MARCH).write_bytes(_tar("2403", march))
    old = {"math0301005.gz": packed(papers["math0301005"]["paper.tex"])}
    (folder / OLD).write_bytes(_tar("0301", old))
    lines = [json.dumps(_about(*facts)) + "\n" for facts in _SNAPSHOT]
    (folder / "arxiv/arxiv-metadata-oai-snapshot.json").write_text("".join(lines), encoding="utf-8")
    return [
        Planted(OLD if "/" in paper else MARCH, paper, kind, fate, by, holds, _SECRETS, facts)
        for paper, kind, fate, by, holds, facts in _PAPERS
    ]


def _source(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            about = tarfile.TarInfo(name)
            about.size, about.mtime = len(data), TIME
            archive.addfile(about, io.BytesIO(data))
    return packed(sink.getvalue())


def _tar(month: str, members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        top = tarfile.TarInfo(month)
        top.type, top.mtime = tarfile.DIRTYPE, TIME
        archive.addfile(top)
        for name, data in members.items():
            about = tarfile.TarInfo(f"{month}/{name}")
            about.size, about.mtime = len(data), TIME
            archive.addfile(about, io.BytesIO(data))
    return sink.getvalue()


def _about(paper: str, title: str, authors: str, license: str | None) -> dict[str, object]:
    month = "Fri, 3 Jan 2003 10:00:00 GMT" if "/" in paper else "Fri, 1 Mar 2024 10:00:00 GMT"
    return {
        "id": paper,
        "submitter": authors.split(" and ")[0],
        "authors": authors,
        "title": title,
        "comments": "3 pages",
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": "math.HO" if "/" in paper else "physics.ao-ph math.HO",
        "license": license,
        "abstract": "  An invented paper for the bundled sample of winnow.\n",
        "versions": [{"version": "v1", "created": month}],
        "update_date": "2003-01-04" if "/" in paper else "2024-03-04",
        "authors_parsed": [[authors.split(" ")[-1], authors[:2], ""]],
    }
