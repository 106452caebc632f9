# SPDX-License-Identifier: GPL-3.0-or-later
"""As test_answers.py, for generated calendars, and with what Radicale does not do compared with icalendar."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, D
from tests.server.dav.pair import Pair, pair_of
from tests.server.running import Running

database = fixtures.sqlite_alone
PATHS = {"jobs": "/dav/anna/jobs/", "blockers": "/dav/anna/blockers/", "time_off": "/dav/anna/time-off/"}
DATA = f"{C}calendar-data"
Items = list[tuple[str, dict[str, Any]]]
"""Tables and the columns of a row in each."""
_SETTINGS = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_TEXTS = st.sampled_from(
    ["Visit", "Kühler <3> & Co", "a,b;c\\d", 'He said "no"', "]]>", "x" * 90, "日本語 " * 9]
)
_RULES = st.sampled_from(
    [
        *(None, None, "FREQ=WEEKLY", "FREQ=DAILY;COUNT=40", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"),
        *("FREQ=MONTHLY;BYDAY=-1SU", "FREQ=YEARLY", "FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20271001T000000Z"),
    ]
)


@st.composite
def _item(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A table and the columns of one row in 2027."""
    table = draw(st.sampled_from(["jobs", "blockers", "blockers", "time_off"]))
    start = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 330)))
    end = start + timedelta(minutes=15 * draw(st.integers(1, 4 * 30)))
    columns: dict[str, Any]
    if draw(st.booleans()) and draw(st.booleans()):
        days = timedelta(draw(st.integers(1, 9)))
        columns = {"start_date": f"{start.date()}", "end_date": f"{(start + days).date()}"}
    else:
        columns = {
            "starts_at": f"{start:%Y-%m-%d %H:%M:%S+00:00}",
            "ends_at": f"{end:%Y-%m-%d %H:%M:%S+00:00}",
        }
    if table == "blockers":
        columns |= {"title": draw(_TEXTS), "rrule": draw(_RULES)}
        if columns["rrule"] and "starts_at" in columns and draw(st.booleans()):
            columns["exdate"] = f"{start + timedelta(7):%Y%m%dT%H%M%S}"
    elif table == "jobs":
        columns |= {
            "organisation": draw(_TEXTS),
            "status": draw(st.sampled_from(["confirmed", "offered", "cancelled"])),
        }
    return table, columns


_CALENDARS = st.lists(_item(), max_size=12)
_MOMENTS = st.datetimes(datetime(2026, 12, 1), datetime(2028, 2, 1)).map(lambda it: it.replace(microsecond=0))  # noqa: DTZ001
_SPANS = st.tuples(_MOMENTS, _MOMENTS).filter(lambda it: it[0] != it[1]).map(sorted)


@pytest.fixture
def pair(configured: Callable[[Any], Running], people: dict[str, int]) -> Pair:
    return pair_of(configured, "anna")


@pytest.fixture
def fill(dispatch: Dispatch, people: dict[str, int]) -> Callable[[Items], None]:
    """Make these all that there is in anna's calendars."""
    insert = {"jobs": dispatch.job, "blockers": dispatch.blocker, "time_off": dispatch.time_off}

    def replace(items: Items) -> None:
        for table in ("job_assignments", *insert):
            dispatch.execute(f"DELETE FROM {table}")  # noqa: S608
        for table, columns in items:
            insert[table](people["anna"], **columns)

    return replace


