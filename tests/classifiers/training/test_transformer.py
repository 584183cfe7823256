"""Transformers: a tiny one, made here, learns an easy task; none is fetched from anywhere."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from classifiers.kinds import transformer as kind
from classifiers.model import Model, digest, load_model, save_model, scores
from classifiers.scorer import fingerprint, open_scorer
from classifiers.training.task import Examples, Task
from classifiers.training.transformer import TransformerOptions, fit
from pipeline.errors import PlanError

WORDS = ("harbour", "bread", "glacier", "and", "the", "of", "is", "near")
THREE = Task("place", ("bread", "glacier", "harbour"), "top", seed=3)
GRADE = Task("grade", ("0", "1", "2", "3", "4"), "value", range=(0.0, 4.0), seed=3)
MODEL = Model(name="edu", kind="transformer", score="value", range=(0, 5))


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlanError, match=r"there is no .*transformer/config\.json"):
        fingerprint(tmp_path, MODEL)
    monkeypatch.setattr(kind, "_LIBRARIES", ("no-such-library",))
    with pytest.raises(ValidationError, match=r"base 'any': .*winnow\[semantic\]"):
        TransformerOptions(base="any")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A RoBERTa of two layers that has learnt nothing, with a tokenizer of the words above."""
    reason = "torch and transformers are not installed: transformers are not tested (pip install torch, then "
    pytest.importorskip("torch", reason=reason + "'winnow[semantic]')")
    transformers = pytest.importorskip("transformers", reason=reason + "'winnow[semantic]')")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import RobertaProcessing

    folder = tmp_path_factory.mktemp("base")
    names = ("<s>", "<pad>", "</s>", "<unk>", *WORDS)
    tokenizer = Tokenizer(WordLevel({name: at for at, name in enumerate(names)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    ).save_pretrained(str(folder))
    config = transformers.RobertaConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=42,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    transformers.set_seed(1)
    transformers.RobertaModel(config).save_pretrained(str(folder))
    return str(folder)


def examples(task: Task, count: int, seed: int) -> Examples:
    """Texts of words drawn at random. The label is the one among them that says a place, or a number: how
    many harbours there are."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(task.labels), count)
    texts = []
    for label in labels:
        words = [task.labels[label]] * 3 if task is THREE else ["harbour"] * label
        texts.append(" ".join(rng.permutation([*words, *rng.choice(WORDS[3:], rng.integers(1, 9))])))
    numbers = labels.astype(np.int64)
    return Examples(pa.array(texts, pa.large_string()), numbers, numbers.astype(np.float64), np.ones(count))


def trained(task: Task, base: str, folder: Path, **options: Any) -> Model:
    folder.mkdir()
    chosen = TransformerOptions(base=base, rate=5e-3, device="cpu", **options)
    model = fit(examples(task, 160, 1), examples(task, 60, 2), task, chosen, folder)
    save_model(folder, model)
    assert load_model(folder) == model
    return model


@pytest.fixture(scope="module")
def places(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "places"
    trained(THREE, base, folder, epochs=6, windows=3)
    return folder


def test_classes_are_learnt(places: Path) -> None:
    model = load_model(places)
    test = examples(THREE, 100, 3)
    found = open_scorer(places, model)(test.texts)
    assert found.shape == (100, 3) and np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == test.labels).mean() > 0.95
    assert model.options == {"tokens": 40, "windows": 3}
    losses = model.trained["losses"]
    assert model.trained["epochs"] == 1 + losses.index(min(losses)) <= len(losses) <= 6
    assert "torch 2" in fingerprint(places, model)
    here = str(places.parent)
    assert not any(here in file.read_text("utf-8", "ignore") for file in places.rglob("*.json"))


def test_a_text_does_not_depend_on_company(places: Path) -> None:
    score = open_scorer(places, load_model(places))
    assert score(pa.array([], pa.large_string())).shape == (0, 3)
    many = [
        *examples(THREE, 30, 4).texts.to_pylist(),
        "",
        " \n",
        "the " * 37,
        "of " * 38,
        "bread " * 200,
        "unheard",
    ]
    whole = score(pa.array(many, pa.large_string()))
    assert np.isnan(whole[30:32]).all() and np.isfinite(np.delete(whole, [30, 31], axis=0)).all()
    order = np.random.default_rng(0).permutation(len(many))
    assert np.array_equal(score(pa.array([many[at] for at in order])), whole[order], equal_nan=True)
    for at in (0, 31, 33, 34):
        assert np.array_equal(score(pa.array(many[at : at + 1])), whole[at : at + 1], equal_nan=True)


def test_windows_are_averaged(places: Path) -> None:
    """A window has 38 words: the fourth one is not looked at."""
    score = open_scorer(places, load_model(places))
    parts = ["bread and " * 19, "harbour is " * 19, "glacier of " * 19, "harbour near " * 19]
    alone = score(pa.array(parts))
    found = score(pa.array(["".join(parts[:2]), "".join(parts[:3]), "".join(parts)]))
    assert np.allclose(found[0], alone[:2].mean(axis=0), atol=1e-6)
    assert np.allclose(found[1:], alone[:3].mean(axis=0), atol=1e-6)


def test_a_regression_is_learnt_and_comes_out_the_same(base: str, tmp_path: Path) -> None:
    models = [trained(GRADE, base, tmp_path / name, epochs=10) for name in ("one", "two")]
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    test = examples(GRADE, 100, 3)
    found = open_scorer(tmp_path / "one", models[0])(test.texts)
    assert found.shape == (100, 1)
    assert np.abs(scores(models[0], found) - test.targets).mean() < 0.5


def test_a_classifier_of_others_answers_as_the_library_does(base: str, tmp_path: Path) -> None:
    """In the form of FineWeb-Edu's: one unit, beside a model.yaml that a person wrote."""
    import torch
    import transformers

    transformers.set_seed(3)
    network = transformers.RobertaForSequenceClassification.from_pretrained(base, num_labels=1).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights *= 10  # answers that differ
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    network.save_pretrained(str(tmp_path / "transformer"))
    tokenizer.save_pretrained(str(tmp_path / "transformer"))
    save_model(tmp_path, MODEL.model_copy(update={"options": {"windows": 1}}))
    texts = [*examples(GRADE, 20, 5).texts.to_pylist(), "glacier and " * 60]
    inputs = tokenizer(texts, return_tensors="pt", padding="longest", truncation=True, max_length=40)
    with torch.inference_mode():
        expected = network(**inputs).logits.numpy()
    found = open_scorer(tmp_path, load_model(tmp_path))(pa.array(texts))
    assert np.abs(found - expected).max() < 1e-5 and expected.std() > 1e-3


def test_it_stops_where_nothing_gets_better(base: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, validation = (examples(THREE, 40, seed) for seed in (1, 2))
    noise = Examples(train.texts, rng.permutation(train.labels), train.targets, train.weights)
    options = TransformerOptions(base=base, rate=5e-3, epochs=30, patience=2, device="cpu")
    losses = fit(noise, validation, THREE, options, tmp_path).trained["losses"]
    assert len(losses) - losses.index(min(losses)) == 3 and len(losses) < 30


def test_what_does_not_fit_is_refused(base: str, places: Path, tmp_path: Path) -> None:
    two = Model(name="place", kind="transformer", score="top", labels=("a", "b"))
    with pytest.raises(PlanError, match=r"has 3 labels, model\.yaml 2"):
        open_scorer(places, two)
    long = load_model(places).model_copy(update={"options": {"tokens": 512}})
    with pytest.raises(PlanError, match="tokens is 512; expected 8 to 40"):
        open_scorer(places, long)
    some = examples(THREE, 20, 1)
    with pytest.raises(PlanError, match="64 is more than the 40"):
        fit(some, some, THREE, TransformerOptions(base=base, tokens=64), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PlanError, match=r"base .*empty gives no model"):
        fit(some, some, THREE, TransformerOptions(base=str(tmp_path / "empty")), tmp_path)
    for options in ({"tokens": "x"}, {"windows": 0}, {"spread": None}, {"windos": 3}):
        with pytest.raises(
            PlanError, match=r"model\.yaml: options: \w+: (found|no such option; did you mean)"
        ):
            fingerprint(places, load_model(places).model_copy(update={"options": options}))
    damaged = tmp_path / "damaged"
    for name, content, said in (
        ("model.safetensors", b"", "cannot be loaded"),
        # What the library would otherwise draw at random, or make of nothing.
        ("model.safetensors", b"\x02\0\0\0\0\0\0\0{}", "lack .* that its config.json asks for"),
        ("tokenizer.json", None, "tokenizer"),
    ):
        shutil.copytree(places, damaged)
        if content is None:
            (damaged / "transformer" / name).unlink()
        else:
            (damaged / "transformer" / name).write_bytes(content)
        with pytest.raises(PlanError, match=said):
            open_scorer(damaged, load_model(places))
        shutil.rmtree(damaged)
    shutil.copytree(base, tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(PlanError, match="hold nothing of the model"):
        fit(some, some, THREE, TransformerOptions(base=str(tmp_path / "other")), tmp_path)
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "config.json").write_text("{}")
    with pytest.raises(PlanError, match="cannot be loaded"):
        open_scorer(tmp_path, MODEL)
