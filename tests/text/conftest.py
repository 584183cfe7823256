"""What the tests of personal data share: hits as kind and text."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from text.personal.find import KINDS_FOUND, find_personal
from text.strings import Strings

Found = Callable[..., list[list[tuple[str, str]]]]


@pytest.fixture(scope="session")
def found() -> Found:
    """found(text, …): kind and text of each hit, a list for each text."""

    def find(*texts: str) -> list[list[tuple[str, str]]]:
        strings = Strings.of(pa.array(texts, pa.string()))
        hits = find_personal(strings)
        pieces = [
            (KINDS_FOUND[kind], strings.data[start:end].tobytes().decode())
            for start, end, kind in zip(hits.starts, hits.ends, hits.kinds, strict=True)
        ]
        return [pieces[hits.offsets[i] : hits.offsets[i + 1]] for i in range(len(texts))]

    return find
