"""A pretrained transformer, fine-tuned to tell labels apart or to give a number, as Llama 3's DistilRoBERTa.

Grattafiori et al. 2024, arXiv:2407.21783, section 3.1.1. A plain loop: AdamW, a learning rate that rises
and then falls to nothing, gradients clipped at length 1, in bfloat16 on a GPU that has it. In each epoch a
text is seen by one of its windows, drawn anew, so that a long one costs no more than a short one and is not
judged by its beginning alone. The epoch that does best on the validation side is kept, and the training ends
when some in a row do no better.

On CPUs, seed and number of threads decide every byte. A GPU's sums may differ from one training to the next.
"""

import contextlib
import copy
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from classifiers.kinds.transformer import (
    WINDOWS,
    TransformerScorer,
    libraries,
    longest,
    padded,
    quiet,
    windows_of,
)
from classifiers.model import TRANSFORMER, Model
from classifiers.scorer import prepared
from classifiers.training.loss import validation_loss
from classifiers.training.task import Examples, Task
from embedding.batches import threads
from embedding.embed import digest
from embedding.model import find_model
from pipeline.errors import EngineError, PlanError
from pipeline.stage import NOT_HASHED, Options

_STEP = 8  # tokens to a multiple of which batches are padded
_NEAR = 32  # batches of which the texts are sorted by length, so that little is padding
_CLIP = 1.0

Rng = np.random.Generator
Rows = list[list[list[int]]]


class TransformerOptions(Options):
    """Options of a transformer."""

    base: str = Field(
        min_length=1,
        description="what is fine-tuned: a folder, a package that carries a model, or a name on the hub",
    )
    tokens: int | None = Field(
        default=None, ge=8, description="length of a window; default: what the model takes, 512 at most"
    )
    windows: int = Field(
        default=WINDOWS, ge=1, le=1000, description="windows from the beginning of a text that count"
    )
    epochs: int = Field(default=10, ge=1, description="at most")
    patience: int = Field(
        default=2, ge=1, description="epochs without a better validation side after which it stops"
    )
    batch: int = Field(default=16, ge=1, description="texts of a step")
    rate: float = Field(default=5e-5, gt=0, description="learning rate at its height")
    warmup: float = Field(default=0.1, ge=0, le=1, description="share of the steps in which it rises")
    decay: float = Field(default=0.01, ge=0, description="weight decay; biases and norms have none")
    device: Annotated[Literal["auto", "cpu", "cuda"], NOT_HASHED] = Field(
        default="auto", description="cuda if there is one, else cpu"
    )

    @field_validator("base")
    @classmethod
    def _can_be_read(cls, base: str) -> str:
        try:
            libraries(f"base {base!r}")
        except PlanError as fault:
            raise ValueError(str(fault)) from fault
        return base


OPTIONS = TransformerOptions


def fit(
    train: Examples, validation: Examples, task: Task, options: TransformerOptions, folder: Path
) -> Model:
    """See classifiers/training/task.py. PlanError where the base model is missing, EngineError where learning
    came to nothing."""
    import torch

    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        raise PlanError(f"training of {task.name}: device cuda: torch finds no GPU here; leave device out")
    with threads(task.threads), torch.random.fork_rng():
        torch.manual_seed(task.seed)
        network, tokenizer, base = _load(options.base, task)
        tokens = _tokens(options, longest(network, tokenizer))
        centre, spread = _moved(train, task)
        scorer = TransformerScorer(
            network.to(device),
            tokenizer,
            tokens,
            options.windows,
            not task.regression,
            (centre, spread),
            task.threads,
        )
        rows = windows_of(tokenizer, prepared(train.texts, task.lowercase), tokens, options.windows)
        targets = (train.targets - centre) / spread if task.regression else train.labels
        control = prepared(validation.texts, task.lowercase)

        def loss() -> float:
            return round(validation_loss(scorer(control), validation, task), 6)

        losses = _learn(network, tokenizer, tokens, rows, targets, train.weights, options, task, loss)
    network.save_pretrained(str(folder / TRANSFORMER))
    tokenizer.save_pretrained(str(folder / TRANSFORMER))
    moved = {"centre": centre, "spread": spread} if task.regression else {}
    return task.model(
        "transformer",
        options={"tokens": tokens, "windows": options.windows, **moved},
        trained={
            "base": options.base,
            "base_sha256": base,
            "device": device,
            "threads": task.threads,
            "epochs": int(np.argmin(losses)) + 1,
            "losses": losses,
            "libraries": libraries(f"training of {task.name}"),
        },
    )


