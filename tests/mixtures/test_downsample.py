"""Labels held to shares of a source's tokens: against a plain answer, and where they cannot be."""

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mixtures.card import card
from mixtures.draw import draw, problems
from mixtures.labels import targets, thinning
from mixtures.options import MixtureOptions
from mixtures.survey import hash_ids
from pipeline.errors import PlanError

if TYPE_CHECKING:
    from tests.mixtures.conftest import Workshop


def asked(
    to: dict[Any, float], by: str = "topic", sources: Sequence[str] = (), **more: Any
) -> MixtureOptions:
    return MixtureOptions.model_validate({"downsample": {"by": by, "to": to, "sources": sources}, **more})


def labelled(
    workshop: "Workshop",
    tokens: Sequence[int],
    topics: Sequence[str | None],
    source: str = "web",
    first: int = 0,
) -> pa.Table:
    extra = {"topic": pa.array(topics, pa.string())}
    return workshop.documents(source, tokens, first=first, extra=extra)


@pytest.mark.parametrize(
    ("tokens", "shares", "kept"),
    [
        ([0], [], [0]),
        ([0, 0], ["1/2"], [0, 0]),
        ([100], [], [100]),
        # Nothing above its share.
        ([10, 90], ["1/10"], [10, 90]),
        # 10 of 100: others stay, the label fills a tenth.
        ([60, 90], ["1/10"], [10, 90]),
        ([60, 90], ["0"], [0, 90]),
        # Holding back the first makes the second too large; both end at their shares of 200.
        ([500, 70, 100], ["1/4", "1/4"], [50, 50, 100]),
        ([500, 41, 100], ["1/4", "1/4"], [47, 41, 100]),
        # No other documents, and shares of 1 together: the scarcer one decides.
        ([300, 50, 0], ["1/2", "1/2"], [50, 50, 0]),
        ([300, 50, 0], ["3/4", "1/2"], [150, 50, 0]),
        # Or below 1: nothing can be kept.
        ([300, 50, 0], ["1/4", "1/2"], [0, 0, 0]),
        ([300, 0], ["1/2"], [0, 0]),
        ([300, 0], ["1"], [300, 0]),
    ],
)
def test_targets(tokens: list[int], shares: list[str], kept: list[int]) -> None:
    assert targets(tokens, [Fraction(share) for share in shares]) == kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.fractions(0, 1, max_denominator=100)), max_size=6),
    st.integers(0, 10**12),
)
def test_targets_are_the_most_that_there_can_be(labels: list[tuple[int, Fraction]], others: int) -> None:
    """Every label within its share of what is kept; and one that lost anything is at its share."""
    shares = [share for _, share in labels]
    tokens = [*(count for count, _ in labels), others]
    *kept, rest = targets(tokens, shares)
    whole = sum(kept) + rest
    assert rest == others
    for count, share, left in zip(tokens, shares, kept, strict=False):
        assert 0 <= left <= count
        assert left <= share * (whole + len(labels))  # whole numbers: each may lack a part of a token
        assert left == count or left >= share * whole - 1
    if not whole and any(tokens):
        assert not others and sum(share for (count, share) in labels if count) < 1


def plain(
    workshop: "Workshop", tokens: Sequence[int], topics: Sequence[str | None], to: dict[str, float]
) -> list[str]:
    """The ids that are kept: of each label those with the lowest thinning hashes, up to its tokens; and less
    where others had more than their shares."""
    names = [workshop.identity("web", at) for at in range(len(tokens))]
    keys = thinning(hash_ids(pa.array(names, pa.string()), 0)[0], 0).tolist()
    ordered = sorted(zip(keys, names, topics, tokens, strict=True))
    shares = [Fraction(str(share)) for share in to.values()]
    others = [(name, length) for _, name, topic, length in ordered if topic not in to]
    mine = [[(name, length) for _, name, topic, length in ordered if topic == label] for label in to]
    counts = [sum(length for _, length in each) for each in mine]
    rest = sum(length for _, length in others)
    goals = targets([*counts, rest], shares)
    for _ in range(8):
        kept = [
            each if share and goal == count else filled(each, goal)
            for each, goal, count, share in zip(mine, goals, counts, shares, strict=False)
        ]
        sums = [sum(length for _, length in each) for each in kept]
        whole = sum(sums) + rest
        less = targets([*sums, rest], shares)
        above = [100 * count > 101 * share * whole for count, share in zip(sums, shares, strict=True)]
        if not any(less) or not any(above):
            break
        goals = [
            least if over else goal for goal, least, over in zip(goals, less, [*above, False], strict=True)
        ]
    return sorted(name for each in (others, *kept) for name, _ in each)


