"""Formulas that MathJax 3 and 4 have drawn (`<mjx-container jax="CHTML">`) and left no MathML of: to MathML.

The drawing keeps the tree of the formula under MathML's names (`<mjx-msub>`), between elements that only
place things, and each sign as the number of its character in a class: `mjx-c1D465`.
"""

import re
from collections.abc import Iterator
from html import escape

from lxml import etree

_SIGN = re.compile(r"(?:^|\s)mjx-c([0-9A-F]{2,6})(?=\s|$)")
_TOKENS = frozenset(("mi", "mn", "mo", "mtext", "ms"))
_NOTHING = frozenset(
    ("nstrut", "dstrut", "tstrut", "strut", "line", "surd", "spacer", "assistive-mml", "mphantom", "labels",
     "speech", "break", "nbox")
)  # fmt: skip


def to_mathml(element: str) -> str:
    """A `<math>` element for the first `<mjx-math>` in `element`; "" where there is none with signs."""
    start = element.find("<mjx-math")
    end = element.find("</mjx-math>", start)
    if start < 0 or end < 0:
        return ""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(element[start : end + 11].encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return ""
    if root is None or not any(_signs(root)):
        return ""
    return f"<math>{_all(root)}</math>"


def _name(node: etree._Element) -> str:
    return node.tag.removeprefix("mjx-") if isinstance(node.tag, str) else ""


def _signs(node: etree._Element) -> Iterator[str]:
    """The signs of a token: a stretched one is put together of pieces, and named above them."""
    for each in node:
        found = _SIGN.search(each.get("class") or "")
        if found and (code := int(found[1], 16)) < 0x110000 and not 0xD800 <= code < 0xE000:
            yield chr(code)
        elif _name(each) in ("c", "utext"):
            yield each.text or ""
        else:
            yield from _signs(each)


def _first(node: etree._Element, name: str) -> str:
    """What the first `<mjx-name>` below `node` holds, as one MathML element."""
    found = next(node.iter(f"mjx-{name}"), None)
    return "<mrow/>" if found is None else f"<mrow>{_all(found)}</mrow>"


def _all(node: etree._Element) -> str:
    return "".join(_of(child) for child in node)


def _of(node: etree._Element) -> str:
    name = _name(node)
    if not name or name in _NOTHING:
        return ""
    if name in _TOKENS:
        return f"<{name}>{escape(''.join(_signs(node)))}</{name}>"
    if name == "mspace":
        return "<mspace/>"
    if name in ("msub", "msup", "msubsup"):
        return _indexed(node, name)
    if name == "mfrac":
        return f"<mfrac>{_first(node, 'num')}{_first(node, 'den')}</mfrac>"
    if name == "msqrt":
        return f"<msqrt>{_first(node, 'box')}</msqrt>"
    if name == "mroot":
        return f"<mroot>{_first(node, 'box')}{_first(node, 'root')}</mroot>"
    if name in ("munder", "mover", "munderover"):
        parts = ["base", *(part for part in ("under", "over") if part in name)]
        return f"<{name}>{''.join(_first(node, part) for part in parts)}</{name}>"
    if name in ("mtable", "mtr", "mtd"):
        return f"<{name}>{_all(node)}</{name}>"
    # Rows and cells stand right in their table, whatever places them.
    return _all(node) if name in ("table", "itable") else f"<mrow>{_all(node)}</mrow>"


def _indexed(node: etree._Element, name: str) -> str:
    children = [child for child in node if _name(child)]
    base = _of(children[0]) if children else ""
    scripts = [_of(each) for child in children[1:] for each in child if _name(each) not in _NOTHING]
    if name == "msubsup" and len(scripts) == 2:
        scripts.reverse()  # drawn from above
    elif name != "msubsup":
        scripts = [f"<mrow>{''.join(scripts)}</mrow>"]
    return f"<{name}>{base or '<mrow/>'}{''.join(scripts)}</{name}>"
