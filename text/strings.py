"""The UTF-8 bytes of an Arrow string column, as the kernels read them."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Offsets: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Strings:
    """n strings without a copy: string i is `data[offsets[i]:offsets[i + 1]]`, valid UTF-8.

    data      [bytes] uint8
    offsets   [n + 1] int64, bytes into `data`
    """

    data: Bytes
    offsets: Offsets

    def __post_init__(self) -> None:
        # Read-only views throughout: Numba compiles a kernel anew for arrays that can be written.
        for name in ("data", "offsets"):
            view = getattr(self, name).view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def of(cls, array: Any) -> "Strings":
        """The strings of an Arrow array of any string type; a null is the empty string."""
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        if not pa.types.is_large_string(array.type):
            array = array.cast(pa.large_string())
        if array.null_count:
            array = array.fill_null("")
        _, offsets, data = array.buffers()
        if len(array) == 0 or offsets is None:
            return cls(np.zeros(0, np.uint8), np.zeros(len(array) + 1, np.int64))
        cut = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        raw = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        return cls(raw, cut)
