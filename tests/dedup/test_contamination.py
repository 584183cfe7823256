"""Contamination against sets of n-gram tuples in plain Python, and what a planted copy must show."""

import gzip
import json
import pickle
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dedup.benchmark.grams import gram_hashes, gram_words
from dedup.contamination import PASS, ContaminationOptions
from text.strings import Strings

MakeCorpus = Callable[..., Any]
Row = dict[str, Any]

QUESTION = (
    "A farmer keeps seven brown hens and every hen lays three eggs a week; how many eggs does he carry "
    "to the market after eleven weeks?"
)
ANSWER = "He carries two hundred and thirty one eggs."
FILLER = "Nothing of this has to do with any examination that anybody ever wrote down for a machine."
NOTHING = {"items": 0, "ngrams": 0, "share": 0.0, "benchmark": ""}


def write_set(folder: Path, name: str, items: Sequence[Mapping[str, Any]]) -> str:
    path = folder / name
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items), "utf-8")
    return str(path)


def told(corpus: Any, name: str = "contamination_matches") -> list[Row]:
    files = sorted((Path(corpus.tables) / name).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def labels(rows: Sequence[Row]) -> list[Row]:
    return [{name: row[f"contamination_{name}"] for name in NOTHING} for row in rows]


def cut(text: str) -> list[str]:
    """The words of an ASCII text of letters and spaces."""
    return text.lower().split()


def grams(text: str, ngram: int, least: int) -> set[tuple[str, ...]]:
    words = cut(text)
    if len(words) < ngram:
        return {tuple(words)} if len(words) >= least else set()
    return {tuple(words[at : at + ngram]) for at in range(len(words) - ngram + 1)}


def expected(
    items: Sequence[Sequence[str]], texts: Sequence[str], ngram: int, least: int, common: int | None
) -> tuple[list[Row], list[tuple[int, int, str]]]:
    """Labels, and document, item and words of each stretch, by sets of tuples."""
    wanted = [[grams(text, ngram, least) for text in item] for item in items]
    every = {gram for item in wanted for text in item for gram in text}
    held = [
        {gram for gram in every if any(tuple(words[at : at + len(gram)]) == gram for at in range(len(words)))}
        for words in map(cut, texts)
    ]
    documents = Counter(gram for found in held for gram in found)
    usual = {gram for gram, count in documents.items() if common is not None and count > common}
    rows, stretches = [], []
    for number, found in enumerate(held):
        shares = {}
        for item, wordings in enumerate(wanted):
            if any(found & text - usual for text in wordings):
                shares[item] = max(len(found & text) / len(text) for text in wordings if text)
        best = min(shares, key=lambda item: (-shares[item], item), default=None)
        rows.append(
            {
                "items": len(shares),
                "ngrams": len(found - usual),
                "share": shares[best] if best is not None else 0.0,
                "benchmark": "own" if best is not None else "",
            }
        )
        words = cut(texts[number])
        for item in shares:
            mine = {gram for text in wanted[item] for gram in text}
            spans = sorted(
                (at, at + len(gram))
                for gram in mine
                for at in range(len(words))
                if tuple(words[at : at + len(gram)]) == gram
            )
            merged: list[list[int]] = []
            for first, last in spans:
                if merged and first <= merged[-1][1]:
                    merged[-1][1] = max(last, merged[-1][1])
                else:
                    merged.append([first, last])
            stretches += [(number, item, " ".join(words[first:last])) for first, last in merged]
    return rows, stretches


few_words = st.lists(st.sampled_from(["a", "b", "c"]), max_size=9).map(" ".join)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.lists(st.tuples(few_words, few_words), min_size=1, max_size=4),
    texts=st.lists(few_words, max_size=8),
    cuts=st.integers(1, 3),
    ngram=st.integers(1, 5),
    least=st.integers(1, 5),
    common=st.sampled_from([None, 1, 2]),
)
def test_labels_and_stretches_are_those_of_sets_of_tuples(
    make_corpus: MakeCorpus,
    tmp_path_factory: pytest.TempPathFactory,
    items: list[tuple[str, str]],
    texts: list[str],
    cuts: int,
    ngram: int,
    least: int,
    common: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    path = write_set(folder, "own.jsonl", [{"q": one, "a": two} for one, two in items])
    units = [[{"text": text} for text in texts[at::cuts]] for at in range(cuts)]
    in_order = [document["text"] for unit in units for document in unit]
    corpus = make_corpus(units, 2)
    sets = {"own": {"path": path, "fields": ["q", "a"]}}
    found = corpus.label(PASS, sets=sets, ngram=ngram, least=least, common=common)
    rows, stretches = expected(items, in_order, ngram, min(least, ngram), common)
    assert labels(found) == rows
    assert sorted((int(row["id"][2:]), row["item"] - 1, row["matched"]) for row in told(corpus)) == sorted(
        stretches
    )


@pytest.fixture
def gsm(tmp_path: Path) -> str:
    """A folder that holds one benchmark of two items."""
    write_set(
        tmp_path,
        "gsm8k_test.jsonl",
        [{"question": f"Elsewhere {FILLER}", "answer": "No."}, {"question": QUESTION, "answer": ANSWER}],
    )
    return str(tmp_path)


def test_nothing(make_corpus: MakeCorpus, gsm: str) -> None:
    corpus = make_corpus([[], [{"text": ""}, {"text": "Short."}]])
    assert labels(corpus.label(PASS, sets=gsm)) == [NOTHING, NOTHING]
    assert told(corpus) == [] and told(corpus, "contamination_common") == []


def test_a_planted_item_is_found_with_its_span(make_corpus: MakeCorpus, gsm: str) -> None:
    before, after = "Überall — " + "So it is said. ", "\nAnd so on."
    corpus = make_corpus([[{"text": "Clean."}], [{"text": before + QUESTION + after}]])
    clean, dirty = labels(corpus.label(PASS, sets=gsm))
    words = len(QUESTION.split())
    assert clean == NOTHING
    assert dirty == {"items": 1, "ngrams": words - 12, "share": 1.0, "benchmark": "gsm8k"}
    (row,) = told(corpus)
    start = len(before.encode())
    assert row == {
        "id": "id00001", "benchmark": "gsm8k", "file": "gsm8k_test.jsonl", "item": 2, "item_id": "",
        "share": 1.0, "words": words, "start": start, "end": start + len(QUESTION) - 1,
        "matched": QUESTION.rstrip("?"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" ".join(QUESTION.split()[:13]), True),
        (" ".join(QUESTION.split()[:12]), False),
        (" ".join([*QUESTION.split()[5:17], "or", "so"]), False),
        (QUESTION.upper(), True),
        (QUESTION.replace(" ", "  \n").replace(";", " —").replace("?", ""), True),
        (QUESTION.replace("e", "é"), True),
        (QUESTION.replace("hens", "ducks").replace("hen ", "duck ").replace("many", "few"), False),
    ],
)
def test_what_is_taken_for_a_copy(make_corpus: MakeCorpus, gsm: str, text: str, found: bool) -> None:
    (row,) = make_corpus([[{"text": f"Once more: {text} And so on."}]]).label(PASS, sets=gsm)
    assert (row["contamination_ngrams"] > 0) is found


