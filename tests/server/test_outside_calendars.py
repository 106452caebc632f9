# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars from a server on loopback to whoever asks: calendar apps, feeds, availability."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import icalendar
import pytest
import sqlalchemy
import vobject

from importer.cycle import Tools, synchronise
from importer.sources.registry import source_of
from importer.understand import body as reading
from scheduling.composition import FOLLOWERS
from scheduling.feeds import feeds
from scheduling.feeds.options import FeedOptions
from scheduling.snapshot import Snapshot
from scheduling.subscriptions.store import ImportStore
from tests.server.api.conftest import api_of
from tests.server.client import APPLE, Client, D, calendar_query, during, proppatch
from tests.server.outside import BASE, MAYBE, NOT_BUSY, PATH, Case, case, day, event, feed, server, subscribed

__all__ = ["case", "server"]


def member(case: Case, number: int) -> tuple[Client, str, list[str]]:
    """Anna's app, the calendar that a subscription fills, and the paths of its objects."""
    client = case.running.client("anna")
    calendar = f"/dav/anna/external-{number}/"
    paths = [
        it for it in client.propfind(calendar, f"{D}getetag", depth="1").resources if it.endswith(".ics")
    ]
    return client, calendar, paths


def availability(case: Case, offset: int, more: str = "") -> Any:
    """What anybody may know of anna's time from 9 to 10 o'clock UTC, so many days from today."""
    span = f"start={day(offset)}T09:00:00Z&end={day(offset)}T10:00:00Z{more}"
    return api_of(case.running).get(f"/users/anna/availability?{span}").json


def test_visibility_counts_in_feeds_and_calendar_apps_and_never_in_availability(case: Case) -> None:
    number = subscribed(
        case, feed(event("a", "Gym", "LOCATION:Cellar\r\nDESCRIPTION:Legs\r\n"), event("b", "Work", MAYBE))
    )
    path = feeds.path_of(case.running.feed("anna")[1])
    client, calendar, _ = member(case, number)
    first = client.token(calendar)
    span = f"{day(3).replace('-', '')}T000000Z", f"{day(4).replace('-', '')}T000000Z"

    def seen() -> list[str]:
        """In the feed, as one file, by a query, and by a sync of an app that knows the calendar."""
        query = client.query(calendar, during(*span))
        return [
            case.running.client().get(path).text,
            client.get(calendar).text,
            query.text if query.status == 207 else "",
            "".join(client.get(it).text for it in member(case, number)[2]) if query.status == 207 else "",
        ]

    for text in seen():
        assert all(
            it in text for it in ("SUMMARY:Gym", "LOCATION:Cellar", "DESCRIPTION:Legs", "SUMMARY:Work")
        )
    assert case.api.patch(f"{BASE}/{number}", {"visibility": "busy-only"}).status == 200
    for text in seen():
        assert text.count("SUMMARY:Busy") == 2
        assert not any(it in text for it in ("Gym", "Work", "Cellar", "Legs"))
    changed = client.sync(calendar, first)
    assert sorted(changed.names.values()) == [200, 200, 404, 404], "others under other UIDs take their place"
    assert case.api.patch(f"{BASE}/{number}", {"visibility": "hidden"}).status == 200
    shown, *others = seen()
    assert (shown.count("BEGIN:VCALENDAR"), shown.count("BEGIN:VEVENT")) == (1, 0)
    assert not any("BEGIN:VEVENT" in it for it in others)
    assert calendar not in client.propfind("/dav/anna/", f"{D}displayname", depth="1").resources
    assert {client.request(it, calendar, Depth="0").status for it in ("GET", "PROPFIND")} == {404}
    assert client.report(calendar, calendar_query(during(*span))).status == 404
    assert [it["type"] for it in availability(case, 3)["busy"]] == ["BUSY"]
    assert case.api.patch(f"{BASE}/{number}", {"visibility": "full"}).status == 200
    assert all("SUMMARY:Gym" in it for it in seen())


