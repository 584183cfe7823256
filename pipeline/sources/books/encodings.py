"""Which character set a plain text of Project Gutenberg is in, and its characters.

Files are UTF-8, Latin-1 (often Windows-1252 in truth), plain ASCII, and among the old ones DOS code
pages and MacRoman. The header's "Character set encoding" is believed where the characters it gives
make sense: letters where letters stand, quotation marks at the ends of words.
"""

import codecs
import re

from pipeline.sources import charset

_DECLARED = re.compile(rb"Character set encoding:[ \t]*([^\r\n]{1,60})", re.IGNORECASE)
_HEAD = 32768  # bytes of the file that are searched for the header

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What headers write, less punctuation, in lower case; Latin-1 is read as its superset, as browsers do.
_NAMES = {
    "ascii": "cp1252",
    "usascii": "cp1252",
    "iso646us": "cp1252",
    "latin1": "cp1252",
    "isolatin1": "cp1252",
    "iso88591": "cp1252",
    "windows1252": "cp1252",
    "codepage1252": "cp1252",
    "cp1252": "cp1252",
    "iso885915": "iso8859-15",
    "macroman": "mac_roman",
    "macintosh": "mac_roman",
    "mac": "mac_roman",
    "ibm437": "cp437",
    "cp437": "cp437",
    "codepage437": "cp437",
    "ibm850": "cp850",
    "cp850": "cp850",
    "codepage850": "cp850",
    "unicode": "utf-8",
    "utf8": "utf-8",
    "big5": "big5hkscs",
    "gb2312": "gb18030",
    "gb": "gb18030",
    "gbk": "gb18030",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "eucjp": "euc_jp",
}
_WESTERN = ("cp1252", "mac_roman", "cp437", "cp850")

_SAMPLE = 4000  # characters outside ASCII that are looked at
_SENSIBLE = 0.9  # share of them that must make sense for an encoding to be believed
_BROKEN = 0.01  # share of the non-ASCII characters of a declared UTF-8 file that may be broken

_LETTERS = "A-Za-zÀ-ÖØ-öø-ÿŒœŸŠšŽžĀ-ſ"
_OPENING = "“‘«„‚¿¡£$§†‡•¶©"
_CLOSING = "”’»ª°º²³¹…®™¢"
_EITHER = "—–·×±÷½¼¾€\u00a0´`µæÆ"


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file, its line ends as `\\n`, and the name of its character set.

    The name is one of Python's, `us-ascii` where every byte is ASCII. Never raises: what cannot be
    decoded becomes U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lines(data[len(mark) :].decode(encoding, "replace")), encoding
    if data.isascii():
        return _lines(data.decode("ascii")), "us-ascii"
    try:
        return _lines(data.decode("utf-8")), "utf-8"
    except UnicodeDecodeError:
        pass
    found = _DECLARED.search(data[:_HEAD])
    declared = _codec(found.group(1).decode("ascii", "replace")) if found else None
    if declared == "utf-8":
        text = data.decode("utf-8", "replace")
        odd = sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))
        if text.count("\ufffd") <= max(2, _BROKEN * odd):
            return _lines(text), "utf-8"
        declared = None
    tried = [name for name in dict.fromkeys((declared, *_WESTERN)) if name is not None]
    if declared is not None and declared not in _WESTERN:
        text = data.decode(declared, "replace")
        if text.count("\ufffd") <= _BROKEN * len(text):
            return _lines(text), declared
        tried.remove(declared)
    best, best_text, best_score = "", "", -1.0
    for name in tried:
        text = data.decode(name, "replace")
        score = _sense(text)
        if score > best_score:
            best, best_text, best_score = name, text, score
        if best_score >= _SENSIBLE:
            break
    if best_score < 0.5:  # no western text at all
        guessed = charset.decode(data, html=False)
        if guessed.count("\ufffd") <= _BROKEN * len(guessed):
            return _lines(guessed), "guessed"
    return _lines(best_text), best


def _codec(label: str) -> str | None:
    """Python's codec for what a header calls it; None where it means nothing."""
    name = re.sub(r"[^a-z0-9]", "", label.lower().split("(")[0].split(",")[0])
    if name in _NAMES:
        return _NAMES[name]
    try:
        return codecs.lookup(label.strip().split(" ")[0]).name
    except (LookupError, ValueError):
        return None


def _lines(text: str) -> str:
    """`text` with `\\n` at the ends of its lines, form feeds as line ends, without NUL and DOS's end mark."""
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if "\x0c" in text:
        text = text.replace("\x0c", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    return text.rstrip("\x1a").removeprefix("\ufeff")


_ODD = re.compile(r"[^\x00-\x7f]")


def _sense(text: str) -> float:
    """The share of characters outside ASCII that stand where such a character would, 0 to 1."""
    good = seen = 0
    for found in _ODD.finditer(text):
        at = found.start()
        seen += 1
        good += _fits(text[at - 1 : at] or " ", found.group(), text[at + 1 : at + 2] or " ")
        if seen == _SAMPLE:
            break
    return good / seen if seen else 1.0


def _fits(before: str, sign: str, after: str) -> bool:
    if sign == "\ufffd" or (not sign.isprintable() and sign != "\u00a0"):
        return False
    if sign in _EITHER:
        return True
    if sign in _OPENING:
        return not before.isalnum() or (after.isalnum() and sign in "“‘«„‚")
    if sign in _CLOSING:
        return not after.isalnum() or before.isalnum()
    if not sign.isalpha() or ord(sign) > 0x17F:
        return False
    if sign.isupper():  # within lower case, an upper case letter is another encoding's lower case one
        return not before.islower() and not (before.isascii() and before.isupper() and after.islower())
    return not (before.isupper() and after.isupper()) and (
        before.isalpha() or after.isalpha() or sign in "àéèêëïôóòìùåæø"
    )
