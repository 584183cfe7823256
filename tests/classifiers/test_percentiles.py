"""Places of scores, against plain Python, counts by hand, and NumPy's weighted quantiles."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from classifiers import percentiles, places
from classifiers.percentiles import PASS, Options
from pipeline import sql
from pipeline.cli import app
from pipeline.errors import PlanError
from pipeline.stage import configured

Document = Mapping[str, Any]
Labels = Callable[..., list[dict[str, Any]]]

TYPES = {"edu": pa.float64(), "wiki": pa.float64(), "tokens": pa.int64(), "language": pa.string()}


@pytest.fixture
def labels(make_corpus: Callable[..., Any]) -> Labels:
    """labels(units, partitions=3, **options): the labels of all documents; they bring their own columns."""

    def run(units: Sequence[Sequence[Document]], partitions: int = 3, **options: Any) -> list[dict[str, Any]]:
        named = {name for unit in units for document in unit for name in document}
        corpus = make_corpus(
            units, partitions, {name: TYPES[name] for name in TYPES if name in named | {"edu"}}
        )
        found = corpus.label(PASS, **{"columns": ("edu",), **options})
        run.tables = corpus.tables  # type: ignore[attr-defined]
        return [{name: value for name, value in row.items() if name != "id"} for row in found]

    return run


def of(labels: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in labels]


def test_empty(labels: Labels) -> None:
    assert labels([]) == labels([[], []]) == []
    assert labels([[{"edu": None}, {"edu": math.nan}]]) == [{"edu_percentile": None, "edu_bin": None}] * 2
    assert labels([[{"edu": 0.3}]]) == [{"edu_percentile": 1.0, "edu_bin": 19}]


def test_by_hand(labels: Labels) -> None:
    documents = [{"edu": score} for score in (0.1, 0.4, 0.4, 0.9)]
    found = labels([documents], bins=4)
    assert of(found, "edu_percentile") == [0.25, 0.75, 0.75, 1.0]
    assert of(found, "edu_bin") == [1, 3, 3, 3]
    by_tokens = [{**each, "tokens": count} for each, count in zip(documents, (6, 1, 1, 2), strict=True)]
    found = labels([by_tokens], bins=4, weight="tokens")
    assert of(found, "edu_percentile") == [0.6, 0.8, 0.8, 1.0]
    assert of(found, "edu_bin") == [2, 3, 3, 3]


def test_without_a_token_all_are_last(labels: Labels) -> None:
    found = labels([[{"edu": score, "tokens": 0} for score in (0.1, 0.2)]], weight="tokens")
    assert found == [{"edu_percentile": 0.0, "edu_bin": 0}] * 2


def test_each_in_its_language(labels: Labels) -> None:
    documents = [
        *({"edu": score, "language": "en"} for score in (0.5, 0.6, 0.7, 0.8)),
        *({"edu": score, "language": None} for score in (0.1, 0.2)),
        {"edu": 0.65, "language": "cy"},
        {"edu": None, "language": "cy"},
    ]
    own = labels([documents], min_documents=1, bins=4)
    assert of(own, "edu_percentile") == [0.25, 0.5, 0.75, 1, 0.5, 1, 1, None]
    # Of the one in Welsh (the other has no score) nothing can be said but where it is among all seven.
    joined = labels([documents[:3], documents[3:]], min_documents=2, bins=4)
    assert of(joined, "edu_percentile") == [0.25, 0.5, 0.75, 1, 0.5, 1, 5 / 7, None]
    assert of(joined, "edu_bin") == [1, 2, 3, 3, 2, 3, 2, None]
    everything = labels([documents], within=[])
    assert of(everything, "edu_percentile") == [each / 7 for each in (3, 4, 6, 7, 1, 2, 5)] + [None]


def test_documents_that_are_gone_count_for_nothing(make_corpus: Callable[..., Any]) -> None:
    documents = [{"edu": at / 10, "dropped": at % 3 == 0} for at in range(10)]
    corpus = make_corpus([documents[:4], documents[4:]], 2, {"edu": pa.float64()})
    found = corpus.label(PASS, columns=("edu",), bins=6)
    assert [row["id"] for row in found] == [f"id{at:05d}" for at in range(10) if at % 3]
    assert of(found, "edu_percentile") == [at / 6 for at in range(1, 7)]
    assert of(found, "edu_bin") == [1, 2, 3, 4, 5, 5]


def test_the_table_of_bins(labels: Labels) -> None:
    documents = [
        *({"edu": score / 10, "language": "en", "tokens": 10} for score in range(10)),
        {"edu": 0.35, "language": None, "tokens": 3},
    ]
    labels([documents], min_documents=5, bins=5, weight="tokens")
    rows = pq.read_table(f"{labels.tables}/edu_percentiles").to_pylist()  # type: ignore[attr-defined]
    english = [row for row in rows if not row["everything"]]
    assert [row["least"] for row in english] == [0.0, 0.1, 0.3, 0.5, 0.7]
    assert [(row["language"], row["bin"], row["documents"], row["tokens"]) for row in english] == [
        ("en", 0, 1, 10),
        ("en", 1, 2, 20),
        ("en", 2, 2, 20),
        ("en", 3, 2, 20),
        ("en", 4, 3, 30),
    ]
    among_all = [row for row in rows if row["everything"]]
    assert {row["language"] for row in among_all} == {None}
    assert sum(row["documents"] for row in among_all) == 11 and sum(row["tokens"] for row in among_all) == 103


def test_the_ensemble_takes_the_best(labels: Labels) -> None:
    documents = [
        {"edu": 0.9, "wiki": 0.1},
        {"edu": 0.1, "wiki": 0.8},
        {"edu": 0.5, "wiki": None},
        {"edu": None, "wiki": None},
        {"edu": 0.7, "wiki": 0.7},
    ]
    found = labels([documents], columns=("edu", "wiki"), bins=4, ensemble="quality")
    assert of(found, "edu_bin") == [3, 1, 2, None, 3]
    assert of(found, "wiki_bin") == [1, 3, None, None, 2]
    assert of(found, "quality_bin") == [3, 3, 2, None, 3]
    assert of(found, "quality_best") == ["edu", "wiki", "edu", None, "edu"]


SCORES = st.one_of(
    st.none(), st.sampled_from([0.0, -0.0, 0.25, 0.5, math.inf, -math.inf]), st.floats(-5, 5, allow_nan=False)
)
UNITS = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {
                "edu": SCORES,
                "wiki": SCORES,
                "language": st.sampled_from(["en", "en", "de", None]),
                "tokens": st.integers(0, 5),
            }
        ),
        max_size=12,
    ),
    max_size=4,
)


def expected(
    documents: Sequence[Document], name: str, bins: int, tokens: bool, least: int
) -> list[tuple[float | None, int | None]]:
    """Percentile and bin by their definition, document by document."""
    found: list[tuple[float | None, int | None]] = []
    scored = [each for each in documents if each[name] is not None]
    groups = {each["language"] for each in documents}
    for document in documents:
        if document[name] is None:
            found.append((None, None))
            continue
        among = [each for each in scored if each["language"] == document["language"]]
        if len(groups) > 1 and len(among) < least:
            among = scored
        weights = [(each["tokens"] if tokens else 1, each[name] <= document[name]) for each in among]
        whole = sum(weight for weight, _ in weights)
        share = Fraction(sum(weight for weight, under in weights if under), max(whole, 1))
        found.append((float(share), min(int(share * bins), bins - 1)))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    UNITS, st.sampled_from([1, 2, 7]), st.sampled_from([2, 20]), st.booleans(), st.sampled_from([1, 3, 100])
)
def test_like_the_plain_definition(
    labels: Labels, units: list[list[Document]], partitions: int, bins: int, tokens: bool, least: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_STEP", 2)  # so that a few documents are cut into pieces
        patch.setattr(percentiles, "_BATCH_ROWS", 5)
        found = labels(
            units,
            partitions,
            columns=("edu", "wiki"),
            within=("language",),
            bins=bins,
            weight="tokens" if tokens else "documents",
            min_documents=least,
        )
    documents = [document for unit in units for document in unit]
    for name in ("edu", "wiki"):
        places_of = list(zip(of(found, f"{name}_percentile"), of(found, f"{name}_bin"), strict=True))
        assert places_of == expected(documents, name, bins, tokens, least)


def test_bins_are_those_of_weighted_quantiles(labels: Labels) -> None:
    """Nemotron-CC's: thresholds at every twentieth of the tokens, by the inverse of the distribution."""
    rng = np.random.default_rng(1)
    scores, tokens = rng.beta(0.5, 2, 3000).round(3), rng.integers(1, 5000, 3000)
    thresholds = np.quantile(scores, np.arange(1, 20) / 20, weights=tokens, method="inverted_cdf")
    documents = [{"edu": s, "tokens": t} for s, t in zip(scores.tolist(), tokens.tolist(), strict=True)]
    found = labels([documents[:1100], documents[1100:]], 4, weight="tokens")
    assert of(found, "edu_bin") == np.digitize(scores, thresholds).tolist()
    rows = pq.read_table(f"{labels.tables}/edu_percentiles").to_pylist()  # type: ignore[attr-defined]
    assert [row["least"] for row in rows][1:] == thresholds.tolist()


