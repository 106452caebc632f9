# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a feed, against its text as other programs read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.feeds.feeds import FeedOptions
from scheduling.ical import series_json
from scheduling.ical.event import STAMP
from scheduling.ical.series import Series
from scheduling.settings import stored
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.server.calendar_readers import agreed, ical_js
from tests.server.client import Client
from tests.server.running import KEY, Running, Sections, start

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SECRETS = ("Kunde", "Notiz", "Strasse", "Zahnarzt", "Urlaub", "geheim", "Fremd", "Wartung")


def period(days: float, hours: float = 2) -> dict[str, str]:
    start_at = TODAY + timedelta(days=days, hours=9)
    return {
        "starts_at": start_at.isoformat(sep=" "),
        "ends_at": (start_at + timedelta(hours=hours)).isoformat(sep=" "),
    }


def fill(dispatch: Dispatch, anna: int) -> None:
    """Jobs in the past, soon and far ahead, one offered, a weekly blocker, two days off."""
    job = {"job_type": "Wartung", "organisation": "Kunde", "notes": "Notiz", "address": "Strasse 1"}
    dispatch.job(anna, reference="past", **job, **period(-20))
    dispatch.job(anna, reference="soon", **job, **period(2))
    dispatch.job(anna, reference="far", **job, **period(200))
    dispatch.job(anna, reference="gone", **job, **period(3))
    dispatch.blocker(anna, title="Zahnarzt", rrule="FREQ=WEEKLY;COUNT=5", notes="geheim", **period(1))
    day = TODAY.date()
    dispatch.time_off(
        anna, kind="Urlaub", start_date=str(day + timedelta(5)), end_date=str(day + timedelta(7))
    )


@pytest.fixture
def filled(running: Running, dispatch: Dispatch, people: dict[str, int]) -> Running:
    """Anna's schedule; the job "gone" is cancelled after it was seen."""
    fill(dispatch, people["anna"])
    running.client("anna").token("/dav/anna/jobs/")
    dispatch.execute("UPDATE jobs SET status = 'cancelled' WHERE reference = 'gone'")
    return running


def link(running: Running, options: FeedOptions) -> str:
    with running.database.write() as connection:
        _, token = feeds.create(connection, running.settings.keyring(), 1, "Test", options, actor=SYSTEM)
    return feeds.path_of(token)


def shown(running: Running, **options: Any) -> list[Any]:
    answer = running.client().get(link(running, FeedOptions(**options)))
    assert answer.status == 200, answer.text
    return agreed(answer.text)


def titles(events: list[Any]) -> list[str]:
    return sorted(str(it["SUMMARY"]) for it in events)


JOB = "Wartung: Kunde"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [JOB, JOB, JOB, "Urlaub", "Zahnarzt"]),
        ({"kinds": ("jobs",)}, [JOB, JOB, JOB]),
        ({"kinds": ("blockers",)}, ["Zahnarzt"]),
        ({"kinds": ("time-off",)}, ["Urlaub"]),
        ({"kinds": ("time-off", "blockers")}, ["Urlaub", "Zahnarzt"]),
        ({"kinds": ("external",)}, []),
        ({"detail": "busy"}, ["Busy"] * 5),
        ({"kinds": ("jobs",), "history_months": 0}, [JOB, JOB]),
        ({"kinds": ("jobs",), "history_months": 1}, [JOB, JOB, JOB]),
        ({"kinds": ("jobs",), "future_months": 1}, [JOB, JOB]),
        ({"kinds": ("jobs",), "future_months": 0, "history_months": 0}, []),
        ({"kinds": ("jobs",), "cancelled_days": 0}, [JOB, JOB, JOB]),
        ({"kinds": ("jobs",), "cancelled_days": 7}, [JOB, JOB, JOB, JOB]),
        ({"kinds": ("jobs",), "alarm_minutes": 15}, [JOB, JOB, JOB]),
    ],
)
def test_what_each_option_shows(filled: Running, options: dict[str, Any], expected: list[str]) -> None:
    assert titles(shown(filled, **options)) == sorted(expected)


def test_ical_js_is_one_of_the_readers() -> None:
    if ical_js() is None:
        pytest.skip("node or the npm package ical.js is not installed: `npm install --prefix build ical.js`")


