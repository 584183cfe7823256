"""Files of benchmarks: which is which, what of an item is looked for, and what is said of bad ones."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dedup.benchmark import fields as benchmark_fields
from dedup.benchmark.presets import preset_names
from dedup.benchmark.sets import BenchmarkSet, digest, open_sets, read_items
from dedup.contamination import PASS, ContaminationOptions
from pipeline.errors import PlanError

CHOICES = {"text": ["one", "two", "three"], "label": ["A", "B", "C"]}
ITEM = {
    "question": "Q", "empty": "", "null": None, "list": ["x", "y"],
    "stem": {"choices": [{"t": "a"}, {"t": "b"}]},
    "choices": CHOICES, "key": "C", "letter": "b", "number": 1, "from one": "2", "gold": [2], "flag": True,
    "a.b": "dotted", "blank": "so _ went", "who": "Sam", "prompted": "Passage: p. Question: why?", "three": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("notation", "texts"),
    [
        ("question", ["Q"]),
        ("nothing", []),
        ("empty", []),
        ("null", []),
        ("flag", []),
        ("three", ["3"]),
        ("a.b", ["dotted"]),
        ("list", ["x", "y"]),
        ("list[1]", ["y"]),
        ("list[7]", []),
        ("question + list[0]", ["Q\nx"]),
        ("question + list", ["Q\nx\ny"]),
        ("question + null", []),
        ("stem.choices.t", ["a", "b"]),
        ("choices.text[choices.label = key]", ["three"]),
        ("choices.text[choices.label = question]", []),
        ("choices.text[letter]", ["two"]),
        ("choices.text[number]", ["two"]),
        ("choices.text[from one - 1]", ["two"]),
        ("choices.text[gold]", ["three"]),
        ("choices.text[null]", []),
        ('prompted after "Question:"', ["why?"]),
        ('question after "Question:"', ["Q"]),
        ('blank with who for "_"', ["so Sam went"]),
        ('blank with null for "_"', []),
    ],
)
def test_what_a_notation_stands_for(notation: str, texts: list[str]) -> None:
    assert benchmark_fields.read(benchmark_fields.parse(notation), ITEM) == texts


@pytest.mark.parametrize("notation", ["", "a + ", "a[", "a[b]c", 'a after "'])
def test_what_is_no_notation(notation: str) -> None:
    with pytest.raises(ValueError, match="names no text of an item"):
        benchmark_fields.parse(notation)


# By known releases: what a file is called, one item of it, and the benchmark and texts that this is.
RELEASES: list[tuple[str, Mapping[str, Any], str, tuple[str, ...]]] = [
    ("gsm8k/main/test-00000-of-00001.parquet", {"question": "q", "answer": "a"}, "gsm8k", ("q", "q\na")),
    ("MATH/test/algebra/1.json", {"problem": "p", "level": "1", "solution": "s"}, "math", ("p", "p\ns")),
    (
        "cais_mmlu/all/test.parquet",
        {"question": "q", "subject": "s", "choices": ["a", "b"], "answer": 1},
        "mmlu",
        ("q", "q\nb"),
    ),
    ("mmlu_no_train/a/test.jsonl", {"question": "q", "choices": ["a"], "answer": 0}, "mmlu", ("q", "q\na")),
    (
        "MMLU-Pro/data/test.parquet",
        {"question_id": 70, "question": "q", "options": ["a", "b"], "answer": "B", "answer_index": 1},
        "mmlu_pro",
        ("q", "q\nb"),
    ),
    (
        "ARC-Challenge-Test.jsonl",
        {
            "id": "Mercury_1",
            "question": {"stem": "q", "choices": [{"text": "x", "label": "1"}, {"text": "y", "label": "2"}]},
            "answerKey": "2",
        },
        "arc_challenge",
        ("q", "q\ny"),
    ),
    (
        "ai2_arc/test.jsonl",
        {"id": "i", "question": "q", "choices": CHOICES, "answerKey": "B"},
        "arc",
        ("q", "q\ntwo"),
    ),
    (
        "hellaswag_val.jsonl",
        {"ind": 24, "ctx_a": "c", "ctx_b": "", "ctx": "c", "endings": ["x", "y"], "label": 1},
        "hellaswag",
        ("c", "c\ny"),
    ),
    (
        "hellaswag/validation.jsonl",
        {"ind": 2, "ctx": "c", "endings": ["x", "y"], "label": "0"},
        "hellaswag",
        ("c", "c\nx"),
    ),
    ("piqa/valid.jsonl", {"goal": "g", "sol1": "x", "sol2": "y"}, "piqa", ("g", "g\nx", "g\ny")),
    (
        "winogrande/dev.jsonl",
        {"qID": "3-1", "sentence": "so _ won", "option1": "A", "option2": "B", "answer": "1"},
        "winogrande",
        ("so _ won", "so A won", "so B won"),
    ),
    ("boolq/dev.jsonl", {"question": "q", "title": "t", "answer": True, "passage": "p"}, "boolq", ("q",)),
    (
        "OpenBookQA/test.jsonl",
        {"id": "8-376", "question_stem": "q", "choices": CHOICES, "answerKey": "A"},
        "openbook_qa",
        ("q", "q\none"),
    ),
    (
        "squad_v2/validation.jsonl",
        {"id": "5", "context": "c", "question": "q", "answers": {"text": ["a", "b"], "answer_start": [1, 2]}},
        "squad",
        ("q", "q\na"),
    ),
    ("nq_open/validation.jsonl", {"question": "q", "answer": ["a", "b"]}, "natural_questions", ("q", "q\na")),
    (
        "trivia_qa/test.jsonl",
        {"question": "q", "answer": {"value": "a", "aliases": []}},
        "trivia_qa",
        ("q", "q\na"),
    ),
    ("lambada/test.jsonl", {"text": "t"}, "lambada", ("t",)),
    (
        "openai_humaneval/test.jsonl",
        {"task_id": "HumanEval/0", "prompt": "p", "canonical_solution": "s", "entry_point": "e", "test": "t"},
        "humaneval",
        ("p", "p\ns"),
    ),
    ("mbpp/mbpp.jsonl", {"task_id": 1, "text": "t", "code": "c", "test_list": ["a"]}, "mbpp", ("t", "t\nc")),
    ("sanitized-mbpp.json", {"task_id": 1, "prompt": "t", "code": "c"}, "mbpp", ("t", "t\nc")),
    ("bbh/boolean_expressions.json", {"input": "i", "target": "t"}, "bbh", ("i", "i\nt")),
    (
        "AGIEval/data/v1/lsat-ar.jsonl",
        {"passage": "p", "question": "q", "options": ["(A)x", "(B)y"], "label": "B", "other": None},
        "agieval",
        ("q", "q\n(B)y", "p\nq"),
    ),
    (
        "truthful_qa/generation/validation.jsonl",
        {"question": "q", "best_answer": "a", "correct_answers": ["a"]},
        "truthful_qa",
        ("q", "q\na"),
    ),
    ("gpqa_diamond.jsonl", {"Question": "q", "Correct Answer": "a"}, "gpqa", ("q", "q\na")),
    (
        "gpqa/gpqa_diamond/train-00000-of-00001.parquet",  # there is no other split
        {"Question": "q", "Correct Answer": "a", "Explanation": "e"},
        "gpqa",
        ("q", "q\na", "q\ne"),
    ),
    ("truthful_qa/mc_task.json", {"question": "q", "mc1_targets": {"a": 1, "b": 0}}, "truthful_qa", ("q",)),
    ("mgsm/test.jsonl", {"question": "q", "answer": None, "answer_number": 3}, "mgsm", ("q",)),
    ("math-500/test.jsonl", {"problem": "p", "solution": "s", "answer": "a"}, "math", ("p", "p\ns")),
    ("AIME2025/aime2025-I.jsonl", {"question": "q", "answer": "7"}, "aime", ("q", "q\n7")),
    ("math_qa/test.json", {"Problem": "p", "Rationale": "r", "options": "a ) 1"}, "math_qa", ("p", "p\nr")),
    (
        "aqua_rat/raw/test.jsonl",
        {"question": "q", "options": ["A)1"], "rationale": "r", "correct": "A"},
        "aqua_rat",
        ("q", "q\nr"),
    ),
    ("asdiv/validation.jsonl", {"body": "b", "question": "q", "answer": "1"}, "asdiv", ("b\nq",)),
    (
        "lukaemon_mmlu/anatomy/test.jsonl",
        {"input": "q", "A": "x", "B": "y", "C": "z", "D": "w", "target": "A"},
        "mmlu",
        ("q", "q\nx", "q\ny", "q\nz", "q\nw"),
    ),
    (
        "SuperGPQA/all.jsonl",
        {"question": "q", "options": ["x", "y"], "answer": "y", "answer_letter": "B"},
        "super_gpqa",
        ("q", "q\ny"),
    ),
    (
        "headqa/en/test.jsonl",
        {"qtext": "q", "ra": 2, "answers": [{"aid": 1, "atext": "x"}, {"aid": 2, "atext": "y"}]},
        "head_qa",
        ("q", "q\ny"),
    ),
    (
        "MedQA/US/test.jsonl",
        {"question": "q", "answer": "a", "options": {"A": "a"}, "answer_idx": "A"},
        "med_qa",
        ("q", "q\na"),
    ),
    (
        "swag/validation.jsonl",
        {"startphrase": "s", "ending0": "w", "ending1": "x", "ending2": "y", "ending3": "z", "label": 1},
        "swag",
        ("s\nw", "s\nx", "s\ny", "s\nz"),
    ),
    (
        "coqa/coqa-dev-v1.0.json",
        {"data": [{"story": "p", "questions": [{"input_text": "q", "turn_id": 1}]}]},
        "coqa",
        ("q",),
    ),
    (
        "coqa/validation.jsonl",
        {"story": "p", "questions": {"input_text": ["q", "r"], "turn_id": [1, 2]}},
        "coqa",
        ("q", "r"),
    ),
    (
        "quac/val_v0.2.json",
        {"data": [{"paragraphs": [{"context": "c", "qas": [{"question": "q"}, {"question": "r"}]}]}]},
        "quac",
        ("q", "r"),
    ),
    ("multirc/val.jsonl", {"passage": {"questions": [{"question": "q"}]}}, "multi_rc", ("q",)),
    (
        "RACE/high.jsonl",
        {"article": "a", "problems": "[{'question': 'q'}]"},
        "race",
        ("[{'question': 'q'}]",),
    ),
    (
        "triviaqa-rc/qa/web-dev.json",
        {"Data": [{"Question": "q", "Answer": {"Value": "a"}}], "Version": 1.0},
        "trivia_qa",
        ("q", "q\na"),
    ),
    ("arena-hard/question.jsonl", {"turns": [{"content": "t"}]}, "arena_hard", ("t",)),
    ("mt_bench/question.jsonl", {"turns": ["t", "u"]}, "mt_bench", ("t", "u")),
    ("bigbench/t/task.json", {"examples": [{"input": "i", "target_scores": {"a": 1}}]}, "big_bench", ("i",)),
    ("anli/R1/dev.jsonl", {"context": "c", "hypothesis": "h"}, "anli", ("c\nh",)),
    ("ifeval/input_data.jsonl", {"key": 1, "prompt": "p", "kwargs": [{}]}, "ifeval", ("p",)),
    ("tests.jsonl", {"query": "Question: q", "choices": ["x", "y"], "gold": 1}, "tests", ("q", "q\ny")),
]


def write(path: Path, *items: Mapping[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(items)), path)
    elif path.suffix == ".json" and len(items) != 1:
        path.write_text(json.dumps(items))
    else:
        path.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return str(path)


@pytest.mark.parametrize(("name", "item", "benchmark", "texts"), RELEASES)
def test_known_releases(
    name: str, item: Mapping[str, Any], benchmark: str, texts: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path / name, item)
    (file,) = open_sets([BenchmarkSet(path=str(tmp_path))]).files
    (read,) = read_items(file)
    assert read is not None
    assert (file.benchmark, file.shown, read.number, read.texts) == (benchmark, name, 1, texts)


def test_what_the_original_files_hold(real_data: Path) -> None:
    """Items as SOURCES.md of the folder counts them."""
    sets = open_sets([BenchmarkSet(path=str(real_data / "decontam"))])
    found = {}
    for file in sets.files:
        items = list(read_items(file))
        assert None not in items and all(item.texts for item in items if item)
        found[file.benchmark] = len(items)
    assert found == {
        "arc_challenge": 1172, "arc_easy": 2376, "boolq": 3270, "gsm8k": 1319, "hellaswag": 1000,
        "humaneval": 164, "lambada": 5153, "mmlu": 14042, "openbook_qa": 500, "piqa": 1838,
        "winogrande": 1267,
    }  # fmt: skip
    assert set(found) <= set(preset_names()) and sets.unread == ("SOURCES.md",)


def test_packed_files_and_wholes(tmp_path: Path) -> None:
    line = b'{"question": "q", "answer": "a"}\n'
    deep = b'{"question": ' + b"[" * 900 + b'"q"' + b"]" * 900 + b"}"  # JSON, but nobody wrote it by hand
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.compress(line) + zstandard.compress(b"\n" + line))
    (tmp_path / "c.json").write_bytes(b'[{"question": "q", "answer": "a"}, {"question": "r"}]')
    (tmp_path / "d.json").write_bytes(b'{"canary": "c", "examples": [{"input": "i", "target": "t"}]}')
    (tmp_path / "drop_dev.json").write_bytes(b'{"a": {"qa_pairs": [{"question": "q"}]}, "b": {}}')
    (tmp_path / "e.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\nno JSON\n[1]\n" + line + deep)
    (tmp_path / "train.jsonl").write_bytes(line)
    (tmp_path / "auxiliary_train").mkdir()
    (tmp_path / "auxiliary_train" / "x.jsonl").write_bytes(line)
    (tmp_path / ".hidden.jsonl").write_bytes(line)
    (tmp_path / "LICENSE").write_bytes(line)
    (tmp_path / "ifeval").mkdir()
    (tmp_path / "ifeval" / "train.jsonl").write_bytes(b'{"prompt": "p"}\n')
    sets = open_sets([BenchmarkSet(path=str(tmp_path)), BenchmarkSet(path=f"{tmp_path}/train.jsonl")])
    assert [(file.shown, [item and item.number for item in read_items(file)]) for file in sets.files] == [
        ("a.jsonl.gz", [1]),
        ("b.jsonl.zst", [1, 3]),
        ("c.json", [1, 2]),
        ("d.json", [1]),
        ("drop_dev.json", [1, 2]),
        ("e.jsonl", [1, None, None, 5, None]),
        ("ifeval/train.jsonl", [1]),
        ("train.jsonl", [1]),
    ]
    assert sets.training == ("ifeval/train.jsonl",)
    assert sets.left_out == ("auxiliary_train/x.jsonl", "train.jsonl") and sets.unread == ("LICENSE",)


def test_fields_that_are_given_go_before_presets(tmp_path: Path) -> None:
    path = write(tmp_path / "gsm8k.jsonl", {"question": "q", "answer": "a", "hint": "\ud800h"})
    given = BenchmarkSet(path=path, name="own", fields=("hint", "answer + question"))
    (file,) = open_sets([given]).files
    (item,) = read_items(file)
    assert file.benchmark == "own" and item is not None and item.texts == ("?h", "a\nq")


def test_the_content_decides_the_digest(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "gsm8k.jsonl", {"question": "q", "answer": "a"}))
    options = ContaminationOptions.model_validate({"sets": str(path)})
    before = PASS.fingerprint(options)
    assert before == PASS.fingerprint(options)
    write(path, {"question": "q", "answer": "another"})
    assert PASS.fingerprint(options) != before
    file = open_sets(options.sets).files
    assert digest(file) == PASS.fingerprint(options)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b"", "it is empty; expected one benchmark item a line"),
        ("x.jsonl", b"no\n[2]\n", "no line is a JSON object"),
        ("x.jsonl", b'{"body": "b", "n": 1}\n', r"has these fields: body \(text\), n \(number\)"),
        ("x.jsonl.gz", b"no gzip", "cannot be read: .*damaged or cut off"),
        (
            "x.jsonl.gz",
            gzip.compress(b'{"question": "q"}\n' * 9, mtime=0)[:-9],
            "cannot be read: .*damaged or cut off",
        ),
        (
            "x.jsonl.zst",
            zstandard.compress(b'{"question": "q"}\n') * 2 + zstandard.compress(b'{"question": "r"}\n')[:-9],
            "cannot be read: .*damaged or cut off",
        ),
        ("x.parquet", b"PAR1 no", "cannot be read: .*damaged or cut off"),
        ("x.csv", b"a,b", "no test items as .jsonl, .json or .parquet in .*; there are x.csv"),
        ("train.jsonl", b"{}", "no test items .*; there are train.jsonl"),
    ],
)
def test_bad_files(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PlanError, match=message):
        sets = open_sets([BenchmarkSet(path=str(tmp_path))])
        list(read_items(sets.files[0]))


def test_a_row_that_is_not_utf8_is_no_item(tmp_path: Path) -> None:
    """Parquet does not look whether its strings are."""
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"q"]).buffers())
    pq.write_table(pa.table({"question": bad, "answer": ["a", "b"]}), tmp_path / "gsm8k.parquet")
    (file,) = open_sets([BenchmarkSet(path=str(tmp_path))]).files
    assert [item and item.number for item in read_items(file)] == [None, 2]


def test_fields_that_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "gsm8k.jsonl", {"question": "q", "choices": {"text": ["a"]}})
    with pytest.raises(
        PlanError, match=r"no field 'answer'; its items have: question \(text\), choices \(with text\)"
    ):
        open_sets([BenchmarkSet(path=path, fields=("question + answer",))])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "sets"),
        ({"sets": []}, "sets"),
        ({"sets": "/no/such/folder"}, "no file or folder '/no/such/folder'"),
        ({"sets": {"own": {"path": "/tmp", "field": "q"}}}, "field"),
        ({"sets": {"own": {"path": "/tmp", "fields": ["q["]}}}, "names no text of an item"),
        ({"sets": {"own": 3}}, "path"),
        ({"sets": "/tmp", "common": 0}, "common"),
        ({"sets": "/tmp", "ngram": 0}, "ngram"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ContaminationOptions(**options)
