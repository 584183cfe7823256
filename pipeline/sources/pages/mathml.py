"""MathML to TeX on one line.

Where the author's TeX is kept beside it (`<annotation encoding="application/x-tex">`, `alttext`), that
is the answer; else the presentation is written anew: fractions, roots, indices, accents, tables,
Greek letters and operators by their names in LaTeX.
"""

import re
import unicodedata
from html import unescape

from lxml import etree

from pipeline.sources.pages.htmltags import bare_tex

_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|apos|#)\b)([A-Za-z][A-Za-z0-9]*);")
_PREFIX = re.compile(r"(</?)[A-Za-z][\w.-]*:(?=[A-Za-z])")
_ATTRIBUTE_PREFIX = re.compile(r"\s[\w.-]+:[\w.-]+=(?:\"[^\"<]*\"|'[^'<]*')")
_LONGEST = 1 << 18  # characters of one formula


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


# What a letter must not stand right behind: a command, or an index without braces.
_LETTER_END = re.compile(r"(?:\\[A-Za-z]+|[_^]\w)\Z")
_FUNCTIONS = _words(
    """
    Pr arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf
    limsup ln log max min sec sin sinh sup tan tanh
    """
)
_LIMITS = frozenset(("\\lim", "\\max", "\\min", "\\sup", "\\inf", "\\limsup", "\\liminf", "\\det", "\\gcd"))
_LARGE = frozenset("∑∏∐∫∬∭∮⋂⋃⋀⋁⨁⨂⨀")