def filled(documents: list[tuple[str, int]], goal: int) -> list[tuple[str, int]]:
    """The documents, in their order, that fit into `goal` tokens: from one that does not on, only those that
    fit into what it left, if that is more than a hundredth."""
    kept, left, most = [], goal, 1 << 62
    for name, length in documents if goal else ():
        if length > most:
            continue
        if length > left:
            if 100 * left <= goal:
                break
            most = left
            continue
        kept.append((name, length))
        left -= length
    return kept


TOPICS = st.sampled_from(["arts", "sports", "science", "health", None])


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 30) | st.just(300), TOPICS), min_size=1, max_size=40),
    st.dictionaries(
        st.sampled_from(["arts", "sports", "absent"]), st.sampled_from([0, 0.1, 0.25, 1]), min_size=1
    ),
    st.integers(0, 40),
)
def test_an_epoch_against_the_plain_answer(
    workshop: "Workshop", rows: list[tuple[int, str | None]], to: dict[str, float], cut: int
) -> None:
    """And the same shards however the source is cut into units."""
    tokens, topics = [row[0] for row in rows], [row[1] for row in rows]
    found = []
    for pieces in ([rows], [rows[:cut], rows[cut:]]):
        tables, first = [], 0
        for piece in pieces:
            tables.append(
                labelled(workshop, [t for t, _ in piece], [topic for _, topic in piece], first=first)
            )
            first += len(piece)
        corpus, folder = workshop.corpus(workshop.units(tables, ["web"] * len(pieces))), workshop.shards()
        try:
            result = draw(corpus, asked(to), "mix", folder)
        except PlanError as fault:
            assert re.search("every document of source web is (arts|sports)", str(fault))
            assert not plain(workshop, tokens, topics, to)
            return
        drawn = workshop.rows(folder)
        assert sorted(row["id"] for row in drawn) == plain(workshop, tokens, topics, to)
        entry = result["sources"]["web"]
        assert entry["available"] == {"documents": len(rows), "tokens": sum(tokens)}
        assert entry["epoch"] == {"documents": len(drawn), "tokens": entry["tokens"]}
        for told in entry["downsample"]["labels"]:
            here = [row for row in drawn if (row["topic"] if row["topic"] in to else None) == told["label"]]
            assert (told["documents"], told["tokens"]) == (len(here), sum(row["tokens"] for row in here))
            had = [t for t, topic in rows if (topic if topic in to else None) == told["label"]]
            assert told["epoch"]["documents"] == len(had) and told["epoch"]["tokens"] == sum(had)
        found.append([row["id"] for row in drawn])
    assert found[0] == found[1]


def test_no_documents(workshop: "Workshop") -> None:
    corpus = workshop.corpus(workshop.units([labelled(workshop, [], [])], ["web"]))
    result = draw(corpus, asked({"arts": 0.1}), "mix", workshop.shards())
    assert result["total"]["documents"] == 0
    assert result["notes"] == ["web by topic: no label above its share; no document is arts"]


def many(workshop: "Workshop", source: str = "web") -> pa.Table:
    """3,000 documents of 10 tokens: 60% arts, 30% science, 10% sports."""
    topics = ["arts"] * 6 + ["science"] * 3 + ["sports"]
    return labelled(workshop, [10] * 3000, topics * 300, source)


