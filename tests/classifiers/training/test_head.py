"""Heads on frozen embeddings: what they learn, and that a text's answer is its own."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression, Ridge
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from classifiers.kinds.embedding import Layers, answers, save_head
from classifiers.model import HEAD, Answers, Model, digest, load_model, save_model, scores
from classifiers.scorer import fingerprint, open_scorer
from classifiers.training.head import HeadOptions, _inner, fit
from classifiers.training.task import Examples, Task
from embedding import endpoint, kept
from embedding.embed import Embed, Vectors, opened
from embedding.static import CARD, TABLE, TOKENIZER, write_tensors
from pipeline.errors import PlanError

WORDS = ("sun", "rain", "snow", "wind", "and", "the", "of", "to")
THREE = Task("weather", ("rain", "snow", "sun"), "top", seed=7)
TWO = Task("bright", ("no", "yes"), "probability", positive="yes")
GRADE = Task("grade", ("0", "1", "2", "3"), "value", range=(0.0, 3.0))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static table of the eight words, twelve numbers each."""
    folder = tmp_path_factory.mktemp("table")
    tokenizer = Tokenizer(
        WordLevel({"?": 0, **{word: at + 1 for at, word in enumerate(WORDS)}}, unk_token="?")
    )
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    vectors = np.random.default_rng(5).normal(size=(9, 12)).astype(np.float32)
    write_tensors(folder / TABLE, {"embeddings": vectors})
    (folder / CARD).write_text("{}")
    return folder


