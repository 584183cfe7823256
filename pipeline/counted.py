"""Numbers of things, as people are told them."""


def counted(number: int, one: str, several: str = "") -> str:
    """`1 shard`, `2,000 shards`; `several` where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
