# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery: from nothing but a host name to the calendars (RFC 6764, RFC 5397, RFC 4791 section 6.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.settings import stored
from tests.server import fixtures
from tests.server.client import APPLE, CS, C, Client, D, basic, calendar_query, propfind
from tests.server.running import Running

database = fixtures.sqlite_alone
DAV = "1, 3, access-control, calendar-access, calendar-auto-schedule, calendar-proxy"
METHODS = ["GET", "HEAD", "PROPFIND", "OPTIONS", "POST", "PUT", "REPORT", "PROPPATCH", "DELETE", "MKCALENDAR"]
CURRENT, HOME = f"{D}current-user-principal", f"{C}calendar-home-set"


@pytest.mark.parametrize("path", ["/.well-known/caldav", "/.well-known/caldav/"])
@pytest.mark.parametrize("method", METHODS)
def test_well_known_leads_every_method_to_the_tree(nobody: Client, path: str, method: str) -> None:
    answer = nobody.request(method, path)
    assert (answer.status, answer.headers["location"]) == (301, "/dav/")


@pytest.mark.parametrize("path", ["/", "/dav", "/dav/", "/dav/anna/", "/dav/anna/jobs/", "/dav/nobody/"])
def test_a_stranger_is_asked_who_he_is(nobody: Client, path: str) -> None:
    answer = nobody.propfind(path, CURRENT)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="Daysheet"')


@pytest.mark.parametrize(
    ("path", "href"),
    [
        ("/", "/"),
        ("/dav", "/dav/"),
        ("/dav/", "/dav/"),
        ("/dav/anna/", "/dav/anna/"),
        ("/dav/anna", "/dav/anna/"),
        ("/dav/anna/jobs", "/dav/anna/jobs/"),
    ],
)
def test_the_principal_is_known_everywhere_in_the_tree(anna: Client, path: str, href: str) -> None:
    resources = anna.propfind(path, CURRENT).resources
    assert list(resources) == [href]
    assert resources[href].hrefs(CURRENT) == ["/dav/anna/"]


def test_the_principal_is_the_calendar_home(anna: Client) -> None:
    found = anna.propfind(
        "/dav/anna/",
        HOME,
        f"{D}principal-URL",
        f"{C}calendar-user-address-set",
        f"{D}displayname",
        f"{D}resourcetype",
        f"{D}principal-collection-set",
    ).only
    assert found.hrefs(HOME) == found.hrefs(f"{D}principal-URL") == ["/dav/anna/"]
    assert found.hrefs(f"{C}calendar-user-address-set") == ["/dav/anna/", "mailto:anna@example.com"]
    assert found.text(f"{D}displayname") == "Anna Ångström"
    assert found.tags(f"{D}resourcetype") == {f"{D}principal", f"{D}collection"}
    assert found.hrefs(f"{D}principal-collection-set") == ["/dav/"]


def test_the_home_lists_the_three_calendars(anna: Client) -> None:
    resources = anna.propfind("/dav/anna/", f"{D}resourcetype", f"{D}displayname", depth="1").resources
    calendars = ["/dav/anna/", "/dav/anna/jobs/", "/dav/anna/blockers/", "/dav/anna/time-off/"]
    assert list(resources) == [*calendars, "/dav/anna/inbox/", "/dav/anna/outbox/"]
    assert [resources[it].text(f"{D}displayname") for it in calendars] == [
        "Anna Ångström",
        "Jobs",
        "Blocked",
        "Time off",
    ]
    assert resources["/dav/anna/jobs/"].tags(f"{D}resourcetype") == {f"{D}collection", f"{C}calendar"}


def test_the_root_lists_the_viewer_alone(anna: Client) -> None:
    assert list(anna.propfind("/dav/", f"{D}resourcetype", depth="1").resources) == ["/dav/", "/dav/anna/"]


def test_the_root_lists_everybody_for_a_dispatcher(dora: Client) -> None:
    resources = dora.propfind("/dav/", f"{D}displayname", depth="1").resources
    assert list(resources) == ["/dav/", "/dav/anna/", "/dav/bo/", "/dav/dora/"]


def test_a_dispatcher_is_told_whose_calendars_he_may_read(dora: Client, anna: Client) -> None:
    reads, writes = f"{CS}calendar-proxy-read-for", f"{CS}calendar-proxy-write-for"
    found = dora.propfind("/dav/dora/", reads, writes, f"{D}group-membership").only
    assert found.hrefs(reads) == ["/dav/anna/", "/dav/bo/"]
    assert found.hrefs(writes) == []
    assert anna.propfind("/dav/anna/", reads).only.hrefs(reads) == []


def test_a_dispatcher_reads_other_peoples_calendars(dora: Client, bo: Client) -> None:
    assert len(dora.propfind("/dav/anna/", f"{D}resourcetype", depth="1").resources) == 4
    assert dora.get("/dav/anna/jobs/").status == 200
    assert bo.propfind("/dav/anna/", f"{D}resourcetype", depth="1").status == 403


