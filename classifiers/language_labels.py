"""What the labels of a language model mean: a language by one code, a script, the scripts it can be in.

Languages are named by ISO 639-1, else 639-3, as lid.176 and winnow's recipes name them, whatever the model
calls them:

    lid.176                    zh  arz  als           language zh, arz, gsw; it names Wikipedias (see below)
    NLLB, OpenLID, GlotLID     zho_Hans  eng_Latn     language zh, en; script Hans, Latn
    three letters alone        deu                    language de

Of a macrolanguage the member that most of its text is in, by CLDR's aliases, has the macrolanguage's code
(cmn zh, arb ar, pes fa, zsm ms); the other members keep their own (arz, prs, yue). Facts are of ISO 639-3 and
of CLDR 48 (supplemental/aliases, languageData).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from text.language_codes import SHORTER
from text.scripts_table import CODES

_LABEL = re.compile(r"([a-z]{2,3})(?:[_-]([A-Z][a-z]{3}))?")

# Members of macrolanguages, the one that stands for each. Besides CLDR's: Southern Pashto, by which NLLB and
# its successors label all Pashto, and Filipino, which no model tells from Tagalog but by chance. Bokmål is
# `no` to lid.176, and so to the recipes.
_MEMBERS = """
    als:sq arb:ar ayr:ay azj:az cmn:zh cwd:cr ekk:et esk:ik fat:ak fil:tl fuc:ff gaz:om gug:gn ike:iu khk:mn
    kmr:ku knc:kr kng:kg kpv:kv lvs:lv nb:no nob:no npi:ne ojg:oj ory:or pbt:ps pbu:ps pes:fa plt:mg quz:qu
    src:sc swh:sw uzn:uz ydd:yi zsm:ms zyb:za hbs:sh
"""
_CODES = SHORTER | dict(pair.split(":") for pair in _MEMBERS.split())

# Wikipedias whose names are no code of the language, or another one's: Alemannic, Bihari (Bhojpuri). `eml`
# (Emilian and Romagnol) and `nah` (Nahuatl languages) have no code of one language and stay.
_WIKIPEDIAS = {"als": "gsw", "bh": "bho"}

# In which scripts a language is written today. Scripts of the past, of transliteration for learners and of
# braille are left out; romanised Hindi and Konkani are in use and stay.
_WRITTEN = """
Latn: aa af ak an ast ay bar bcl bi br ca cbk ceb ch co cs cy da de diq dsb ee eml en eo es et eu fi fj fo
    fr frr fy ga gd gl gn gsw gv ho hr hsb ht hu hz ia id ie ig ik ilo io is it jbo kg ki kj kl kr kw la
    lb lg li lmo ln lt lu lv mg mh mi min mt mwl na nah nap nb nd nds ng nl nn no nr nv ny oc pam pfl pl
    pms pt qu rm rn rw sc scn sco sg sk sl sm sn so sq ss st sv sw tl tn to tr ts tw ty ve vec vep vi vls
    vo wa war xh yo za zu
Cyrl: ab av ba be bg bxr ce cu cv krc kv lez mhr mk mrj myv os ru rue sah tyv uk xal
Arab: ar arz azb ckb fa lrc mzn pnb ps ur
Deva: bho dty mai mr ne new sa
Beng: as bn bpy
Ethi: am ti
Geor: ka xmf
Hebr: he yi
Tibt: bo dz
Hani: wuu yue
Hani Bopo: zh
Hani Hira Kana: ja
Hang: ko
Armn: hy
Grek: el
Gujr: gu
Khmr: km
Knda: kn
Laoo: lo
Mlym: ml
Mymr: my
Orya: or
Sinh: si
Taml: ta
Telu: te
Thaa: dv
Thai: th
Yiii: ii
Cyrl Latn: bs ro se sh sr tt
Arab Latn: ha ms wo
Arab Cyrl Latn: az kk ku ky tg tk ug uz
Arab Deva: ks sd
Arab Guru: pa
Cans Latn: cr iu oj
Cyrl Mong: mn
Deva Latn: gom hi hif
Adlm Latn: ff
Ethi Latn: om
Java Latn: jv
Latn Nkoo: bm
Latn Sund: su
"""

# What labels call the script of a text, where it is not the script of its letters.
_MADE_OF = {
    "Aran": ("Arab",),
    "Cyrs": ("Cyrl",),
    "Hanb": ("Hani", "Bopo"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Hrkt": ("Hira", "Kana"),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang",),  # no text of today is in Han letters alone
    "Latf": ("Latn",),
    "Latg": ("Latn",),
}
_JAPANESE = "ja", "Jpan"


@dataclass(frozen=True)
class Label:
    """What one label of a model says.

    script   ISO 15924, as the label has it; "" where it names none and the text's letters tell
    scripts  of letters that a text of this label can have (`text.scripts_table.CODES`); empty: not known
    """

    language: str
    script: str
    scripts: tuple[str, ...]


@cache
def written() -> dict[str, tuple[str, ...]]:
    """The scripts of each language."""
    found: dict[str, tuple[str, ...]] = {}
    scripts: tuple[str, ...] = ()
    heading = False
    for word in _WRITTEN.replace(":", "").split():
        if word[0].isupper():
            scripts = (*scripts, word) if heading else (word,)
            heading = True
        else:
            found[word] = scripts
            heading = False
    return found


def understood(labels: Sequence[str]) -> list[Label]:
    """What the labels of a model say, in their order; one that is no code is a language by that name.

    A model with a label of two letters and none with a script is taken to name Wikipedias, as lid.176 does.
    """
    matched = [_LABEL.fullmatch(label) for label in labels]
    of_wikipedias = any(found and len(found[1]) == 2 for found in matched) and not any(
        found and found[2] for found in matched
    )
    return [
        Label(label, "", ()) if found is None else _label(found[1], found[2] or "", of_wikipedias)
        for label, found in zip(labels, matched, strict=True)
    ]


def _label(code: str, script: str, of_wikipedia: bool) -> Label:
    language = _WIKIPEDIAS.get(code, code) if of_wikipedia else code
    language = _CODES.get(language, language)
    if not script and language == _JAPANESE[0]:
        script = _JAPANESE[1]
    if not script:
        return Label(language, "", written().get(language, ()))
    made_of = _MADE_OF.get(script, (script,))
    return Label(language, script, tuple(one for one in made_of if one in CODES))
