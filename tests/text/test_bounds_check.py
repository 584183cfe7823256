"""All kernels of text/, filters/ and classifiers/ over nasty texts with every index checked.

The whole suite runs kernels with checks (`tests/conftest.py`); here they meet texts made to break them.
"""

import random
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pytest

from classifiers import line_language
from filters import (
    blocklist,
    c4,
    c4_lines,
    dclm,
    dirty_words,
    encoding,
    encoding_repair,
    fineweb,
    gopher,
    gopher_repetition,
    leftovers,
    mask,
    ngram_coverage,
    ngram_coverage_lines,
    personal_data,
    readability,
    redpajama2,
    refinedweb,
    scripts,
    statistics,
)
from pipeline.batch import Batch
from text.distribution import count_tokens, divergences, token_buckets
from text.hosts import hosts, registered_domains
from text.jit import kernel
from text.sentences import count_sentences
from text.strings import Bytes

ATOMS = (
    *("", " ", "\n", "\r\n", "\x85", "\u2028", "\u200b", "\x00", "a", "I", "é", "ı", "\u0301"),
    *("你", "ไ", "ก็", "7", "３", ".", "...", "…", "'", "’s", "-", "--", "://", "/", "@", "_", "(", "]"),
    *("[1]", "[edit]", "[", "{", "#", "•", "👩", "🏽", "\u200d", "\U0010ffff", "\ue000", "\ufeff", "the"),
    *("lorem ipsum", "javascript", "use cookies", "z" * 1001, "3 likes", "sign-in ", " read more..."),
    *("items in cart", "me@site.org", "+44 20 ", "4111 ", "1-", "12.", "DE89", "RSSMRA85T10A", "魍魉谢谢"),
    *("臺灣", "につい", "ｶﾞ々", "ประเทศ", "อบต", "ເມືອງ", "ក្រុ្ដ", "ကမ္ဘာ့", "ပေါ်", "𠀀"),
    *("-----BEGIN PRIVATE KEY-----", "password=", "2001:", "call ", "eyJ", "ghp_", "131052-", "X1234567"),
)
SIGNS = (
    *("", " ", "\n", "\r\n", "\x85", "\u2028", "\u200b", "\x00", "a", "I", "é", "ı", "\u0301", "你", "ไ"),
    *("7", "...", "…", "'", "-", "://", "@", "(", "]", "[1]", "[", "{", "#", "👩", "\u200d", "\U0010ffff"),
    *("\ue000", "\ufeff", "the", "z" * 101, "Ã©", "â€", "ðŸ", "Р", "С", "џ", "вЂ", "Â ", "\ufffd"),
    *("\\u00e9", "\\u", "u00e9", "=C3", "=", "?", "&amp;", "&#", "&", "<p", ">", "<!-", "<", "{{", "${"),
    *("$", "[[", "'''", "](", "![", "**", "|", "---", "```", "[url=", "[/b]", "\\cite{", "\\", '"k":', '"'),
    *("color:", ":", ";", "ed", "es", "e", "nt", "ments"),
)
LONG = ("a b c d e f g h i j k l " * 300, "\n" * 300, "(" * 300, "你" * 300)


def arrays(atoms: tuple[str, ...], count: int, *more: str) -> list[pa.Array]:
    """Texts put together from the atoms; slices of them, whose offsets do not begin at 0; nulls."""
    rng = random.Random(1)
    texts = ["", *atoms, *("".join(rng.choices(atoms, k=rng.randint(1, 40))) for _ in range(count))]
    whole = pa.array([*texts, *LONG, *more])
    return [whole, whole.slice(3), whole.slice(7, 1), whole.slice(0, 0), pa.array([None, "x", None])]


@kernel
def _beyond(data: Bytes) -> int:
    return int(data[len(data)])


def test_an_index_outside_is_seen() -> None:
    assert numba.config.BOUNDSCHECK
    with pytest.raises(IndexError):
        _beyond(np.zeros(3, np.uint8))


def test_no_kernel_of_a_filter_reads_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "list.txt"
    path.write_text("a\n0.0.0.0 z I\n*.co.uk # the\n@-/x\n[1]\n…\n你://@\n", encoding="utf-8")
    for array in arrays(ATOMS, 400, "你" * 9000, "ก์" * 3000):
        batch = Batch(pa.table({"text": array}))
        for step in (gopher, gopher_repetition, c4_lines, c4, fineweb, refinedweb, dclm):
            step.STAGE.open(step.STAGE.options())(batch)
        loose = ngram_coverage.Options(line_ngram=1, line_words=1, line_coverage=0, within="text")
        for coverage in (ngram_coverage, ngram_coverage_lines):
            coverage.STAGE.open(loose)(batch)
        redpajama2.STAGE.open(redpajama2.STAGE.options())(batch)
        personal_data.measure(batch)
        mask.STAGE.open(mask.MaskOptions())(batch)
        buckets = token_buckets(batch.words, 8)
        rows, counts = np.arange(len(batch)), np.zeros(1 << 8, np.int64)
        count_tokens(batch.words.offsets, buckets, rows, counts)
        bits = -np.log2((counts + 1) / (counts + 1).sum())
        divergences(batch.words.offsets, buckets, rows, bits, np.zeros(1 << 8, np.int32))
        c4_lines.measure(batch, c4_lines.Options(end_mark=False, min_words_per_line=0))
        batch.append([pa.field("url", pa.string())], [array])
        blocklist.STAGE.open(blocklist.Options(lists=(str(path),), domains=("a.co.uk",)))(batch)
        dirty_words.STAGE.open(dirty_words.Options(lists=str(path), language="en"))(batch)
        registered_domains(hosts(batch.strings).names, True)
        count_sentences(batch.words)
        batch.words.folded_words()


def test_no_kernel_of_a_signal_reads_outside() -> None:
    for array in arrays(SIGNS, 1500):
        own = pa.array(["en"] * len(array), pa.string())
        batch = Batch(pa.table({"text": array, "language": own}))
        for step in (statistics, readability, scripts, leftovers, encoding, encoding_repair, line_language):
            step.STAGE.open(step.STAGE.options())(batch)