def test_pieces_are_about_as_large(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by `partitions`, wherever the scores lie."""
    monkeypatch.setattr(places, "_STEP", 16)
    rows: list[int] = []
    gathered = places._gathered

    def counted(files: Sequence[str], pieces: int, piece: int) -> Any:
        keys, document = gathered(files, pieces, piece)
        rows.append(len(document))
        return keys, document

    monkeypatch.setattr(places, "_gathered", counted)
    rng = np.random.default_rng(2)
    scores = np.concatenate([rng.normal(0, 1e-6, 3000), rng.normal(5, 1, 1000)])
    surveys, files = [], []
    tables = labels([[{"edu": score} for score in scores.tolist()]], 1)
    assert len(tables) == 4000
    held = places.Scores(("",), np.zeros(4000, np.int64), scores[None], np.ones(4000, np.int64))
    surveys.append(places.survey(held, 0))
    cut = places.layout(surveys, 1, 1, 8)
    path = f"{labels.tables}/rows.parquet"  # type: ignore[attr-defined]
    places.write_rows(path, cut, held, 0)
    files.append(path)
    rows.clear()
    totals = [places.total(files, cut.pieces, piece) for piece in range(cut.pieces)]
    assert cut.pieces == 8 and sum(rows) == 4000 and max(rows) < 700
    assert sum(int(weights.sum()) for _, weights in totals) == 4000


def test_too_many_groups(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(percentiles, "MOST_GROUPS", 2)
    documents = [{"edu": 0.5, "language": language} for language in ("en", "de", "fr")]
    with pytest.raises(PlanError, match="within: language parts the corpus into 3; expected at most 2"):
        labels([documents])


def test_what_it_reads_and_tells() -> None:
    asked = Options(columns=("edu", "wiki"), within=("source",), weight="tokens", ensemble="quality")
    step = configured(PASS, asked)
    assert step.reads == ("edu", "wiki", "source", "tokens")
    assert step.adds.names[-2:] == ["quality_bin", "quality_best"]
    assert list(step.tables) == ["edu_percentiles", "wiki_percentiles"]
    assert list(step.describe(asked)) == [
        "each document among those of its source; 20 bins of equal tokens",
        "where these are fewer than 100, among all documents",
    ]


def test_sources_without_a_language_are_named() -> None:
    def notes(*languages: str, **options: Any) -> Sequence[str]:
        sources = {name: {"edu", "language"} if name in languages else {"edu"} for name in ("web", "notes")}
        return PASS.notes(Options(columns=("edu",), **options), sources)

    assert notes("web", "notes") == notes(within=[]) == []
    assert notes() == ["percentiles: no source has a column 'language': documents are placed among all"]
    (note,) = notes("web")
    assert notes("web", within=["language"]) == [note]
    assert note.startswith("percentiles: notes without a column 'language': documents there are placed among")


RUN = """\
corpus: made
output: out
sources:
  pages: {read: parquet, paths: pages.parquet, keep: [language, edu_score, wiki_score]}
  notes: {read: jsonl, paths: notes.jsonl}
tripwires: off
across:
  - percentiles:
      columns: [edu_score, wiki_score]
      within: [language]
      min_documents: 10
      ensemble: quality
      rules: {not_the_best: quality_bin < 15}
"""


def write_inputs(folder: Path) -> None:
    rng = np.random.default_rng(3)
    languages = ["en"] * 60 + ["de"] * 30 + ["cy"] * 5
    table = pa.table(
        {
            "text": [f"Page {at}." for at in range(95)],
            "language": languages,
            "edu_score": rng.random(95),
            "wiki_score": rng.random(95).astype(np.float32),
        }
    )
    pq.write_table(table, folder / "pages.parquet")
    (folder / "notes.jsonl").write_text(json.dumps({"text": "A note."}), "utf-8")


def test_a_rule_keeps_the_best_of_each_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_inputs(tmp_path)
    (tmp_path / "run.yaml").write_text(RUN, "utf-8")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["run", "run.yaml", "--engine", "inline"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    note = "percentiles: notes without a column 'language'"
    assert note in told.output and note in CliRunner().invoke(app, ["plan", "run.yaml"]).output
    with sql.connect("out") as connection:
        every = "(SELECT * FROM documents UNION ALL BY NAME SELECT * FROM dropped)"
        best = connection.execute(
            f"SELECT language, count(*) FILTER (quality_bin >= 15) FROM {every} "
            "WHERE quality_bin IS NOT NULL GROUP BY 1 HAVING count(*) >= 10 ORDER BY 1"
        ).fetchall()
        kept = connection.execute(
            "SELECT language, count(*) FROM documents WHERE language <> 'cy' GROUP BY 1 ORDER BY 1"
        ).fetchall()
        unscored = connection.execute("SELECT count(*) FROM documents WHERE source = 'notes'").fetchone()
        groups = connection.execute(
            "SELECT language, everything, sum(documents) FROM edu_score_percentiles GROUP BY ALL ORDER BY 3"
        ).fetchall()
    assert best == kept and unscored == (1,)
    assert groups == [("de", False, 30), ("en", False, 60), (None, True, 95)]


def test_faults_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)

    def fault(before: str, after: str) -> str:
        (tmp_path / "run.yaml").write_text(RUN.replace(before, after), "utf-8")
        told = CliRunner().invoke(app, ["plan", "run.yaml"])
        assert told.exit_code != 0
        return str(told.exception) + told.output

    assert "run.yaml:8" in fault("[edu_score, wiki_score]", "edu_scores")
    assert "'edu_scores', which is not there; did you mean 'edu_score'" in fault(
        "[edu_score, wiki_score]", "edu_scores"
    )
    assert "which holds string; expected a column of numbers" in fault("[edu_score, wiki_score]", "text")
    assert "'edu-score' cannot be part of a table's name" in fault("[edu_score, wiki_score]", "edu-score")
    assert "'columns' is missing" in fault("columns: [edu_score, wiki_score]", "bins: 20")
