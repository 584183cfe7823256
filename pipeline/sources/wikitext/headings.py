"""Headings of sections that hold no prose: see also, notes, references, literature, links, gallery.

A heading counts whatever the wiki's language is: in a mixed corpus the language of a page is not
always known, and hardly any of these means something else in another language. Sources: the headings
of real dumps of the languages, and their wikis' guides to layout.
"""

from pipeline.sources.wikitext.names import folded


def _names(text: str) -> frozenset[str]:
    return frozenset(folded(name) for name in text.split("|"))


LINKS_ONLY = _names(
    # en, simple, sco
    "See also|Also see|References|Reference|Citations|Footnotes|Notes|Notes and references|"
    "References and notes|External links|External link|Further reading|Bibliography|Sources|Works cited|"
    "Cited works|Literature|General references|Notes and citations|Footnotes and references|"
    "References and further reading|Sources and further reading|Bibliography and further reading|"
    "Further information|Other websites|Related pages|Related articles|Gallery|Image gallery|Photo gallery|"
    "Explanatory notes|Weblinks|Freemit airtins|Notes and sources|References and sources|"
    "External links and references|Links|References and external links|Footnote|"
    # bg
    "Вижте също|Виж още|Вижте и|Източници|Бележки|Външни препратки|Литература|Бележки и източници|"
    "Препратки|Допълнителна литература|Цитирани източници|Галерия|"
    # ca
    "Vegeu també|Referències|Notes i referències|Enllaços externs|Bibliografia|Bibliografia complementària|"
    "Fonts|Vegeu|Galeria|Galeria d'imatges|"
    # cs
    "Související články|Odkazy|Externí odkazy|Poznámky|Literatura|Podívejte se také na|Galerie|"
    "Poznámky a reference|Prameny|Další literatura|Obrázky, zvuky či videa k tématu|"
    # da
    "Se også|Referencer|Kilder|Eksterne henvisninger|Noter|Litteratur|Eksterne links|Eksterne kilder|"
    "Noter og referencer|Fodnoter|Kilder og henvisninger|Eksterne kilder/henvisninger|Galleri|"
    # de, als, bar, nds, lb, hsb
    "Siehe auch|Einzelnachweise|Weblink|Literatur|Anmerkungen|Fußnoten|Quellen|Belege|Nachweise|"
    "Einzelnachweise und Anmerkungen|Anmerkungen und Einzelnachweise|Quellen und Einzelnachweise|"
    "Bildergalerie|Externe Links|Lueg au|Beleg|Im Netz|Quelle|Quelln|Borns|Weblenken|Kiek ok|Um Spaweck|"
    "Kuckt och|Referenzen|Žórła|Wotkaz|Wotkazy|Quellen und Literatur|Literatur und Quellen|"
    # es, an, ast, gl
    "Véase también|Véase además|Referencias|Notas|Notas y referencias|Enlaces externos|Bibliografía|"
    "Fuentes|Referencias y notas|Bibliografía adicional|Lecturas adicionales|Galería|Galería de imágenes|"
    "Vinclos externos|Se veiga tamién|Referencies|Enllaces esternos|Ver tamién|Véxase tamén|"
    "Ligazóns externas|Outros artigos|"
    # fr, oc, wa
    "Voir aussi|Articles connexes|Références|Notes et références|Liens externes|Lien externe|Bibliographie|"
    "Annexes|Références et notes|Pour approfondir|Sources et bibliographie|Sources et références|"
    "Articles détaillés|Article connexe|Voir également|Galerie d'images|Galerie de photos|Vejatz tanben|"
    "Referéncias|Ligams extèrnes|Sorsas|"
    # hr, bs, sh
    "Vidi još|Vidi i|Vidi također|Povezani članci|Izvori|Vanjske poveznice|Bilješke|Vanjske veze|"
    "Također pogledajte|Povezano|Također pogledati|Napomene|Galerija|Poveznice|Vanjski linkovi|"
    "Bilješke i izvori|"
    # hu
    "Lásd még|Kapcsolódó szócikkek|Jegyzetek|Források|További információk|Irodalom|Külső hivatkozások|"
    "Galéria|Felhasznált irodalom|Megjegyzések|Hivatkozások|Képgaléria|Ajánlott irodalom|"
    # it, vec, lmo, scn, nap, pms
    "Voci correlate|Note|Collegamenti esterni|Altri progetti|Riferimenti|Fonti|Galleria d'immagini|"
    "Galleria fotografica|Vedi anche|Varda anca|Ligamm da föra|Ligámm da föra|Talìa puru|Autri pruggetti|"
    "Nutarelle|Vvoce currelate|Ate pruggette|Jonte 'a fore|Anliure esterne|Gałeria fotografega|"
    # nl, af, li, fy, nds-nl
    "Zie ook|Referenties|Bronnen|Externe links|Externe link|Voetnoten|Noten|Literatuur|Bronvermelding|"
    "Bronnen, noten en/of referenties|Bronnen en referenties|Noten en referenties|Galerij|Fotogalerij|"
    "Sien ook|Verwysings|Eksterne skakels|Bronne|Rifferenties|Sjoch ek|Keppeling om utens|"
    "Keppelings om utens|Boarnen|"
    # pl
    "Zobacz też|Przypisy|Linki zewnętrzne|Uwagi|Źródła|Literatura dodatkowa|Linki|Uwagi i przypisy|"
    # pt
    "Ver também|Referências|Ligações externas|Notas e referências|Referências bibliográficas|"
    "Leitura adicional|Fontes|Veja também|Bibliografia adicional|Ligação externa|Galeria de imagens|"
    "Leituras adicionais|Referências e notas|"
    # ro
    "Vezi și|Vezi şi|A se vedea și|Referințe|Referinţe|Bibliografie|Legături externe|Note bibliografice|"
    "Lectură suplimentară|Lectură recomandată|Galerie foto|Surse|Note și referințe|"
    # ru, and its neighbours
    "См. также|Смотри также|Примечания|Ссылки|Источники|Внешние ссылки|Библиография|Комментарии|Сноски|"
    "Галерея|Дополнительная литература|Рекомендуемая литература|Список литературы|Примечания и источники|"
    "Источники и литература|Литература и источники|Гл. таксама|Крыніцы|Спасылкі|Зноскі|Літаратура|Заўвагі|"
    # sl
    "Glej tudi|Sklici|Opombe|Viri|Zunanje povezave|Opombe in reference|Opombe in sklici|Sklici in opombe|"
    "Nadaljnje branje|Viri in literatura|"
    # sr
    "Види још|Види такође|Референце|Спољашње везе|Напомене|Извори|Белешке|Галерија|Спољне везе|"
    "Додатна литература|Vidi takođe|Spoljašnje veze|Напомене и референце|"
    # sv
    "Se även|Se också|Referenser|Källor|Externa länkar|Vidare läsning|Fotnoter|Bildgalleri|"
    "Källhänvisningar|Noter och referenser|Källförteckning|Tryckta källor|Webbkällor|"
    "Externa länkar och källor|"
    # uk
    "Див. також|Дивіться також|Дивись також|Примітки|Джерела|Посилання|Література|Виноски|"
    "Зовнішні посилання|Бібліографія|Джерела та література|Література та джерела|Додаткова література|"
    "Джерела та примітки|"
    # no, nn, is, fo, fi, et, lv, lt, ltg
    "Referanser|Eksterne lenker|Kjelder|Bakgrunnsstoff|Sjå òg|Fotnotar|Bakgrunn og kjelder|Tengt efni|"
    "Heimildir|Tenglar|Tilvísanir|Ytri tenglar|Sí eisini|Ávísingar úteftir|Keldur|Bøkur|Katso myös|Lähteet|"
    "Aiheesta muualla|Viitteet|Kirjallisuutta|Vaata ka|Viited|Välislingid|Kirjandus|Allikad|Skatīt arī|"
    "Atsauces|Ārējās saites|Literatūra|Piezīmes|Taip pat skaitykite|Šaltiniai|Išnašos|Nuorodos|"
    "Verīs taipoš|Nūruodis|Nūruodis i olūti|Olūti|Teiklavītys|"
    # sk, sq, eu, tr, az, la, eo, ga, gd, cy, br
    "Pozri aj|Referencie|Externé odkazy|Poznámky a referencie|Zdroje|Iné projekty|Shiko edhe këtë|"
    "Shiko edhe|Referimet|Lidhje të jashtme|Burim i të dhënave|Ikus, gainera|Erreferentziak|Kanpo estekak|"
    "Ayrıca bakınız|Kaynakça|Dış bağlantılar|Notlar|Konuyla ilgili yayınlar|Həmçinin bax|İstinadlar|"
    "Xarici keçidlər|Mənbə|Nexus externi|Notae|Bibliographia|Pinacotheca|Nexus interni|Vidu ankaŭ|Notoj|"
    "Bibliografio|Eksteraj ligiloj|Referencoj|Féach freisin|Naisc sheachtracha|Tagairtí|"
    "Ceanglaichean a-muigh|Iomraidhean|Gweler hefyd|Cyfeiriadau|Dolenni allanol|Gwelet ivez|Daveoù|"
    # id, ms, jv, vi, tl, war, sw, yo, ceb, ku, uz
    "Lihat juga|Referensi|Pranala luar|Catatan kaki|Bacaan lanjutan|Bacaan|Rujukan|Pautan luar|Lihat pula|"
    "Xem thêm|Tham khảo|Liên kết ngoài|Chú thích|Ghi chú|Thư mục|Đọc thêm|Tingnan din|Mga sanggunian|"
    "Mga kawing panlabas|Mga kasarigan|Mga reperensya|Mga sumpay ha gawas|Ang mga gi basihan niini|"
    "Viungo vya nje|Marejeo|Tanbihi|Tazama pia|Itokasi|Manbalar|Havolalar|Hawa tinkikuna|"
    # el, mk, kk, ba, tt, cv, mn, ce, os, sah
    "Δείτε επίσης|Παραπομπές|Εξωτερικοί σύνδεσμοι|Πηγές|Βιβλιογραφία|Σημειώσεις|Поврзано|Наводи|"
    "Надворешни врски|Дереккөздер|Сыртқы сілтемелер|Тағы қараңыз|Иҫкәрмәләр|Һылтанмалар|Моны да карагыз|"
    "Искәрмәләр|Чыганаклар|Сылтамалар|Асӑрхавсем|Каҫӑсем|Вуламалли|Мөн үзэх|Цахим холбоос|Зүүлт тайлбар|"
    "Билгалдахарш|Галерей|Эзоҳ|Фиппаинæгтæ|Быһаарыылар|"
    # he, yi, ar, arz, fa, azb, ckb, ur, pnb, mzn
    "ראו גם|לקריאה נוספת|קישורים חיצוניים|הערות שוליים|רעפערענצן|זעט אויך|انظر أيضا|انظر أيضًا|مراجع|"
    "المراجع|مصادر|المصادر|وصلات خارجية|روابط خارجية|هوامش|لنكات برانيه|جستارهای وابسته|پانویس|منابع|"
    "پیوند به بیرون|نگارخانه|یادداشت‌ها|قایناقلار|خاریجی لینکلر|نوتلار|پەراوێزەکان|سەرچاوەکان|حوالہ جات|"
    "بیرونی روابط|مزید دیکھیے|ہور ویکھو|دییه لینکون|"
    # hi, mr, ne, bn, pa, or, ta, te, kn, ml, new
    "इन्हें भी देखें|सन्दर्भ|संदर्भ|बाहरी कड़ियाँ|हे सुद्धा पहा|बाह्य दुवे|सन्दर्भ सूची|बाहरी कडीहरू|बाह्य कडीहरू|"
    "लिधंसा|আরও দেখুন|তথ্যসূত্র|বহিঃসংযোগ|ਹਵਾਲੇ|ਬਾਹਰੀ ਲਿੰਕ|ਗੈਲਰੀ|ଆଧାର|ବାହାର ତଥ୍ୟ|மேற்கோள்கள்|வெளி இணைப்புகள்|"
    "మూలాలు|బయటి లింకులు|ಉಲ್ಲೇಖಗಳು|ಹೊರಗಿನ ಸಂಪರ್ಕಗಳು|അവലംബം|പുറത്തേയ്ക്കുള്ള കണ്ണികൾ|ചിത്രശാല|"
    # th, my, ka, hy, ja, ko, zh
    "ดูเพิ่ม|อ้างอิง|แหล่งข้อมูลอื่น|ကိုးကား|იხილეთ აგრეთვე|სქოლიო|რესურსები ინტერნეტში|ლიტერატურა|"
    "Ծանոթագրություններ|Արտաքին հղումներ|Պատկերասրահ|Տես նաև|Գրականություն|関連項目|脚注|出典|参考文献|"
    "外部リンク|注釈|関連文献|같이 보기|각주|외부 링크|참고 문헌|주석|参见|參見|参考资料|參考資料|参考来源|"
    "參考來源|參考文獻|外部链接|外部連結|外部鏈接|注释|註釋|相关条目|相關條目|延伸阅读|延伸閱讀|腳註"
)
"""The headings, folded, in 100 languages."""


def is_links_only(heading: str) -> bool:
    """Whether a section with this heading (plain text) holds references or links by its name."""
    return folded(heading).strip(" .:;–—-") in _STRIPPED


_STRIPPED = frozenset(name.strip(" .:;–—-") for name in LINKS_ONLY)