def test_numbers_keep_their_values(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    item = "Rows of numbers: 11 12 13 14 15 16 17 18 19 20 21 22 23 24"
    path = write_set(tmp_path, "own.jsonl", [{"question": item, "answer": ""}])
    texts = [item, item.replace("1", "3"), item.translate({0x30 + i: 0x660 + i for i in range(10)})]
    found = make_corpus([[{"text": text} for text in texts]]).label(PASS, sets=path)
    assert [row["contamination_share"] for row in found] == [1.0, 0.0, 1.0]


def test_short_items_are_looked_for_whole(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    eight, seven = "which of these eight words is the odd", "but seven are not looked for here"
    path = write_set(tmp_path, "arc.jsonl", [{"question": eight}, {"question": seven}])
    texts = [f"So: {eight}?", seven, eight.rpartition(" ")[0]]
    corpus = make_corpus([[{"text": text} for text in texts]])
    found = corpus.label(PASS, sets={"own": {"path": path, "fields": ["question"]}})
    assert [row["contamination_share"] for row in found] == [1.0, 0.0, 0.0]
    options = ContaminationOptions.model_validate({"sets": {"own": {"path": path, "fields": ["question"]}}})
    assert any("own (arc.jsonl): 1 of 2 items; question" in line for line in PASS.describe(options))


def test_an_item_that_stands_twice_is_counted_once_and_told_twice(make_corpus: MakeCorpus, gsm: str) -> None:
    corpus = make_corpus([[{"text": f"{QUESTION} {FILLER} {QUESTION}"}]])
    (row,) = labels(corpus.label(PASS, sets=gsm))
    assert (row["items"], row["ngrams"], row["share"]) == (2, len(QUESTION.split()) - 12 + 5, 1.0)
    matches = told(corpus)
    assert [(row["item"], row["start"]) for row in matches] == [
        (2, 0),
        (1, len(QUESTION) + 1),
        (2, len(QUESTION) + len(FILLER) + 2),
    ]
    corpus = make_corpus([[{"text": f"{QUESTION} {FILLER} {QUESTION}"}]])
    corpus.label(PASS, sets=gsm, listed=1)
    assert [row["item"] for row in told(corpus)] == [2]  # the one that is found whole


def test_n_grams_in_many_documents_are_common_text(make_corpus: MakeCorpus, gsm: str) -> None:
    proverb = " ".join(QUESTION.split()[:13])
    copies: list[Row] = [{"text": f"{number}. {proverb}"} for number in range(11)]
    units = [copies[:6], [*copies[6:], {"text": QUESTION}]]
    corpus = make_corpus(units)
    found = labels(corpus.label(PASS, sets=gsm))
    assert found[:11] == [NOTHING] * 11
    assert found[11]["share"] == 1.0 and found[11]["ngrams"] == len(QUESTION.split()) - 13
    assert told(corpus, "contamination_common") == [
        {
            "ngram": proverb.rstrip(";"), "documents": 12, "items": 1,
            "benchmark": "gsm8k", "file": "gsm8k_test.jsonl", "item": 2,
        }
    ]  # fmt: skip
    every = labels(make_corpus(units).label(PASS, sets=gsm, common=None))
    assert [row["ngrams"] for row in every] == [1] * 11 + [len(QUESTION.split()) - 12]
    copies[0]["dropped"] = copies[1]["dropped"] = True  # ten are left
    assert all(row["ngrams"] for row in labels(make_corpus(units).label(PASS, sets=gsm)))


def test_only_the_sources_named_are_looked_at(make_corpus: MakeCorpus, gsm: str) -> None:
    units = [[{"text": QUESTION, "source": "web"}], [{"text": QUESTION, "source": "books"}]]
    found = labels(make_corpus(units).label(PASS, sets=gsm, sources=["books"]))
    assert found[0] == NOTHING and found[1]["share"] == 1.0


def test_the_same_tables_however_the_work_is_cut(make_corpus: MakeCorpus, gsm: str) -> None:
    units = [[{"text": f"{FILLER} {QUESTION}"}, {"text": FILLER}], [{"text": ANSWER}, {"text": QUESTION}]]
    seen = []
    for partitions in (1, 2, 4):
        corpus = make_corpus(units, partitions)
        found = corpus.label(PASS, sets=gsm)
        files = sorted(Path(corpus.tables).rglob("*.parquet"))
        seen.append((found, [(file.name, file.read_bytes()) for file in files]))
    assert seen[0] == seen[1] == seen[2]


def test_what_goes_to_the_tasks_that_label_does_not_grow_with_the_units(
    make_corpus: MakeCorpus, gsm: str
) -> None:
    options = ContaminationOptions.model_validate({"sets": gsm})
    sizes = [
        len(pickle.dumps(PASS.run(make_corpus([[{"text": FILLER}]] * units), options))) for units in (1, 20)
    ]
    assert sizes[1] < sizes[0] + 20  # a folder's name


def test_code_is_found_by_its_words(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    prompt = (
        'def rolling_max(numbers):\n    """From a list of integers make a list of the rolling maximum"""\n'
    )
    solution = (
        "    running_max = None\n    result = []\n    for n in numbers:\n        if running_max is None:\n"
        "            running_max = n\n        result.append(running_max)\n    return result\n"
    )
    item = {"task_id": "HumanEval/9", "prompt": prompt, "canonical_solution": solution, "entry_point": "r"}
    with gzip.open(tmp_path / "HumanEval.jsonl.gz", "wt") as file:
        file.write(json.dumps(item))
    tabs = solution.replace("    ", "\t").replace(" = ", "=")
    texts = [prompt + solution, tabs, prompt + "    pass", "def f(numbers):\n    return numbers"]
    found = make_corpus([[{"text": text} for text in texts]]).label(PASS, sets=str(tmp_path))
    assert [row["contamination_ngrams"] > 0 for row in found] == [True, True, True, False]
    assert found[0]["contamination_share"] == 1.0


def test_a_document_of_one_item_over_and_over(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    item = " ".join(["same"] * 13)
    path = write_set(tmp_path, "own.jsonl", [{"question": item, "answer": ""}] * 50)
    corpus = make_corpus([[{"text": "same " * 20_000 + f"end {item}"}]])
    (row,) = labels(corpus.label(PASS, sets=path))
    assert row == {"items": 50, "ngrams": 1, "share": 1.0, "benchmark": "own"}
    matches = told(corpus)
    assert len(matches) == 100 and {row["words"] for row in matches} == {20_000, 13}
    assert max(len(row["matched"]) for row in matches) == 400


def test_a_preamble_of_many_items_and_documents(
    make_corpus: MakeCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held are the listed ones of a few documents at a time, and not all items of all of them."""
    names = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(60)]
    items = [f"{FILLER} {name} {QUESTION}" for name in names]
    path = write_set(tmp_path, "own.jsonl", [{"question": item, "answer": ""} for item in items])
    units = [[{"text": item} for item in items]]
    corpus = make_corpus(units)
    found, matches = corpus.label(PASS, sets=path, common=None, listed=3), told(corpus)
    assert {row["contamination_items"] for row in found} == {60}
    assert {row["contamination_share"] for row in found} == {1.0}
    assert Counter(row["id"] for row in matches) == dict.fromkeys((row["id"] for row in found), 3)
    whole = [row["item"] - 1 for row in matches if row["share"] == 1.0]
    assert whole == list(range(60))
    monkeypatch.setattr("dedup.benchmark.matches._ROOM", 1)
    again = make_corpus(units)
    assert (again.label(PASS, sets=path, common=None, listed=3), told(again)) == (found, matches)


def test_words_of_any_text() -> None:
    texts = ["", "Don’t — stop: 1,000 ½ ٣ 😀 E\u0301tude", "covid-19 U.S. x_y"]
    words = gram_words(Strings.of(pa.array(texts)))
    raw = "".join(texts).encode()
    spans = zip(words.starts.tolist(), words.ends.tolist(), strict=True)
    assert words.offsets.tolist() == [0, 0, 7, 10]
    assert [raw[start:end].decode() for start, end in spans] == [
        "Don", "’t", "stop", "1,000", "½", "٣", "E\u0301tude", "covid-19", "U.S.", "x_y",
    ]  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("a b1٣,.-'ศ字"))), max_size=5)
)
def test_words_without_places_are_the_same(texts: list[str]) -> None:
    strings = Strings.of(pa.array(texts, pa.string()))
    words = gram_words(strings)
    offsets, hashes = gram_hashes(strings)
    assert offsets.tolist() == words.offsets.tolist() and hashes.tolist() == words.hashes.tolist()
