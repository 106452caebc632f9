# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading request bodies and writing DAV error bodies.

XML comes from strangers: entities, DTDs and deep nesting are refused before anything walks the tree.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import defusedxml
import defusedxml.ElementTree as DefusedET

MAXIMUM_DEPTH = 64
D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")

Response = tuple[int, dict[str, str], "str | bytes | None", "str | None"]
"""Radicale's WSGIResponse: status, headers, body, and the request's XML for its log."""


class BadBody(ValueError):
    """The request body is not the XML this request needs."""


def parse(content: bytes) -> ET.Element:
    """The root element of a request body. Raises `BadBody`."""
    try:
        root: ET.Element = DefusedET.fromstring(content, forbid_dtd=True)
    except (ET.ParseError, defusedxml.DefusedXmlException, ValueError, LookupError) as error:
        raise BadBody("The request body is not well-formed XML without a DTD.") from error
    if _too_deep(root):
        raise BadBody(f"The request body is nested more than {MAXIMUM_DEPTH} elements deep.")
    return root


def error(status: int, *conditions: str) -> Response:
    """A refusal whose body names the preconditions (RFC 4918, section 16) in Clark notation."""
    root = ET.Element(f"{D}error")
    for condition in conditions:
        ET.SubElement(root, condition)
    return status, {"Content-Type": "text/xml; charset=utf-8"}, to_bytes(root), None


def plain(status: int, sentence: str, **headers: str) -> Response:
    """A refusal in one sentence."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "text/plain", **named}, sentence + "\n", None


def to_bytes(root: ET.Element) -> bytes:
    """The document with its declaration."""
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def without_controls(document: bytes) -> bytes:
    """The UTF-8 document without characters that XML 1.0 forbids; ElementTree writes those of a user's name."""
    return document.translate(None, _CONTROLS).replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")


def octets(text: str) -> bytes:
    """`text` in UTF-8 without characters that XML 1.0 forbids, surrogates replaced."""
    if "\ufffe" in text or "\uffff" in text:
        text = text.replace("\ufffe", "").replace("\uffff", "")
    return text.encode("utf-8", "replace").translate(None, _CONTROLS)


def one_question(root: ET.Element | None) -> None:
    """Leave what a PROPFIND asks for as its only child, since Radicale looks at the first (RFC 4918, section 14.20).
    Raises RuntimeError where it asks for nothing or several things.
    """
    if root is None:
        return
    asked = [it for it in root if it.tag in (f"{D}prop", f"{D}allprop", f"{D}propname")]
    if root.tag != f"{D}propfind" or len(asked) != 1:
        raise RuntimeError(
            "A PROPFIND needs a DAV:propfind with one of prop, allprop and propname as its body."
        )
    root[:] = asked


def _too_deep(root: ET.Element) -> bool:
    level = [root]
    for _ in range(MAXIMUM_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True
