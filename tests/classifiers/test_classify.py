"""Scores of a classifier: a small fastText model written by hand, against what its numbers come to."""

import json
import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from classifiers.classify import STAGE, Options
from classifiers.model import FASTTEXT, FILE, Model, digest, digests, load_model, save_model, scores
from classifiers.scorer import module_of, open_scorer, prepared
from pipeline import steps
from pipeline.batch import Batch
from pipeline.cli import app
from pipeline.closure import followed
from pipeline.errors import PlanError
from pipeline.stage import configured
from pipeline.store import read_json

SOFTMAX, ONE_AGAINST_ALL = 3, 4
PULLS: dict[str, dict[str, float]] = {"tide": {"yes": 6}, "casino": {"no": 6}, "river": {"yes": 3, "no": 1}}


def write_fasttext(
    file: Path, labels: Sequence[str], loss: int, pulls: Mapping[str, Mapping[str, float]]
) -> None:
    """A model whose vectors are `pulls`: how much a word speaks for each label. A line's end has none."""
    words = list(pulls)
    header = struct.pack("<ii", 793712314, 12)
    header += struct.pack("<12id", len(labels), 5, 1, 1, 5, 1, loss, 3, 0, 0, 0, 100, 0.0)
    dictionary = struct.pack("<iiiqq", len(words) + len(labels), len(words), len(labels), 100, -1)
    for word in words:
        dictionary += word.encode() + b"\0" + struct.pack("<qb", 10, 0)
    for label in labels:
        dictionary += f"__label__{label}".encode() + b"\0" + struct.pack("<qb", 5, 1)
    inputs = np.array([[pulls[word].get(label, 0) for label in labels] for word in words], "<f4")
    outputs = np.eye(len(labels), dtype="<f4")
    matrices = b""
    for matrix in (inputs, outputs):
        matrices += struct.pack("<?qq", False, *matrix.shape) + matrix.tobytes()
    file.write_bytes(header + dictionary + matrices)


Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """folder(**what model.yaml says, pulls=…, loss=…): a model in a folder of its own."""

    def make(
        name: str = "edu",
        labels: Sequence[str] = ("no", "yes"),
        pulls: Mapping[str, Mapping[str, float]] = PULLS,
        loss: int = SOFTMAX,
        **said: Any,
    ) -> Path:
        made = tmp_path / "models" / name
        made.mkdir(parents=True, exist_ok=True)
        said = {"score": "probability", "positive": "yes"} | said if "score" not in said else said
        save_model(made, Model(name=name, kind="fasttext", labels=tuple(labels), **said))
        write_fasttext(made / FASTTEXT, sorted(labels, reverse=True), loss, pulls)
        return made

    return make


def measured(options: Options, texts: Sequence[str | None]) -> dict[str, list[Any]]:
    stage = configured(STAGE, options)
    arrays = list(stage.open(options)(Batch(pa.table({"text": pa.array(texts, pa.string())}))))
    found: dict[str, list[Any]] = pa.table(arrays, schema=stage.adds).to_pydict()
    return found


def softmax(*values: float) -> list[float]:
    whole = sum(map(math.exp, values))
    return [math.exp(value) / whole for value in values]


def close(values: Any, error: float = 2e-5) -> Any:
    """fastText adds 1e-5 to each probability."""
    return pytest.approx(values, abs=error)


def test_empty_and_unknown(folder: Folder) -> None:
    texts = ["", " \n\t\u3000", None, "nothing known"]
    found = measured(Options(model=str(folder()), labels=2, probabilities=("yes",)), texts)
    assert found == {
        "edu_score": [0.0] * 4,
        "edu_label": [""] * 4,
        "edu_second": [""] * 4,
        "edu_second_score": [0.0] * 4,
        "edu_yes_probability": [0.0] * 4,
    }
    assert measured(Options(model=str(folder())), []) == {"edu_score": [], "edu_label": []}


def test_by_hand(folder: Folder) -> None:
    texts = ["tide", "casino", "tide river", "the tide\nriver river casino", "Tide"]
    found = measured(Options(model=str(folder())), texts)
    yes = [softmax(0, 6)[1], softmax(6, 0)[1], softmax(0.5, 4.5)[1], softmax(8 / 4, 12 / 4)[1]]
    assert found["edu_score"] == close([*yes, 0])
    assert found["edu_label"] == ["yes", "no", "yes", "yes", ""]
    lower = measured(Options(model=str(folder(lowercase=True))), ["Tide", "CASINO tide"])
    assert lower["edu_score"] == close([yes[0], 0.5])


