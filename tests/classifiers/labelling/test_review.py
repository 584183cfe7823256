"""Reviewing labels: what keys mean, in which order documents come, what is kept, and what is told."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from classifiers.labelling import keys
from classifiers.labelling.keys import Choices, Command
from classifiers.labelling.labels import LABELS, read_labels, read_reviews
from classifiers.labelling.prompt import load_prompt
from classifiers.labelling.review import Review, page, review
from classifiers.labelling.reviews import Reviews, order
from pipeline.errors import PlanError
from pipeline.printed import printable

GRADES = Choices(tuple("012345"))
KINDS = Choices(("none", "hate", "harassment", "scam"))
TOPICS = Choices(tuple(load_prompt("topic").labels))

# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("choices", "typed", "expected"),
    [
        (GRADES, "", Command("confirm")),
        (GRADES, " 3\n", Command("label", "3")),
        (GRADES, "s", Command("skip")),
        (GRADES, "b", Command("back")),
        (GRADES, "m", Command("more")),
        (GRADES, "?", Command("help")),
        (GRADES, "QUIT", Command("quit")),
        (KINDS, "1", Command("label", "none")),
        (KINDS, "4", Command("label", "scam")),
        (KINDS, "Hate", Command("label", "hate")),
        (KINDS, "n", Command("label", "none")),
        (KINDS, "sc", Command("label", "scam")),
        (KINDS, "s", Command("skip")),  # a command counts before part of a name
        (TOPICS, "27", Command("label", "other")),
        (TOPICS, "spo", Command("label", "sports")),
        (Choices(("s", "t")), "s", Command("label", "s")),  # and a name before a command
        (Choices(("s", "t")), "skip", Command("skip")),
        (Choices(("-1", "0", "1")), "-1", Command("label", "-1")),
    ],
)
def test_what_is_typed(choices: Choices, typed: str, expected: Command) -> None:
    assert choices.understand(typed) == expected


@pytest.mark.parametrize(
    ("choices", "typed", "said"),
    [
        (GRADES, "6", "'6' is no label; expected 0, 1, 2, 3, 4, 5, or ? for help"),
        (KINDS, "5", "'5': labels have the numbers 1 to 4"),
        (KINDS, "ha", "'ha' may be hate, harassment"),
        (TOPICS, "xyz", "'xyz' is no label; expected mathematics"),
    ],
)
def test_what_cannot_be_understood(choices: Choices, typed: str, said: str) -> None:
    found = choices.understand(typed)
    assert found.kind == "help" and found.fault.startswith(said)


def test_what_needs_no_enter() -> None:
    """Single keys where all labels have one, or by habit one would answer for what follows."""
    assert all(GRADES.at_once(key) for key in "012345sbmq?")
    assert not any(GRADES.at_once(key) for key in ("6", "x", "12", ""))
    assert KINDS.at_once("2") and KINDS.at_once("q") and not KINDS.at_once("s") and not KINDS.at_once("n")
    assert not any(TOPICS.at_once(key) for key in "123456789sbmq?")


Typist = Callable[[str], keys.Keys]


@pytest.fixture
def terminal() -> Iterator[Typist]:
    """A terminal in which something was typed already."""
    opened = []

    def typed(text: str) -> keys.Keys:
        ours, theirs = pty.openpty()
        stream = os.fdopen(theirs, "r")
        held = keys.open_keys(stream, io.StringIO())
        source = held.__enter__()
        os.write(ours, text.encode())
        opened.append((held, stream, ours))
        return source

    yield typed
    for held, stream, ours in opened:
        held.__exit__(None, None, None)
        stream.close()
        os.close(ours)


@pytest.mark.parametrize(
    ("choices", "typed", "expected"),
    [
        (GRADES, "3q", [Command("label", "3"), Command("quit")]),
        (GRADES, "\n\x1b[D4", [Command("confirm"), Command("back"), Command("label", "4")]),
        (GRADES, "\x1b[C\x1b[1;5A2", [Command("label", "2")]),  # other arrows are nothing
        (GRADES, "12\x7f\x7f1", [Command("label", "1"), Command("label", "2"), Command("label", "1")]),
        (KINDS, "haq\x7ft\n", [Command("label", "hate")]),
        (TOPICS, "12\n3\n", [Command("label", "law"), Command("label", "health")]),
        (TOPICS, "nonsense\x15arts\n\x04", [Command("label", "arts"), Command("quit")]),
        (KINDS, "é\x7fscam\n", [Command("label", "scam")]),
    ],
)
def test_a_terminal(terminal: Typist, choices: Choices, typed: str, expected: list[Command]) -> None:
    source = terminal(typed)
    assert [source.read(choices) for _ in expected] == expected


# ---------------------------------------------------------------- what is shown


def test_pages() -> None:
    assert page("", 10, 3) == ([], 0)
    assert page("one two three", 8, 5) == (["one two", "three"], 13)
    assert page("one\n\ntwo\n", 8, 5) == (["one", "", "two"], 9)
    assert page("one\ntwo\nthree", 8, 2) == (["one", "two"], 8)
    assert page("abcdefghij", 4, 2) == (["abcd", "efgh"], 8)
    assert page("表示表示", 4, 5) == (["表示", "表示"], 4)


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab 表\n"), max_size=60), st.integers(2, 9), st.integers(1, 4))
def test_pages_hold_all_of_the_text(text: str, width: int, lines: int) -> None:
    held, rest = "", text
    while rest:
        shown, length = page(rest, width, lines)
        assert length > 0 and len(shown) <= lines and all(cell_len(line) <= width for line in shown)
        held += "".join(shown)
        rest = rest[length:]
    assert held.replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[31mb\x07\x9b2J\u202ec\r\nd\te") == "a·[31mb··2J·c\nd    e"
    assert printable("می\u200cخواهم 👩\u200d🚀") == "می\u200cخواهم 👩\u200d🚀"  # joiners are letters' own


# ---------------------------------------------------------------- reviews

Maker = Callable[..., str]


@pytest.fixture
def labels(tmp_path: Path) -> Maker:
    """Makes a folder of labels."""

    def make(given: Sequence[str | None], prompt: str = "educational_quality", strata: int = 1) -> str:
        found = load_prompt(prompt)
        rows = [
            {
                "id": f"{at:032x}",
                "source": "web",
                "url": f"https://site.example/{at}",
                "path": None,
                "language": "en",
                "text": f"Text number {at}.",
                "shown": 10,
                "stratum": f"stratum {at % strata}",
                "weight": 1.0,
                "prompt": prompt,
                "prompt_hash": found.hash,
                "model": "some-model",
                "label": label,
                "status": "unparsable" if label is None else "ok",
                "reason": None if label is None else f"because {at}",
                "raw": "{}",
                "tokens_in": 9,
                "tokens_out": 9,
            }
            for at, label in enumerate(given)
        ]
        pq.write_table(pa.Table.from_pylist(rows, LABELS), tmp_path / "labels.parquet")
        meanings = {label: str(told) for label, told in found.labels.items()}
        asked = {"prompt_hash": found.hash, "labels": meanings, "ordered": found.ordered}
        (tmp_path / "asked.json").write_text(json.dumps(asked))
        return str(tmp_path)

    return make


def sit(folder: str, typed: str, reviewer: str = "ada", width: int = 100, **more: object) -> str:
    """One sitting; what was printed."""
    out = io.StringIO()
    asked = Review(folder, reviewer=reviewer, **more)  # type: ignore[arg-type]
    review(asked, Console(file=out, width=width, height=40), io.StringIO(typed))
    return out.getvalue()


def kept(folder: str, reviewer: str = "ada") -> dict[str, str]:
    return Reviews(folder).by(reviewer)


def test_no_labels(tmp_path: Path, labels: Maker) -> None:
    with pytest.raises(PlanError, match=r"no labels.parquet is there; expected a folder that `winnow label`"):
        sit(str(tmp_path), "")
    folder = labels([])
    assert "no document is reviewed yet" in sit(folder, "")
    assert not Path(folder, "reviews.parquet").exists()


def test_a_sitting(labels: Maker) -> None:
    folder = labels(["3"] * 4)
    said = sit(folder, "3\nx\n5\ns\n\n2\n")
    assert "4 documents to review as ada; the model's label is hidden until you have given yours" in said
    assert "model: 3 too: because " in said and "model: 3 (yours: 5; b goes back): because " in said
    assert "'x' is no label" in said and "the model's label is hidden; give one, or skip it by s" in said
    assert said.index("model: 3") > said.index("label: 3\n")
    first = order(pq.read_table(f"{folder}/labels.parquet"), 0)
    assert kept(folder) == {f"{first[at]:032x}": label for at, label in ((0, "3"), (1, "5"), (3, "2"))}
    table = read_reviews(folder)
    assert table.column("blind").to_pylist() == [True] * 3
    assert table.column("reviewer").to_pylist() == ["ada"] * 3
    trained = read_labels(folder).to_pylist()
    assert [row["label"] for row in trained] == [kept(folder).get(row["id"], "3") for row in trained]
    assert {row["reviewer"] for row in trained} == {"ada", None}
    # The skipped one comes again, and nothing else.
    assert "1 of 1" in sit(folder, "") and "none left" in sit(folder, "0\n") and len(kept(folder)) == 4


def test_back_mends_a_slip(labels: Maker) -> None:
    """Training takes the last label, agreement the first: by then the model's was seen."""
    folder = labels(["3", "4"])
    said = sit(folder, "0\nb\n3\nb\n\n4\n")
    assert "label (yours was 0): 3" in said and "label (yours was 3): \n" in said
    first = order(pq.read_table(f"{folder}/labels.parquet"), 0)[0]
    assert kept(folder)[f"{first:032x}"] == "3"
    given = [row for row in read_reviews(folder).to_pylist() if row["id"] == f"{first:032x}"]
    assert [(row["label"], row["blind"]) for row in given] == [("0", True), ("3", False)]
    assert read_labels(folder).column("label").to_pylist()[first] == "3"
    assert "│ ada and the model │         2 │ " in said
    assert "│ 0                  │ · │ · │ · │ " in said and said.count(" 1 │") >= 2


