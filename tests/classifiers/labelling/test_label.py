import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from classifiers.labelling.cost import Prices
from classifiers.labelling.endpoint import Endpoint
from classifiers.labelling.label import Job, label
from classifiers.labelling.labels import LABELS, REVIEWS, SAMPLE, read_labels
from pipeline.errors import EngineError, PlanError

DRAWN = {"run": "/runs/made", "size": 6, "by": ["source"]}
TEXTS = ("red", "rot", "blue", "blau", "red", "")


def batch(texts: tuple[str, ...] = TEXTS) -> pa.RecordBatch:
    rows = [
        {
            "id": f"id{at}",
            "source": "web",
            "url": None if at else "http://a.example/",
            "path": None,
            "language": "de" if at % 2 else "en",
            "text": text,
            "stratum": "web / de" if at % 2 else "web / en",
            "weight": 10.0 if at % 2 else 30.0,
        }
        for at, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SAMPLE)


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    file = tmp_path / "colour.yaml"
    file.write_text(
        "name: colour\nabout: what colour\nlabels: {'1': red, '2': blue}\nordered: true\n"
        "system: '{labels}\n\n  {answer}'\nuser: '<{text}>'\n"
    )
    return str(file)


Labelled = Callable[..., str]


@pytest.fixture
def labelled(llm: Any, prompt: str, tmp_path: Path) -> Labelled:
    """labelled(texts, confirm, drawn, **job): labels a made sample; returns what was printed."""

    def run(
        texts: tuple[str, ...] = TEXTS,
        confirm: Callable[[str], bool] = lambda _: True,
        drawn: dict[str, Any] = DRAWN,
        **given: Any,
    ) -> str:
        (tmp_path / "out").mkdir(exist_ok=True)
        names = {name: given.pop(name) for name in ("max_tokens", "retries", "model", "url") if name in given}
        endpoint = Endpoint(
            **{"url": llm.url, "model": "m", "retries": 0, **names},
        )
        job = Job(**{"folder": str(tmp_path / "out"), "prompt": prompt, "endpoint": endpoint, **given})
        printed = io.StringIO()
        console = Console(file=printed, width=200)
        assert label(job, drawn, lambda: [batch(texts)], confirm, console) is None
        return printed.getvalue()

    return run


def colour(body: dict[str, Any]) -> str:
    text = body["messages"][1]["content"]
    return json.dumps({"reason": f"it says {text}", "label": "1" if "r" in text else "2"})


