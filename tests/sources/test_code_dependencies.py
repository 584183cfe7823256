"""The order of a repository's files: what is used before what uses it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.code.dependencies import order


def test_empty() -> None:
    assert order({}) == []
    assert order({"a.py": ""}) == ["a.py"]


def test_settings_last() -> None:
    files = dict.fromkeys([".github/test.yml", ".gitignore", "README.rst", "a.py", "appveyor.yml"], "")
    assert order(files) == ["README.rst", "a.py", ".github/test.yml", ".gitignore", "appveyor.yml"]
    files = {".tools/b.py": "", "a.py": "", "z/.eslintrc.js": "", "z/y.js": "import './.eslintrc.js'"}
    assert order(files) == ["a.py", "z/.eslintrc.js", "z/y.js", ".tools/b.py"]


def test_readme_first_and_then_by_path() -> None:
    files = dict.fromkeys(["b.txt", "src/README.md", "README.md", "a.bin"], "")
    assert order(files) == ["README.md", "a.bin", "b.txt", "src/README.md"]


@pytest.mark.parametrize(
    ("user", "text", "used"),
    [
        ("a/main.py", "import tides.moon\n", "tides/moon.py"),
        ("a/main.py", "from tides import moon, sun\n", "src/tides/sun.py"),
        ("a/main.py", "from . import moon\n", "a/moon.py"),
        ("a/b/main.py", "from ..moon import (\n    full,  # all\n    half,\n)\n", "a/moon.py"),
        ("a/main.py", "from ..other.moon import full\n", "other/moon.py"),
        ("a/main.py", "import helper\n", "a/helper.py"),
        ("a.js", "import { moon } from './lib/moon';\n", "lib/moon.ts"),
        ("x/a.js", "const m = require('../m')", "m"),
        ("src/a.ts", "import m from '@/moon'\n", "src/moon/index.ts"),
        ("a.ts", "export * from './moon.js'\n", "moon.ts"),
        ("A.java", "import org.tide.Moon;\n", "src/main/java/org/tide/Moon.java"),
        ("A.java", "import static org.tide.Moon.full;\n", "src/org/tide/Moon.java"),
        ("A.scala", "import org.tide.{Moon, Sun}\n", "src/org/tide/Sun.scala"),
        ("a.c", '#include "moon.h"\n', "moon.h"),
        ("src/a.cpp", "#include <tide/moon.hpp>\n", "include/tide/moon.hpp"),
        ("cmd/a.go", 'package main\nimport (\n\t"fmt"\n\t"example.org/tide/moon"\n)\n', "moon/full.go"),
        ("src/main.rs", "mod moon;\n", "src/moon.rs"),
        ("src/a.rs", "use crate::tide::moon::Full;\n", "src/tide/moon.rs"),
        ("src/a/mod.rs", "use super::moon::Full;\n", "src/moon.rs"),
        ("a.rb", "require_relative 'lib/moon'\n", "lib/moon.rb"),
        ("a.php", "<?php\nrequire __DIR__ . '/moon.php';\n", "moon.php"),
        ("a.php", "<?php\nuse Tide\\Moon;\n", "src/Tide/Moon.php"),
        ("a.lua", "local m = require('tide.moon')\n", "tide/moon.lua"),
        ("a.pl", "use Tide::Moon;\n", "lib/Tide/Moon.pm"),
        ("a.sh", ". ./moon.sh\n", "moon.sh"),
        ("a.dart", "import 'package:tide/moon.dart';\n", "lib/moon.dart"),
        ("a.proto", 'import "tide/moon.proto";\n', "tide/moon.proto"),
        ("a.tex", "\\input{parts/moon}\n", "parts/moon.tex"),
        ("a.scss", "@use 'moon';\n", "moon.scss"),
        ("a.hs", "import qualified Tide.Moon as M\n", "src/Tide/Moon.hs"),
    ],
)
def test_imports(user: str, text: str, used: str) -> None:
    assert order({user: text, used: ""}) == [used, user]
    assert order({used: "", user: text}) == [used, user]
    assert order({user: "", used: ""}) == sorted([user, used])


def test_the_standard_library_is_not_the_repository() -> None:
    files = {"a/main.py": "import json\nimport os.path\n", "z/json.py": "", "z/path.py": ""}
    assert order(files) == sorted(files)


def test_the_nearest_of_several() -> None:
    files = {"x/a.c": "#include <moon.h>\n", "x/z/moon.h": "", "b/moon.h": "#include <never.h>", "c.c": ""}
    assert order(files) == ["b/moon.h", "c.c", "x/z/moon.h", "x/a.c"]


def test_cycles_are_broken_the_same_way() -> None:
    files = {"a.py": "import b", "b.py": "import c", "c.py": "import a", "d.py": "import a"}
    assert order(files) == ["c.py", "b.py", "a.py", "d.py"]
    assert order(dict(reversed(files.items()))) == order(files)


def test_long_chains() -> None:
    files = {f"m{n:05}.py": f"import m{n + 1:05}\n" for n in range(20_000)}
    assert order(files) == sorted(files, reverse=True)


IMPORTS = [
    "import a\n",
    "from . import b\n",
    "from .. import (",
    "import './c'\n",
    '#include "d.h"\n',
    "import ",
]
OTHERS = ["use crate::e::f;\n", "mod a;\n", "import a.b.c\n", 'import ("x/y")\n', "require '..'\n"]
PIECES = st.sampled_from([*IMPORTS, *OTHERS, "../", "/", ")", '"', "\n"])
NAMES = st.sampled_from(
    ["a.py", "x/b.py", "c.js", "d.h", "e.rs", "src/f.rs", "g.go", "h.rb", "i.java", "README", ""]
)


@given(st.dictionaries(NAMES, st.lists(PIECES, max_size=6).map("".join), max_size=8))
def test_any_repository(files: dict[str, str]) -> None:
    found = order(files)
    assert sorted(found) == sorted(files)
    assert found == order(dict(reversed(files.items())))


def test_long_files_of_one_sign() -> None:
    for text in ("import a," * 20_000, "from . import (" * 20_000, "(" * 100_000, "import a\n" * 20_000):
        for name in ("a.py", "a.js", "a.java", "a.go", "a.rs", "a.h"):
            assert order({name: text, "b": ""}) == sorted([name, "b"])