_NAMES = _pairs(
    r"""
    ∑ sum  ∏ prod  ∐ coprod  ∫ int  ∬ iint  ∭ iiint  ∮ oint  ⋂ bigcap  ⋃ bigcup  ⋀ bigwedge
    ⋁ bigvee  ⨁ bigoplus  ⨂ bigotimes  ⨀ bigodot  ± pm  ∓ mp  × times  ÷ div  · cdot
    ⋅ cdot  ∗ ast  ⋆ star  ∘ circ  ∙ bullet  • bullet  ⊕ oplus  ⊖ ominus  ⊗ otimes
    ⊘ oslash  ⊙ odot  ∩ cap  ∪ cup  ⊎ uplus  ⊓ sqcap  ⊔ sqcup  ∧ wedge  ∨ vee  ∖ setminus
    ≤ leq  ≥ geq  ⩽ leqslant  ⩾ geqslant  ≪ ll  ≫ gg  ≠ neq  ≡ equiv  ≢ not\equiv  ≈ approx
    ≅ cong  ≃ simeq  ∼ sim  ≍ asymp  ∝ propto  ≐ doteq  ≔ coloneqq  ≜ triangleq  ≺ prec
    ≻ succ  ⪯ preceq  ⪰ succeq  ⊂ subset  ⊃ supset  ⊆ subseteq  ⊇ supseteq  ⊊ subsetneq
    ⊄ not\subset  ∈ in  ∉ notin  ∋ ni  ⊢ vdash  ⊣ dashv  ⊨ models  ⊩ Vdash  ⊥ perp
    ∥ parallel  ∤ nmid  ∣ mid  ⋈ bowtie  ⌢ frown  ⌣ smile  ← leftarrow  → rightarrow
    ↔ leftrightarrow  ⇐ Leftarrow  ⇒ Rightarrow  ⇔ Leftrightarrow  ↦ mapsto  ↑ uparrow
    ↓ downarrow  ⇑ Uparrow  ⇓ Downarrow  ⟶ longrightarrow  ⟵ longleftarrow  ⟹ Longrightarrow
    ⟸ Longleftarrow  ⟺ iff  ⟼ longmapsto  ↪ hookrightarrow  ↩ hookleftarrow
    ⇌ rightleftharpoons  ⇀ rightharpoonup  ↗ nearrow  ↘ searrow  ↙ swarrow  ↖ nwarrow
    ↠ twoheadrightarrow  ∀ forall  ∃ exists  ∄ nexists  ¬ neg  ⊤ top  ∅ emptyset  ∞ infty
    ∂ partial  ∇ nabla  ℏ hbar  ℓ ell  ℘ wp  ℜ Re  ℑ Im  ℵ aleph  ∠ angle  △ triangle
    □ square  ◻ square  ◊ diamond  ♯ sharp  ♭ flat  … ldots  ⋯ cdots  ⋮ vdots  ⋱ ddots
    † dagger  ‡ ddagger  ∴ therefore  ∵ because  ⟨ langle  ⟩ rangle  〈 langle  〉 rangle
    ⌊ lfloor  ⌋ rfloor  ⌈ lceil  ⌉ rceil  ‖ |  √ surd  ϵ epsilon  ε varepsilon  ϕ phi
    φ varphi  ϑ vartheta  ϖ varpi  ϱ varrho  ς varsigma  ϰ varkappa  ı imath  ȷ jmath
    """
)
_SIGNS = {
    **{sign: f"\\{name}" for sign, name in _NAMES.items()},
    **_pairs(
        r"""
        − -  – -  ′ '  ″ ''  ‴ '''  ∕ /  ⁄ /  ǀ |  ∶ :  { \{  } \}  % \%  # \#  & \&  $ \$  _ \_  \ \backslash
        ℝ \mathbb{R}  ℂ \mathbb{C}  ℕ \mathbb{N}  ℚ \mathbb{Q}  ℤ \mathbb{Z}  ℙ \mathbb{P}  ℍ \mathbb{H}
        """
    ),
    **dict.fromkeys("\u2061\u2062\u2063\u2064\u200b", ""),
    "\u00a0": " ",
}
_SPACED = frozenset("=<>≤≥⩽⩾≪≫≠≡≢≈≅≃∼∝≔≜⊂⊃⊆⊇∈∉→⇒⇔←↔↦⟶⟹⟺:∶≺≻+−-±∓×∪∩∧∨")
_OVER = _pairs(
    r"""
    ¯ bar  ‾ overline  ˉ bar  _ overline  ^ hat  ˆ hat  ~ tilde  ˜ tilde  → vec  ⃗ vec
    ⇀ vec  ˙ dot  . dot  ¨ ddot  ⏞ overbrace  ︷ overbrace  ˇ check  ˘ breve  ´ acute
    ` grave  ⏜ overparen  ↔ overleftrightarrow
    """
)
_UNDER = _pairs(
    r"""
    _ underline  ¯ underline  ‾ underline  ̲ underline  ⏟ underbrace  ︸ underbrace
    """
)
# Words in the Unicode name of a mathematical letter, and its alphabet in LaTeX; the first that is there.
_ALPHABETS = (
    ("DOUBLE-STRUCK", "mathbb"),
    ("FRAKTUR", "mathfrak"),
    ("BLACK-LETTER", "mathfrak"),
    ("SCRIPT", "mathcal"),
    ("SANS-SERIF", "mathsf"),
    ("MONOSPACE", "mathtt"),
    ("BOLD", "mathbf"),
)
_VARIANTS = {
    "double-struck": "mathbb", "bold": "mathbf", "fraktur": "mathfrak", "script": "mathcal",
    "sans-serif": "mathsf", "monospace": "mathtt", "bold-italic": "boldsymbol",
}  # fmt: skip
_DROPPED = frozenset(
    ("mphantom", "annotation", "annotation-xml", "maligngroup", "malignmark", "mglyph", "none")
)


def to_tex(element: str) -> str:
    """The TeX of a `<math>` element as it stands in a page, without dollar signs; "" for none.

    Never raises, whatever stands there; time is linear in its length.
    """
    element = _PREFIX.sub(r"\1", element[:_LONGEST])
    element = _ATTRIBUTE_PREFIX.sub("", element)
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(_ENTITY.sub(_character, element).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return ""
    if root is None:
        return ""
    for annotation in root.iter("{*}annotation"):
        if (
            "tex" in (annotation.get("encoding") or "").lower()
            and annotation.text
            and annotation.text.strip()
        ):
            return _flat(bare_tex(annotation.text))
    stated = root.get("alttext") or root.get("data-latex")
    if stated and stated.strip():
        return _flat(bare_tex(stated))
    return _flat(_of(root))


def _character(found: re.Match[str]) -> str:
    character = unescape(found[0])
    return "" if character == found[0] else character.replace("<", "&lt;").replace("&", "&amp;")


def _flat(tex: str) -> str:
    return " ".join(tex.split())


def _name(node: etree._Element) -> str:
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""


def _children(node: etree._Element) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str)]


