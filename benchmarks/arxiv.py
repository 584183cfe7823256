"""LaTeX to text beside pylatexenc's LatexNodes2Text and a cleaner of regular expressions, on the same papers.

    python benchmarks/arxiv.py [E-PRINT ...] [--rounds 3]

E-PRINT is any input of `read: arxiv`; default: the papers of the folder of real data. Every side starts
from the files of a paper in memory, one process, CPU time, in turns; figures are sums over the papers, and
the ratio is of the medians of rounds. MB are bytes of .tex files.

    winnow, LaTeX      files followed, comments and bibliography removed, macros expanded
    winnow, Markdown   the same, and text of it
    pylatexenc         the main file to text; it does not follow \\input, nor expand the paper's macros; a
                       paper on which it raises counts with the time that it took, and no text
    expressions        what open reproductions of LLaMA do for LaTeX: comments, the part before the first
                       section and the bibliography cut by regular expressions, macros without arguments
                       replaced one by one, in each .tex file

Then the texts are compared: uses of the paper's own macros that are left, comments left, and the share of
runs of eight plain words of the sources that are in the text.
"""

import argparse
import importlib
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import inputs, store
from pipeline.sources.eprints.papers import contents
from pipeline.sources.latex import clean, eprint, markdown
from pipeline.sources.latex.eprint import Eprint

DEFAULT_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
MAX_BYTES = 256 << 20

Files = dict[str, bytes]
Convert = Callable[[Files], str]

DEFINITION = re.compile(r"\\(?:re)?newcommand\*?\s*\{?(\\[A-Za-z]+)\}?\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
DEFINED = re.compile(
    r"\\(?:(?:re|provide)?(?:new)?command\*?|[gex]?def|DeclareMathOperator\*?)\s*\{?(\\[A-Za-z]+)"
)
COMMENT = re.compile(r"(?<!\\)%.*")
RUN = re.compile(r"(?:[a-z]+ ){7}[a-z]+")


def by_winnow(output: str) -> Convert:
    def convert(files: Files) -> str:
        paper = Eprint(files)
        document = eprint.read(paper, paper.main())
        kept = clean.kept(document.tokens, "section", bibliography=False, appendix=True)
        if output == "latex":
            return clean.latex(kept)
        return markdown.markdown(document, kept, "keys", title=False)

    return convert


def by_pylatexenc() -> Convert | None:
    try:
        latex2text = importlib.import_module("pylatexenc.latex2text")
    except ImportError:
        return None

    def convert(files: Files) -> str:
        paper = Eprint(files)
        converter = latex2text.LatexNodes2Text(math_mode="verbatim")
        try:
            text: str = converter.latex_to_text(paper.text(paper.main()))
        except Exception:  # whatever a third party raises
            return ""
        return text

    return convert


def by_expressions(files: Files) -> str:
    texts = []
    macros: dict[str, str] = {}
    for path, data in sorted(files.items()):
        if path.endswith(".tex"):
            text = COMMENT.sub("", eprint.decoded(data))
            macros.update(DEFINITION.findall(text))
            first = re.search(r"\\(?:section|chapter)\b", text)
            text = text[first.start() :] if first else ""
            end = re.search(r"\\appendix|\\begin\{thebibliography\}|\\bibliography\{", text)
            texts.append(text[: end.start()] if end else text)
    whole = "\n".join(texts)
    for name, body in macros.items():
        whole = re.sub(re.escape(name) + r"(?![A-Za-z])", lambda _, body=body: body, whole)  # type: ignore[misc]
    return whole


def papers(patterns: Sequence[str]) -> list[Files]:
    """The text files of each paper that has TeX."""
    found = []
    for file in inputs.expand(tuple(patterns)):
        with store.open_input(file.path) as opened:
            files = contents(opened.read(), MAX_BYTES).files
        if any(path.endswith(".tex") for path in files):
            found.append(files)
    return found


def left(files: Files, text: str) -> tuple[int, int, float]:
    """Uses of own macros that are left, comments left, share of plain runs that are in the text."""
    sources = [COMMENT.sub("", eprint.decoded(data)) for path, data in files.items() if path.endswith(".tex")]
    own = {name for source in sources for name in DEFINED.findall(source)}
    uses = sum(name in own for name in re.findall(r"\\[A-Za-z]+", text))
    words = " ".join(text.split())
    main = Eprint(files)
    body = main.text(main.main())
    start = re.search(r"\\(?:section|chapter)\b", body)
    runs = RUN.findall(COMMENT.sub("", body[start.start() :] if start else ""))
    share = sum(run in words for run in runs) / len(runs) if runs else 1.0
    return uses, len(re.findall(r"(?<!\\)%[^\n]*\n", text)), share


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="E-PRINT")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(os.environ.get("WINNOW_REAL_DATA", DEFAULT_DATA)) / "arxiv"
    found = papers(arguments.files or [f"{folder}/*.tar.gz"])
    size = sum(len(data) for files in found for path, data in files.items() if path.endswith(".tex")) / 1e6
    sides: dict[str, Convert] = {
        "winnow, LaTeX": by_winnow("latex"),
        "winnow, Markdown": by_winnow("markdown"),
        "expressions": by_expressions,
    }
    peer = by_pylatexenc()
    if peer is None:
        print("pylatexenc is not installed: left out")
    else:
        sides["pylatexenc"] = peer
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    texts: dict[str, list[str]] = {}
    for turn in range(arguments.rounds):
        for name in list(sides)[:: -1 if turn % 2 else 1]:
            started = time.process_time()
            texts[name] = [sides[name](files) for files in found]
            seconds[name].append(time.process_time() - started)
    print(f"{len(found)} papers, {size:.1f} MB of .tex; CPU time, median of {arguments.rounds} rounds")
    print(
        f"{'':18} {'papers/s':>9} {'MB/s':>6} {'ratio':>6}"
        f" | {'no text':>7} {'macros left':>11} {'comments':>8} {'runs':>6}"
    )
    first = statistics.median(seconds["pylatexenc" if peer else "expressions"])
    for name in sides:
        spent = statistics.median(seconds[name])
        checks = [left(files, text) for files, text in zip(found, texts[name], strict=True)]
        # In text that is no LaTeX, a per cent sign begins no comment.
        is_latex = name in ("winnow, LaTeX", "expressions")
        comments = f"{sum(check[1] for check in checks):,}" if is_latex else "-"
        print(
            f"{name:18} {len(found) / spent:9.1f} {size / spent:6.2f} {first / spent:6.2f}"
            f" | {sum(not text for text in texts[name]):7} {sum(check[0] for check in checks):11,}"
            f" {comments:>8} {statistics.mean(check[2] for check in checks):6.1%}"
        )


if __name__ == "__main__":
    main()