def test_every_document_of_the_sample_has_a_row(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    llm.answer = colour
    printed = labelled()
    found = pq.read_table(tmp_path / "out/labels.parquet")
    assert found.schema.equals(LABELS)
    rows = found.to_pylist()
    assert [row["label"] for row in rows] == ["1", "1", "2", "2", "1", "2"]
    assert rows[1] == {
        **{"id": "id1", "source": "web", "url": None, "path": None, "language": "de", "text": "rot"},
        **{"shown": 3, "stratum": "web / de", "weight": 10.0, "prompt": "colour", "model": "m"},
        **{"prompt_hash": rows[0]["prompt_hash"], "label": "1", "status": "ok", "reason": "it says <rot>"},
        **{"raw": '{"reason": "it says <rot>", "label": "1"}', "tokens_in": 100, "tokens_out": 10},
    }
    # The same text is asked about once.
    assert len(llm.requests) == 5
    assert "to ask: 5 documents" in printed and "asked now: 5 answers" in printed
    assert "500 tokens in, 50 out" in printed
    lines = [line.split() for line in printed.splitlines()]
    assert ["web", "/", "en", "3", "2", "1", "1.33"] in lines
    assert ["web", "/", "de", "3", "1", "2", "1.67"] in lines
    assert ["all", "6", "3", "3", "1.50"] in lines
    # By weight: 30 + 10 + 30 of 120 are red.
    assert ["of", "the", "run,", "about", "58.3%", "41.7%", "1.42"] in lines
    assert "winnow label --review" in printed and "winnow train models/colour --labels" in printed


def test_second_time_nothing_is_asked_and_the_labels_are_the_same(
    llm: Any, labelled: Labelled, tmp_path: Path
) -> None:
    llm.answer = colour
    labelled()
    before = (tmp_path / "out/labels.parquet").read_bytes()
    assert "nothing to ask: 5 documents answered before" in labelled(concurrency=1)
    assert len(llm.requests) == 5
    assert (tmp_path / "out/labels.parquet").read_bytes() == before


def test_empty_sample_gives_no_labels(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    labelled(texts=())
    assert not llm.requests
    assert pq.read_table(tmp_path / "out/sample.parquet").num_rows == 0


def test_refused_unparsable_and_failed_are_kept_apart(
    llm: Any, labelled: Labelled, reply: Any, tmp_path: Path
) -> None:
    given = {
        "<red>": reply(None, refusal="I would rather not"),
        "<rot>": reply("I'm sorry, I can't."),
        "<blue>": reply("blue, I think"),
        "<blau>": reply('{"label": "3"}'),
        "<>": reply("broken", 500),
    }
    llm.answer = lambda body: given[body["messages"][1]["content"]]
    with pytest.raises(EngineError, match=r"1 document failed .*500: broken.*; the same command asks"):
        labelled()
    rows = pq.read_table(tmp_path / "out/labels.parquet").to_pylist()
    assert [(row["status"], row["label"], row["raw"]) for row in rows] == [
        ("refused", None, "I would rather not"),
        ("refused", None, "I'm sorry, I can't."),
        ("unparsable", None, "blue, I think"),
        ("unparsable", None, '{"label": "3"}'),
        ("refused", None, "I would rather not"),
        ("failed", None, None),
    ]
    asked = [body["messages"][1]["content"] for body in llm.requests]
    # What cannot be read is asked for once more, with what is wrong about it.
    assert sorted(asked) == ["<>", "<blau>", "<blau>", "<blue>", "<blue>", "<red>", "<rot>"]
    (again,) = [body["messages"] for body in llm.requests if "'3' is none" in body["messages"][-1]["content"]]
    assert again[2] == {"role": "assistant", "content": '{"label": "3"}'}
    # Both requests count; the next command asks for what failed alone.
    assert rows[3]["tokens_in"] == 200
    llm.answer = colour
    labelled()
    assert [body["messages"][1]["content"] for body in llm.requests[7:]] == ["<>"]


def test_answer_that_was_mended_counts(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    llm.answer = lambda body: colour(body) if len(body["messages"]) == 4 else "red"
    labelled(texts=("red",))
    (row,) = pq.read_table(tmp_path / "out/labels.parquet").to_pylist()
    assert (row["label"], row["tokens_in"], row["tokens_out"]) == ("1", 200, 20)


def test_answer_that_was_cut_off_is_asked_for_again_with_more_tokens(
    llm: Any, labelled: Labelled, reply: Any, tmp_path: Path
) -> None:
    llm.answer = lambda _: reply('{"reason": "it', finish="length")
    assert "1 answer cut off at --max-tokens" in labelled(texts=("red",), max_tokens=20)
    labelled(texts=("red",), max_tokens=20)
    assert len(llm.requests) == 1
    llm.answer = colour
    assert "to ask: 1 document\n" in labelled(texts=("red",), max_tokens=40)
    (row,) = pq.read_table(tmp_path / "out/labels.parquet").to_pylist()
    assert (row["label"], row["tokens_in"], len(llm.requests)) == ("1", 200, 2)


def test_no_more_questions_at_a_time_than_told(llm: Any, labelled: Labelled, reply: Any) -> None:
    texts = tuple(f"red {at}" for at in range(24))
    llm.answer = lambda body: reply(colour(body), delay=0.05)
    labelled(texts=texts, concurrency=6)
    assert len(llm.requests) == 24 and 2 <= llm.most <= 6


def test_budget_ends_asking_and_a_larger_one_goes_on(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    texts = tuple(f"red {at}" for at in range(20))
    prices = Prices(10, 0)  # 100 tokens in are 0.001 USD; by winnow's estimate they are 73
    llm.answer = colour
    with pytest.raises(EngineError, match=r"--budget 0\.0055: 0\.00.* USD are spent .* not asked about"):
        labelled(texts=texts, prices=prices, budget=0.0055, concurrency=1)
    first = len(llm.requests)
    assert first == 5
    with pytest.raises(EngineError, match="--budget"):  # what was spent before counts
        labelled(texts=texts, prices=prices, budget=0.0055, concurrency=1)
    assert len(llm.requests) == first
    statuses = pq.read_table(tmp_path / "out/labels.parquet").column("status").to_pylist()
    assert sorted(set(statuses)) == ["failed", "ok"] and statuses.count("ok") == first
    printed = labelled(texts=texts, prices=prices, budget=1)
    assert len(llm.requests) == 20
    assert f"{(20 - first) / 1000:.4f} USD" in printed


def test_nobody_who_says_no_pays(llm: Any, labelled: Labelled) -> None:
    questions: list[str] = []
    llm.answer = colour

    def no(question: str) -> bool:
        questions.append(question)
        return False

    printed = labelled(confirm=no, prices=Prices(1000, 1000))
    assert "cost:   about" in printed and "nothing was asked" in printed
    assert questions == ["Ask?"] and not llm.requests
    labelled(confirm=no)  # without prices nobody is asked
    assert len(llm.requests) == 5 and len(questions) == 1


def test_dry_run_writes_and_asks_nothing(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    printed = labelled(dry=True, prices=Prices(1, 1), rate=10)
    assert "to ask: 5 documents" in printed and "0.5 minutes at least" in printed
    assert not llm.requests and not list((tmp_path / "out").iterdir())


def test_endpoint_out_of_order_stops_with_what_was_answered_kept(
    llm: Any, labelled: Labelled, reply: Any, tmp_path: Path
) -> None:
    def answer(body: dict[str, Any]) -> Any:
        return colour(body) if len(llm.requests) <= 5 else reply("down", 500)

    llm.answer = answer
    texts = tuple(f"red {at}" for at in range(60))
    with pytest.raises(EngineError, match="10 questions in a row were not answered, the last one: 500: down"):
        labelled(texts=texts, concurrency=1)
    assert len(llm.requests) == 15
    assert pq.read_table(tmp_path / "out/labels.parquet").column("status").to_pylist().count("ok") == 5
    llm.answer = colour
    labelled(texts=texts)
    assert len(llm.requests) == 15 + 55


def test_endpoint_that_never_answers_stops_soon(
    llm: Any, labelled: Labelled, reply: Any, tmp_path: Path
) -> None:
    llm.answer = lambda _: reply("bad", 400)
    with pytest.raises(EngineError, match="3 questions in a row were not answered, the last one: 400: bad"):
        labelled()
    assert not (tmp_path / "out/labels.parquet").exists()


def test_folder_holds_one_sample_by_one_prompt(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    llm.answer = colour
    labelled()
    other = {**DRAWN, "size": 7, "by": ["source", "language"]}
    with pytest.raises(PlanError, match=r"size 6, not 7; by source, not source, language.*--redraw"):
        labelled(drawn=other)
    labelled(drawn=other, texts=("red", "grün"), redraw=True)
    assert len(llm.requests) == 5 + 1  # what was answered is used again
    assert pq.read_table(tmp_path / "out/labels.parquet").num_rows == 2
    with pytest.raises(PlanError, match="holds labels by the prompt 'colour', not 'reasoning'"):
        labelled(prompt="reasoning", drawn=other)


def test_sample_that_nothing_is_known_of_is_drawn_anew(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    llm.answer = colour
    labelled()
    (tmp_path / "out/asked.json").unlink()  # killed in between
    labelled(texts=("grün",), drawn={**DRAWN, "size": 1})
    assert pq.read_table(tmp_path / "out/labels.parquet").column("text").to_pylist() == ["grün"]


def test_another_model_is_asked_anew(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    llm.answer = colour
    labelled()
    assert "model changed since: earlier answers" in labelled(model="other")
    assert [body["model"] for body in llm.requests] == ["m"] * 5 + ["other"] * 5
    labels = pq.read_table(tmp_path / "out/labels.parquet")
    assert set(labels.column("model").to_pylist()) == {"other"}
    labelled()
    assert len(llm.requests) == 10


def test_reviews_count_before_the_model(llm: Any, labelled: Labelled, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(PlanError, match=r"no labels\.parquet is there"):
        read_labels(out)
    llm.answer = lambda body: colour(body) if "r" in body["messages"][1]["content"] else "?"
    labelled()
    assert read_labels(out).column("reviewer").null_count == 6
    at = pa.scalar(0, pa.timestamp("us", tz="UTC")).as_py()
    later = pa.scalar(1, pa.timestamp("us", tz="UTC")).as_py()
    rows = [
        ("id0", "2", "ann", later),
        ("id0", "1", "ann", at),
        ("id2", "2", "bob", at),
        ("gone", "1", "b", at),
    ]
    reviews = [
        {"id": name, "label": label, "reviewer": reviewer, "reviewed_at": when, "blind": True}
        for name, label, reviewer, when in rows
    ]
    pq.write_table(pa.Table.from_pylist(reviews, schema=REVIEWS), out / "reviews.parquet")
    found = read_labels(out).select(["label", "status", "reviewer"]).to_pylist()
    assert [tuple(row.values()) for row in found[:4]] == [
        ("2", "ok", "ann"),
        ("1", "ok", None),
        ("2", "ok", "bob"),
        (None, "unparsable", None),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 1.0}, "--budget: expected --price-in and --price-out"),
        ({"folder": "s3://bucket/labels"}, "expected a local folder"),
        ({"prompt": "colours"}, "no such prompt"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_drawn(
    labelled: Labelled, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        labelled(**given)
    assert not list((tmp_path / "out").iterdir())


def test_prices_come_together() -> None:
    with pytest.raises(PlanError, match="expected both or neither"):
        Prices(1, None)


def test_documents_are_read_some_at_a_time(llm: Any, labelled: Labelled) -> None:
    texts = tuple(f"text {at}" for at in range(600))
    assert "to ask: 600 documents" in labelled(texts=texts, dry=True)
    assert not llm.requests
