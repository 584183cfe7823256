"""Documents that an epoch holds more than once: against a plain answer, and where there is no number."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixtures.draw import draw
from mixtures.options import MixtureOptions
from mixtures.repeats import problems
from mixtures.survey import hash_ids
from pipeline.errors import PlanError

if TYPE_CHECKING:
    from tests.mixtures.conftest import Workshop

# FineWeb-2's own: sizes 1, 2, 3 and from 5, from 100 and from 1000 on; 4 counts as 3.
FINEWEB2 = (
    "CASE WHEN minhash_size >= 1000 THEN 1 WHEN minhash_size >= 100 THEN 8 WHEN minhash_size >= 5 THEN 5 "
    "ELSE least(minhash_size, 3) END"
)


def asked(**options: object) -> MixtureOptions:
    return MixtureOptions.model_validate(options)


def sized(
    workshop: "Workshop", source: str, tokens: Sequence[int], sizes: Sequence[Any], first: int = 0
) -> pa.Table:
    extra = {"minhash_size": pa.array(sizes, pa.int64())}
    return workshop.documents(source, tokens, first=first, extra=extra)


def test_no_documents(workshop: "Workshop") -> None:
    corpus = workshop.corpus(workshop.units([sized(workshop, "web", [], [])], ["web"]))
    result = draw(corpus, asked(repeat=FINEWEB2), "mix", workshop.shards())
    assert result["total"]["documents"] == 0
    assert result["sources"]["web"]["epoch"] == {"documents": 0, "tokens": 0}


def test_the_weights_of_fineweb2(workshop: "Workshop") -> None:
    sizes = [1, 2, 3, 4, 5, 99, 100, 999, 1000, 5000]
    folder = workshop.shards()
    tables = [sized(workshop, "web", [10] * 4, sizes[:4]), sized(workshop, "web", [7] * 6, sizes[4:], 4)]
    units = workshop.units(tables)
    result = draw(workshop.corpus(units), asked(repeat=FINEWEB2), "mix", folder)
    drawn = Counter(row["minhash_size"] for row in workshop.rows(folder))
    assert drawn == {1: 1, 2: 2, 3: 3, 4: 3, 5: 5, 99: 5, 100: 8, 999: 8, 1000: 1, 5000: 1}
    web = result["sources"]["web"]
    assert web["repeat"] == FINEWEB2 and web["epochs"] == 1
    assert web["available"] == {"documents": 10, "tokens": 82}
    assert web["epoch"] == {"documents": 37, "tokens": 9 * 10 + 28 * 7}
    assert result["total"]["asked_tokens"] == result["total"]["tokens"] == 9 * 10 + 28 * 7
    assert result["asked"]["repeat"] == FINEWEB2
    copies = Counter((row["id"], row["epoch"]) for row in workshop.rows(folder))
    assert max(copies.values()) == 1  # each copy of a document has a number of its own


def test_sources_with_and_without(workshop: "Workshop") -> None:
    """Weights and budgets are of epochs: three times 100 tokens weigh three times as much as 100."""
    tables = [workshop.documents("web", [10] * 10), workshop.documents("wiki", [10] * 10)]
    corpus = workshop.corpus(workshop.units(tables))
    natural = draw(corpus, asked(repeat={"wiki": 3}, tokens=200), "mix", workshop.shards())["sources"]
    assert (natural["wiki"]["asked_tokens"], natural["wiki"]["tokens"]) == (150, 150)
    assert (natural["web"]["asked_tokens"], natural["web"]["tokens"]) == (50, 50)
    assert natural["wiki"]["epochs"] == natural["web"]["epochs"] == 0.5 and "epoch" not in natural["web"]
    weighed = asked(repeat={"wiki": 3}, weights={"web": 1, "wiki": 9}, tokens=1000, max_epochs=2)
    capped = draw(corpus, weighed, "mix", workshop.shards())["sources"]
    assert (capped["wiki"]["tokens"], capped["wiki"]["reason"]) == (600, "epoch cap")
    assert capped["web"]["tokens"] == 100


MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """MurmurHash3's finaliser, over plain integers."""
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def salt(number: int, seed: int) -> int:
    """The number-th word of SplitMix64, over plain integers."""
    value = (seed ^ int.from_bytes(b"repeat.2", "big")) + (number + 1) * 0x9E3779B97F4A7C15 & MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


Rows = list[tuple[int, int]]  # tokens and repetitions of each document