def test_shares_are_met_and_told(workshop: "Workshop") -> None:
    corpus = workshop.corpus(workshop.units([many(workshop), workshop.documents("code", [10] * 100)]))
    options = asked({"arts": 0.2, "sports": 0.2, "law": 0.1}, sources=["web"])
    folder = workshop.shards()
    result = draw(corpus, options, "mix", folder)
    drawn = Counter(row.get("topic") for row in workshop.rows(folder))
    assert drawn == {"science": 900, "sports": 300, "arts": 300, None: 100}
    web = result["sources"]["web"]
    assert web["epoch"] == {"documents": 1500, "tokens": 15_000} and web["epochs"] == 1
    assert web["downsample"] == {
        "by": "topic",
        "labels": [
            {
                "label": "arts",
                "most": 0.2,
                "epoch": {"documents": 1800, "tokens": 18_000, "share": 0.6},
                "documents": 300,
                "tokens": 3000,
                "share": 0.2,
            },
            {
                "label": "sports",
                "most": 0.2,
                "epoch": {"documents": 300, "tokens": 3000, "share": 0.1},
                "documents": 300,
                "tokens": 3000,
                "share": 0.2,
            },
            {
                "label": "law",
                "most": 0.1,
                "epoch": {"documents": 0, "tokens": 0, "share": 0.0},
                "documents": 0,
                "tokens": 0,
                "share": 0.0,
            },
            {
                "label": None,
                "most": None,
                "epoch": {"documents": 900, "tokens": 9000, "share": 0.3},
                "documents": 900,
                "tokens": 9000,
                "share": 0.6,
            },
        ],
    }
    assert "downsample" not in result["sources"]["code"] and "epoch" not in result["sources"]["code"]
    assert result["notes"] == ["web by topic: arts 60.0% → 20.0%; no document is law"]
    counts = {"documents": 3000, "kept": 3000, "rules": {}, "steps": []}
    manifest = {"corpus": "mix", "winnow": "0", "sources": {"web": counts}, "across": [], "mixture": result}
    said = card({**manifest, "tripwires": {"accepted": []}}, "")
    assert "An epoch of web holds no more than is said here, by `topic`; and what was drawn of it:" in said
    assert "| arts | 20% | 18,000 | 60.00% | 3,000 | 20.00% |" in said
    assert "| all others |  | 9,000 | 30.00% | 9,000 | 60.00% |" in said


def test_a_document_larger_than_its_share_leaves_it_to_others(workshop: "Workshop") -> None:
    """Wherever it comes in their order: half of what is drawn, to a hundredth, is arts."""
    for book in range(5):
        tokens = [10_000 if at == book else 10 for at in range(400)]
        table = labelled(workshop, tokens, ["arts"] * 200 + ["law", "science"] * 100)
        corpus, folder = workshop.corpus(workshop.units([table])), workshop.shards()
        draw(corpus, asked({"arts": 0.5, "law": 0.25}), "mix", folder)
        drawn = Counter(row["topic"] for row in workshop.rows(folder))
        assert drawn == {"arts": 200 - 1, "law": 100, "science": 100}


def test_labels_of_large_documents_alone_take_the_others_with_them(workshop: "Workshop") -> None:
    """No book fits into half of the rest, so the pages on law are held to a fifth of what is drawn then."""
    topics = ["arts"] * 5 + ["law"] * 100 + ["science"] * 100
    table = labelled(workshop, [10_000] * 5 + [10] * 200, topics)
    corpus, folder = workshop.corpus(workshop.units([table])), workshop.shards()
    draw(corpus, asked({"arts": 0.5, "law": 0.2}), "mix", folder)
    assert Counter(row["topic"] for row in workshop.rows(folder)) == {"law": 25, "science": 100}


def test_part_of_an_epoch_holds_the_shares_too(workshop: "Workshop") -> None:
    """A budget draws by another hash than what is kept is chosen by: no label comes first."""
    corpus = workshop.corpus(workshop.units([many(workshop)]))
    for tokens, copies in ((4000, 1), (24_000, 2)):
        result = draw(corpus, asked({"arts": 0.2}, tokens=tokens, max_epochs=4), "mix", workshop.shards())
        web = result["sources"]["web"]
        assert web["tokens"] == tokens and web["epochs"] == pytest.approx(tokens / 15_000, abs=1e-6)
        share = web["downsample"]["labels"][0]["share"]
        assert share == pytest.approx(0.2, abs=0.04), copies


def test_repetitions_are_counted(workshop: "Workshop") -> None:
    """What a label weighs is told by an epoch: repeated three times, half of the documents are too many."""
    table = labelled(workshop, [10] * 100, ["arts", "science"] * 50)
    corpus, folder = workshop.corpus(workshop.units([table])), workshop.shards()
    options = asked({"arts": 0.5}, repeat="CASE WHEN topic = 'arts' THEN 3 ELSE 1 END")
    result = draw(corpus, options, "mix", folder)
    assert result["sources"]["web"]["downsample"]["labels"][0]["epoch"]["tokens"] == 1500
    assert Counter(row["topic"] for row in workshop.rows(folder)) == {"arts": 50, "science": 50}
    assert len({(row["id"], row["epoch"]) for row in workshop.rows(folder)}) == 100


