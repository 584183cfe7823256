"""What labels of language models mean: lid.176's, NLLB's and GlotLID's, and those of nobody's scheme."""

import pytest

from classifiers.language import LanguageOptions, model_path
from classifiers.language_labels import Label, understood, written
from text.fasttext import FastText
from text.scripts_table import CODES


def test_nothing() -> None:
    assert understood([]) == []
    assert understood([""]) == [Label("", "", ())]


@pytest.mark.parametrize(
    ("label", "language", "script", "scripts"),
    [
        ("eng_Latn", "en", "Latn", ("Latn",)),
        ("zho_Hant", "zh", "Hant", ("Hani",)),
        ("cmn_Hani", "zh", "Hani", ("Hani",)),
        ("yue_Hant", "yue", "Hant", ("Hani",)),
        ("jpn_Jpan", "ja", "Jpan", ("Hani", "Hira", "Kana")),
        ("arb_Arab", "ar", "Arab", ("Arab",)),
        ("arz_Arab", "arz", "Arab", ("Arab",)),
        ("arb_Latn", "ar", "Latn", ("Latn",)),
        ("als_Latn", "sq", "Latn", ("Latn",)),
        ("nob_Latn", "no", "Latn", ("Latn",)),
        ("srp_Cyrl", "sr", "Cyrl", ("Cyrl",)),
        ("hbs_Latn", "sh", "Latn", ("Latn",)),
        ("pes_Arab", "fa", "Arab", ("Arab",)),
        ("prs_Arab", "prs", "Arab", ("Arab",)),
        ("zxx_Zzzz", "zxx", "Zzzz", ()),
        ("und_Mong", "und", "Mong", ("Mong",)),
        ("sr-Latn", "sr", "Latn", ("Latn",)),
        ("deu", "de", "", ("Latn",)),
        ("als", "sq", "", ("Latn",)),
        ("qqq", "qqq", "", ()),
        ("English", "English", "", ()),
    ],
)
def test_label(label: str, language: str, script: str, scripts: tuple[str, ...]) -> None:
    assert understood([label]) == [Label(language, script, scripts)]


def test_wikipedias() -> None:
    """A model that names languages by two letters and no script has Wikipedia's codes."""
    assert [label.language for label in understood(["en", "als", "bh", "eml", "deu"])] == [
        *("en", "gsw", "bho", "eml", "de")
    ]
    assert [label.language for label in understood(["en_Latn", "als", "bh"])] == ["en", "sq", "bh"]
    (japanese,) = understood(["ja"])
    assert japanese == Label("ja", "Jpan", ("Hani", "Hira", "Kana"))


def test_all_of_lid_176() -> None:
    names = FastText(model_path(LanguageOptions())).labels
    labels = understood(names)
    assert len(labels) == 176 == len({label.language for label in labels})
    assert {name for name, label in zip(names, labels, strict=True) if name != label.language} == {
        "als",
        "bh",
    }
    assert all(label.scripts and set(label.scripts) <= set(CODES) for label in labels)
    found = {label.language: set(label.scripts) for label in labels}
    assert found["sr"] == {"Cyrl", "Latn"} and found["zh"] == {"Hani", "Bopo"} and found["th"] == {"Thai"}


def test_written_is_of_scripts_that_the_table_knows() -> None:
    assert len(written()) > 230
    for language, scripts in written().items():
        assert scripts and set(scripts) <= set(CODES), language
        assert language == language.lower() and 2 <= len(language) <= 3