def test_a_cancelled_job_stays_struck_through_with_a_higher_sequence(
    filled: Running, dispatch: Dispatch
) -> None:
    path = link(filled, FeedOptions(kinds=("jobs",), cancelled_days=3))

    def gone() -> Any:
        events = agreed(filled.client().get(path).text)
        [found] = [it for it in events if it["DTSTART"].dt == TODAY + timedelta(days=3, hours=9)]
        return found

    cancelled = gone()
    assert (cancelled["STATUS"], cancelled["TRANSP"], cancelled["SEQUENCE"]) == (
        "CANCELLED",
        "TRANSPARENT",
        1,
    )
    dispatch.execute("UPDATE jobs SET status = 'confirmed' WHERE reference = 'gone'")
    again = gone()
    assert (again["UID"], again["STATUS"], again["SEQUENCE"]) == (cancelled["UID"], "CONFIRMED", 2)
    assert again["DTSTAMP"].dt > cancelled["DTSTAMP"].dt


def test_a_cancelled_job_goes_when_its_days_are_over(filled: Running, dispatch: Dispatch) -> None:
    path = link(filled, FeedOptions(kinds=("jobs",), cancelled_days=3))
    before = filled.client().get(path)
    long_ago = int((TODAY - timedelta(days=3, seconds=1)).timestamp())
    dispatch.execute("UPDATE calendar_objects SET changed_at = :moment WHERE deleted", moment=long_ago)
    new = link(filled, FeedOptions(kinds=("jobs",), cancelled_days=3))
    assert "STATUS:CANCELLED" in before.text
    assert "STATUS:CANCELLED" not in filled.client().get(new).text


def test_a_job_that_was_only_taken_away_or_never_visible_does_not_stay(
    filled: Running, dispatch: Dispatch
) -> None:
    dispatch.job(1, status="cancelled", **period(4))
    dispatch.execute(
        "DELETE FROM job_assignments WHERE job_id IN (SELECT id FROM jobs WHERE reference = 'soon')"
    )
    events = shown(filled, kinds=("jobs",), cancelled_days=7)
    assert sorted(str(it["STATUS"]) for it in events) == ["CANCELLED", "CONFIRMED", "CONFIRMED"]


@pytest.mark.parametrize(("days", "expected"), [(None, 1), (0, 0), (7, 1)])
def test_where_cancelled_jobs_are_in_the_calendars_the_feed_decides(
    filled: Running, days: int | None, expected: int
) -> None:
    with filled.database.write() as connection:
        stored.change(connection, "calendars.job_statuses", "confirmed,cancelled", actor=SYSTEM)
    events = shown(filled, kinds=("jobs",), cancelled_days=days)
    assert [str(it["STATUS"]) for it in events].count("CANCELLED") == expected


def test_busy_shows_when_and_nothing_else(filled: Running, running: Running) -> None:
    full, busy = shown(filled), shown(filled, detail="busy")
    body = running.client().get(link(filled, FeedOptions(detail="busy", cancelled_days=7))).text
    assert not [
        word for word in (*SECRETS, "CATEGORIES", "LOCATION", "DESCRIPTION:Status", "OOF") if word in body
    ]
    assert {str(it["UID"]) for it in full}.isdisjoint(str(it["UID"]) for it in busy)

    def times(events: list[Any]) -> list[str]:
        return sorted(f"{it['DTSTART'].to_ical()!r} {it.get('RRULE')} {it['TRANSP']}" for it in events)

    assert times(full) == times(busy)


def test_two_busy_feeds_cannot_be_joined(filled: Running) -> None:
    one, other = shown(filled, detail="busy"), shown(filled, detail="busy")
    assert {str(it["UID"]) for it in one}.isdisjoint(str(it["UID"]) for it in other)
    assert [it["UID"] for it in one] == sorted(it["UID"] for it in one)


def test_blockers_and_time_off_are_not_private_unless_the_settings_say_so(
    filled: Running, configured: Callable[[Sections], Running]
) -> None:
    """Google Calendar shows "busy" for private events of a subscribed calendar."""
    own = ("blockers", "time-off")
    path = link(filled, FeedOptions(kinds=own))
    calm = filled.client().get(path)
    assert calm.text.count("BEGIN:VEVENT") == 2
    assert "CLASS" not in calm.text
    kept = configured({"server": {"feed_private": "yes"}}).client().get(path)
    assert kept.text.count("CLASS:PRIVATE") == 2
    assert kept.headers["etag"] != calm.headers["etag"]
    assert "CLASS:PRIVATE" in filled.client("anna").get("/dav/anna/blockers/").text, "only feeds are without"


