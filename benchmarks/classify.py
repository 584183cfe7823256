"""Our own fastText models: winnow's kernel beside the fasttext package, the same models and whole texts.

    python benchmarks/classify.py [--only NAME] [--buckets 2000000] [--rounds 5]

The models are trained here, from half of the texts, to tell where a text is from: pages of a hand-labelled
set or samples of published corpora; or which file of them. They are of the forms that people train: two
classes by words and pairs of words, character n-grams, a tree of labels, labels that are told one by one.
How both are asked and what is told: `benchmarks/fasttext_package.py`.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import real_texts
from benchmarks.fasttext_package import compare
from classifiers.training import floret_process

FORMS: dict[str, dict[str, Any]] = {
    "pairs of words, 100 values": {"wordNgrams": 2, "dim": 100},
    "pairs of words, 256 values": {"wordNgrams": 2, "dim": 256},
    "characters 3-6": {"minn": 3, "maxn": 6, "dim": 100},
    "characters 3-6, tree": {"minn": 3, "maxn": 6, "dim": 50, "loss": "hs", "many": True},
    "pairs, one by one": {"wordNgrams": 2, "dim": 100, "loss": "ova", "many": True},
    "pairs, 16 values": {"wordNgrams": 2, "dim": 16, "many": True},
}
PIECE = 50  # words of a line that a model learns from: of whole texts it would have too few to learn by


def train(file: Path, texts: list[real_texts.Text], form: dict[str, Any], buckets: int) -> None:
    """Trains a model; `many`: on labels of which file a text is, otherwise of which of the two kinds."""
    arguments = {"bucket": buckets, "minn": 0, "maxn": 0, "minCount": 2, "lr": 0.5, "epoch": 5, "thread": 2}
    arguments |= {name: value for name, value in form.items() if name != "many"}
    lines = file.with_suffix(".txt")
    with open(lines, "w", encoding="utf-8") as sink:
        for text in texts:
            origin = text.name.split(":")[0].split("/")[0] if "many" in form else text.kind
            words = text.text.split()
            for at in range(0, len(words), PIECE):
                sink.write(f"__label__{origin} {' '.join(words[at : at + PIECE])}\n")
    floret_process.train({"input": str(lines), "verbose": 0, **arguments}, None, file)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--only", choices=FORMS, help="one of the models")
    parser.add_argument("--buckets", type=int, default=2_000_000, help="rows of n-grams")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=Path, help="folder where the models are kept, or are from before")
    arguments = parser.parse_args()
    found = [text for text in real_texts.all_texts(arguments.data) if text.kind in ("html", "jsonl")]
    found = list({text.text: text for text in found if text.text.strip()}.values())
    random.Random(1).shuffle(found)
    texts = [text.text for text in found]
    size = sum(len(text.encode()) for text in texts) / len(texts)
    print(f"{len(texts):,} texts of {size / 1e3:.1f} kB")
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.models or Path(scratch)
        for name, form in FORMS.items():
            if arguments.only in (None, name):
                print(
                    f"{name}: {', '.join(f'{key} {value}' for key, value in form.items() if key != 'many')}"
                )
                file = folder / f"{name.replace(' ', '-')}.bin"
                if not file.exists():
                    train(file, found[::2], form, arguments.buckets)
                compare(file, texts, arguments.rounds)
                if arguments.models is None:
                    file.unlink()


if __name__ == "__main__":
    main()
