"""Where labelled texts come from."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from classifiers.labelling.labels import LABELS, REVIEWS
from classifiers.training.inputs import Columns, from_files, from_labels
from pipeline.errors import PlanError


def rows(found: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in found.documents.to_pylist()]


def jsonl(path: Path, *documents: dict[str, Any]) -> Path:
    text = "".join(json.dumps(each) + "\n" for each in documents)
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content)
    if path.suffix == ".zst":
        content = zstandard.compress(content)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a[b]*.jsonl"])
def test_jsonl(tmp_path: Path, name: str) -> None:
    jsonl(tmp_path / "ab.jsonl", {"text": "another, by a pattern", "label": 1})
    file = jsonl(
        tmp_path / name,
        {"text": "one\ntwo", "label": 3, "url": "http://a.org", "lang": "de"},
        {"text": "three", "label": None, "url": None, "lang": None},
        {"text": None, "label": 4, "url": None, "lang": None},
    )
    (found,) = from_files([str(file)], Columns())
    assert rows(found, "text", "label", "url", "language", "weight") == [
        ("one\ntwo", "3", "http://a.org", "de", 1.0)
    ]
    assert len(found.documents["id"][0].as_py()) == 32, "a hash of the text"


def test_tables_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('body,class,n\n"x, ""y""\nz",good,2.5\nw,bad,1\n')
    asked = Columns(text="body", label="class", weight="n", group="class", where="n > '1'")
    (found,) = from_files([str(tmp_path / "a.csv")], asked)
    assert rows(found, "text", "label", "weight", "group") == [('x, "y"\nz', "good", 2.5, "good")]
    assert found.about["where"] == "n > '1'"
    (tmp_path / "b.tsv").write_text('HI\tsay "hi\nIN\tsay "in\n')
    (found,) = from_files([str(tmp_path / "b.tsv")], Columns(text="2", label="1"))
    assert rows(found, "text", "label") == [('say "hi', "HI"), ('say "in', "IN")]
    pq.write_table(pa.table({"id": ["7"], "content": ["c"], "label": [True]}), tmp_path / "c.parquet")
    (found,) = from_files([str(tmp_path / "*.parquet")], Columns())
    assert rows(found, "id", "text", "label") == [("7", "c", "true")]


def test_texts_that_parquet_calls_bytes(tmp_path: Path) -> None:
    table = pa.table({"text": ["é à".encode(), b"x"], "label": ["a", "b"], "image": [b"\xff", None]})
    pq.write_table(table, tmp_path / "a.parquet")
    (found,) = from_files([str(tmp_path / "a.parquet")], Columns())
    assert rows(found, "text", "label") == [("é à", "a"), ("x", "b")]
    with pytest.raises(PlanError, match=r"a\.parquet: .*UTF8"):
        from_files([str(tmp_path / "a.parquet")], Columns(text="image"))


def test_rows_without_a_label_are_counted(tmp_path: Path) -> None:
    labels = [1, "x y", "", " ", None, "NaN"]
    file = jsonl(
        tmp_path / "a.jsonl", *({"text": str(at), "label": label} for at, label in enumerate(labels))
    )
    (found,) = from_files([str(file)], Columns())
    assert rows(found, "text", "label") == [("0", "1"), ("1", "x y")], "numbers and words: JSON to DuckDB"
    assert found.without == 4
    for name, content, said in (
        ("latin.csv", "text,label\ncaf\xe9,1\n".encode("latin-1"), "not utf-8 encoded"),
        ("none.jsonl", b"", "none.jsonl: the file is empty"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PlanError, match=said):
            from_files([str(tmp_path / name)], Columns())


def test_lines_of_text(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "a.txt").write_text('one, "two\n\nthree\tfour\n')
    empty, found = from_files([str(tmp_path / "empty.txt"), str(tmp_path / "a.txt")], Columns(), "yes")
    assert rows(empty, "text") == []
    assert rows(found, "text", "label")[0] == ('one, "two', "yes")
    assert rows(found, "text", "label")[-1] == ("three\tfour", "yes")


def test_a_limit_draws_the_same_documents_from_any_order(tmp_path: Path) -> None:
    documents = [{"id": str(at), "text": f"t{at}", "label": "x"} for at in range(40)]
    one = jsonl(tmp_path / "one.jsonl", *documents)
    other = jsonl(tmp_path / "other.jsonl", *documents[::-1])
    drawn = [from_files([str(file)], Columns(limit=5, seed=3))[0] for file in (one, other)]
    assert rows(drawn[0], "id") == rows(drawn[1], "id")
    assert len(rows(drawn[0], "id")) == 5
    assert rows(drawn[0], "id") != rows(from_files([str(one)], Columns(limit=5, seed=4))[0], "id")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", {"words": "x", "label": "y"})
    for asked, said in (
        (Columns(), "no column text or content; name it by --text: words, label"),
        (Columns(text="word"), "--text 'word': no such column; did you mean 'words'"),
        (Columns(text="words", group="site"), "--group 'site': no such column"),
        (Columns(text="words", where="wods = 1"), "wods"),
    ):
        with pytest.raises(PlanError, match=said):
            from_files([str(file)], asked)
    (tmp_path / "w.csv").write_text("text,label,w\nx,y,1\nz,y,\n")
    weighed = from_files([str(tmp_path / "w.csv")], Columns(weight="w"))[0]
    assert weighed.documents["weight"].to_pylist() == [1, 1]
    for weight, said in (("abc", "'abc' .*expected numbers"), ("-2", "found -2; "), ("nan", "found nan; ")):
        (tmp_path / "w.csv").write_text(f"text,label,w\nx,y,1\nz,y,{weight}\n")
        with pytest.raises(PlanError, match=f"--weight: .*{said}"):
            from_files([str(tmp_path / "w.csv")], Columns(weight="w"))
    several = jsonl(tmp_path / "several.jsonl", {"text": {"en": "x"}, "label": ["y", "z"]})
    for asked, said in ((Columns(), "'text'.*STRUCT"), (Columns(text="label"), "'label'.*VARCHAR")):
        with pytest.raises(PlanError, match=f"column {said}.*expected one value in each row"):
            from_files([str(several)], asked)
    with pytest.raises(PlanError, match=r"a folder; name its files: .*/\*\.parquet"):
        from_files([str(tmp_path)], Columns())
    with pytest.raises(PlanError, match=r"nothing\.csv: no such file"):
        from_files([str(tmp_path / "nothing.csv")], Columns())
    (tmp_path / "bad.parquet").write_bytes(b"not Parquet")
    with pytest.raises(PlanError, match=r"bad\.parquet: "):
        from_files([str(tmp_path / "bad.parquet")], Columns())


def labelled(name: str, label: str | None, status: str = "ok") -> dict[str, Any]:
    return {
        "id": name,
        "source": "web",
        "url": f"http://{name}.org",
        "text": f"text {name}",
        "shown": 6,
        "stratum": "all",
        "weight": 10.0,
        "prompt": "edu",
        "prompt_hash": "abc",
        "model": "m",
        "label": label,
        "status": status,
        "tokens_in": 1,
        "tokens_out": 1,
    }


def test_labels_with_reviews(tmp_path: Path) -> None:
    found = [
        labelled("a", "1"),
        labelled("b", "2"),
        labelled("c", None, "refused"),
        labelled("d", None, "failed"),
    ]
    pq.write_table(pa.Table.from_pylist(found, schema=LABELS), tmp_path / "labels.parquet")
    before = from_labels(str(tmp_path))
    assert rows(before, "id", "label", "weight") == [("a", "1", 10.0), ("b", "2", 10.0)]
    assert before.about["statuses"] == {"failed": 1, "ok": 2, "refused": 1}
    assert "agreement" not in before.about
    now = datetime(2026, 1, 1, tzinfo=UTC)
    seen = [
        {"id": name, "label": label, "reviewer": "me", "reviewed_at": now}
        for name, label in (("a", "1"), ("b", "3"), ("c", "0"))
    ]
    pq.write_table(pa.Table.from_pylist(seen, schema=REVIEWS), tmp_path / "reviews.parquet")
    after = from_labels(str(tmp_path))
    assert rows(after, "id", "label") == [("a", "1"), ("b", "3"), ("c", "0")]
    assert after.about["agreement"] == {"documents": 2, "same": 0.5, "kappa": pytest.approx(1 / 3)}
    assert after.sha256 != before.sha256
    by = from_labels(str(tmp_path), group="stratum")
    assert rows(by, "group") == [("all",)] * 3
    with pytest.raises(PlanError, match="--group 'strata': no column of labels; did you mean 'stratum'"):
        from_labels(str(tmp_path), group="strata")


def test_a_folder_without_labels(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"no labels\.parquet"):
        from_labels(str(tmp_path))
    pq.write_table(
        pa.Table.from_pylist([labelled("a", None, "failed")], schema=LABELS), tmp_path / "labels.parquet"
    )
    with pytest.raises(PlanError, match="none of 1 documents has a label"):
        from_labels(str(tmp_path))