def test_alarms_are_before_everything_that_takes_place(filled: Running) -> None:
    for event in shown(filled, alarm_minutes=90, cancelled_days=7):
        alarms = [it["TRIGGER"].dt for it in event.walk("VALARM")]
        assert alarms == ([] if event["STATUS"] == "CANCELLED" else [timedelta(minutes=-90)])


def test_an_expired_feed_is_gone(filled: Running, dispatch: Dispatch) -> None:
    path = link(filled, FeedOptions(expires_at=datetime.now(UTC) + timedelta(hours=1)))
    etag = filled.client().get(path).headers["etag"]
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S+00:00")
    dispatch.execute("UPDATE feeds SET expires_at = :past", past=past)
    answer = filled.client().get(path, If_None_Match=etag)
    assert (answer.status, "BEGIN" in answer.text) == (410, False)


def test_a_changed_option_shows_at_the_next_request(filled: Running) -> None:
    path = link(filled, FeedOptions())
    before = filled.client().get(path)
    with filled.database.write() as connection:
        feeds.update(connection, 1, options=FeedOptions(kinds=("time-off",)), actor=SYSTEM)
    after = filled.client().get(
        path, If_None_Match=before.headers["etag"], If_Modified_Since=before.headers["last-modified"]
    )
    assert (after.status, titles(agreed(after.text))) == (200, ["Urlaub"])
    assert filled.client().get(path, If_Modified_Since=before.headers["last-modified"]).status == 200


def test_a_feed_does_not_change_with_kinds_it_does_not_show(filled: Running, dispatch: Dispatch) -> None:
    path = link(filled, FeedOptions(kinds=("time-off",)))
    etag = filled.client().get(path).headers["etag"]
    dispatch.execute("UPDATE jobs SET notes = 'new'")
    assert filled.client().get(path, If_None_Match=etag).status == 304


def test_a_removed_subscription_moves_tag_and_date(filled: Running) -> None:
    with filled.database.write() as connection:
        keyring = filled.settings.keyring()
        made = subscriptions.add(
            connection, keyring, 1, "https://calendar.example.com/a.ics", label="Home", actor=SYSTEM
        )
    path = link(filled, FeedOptions())
    before = filled.client().get(path)
    with filled.database.write() as connection:
        subscriptions.remove(connection, made.id, events="delete", actor=SYSTEM)
    assert filled.client().get(path, If_None_Match=before.headers["etag"]).status == 200
    assert filled.client().get(path, If_Modified_Since=before.headers["last-modified"]).status == 200


class TestTooLarge:
    @pytest.fixture
    def crowded(
        self, configured: Callable[[Sections], Running], dispatch: Dispatch, people: dict[str, int]
    ) -> Running:
        for day in range(-40, 40):
            dispatch.job(people["anna"], reference=f"J{day:+03}", organisation=f"D{day:+03}", **period(day))
        return configured({"server": {"feed_max_size": "20KB"}})

    def test_what_is_near_is_kept_and_the_rest_is_told(self, crowded: Running) -> None:
        answer = crowded.client().get(link(crowded, FeedOptions()))
        assert len(answer.body) <= 20_000
        events = agreed(answer.text)
        notices = [it for it in events if "left out" in it["SUMMARY"]]
        kept = sorted(int(it["SUMMARY"][1:]) for it in events if it not in notices)
        assert len(kept) > 30
        assert set(range(35)) <= set(kept)
        assert kept == list(range(kept[0], kept[-1] + 1))
        left_out = sum(int(it["SUMMARY"].split(": ")[1].split()[0]) for it in notices)
        assert left_out + len(kept) == 80
        for notice in notices:
            where = kept[-1] + 1 if "later" in notice["SUMMARY"] else kept[0] - 1
            assert notice["DTSTART"].dt == (TODAY + timedelta(days=where)).date()

    def test_it_is_as_stable_as_any_feed(self, crowded: Running) -> None:
        path = link(crowded, FeedOptions())
        assert crowded.client().get(path).body == start_again(crowded).client().get(path).body


def start_again(running: Running) -> Running:
    """Another process over the same database, with nothing in its cache."""
    return Running(running.settings)


