"""The shards as files: the same bytes however they come about, their sizes, columns and readers."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mixtures import draw as drawing
from mixtures import shuffle
from mixtures.draw import draw
from mixtures.options import MixtureOptions
from mixtures.sampling import cut_cells
from mixtures.shuffle import Gather, Scatter
from mixtures.survey import Keys
from pipeline.errors import ContractError, PlanError
from pipeline.store import Sink

if TYPE_CHECKING:
    from tests.mixtures.conftest import Workshop


def asked(**options: object) -> MixtureOptions:
    return MixtureOptions.model_validate(options)


MANY: dict[str, object] = {"weights": {"web": 3, "code": 1}, "max_epochs": 2, "shard_size": "4kB"}


def test_same_bytes_for_any_order_of_units_partitions_and_runs(
    workshop: "Workshop", monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = workshop.random_corpus(web=500, code=150)
    monkeypatch.setattr(shuffle, "ROW_GROUP_ROWS", 7)  # so that they end within cells and beyond
    monkeypatch.setattr(shuffle, "GROUP_BYTES", 1 << 10)
    first = workshop.shards()
    result = draw(corpus, asked(**MANY), "mix", first)
    assert len(result["shards"]) > 4
    for held, order in ((1 << 10, 1), (1 << 12, 2), (1 << 30, 3)):
        monkeypatch.setattr(drawing, "RUN_BYTES", held)
        monkeypatch.setattr(drawing, "SHARE_BYTES", 1)
        units = [*corpus.units]
        random.Random(order).shuffle(units)
        folder = workshop.shards()
        again = draw(workshop.corpus(units, partitions=order), asked(**MANY), "mix", folder)
        assert workshop.contents(folder) == workshop.contents(first)
        assert again == result


def test_shards_are_cut_into_cells_of_about_equal_weight() -> None:
    nothing = cut_cells(np.zeros(8, np.int64), np.array([0]), 0)
    assert [each.tolist() for each in nothing] == [[0], [0, 1]]
    weights = np.array([1, 1, 1, 1, 4, 0, 2, 2])
    cells, shards = cut_cells(weights, np.array([0, 4]), 6)
    assert cells.tolist() == [0, 2, 4, 6, 7] and shards.tolist() == [0, 2, 5]
    cells, shards = cut_cells(weights, np.array([0, 4]), 1)
    assert cells.tolist() == [0, 4] and shards.tolist() == [0, 1, 2], "one of a shard at least"


def test_same_bytes_for_any_cut_into_units(workshop: "Workshop") -> None:
    """Of one shard: where shards are cut depends on how well the units' files are compressed."""
    tokens = [at % 30 for at in range(200)]
    results = []
    for cuts in ([0, 200], [0, 1, 77, 77, 140, 200]):
        tables = [workshop.documents("web", tokens[a:b], first=a) for a, b in pairwise(cuts)]
        folder = workshop.shards()
        units = workshop.units(tables, ["web"] * len(tables))
        results.append(
            (draw(workshop.corpus(units), asked(tokens=900), "mix", folder), workshop.contents(folder))
        )
    assert results[0] == results[1]


def test_another_seed_is_another_draw_in_another_order(workshop: "Workshop") -> None:
    units = workshop.random_corpus(web=300).units
    drawn = []
    for options, seed in ((asked(tokens=2000), 0), (asked(tokens=2000), 1), (asked(tokens=2000, seed=1), 0)):
        folder = workshop.shards()
        result = draw(workshop.corpus(units, seed=seed), options, "mix", folder)
        drawn.append([row["id"] for row in workshop.rows(folder)])
        assert result["seed"] == max(seed, options.seed or 0)
    assert set(drawn[0]) != set(drawn[1])
    both = set(drawn[0]) & set(drawn[1])
    assert [one for one in drawn[0] if one in both] != [one for one in drawn[1] if one in both]
    assert drawn[1] == drawn[2]