@pytest.mark.parametrize(
    ("by", "to", "drawn"),
    [
        ("tokens % 2 = 0", {"true": 0}, {1: 5, 3: 5}),
        ("tokens", {"3": 0, "4": 0}, {1: 5, 2: 5}),
        ("CASE WHEN tokens > 2 THEN 'long' END", {"long": 0}, {1: 5, 2: 5}),
        ("'' || tokens", {"1": 0}, {2: 5, 3: 5, 4: 5}),
    ],
)
def test_labels_by_expressions(
    workshop: "Workshop", by: str, to: dict[Any, float], drawn: dict[int, int]
) -> None:
    corpus, folder = (
        workshop.corpus(workshop.units([workshop.documents("web", [1, 2, 3, 4] * 5)])),
        workshop.shards(),
    )
    draw(corpus, asked(to, by), "mix", folder)
    assert Counter(row["tokens"] for row in workshop.rows(folder)) == drawn


def test_killed_anywhere_the_draw_is_the_same(workshop: "Workshop") -> None:
    tables = [many(workshop).slice(first, 40) for first in (0, 40, 80)]
    corpus = workshop.corpus(workshop.units(tables))
    options = asked({"arts": 0.3, "sports": 0.05}, tokens=900, shard_size=2000)
    folder = workshop.shards()
    draw(corpus, options, "mix", folder)
    whole, tasks = workshop.contents(folder), len(corpus.done)
    assert {doing for doing, _ in corpus.done} >= {"mixture: labels", "mixture: shares"}
    for kill_at in range(0, tasks, 5):
        again = workshop.corpus(corpus.units, kill_at=kill_at)
        into = workshop.shards()
        with pytest.raises(workshop.killed):
            draw(again, options, "mix", into)
        again.kill_at = None
        draw(again, options, "mix", into)
        assert workshop.contents(into) == whole


def test_what_cannot_be(workshop: "Workshop") -> None:
    units = workshop.units([labelled(workshop, [5, 5, 5], ["arts", "sports", "arts"])])
    said = (
        r"mixture: downsample \(topic\): every document of source web is arts or sports, and the shares of "
        r"these are 0.3 together, so none can be kept; expected 1 or more, or documents of other labels"
    )
    with pytest.raises(PlanError, match=said):
        draw(
            workshop.corpus(units), asked({"arts": 0.1, "sports": 0.2, "law": 0.9}), "mix", workshop.shards()
        )
    name = workshop.identity("web", 0)
    with pytest.raises(PlanError, match=rf"mixture: downsample .*evaluated: .*document {name} of source web"):
        draw(workshop.corpus(units), asked({"1": 0.1}, "CAST(url AS INTEGER)"), "mix", workshop.shards())


SCHEMA = pa.schema(
    {"text": pa.string(), "topic": pa.string(), "score": pa.float64(), "tags": pa.list_(pa.string())}
)
NOTES = pa.schema({"text": pa.string()})


@pytest.mark.parametrize(
    ("by", "sources", "said"),
    [
        ("topik", ["web"], r"downsample of web \(topik\): there is no column 'topik'; did you mean 'topic'"),
        ("score", ["web"], "it gives DOUBLE; expected text, a whole number or true and false"),
        ("tags", ["web"], r"it gives VARCHAR\[\]; expected text"),
        ("random()::text", ["web"], "not the same every time"),
        ("", ["web"], "empty"),
        ("topic", [], r"downsample of notes \(topic\).*to leave notes alone, write sources: \[web\]"),
    ],
)
def test_problems(by: str, sources: list[str], said: str) -> None:
    found = problems(asked({"arts": 0.1}, by, sources), SCHEMA, {"web": SCHEMA, "notes": NOTES})
    ((path, problem),) = found
    assert path == ("downsample", "by")
    assert re.search(said, problem)


@pytest.mark.parametrize("by", ["topic", "score > 0.5", "round(score)::int", "coalesce(topic, 'none')"])
def test_no_problems(by: str) -> None:
    assert not list(problems(asked({"arts": 0.1}, by, ["web"]), SCHEMA, {"web": SCHEMA, "notes": NOTES}))
    assert not list(problems(MixtureOptions(), SCHEMA, {"web": SCHEMA, "notes": NOTES}))


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ({}, "no label; expected one with its share"),
        ({"arts": 5}, "share of 'arts' is 5.0; expected a number from 0 to 1"),
        ({"arts": -0.1}, "share of 'arts' is -0.1"),
        ({"arts": float("nan")}, "share of 'arts' is nan"),
        ({"arts": True}, "share of 'arts' is True; expected a number"),
        (["arts"], "dict"),
    ],
)
def test_shares_that_are_none(to: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        asked(to)
