"""Where packages say that their repository is on the web."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.code.addresses import stated


def test_nothing() -> None:
    assert stated({}) == stated({"package.json": b"", "PKG-INFO": b"", "Cargo.toml": b""}) == ""


@pytest.mark.parametrize(
    ("path", "content", "address"),
    [
        ("package.json", '{"repository": "owner/name"}', "https://github.com/owner/name"),
        ("package.json", '{"repository": "gitlab:owner/name"}', "https://gitlab.com/owner/name"),
        (
            "package.json",
            '{"repository": {"type": "git", "url": "git+https://github.com/owner/name.git"}}',
            "https://github.com/owner/name",
        ),
        (
            "package.json",
            '{"homepage": "https://github.com/owner/name#readme"}',
            "https://github.com/owner/name",
        ),
        ("package.json", '{"repository": {"url": 1}, "homepage": ["a"]}', ""),
        ("package.json", "[" * 9999, ""),
        (
            "composer.json",
            '{"support": {"source": "https://github.com/o/n/tree/1.0"}}',
            "https://github.com/o/n",
        ),
        ("Cargo.toml", '[package]\nrepository = "https://codeberg.org/o/n"', "https://codeberg.org/o/n"),
        (
            "pyproject.toml",
            '[project.urls]\n"Source Code" = "https://github.com/o/n/"',
            "https://github.com/o/n",
        ),
        (
            "pyproject.toml",
            '[tool.poetry]\nrepository = "https://gitlab.com/g/s/n"',
            "https://gitlab.com/g/s/n",
        ),
        ("PKG-INFO", "Name: a\nProject-URL: Source, https://github.com/o/n\n", "https://github.com/o/n"),
        ("PKG-INFO", "Home-page: http://github.com/o/n\n", "https://github.com/o/n"),
        ("PKG-INFO", "Name: a\n\nHome-page: https://github.com/o/n\n", ""),  # of the description
        ("PKG-INFO", "Home-page: https://example.org/n\n", ""),
        ("PKG-INFO", "Project-URL: Issues, https://github.com/o/n/issues\n", ""),
        ("a-1.dist-info/METADATA", "Project-URL: GitHub, https://github.com/o/n\n", "https://github.com/o/n"),
        ("examples/a/package.json", '{"repository": "owner/name"}', ""),
    ],
)
def test_addresses(path: str, content: str, address: str) -> None:
    assert stated({path: content.encode()}) == address


def test_the_label_decides_and_not_the_order() -> None:
    lines = [
        "Project-URL: Homepage, https://github.com/o/site",
        "Project-URL: Repository, https://github.com/o/n",
    ]
    for each in (lines, lines[::-1]):
        assert stated({"PKG-INFO": "\n".join(each).encode()}) == "https://github.com/o/n"


@given(st.binary(max_size=200), st.sampled_from(["package.json", "PKG-INFO", "Cargo.toml"]))
def test_any_bytes(data: bytes, path: str) -> None:
    assert isinstance(stated({path: data}), str)
