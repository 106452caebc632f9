# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading request bodies and writing DAV error bodies.

XML comes from strangers. Parsing ends at a DTD, at deep nesting and at too many elements, so a body costs only what its
allowed part costs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from http import HTTPStatus
from xml.parsers import expat

from server.gate import LARGEST_XML as LARGEST

MAXIMUM_DEPTH = 64
MAXIMUM_ELEMENTS = 25_000
MAXIMUM_PROPERTIES = 100
"""The most properties that a request may name. Calendar apps name up to 50."""
D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"

_NAMED_OTHERWISE = re.compile(rb"<[^>]*[\x80-\xff]")
_FORBIDDEN = re.compile(rb"&#(?:(5529[6-9]|55[3-9]\d\d|56\d\d\d|57[0-2]\d\d|573[0-3]\d|5734[0-3])|6553[45]);")
"""References to surrogates, which are the group (U+D800 to U+DFFF), and to U+FFFE and U+FFFF."""
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")

Response = tuple[int, dict[str, str], "str | bytes | None", "str | None"]
"""Radicale's WSGIResponse: status, headers, body, and the request's XML for its log."""


class BadBody(ValueError):
    """The request body is not the XML that this request needs, or is too long. `status` is 400 or 413."""

    def __init__(self, sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def response(self) -> Response:
        """The refusal."""
        return plain(self.status, str(self))


class _Reader:
    """Builds a tree from expat's events. The first event that is not allowed ends it."""

    def __init__(self) -> None:
        self._tree = ET.TreeBuilder()
        self._names: dict[str, str] = {}
        self._depth = self._elements = 0
        self._parser = parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._tree.data
        parser.StartDoctypeDeclHandler = self._doctype

    def read(self, content: bytes) -> ET.Element:
        self._parser.Parse(content, True)  # noqa: FBT003 (expat takes no keyword)
        return self._tree.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAXIMUM_DEPTH:
            raise BadBody(f"The request body is nested more than {MAXIMUM_DEPTH} elements deep.")
        if self._elements > MAXIMUM_ELEMENTS:
            raise too_much(f"The request body has more than {MAXIMUM_ELEMENTS} elements.")
        self._tree.start(self._clark(name), {self._clark(it): value for it, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(self._clark(name))

    def _clark(self, name: str) -> str:
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = f"{{{name}" if "}" in name else name
        return found

    @staticmethod
    def _doctype(*_declared: object) -> None:
        raise _not_well_formed()


def too_much(sentence: str) -> BadBody:
    """The refusal of a body that asks for more than one request may."""
    return BadBody(sentence, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _not_well_formed() -> BadBody:
    return BadBody("The request body is not well-formed XML without a DTD.")


def parse(content: bytes) -> ET.Element:
    """The root element of a request body. Raises `BadBody`."""
    if len(content) > LARGEST:
        raise too_much(f"The request body is larger than {LARGEST} bytes.")
    try:
        return _Reader().read(content)
    except BadBody:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _not_well_formed() from error


def count_properties(root: ET.Element) -> None:
    """Raises `BadBody` if a request names more than `MAXIMUM_PROPERTIES` properties to return, set or remove."""
    found = sum(len(prop) for prop in root.iter(f"{D}prop"))
    if found > MAXIMUM_PROPERTIES:
        raise too_much(f"A request may name at most {MAXIMUM_PROPERTIES} properties.")


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
    """The document with its declaration, as `in_ascii`."""
    return in_ascii(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def in_ascii(document: bytes) -> bytes:
    """The UTF-8 document with character references for characters outside ASCII (XML 1.0, section 4.1). Thunderbird
    decodes each piece from the network separately and would tear a character at its edge. Element names cannot be
    written as references. A document with such a name, which only a request can bring, stays as it is.
    """
    if document.isascii() or _NAMED_OTHERWISE.search(document):
        return document
    return document.decode().encode("ascii", "xmlcharrefreplace")


def without_controls(document: bytes) -> bytes:
    """The UTF-8 document without characters that XML 1.0 forbids. ElementTree would write those in a user's name."""
    return document.translate(None, _CONTROLS).replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")


def octets(text: str) -> bytes:
    """Markup whose names are ASCII, as `in_ascii`, without characters that XML 1.0 forbids, surrogates replaced."""
    document = text.encode("ascii", "xmlcharrefreplace").translate(None, _CONTROLS)
    # Our markup holds no such references. A text that looks like one begins with "&amp;" here.
    if not _is_western(text) and (b"&#5" in document or b"&#6553" in document):
        document = _FORBIDDEN.sub(lambda found: b"?" if found[1] else b"", document)
    return document


def _is_western(text: str) -> bool:
    """Whether no character is beyond U+00FF. This takes a twentieth of the time of a search in the finished
    document.
    """
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def one_question(root: ET.Element | None) -> None:
    """Leave the requested element as the only child of a PROPFIND, since Radicale looks only at the first (RFC 4918,
    section 14.20). Raises `BadBody` if the PROPFIND asks for nothing, several things, or too much.
    """
    if root is None:
        return
    asked = [it for it in root if it.tag in (f"{D}prop", f"{D}allprop", f"{D}propname")]
    if root.tag != f"{D}propfind" or len(asked) != 1:
        raise BadBody("A PROPFIND needs a DAV:propfind with one of prop, allprop and propname as its body.")
    count_properties(root)
    root[:] = asked
