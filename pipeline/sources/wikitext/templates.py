"""Templates and parser functions: all go, but those whose content is prose.

`RENDER` holds, by folded name, what becomes of a template's arguments. Templates of one kind have
many names, one for each wiki; the tables below are read by kind. A template that is not in them
leaves nothing, only `REMOVED`, so that brackets and commas around it can be tidied later.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.sources.wikitext.names import folded

REMOVED = "\x03"  # stands where something was taken out

_NAMED = re.compile(r"\s*([^\s=<>\[\]{}\"'][^=<>\[\]{}\"'\n]{0,40}?)\s*=")


@dataclass(frozen=True)
class Arguments:
    """What stands between the bars of a template: by position from 1, and by name."""

    positional: tuple[str, ...]
    named: Mapping[str, str]

    def __getitem__(self, at: int) -> str:
        return self.positional[at - 1] if 0 < at <= len(self.positional) else ""


Render = Callable[[Arguments], str]


def arguments(pieces: list[str]) -> Arguments:
    """Sorts the pieces behind a template's name; `2=x` counts as the second."""
    positional: list[str] = []
    named: dict[str, str] = {}
    for piece in pieces:
        found = _NAMED.match(piece) if "=" in piece else None
        if found is None:
            positional.append(piece.strip())
        else:
            named[found[1]] = piece[found.end() :].strip()
    for at in range(1, 10):
        value = named.get(str(at))
        if value is not None:
            positional += [""] * (at - len(positional))
            positional[at - 1] = value
    return Arguments(tuple(positional), named)


def render(name: str, pieces: list[str], title: str) -> str:
    """What a template leaves, given its name (folded) and what stands between its bars."""
    known = RENDER.get(name)
    if known is not None:
        return known(arguments(pieces))
    if name in _PAGE_NAMES:
        return title
    known = next((_PREFIXES[prefix] for prefix in _PREFIXES if name.startswith(prefix)), None)
    return known(arguments(pieces)) if known is not None else REMOVED


def is_prose(name: str) -> bool:
    """Whether a template of this folded name may leave some text."""
    return name in RENDER or name in _PAGE_NAMES or name.startswith(_STARTS)


def is_function(name: str) -> bool:
    return name in _FUNCTIONS


_PAGE_NAMES = frozenset(("pagename", "fullpagename", "basepagename", "subpagename"))
_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "lc": str.lower,
    "uc": str.upper,
    "lcfirst": lambda text: text[:1].lower() + text[1:],
    "ucfirst": lambda text: text[:1].upper() + text[1:],
    "formatnum": str,
    "nowrap": str,
}


def function(name: str, value: str) -> str:
    """What a parser function, `{{lc:VALUE}}`, leaves."""
    known = _FUNCTIONS.get(name)
    return known(value.strip()) if known is not None else REMOVED


def _at(*positions: int) -> Render:
    """The first of these arguments that is not empty."""
    return lambda given: next((given[at] for at in positions if given[at]), REMOVED)


def _last(given: Arguments) -> str:
    return next((text for text in reversed(given.positional) if text), REMOVED)


def _sign(text: str) -> Render:
    return lambda _: text


def _joined(between: str) -> Render:
    return lambda given: between.join(text for text in given.positional if text) or REMOVED


def _before(text: str) -> Render:
    """`text` before the first argument, as "c. 1900"."""
    return lambda given: f"{text}{given[1]}" if given[1] else REMOVED


def _block(given: Arguments) -> str:
    """A quotation, on lines of its own."""
    text = next((given.named[name] for name in _QUOTED if given.named.get(name)), given[1])
    return f"\n\n{text}\n\n" if text else REMOVED


_QUOTED = ("text", "quote", "1", "citat", "cita", "texto", "testo", "inhalt", "Text", "zitat", "content")


def _converted(given: Arguments) -> str:
    """`{{convert}}` puts commas between thousands."""
    pieces = tuple(f"{int(text):,}" if _THOUSANDS.match(text) else text for text in given.positional)
    return _quantity(Arguments(pieces, given.named))


_THOUSANDS = re.compile(r"[0-9]{4,15}$")


