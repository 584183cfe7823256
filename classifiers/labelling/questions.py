"""From the sample to questions, and from answers to labels.parquet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from classifiers.labelling.answers import Answer, Answers, key_of
from classifiers.labelling.labels import FAILED, LABELS, LABELS_FILE, SAMPLE, SAMPLE_FILE
from classifiers.labelling.prompt import Prompt
from classifiers.labelling.verdict import Verdict, judge
from pipeline import store
from text import tokens
from text.strings import Strings

_BATCH = 256  # documents that are read at a time
_MOST = 2**31 - 1  # that a column of tokens holds
_FRAME = 8  # tokens that a chat template puts around a message, about


@dataclass(frozen=True)
class Question:
    """What is asked of one document.

    key      of the answer
    shown    characters of the document that the messages hold
    tokens   of the messages, estimated
    """

    key: str
    messages: tuple[dict[str, str], ...]
    shown: int
    tokens: int


@dataclass(frozen=True)
class Asking:
    """Who is asked what: together with a document this decides the answer.

    parameters   of the model that decide its answers, a temperature say
    """

    prompt: Prompt
    model: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def question(self, text: str) -> tuple[str, tuple[dict[str, str], ...], int]:
        """Key, messages, and characters shown, of one document."""
        asked = self.prompt.ask(text)
        return key_of(asked.messages, self.model, dict(self.parameters)), asked.messages, asked.shown


def write_sample(folder: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Writes sample.parquet (`SAMPLE`), whole or not at all."""
    with store.ParquetSink(store.join(folder, SAMPLE_FILE), SAMPLE) as sink:
        for batch in batches:
            sink.write(pa.Table.from_batches([batch]).select(SAMPLE.names).cast(SAMPLE))


def read_sample(folder: str) -> Iterator[pa.Table]:
    """The rows of sample.parquet, in order, some at a time."""
    with store.parquet_file(store.join(folder, SAMPLE_FILE)) as file:
        for batch in store.row_batches(file, SAMPLE.names, _BATCH):
            yield pa.Table.from_batches([batch])


def questions(folder: str, asking: Asking) -> Iterator[Question]:
    """The questions about the sample's documents, in its order; one whose messages equal an earlier one's is
    left out."""
    seen: set[str] = set()
    for table in read_sample(folder):
        asked = [asking.question(text) for text in table.column("text").to_pylist()]
        whole = pa.array(
            ["\n".join(each["content"] for each in messages) for _, messages, _ in asked], pa.large_string()
        )
        counts = tokens.count_tokens(Strings.of(whole)).tolist()
        for (key, messages, shown), count in zip(asked, counts, strict=True):
            if key not in seen:
                seen.add(key)
                yield Question(key, messages, shown, count + _FRAME * len(messages))


def write_labels(folder: str, asking: Asking, answers: Answers) -> pa.Table:
    """Writes labels.parquet (`LABELS`), a row per document of the sample, and returns it without texts.

    A document without an answer is `failed`.
    """
    kept = []
    with store.ParquetSink(store.join(folder, LABELS_FILE), LABELS) as sink:
        for table in read_sample(folder):
            labelled = _labelled(table, asking, answers)
            sink.write(labelled)
            kept.append(labelled.drop_columns(["text", "raw"]))
    return pa.concat_tables(kept) if kept else LABELS.empty_table().drop_columns(["text", "raw"])


def _labelled(table: pa.Table, asking: Asking, answers: Answers) -> pa.Table:
    rows = []
    for text in table.column("text").to_pylist():
        key, _, shown = asking.question(text)
        answer = answers.get(key)
        verdict = Verdict(FAILED) if answer is None else judge(asking.prompt, answer)
        rows.append(_row(asking, shown, answer, verdict))
    added = pa.Table.from_pylist(rows, schema=pa.schema([LABELS.field(name) for name in rows[0]]))
    columns = {**dict(zip(table.column_names, table.columns, strict=True))}
    columns |= dict(zip(added.column_names, added.columns, strict=True))
    return pa.Table.from_arrays([columns[name] for name in LABELS.names], schema=LABELS)


def _row(asking: Asking, shown: int, answer: Answer | None, verdict: Verdict) -> dict[str, Any]:
    return {
        "shown": shown,
        "prompt": asking.prompt.name,
        "prompt_hash": asking.prompt.hash,
        "model": asking.model,
        "label": verdict.label,
        "status": verdict.status,
        "reason": verdict.reason,
        "raw": None if answer is None else answer.raw if answer.raw is not None else answer.refusal,
        "tokens_in": 0 if answer is None else min(answer.tokens_in, _MOST),
        "tokens_out": 0 if answer is None else min(answer.tokens_out, _MOST),
    }
