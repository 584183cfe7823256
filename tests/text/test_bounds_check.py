"""All kernels of text/ and filters/ over nasty texts with every index checked."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import random
import sys

import numba
import pyarrow as pa

from filters import c4, fineweb, gopher, gopher_repetition
from pipeline.batch import Batch
from text.sentences import count_sentences

assert numba.config.BOUNDSCHECK
random.seed(1)
atoms = [
    "", " ", "\\n", "\\r\\n", "\\x85", "\\u2028", "\\u200b", "\\x00", "a", "I", "é", "ı", "\\u0301",
    "你", "ไ", "ก็", "7", "３", ".", "...", "…", "'", "’s", "-", "--", "://", "/", "@", "_", "(", "]",
    "[1]", "[edit]", "[", "{", "#", "•", "👩", "🏽", "\\u200d", "\\U0010ffff", "\\ue000", "\\ufeff", "the",
    "lorem ipsum", "javascript", "use cookies", "z" * 1001,
]
texts = ["", *atoms, *("".join(random.choices(atoms, k=random.randint(1, 40))) for _ in range(400))]
texts += ["a b c d e f g h i j k l " * 300, "\\n" * 300, "(" * 300, "你" * 300]
whole = pa.array(texts)
for array in (whole, whole.slice(3), whole.slice(7, 1), whole.slice(0, 0), pa.array([None, "x", None])):
    batch = Batch(pa.table({"text": array}))
    for step in (gopher, gopher_repetition, c4, fineweb):
        step.STAGE.open(step.STAGE.options())(batch)
    count_sentences(batch.words)
    batch.words.folded_words()
sys.stdout.write("checked")
"""


def test_no_kernel_reads_outside() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=environment | {"NUMBA_BOUNDSCHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "checked"