def test_a_calendar_describes_itself(anna: Client) -> None:
    found = anna.propfind(
        "/dav/anna/jobs/",
        f"{D}displayname",
        f"{APPLE}calendar-color",
        f"{APPLE}calendar-order",
        f"{C}calendar-description",
        f"{C}calendar-timezone",
        f"{C}calendar-timezone-id",
        f"{C}max-resource-size",
        f"{D}owner",
        f"{D}getcontenttype",
        f"{C}supported-calendar-component-set",
        f"{CS}getctag",
        f"{D}sync-token",
        f"{D}getetag",
    ).only
    assert found.text(f"{D}displayname") == "Jobs"
    assert found.text(f"{APPLE}calendar-color") == "#1F77B4FF"
    assert found.text(f"{APPLE}calendar-order") == "1"
    assert "Anna Ångström" in found.text(f"{C}calendar-description")
    assert found.text(f"{C}calendar-timezone").startswith("BEGIN:VCALENDAR")
    assert "TZID:Europe/Berlin" in found.text(f"{C}calendar-timezone")
    assert found.text(f"{C}calendar-timezone-id") == "Europe/Berlin"
    assert int(found.text(f"{C}max-resource-size")) > 0
    assert found.hrefs(f"{D}owner") == ["/dav/anna/"]
    assert found.text(f"{D}getcontenttype") == "text/calendar"
    assert [it.get("name") for it in found.found[f"{C}supported-calendar-component-set"]] == ["VEVENT"]
    assert found.text(f"{CS}getctag") == found.text(f"{D}getetag")
    assert found.text(f"{D}sync-token").startswith("https://")
    assert found.refused == {}


PROPERTIES = {
    "Apple": (
        [
            CURRENT,
            f"{D}current-user-privilege-set",
            f"{D}resourcetype",
            f"{D}supported-report-set",
            f"{D}sync-token",
        ],
        [
            f"{CS}source",
            f"{CS}subscribed-strip-alarms",
            f"{CS}push-transports",
            f"{C}default-alarm-vevent-date",
            f"{APPLE}refreshrate",
        ],
    ),
    "Thunderbird": (
        [
            f"{D}resourcetype",
            f"{D}owner",
            CURRENT,
            f"{D}current-user-privilege-set",
            f"{D}supported-report-set",
            f"{C}supported-calendar-component-set",
            f"{CS}getctag",
        ],
        [],
    ),
    "DAVx5": (
        [
            f"{D}resourcetype",
            f"{D}displayname",
            f"{D}current-user-privilege-set",
            f"{D}owner",
            f"{D}sync-token",
            f"{C}calendar-timezone-id",
            f"{C}max-resource-size",
        ],
        [f"{CS}source", "{https://bitfire.at/webdav-push}transports"],
    ),
    "Evolution": (
        [
            f"{D}resourcetype",
            f"{D}current-user-privilege-set",
            f"{CS}getctag",
            f"{D}sync-token",
            f"{D}supported-report-set",
        ],
        [],
    ),
    "KDAV": (
        [
            f"{D}resourcetype",
            f"{D}displayname",
            f"{APPLE}calendar-color",
            f"{CS}getctag",
            f"{C}supported-calendar-component-set",
            f"{D}current-user-privilege-set",
        ],
        [],
    ),
    "CalDavSynchronizer": (
        [
            f"{D}displayname",
            f"{C}supported-calendar-component-set",
            f"{D}current-user-privilege-set",
            f"{APPLE}calendar-color",
            f"{D}owner",
        ],
        [],
    ),
    "vdirsyncer": (
        [f"{D}resourcetype", f"{D}displayname", f"{APPLE}calendar-color", f"{APPLE}calendar-order"],
        [],
    ),
}


@pytest.mark.parametrize("client", PROPERTIES)
def test_what_a_client_needs_is_there_and_the_rest_is_refused_by_property(anna: Client, client: str) -> None:
    needed, unknown = PROPERTIES[client]
    found = anna.propfind("/dav/anna/jobs/", *needed, *unknown).only
    assert set(found.found) == set(needed)
    assert found.refused == dict.fromkeys(unknown, 404)


def test_reports_that_do_not_exist_are_not_advertised(anna: Client) -> None:
    name = f"{D}supported-report-set"
    resources = anna.propfind("/dav/anna/", name, depth="1").resources
    assert resources["/dav/anna/jobs/"].tags(name) == {
        f"{D}sync-collection",
        f"{C}calendar-multiget",
        f"{C}calendar-query",
        f"{C}free-busy-query",
        f"{D}expand-property",
    }
    assert resources["/dav/anna/"].tags(name) == {f"{C}free-busy-query", f"{D}expand-property"}