@pytest.mark.parametrize("visibility", ["full", "busy-only"])
def test_nothing_is_written_into_an_outside_calendar(case: Case, visibility: str) -> None:
    number = subscribed(case, feed(event("a", "Gym")), visibility=visibility)
    client, calendar, [name] = member(case, number)
    before = client.get(calendar).body, client.token(calendar)
    body = feed(event("new", "Mine")).decode()
    for method in ("PUT", "DELETE", "MOVE", "COPY", "MKCALENDAR", "MKCOL"):
        for path in (name, f"{calendar}new.ics", calendar, f"{calendar}new/"):
            for headers in ({}, {"If_Match": client.get(name).headers["etag"]}, {"If_None_Match": "*"}):
                answer = client.request(
                    method, path, body if method == "PUT" else "", Destination=f"http://127.0.0.1:5232{calendar}x.ics",
                    Content_Type="text/calendar", **headers,
                )  # fmt: skip
                assert (answer.status, answer.conditions) == (403, [f"{D}need-privileges"]), (method, path)
    color = f"{APPLE}calendar-color"
    for protected in (f"{D}resourcetype", f"{D}sync-token", f"{D}owner", "{urn:x}anything"):
        refused = client.request("PROPPATCH", calendar, proppatch((protected, "x"), (color, "#FF0000FF")))
        assert refused.only.refused == {protected: 403, color: 424}
    assert client.request("PROPPATCH", name, proppatch((f"{D}displayname", "x"))).only.refused == {
        f"{D}displayname": 403
    }
    dora = case.running.client("dora")
    assert dora.request("PROPPATCH", calendar, proppatch((color, "#FF0000FF"))).status == 404
    assert dora.request("PUT", name, body).conditions == [f"{D}need-privileges"]
    privileges = f"{D}current-user-privilege-set"
    granted = client.propfind(calendar, privileges).only.tags(privileges)
    assert f"{D}read" in granted
    assert not granted & {f"{D}{it}" for it in ("write", "write-content", "bind", "unbind", "all")}
    [stored] = case.events()
    address = f"/users/anna/events/{stored['id']}"
    assert (stored["source"], stored["read_only"]) == ("external_ical", True)
    everybody = api_of(case.running)
    assert {it.patch(address, {"notes": "Mine"}).status for it in (case.api, everybody)} == {403}
    assert {it.delete(address).status for it in (case.api, everybody)} == {403}
    assert (client.get(calendar).body, client.token(calendar)) == before


def test_times_without_a_zone_are_read_in_the_one_of_the_subscription(case: Case) -> None:
    morning = f"{day(3).replace('-', '')}T0900"
    floating = (
        f"BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:{morning}00\r\nDTEND:{morning}30\r\n"
        "SUMMARY:Gym\r\nEND:VEVENT\r\n"
    )
    number = subscribed(case, feed(floating), time_zone="Asia/Tokyo")
    client, calendar, _ = member(case, number)

    def starts() -> set[str]:
        [shown] = case.events()
        [served] = icalendar.Calendar.from_ical(client.get(calendar).body).walk("VEVENT")
        return {
            shown["starts_at"][11:16],
            f"{served['DTSTART'].dt.astimezone(UTC):%H:%M}",
        }

    assert starts() == {"00:00"}
    case.server.says(PATH, 200, feed(floating), etag='"1"')
    assert (
        case.api.patch(f"{BASE}/{number}", {"time_zone": "America/Halifax"}).json["time_zone"]
        == "America/Halifax"
    )
    case.fetch()
    assert starts() <= {"12:00", "13:00"}
    assert "if-none-match" not in case.server.requests[-1][1], "the same text has to be read again"
    assert case.api.patch(f"{BASE}/{number}", {"time_zone": None}).json["time_zone"] is None
    case.fetch()
    assert starts() <= {"07:00", "08:00"}, "the user's own is Europe/Berlin"
    fetched = len(case.server.requests)
    case.fetch()
    assert len(case.server.requests) == fetched


