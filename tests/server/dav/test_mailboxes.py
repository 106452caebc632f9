# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduling inbox and outbox as resources, and how clients find them (RFC 6638, sections 2 and 6)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from tests.server import fixtures
from tests.server.client import C, Client, D, calendar_query, multiget, proppatch
from tests.server.running import Running

database = fixtures.sqlite_alone
HOME, INBOX, OUTBOX = "/dav/anna/", "/dav/anna/inbox/", "/dav/anna/outbox/"
INBOX_URL, OUTBOX_URL, USER_TYPE = (
    f"{C}{it}" for it in ("schedule-inbox-URL", "schedule-outbox-URL", "calendar-user-type")
)
ADDRESSES, PRIVILEGES = f"{C}calendar-user-address-set", f"{D}current-user-privilege-set"
SUPPORTED = f"{D}supported-privilege-set"
READ = {f"{D}read", f"{D}read-current-user-privilege-set"}


@pytest.fixture(params=["on", "off"])
def anna(
    request: pytest.FixtureRequest, configured: Callable[[Any], Running], people: dict[str, int]
) -> Client:
    """Once with fast answers, once with Radicale's."""
    return configured({"server": {"fast_answers": request.param}}).client("anna")


def test_the_principal_says_where_they_are_and_who_it_is(anna: Client) -> None:
    found = anna.propfind(HOME, INBOX_URL, OUTBOX_URL, ADDRESSES, USER_TYPE, f"{D}displayname").only
    assert (found.hrefs(INBOX_URL), found.hrefs(OUTBOX_URL)) == ([INBOX], [OUTBOX])
    assert found.hrefs(ADDRESSES) == [HOME, "mailto:anna@example.com"]
    assert (found.text(USER_TYPE), found.refused) == ("INDIVIDUAL", {})
    below = anna.propfind("/dav/anna/jobs/", INBOX_URL, USER_TYPE).only
    assert below.refused == {INBOX_URL: 404, USER_TYPE: 404}


def test_they_are_collections_of_their_own_kind(anna: Client) -> None:
    listed = anna.propfind(HOME, f"{D}resourcetype", f"{D}displayname", PRIVILEGES, depth="1").resources
    for path, kind, privilege in (
        (INBOX, "schedule-inbox", "schedule-query-freebusy"),
        (OUTBOX, "schedule-outbox", "schedule-send-freebusy"),
    ):
        alone = anna.propfind(path, f"{D}resourcetype", f"{D}displayname", PRIVILEGES).only
        for found in (alone, listed[path]):
            assert found.tags(f"{D}resourcetype") == {f"{D}collection", f"{C}{kind}"}
            assert found.tags(PRIVILEGES) == {*READ, f"{C}{privilege}"}
            assert found.refused == {f"{D}displayname": 404}
        assert list(anna.propfind(path, f"{D}owner", depth="1").resources) == [path]
        assert anna.propfind(path, f"{D}owner").only.hrefs(f"{D}owner") == [HOME]


def test_scheduling_privileges_are_aggregated(anna: Client) -> None:
    """Section 6.3; all of them are there, and none is abstract but granted to nobody or to the owner."""
    for path, verb, names in (
        (INBOX, "deliver", ("deliver-invite", "deliver-reply", "query-freebusy")),
        (OUTBOX, "send", ("send-invite", "send-reply", "send-freebusy")),
    ):
        supported = anna.propfind(path, SUPPORTED).only.found[SUPPORTED]
        tree = _tree(supported)
        assert tree == {
            f"{D}all": {
                f"{D}read": {f"{D}read-current-user-privilege-set": {}},
                f"{C}schedule-{verb}": {f"{C}schedule-{it}": {} for it in names},
            }
        }
        assert supported.find(f".//{D}abstract") is None


def _tree(element: ET.Element) -> dict[str, Any]:
    return {
        it.find(f"{D}privilege")[0].tag: _tree(it)  # type: ignore[index]
        for it in element.findall(f"{D}supported-privilege")
    }