def test_the_same_state_is_the_same_bytes_on_both_databases(
    sqlite_database: Database,
    postgresql_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bodies: list[list[bytes]] = []
    for database in (sqlite_database, postgresql_database):
        with Dispatch.connect(database.url) as dispatch:
            dispatch.execute("UPDATE instance SET name = 'same'")
            anna = dispatch.user("anna", time_zone="Europe/Berlin", created_at="2026-01-01 00:00:00+00:00")
            fill(dispatch, anna)
            for table in ("jobs", "blockers", "time_off"):
                dispatch.execute(f"UPDATE {table} SET created_at = '2026-01-01 00:00:00+00:00'")  # noqa: S608
            running = start(tmp_path_factory.mktemp("server"), database)
            paths = [link(running, FeedOptions(**options)) for options in OPTIONS]
            running.client().get(paths[0])
            dispatch.execute("UPDATE jobs SET status = 'cancelled' WHERE reference = 'gone'")
            running.client().get(paths[0])
            level(database)
        bodies.append([start_again(running).client().get(path).body for path in paths])
        running.database.dispose()
    assert bodies[0] == bodies[1]
    assert all(b"BEGIN:VEVENT" in body for body in bodies[0])


OPTIONS: list[dict[str, Any]] = [
    {},
    {"detail": "busy"},
    {"cancelled_days": 7, "alarm_minutes": 10},
    {"kinds": ("blockers", "time-off"), "future_months": 3},
]


def level(database: Database) -> None:
    """Give both databases the same moments of change, as if they had been written at once."""
    moment = int(datetime.combine(date(2026, 11, 1), datetime.min.time(), UTC).timestamp())
    stamp = "20261101T000000Z"
    with database.write() as connection:
        connection.execute(text("UPDATE feeds SET changed_at = :at"), {"at": moment})
        connection.execute(text("UPDATE calendars SET changed_at = :at"), {"at": moment})
        rows = connection.execute(text("SELECT calendar_id, name, component FROM calendar_objects")).all()
        for row in rows:
            lines = [
                f"{line.split(':')[0]}:{stamp}" if line.startswith(("DTSTAMP:", "LAST-MODIFIED:")) else line
                for line in row.component.split("\r\n")
            ]
            connection.execute(
                text("UPDATE calendar_objects SET component = :text WHERE calendar_id = :c AND name = :n"),
                {"text": "\r\n".join(lines), "c": row.calendar_id, "n": row.name},
            )


def test_the_key_of_the_tests_is_the_same_everywhere(running: Running) -> None:
    assert running.settings.config.security.key == KEY


def test_imported_calendars_are_one_of_the_kinds(filled: Running, dispatch: Dispatch) -> None:
    moment = TODAY + timedelta(days=1, hours=12)
    with filled.database.write() as connection:
        keyring = filled.settings.keyring()
        made = subscriptions.add(
            connection, keyring, 1, "https://calendar.example.com/a.ics", label="Home", actor=SYSTEM
        )
    span = {"start": moment.replace(tzinfo=None), "end": moment.replace(tzinfo=None) + timedelta(hours=1)}
    nothing: dict[str, Any] = {"rule": None, "rdates": (), "exdates": (), "overrides": {}, "busy": "BUSY"}
    dispatch.insert(
        "external_events",
        subscription_id=made.id,
        user_id=1,
        uid="1@elsewhere",
        content_hash="x",
        template=(
            f"BEGIN:VEVENT\r\nUID:1@elsewhere\r\n{STAMP}DTSTART:{moment:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\n"
            "SUMMARY:Fremd\r\nSTATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n"
        ),
        series=series_json.dumps(Series(tzid="UTC", **span, **nothing)),
        status="CONFIRMED",
        transparency="OPAQUE",
    )
    assert titles(shown(filled, kinds=("external",))) == ["Fremd"]
    assert "Fremd" in titles(shown(filled))
    assert "Fremd" not in titles(shown(filled, kinds=("jobs", "blockers", "time-off")))
    [busy] = shown(filled, kinds=("external",), detail="busy")
    assert (busy["SUMMARY"], busy["DURATION"].dt) == ("Busy", timedelta(hours=1))
    assert "elsewhere" not in busy["UID"]


def test_nobody_needs_to_be_logged_in(filled: Running) -> None:
    path = link(filled, FeedOptions())
    assert Client(filled.application, None).get(path).status == 200
