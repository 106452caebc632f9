# SPDX-License-Identifier: GPL-3.0-or-later
"""A WSGI client as granian would be one: requests go through the whole application, in this process."""

from __future__ import annotations

import base64
import io
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

D, C, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
APPLE, RADICALE = "{http://apple.com/ns/ical/}", "{http://radicale.org/ns/}"


def basic(username: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One DAV:response: its own status, or the properties found and those refused, by status."""

    status: int | None
    found: Mapping[str, ET.Element]
    refused: Mapping[str, int]

    def text(self, name: str) -> str:
        return self.found[name].text or ""

    def hrefs(self, name: str) -> list[str]:
        return [it.text or "" for it in self.found[name].iter(f"{D}href")]

    def tags(self, name: str) -> set[str]:
        """The elements inside a property, the wrapping ones left out."""
        return {it.tag for it in self.found[name].iter() if len(it) == 0} - {name}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.body)  # noqa: S314

    @property
    def resources(self) -> dict[str, Resource]:
        """The responses of a multistatus by href."""
        assert self.status == 207, (self.status, self.body)
        return {it.findtext(f"{D}href", ""): _resource(it) for it in self.xml.findall(f"{D}response")}

    @property
    def only(self) -> Resource:
        """The one response."""
        (resource,) = self.resources.values()
        return resource

    @property
    def conditions(self) -> list[str]:
        """The preconditions named in a DAV:error."""
        assert self.xml.tag == f"{D}error", self.body
        return [it.tag for it in self.xml]

    @property
    def names(self) -> dict[str, int]:
        """The last segment of each href, with 200 or the status of the response."""
        return {href.rpartition("/")[2]: it.status or 200 for href, it in self.resources.items()}


def _resource(response: ET.Element) -> Resource:
    own = response.findtext(f"{D}status")
    found: dict[str, ET.Element] = {}
    refused: dict[str, int] = {}
    for propstat in response.findall(f"{D}propstat"):
        status = _code(propstat.findtext(f"{D}status", ""))
        for element in propstat.findall(f"{D}prop/*"):
            if status == 200:
                found[element.tag] = element
            else:
                refused[element.tag] = status
    return Resource(status=_code(own) if own else None, found=found, refused=refused)


def _code(status_line: str) -> int:
    return int(status_line.split()[1])


class Client:
    """Requests of one user, or of nobody."""

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        authorization: str | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self.application = application
        self.authorization = authorization
        self.address = address

    def request(
        self,
        method: str,
        path: str,
        body: str | bytes = b"",
        /,
        *,
        environ: Mapping[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        """`path` is percent-encoded and may carry a query; keywords are headers with `_` for `-`."""
        content = body.encode() if isinstance(body, str) else body
        started: list[tuple[str, list[tuple[str, str]]]] = []
        request = {**self._environ(method, path, content), **_variables(headers), **(environ or {})}
        request = {name: value for name, value in request.items() if value is not None}
        chunks = self.application(request, lambda status, fields, *_: started.append((status, fields)))
        answer = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        ((status, fields),) = started
        return Answer(
            status=int(status.split()[0]),
            headers={name.lower(): value for name, value in fields},
            body=answer,
        )

    def _environ(self, method: str, path: str, content: bytes) -> dict[str, Any]:
        where, _, query = path.partition("?")
        request = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(where).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.address,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "5232",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:5232",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }
        if content:
            request["CONTENT_LENGTH"] = str(len(content))
        if self.authorization is not None:
            request["HTTP_AUTHORIZATION"] = self.authorization
        return request

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def propfind(self, path: str, *names: str, depth: str = "0") -> Answer:
        """PROPFIND of the properties with these names in Clark notation."""
        return self.request("PROPFIND", path, propfind(*names), Depth=depth)

    def report(self, path: str, body: str) -> Answer:
        return self.request("REPORT", path, body, Depth="1", Content_Type="application/xml; charset=utf-8")

    def query(self, path: str, filters: str, data: str = "<C:calendar-data/>") -> Answer:
        """A calendar-query for getetag and calendar-data with these filters inside VCALENDAR."""
        return self.report(path, calendar_query(filters, data))

    def sync(self, path: str, token: str = "", extra: str = "") -> Answer:
        return self.report(
            path,
            (
                f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>{extra}'
                "<prop><getetag/></prop></sync-collection>"
            ),
        )

    def token(self, path: str) -> str:
        """The present sync token."""
        return self.propfind(path, f"{D}sync-token").only.text(f"{D}sync-token")


def propfind(*names: str) -> str:
    """The body of a PROPFIND."""
    root = ET.Element(f"{D}propfind")
    prop = ET.SubElement(root, f"{D}prop")
    for name in names:
        ET.SubElement(prop, name)
    return ET.tostring(root, "unicode")


def proppatch(*instructions: tuple[str, str | ET.Element | None]) -> str:
    """The body of a PROPPATCH: names with a text, a child element, or None to remove."""
    root = ET.Element(f"{D}propertyupdate")
    for name, value in instructions:
        action = ET.SubElement(root, f"{D}remove" if value is None else f"{D}set")
        prop = ET.SubElement(ET.SubElement(action, f"{D}prop"), name)
        if isinstance(value, ET.Element):
            prop.append(value)
        else:
            prop.text = value
    return ET.tostring(root, "unicode")


def calendar_query(filters: str, data: str = "<C:calendar-data/>") -> str:
    """The body of a calendar-query with these filters inside VCALENDAR."""
    return (
        f'<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/>{data}</prop>'
        f'<C:filter><C:comp-filter name="VCALENDAR">{filters}</C:comp-filter></C:filter></C:calendar-query>'
    )


def during(start: str, end: str) -> str:
    """A filter for events of that range."""
    return f'<C:comp-filter name="VEVENT"><C:time-range start="{start}" end="{end}"/></C:comp-filter>'


def having(name: str, condition: str = "") -> str:
    """A filter for events by a property."""
    return f'<C:comp-filter name="VEVENT"><C:prop-filter name="{name}">{condition}</C:prop-filter></C:comp-filter>'


def containing(name: str, text: str, attributes: str = "") -> str:
    """A filter for events by the text of a property."""
    return having(name, f"<C:text-match {attributes}>{text}</C:text-match>")


def multiget(*hrefs: str, data: str = "<C:calendar-data/>") -> str:
    """The body of a calendar-multiget."""
    return (
        '<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/>'
        f"{data}</prop>{''.join(f'<href>{href}</href>' for href in hrefs)}</C:calendar-multiget>"
    )


def _variables(headers: Mapping[str, str]) -> dict[str, str]:
    plain = {"CONTENT_TYPE", "CONTENT_LENGTH"}
    names = {name: name.upper() for name in headers}
    return {upper if upper in plain else f"HTTP_{upper}": headers[name] for name, upper in names.items()}
