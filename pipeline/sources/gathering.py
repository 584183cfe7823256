"""Many small files as one unit."""

import hashlib
from collections.abc import Sequence

from pipeline.inputs import InputFile, unit_name
from pipeline.source import Unit


def gathered(source: str, files: Sequence[InputFile]) -> Unit:
    """The unit of these files, named after the first; it is as new as any of them."""
    state = "\n".join(f"{file.logical}\t{file.size}\t{file.version}" for file in files)
    first = files[0]
    return Unit(
        source=source,
        name=unit_name(source, first.logical),
        path=first.path,
        logical=first.logical,
        size=sum(file.size for file in files),
        version=hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest(),
        files=tuple((file.path, file.logical) for file in files),
    )
