# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet subscription` and `daysheet importer`, with a calendar on a loopback server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

SECRET = "private-4f1c9e"
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:a@example.com\r\n"
    "DTSTAMP:20260101T000000Z\r\nDTSTART:20991201T090000Z\r\nDTEND:20991201T100000Z\r\nSUMMARY:Away\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


BUSY = "busy-77aa"


class _Calendars(BaseHTTPRequestHandler):
    """One calendar at a secret path; another path asks to come back in an hour."""

    def do_GET(self) -> None:
        if self.path == f"/{BUSY}.ics":
            self.send_response(503)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = self.path == f"/{SECRET}.ics"
        body = CALENDAR.encode() if found else b"none"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/calendar; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is their own."""


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the server, which the importer may fetch from."""
    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HTTP", "yes")
    monkeypatch.setenv("DAYSHEET_IMPORTER_ALLOW_HOSTS", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Calendars) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def anna(daysheet: Daysheet) -> Daysheet:
    daysheet.run("user", "add", "anna")
    return daysheet


def test_an_added_calendar_is_imported_and_its_address_stays_secret(anna: Daysheet, source: str) -> None:
    address = f"{source}/{SECRET}.ics"
    added = anna.json(
        "subscription", "add", "anna", "--url-stdin", "--label", "Private", stdin=f"{address}\n"
    )
    assert (added["label"], added["host"], added["status"]) == ("Private", "127.0.0.1", "active")
    synchronised = anna.run("subscription", "sync", str(added["id"]))
    listed = anna.json("subscription", "list", "anna")["subscriptions"]
    assert [(one["username"], one["status"]) for one in listed] == [("anna", "active")]
    assert listed[0]["last_success_at"] is not None
    assert SECRET not in synchronised.output + anna.run("subscription", "list").output


def test_a_calendar_is_looked_at_before_it_is_imported(anna: Daysheet, source: str, tmp_path: Path) -> None:
    shown = anna.run("subscription", "preview", f"{source}/{SECRET}.ics", "--user", "anna")
    assert "imported" in shown.output
    assert SECRET not in shown.output
    file = tmp_path / "a.ics"
    file.write_text(CALENDAR, encoding="utf-8", newline="")
    for given, stdin in ((str(file), ""), ("-", CALENDAR)):
        (event,) = anna.json("subscription", "preview", given, "--time-zone", "Asia/Tokyo", stdin=stdin)[
            "events"
        ]
        assert (event["line"], event["outcome"], event["summary"]) == (4, "imported", "Away")
        assert [note["rule"] for note in event["rules"]] == ["opaque"]
    added = anna.json("subscription", "add", "anna", "-", stdin=f"{source}/{SECRET}.ics\n")
    anna.run("subscription", "sync", str(added["id"]))
    compared = anna.json(
        "subscription", "preview", str(file), "--user", "anna", "--subscription", str(added["id"])
    )
    assert [it["outcome"] for it in compared["events"]] == ["unchanged"]
    assert anna.run("subscription", "preview", str(tmp_path / "none.ics"), expect=1).output
    wrong = anna.run("subscription", "preview", f"{source}/other-secret.ics", expect=1)
    assert "does not know this calendar" in wrong.output
    assert "other-secret" not in wrong.output


def test_a_failing_import_is_exit_code_1_and_says_why(anna: Daysheet, source: str) -> None:
    added = anna.json("subscription", "add", "anna", "-", stdin=f"{source}/other-secret.ics\n")
    result = anna.run("subscription", "sync", str(added["id"]), expect=1)
    assert "does not know this calendar" in result.stdout
    assert "other-secret" not in result.output


def test_the_importer_takes_what_is_due(anna: Daysheet, source: str) -> None:
    anna.run("subscription", "add", "anna", f"{source}/{SECRET}.ics")
    anna.run("subscription", "add", "anna", f"{source}/none.ics")
    counts = {"applied": 1, "unchanged": 0, "failed": 1, "delivered": 0, "undelivered": 0}
    assert anna.json("importer", "--once") == counts
    told = "0 imported, 0 unchanged, 0 failed; 0 events delivered, 0 not.\n"
    assert anna.run("importer", "--once").stdout == told


def test_a_paused_calendar_waits_until_it_is_resumed(anna: Daysheet, source: str) -> None:
    number = str(anna.json("subscription", "add", "anna", f"{source}/{SECRET}.ics")["id"])
    anna.run("subscription", "pause", number)
    assert anna.json("importer", "--once")["applied"] == 0
    assert "is paused" in anna.refusal("subscription", "sync", number)
    anna.run("subscription", "resume", number)
    assert anna.json("importer", "--once")["applied"] == 1


def test_a_queued_calendar_is_left_to_the_importer(anna: Daysheet, source: str) -> None:
    number = str(anna.json("subscription", "add", "anna", f"{source}/{SECRET}.ics")["id"])
    assert anna.json("importer", "--once")["applied"] == 1
    assert "is queued" in anna.run("subscription", "sync", number, "--queue").stdout
    assert sum(anna.json("importer", "--once").values()) == 1