def test_a_grade(folder: Folder) -> None:
    pulls = {"poor": {"0": 3}, "fair": {"2": 4}, "good": {"5": 9}}
    model = folder("grade", ("0", "2", "5"), pulls, score="expected")
    found = measured(Options(model=str(model), labels=0), ["good", "fair poor", "", "?"])
    good, mixed = softmax(0, 0, 9), softmax(1.5, 2, 0)
    grades = [2 * good[1] + 5 * good[2], 2 * mixed[1] + 5 * mixed[2], 0, 0]
    assert found == {"grade_score": close(grades, 2e-4)}
    # One against all: the probabilities together are not 1. A table stands for the exponential function.
    apart = folder("apart", ("0", "2", "5"), pulls, ONE_AGAINST_ALL, score="expected")
    [score] = measured(Options(model=str(apart)), ["fair"])["apart_score"]
    strong = 1 / (1 + math.exp(-4))
    assert score == close((2 * strong + 5 * 0.5) / (strong + 1), 1e-2)


def test_topics(folder: Folder) -> None:
    pulls = {
        "goal": {"sport": 4, "news & talk": 2},
        "vote": {"news & talk": 5},
        "both": {"art": 1, "sport": 1},
    }
    labels = ("art", "sport", "news & talk")
    model = folder("topic", labels, pulls, score="top")
    asked = Options(model=str(model), labels=2, probabilities=("news & talk",))
    found = measured(asked, ["goal", "vote", "both", "…"])
    sport, news, _ = softmax(4, 2, 0)
    assert found["topic_score"] == close([sport, softmax(5, 0, 0)[0], softmax(1, 1, 0)[0], 0])
    # Of equal ones the first in the order of the labels.
    assert found["topic_label"] == ["sport", "news & talk", "art", ""]
    assert found["topic_second"][0] == "news & talk" and found["topic_second"][2:] == ["sport", ""]
    assert found["topic_second_score"][0] == close(news)
    assert found["topic_news___talk_probability"][0] == close(news)


def test_a_text_is_scored_by_itself(folder: Folder) -> None:
    texts = [
        "tide",
        "",
        "casino river",
        None,
        "nothing",
        "Tide casino tide",
        "river\nriver",
        "x" * 5000,
        "\x00",
    ]
    options = Options(model=str(folder(lowercase=True)), labels=2)
    whole = measured(options, texts * 30)
    for row, text in enumerate(texts):
        alone = measured(options, [text])
        assert {name: values[row] for name, values in whole.items()} == {
            name: values[0] for name, values in alone.items()
        }
    stage = configured(STAGE, options)
    for kind in (pa.string(), pa.large_string()):
        table = pa.table({"text": pa.array(["", *texts, ""], kind)}).slice(1, len(texts))
        found = pa.table(list(stage.open(options)(Batch(table))), schema=stage.adds).to_pydict()
        assert found == {name: values[: len(texts)] for name, values in whole.items()}


def test_probabilities_by_label_in_the_order_of_model_yaml(folder: Folder) -> None:
    made = folder()
    model = Model(name="edu", kind="fasttext", score="probability", labels=("no", "yes"), positive="yes")
    found = open_scorer(made, model)(prepared(pa.array(["casino", "?", None]), False))
    assert found.dtype == np.float32 and found.shape == (3, 2)
    assert found[0].tolist() == close(softmax(6, 0)) and np.isnan(found[1:]).all()


def test_scores_do_not_depend_on_company() -> None:
    model = Model(name="g", kind="fasttext", score="expected", labels=("0", "1", "2.5"))
    answers = np.random.default_rng(0).random((999, 3)).astype(np.float32)
    whole = scores(model, answers)
    assert all(scores(model, answers[at : at + 1])[0] == whole[at] for at in range(0, 999, 37))
    assert whole == pytest.approx(answers @ np.array([0, 1, 2.5]) / answers.sum(axis=1))
    nothing = scores(model, np.array([[0, 0, 0], [np.nan] * 3], np.float32))
    assert np.isnan(nothing).all()


def test_columns_are_named_after_the_model(folder: Folder) -> None:
    made = str(folder())
    assert configured(STAGE, Options(model=made)).adds.names == ["edu_score", "edu_label"]
    assert configured(STAGE, Options(model=made, name="old", labels=0)).adds.names == ["old_score"]
    unit = configured(STAGE, Options(model=made)).adds.field("edu_score").metadata
    assert unit[b"unit"] == b"probability" and unit[b"about"] == b"of the label yes; 0 where undecided"


