# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sees what over the wire."""

from __future__ import annotations

import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client, D, calendar_query, multiget, propfind, proppatch

database = fixtures.sqlite_alone
REQUESTS = {
    "PROPFIND": propfind(f"{D}displayname", f"{C}calendar-user-address-set"),
    "REPORT query": calendar_query(""),
    "REPORT multiget": multiget("/dav/anna/jobs/x.ics"),
    "GET": "",
    "HEAD": "",
    "REPORT sync": '<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop/></sync-collection>',
    "REPORT busy": '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20270101T000000Z" '
    'end="20280101T000000Z"/></C:free-busy-query>',
    "PROPPATCH": proppatch((f"{D}displayname", "x")),
    "PUT": "x",
    "DELETE": "",
    "MOVE": "",
    "COPY": "",
    "MKCOL": "",
    "MKCALENDAR": "",
}
PATHS = ["/dav/{}/", "/dav/{}/jobs/", "/dav/{}/jobs/{name}", "/dav/{}/jobs/none.ics", "/dav/{}/none/"]


@pytest.fixture
def name(anna: Client, dispatch: Dispatch, people: dict[str, int]) -> str:
    """The name of an object with a secret in every field."""
    dispatch.job(
        people["anna"],
        job_type="SECRET",
        organisation="SECRET",
        address="SECRET",
        contact="SECRET",
        notes="SECRET",
    )
    (href,) = anna.query("/dav/anna/jobs/", "").resources
    return href.rpartition("/")[2]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("path", PATHS)
def test_what_is_anothers_looks_like_what_does_not_exist(
    bo: Client, name: str, request_: str, path: str
) -> None:
    """A member can tell neither whether a user exists nor what he has."""
    method, _, _ = request_.partition(" ")
    answers = [
        bo.request(
            method,
            path.format(owner, name=name),
            REQUESTS[request_],
            Depth="1",
            Destination="/dav/bo/jobs/x.ics",
        )
        for owner in ("anna", "stranger")
    ]
    assert answers[0].status == answers[1].status == 403
    assert answers[0].body == answers[1].body
    assert b"SECRET" not in answers[0].body
    assert b"Anna" not in answers[0].body


@pytest.mark.parametrize("role", ["dispatcher", "admin", "super-admin"])
def test_roles_that_plan_read_everything_and_write_nothing(
    anna: Client, dora: Client, dispatch: Dispatch, name: str, role: str
) -> None:
    dispatch.update("users", 3, role=role)
    assert dora.get(f"/dav/anna/jobs/{name}").body == anna.get(f"/dav/anna/jobs/{name}").body
    assert (
        dora.query("/dav/anna/jobs/", "").resources.keys()
        == anna.query("/dav/anna/jobs/", "").resources.keys()
    )
    assert dora.request("DELETE", f"/dav/anna/jobs/{name}").status == 403
    dispatch.update("users", 3, role="member")
    assert dora.get(f"/dav/anna/jobs/{name}").status == 403


@pytest.mark.parametrize("column", ["active", "calendar_access"])
def test_a_user_without_access_gets_nothing_and_is_seen_by_nobody(
    anna: Client, dora: Client, dispatch: Dispatch, name: str, column: str
) -> None:
    dispatch.update("users", 1, **{column: False})
    assert anna.get("/dav/anna/jobs/").status == 401
    assert anna.propfind("/", f"{D}current-user-principal").status == 401
    assert dora.get("/dav/anna/jobs/").status == 404
    assert list(dora.propfind("/dav/", f"{D}displayname", depth="1").resources) == [
        "/dav/",
        "/dav/bo/",
        "/dav/dora/",
    ]
    dispatch.update("users", 1, **{column: True})
    assert anna.get("/dav/anna/jobs/").status == 200


def test_a_new_user_has_calendars_at_once(anna: Client, dora: Client, dispatch: Dispatch) -> None:
    dispatch.job(dispatch.user("new"))
    assert len(dora.query("/dav/new/jobs/", "").resources) == 1


@pytest.mark.parametrize("username", ["ä@exämple.com", "First.Last+x", "UPPER", "with space", "日本"])
def test_usernames_are_percent_encoded_in_hrefs_and_work(
    dispatch: Dispatch, dora: Client, username: str
) -> None:
    dispatch.job(dispatch.user(username))
    hrefs = [
        href
        for href in dora.propfind("/dav/", f"{D}displayname", depth="1").resources
        if href not in ("/dav/", "/dav/anna/", "/dav/bo/", "/dav/dora/")
    ]
    assert len(hrefs) == 1
    assert hrefs[0].isascii()
    (item,) = dora.query(f"{hrefs[0]}jobs/", "").resources
    assert item.startswith(f"{hrefs[0]}jobs/")
    assert dora.get(item).status == 200
    assert list(dora.report(f"{hrefs[0]}jobs/", multiget(item)).resources) == [item]
