"""The text filters beside datatrove's: Gopher quality and repetition, C4, FineWeb, on real pages.

    python benchmarks/filters.py [--data FOLDER] [--documents 300] [--rounds 3]

Texts are the C4 and FineWeb samples and the main text of labelled pages, from the folder of real
data. Both sides judge the same texts in the same process; times are CPU times of this process,
medians over rounds in which both have a turn. A filter alone pays for cutting its words and lines;
in the chain, winnow cuts once, measures every text for every filter and applies all rules, while
datatrove drops a text at the first filter that fails it and keeps the words of the last texts.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.rules import Rules
from pipeline.stage import Options, Rule, Stage

DEFAULT_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
SAMPLES = ("c4-en-sample.json.gz", "fineweb-sample.jsonl.gz")
PAGES = ("wcxb-dev", "trafilatura-eval")
LONGEST = 100_000  # characters; some of datatrove's steps take quadratic time
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Contest:
    """One filter on both sides, set to the same thresholds; `options` are winnow's.

    judge      datatrove's: the reason why it drops a text, None where it keeps it
    """

    stage: Stage
    options: Options
    rules: tuple[Rule, ...]
    judge: Callable[[str], str | None]


def texts_of(folder: Path, count: int) -> list[str]:
    """`count` texts, drawn evenly from the samples and the pages, in an order that is always the same."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    def samples() -> Iterator[str]:
        for name in SAMPLES:
            with gzip.open(folder / "jsonl" / name, "rt") as lines:
                for line in lines:
                    yield json.loads(line)["text"]

    def pages(name: str) -> Iterator[str]:
        with tarfile.open(folder / "html_gold" / name / "html.tar.xz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    raw = file.read()
                    html = bytes_to_str(raw, detect_encoding(raw) or "utf-8")
                    yield extract_plain_text(html, main_content=True)

    found: list[str] = []
    for texts in (samples(), *(pages(name) for name in PAGES)):
        found += islice((text for text in texts if text and len(text) <= LONGEST), count)
    random.Random(0).shuffle(found)
    return found[:count]


def contests() -> list[Contest]:
    """The four filters in the order of FineWeb's pipeline, C4's as FineWeb sets it."""
    from datatrove.data import Document
    from datatrove.pipeline import filters as peer

    from filters import c4, fineweb, gopher, gopher_repetition

    def judge(judging: Any) -> Callable[[str], str | None]:
        def reason(text: str) -> str | None:
            verdict = judging.filter(Document(text=text, id=""))
            return None if verdict is True else verdict[1]

        return reason

    none = Options()
    c4_options = c4.Options(end_mark=False, min_words_per_line=3)
    c4_rules = (Rule("c4_sentences", "c4_sentences < 5"), *c4.RULES[1:])
    fineweb_rules = (*fineweb.RULES, Rule("fineweb_list", "fineweb_line_breaks_per_word > 0.3"))
    peers = {
        "gopher_repetition": peer.GopherRepetitionFilter(),
        "gopher": peer.GopherQualityFilter(),
        "c4": peer.C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": peer.FineWebQualityFilter(char_duplicates_ratio=0.1),
    }
    return [
        Contest(stage, options, rules, judge(peers[stage.name]))
        for stage, options, rules in (
            (gopher_repetition.STAGE, none, gopher_repetition.RULES),
            (gopher.STAGE, none, gopher.RULES),
            (c4.STAGE, c4_options, c4_rules),
            (fineweb.STAGE, none, fineweb_rules),
        )
    ]


class Ours:
    """What a worker holds: opened stages and prepared rules, for batch after batch."""

    def __init__(self, chosen: list[Contest]) -> None:
        self.stages = [contest.stage for contest in chosen]
        self.measures = [contest.stage.open(contest.options) for contest in chosen]
        self.rules = [rule for contest in chosen for rule in contest.rules]
        self.judging = Rules(self.rules)

    def __call__(self, table: pa.Table) -> list[list[str]]:
        """The names of the rules that drop each text."""
        dropped: list[list[str]] = [[] for _ in range(table.num_rows)]
        for start in range(0, table.num_rows, BATCH_ROWS):
            batch = Batch(table.slice(start, BATCH_ROWS))
            for stage, measure in zip(self.stages, self.measures, strict=True):
                batch.append(list(stage.adds), list(measure(batch)))
            for rule, failing in zip(self.rules, self.judging.failing(batch.table), strict=True):
                for at in np.flatnonzero(failing.to_numpy(zero_copy_only=False)):
                    dropped[start + at].append(rule.name)
        return dropped


def theirs(chosen: list[Contest], texts: list[str]) -> list[str | None]:
    """Why each text is dropped, None where it is kept; the first filter that drops it decides."""
    from datatrove.utils.text import split_into_parts

    split_into_parts.cache_clear()
    return [next(filter(None, (contest.judge(text) for contest in chosen)), None) for text in texts]


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def compare(chosen: list[Contest], texts: list[str], rounds: int) -> str:
    """One line of the table: both sides' speed, how often their verdicts are equal, and why not."""
    table = pa.table({"text": pa.array(texts, pa.large_string())})
    ours = Ours(chosen)
    mine, peer = ours(table), theirs(chosen, texts)
    here, there = [], []
    for _ in range(rounds):
        here.append(statistics.median(cpu(lambda: ours(table)) for _ in range(3)))
        there.append(cpu(lambda: theirs(chosen, texts)))
    our_time, their_time = statistics.median(here), statistics.median(there)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    equal = sum(bool(a) == bool(b) for a, b in zip(mine, peer, strict=True)) / len(texts)
    name = chosen[0].stage.name if len(chosen) == 1 else "chain of the four"
    lines = [
        f"{name:18} {len(texts) / our_time:9,.0f} {megabytes / our_time:7.1f} "
        f"{len(texts) / their_time:11,.1f} {megabytes / their_time:7.2f} {their_time / our_time:8.0f}x"
        f" {equal:11.2%}"
    ]
    causes = Counter(
        f"datatrove only: {why}" if why else f"winnow only: {' '.join(rules)}"
        for rules, why in zip(mine, peer, strict=True)
        if bool(rules) != bool(why)
    )
    lines += [f"    {count:4}  {cause}" for cause, count in causes.most_common(4)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("WINNOW_REAL_DATA", DEFAULT_DATA))
    parser.add_argument(
        "--data", type=Path, default=data, help="folder of real data (default: WINNOW_REAL_DATA)"
    )
    parser.add_argument("--documents", type=int, default=300, help="texts to judge (default: 300)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take the median of (default: 3)")
    arguments = parser.parse_args()
    # This file is called like the package that it measures: its own folder must not come first.
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent.resolve()]
    if not (arguments.data / "jsonl").is_dir():
        parser.error(f"{arguments.data}: no folder jsonl/ in it; give --data or WINNOW_REAL_DATA")
    texts = texts_of(arguments.data, arguments.documents)
    chosen = contests()
    # Both sides compile, load and warm up on a few texts.
    warm = cpu(lambda: Ours(chosen)(pa.table({"text": pa.array(texts[:8], pa.large_string())})))
    theirs(chosen, texts[:8])
    characters = sum(map(len, texts))
    print(
        f"{len(texts)} texts, {characters / len(texts):,.0f} characters each; first batch {warm:.1f} s of CPU"
    )
    print(f"{'':18} {'winnow':>17} {'datatrove':>19}")
    print(
        f"{'':18} {'texts/s':>9} {'MB/s':>7} {'texts/s':>11} {'MB/s':>7} {'faster':>9} {'same verdict':>12}"
    )
    for contest in chosen:
        print(compare([contest], texts, arguments.rounds), flush=True)
    print(compare(chosen, texts, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
