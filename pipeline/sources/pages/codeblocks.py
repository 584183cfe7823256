"""Code blocks of a page, written such that extractors of main text leave their white space alone.

Line breaks, indentation and the ends of a block become letters of scripts that no page is written in;
`restored` makes white space of them again in what the extractor gives, with a fence of three backticks
before and behind what is code, and none around other preformatted text. The numbers of lines go.
"""

import re
from html import escape

from pipeline.sources.pages.htmltags import decoded

_TAG = re.compile(r"""</?([A-Za-z][A-Za-z0-9-]*+)(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>|<![^<>]*+>""")
_BLOCKS = re.compile(
    r"<(?:p|table|tr|h[1-6]|ul|ol|dl|article|section|nav|form|blockquote|header|footer|main|aside)[\s>]",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"<(span|td|div|a)\b[^<>]{0,200}?\bclass=[\"']?[^\"'<>]{0,200}?(?<![\w-])"
    r"(?:ln|lnt|lineno|linenos|line-?numbers?|linenumber|hljs-ln-numbers|gutter)(?![\w-])[^<>]{0,400}>[^<]*+</\1>",
    re.IGNORECASE,
)
# One of these stands in what `_NUMBERS` takes out.
_NUMBER_SIGNS = ('ln"', "ln'", "ln ", "ln>", "lnt", "lineno", "line-number", "linenumber", "gutter", "ln-num")
_LANGUAGE = re.compile(
    r"(?:\blang(?:uage)?-|\bhighlight-source-|\bbrush:\s*|\bsourceCode\s+|\bdata-lang(?:uage)?=[\"']?|\slanguage=[\"']?)"
    r"([A-Za-z0-9+#.-]{1,20})"
)
_NO_LANGUAGE = frozenset(("none", "default", "text", "plain", "plaintext", "nohighlight", "txt"))
_CODE_CLASS = re.compile(
    r"\b(?:highlight|hljs|prettyprint|prism|shiki|sourcecode|codehilite|brush|programlisting|synopsis|code|lang-|language-)",
    re.IGNORECASE,
)
_CODE_AROUND = re.compile(
    r"class=[\"'][^\"']*(?:highlight|codehilite|sourcecode|code-?block|codebox)", re.IGNORECASE
)
_CODE_LINE = re.compile(
    r"[;{}]\s*$|^\s*(?:\$|>>>|#!|#include|//|/\*|import |from \S+ import |def |class |function |return\b"
    r"|if \(|for \(|public |private |var |let |const |<[/!?a-zA-Z]|sudo |npm |pip |git |SELECT "
    r"|@\w)|\w\([^)]{0,80}\)\s*;?$|\s[=!<>]=\s|->|=>|\w=\S"
)
_FURNITURE = re.compile(r"<(style|script|button|svg)\b[^<>]*>.{0,4000}?</\1\s*>", re.IGNORECASE | re.DOTALL)
_LINE_ENDS = re.compile(r"\n?(?:</(?:div|li|p)>)+\n?", re.IGNORECASE)
_LINE_NUMBERS = re.compile(r"[\s\d.:|]+\Z")
_GUTTER = re.compile(r"gutter|line-?n(?:o|um)", re.IGNORECASE)
_UNSELECTED = re.compile(
    r"<(span|a)\b[^<>]{0,200}?\bstyle=[\"'][^\"'<>]{0,300}?user-select:\s?none[^<>]{0,300}>[^<]*+</\1>",
    re.IGNORECASE,
)
# Left to the extractor, which leaves it out.
_HIDDEN = re.compile(
    r"(?<![\w-])hidden(?![\w-])(?!\s*[:=]\s*[\"']?(?:false|until))|display:\s?none", re.IGNORECASE
)
_SPACES = re.compile(r"^ | {2,}")
_BACKTICKS = re.compile(r"`{3,}")

# Sets of letters of dead scripts: a line break, a space, a tab, and where code begins and ends.
_LETTERS = ("𒀀𒀁𒀂𒀃𒀄", "𐎀𐎁𐎂𐎃𐎄", "𓀀𓀁𓀂𓀃𓀄", "𐘀𐘁𐘂𐘃𐘄")

Letters = str
"""The letters that stand for white space and fences in a page; "" where there are none."""


def letters_for(page: str) -> Letters:
    """Letters that are not in the page."""
    return next((each for each in _LETTERS if not any(letter in page for letter in each)), "")


