"""A pass or rule that removes nothing, or nearly all, stops the run before its mixture. In process."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import cli, steps
from pipeline.config import load
from pipeline.errors import TripwireError
from pipeline.plan import make_plan
from pipeline.progress import Progress
from pipeline.run import Run, Settings

Sums = Callable[[Path], dict[str, str]]
Start = Callable[..., dict[str, Any]]
SCHEMA = pa.schema({"text": pa.string(), "url": pa.string(), "n": pa.int64(), "x": pa.float64()})


def documents(count: int, first: int = 0, copies: int = 0) -> list[dict[str, Any]]:
    """Documents whose `n` counts from `first`, `x` a hundredth of it; the last `copies` repeat the first's
    text."""
    return [
        {
            "text": f"Document {n if n < first + count - copies else first} of these.",
            "url": f"http://x.example/{n}",
            "n": n,
            "x": n / 100,
        }
        for n in range(first, first + count)
    ]


def write_run(
    sources: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]], rules: str, across: str, wires: str
) -> None:
    """A run file in this folder, over a Parquet file for each unit of each source."""
    text = "corpus: wired\noutput: out\nsources:\n"
    for source, units in sources.items():
        for number, rows in enumerate(units):
            path = Path(f"{source}-{number}.parquet")
            if not path.exists():
                pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), path)
        text += f"  {source}:\n    read: parquet\n    paths: [{source}-*.parquet]\n    keep: [n, x]\n"
        text += f"    steps: [{rules}]\n"
    Path("run.yaml").write_text(f"{text}across: [{across}]\n{wires}", "utf-8")


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """start(rules, across, wires, sources): carries out a run in the current folder; its manifest."""
    monkeypatch.chdir(tmp_path)

    def run(
        rules: str = "",
        across: str = "",
        wires: str = "",
        sources: Mapping[str, Sequence[Sequence[Mapping[str, Any]]]] | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        write_run(sources or {"web": [documents(60), documents(40, 60)]}, rules, across, wires)
        return Run(make_plan(load("run.yaml")), Settings("inline", **settings), Progress(quiet=True))()

    return run


def stopped(start: Start, *arguments: Any, **named: Any) -> str:
    with pytest.raises(TripwireError) as caught:
        start(*arguments, **named)
    return str(caught.value)


def rule(name: str, drop_if: str) -> str:
    return f"rules: {{{name}: {drop_if}}}"


def test_an_empty_corpus_trips_nothing(start: Start) -> None:
    told = start(rule("all", "n >= 0"), "exact", sources={"web": [[]]})["tripwires"]
    assert told["accepted"] == []
    assert [(one["kind"], one["name"], one["documents"]) for one in told["unused"]] == [
        ("rule", "all", 0),
        ("pass", "exact", 0),
    ]


def test_of_one_document_a_rule_drops_none_or_all(start: Start) -> None:
    rules = f"{rule('none', 'n < 0')}, {rule('all', 'n >= 0')}"
    assert start(rules, sources={"web": [documents(1)]})["tripwires"]["accepted"] == []


@pytest.mark.parametrize(
    ("dropped", "stops"), [(1, False), (89, False), (90, False), (91, True), (100, True)]
)
def test_more_than_the_share_stops(start: Start, dropped: int, stops: bool) -> None:
    """90 of 100 is not more than 90%."""
    drops = rule("much", f"n < {dropped}")
    if stops:
        said = stopped(start, drops)
        assert (
            f"rule 'much' of source web drops {dropped} of 100 documents ({dropped}%): more than 90%" in said
        )
    else:
        assert start(drops)["tripwires"]["accepted"] == []


def test_the_share_can_be_another(start: Start) -> None:
    assert "50%" in stopped(start, rule("half", "n < 51"), wires="tripwires: {most: 0.5}")
    start(rule("half", "n < 51"), wires="tripwires: {most: 0.51}")
    start(rule("all", "n >= 0"), wires="tripwires: {most: 1}")


def test_sources_are_counted_apart(start: Start) -> None:
    sources = {"web": [documents(95)], "code": [documents(10, 200)]}
    said = stopped(start, rule("low", "n < 100"), sources=sources)
    assert "rule 'low' of source web drops 95 of 95 documents" in said
    assert "rule 'low' of source code drops none of 10 documents" in said


def examples(said: str) -> list[tuple[str, str]]:
    """Address and values of the documents in a message."""
    return re.findall(r"^    [0-9a-f]{12}  (\S*)\n        (.*)$", said, re.MULTILINE)


def test_a_rule_of_the_run_file_that_drops_nothing_stops_with_the_nearest(start: Start) -> None:
    said = stopped(start, rule("low", "x < -0.5"))
    assert "rule 'low' of source web drops none of 100 documents\n    low: x < -0.5    (run.yaml:8)" in said
    assert "the 20 documents that came nearest:" in said
    assert [address for address, _ in examples(said)] == [f"http://x.example/{n}" for n in range(20)]
    assert examples(said)[3][1] == 'x 0.03  "Document 3 of these."'


@pytest.mark.parametrize(
    ("drop_if", "nearest"),
    [
        ("n > 99", [99, 98, 97]),
        ("100 <= n", [99, 98, 97]),
        ("n = 1000", [99, 98, 97]),
        ("n NOT BETWEEN -1 AND 102", [0, 1, 2, 99]),  # 1 off, 2 off, 3 off twice
        ("n < -2 OR n > 100", [99, 0, 98]),  # 1 off, 2 off twice
    ],
)
def test_what_is_near(start: Start, drop_if: str, nearest: list[int]) -> None:
    found = [int(address.rsplit("/", 1)[1]) for address, _ in examples(stopped(start, rule("far", drop_if)))]
    assert len(found) == 20 and set(found[: len(nearest)]) == set(nearest)


def test_examples_of_what_is_dropped(start: Start) -> None:
    """Twenty of them, the same whatever does the work, though most are in the second unit."""
    said = stopped(start, rule("much", "n > 5 AND x >= 0.02"))
    assert "20 of those that it drops:" in said
    found = examples(said)
    numbers = [int(address.rsplit("/", 1)[1]) for address, _ in found]
    assert len(set(numbers)) == 20 and min(numbers) > 5 and max(numbers) > 60 > min(numbers)
    assert all(
        values == f'n {n}  x {n / 100:.4g}  "Document {n} of these."'
        for n, (_, values) in zip(numbers, found, strict=True)
    )
    assert stopped(start, rule("much", "n > 5 AND x >= 0.02"), partitions=4) == said


def test_examples_of_a_rule_behind_passes(start: Start) -> None:
    """Asked about what was still in, and shown with the labels."""
    said = stopped(start, across="exact, {rules: {again: exact_size > 1 AND n < 0}}", sources={
        "web": [documents(60, copies=10), documents(40, 60)]
    })  # fmt: skip
    assert "rule 'again' of 1-exact drops none of 100 documents" in said
    assert "20 of those that it looked at:" in said
    assert all(re.match(r'exact_size \d+  n \d+  "Document', values) for _, values in examples(said))


def test_the_fourth_has_no_examples(start: Start) -> None:
    rules = ", ".join(rule(f"rule_{at}", f"n < -{at}") for at in range(1, 6))
    said = stopped(start, rules)
    assert said.startswith("5 tripwires stop the run before the mixture.")
    assert len(examples(said)) == 60
    assert "and 2 more, without examples:\n  rule 'rule_4' of source web drops none" in said


def test_a_published_rule_may_drop_none_of_a_few(start: Start) -> None:
    steps, wires = "gopher: {rules: {}}, fineweb", "tripwires: {{accept: [fineweb_short_lines]{}}}"
    told = start(steps, wires=wires.format(""))["tripwires"]
    assert "fineweb_duplicate_line_chars" in [one["name"] for one in told["unused"]]
    assert [one["name"] for one in told["accepted"]] == ["fineweb_short_lines"]  # it drops all
    said = stopped(start, steps, wires=wires.format(", enough_documents: 100"))
    assert "rule 'fineweb_duplicate_line_chars' of source web drops none of 100 documents" in said
    start(steps, wires=wires.format(", enough_documents: 101"))


def test_a_rule_overridden_in_the_run_file_stands_there(start: Start) -> None:
    over = "recipe: {name: gopher, override: {gopher_hashes: gopher_hashes_per_word > 7}}"
    said = stopped(start, over)
    assert re.findall("rule '(.*)' of source web drops none", said) == ["gopher_hashes"]


def test_a_pass_that_drops_nothing_stops(start: Start) -> None:
    said = stopped(start, across="url, exact")
    assert said.startswith("2 tripwires stop")  # not four: its rule is the pass's own matter
    assert "pass 1-url drops none of 100 documents\n    url_duplicate: " in said
    assert "accept: {url: nothing, exact: nothing}" in said
    assert len(examples(said)) == 40


def test_a_pass_without_rules_is_asked_nothing(start: Start) -> None:
    assert start(across="url: {rules: {}}")["tripwires"]["unused"] == []


def test_a_pass_that_drops_nearly_all(start: Start) -> None:
    copies = {"web": [documents(100, copies=98)]}
    said = stopped(start, across="exact", sources=copies)
    assert "pass 1-exact drops 98 of 100 documents (98%): more than 90%" in said and len(examples(said)) == 20


def test_several_rules_of_a_pass_drop_together(start: Start) -> None:
    """Each drops 60 of 100; together 60, or all but two."""
    two = "exact: {{rules: {{one: n < 60, two: {}}}}}"
    start(across=two.format("n < 61 AND n > 0"))
    said = stopped(start, across=two.format("n BETWEEN 38 AND 97"))
    assert "pass 1-exact drops 98 of 100 documents" in said
    assert said.startswith("a tripwire stops")  # neither rule alone drops too much
    assert "    one: n < 60 " in said and "    two: n BETWEEN 38 AND 97 " in said


@pytest.mark.parametrize("accept", ["exact", "exact_duplicate", "all"])
def test_accepted_by_the_name_of_pass_rule_or_off(start: Start, accept: str) -> None:
    wires = "tripwires: off" if accept == "all" else f"tripwires: {{accept: [{accept}]}}"
    told = start(across="exact", wires=wires)["tripwires"]
    (one,) = told["accepted"]
    assert (one["kind"], one["where"], one["name"]) == ("pass", "1-exact", "exact")
    assert one["by"] == ([] if accept == "all" else [accept])
    assert told["asked"] == (None if accept == "all" else {"most": 0.9, "enough_documents": 10_000})
    card = Path("out/README.md").read_text()
    assert "The pass `exact` (1-exact) removed 0 of 100 documents" in card


def test_a_step_accepts_its_rules(start: Start) -> None:
    gopher = "gopher: {rules: {short: gopher_words < 0, odd: gopher_words < 1}}"
    assert stopped(start, gopher).startswith("2 tripwires")
    assert len(start(gopher, wires="tripwires: {accept: [gopher]}")["tripwires"]["accepted"]) == 2
    assert stopped(start, gopher, wires="tripwires: {accept: [odd]}").startswith("a tripwire stops")


@pytest.fixture
def made_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "passes"))
    monkeypatch.setitem(steps.PASSES, "made_cut", "made_cut")


@pytest.mark.usefixtures("made_cut")
def test_a_pass_that_cuts_texts(start: Start) -> None:
    """It need not drop a document; but it must cut something, and not nearly all."""
    start(across="made_cut: {word: these, rules: {}}")
    said = stopped(start, across="made_cut: {word: nowhere, rules: {}}")
    assert "pass 1-made_cut drops none of 100 documents" in said
    whole = [{"text": "all " * 100, "url": f"http://x.example/{n}", "n": n, "x": 0.0} for n in range(9)]
    said = stopped(start, across="made_cut: {word: 'all ', rules: {}}", sources={"other": [whole]})
    assert "drops none of 9 documents, and cuts 900 of 900 tokens (100%) out of texts: more than 90%" in said


def test_accepting_redoes_nothing_and_refusing_leaves_what_is_there(start: Start, sums: Sums) -> None:
    across, out = "exact", Path("out")
    stopped(start, across=across)
    before = sums(out)
    assert not any(name.startswith(("shards", "manifest", "README")) for name in before)
    start(across=across, wires="tripwires: {accept: [exact]}")
    done = sums(out)
    assert before.items() <= done.items()
    start(across=across, wires="tripwires: {accept: [exact]}")
    assert sums(out) == done
    stopped(start, across=across)
    assert sums(out) == done
    # What is accepted is told anew, and the draw stays.
    start(across=across, wires="tripwires: off")
    off = sums(out)
    assert {name for name in done if off.get(name) != done[name]} == {"README.md", "manifest.json"}
    # Other rules leave an older mixture as it was, until there is a new one.
    stopped(start, rule("low", "n < 0"), across=across)
    assert all(sums(out)[name] == one for name, one in off.items() if name != "plan.json")
    assert json.loads(Path("out/manifest.json").read_text())["digest"]


Ended = tuple[int, str]


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Exit status, and all that was said."""
    capfd.readouterr()
    try:
        cli.main(list(arguments))
    except SystemExit as end:
        said = capfd.readouterr()
        return int(end.code or 0), said.out + said.err
    return 0, "".join(capfd.readouterr())