@pytest.mark.parametrize("seconds", ["0", "30"])
def test_a_queued_sync_leaves_alone_a_server_that_asked_for_it(
    anna: Daysheet, source: str, seconds: str
) -> None:
    anna.run("settings", "set", "subscriptions.sync_seconds", seconds)
    number = str(anna.json("subscription", "add", "anna", f"{source}/{BUSY}.ics")["id"])
    assert anna.json("importer", "--once")["failed"] == 1
    anna.run("subscription", "sync", number, "--queue")
    assert anna.json("importer", "--once")["failed"] == 0, "not before Retry-After is over"
    anna.run("subscription", "sync", number, expect=1)
    (found,) = anna.json("subscription", "list", "anna")["subscriptions"]
    assert (found["sync"]["state"], found["sync"]["result"]) == ("done", "failed"), "fetched at once"


def test_a_removed_calendar_is_gone(anna: Daysheet) -> None:
    number = str(anna.json("subscription", "add", "anna", "https://calendar.example.com/a.ics")["id"])
    anna.run("subscription", "remove", number)
    assert "There are no subscriptions" in anna.run("subscription", "list").stdout
    for command in ("sync", "pause", "resume", "remove"):
        assert f"There is no subscription {number}" in anna.refusal("subscription", command, number)


def test_an_address_is_asked_for_without_being_shown(anna: Daysheet) -> None:
    result = anna.run("subscription", "add", "anna", stdin="https://calendar.example.com/secret.ics\n")
    assert "secret" not in result.output.replace("(not shown)", "")
    assert "calendar.example.com" in result.stdout


def test_an_address_that_cannot_be_is_refused_without_being_quoted(anna: Daysheet) -> None:
    told = anna.refusal("subscription", "add", "anna", "ftp://example.com/secret.ics")
    assert "secret" not in told
    both = anna.refusal("subscription", "add", "anna", "https://example.com/a", "--url-stdin", expect=2)
    assert "either as URL or with --url-stdin" in both


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://10.1.2.3/{}", "private or reserved network"),
        ("https://0x7f000001/{}", "private or reserved network"),
        ("https://localhost/{}", "private or reserved network"),
        ("https://example.com:22/{}", "Port 22"),
        ("http://example.com/{}", "allow_http"),
        ("https://anna:{}@example.com/", "give them as credentials"),
        ("file:///{}", "an example is https://"),
    ],
)
def test_what_would_never_be_fetched_is_not_saved(anna: Daysheet, url: str, told: str) -> None:
    address = url.format(SECRET) + "\n"
    refused = anna.refusal("subscription", "add", "anna", "-", stdin=address)
    assert told in refused
    number = str(anna.json("subscription", "add", "anna", "https://calendar.example.com/a.ics")["id"])
    assert anna.refusal("subscription", "change", number, "--url-stdin", stdin=address) == refused
    assert SECRET not in refused
    [only] = anna.json("subscription", "list")["subscriptions"]
    assert only["host"] == "calendar.example.com"


def test_policy_and_credentials_are_given_and_changed(anna: Daysheet) -> None:
    secret = anna.folder / "token"
    secret.write_text("token-8812\n")
    added = anna.json(
        *("subscription", "add", "anna", "-", "--busy", "all", "--auth", "bearer"),
        *("--secret-file", str(secret)),
        stdin="webcal://calendar.example.com/secret.ics\n",
    )
    assert (added["has_credentials"], added["policy"]["busy"]) == (True, "all")
    number = str(added["id"])
    secret.write_bytes(b"token-\xff")
    given = ("--auth", "bearer", "--secret-file", str(secret))
    assert "UTF-8" in anna.run("subscription", "change", number, *given, expect=2).stderr
    elsewhere = "https://other.example.com/secret.ics\n"
    assert "give its credentials" in anna.refusal(
        "subscription", "change", number, "--url-stdin", stdin=elsewhere
    )
    changed = anna.json(
        *("subscription", "change", number, "--url-stdin", "--no-auth", "--visibility", "hidden"),
        *("--label", "Work"),
        stdin=elsewhere,
    )
    assert (changed["host"], changed["has_credentials"], changed["label"]) == (
        "other.example.com",
        False,
        "Work",
    )
    assert changed["policy"]["visibility"] == "hidden"
    assert anna.run("secrets", "rotate").exit_code == 0


def test_generations_are_listed_and_what_stays_is_discarded(anna: Daysheet, source: str) -> None:
    number = str(anna.json("subscription", "add", "anna", f"{source}/{SECRET}.ics")["id"])
    anna.run("importer", "--once")
    [only] = anna.json("subscription", "generations", number)["generations"]
    assert only["state"] == "current"
    assert anna.json("subscription", "diff", number, str(only["id"])) == {"differences": []}
    for command in ("accept", "reject", "rollback"):
        assert "is current" in anna.refusal("subscription", command, number, str(only["id"]))
    anna.run("subscription", "remove", number)
    assert "detached" in anna.run("subscription", "list", "--detached").stdout
    assert anna.run("secrets", "rotate").exit_code == 0
    anna.run("subscription", "discard", number)
    assert anna.json("subscription", "list", "--detached") == {"subscriptions": []}
