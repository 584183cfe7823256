"""Licence headers: what goes and, above all, what stays."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.license_header import STAGE, without_header
from pipeline.batch import Batch
from text.comments import leading

APACHE = """Copyright 2021 The Tidewheel Authors

Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, software
distributed under the License is distributed on an "AS IS" BASIS."""


def commented(mark: str, text: str) -> str:
    return "".join(f"{mark} {line}".rstrip() + "\n" for line in text.split("\n"))


def test_empty(measured: Any) -> None:
    assert measured(STAGE) == []
    assert [row["license_header_chars"] for row in measured(STAGE, "", None, "x = 1\n")] == [0, 0, 0]
    assert without_header("") == ""


def test_what_was_taken_out_is_counted() -> None:

    batch = Batch(pa.table({"text": ["# Copyright 2020 A\n\nx = 1\n", "y"]}))
    assert [array.to_pylist() for array in STAGE.open(STAGE.options())(batch)] == [[20, 0], ["x = 1\n", "y"]]


@pytest.mark.parametrize("mark", ["#", "//", "--", ";", ";;", "%", "!", "REM", "::", "dnl"])
def test_marks_of_lines(mark: str) -> None:
    assert without_header(commented(mark, APACHE) + "\ncode\n") == "code\n"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("/*", "*/"), ("<!--", "-->"), ("(*", "*)"), ("{-", "-}"), ("--[[", "]]"), ('"""', '"""'), ("#|", "|#")],
)
def test_marks_of_blocks(opening: str, closing: str) -> None:
    assert without_header(f"{opening}\n{APACHE}\n{closing}\n\ncode\n") == "code\n"
    never_closed = f"{opening}\n{APACHE}\ncode\n"
    assert without_header(never_closed) == never_closed


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # what tools read stays
        ("#!/bin/sh\n# Copyright 2020 A\necho\n", "#!/bin/sh\necho\n"),
        ("# -*- coding: utf-8 -*-\n# Copyright 2020 A\n\nx\n", "# -*- coding: utf-8 -*-\n\nx\n"),
        ("//go:build linux\n\n// Copyright 2020 A\n\npackage a\n", "//go:build linux\n\npackage a\n"),
        ("<?php\n/*\n * Copyright (c) 2020 A\n */\necho 1;\n", "<?php\necho 1;\n"),
        ('<?xml version="1.0"?>\n<!-- Copyright 2020 -->\n<a/>\n', '<?xml version="1.0"?>\n<a/>\n'),
        # documentation in the same comment stays
        ("# Copyright 2020 A\n#\n# Counts tides.\nx\n", "# Counts tides.\nx\n"),
        ("# Counts tides.\n#\n# Copyright 2020 A\nx\n", "# Counts tides.\nx\n"),
        ("/* Copyright 2020 A\n *\n * Counts tides.\n */\nx\n", "/*\n * Counts tides.\n */\nx\n"),
        ('"""Counts tides.\n\n:license: MIT License\n"""\nx\n', '"""Counts tides.\n"""\nx\n'),
        ('"""Counts tides.\n\nCopyright 2020 A"""\nx\n', '"""Counts tides.\n"""\nx\n'),
        (
            "/*\n * Copyright 2020 A\n *\n * Counts tides.\n *\n * Licensed under the MIT License.\n */\nx\n",
            "/*\n * Counts tides.\n */\nx\n",
        ),
        # a second comment is looked at too
        ("/* eslint-disable */\n/* Copyright 2020 A */\nx\n", "/* eslint-disable */\nx\n"),
        ("// SPDX-License-Identifier: MIT\n// Counts tides.\n\nx\n", "x\n"),
    ],
)
def test_what_stays(text: str, left: str) -> None:
    assert without_header(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # Copyright 2020 A\n",
        "import os\n# Copyright 2020 A\n",
        "Copyright 2020 A. All rights reserved.\n",
        '#include <copyright.h>\n#define LICENSE "MIT License"\n',
        "# Counts the copyright signs of a text.\nx\n",
        "/* Copyright 2020 */ int a;\n",
        "# Tides\n\nA program under the MIT License.\n",
        "'use strict';\nlet a = 'copyright 2020';\n",
    ],
)
def test_what_is_no_header(text: str) -> None:
    assert without_header(text) == text


MARKS = [
    "/*",
    "*/",
    " * ",
    "//",
    "# ",
    '"""',
    "'''",
    "<!--",
    "-->",
    "--",
    "#!/x",
    ";",
    "\n",
    "\n\n",
    "\r\n",
    " ",
]
WORDS = [
    "Copyright 2020 X",
    "All rights reserved",
    "docs",
    "eslint a",
    "-*- coding: x",
    "code()",
    "https://a.org",
]
PIECES = st.sampled_from([*MARKS, *WORDS])


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=40))
@settings(max_examples=500)
def test_any_text(text: str) -> None:
    left = without_header(text)
    assert without_header(left) == left
    rest = iter(text)
    assert all(sign in rest for sign in left)  # nothing is added, and the order stays
    for comment in leading(text):
        assert 0 <= comment.start < comment.end <= len(text)
        assert all(comment.start <= line.start <= line.end <= comment.end for line in comment.lines)


def test_long_comments_take_linear_time() -> None:
    for text in ("// Copyright 2020 A\n" * 50_000, "/* a */\n" * 50_000, "\n" * 500_000, " " * 500_000):
        assert len(without_header(text)) <= len(text)
