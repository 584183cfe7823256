"""A fine-tuned transformer: a sequence classifier of the library transformers, in the folder `transformer`.

    tokens    `options` of model.yaml: the length of a window, with the marks of beginning and end
    windows   windows from the beginning of a text that are looked at; their answers are averaged
    centre, spread   of a regression: what the network gives is multiplied by `spread`, and `centre` added

On a GPU where there is one, else on one core per task; in float32 both. A text's answer does not depend on
what it is scored beside: see embedding/batches.py. Classifiers that others published in this form, as
FineWeb-Edu's, are read as well: put their files there, and write a model.yaml.
"""

import contextlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, FiniteFloat, ValidationError

from classifiers.kinds.softmax import fixed, softmax
from classifiers.model import TRANSFORMER, Answers, Model
from embedding.batches import batches, threads
from pipeline.errors import PlanError
from pipeline.faults import choose, show
from pipeline.stage import Options

WINDOWS = 4
_LIBRARIES = ("transformers", "tokenizers", "torch")
_MISSING = (
    "{about}: a transformer needs torch and transformers: pip install torch, then pip install "
    "'winnow[semantic]'"
)
# Rows of a batch. Small ones stay in a core's cache, and fewer rows are there only to fill up.
_BATCH = {"cpu": 8, "cuda": 128}
_CHARACTERS = 16  # of a text per token that is asked for, at most


class _Options(Options):
    """`options` of model.yaml."""

    tokens: int | None = Field(default=None, ge=8)
    windows: int = Field(default=WINDOWS, ge=1, le=1000)
    centre: FiniteFloat = 0.0
    spread: FiniteFloat = Field(default=1.0, gt=0)


class TransformerScorer:
    """Network and tokenizer. A text of white space alone has NaN.

    The network may go on learning between two calls.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        tokens: int,
        windows: int,
        classes: bool,
        moved: tuple[float, float] = (0.0, 1.0),
        cores: int = 1,
    ) -> None:
        """classes   answers are probabilities by label, else the number as it is
        moved     centre and spread
        cores     for torch; another number may change last bits
        """
        self._network, self._tokenizer = network, tokenizer
        self._tokens, self._windows, self._classes = tokens, windows, classes
        self._moved, self._cores = moved, cores
        self._device = str(next(network.parameters()).device.type)
        self._batch = _BATCH.get(self._device, 8)

    def __call__(self, texts: pa.Array) -> Answers:
        rows = windows_of(self._tokenizer, texts, self._tokens, self._windows)
        found = np.full((len(rows), int(self._network.config.num_labels)), np.nan, np.float32)
        known = np.array([bool(each) for each in rows], np.bool_)
        if known.any():
            answers = self._answers([window for each in rows for window in each]).astype(np.float64)
            counts = np.array([len(each) for each in rows if each])
            found[known] = np.add.reduceat(answers, np.cumsum(counts) - counts, axis=0) / counts[:, None]
        return found

    def _answers(self, rows: Sequence[list[int]]) -> Answers:
        import torch

        parts, places = [], []
        self._network.eval()
        with (
            threads(self._cores) if self._device == "cpu" else contextlib.nullcontext(),
            torch.inference_mode(),
        ):
            for length, members, filled in batches([len(row) for row in rows], self._tokens, self._batch):
                features = padded(self._tokenizer, [rows[at] for at in filled], length, self._device)
                parts.append(self._network(**features).logits[: len(members)].float().cpu().numpy())
                places += members
        found = np.empty((len(rows), parts[0].shape[1]), np.float32)
        found[places] = np.concatenate(parts)
        if self._classes:
            return softmax(fixed(found))
        centre, spread = self._moved
        return found * np.float32(spread) + np.float32(centre)


def windows_of(tokenizer: Any, texts: pa.Array, tokens: int, windows: int) -> list[list[list[int]]]:
    """The first windows of each text, as tokens with marks of beginning and end; none if it is empty."""
    short = pc.utf8_slice_codeunits(
        pc.utf8_trim_whitespace(pc.fill_null(texts, "")), 0, _CHARACTERS * tokens * windows
    ).to_pylist()
    found: list[list[list[int]]] = [[] for _ in short]
    known = [at for at, text in enumerate(short) if text]
    if known:
        cut = tokenizer(
            [short[at] for at in known],
            truncation=True,
            max_length=tokens,
            return_overflowing_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
        )
        for at, row in zip(cut["overflow_to_sample_mapping"], cut["input_ids"], strict=True):
            if len(found[known[at]]) < windows:
                found[known[at]].append(row)
    return found


def padded(tokenizer: Any, rows: Sequence[list[int]], length: int, device: str) -> dict[str, Any]:
    """Windows as the network takes them, padded to one length."""
    import torch

    found = tokenizer.pad(
        {"input_ids": list(rows)}, padding="max_length", max_length=length, return_tensors="pt"
    )
    features = {name: values.to(device) for name, values in found.items()}
    if "token_type_ids" in tokenizer.model_input_names and "token_type_ids" not in features:
        features["token_type_ids"] = torch.zeros_like(features["input_ids"])
    return features


def quiet() -> None:
    """transformers without progress bars and remarks on weights."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def longest(network: Any, tokenizer: Any) -> int:
    """Tokens that the network takes at most, 512 where it does not say."""
    config = network.config
    places = getattr(config, "max_position_embeddings", None) or 512
    if config.model_type in _ROBERTA:  # their positions begin behind that of the padding
        places -= int(config.pad_token_id or 0) + 1
    return int(min(places, tokenizer.model_max_length))


