"""Classifiers on texts that people have labelled: winnow's own, trained here, beside packaged models.

    python benchmarks/classifiers.py [--data FOLDER] [--sets tweets,comments,…] [--folds 5]
                                     [--static TABLE] [--model NAME] [--only fasttext,…]

Each set is cross-validated: every text is answered by a model that has seen neither it, nor another of its
group (tweets to one user, URLs of one site), nor a near copy. A packaged model has been trained by others,
and answers all texts; where it was trained on the very set, the table says `seen`. Of yes and no the area
under the ROC curve is told, of genres the macro F1, both with the 95% interval of a bootstrap over groups.

  fasttext, fasttext chars     `winnow train`: words and pairs of words; with 3 to 6 characters besides
  head, head over MODEL        `winnow train --kind embedding`: over a static table, or over a model
  tf-idf                       scikit-learn: logistic regression over TF-IDF of words and pairs
  alt-profanity-check          its `predict_prob`, the same as winnow's `toxicity_score`
  toxicity_max                 winnow's stage `toxicity`: the most toxic window of 30 words
  dirty words                  winnow's stage `dirty_words`: their share
  better-profanity             contains_profanity, where it is installed; up to 4,000 texts, for its time
  gopher, fineweb …            signals of the heuristics as they stand, the better direction of the two
  words in the URL             winnow's stage `blocklist`: how many
"""

# ruff: noqa: E402, what is imported depends on the path

import argparse
import csv
import gzip
import importlib.util
import io
import json
import re
import sys
import tarfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The files beside this one are named like packages that winnow imports.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path or ".").resolve() != HERE)]

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import real_texts
from classifiers import toxicity
from classifiers.training import metrics
from classifiers.training.split import fold, leaked
from classifiers.training.task import Examples, Task
from classifiers.training.train import cross_validate
from filters import blocklist, dirty_words, fineweb, gopher, gopher_repetition
from pipeline.batch import Batch
from pipeline.stage import Options, Stage

CHARS = {"min_chars": 3, "max_chars": 6, "buckets": 500_000}
SLOW = 4000  # texts, beyond which a package that answers ten a second is left out
USER = re.compile(r"@(\w+)")
SCHEME = re.compile(r"^[a-z]+://(www\.)?|^www\.")
SEEN = "alt-profanity-check", "toxicity_max"

Scores = NDArray[np.float64]
Scorer = Callable[["Set"], Scores]


@dataclass(frozen=True)
class Set:
    """n labelled texts.

    labels    yes or no ("1", "0") where `positive` is "1", else genres
    groups    [n], texts that have to be on one side
    seen      packaged models that were trained on it
    """

    name: str
    about: str
    texts: list[str]
    labels: list[str]
    groups: list[str]
    positive: str | None = "1"
    column: str = "text"
    seen: tuple[str, ...] = ()
    signals: tuple[str, ...] = field(default=())

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.labels)))

    @property
    def truth(self) -> NDArray[np.int64]:
        return np.array([self.classes.index(label) for label in self.labels], np.int64)


def davidson(folder: Path) -> list[tuple[str, int]]:
    """Tweets: hate (0), offensive (1) or neither (2)."""
    with gzip.open(folder / "labels" / "davidson-hate-offensive.csv.gz", "rt", encoding="utf-8") as file:
        return [(row["tweet"], int(row["class"])) for row in csv.DictReader(file)]


def tweets(folder: Path, positive: Sequence[int], name: str, about: str) -> Set:
    rows = davidson(folder)
    mentioned = [USER.search(text) for text, _ in rows]
    groups = [found[1].lower() if found else f"row {at}" for at, found in enumerate(mentioned)]
    labels = [str(int(label in positive)) for _, label in rows]
    return Set(name, about, [text for text, _ in rows], labels, groups, seen=SEEN)