def test_agreement_is_told_whole_where_there_is_little_room(labels: Maker) -> None:
    folder = labels(["3", "3"])
    sit(folder, "3\n1\n", reviewer="[/x]")  # no markup
    for width in (80, 40):
        said = sit(folder, "", reviewer="[/x]", width=width)
        assert "[/x] and the model\n  documents       2\n  equal           50% (9–91%)\n  kappa " in said
    assert "[/x] / the model, most often: 1 / 3 1" in sit(folder, "", width=40)
    assert "[/x] ↓  the model →" in sit(folder, "", width=80)


def test_reviews_of_what_nobody_else_has_labelled(labels: Maker) -> None:
    said = sit(labels([None]), "3\n")
    assert "1 document reviewed, but none that another has labelled: nothing to compare" in said


def test_labels_shown(labels: Maker) -> None:
    folder = labels(["3", "3", None])
    said = sit(folder, "\n\n\n\n\n1\n", blind=False)
    assert said.index("model: 3: because") < said.index("label: \n")
    assert "there is no label of the model's; give one" in said
    assert Counter(kept(folder).values()) == {"3": 2, "1": 1}
    assert read_reviews(folder).column("blind").to_pylist() == [False] * 3
    assert "ada and the model, label shown" in said and "are confirmed too often" in said


