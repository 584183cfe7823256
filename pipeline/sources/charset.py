"""From bytes to text: which character encoding a page or file is in, and its characters.

The order is the HTML standard's (byte order mark, HTTP header, `<meta>`, guess) but for two facts
of crawls: bytes that are valid UTF-8 are UTF-8 whatever was declared, and a declared encoding in
which the bytes make no sense is not the one.
"""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# Encodings of the web are supersets of what their names say; Python's codec for each.
_SUPERSETS = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
}

_PRESCAN_BYTES = 1024  # as the HTML standard has it
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_META = re.compile(rb"<meta[\s/][^>]*>", re.IGNORECASE)
_META_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']", re.IGNORECASE)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)

_MAX_REPLACED = 0.02  # of the characters outside ASCII: above, the declared encoding is not believed


def of_content_type(content_type: str) -> str | None:
    """The charset that a Content-Type field names, as it stands there."""
    found = _HEADER_CHARSET.search(content_type)
    return found.group(1) if found else None


def of_meta(data: bytes) -> str | None:
    """The charset that a page's first 1,024 bytes name in `<meta>` or `<?xml`, comments left out."""
    head = data[:_PRESCAN_BYTES]
    declared = _XML_ENCODING.match(head)
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        found = _META_CHARSET.search(meta.group())
        if found:
            declared = found
            break
    return declared.group(1).decode("ascii", "replace") if declared else None


def codec_of(label: str | None) -> str | None:
    """Python's codec for an encoding label of the web; None for a label that means nothing."""
    if not label:
        return None
    name = map_encoding_to_html5(label.strip(" \t\r\n\"'"), fallback_utf8=False)
    if name is None:
        return None
    name = _SUPERSETS.get(name, name)
    try:
        codecs.lookup(name)
    except LookupError:
        return None
    return name


def decode(data: bytes, declared: str | None = None, html: bool = True) -> str:
    """The characters of `data`; what cannot be decoded becomes U+FFFD. Never raises.

    declared   the label that came with the bytes (HTTP header); `html` looks for `<meta>` too
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for start, encoding in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if data.startswith(start):
            return data.decode(encoding, "replace")
    labels = (declared, of_meta(data)) if html else (declared,)
    named = next((codec for label in labels if (codec := codec_of(label))), None)
    if named is not None and named.startswith("utf-16"):
        # A page that can be searched for `<meta>`, and one without NUL bytes, is not UTF-16.
        named = named if b"\0" in data[:_PRESCAN_BYTES] else "utf-8"
    if named != "iso2022_jp" and not (named or "").startswith("utf-16"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    text = None if named is None else data.decode(named, "replace")
    if text is not None and _makes_sense(text):
        return text
    guessed = codec_of(detect_encoding(data))
    if guessed is None or guessed == named:
        return data.decode(guessed or "utf-8", "replace")
    other = data.decode(guessed, "replace")
    if text is None or other.count("\ufffd") < text.count("\ufffd"):
        return other
    return text


def well_formed(text: str) -> str:
    """`text` with U+FFFD for each half of a surrogate pair that stands alone: it has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _makes_sense(text: str) -> bool:
    replaced = text.count("\ufffd")
    return replaced == 0 or replaced <= _MAX_REPLACED * (len(text) - len(text.encode("ascii", "ignore")))
