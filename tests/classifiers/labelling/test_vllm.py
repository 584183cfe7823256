"""vLLM on Ray: what goes into its processor and what becomes of what comes out. The processor itself needs
GPUs; `Stand` stands in its place."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from classifiers.labelling import label as labelling
from classifiers.labelling.endpoint import Endpoint
from classifiers.labelling.label import Job, label
from classifiers.labelling.labels import SAMPLE
from classifiers.labelling.prompt import load_prompt
from classifiers.labelling.questions import Asking, Question
from classifiers.labelling.vllm import (
    ROWS,
    Engine,
    _copies,
    answer_of,
    rows_of,
    window_of,
)
from pipeline.cli import main
from pipeline.errors import EngineError, PlanError

PROMPT = load_prompt("educational_quality")
ENGINE = Engine("some/model", max_tokens=100)


def question(text: str, tokens: int = 900) -> Question:
    key, messages, shown = Asking(PROMPT, ENGINE.model, tuple(ENGINE.parameters.items())).question(text)
    return Question(key, messages, shown, tokens)


# ---------------------------------------------------------------- what goes in


def test_no_questions() -> None:
    assert rows_of([], ENGINE, PROMPT) == []
    assert window_of([], ENGINE) == 1024


def test_rows() -> None:
    asked = [question(f"Text {at}") for at in range(1030)]
    tables = rows_of(asked, ENGINE, PROMPT)
    assert [table.num_rows for table in tables] == [512, 512, 6]
    assert all(table.schema == ROWS for table in tables)
    row = tables[2].to_pylist()[5]
    assert row["key"] == asked[-1].key and row["messages"] == list(asked[-1].messages)
    assert [message["role"] for message in row["messages"]] == ["system", "user"]
    sampling = row["sampling_params"]
    assert (sampling["temperature"], sampling["max_tokens"]) == (0.0, 100)
    assert json.loads(sampling["structured_outputs"]["json"]) == PROMPT.answer_schema


def test_the_longest_question_fits() -> None:
    assert window_of([question("a", 100), question("b", 3000)], ENGINE) == 5120  # 4,600, rounded up
    assert window_of([question("a", 10)], Engine("m", max_tokens=2000)) == 2048


def test_the_configuration_is_one_of_rays() -> None:
    """Of the installed version, which refuses what it does not know."""
    llm = pytest.importorskip("ray.data.llm")
    found = llm.vLLMEngineProcessorConfig(**Engine("some/model", gpus=2).config(4, 5120))
    assert found.model_source == "some/model" and found.get_concurrency() == {"min_size": 1, "max_size": 4}
    assert found.engine_kwargs["tensor_parallel_size"] == 2 and found.engine_kwargs["max_model_len"] == 5120
    assert found.should_continue_on_error
    with pytest.raises(ValueError, match="no_such_option"):
        llm.vLLMEngineProcessorConfig(**ENGINE.config(1, 1024), no_such_option=1)


def test_an_endpoint_and_an_engine_share_answers() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/v1", "some/model")
    key, _, _ = Asking(PROMPT, endpoint.model, tuple(endpoint.parameters.items())).question("Text")
    assert question("Text").key == key


def test_gpus() -> None:
    assert _copies(Engine("m", gpus=2), 9) == 4
    with pytest.raises(
        PlanError, match=r"--vllm m: this machine has 0 GPUs that Ray knows of, and a copy .* have 1"
    ):
        _copies(Engine("m"), 0)
    with pytest.raises(PlanError, match=r"the cluster at head:6379 has 3 GPUs .* have 4; join a cluster by"):
        _copies(Engine("m", gpus=4, address="head:6379"), 3)


# ---------------------------------------------------------------- what comes out


def given(key: str, text: str, tokens: int = 20, fault: str = "") -> dict[str, Any]:
    return {
        "key": key,
        "generated_text": text,
        "num_input_tokens": 800,
        "num_generated_tokens": tokens,
        "__inference_error__": fault,
    }


WHOLE = '{"reason": "It explains.", "label": "3"}'


def test_answers() -> None:
    answer = answer_of(given("k", WHOLE), PROMPT, 100)
    assert (answer.key, answer.raw, answer.finish) == ("k", WHOLE, "stop")
    assert (answer.tokens_in, answer.tokens_out, answer.limit, answer.counted) == (800, 20, 100, True)
    assert answer_of(given("k", '{"reason": "It expl', 100), PROMPT, 100).finish == "length"
    assert answer_of(given("k", WHOLE, 100), PROMPT, 100).finish == "stop"
    assert answer_of(given("k", "I cannot", 99), PROMPT, 100).finish == "stop"


class Stand:
    """Stands for Ray's processor: answers by `say`, out of order, and may be stopped after some."""

    def __init__(self, say: Callable[[str], dict[str, Any] | BaseException]) -> None:
        self.say = say
        self.asked: list[str] = []
        self.window = 0

    def __call__(self, _: Engine, tables: Sequence[pa.Table], window: int) -> Iterator[Mapping[str, Any]]:
        self.window = window
        for row in reversed([row for table in tables for row in table.to_pylist()]):
            found = self.say(row["messages"][1]["content"])
            if isinstance(found, BaseException):
                raise found
            self.asked.append(row["key"])
            yield {**found, "key": row["key"]}


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int | None, str]]:
    """Labels eight documents by a stand-in; gives the signal and what was printed."""
    rows = [
        {
            "id": f"{at:032x}",
            "source": "web",
            "url": None,
            "path": None,
            "language": None,
            "text": f"Document {at}.",
            "stratum": "web",
            "weight": 2.0,
        }
        for at in range(8)
    ]
    monkeypatch.setattr(Engine, "secret", lambda _: "")  # vLLM is not installed here

    def run(stand: Stand, engine: Engine = ENGINE) -> tuple[int | None, str]:
        monkeypatch.setattr(labelling, "on_ray", stand)
        out = io.StringIO()
        job = Job(str(tmp_path / "labels"), "educational_quality", engine)
        batches = pa.Table.from_pylist(rows, SAMPLE).to_batches()
        number = label(job, {"size": 8}, lambda: batches, lambda _: True, Console(file=out, width=200))
        return number, out.getvalue()

    return run