def comments(folder: Path) -> Set:
    with open(folder / "labels" / "surge-toxicity_en.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [str(int(row["is_toxic"] == "Toxic")) for row in rows]
    return Set(
        "comments", "toxic", [row["text"] for row in rows], labels, [str(at) for at in range(len(rows))]
    )


def profanities(folder: Path) -> Set:
    """Profanities as people write them, and as many words of two letters or more of a sample of C4."""
    with open(folder / "labels" / "surge-profanity_en.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rude = [row["text"] for row in rows]
    roots = [row["canonical_form_1"] for row in rows]
    with gzip.open(folder / "jsonl" / "c4-en-sample.json.gz", "rt", encoding="utf-8") as lines:
        found = (re.findall(r"\b[a-z]{2,}\b", json.loads(line)["text"]) for line in lines)
        words = sorted({word for each in found for word in each} - set(rude))
    plain = np.random.default_rng(1).choice(words, len(rude), replace=False).tolist()
    labels = ["1"] * len(rude) + ["0"] * len(plain)
    return Set("profanities", "a profanity, of words", rude + plain, labels, roots + plain)


def quality(folder: Path) -> Set:
    with gzip.open(folder / "labels" / "dclm-quality.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    signals = (
        "gopher_words",
        "gopher_stop_words",
        "gopher_words_with_letter",
        "gopher_repetition_top_2_gram",
        "fineweb_line_punctuation",
        "fineweb_short_lines",
        "rules of Gopher and FineWeb",
    )
    groups = [str(at) for at in range(len(rows))]
    labels = [str(row["label"]) for row in rows]
    return Set("quality", "a good page", [row["text"] for row in rows], labels, groups, signals=signals)


def genres(folder: Path, language: str) -> Set:
    """Web pages with one register: narrative, informational …, those of ten pages or more."""
    file = folder / "labels" / f"{language}CORE-dev.tsv.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t", 1) for line in lines]
    many = {label for label, _ in rows if " " not in label and sum(label == other for other, _ in rows) >= 10}
    kept = [(label, text) for label, text in rows if label in many]
    labels, texts = [label for label, _ in kept], [text for _, text in kept]
    about = f"genre, one of {len(many)}, {'Swedish' if language == 'Swe' else 'French'}"
    return Set(f"{language}CORE", about, texts, labels, [str(at) for at in range(len(kept))], positive=None)


def listed(folder: Path, name: str) -> list[str]:
    with tarfile.open(folder / "labels" / "ut1-part.tar.gz") as archive:
        member = next(each for each in archive.getmembers() if each.name.endswith(name))
        file = archive.extractfile(member)
        assert file is not None
        return list(dict.fromkeys(io.TextIOWrapper(file, "utf-8").read().split()))


def domains(folder: Path) -> Set:
    """Names of sites alone: for dating and adult, beside newspapers and libraries; UT1."""
    rude = [*listed(folder, "dating/domains"), *listed(folder, "mixed_adult/domains")]
    plain = [*listed(folder, "press/domains"), *listed(folder, "liste_bu/domains")]
    other = set(plain)
    rude = [name for name in dict.fromkeys(rude) if name not in other]
    plain = list(dict.fromkeys(plain))
    labels = ["1"] * len(rude) + ["0"] * len(plain)
    return Set("domains", "a dating or adult site, of its name", rude + plain, labels, *_sites(rude + plain))


def urls(folder: Path) -> Set:
    """Addresses of adult pages of UT1, beside those of the samples of C4, FineWeb and others."""
    rude = listed(folder, "adult/urls")
    plain = [SCHEME.sub("", text.url) for text in real_texts.jsonl(folder) if text.url]
    plain = [url for url in dict.fromkeys(plain) if url not in set(rude)]
    labels = ["1"] * len(rude) + ["0"] * len(plain)
    return Set("urls", "an adult page, of its URL", rude + plain, labels, *_sites(rude + plain))


def _sites(names: Sequence[str]) -> tuple[list[str], str | None, str]:
    from text.hosts import hosts, registered_domains
    from text.strings import Strings

    found = registered_domains(hosts(Strings.of(pa.array([f"http://{name}" for name in names]))).names)
    sites = [site or name for site, name in zip(found.to_pylist(), names, strict=True)]
    return sites, "1", "url"


