"""Answers by vLLM on the GPUs of a Ray cluster, without a server: Ray Data's batch inference, `ray.data.llm`.

Ray starts as many copies of the model as the cluster has GPUs for and keeps them busy. Answers come in any
order and go into the same cache as those of an endpoint, under the same keys: a job that is killed goes on,
and may go on by the other way. Decoding is bound to the answer's schema, so nothing is asked for twice.
"""

import importlib.util
import json
import logging
import math
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from classifiers.labelling.answers import CUT_OFF, Answer, Answers, together
from classifiers.labelling.ask import Asked
from classifiers.labelling.labels import OK
from classifiers.labelling.prompt import Prompt
from classifiers.labelling.questions import Question
from classifiers.labelling.verdict import judge
from pipeline.errors import EngineError, PlanError

KEY, MESSAGES, SAMPLING = "key", "messages", "sampling_params"
TEXT, TOKENS_IN, TOKENS_OUT, FAULT = (
    "generated_text",
    "num_input_tokens",
    "num_generated_tokens",
    "__inference_error__",
)
"""Columns that Ray's processor reads and writes."""

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_SAMPLING = pa.struct(
    [
        ("temperature", pa.float64()),
        ("max_tokens", pa.int64()),
        ("structured_outputs", pa.struct([("json", pa.string())])),
    ]
)
ROWS = pa.schema([(KEY, pa.string()), (MESSAGES, pa.list_(_MESSAGE)), (SAMPLING, _SAMPLING)])
"""What goes into the processor. The schema of answers goes as text: Arrow would make one struct of all."""

_BATCH = 64  # documents that a copy of the model takes at a time, and that a kill loses
_BLOCK = 512  # documents in a block of the data set
_WINDOW = 1024  # tokens to which the longest question is rounded up
_UNSURE = 1.5  # that a model's own tokens may be more than those estimated
_SHOWN = 300  # characters of Ray's message


@dataclass(frozen=True)
class Engine:
    """The model, and where it is to run; stands where an `Endpoint` does.

    model     a name on the Hub, or a folder that every machine has
    gpus      for one copy of the model
    address   of a Ray cluster; None: the GPUs of this machine
    """

    model: str
    temperature: float = 0.0
    max_tokens: int = 512
    gpus: int = 1
    address: str | None = None

    @property
    def url(self) -> str:
        """What asked.json has in an endpoint's place."""
        return "vllm"

    @property
    def parameters(self) -> dict[str, Any]:
        """What, besides model and messages, decides an answer: as of an endpoint, so that keys are equal."""
        return {"temperature": self.temperature}

    def secret(self) -> str:
        """None is needed. PlanError where vLLM is not there."""
        missing = [name for name in ("vllm", "transformers") if importlib.util.find_spec(name) is None]
        if missing:
            raise PlanError(
                f"--vllm {self.model}: {' and '.join(missing)} not installed; pip install 'winnow[vllm]' "
                "here and on every machine of the cluster, or start a server and name it by --endpoint"
            )
        return ""

    def config(self, copies: int, window: int) -> dict[str, Any]:
        """What `ray.data.llm.vLLMEngineProcessorConfig` is made of.

        window   tokens of the longest question and its answer
        """
        return {
            "model_source": self.model,
            "engine_kwargs": {
                "tensor_parallel_size": self.gpus,
                "max_model_len": window,
                "enable_prefix_caching": True,  # of the instructions, which all questions begin with
            },
            "concurrency": copies,
            "batch_size": _BATCH,
            "should_continue_on_error": True,  # one document that does not fit must not end the others
            "log_engine_metrics": False,
            # Models that think aloud by default are told not to; templates of others do not heed it.
            "chat_template_stage": {"enabled": True, "chat_template_kwargs": {"enable_thinking": False}},
            "tokenize_stage": {"enabled": True},
            "detokenize_stage": {"enabled": False},  # the engine has done it
        }


Generate = Callable[[Engine, Sequence[pa.Table], int], Iterator[Mapping[str, Any]]]
"""Answers the rows of tables (`ROWS`), in any order, with a window of so many tokens."""


def rows_of(questions: Sequence[Question], engine: Engine, prompt: Prompt) -> list[pa.Table]:
    """The questions as the processor reads them (`ROWS`), in tables of some rows each."""
    sampling = {
        "temperature": engine.temperature,
        "max_tokens": engine.max_tokens,
        "structured_outputs": {"json": json.dumps(prompt.answer_schema)},
    }
    rows = [{KEY: each.key, MESSAGES: list(each.messages), SAMPLING: sampling} for each in questions]
    return [pa.Table.from_pylist(rows[first : first + _BLOCK], ROWS) for first in range(0, len(rows), _BLOCK)]


