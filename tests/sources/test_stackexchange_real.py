"""Stack Exchange: real dumps to their end, against a count by ElementTree."""

import gzip
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from pipeline.inputs import expand
from pipeline.source import Reading
from pipeline.sources.stackexchange import SOURCE
from pipeline.store import open_input


def test_real_dumps_agree_with_an_xml_parser(real_data: Path) -> None:
    """Every question of every site, its answers' scores in order, against a count by ElementTree."""
    found = expand([str(real_data / "stackexchange" / "*" / "Posts.xml.gz")])
    assert SOURCE.units is not None
    for unit in SOURCE.units("se", found, SOURCE.options()):
        read = Reading(unit, SOURCE.options(), lambda path=unit.path: open_input(path), Counter())  # type: ignore[misc]
        rows = {
            row["stackexchange_question"]: row for table in SOURCE.read(read) for row in table.to_pylist()
        }
        with gzip.open(unit.path) as file:
            elements = list(ElementTree.parse(file).getroot())
        scores: dict[str, list[int]] = {}
        for element in elements:
            if element.get("PostTypeId") == "2":
                scores.setdefault(element.get("ParentId", ""), []).append(int(element.get("Score", "")))
        asked = [element for element in elements if element.get("PostTypeId") == "1"]
        assert len(rows) == len(asked)
        assert len(asked) + sum(map(len, scores.values())) + read.skipped.total() == len(elements)
        for element in asked:
            row = rows[int(element.get("Id", ""))]
            assert row["stackexchange_answer_scores"] == sorted(
                scores.get(element.get("Id", ""), []), reverse=True
            )
            assert row["stackexchange_answers"] == int(element.get("AnswerCount", "0"))
            assert row["text"].startswith("Q: " + " ".join(element.get("Title", "").split()))