def plain(workshop: "Workshop", sources: Mapping[str, Rows], tokens: int, epochs: int) -> Counter[str]:
    """How often each document is drawn, with a list of all repetitions and no threshold."""
    whole = {source: sum(t * times for t, times in rows) for source, rows in sources.items()}
    drawn: Counter[str] = Counter()
    for source, rows in sources.items():
        names = [workshop.identity(source, at) for at in range(len(rows))]
        selection = hash_ids(pa.array(names, pa.string()), 0)[0].tolist()
        target = tokens * whole[source] // (sum(whole.values()) or 1)
        target = min(target, epochs * whole[source])
        full, rest = divmod(target, whole[source]) if whole[source] else (0, 0)
        queue = []
        for name, key, (length, times) in zip(names, selection, rows, strict=True):
            drawn[name] += full * times
            queue += [(mix(key ^ salt(n, 0)) if n else key, length, name) for n in range(times)]
        for _, length, name in sorted(queue):
            over = length - rest
            if not rest and target % (whole[source] or 1) == 0:
                break
            if over > 0:  # the last: taken where that is nearer, and under the cap
                if over < rest and target + over <= epochs * whole[source]:
                    drawn[name] += 1
                break
            drawn[name] += 1
            rest -= length
    return +drawn


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=10),
    st.integers(1, 3000),
    st.integers(0, 25),
)
def test_a_budget_counts_the_repeats(
    workshop: "Workshop", web: Rows, code: Rows, tokens: int, cut: int
) -> None:
    """The plain answer, and the same order however the source is cut into units."""
    found = []
    for pieces in ([web], [web[:cut], web[cut:]]):
        tables, first = [], 0
        for source, piece in [*(("web", piece) for piece in pieces), ("code", code)]:
            extra = {"again": pa.array([times for _, times in piece], pa.int32())}
            start = 0 if source == "code" else first
            tables.append(workshop.documents(source, [t for t, _ in piece], first=start, extra=extra))
            first += len(piece)
        corpus = workshop.corpus(workshop.units(tables, ["web"] * len(pieces) + ["code"]))
        folder = workshop.shards()
        result = draw(corpus, asked(tokens=tokens, repeat="again", max_epochs=3), "mix", folder)
        rows = workshop.rows(folder)
        assert Counter(row["id"] for row in rows) == plain(workshop, {"web": web, "code": code}, tokens, 3)
        assert len({(row["id"], row["epoch"]) for row in rows}) == len(rows)
        for source, given_rows in (("web", web), ("code", code)):
            if given_rows:
                entry = result["sources"][source]
                assert entry["epoch"]["tokens"] == sum(t * times for t, times in given_rows)
                assert entry["tokens"] == sum(row["tokens"] for row in rows if row["source"] == source)
        found.append([(row["id"], row["epoch"]) for row in rows])
    assert found[0] == found[1]


def test_a_larger_budget_keeps_what_a_smaller_one_drew(workshop: "Workshop") -> None:
    corpus = workshop.random_corpus(web=300)
    before: Counter[str] = Counter()
    for tokens in (500, 3000, 9000, 20_000, 40_000):
        folder = workshop.shards()
        draw(corpus, asked(tokens=tokens, repeat="1 + tokens % 4", max_epochs=3), "mix", folder)
        now = Counter(row["id"] for row in workshop.rows(folder))
        assert before <= now and before != now
        before = now


def test_of_an_epoch_s_half_each_repetition_is_drawn_for_itself(workshop: "Workshop") -> None:
    """Of 400 documents four times each, half of the copies: two of most, not none or four of each."""
    corpus = workshop.corpus(workshop.units([workshop.documents("web", [1] * 400)]))
    folder = workshop.shards()
    draw(corpus, asked(tokens=800, repeat=4), "mix", folder)
    times = Counter(Counter(row["id"] for row in workshop.rows(folder)).values())
    times[0] = 400 - sum(times.values())
    for copies in range(5):  # binomial: 25, 100, 150, 100 and 25 of 400, give or take four deviations
        expected = 400 * math.comb(4, copies) / 16
        assert abs(times[copies] - expected) < 4 * math.sqrt(expected)


def test_fractions_are_so_many_of_the_documents(workshop: "Workshop") -> None:
    tables = [workshop.documents("web", [1] * 1000), workshop.documents("web", [1] * 1000, first=1000)]
    folders = [workshop.shards() for _ in range(2)]
    for folder, units in zip(folders, (tables, [pa.concat_tables(tables)]), strict=True):
        draw(workshop.corpus(workshop.units(units)), asked(repeat=2.3), "mix", folder)
    rows = workshop.rows(folders[0])
    times = Counter(Counter(row["id"] for row in rows).values())
    assert set(times) == {2, 3} and abs(times[3] - 600) < 4 * math.sqrt(2000 * 0.3 * 0.7)
    assert rows == workshop.rows(folders[1])
    selection, _ = hash_ids(tables[0].column("id"), 0)
    by_selection = [
        row for _, row in sorted(zip(selection.tolist(), tables[0].column("id").to_pylist(), strict=True))
    ]
    first = Counter(row["id"] for row in rows)
    low = sum(first[name] == 3 for name in by_selection[:500])
    assert abs(low - 150) < 4 * math.sqrt(500 * 0.3 * 0.7)  # whatever the order of the draw is


