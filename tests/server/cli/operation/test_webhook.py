# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet webhook` and what the importer delivers, with a receiver on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scheduling.webhooks.events import KNOWN

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet, Receiver

MARK = "s3cretpath"


def test_an_added_webhook_is_tested_and_its_address_stays_secret(
    daysheet: Daysheet, receiver: Receiver
) -> None:
    added = daysheet.json(
        "webhook", "add", "--url-stdin", "--event", "job.changed", "--label", "App", stdin=f"{receiver.url}\n"
    )
    assert (added["label"], added["host"], added["events"]) == ("App", "127.0.0.1", ["job.changed"])
    assert added["secret"].startswith("dsw_")
    assert "Delivered: status 204" in daysheet.run("webhook", "test", "1").stdout
    assert receiver.events == ["webhook.test"]
    output = daysheet.run("webhook", "list").output + daysheet.run("webhook", "log", "1").output
    assert "App" in output
    for secret in (MARK, added["secret"]):
        assert secret not in output


def test_a_test_that_fails_is_exit_code_1_and_says_why(daysheet: Daysheet, receiver: Receiver) -> None:
    daysheet.run("webhook", "add", receiver.url)
    receiver.status = 500
    assert "answered with status 500" in daysheet.run("webhook", "test", "1", expect=1).stdout
    (entry,) = daysheet.json("webhook", "log", "1", "--status", "dead")["deliveries"]
    assert (entry["http_status"], entry["reason"]) == (500, "http-5xx")
    receiver.status = 204
    daysheet.run("webhook", "retry", "1", str(entry["id"]))
    assert daysheet.json("importer", "--once")["delivered"] == 1


def test_a_queued_test_is_left_to_the_importer(daysheet: Daysheet, receiver: Receiver) -> None:
    daysheet.run("webhook", "add", receiver.url)
    assert "is queued" in daysheet.run("webhook", "test", "1", "--queue").stdout
    assert receiver.events == []
    assert "1 event delivered" in daysheet.run("importer", "--once").stdout
    assert receiver.events == ["webhook.test"]


def test_a_renewed_feed_is_told_of(daysheet: Daysheet, receiver: Receiver) -> None:
    daysheet.run("webhook", "add", receiver.url, "--event", "feed.regenerated")
    daysheet.run("user", "add", "anna")
    number = daysheet.json("feed", "create", "anna")["id"]
    daysheet.run("feed", "regenerate", str(number))
    assert daysheet.json("importer", "--once")["delivered"] == 1
    assert receiver.events == ["feed.regenerated"]


def test_unencrypted_addresses_are_refused_without_being_quoted(daysheet: Daysheet) -> None:
    told = daysheet.refusal("webhook", "add", f"http://app.example.com/{MARK}")
    assert "https://" in told
    assert MARK not in told
    both = daysheet.refusal("webhook", "add", "https://app.example.com/", "--url-stdin", expect=2)
    assert "either as URL or with --url-stdin" in both


def test_a_webhook_is_changed_paused_resumed_and_removed(daysheet: Daysheet) -> None:
    daysheet.run("webhook", "add", "https://app.example.com/")
    changed = daysheet.json(
        "webhook", "change", "1", "--url-stdin", "--within-hours", "5", stdin="https://other.example.com/\n"
    )
    assert (changed["host"], changed["within_hours"], set(changed["events"])) == (
        "other.example.com",
        5,
        KNOWN,
    )
    daysheet.run("webhook", "pause", "1")
    assert "is paused" in daysheet.refusal("webhook", "test", "1")
    daysheet.run("webhook", "resume", "1")
    assert daysheet.json("webhook", "list")["webhooks"][0]["status"] == "active"
    assert daysheet.json("webhook", "secret", "1")["secret"].startswith("dsw_")
    daysheet.run("webhook", "remove", "1")
    assert "There are no webhooks" in daysheet.run("webhook", "list").stdout
    for command in ("test", "pause", "resume", "remove", "secret", "log", "change"):
        assert "There is no webhook 1" in daysheet.refusal("webhook", command, "1")


def test_every_act_is_in_the_audit_log(daysheet: Daysheet) -> None:
    daysheet.run("webhook", "add", f"https://app.example.com/{MARK}")
    for command in ("secret", "pause", "resume", "remove"):
        daysheet.run("webhook", command, "1")
    entries = daysheet.json("audit", "list", "--action", "webhook")
    assert [entry["action"] for entry in entries["entries"]] == [
        f"webhook.{verb}" for verb in ("remove", "resume", "pause", "replace_secret", "create")
    ]
    assert MARK not in str(entries)