def test_what_stays_of_a_subscription_blocks_until_it_is_discarded(case: Case) -> None:
    number = subscribed(case, feed(event("a", "Gym"), event("b", "Free", NOT_BUSY, day=5)))
    detached = "/users/anna/detached-calendars"
    assert case.api.get(detached).json["detached_calendars"] == []
    assert case.api.delete(f"{BASE}/{number}").status == 204
    [kept] = case.api.get(detached).json["detached_calendars"]
    assert (kept["id"], kept["label"], kept["calendar"]) == (number, "Private", f"external-{number}")
    for offset, busy in ((3, ["BUSY"]), (5, [])):
        found = availability(case, offset, "&max_staleness=1")
        assert ([it["type"] for it in found["busy"]], found["unknown"]) == (busy, []), (
            "nobody waits for it to be read"
        )
    reasons = case.api.get(f"/users/anna/availability/explain?at={day(3)}T09:30:00Z").json["reasons"]
    assert [(it["effect"], it["rule"]) for it in reasons] == [("blocks", "opaque")]
    client, calendar, [name, _] = member(case, number)
    assert "SUMMARY:" in client.get(name).text
    assert client.request("DELETE", name).status == 403
    assert case.api.delete(f"{detached}/{number}").status == 204
    assert availability(case, 3)["busy"] == []
    assert client.get(calendar).status == 404
    assert case.api.delete(f"{detached}/{number}").status == 404


RULES = {
    "opaque": ("", "blocks"),
    "transp-transparent": (NOT_BUSY, "free"),
    "busystatus": ("X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n", "unavailable"),
    "status-cancelled": ("STATUS:CANCELLED\r\n", "free"),
    "status-tentative": (MAYBE, "tentative"),
}


def test_the_rule_that_decides_about_an_imported_event_is_explained(case: Case) -> None:
    events = [event(rule, rule, extra, day=it) for it, (rule, (extra, _)) in enumerate(RULES.items(), 3)]
    number = subscribed(case, feed(*events))

    def explained(offset: int) -> tuple[str, str, str]:
        at = f"{day(offset)}T09:30:00Z"
        [reason] = case.api.get(f"/users/anna/availability/explain?at={at}").json["reasons"]
        assert reason["calendar"] == f"external-{number}"
        return reason["rule"], reason["effect"], reason["title"]

    for offset, (rule, (_, effect)) in enumerate(RULES.items(), 3):
        assert explained(offset) == (rule, effect, rule)
    case.api.patch(f"{BASE}/{number}", {"visibility": "hidden"})
    assert explained(3)[1] == "blocks"


@pytest.mark.parametrize("detail", ["full", "busy"])
def test_a_feed_shows_an_event_of_several_calendars_once(case: Case, detail: Literal["full", "busy"]) -> None:
    bodies = [
        feed(event("both", "First"), event("free-first", "Free", NOT_BUSY, day=4), event("a", "Alone")),
        feed(event("both", "Second"), event("free-first", "Taken", day=4), event("b", "Alone")),
    ]
    for number, body in enumerate(bodies):
        subscribed(case, body, path=f"/{number}.ics")
    path = feeds.path_of(case.running.feed("anna", options=FeedOptions(detail=detail))[1])
    shown = icalendar.Calendar.from_ical(case.running.client().get(path).text).walk("VEVENT")
    assert len(shown) == len({it["UID"] for it in shown}) == 4
    assert [it.get("TRANSP") for it in shown] == ["OPAQUE"] * 4
    if detail == "full":
        assert {str(it["SUMMARY"]) for it in shown} == {"First", "Taken", "Alone"}
    assert len(case.events()) == 6


def test_all_that_is_served_is_read_by_two_programs_and_has_one_uid(case: Case) -> None:
    odd = (
        "RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:x\r\nRDATE;VALUE=PERIOD:20991201T090000Z/PT1H\r\n",
        'SUMMARY;X="a:b":\\;\\,\\n\\N\\\\\r\nURL:javascript:x\r\nATTACH:file:///etc/passwd\r\n',
        "DESCRIPTION:\x01\x0b ]]> \u2028 \U0001f600\r\n  folded\r\nCATEGORIES:a\\,b,,c\r\n",
        "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nORGANIZER:mailto:x@example.com\r\n",
        "no property at all\r\nX-A;B:C\r\nSTATUS:NONSENSE\r\nTRANSP:\r\n",
    )
    twice = event("same", "One") + event("same", "Two", day=6)
    series = event("s", "Daily", "RRULE:FREQ=DAILY;COUNT=5\r\n") + event(
        "s", "Moved", f"RECURRENCE-ID:{day(4).replace('-', '')}T090000Z\r\n", day=8
    )
    number = subscribed(
        case, feed(*(event(f"odd-{it}/../", "Odd", extra) for it, extra in enumerate(odd)), twice, series)
    )
    client, _, names = member(case, number)
    assert len(names) == len(odd) + 3
    uids, events = set(), 0
    for name in names:
        text = client.get(name).text
        [calendar] = icalendar.Calendar.from_ical(text, multiple=True)
        found = calendar.walk("VEVENT")
        assert not any(it.errors for it in found)
        assert len(vobject.readOne(text).vevent_list) == len(found)
        [uid] = {str(it["UID"]) for it in found}
        uids.add(uid)
        events += len(found)
    assert len(uids) == len(names)
    whole = case.running.client().get(feeds.path_of(case.running.feed("anna")[1])).text
    assert (
        len(vobject.readOne(whole).vevent_list)
        == len(icalendar.Calendar.from_ical(whole).walk("VEVENT"))
        == events
    )


