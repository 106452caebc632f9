# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions over the REST API, with a real feed on loopback: fields, policies, progress, generations, removal."""

from __future__ import annotations

import base64
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest
from sqlalchemy import text

from scheduling.composition import FOLLOWERS
from scheduling.subscriptions.store import ImportStore
from tests.server.api.calls import Api
from tests.server.api.conftest import api_of
from tests.server.client import D
from tests.server.outside import (
    BASE,
    FULL,
    MAYBE,
    NOT_BUSY,
    PATH,
    Case,
    case,
    event,
    feed,
    server,
    subscribed,
)
from tests.server.running import Running

__all__ = ["case", "server"]


def test_what_is_shown_of_a_subscription_holds_no_secret(case: Case) -> None:
    credentials = {"kind": "basic", "name": "anna-login", "secret": "pass-9921"}
    number = subscribed(case, credentials=credentials, time_zone="Asia/Tokyo")
    found = case.api.get(f"{BASE}/{number}")
    assert (found.json["has_credentials"], found.json["host"], found.json["time_zone"]) == (
        True,
        "127.0.0.1",
        "Asia/Tokyo",
    )
    assert found.json["sync"]["state"] == "done"
    assert case.events()[0]["calendar"] == found.json["calendar_id"]
    with case.running.database.read() as connection:
        rows = repr(connection.execute(text("SELECT * FROM subscriptions")).all())
        rows += repr(connection.execute(text("SELECT * FROM audit_log")).all())
    for secret in ("4711", "pass-9921", "anna-login", base64.b64encode(b"anna-login:pass-9921").decode()):
        assert secret not in str(found.json)
        assert secret not in rows
    refused = case.api.patch(f"{BASE}/{number}", {"url": "https://elsewhere.example.com/a.ics"})
    assert refused.status == 422
    assert "credentials" in refused.problem


def test_what_was_found_and_how_it_was_fetched_is_told(case: Case) -> None:
    zoned = "DTSTART;TZID=Customized Time Zone:20991201T090000\r\n"
    odd = f"BEGIN:VEVENT\r\nUID:odd\r\n{zoned}SUMMARY:Odd\r\nEND:VEVENT\r\n"
    bad = "BEGIN:VEVENT\r\nUID:bad\r\nDTSTART:20261399T090000Z\r\nEND:VEVENT\r\n"
    first = (event("a", "Gym"), bad, odd)
    number = subscribed(case, feed(*first))
    found = case.api.get(f"{BASE}/{number}").json
    report = found["report"]
    assert {it: report[it] for it in ("fetched", "imported", "unchanged")} == {
        "fetched": 3,
        "imported": 2,
        "unchanged": 0,
    }
    [skipped] = report["skipped"]
    assert (skipped["line"], skipped["uid"]) == (11, "bad")
    assert "20261399T090000Z" in skipped["reason"]
    [warning] = report["warnings"]
    assert "Customized Time Zone" in warning
    assert "Europe/Berlin" in warning
    assert "line 15" in warning
    assert {it: found["http"][it] for it in ("status", "etag", "octets")} == {
        "status": 200, "etag": True, "octets": len(feed(*first)),
    }  # fmt: skip
    assert found["last_attempt_at"] == found["last_success_at"] < found["next_at"]
    case.server.says(PATH, 200, feed(*first, event("b", "New", day=4)))
    report = case.sync(number)["report"]
    assert (report["fetched"], report["imported"], report["unchanged"]) == (4, 1, 2)
    case.server.says(PATH, 503, retry_after="7200")
    failed = case.sync(number)
    assert (failed["reason"], failed["sync"]["result"], failed["report"]) == ("http-5xx", "failed", report)
    assert failed["last_success_at"] <= failed["last_attempt_at"] < failed["next_at"]
    by_status = {
        it: len(case.api.get(f"{BASE}?status={it}").json["subscriptions"])
        for it in ("active", "error", "paused")
    }
    assert by_status == {"active": 0, "error": 1, "paused": 0}