SETS: dict[str, Callable[[Path], Set]] = {
    "tweets": lambda folder: tweets(folder, (0, 1), "tweets", "hateful or offensive"),
    "hate": lambda folder: tweets(folder, (0,), "tweets", "hateful, not offensive alone"),
    "comments": comments,
    "profanities": profanities,
    "quality": quality,
    "swedish": lambda folder: genres(folder, "Swe"),
    "french": lambda folder: genres(folder, "Fre"),
    "domains": domains,
    "urls": urls,
}


def examples(data: Set) -> tuple[Examples, Task]:
    truth = data.truth
    texts = pa.array(data.texts, pa.large_string())
    if data.column == "url":  # names and paths as words
        texts = pa.array([re.sub(r"[^\w]+", " ", text) for text in data.texts], pa.large_string())
    targets = truth.astype(np.float64) if data.positive else np.full(len(truth), np.nan)
    score: Any = "probability" if data.positive else "top"
    task = Task("benchmark", data.classes, score, data.positive, lowercase=True)
    return Examples(texts, truth, targets, np.ones(len(truth))), task


def trained(kind: str, options: dict[str, Any], folds: int) -> Callable[[Set], Scores]:
    """By `winnow train`'s own cross-validation: probabilities, [n, labels]."""

    def score(data: Set) -> Scores:
        given, task = examples(data)
        found = cross_validate(given, pa.array(data.groups), task, kind, options, folds)
        return np.nan_to_num(found.astype(np.float64))

    return score


def tf_idf(folds: int) -> Callable[[Set], Scores]:
    """Scikit-learn's, on the same folds, without the same near copies; of URLs over characters."""

    def score(data: Set) -> Scores:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        given, task = examples(data)
        texts, truth = np.array(given.texts.to_pylist(), object), given.labels
        at = fold(pa.array(data.groups), folds, task.seed)
        out: Scores = np.zeros((len(texts), len(task.labels)))
        short = data.column == "url" or data.name == "profanities"
        for number in range(folds):
            mine = at == number
            rest = ~mine & ~leaked(given.texts, mine.astype(np.int8))
            cut: Any = {"analyzer": "char_wb", "ngram_range": (3, 6)} if short else {"ngram_range": (1, 2)}
            model = make_pipeline(
                TfidfVectorizer(**cut, min_df=2, sublinear_tf=True),
                LogisticRegression(C=10, max_iter=1000, class_weight="balanced"),
            )
            model.fit(texts[rest], truth[rest])
            out[np.ix_(mine, model.classes_)] = model.predict_proba(texts[mine])
        return out

    return score


def profanity_check(data: Set) -> Scores:
    import profanity_check as package

    found: Scores = package.predict_prob(data.texts)
    return found


def better_profanity(data: Set) -> Scores:
    from better_profanity import profanity  # type: ignore[import-not-found,unused-ignore]

    profanity.load_censor_words()
    found: Scores = np.array([profanity.contains_profanity(text) for text in data.texts], np.float64)
    return found


def measured(stage: Stage, options: Options, name: str) -> Callable[[Set], Scores]:
    """A column of a stage."""

    def score(data: Set) -> Scores:
        texts = pa.array([f"http://{text}" if data.column == "url" else text for text in data.texts])
        batch = Batch(pa.table({data.column: texts, "language": ["en"] * len(texts)}))
        batch.append(list(stage.adds), list(stage.open(options)(batch)))
        columns = [batch.column(each).to_numpy().astype(np.float64) for each in name.split("+")]
        found: Scores = np.sum(columns, axis=0)
        return found

    return score


def rules_failed(data: Set) -> Scores:
    """How many published rules of Gopher and FineWeb a page fails, less is better."""
    from pipeline.rules import Rules

    count = np.zeros(len(data.texts))
    for stage in (gopher.STAGE, gopher_repetition.STAGE, fineweb.STAGE):
        batch = Batch(pa.table({"text": pa.array(data.texts, pa.large_string())}))
        batch.append(list(stage.adds), list(stage.open(stage.options())(batch)))
        for mask in Rules(stage.rules).failing(batch.table):
            count += mask.to_numpy(zero_copy_only=False)
    return -count


