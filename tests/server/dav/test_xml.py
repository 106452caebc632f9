# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing request bodies: the tree is ElementTree's, and what is not allowed ends it where it is met."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dav.xml import MAXIMUM_DEPTH, MAXIMUM_ELEMENTS, BadBody, parse

NAMES = st.sampled_from(["a", "b", "p:c", "xml:lang"])
TEXT = st.text("aä<&\U0001f600\n ]>", max_size=5)


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES.filter(lambda it: not it.startswith("xml")))
    attributes = draw(st.dictionaries(NAMES, TEXT, max_size=2))
    inside = draw(st.lists(documents(depth=depth - 1), max_size=3)) if depth else []
    text = draw(TEXT)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    given_ = "".join(f" {key}={_quoted(value)}" for key, value in attributes.items())
    default = draw(st.sampled_from(["", ' xmlns="urn:d"', ' xmlns=""']))
    return f'<{name}{default} xmlns:p="urn:p"{given_}>{escaped}{"".join(inside)}<!-- c -->{escaped}</{name}>'


def _quoted(value: str) -> str:
    return '"' + value.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "&#10;") + '"'


@given(documents(), st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_the_tree_is_that_of_elementtree(document: str, encoding: str) -> None:
    content = document.encode(encoding)
    expected, found = ET.fromstring(content), parse(content)  # noqa: S314 (our own text)
    assert ET.tostring(found) == ET.tostring(expected)
    assert [it.attrib for it in found.iter()] == [it.attrib for it in expected.iter()]


def refused(content: bytes) -> tuple[int, str]:
    with pytest.raises(BadBody) as caught:
        parse(content)
    return caught.value.status, str(caught.value)


# The octets that follow are not XML: who says what is wrong before them has not looked at them.
REST = b"\x00<<<"


def test_depth_is_bounded_while_parsing() -> None:
    assert refused(b"<a>" * (MAXIMUM_DEPTH + 1) + REST)[1].endswith("64 elements deep.")
    parse(b"<a>" * MAXIMUM_DEPTH + b"</a>" * MAXIMUM_DEPTH)


def test_the_number_of_elements_is_bounded_while_parsing() -> None:
    assert refused(b"<a>" + b"<b/>" * MAXIMUM_ELEMENTS + REST)[0] == 413
    parse(b"<a>" + b"<b/>" * (MAXIMUM_ELEMENTS - 1) + b"</a>")


def test_size_is_bounded_before_parsing() -> None:
    assert refused(b"<" * (2**20 + 1)) == (413, "The request body is larger than 1048576 bytes.")


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"<a>", b"<a/><b/>", b"<a>&x;</a>", b"<!DOCTYPE a><a/>", b"<p:a/>", b"<a b='1' b='2'/>"],
)
def test_what_is_not_well_formed_is_refused(content: bytes) -> None:
    assert refused(content) == (400, "The request body is not well-formed XML without a DTD.")
