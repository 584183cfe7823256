"""Documents and personal data of each registered domain, against counts by hand."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from filters.domains import PASS
from pipeline import sql
from pipeline.cli import app
from pipeline.errors import PlanError

Document = tuple[str | None, int | None]  # URL and hits


@pytest.fixture
def labels(make_corpus: Callable[..., Any]) -> Callable[..., list[dict[str, Any]]]:
    """labels(units, partitions): a dictionary of columns per document."""

    def label(units: Sequence[Sequence[Document]], partitions: int, **options: Any) -> list[dict[str, Any]]:
        rows = [[{"url": url, "found": hits} for url, hits in documents] for documents in units]
        corpus = make_corpus(rows, partitions, {"found": pa.int32()})
        found: list[dict[str, Any]] = corpus.label(PASS, hits=("found",), **options)
        return [{name: row[name] for name in PASS.adds.names} for row in found]

    return label


def expected(documents: Sequence[Document], domain_of: dict[str | None, str]) -> list[dict[str, Any]]:
    count, hits, hit = Counter[str](), Counter[str](), Counter[str]()
    for url, found in documents:
        if domain := domain_of[url]:
            count[domain] += 1
            hits[domain] += found or 0
            hit[domain] += bool(found)
    return [
        {
            "domain": domain,
            "domain_documents": count[domain],
            "domain_personal_data": hits[domain],
            "domain_personal_data_share": hit[domain] / count[domain] if domain else 0,
            "domain_personal_data_per_document": hits[domain] / count[domain] if domain else 0,
        }
        for domain in (domain_of[url] for url, _ in documents)
    ]


DOMAINS: dict[str | None, str] = {
    "http://www.site.org/a": "site.org",
    "https://site.org:8080/b?c": "site.org",
    "http://news.shop.co.uk/": "shop.co.uk",
    "http://one.blogspot.com/x": "one.blogspot.com",
    "http://two.blogspot.com/": "two.blogspot.com",
    "http://93.184.216.34/x": "93.184.216.34",
    "no address": "",
    "": "",
    None: "",
}


def test_no_documents(labels: Any) -> None:
    assert labels([], 2) == []
    assert labels([[], []], 2) == []


def test_a_document_without_a_url_belongs_to_no_domain(labels: Any) -> None:
    assert (
        labels([[(None, 5), ("", None)]], 1)
        == [
            {
                "domain": "",
                "domain_documents": 0,
                "domain_personal_data": 0,
                "domain_personal_data_share": 0,
                "domain_personal_data_per_document": 0,
            }
        ]
        * 2
    )


def test_companies_suffixes(labels: Any) -> None:
    unit = [("http://one.blogspot.com/x", 1), ("http://two.blogspot.com/", 0)]
    (first, second) = labels([unit], 1, private=False)
    assert first == second
    assert first["domain"] == "blogspot.com" and first["domain_documents"] == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(sorted(DOMAINS, key=str)), st.one_of(st.none(), st.integers(0, 3))),
            max_size=9,
        ),
        max_size=4,
    ),
    st.sampled_from([1, 3, 7]),
)
def test_counts_do_not_depend_on_units_or_partitions(
    labels: Any, units: list[list[Document]], partitions: int
) -> None:
    documents = [document for unit in units for document in unit]
    assert labels(units, partitions) == expected(documents, DOMAINS)


RUN = """\
corpus: made
output: out
sources:
  pages:
    read: jsonl
    paths: '*.jsonl'
    steps:
      - personal_data: {rules: {}}
across:
  - domains: {rules: {much_personal_data: "domain_documents >= 3 AND domain_personal_data_share > 0.5"}}
"""


def test_a_rule_drops_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: defaultdict[int, list[dict[str, str | None]]] = defaultdict(list)
    for at in range(12):
        text = f"Person {at}: person{at}@mail.org, call 212-555-01{at:02d}." if at % 4 else "Nothing here."
        pages[at % 2].append({"text": text, "url": f"https://www.people.com/{at}"})
        pages[at % 2].append({"text": f"Page {at}.", "url": f"https://other.com/{at}"})
    pages[0].append({"text": "Write to me@mail.org.", "url": None})
    for number, rows in pages.items():
        (tmp_path / f"{number}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "run.yaml").write_text(RUN, "utf-8")
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["run", "run.yaml", "--engine", "inline", "-q"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    columns = "domain, domain_documents, domain_personal_data, domain_personal_data_share, count(*)"
    found = {
        view: sql.connect("out")
        .execute(f"SELECT {columns} FROM {view} GROUP BY ALL ORDER BY domain")
        .fetchall()
        for view in ("documents", "dropped")
    }
    assert found == {
        "documents": [("", 0, 0, 0, 1), ("other.com", 12, 0, 0, 12)],
        "dropped": [("people.com", 12, 18, 0.75, 12)],
    }


def test_a_column_that_is_not_there_is_a_fault_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", "url": "http://a.org/"}), "utf-8")
    (tmp_path / "run.yaml").write_text(
        RUN.replace("      - personal_data: {rules: {}}\n", "").replace("    steps:\n", ""), "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=r"'personal_data_emails', which is not there.*step 'personal_data'"):
        CliRunner().invoke(app, ["plan", "run.yaml"], catch_exceptions=False)
