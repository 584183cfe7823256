"""Makes the bundled sample of seven sources: a few files of each kind as its publisher hands it out.

    python examples/seven/make_sample.py [--output FOLDER]

All prose, code and TeX is ours and stands in `texts/`. `PLANTED.json` says of every document, and of
what is no document, what is to become of it in `examples/llama1.yaml`. Nothing depends on the time or
on chance. Web pages are those of `examples/sample/sample.warc.gz`, beside one file in the older ARC
format here.
"""

import argparse
import dataclasses
import json
from collections import Counter
from pathlib import Path

from make_arxiv import arxiv
from make_github import github
from make_gutenberg import gutenberg
from make_stackexchange import stackexchange
from make_web import arc, c4
from make_wikipedia import wikipedia
from planted import HERE, Planted

MAKERS = {
    "commoncrawl": arc,
    "c4": c4,
    "github": github,
    "wikipedia": wikipedia,
    "arxiv": arxiv,
    "stackexchange": stackexchange,
    "gutenberg": gutenberg,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes winnow's sample of seven sources.")
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to (default: %(default)s)")
    output = parser.parse_args().output
    planted: dict[str, list[Planted]] = {}
    for source, make in MAKERS.items():
        (output / source).mkdir(parents=True, exist_ok=True)
        planted[source] = make(output)
    listed = {source: [_facts(one) for one in found] for source, found in planted.items()}
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    (output / "PLANTED.json").write_text(text, encoding="utf-8")
    for source, found in planted.items():
        fates = Counter(one.fate for one in found)
        print(f"{source:<14}{', '.join(f'{count} {fate}' for fate, count in sorted(fates.items()))}")


def _facts(one: Planted) -> dict[str, object]:
    """What is said of it, without what is not."""
    facts = dataclasses.asdict(one)
    return {name: value for name, value in facts.items() if value or name in ("by", "fate")}


if __name__ == "__main__":
    main()