_ROBERTA = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "longformer", "mpnet")


def open_scorer(folder: Path, model: Model) -> TransformerScorer:
    """PlanError where a library or file is missing, or the network has other labels than model.yaml says."""
    place, options = _folder(folder, model), _options(folder, model)
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as fault:
        raise PlanError(_MISSING.format(about=f"model {model.name}")) from fault
    quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(place))
        network, loaded = AutoModelForSequenceClassification.from_pretrained(
            str(place), dtype=torch.float32, output_loading_info=True
        )
    except Exception as fault:  # whatever the libraries raise of files that are cut short or of another model
        said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        raise PlanError(
            f"model {model.name}: {place} cannot be loaded ({said}); expected what `winnow train --kind "
            "transformer` writes"
        ) from fault
    if lacking := sorted(loaded["missing_keys"]):  # the library would draw them at random
        raise PlanError(
            f"model {model.name}: the weights in {place} lack {len(lacking)} that its config.json asks for, "
            f"{lacking[0]} first; the two are not of one training"
        )
    known, rows = len(tokenizer), int(network.get_input_embeddings().num_embeddings)
    if not rows < 2 * known <= 2 * rows:  # a few rows without a token are common
        raise PlanError(
            f"model {model.name}: the tokenizer in {place} has {known:,} tokens, the network {rows:,}; a "
            "file is missing, or the two are not of one training"
        )
    units = len(model.labels) or 1
    if network.config.num_labels != units:
        raise PlanError(
            f"model {model.name}: the network in {place} has {network.config.num_labels} labels, model.yaml "
            f"{units}; the two are not of one training"
        )
    most = longest(network, tokenizer)
    tokens = most if options.tokens is None else options.tokens
    if tokens > most:
        raise PlanError(
            f"model {model.name}: model.yaml: options: tokens is {tokens}; expected 8 to {most}, which the "
            "network takes at most"
        )
    return TransformerScorer(
        network.to("cuda" if torch.cuda.is_available() else "cpu"),
        tokenizer,
        tokens,
        options.windows,
        model.score != "value",
        (options.centre, options.spread),
    )


def fingerprint(folder: Path, model: Model) -> str:
    """Versions of the libraries; PlanError where one of them, or the network, is missing."""
    _folder(folder, model)
    _options(folder, model)
    return " ".join(f"{name} {found}" for name, found in libraries(f"model {model.name}").items())


def _options(folder: Path, model: Model) -> _Options:
    try:
        return _Options.model_validate(model.options)
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            said = f"no such option; {choose(key, list(_Options.model_fields))}"
        else:
            said = f"found {show(first['input'])}; {first['msg'].replace('Input should be', 'expected')}"
        raise PlanError(f"model {model.name}: {folder}/model.yaml: options: {key}: {said}") from fault


def libraries(about: str) -> dict[str, str]:
    """Versions of the libraries; PlanError where one is missing.

    about   who needs them
    """
    try:
        return {name: version(name) for name in _LIBRARIES}
    except PackageNotFoundError as fault:
        raise PlanError(_MISSING.format(about=about)) from fault


def _folder(folder: Path, model: Model) -> Path:
    place = folder / TRANSFORMER
    if not (place / "config.json").is_file():
        raise PlanError(
            f"model {model.name}: there is no {place}/config.json; expected the whole folder that `winnow "
            "train` wrote"
        )
    return place
