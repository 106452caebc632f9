# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription` about what a calendar was and is: reports, doubted states and what is done with them, what
stays of a subscription that was ended.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.outside import PATH, CalendarServer, day, event, feed, server

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

__all__ = ["server"]

BEFORE = tuple(event(f"uid-{it}", f"Before {it}", day=it + 1) for it in range(8))


@dataclass
class Case:
    """Anna's one subscription."""

    daysheet: Daysheet
    server: CalendarServer
    number: str

    def run(self, command: str, *arguments: str) -> str:
        return str(self.daysheet.run("subscription", command, self.number, *arguments).output)

    def sync(self, *events: str) -> Any:
        """What the subscription is after its source says this."""
        self.server.says(PATH, 200, feed(*events))
        doubted = self.daysheet.run("subscription", "sync", self.number, "--queue").exit_code
        assert doubted == 0
        self.daysheet.run("importer", "--once")
        return self.daysheet.json("subscription", "show", self.number)

    def generation(self, state: str) -> str:
        found = self.daysheet.json("subscription", "generations", self.number)["generations"]
        [number] = [str(it["id"]) for it in found if it["state"] == state]
        return number

    def busy(self) -> int:
        """How often anna is busy within the next two weeks."""
        asked = ("availability", "show", "anna", "--start", day(0), "--end", day(14))
        return sum(it["type"] == "BUSY" for it in self.daysheet.json(*asked)["periods"])


