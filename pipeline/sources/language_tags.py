"""Languages as pages state them: `en-GB`, `deu`, `pt_BR`, `sr-Latn-RS` to `en`, `de`, `pt`, `sr`."""

import re

from text.language_codes import SHORTER

_TAG = re.compile(r"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9@.]{1,12}){0,6}\s*")
_NO_LANGUAGE = frozenset(("mul", "und", "zxx", "mis", "xx", "qaa", "xxx"))


def language_code(tag: str | None) -> str | None:
    """ISO 639-1 where there is one, else 639-3, of the one language that a tag names; None for none.

    tag   of BCP 47, as HTML's `lang` or HTTP's Content-Language has it, or nearly
    """
    found = _TAG.fullmatch(tag or "")
    if found is None:
        return None
    code = found.group(1).lower()
    return None if code in _NO_LANGUAGE else SHORTER.get(code, code)