def test_the_fingerprint_names_the_content(folder: Folder) -> None:
    made = folder()
    before = STAGE.fingerprint(Options(model=str(made)))
    assert before == f"edu sha256:{digest(made)}"
    (made / "CARD.md").write_text("of the model", "utf-8")
    assert STAGE.fingerprint(Options(model=str(made))) == before
    folder(pulls={**PULLS, "tide": {"yes": 7}})
    assert STAGE.fingerprint(Options(model=str(made))) != before


def test_code_of_the_models_kind_alone_decides(folder: Folder) -> None:
    stage = configured(STAGE, Options(model=str(folder())))
    found = set(followed([steps.STAGES["classify"], *stage.code]))
    assert {"classifiers.classify", "classifiers.scorer", "classifiers.kinds.fasttext"} <= found
    assert not {name for name in found if name.startswith("embedding") or name.endswith(".transformer")}
    head = Model(name="head", kind="embedding", score="probability", labels=("no", "yes"), positive="yes")
    assert {"classifiers.kinds.embedding", "embedding.embed"} <= set(followed([module_of(head)]))


def test_faults(folder: Folder) -> None:
    made = folder()
    with pytest.raises(PlanError, match=r"'/none': .* cannot be read .*`winnow train` wrote"):
        configured(STAGE, Options(model="/none"))
    with pytest.raises(PlanError, match="model 'edu' has no label 'yess'; did you mean 'yes'"):
        configured(STAGE, Options(model=str(made), probabilities=("yess",)))
    model = Model(name="x", kind="fasttext", score="top", labels=("a b", "a-b"))
    save_model(made, model)
    with pytest.raises(PlanError, match="would both be column 'x_a_b_probability'"):
        configured(STAGE, Options(model=str(made), probabilities=("a b", "a-b")))
    for open_ in (STAGE.fingerprint, STAGE.open):
        with pytest.raises(PlanError, match=r"labels a b, a-b, but model\.bin has no, yes"):
            open_(Options(model=str(made)))
    (made / FASTTEXT).write_bytes(b"no model")
    for open_ in (STAGE.fingerprint, STAGE.open):
        with pytest.raises(PlanError, match="is not a fastText model that can be used"):
            open_(Options(model=str(made)))
    (made / FASTTEXT).unlink()
    for open_ in (STAGE.fingerprint, STAGE.open):
        with pytest.raises(PlanError, match=r"there is no model\.bin; expected the whole folder"):
            open_(Options(model=str(made)))


def test_a_file_that_is_not_the_trained_one_is_refused(folder: Folder) -> None:
    made = folder()
    model = load_model(made).model_copy(update={"files": digests(made)})
    save_model(made, model.model_copy(update={"files": {FASTTEXT: model.files[FASTTEXT]}}))
    assert STAGE.fingerprint(Options(model=str(made)))
    content = (made / FASTTEXT).read_bytes()
    (made / FASTTEXT).write_bytes(
        content[:-1] + bytes([content[-1] ^ 1])
    )  # a model still, with other answers
    with pytest.raises(PlanError, match=r"model\.bin is not the file that was trained .* out of `files`"):
        STAGE.fingerprint(Options(model=str(made)))
    (made / FASTTEXT).unlink()
    with pytest.raises(PlanError, match=r"there is no .*model\.bin; expected the whole folder"):
        STAGE.fingerprint(Options(model=str(made)))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("labels", [0, 1], "labels.0: found 0; expected a text, in quotes"),
        ("labels", [False, True], "labels.0: found False; expected a text, in quotes"),
        ("range", [1, 0], "range: found [1.0, 0.0]; expected two numbers, the lower one first"),
        ("range", [float("nan"), 1], "range: found [nan, 1.0]; expected two numbers"),
        ("threshold", float("nan"), "threshold: found the number nan; expected a finite number"),
        ("labels", "no", "labels: found 'no'; expected a list"),
        ("treshold", 1, "treshold: no such key; did you mean 'threshold'?"),
        ("score", "value", "score value: a fastText model answers with labels"),
        ("score", "expected", "score expected: labels no, yes; expected numbers"),
    ],
)
def test_what_model_yaml_cannot_say(folder: Folder, key: str, value: Any, said: str) -> None:
    made = folder()
    content = yaml.safe_load((made / FILE).read_text())
    (made / FILE).write_text(yaml.safe_dump({**content, key: value}))
    with pytest.raises(PlanError, match=re.escape(said)):
        load_model(made)


