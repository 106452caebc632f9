# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from importer.cycle import Outcome, Tools, synchronise
from importer.fetch.addresses import Exemptions
from importer.fetch.policy import FetchPolicy
from importer.schedule import Schedule
from importer.sources.registry import source_of
from importer.store import Store
from importer.understand.body import read

POLICY = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1"]), deadline=10)
SCHEDULE = Schedule(interval=900, minimum_interval=300)
Data = Callable[[str], bytes]


def run(due: Any, store: Store, **named: Any) -> Outcome:
    outcomes: list[Outcome] = []
    tools = Tools(
        store=store,
        source=partial(source_of, policy=POLICY),
        schedule=SCHEDULE,
        read=read,
        done=lambda _, outcome: outcomes.append(outcome),
        **named,
    )
    synchronise([due], tools)
    (outcome,) = outcomes
    return outcome


def test_a_new_calendar_is_taken_over_whole(server: Any, store: Any, data: Data) -> None:
    url = server.says("/a", 200, data("google.ics"), etag='"1"')
    assert run(store.add(1, url), store) == Outcome(status="applied", inserted=2)
    ((_, changes),) = store.applied
    assert [event.uid for event in changes.upserts] == ["stand-up@google.com", "fair@google.com"]
    stand_up, fair = changes.upserts
    assert (stand_up.timezones, stand_up.status, stand_up.transparency) == (
        "Europe/Berlin",
        "CONFIRMED",
        "OPAQUE",
    )
    assert (fair.timezones, fair.transparency, fair.series.busy) == ("", "TRANSPARENT", "")
    facts = changes.facts
    assert (facts.etag, facts.calendar_name) == ('"1"', "Ana Example")
    assert (facts.fetched, facts.imported, facts.unchanged) == (4, 2, 0)
    assert 899 <= facts.next_at - int(time.time()) <= 991


def test_a_second_time_only_the_difference_is_written(server: Any, store: Any, data: Data) -> None:
    url = server.says("/a", 200, data("google.ics"))
    run(store.add(1, url), store)
    assert run(store.add(1, url), store) == Outcome(status="applied")
    assert store.applied[-1][1].upserts == ()
    without_fair = data("google.ics").split(b"BEGIN:VEVENT")
    changed = b"BEGIN:VEVENT".join(without_fair[:-1]).replace(b"SUMMARY:Stand-up\r", b"SUMMARY:Sit-down\r")
    server.says("/a", 200, changed + b"END:VCALENDAR\r\n")
    assert run(store.add(1, url), store) == Outcome(status="applied", updated=1, deleted=1)
    assert "fair@google.com" not in store.applied[-1][1].seen


def test_an_unchanged_calendar_keeps_its_validators(server: Any, store: Any) -> None:
    due = store.add(1, server.says("/a", 304), etag='"1"', last_modified="yesterday")
    assert run(due, store) == Outcome(status="unchanged")
    ((_, facts),) = store.same
    assert (facts.etag, facts.last_modified) == ('"1"', "yesterday")


def test_a_failure_is_recorded_and_leaves_everything(server: Any, store: Any, data: Data) -> None:
    run(store.add(1, server.says("/a", 200, data("google.ics"))), store)
    stored = dict(store.stored[1])
    whole = data("google.ics")
    for path, status, body, reason in (
        ("/gone", 404, b"", "http-404"),
        ("/down", 503, b"", "http-5xx"),
        ("/login", 200, b"<html>Sign in</html>", "html"),
        ("/nothing", 200, b"", "no-content"),
        ("/cut", 200, whole[: len(whole) // 2], "truncated"),
    ):
        due = store.add(1, server.says(path, status, body), failures=1)
        assert run(due, store) == Outcome(status="failed", reason=reason)
        _, recorded, message, next_at = store.failures[-1]
        assert recorded == reason
        assert message.endswith(".")
        assert next_at - int(time.time()) >= 1799
    assert store.stored[1] == stored
    assert len(store.applied) == 1


def test_too_many_events_are_refused(server: Any, store: Any, data: Data) -> None:
    due = store.add(1, server.says("/a", 200, data("google.ics")))
    assert run(due, store, max_events=3).reason == "too-many-events"
    assert store.applied == []


def test_skipped_events_are_reported_and_keep_their_stored_form(server: Any, store: Any, data: Data) -> None:
    store.stored[1] = {"month-13": "old", "good-1": "old"}
    outcome = run(store.add(1, server.says("/a", 200, data("broken.ics"))), store)
    assert outcome == Outcome(status="applied", inserted=2, updated=1, skipped=5)
    assert store.stored[1]["month-13"] == "old"
    assert store.applied[0][1].facts.skipped[0].line == 26