def test_a_label_has_1_to_255_characters_and_names_the_calendar(api: Api, running: Running) -> None:
    link = "webcals://calendar.example.com/a.ics"
    assert {api.post(BASE, {"url": link, "label": it}).status for it in ("", "x" * 256)} == {400}
    assert api.post(BASE, {"url": link, "label": "   "}).status == 422
    names = ("x", "ä" * 255)
    made = [api.created(BASE, {"url": link, "label": it}) for it in names]
    assert tuple(it["label"] for it in made) == names
    address = f"{BASE}/{made[0]['id']}"
    assert {api.patch(address, {"label": it}).status for it in ("", "x" * 256)} == {400}
    assert api.patch(address, {"label": names[1]}).json["label"] == names[1]
    shown = running.client("anna").propfind(f"/dav/anna/{made[0]['calendar_id']}/", f"{D}displayname")
    assert shown.only.text(f"{D}displayname") == names[1]


def test_a_policy_counts_without_a_fetch(case: Case) -> None:
    number = subscribed(
        case, feed(event("a", "Gym", NOT_BUSY), event("b", "Perhaps", MAYBE), event("c", "Work"))
    )
    fetches = len(case.server.requests)
    assert [(it["title"], it["busy"]) for it in sorted(case.events(), key=lambda it: it["title"])] == [
        ("Gym", ""),
        ("Perhaps", "BUSY-TENTATIVE"),
        ("Work", "BUSY"),
    ]
    assert case.api.patch(f"{BASE}/{number}", {"tentative": "busy"}).status == 200
    assert sorted(it["busy"] for it in case.events()) == ["", "BUSY", "BUSY"]
    assert case.api.patch(f"{BASE}/{number}", {"busy": "all", "visibility": "busy-only"}).status == 200
    assert {(it["title"], it["busy"]) for it in case.events()} == {("Busy", "BUSY")}
    client = case.running.client("anna")
    path = f"/dav/anna/external-{number}/"
    served = client.request("GET", path)
    assert served.status == 200
    text_ = served.body if isinstance(served.body, str) else served.body.decode()
    assert "Gym" not in text_
    assert text_.count("SUMMARY:Busy") == 3
    assert case.api.patch(f"{BASE}/{number}", {"visibility": "hidden"}).status == 200
    assert client.request("GET", path).status == 404
    assert {it["busy"] for it in case.events()} == {"BUSY"}
    assert len(case.server.requests) == fetches


def test_titles_are_for_the_owner_alone(case: Case) -> None:
    subscribed(case)
    assert {it["title"][:7] for it in case.events()} == {"Private"}
    others = Case(case.running, api_of(case.running), case.server)
    assert {(it["title"], it["read_only"]) for it in others.events()} == {("Busy", True)}
    found = case.events()[0]["id"]
    assert case.api.delete(f"/users/anna/events/{found}").status == 403


def test_an_emptied_calendar_waits_in_quarantine(case: Case) -> None:
    number = subscribed(case)
    case.server.says(PATH, 200, feed())
    found = case.sync(number)
    assert (found["status"], found["reason"], found["sync"]["result"]) == ("error", "empty", "quarantined")
    assert len(case.events()) == 10
    assert case.generations(number) == [("quarantined", 0), ("current", 10)]
    waiting = case.generation(number, "quarantined")
    differences = case.api.get(f"{BASE}/{number}/generations/{waiting}/diff").json["differences"]
    assert {it["change"] for it in differences} == {"removed"}
    assert len(differences) == 10
    accepted = case.api.post(f"{BASE}/{number}/generations/{waiting}/accept")
    assert (accepted.status, accepted.json["state"]) == (200, "current")
    assert case.events() == []
    assert case.api.get(f"{BASE}/{number}").json["status"] == "active"
    assert case.api.post(f"{BASE}/{number}/generations/{waiting}/accept").status == 409