RUN = """\
corpus: made
output: out
sources:
  pages:
    read: jsonl
    paths: pages.jsonl
    steps:
      - classify: models/edu
      - classify: {model: models/topic, name: subject}
      - rules: {not_edu: edu_score < 0.5}
tripwires: off
"""


@pytest.fixture
def run_folder(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder()
    folder("topic", ("art", "sport"), {"goal": {"sport": 4}, "tide": {"art": 1}}, score="top")
    texts = ["the tide", "a casino", "goal by the river", ""]
    lines = [json.dumps({"text": text, "id": str(at)}) for at, text in enumerate(texts)]
    (tmp_path / "pages.jsonl").write_text("\n".join(lines), "utf-8")
    (tmp_path / "run.yaml").write_text(RUN, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def winnow(*arguments: str, code: int = 0) -> str:
    told = CliRunner().invoke(app, list(arguments))
    assert told.exit_code == code, told.output
    return told.output


@pytest.mark.usefixtures("run_folder")
def test_a_run_with_two_models() -> None:
    plan = winnow("plan", "run.yaml")
    assert "classify {model: models/edu}" in plan and "adds edu_score, edu_label" in plan
    winnow("run", "run.yaml", "--engine", "inline", "-q")
    query = "SELECT text, edu_label, subject_label, round(subject_score, 2) FROM {} ORDER BY text"
    told = [
        json.loads(line)
        for line in winnow("sql", "out", query.format("documents"), "--format", "json").splitlines()
    ]
    assert [list(row.values()) for row in told] == [
        ["goal by the river", "yes", "sport", 0.98],
        ["the tide", "yes", "art", 0.73],
    ]
    manifest = read_json("out/manifest.json")
    listed = {
        step["fingerprint"] for step in manifest["sources"]["pages"]["steps"] if step["name"] == "classify"
    }
    assert listed == {f"{name} sha256:{digest(f'models/{name}')}" for name in ("edu", "topic")}
    asked = (
        "SELECT options->>'model' AS model, fingerprint FROM steps WHERE step = 'classify' AND part = 'pages'"
    )
    rows = [json.loads(line) for line in winnow("sql", "out", asked, "--format", "json").splitlines()]
    assert {f"{row['model'].removeprefix('models/')} sha256:{digest(row['model'])}" for row in rows} == listed


@pytest.mark.usefixtures("run_folder")
def test_another_model_of_that_name_is_asked_anew(folder: Folder) -> None:
    winnow("run", "run.yaml", "--engine", "inline", "-q")
    folder(pulls={**PULLS, "tide": {"no": 6}})
    winnow("run", "run.yaml", "--engine", "inline", "-q")
    told = winnow("sql", "out", "SELECT text FROM documents", "--format", "csv")
    assert told.split() == ["text", "goal", "by", "the", "river"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "models/edu",
            "models/none",
            "run.yaml:8: model 'models/none': models/none/model.yaml cannot be read",
        ),
        (
            "models/edu",
            "s3://b/edu",
            "run.yaml:8: step classify: model: found 's3://b/edu'; expected a folder on",
        ),
        ("- classify: models/edu", "- classify", "run.yaml:8: step classify: key 'model' is missing"),
        (
            ", name: subject",
            ", name: edu",
            "run.yaml:9: step 'classify' adds column 'edu_score', which is there",
        ),
        ("- classify: models/edu", "- classify: {model: models/edu, labels: true}", "labels is true"),
        ("models/edu", "models/edo", "did you mean 'models/edu'?"),
        (", name: subject", ", name: edu", "one can be given another by `name`"),
        (
            "- classify: models/edu",
            "- recipe: safety",
            "run.yaml:8: step 'dirty_words' of recipe 'safety' reads column 'language', which is not there",
        ),
    ],
)
def test_faults_of_the_plan(run_folder: Path, before: str, after: str, said: str) -> None:
    (run_folder / "run.yaml").write_text(RUN.replace(before, after), "utf-8")
    told = CliRunner().invoke(app, ["plan", "run.yaml"])
    assert told.exit_code != 0
    assert said in " ".join((told.output + str(told.exception)).split())


def test_it_is_described() -> None:
    assert "columns depend on the options" in winnow("steps", "classify")
    assert steps.stage("classify").options.short == "model"
