"""Language by fastText: winnow's kernel beside the fasttext package, the same model and whole texts.

    python benchmarks/language.py [--kinds html,jsonl,languages] [--model FILE] [--rounds 5]

Main text of web pages, samples of corpora, texts in several hundred languages and every script that we have:
each kind by itself. How both are asked and what is told: `benchmarks/fasttext_package.py`.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import real_texts
from benchmarks.fasttext_package import compare
from classifiers.language import LanguageOptions, model_path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--kinds", default="html,jsonl,languages", help="of texts, by a comma")
    parser.add_argument("--model", default=model_path(LanguageOptions()))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    known = list(real_texts.all_texts(arguments.data))
    for kind in arguments.kinds.split(","):
        texts = list(dict.fromkeys(text.text for text in known if text.kind == kind and text.text.strip()))
        size = sum(len(text.encode()) for text in texts) / len(texts)
        print(f"{kind}: {len(texts):,} texts of {size / 1e3:.1f} kB, {Path(arguments.model).name}")
        compare(arguments.model, texts, arguments.rounds)


if __name__ == "__main__":
    main()
