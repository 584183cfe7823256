"""The stage `language`: fastText's answer, and ours where fastText has none or an impossible one."""

import gzip
import json
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from classifiers.language import COLUMNS, STAGE, LanguageOptions, model_path
from classifiers.language_model import LEAST, first_possible
from pipeline.batch import Batch
from pipeline.errors import PlanError
from text import scripts_table as tables
from text.scripts_table import CODES, FIRST
from text.strings import Strings

NAMES = [field.name for field in COLUMNS]
NOTHING = {
    "language": "und", "language_score": 0.0, "language_second": "und", "language_second_score": 0.0,
    "language_script": "Zyyy", "language_script_fits": False, "language_letters": 0,
}  # fmt: skip


def measure(texts: Sequence[str | None], **options: Any) -> list[dict[str, Any]]:
    table = pa.table({"text": pa.array(texts, pa.string())})
    arrays = STAGE.open(LanguageOptions(**options))(Batch(table))
    assert [array.type for array in arrays] == list(STAGE.adds.types)
    assert all(array.null_count == 0 for array in arrays)
    return [dict(zip(NAMES, row, strict=True)) for row in zip(*(a.to_pylist() for a in arrays), strict=True)]


def answers(texts: Sequence[str | None], **options: Any) -> list[tuple[str, float]]:
    return [(row["language"], row["language_score"]) for row in measure(texts, **options)]


def test_nothing() -> None:
    assert measure([]) == []
    blank = ["", None, " ", "\n\t\u3000\u00a0\n"]
    assert measure(blank) == measure(blank, script_check=False) == [NOTHING] * 4


def test_languages() -> None:
    texts = ["This is an English sentence.", "Dies ist\nein deutscher Satz.", "これは日本語の文章です。"]
    rows = measure(texts)
    assert [row["language"] for row in rows] == ["en", "de", "ja"]
    assert [row["language_script"] for row in rows] == ["Latn", "Latn", "Jpan"]
    assert [row["language_letters"] for row in rows] == [23, 23, 11]
    assert all(row["language_script_fits"] for row in rows)
    assert all(0.5 < row["language_score"] <= 1.001 for row in rows)
    assert all(0 < row["language_second_score"] < row["language_score"] for row in rows)
    assert all(row["language_second"] not in (row["language"], "und") for row in rows)


def test_script_of_a_language_that_has_two() -> None:
    serbian = ["Ово је српска реченица и ништа друго.", "Ovo je srpska rečenica i ništa drugo."]
    assert [row["language_script"] for row in measure(serbian)] == ["Cyrl", "Latn"]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    "text", ["\0", "1 2 3 …", "</s>", "__label__fr", "\ufffd", "😀" * 99, "a" * 100_000, "x\r\n"]
)
def test_odd_texts(text: str, check: bool) -> None:
    ((label, score),) = answers([text], script_check=check)
    assert label and 0 <= score <= 1.001


def test_an_answer_that_the_letters_rule_out() -> None:
    # Of these the model knows nothing, so that it gives the commonest language: English.
    rows = measure(["观眼", "1 2 3", "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ"])
    first = measure(["观眼", "1 2 3", "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ"], script_check=False)
    assert [row["language"] for row in first] == ["en", "en", "ar"]
    assert [row["language"] for row in rows] == ["zh", "und", "und"]
    assert [row["language_script"] for row in rows] == ["Hani", "Zyyy", "Cher"]
    assert [row["language_script_fits"] for row in rows + first] == [False] * 6
    for row, unchecked in zip(rows, first, strict=True):
        assert row["language_second"] == unchecked["language"]
        assert row["language_second_score"] == unchecked["language_score"]
        assert row["language_score"] < unchecked["language_score"]


def test_least_letters() -> None:
    texts = ["Das ist gut.", "Das ist alles sehr gut."]
    long, short = measure(texts, least_letters=10)[::-1]
    assert long == measure(texts)[1] and long["language_letters"] == 18
    plain = measure(texts)[0]
    assert (short["language"], short["language_score"]) == ("und", 0.0)
    assert (short["language_second"], short["language_second_score"]) == (
        plain["language"],
        plain["language_score"],
    )


def test_same_as_the_best_of_all_labels(real_data: Path) -> None:
    model = fasttext.load_model(model_path(LanguageOptions()))
    with gzip.open(real_data / "jsonl" / "c4-en-sample.json.gz", "rt") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(100), strict=False)]
    for text, row in zip(texts, measure(texts), strict=True):
        # What datatrove's language filter does, with the same model.
        labels, scores = model.predict(text.replace("\n", " "), k=-1)
        known = sorted(zip(scores, labels, strict=True), reverse=True)
        assert row["language_script_fits"]
        assert (row["language"], row["language_second"]) == tuple(one.split("__")[2] for _, one in known[:2])
        assert row["language_score"] == pytest.approx(float(known[0][0]), abs=1e-4)
        assert row["language_second_score"] == pytest.approx(float(known[1][0]), abs=1e-4)