def _load(name: str, task: Task) -> tuple[Any, Any, str | None]:
    """Network, tokenizer, and a hash of the weights where they lie in a folder; PlanError without them."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    quiet()
    place = find_model(name)
    units = 1 if task.regression else len(task.labels)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(place or name))
        network, loaded = AutoModelForSequenceClassification.from_pretrained(
            str(place or name), num_labels=units, ignore_mismatched_sizes=True, output_loading_info=True
        )
    except Exception as fault:  # whatever the libraries raise of files that are cut short or of another model
        said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        raise PlanError(
            f"training of {task.name}: base {name!r}: {place or 'no folder, no package, and the hub'} gives "
            f"no model ({said}); name a folder with config.json, weights and "
            "tokenizer, or a model of the hub where that is reached"
        ) from fault
    lacking = {*loaded["missing_keys"], *(each[0] for each in loaded["mismatched_keys"])}
    inner = {each for each in network.state_dict() if each.startswith(f"{network.base_model_prefix}.")}
    if inner and inner <= lacking:  # the library would draw them at random
        raise PlanError(
            f"training of {task.name}: base {name!r}: its weights hold nothing of the model that its "
            "config.json describes; the two do not belong together"
        )
    if not task.regression:
        network.config.id2label = dict(enumerate(task.labels))
        network.config.label2id = {label: at for at, label in enumerate(task.labels)}
    files = sorted(place.glob("*.safetensors")) + sorted(place.glob("*.bin")) if place else []
    return (
        network.float(),
        tokenizer,
        hashlib.sha256("".join(map(digest, files)).encode()).hexdigest() if files else None,
    )


def _tokens(options: TransformerOptions, most: int) -> int:
    if options.tokens is not None and options.tokens > most:
        raise PlanError(f"tokens: {options.tokens} is more than the {most} that {options.base!r} takes")
    return options.tokens or min(most, 512)


def _moved(train: Examples, task: Task) -> tuple[float, float]:
    """Mean and standard deviation of the targets: what a network gives at first is near 0."""
    if not task.regression:
        return 0.0, 1.0
    centre = float(np.average(train.targets, weights=train.weights))
    spread = float(np.sqrt(np.average((train.targets - centre) ** 2, weights=train.weights)))
    return round(centre, 6), round(spread, 6) or 1.0


def _learn(
    network: Any,
    tokenizer: Any,
    tokens: int,
    rows: Rows,
    targets: NDArray[Any],
    weights: NDArray[np.float64],
    options: TransformerOptions,
    task: Task,
    loss: Callable[[], float],
) -> list[float]:
    """Leaves the best epoch's weights in the network, and returns the losses of the validation side."""
    import torch

    known = np.array([at for at, windows in enumerate(rows) if windows], np.int64)
    if not len(known):
        raise PlanError(f"training of {task.name}: every text of the training side is empty")
    device = next(network.parameters()).device
    steps = options.epochs * -(-len(known) // options.batch)
    optimiser = torch.optim.AdamW(_groups(network, options.decay), lr=options.rate)
    warm = max(1, int(options.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    rng = np.random.default_rng(task.seed)
    best: dict[str, Any] = {}
    losses: list[float] = []
    for _ in range(options.epochs):
        network.train()
        for some, windows in _batches(rows, known, options.batch, rng):
            length = min(-(-max(map(len, windows)) // _STEP) * _STEP, tokens)
            features = padded(tokenizer, windows, length, str(device))
            wanted = torch.from_numpy(targets[some]).to(device)
            counts = torch.from_numpy(weights[some]).float().to(device)
            with torch.autocast("cuda", torch.bfloat16) if half else contextlib.nullcontext():
                logits = network(**features).logits.float()
            if task.regression:
                each = (logits[:, 0] - wanted.float()) ** 2
            else:
                each = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
            wrong = (each * counts).sum() / counts.sum()
            optimiser.zero_grad()
            wrong.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
            optimiser.step()
            schedule.step()
        losses.append(loss())
        if not np.isfinite(losses[-1]):
            raise EngineError(
                f"training of {task.name}: after {len(losses)} epochs the network gives no numbers any more; "
                f"lower the learning rate (rate, {options.rate:g})"
            )
        if losses[-1] == min(losses) and losses.count(losses[-1]) == 1:
            best = copy.deepcopy(network.state_dict())
        elif len(losses) - 1 - int(np.argmin(losses)) >= options.patience:
            break
    network.load_state_dict(best)
    return losses


def _groups(network: Any, decay: float) -> list[dict[str, Any]]:
    """Matrices, whose weights decay, and the rest."""
    several = [each for each in network.parameters() if each.ndim > 1]
    single = [each for each in network.parameters() if each.ndim <= 1]
    return [{"params": several, "weight_decay": decay}, {"params": single, "weight_decay": 0.0}]


def _batches(
    rows: Rows, known: NDArray[np.int64], size: int, rng: Rng
) -> Iterator[tuple[NDArray[np.int64], list[list[int]]]]:
    """An epoch: every known text once, by one of its windows; texts of like length go together."""
    order = rng.permutation(known)
    windows = [rows[at][rng.integers(len(rows[at]))] for at in order]
    lengths = np.array([len(window) for window in windows])
    parts = []
    for first in range(0, len(order), size * _NEAR):
        near = first + np.argsort(lengths[first : first + size * _NEAR], kind="stable")
        parts += [near[at : at + size] for at in range(0, len(near), size)]
    for part in rng.permutation(len(parts)):
        yield order[parts[part]], [windows[at] for at in parts[part]]
