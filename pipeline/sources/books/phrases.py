"""The words by which Project Gutenberg's own lines are known, in the languages that they come in.

All are looked for at the begin of a line or paragraph, whatever the case, but where it says `within`.
"""

import re
from collections.abc import Sequence


def _begins(alternatives: Sequence[str], prefix: str = r"[\W_]{0,6}") -> re.Pattern[str]:
    return re.compile(prefix + "(?:" + "|".join(alternatives) + ")", re.IGNORECASE)


def _within(alternatives: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_BOOK = r"(?:THE |THIS )?(?:COPYRIGHTED )?PROJE[CK]T GUTENBERG"

START = _begins([rf"\*{{1,3}} ?(?:START|BEGINNING) OF {_BOOK}"], r"\W{0,3}")
END = _begins([rf"\*{{1,3}} ?END OF {_BOOK}"], r"\W{0,3}")
SMALL_PRINT = _begins([r"\*{1,3} ?START ?\*{0,3} ?:? ?(?:OF )?(?:THE SMALL PRINT|FULL LICENSE)"], r"\W{0,3}")
SMALL_PRINT_END = _begins([r"\*END ?\*? ?(?:OF )?THE SMALL PRINT"], r".{0,200}")
LAST_LINE = _begins(
    [
        rf"(?:This is )?(?:the )?END OF {_BOOK}",
        r"Ende (?:dieses|diese|des) Proje[ck]t Gutenberg",
        r"Fin (?:de|du|de ce) (?:livre )?Project Gutenberg",
        r"Ce document fut pr[ée]sent[ée] en lecture",
    ],
    r"\W{0,3}",
)
GUTENBERG = _within(["Project Gutenberg"])

_MADE = (
    "produced|prepared|created|transcribed|scanned|typed|proof-?read|converted|made|entered|donated"
    "|compiled|edited|provided|released|generously|derived"
)
_FILE = r"(?:e-?text|e-?book|electronic (?:text|edition|book)|file|digital edition)s?"
CREDIT = _begins(
    [
        r"(?:re-?)?produced (?:and \w+ )?by\b",
        r"(?:scanned|typed|proof-?read(?:ing)?) (?:and [\w ]{1,30} )?by\b",
        r"(?:prepared|entered|digiti[sz]ed) by\b",
        r"html (?:version|file|conversion) (?:produced |prepared )?by\b",
        r"transcribed (?:from|by)\b",
        r"credits?:",
        rf"(?:this |the )?(?:project gutenberg |electronic )?{_FILE} (?:edition )?"
        rf"(?:(?:was|is|has been|were) )?(?:first )?(?:{_MADE})\b",
        r"we thank\b",
        r"nous remercions\b",
        r"(?:many |special )?thanks to\b",
        r"additional (?:editing|proof)",
        r"(?:this )?updated edition",
        r"images of the original",
        r"note: (?:project gutenberg|images of|the original)",
        r"(?:project gutenberg |the )?(?:online )?distributed proof",
    ],
    r"[\W_]{0,4}",
)
PROOFREADERS = _within([r"distributed\s+proofread", r"pgdp\.net", r"PG\s+(?:online\s+)?distributed"])
CREDITED = _within(
    [
        r"pgdp\.net",
        r"distributed\s+proof",
        r"proof-?read",
        r"volunteer",
        r"project\s+gutenberg",
        r"gutenberg\.(?:org|net)",
        r"pglaf\.org",
        r"internet\s+archive|archive\.org",
        r"gallica",
        r"google\s+(?:print|books)",
        r"hathi\s*trust",
        r"standard\s+ebooks",
        r"@[\w-]+\.\w+",
        r"\be-?texts?\b",
        r"\be-?books?\b",
        r"\bhtml\b",
        r"images\s+(?:generously\s+)?made",
    ]
)
"""Within a paragraph: names of those who make electronic books, and of the things they use."""

_TRANSCRIBER = r"transcri(?:ber|ption|ptor)(?:['’]?s)?['’]?s?"
NOTE_HEADING = _begins(
    [
        rf"{_TRANSCRIBER}[ -]+(?:end)?(?:notes?|remarks?|comments?|list|errata)",
        r"notes? (?:by|from|of) the transcriber",
        r"list of (?:corrections|changes) made by the transcriber",
        r"(?:errata|corrections|changes)[^\w\n]{1,3}(?:noted|made) by (?:the )?transcriber",
        r"notes? (?:de|du|de la|sur la) transcri(?:ption|pteur|ptrice)",
        r"note (?:du|au) lecteur (?:de|sur) ce fichier",
        r"anmerkung(?:en)? (?:zur|der|des) (?:transkript|bearbeit)\w*",
        r"(?:hinweise?|notiz(?:en)?) zur transkription",
        r"notas? (?:del?|da|do) transcri(?:ptor|tor|pción|ção)\w*",
        r"nota? del? trascrittore",
        r"opmerkingen van de bewerker",
        r"(?:aantekening(?:en)?|noot) van de (?:bewerker|transcribent)",
        r"electronic (?:text|edition|transcription) note",
        r"proofreader['’]s note",
        r"note on the e-?text",
        r"e-?text transcriber",
    ]
)
"""Headings that only a transcriber's note has."""

MAYBE_HEADING = _begins(
    [
        r"(?:note )?au lecteur",
        r"avis\b",
        r"errat(?:a|um)\b",
        r"corrections?\b",
        r"corrigenda\b",
        r"editorial note",
        r"editor['’]s note",
        r"note de l['’][ée]diteur",
        r"notes?\b",
        r"(?:liste|list) (?:des modifications|of (?:corrections|changes))",
        r"typographical errors",
        r"\[?this text uses",
    ]
)
"""Headings that books have, too: they need evidence."""

EVIDENCE = _within(
    [
        r"transcriber",
        r"\be-?text\b",
        r"\be-?book\b",
        r"electronic (?:book|text|version|edition)",
        r"version [ée]lectronique",
        r"ce fichier",
        r"\bunicode\b",
        r"\bascii\b",
        r"\bhtml\b",
        r"file encoding",
        r"project gutenberg",
        r"proofread",
        r"text (?:reads|has|unchanged)",
        r"typographical error",
        r"(?:remplacé|corrigé)e?s? (?:par|en)\b",
        r"(?:changed|corrected) (?:to|from)\b",
        r"punctuation (?:missing|invisible)",
        r"missing or invisible",
    ]
)
"""Within a paragraph: what only someone who makes an electronic text writes."""

REMARK = _begins(
    [
        r"transcriber['’]?s?['’]?s?(?:['’]|\b)",
        r"anm(?:erkung|\.) (?:d(?:er|es|\.) )?(?:transkr|bearb)",
        r"note (?:du|de la|of) transcri",
        r"notas? del? transcri",
        r"this (?:e-?)?text (?:uses (?:utf|unicode)|is intended for users)",
        r"proofreader['’]s note",
        r"e-?text (?:editor|transcriber)",
    ],
    r"\[\s*[_*]?",
)
"""Bracketed remarks of a transcriber, which may stand anywhere."""
