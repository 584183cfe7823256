"""Which script each letter belongs to: Unicode's property Script, by ISO 15924 code.

`unicodedata` lacks this property, so the table is written into this file, for letters alone (L*):
`python tests/text/test_scripts_table.py` makes it anew with the package fontTools. Letters that
Unicode gives to no one script (Zyyy: ー, mathematical alphabets) are COMMON.
"""

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from text.unicode_tables import by_category

Scripts: TypeAlias = NDArray[Any]

# Numbers in the table that stand for no script; script k of `CODES` has number FIRST + k.
NONE, COMMON = 0, 1
FIRST = 2
UNDETERMINED = "Zyyy"

# From where on letters are of which script, in order of code points.
UNICODE = "18.0.0"
RUNS = """
41:Latn B5:Zyyy BA:Latn 2B9:Zyyy 2E0:Latn 2EC:Zyyy 370:Grek 374:Zyyy 376:Grek 3E2:Copt 3F0:Grek 400:Cyrl
531:Armn 5C8:Hebr 620:Arab 640:Zyyy 641:Arab 710:Syrc 750:Arab 780:Thaa 7CA:Nkoo 800:Samr 840:Mand 860:Syrc
870:Arab 904:Deva 980:Beng A05:Guru A85:Gujr B05:Orya B83:Taml C05:Telu C80:Knda D04:Mlym D85:Sinh E01:Thai
E81:Laoo F00:Tibt 1000:Mymr 10A0:Geor 1100:Hang 1200:Ethi 13A0:Cher 1401:Cans 1681:Ogam 16A0:Runr 1700:Tglg
1720:Hano 1740:Buhd 1760:Tagb 1780:Khmr 1820:Mong 18B0:Cans 1900:Limb 1950:Tale 1980:Talu 1A00:Bugi
1A20:Lana 1B05:Bali 1B83:Sund 1BC0:Batk 1C00:Lepc 1C5A:Olck 1C80:Cyrl 1C90:Geor 1CE9:Zyyy 1D00:Latn
1D26:Grek 1D2B:Cyrl 1D2C:Latn 1D5D:Grek 1D62:Latn 1D66:Grek 1D6B:Latn 1D78:Cyrl 1D79:Latn 1DBF:Grek
1E00:Latn 1F00:Grek 2071:Latn 208F:Zyyy 2090:Latn 20C1:Zyyy 2126:Grek 2128:Zyyy 212A:Latn 212C:Zyyy
2132:Latn 2133:Zyyy 214E:Latn 2427:Zyyy 2C00:Glag 2C60:Latn 2C80:Copt 2D00:Geor 2D30:Tfng 2D80:Ethi
2E2F:Zyyy 3005:Hani 3006:Zyyy 303B:Hani 303C:Zyyy 3041:Hira 30A1:Kana 30FC:Zyyy 30FD:Kana 3105:Bopo
3131:Hang 31A0:Bopo 31E4:Zyyy 31F0:Kana 3400:Hani A000:Yiii A4D0:Lisu A500:Vaii A640:Cyrl A6A0:Bamu
A717:Zyyy A722:Latn A788:Zyyy A78B:Latn A800:Sylo A840:Phag A882:Saur A8F2:Deva A90A:Kali A930:Rjng
A960:Hang A984:Java A9CF:Zyyy A9E0:Mymr AA00:Cham AA60:Mymr AA80:Tavt AAE0:Mtei AB01:Ethi AB30:Latn
AB65:Grek AB66:Latn AB70:Cher ABC0:Mtei AC00:Hang F900:Hani FB00:Latn FB13:Armn FB1D:Hebr FB50:Arab
FF21:Latn FF66:Kana FF70:Zyyy FF71:Kana FF9E:Zyyy FFA0:Hang 10000:Linb 10280:Lyci 102A0:Cari 10300:Ital
10330:Goth 10350:Perm 10380:Ugar 103A0:Xpeo 10400:Dsrt 10450:Shaw 10480:Osma 104B0:Osge 10500:Elba
10530:Aghb 10570:Vith 105C0:Todr 10600:Lina 10780:Latn 10800:Cprt 10840:Armi 10860:Palm 10880:Nbat
108E0:Hatr 10900:Phnx 10920:Lydi 10940:Sidt 10980:Mero 109A0:Merc 10A00:Khar 10A60:Sarb 10A80:Narb
10AC0:Mani 10B00:Avst 10B40:Prti 10B60:Phli 10B80:Phlp 10C00:Orkh 10C80:Hung 10D00:Rohg 10D40:Gara
10E80:Yezi 10EC2:Arab 10F00:Sogo 10F30:Sogd 10F70:Ougr 10FB0:Chrs 10FE0:Elym 11003:Brah 11083:Kthi
110D0:Sora 11103:Cakm 11150:Mahj 11183:Shrd 11200:Khoj 11280:Mult 112B0:Sind 11305:Gran 11380:Tutg
11400:Newa 11480:Tirh 11580:Sidd 11600:Modi 11680:Takr 116D0:Mymr 11700:Ahom 11800:Dogr 118A0:Wara
11900:Diak 119A0:Nand 11A00:Zanb 11A50:Soyo 11AB0:Cans 11AC0:Pauc 11B00:Deva 11B60:Shrd 11BC0:Sunu
11C00:Bhks 11C72:Marc 11D00:Gonm 11D60:Gong 11DB0:Tols 11DF0:Beng 11EE0:Maka 11F00:Kawi 11FB0:Lisu
12000:Xsux 125A8:Pcun 1264C:Xsux 12F90:Cpmn 13000:Egyp 14400:Hluw 16100:Gukh 16800:Bamu 16A40:Mroo
16A70:Tnsa 16AD0:Bass 16B00:Hmng 16D40:Krai 16E40:Medf 16EA0:Berf 16F00:Plrd 16FE0:Tang 16FE1:Nshu
16FE3:Hani 17000:Tang 18B00:Kits 18D00:Tang 18E00:Jurc 1AFF0:Kana 1B001:Hira 1B120:Kana 1B123:Hira
1B124:Kana 1B132:Hira 1B155:Kana 1B170:Nshu 1BC00:Dupl 1CC00:Zyyy 1DF00:Latn 1DFF3:Grek 1DFF5:Latn
1E030:Cyrl 1E100:Hmnp 1E290:Toto 1E2C0:Wcho 1E4D0:Nagm 1E5D0:Onao 1E6C0:Tayo 1E7E0:Ethi 1E800:Mend
1E900:Adlm 1EE00:Arab 1F1AE:Zyyy 20000:Hani 3D000:Seal
"""


def _codes() -> tuple[str, ...]:
    found = dict.fromkeys(run.split(":")[1] for run in RUNS.split())
    return tuple(sorted(found.keys() - {UNDETERMINED}))


CODES = _codes()


@cache
def scripts() -> NDArray[np.uint8]:
    """Of each code point, [1114112]: NONE, COMMON, or FIRST plus the place of its script in `CODES`.

    Letters are those of the interpreter's Unicode version; combining marks are COMMON, so that they
    part no word, and everything else is NONE.
    """
    table = np.zeros(0x110000, np.uint8)
    numbers = {code: FIRST + at for at, code in enumerate(CODES)} | {UNDETERMINED: COMMON}
    for run in RUNS.split():
        start, code = run.split(":")
        table[int(start, 16) :] = numbers[code]
    letters = by_category(dict.fromkeys(("Lu", "Ll", "Lt", "Lm", "Lo"), 1), np.uint8)
    marks = by_category(dict.fromkeys(("Mn", "Mc", "Me"), 1), np.uint8)
    table *= letters
    table[marks == 1] = COMMON
    table.setflags(write=False)
    return table