def test_only_some(labels: Maker) -> None:
    folder = labels(["0", "0", "5", None, "1"])
    assert "1 of 2" in sit(folder, "", only=("5", "unparsable"))
    assert "the model's label is hidden" in sit(folder, "", only=("unparsable",))
    assert "1 document to review as ada; the model's label is shown" in sit(folder, "1\n", only=("1",))
    assert read_reviews(folder).column("blind").to_pylist() == [False]
    assert "1 of 3" in sit(folder, "", count=3)
    with pytest.raises(PlanError, match="--only '7': expected one of 0, 1, 2, 3, 4, 5, ok, refused"):
        sit(folder, "", only=("7",))
    with pytest.raises(PlanError, match="--reviewer '\\\\n': expected a name"):
        sit(folder, "", reviewer="\n")
    with pytest.raises(PlanError, match="none that steers a terminal"):
        sit(folder, "", reviewer="ad\x9ba")


def test_what_the_labels_mean(labels: Maker, tmp_path: Path) -> None:
    folder = labels(["2", "1"])
    assert "0: Nothing can be learnt from it. Includes spam" in sit(folder, "")
    said = sit(folder, "", prompt="reasoning")
    assert "0: No reasoning and no mathematics" in said
    assert "prompt 'reasoning' is not the one that the model was asked by, or has changed since" in said
    (tmp_path / "asked.json").unlink()  # labels that somebody else has made
    assert sit(folder, "2\n2\n").count("2") > 1 and set(kept(folder).values()) == {"2"}
    labels(["2", "2"])
    (tmp_path / "asked.json").unlink()
    with pytest.raises(PlanError, match="1 label found, and no prompt that names more; give its file"):
        sit(folder, "")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), max_size=40), st.integers(0, 99))
