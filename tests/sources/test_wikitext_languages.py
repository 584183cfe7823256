"""The twenty languages of LLaMA-1's Wikipedia: their names of namespaces, sections and templates."""

import pytest

from pipeline.sources.wikitext import names, prose
from pipeline.sources.wikitext.headings import is_links_only
from pipeline.sources.wikitext.names import Site

# Language; see also, references, external links; file, an older name; category; disambiguation; redirect.
LANGUAGES = [
    tuple(row.split("|"))
    for row in (
        "bg|Вижте също|Източници|Външни препратки|Файл|Картинка|Категория|пояснение|виж",
        "ca|Vegeu també|Referències|Enllaços externs|Fitxer|Imatge|Categoria|desambiguació|REDIRECCIÓ",
        "cs|Související články|Reference|Externí odkazy|Soubor|Image|Kategorie|rozcestník|PŘESMĚRUJ",
        "da|Se også|Referencer|Eksterne henvisninger|Fil|Billede|Kategori|flertydig|OMDIRIGERING",
        "de|Siehe auch|Einzelnachweise|Weblinks|Datei|Bild|Kategorie|Begriffsklärung|WEITERLEITUNG",
        "en|See also|References|External links|File|Image|Category|disambiguation|REDIRECT",
        "es|Véase también|Referencias|Enlaces externos|Archivo|Imagen|Categoría|desambiguación|REDIRECCIÓN",
        "fr|Voir aussi|Notes et références|Liens externes|Fichier|Image|Catégorie|homonymie|REDIRECTION",
        "hr|Vidi još|Izvori|Vanjske poveznice|Datoteka|Slika|Kategorija|razdvojba|PREUSMJERI",
        "hu|Lásd még|Jegyzetek|További információk|Fájl|Kép|Kategória|egyért|ÁTIRÁNYÍTÁS",
        "it|Voci correlate|Note|Collegamenti esterni|File|Immagine|Categoria|disambigua|RINVIA",
        "nl|Zie ook|Referenties|Externe links|Bestand|Afbeelding|Categorie|dp|DOORVERWIJZING",
        "pl|Zobacz też|Przypisy|Linki zewnętrzne|Plik|Grafika|Kategoria|ujednoznacznienie|PATRZ",
        "pt|Ver também|Referências|Ligações externas|Ficheiro|Imagem|Categoria|desambiguação|REDIRECIONA",
        "ro|Vezi și|Note|Legături externe|Fișier|Imagine|Categorie|dezambiguizare|REDIRECTEAZĂ",
        "ru|См. также|Примечания|Ссылки|Файл|Изображение|Категория|неоднозначность|ПЕРЕНАПРАВЛЕНИЕ",
        "sl|Glej tudi|Sklici|Zunanje povezave|Slika|Datoteka|Kategorija|razločitev|PREUSMERITEV",
        "sr|Види још|Референце|Спољашње везе|Датотека|Слика|Категорија|вишезначна одредница|ПРЕУСМЕРИ",
        "sv|Se även|Referenser|Externa länkar|Fil|Bild|Kategori|förgrening|OMDIRIGERING",
        "uk|Див. також|Примітки|Посилання|Файл|Зображення|Категорія|неоднозначність|ПЕРЕНАПРАВЛЕННЯ",
    )
]


def test_all_twenty_are_here() -> None:
    assert len({language for language, *_ in LANGUAGES}) == 20


@pytest.mark.parametrize(
    ("see_also", "notes", "links", "file", "image", "category"),
    [row[1:7] for row in LANGUAGES],
    ids=[row[0] for row in LANGUAGES],
)
def test_sections_of_links_files_and_categories_go(
    see_also: str, notes: str, links: str, file: str, image: str, category: str
) -> None:
    wikitext = (
        f"[[{file}:Oak.tree|thumb|An [[oak]].]]\n[[{image}:Oak|20px]]'''Oak''' is a [[tree]].\n\n"
        "== A ==\nProse.\n"
        f"=={see_also}==\n* [[Elm]], another tree\n== ''{notes}'' ==\n{{{{Reflist}}}}\nA book on oaks.\n"
        f"=== {links}: ===\n* A site\n[[{category}:Trees]]\n[[{category}:Oaks|Oak]]\n"
    )
    assert prose.to_text(wikitext, "Oak", Site()) == "Oak is a tree.\n\nA\n\nProse."


@pytest.mark.parametrize(
    ("disambiguation", "redirect"), [row[7:] for row in LANGUAGES], ids=[row[0] for row in LANGUAGES]
)
def test_disambiguations_and_redirects_are_known(disambiguation: str, redirect: str) -> None:
    assert names.is_disambiguation(f"* [[Oak]]\n{{{{{disambiguation}}}}}", "Oak")
    assert names.is_disambiguation(
        f"* [[Oak]]\n{{{{{disambiguation[0].upper()}{disambiguation[1:]}|x}}}}", "Oak"
    )
    assert names.redirect_target(f"#{redirect} [[Oak]]") == "Oak"
    assert names.redirect_target(f"#{redirect.lower()}:[[Oak]]") == "Oak"


@pytest.mark.parametrize(
    "heading",
    [
        "انظر أيضًا",
        "関連項目",
        "参见",
        "같이 보기",
        "Ayrıca bakınız",
        "Katso myös",
        "Δείτε επίσης",
        "ראו גם",
        "Xem thêm",
    ],
)
def test_other_languages_headings(heading: str) -> None:
    assert is_links_only(heading)


@pytest.mark.parametrize("heading", ["", "Life", "Geschichte", "История", "Viesture", "Kaagi", "歴史"])
def test_headings_of_prose_stay(heading: str) -> None:
    assert not is_links_only(heading)
