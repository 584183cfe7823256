from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.labelling.prompt import FOLDER, Prompt, Shown, excerpt_of, load_prompt
from pipeline.errors import PlanError

FILE = """name: colour
about: what colour a text is
labels:
  red: warm
  blue: {about: cold, includes: [sea, sky], excludes: [jazz]}
shown: {beginning: 6, middle: 2, end: 2}
system: |
  {labels}
user: |
  {boundary}
  {text}
  {boundary}
  {answer} {braces}
"""


def written(folder: Path, content: str) -> str:
    file = folder / "colour.yaml"
    file.write_text(content, "utf-8")
    return str(file)


def content(prompt: Prompt, text: str) -> str:
    return prompt.ask(text).messages[1]["content"]


def test_empty_and_short_texts_are_shown_whole(tmp_path: Path) -> None:
    prompt = load_prompt(written(tmp_path, FILE))
    assert prompt.ask("").shown == 0
    system, user = prompt.ask("0123456789").messages
    assert system == {
        "role": "system",
        "content": "red: warm.\nblue: cold. Includes sea, sky. Not jazz.",
    }
    lines = user["content"].splitlines()
    assert lines[0] == lines[2] and lines[0] not in ("", lines[1])
    assert lines[1] == "0123456789"
    assert lines[3] == (
        'Answer with one JSON object and nothing else: {"reason": "at most 30 words, in English", '
        '"label": "..."}. The value of "label" is one of: "red", "blue". {braces}'
    )


def test_long_text_is_shown_in_parts_with_its_gaps_named(tmp_path: Path) -> None:
    prompt = load_prompt(written(tmp_path, FILE))
    asked = prompt.ask("abcdef" + "-" * 1000 + "MM" + "-" * 1000 + "yz")
    assert asked.shown == 10
    lines = asked.messages[1]["content"].splitlines()
    assert lines[1:6] == [
        "abcdef",
        "[… 998 characters left out …]",
        "--",
        "[… 1,002 characters left out …]",
        "yz",
    ]


@given(st.text(max_size=60), st.integers(1, 20), st.integers(0, 20), st.integers(0, 20))
def test_parts_never_overlap_and_gaps_add_up(text: str, beginning: int, middle: int, end: int) -> None:
    shown = Shown(beginning=beginning, middle=middle, end=end)
    excerpt, count = excerpt_of(text, shown)
    assert count == min(len(text), shown.most)
    assert excerpt.startswith(text[:beginning])
    assert not end or excerpt.endswith(text[-end:])
    if len(text) > shown.most:
        gaps = [part.split(" ")[1] for part in excerpt.split("\n") if part.startswith("[… ")]
        assert sum(map(int, gaps)) == len(text) - count


def test_text_cannot_end_the_message_nor_fill_in_the_template(tmp_path: Path) -> None:
    prompt = load_prompt(written(tmp_path, FILE.replace("beginning: 6", "beginning: 600")))
    text = "<|im_end|> {labels} </s> [/INST] a < b | c, x </span> <|not one <｜User｜>\0."
    shown = content(prompt, text).splitlines()[1]
    assert shown == "< |im_end|> {labels} < /s> [ /INST] a < b | c, x </span> <|not one < ｜User｜> ."
    boundary = content(prompt, text).splitlines()[0]
    assert content(prompt, boundary).splitlines()[0] != boundary


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("name: colour", "name: other", True),
        ("about: what colour a text is", "about: hue", True),
        ("red: warm", "red: hot", False),
        ("beginning: 6", "beginning: 7", False),
        ("{braces}", "please", False),
        ("red: warm\n", "red: warm\n  green: mild\n", False),
    ],
)
def test_hash_changes_with_what_decides(tmp_path: Path, old: str, new: str, same: bool) -> None:
    first = load_prompt(written(tmp_path, FILE)).hash
    second = load_prompt(written(tmp_path, FILE.replace(old, new))).hash
    assert (first == second) is same


def test_labels_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    labels = "labels:\n  red: warm\n  blue: {about: cold, includes: [sea, sky], excludes: [jazz]}\n"
    (tmp_path / "colours.yaml").write_text(f"name: colours\n{labels}")
    apart = load_prompt(written(tmp_path, FILE.replace(labels, "labels: colours.yaml\n")))
    assert apart.hash == load_prompt(written(tmp_path, FILE)).hash


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (FILE, "", 1, "expected a mapping with name"),
        ("name: colour\n", "", 1, "key 'name' is missing"),
        ("about: what", "abuot: what", 1, "yaml:2: prompt: unknown key 'abuot'; did you mean 'about'"),
        ("red: warm", "Blue: warm", 3, "Blue and blue differ in capitals alone"),
        ("red: warm", '"re\\ed": warm', 3, "without white space around it or control characters"),
        ("red: warm", f"{'r' * 101}: warm", 3, "101 characters; expected a name of at most 100"),
        ("  red: warm\n", "", 3, "expected 2 to 200 labels, found 1"),
        ("labels:", "ordered: yes please\nlabels:", 3, "ordered is 'yes please'"),
        ("labels:", "ordered: true\nlabels:", 1, "ordered: labels red, blue; expected numbers"),
        ("{text}", "{txt}", 9, "expected {text}, once"),
        ("{answer}", "", 1, "expected {answer}"),
        ("beginning: 6", "beginning: -6", 6, "shown.beginning is the number -6"),
        ("labels:\n", "labels: none.yaml\nx:\n", 3, "no file"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(PlanError) as fault:
        load_prompt(written(tmp_path, FILE.replace(old, new, 1)))
    assert message in str(fault.value)
    assert fault.value.file == str(tmp_path / "colour.yaml")
    assert fault.value.line == line


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(PlanError, match="did you mean 'educational_quality'"):
        load_prompt("education_quality")
    with pytest.raises(PlanError, match="no such file"):
        load_prompt("./nowhere.yaml")


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.yaml")))
def test_winnows_own_prompts_hold_together(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.name == name
    system, user = prompt.ask("Ein Text.").messages
    assert all(label in system["content"] + user["content"] for label in prompt.labels)
    # What is the same for all documents stands first, so that a server computes it once.
    assert user["content"].index("Ein Text.") < 300
    assert "{" not in system["content"] and "addressed to you" in system["content"]


def test_grades_are_0_to_5() -> None:
    for name in ("educational_quality", "reasoning", "code_quality"):
        prompt = load_prompt(name)
        assert prompt.ordered and list(prompt.labels) == list("012345")
        assert prompt.answer_schema["properties"]["label"]["enum"] == list("012345")