def test_any_beginning_is_a_fair_sample(pairs: list[tuple[str, str]], seed: int) -> None:
    """Of each stratum and label as many as its share, give or take one; another seed, another order."""
    columns = {
        "id": [f"{at:032x}" for at in range(len(pairs))],
        "stratum": [stratum for stratum, _ in pairs],
        "label": [label for _, label in pairs],
    }
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    found = order(table, seed)
    assert sorted(found) == list(range(len(pairs)))
    whole = Counter(pairs)
    for end in range(len(pairs)):
        seen = Counter(pairs[row] for row in found[:end])
        for pair, count in whole.items():
            assert abs(seen[pair] - end * count / len(pairs)) <= 1 + len(whole) / 2
    shuffled = table.take(pa.array(range(len(pairs) - 1, -1, -1), pa.int64()))
    names = table.column("id").to_pylist()
    assert [names[row] for row in found] == [
        shuffled.column("id")[row].as_py() for row in order(shuffled, seed)
    ]


def test_reviewers_have_the_same_documents_and_are_compared(labels: Maker) -> None:
    folder = labels([str(at % 6) for at in range(30)], strata=3)
    sit(folder, "1\n" * 5 + "2\n" * 5, "ada")
    sit(folder, "1\n" * 5 + "3\n" * 3, "ben")
    said = sit(folder, "1\n" * 4, "cay")
    assert "ada and ben" in said and "ben and cay" in said
    line = next(line for line in said.splitlines() if line.startswith("│ ada and ben"))
    assert [cell.strip() for cell in line.split("│")[2:4]] == ["8", "62% (31–86%)"]
    assert "Krippendorff's alpha of all reviewers: " in said and "over 8 documents" in said
    assert "±5 take about" in said


def test_many_labels_are_told_by_pairs(labels: Maker) -> None:
    names = list(load_prompt("topic").labels)[:14]
    folder = labels(names, "topic")
    said = sit(folder, "other\n" * 3 + "law\n" * 11)
    assert "ada / the model, most often: " in said and "law / " in said
    assert "1 mathematics" in said and "27 other" in said


def test_a_kill_loses_nothing(labels: Maker) -> None:
    folder = labels(["3"] * 5)
    program = "from pipeline.cli import main; main()"
    command = [sys.executable, "-c", program, "label", "--review", folder, "--reviewer", "ada"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        process.stdin.write("1\n2\n")
        process.stdin.flush()
        ends = time.monotonic() + 60
        while len(kept(folder)) < 2:
            assert time.monotonic() < ends and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert sorted(kept(folder).values()) == ["1", "2"]
    assert "1 of 3" in sit(folder, "")


def test_two_at_once_lose_nothing(labels: Maker) -> None:
    """Each review is read, added and written under a lock."""
    folder = labels(["3"] * 20)

    def sitting(reviewer: str) -> None:
        for at in range(10):
            Reviews(folder).add(f"{at:032x}", "1", reviewer, True)

    with ThreadPoolExecutor() as both:
        list(both.map(sitting, ["ada", "ben"]))
    assert len(kept(folder, "ada")) == len(kept(folder, "ben")) == 10