def test_an_outbox_says_what_it_takes(anna: Client) -> None:
    names = [f"{C}{it}" for it in ("max-resource-size", "max-attendees-per-instance")]
    component, data = f"{C}supported-calendar-component-set", f"{C}supported-calendar-data"
    found = anna.propfind(OUTBOX, *names, component, data).only
    assert [found.text(it) for it in names] == ["262144", "200"]
    assert [it.get("name") for it in found.found[component]] == ["VFREEBUSY"]
    assert found.found[data][0].attrib == {"content-type": "text/calendar", "version": "2.0"}
    assert anna.propfind(INBOX, component, f"{D}sync-token").only.found == {}


def test_post_is_allowed_at_an_outbox_alone(anna: Client) -> None:
    for path, allowed in ((OUTBOX, True), (INBOX, False), (HOME, False), ("/dav/anna/jobs/", False)):
        answer = anna.request("OPTIONS", path)
        assert ("POST" in answer.headers["allow"].split(", ")) == allowed, path
        assert "calendar-auto-schedule" in answer.headers["dav"].split(", ")


def test_an_inbox_is_empty(anna: Client) -> None:
    reports = f"{D}supported-report-set"
    assert anna.propfind(INBOX, reports).only.tags(reports) == {f"{C}calendar-query", f"{C}calendar-multiget"}
    assert anna.propfind(OUTBOX, reports).only.tags(reports) == set()
    assert anna.report(INBOX, calendar_query("")).resources == {}
    missing = f"{INBOX}x.ics"
    assert {it: found.status for it, found in anna.report(INBOX, multiget(missing)).resources.items()} == {
        missing: 404
    }
    assert anna.get(missing).status == 404
    busy = (
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        '<C:time-range start="20270310T000000Z" end="20270311T000000Z"/></C:free-busy-query>'
    )
    for path, body in ((INBOX, busy), (OUTBOX, busy), (OUTBOX, calendar_query(""))):
        answer = anna.report(path, body)
        assert (answer.status, answer.conditions) == (403, [f"{D}supported-report"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MOVE", "COPY", "MKCOL", "MKCALENDAR"])
def test_nothing_is_delivered_or_stored_by_clients(anna: Client, method: str) -> None:
    for path in (INBOX, OUTBOX, f"{INBOX}x.ics", f"{OUTBOX}x.ics"):
        answer = anna.request(method, path, "x", Destination=f"{INBOX}y.ics")
        assert (answer.status, answer.conditions) == (403, [f"{D}need-privileges"])


def test_the_default_calendar_cannot_be_set(anna: Client) -> None:
    """Section 9.2: nothing is put into a calendar from an inbox. Other properties are kept as everywhere."""
    default, href = f"{C}schedule-default-calendar-URL", ET.Element(f"{D}href")
    href.text = "/dav/anna/jobs/"
    answer = anna.request("PROPPATCH", INBOX, proppatch((default, href)))
    assert answer.only.refused == {default: 403}
    assert anna.propfind(INBOX, default).only.refused == {default: 404}
    name = "{http://calendarserver.org/ns/}calendar-availability"
    assert name in anna.request("PROPPATCH", INBOX, proppatch((name, "x"))).only.found
    assert anna.propfind(INBOX, name).only.text(name) == "x"


def test_they_are_their_owners_alone(dora: Client, nobody: Client) -> None:
    listed = dora.propfind(HOME, f"{D}resourcetype", depth="1").resources
    assert not {INBOX, OUTBOX}.intersection(listed)
    for path in (INBOX, OUTBOX, "/dav/stranger/inbox/"):
        assert dora.propfind(path, f"{D}resourcetype").status == 403
        assert dora.report(path, calendar_query("")).status == 403
        assert dora.get(path).status == 403
        assert nobody.propfind(path, f"{D}resourcetype").status == 401


def test_all_properties_can_be_asked_for(anna: Client) -> None:
    body = '<propfind xmlns="DAV:"><allprop/></propfind>'
    resources = anna.request("PROPFIND", HOME, body, Depth="1").resources
    assert resources[OUTBOX].tags(f"{D}resourcetype") == {f"{D}collection", f"{C}schedule-outbox"}
    assert not {INBOX_URL, OUTBOX_URL, USER_TYPE}.intersection(resources[HOME].found)
