"""The dataset card: what a corpus is, from its manifest. The same manifest gives the same card."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from pipeline.counted import counted

SHARDS = "shards/*.parquet"


def card(manifest: Mapping[str, Any], recipe_yaml: str) -> str:
    """The README.md that lies beside `shards/`, with the front matter that the Hugging Face Hub reads.

    Of the manifest it reads `corpus`, `winnow` (the version), `mixture` (what `draw` returned), what of
    `tripwires` was accepted, and for every entry of `sources` and `across` the counts `documents`, `kept`
    and `rules`, and of its `steps` the rules and what was behind them (`fingerprint`).
    """
    mixture = manifest["mixture"]
    total, name = mixture["total"], manifest["corpus"]
    parts = [
        _front_matter(name, total["documents"]),
        f"# {name}",
        f"{counted(total['documents'], 'document')} with {counted(total['tokens'], 'token')} and "
        f"{_size(total['text_bytes'])} of text in {counted(len(mixture['shards']), 'Parquet shard')} "
        f"({_size(total['bytes'])}), shuffled with seed {mixture['seed']}. "
        f"Made with winnow {manifest['winnow']}.",
        f"Tokens are counted by {mixture['tokenizer']}.",
        "## Loading",
        _LOADING,
        "## Sources",
        _sources(mixture),
        "## Licences",
        _licences(mixture["sources"]),
        "## What was dropped",
        _dropped(manifest),
        *_behind(manifest),
        "## Columns",
        _columns(mixture["columns"]),
        "## Recipe",
        _fenced(recipe_yaml, "yaml"),
    ]
    return "\n\n".join(parts) + "\n"


_LOADING = f"""\
```python
from datasets import load_dataset

documents = load_dataset("parquet", data_files="{SHARDS}", split="train", streaming=True)
```