def sentences(real_data: Path, name: str, step: int) -> tuple[list[str], list[str]]:
    """Texts that lid.176 has a label for, and their languages."""
    model = fasttext.load_model(model_path(LanguageOptions()))
    known = {label.removeprefix("__label__") for label in model.predict("x", k=-1)[0]}
    with gzip.open(real_data / "langid" / f"lingua-{name}.jsonl.gz", "rt") as lines:
        items = [item for line in lines if (item := json.loads(line))["lang"] in known][::step]
    return [item["text"] for item in items], [item["lang"] for item in items]


def test_accuracy_on_sentences(real_data: Path) -> None:
    texts, languages = sentences(real_data, "sentences", 5)
    right: Counter[str] = Counter()
    for language, (label, _) in zip(languages, answers(texts), strict=True):
        right[language] += label == language
    assert len(right) > 65
    # Single sentences; what it gets wrong are near relatives (Bosnian, Malay) and rare languages.
    assert right.total() / len(texts) > 0.89


def test_script_check_helps_where_texts_are_short(real_data: Path) -> None:
    texts, languages = sentences(real_data, "single-words", 3)
    checked, unchecked = (
        [label for label, _ in answers(texts, script_check=check)] for check in (True, False)
    )
    better = sum(a == language != b for a, b, language in zip(checked, unchecked, languages, strict=True))
    worse = sum(b == language != a for a, b, language in zip(checked, unchecked, languages, strict=True))
    assert better > 0.01 * len(texts) and worse == 0


def test_script_check_leaves_published_rules_alone(real_data: Path) -> None:
    """`language <> 'en' OR language_score < 0.65` drops the same texts with the check and without."""
    texts = sentences(real_data, "sentences", 9)[0] + sentences(real_data, "word-pairs", 9)[0]
    kept = [
        [label == "en" and score >= 0.65 for label, score in answers(texts, script_check=check)]
        for check in (True, False)
    ]
    assert kept[0] == kept[1] and sum(kept[0]) > 20


def test_model_that_is_missing_or_none(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"no file .*nowhere\.bin.*lid\.176\.ftz"):
        LanguageOptions(model=str(tmp_path / "nowhere.bin"))
    (tmp_path / "text.bin").write_text("no model")
    with pytest.raises(ValidationError, match=r"text\.bin' does not begin as a fastText model"):
        LanguageOptions(model=str(tmp_path / "text.bin"))
    (tmp_path / "text.bin").write_bytes(Path(model_path(LanguageOptions())).read_bytes()[:1000])
    options = LanguageOptions(model=str(tmp_path / "text.bin"))
    for opened in (STAGE.open, STAGE.values):
        with pytest.raises(PlanError, match=r"stage language: .*text\.bin is not a fastText model"):
            opened(options)


def test_fingerprint_is_of_the_contents(tmp_path: Path) -> None:
    own = tmp_path / "own.ftz"
    own.write_bytes(Path(model_path(LanguageOptions())).read_bytes())
    assert STAGE.fingerprint(LanguageOptions(model=str(own))) == STAGE.fingerprint(LanguageOptions())
    own.write_bytes(own.read_bytes() + b"other")
    assert STAGE.fingerprint(LanguageOptions(model=str(own))) != STAGE.fingerprint(LanguageOptions())


def test_own_model(tmp_path: Path) -> None:
    own = tmp_path / "own.ftz"
    own.write_bytes(Path(model_path(LanguageOptions())).read_bytes())
    assert measure(["hello world"], model=str(own)) == measure(["hello world"])


def write_model(path: Path, labels: Sequence[str], words: Mapping[str, Sequence[str]]) -> str:
    """A softmax model that answers to each word with the labels named, the likeliest first."""
    tokens = [*words, *(f"__label__{label}" for label in labels)]
    out = [struct.pack("<2i", 793712314, 12)]
    out.append(struct.pack("<12i", len(labels), 5, 5, 1, 5, 1, 3, 3, 0, 0, 0, 100) + struct.pack("<d", 1e-4))
    out.append(struct.pack("<3i2q", len(tokens), len(words), len(labels), 1000, -1))
    for at, token in enumerate(tokens):
        out.append(token.encode() + b"\0" + struct.pack("<qb", 9, at >= len(words)))
    inputs = np.zeros((len(words), len(labels)), np.float32)
    for row, named in enumerate(words.values()):
        for place, label in enumerate(named):
            inputs[row, labels.index(label)] = 2 * (len(named) - place)
    for matrix in (inputs, np.eye(len(labels), dtype=np.float32)):
        out.append(struct.pack("<?2q", False, *matrix.shape) + matrix.astype("<f4").tobytes())
    path.write_bytes(b"".join(out))
    return str(path)