def window_of(questions: Sequence[Question], engine: Engine) -> int:
    """Tokens that the longest question and its answer take, with room for what the estimate is off by."""
    longest = max((each.tokens for each in questions), default=0)
    return _WINDOW * math.ceil((_UNSURE * longest + engine.max_tokens) / _WINDOW)


def answer_of(row: Mapping[str, Any], prompt: Prompt, limit: int) -> Answer:
    """The answer in a row that the processor wrote.

    limit   the most tokens that it was allowed
    Ray does not say why an answer ended: one as long as it may be, and no label, was cut off.
    """
    answer = Answer(
        row[KEY],
        row[TEXT],
        "stop",
        None,
        int(row[TOKENS_IN]),
        int(row[TOKENS_OUT]),
        limit=limit,
    )
    if answer.tokens_out >= limit and judge(prompt, answer).status != OK:
        return replace(answer, finish=CUT_OFF)
    return answer


def ask(
    engine: Engine,
    prompt: Prompt,
    questions: Iterator[Question],
    answers: Answers,
    asked: Asked,
    tell: Callable[[], None],
    generate: Generate,
) -> None:
    """Asks all questions that have no answer yet, each answer into `answers` as it comes.

    tell       called after every answer or failure
    generate   `on_ray`, where there are GPUs
    EngineError where Ray or vLLM is out of order; what was answered is kept.
    """
    left = [each for each in questions if _open(answers.get(each.key), engine)]
    if not left:
        return
    tables = rows_of(left, engine, prompt)
    try:
        for row in generate(engine, tables, window_of(left, engine)):
            fault = row.get(FAULT) or ""
            if fault:
                asked.failed += 1
                asked.fault = _short(fault)
            else:
                _keep(answer_of(row, prompt, engine.max_tokens), prompt, answers, asked)
            tell()
    except KeyboardInterrupt:
        asked.signal = signal.SIGINT


def _open(known: Answer | None, engine: Engine) -> bool:
    """Whether a question is still to be asked: one whose answer was cut off is where it may be longer now."""
    return known is None or (known.finish == CUT_OFF and engine.max_tokens > known.limit)


def _keep(answer: Answer, prompt: Prompt, answers: Answers, asked: Asked) -> None:
    known = answers.get(answer.key)
    kept = answer if known is None else together(known, answer)
    answers.add(kept)
    asked.tokens_in += answer.tokens_in
    asked.tokens_out += answer.tokens_out
    status = judge(prompt, kept).status
    asked.statuses[status] = asked.statuses.get(status, 0) + 1
    asked.cut_off += kept.finish == CUT_OFF


def on_ray(engine: Engine, tables: Sequence[pa.Table], window: int) -> Iterator[Mapping[str, Any]]:
    """Answers by vLLM on Ray. PlanError where the cluster has too few GPUs."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    import ray
    import ray.data
    from ray.data.exceptions import SystemException
    from ray.data.llm import build_processor, vLLMEngineProcessorConfig

    try:
        ray.init(address=engine.address or "local", log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError) as fault:
        where = f"at {engine.address}" if engine.address else "on this machine"
        raise EngineError(f"Ray cannot be reached {where}: {_short(fault)}") from fault
    try:
        copies = _copies(engine, int(ray.cluster_resources().get("GPU", 0)))
        config = vLLMEngineProcessorConfig(**engine.config(min(copies, len(tables)), window))
        processor = build_processor(config)
        for name in ("ray", "ray.data"):  # which it set anew; what matters is told by an EngineError
            logging.getLogger(name).setLevel(logging.CRITICAL)
        answered = processor(ray.data.from_arrow(list(tables)))
        # What else a row holds, its question and tokens by number, need not come back.
        yield from answered.select_columns([KEY, TEXT, TOKENS_IN, TOKENS_OUT, FAULT]).iter_rows()
    except (ray.exceptions.RayError, SystemException, OSError) as fault:
        raise EngineError(
            f"vLLM stopped ({type(fault).__name__}: {_short(fault)}); what was answered is kept: see Ray's "
            "logs, then give the same command again"
        ) from fault
    finally:
        ray.shutdown()


def _copies(engine: Engine, gpus: int) -> int:
    """How many copies of the model there is room for."""
    if gpus < engine.gpus:
        where = f"the cluster at {engine.address}" if engine.address else "this machine"
        raise PlanError(
            f"--vllm {engine.model}: {where} has {gpus} GPUs that Ray knows of, and a copy of the model is "
            f"to have {engine.gpus}; join a cluster by --address, take fewer by --gpus, or name a server by "
            "--endpoint"
        )
    return gpus // engine.gpus


def _short(said: object) -> str:
    """The end of what a library says: its messages begin with where it stood."""
    text = " ".join(str(said).split())
    return text if len(text) <= _SHOWN else f"…{text[1 - _SHOWN :]}"
