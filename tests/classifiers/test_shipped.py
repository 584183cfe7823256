"""The models that come with winnow: found by name, whole, and of some sense."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from classifiers.classify import STAGE, Options, fingerprint, of
from classifiers.labelling.prompt import load_prompt
from classifiers.model import CARD, REPORT, digest
from classifiers.shipped import MODELS, folder_of, names
from pipeline.batch import Batch
from pipeline.errors import PlanError
from pipeline.stage import configured

TEACHES = (
    "Photosynthesis is the process by which plants turn light into chemical energy. In the first stage, "
    "molecules of chlorophyll absorb light and split water, which releases oxygen. In the second stage the "
    "energy is used to build sugar from carbon dioxide. For example, a leaf in the shade makes less sugar "
    "because fewer molecules of chlorophyll are excited, and the theory therefore predicts slower growth. "
)
SELLS = (
    "Buy now! Free shipping on all orders. Contact us today for the best prices, add to cart, click here to "
    "log in to your account, and do not miss our weekly deals. Call our friendly team for a free quote. "
)


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("", ""),
        ("edu_small", "edu_small"),
        ("models/edu_small", "models/edu_small"),
        ("winnow:edu_small", str(MODELS / "edu_small")),
    ],
)
def test_a_model_is_a_folder_unless_winnow_is_named(model: str, folder: str) -> None:
    assert str(folder_of(model)) == (folder or ".")


@pytest.mark.parametrize(
    ("model", "said"), [("winnow:edu_smal", "did you mean 'edu_small'"), ("winnow:", "edu_small")]
)
def test_a_name_that_winnow_does_not_have(model: str, said: str) -> None:
    with pytest.raises(PlanError, match=f"no model of that name comes with winnow; .*{said}"):
        of(Options(model=model))


@pytest.mark.parametrize("name", names())
def test_card_and_report_are_of_the_model_beside_them(name: str) -> None:
    folder = MODELS / name
    report = json.loads((folder / REPORT).read_text("utf-8"))
    assert digest(folder) == report["sha256"]
    assert f"SHA-256 {digest(folder)[:16]}" in (folder / CARD).read_text("utf-8")
    assert report["sha256"] in fingerprint(Options(model=f"winnow:{name}"))


def test_what_teaches_is_graded_above_what_sells() -> None:
    stage = configured(STAGE, Options(model="winnow:edu_small"))
    assert [field.name for field in stage.adds] == ["edu_small_score", "edu_small_label"]
    texts = pa.array(["", SELLS * 4, TEACHES * 4], pa.large_string())
    scores, _ = stage.open(Options(model="winnow:edu_small"))(Batch(pa.table({"text": texts})))
    empty, sells, teaches = scores.to_pylist()
    assert empty == 0
    assert 0 < sells < 1.2 and sells + 0.5 < teaches <= 4


def test_labels_are_kept_without_the_texts() -> None:
    labels = pq.read_table(MODELS / "labels.parquet")
    assert "text" not in labels.column_names
    assert labels.num_rows == 2 * len(set(labels["id"].to_pylist())) == 1998
    for prompt in ("educational_quality", "topic"):
        of_prompt = labels.filter(pc.equal(labels["prompt"], prompt))
        assert set(of_prompt["label"].to_pylist()) <= set(load_prompt(prompt).labels)