def test_killed_between_tasks(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished is not done again, and the bytes are those of an undisturbed run."""
    monkeypatch.setattr(drawing, "RUN_BYTES", 1 << 11)
    monkeypatch.setattr(drawing, "SHARE_BYTES", 1)
    units = workshop.random_corpus(web=200, code=60).units
    reference = workshop.shards()
    whole = workshop.corpus(units)
    expected = draw(whole, asked(**MANY), "mix", reference)
    steps = Counter(doing for doing, _ in whole.done)
    assert steps["mixture: scatter"] > 2 and steps["mixture: gather"] > 2

    worked: list[str] = []
    for name, kind in (("_write", Keys), ("_write", Scatter), ("_cells", Gather)):
        plain = getattr(kind, name)

        def counted(task: Any, *rest: Any, plain: Any = plain, kind: type = kind) -> Any:
            worked.append(kind.__name__)
            return plain(task, *rest)

        monkeypatch.setattr(kind, name, counted)

    folder = workshop.shards()
    scratch = workshop.corpus(units).scratch
    for kill_at in range(0, len(whole.done), 3):
        with pytest.raises(workshop.killed):
            draw(workshop.corpus(units, scratch=scratch, kill_at=kill_at), asked(**MANY), "mix", folder)
    # What a process leaves that was killed while it wrote.
    (Path(folder) / ".mix-00000-of-00009.parquet.1.tmp").write_bytes(b"half")
    (Path(folder) / "mix-00000-of-00002.parquet").write_bytes(b"of an older mixture")
    assert draw(workshop.corpus(units, scratch=scratch), asked(**MANY), "mix", folder) == expected
    assert workshop.contents(folder) == workshop.contents(reference)
    runs = len([*Path(scratch).glob("draw-*/runs/*.cells")])
    assert Counter(worked) == {"Keys": len(units), "Scatter": runs, "Gather": len(expected["shards"])}

    # A shard that has gone is written again, and no other.
    worked.clear()
    (Path(folder) / expected["shards"][1]["name"]).unlink()
    draw(workshop.corpus(units, scratch=scratch), asked(**MANY), "mix", folder)
    assert worked == ["Gather"] and workshop.contents(folder) == workshop.contents(reference)


def test_killed_while_writing(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "RUN_BYTES", 1 << 11)
    monkeypatch.setattr(drawing, "SHARE_BYTES", 1)
    units = workshop.random_corpus(web=60, code=20).units
    reference = workshop.shards()
    expected = draw(workshop.corpus(units), asked(**MANY), "mix", reference)
    folder = workshop.shards()
    scratch = workshop.corpus(units).scratch
    plain = Sink.write
    kills = 0
    for last in (1, 5, 20, 40, 80, 120, 160):
        left = [last]

        def write(sink: Sink, data: Any, left: list[int] = left) -> int:
            left[0] -= 1
            if not left[0]:
                raise workshop.killed
            return plain(sink, data)

        monkeypatch.setattr(Sink, "write", write)
        try:
            draw(workshop.corpus(units, scratch=scratch), asked(**MANY), "mix", folder)
        except workshop.killed:
            kills += 1
    monkeypatch.setattr(Sink, "write", plain)
    assert kills >= 3
    assert draw(workshop.corpus(units, scratch=scratch), asked(**MANY), "mix", folder) == expected
    assert workshop.contents(folder) == workshop.contents(reference)


def test_another_mixture_does_not_take_up_the_scratch_of_the_first(workshop: "Workshop") -> None:
    units = workshop.random_corpus(web=100).units
    scratch = workshop.corpus(units).scratch
    folders = [workshop.shards(), workshop.shards()]
    draw(workshop.corpus(units, scratch=scratch), asked(tokens=500), "mix", folders[0])
    result = draw(workshop.corpus(units, scratch=scratch), asked(tokens=900), "mix", folders[1])
    assert result["total"]["tokens"] > 800 and len(workshop.rows(folders[1])) > len(workshop.rows(folders[0]))


def test_shard_sizes(workshop: "Workshop") -> None:
    """Some tens of megabytes of text in shards of one megabyte."""
    chance = np.random.default_rng(0)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz     ", np.uint8)
    tables = []
    for source, typical in (("web", 3000), ("books", 60000)):
        for unit in range(2):
            lengths = np.minimum(chance.lognormal(np.log(typical), 0.8, 6_000_000 // typical), 300_000)
            texts = [letters[chance.integers(0, len(letters), int(n))].tobytes().decode() for n in lengths]
            tables.append(workshop.documents(source, [1] * len(texts), texts, first=unit * 10_000))
    folder = workshop.shards()
    result = draw(workshop.corpus(workshop.units(tables)), asked(shard_size="1MB"), "mix", folder)
    sizes = [shard["bytes"] for shard in result["shards"]]
    assert len(sizes) > 15
    assert min(sizes) > 800_000 and max(sizes) < 1_200_000


def test_one_document_larger_than_a_shard(workshop: "Workshop") -> None:
    chance = random.Random(3)
    texts = ["".join(chance.choices("abcdefghijklmnop", k=n)) for n in [100] * 50 + [200_000]]
    folder = workshop.shards()
    corpus = workshop.corpus(workshop.units([workshop.documents("web", [1] * 51, texts)]))
    result = draw(corpus, asked(shard_size="10kB"), "mix", folder)
    assert sum(shard["rows"] for shard in result["shards"]) == 51
    assert all(shard["rows"] for shard in result["shards"])


def test_row_groups_are_bounded_by_bytes(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shuffle, "GROUP_BYTES", 10_000)
    texts = ["x" * (20_000 if at == 7 else 900) for at in range(60)]
    folder = workshop.shards()
    draw(
        workshop.corpus(workshop.units([workshop.documents("web", [1] * 60, texts)])), asked(), "mix", folder
    )
    with pq.ParquetFile(Path(folder) / "mix-00000-of-00001.parquet") as file:
        groups = [file.read_row_group(at).column("bytes").to_pylist() for at in range(file.num_row_groups)]
    assert sum(map(len, groups)) == 60 and len(groups) > 6
    assert all(sum(group) <= 10_000 or len(group) == 1 for group in groups)


def test_only_the_living_with_their_labels(workshop: "Workshop") -> None:
    (unit,) = workshop.units([workshop.documents("web", [10] * 20)])
    dropped = [at % 3 == 0 for at in range(20)]
    folder = workshop.shards()
    result = draw(workshop.corpus([workshop.drop(unit, dropped)]), asked(), "mix", folder)
    found = {row["id"]: row["label"] for row in workshop.rows(folder)}
    assert found == {workshop.identity("web", at): at for at in range(20) if at % 3}
    assert result["sources"]["web"]["available"] == {"documents": 13, "tokens": 130}


def test_columns_of_all_sources(workshop: "Workshop") -> None:
    score = {
        "score": pa.array([0.5, 1.5], pa.float32()),
        "langs": pa.array([["en"], []], pa.list_(pa.string())),
    }
    kind = {"kind": pa.array(["a", "b"]).dictionary_encode(), "score": pa.array([7, 8], pa.int32())}
    tables = [workshop.documents("web", [1, 1], extra=score), workshop.documents("code", [1, 1], extra=kind)]
    tables.append(workshop.documents("code", [1], first=2).drop_columns(["url"]))
    folder = workshop.shards()
    draw(workshop.corpus(workshop.units(tables)), asked(shard_size=1200), "mix", folder)
    schemas = {pq.read_schema(path).remove_metadata() for path in Path(folder).iterdir()}
    assert len(schemas) == 1 and len([*Path(folder).iterdir()]) > 1
    (schema,) = schemas
    assert schema.names == [
        "id",
        "source",
        "url",
        "text",
        "tokens",
        "bytes",
        "epoch",
        "kind",
        "score",
        "langs",
    ]
    assert (schema.field("kind").type, schema.field("score").type) == (pa.string(), pa.float64())
    by_url = {
        (row["source"], row["url"]): (row["kind"], row["score"], row["langs"])
        for row in workshop.rows(folder)
    }
    assert by_url == {
        ("web", "https://example.org/0"): (None, 0.5, ["en"]),
        ("web", "https://example.org/1"): (None, 1.5, []),
        ("code", "https://example.org/0"): ("a", 7.0, None),
        ("code", "https://example.org/1"): ("b", 8.0, None),
        ("code", None): (None, None, None),
    }


def test_columns_that_do_not_go_together(workshop: "Workshop") -> None:
    tables = [
        workshop.documents("web", [1], extra={"score": pa.array([0.5])}),
        workshop.documents("code", [1], extra={"score": pa.array(["high"])}),
    ]
    with pytest.raises(PlanError, match="column score is string in source code and double in source web"):
        draw(workshop.corpus(workshop.units(tables)), asked(), "mix", workshop.shards())


def test_the_same_id_twice(workshop: "Workshop") -> None:
    """Ids are meant to be unique; where they are not, the order is still the same for any units."""
    texts = [f"text {at}" for at in range(40)]
    table = workshop.documents("web", [5] * 40, texts)
    table = table.set_column(2, "id", pa.array([f"id {at % 7}" for at in range(40)]))
    results = []
    for order in ([0, 1], [1, 0]):
        units = workshop.units([table.slice(0, 20), table.slice(20)])
        folder = workshop.shards()
        draw(workshop.corpus([units[at] for at in order]), asked(tokens=150), "mix", folder)
        results.append(workshop.rows(folder))
    assert results[0] == results[1]
    assert 0 < len(results[0]) <= 30


@pytest.mark.parametrize("column", ["tokens", "bytes"])
@pytest.mark.parametrize("value", [None, -1])
def test_lengths_that_are_none(workshop: "Workshop", column: str, value: int | None) -> None:
    table = workshop.documents("web", [1, 1])
    at = table.schema.get_field_index(column)
    table = table.set_column(at, column, pa.array([1, value], pa.int64()))
    with pytest.raises(ContractError, match=f"unit-0 of source web: {column} is {value} for document"):
        draw(workshop.corpus(workshop.units([table])), asked(), "mix", workshop.shards())


def test_a_unit_without_tokens(workshop: "Workshop") -> None:
    units = workshop.units([pa.table({"id": ["a"], "source": ["web"], "text": ["a"]})])
    with pytest.raises(ContractError, match="no column tokens for the mixture"):
        draw(workshop.corpus(units), asked(), "mix", workshop.shards())


def test_huggingface_datasets_read_the_shards(workshop: "Workshop", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    extra = {"langs": pa.array([["en"]] * 30, pa.list_(pa.string()))}
    tables = [workshop.documents("web", [3] * 30, extra=extra), workshop.documents("code", [4] * 30)]
    folder = workshop.shards()
    result = draw(workshop.corpus(workshop.units(tables)), asked(shard_size="1kB"), "mix", folder)
    assert len(result["shards"]) > 1
    loaded = datasets.load_dataset(
        "parquet",
        data_files=f"{folder}/mix-*.parquet",
        split="train",
        cache_dir=str(workshop.folder / "cache"),
    )
    assert [*loaded] == workshop.rows(folder)
    streamed = datasets.load_dataset(
        "parquet", data_files=f"{folder}/mix-*.parquet", split="train", streaming=True
    )
    assert [row["id"] for row in streamed] == [row["id"] for row in workshop.rows(folder)]