def heuristics(names: Sequence[str]) -> Iterator[tuple[str, Callable[[Set], Scores]]]:
    for name in names:
        if name.startswith("rules"):
            yield name, rules_failed
            continue
        stage = next(
            each for each in (gopher_repetition.STAGE, gopher.STAGE, fineweb.STAGE) if name in each.adds.names
        )
        yield name, measured(stage, stage.options(), name)


def peers(data: Set, arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[Set], Scores]]]:
    """What is asked of this set."""
    folds = arguments.folds
    yield "fasttext", trained("fasttext", {}, folds)
    yield "fasttext chars", trained("fasttext", {**CHARS, "word_ngrams": 1}, folds)
    if data.column == "text" and data.name != "profanities":
        if arguments.static:
            yield "head", trained("embedding", {"embed": {"static": arguments.static}}, folds)
        if arguments.model:
            options = {"embed": {"model": arguments.model}, "vectors": arguments.vectors}
            yield f"head over {Path(arguments.model).name}", trained("embedding", options, folds)
    yield "tf-idf", tf_idf(folds)
    if data.name in ("tweets", "comments", "profanities"):
        yield "alt-profanity-check", profanity_check
        of_any = toxicity.ToxicityOptions(language=toxicity.ANY)
        yield "toxicity_max", measured(toxicity.STAGE, of_any, "toxicity_max")
        yield "dirty words", measured(dirty_words.STAGE, dirty_words.Options(), "dirty_words_share")
        if importlib.util.find_spec("better_profanity") and len(data.texts) <= SLOW:
            yield "better-profanity", better_profanity
    if data.column == "url":
        names = "blocklist_subwords+blocklist_hard_words+blocklist_soft_words"
        yield "words in the URL", measured(blocklist.STAGE, blocklist.Options(lists=()), names)
    yield from heuristics(data.signals)


def told(data: Set, found: Scores, signal: bool) -> str:
    """The figure of one scorer: AUC, or macro F1, and its interval."""
    truth = data.truth
    if data.positive is None:
        best = found.argmax(axis=1)
        count = len(data.classes)

        def macro(weights: Scores) -> float:
            right = np.bincount(truth, weights * (truth == best), count)
            both = np.bincount(truth, weights, count) + np.bincount(best, weights, count)
            return float(np.mean(2 * right[both > 0] / both[both > 0]))

        value = macro(np.ones(len(truth)))
        low, high = metrics.interval(data.groups, macro)
        kind = "macro F1"
    else:
        yes = truth == data.classes.index(data.positive)
        scores = found[:, data.classes.index(data.positive)] if found.ndim == 2 else found
        value = metrics.roc_auc(yes, scores)
        if signal and value < 0.5:
            scores, value = -scores, 1 - value
        low, high = metrics.auc_interval(data.groups, yes, scores)
        kind = "AUC"
    return f"{kind} {value:.3f} ({low:.3f}-{high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real_texts.add_argument(parser)
    parser.add_argument("--sets", default=",".join(SETS), help=f"by a comma, of {', '.join(SETS)}")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--static", default="", help="folder of a static table, for heads")
    parser.add_argument("--model", default="", help="sentence-transformers model, for heads")
    parser.add_argument("--vectors", default=None, help="folder that keeps the vectors of --model")
    parser.add_argument("--only", default="", help="scorers by a comma, as the table names them")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    for name in arguments.sets.split(","):
        if name not in SETS:
            parser.error(f"--sets {name}: expected some of {', '.join(SETS)}")
        data = SETS[name](arguments.data)
        share = "" if data.positive is None else f", {data.labels.count('1') / len(data.labels):.0%} yes"
        groups = len(set(data.groups))
        print(f"{name}: {data.about}; {len(data.texts):,} texts, {groups:,} groups{share}", flush=True)
        only = arguments.only.split(",") if arguments.only else None
        for scorer, score in peers(data, arguments):
            if only and scorer not in only:
                continue
            started = time.process_time()
            figure = told(data, score(data), scorer in data.signals)
            took = time.process_time() - started
            mark = "  seen" if scorer in data.seen else ""
            print(f"  {scorer:32} {figure}  {took:7.1f} s{mark}", flush=True)


if __name__ == "__main__":
    main()
