"""Verdicts beside datatrove's on real texts.

Where they differ is known: spaCy, which datatrove cuts words with, has lists of abbreviations and
contractions and keeps code together; datatrove counts white space at the end of a line, lines of
nothing but white space, and a line of 30 characters as short. Texts in scripts without spaces are
left out: spaCy's English rules leave whole sentences of them in one piece.
"""

import gzip
import json
import tarfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from filters import c4, fineweb, gopher, gopher_repetition
from pipeline.stage import Rule

AGREEMENT = 0.98
LONGEST = 6_000  # characters: datatrove cuts some 200,000 a second


@pytest.fixture(scope="module")
def texts(real_data: Path) -> list[str]:
    """Pages from C4 and FineWeb and the main text of hand-labelled pages, none of them empty."""
    found: list[str] = []
    for name in ("c4-en-sample.json.gz", "fineweb-sample.jsonl.gz"):
        with gzip.open(real_data / "jsonl" / name, "rt") as lines:
            found += islice((json.loads(line)["text"] for line in lines), 250)
    for name in ("wcxb-dev", "trafilatura-eval"):
        with tarfile.open(real_data / "html_gold" / name / "html.tar.xz") as pages:
            for member in islice(filter(tarfile.TarInfo.isfile, pages), 150):
                file = pages.extractfile(member)
                assert file is not None
                raw = file.read()
                html = bytes_to_str(raw, detect_encoding(raw) or "utf-8")
                found.append(extract_plain_text(html, main_content=True))
    return [text for text in found if text and len(text) <= LONGEST and not is_unspaced(text)]


def is_unspaced(text: str) -> bool:
    return sum("\u3041" <= char <= "\u9fff" for char in text) > len(text) / 100


def theirs(name: str, **options: Any) -> Callable[[str], bool]:
    """Does datatrove's filter drop a text?"""
    pytest.importorskip("spacy")
    data = pytest.importorskip("datatrove.data")
    filters = pytest.importorskip("datatrove.pipeline.filters")
    judge = getattr(filters, name)(**options)
    return lambda text: judge.filter(data.Document(text=text, id="")) is not True


FOLLOWING_THE_CODE = (*fineweb.RULES, Rule("fineweb_list", "fineweb_line_breaks_per_word > 0.3"))


@pytest.mark.parametrize(
    ("step", "options", "rules", "name", "their_options"),
    [
        (gopher, {}, gopher.RULES, "GopherQualityFilter", {}),
        (gopher_repetition, {}, gopher_repetition.RULES, "GopherRepetitionFilter", {}),
        (c4, {}, c4.RULES, "C4QualityFilter", {"min_num_sentences": 3, "min_words_per_line": 5}),
        (
            c4,
            {"end_mark": False, "min_words_per_line": 3},
            (Rule("c4_sentences", "c4_sentences < 5"), *c4.RULES[1:]),
            "C4QualityFilter",
            {"filter_no_terminal_punct": False},
        ),
        (fineweb, {}, FOLLOWING_THE_CODE, "FineWebQualityFilter", {"char_duplicates_ratio": 0.1}),
    ],
    ids=["gopher", "gopher_repetition", "c4", "c4_in_fineweb", "fineweb"],
)
def test_verdicts(
    texts: list[str],
    measured: Any,
    dropped: Any,
    step: Any,
    options: dict[str, Any],
    rules: tuple[Rule, ...],
    name: str,
    their_options: dict[str, Any],
) -> None:
    rows = measured(step.STAGE, *texts, options=step.STAGE.options(**options))
    ours = [bool(names) for names in dropped(step.STAGE, rows, rules)]
    judge = theirs(name, **their_options)
    peer = [judge(text) for text in texts]
    equal = [mine == other for mine, other in zip(ours, peer, strict=True)]
    assert len(texts) > 400
    assert 0.02 < sum(peer) / len(peer) < 0.98, "a sample on which agreement says nothing"
    assert sum(equal) / len(equal) >= AGREEMENT, [
        text[:60] for text, same in zip(texts, equal, strict=True) if not same
    ]