@pytest.fixture
def fussy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vobject that cannot read what is called Odd: no event that is understood is known to fail with the real one."""
    real = vobject.readOne

    def read(stream: str, *rest: Any, **named: Any) -> Any:
        if "SUMMARY:Odd" in stream:
            raise vobject.base.ParseError("Odd")
        return real(stream, *rest, **named)

    monkeypatch.setattr(vobject, "readOne", read)


@pytest.mark.usefixtures("fussy")
def test_what_one_of_the_programs_cannot_read_is_not_served(case: Case) -> None:
    number = subscribed(case, feed(event("a", "Gym"), event("b", "Work", day=4)))
    changed = feed(
        event("a", "Odd"), event("b", "Worked", day=4), event("c", "Odd", day=5), event("d", "New", day=6)
    )
    case.server.says(PATH, 200, changed)
    settings = case.running.settings
    store = ImportStore(case.running.database, settings.config, settings.keyring(), followers=FOLLOWERS)
    config = settings.importer
    # As the daemon does it, but read in this process, where vobject is fussy.
    tools = Tools(
        store=store,
        source=partial(source_of, policy=config.policy()),
        schedule=config.schedule(),
        read=reading.read,
    )
    synchronise(store.claim(int(time.time()), 60, 1, only=number), tools)
    found = case.api.get(f"{BASE}/{number}").json
    assert (found["status"], found["report"]["imported"]) == ("active", 2)
    assert [(it["line"], it["uid"]) for it in found["report"]["skipped"]] == [(4, "a"), (18, "c")]
    assert {it["reason"] for it in found["report"]["skipped"]} == {
        "It cannot be written in a form that every program reads."
    }
    client, calendar, _ = member(case, number)
    served = client.get(calendar).text
    assert "Odd" not in served
    assert sorted(str(it["SUMMARY"]) for it in icalendar.Calendar.from_ical(served).walk("VEVENT")) == [
        "Gym",
        "New",
        "Worked",
    ], "what was good before stays as it was"
    shown = (
        api_of(case.running)
        .post("/ical-subscriptions:preview", {"user": "anna", "calendar": changed.decode()})
        .json
    )
    rules = {it["uid"]: (it["outcome"], [rule["rule"] for rule in it["rules"]]) for it in shown["events"]}
    assert rules["c"] == ("skipped", ["not-servable", "time-unknown"])
    assert rules["d"][0] == "imported"


MONDAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
MONDAY += timedelta(days=7 - MONDAY.weekday())
LATER = (MONDAY + timedelta(days=7 * 52 * 6)).replace(hour=0)
"""A Monday years from now."""


def series(rule: str, *, later: timedelta) -> bytes:
    """An hour from nine each Monday, all of which from the third on are `later`, with an hour more."""
    third = MONDAY + timedelta(days=14)
    to = third + later
    common = "UID:weekly\r\nDTSTAMP:20260101T000000Z\r\n"
    return feed(
        f"BEGIN:VEVENT\r\n{common}DTSTART:{MONDAY:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\nRRULE:{rule}\r\n"
        "SUMMARY:Choir\r\nEND:VEVENT\r\n",
        f"BEGIN:VEVENT\r\n{common}RECURRENCE-ID;RANGE=THISANDFUTURE:{third:%Y%m%dT%H%M%SZ}\r\n"
        f"DTSTART:{to:%Y%m%dT%H%M%SZ}\r\nDURATION:PT2H\r\nSUMMARY:Choir (later)\r\nEND:VEVENT\r\n",
    )


def jump(monkeypatch: pytest.MonkeyPatch, to: datetime) -> None:
    """Let it be `to` now; who is asked keeps no other clock."""
    ahead = to.timestamp() - time.time()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
    monkeypatch.setattr(Snapshot.__init__, "__defaults__", (time.time,))


@pytest.mark.parametrize("detached", [False, True])
def test_a_changed_rest_of_a_series_lasts_at_every_door(
    case: Case, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    number = subscribed(case, series("FREQ=WEEKLY", later=timedelta(days=1, hours=2)))
    path = feeds.path_of(case.running.feed("anna")[1])
    if detached:
        assert case.api.delete(f"/users/anna/ical-subscriptions/{number}").status == 204
    client = case.running.client("anna")
    jump(monkeypatch, LATER)
    week = LATER + timedelta(days=7)
    tuesday = LATER + timedelta(days=1, hours=11)
    wanted = [(f"{tuesday:%Y-%m-%dT%H:%M:%SZ}", f"{tuesday + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}")]

    span = f"start={LATER:%Y-%m-%dT00:00:00Z}&end={week:%Y-%m-%dT00:00:00Z}"
    answer = api_of(case.running).get(f"/users/anna/availability?{span}").json
    assert [(it["starts_at"], it["ends_at"]) for it in answer["busy"] if it["type"] == "BUSY"] == wanted

    calendar = next(
        it for it in client.propfind("/dav/anna/", f"{D}displayname", depth="1").resources if "external" in it
    )
    query = client.query(calendar, during(f"{LATER:%Y%m%dT%H%M%SZ}", f"{week:%Y%m%dT%H%M%SZ}"))
    assert (query.status, len(query.resources)) == (207, 1)
    assert "Choir (later)" in query.text
    assert not client.query(
        calendar, during(f"{LATER:%Y%m%dT080000Z}", f"{LATER:%Y%m%dT110000Z}")
    ).resources, "not where it would have been"

    for text in (case.running.client().get(path).text, client.get(calendar).text):
        shown = [
            it for it in icalendar.Calendar.from_ical(text).walk("VEVENT") if it["SUMMARY"] == "Choir (later)"
        ]
        assert [it["RRULE"]["FREQ"] for it in shown] == [["WEEKLY"]]
        assert "UNTIL" not in shown[0]["RRULE"]
        assert shown[0]["DTSTART"].dt.weekday() == 1


def test_what_no_rule_says_is_written_out_for_as_long(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The day after the second Tuesday of a month is no rule."""
    first = MONDAY + timedelta(days=8)
    text = series(f"FREQ=MONTHLY;BYDAY={(first.day - 1) // 7 + 1}TU", later=timedelta()).decode()
    text = text.replace(f"{MONDAY:%Y%m%dT%H%M%SZ}", f"{first:%Y%m%dT%H%M%SZ}")
    moved = first + timedelta(days=1)
    third = MONDAY + timedelta(days=14)
    text = text.replace(
        f"RANGE=THISANDFUTURE:{third:%Y%m%dT%H%M%SZ}", f"RANGE=THISANDFUTURE:{first:%Y%m%dT%H%M%SZ}"
    )
    text = text.replace(f"DTSTART:{third:%Y%m%dT%H%M%SZ}", f"DTSTART:{moved:%Y%m%dT%H%M%SZ}")
    subscribed(case, text.encode())
    jump(monkeypatch, LATER)
    span = f"start={LATER:%Y-%m-%dT00:00:00Z}&end={LATER + timedelta(days=150):%Y-%m-%dT00:00:00Z}"
    answer = api_of(case.running).get(f"/users/anna/availability?{span}").json
    starts = [datetime.fromisoformat(it["starts_at"]) for it in answer["busy"] if it["type"] == "BUSY"]
    assert len(starts) >= 4
    assert {(it.weekday(), it.hour) for it in starts} == {(2, 9)}


