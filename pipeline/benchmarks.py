"""`benchmarks:` of a run file: what the corpus must not hold, looked for by the pass `contamination`.

    benchmarks: eval/sets                 a folder or file
    benchmarks: [eval/gsm8k, eval/own.jsonl]
    benchmarks:
      gsm8k: eval/gsm8k
      own: {path: eval/own.jsonl, fields: [prompt, prompt + answer]}
    benchmarks: none                      nothing is looked for, and the plan does not warn

The pass comes last in `across`, or stands where the file itself names it, with options of its own.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.faults import Faults
from pipeline.marks import KeyPath, Mark, Marked

KEY = "benchmarks"
PASS = "contamination"
NONE = "none"
_SETS = "sets"

WARNING = (
    "nothing is decontaminated: name benchmarks as JSONL or Parquet, `benchmarks: FOLDER`, or say "
    f"`benchmarks: {NONE}`"
)


def refused(data: Mapping[str, Any]) -> bool:
    """Whether the run file says that there are no benchmarks."""
    return data.get(KEY) in (NONE, False)


def with_benchmarks(marked: Marked, faults: Faults) -> Marked:
    """The run file with its benchmarks given to the pass; every value keeps its mark."""
    data = marked.data
    across = data.get("across")
    if KEY not in data or refused(data) or not isinstance(across, list | None):
        return marked
    if not isinstance(data[KEY], str | list | dict) or not data[KEY]:
        faults.add(
            f"{KEY}: expected a folder or file, a list of them, names with their paths, or {NONE}",
            marked.mark((KEY,)),
        )
        return marked
    steps = list(across or [])
    at = next((at for at, step in enumerate(steps) if _names(step)), len(steps))
    given = steps[at][PASS] if at < len(steps) and isinstance(steps[at], dict) else None
    if isinstance(given, dict) and _SETS in given:
        faults.add(
            f"{KEY} and `{_SETS}` of the pass {PASS} both name benchmarks; leave one of them out",
            marked.mark((KEY,)),
        )
        return marked
    if given is not None and not isinstance(given, dict):
        return marked  # a fault of the step's own
    lines = dict(marked.lines)
    step: KeyPath = ("across", at, PASS)
    lines.setdefault(step[:2], marked.mark((KEY,)))
    lines.setdefault(step, lines[step[:2]])
    moved: dict[KeyPath, Mark] = {
        (*step, _SETS, *path[1:]): mark for path, mark in marked.lines.items() if path[:1] == (KEY,)
    }
    steps[at:] = [{PASS: {**(given or {}), _SETS: data[KEY]}}, *steps[at + 1 :]]
    whole: KeyPath = (*step, _SETS)
    return Marked(marked.file, {**data, "across": steps}, {**lines, **moved}, {whole: (KEY,)})


def _names(step: Any) -> bool:
    """Whether a step of `across` is the pass."""
    return step == PASS or (isinstance(step, dict) and list(step) == [PASS])
