"""Names that MediaWiki knows by another word in each language.

A dump states the namespaces of its own wiki, but not their older names, and a page without a dump
states none; so the names of all languages count everywhere. Names are compared by `folded`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

FILE, CATEGORY, TEMPLATE = 6, 14, 10
_MEDIA = -2


def folded(name: str) -> str:
    """A name as MediaWiki compares them: without case, `_` for a space, no space around."""
    return " ".join(name.replace("_", " ").split()).casefold()


def _names(text: str) -> frozenset[str]:
    return frozenset(folded(name) for name in text.split("|"))


# Namespaces 6 (File) and -2 (Media), with older names that pages still use.
_FILES = _names(
    "File|Image|Media|Medium|Datei|Bild|Média|Fichier|Fichièr|Archivo|Imagen|Medio|Arquivo|Ficheiro|Imagem|"
    "Imaxe|Immagine|Bestand|Afbeelding|Ofbyld|Plaetje|Plik|Grafika|Soubor|Súbor|Obrázok|Datoteka|Slika|"
    "Fișier|Fişier|Imagine|Fitxer|Imatge|Fitxategi|Irudi|Ficheru|Imachen|Fil|Billede|Mynd|Tiedosto|Kuva|"
    "Pilt|Fail|Attēls|Fails|Vaizdas|Fájl|Kép|Dosya|Resim|Fayl|Şəkil|Skeda|Figura|Dosiero|Fasciculus|Imago|"
    "Restr|Skeudenn|Delwedd|Íomhá|Faidhle|Dealbh|Lêer|Beeld|Berkas|Gambar|Imej|Tập tin|Hình|Talaksan|"
    "Larawan|Paypay|Picha|Wêne|Sary|Ragiv|Arkivo|Rikcha|Wobraz|Dataja|Wobras|Fichiè|Klad|Bielde|Immaggine|"
    "Imàjine|Imàggini|Mmàggini|Archivi|Archìviu|Imagjin|Mäljäl|Dokument|Faili|Àwòrán|Fáìlì|Fasili|Payl|"
    "Medya|Médià|Kuwari|Файл|Изображение|Медиа|Зображення|Медіа|Выява|Слика|Датотека|Податотека|Картинка|"
    "Сүрөт|Сурет|Рәсем|Ӳкерчӗк|Зураг|Расм|Акс|Ныв|Билэ|Ойуу|Хуьм|Сурт|Αρχείο|Εικόνα|Μέσο|קובץ|תמונה|מדיה|"
    "טעקע|בילד|ملف|صورة|وسائط|پرونده|تصویر|رسانه|فائل|وێنە|پەڕگە|دوتنه|فايل|شکل|عکس|चित्र|चित्रम्|सञ्चिका|"
    "संचिका|किपा|पुचः|চিত্র|ছবি|ਤਸਵੀਰ|ચિત્ર|ଫାଇଲ|படிமம்|படம்|దస్త్రం|బొమ్మ|ಚಿತ್ರ|ಫೈಲ್|പ്രമാണം|ചിത്രം|ගොනුව|රූපය|ไฟล์|"
    "ภาพ|ຮູບ|ຟາຍລ໌|ဖိုင်|រូបភាព|ឯកសារ|ስዕል|ፋይል|სურათი|ფაილი|Պատկեր|ファイル|画像|メディア|파일|그림|文件|檔案|"
    "档案|图像|圖像|图片|圖片|媒体|媒體"
)

# Namespace 14 (Category).
_CATEGORIES = _names(
    "Category|Kategorie|Catégorie|Categoria|Categoría|Categorie|Kategoria|Kategória|Kategorija|Kategorĳa|"
    "Kategori|Kategorio|Kategoreja|Kategory|Kategorî|Kategorya|Kategoriya|Kateqoriya|Kategooria|"
    "Kategoriija|Luokka|Flokkur|Bólkur|Rummad|Categori|Catagóir|Roinn-seòrsa|Catagòria|Categuria|Categurìa|"
    "Categorìa|Catigurìa|Caddegoria|Katiguriya|Turkum|Thể loại|Jamii|Sokajy|Kaarangay|Klad|Ẹ̀ka|Saoġa|"
    "Klassenn|Kateguriye|Bekabîn|Kategorîya|Afdeling|Flokk|Tjoklé|Ronney|Kawan|Xategoria|Категория|"
    "Категорія|Катэгорыя|Категорија|Категорије|Категори|Катугорія|Категорі|Төркем|Ангилал|Санат|Гурӯҳ|"
    "Категорӣ|Категориясе|Кадегор|Κατηγορία|קטגוריה|קאַטעגאָריע|קאטעגאריע|تصنيف|رده|رده‌ها|زمرہ|گٹھ|بؤلمه|"
    "پۆل|رج|وېشنيزه|هاوپۆل|زمرو|श्रेणी|वर्ग|वर्गः|पुचः|বিষয়শ্রেণী|শ্রেণী|শ্ৰেণী|ਸ਼੍ਰੇਣੀ|શ્રેણી|ଶ୍ରେଣୀ|பகுப்பு|వర్గం|"
    "ವರ್ಗ|വർഗ്ഗം|വിഭാഗം|ප්‍රවර්ගය|หมวดหมู่|ໝວດ|ကဏ္ဍ|ចំណាត់ថ្នាក់ក្រុម|መደብ|კატეგორია|Կատեգորիա|カテゴリ|분류|分类|"
    "分類"
)

# `#REDIRECT [[target]]`, without the hash sign.
_REDIRECTS = _names(
    "redirect|weiterleitung|redirection|redirección|redireccion|redirecionamento|redireciona|redirecciona|redirecció|"
    "rinvia|rinvio|doorverwijzing|patrz|przekieruj|tam|přesměruj|presmeruj|preusmeritev|preusmjeri|"
    "preusmeri|redirectează|omdirigering|omdiriger|ohjaus|uudelleenohjaus|suuna|pāradresācija|"
    "peradresavimas|átirányítás|yönlendirme|yönlendir|istiqamətləndirmə|ridrejto|alidirektu|alidirekto|"
    "alih|lencong|đổi|tilvísun|stivre|adkas|ail-cyfeirio|athsheoladh|aanstuur|birzuzendu|beralîkirin|"
    "pāradresēt|перенаправление|перенапр|перенаправлення|пренасочване|виж|преусмери|преусмјери|"
    "пренасочување|перанакіраванне|перанакіраваньне|айдау|юнәлтү|перенаправлени|ανακατευθυνση|הפניה|"
    "ווייטערפירן|تحويل|تغییر_مسیر|تغییرمسیر|رجوع مکرر|अनुप्रेषित|पुनर्निर्देशन|পুনর্নির্দেশ|పునర్దారి|దారిమార్పు|"
    "வழிமாற்று|തിരിച്ചുവിടുക|เปลี่ยนทาง|გადამისამართება|վերահղում|転送|リダイレクト|넘겨주기|重定向|重新導向|"
    "跳轉"
)
_REDIRECT = re.compile(r"\s*#\s*([^\s\[\]:#|][^\[\]:\n|]{0,40}?)\s*:?\s*\[\[([^\[\]|\n]+)")

# Templates that stand on disambiguation pages, in all languages.
_DISAMBIGUATIONS = _names(
    "disambiguation|disambig|disamb|dab|dmbox|hndis|geodis|schooldis|roaddis|mathdab|numberdis|shipindex|"
    "disambiguation page|human name disambiguation|place name disambiguation|given name disambiguation|"
    "airport disambiguation|biology disambiguation|call sign disambiguation|caselaw disambiguation|"
    "chinese title disambiguation|church disambiguation|county disambiguation|disambiguation cleanup|"
    "genus disambiguation|hospital disambiguation|letter-number combination disambiguation|"
    "letter-numbercombdisambig|mathematical disambiguation|military unit disambiguation|"
    "music disambiguation|number disambiguation|opus number disambiguation|phonetics disambiguation|"
    "political party disambiguation|portal disambiguation|road disambiguation|school disambiguation|"
    "species latin name disambiguation|species latin name abbreviation disambiguation|"
    "station disambiguation|synagogue disambiguation|taxonomic authority disambiguation|"
    "taxonomy disambiguation|tv disambiguation|begriffsklärung|begriffsklaerung|begriffsklärig|"
    "begriffsklearung|begriepskloorenge|mehrdüdig begreep|bkl|homonymie|homonymes|patronymie|paronymie|"
    "toponymie|internationalisation|desambiguación|desambiguacion|desambiguação|desambiguacao|desambig|"
    "homónimos|desambiguació|desambiguáncia|disambigua|disambìgua|dixanbigua|desambiguassiù|omonimia|"
    "omonimeye|gestion dj'omònim|doorverwijspagina|dp|dpintro|dubbelsinnig|neibetsjuttings|verdudeliking|"
    "ujednoznacznienie|disambigr|rozcestník|rozcestnik|příjmení|rozlišovacia stránka|rozlisovacia stranka|"
    "wjacezmyslnosć|wěcejwóznamowosć|egyért|egyert|egyértelműsítő lap|dezambiguizare|dezamb|flertydig|"
    "peker|pekere|fleirtyding|förgrening|forgrening|gren|grensida|förgreningssida|efternamn|aðgreining|"
    "fleiri týdningar|täsmennyssivu|täsmennys|täpsustuslehekülg|täpsustus|nozīmju atdalīšana|nuorodinis|"
    "zeimeibu škiršona|razdvojba|višeznačna odrednica|višeznačnost|čvor|razločitev|razvrstavanje|kthjellim|"
    "anlam ayrımı|anlam ayrim|dəqiqləşdirmə|cudakirin|argipen|dixebra|apartigilo|discretiva|gwahaniaethu|"
    "idirdhealú|soilleireachadh|disheñvelout|disambiguasi|disambig page|nyahkekaburan|pansayod|paglilinaw|"
    "giklaro|maana|pejy mitovy anarana|menm non|telplänov|homonimo|trang định hướng|định hướng|"
    "sut'ichana qillqa|неоднозначность|многозначность|disambig-ru|неоднозначність|багатозначність|"
    "disambig-ua|пояснение|вишезначна одредница|вишезначност|појаснување|неадназначнасць|неадназначнасьць|"
    "айрық|күп мәгънәләр|күп мәғәнәлелек|чолхалла|салаа утгатай|суолталар|текмаанисиздик|ибҳомзудоӣ|"
    "цо магіна гуреб|αποσαφήνιση|פירושונים|באדייטן|توضيح|صفحة توضيح|ابهامزدایی|ابهام‌زدایی|دقیقلشدیرمه|"
    "ڕوونکردنەوە|ضد ابہام|گجگجی بیری|बहुविकल्पी शब्द|बहुविकल्पी|अस्पष्टता|निःसंदिग्धीकरण|দ্ব্যর্থতা নিরসন|"
    "ਗੁੰਝਲ-ਖੋਲ੍ਹ|સંદિગ્ધ શીર્ષક|பக்கவழி நெறிப்படுத்தல்|అయోమయ నివృత్తి|ದ್ವಂದ್ವ ನಿವಾರಣೆ|വിവക്ഷകൾ|വിവക്ഷ|වක්‍රෝත්ති|"
    "แก้ความกำกวม|သံတူကြောင်းကွဲ|ណែនាំ|መንታ|მრავალმნიშვნელოვანი|բազմիմաստություն|բազմիմաստութիւն|aimai|"
    "曖昧さ回避|人名の曖昧さ回避|地名の曖昧さ回避|동음이의|동음이의어|消歧义|消歧義|消歧义页|消歧義頁|"
    "搞清楚|扤清楚|釋義"
)
# What stands in brackets behind the title of one.
_DISAMBIGUATION_TITLE = re.compile(
    r"\((?:disambiguation|begriffsklärung|homonymie|desambiguación|desambiguação|desambiguació|disambigua|"
    r"doorverwijspagina|ujednoznacznienie|rozcestník|egyértelműsítő lap|dezambiguizare|flertydig|"
    r"olika betydelser|razdvojba|razločitev|вишезначна одредница|значения|значення|"
    r"пояснение|消歧义|消歧義|曖昧さ回避|동음이의)\)\s*$",
    re.IGNORECASE,
)
_DISAMBIGUATION_WORDS = re.compile(
    "__(?:DISAMBIG|BEGRIFFSKLÄRUNG|HOMONYMIE|DISAMBIGUACI[ÓO]N|DESAMBIGUAÇÃO|HOM[ÓO]NIMOS|DOORVERWIJSPAGINA|"
    "TÄPSUSTUS|НЕОДНОЗНАЧНОСТЬ|ПОЈАСНУВАЊЕ|ΑΠΟΣΑΦΗΝΙΣΗ|توضيح|ابهامزدایی|निःसंदिग्ध|വിവക്ഷ|동음이의|曖昧さ回避|消歧义|消歧義)__"
)
_TEMPLATE_NAME = re.compile(r"\{\{\s*([^{}|\n<#]{2,60}?)\s*(?:[|}\n<]|$)")


@dataclass(frozen=True)
class Site:
    """What of a wiki shapes the text: the names of its namespaces, all folded."""

    files: frozenset[str] = _FILES
    categories: frozenset[str] = _CATEGORIES


def site(namespaces: Mapping[int, str]) -> Site:
    """The names that a dump states (number → name), and those of all languages."""
    own = {number: frozenset((folded(name),)) for number, name in namespaces.items() if name}
    none: frozenset[str] = frozenset()
    return Site(
        _FILES | own.get(FILE, none) | own.get(_MEDIA, none),
        _CATEGORIES | own.get(CATEGORY, none),
    )


def redirect_target(wikitext: str) -> str:
    """The page that this page's text redirects to; "" if it is no redirect."""
    found = _REDIRECT.match(wikitext)
    return found[2].strip() if found and folded(found[1]) in _REDIRECTS else ""


def is_disambiguation(wikitext: str, title: str) -> bool:
    """Whether a page says, by its title, a template or a magic word, that it lists meanings of its title."""
    if title.endswith(")") and _DISAMBIGUATION_TITLE.search(title):
        return True
    if any(folded(name) in _DISAMBIGUATIONS for name in _TEMPLATE_NAME.findall(wikitext)):
        return True
    return "__" in wikitext and _DISAMBIGUATION_WORDS.search(wikitext) is not None