def invited(uid: str, *attendees: str) -> str:
    return event(uid, f"Meeting {uid}", "".join(f"ATTENDEE{it}\r\n" for it in attendees))


ME, BOSS = "mailto:Anna@Example.com", ";PARTSTAT=ACCEPTED:mailto:boss@example.org"


def test_what_the_user_has_declined_does_not_block_unless_everything_does(case: Case) -> None:
    number = subscribed(case, feed(invited("a", f";CN=Anna;PARTSTAT=DECLINED:{ME}", BOSS)))
    at = f"/users/anna/availability/explain?at={day(3)}T09:30:00Z"
    everybody = api_of(case.running)
    assert availability(case, 3)["busy"] == []
    assert [everybody.get(at).json[it] for it in ("effect", "rule")] == ["free", "attendee-declined"]
    client, _, [name] = member(case, number)
    assert "TRANSP:TRANSPARENT" in client.get(name).text
    assert "boss@example.org" not in client.get(name).text
    assert case.api.patch(f"{BASE}/{number}", {"busy": "all"}).status == 200
    assert [everybody.get(at).json[it] for it in ("effect", "rule")] == ["blocks", "policy-busy"]


@pytest.mark.parametrize(
    ("attendees", "is_busy"),
    [
        ((f";PARTSTAT=ACCEPTED:{ME}",), True),
        (("mailto:anna@example.com.evil.example",), True),
        ((";PARTSTAT=DECLINED:mailto:boss@example.org", f":{ME}"), True),
        ((f";PARTSTAT=DECLINED:{ME}", f";PARTSTAT=TENTATIVE:{ME}"), True),
        ((f';CN="DECLINED: no";PARTSTAT=NEEDS-ACTION:{ME}',), True),
        ((f';CN="Anna: me";partstat="declined":{ME}',), False),
        ((";EMAIL=anna@example.com;PARTSTAT=DECLINED:urn:uuid:4711",), False),
        ((";STATUS=DECLINED:anna@example.com",), False),
    ],
)
def test_only_the_users_own_answer_counts(case: Case, attendees: tuple[str, ...], is_busy: bool) -> None:
    subscribed(case, feed(invited("a", *attendees)))
    assert bool(availability(case, 3)["busy"]) == is_busy


