"""Distils a sentence-transformers model into a static table: one vector per token of its vocabulary.

Model2Vec's recipe (Tulkens and van Dongen 2024): every token goes through the model by itself; the mean
over its positions, brought to fewer dimensions by a principal component analysis, is weighted by
smooth inverse frequency, a / (a + p), p the token's share of running text by Zipf's law from its rank in
the vocabulary (a = 1e-4). Takes a minute on a CPU, and is done once.

Given texts, the shares are those counted in them (a = 1e-3), and what all texts have in common, the mean
vector, is taken away (Arora et al. 2017): the vocabulary of a BERT begins with rare characters, so that its
ranks weigh the commonest words as if they were rare, and any two texts come out alike.
"""

import gzip
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedding.model import find_model, load
from embedding.static import CARD, TABLE, TOKENIZER, write_tensors
from pipeline.errors import PlanError

DIMENSIONS = 256
SIF, SIF_COUNTED = 1e-4, 1e-3
_TEXTS = 20_000  # of each file, from its beginning
_UNUSED = re.compile(r"\[unused\d+\]")
_BATCH = 512
_LONGEST = 20_000  # characters of a text that are counted


def distil(
    model: str,
    folder: str,
    dimensions: int = DIMENSIONS,
    texts: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Writes the table of a model into a folder, and returns its card.

    dimensions   of the vectors; as many as the model's own, where that has fewer
    texts        Parquet, JSONL or text files of ordinary texts in which tokens are counted
    PlanError where the model or its library is missing, or the folder holds something else.
    """
    place = Path(folder).expanduser()
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not (place / TABLE).is_file())):
        raise PlanError(f"{folder}: is there and holds something else; name a new folder")
    network = load(model)
    tokenizer = network.tokenizer
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer.get_vocab()))))
    special = set(tokenizer.all_special_tokens)
    used = np.array([name not in special and not _UNUSED.fullmatch(name) for name in names])
    say(f"{int(used.sum()):,} tokens through {model}")
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    counts = count_tokens(backend, texts)[used] if texts else None
    found = reduced(_through(network, np.flatnonzero(used)), dimensions)
    vectors = np.zeros((len(names), found.shape[1]), np.float32)
    vectors[used] = weighted(found, counts)
    place.mkdir(parents=True, exist_ok=True)
    write_tensors(place / TABLE, {"embeddings": vectors.astype(np.float16)})
    (place / TOKENIZER).write_text(backend.to_str(), encoding="utf-8")
    config = {
        "model_type": "model2vec",
        "normalize": True,
        "hidden_dim": found.shape[1],
        "seq_length": 1000000,
    }
    (place / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    card = {
        "model": model,
        "licence": _licence(find_model(model)),
        "model_sha256": _digest(find_model(model)),
        "recipe": "Model2Vec: tokens one by one, mean, PCA, "
        + ("SIF by counts, mean removed" if texts else "SIF by rank"),
        "dimensions": found.shape[1],
        "sif": SIF_COUNTED if texts else SIF,
        "counted": [Path(text).name for text in texts],
        "tokens": int(used.sum()),
        "table_sha256": hashlib.sha256((place / TABLE).read_bytes()).hexdigest(),
    }
    (place / CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return card


def _through(network: Any, tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of the model's output over beginning, token and end, for each token, [n, dimensions]."""
    import torch

    marks = network.tokenizer("")["input_ids"]
    half = len(marks) - len(marks) // 2
    transformer = network[0].auto_model
    parts = []
    for first in range(0, len(tokens), _BATCH):
        rows = [[*marks[:half], int(token), *marks[half:]] for token in tokens[first : first + _BATCH]]
        ids = torch.tensor(rows, device=network.device)
        with torch.inference_mode():
            out = transformer(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        parts.append(out.float().mean(dim=1).cpu().numpy().astype(np.float64))
    return np.concatenate(parts)


def reduced(vectors: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """The first principal components, [n, dimensions]; each axis so that its largest weight is positive."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :dimensions]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    reduced_: NDArray[np.float64] = centred @ (axes * np.where(largest < 0, -1.0, 1.0))
    return reduced_


def weighted(vectors: NDArray[np.float64], counts: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Vectors by smooth inverse frequency, [n, dimensions]; Arora et al. 2017.

    counts   of each token in ordinary text; None: their shares fall as 1 / rank
    """
    if counts is None:
        share = 1.0 / np.arange(2, len(vectors) + 2)
        share /= share.sum()
        by_rank: NDArray[np.float64] = vectors * (SIF / (SIF + share))[:, None]
        return by_rank
    share = counts / max(1, counts.sum())
    weighed = vectors * (SIF_COUNTED / (SIF_COUNTED + share))[:, None]
    centred: NDArray[np.float64] = weighed - share @ weighed
    return centred


def count_tokens(tokenizer: Any, files: Sequence[str]) -> NDArray[np.int64]:
    """How often each token of the vocabulary occurs in the texts of the files, [vocabulary]."""
    counts = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for file in files:
        texts = _texts(Path(file).expanduser())
        while some := list(itertools.islice(texts, 256)):
            for found in tokenizer.encode_batch_fast(some, add_special_tokens=False):
                counts += np.bincount(found.ids, minlength=len(counts))
    if not counts.any():
        raise PlanError(f"--texts {', '.join(files)}: no text is there")
    return counts


def _texts(path: Path) -> Iterator[str]:
    """The texts of a file, as many as are counted: column or key `text`, or the lines of any other file."""
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                rows = (row for batch in file.iter_batches(256, columns=["text"]) for row in batch.column(0))
                yield from (row.as_py()[:_LONGEST] for row in itertools.islice(rows, _TEXTS) if row.is_valid)
            return
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as lines:
            for line in itertools.islice(lines, _TEXTS):
                yield (json.loads(line)["text"] if ".json" in path.name else line)[:_LONGEST]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise PlanError(
            f"--texts {path}: {fault or type(fault).__name__}: expected a Parquet or JSONL file with texts "
            "as 'text', or a file with a text on each line"
        ) from fault


def _licence(folder: Path | None) -> str:
    """As the model's own card states it."""
    try:
        text = ((folder or Path()) / "README.md").read_text(encoding="utf-8")
    except OSError:
        return "not stated"
    stated = re.search(r"^license:\s*(\S+)", text, re.MULTILINE)
    return stated[1] if stated else "not stated"


def _digest(folder: Path | None) -> str:
    files = sorted((folder or Path("/nowhere")).glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else ""