def test_the_command_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_run({"web": [documents(50)]}, rule("low", "n < 0"), "exact", "")
    again = ("run", "run.yaml", "--engine", "inline")
    assert (
        "stop before the mixture where a pass or rule drops more than 90%"
        in call(capfd, "plan", "run.yaml")[1]
    )
    code, said = call(capfd, *again)
    assert code == 3 and "Traceback" not in said and "winnow: 2 tripwires stop the run" in said
    told = call(capfd, "plan", "run.yaml")[1]
    assert "2 stop the run" in told and "pass 1-exact drops none of 50 documents" in told
    assert "mixture  to do" in told
    # The lines to paste are those after the last sentence but one.
    pasted = re.search(r"\n\n(tripwires:\n.*?)\n\n", said, re.DOTALL)
    assert pasted is not None and pasted[1] == "tripwires:\n  accept: {low: nothing, exact: nothing}"
    with Path("run.yaml").open("a") as file:
        file.write(pasted[1] + "\n")
    code, said = call(capfd, *again)
    assert code == 0
    assert "accepted: rule low (web) removed 0 of 50 documents" in said
    assert "accepted: pass exact (1-exact) removed 0 of 50 documents" in said
    assert "accepted: low (nothing), exact (nothing)" in call(capfd, "plan", "run.yaml")[1]
    # Something else than what was accepted, and a rule more: what stood there already stays.
    text = Path("run.yaml").read_text().replace(rule("low", "n < 0"), rule("low", "n < 47, high: n > 50"))
    Path("run.yaml").write_text(text.replace("  accept:", "  most: 0.8\n  accept:"))
    code, said = call(capfd, *again)
    assert code == 3 and "in place of its `tripwires` (line 10)" in said
    pasted = re.search(r"\n\n(tripwires:\n  most: 0.8\n  accept:\n.*?)\n\n", said, re.DOTALL)
    assert pasted is not None
    assert " ".join(pasted[1].split()[4:]) == "low: [nothing, 0.94] exact: nothing high: nothing"
    text = Path("run.yaml").read_text()
    Path("run.yaml").write_text(text[: text.index("tripwires:")] + pasted[1])
    assert call(capfd, *again)[0] == 0
    # A larger share does not hide behind the one that was accepted.
    Path("run.yaml").write_text(Path("run.yaml").read_text().replace("n < 47", "n < 48"))
    code, said = call(capfd, *again)
    assert code == 3 and "drops 48 of 50 documents (96%): more than the accepted 94%" in said
