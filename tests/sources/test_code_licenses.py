"""Licences: texts, manifests and headers, and what kind they are. The samples are our own wording."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.code import expressions, license_texts, licenses, manifests
from pipeline.sources.code.expressions import kind
from pipeline.sources.code.licenses import repository_license
from pipeline.sources.code.notices import header_license

COMMON = Path("/usr/share/common-licenses")  # of Debian and its relatives


def test_empty() -> None:
    assert repository_license({}) == header_license("") == ""
    assert kind("") == "none"
    assert license_texts.licenses_in("") == ()
    assert repository_license({"LICENSE": b"", "package.json": b""}) == ""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", "permissive"),
        ("mit", "permissive"),
        ("GPL-3.0-only", "copyleft"),
        ("GPL-2.0+", "copyleft"),
        ("MIT OR GPL-2.0-or-later", "permissive"),
        ("MIT AND GPL-2.0-or-later", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("(MIT OR GPL-2.0-only) AND Apache-2.0", "permissive"),
        ("MIT AND (GPL-2.0-only OR MPL-2.0)", "copyleft"),
        ("MIT AND LicenseRef-ours", "none"),
        ("MIT OR LicenseRef-ours", "permissive"),
        ("CC-BY-NC-4.0", "none"),
        ("CC-BY-SA-4.0", "copyleft"),
        ("BUSL-1.1", "none"),
        ("MIT OR", "none"),
        ("(MIT", "none"),
        ("MIT)", "none"),
        ("OR", "none"),
        ("(" * 500 + "MIT" + ")" * 500, "none"),
    ],
)
def test_kind(expression: str, expected: str) -> None:
    assert kind(expression) == expected


@given(st.text(st.sampled_from("MITGPL-2.0+() ORANDWITH"), max_size=40) | st.text(max_size=20))
def test_any_expression(text: str) -> None:
    assert kind(text) in ("permissive", "copyleft", "none")
    written = expressions.written(text)
    assert expressions.written(written) == written
    assert (written == "") == (expressions.parse(text) is None)


def test_written() -> None:
    assert expressions.written("(mit OR gpl-2.0+)") == "MIT OR GPL-2.0-or-later"
    assert expressions.written("GPL-2.0+ and MIT") == "GPL-2.0-or-later AND MIT"
    assert expressions.joined(["MIT OR ISC", "MIT", ""], "AND") == "(MIT OR ISC) AND MIT"
    assert expressions.joined([], "OR") == ""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("LICENSE", True),
        ("LICENCE.md", True),
        ("COPYING", True),
        ("COPYING.LESSER", True),
        ("LICENSE-MIT", True),
        ("MIT-LICENSE.txt", True),
        ("UNLICENSE", True),
        ("LICENSES/MIT.txt", True),
        ("a/b/licenses/x.txt", True),
        ("license.py", False),
        ("src/licenses/check.go", False),
        ("LicenseChecker.java", False),
        ("README.md", False),
        ("", False),
    ],
)
def test_names_of_license_files(path: str, expected: bool) -> None:
    assert licenses.is_license_file(path) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2", "Apache-2.0"),
        ("BSD", "BSD"),
        ("New BSD License", "BSD-3-Clause"),
        ("BSD 2-Clause", "BSD-2-Clause"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GNU Affero General Public License v3", "AGPL-3.0-only"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT or Apache License 2.0", "MIT OR Apache-2.0"),
        ("MPL 2.0", "MPL-2.0"),
        ("UNLICENSED", ""),
        ("see the file", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_names_that_people_write(name: str, expected: str) -> None:
    assert manifests.license_of_name(name) == expected


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("package.json", '{"license": "(MIT OR GPL-3.0)"}', "MIT OR GPL-3.0-only"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "ISC"}]}', "MIT OR ISC"),
        ("package.json", "[" * 9999, ""),
        ("Cargo.toml", '[package]\nlicense = "MIT OR Apache-2.0"', "MIT OR Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD-3-Clause"}', "BSD-3-Clause"),
        ("pyproject.toml", "not = [toml", ""),
        ("PKG-INFO", "Name: a\nLicense-Expression: MPL-2.0\n\nLicense: MIT", "MPL-2.0"),
        ("PKG-INFO", "Classifier: License :: OSI Approved :: MIT License\n", "MIT"),
        ("setup.py", "setup(name='a', license='Apache 2.0')", "Apache-2.0"),
        ("setup.cfg", "[metadata]\nlicense = MIT\n", "MIT"),
        ("a.gemspec", 's.license = "MIT"', "MIT"),
        ("pom.xml", "<license>\n <name>Apache License 2.0</name>", "Apache-2.0"),
        ("DESCRIPTION", "License: GPL-3 + file LICENSE\n", "GPL-3.0-only"),
        ("a.txt", "MIT", ""),
    ],
)
def test_manifests(path: str, content: str, expected: str) -> None:
    assert manifests.license_of(path, content.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0+ WITH Linux-syscall-note */\n",
         "GPL-2.0-or-later WITH Linux-syscall-note"),
        ("<!-- SPDX-License-Identifier: CC-BY-4.0 -->\n", "CC-BY-4.0"),
        ("// Licensed under the Apache License, Version 2.0 (the License);\n", "Apache-2.0"),
        ("# under the terms of the GNU General Public License as\n# published, either version 3 of"
         " the License, or\n# (at your option) any later version.\n", "GPL-3.0-or-later"),
        ("# the GNU Lesser General Public License version 2.1 only\n", "LGPL-2.1-only"),
        ("/*\n * This Source Code is subject to the terms of the Mozilla Public\n * License, v. 2.0.\n */\n",
         "MPL-2.0"),
        ("# Released under the MIT License.\n", "MIT"),
        ("-- This file is in the public domain\n", "LicenseRef-public-domain"),
        ("# Use of this code is governed by a BSD-style license in the LICENSE file.\n", ""),
        ("NAME = 'SPDX-License-Identifier: MIT'\n", ""),
        ("import a\n# Licensed under the Apache License, Version 2.0\n", ""),
        ("# Reads SPDX-License-Identifier: lines\n", ""),
        ("# License: https://opensource.org/licenses/ISC\n", "ISC"),
        ("# License of the pictures: https://creativecommons.org/licenses/by/4.0/\n", ""),
    ],
)  # fmt: skip
def test_headers(text: str, expected: str) -> None:
    assert header_license(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPDX-License-Identifier: MIT\n", "MIT"),
        ("SPDX-License-Identifier: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("SPDX-License-Identifier: GPL-2.0 WITH Classpath-exception-2.0",
         "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("MIT License", "MIT"),
        ("# The Unlicense", "Unlicense"),
        ("https://mozilla.org/MPL/2.0/\n", "MPL-2.0"),
        ("<https://opensource.org/license/isc-license-txt>, <https://opensource.org/licenses/ISC>.", "ISC"),
        ("See https://www.apache.org/licenses/LICENSE-2.0.html", "Apache-2.0"),
        ("https://spdx.org/licenses/BSD-3-Clause.html", "BSD-3-Clause"),
        ("https://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "GPL-2.0-only"),
        ("https://www.gnu.org/licenses/", ""),
        ("https://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.eclipse.org/legal/epl-v10.html", "EPL-1.0"),
        ("https://example.org/our-terms", ""),
    ],
)  # fmt: skip
def test_a_license_file_that_holds_no_text(text: str, expected: str) -> None:
    assert repository_license({"LICENSE": text.encode()}) == expected


@pytest.mark.skipif(not (COMMON / "BSD").is_file(), reason="not among this system's")
def test_a_text_beside_an_address() -> None:
    text = (COMMON / "BSD").read_text(encoding="utf-8")
    assert repository_license({"LICENSE": text.encode()}) == "BSD-3-Clause"
    before = f"Parts: https://mozilla.org/MPL/2.0/.\n\n{text}"
    assert repository_license({"LICENSE": before.encode()}) == "BSD-3-Clause AND MPL-2.0"


ISC = b"ISC License\n\nthe terms are on the web\n"


def test_a_text_and_a_manifest() -> None:
    assert repository_license({"LICENSE": ISC}) == "ISC"
    assert repository_license({"package.json": b'{"license": "MIT"}'}) == "MIT"
    assert repository_license({"LICENSE": ISC, "package.json": b'{"license": "MIT"}'}) == "ISC"
    both = {"LICENSE": ISC, "package.json": b'{"license": "(ISC OR MIT)"}'}
    assert repository_license(both) == "ISC OR MIT"
    assert repository_license({"LICENSE": ISC, "a/LICENSE": b"MIT License"}) == "ISC"
    assert repository_license({"LICENSES/a.txt": ISC, "README.md": b"MIT"}) == "ISC"
    assert repository_license({"THIRD-PARTY-LICENSES": ISC}) == ""
    assert repository_license({"LICENSE": b"MIT License\n\nsee the web"}) == "MIT"
    named = {"LICENSE-ISC": ISC, "LICENSE-MIT": b"The MIT License"}
    assert repository_license(named) == "ISC OR MIT"
    choice = b"You may choose either of the licences named here.\n\n"
    assert repository_license({"LICENSE": choice + ISC, "COPYING": b"MIT License"}) == "MIT OR ISC"
    assert repository_license({"LICENSE": ISC, "COPYING": b"MIT License"}) == "MIT AND ISC"


def test_the_order_of_the_files_does_not_matter() -> None:
    files = {"LICENSE-ISC": ISC, "LICENSE-MIT": b"MIT License", "setup.py": b"license='BSD'"}
    assert repository_license(files) == repository_license(dict(reversed(files.items())))


@pytest.mark.skipif(not COMMON.is_dir(), reason="no folder of common licences on this system")
@pytest.mark.parametrize(
    ("name", "spdx"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-3", "GPL-3.0-only"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("LGPL-3", "LGPL-3.0-only"),
        ("MPL-2.0", "MPL-2.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("GFDL-1.3", "GFDL-1.3-only"),
        ("Artistic", "Artistic-1.0-Perl"),
    ],
)
def test_whole_texts(name: str, spdx: str) -> None:
    if not (COMMON / name).is_file():
        pytest.skip("not among this system's")
    text = (COMMON / name).read_text(encoding="utf-8")
    assert license_texts.licenses_in(text) == (spdx,)
    other = (COMMON / "MPL-2.0").read_text(encoding="utf-8")
    assert license_texts.licenses_in(f"{other}\n{text}") == tuple(dict.fromkeys(("MPL-2.0", spdx)))
    # the table says of it what its text says now
    entry = next(one for one in license_texts.fingerprints() if one.spdx == spdx)
    here = {one for one in license_texts.groups(text) if one % entry.spacing == 0}
    assert len(here & entry.hashes) > 0.9 * len(entry.hashes)


@pytest.mark.skipif(not (COMMON / "BSD").is_file(), reason="not among this system's")
def test_a_whole_text_in_a_header() -> None:
    text = (COMMON / "BSD").read_text(encoding="utf-8")
    header = "".join(f"# {line}\n" for line in f"Copyright 2020 A\n{text}".split("\n"))
    assert header_license(header + "\nx = 1\n") == "BSD-3-Clause"


def test_the_table() -> None:
    known = license_texts.fingerprints()
    assert [one.spdx for one in known] == list(license_texts.KNOWN)
    assert all(one.hashes and len(one.hashes) <= license_texts.LARGEST_SAMPLE for one in known)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    data = text.encode("utf-8", "replace")
    assert isinstance(header_license(text), str)
    assert isinstance(repository_license({"LICENSE": data, "package.json": data, "setup.py": data}), str)