def test_a_quarantine_ends_when_the_source_recovers_or_it_lasted_long_enough(case: Case) -> None:
    number = subscribed(case)
    fewer = feed(*(event(f"uid-{it}", f"Private {it}", day=it + 1) for it in range(3)))
    case.server.says(PATH, 200, fewer)
    assert case.sync(number)["reason"] == "vanished"
    case.server.says(PATH, 200, FULL)
    assert case.sync(number)["status"] == "active"
    assert case.generations(number) == [("withdrawn", 3), ("current", 10)]
    case.server.says(PATH, 200, fewer)
    assert case.sync(number)["reason"] == "vanished"
    with case.running.database.write() as connection:
        connection.execute(text("UPDATE subscription_generations SET doubted_at = doubted_at - 86500"))
    assert case.sync(number)["status"] == "active"
    assert len(case.events()) == 3
    assert case.generations(number) == [("current", 3), ("past", 10)]


def test_what_was_rolled_back_does_not_come_with_the_next_fetch(case: Case) -> None:
    number = subscribed(case)
    case.server.says(PATH, 200, feed(*(event(f"uid-{it}", "Changed", day=it + 1) for it in range(10))))
    assert case.sync(number)["status"] == "active"
    assert {it["title"] for it in case.events()} == {"Changed"}
    past = case.generation(number, "past")
    assert case.api.post(f"{BASE}/{number}/generations/{past}/roll-back").status == 200
    assert "Changed" not in {it["title"] for it in case.events()}
    assert case.sync(number)["reason"] == "rejected"
    assert "Changed" not in {it["title"] for it in case.events()}
    case.server.says(PATH, 200, feed(*(event(f"uid-{it}", "Newer", day=it + 1) for it in range(10))))
    assert case.sync(number)["status"] == "active"
    assert {it["title"] for it in case.events()} == {"Newer"}


def test_unchanged_contents_are_stored_once_and_old_states_forgotten(case: Case) -> None:
    number = subscribed(case)
    for turn in range(8):
        changed = event("uid-0", f"Turn {turn}", day=1)
        rest = (event(f"uid-{it}", f"Private {it}", day=it + 1) for it in range(1, 10))
        case.server.says(PATH, 200, feed(changed, *rest))
        case.sync(number)
    assert case.generations(number) == [("current", 10), *[("past", 10)] * 4]
    with case.running.database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM external_events")) == 10
        assert connection.scalar(text("SELECT count(*) FROM external_event_versions")) == 4


def test_another_url_takes_over_only_when_it_was_read(case: Case) -> None:
    number = subscribed(case)
    missing = case.server.says("/moved.ics", 404)
    assert case.api.patch(f"{BASE}/{number}", {"url": missing}).status == 200
    assert case.sync(number)["reason"] == "http-404"
    assert len(case.events()) == 10
    case.server.says("/moved.ics", 200, feed(*(event(f"other-{it}", "Other", day=it + 1) for it in range(6))))
    assert case.sync(number)["status"] == "active"
    assert {it["title"] for it in case.events()} == {"Other"}


def test_a_rejected_state_is_not_taken_over(case: Case) -> None:
    number = subscribed(case)
    renamed = feed(*(event(f"new-{it}", f"New {it}", day=it + 1) for it in range(10)))
    case.server.says(PATH, 200, renamed)
    assert case.sync(number)["reason"] == "uids-changed"
    [doubted] = [
        it for it in case.api.get(f"{BASE}/{number}/generations").json["generations"] if it["reasons"]
    ]
    assert (doubted["state"], doubted["reasons"]) == ("quarantined", ["uids-changed", "vanished"])
    waiting = f"{BASE}/{number}/generations/{case.generation(number, 'quarantined')}"
    differences = case.api.get(f"{waiting}/diff").json["differences"]
    assert {it["change"] for it in differences} == {"added", "removed"}
    rejected = case.api.post(f"{waiting}/reject")
    assert (rejected.status, rejected.json["state"]) == (200, "rejected")
    assert case.sync(number)["reason"] == "rejected"
    assert {it["title"][:7] for it in case.events()} == {"Private"}
    assert case.api.post(f"{waiting}/reject").status == 409
    assert case.api.post(f"{waiting}/accept").json["state"] == "current"
    assert {it["title"][:3] for it in case.events()} == {"New"}
    assert case.api.get(f"{BASE}/{number}").json["status"] == "active"