def rows_in(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "labels" / "labels.parquet").to_pylist()
    return found


def test_labels(labelled: Callable[..., tuple[int | None, str]], tmp_path: Path) -> None:
    stand = Stand(lambda content: given("", WHOLE if "Document 5" not in content else "no idea"))
    number, said = labelled(stand)
    assert number is None and "wrote" in said and len(stand.asked) == 8 and stand.window % 1024 == 0
    rows = rows_in(tmp_path)
    assert [row["label"] for row in rows] == ["3"] * 5 + [None] + ["3"] * 2
    assert [row["status"] for row in rows].count("unparsable") == 1 and rows[5]["raw"] == "no idea"
    assert rows[0]["reason"] == "It explains." and rows[0]["model"] == "some/model"
    assert (rows[0]["tokens_in"], rows[0]["tokens_out"]) == (800, 20)
    asked = json.loads((tmp_path / "labels" / "asked.json").read_text())
    assert (asked["endpoint"], asked["model"]) == ("vllm", "some/model")
    again = Stand(lambda _: given("", WHOLE))
    labelled(again)
    assert again.asked == []


@pytest.mark.parametrize("fault", [EngineError("vLLM stopped"), KeyboardInterrupt()])
def test_stopped_halfway_it_asks_for_the_rest(
    labelled: Callable[..., tuple[int | None, str]], tmp_path: Path, fault: BaseException
) -> None:
    first = Stand(lambda content: fault if "Document 4" in content else given("", WHOLE))
    if isinstance(fault, KeyboardInterrupt):
        assert labelled(first)[0] == 2
    else:
        with pytest.raises(EngineError, match="vLLM stopped"):
            labelled(first)
    assert [row["status"] for row in rows_in(tmp_path)] == ["failed"] * 5 + ["ok"] * 3
    second = Stand(lambda _: given("", WHOLE))
    labelled(second)
    assert len(second.asked) == 5 and not set(first.asked) & set(second.asked)
    assert {row["status"] for row in rows_in(tmp_path)} == {"ok"}


def test_documents_that_fail(labelled: Callable[..., tuple[int | None, str]], tmp_path: Path) -> None:
    """One that does not fit is told, and asked about again."""
    long = "ValueError: " + "the prompt is too long " * 40 + "(5000 > 4096)"
    stand = Stand(
        lambda content: given("", "", 0, long if "Document 2" in content else "") | {"generated_text": WHOLE}
    )
    with pytest.raises(
        EngineError, match=r"1 document failed \(the last one: ….*\(5000 > 4096\)\); the same"
    ):
        labelled(stand)
    assert [row["status"] for row in rows_in(tmp_path)].count("failed") == 1
    again = Stand(lambda _: given("", WHOLE))
    labelled(again)
    assert len(again.asked) == 1


def test_cut_off_answers_are_asked_for_again_with_more_tokens(
    labelled: Callable[..., tuple[int | None, str]], tmp_path: Path
) -> None:
    labelled(Stand(lambda _: given("", '{"reason": "It', 100)))
    assert {row["status"] for row in rows_in(tmp_path)} == {"unparsable"}
    same = Stand(lambda _: given("", WHOLE))
    labelled(same)
    assert same.asked == []
    more = Stand(lambda _: given("", WHOLE))
    labelled(more, Engine("some/model", max_tokens=200))
    assert len(more.asked) == 8
    row = rows_in(tmp_path)[0]
    assert (row["label"], row["tokens_in"], row["tokens_out"]) == ("3", 1600, 120)


def test_vllm_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "vllm" else object())
    with pytest.raises(
        PlanError, match=r"--vllm some/model: vllm not installed; pip install 'winnow\[vllm\]' here"
    ):
        ENGINE.secret()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--vllm", "m", "--model", "m", "--prompt", "topic", "--out", "o"],
            "expected no --endpoint and no --model",
        ),
        (["--vllm", "m", "--prompt", "topic"], "winnow label: expected --out too"),
        (["--prompt", "topic", "--out", "o"], "expected --endpoint, --model too (or --vllm)"),
    ],
)
def test_the_command(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["label", "out", *options])
    assert end.value.code == 2 and said in capsys.readouterr().err
