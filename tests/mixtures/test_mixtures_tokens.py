"""The token counter: the estimate, a Hugging Face tokenizer and a tiktoken file."""

import base64
import hashlib
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from mixtures import tokens
from mixtures.tokens import STAGE, TokensOptions, describe, fingerprint
from pipeline.batch import Batch
from pipeline.errors import PlanError
from text.strings import Strings
from text.tokens import count_tokens

MERGES = ["th", "the", " t", " th", " the", "in", "ing", "  ", "    ", "\n\n", "ab", "abab", ", "]
TEXTS = ["", "the cat in the hat", "sing   the\n\nsong 12345", "the <|end|>", "漢字 é", "\n", "abababab"]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiktoken file of the 256 bytes and a dozen merges."""
    known = [bytes([value]) for value in range(256)] + [merge.encode() for merge in MERGES]
    lines = [base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(known)]
    path = tmp_path_factory.mktemp("ranks") / "tokenizer.model"
    path.write_bytes(b"".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A byte-level tokenizer.json that asks for padding, truncation and a special token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the cat in the hat is singing the song"] * 5, trainer)
    tokenizer.enable_padding(length=50)
    tokenizer.enable_truncation(3)
    path = tmp_path_factory.mktemp("hf") / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def count(options: TokensOptions, texts: list[str | None]) -> list[int]:
    table = pa.table({"text": pa.array(texts, pa.string())})
    counted, sizes = STAGE.open(options)(Batch(table))
    assert sizes.to_pylist() == [len((one or "").encode()) for one in texts]
    assert [counted.type, sizes.type] == [field.type for field in STAGE.adds]
    values: list[int] = counted.to_pylist()
    return values


def test_estimate() -> None:
    assert count(TokensOptions(), []) == []
    assert count(TokensOptions(), ["", None]) == [0, 0]
    assert count(TokensOptions(), [*TEXTS]) == count_tokens(Strings.of(pa.array(TEXTS))).tolist()


def test_tiktoken_file(ranks: str) -> None:
    options = TokensOptions(tokenizer=ranks)
    assert count(options, []) == []
    expected = {"": 0, "the": 1, " the": 1, "the the": 2, "the\n\nthe": 3, "12345": 5, "漢": 3}
    assert count(options, [*expected, None]) == [*expected.values(), 0]


def test_pattern(ranks: str) -> None:
    assert count(TokensOptions(tokenizer=ranks), ["ab, ab"]) == [4]
    assert count(TokensOptions(tokenizer=ranks, pattern=r"ab|, |."), ["ab, ab"]) == [3]
    with pytest.raises(PlanError, match=r"pattern '\(' is no regular expression"):
        describe(TokensOptions(tokenizer=ranks, pattern="("))


def test_hugging_face_file(hugging_face: str) -> None:
    options = TokensOptions(tokenizer=hugging_face)
    assert count(options, []) == []
    plain = Tokenizer.from_file(hugging_face)
    plain.no_padding()
    plain.no_truncation()
    plain.encode_special_tokens = True
    expected = [len(plain.encode(one, add_special_tokens=False).ids) for one in TEXTS]
    assert count(options, [*TEXTS, None]) == [*expected, 0]
    assert expected[0] == 0 and expected[3] > 7, "a special token in plain text is text"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="thabing ,.\n1é", max_size=200))
def test_long_texts_are_cut_where_the_split_cuts_them(ranks: str, one: str) -> None:
    whole = count(TokensOptions(tokenizer=ranks), [one])
    longest = tokens.LONGEST
    tokens.LONGEST = 40
    try:
        pieces = tokens._pieces(one)
        assert "".join(pieces) == one
        assert max(map(len, pieces)) <= 40
        inside_a_run = any(
            not (a[-1] == "\n" and not b[0].isspace()) and not (not a[-1].isspace() and b[0] == " ")
            for a, b in pairwise(pieces)
        )
        if not inside_a_run:
            assert count(TokensOptions(tokenizer=ranks), [one]) == whole
    finally:
        tokens.LONGEST = longest


def test_runs_without_end(ranks: str) -> None:
    """tiktoken alone overflows its stack on a million spaces."""
    texts: list[str | None] = [" " * 1_000_000, "a" * 200_000, "ab" * 100_000, "\n" * 200_000]
    assert count(TokensOptions(tokenizer=ranks), texts) == [250_000, 200_000, 50_000, 100_000]


def test_description(ranks: str, hugging_face: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(Path(ranks).read_bytes()).hexdigest()
    assert describe(TokensOptions()) == "winnow's estimate: no tokenizer, calibrated on Llama 3's"
    assert describe(TokensOptions(tokenizer=ranks)) == f"tokenizer.model (tiktoken), sha256 {digest}"
    assert describe(TokensOptions(tokenizer=hugging_face)).startswith(
        "tokenizer.json (Hugging Face), sha256 "
    )
    copy = tmp_path / "copy.model"
    copy.write_bytes(Path(ranks).read_bytes())
    options = TokensOptions(tokenizer=str(copy))
    assert fingerprint(options) == fingerprint(TokensOptions(tokenizer=ranks)), "the place is no part of it"
    assert fingerprint(options) != fingerprint(TokensOptions(tokenizer=str(copy), pattern="."))
    before = fingerprint(options)
    copy.write_bytes(copy.read_bytes() + base64.b64encode(b"song") + b" 9999\n")
    assert fingerprint(options) != before
    assert len(fingerprint(TokensOptions())) == 64


BAD = {
    b"": "256 of the 256 single bytes are missing",
    b"hello world": "line 1 is b'hello world'",
    b"IQ== 0\n": "255 of the 256 single bytes are missing",
    b"IQ== zero\n": "line 1",
    b"IQ== 0 1\n": "line 1",
    b"{}": "not a tokenizer.json",
    b'{"model": {"type": "BPE"': "not a tokenizer.json",
    b"{\xff}": "not a tokenizer.json",
    b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02": "SentencePiece model has to be converted",
    b"".join(base64.b64encode(bytes([i])) + b" 1\n" for i in range(256)): "ranks are repeated",
}


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_a_file_that_is_no_tokenizer(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    options = TokensOptions(tokenizer=str(path))
    for use in (STAGE.open, describe):
        with pytest.raises(PlanError) as fault:
            use(options)
        assert BAD[content] in str(fault.value)
        assert str(path) in str(fault.value) and tokens.ACCEPTED in str(fault.value)


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        for use in (STAGE.open, describe, fingerprint):
            with pytest.raises(PlanError, match=r"cannot be opened.*tokenizer\.json or a tiktoken file"):
                use(TokensOptions(tokenizer=str(path)))