@pytest.mark.parametrize("path", ["/", "/dav/", "/dav/anna/", "/dav/anna/jobs/", "/dav/anna/external-1/"])
def test_every_resource_says_that_it_is_read_only(anna: Client, path: str) -> None:
    name = f"{D}current-user-privilege-set"
    answer = anna.propfind(path, name)
    if path.endswith("external-1/"):
        assert answer.status == 404
        return
    assert answer.only.tags(name) - {f"{C}read-free-busy"} == {
        f"{D}read",
        f"{D}read-current-user-privilege-set",
    }


@pytest.mark.parametrize(
    "body",
    ["", '<propfind xmlns="DAV:"><allprop/></propfind>', '<propfind xmlns="DAV:"><propname/></propfind>'],
)
def test_a_propfind_for_everything_is_answered(anna: Client, body: str) -> None:
    resources = anna.request("PROPFIND", "/dav/anna/", body, Depth="1").resources
    assert {f"{D}resourcetype", f"{D}displayname", f"{CS}getctag"} <= set(resources["/dav/anna/jobs/"].found)
    if "propname" not in body:
        assert resources["/dav/anna/jobs/"].tags(f"{D}supported-report-set") >= {f"{C}free-busy-query"}


@pytest.mark.parametrize("depth", ["infinity", "Infinity", None])
@pytest.mark.parametrize("path", ["/", "/dav/", "/dav/anna/", "/dav/anna/jobs/"])
def test_a_propfind_goes_one_level_deep_at_most(anna: Client, path: str, depth: str | None) -> None:
    headers = {} if depth is None else {"Depth": depth}  # none means infinity (RFC 4918, section 9.1)
    answer = anna.request("PROPFIND", path, propfind(CURRENT), **headers)
    assert (answer.status, answer.conditions) == (403, [f"{D}propfind-finite-depth"])


@pytest.mark.parametrize("path", ["/", "/dav/", "/dav/anna/", "/dav/anna/jobs/", "/dav/anna/jobs/x.ics"])
def test_options_tell_what_can_be_done(anna: Client, nobody: Client, path: str) -> None:
    for client in (anna, nobody):
        answer = client.request("OPTIONS", path)
        assert answer.status == 200
        assert answer.headers["dav"] == DAV
        assert answer.headers["allow"] == "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, REPORT"


@pytest.mark.parametrize(
    "report", ["principal-search-property-set", "principal-property-search", "expand-property"]
)
def test_apples_searches_for_principals_find_nothing(anna: Client, report: str) -> None:
    answer = anna.report("/dav/anna/", f'<{report} xmlns="DAV:"/>')
    assert (answer.status, list(answer.xml)) == (207, [])


def test_a_browser_is_sent_from_the_tree_to_the_landing_page(anna: Client) -> None:
    answer = anna.get("/dav/")
    assert (answer.status, answer.headers["location"]) == (302, "/")


def test_the_calendars_are_off_when_they_are_switched_off(anna: Client) -> None:
    with anna.application._settings.database().write() as connection:  # type: ignore[attr-defined]
        stored.change(connection, "calendars.enabled", "no", actor=SYSTEM)
    assert list(anna.propfind("/dav/anna/", CURRENT, depth="1").resources) == ["/dav/anna/"]
    assert anna.get("/dav/anna/jobs/").status == 404


@pytest.mark.parametrize("fast", ["on", "off"])
def test_no_answer_is_kept_for_somebody_else_or_taken_for_another_type(
    configured: Callable[[Any], Running], people: dict[str, int], fast: str
) -> None:
    running = configured({"server": {"fast_answers": fast}})
    client = running.client("anna")
    jobs, body = "/dav/anna/jobs/", propfind(f"{D}getetag")
    etag = client.get(jobs).headers["etag"]
    answers = [
        client.get(jobs),
        client.request("HEAD", jobs),
        client.get(jobs, If_None_Match=etag),
        client.get(f"{jobs}none.ics"),
        client.request("OPTIONS", jobs),
        *(
            client.request("PROPFIND", path, body, Depth=it)
            for path in ("/", "/dav/anna/", jobs)
            for it in "01"
        ),
        client.request("PROPFIND", jobs, body),
        client.request("PROPFIND", jobs, "<a", Depth="0"),
        client.report(jobs, calendar_query("")),
        client.sync(jobs, "x"),
        client.request("PUT", f"{jobs}new.ics", "x"),
        client.get("/dav/.web/"),
        Client(running.application, basic("anna", "wrong")).get(jobs),
    ]
    assert {it.status for it in answers} >= {200, 207, 304, 400, 401, 403, 404}
    for answer in answers:
        assert answer.headers.get("cache-control") == "private, no-cache", answer
        assert answer.headers.get("x-content-type-options") == "nosniff", answer
