"""`winnow whatif` where other documents come to a pass: what it cannot know it does not call exact."""

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline import sql
from pipeline.config import load
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings
from pipeline.whatif import question
from pipeline.whatif_answer import Answer, answer

WORDS = [
    "river",
    "runs",
    "through",
    "quiet",
    "valley",
    "where",
    "farmers",
    "keep",
    "sheep",
    "and",
    "sell",
    "wool",
]


def run(folder: Path, documents: list[dict[str, Any]], across: list[Any], high: str) -> str:
    """A run whose source has the rule `a_high`; the run file."""
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(documents), folder / "web.parquet")
    web = {
        "read": "parquet",
        "paths": [f"{folder}/web.parquet"],
        "keep": ["a"],
        "steps": [{"rules": {"a_high": high}}],
    }
    data = {"corpus": "asked", "output": f"{folder}/out", "tripwires": "off", "sources": {"web": web}}
    (folder / "run.yaml").write_text(yaml.safe_dump({**data, "across": across}, sort_keys=False))
    Run(make_plan(load(f"{folder}/run.yaml")), Settings("inline"), Progress(quiet=True))()
    return f"{folder}/run.yaml"


def left(file: str) -> int:
    """Documents that a run has left."""
    with sql.connect(str(Path(file).parent / "out")) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM documents").fetchall()
    return int(count)


def ask(file: str, *rules: str) -> Answer:
    return answer(question(file, list(rules)))


def test_clusters_that_are_verified_are_not_said_to_be_known(tmp_path: Path) -> None:
    """Not where documents come or go; another rule on labels that are there is counted."""
    rng = random.Random(8)
    texts = [rng.choices(WORDS, k=20) for _ in range(12)]
    documents = [
        {"text": " ".join([*rng.choice(texts), rng.choice(WORDS)]), "a": rng.randint(0, 9)} for _ in range(60)
    ]

    def across(rule: str) -> list[Any]:
        options = {"verify": True, "bands": 10, "rows": 2, "ngram": 2}
        return [{"minhash": {**options, "rules": {"minhash_duplicate": rule}}}]

    file = run(tmp_path / "before", documents, across("minhash_rank > 0"), "a > 7")
    for rule in ("a_high: a > 5", "a_high: null"):
        found = ask(file, rule)
        assert not found.exact and not found.bounded
        assert "its labels be others" in found.reasons[0]
    found = ask(file, "minhash_duplicate: minhash_rank > 1")
    after = run(tmp_path / "after", documents, across("minhash_rank > 1"), "a > 7")
    total = found.left.total
    assert found.exact and total.documents_least == total.documents_most == left(after) > left(file)


@pytest.mark.parametrize("own", [{"exact_duplicate": "exact_rank > 0"}, {}], ids=["dropped", "labelled"])
@pytest.mark.parametrize(
    ("behind", "rule"),
    [
        ("url", "exact_size > 1"),
        ({"minhash": {"verify": False, "within": ["exact_size"], "rules": {}}}, "minhash_size = 1"),
    ],
    ids=["a rule", "a pass"],
)
def test_labels_that_a_later_layer_reads_are_not_said_to_stay(
    tmp_path: Path, own: dict[str, str], behind: Any, rule: str
) -> None:
    """Of two copies one goes at its source, and with it the size of the other's cluster: in the layer of the
    pass nothing is decided otherwise, but perhaps in the one behind it."""
    documents = [{"text": "one and the same", "date": datetime(2024, 1, 2 - at), "a": at} for at in range(2)]
    across = [{"exact": {"rules": own}}, behind, {"rules": {"late": rule}}]
    file = run(tmp_path / "before", documents, across, "a > 1")
    found = ask(file, "a_high: a > 0")
    assert not found.exact and not found.bounded
    assert any("rule late reads labels of 1-exact, which would be others" in each for each in found.reasons)
    if rule.startswith("exact"):
        assert left(file) == 0 and left(run(tmp_path / "after", documents, across, "a > 0")) == 1