def _of(node: etree._Element) -> str:
    name = _name(node)
    if name in _DROPPED or not name:
        return ""
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        return _token(name, "".join(node.itertext()), node.get("mathvariant") or "")
    if name == "mspace":
        return " "
    write = _LAYOUT.get(name)
    children = _children(node)
    if write is None:
        text = _signs(node.text.strip()) if node.text and not children else ""
        return text or _joined([_of(child) for child in children])
    return write(node, children)


def _token(name: str, text: str, variant: str) -> str:
    text = text.strip(" \t\r\n")
    if name in ("mtext", "ms"):
        text = text.replace("\u00a0", " ")
        return f"\\text{{{text}}}" if text.strip() else " "
    if name == "mo":
        sign = _signs(text)
        if len(text) > 1 and text.isalpha():
            return f"\\{text}" if text in _FUNCTIONS else f"\\operatorname{{{sign}}}"
        return f" {sign} " if text in _SPACED else sign
    if len(text) > 1 and text.isalpha() and name == "mi" and all(sign not in _SIGNS for sign in text):
        if text in _FUNCTIONS:
            return f"\\{text}"
        if text.isascii():
            return f"\\mathrm{{{text}}}"
    sign = _signs(text)
    command = _VARIANTS.get(variant)
    return f"\\{command}{{{sign}}}" if command and sign else sign


def _signs(text: str) -> str:
    return _joined([_sign(each) for each in text])


def _sign(sign: str) -> str:
    known = _SIGNS.get(sign)
    if known is not None or sign.isascii():
        return sign if known is None else known
    code = ord(sign)
    if 0x391 <= code <= 0x3C9:
        name = unicodedata.name(sign, "").rpartition(" ")[2].lower().replace("lamda", "lambda")
        if name == "omicron" or (sign.isupper() and name in _ROMAN):
            return _ROMAN.get(name, "o") if sign.isupper() else "o"
        return f"\\{name.capitalize() if sign.isupper() else name}" if name else sign
    if 0x1D400 <= code <= 0x1D7FF or 0x2100 <= code <= 0x214F:
        plain = unicodedata.normalize("NFKC", sign)
        if plain == sign or len(plain) != 1:
            return sign
        name = unicodedata.name(sign, "")
        command = next((command for word, command in _ALPHABETS if word in name), "")
        inner = _sign(plain)
        return f"\\{command}{{{inner}}}" if command else inner
    return sign


# Greek capitals that look like Roman ones have no name in LaTeX.
_ROMAN = {
    **_pairs("alpha A beta B epsilon E zeta Z eta H iota I kappa K mu M nu N"),
    **_pairs("omicron O rho P tau T chi X"),
}


def _joined(parts: list[str]) -> str:
    out: list[str] = []
    for part in parts:
        if part and out and part[0].isalpha() and _LETTER_END.search(out[-1]):
            out.append(" ")
        if part:
            out.append(part)
    return "".join(out)


def _group(node: etree._Element) -> str:
    return _of(node).strip()


def _argument(children: list[etree._Element], at: int) -> str:
    return _group(children[at]) if at < len(children) else ""


def _script(mark: str, tex: str) -> str:
    """An index or exponent; a prime stands as it is."""
    if not tex or (mark == "^" and set(tex) == {"'"}):
        return tex
    return f"{mark}{tex}" if len(tex) == 1 else f"{mark}{{{tex}}}"


def _based(tex: str) -> str:
    """What an index can be put behind."""
    plain = len(tex) <= 1 or re.fullmatch(r"\\[A-Za-z]+|\\[A-Za-z]+\{[^{}]*\}|[\w.]+|[)\]|]|\\[}|]", tex)
    return tex if plain and tex else f"{{{tex}}}"