def lettered(name: str, attributes: str, content: str, before: str, letters: Letters) -> str | None:
    """A `<pre>` or `<code>` with its white space in letters; None to leave it as it is, "" for line numbers.

    before   the tags right before it, which may say what is in it
    """
    if not letters or _HIDDEN.search(attributes) or _BLOCKS.search(content):
        return None
    text = _preformatted(content)
    if not text.strip() or (_LINE_NUMBERS.match(text) and ("\n" in text.strip() or _GUTTER.search(before))):
        return "" if content.strip() else None
    told = (
        attributes + " " + content[: content.find(">") + 1]
        if content.lstrip().startswith("<")
        else attributes
    )
    is_code = (
        name == "code"
        or "<code" in content.lower()
        or bool(_CODE_CLASS.search(told))
        or bool(_CODE_AROUND.search(before))
        or _looks_like_code(text)
    )
    line, space, tab, begin, end = tuple(letters)
    lines = []
    for each in text.strip("\n").split("\n"):
        each = each.rstrip()
        if each.startswith(" ") or "  " in each:
            each = _SPACES.sub(lambda run: space * len(run[0]), each)
        each = each.replace("\t", tab)
        lines.append(escape(each, quote=False))
    body = f"{line}\n".join(lines)
    if not is_code:
        return f"<pre{attributes}>{body}</pre>"
    if "\n" not in body and name == "pre" and "<code" not in content.lower() and not _CODE_CLASS.search(told):
        return None
    language = _LANGUAGE.search(told) or _LANGUAGE.search(before)
    named = language[1].lower() if language else ""
    named = "" if named in _NO_LANGUAGE else named
    inner = f"<code>{begin}{named}{line}\n{body}{line}\n{end}</code>"
    return inner if name == "code" else f"<pre>{inner}</pre>"


def restored(text: str, letters: Letters) -> str:
    """Text out of an extractor, with the line breaks, indentation and fences of its code."""
    if not letters or not any(letter in text for letter in letters):
        return text
    line, space, tab, begin, end = tuple(letters)

    def spaced(coded: str) -> str:
        first, *others = coded.split(line)
        lines = [first, *(each.lstrip(" ").removeprefix("\n") for each in others)]
        lines[:-1] = [each.rstrip(" ") for each in lines[:-1]]
        return "\n".join(lines).replace(space, " ").replace(tab, "\t")

    if "|" in text:
        # Of a table for the layout of a code block the bars go.
        bars = rf"^ *\|[ |]*\n?(?= *{begin})|(?<={end}) *\|[ |]*$|(?<={end}\n)\|[ |]*$"
        text = re.sub(bars, "", text, flags=re.MULTILINE)
    parts = []
    done = 0
    for found in re.finditer(f"{begin}([^{begin}{end}]*){end} *(\n*)", text):
        before = text[done : found.start()]
        above = before.rstrip("\n")
        language, _, code = found[1].partition(line)
        body = spaced(code.lstrip(" \n")).strip("\n")
        marks = "`" * max([3, *(len(run) + 1 for run in _BACKTICKS.findall(body))])
        breaks = before[len(above) :] or "\n"
        parts += [
            above.rstrip(" "),
            f"{breaks}{marks}{language.strip()}\n{body}\n{marks}{found[2] or chr(10)}",
        ]
        done = found.end()
    text = "".join((*parts, text[done:]))
    # What is left is preformatted prose, and code of which the extractor has cut off an end.
    if begin in text or end in text:
        text = re.sub(f"{begin}[^\n{line}]*(?:{line}\n?)?|{end}", "", text)
    return spaced(text).strip("\n")


def _preformatted(content: str) -> str:
    """The text of a `<pre>`: tags gone, line breaks of `<br>` and of lines in blocks kept."""
    if "\r" in content:
        content = content.replace("\r\n", "\n").replace("\r", "\n")
    if "<" in content:
        low = content.lower()
        if any(sign in low for sign in _NUMBER_SIGNS):
            content = _NUMBERS.sub("", content)
    if "user-select" in content:  # numbers and prompts that are not to be copied with the code
        content = _UNSELECTED.sub("", content)
    if "<" in content:
        low = content.lower()
        if any(sign in low for sign in ("<style", "<script", "<button", "<svg")):
            content = _FURNITURE.sub("", content)
        if "</div" in low or "</li" in low or "</p" in low:
            content = _LINE_ENDS.sub("\n", content)
        content = _TAG.sub(_break, content)
    text = decoded(content).replace("\u00a0", " ").replace("\x00", "")
    return text.expandtabs(8) if "\t" in text and " \t" in text else text


def _break(tag: re.Match[str]) -> str:
    return "\n" if (tag[1] or "").lower() == "br" else ""


def _looks_like_code(text: str) -> bool:
    """Whether most lines of a preformatted text are more like code than like prose."""
    lines = [line for line in text.split("\n")[:200] if line.strip()]
    like = sum(1 for line in lines if _CODE_LINE.search(line[:400]))
    return like * 2 >= len(lines)