```sql
-- DuckDB
SELECT source, count(*) AS documents, sum(tokens) AS tokens FROM '{SHARDS}' GROUP BY source;
```"""


def _front_matter(name: str, documents: int) -> str:
    fields = {
        "pretty_name": name,
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": SHARDS}]}],
        "task_categories": ["text-generation"],
        "size_categories": [size_category(documents)],
        "tags": ["pretraining", "winnow"],
    }
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---"


def size_category(documents: int) -> str:
    """The Hub's name for a number of rows."""
    names = ("", "1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    for power, name in enumerate(names[1:], start=1):
        if documents < 10 ** (power + 2):
            return f"{names[power - 1]}<n<{name}".removeprefix("<")
    return "n>1T"


def _sources(mixture: Mapping[str, Any]) -> str:
    asked, total = mixture["asked"], mixture["total"]
    budget = "all there is" if asked["tokens"] == "all" else counted(asked["tokens"], "token")
    by = "in proportion to their tokens" if asked["weights"] is None else "by weight"
    said = (
        f"Asked for: {budget}, sources {by}, at most {asked['max_epochs']:g} "
        f"{'epoch' if asked['max_epochs'] == 1 else 'epochs'}. "
        f"Achieved: {total['tokens']:,} of {counted(total['asked_tokens'], 'token')}. "
        "What a source could not give was not taken from another."
    )
    for name, source in sorted(mixture["sources"].items()):
        if "repeat" in source:
            epoch, sql = source["epoch"], " ".join(source["repeat"].split())
            said += (
                f" An epoch of {name} holds each document as often as {_code(sql)} says: "
                f"{counted(epoch['documents'], 'copy', 'copies')} of "
                f"{counted(source['available']['documents'], 'document')}, "
                f"{counted(epoch['tokens'], 'token')}."
            )
    rows = [
        [
            name,
            f"{source['weight']:.2%}",
            f"{source['share']:.2%}",
            f"{source['asked_tokens']:,}",
            f"{source['tokens']:,}",
            f"{source['documents']:,}",
            f"{source['epochs']:.2f}",
            f"{source['available']['tokens']:,}",
            source["reason"],
        ]
        for name, source in sorted(mixture["sources"].items())
    ]
    head = [
        "source",
        "weight",
        "share",
        "asked",
        "tokens",
        "documents",
        "epochs",
        "available",
        "why not as asked",
    ]
    return "\n\n".join([said, _table(head, rows), *_downsampled(mixture["sources"])])


def _downsampled(sources: Mapping[str, Any]) -> Iterator[str]:
    """By source, what its labels were held to, what an epoch had of them and what was drawn."""
    head = ["label", "at most", "tokens before", "share before", "tokens", "share"]
    for name, source in sorted(sources.items()):
        if told := source.get("downsample"):
            by = _code(" ".join(told["by"].split()))
            rows = [
                [
                    "all others" if row["label"] is None else row["label"],
                    "" if row["most"] is None else f"{100 * row['most']:g}%",
                    f"{row['epoch']['tokens']:,}",
                    f"{row['epoch']['share']:.2%}",
                    f"{row['tokens']:,}",
                    f"{row['share']:.2%}",
                ]
                for row in told["labels"]
            ]
            yield f"An epoch of {name} holds no more than is said here, by {by}; and what was drawn of it:"
            yield _table(head, rows)


def _licences(sources: Mapping[str, Any]) -> str:
    said = (
        "As the sources state them; nothing here was checked, and texts belong to their owners. "
        "Documents of which nothing is known count as unknown."
    )
    rows = [
        [name, licence, f"{documents:,}"]
        for name, source in sorted(sources.items())
        for licence, documents in sorted(source["licenses"].items(), key=lambda item: (-item[1], item[0]))
    ]
    return f"{said}\n\n{_table(['source', 'licence', 'documents'], rows)}" if rows else said


def _dropped(manifest: Mapping[str, Any]) -> str:
    """Documents by rule, source by source and then for what looks at all sources together."""
    rows = []
    for name, part in _parts(manifest):
        drop_if = {rule: told for step in part["steps"] for rule, told in step["rules"].items()}
        rows.append([name, "read", "", f"{part['documents']:,}"])
        dropping = sorted(part["rules"].items(), key=lambda item: (-item[1]["documents"], item[0]))
        rows += [
            [name, rule, _code(drop_if[rule]), f"{counts['documents']:,}"]
            for rule, counts in dropping
            if counts["documents"]
        ]
        rows.append([name, "kept", "", f"{part['kept']:,}"])
    said = " ".join(
        ["A document may fail several rules and counts for each.", *_cut(manifest), *_accepted(manifest)]
    )
    return f"{said}\n\n{_table(['where', 'rule', 'drops if', 'documents'], rows)}" if rows else said


def _parts(manifest: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Sources and then layers, by name."""
    return [*sorted(manifest["sources"].items()), *((part["layer"], part) for part in manifest["across"])]


def _behind(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Models, lists and libraries that steps used, by version or hash of the content."""
    rows = [
        [name, step["name"], _code(" ".join(step["fingerprint"].split()))]
        for name, part in _parts(manifest)
        for step in part["steps"]
        if step.get("fingerprint")
    ]
    if rows:
        yield "## Models and lists"
        yield "What steps read besides the documents, by version or by hash of the content."
        yield _table(["where", "step", "what it was"], rows)


def _cut(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What was taken out of texts."""
    for part in manifest["across"]:
        if cut := part.get("cut"):
            yield (
                f"{part['layer']} cut {counted(cut['tokens'], 'token')} ({counted(cut['bytes'], 'byte')}) "
                f"out of the texts of {counted(cut['documents'], 'document')}."
            )


def _accepted(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What removed nothing, or nearly all, and was let through."""
    for told in manifest["tripwires"]["accepted"]:
        by = "accepted in the recipe" if told["by"] else "not asked about: tripwires are off"
        yield (
            f"The {told['kind']} `{told['name']}` ({told['where']}) removed {told['dropped']:,} of "
            f"{counted(told['documents'], 'document')} ({by})."
        )


def _columns(columns: Iterable[Mapping[str, str]]) -> str:
    keys = ("name", "type", "unit", "about")
    return _table(["column", "type", "unit", "what it is"], [[one[key] for key in keys] for one in columns])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _code(text: str) -> str:
    """Code within a line, by more backticks than it holds in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence}{text}{fence}"


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _size(size: int) -> str:
    number = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} PB"
