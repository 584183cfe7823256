"""Static embeddings: a text's vector is the mean of its tokens' vectors, looked up in a table.

The folder is Model2Vec's (Tulkens and van Dongen 2024): `model.safetensors` with the matrix `embeddings`
(and `weights` and `mapping`, where the vocabulary was reduced), `tokenizer.json`; `winnow distil` adds
`card.json`, which says what model the table comes from. A WordPiece tokenizer, as BERT's, is run by a
kernel, any other by `tokenizers`, some ten times slower.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedding.embed import Embed, Vectors, digest
from pipeline.errors import PlanError
from text import unicode_tables
from text.strings import Offsets, Strings
from text.wordpiece import Ids, WordPieces, means

TABLE, TOKENIZER, CARD = "model.safetensors", "tokenizer.json", "card.json"
TOKENS = 512
_CHARACTERS = 16  # of a text per token that is asked for, at most, where `tokenizers` cuts it

_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I8": np.int8,
}


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file: a header of JSON, its length before it, and the bare numbers.

    PlanError if it is none, or holds a type of number that NumPy does not have.
    """
    data = path.read_bytes()
    try:
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        found = {}
        for name, about in header.items():
            if name != "__metadata__":
                first, last = about["data_offsets"]
                values = np.frombuffer(data[8 + size + first : 8 + size + last], _TYPES[about["dtype"]])
                found[name] = values.reshape(about["shape"])
        return found
    except (ValueError, KeyError, TypeError) as fault:
        raise PlanError(
            f"{path}: no safetensors file of plain numbers ({fault}); make it anew: "
            "winnow distil MODEL FOLDER"
        ) from fault


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays as `read_tensors` reads them."""
    names = {np.dtype(kind): name for name, kind in _TYPES.items()}
    header: dict[str, Any] = {}
    at = 0
    for name, values in tensors.items():
        span = [at, at + values.nbytes]
        header[name] = {"dtype": names[values.dtype], "shape": list(values.shape), "data_offsets": span}
        at = span[1]
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())


class StaticEmbedder:
    """A table of token vectors and its tokenizer."""

    slow = False

    def __init__(self, folder: Path, tokens: int) -> None:
        from tokenizers import Tokenizer

        self._tokens = tokens
        tensors = read_tensors(folder / TABLE)
        if "embeddings" not in tensors or tensors["embeddings"].ndim != 2:
            raise PlanError(
                f"{folder / TABLE}: holds no matrix 'embeddings', but {', '.join(tensors) or 'nothing'}"
            )
        vectors = tensors["embeddings"].astype(np.float32)
        try:
            if "mapping" in tensors:
                vectors = vectors[tensors["mapping"].astype(np.int64)]
            if "weights" in tensors:
                vectors = vectors * tensors["weights"].astype(np.float32)[:, None]
        except (IndexError, ValueError) as fault:
            raise PlanError(
                f"{folder / TABLE}: its mapping or weights are not of its embeddings ({fault}); make it "
                "anew: winnow distil MODEL FOLDER"
            ) from fault
        try:
            text = (folder / TOKENIZER).read_text(encoding="utf-8")
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as fault:  # tokenizers raise no other of a file that is none
            raise PlanError(
                f"{folder / TOKENIZER}: no tokenizer ({fault}); make it anew: winnow distil MODEL FOLDER"
            ) from fault
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # A number may be skipped in a vocabulary, and the kernel looks up what it is given.
        tokens_known = 1 + max(self._tokenizer.get_vocab().values(), default=-1)
        if len(vectors) < tokens_known:
            raise PlanError(
                f"{folder}: {TABLE} has {len(vectors):,} vectors, and {TOKENIZER} "
                f"{tokens_known:,} tokens: they do not belong together"
            )
        if not np.isfinite(vectors).all():
            raise PlanError(
                f"{folder / TABLE}: holds numbers that are not finite; make it anew: "
                "winnow distil MODEL FOLDER"
            )
        self._vectors = np.ascontiguousarray(vectors)
        self._vectors.setflags(write=False)
        self._pieces = _word_pieces(json.loads(text))
        unknown = json.loads(text)["model"].get("unk_token")
        self._unknown = self._tokenizer.token_to_id(unknown) if unknown else None

    def __call__(self, texts: pa.Array) -> Vectors:
        offsets, ids = self._cut(texts)
        return means(offsets, ids, self._vectors)

    def _cut(self, texts: pa.Array) -> tuple[Offsets, Ids]:
        if self._pieces is not None:
            return self._pieces.cut(Strings.of(texts), self._tokens)
        short = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, _CHARACTERS * self._tokens)
        found = self._tokenizer.encode_batch_fast(short.to_pylist(), add_special_tokens=False)
        rows = [[token for token in each.ids if token != self._unknown][: self._tokens] for each in found]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return offsets, np.array([token for row in rows for token in row], np.int32)


def _word_pieces(about: Mapping[str, Any]) -> WordPieces | None:
    """The tokenizer for the kernel; None where it is another than BERT's."""
    model, normalizer, cutter = (
        about["model"],
        about.get("normalizer") or {},
        about.get("pre_tokenizer") or {},
    )
    lowercase = normalizer.get("lowercase", True)
    accents = normalizer.get("strip_accents")
    usual = (
        model.get("type", "WordPiece") == "WordPiece"
        and model.get("max_input_chars_per_word", 100) == 100
        and normalizer.get("type") == "BertNormalizer"
        and normalizer.get("clean_text", True)
        and normalizer.get("handle_chinese_chars", True)
        and (accents is None or accents == lowercase)
        and cutter.get("type") == "BertPreTokenizer"
    )
    if not usual:
        return None
    plain = {name: number for name, number in model["vocab"].items() if name != model.get("unk_token")}
    return WordPieces.of(plain, lowercase, model.get("continuing_subword_prefix", "##"))


def _folder(embed: Embed) -> Path:
    folder = Path(str(embed.static)).expanduser()
    for name in (TABLE, TOKENIZER):
        if not (folder / name).is_file():
            raise PlanError(
                f"embed: static {embed.static!r}: there is no {name}; make the folder by "
                f"'winnow distil MODEL {embed.static}', or name one that Model2Vec wrote"
            )
    return folder


def open_embedder(embed: Embed) -> StaticEmbedder:
    return StaticEmbedder(_folder(embed), (embed.tokens or TOKENS) * embed.windows_seen)


def fingerprint(embed: Embed) -> str:
    return f"{identity(embed)} {unicode_tables.VERSION}"


def identity(embed: Embed) -> str:
    folder = _folder(embed)
    return f"{digest(folder / TABLE)} {digest(folder / TOKENIZER)}"


def describe(embed: Embed) -> list[str]:
    """The table and what it was made from, where it says so."""
    folder = Path(str(embed.static)).expanduser()
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        origin = f", made from {card['model']} ({card['licence']})"
    except (OSError, ValueError, KeyError, TypeError):
        origin = ""
    tokens = (embed.tokens or TOKENS) * embed.windows_seen
    return [f"embedded by the static table {embed.static}{origin}: mean of the first {tokens:,} tokens"]