def _indexed(node: etree._Element, children: list[etree._Element]) -> str:
    name = _name(node)
    base = _based(_argument(children, 0))
    if name == "msup":
        return base + _script("^", _argument(children, 1))
    if name == "msub":
        return base + _script("_", _argument(children, 1))
    return base + _script("_", _argument(children, 1)) + _script("^", _argument(children, 2))


def _stacked(node: etree._Element, children: list[etree._Element]) -> str:
    name = _name(node)
    base = _argument(children, 0)
    shown = "".join(children[0].itertext()).strip() if children else ""
    if name == "munderover":
        return _based(base) + _script("_", _argument(children, 1)) + _script("^", _argument(children, 2))
    other = "".join(children[1].itertext()).strip() if len(children) > 1 else ""
    tex = _argument(children, 1)
    if shown in _LARGE or base in _LIMITS or base.startswith("\\operatorname"):
        return _based(base) + _script("_" if name == "munder" else "^", tex)
    accent = (_UNDER if name == "munder" else _OVER).get(other)
    if accent:
        wide = {"bar": "overline", "hat": "widehat", "tilde": "widetilde", "vec": "overrightarrow"}
        return f"\\{wide.get(accent, accent) if len(shown) > 1 else accent}{{{base}}}"
    if base.startswith(("\\overbrace", "\\underbrace")):
        return base + _script("_" if name == "munder" else "^", tex)
    return f"\\{'underset' if name == 'munder' else 'overset'}{{{tex}}}{{{base}}}"


def _fraction(node: etree._Element, children: list[etree._Element]) -> str:
    above, below = _argument(children, 0), _argument(children, 1)
    if re.match(r"0(?:\.0*)?(?:[a-z]|\Z)", node.get("linethickness") or "1"):
        return f"{{{above} \\atop {below}}}"
    return f"\\frac{{{above}}}{{{below}}}"


def _root(node: etree._Element, children: list[etree._Element]) -> str:
    if _name(node) == "msqrt":
        return f"\\sqrt{{{_joined([_of(child) for child in children]).strip()}}}"
    return f"\\sqrt[{_argument(children, 1)}]{{{_argument(children, 0)}}}"


def _fenced(node: etree._Element, children: list[etree._Element]) -> str:
    signs = node.get("separators", ",").replace(" ", "")
    parts = []
    for at, child in enumerate(children):
        if at and signs:
            parts.append(f"{_signs(signs[min(at, len(signs)) - 1])} ")
        parts.append(_of(child))
    opening, closing = node.get("open", "("), node.get("close", ")")
    return _joined([_signs(opening), *parts, _signs(closing)])


def _table(node: etree._Element, children: list[etree._Element]) -> str:
    rows = []
    for row in children:
        cells = _children(row)
        if _name(row) == "mlabeledtr":
            cells = cells[1:]
        rows.append(" & ".join(_group(cell) for cell in cells))
    del node
    return "\\begin{matrix} " + " \\\\ ".join(rows) + " \\end{matrix}"


def _scripts_around(node: etree._Element, children: list[etree._Element]) -> str:
    """`<mmultiscripts>`: base, pairs of index and exponent, and behind `<mprescripts>` those before it."""
    del node
    base = _based(_argument(children, 0))
    before: list[str] = []
    after: list[str] = []
    into = after
    pending: list[str] = []
    for child in children[1:]:
        if _name(child) == "mprescripts":
            into, pending = before, []
            continue
        pending.append(_group(child))
        if len(pending) == 2:
            into.append(_script("_", pending[0]) + _script("^", pending[1]))
            pending = []
    return ("{}" + "".join(before) if before else "") + base + "".join(after)


def _first(node: etree._Element, children: list[etree._Element]) -> str:
    del node
    return _of(children[0]) if children else ""


_LAYOUT = {
    **dict.fromkeys(("msup", "msub", "msubsup"), _indexed),
    **dict.fromkeys(("munder", "mover", "munderover"), _stacked),
    **dict.fromkeys(("msqrt", "mroot"), _root),
    "mfrac": _fraction,
    "mfenced": _fenced,
    "mtable": _table,
    "mmultiscripts": _scripts_around,
    "semantics": _first,
    "maction": _first,
}
