"""How often the language is right: winnow beside the fasttext package, lingua and py3langid.

    python benchmarks/language_accuracy.py [--each 120] [--csv FILE] [--tables sets,scores,relatives]

Texts: lingua's sentences, word pairs and single words in 75 languages, and the paragraphs of the Universal
Declaration of Human Rights in several hundred; of each language every k-th text, so that there are `each` at
most (0: all). Languages are compared by winnow's codes: what a peer calls `nb` is `no` here.

Each set is judged twice: over the texts in the languages that all the tools have a label for, and over all
of it, where a language that a tool does not know is wrong each time. Macro F1 is the mean of the languages'
F1. Time is CPU time per text, models loaded. lingua (lingua-language-detector) and py3langid are peers that
winnow does not depend on: where they cannot be imported, put them on PYTHONPATH.

`--tables scores` tells what a threshold of `language_score` is worth by length of text, `relatives` which
languages are taken for which.
"""

import argparse
import csv
import gzip
import importlib
import json
import sys
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import real_texts
from classifiers.language import STAGE, LanguageOptions, model_path
from classifiers.language_labels import understood
from pipeline.batch import Batch
from text.fasttext import FastText

SETS = ("sentences", "word pairs", "single words", "declaration")
PARAGRAPH = 40  # characters of the shortest paragraph
LETTERS = (1, 10, 20, 40, 80, 160, 320)
SCORES = (0.0, 0.3, 0.5, 0.65, 0.8, 0.9)
RELATIVES = 25

Answer = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Tool:
    """`languages` by winnow's codes, and the answer to each of a list of texts, "" for none."""

    languages: frozenset[str]
    answer: Answer


@dataclass(frozen=True)
class Example:
    """A text and its language by winnow's code."""

    text: str
    language: str


def code(label: str) -> str:
    """Winnow's code of a language that a set or a peer names by ISO 639."""
    return understood([label])[0].language