@pytest.mark.parametrize(
    ("repeat", "sizes", "said"),
    [
        (
            "minhash_size",
            [1, None, 3],
            r"repeat \(minhash_size\) gives no number for document {1} of source web",
        ),
        (
            "minhash_size",
            [1, 2, -1],
            "gives -1 for document {2} of source web; expected a number from 0 to 100",
        ),
        ("minhash_size", [101, 1, 1], "gives 101 for document {0}"),
        ("ln(minhash_size)", [2, 3, 0], "gives -inf for document {2}"),
        ("minhash_size / 0", [1, 2, 3], "gives .* for document {0}"),
        (
            "CAST(url AS INTEGER)",
            [1, 2, 3],
            "evaluated: Could not convert string .*document {0} of source web",
        ),
    ],
)
def test_what_is_no_number_of_times(
    workshop: "Workshop", repeat: str, sizes: list[int | None], said: str
) -> None:
    corpus = workshop.corpus(workshop.units([sized(workshop, "web", [1, 1, 1], sizes)]))
    names = [workshop.identity("web", at) for at in range(3)]
    with pytest.raises(PlanError, match=said.format(*names)):
        draw(corpus, asked(repeat=repeat), "mix", workshop.shards())


def test_never(workshop: "Workshop") -> None:
    corpus = workshop.corpus(workshop.units([workshop.documents("web", [5, 5])]))
    result = draw(corpus, asked(repeat=0, weights={"web": 1}), "mix", workshop.shards())
    assert result["sources"]["web"]["reason"] == "no tokens" and result["total"]["documents"] == 0


def test_killed_anywhere_the_draw_is_the_same(workshop: "Workshop") -> None:
    corpus = workshop.random_corpus(web=60, code=20)
    options = asked(tokens=2000, repeat={"web": "1 + tokens / 20"}, max_epochs=5, shard_size=2000)
    folder = workshop.shards()
    draw(corpus, options, "mix", folder)
    whole, tasks = workshop.contents(folder), len(corpus.done)
    for kill_at in range(0, tasks, 3):
        again = workshop.corpus(corpus.units, kill_at=kill_at)
        into = workshop.shards()
        with pytest.raises(workshop.killed):
            draw(again, options, "mix", into)
        again.kill_at = None
        draw(again, options, "mix", into)
        assert workshop.contents(into) == whole


SCHEMA = pa.schema({"text": pa.string(), "minhash_size": pa.int64(), "sizes": pa.list_(pa.int64())})


@pytest.mark.parametrize(
    ("repeat", "at", "said"),
    [
        ("minhash_siz", ("repeat",), "no column 'minhash_siz'; did you mean 'minhash_size'?"),
        ("text", ("repeat",), "it gives VARCHAR; expected a number"),
        ("minhash_size > 1", ("repeat",), "it gives BOOLEAN; expected a number"),
        ("INTERVAL 1 DAY", ("repeat",), "it gives INTERVAL; expected a number"),
        ("{'n': minhash_size}", ("repeat",), "it gives STRUCT.*; expected a number"),
        ("sizes", ("repeat",), r"it gives BIGINT\[\]; expected a number"),
        ("", ("repeat",), "empty"),
        ("random()", ("repeat",), "not the same every time"),
        ("1; SELECT 2", ("repeat",), "several statements"),
        (
            {"web": 2, "notes": "minhash_size"},
            ("repeat", "notes"),
            "repeat of notes .*no column 'minhash_size'",
        ),
    ],
)
def test_problems(repeat: Any, at: tuple[str, ...], said: str) -> None:
    sources = {"web": SCHEMA, "notes": pa.schema({"text": pa.string()})}
    ((path, problem),) = problems(asked(repeat=repeat), SCHEMA, sources)
    assert path == at
    with pytest.raises(ValueError, match=said):
        raise ValueError(problem)


@pytest.mark.parametrize("repeat", [None, 2, 0.5, FINEWEB2, {"web": FINEWEB2, "notes": 3}, {}])
def test_no_problems(repeat: Any) -> None:
    sources = {"web": SCHEMA, "notes": pa.schema({"text": pa.string()})}
    assert list(problems(asked(repeat=repeat), SCHEMA, sources)) == []


@pytest.mark.parametrize("repeat", [True, ["2"], {"web": [1]}, {"web": None}])
def test_what_is_no_expression(repeat: Any) -> None:
    with pytest.raises(ValueError, match="expected an SQL expression, a number"):
        asked(repeat=repeat)
