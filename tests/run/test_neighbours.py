"""`winnow neighbours` over a run with the pass `semantic`, in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from embedding.static import TABLE, TOKENIZER, write_tensors
from pipeline.cli import main
from pipeline.errors import PlanError
from pipeline.neighbours import neighbours

TEXTS = ["a b", "a b a", "b a b", "c c", "c d", "d d d", "..."]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("neighbours")
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3, "d": 4}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    write_tensors(folder / TABLE, {"embeddings": np.eye(5, dtype=np.float32)})
    lines = [json.dumps({"id": f"n{at}", "text": text, "url": f"u{at}"}) for at, text in enumerate(TEXTS)]
    (folder / "in.jsonl").write_text("\n".join(lines))
    (folder / "run.yaml").write_text(
        f"corpus: near\noutput: {folder}/out\nsources: {{x: {{read: jsonl, paths: {folder}/in.jsonl}}}}\n"
        f"across:\n- semantic:\n    embed: {{static: {folder}}}\n    epsilon: 0.15\n    clusters: 2\n"
    )
    main_quietly(["run", str(folder / "run.yaml"), "--engine", "inline", "-q"])
    return f"{folder}/out"


def main_quietly(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(end.value.code or 0)


def by_text(output: str, text: str, count: int, everywhere: bool = False) -> list[tuple[str, float]]:
    from pipeline import sql

    with sql.connect(output) as connection:
        every = "SELECT id, text FROM documents UNION SELECT id, text FROM dropped"
        query = f"SELECT id FROM ({every}) WHERE text = ?"
        [(identity,)] = connection.execute(query, [text]).fetchall()
    found = neighbours(output, identity, count, everywhere)
    assert found[0]["id"] == identity and found[0]["url"] == f"u{TEXTS.index(text)}"
    return [(row["text"], row["similarity"]) for row in found]


def test_the_nearest_come_first_and_stay_in_their_cluster(output: str) -> None:
    assert by_text(output, "a b a", 9) == [("a b a", 1.0), ("a b", 0.9487), ("b a b", 0.8)]
    assert by_text(output, "c c", 1, True) == [("c c", 1.0), ("c d", 0.7071)]
    assert len(by_text(output, "c c", 9, True)) == 6  # one text has no word that the table knows


def test_printed_and_as_json(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = neighbours(output, by_id(output), 2, True)
    assert main_quietly(["neighbours", output, first[0]["id"][:8], "-n", "2", "--all", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == first
    assert main_quietly(["neighbours", output, first[0]["id"], "-n", "2", "--all"]) == 0
    printed = capsys.readouterr().out
    assert all(row["id"] in printed and row["text"] in printed for row in first)


def by_id(output: str) -> str:
    from pipeline import sql

    with sql.connect(output) as connection:
        [(identity,)] = connection.execute("SELECT min(id) FROM semantic_embeddings").fetchall()
    return str(identity)


def test_an_unknown_id_and_a_run_without_embeddings(output: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no document with an embedding has it"):
        neighbours(output, "nowhere", 3, False)
    (tmp_path / "in.jsonl").write_text('{"text": "a"}')
    (tmp_path / "run.yaml").write_text(
        f"corpus: none\noutput: {tmp_path}/out\nsources: {{x: {{read: jsonl, paths: {tmp_path}/in.jsonl}}}}\n"
    )
    main_quietly(["run", str(tmp_path / "run.yaml"), "--engine", "inline", "-q"])
    with pytest.raises(PlanError, match="needs the pass 'semantic'"):
        neighbours(f"{tmp_path}/out", "abcd", 3, False)