def test_an_answer_and_an_address_may_change(case: Case) -> None:
    declined = feed(invited("a", f";PARTSTAT=DECLINED:{ME}"))
    number = subscribed(case, declined.replace(b"DECLINED", b"NEEDS-ACTION"))
    assert availability(case, 3)["busy"]
    case.server.says(PATH, 200, declined)
    case.sync(number)
    assert availability(case, 3)["busy"] == []
    with case.running.database.write() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE users SET email = 'anna@other.example' WHERE username = 'anna'")
        )
    case.sync(number)
    assert availability(case, 3)["busy"], "it is somebody else who declined"
    with case.running.database.write() as connection:
        connection.execute(sqlalchemy.text("UPDATE users SET email = NULL WHERE username = 'anna'"))
    case.sync(number)
    assert availability(case, 3)["busy"]
    shown = case.api.post("/ical-subscriptions:preview", {"user": "anna", "calendar": declined.decode()}).json
    assert "attendee-declined" not in [it["rule"] for it in shown["events"][0]["rules"]]
    with case.running.database.write() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE users SET email = ' ANNA@example.COM ' WHERE username = 'anna'")
        )
    shown = case.api.post("/ical-subscriptions:preview", {"user": "anna", "calendar": declined.decode()}).json
    assert "attendee-declined" in [it["rule"] for it in shown["events"][0]["rules"]]


def test_one_instance_may_be_declined(case: Case) -> None:
    start = day(3).replace("-", "")
    other = day(4).replace("-", "")
    series = event("a", "Daily", "RRULE:FREQ=DAILY;COUNT=3\r\n")
    changed = event("a", "Daily", f"RECURRENCE-ID:{other}T090000Z\r\nATTENDEE;PARTSTAT=DECLINED:{ME}\r\n")
    changed = changed.replace(f"DTSTART:{start}", f"DTSTART:{other}").replace(
        f"DTEND:{start}", f"DTEND:{other}"
    )
    subscribed(case, feed(series, changed))
    assert [bool(availability(case, offset)["busy"]) for offset in (3, 4, 5)] == [True, False, True]
