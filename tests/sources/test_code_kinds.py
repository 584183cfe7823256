"""What a file is: its language, and the signals that rules decide on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.code import contents, kinds, languages, notebooks, tables
from pipeline.sources.code.kinds import describe


def test_empty() -> None:
    found = describe("a.py", b"")
    assert (found.text, found.language, found.category) == ("", "Python", "programming")
    assert not any((found.binary, found.vendored, found.generated, found.minified, found.data, found.test))
    assert describe("", b"").language == ""


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.rs", "fn main() {}", "Rust"),
        ("b/Makefile", "all:\n", "Makefile"),
        ("Dockerfile", "FROM a\n", "Dockerfile"),
        ("CMakeLists.txt", "project(a)\n", "CMake"),
        ("a.PY", "x", "Python"),
        ("page.html.erb", "<%= a %>", "HTML+ERB"),
        ("notes.unknown", "some words", ""),
        ("README", "words", "Text"),
        # by content
        ("a.h", "int f(void);\n", "C"),
        ("a.h", "#include <vector>\nnamespace a {\n}\n", "C++"),
        ("a.h", "#pragma once\n#include <span>\n#include <filesystem>\n", "C++"),
        ("a.h", "#include <stdio.h>\n#include <sys/types.h>\n", "C"),
        ("a.h", "@interface A : NSObject\n@end\n", "Objective-C"),
        ("a.m", "#import <A.h>\n@implementation A\n", "Objective-C"),
        ("a.m", "function y = f(x)\n  y = x;\nend\n", "MATLAB"),
        ("a.m", "(* tides *)\nf[x_] := x^2\n", "Wolfram Language"),
        ("a.pl", "use strict;\nmy $x = 1;\n", "Perl"),
        ("a.pl", ":- module(a, []).\nf(X) :- g(X).\n", "Prolog"),
        ("a.ts", "export const a: number = 1;\n", "TypeScript"),
        ("a.ts", '<?xml version="1.0"?>\n<TS version="2.1">\n', "XML"),
        ("a.md", "# Tides\n", "Markdown"),
        ("a.md", '(define_insn "addsi3"\n', "GCC Machine Description"),
        ("a.r", "x <- c(1, 2)\n", "R"),
        ("a.sql", "SELECT 1;\n", "SQL"),
        ("a.sql", "CREATE FUNCTION f() RETURNS trigger AS $$\n", "PLpgSQL"),
        ("a.sql", "SELECT 1\nGO\n", "TSQL"),
        ("a.v", "module m(input a);\nendmodule\n", "Verilog"),
        ("a.v", "Theorem t : True.\nProof.\nQed.\n", "Rocq Prover"),
        ("a.fs", "module A\nlet x = 1\n", "F#"),
        ("a.fs", "#version 330\nvoid main() {}\n", "GLSL"),
        ("a.inc", "<?php\n$a = 1;\n", "PHP"),
        ("a.inc", "#define A 1\n", "C++"),
        ("a.1", ".TH TIDE 1\n.SH NAME\n", "Roff Manpage"),
        ("a.1", "some numbers: 1 2 3\n", ""),
        ("a.tab", "CREATE TABLE tide (height INT);\n", "SQL"),
        ("a.tab", "# create a table from this\nAA\t12\n", ""),
        # by `#!`, mode lines and markup
        ("tool", "#!/usr/bin/env python3\n", "Python"),
        ("tool", "#!/usr/bin/env -S LANG=C ruby -w\n", "Ruby"),
        ("tool", "#!/usr/bin/perl5.30\n", "Perl"),
        ("tool", '#!/bin/sh\nexec node "$0" "$@"\n', "JavaScript"),
        ("a.cgi", "#!/usr/bin/python\n", "Python"),
        ("tool", "# -*- mode: ruby -*-\n", "Ruby"),
        ("tool", "-- vim: set ft=lua :\n", "Lua"),
        ("a.py", "# -*- coding: utf-8 -*-\n", "Python"),
        ("a.inc", "/* -*- C++ -*- */\n", "C++"),
        ("a", '<?xml version="1.0"?>\n<svg xmlns="a"/>\n', "SVG"),
        ("a", "<!DOCTYPE html>\n<p>", "HTML"),
    ],
)
def test_language(path: str, text: str, language: str) -> None:
    assert describe(path, text.encode()).language == language


def test_the_tables_hold_together() -> None:
    known = set(languages.names())
    assert len(known) > 700
    assert known >= kinds._RECORDS and known >= kinds._EITHER
    choices = languages._tables().choices
    shared = {name for name, found in languages._tables().extensions.items() if len(found) > 1}
    assert shared <= set(choices)
    for extension, rules in choices.items():
        named = {language for _, language in rules} - {""}
        assert named <= set(languages._tables().extensions[extension]), extension
        assert [pattern for pattern, _ in rules if pattern is None] == [rules[-1][0]], extension
    assert len(tables.fingerprint()) == 64


@pytest.mark.parametrize(
    ("data", "binary", "text"),
    [
        (b"a\r\nb\r\n", False, "a\nb\n"),
        (b"a\rb", False, "a\nb"),
        (b"\xef\xbb\xbfa", False, "a"),
        ("né".encode("utf-16"), False, "né"),
        ("caf\xe9 cr\xe8me, d\xe9j\xe0 vu\n".encode("latin-1") * 9, False, "café crème, déjà vu\n" * 9),
        (b"a\0b", True, ""),
        (bytes(range(1, 256)) * 4, True, ""),
        (b"\x1b[31mred\x1b[0m\n", False, "\x1b[31mred\x1b[0m\n"),
    ],
)
def test_text_and_binary(data: bytes, binary: bool, text: str) -> None:
    found = describe("a.txt", data)
    assert (found.binary, found.text) == (binary, text)
    assert not binary or found.language == ""


def test_names_of_binary_formats() -> None:
    assert describe("a.png", b"GIF").binary and not describe("a.obj", b"v 1 2 3\n").binary


@pytest.mark.parametrize(
    ("flag", "yes", "no"),
    [
        ("vendored", ["node_modules/a/b.js", "a/third_party/b.c", "vendor/a.go",
                      "js/jquery-3.6.0.min.js", "gradlew"],
         ["src/a.js", "vendored.py", "src/gradle.py"]),
        ("generated", ["package-lock.json", "a/b.pb.go", "a_pb2.py", "go.sum", "dist/a.js",
                       ".idea/a.xml", "a.js.map"],
         ["package.json", "go.mod", "a.go", "src/distance.py"]),
        ("minified", ["a.min.js", "b/c.min.css"], ["a.js", "admin.js"]),
        ("documentation", ["README.md", "docs/a.rst", "CHANGELOG", "LICENSE", "CONTRIBUTING.md"],
         ["a.py", "install_data.py", "license.js", "news.go"]),
        ("test", ["tests/a.py", "test_a.py", "a_test.go", "b/a.spec.ts", "src/FooTest.java",
                  "a/__tests__/b.js"],
         ["a.py", "latest.py", "contest.go", "testify.rb", "src/Fastest.java"]),
    ],
)  # fmt: skip
def test_paths(flag: str, yes: list[str], no: list[str]) -> None:
    found = {path: getattr(describe(path, b"x\n"), flag) for path in [*yes, *no]}
    assert found == dict.fromkeys(yes, True) | dict.fromkeys(no, False)


@pytest.mark.parametrize(
    "line",
    [
        "// Code generated by protoc-gen-go. DO NOT EDIT.",
        "# This file was automatically generated by SWIG.",
        "/* @generated */",
        "# Autogenerated by tools/make_tables.py",
        "// <auto-generated>",
        "/* A Bison parser, made by GNU Bison 3.5. */",
        "# Generated by Django 4.2",
        "/* DO NOT EDIT THIS FILE */",
    ],
)
def test_marks_of_generated_files(line: str) -> None:
    assert describe("a.go", f"{line}\n\nx\n".encode()).generated


def test_generated_lists_and_prose() -> None:
    assert describe("requirements.txt", b"#\n# This file is autogenerated by pip-compile\na==1\n").generated
    assert not describe("notes.txt", b"This file is autogenerated by pip-compile, they say.\n").generated
    assert not describe("README.md", b"# This file is generated by hand\n").generated


@pytest.mark.parametrize(
    "line",
    [
        "# The numbers generated by this class are random.",
        'VERSION = "1"  # DO NOT EDIT THIS LINE: the release tool does',
        "// writes the generated code to a file",
        "# Lines produced by the scanner.",
    ],
)
def test_lines_that_speak_of_what_the_code_does(line: str) -> None:
    assert not describe("a.go", f"{line}\n\nx\n".encode()).generated


def test_minified_and_data() -> None:
    packed = "!function(e,t){var n=e.a;return t(n)}(this,f);" * 60
    assert describe("a.js", packed.encode()).minified
    assert describe("a.js", (f"/* a banner\n * of some lines\n */\n{packed}").encode()).minified
    assert not describe("a.js", ("function f(a) {\n  return a + 1;\n}\n" * 60).encode()).minified
    assert not describe("a.md", ("a long paragraph of prose " * 90).encode()).minified
    assert describe("a.json", ('{"name":"a","value":[1,2]},' * 60).encode()).minified
    serialized = "DESCRIPTOR = pool.AddSerializedFile(b'" + "\\n\\x1egoogle/protobuf" * 60 + "')\n"
    assert not describe("type_pb2.py", serialized.encode()).minified
    assert not describe("words.c", f'char *words = "{"ab,cd,ef," * 200}";\n'.encode()).minified
    assert describe("a.c", ("0x1f, 0x2e, 0x3d, 0x4c,\n" * 200).encode()).data
    assert describe(
        "a.py", (f'BLOB = """\n{"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 120}\n"""\n').encode()
    ).data
    assert describe("a.csv", b"a,b\n1,2\n").data and describe("a.svg", b"<svg/>").data
    assert not describe("a.json", b'{"a": 1}').data
    assert describe("a.json", json.dumps([{"name": "a", "value": 1}] * 4000).encode()).data
    assert not describe("a.c", ("int sum(int a, int b) {\n  return a + b;\n}\n" * 99).encode()).data