@pytest.fixture
def case(daysheet: Daysheet, server: CalendarServer, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("DAYSHEET_SUBSCRIPTIONS_SYNC_SECONDS", "0")
    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HTTP", "yes")
    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HOSTS", "127.0.0.1")
    daysheet.run("user", "add", "anna", "--time-zone", "Asia/Tokyo")
    address = server.says(PATH, 200, feed(*BEFORE))
    added = daysheet.json("subscription", "add", "anna", "-", stdin=f"{address}\n")
    daysheet.run("importer", "--once")
    return Case(daysheet, server, str(added["id"]))


def test_a_doubted_state_is_looked_at_rejected_and_accepted_after_all(case: Case) -> None:
    found = case.sync(event("uid-0", "Before 0", day=1), event("uid-9", "After", day=10))
    assert (found["status"], found["reason"], found["sync"]["result"]) == ("error", "vanished", "quarantined")
    assert case.busy() == 8
    doubted = case.generation("quarantined")
    assert "quarantined" in case.run("generations")
    differences = case.daysheet.json("subscription", "diff", case.number, doubted)["differences"]
    assert sorted(it["change"] for it in differences) == ["added"] + ["removed"] * 7
    shown = case.run("diff", doubted)
    assert re.search(rf"added +{day(10)} 09:00 UTC +After", shown)
    assert shown.count("removed") == 7
    assert f"Rejected generation {doubted}" in case.run("reject", doubted)
    found = case.sync(event("uid-0", "Before 0", day=1), event("uid-9", "After", day=10))
    assert (found["reason"], case.busy()) == ("rejected", 8)
    assert "is rejected" in case.daysheet.refusal("subscription", "reject", case.number, doubted)
    assert f"Accepted generation {doubted}" in case.run("accept", doubted)
    assert (case.busy(), case.daysheet.json("subscription", "show", case.number)["status"]) == (2, "active")
    assert case.daysheet.json("subscription", "diff", case.number, case.generation("past"))["differences"]


def test_an_earlier_state_is_gone_back_to_and_stays(case: Case) -> None:
    changed = (
        *BEFORE[:6],
        event("uid-9", "After", day=10),
        event("uid-10", "After", day=11),
        event("c", "x", day=12),
    )
    assert case.sync(*changed)["status"] == "active"
    assert case.busy() == 9
    past = case.generation("past")
    assert f"shows generation {past} again" in case.run("rollback", past)
    assert case.busy() == 8
    assert (case.sync(*changed)["reason"], case.busy()) == ("rejected", 8)
    assert (case.sync(*changed, event("d", "y", day=13))["status"], case.busy()) == ("active", 10)
    [entry] = case.daysheet.json("audit", "list", "--action", "subscription.roll_back")["entries"]
    assert entry["subject"] == f"subscription:{case.number}"


def test_unknown_generations_are_refused(case: Case) -> None:
    for command in ("diff", "accept", "reject", "rollback"):
        assert "99" in case.daysheet.refusal("subscription", command, case.number, "99")


def test_what_was_left_out_and_why_it_fails_is_shown(case: Case) -> None:
    bad = "BEGIN:VEVENT\r\nUID:bad\r\nDTSTART:20261399T090000Z\r\nEND:VEVENT\r\n"
    guessed = "BEGIN:VEVENT\r\nUID:g\r\nDTSTART;TZID=Nowhere:20991201T090000\r\nEND:VEVENT\r\n"
    case.sync(bad, guessed, *BEFORE)
    shown = case.run("show")
    assert "10 fetched, 1 imported, 8 unchanged, 0 own, 1 skipped" in shown
    assert "skipped line 4, bad: '20261399T090000Z'" in shown
    assert "Nowhere" in shown
    assert "(line 8)" in shown
    assert "HTTP 200" in shown
    assert "secret-4711" not in shown
    case.server.says(PATH, 404)
    assert case.daysheet.run("subscription", "sync", case.number, expect=1)
    assert "error (http-404)" in case.run("show")
    listed = {
        it: case.daysheet.json("subscription", "list", "--status", it)["subscriptions"]
        for it in ("active", "error")
    }
    assert [len(it) for it in listed.values()] == [0, 1]
    case.run("pause")
    assert (
        "There are no such subscriptions"
        in case.daysheet.run("subscription", "list", "--status", "error").stdout
    )
    assert "next attempt  -" in case.run("show")


def test_what_stays_goes_on_blocking_until_it_is_discarded(case: Case) -> None:
    case.run("remove")
    [kept] = case.daysheet.json("subscription", "list", "anna", "--detached")["subscriptions"]
    assert (str(kept["id"]), kept["detached_at"] is not None, case.busy()) == (case.number, True, 8)
    case.run("discard")
    assert case.busy() == 0
    assert "no detached calendar" in case.daysheet.refusal("subscription", "discard", case.number)


def test_labels_have_1_to_255_characters(case: Case) -> None:
    link = ("subscription", "add", "anna", "https://calendar.example.com/a.ics", "--label")
    for label in ("", "   ", "x" * 256):
        assert "1 to 255 characters" in case.daysheet.refusal(*link, label)
        assert "1 to 255 characters" in case.daysheet.refusal(
            "subscription", "change", case.number, "--label", label
        )
    for label in ("x", "ä" * 255):
        assert case.daysheet.json(*link, label)["label"] == label
        assert case.daysheet.json("subscription", "change", case.number, "--label", label)["label"] == label


def test_the_zone_of_times_without_one_is_given_and_taken_away(case: Case) -> None:
    change = ("subscription", "change", case.number)
    assert case.daysheet.json(*change, "--time-zone", "Asia/Tokyo")["time_zone"] == "Asia/Tokyo"
    assert "IANA" in case.daysheet.refusal(*change, "--time-zone", "Tokyo")
    case.daysheet.refusal(*change, "--time-zone", "Asia/Tokyo", "--no-time-zone", expect=2)
    assert case.daysheet.json(*change, "--no-time-zone")["time_zone"] is None


def test_a_calendar_with_credentials_is_looked_at_and_compared(case: Case) -> None:
    secret = case.daysheet.folder / "token"
    secret.write_text("token-8812\n")
    asked = (
        "subscription",
        "preview",
        case.server.url(PATH),
        "--auth",
        "bearer",
        "--secret-file",
        str(secret),
    )
    seen = case.daysheet.json(*asked, "--subscription", case.number)["events"]
    assert {it["outcome"] for it in seen} == {"unchanged"}, "read in the zone of its user"
    assert case.server.requests[-1][1]["authorization"] == "Bearer token-8812"
    refused = case.daysheet.refusal(
        "subscription", "preview", "-", *asked[3:], stdin="BEGIN:VCALENDAR", expect=2
    )
    assert "belong to an address" in refused
