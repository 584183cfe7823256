"""A small corpus of two kinds of input, and the command line run over it on Ray."""

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

WORDS = (
    *("the", "of", "and", "to", "in", "that", "it", "was", "for", "with", "on", "as", "river", "stone"),
    *("garden", "winter", "letter", "street", "summer", "machine", "window", "paper", "music", "market"),
    *("harbour", "teacher", "bridge", "forest", "village", "engine", "story", "morning"),
)


def paragraph(rng: random.Random, sentences: int = 5) -> str:
    """Sentences of invented English, with stop words and full stops."""
    made = []
    for _ in range(sentences):
        words = [rng.choice(WORDS) for _ in range(rng.randint(8, 16))]
        made.append(" ".join(words).capitalize() + ".")
    return " ".join(made)


def page(rng: random.Random) -> str:
    body = "".join(f"<p>{paragraph(rng)}</p>" for _ in range(4))
    return (
        "<html><head><title>A page</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>{' '.join(rng.choices(WORDS, k=4))}</h1>{body}</article></body></html>"
    )


def edited(html: str) -> str:
    """The same page with one word more."""
    return html.replace("</h1>", " again</h1>", 1)


def write_warc(path: Path, pages: list[tuple[str, str, str]]) -> None:
    """A WARC file, a gzip member per record; pages are (url, date, html)."""
    with path.open("wb") as sink:
        writer = WARCWriter(sink, gzip=True)
        for at, (url, date, html) in enumerate(pages):
            http = StatusAndHeaders(
                "200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1"
            )
            digest = hashlib.md5(f"{path.name}{at}".encode()).hexdigest()
            record = writer.create_warc_record(
                url,
                "response",
                payload=io.BytesIO(html.encode()),
                http_headers=http,
                warc_headers_dict={"WARC-Date": date, "WARC-Record-ID": f"<urn:uuid:{digest}>"},
            )
            writer.write_record(record)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four WARC files and two JSONL files with exact and near duplicates in them."""
    folder = tmp_path_factory.mktemp("input")
    rng = random.Random(7)
    first = [page(rng) for _ in range(12)]
    for number in range(4):
        pages = [
            (f"http://site{number}.example/{at}", f"2024-01-0{number + 1}T00:00:00Z", page(rng))
            for at in range(12)
        ]
        copies = [
            (f"http://mirror{number}.example/{at}", "2024-02-01T00:00:00Z", first[at])
            for at in range(number * 3, 12)
        ]
        near = [
            (f"http://near{number}.example/{at}", "2024-03-01T00:00:00Z", edited(first[at]))
            for at in range(3)
        ]
        write_warc(folder / f"part-{number}.warc.gz", pages + copies + near)
    for number in range(2):
        with gzip.open(folder / f"notes-{number}.jsonl.gz", "wt", encoding="utf-8") as file:
            for at in range(30):
                file.write(
                    json.dumps(
                        {"text": "\n\n".join(paragraph(rng) for _ in range(3)), "id": f"{number}-{at}"}
                    )
                    + "\n"
                )
    return folder


RUN_FILE = """
corpus: small
output: {output}
seed: 3
sources:
  web:
    read: warc
    paths: ["{corpus}/*.warc.gz"]
    steps:
      - extract: {{engine: resiliparse}}
      - language: {{rules: {{}}}}
      - gopher
      - gopher_repetition: {{rules: {{repeated: gopher_repetition_top_2_gram > {threshold}}}}}
  notes:
    read: jsonl
    paths: ["{corpus}/*.jsonl.gz"]
    steps:
      - gopher: {{rules: {{note_words: gopher_words < 60}}}}
across:
  - url: {{keep: newest}}
  - exact
  - minhash: {{bands: 14, rows: 8, ngram: 5}}
tripwires: off
mixture:
  tokens: {tokens}
  weights: {{web: 0.7, notes: 0.3}}
  max_epochs: 2
  shard_size: 20kB
"""

WriteRun = Callable[..., Path]
WinnowIn = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def write_run(corpus: Path, tmp_path: Path) -> WriteRun:
    """Writes a run file over the small corpus into a folder of its own; returns the folder.

    Run there, the output is its `out`: run files of equal content give equal dataset cards.
    """

    def write(name: str, threshold: float = 0.9, tokens: str = "8k", inputs: Path = corpus) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        text = RUN_FILE.format(output="out", corpus=inputs, threshold=threshold, tokens=tokens)
        (folder / "run.yaml").write_text(text, encoding="utf-8")
        return folder

    return write


def winnow(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs the command line in `folder`, in a process of its own."""
    command = [sys.executable, "-m", "pipeline", *arguments]
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=folder, env=wide)
    if check:
        assert done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.fixture
def run_winnow() -> WinnowIn:
    return winnow


def checksums(output: Path) -> dict[str, str]:
    """SHA-256 of every file of an output, but for the log of times and the sign of who holds it."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name not in ("HELD_BY", "log.jsonl")
    }


@pytest.fixture
def sums() -> Callable[[Path], dict[str, str]]:
    return checksums
