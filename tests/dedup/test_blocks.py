"""Rows by block, through files, against plain lists."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import blocks
from dedup.blocks import pieces_of, read_block, write_blocks
from pipeline.errors import StoreError

_PAIR = np.dtype([("left", "<i8"), ("right", "<i8")])


def test_no_rows(tmp_path: Path) -> None:
    path = write_blocks(str(tmp_path / "none"), _PAIR, [], 3)
    empty = np.zeros(0, _PAIR)
    other = write_blocks(str(tmp_path / "empty"), _PAIR, [(empty, np.zeros(0, np.int64))], 3)
    assert len(read_block([path, other], 1, _PAIR)) == 0
    assert read_block([], 1, _PAIR).dtype == _PAIR


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=20), max_size=6),
    st.sampled_from([64, 200, 1 << 20]),
    st.integers(1, 7),
)
def test_a_block_has_its_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[int]], held: int, most: int
) -> None:
    folder = tmp_path_factory.mktemp("blocks")
    numbered = 0
    given = []
    for piece in pieces:
        rows = np.empty(len(piece), _PAIR)
        rows["left"], rows["right"] = np.arange(numbered, numbered + len(piece)), piece
        numbered += len(piece)
        given.append((rows, np.array(piece, np.int64)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "HELD_BYTES", held)
        paths = [write_blocks(str(folder / str(k)), _PAIR, given[k::2], 5) for k in range(2)]
    for block in range(5):
        expected = [
            row for k in range(2) for rows, _ in given[k::2] for row in rows.tolist() if row[1] == block
        ]
        assert read_block(paths, block, _PAIR).tolist() == expected
        found = [piece.tolist() for path in paths for piece in pieces_of(path, block, _PAIR, most)]
        assert [row for piece in found for row in piece] == expected
        assert all(0 < len(piece) <= most for piece in found)


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    write_blocks(str(path), "<i8", [(np.arange(100), np.zeros(100, np.int64))], 1)
    content = path.read_bytes()
    for left in (content[:64] + content[-24:], content[:400], content[:9], b""):
        path.write_bytes(left)
        with pytest.raises(StoreError, match="damaged; remove it and start the same command again"):
            read_block([str(path)], 0, "<i8")
