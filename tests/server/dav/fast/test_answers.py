# SPDX-License-Identifier: GPL-3.0-or-later
"""Fast answers and Radicale's own are the same infoset, headers and status, for generated requests on one calendar.

Responses and propstats may stand in another order, which means nothing (RFC 4918, section 13).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import APPLE, CS, C, D, propfind
from tests.server.dav.pair import Pair, pair_of
from tests.server.running import Running

database = fixtures.sqlite_alone
_APPLE_CALENDAR = f"{APPLE}calendar-color"
CALENDAR_PROPERTIES = (
    *(f"{D}{it}" for it in (
        "getetag", "getlastmodified", "getcontenttype", "getcontentlength", "resourcetype", "displayname", "owner",
        "sync-token", "supported-report-set", "current-user-privilege-set", "current-user-principal", "principal-URL",
        "principal-collection-set", "quota-used-bytes", "creationdate", "group-membership", "acl",
        "supported-privilege-set")),
    *(f"{C}{it}" for it in (
        "calendar-home-set", "calendar-user-address-set", "supported-calendar-component-set", "calendar-description",
        "calendar-timezone", "calendar-timezone-id", "max-resource-size", "schedule-calendar-transp",
        "schedule-inbox-URL", "schedule-outbox-URL", "calendar-user-type", "supported-calendar-data",
        "max-attendees-per-instance")),
    *(f"{CS}{it}" for it in ("getctag", "source", "calendar-proxy-read-for", "pushkey", "xmpp-uri")),
    _APPLE_CALENDAR, f"{APPLE}calendar-order", "{urn:ietf:params:xml:ns:carddav}addressbook-home-set",
    "{urn:example}stranger", "{http://me.com/_namespace/}bulk-requests", "{http://radicale.org/ns/}version",
)  # fmt: skip
OBJECT_PROPERTIES = tuple(f"{D}{it}" for it in (
    "getetag", "getcontenttype", "getlastmodified", "resourcetype", "getcontentlength", "displayname"))  # fmt: skip
REPORT_PROPERTIES = (
    f"{D}getetag",
    f"{D}getcontenttype",
    f"{C}calendar-data",
    f"{D}resourcetype",
    "{urn:example}x",
)
PATHS = ("/dav/anna/jobs/", "/dav/anna/blockers/", "/dav/anna/time-off/")


@pytest.fixture
def pair(configured: Callable[[Any], Running], dispatch: Dispatch, people: dict[str, int]) -> Pair:
    anna = people["anna"]
    for number in range(25):
        day = f"2027-{number % 12 + 1:02}-{number + 1:02}"
        dispatch.job(
            anna,
            organisation=f"Kunde <{number}> & Söhne",
            starts_at=f"{day} 08:00:00+00:00",
            ends_at=f"{day} {8 + number % 15:02}:00:00+00:00",
        )
    dispatch.job(anna, start_date="2027-03-01", end_date="2027-03-20")
    for rule, exdate in (
        ("FREQ=WEEKLY;BYDAY=MO", None),
        ("FREQ=DAILY;COUNT=9", "20270302T090000"),
        ("FREQ=YEARLY", None),
    ):
        dispatch.blocker(
            anna,
            rrule=rule,
            exdate=exdate,
            starts_at="2027-03-01 08:00:00+00:00",
            ends_at="2027-03-01 09:30:00+00:00",
        )
    dispatch.blocker(anna, start_date="2027-03-05", end_date="2027-03-06", rrule="FREQ=WEEKLY")
    both = pair_of(configured, "anna")
    one = both.fast
    first = [one.token(path) for path in PATHS]
    dispatch.execute("UPDATE jobs SET notes = 'changed' WHERE id % 3 = 0")
    dispatch.execute("DELETE FROM jobs WHERE id % 7 = 0")
    both.names = {
        path: [name for name in one.propfind(path, f"{D}getetag", depth="1").names if name] for path in PATHS
    }
    both.tokens = [
        "",
        *first,
        *(one.token(path) for path in PATHS),
        first[0] + "9",
        "https://example.com/",
        "garbage",
    ]
    both.radicale.propfind(PATHS[0], f"{D}getetag")
    return both


_SETTINGS = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@_SETTINGS
@given(
    names=st.lists(st.sampled_from(CALENDAR_PROPERTIES), min_size=1, max_size=12, unique=True),
    path=st.sampled_from(
        [
            *(*PATHS, "/dav/anna/", "/dav/anna", "/dav/anna/jobs", "/dav/bo/jobs/", "/dav/anna/none/"),
            *("/dav/anna/inbox/", "/dav/anna/outbox/", "/dav/bo/outbox/"),
        ]
    ),
    depth=st.sampled_from(["0", "0", "0", "1"]),
)
def test_propfind_of_collections(pair: Pair, names: list[str], path: str, depth: str) -> None:
    pair.same("PROPFIND", path, propfind(*names), Depth=depth)
    minimal = pair.same("PROPFIND", path, propfind(*names), Depth=depth, Prefer="return=minimal")
    if minimal.status == 207:
        assert minimal.headers["preference-applied"] == "return=minimal"
        assert b" 404 " not in minimal.body


@_SETTINGS
@given(
    names=st.lists(st.sampled_from(OBJECT_PROPERTIES), min_size=1, max_size=5, unique=True),
    path=st.sampled_from(PATHS),
)
def test_propfind_of_objects(pair: Pair, names: list[str], path: str) -> None:
    pair.same("PROPFIND", path, propfind(*names), Depth="1")


def _report(root: str, names: list[str], inside: str, data: str = "") -> str:
    prop = "".join(
        f"<x:{tag} xmlns:x='{uri}'>{data if tag == 'calendar-data' else ''}</x:{tag}>"
        for uri, _, tag in (name[1:].rpartition("}") for name in names)
    )
    return (
        f'<{root} xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop>{prop}</prop>{inside}</{root}>'
    )


_PROPS = st.lists(st.sampled_from(REPORT_PROPERTIES), min_size=0, max_size=4, unique=True)
_MOMENTS = st.integers(0, 24 * 500).map(
    lambda hours: f"2027{1 + hours // 720 % 12:02}{1 + hours // 24 % 28:02}T{hours % 24:02}0000Z"
)


def _ordered(start: str, end: str) -> bool:
    return start < end


@_SETTINGS
@given(
    names=_PROPS,
    path=st.sampled_from(PATHS),
    picks=st.lists(st.integers(0, 40), max_size=8),
    strange=st.lists(
        st.sampled_from(["0" * 32 + ".ics", "missing.ics", "", "%41.ics", "../bo/jobs/x.ics"]), max_size=2
    ),
)
def test_multiget(pair: Pair, names: list[str], path: str, picks: list[int], strange: list[str]) -> None:
    known = pair.names[path]
    wanted = [*(known[pick % len(known)] for pick in picks if known), *strange]
    assume(wanted)
    pair.same(
        "REPORT",
        path,
        _report("C:calendar-multiget", names, "".join(f"<href>{path}{it}</href>" for it in wanted)),
    )


@_SETTINGS
@given(
    names=_PROPS,
    path=st.sampled_from(PATHS),
    start=_MOMENTS,
    end=_MOMENTS,
    ends=st.sampled_from(["both", "start", "end", "none"]),
    component=st.sampled_from(["VEVENT", "VEVENT", "vevent", "VTODO"]),
    expand=st.booleans(),
)
def test_query(
    pair: Pair, names: list[str], path: str, start: str, end: str, ends: str, component: str, expand: bool
) -> None:
    assume(_ordered(start, end))
    assume(
        not (expand and f"{D}getcontenttype" in names)
    )  # Radicale names our stand-in for expanded components
    inside = {
        "both": f'<C:time-range start="{start}" end="{end}"/>',
        "start": f'<C:time-range start="{start}"/>',
        "end": f'<C:time-range end="{end}"/>',
        "none": "",
    }[ends]
    filter_ = (
        f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{component}">{inside}</C:comp-filter>'
        "</C:comp-filter></C:filter>"
    )
    data = f'<C:expand start="{start}" end="{end}"/>' if expand else ""
    pair.same("REPORT", path, _report("C:calendar-query", names, filter_, data))


@_SETTINGS
@given(
    names=_PROPS,
    path=st.sampled_from(PATHS),
    pick=st.integers(0, 30),
    level=st.sampled_from(["1", "infinite"]),
)
def test_sync(pair: Pair, names: list[str], path: str, pick: int, level: str) -> None:
    token = pair.tokens[pick % len(pair.tokens)]
    inside = f"<sync-token>{token}</sync-token><sync-level>{level}</sync-level>"
    pair.same("REPORT", path, _report("sync-collection", names, inside))


def test_get(pair: Pair) -> None:
    for path in (
        *PATHS,
        "/dav/anna/",
        "/dav/anna/none/",
        "/dav/bo/jobs/",
        PATHS[0] + pair.names[PATHS[0]][0],
        PATHS[0] + "none.ics",
    ):
        for method in ("GET", "HEAD"):
            answer = pair.same(method, path)
            if etag := answer.headers.get("etag"):
                assert pair.same(method, path, If_None_Match=etag).status == 304
                pair.same(method, path, If_None_Match='"other"')
                pair.same(method, path, If_Modified_Since=answer.headers["last-modified"])


def test_what_is_not_known_is_left_to_radicale(pair: Pair) -> None:
    for body in (
        "",
        "<propfind xmlns='DAV:'><allprop/></propfind>",
        "<propfind xmlns='DAV:'><propname/></propfind>",
        "<propfind xmlns='DAV:'><prop/></propfind>",
        "<propfind xmlns='DAV:'/>",
        "not xml",
        "<propfind xmlns='DAV:'><prop><getetag/><getetag/></prop></propfind>",
    ):
        for path in (*PATHS, "/dav/anna/"):
            pair.same("PROPFIND", path, body, Depth="0")
    text = (
        '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY">'
        "<C:text-match>Kunde</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter>"
    )
    pair.same("REPORT", PATHS[0], _report("C:calendar-query", [f"{D}getetag"], text))
    pair.same("REPORT", PATHS[0], "<unknown xmlns='urn:x'/>")


def test_wrong_credentials_and_others_calendars_are_refused_alike(pair: Pair) -> None:
    body = propfind(f"{D}getetag")
    for client in (pair.fast, pair.radicale):
        client.authorization = "Basic YW5uYTp3cm9uZw=="
    assert pair.same("PROPFIND", PATHS[0], body, Depth="0").status == 401
    for client in (pair.fast, pair.radicale):
        client.authorization = None
    assert pair.same("PROPFIND", PATHS[0], body, Depth="0").status == 401