def texts_of(folder: Path, name: str, each: int) -> list[Example]:
    """A set; of each language every k-th text."""
    found: dict[str, list[str]] = defaultdict(list)
    if name == "declaration":
        with zipfile.ZipFile(folder / "langid" / "udhr2.zip") as archive:
            for file in sorted(archive.namelist()):
                stem = Path(file).stem[:3]
                if file.endswith(".txt") and stem.isalpha():
                    paragraphs = map(str.strip, archive.read(file).decode("utf-8", "replace").split("\n"))
                    found[code(stem)] += [text for text in paragraphs if len(text) >= PARAGRAPH]
    else:
        path = folder / "langid" / f"lingua-{name.replace(' ', '-')}.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                found[code(row["lang"])].append(row["text"])
    chosen = []
    for language, texts in sorted(found.items()):
        step = max(-(-len(texts) // each), 1) if each else 1
        chosen += [Example(text, language) for text in texts[::step]]
    return chosen


def winnow(script_check: bool) -> Tool:
    options = LanguageOptions(script_check=script_check)
    measure = STAGE.open(options)
    languages = frozenset(label.language for label in understood(FastText(model_path(options)).labels))

    def answer(texts: Sequence[str]) -> list[str]:
        batch = Batch(pa.table({"text": pa.array(texts, pa.large_string())}))
        found: list[str] = measure(batch)[0].to_pylist()
        return found

    return Tool(languages, answer)


def package() -> Tool:
    import fasttext

    model = fasttext.load_model(model_path(LanguageOptions()))
    names = FastText(model_path(LanguageOptions())).labels
    codes = {f"__label__{name}": label.language for name, label in zip(names, understood(names), strict=True)}

    def answer(texts: Sequence[str]) -> list[str]:
        asked = (model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict") for text in texts)
        return [codes[found[0][1]] if found else "" for found in asked]

    return Tool(frozenset(codes.values()), answer)


def lingua() -> Tool:
    peer = importlib.import_module("lingua")
    detector = peer.LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()
    codes = {one: code(one.iso_code_639_1.name.lower()) for one in peer.Language.all()}

    def answer(texts: Sequence[str]) -> list[str]:
        return [codes.get(detector.detect_language_of(text), "") for text in texts]

    return Tool(frozenset(codes.values()), answer)


def py3langid() -> Tool:
    peer = importlib.import_module("py3langid")
    codes = {name: code(name) for name, _ in peer.rank("any text")}

    def answer(texts: Sequence[str]) -> list[str]:
        return [codes[peer.classify(text)[0]] for text in texts]

    return Tool(frozenset(codes.values()), answer)


TOOLS: dict[str, Callable[[], Tool]] = {
    "winnow": lambda: winnow(script_check=True),
    "winnow, no script check": lambda: winnow(script_check=False),
    "fasttext package": package,
    "lingua": lingua,
    "py3langid": py3langid,
}


def f1(examples: Sequence[Example], answers: Sequence[str]) -> dict[str, float]:
    """F1 of each language of the examples."""
    right: Counter[str] = Counter()
    said = Counter(answers)
    total = Counter(example.language for example in examples)
    for example, answer in zip(examples, answers, strict=True):
        right[example.language] += answer == example.language
    return {language: 2 * right[language] / (total[language] + said[language]) for language in total}


def accuracy(examples: Sequence[Example], answers: Sequence[str]) -> float:
    return float(np.mean([answer == one.language for one, answer in zip(examples, answers, strict=True)]))


def compare(name: str, examples: list[Example], tools: dict[str, Tool], rows: list[list[str]]) -> None:
    """Prints a set's table; `rows` gets each language's F1 by tool."""
    languages = {example.language for example in examples}
    common = languages.intersection(*(tool.languages for tool in tools.values()))
    some = [at for at, example in enumerate(examples) if example.language in common]
    texts = [example.text for example in examples]
    print(
        f"\n{name}: {len(some):,} texts in the {len(common)} languages that all know, "
        f"{len(texts):,} in all {len(languages)}\n"
    )
    print("| | languages known | accuracy | macro F1 | accuracy, all | macro F1, all | µs a text |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    by_language: dict[str, dict[str, float]] = {}
    for tool_name, tool in tools.items():
        tool.answer(texts[:1])
        started = time.process_time()
        answers = tool.answer(texts)
        spent = (time.process_time() - started) / len(texts) * 1e6
        by_language[tool_name] = f1(examples, answers)
        known, said = [examples[at] for at in some], [answers[at] for at in some]
        figures = (
            accuracy(known, said),
            np.mean(list(f1(known, said).values())),
            accuracy(examples, answers),
            np.mean(list(by_language[tool_name].values())),
        )
        print(
            f"| {tool_name} | {len(languages & tool.languages)} | "
            + " | ".join(f"{figure:.3f}" for figure in figures)
            + f" | {spent:,.0f} |"
        )
    count = Counter(example.language for example in examples)
    for language in sorted(languages):
        figures_of = (f"{found[language]:.4f}" for found in by_language.values())
        rows.append(
            [name, language, str(count[language]), "yes" if language in common else "no", *figures_of]
        )


def by_score(examples: Sequence[Example], known: frozenset[str]) -> None:
    """Prints precision and what is left at each threshold of `language_score`, by letters of the text."""
    batch = Batch(pa.table({"text": pa.array([one.text for one in examples], pa.large_string())}))
    found = dict(zip(STAGE.adds.names, STAGE.open(LanguageOptions())(batch), strict=True))
    right = np.array(found["language"].to_pylist()) == np.array([one.language for one in examples])
    score, letters = np.array(found["language_score"]), np.array(found["language_letters"])
    has_label = np.array([one.language in known for one in examples])
    for said, some in (("languages that it has a label for", has_label), ("all", np.ones_like(has_label))):
        print(f"\nprecision / share of the texts that reach a score, all sets, {said}\n")
        print("| letters | texts | " + " | ".join(f"≥ {least:g}" for least in SCORES) + " |")
        print("| --- " * (2 + len(SCORES)) + "|")
        for least, most in zip(LETTERS, (*LETTERS[1:], 1 << 40), strict=True):
            here = some & (letters >= least) & (letters < most)
            cells = []
            for threshold in SCORES:
                reach = here & (score >= threshold)
                share = reach.sum() / max(here.sum(), 1)
                cells.append(f"{right[reach].mean():.3f} / {share:.2f}" if reach.any() else "–")
            span = f"{least}–{most - 1}" if most < 1 << 40 else f"{least} or more"
            print(f"| {span} | {here.sum():,} | " + " | ".join(cells) + " |")


def relatives(examples: Sequence[Example], tool: Tool) -> None:
    """Prints which languages are taken for which, the most frequent first."""
    answers = tool.answer([example.text for example in examples])
    total = Counter(example.language for example in examples)
    pairs = Counter(
        (one.language, answer)
        for one, answer in zip(examples, answers, strict=True)
        if answer != one.language
    )
    print("\nsentences: taken for another language, share of its texts\n")
    print("| language | taken for | share |\n| --- | --- | --- |")
    shares = {pair: count / total[pair[0]] for pair, count in pairs.items()}
    for (language, answer), share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:RELATIVES]:
        unknown = "" if language in tool.languages else ", not among its labels"
        print(f"| {language}{unknown} | {answer} | {share:.1%} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--each", type=int, default=120, help="texts of a language at most; 0: all")
    parser.add_argument("--csv", type=Path, help="writes each language's F1 to this file")
    parser.add_argument("--tables", default="sets,scores,relatives", help="which ones, by a comma")
    arguments = parser.parse_args()
    wanted = arguments.tables.split(",")
    sets = {name: texts_of(arguments.data, name, arguments.each) for name in SETS}
    tools: dict[str, Tool] = {}
    rows: list[list[str]] = []
    if "sets" in wanted:
        for name, make in TOOLS.items():
            try:
                tools[name] = make()
            except ImportError as fault:
                print(f"{name} is left out: {fault}", file=sys.stderr)
        for name, examples in sets.items():
            compare(name, examples, tools, rows)
    if "scores" in wanted:
        everything = [example for examples in sets.values() for example in examples]
        by_score(everything, winnow(script_check=True).languages)
    if "relatives" in wanted:
        relatives(sets["sentences"], winnow(script_check=True))
    if arguments.csv:
        with open(arguments.csv, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["set", "language", "texts", "all know it", *tools])
            writer.writerows(rows)


if __name__ == "__main__":
    main()
