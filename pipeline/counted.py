"""Numbers of things, and times, as people are told them."""


def counted(number: int, one: str, several: str = "") -> str:
    """`1 shard`, `2,000 shards`; `several` where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def duration(seconds: float) -> str:
    """`2.5 s`, `75 s`, `12 min`, `3 h 05 min`, `4 days`."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02d} min" if hours < 48 else f"{round(hours / 24)} days"
