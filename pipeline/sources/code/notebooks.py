"""Jupyter notebooks as text: Markdown cells as they are, code cells between fences, no outputs."""

import json
import re
from typing import Any

_EMBEDDED = re.compile(r"\((?:data:[\w/+.-]{1,80};base64,|attachment:)[^()\s]*\)")
_FENCE = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)


def to_text(source: str) -> str | None:
    """The cells of a notebook (`nbformat` 3 and 4), blank lines between; None if it is none.

    Outputs, metadata and pictures embedded in Markdown are left out: they are no one's writing.
    """
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError):  # deep nesting that no notebook has
        return None
    if not isinstance(notebook, dict):
        return None
    cells = _cells(notebook)
    if cells is None:
        return None
    language = _language(notebook)
    parts = []
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        text = _joined(cell.get("source", cell.get("input"))).strip("\n")
        if not text.strip():
            continue
        kind = cell.get("cell_type")
        if kind == "code":
            fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
            text = f"{fence}{cell.get('language') or language}\n{text}\n{fence}"
        elif kind == "heading":
            level = cell.get("level")
            text = f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {text}"
        else:
            text = _EMBEDDED.sub("()", text)
        parts.append(text)
    return "\n\n".join(parts) + "\n" if parts else ""


def _cells(notebook: dict[str, Any]) -> list[Any] | None:
    cells = notebook.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    found = []
    for sheet in sheets:
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
            found += sheet["cells"]
    return found


def _joined(source: Any) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    for key in ("language_info", "kernelspec"):
        part = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(part, dict):
            name = part.get("name" if key == "language_info" else "language")
            if isinstance(name, str) and name:
                return name
    return "python"
