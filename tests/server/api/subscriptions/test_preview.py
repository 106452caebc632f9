# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /ical-subscriptions:preview: what would become of a calendar, through the real API."""

from __future__ import annotations

from scheduling.access.permissions import Permission
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys, api_of
from tests.server.outside import MAYBE, PATH, Case, case, event, feed, server, subscribed

__all__ = ["case", "server"]


PREVIEW = "/ical-subscriptions:preview"
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
X-WR-CALNAME:Clients
X-WR-TIMEZONE:America/New_York
BEGIN:VEVENT
UID:zoned
DTSTART;TZID=W. Europe Standard Time:20991201T090000
DTEND;TZID=W. Europe Standard Time:20991201T100000
SUMMARY:Fair
STATUS:TENTATIVE
END:VEVENT
BEGIN:VEVENT
UID:guessed
DTSTART;TZID=Nowhere:20991201T090000
TRANSP:TRANSPARENT
END:VEVENT
BEGIN:VEVENT
UID:bomb
DTSTART:20260101T090000Z
RRULE:FREQ=SECONDLY
END:VEVENT
BEGIN:VEVENT
UID:bad
DTSTART:20261399T090000Z
END:VEVENT
BEGIN:VEVENT
UID:open
BEGIN:VTODO
UID:todo
END:VTODO
END:VCALENDAR
"""


def test_each_event_has_an_outcome_and_the_rules_that_decided(api: Api) -> None:
    answer = api.post(PREVIEW, {"user": "anna", "calendar": CALENDAR})
    assert answer.status == 200
    assert (answer.json["name"], answer.json["time_zone"]) == ("Clients", "America/New_York")
    events = {it["uid"]: it for it in answer.json["events"]}
    assert {uid: it["outcome"] for uid, it in events.items()} == {
        "zoned": "imported",
        "guessed": "imported",
        "bomb": "imported",
        "bad": "skipped",
        "open": "skipped",
    }
    rules = {uid: [note["rule"] for note in it["rules"]] for uid, it in events.items()}
    assert rules == {
        "zoned": ["zone-alias", "status-tentative"],
        "guessed": ["zone-of-calendar", "transp-transparent"],
        "bomb": ["repetition-covered", "opaque"],
        "bad": ["time-unreadable", "time-unknown"],
        "open": ["not-closed", "time-unknown"],
    }
    zoned = events["zoned"]
    assert (zoned["line"], zoned["busy"], zoned["recurring"]) == (5, "BUSY-TENTATIVE", False)
    assert zoned["extent"] == {
        "starts_at": "2099-12-01T08:00:00Z",
        "ends_at": "2099-12-01T09:00:00Z",
        "busy": "BUSY-TENTATIVE",
    }
    assert events["guessed"]["extent"]["starts_at"] == "2099-12-01T14:00:00Z"
    assert len(events["bomb"]["occurrences"]) == 5
    assert api.get("/users/anna/ical-subscriptions").json["subscriptions"] == []


def test_what_cannot_be_fetched_or_read_is_refused(api: Api) -> None:
    for body in ({"url": "https://127.0.0.1/secret.ics"}, {"calendar": "<html>Sign in</html>"}):
        answer = api.post(PREVIEW, {"user": "anna", **body})
        assert answer.status == 422
        assert "secret" not in str(answer.json)
    assert api.post(PREVIEW, {"user": "anna"}).status == 422
    assert (
        api.post(PREVIEW, {"user": "anna", "url": "https://a.example/b", "calendar": CALENDAR}).status == 422
    )
    assert api.post(PREVIEW, {"user": "nobody", "calendar": CALENDAR}).status == 404


def test_a_link_is_looked_at_and_compared_with_what_is_imported(case: Case) -> None:
    number = subscribed(case, feed(event("a", "Gym"), event("b", "Work", day=4)))
    api = api_of(case.running)
    url = case.server.says(PATH, 200, feed(event("a", "Gym"), event("b", "Changed", MAYBE, day=4)))
    looked = api.post(PREVIEW, {"user": "anna", "url": url, "subscription_id": number})
    assert looked.status == 200, looked
    assert [(it["uid"], it["outcome"]) for it in looked.json["events"]] == [
        ("a", "unchanged"),
        ("b", "imported"),
    ]
    assert looked.json["events"][1]["busy"] == "BUSY-TENTATIVE"
    assert {it["title"] for it in case.events()} == {"Gym", "Work"}, "nothing is stored"
    case.server.says(PATH, 404)
    refused = api.post(PREVIEW, {"user": "anna", "url": url})
    assert (refused.status, "secret-4711" in str(refused)) == (422, False)
    assert "does not know this calendar" in refused.problem


def test_a_link_with_credentials_is_looked_at_in_the_zone_of_the_subscription(case: Case) -> None:
    floating = "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20991201T090000\r\nSUMMARY:Gym\r\nEND:VEVENT\r\n"
    credentials = {"kind": "basic", "name": "anna-login", "secret": "pass-9921"}
    number = subscribed(case, feed(floating), credentials=credentials, time_zone="Asia/Tokyo")
    api = api_of(case.running)
    given = {"user": "anna", "url": case.server.url(PATH), "credentials": credentials}
    [event] = api.post(PREVIEW, {**given, "subscription_id": number}).json["events"]
    assert event["outcome"] == "unchanged"
    assert case.server.requests[-1][1]["authorization"] == "Basic YW5uYS1sb2dpbjpwYXNzLTk5MjE="
    [event] = api.post(PREVIEW, given).json["events"]
    assert (event["outcome"], event["extent"]["starts_at"]) == ("imported", "2099-12-01T08:00:00Z")
    assert api.post(PREVIEW, {"user": "anna", "calendar": CALENDAR, "credentials": credentials}).status == 422
    spoilt = api.post(PREVIEW, {**given, "credentials": {**credentials, "kind": "header", "name": "Host"}})
    assert (spoilt.status, "pass-9921" in str(spoilt)) == (422, False)


def test_only_who_may_subscribe_a_user_may_look(keys: Keys) -> None:
    other = keys("bo", {Permission.SUBSCRIPTIONS_MANAGE_OWN})
    assert other.post(PREVIEW, {"user": "anna", "calendar": CALENDAR}).status == 403
    assert other.post(PREVIEW, {"user": "bo", "calendar": CALENDAR}).status == 200
    assert (
        keys("bo", {Permission.FEEDS_CREATE_OWN}).post(PREVIEW, {"user": "bo", "calendar": CALENDAR}).status
        == 403
    )