def test_another_url_is_judged_before_the_old_events_go(case: Case) -> None:
    number = subscribed(case)
    for path, body, reason in (
        ("/empty.ics", feed(), "empty"),
        ("/page.ics", b"<!DOCTYPE html><title>Sign in</title>", "html"),
        ("/cut.ics", FULL[: len(FULL) // 2], "truncated"),
    ):
        moved = case.api.patch(f"{BASE}/{number}", {"url": case.server.says(path, 200, body)})
        assert moved.status == 200
        found = case.sync(number)
        assert (found["status"], found["reason"]) == ("error", reason)
        assert {it["title"][:7] for it in case.events()} == {"Private"}
    assert case.generations(number)[0] == ("withdrawn", 0)


def test_a_sync_is_asked_for_once_and_not_too_often(case: Case) -> None:
    number = subscribed(case)
    fetches = len(case.server.requests)
    for _ in range(5):
        asked = case.api.post(f"{BASE}/{number}/sync")
        assert (asked.status, asked.json["sync"]["state"]) == (202, "queued")
        case.fetch()
    assert len(case.server.requests) == fetches + 1, "only the first is done at once"
    with case.running.database.write() as connection:
        connection.execute(text("UPDATE subscriptions SET next_at = next_at - 60"))
    case.fetch()
    assert len(case.server.requests) == fetches + 2
    found = case.api.get(f"{BASE}/{number}").json
    assert found["sync"]["state"] == "done"
    assert found["sync"]["requested_at"] <= found["sync"]["started_at"] <= found["sync"]["finished_at"]
    with case.running.database.write() as connection:
        connection.execute(text("UPDATE subscriptions SET next_at = 0"))
    case.fetch()
    assert case.api.get(f"{BASE}/{number}").json["sync"]["requested_at"] is None, "nobody asked for this one"
    assert case.api.post(f"{BASE}/{number}/sync").json["next_at"] < found["next_at"]
    case.fetch()
    assert len(case.server.requests) == fetches + 4


def test_what_is_due_at_once_is_due_now_and_not_in_1970(case: Case) -> None:
    number = subscribed(case)
    before = datetime.now(UTC).replace(microsecond=0)
    asked = case.api.post(f"{BASE}/{number}/sync").json
    changed = case.api.patch(f"{BASE}/{number}", {"time_zone": "Europe/London"}).json
    for found in (asked, changed, case.api.get(f"{BASE}/{number}").json):
        assert before <= datetime.fromisoformat(found["next_at"]) <= datetime.now(UTC)


def test_a_daemon_does_what_is_asked_for_within_seconds(case: Case) -> None:
    number = subscribed(case)
    before = case.api.get(f"{BASE}/{number}").json
    arrived = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        arrived.set()
        case.server.released.wait(60)
        handler.send_response(304)
        handler.end_headers()

    case.server.answers[PATH] = answer
    asked = case.api.post(f"{BASE}/{number}/sync")
    assert (asked.status, asked.json["sync"]["state"]) == (202, "queued")
    with case.daemon():
        assert arrived.wait(60)
        assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "running"
        assert case.api.post(f"{BASE}/{number}/sync").json["sync"]["state"] == "running"
        case.server.released.set()
        found = case.until(number, lambda it: it["sync"]["state"] == "done")
    assert (before["sync"]["result"], found["sync"]["result"]) == ("applied", "unchanged")
    assert len(case.server.requests) == 2


def test_a_sync_whose_importer_was_killed_stays_queued(case: Case) -> None:
    number = subscribed(case)
    settings = case.running.settings
    store = ImportStore(case.running.database, settings.config, settings.keyring(), followers=FOLLOWERS)
    case.api.post(f"{BASE}/{number}/sync")
    [killed] = store.claim(int(time.time()), 60, 1)
    assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "running"
    with case.running.database.write() as connection:
        connection.execute(text("UPDATE subscriptions SET lease_until = 1"))
    assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "queued"
    [stopped] = store.claim(int(time.time()), 60, 1)
    assert killed.lease != stopped.lease
    store.release([stopped])
    assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "queued"
    case.fetch()
    assert case.api.get(f"{BASE}/{number}").json["sync"]["state"] == "done"


def test_a_removed_subscription_leaves_its_events_or_takes_them(case: Case) -> None:
    number = subscribed(case)
    assert case.api.delete(f"{BASE}/{number}").status == 204
    assert case.api.get(f"{BASE}/{number}").status == 404
    assert len(case.events()) == 10
    [kept] = case.api.get("/users/anna/detached-calendars").json["detached_calendars"]
    assert (kept["id"], kept["calendar"]) == (number, f"external-{number}")
    with case.running.database.read() as connection:
        assert connection.scalar(text("SELECT length(encrypted_url) FROM subscriptions")) == 0
    fetches = len(case.server.requests)
    case.fetch()
    assert len(case.server.requests) == fetches
    assert case.api.delete(f"/users/anna/detached-calendars/{number}").status == 204
    assert case.events() == []
    other = subscribed(case)
    assert case.api.delete(f"{BASE}/{other}?events=delete").status == 204
    assert case.events() == []
    assert case.api.get("/users/anna/detached-calendars").json["detached_calendars"] == []


def test_http_is_refused_unless_it_is_permitted(api: Api) -> None:
    refused = api.post(BASE, {"url": "http://calendar.example.com/a.ics", "label": "Mine"})
    assert refused.status == 422
    assert "allow_http" in refused.problem
    assert api.created(BASE, {"url": "webcal://calendar.example.com/a.ics", "label": "Mine"})["host"]


REFUSED = (
    "https://127.0.0.1/{}", "https://2130706433/{}", "https://[::ffff:10.0.0.1]/{}", "https://169.254.169.254/{}",
    "https://localhost/{}", "https://calendar.example.com:22/{}", "https://anna:{}@calendar.example.com/a.ics",
    "webcal://192.168.1.1/{}", "http://calendar.example.com/{}", "https://xn--/{}", "https://xn--a/{}",
)  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_what_would_never_be_fetched_is_not_saved(api: Api, url: str) -> None:
    made = api.created(BASE, {"url": "https://calendar.example.com/a.ics", "label": "Mine"})
    for refused in (
        api.post(BASE, {"url": url.format("secret-4711"), "label": "Mine"}),
        api.patch(f"{BASE}/{made['id']}", {"url": url.format("secret-4711")}),
    ):
        assert refused.status == 422
        assert refused.problem.endswith(".")
        assert "secret-4711" not in str(refused)
    [only] = api.get(BASE).json["subscriptions"]
    assert (only["id"], only["host"]) == (made["id"], "calendar.example.com")


def test_another_scheme_is_no_link(api: Api) -> None:
    for url in ("file:///etc/passwd", "ftp://calendar.example.com/a.ics", "data:text/calendar,BEGIN"):
        assert api.post(BASE, {"url": url, "label": "Mine"}).status == 400


def test_an_intranet_is_admitted_where_the_operator_says_so(case: Case) -> None:
    body = {"url": f"http://127.0.0.1:{case.server.port}/a.ics", "label": "Mine"}
    assert case.api.post(BASE, body).status == 201
    assert case.api.post(BASE, {**body, "url": "http://127.0.0.2/a.ics"}).status == 422