def test_notebook() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Tides\n", "![a](data:image/png;base64,QUJD)"]},
        {"cell_type": "code", "source": "x = 1\n", "outputs": [{"text": "a secret"}]},
        {"cell_type": "code", "source": ["print('```')\n", "```\n"]},
        {"cell_type": "raw", "source": ""},
        "no cell",
    ]
    book = {"cells": cells, "nbformat": 4, "metadata": {"language_info": {"name": "python"}}}
    found = describe("a.ipynb", json.dumps(book).encode())
    expected = "# Tides\n![a]()\n\n```python\nx = 1\n```\n\n````python\nprint('```')\n```\n````\n"
    assert (found.language, found.text) == ("Jupyter Notebook", expected)
    old: Any = {"worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "A"}]}]}
    assert notebooks.to_text(json.dumps(old)) == "## A\n"
    for other in ("", "[]", "{}", "{", "[" * 100_000, '{"cells": 1}'):
        assert notebooks.to_text(other) is None
        assert describe("a.ipynb", other.encode()).text == other


PATHS = st.sampled_from(["a.py", "a.h", "a.ipynb", "a.js", "LICENSE", "a", "a.m", "a.txt", "b/a.inc", "a.md"])


@given(
    PATHS, st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_anything_is_described(path: str, data: bytes) -> None:
    found = describe(path, data)
    assert found.text.encode() is not None and "\0" not in found.text
    assert found == describe(path, data)


def test_long_files_of_one_sign_are_described() -> None:
    for sign in ("a", "#\n", "/*", "{", "\n", " ", "_a", "-*- ", "generated ", "class a "):
        for path in ("a.h", "a.py", "a.ipynb", "a.pp", "a.js"):
            assert not describe(path, (sign * 60_000).encode()).binary
    assert contents.is_text(b"", True)