def examples(task: Task, count: int, seed: int, wrong: float = 0.0) -> Examples:
    """Texts of words drawn at random: the label is the word among the labels that is in it, or how many
    times the sun is."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        if task.score == "top":
            label = int(rng.integers(3))
            words = [task.labels[label], *rng.choice(WORDS[3:], 4)]
        else:
            label = int(rng.integers(len(task.labels)))
            words = ["sun"] * label + ["rain"] * (3 - label) + list(rng.choice(WORDS[3:], 2))
        texts.append(" ".join(rng.permutation(words)))
        labels.append(int(rng.integers(len(task.labels))) if rng.random() < wrong else label)
    numbers = np.array(labels, np.int64)
    weights = rng.choice([0.5, 1.0, 2.0], count)
    return Examples(pa.array(texts, pa.large_string()), numbers, numbers.astype(np.float64), weights)


def trained(task: Task, folder: Path, table: Path, **options: Any) -> Model:
    """A head of 300 examples and 100 for validation, in `folder`."""
    folder.mkdir()
    chosen = HeadOptions(embed=Embed(static=str(table)), **options)
    model = fit(examples(task, 300, 1), examples(task, 100, 2), task, chosen, folder)
    save_model(folder, model)
    assert load_model(folder) == model
    return model


def asked(folder: Path, texts: Sequence[str]) -> Answers:
    model = load_model(folder)
    return open_scorer(folder, model)(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize("hidden", [0, 8])
def test_classes_are_learnt(tmp_path: Path, table: Path, hidden: int) -> None:
    quick = {"hidden": 8, "strength": 0.001, "epochs": 60} if hidden else {}
    model = trained(THREE, tmp_path / "m", table, **quick)
    test = examples(THREE, 200, 3)
    found = asked(tmp_path / "m", test.texts.to_pylist())
    assert found.shape == (200, 3) and np.allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found.argmax(axis=1) == test.labels).mean() > 0.97
    losses = model.trained["losses"]
    assert model.trained["loss"] == losses[f"{model.trained['strength']:g}"] == min(losses.values())
    assert len(losses) == (1 if hidden else 8) and ("epochs" in model.trained) == bool(hidden)


@pytest.mark.parametrize("hidden", [0, 8])
def test_a_regression_is_learnt(tmp_path: Path, table: Path, hidden: int) -> None:
    quick = {"hidden": 8, "strength": 0.001, "epochs": 60} if hidden else {}
    model = trained(GRADE, tmp_path / "m", table, **quick)
    test = examples(GRADE, 200, 3)
    found = asked(tmp_path / "m", test.texts.to_pylist())
    assert found.shape == (200, 1) and model.labels == () and model.range == (0, 3)
    assert np.abs(scores(model, found) - test.targets).mean() < (0.2 if hidden else 0.35)


def test_a_text_without_a_word_has_no_answer(tmp_path: Path, table: Path) -> None:
    trained(TWO, tmp_path / "m", table)
    assert asked(tmp_path / "m", []).shape == (0, 2)
    found = asked(tmp_path / "m", ["", "sun sun", "unheard of", "unheard", "rain rain"])
    assert np.isnan(found[[0, 3]]).all() and np.isfinite(found[[1, 2, 4]]).all()
    assert found[1, 1] > 0.9 > 0.1 > found[4, 1]


@pytest.mark.parametrize("hidden", [0, 4])
def test_the_same_examples_give_the_same_bytes(tmp_path: Path, table: Path, hidden: int) -> None:
    for name in ("one", "two"):
        trained(THREE, tmp_path / name, table, hidden=hidden, strength=0.1, epochs=9)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_the_answers_are_scikit_learns(tmp_path: Path, table: Path) -> None:
    test = examples(THREE, 50, 3).texts
    embedder = opened(Embed(static=str(table)))
    for task in (TWO, THREE, GRADE):
        train = examples(task, 300, 1)
        inputs = embedder(train.texts).astype(np.float64)
        centre, scale = inputs.mean(axis=0), inputs.std(axis=0)
        asked_of = (embedder(test).astype(np.float64) - centre) / scale
        trained(task, tmp_path / task.name, table, strength=10.0)
        if task is GRADE:
            ridge = Ridge(alpha=10).fit((inputs - centre) / scale, train.targets, train.weights)
            expected = ridge.predict(asked_of)[:, None]
        else:
            logistic = LogisticRegression(C=0.1, max_iter=1000)
            expected = logistic.fit((inputs - centre) / scale, train.labels, train.weights).predict_proba(
                asked_of
            )
        assert np.abs(asked(tmp_path / task.name, test.to_pylist()) - expected).max() < 1e-5


def test_weights_count(tmp_path: Path, table: Path) -> None:
    """A text of both labels: which one is the likelier depends on their weights."""
    texts = pa.array(["sun the", "sun the", "rain of", "rain of"] * 10, pa.large_string())
    labels = np.array([0, 1, 0, 1] * 10)
    for name, heavy in (("no", 0), ("yes", 1)):
        weights = np.where(labels == heavy, 3.0, 1.0)
        both = Examples(texts, labels, labels.astype(float), weights)
        (tmp_path / name).mkdir()
        save_model(
            tmp_path / name,
            fit(both, both, TWO, HeadOptions(embed=Embed(static=str(table))), tmp_path / name),
        )
        assert np.allclose(asked(tmp_path / name, ["sun the"])[0, heavy], 0.75, atol=0.01)


def test_noise_is_held_down(tmp_path: Path, table: Path) -> None:
    """Of labels that mean nothing no head is better than the strongest hold."""
    train, validation = (examples(TWO, 200, seed, wrong=1.0) for seed in (1, 2))
    model = fit(train, validation, TWO, HeadOptions(embed=Embed(static=str(table))), tmp_path)
    assert model.trained["strength"] >= 100
    assert model.trained["loss"] == pytest.approx(np.log(2), abs=0.02)


def test_where_few_texts_are_there_to_choose_by_folds_help() -> None:
    """No group is on both sides of a fold, and each example is left out once."""
    some = examples(TWO, 200, 1)
    groups = [f"site {at % 20}" for at in range(200)]
    sites = replace(some, groups=pa.array(groups))
    for train, named in ((some, [str(at) for at in range(200)]), (sites, groups)):
        found = _inner(train, some.take(np.arange(40)), TWO)
        assert len(found) == 5 and np.sum(found, axis=0).tolist() == [1] * 200
        for out in found:
            assert not set(np.array(named)[out]) & set(np.array(named)[~out])
    many = examples(TWO, 500, 2)
    assert _inner(sites, many, TWO) == []
    two = replace(some, groups=pa.array([f"site {at % 9}" for at in range(200)]))
    assert _inner(two, some, TWO) == []


@pytest.mark.parametrize("hidden", [0, 8])
def test_a_label_of_no_example_has_no_chance(tmp_path: Path, table: Path, hidden: int) -> None:
    four = Task("weather", ("fog", *THREE.labels), "top")
    train, validation = (examples(THREE, count, seed) for count, seed in ((200, 1), (50, 2)))
    train, validation = (
        Examples(each.texts, each.labels + 1, each.targets, each.weights) for each in (train, validation)
    )
    options = HeadOptions(embed=Embed(static=str(table)), hidden=hidden, strength=0.1, epochs=60)
    save_model(tmp_path, fit(train, validation, four, options, tmp_path))
    found = asked(tmp_path, ["rain and", "snow"])
    assert found.shape == (2, 4) and (found[:, 0] < (0.1 if hidden else 1e-9)).all()
    assert found.argmax(axis=1).tolist() == [1, 2]


def test_texts_of_one_label_or_without_words_are_refused(tmp_path: Path, table: Path) -> None:
    options = HeadOptions(embed=Embed(static=str(table)))
    with pytest.raises(ValidationError, match="winnow distil MODEL"):
        HeadOptions(embed=Embed(static=str(tmp_path)))
    some = examples(TWO, 20, 1)
    alone = some.take(some.labels == 1)
    with pytest.raises(PlanError, match="but one label, 'yes'"):
        fit(alone, some, TWO, options, tmp_path)
    unheard = Examples(pa.array(["unheard"] * 20, pa.large_string()), some.labels, some.targets, some.weights)
    with pytest.raises(PlanError, match="no text of the training side has a word that is embedded"):
        fit(unheard, some, TWO, options, tmp_path)


def test_the_model_is_one_folder(tmp_path: Path, table: Path) -> None:
    mine = tmp_path / "table"
    shutil.copytree(table, mine)
    trained(TWO, tmp_path / "m", mine)
    before = asked(tmp_path / "m", ["sun sun", "rain"])
    shutil.rmtree(mine)
    moved = (tmp_path / "m").rename(tmp_path / "moved")
    assert np.array_equal(asked(moved, ["sun sun", "rain"]), before)
    assert fingerprint(moved, load_model(moved))


def test_vectors_of_another_table_are_refused(tmp_path: Path, table: Path) -> None:
    trained(TWO, tmp_path / "m", table)
    write_tensors(tmp_path / "m" / "embedding" / TABLE, {"embeddings": np.ones((9, 12), np.float32)})
    for function in (open_scorer, fingerprint):
        with pytest.raises(PlanError, match="the head was trained on vectors of"):
            function(tmp_path / "m", load_model(tmp_path / "m"))


def test_a_head_that_does_not_fit_is_refused(tmp_path: Path, table: Path) -> None:
    model = trained(TWO, tmp_path / "m", table)
    layer = np.ones((5, 3), np.float32), np.ones(3, np.float32)
    bad: Sequence[tuple[Layers, str]] = (
        ((layer,), "layers .*expected some that end in 2"),
        ((layer, layer), "layers"),
        ((), "layers"),
        (((np.full((5, 2), np.nan), np.ones(2)),), "not finite"),
        # The kernel would read past the end of a vector.
        (((np.ones((13, 2)), np.ones(2)),), "takes vectors of 13 numbers, and those of .* have 12"),
    )
    for layers, said in bad:
        save_head(tmp_path / "m", layers, None)
        with pytest.raises(PlanError, match=said):
            open_scorer(tmp_path / "m", model)
    np.savez(tmp_path / "m" / HEAD, weights_0=np.full((12, 2), "a"), bias_0=np.full(2, "a"))
    with pytest.raises(PlanError, match="all of float32"):
        fingerprint(tmp_path / "m", model)
    whole = (tmp_path / "m" / HEAD).read_bytes()
    with open(tmp_path / "array", "wb") as other:
        np.save(other, np.ones(3))
    for content in (b"", b"nonsense", whole[:-9], (tmp_path / "array").read_bytes()):
        (tmp_path / "m" / HEAD).write_bytes(content)
        with pytest.raises(PlanError, match="winnow train --kind embedding"):
            fingerprint(tmp_path / "m", model)
    (tmp_path / "m" / HEAD).unlink()
    with pytest.raises(PlanError, match="No such file"):
        open_scorer(tmp_path / "m", model)
    without = {**yaml.safe_load((tmp_path / "m" / "model.yaml").read_text()), "options": {}}
    save_head(tmp_path / "m", (layer,), None)
    with pytest.raises(PlanError):
        open_scorer(tmp_path / "m", Model.model_validate(without))


class _Server:
    """Vectors of a text: whether it has the word, turned by some angle."""

    slow = True

    def __init__(self, angle: float) -> None:
        self._turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.asked = 0

    def __call__(self, texts: pa.Array) -> Vectors:
        self.asked += len(texts)
        rows = [[1.0, 0.0] if "sun" in text else [0.0, 1.0] for text in texts.to_pylist()]
        found: Vectors = (np.array(rows).reshape(-1, 2) @ self._turn).astype(np.float32)
        return found


def test_a_server_that_gives_other_vectors_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can hash a server's model: a probe's vectors say whether it is still the same."""
    monkeypatch.setenv("A_KEY", "secret")
    server = _Server(0.0)
    monkeypatch.setattr(endpoint, "open_embedder", lambda _: server)
    embed = Embed(endpoint="http://made", model="probed", key="A_KEY", batch=16)
    model = fit(examples(TWO, 40, 1), examples(TWO, 20, 2), TWO, HeadOptions(embed=embed), tmp_path)
    save_model(tmp_path, model)
    before = server.asked
    asked(tmp_path, examples(TWO, 20, 2).texts.to_pylist())
    assert server.asked == before  # nor are they asked for again when the model is judged
    assert "secret" not in (tmp_path / "model.yaml").read_text()
    assert model.options["embed"] == {"endpoint": "http://made", "model": "probed", "key": "A_KEY"}
    assert server.asked < 64  # each text once, for all strengths
    for angle, right in ((0.01, True), (0.5, False)):
        opened.cache_clear()
        monkeypatch.setattr(kept, "_kept", {})  # as in another process
        monkeypatch.setattr(endpoint, "open_embedder", lambda _, angle=angle: _Server(angle))
        if right:
            assert asked(tmp_path, ["sun"]).argmax() == 1
        else:
            with pytest.raises(PlanError, match="gives other vectors than when the head was trained"):
                asked(tmp_path, ["sun"])
    opened.cache_clear()


@given(
    st.integers(0, 6),
    st.integers(1, 5),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_layers_are_those_of_plain_numpy_and_rows_alone(
    n: int, size: int, units: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, size)).astype(np.float32)
    layers = [
        (rng.normal(size=(first, second)).astype(np.float32), rng.normal(size=second).astype(np.float32))
        for first, second in zip([size, *units], units, strict=False)
    ]
    expected = vectors.astype(np.float64)
    for at, (weights, bias) in enumerate(layers):
        expected = expected @ weights + bias
        if at + 1 < len(layers):
            expected = np.maximum(expected, 0)
    found = answers(vectors, tuple(layers), False)
    assert np.allclose(found, expected, atol=1e-4)
    shares = np.exp(expected - expected.max(axis=1, keepdims=True))
    classes = answers(vectors, tuple(layers), True)
    assert np.allclose(classes, shares / shares.sum(axis=1, keepdims=True), atol=1e-4)
    order = rng.permutation(n)
    assert np.array_equal(answers(vectors[order], tuple(layers), True), classes[order])
    for row in range(n):
        assert np.array_equal(answers(vectors[row : row + 1], tuple(layers), False)[0], found[row])
