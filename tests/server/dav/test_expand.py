# SPDX-License-Identifier: GPL-3.0-or-later
"""The expand-property report (RFC 3253, section 3.8), as macOS asks for the calendars of other people."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from server.dav import expand
from tests.server import fixtures
from tests.server.client import CS, Answer, C, Client, D, propfind
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
CS_NAMESPACE, C_NAMESPACE = CS[1:-1], C[1:-1]
PRINCIPAL = (
    '<A:property name="displayname" namespace="DAV:"/>'
    f'<A:property name="calendar-user-address-set" namespace="{C_NAMESPACE}"/>'
    f'<A:property name="calendar-home-set" namespace="{C_NAMESPACE}"/>'
    '<A:property name="principal-URL" namespace="DAV:"/>'
)
READ_FOR, WRITE_FOR = f"{CS}calendar-proxy-read-for", f"{CS}calendar-proxy-write-for"
APPLE = "".join(
    f'<A:property name="calendar-proxy-{it}-for" namespace="{CS_NAMESPACE}">{PRINCIPAL}</A:property>'
    for it in ("write", "read")
)
EMAIL = f'<A:property name="calendar-user-address-set" namespace="{C_NAMESPACE}"><A:property name="x"/></A:property>'


def ask(client: Client, path: str, properties: str, **headers: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><A:expand-property xmlns:A="DAV:">{properties}</A:expand-property>'
    return client.request("REPORT", path, body, Content_Type="text/xml", **headers)


def nested(name: str, inner: str, namespace: str = "DAV:") -> str:
    return f'<A:property name="{name}" namespace="{namespace}">{inner}</A:property>'


def hrefs(element: ET.Element) -> list[str]:
    """The resources that a property was expanded to."""
    return [it.findtext(f"{D}href", "") for it in element.findall(f"{D}response")]


@pytest.mark.parametrize("fast", ["on", "off"])
@pytest.mark.parametrize("headers", [{}, {"Depth": "0"}])
@pytest.mark.usefixtures("people")
def test_macos_finds_the_people_whose_calendars_a_dispatcher_reads(
    configured: Callable[[Sections], Running], fast: str, headers: dict[str, str]
) -> None:
    dora = configured({"server": {"fast_answers": fast}}).client("dora")
    answer = ask(dora, "/dav/dora/", APPLE, **headers)
    assert list(answer.resources) == ["/dav/dora/"]
    found = answer.only.found
    assert list(found[WRITE_FOR]) == []
    assert hrefs(found[READ_FOR]) == ["/dav/anna/", "/dav/bo/"]
    anna = found[READ_FOR][0]
    assert anna.findtext(f"{D}propstat/{D}status") == "HTTP/1.1 200 OK"
    prop = anna.find(f"{D}propstat/{D}prop")
    assert prop is not None
    assert prop.findtext(f"{D}displayname") == "Anna Ångström"
    assert prop.findtext(f"{C}calendar-home-set/{D}href") == "/dav/anna/"
    assert prop.findtext(f"{D}principal-URL/{D}href") == "/dav/anna/"
    addresses = prop.findall(f"{C}calendar-user-address-set/{D}href")
    assert [it.text for it in addresses] == ["/dav/anna/", "mailto:anna@example.com"]


def test_who_reads_nobody_else_finds_nobody(anna: Client) -> None:
    found = ask(anna, "/dav/anna/", APPLE).only.found
    assert (list(found[READ_FOR]), list(found[WRITE_FOR])) == ([], [])


@pytest.mark.parametrize("path", ["/dav/bo/", "/dav/dora/", "/dav/bo/jobs/"])
def test_what_a_viewer_may_not_read_is_refused(anna: Client, path: str) -> None:
    assert ask(anna, path, APPLE).status == anna.propfind(path, f"{D}owner").status == 403


def test_nobody_is_asked_who_he_is(nobody: Client) -> None:
    assert ask(nobody, "/dav/anna/", APPLE).status == 401


@pytest.mark.parametrize(
    ("path", "name", "namespace"),
    [
        ("/dav/anna/", "current-user-principal", D),
        ("/dav/anna/", "principal-URL", D),
        ("/dav/anna/", "calendar-home-set", C),
        ("/dav/anna/jobs/", "owner", D),
        ("/dav/anna/jobs/", "current-user-principal", D),
    ],
)
def test_each_property_with_hrefs_is_expanded(anna: Client, path: str, name: str, namespace: str) -> None:
    body = nested(name, '<A:property name="displayname"/><A:property name="nonsense"/>', namespace[1:-1])
    (response,) = ask(anna, path, body).only.found[f"{namespace}{name}"]
    assert response.findtext(f"{D}href") == "/dav/anna/"
    inside = {
        it.findtext(f"{D}status"): [prop.tag for prop in it.findall(f"{D}prop/*")]
        for it in response.findall(f"{D}propstat")
    }
    assert inside == {"HTTP/1.1 200 OK": [f"{D}displayname"], "HTTP/1.1 404 Not Found": [f"{D}nonsense"]}


def test_properties_are_expanded_in_expanded_ones(anna: Client) -> None:
    body = nested("owner", nested("principal-URL", '<A:property name="displayname"/>'))
    owner = ask(anna, "/dav/anna/jobs/", body).only.found[f"{D}owner"]
    inner = f"{D}response/{D}propstat/{D}prop/{D}principal-URL/{D}response/{D}propstat/{D}prop/{D}displayname"
    assert owner.findtext(inner) == "Anna Ångström"


def test_an_address_outside_of_the_tree_stays_an_href(anna: Client) -> None:
    found = ask(anna, "/dav/anna/", EMAIL).only.found[f"{C}calendar-user-address-set"]
    assert [it.tag for it in found] == [f"{D}response", f"{D}href"]
    assert found[1].text == "mailto:anna@example.com"


def test_what_is_missing_is_said_so_and_left_out_for_minimal_answers(anna: Client) -> None:
    body = '<A:property name="owner"/><A:property name="group"/>'
    assert ask(anna, "/dav/anna/jobs/", body).only.refused == {f"{D}group": 404}
    assert ask(anna, "/dav/anna/jobs/", body, Prefer="return=minimal").only.refused == {}


def test_members_are_asked_at_depth_1_and_no_deeper(anna: Client) -> None:
    body = nested("owner", '<A:property name="displayname"/>')
    resources = ask(anna, "/dav/anna/", body, Depth="1").resources
    assert list(resources) == list(anna.propfind("/dav/anna/", f"{D}owner", depth="1").resources)
    assert hrefs(resources["/dav/anna/jobs/"].found[f"{D}owner"]) == ["/dav/anna/"]
    refused = ask(anna, "/dav/anna/", body, Depth="infinity")
    assert (refused.status, refused.conditions) == (403, [f"{D}propfind-finite-depth"])


@pytest.mark.parametrize(
    "properties",
    [
        "<A:property/>",
        '<A:property name=""/>',
        '<A:property name="a b"/>',
        '<A:property name="&lt;x/&gt;"/>',
        '<A:property name="x" namespace="urn:}x"/>',
        '<A:property name="x" namespace=""/>',
        '<A:property name="x" namespace="http://www.w3.org/2000/xmlns/"/>',
        '<A:property name="owner"><A:property name="1"/></A:property>',
        '<A:property name="owner">',
    ],
)
def test_a_malformed_report_is_refused(anna: Client, properties: str) -> None:
    assert ask(anna, "/dav/anna/", properties).status == 400


def test_strange_names_come_back_as_they_were(anna: Client) -> None:
    body = "<A:property name='x' namespace='urn:\"&lt;&amp;é'/><A:stranger name='?'/>"
    assert ask(anna, "/dav/anna/", body).only.refused == {'{urn:"<&é}x': 404}


def test_a_resource_that_the_viewer_may_not_read_has_its_status(dora: Client) -> None:
    inbox = "/dav/anna/inbox/"
    status = dora.propfind(inbox, f"{D}owner").status
    assert status in (403, 404)
    body = nested("schedule-inbox-URL", '<A:property name="owner"/>', C_NAMESPACE)
    (response,) = ask(dora, "/dav/anna/", body).only.found[f"{C}schedule-inbox-URL"]
    assert [it.tag for it in response] == [f"{D}href", f"{D}status"]
    assert response.findtext(f"{D}href") == inbox
    assert response.findtext(f"{D}status", "").split()[1] == str(status)


def test_what_is_asked_is_bounded(anna: Client) -> None:
    many = "".join(f'<A:property name="p{it}"/>' for it in range(101))
    deep = '<A:property name="displayname"/>'
    for _ in range(expand.MOST_LEVELS - 1):
        deep = nested("principal-URL", deep)
    assert ask(anna, "/dav/anna/", many).status == 413
    assert ask(anna, "/dav/anna/", deep).status == 207
    assert ask(anna, "/dav/anna/", nested("principal-URL", deep)).status == 413


def test_resources_are_bounded_also_where_they_multiply(
    dora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = nested(
        "calendar-proxy-read-for", nested("owner", '<A:property name="displayname"/>'), CS_NAMESPACE
    )
    monkeypatch.setattr(expand, "MOST_RESOURCES", 4)
    assert ask(dora, "/dav/dora/", body).status == 207
    monkeypatch.setattr(expand, "MOST_RESOURCES", 3)
    answer = ask(dora, "/dav/dora/", body)
    assert (answer.status, answer.conditions) == (507, [f"{D}number-of-matches-within-limits"])


def test_a_propfind_after_it_is_not_disturbed(anna: Client) -> None:
    before = anna.request("PROPFIND", "/dav/anna/", propfind(READ_FOR), Depth="0").xml
    ask(anna, "/dav/anna/", APPLE)
    after = anna.request("PROPFIND", "/dav/anna/", propfind(READ_FOR), Depth="0").xml
    assert ET.tostring(before) == ET.tostring(after)
