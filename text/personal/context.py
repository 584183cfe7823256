"""The words before a number: what tells a telephone number from a part number.

A number without a form of its own (ten digits, or a checksum that one in ten numbers passes) counts
as personal data only where one of the few words before it says so. Words are compared without
case; of scripts without spaces, pairs of characters.
"""

import numpy as np
from numpy.typing import NDArray

from text.jit import kernel
from text.personal.bytes import ALNUM, KINDS, lowered
from text.strings import Bytes

# telephone, card, some other kind of number, a part of a work; the words stand on another line
PHONE, CARD, OTHER, VERSION, ABOVE = 1, 2, 4, 8, 16
# A country's number of persons.
US, GB, NL, PL, DE, SE, PT, BR, CL, IN, TR, JP, ZA, AT, RO, BG, HR, EE, CA, AU, IL, IE, TW, NO, BE, FR = (
    1 << (8 + place) for place in range(26)
)

WORDS_BACK = 3
BYTES_BACK = 64

_WORDS: dict[int, str] = {
    PHONE: "phone phones telephone telephones tel tele ph phn call calls calling mobile cell cellphone "
    "cellular fax faxes telefax whatsapp sms hotline helpline desk office answering landline dial "
    "toll-free tollfree tlf tfn tfno tél téléphone telephon télécopie portable téléfax teléfono "
    "telefono teléfonos telefone telefones celular móvil movil telemóvel telefon telefonnummer "
    "handy mobil mobiltelefon rufnummer telefoon mobiel tlfn telefoni puhelin puh matkapuhelin gsm "
    "cellulare cel telefonu telefonní komórka kom telefoane telefonszám tel/fax phone/fax contact "
    "telp hp telepon điện thoại sđt тел телефон телефоны телефона телефону моб мобильный факс "
    "звоните τηλ τηλέφωνο κιν هاتف تلفون جوال موبايل تلفن موبایل טלפון טל נייד फोन मोबाइल โทร "
    "โทรศัพท์",
    CARD: "card cards visa mastercard amex discover maestro cc pan credit debit creditcard karte "
    "kreditkarte carte tarjeta cartão carta kreditkort kaart",
    OTHER: "isbn issn doi ean upc gtin asin sku pmid pmcid orcid isni oclc lccn patent order invoice "
    "tracking item part model serial ref reference ticket article version build bug id pp pages vol "
    "volume",
    VERSION: "version versions ver v release releases released build firmware section sections sec chapter "
    "kernel driver update patch rev revision jdk sdk python package clause paragraph para article "
    "rule figure fig table standard iso § firefox thunderbird seamonkey chrome chromium safari "
    "opera edge explorer mozilla flash player winrar windows office android ios macos sp",
    US: "ssn ssns ssan social",
    GB: "nhs",
    NL: "bsn burgerservicenummer sofinummer sofi",
    PL: "pesel",
    DE: "steuer-id steuerid steueridentifikationsnummer identifikationsnummer steuernummer idnr steuer",
    SE: "personnummer personnr samordningsnummer",
    PT: "nif contribuinte nipc",
    BR: "cpf",
    CL: "rut",
    IN: "aadhaar aadhar adhaar uidai uid आधार",
    TR: "tckn tc kimlik",
    JP: "mynumber マイナンバー",
    ZA: "id identity rsa",
    AT: "svnr sozialversicherungsnummer svr sv-nummer versicherungsnummer",
    RO: "cnp",
    BG: "егн egn",
    HR: "oib",
    EE: "isikukood asmens kodas",
    CA: "sin nas",
    AU: "tfn",
    IL: "תז teudat zehut ת״ז",
    IE: "pps ppsn",
    NO: "fødselsnummer fødselsnr personnummer fnr",
    BE: "rijksregisternummer rijksregister insz niss nn registre",
    FR: "nir insee sécu sociale",
}
# Pairs of characters of scripts without spaces.
_PAIRS: dict[int, str] = {
    PHONE: "电话 電話 手机 手機 传真 傳真 热线 熱線 联系 聯絡 携帯 微信 전화 연락 휴대 팩스",
    CARD: "卡号 卡號 银行 銀行 카드",
    JP: "マイ 個人",
    TW: "身分 身份 統一",
}