LABELS = ("eng_Latn", "cmn_Hans", "cmn_Hant", "rus_Cyrl", "srp_Cyrl", "srp_Latn", "zxx_Zzzz")
WORDS = {
    "hello": ["eng_Latn", "srp_Latn"],
    "слово": ["eng_Latn", "srp_Latn", "srp_Cyrl", "rus_Cyrl"],
    "河邊": ["cmn_Hant", "cmn_Hans", "eng_Latn"],
    "reč": ["srp_Cyrl", "srp_Latn", "eng_Latn"],
    "12": ["zxx_Zzzz", "eng_Latn"],
}


def test_label_scheme_with_scripts(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.bin", LABELS, WORDS)
    shown = ("language", "language_second", "language_script", "language_script_fits")
    rows = [
        tuple(row[name] for name in shown) for row in measure([*WORDS, "hello 12", "unknown"], model=model)
    ]
    assert rows == [
        ("en", "sr", "Latn", True),
        ("sr", "en", "Cyrl", False),
        ("zh", "en", "Hant", True),  # the next label is Chinese, too: the second language is another one
        ("sr", "en", "Latn", False),  # the language may be right, the label's script is not
        ("und", "zxx", "Zyyy", False),
        ("en", "zxx", "Latn", True),
        ("und", "und", "Latn", False),
    ]
    first = measure([*WORDS], model=model, script_check=False)
    assert [row["language"] for row in first] == ["en", "en", "zh", "sr", "zxx"]
    assert [row["language_script"] for row in first] == ["Latn", "Latn", "Hant", "Cyrl", "Zzzz"]
    named = measure([*WORDS], model=model, labels="model")
    assert [row["language"] for row in named] == ["eng_Latn", "eng_Latn", "cmn_Hant", "srp_Cyrl", "und"]
    assert named[3]["language_script_fits"]


def test_labels_that_are_no_codes(tmp_path: Path) -> None:
    labels = ("english", "german")
    model = write_model(tmp_path / "model.bin", labels, {"gut": ["german", "english"], "слово": ["german"]})
    rows = measure(["gut", "слово"], model=model)
    assert [(row["language"], row["language_second"]) for row in rows] == [("german", "english")] * 2
    assert all(row["language_script_fits"] for row in rows)


def test_a_model_of_one_label(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.bin", ("en",), {"good": ["en"]})
    rows = measure(["good", "хорошо"], model=model)
    assert [(row["language"], row["language_second"]) for row in rows] == [("en", "und"), ("und", "und")]


TABLE = ((), ("Latn",), ("Cyrl", "Latn"), ("Hani", "Hira", "Kana"), ("Cyrl",))


def plain(text: str, labels: Sequence[int]) -> tuple[int, str, int]:
    found = [tables.scripts()[ord(char)] for char in text]
    counts = Counter(CODES[number - FIRST] for number in found if number >= FIRST)
    total = counts.total()
    if not total:
        return -1, "", 0
    main = max(sorted(counts), key=lambda code: counts[code])
    for place, label in enumerate(labels):
        if label < 0:
            break
        scripts = TABLE[label] or tuple(CODES)
        own = sum(counts[code] for code in scripts)
        if own and own >= LEAST * total:
            return place, max(sorted(scripts), key=lambda code: counts[code]), total
    return -1, main, total


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(
                    ["a", "Zé", "я", "語", "か", "カ", "ー", " 1", "\u0301", "abc" * 12, "ж" * 20]
                ),
                max_size=30,
            ).map("".join),
            st.permutations([0, 1, 2, 3, 4, -1]).map(lambda order: order[:3]),
        ),
        max_size=4,
    )
)
@example([])
@example([("", [0, 1, 2])])
@example([("a" + "я" * 19, [1, 4, 0]), ("a" + "я" * 20, [1, 4, 0])])
def test_first_possible_is_as_plain_python(drawn: list[tuple[str, list[int]]]) -> None:
    strings = Strings.of(pa.array([text for text, _ in drawn], pa.large_string()))
    labels = np.array([one for _, one in drawn], np.int32).reshape(len(drawn), 3)
    bounds = np.cumsum([0, *map(len, TABLE)])
    numbers = np.array([FIRST + CODES.index(code) for scripts in TABLE for code in scripts], np.int64)
    place, script, letters = first_possible(
        strings.data, strings.offsets[:-1], strings.offsets[1:], tables.scripts(), labels, bounds, numbers
    )
    names = ["", "", *CODES]
    found = zip(place.tolist(), [names[number] for number in script], letters.tolist(), strict=True)
    assert list(found) == [plain(text, one) for text, one in drawn]


@pytest.mark.parametrize("text", ["a" * 1_000_000, "я" * 500_000, "aя" * 300_000, "\x80" * 1_000])
def test_long(text: str) -> None:
    assert measure([text])[0]["language_letters"] in (len(text), 0)