def _utc(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _element(tag: str, /, *children: ET.Element | str, **attributes: str) -> ET.Element:
    made = ET.Element(tag, attributes)
    for child in children:
        if isinstance(child, str):
            made.text = child
        else:
            made.append(child)
    return made


def _written(root: ET.Element, chance: random.Random) -> str:
    """The same infoset in other octets: prefixes, where they are declared, white space, comments, quotes."""
    prefixes = dict(zip((D, C), chance.sample(["", "D", "C", "cal", "x-1", "ns0"], 2), strict=True))
    spaces = ["", "", " ", "\n  ", "\r\n\t"]
    quote = chance.choice("'\"")

    def write(element: ET.Element, *, declare: bool) -> Iterator[str]:
        namespace, _, local = element.tag.rpartition("}")
        prefix = prefixes[namespace + "}"]
        name = f"{prefix}:{local}" if prefix else local
        yield f"<{name}"
        if declare:
            for uri, it in prefixes.items():
                yield f" xmlns{':' if it else ''}{it}={quote}{uri[1:-1]}{quote}"
        for key, value in element.attrib.items():
            yield f"{chance.choice([' ', '  '])}{key}={quote}{value}{quote}"
        if not len(element) and not element.text:
            yield chance.choice(["/>", " />", f"></{name}>"])
            return
        yield ">" + (element.text or "")
        for child in element:
            yield chance.choice(spaces)
            yield from write(child, declare=False)
            yield chance.choice(["", "", "<!-- - -->"])
        yield (chance.choice(spaces) if len(element) else "") + f"</{name}>"

    head = chance.choice(["", '<?xml version="1.0" encoding="utf-8"?>\n', "<?xml version='1.0'?>"])
    return head + "".join(write(root, declare=True))


def _filter(span: tuple[datetime, datetime] | None) -> ET.Element:
    ranges = [] if span is None else [_element(f"{C}time-range", start=_utc(span[0]), end=_utc(span[1]))]
    event = _element(f"{C}comp-filter", *ranges, name="VEVENT")
    return _element(f"{C}filter", _element(f"{C}comp-filter", event, name="VCALENDAR"))


def _expand(span: tuple[datetime, datetime]) -> ET.Element:
    return _element(DATA, _element(f"{C}expand", start=_utc(span[0]), end=_utc(span[1])))


@_SETTINGS
@given(items=_CALENDARS, span=_SPANS, seed=st.integers(0, 2**32), changed=st.integers(0, 5))
def test_generated_calendars(
    pair: Pair,
    fill: Callable[[Items], None],
    dispatch: Dispatch,
    items: Items,
    span: tuple[datetime, datetime],
    seed: int,
    changed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311
    fill(items)
    tokens = {path: pair.fast.token(path) for path in PATHS.values()}
    if changed:
        dispatch.execute("UPDATE blockers SET notes = 'later' WHERE id % 5 < :some", some=changed)
        dispatch.execute("DELETE FROM jobs WHERE id % 5 < :some", some=changed)
    etag = ET.Element(f"{D}getetag")
    for path, token in tokens.items():
        prop = _element(f"{D}prop", etag)
        listing = pair.same("PROPFIND", path, _written(_element(f"{D}propfind", prop), chance), Depth="1")
        hrefs = [_element(f"{D}href", it) for it in listing.resources if it != path]
        for wanted in (etag, ET.Element(DATA), _expand(span)):
            both = _element(f"{D}prop", etag, wanted) if wanted is not etag else prop
            bodies = [
                _element(f"{C}calendar-query", both, _filter(span)),
                _element(f"{C}calendar-query", both, _filter(None)),
                *([_element(f"{C}calendar-multiget", both, *hrefs)] if hrefs else []),
                *(
                    _element(
                        f"{D}sync-collection",
                        _element(f"{D}sync-token", since),
                        _element(f"{D}sync-level", "1"),
                        both,
                    )
                    for since in ("", token)
                ),
            ]
            for body in bodies:
                pair.same("REPORT", path, _written(body, chance), Depth=chance.choice(["0", "1"]))
        pair.same("GET", path)


def _busy(calendar: str, low: datetime, high: datetime) -> list[tuple[datetime, datetime]]:
    """When the events of a calendar in UTC block, coalesced, by recurring-ical-events."""
    found = []
    for event in recurring_ical_events.of(icalendar.Calendar.from_ical(calendar)).between(low, high):
        start, end = (_instant(event[name].dt) for name in ("DTSTART", "DTEND"))
        if event.get("TRANSP") != "TRANSPARENT":
            found.append((max(start, low), min(end, high)))
    whole: list[tuple[datetime, datetime]] = []
    for start, end in sorted(it for it in found if it[0] < it[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def _instant(moment: date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.astimezone(UTC)


@_SETTINGS
@given(items=_CALENDARS, span=_SPANS, seed=st.integers(0, 2**32))
def test_free_busy_of_generated_calendars(
    pair: Pair,
    fill: Callable[[Items], None],
    dispatch: Dispatch,
    items: Items,
    span: tuple[datetime, datetime],
    seed: int,
) -> None:
    dispatch.execute("UPDATE users SET time_zone = 'UTC'")
    blockers = [it for it in items if it[0] == "blockers"]
    fill(blockers)
    low, high = (it.replace(tzinfo=UTC) for it in span)
    body = _element(f"{C}free-busy-query", _element(f"{C}time-range", start=_utc(low), end=_utc(high)))
    text = _written(body, random.Random(seed))  # noqa: S311
    answer = pair.fast.report(PATHS["blockers"], text)
    (component,) = icalendar.Calendar.from_ical(answer.text).walk("VFREEBUSY")
    given_: Any = component.get("FREEBUSY", [])
    periods = [it.to_ical().decode() for it in (given_ if isinstance(given_, list) else [given_])]
    shown = [tuple(one.split("/")) for it in periods for one in it.split(",")]
    calendar = pair.radicale.get(PATHS["blockers"]).text
    assert shown == [(_utc(start), _utc(end)) for start, end in _busy(calendar, low, high)]


@_SETTINGS
@given(items=_CALENDARS, limit=st.integers(1, 6), path=st.sampled_from(list(PATHS.values())))
def test_pages_of_generated_calendars_are_the_whole(
    pair: Pair,
    fill: Callable[[Items], None],
    items: Items,
    limit: int,
    path: str,
) -> None:
    """RFC 6578, section 3.6, which Radicale refuses: no page is longer, and together they are the whole answer."""
    fill(items)
    whole = pair.same("REPORT", path, _sync("", "")).resources
    found: list[str] = []
    token = ""
    while True:
        page = pair.fast.report(path, _sync(token, f"<limit><nresults>{limit}</nresults></limit>"))
        token = page.xml.findtext(f"{D}sync-token", "")
        resources = page.resources
        more = resources.pop(path, None)
        assert len(resources) <= limit
        found += [href for href, it in resources.items() if it.status != 404]
        if more is None:
            break
        assert (more.status, len(resources)) == (507, limit)
    assert (sorted(found), token) == (sorted(whole), pair.fast.token(path))


def _sync(token: str, extra: str) -> str:
    return (
        f'<sync-collection xmlns="DAV:"><sync-token>{token}</sync-token><sync-level>1</sync-level>{extra}'
        "<prop><getetag/></prop></sync-collection>"
    )


_PROPERTIES = ("UID", "SUMMARY", "DTSTART", "DTEND", "RRULE", "STATUS", "EXDATE", "DESCRIPTION", "X-NONE")


@_SETTINGS
@given(items=_CALENDARS, names=st.sets(st.sampled_from(_PROPERTIES), min_size=1), seed=st.integers(0, 2**32))
def test_partial_data_of_generated_calendars(
    pair: Pair,
    fill: Callable[[Items], None],
    items: Items,
    names: set[str],
    seed: int,
) -> None:
    """RFC 4791, section 9.6.1, where Radicale returns everything: what icalendar leaves of that."""
    fill(items)
    event = _element(f"{C}comp", *(_element(f"{C}prop", name=it) for it in sorted(names)), name="VEVENT")
    part = _element(f"{C}comp", _element(f"{C}prop", name="VERSION"), event, name="VCALENDAR")
    for path in PATHS.values():
        wholly, partly = (
            client.report(
                path,
                _written(_element(f"{C}calendar-query", _element(f"{D}prop", data), _filter(None)), chance),
            ).resources
            for client, data, chance in (
                (pair.radicale, ET.Element(DATA), random.Random(0)),  # noqa: S311
                (pair.fast, _element(DATA, part), random.Random(seed)),  # noqa: S311
            )
        )
        assert wholly.keys() == partly.keys()
        for href, whole in wholly.items():
            expected, shown = (icalendar.Calendar.from_ical(it.text(DATA)) for it in (whole, partly[href]))
            for name in set(expected) - {"VERSION"}:
                del expected[name]
            expected.subcomponents = [it for it in expected.subcomponents if it.name == "VEVENT"]
            for it in expected.subcomponents:
                it.subcomponents = []
                for name in set(it) - names:
                    del it[name]
            assert shown.to_ical() == expected.to_ical()
