# SPDX-License-Identifier: GPL-3.0-or-later
"""One database behind two applications: one that gives fast answers, and one in which Radicale answers everything."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.server.client import Answer, Client, D
from tests.server.running import Running


@dataclass
class Pair:
    """One calendar seen through both; `names` are the objects' by calendar, `tokens` real and bad sync tokens."""

    fast: Client
    radicale: Client
    names: dict[str, list[str]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def same(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        quick, slow = (it.request(method, path, body, **headers) for it in (self.fast, self.radicale))
        assert (quick.status, quick.headers.keys()) == (slow.status, slow.headers.keys())
        for name in ("content-type", "dav", "etag", "last-modified", "content-disposition"):
            assert quick.headers.get(name) == slow.headers.get(name), name
        if quick.headers.get("content-type", "").startswith("text/xml"):
            assert _canonical(quick.xml) == _canonical(slow.xml), (
                body + "\n" + quick.text[:1500] + "\n" + slow.text[:1500]
            )
        else:
            assert quick.body == slow.body
        return quick


def _canonical(element: ET.Element) -> Any:
    """Name, attributes, text and children, order kept only where it means something."""
    children = [_canonical(child) for child in element]
    if element.tag in (f"{D}multistatus", f"{D}response", f"{D}propstat", f"{D}prop"):
        children.sort(key=repr)
    return element.tag, sorted(element.attrib.items()), (element.text or "").strip(), children


def pair_of(configured: Callable[[Any], Running], username: str) -> Pair:
    """Both, for one user."""
    fast, radicale = (configured({"server": {"fast_answers": it}}) for it in ("on", "off"))
    client = fast.client(username)
    return Pair(client, Client(radicale.client(username).application, client.authorization))
