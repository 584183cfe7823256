"""Stack Exchange: names of sites, and which of them a plan reads."""

from typing import Any

import pytest

from pipeline.errors import PlanError
from pipeline.inputs import InputFile
from pipeline.sources import stackexchange
from pipeline.sources.stackdump import sites
from pipeline.sources.stackexchange import SOURCE, StackExchangeOptions


@pytest.mark.parametrize(
    ("path", "site"),
    [
        ("beer/Posts.xml.gz", "beer.stackexchange.com"),
        ("dumps/bicycles.meta/Posts.xml", "bicycles.meta.stackexchange.com"),
        ("beer.stackexchange.com.7z", "beer.stackexchange.com"),
        ("stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("stackoverflow.com-Users.7z", None),
        ("meta.beer.stackexchange.com.7z", "beer.meta.stackexchange.com"),
        ("meta.stackexchange.com.7z", "meta.stackexchange.com"),
        ("meta.stackoverflow.com.7z", "meta.stackoverflow.com"),
        ("stackoverflow.meta/Posts.xml", "meta.stackoverflow.com"),
        ("mathoverflow.net.7z", "mathoverflow.net"),
        ("mathoverflow/Posts.xml", "mathoverflow.net"),
        ("es.stackoverflow.com.7z", "es.stackoverflow.com"),
        ("superuser/Posts.xml.zst", "superuser.com"),
        ("askubuntu.com-Posts.xml", "askubuntu.com"),
        ("beer/Comments.xml.gz", None),
    ],
)
def test_the_site_is_in_the_name(path: str, site: str | None) -> None:
    assert sites.site_of(path) == site


def files(**sizes: int) -> list[InputFile]:
    return [InputFile(f"/d/{name}/Posts.xml", f"{name}/Posts.xml", size, "1") for name, size in sizes.items()]


def planned(given: list[InputFile], **options: Any) -> list[str]:
    assert SOURCE.units is not None
    return [unit.logical.split("/")[0] for unit in SOURCE.units("se", given, SOURCE.options(**options))]


def test_sites_are_chosen_while_planning() -> None:
    given = [*files(a=10, b=30, c=20), *files(**{"b.meta": 25})]
    assert planned(given) == ["a", "b", "c", "b.meta"]
    assert planned(given, sites="all") == ["a", "b", "c", "b.meta"]
    assert planned(given, sites="largest 2") == ["b", "b.meta"]
    assert planned(given, sites="largest 28") == ["a", "b", "c", "b.meta"]
    assert planned(given, sites=["c", "b.meta.stackexchange.com"]) == ["c", "b.meta"]
    assert planned(given, sites="a") == ["a"]


def test_faults_of_the_plan_are_told() -> None:
    with pytest.raises(PlanError, match=r"'cofee'.*did you mean 'coffee.stackexchange.com'"):
        planned(files(coffee=1, tea=2), sites=["cofee"])
    with pytest.raises(PlanError, match="none of 1 files holds posts"):
        planned([InputFile("/d/Users.xml", "Users.xml", 1, "1")])
    with pytest.raises(PlanError, match="two files hold the posts of tea"):
        planned([*files(tea=1), InputFile("/d/tea.7z", "tea.7z", 1, "1")])
    wanted: str | tuple[str, ...]
    for wanted in ("largest", "largest 0", "largest many", ()):
        with pytest.raises(ValueError, match=r"largest|names no site"):
            StackExchangeOptions(sites=wanted)


def test_a_large_site_becomes_several_units() -> None:
    assert SOURCE.units is not None
    huge = InputFile("/d/stackoverflow.com-Posts.7z", "stackoverflow.com-Posts.7z", 20 << 30, "1")
    units = SOURCE.units("se", [huge, *files(tea=1)], SOURCE.options())
    assert [unit.part for unit in units] == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), None]
    assert len({unit.name for unit in units}) == 6


@pytest.mark.parametrize("value", ["<c++><.net>", "|c++|.net|"])
def test_tags_in_both_forms(value: str) -> None:
    assert stackexchange.tags(value) == ["c++", ".net"]