def _quantity(given: Arguments) -> str:
    """`{{convert|5|to|10|km|mi}}`: the value as it was measured, with its unit: 5 to 10 km."""
    parts: list[str] = []
    unit = given.named.get("u") or given.named.get("ul") or ""
    for at, text in enumerate(given.positional):
        if parts and text in _BETWEEN:
            parts.append(_BETWEEN[text])
        elif not parts or (parts[-1] in _SIGNS and _NUMBER.match(text)):
            parts.append(text)
        elif _NUMBER.match(text):
            break
        else:
            unit = text or unit
            more, second = (*given.positional[at + 1 : at + 3], "", "")[:2]
            if unit in _PARTED and second in _PARTS and _NUMBER.match(more):
                return f"{''.join(parts)} {_UNITS.get(unit, unit)} {more} {second}"
            break
    if unit:
        parts.append(" " + _UNITS.get(unit, unit))
    return "".join(parts) or REMOVED


_NUMBER = re.compile(r"[-+−]?[\d.,\u00a0 ]*\d(?:[\d.,/+e⁄ -]*)$")
_BETWEEN = {
    **{"to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "×": " × ", "xx": " × "},
    **{"-": "–", "–": "–", "to(-)": " to ", "and(-)": " and ", "+": " + ", "*": " × "},
}
_PARTED = frozenset(("ft", "lb", "st", "yd", "mi", "foot"))  # 6 ft 2 in, 10 st 4 lb
_PARTS = frozenset(("in", "oz", "lb", "ft", "yd", "ch"))
_SIGNS = frozenset(_BETWEEN.values())
_UNITS = {
    **{"C": "°C", "F": "°F", "K": "K", "R": "°R", "sqmi": "sq mi", "sqkm": "km²", "km2": "km²", "m2": "m²"},
    **{"cm2": "cm²", "mm2": "mm²", "m3": "m³", "cm3": "cm³", "km3": "km³", "mm3": "mm³", "sqft": "sq ft"},
    **{"sqyd": "sq yd", "sqin": "sq in", "cuft": "cu ft", "cuin": "cu in", "cuyd": "cu yd", "cumi": "cu mi"},
    **{"m/s2": "m/s²", "/sqmi": "/sq mi", "/km2": "/km²", "PD/sqkm": "/km²", "PD/sqmi": "/sq mi"},
    **{"kph": "km/h", "nmi": "nautical miles", "usgal": "US gal", "USgal": "US gal", "impgal": "imp gal"},
    **{"foot": "ft", "feet": "ft", "mile": "mi", "miles": "mi", "inch": "in", "acre": "acres", "pound": "lb"},
    **{"lbs": "lb", "ftin": "ft", "t": "t", "LT": "long tons", "ST": "short tons", "u": "μm", "um": "μm"},
    **{"C-change": "°C", "F-change": "°F", "oC": "°C", "oF": "°F", "g/cm3": "g/cm³", "kg/m3": "kg/m³"},
}


def _fraction(given: Arguments) -> str:
    """`{{frac|1|2|3}}` is 1 2⁄3."""
    numbers = [text for text in given.positional if text]
    if len(numbers) == 1:
        return f"1⁄{numbers[0]}"
    if len(numbers) == 2:
        return "⁄".join(numbers)
    return f"{numbers[0]} {numbers[1]}⁄{numbers[2]}" if len(numbers) > 2 else REMOVED


def _japanese(given: Arguments) -> str:
    """`{{nihongo|English|kanji|romaji}}`: English (kanji, romaji)."""
    others = ", ".join(text for text in given.positional[1:3] if text)
    return f"{given[1]} ({others})" if others and given[1] else given[1] or others or REMOVED


def _as_of(given: Arguments) -> str:
    """`{{as of|2010|5|2|lc=y}}`: as of 2 May 2010."""
    if alternative := given.named.get("alt"):
        return alternative
    start = "as of" if given.named.get("lc") else "As of"
    return f"{start} {_date(given)}" if given[1] else REMOVED


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def _date(given: Arguments) -> str:
    """Year, month, day by position as in English: 2 May 2010."""
    year, month, day = given[1], given[2], given[3]
    if month.isdigit() and 1 <= int(month) <= 12:
        month = _MONTHS[int(month) - 1]
    return " ".join(part for part in (day, month, year) if part)


def _value(given: Arguments) -> str:
    """`{{val|5.1|0.2|e=6|u=km}}`: 5.1±0.2×10^6 km; elsewhere `{{val|de|Wort}}` names a language."""
    text = given[1]
    if text.isalpha():
        return _last(given)
    if given[2]:
        text += f"±{given[2]}"
    if exponent := given.named.get("e"):
        text += f"×10^{exponent}"
    unit = given.named.get("u") or given.named.get("ul")
    return f"{text} {unit}" if unit and text else text or REMOVED


def _ship(prefix: str) -> Render:
    """`{{HMS|Victory|1765|6}}`: HMS Victory."""
    return lambda given: f"{prefix} {given[1]}" if given[1] else REMOVED


def _any_ship(given: Arguments) -> str:
    """`{{ship|German battleship|Bismarck}}`."""
    return " ".join(text for text in given.positional[:2] if text) or REMOVED


_ROMAN = re.compile(r"[IVXLC]+$", re.IGNORECASE)


def _century(given: Arguments) -> str:
    """French `{{s|XIX|e}}`: XIXe siècle; elsewhere `{{s|text}}` keeps words together."""
    return f"{given[1]}{given[2] or 'e'} siècle" if _ROMAN.match(given[1]) else given[1] or REMOVED


def _chemical(given: Arguments) -> str:
    """`{{chem|H|2|O}}`: H2O."""
    return "".join(given.positional) or REMOVED


def _script(mark: str) -> Render:
    """Raised or lowered; `{{su|b=…}}` has both and is rarer."""
    return lambda given: f"{mark}{given[1]}" if given[1] else REMOVED


def _pair(between: str) -> Render:
    return lambda given: between.join(text for text in given.positional[:2] if text) or REMOVED


def _around(begin: str, end: str) -> Render:
    return lambda given: f"{begin}{given[1]}{end}" if given[1] else REMOVED


_TABLE: tuple[tuple[str, Render], ...] = (
    # The first argument as it stands: type, size, links, comments.
    ("nowrap|nobr|nobreak|nobold|small|smaller|big|bigger|larger|large|huge|resize|smallcaps|sc|sc2|"
     "smallcaps all|allcaps|caps|lc|uc|em|strong|strike|underline|u|ul|bold|b|italic|italics|i|"
     "noitalic|normal|"
     "mono|monospace|code|codett|tt|kbd|key|key press|keypress|samp|var|mvar|math|mathsf|bigmath|"
     "serif|sans-serif|"
     "abbr|abbrev|abbreviation|tooltip|hover title|comment|explain|abrév|abreviation|abréviation|abk|"
     "skratka|zkratka|"
     "ill|interlanguage link|interlanguage link multi|illm|link-interwiki|lien|iw|iw2|red link|нп|нп1|нп2|"
     "нп3|нп4|нп5|не переведено|не переведено 2|не переведено 3|не переведено 5|仮リンク|tsl|le|link|"
     "wikilink|"
     "internal link helper|internal link helper/en|translink|ilh|enlla|unicode|unicode fonts|"
     "ipa symbol|iast|grec|"
     "polytonic|hebrew|rtl-lang|arabic|arabe|cyrl|latin|greek|hebreo|wikt|wt|wict|gloss|simple gloss|"
     "vanchor|visible anchor|anchored|anchord|flag|flagcountry|flagu|country|flagc|fb|fbu|fb-rt|flagteam|"
     "drapeau|drapeau2|pays|bandera2|bandiera|bandeira|флаг|флагификация|flaggenlink|quote inline|"
     "inline quote|not a typo|as written|notatypo|typo|sic|clarify span|"
     "plainlist|flatlist|unbulleted list|ublist|color|pad|highlight|hilite|citat-inline|"
     "ipa notation|nowiki|plainlink|"
     "versalita|versalitas|petite capitale|petites capitales|pc|souligner|surligner|nom|"
     "song|film title|szám|num|nombre|formatnum|numero|número|число|num|"
     "bigcap|lettrine|dropinitial|drop cap|capitale|lgn|gras|italique",
     _at(1)),
    # The second argument: the first is a language, a colour or a place elsewhere.
    ("lang|langue|lang2|lingua|sprache|taal|język|nyelv|språk|jazyk|script|font color|font colour|"
     "color text|colour|farbe|couleur|color|transl|transliteration|translit|tlit|trad|textcolor|fontcolor|fg|"
     "ipa|j|jęz|kolor|vjazyce2|cudzysłów|font|barva|warna|fontsize", _last),
    ("citation", _at(1)),
    ("langx", _at(2, 1)),
    ("d|wd", _sign(REMOVED)),
    # Their arguments one after the other.
    ("linktext|wiktlink|linktexts|lien texte", _joined("")),
    ("hlist|comma separated entries|csv|cslist|liste horizontale", _joined(", ")),
    ("ubl", _joined(", ")),
    # Signs.
    ("ndash|en dash|–", _sign("–")),
    ("snd|spnd|spndash|spaced ndash|spaced en dash|dash|sndash|spaced dash|tiret", _sign(" – ")),
    ("mdash|em dash|emdash|—", _sign("—")),
    ("spaced mdash|spaced em dash|snds|smd", _sign(" — ")),
    ("nbsp|space|spaces|thinsp|hair space|hairsp|thin space|spc|nnbsp|sp|esp|espace", _sign(" ")),
    ("zwj|zwnj|zwsp|shy|wbr|nowrap begin|nowrap end|noprint|(sic)", _sign("")),
    ("'|apostrophe", _sign("'")),
    ("' \"|'\"", _sign("'\"")),
    ("\" '|\"'", _sign("\"'")),
    ("=|equals", _sign("=")),
    ("!|pipe", _sign("|")),
    ("(|lbrace", _sign("{")),
    (")|rbrace", _sign("}")),
    ("·|middot|dot|dotsep|bold middot|•|bull|bullet|bold dot|punkt|punt|bolletje|midsize dot", _sign(" · ")),
    ("\\|spaced slash|/|fslash", _sign(" / ")),
    ("okina|hamza|`okina", _sign("ʻ")),
    ("ayin|ayn|hamzah", _sign("ʿ")),
    ("minus|−", _sign("−")),
    ("times", _sign("×")),
    ("hash|#", _sign("#")),
    ("flat|music flat", _sign("♭")),
    ("sharp|music sharp", _sign("♯")),
    ("euro|€", _sign("€")),
    ("ellipsis|...|...|…", _sign("…")),
    ("degree|deg sign", _sign("°")),
    ("prime|′", _sign("′")),
    ("rarr|→|arrow|smaller right arrow", _sign("→")),
    ("increase|decrease|steady|profit|loss|gain", _sign(REMOVED)),
    ("br|break|crlf", _sign("\x06")),
    ("pb|paragraph break|paragraph|parabr|ppp", _sign("\n\n")),
    # Quotations.
    ("quote|blockquote|cquote|quotation|bq|rquote|centered pull quote|pull quote|epigraph|zitat|"
     "citation bloc|début citation|citace|citát|citat|citat2|cita|cita2|citazione|citação|citat bloc|"
     "cytat|cytat2|цитата|цитата2|цитат|idézet|citáció|sitat|citaat|citaat-blok|oración|poem|poemquote|"
     "poème|poema|textquote|引用|quote frame|cyt|cita bloque|citationbloc|kwot", _block),
    # Quantities and numbers.
    ("convert|cvt", _converted),
    ("converted|conversie|convertir|converter|unità|unité|unidad|unite|unit|"
     "m|nbr|mesure|wartość|enhet|eenheid|jednotka|единица|quantité|unidade", _quantity),
    ("frac|sfrac|fraction|fract|fracțion|breuk|bruch|frac2|ułamek|дробь|fração|fracción|tfrac|sfracn|"
     "scrac", _fraction),
    ("val|měření|number with unit|vals", _value),
    ("e", lambda given: f"×10^{given[1]}" if given[1] else "e"),
    ("e notation|exp|esp10|10^|e-sp", _before("×10^")),
    ("sup|exp super|super|exposant|exp2|ex", _script("^")),
    ("sub|ind|indice", _script("_")),
    ("chem|chem2|chemf|cham|chemical formula|chimie", _chemical),
    ("sqrt|radic|√", _before("√")),
    ("abs|mabs", _around("|", "|")),
    ("angbr|angle bracket|grapheme|angbracket|⟨⟩", _around("⟨", "⟩")),
    ("ipaslink|ipalink slash", _around("/", "/")),
    ("ipablink", _around("[", "]")),
    ("ipalink", _at(1)),
    ("us$|usd|$", _before("$")),
    ("eur|€", _before("€")),
    ("gbp|£|ukp|pound sterling", _before("£")),
    ("inr|indian rupee|rupee", _before("₹")),
    ("jpy|yen|¥", _before("¥")),
    ("c.|circa|ca|ca.|environ", _before("c. ")),
    ("fl|fl.|floruit", _before("fl. ")),
    ("d.|died", _before("d. ")),
    ("born|b.", _before("b. ")),
    ("r.|reign", lambda given: f"r. {'–'.join(text for text in given.positional[:2] if text)}"),
    ("p.", _before("p. ")),
    ("pp.", _before("pp. ")),
    ("vol.", _before("vol. ")),
    ("no.|n°|numéro|nº", _before("no. ")),
    # Dates.
    ("as of|asof|as-of", _as_of),
    ("date|datum|data|dat|start date|end date|film date|дата|fecha",
     lambda given: " ".join(given.positional[:3]) or REMOVED),
    ("dts|date table sorting|dtsh|birth date|birth date and age|bda|start-date|death date|død|fødd", _date),
    ("year dash|dash year|year range|daterange|age range", _pair("–")),
    ("s|siècle", _century),
    ("siècles", lambda given: f"{given[1]}{given[2] or 'e'} siècle av. J.-C." if given[1] else REMOVED),
    ("siglo|secolo|segle|século", _joined(" ")),
    # Names.
    ("nihongo|nihongo4|日本語|nihongo core|nihongo title|japonais|japanese", _japanese),
    ("nihongo2|nihongo3|kanji|hani|hang|hangul|hanja|zh-hans|zh-hant", _at(1, 2)),
    ("korean|ko-hhrm", _at(1)),
    ("読み仮名|読み仮名 ruby不使用|yomigana|振り仮名",
     lambda given: f"{given[1]}（{given[2]}）" if given[2] else given[1]),
    ("ルビ|ruby|rubi|ruby-ja", _at(1)),
    ("ship|warship", _any_ship),
    ("sclass|sclass-|sclass2|sclass2-",
     lambda given: f"{given[1]}-class {given[2]}" if given[2] else given[1]),
    ("bibleref|bibleverse|bible verse|bibleref2|bibleverse-nb", _joined(" ")),
    ("music",
     lambda given: {"flat": "♭", "b": "♭", "sharp": "♯", "#": "♯", "natural": "♮"}.get(given[1], given[1])),
    ("railgauge|track gauge|rail gauge", _at(1)),
    ("isbn", _before("ISBN ")),
    ("issn", _before("ISSN ")),
    ("us patent", _before("U.S. Patent ")),
    ("url|website|uri", _at(2, 1)),
    ("mnm", _pair("-")),
    ("dim|dimension", _joined(" × ")),
    ("intorient|interp|editorial", _around("[", "]")),
    ("ill-wd|wdlink|wikidatalink", _at(2, 1)),
    ("verse|couplet", _block),
)  # fmt: skip

RENDER: dict[str, Render] = {}
for _names, _how in _TABLE:
    for _name in _names.split("|"):
        RENDER.setdefault(folded(_name), _how)
for _name in ("hms", "hmas", "hmcs", "uss", "ss", "sms", "rms", "mv", "ms", "usns", "uscgc", "hmnzs", "orp"):
    RENDER[_name] = _ship(_name.upper())
for _name in ("1er", "1re", "2e", "3e", "4e", "5e", "6e", "7e", "8e", "9e", "10e"):
    RENDER[_name] = _sign(_name)
for _name in ("Ier", "Ire", "IIe", "IIIe", "IVe", "Ve", "VIe", "VIIe", "VIIIe", "IXe", "Xe", "XIe", "XIIe",
              "XIIIe", "XIVe", "XVe", "XVIe", "XVIIe", "XVIIIe", "XIXe", "XXe", "XXIe"):  # fmt: skip
    RENDER[_name.lower()] = _sign(_name)
    RENDER[f"{_name.lower()} siècle"] = _sign(f"{_name} siècle")

# Families with the language in their names: `lang-de`, `link-en`.
_PREFIXES: Mapping[str, Render] = {
    "lang-": _at(1),
    "link-": _at(1),
    "script/": _at(1),
}
_STARTS = tuple(_PREFIXES)