_SEED = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_SLOTS = 2048


def _hash(word: bytes) -> int:
    value = _SEED
    for byte in word:
        value = (value ^ byte) * _PRIME & (1 << 64) - 1
    return value


def _table() -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Open addressing: hashes of the words, and what they say."""
    said: dict[int, int] = {}
    for words in (_WORDS, _PAIRS):
        for bits, listing in words.items():
            for word in listing.split():
                for part in {word, word.capitalize(), word.upper()}:
                    key = _hash(part.encode().lower())  # bytes: ASCII alone, as `lowered` does
                    said[key] = said.get(key, 0) | bits
    keys = np.zeros(_SLOTS, np.uint64)
    values = np.zeros(_SLOTS, np.int64)
    for key, bits in said.items():
        slot = key % _SLOTS
        while keys[slot]:
            slot = (slot + 1) % _SLOTS
        keys[slot], values[slot] = key, bits
    return keys, values


_KEYS, _VALUES = _table()
_SEED64, _PRIME64, _MASK64 = np.uint64(_SEED), np.uint64(_PRIME), np.uint64(_SLOTS - 1)


@kernel
def _says(data: Bytes, start: int, end: int) -> int:
    """What the word of these bytes says: bits, 0 for nothing."""
    value = _SEED64
    for at in range(start, end):
        value = (value ^ np.uint64(lowered(data[at]))) * _PRIME64
    slot = value & _MASK64
    while _KEYS[slot]:
        if _KEYS[slot] == value:
            return int(_VALUES[slot])
        slot = (slot + np.uint64(1)) & _MASK64
    return 0


@kernel
def _gap_before(data: Bytes, floor: int, at: int) -> int:
    """Bytes of the character before `at` if it belongs to no word, else 0."""
    byte = data[at - 1]
    if byte < 0x80:
        return 0 if KINDS[byte] & ALNUM else 1
    if at - 2 >= floor and data[at - 2] == 0xC2:
        return 2
    if at - 3 >= floor:
        lead, middle = data[at - 3], data[at - 2]
        if lead == 0xE2 or (lead == 0xE3 and middle == 0x80) or (lead == 0xEF and middle >= 0xBC):
            return 3
    return 0


@kernel
def said_before(data: Bytes, floor: int, at: int) -> int:
    """What the last words before `at` say of the number there: PHONE, CARD, … or-ed."""
    bits = words = breaks = 0
    lowest = max(floor, at - BYTES_BACK)
    while words < WORDS_BACK and at > lowest:
        gap = 0
        while at > lowest and gap < 8:
            width = _gap_before(data, lowest, at)
            if not width:
                break
            breaks += data[at - 1] == 0x0A
            at -= width
            gap += 1
        if breaks > 2 or gap == 8:
            break
        end = at
        while at > lowest and not _gap_before(data, lowest, at):
            at -= 1
        if at == end:
            break
        bits |= _says(data, at, end)
        if data[end - 1] >= 0x80:
            # The last pairs of three-byte characters.
            for back in range(end - 6, max(at, end - 24) - 1, -3):
                bits |= _says(data, back, back + 6)
        words += 1
    return bits | ABOVE if breaks else bits


@kernel
def said_after(data: Bytes, at: int, end: int) -> int:
    """What the next word behind a number says: `555 0199 (fax)`."""
    start = at
    while start < end and start - at < 3 and data[start] < 0x80 and not KINDS[data[start]] & ALNUM:
        if data[start] == 0x0A:
            return 0
        start += 1
    stop = start
    while stop < end and stop - start < 12 and KINDS[data[stop]] & ALNUM:
        stop += 1
    return _says(data, start, stop) if stop > start else 0
