# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind of row looks like as iCalendar: whole calendars against golden files in tests/data (stored
with LF), and the same values in vobject and icalendar, since one object that either cannot read spoils every
report.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest
import vobject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from scheduling.access.permissions import SYSTEM
from scheduling.calendars import listings, objects
from scheduling.calendars.calendars import find_calendar
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.database.types import JobStatus
from scheduling.settings.stored import change, view
from scheduling.settings.view import today
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DATA = Path(__file__).parents[2] / "data"
CREATED = {"created_at": "2026-01-02 03:04:05+00:00"}
EVIL = 'x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil\r\n;,:\\"\x1b[31m\u2028y'

Schedule = Callable[[Dispatch, int], None]


def job_statuses(dispatch: Dispatch, user: int) -> None:
    for status in JobStatus:
        dispatch.job(user, reference=f"J-{status}", job_type="Repair", status=status, **CREATED)


def job_with_everything(dispatch: Dispatch, user: int) -> None:
    dispatch.job(
        user,
        reference="A/7 & Ü?#",
        job_type="Wärmepumpe, Wartung; jährlich",
        organisation="Bäckerei Öğütçü & Söhne GmbH",
        address="Straße des 17. Juni 135\n10623 Berlin",
        latitude=52.5145,
        longitude=-13.3501,
        contact="Zoë 🔧 +49 30 123",
        rate="85.5",
        currency="EUR",
        notes="Schlüssel beim Nachbarn, zweite Tür. " + "漢字🗓" * 20 + "\n\nBitte \\ klingeln; danke",
        **CREATED,
    )


def job_with_nothing(dispatch: Dispatch, user: int) -> None:
    dispatch.job(user, reference="J-1", **CREATED)


def job_periods(dispatch: Dispatch, user: int) -> None:
    dispatch.job(user, reference="all-day", start_date="2026-03-28", end_date="2026-03-30", **CREATED)
    for reference, start, end in (
        ("into-summer", "2026-03-29 00:30:00+00:00", "2026-03-29 02:30:00+00:00"),
        ("into-winter", "2026-10-24 22:00:00+00:00", "2026-10-25 03:00:00+00:00"),
        ("instant", "2026-03-10 09:00:00+00:00", "2026-03-10 09:00:00+00:00"),
    ):
        dispatch.job(user, reference=reference, starts_at=start, ends_at=end, **CREATED)


def injection(dispatch: Dispatch, user: int) -> None:
    columns = dict.fromkeys(("reference", "job_type", "organisation", "address", "contact", "notes"), EVIL)
    dispatch.job(user, **columns, **CREATED)


def blockers(dispatch: Dispatch, user: int) -> None:
    once = {"starts_at": "2026-03-20 16:00:00+00:00", "ends_at": "2026-03-20 17:00:00+00:00", **CREATED}
    dispatch.blocker(user, title="Once", notes="bring papers", **once)
    dispatch.blocker(
        user,
        title="Weekly",
        rrule="FREQ=WEEKLY;BYDAY=FR;UNTIL=20261231T170000",
        rdate="2026-04-01T10:00:00 20260402",
        exdate="2026-03-27, 20260403T170000",
        **once,
    )
    days = {"start_date": "2026-03-20", "end_date": "2026-03-22", **CREATED}
    dispatch.blocker(user, title="Day", **days)
    dispatch.blocker(
        user, title="Days", rrule="FREQ=MONTHLY;COUNT=5", exdate="2026-04-20", rdate="20260501", **days
    )
    dispatch.blocker(user, title="Until", rrule="FREQ=YEARLY;UNTIL=20300320", **days)


def time_off(dispatch: Dispatch, user: int) -> None:
    dispatch.time_off(
        user, kind="Holiday", notes="Sea, sun", start_date="2026-03-20", end_date="2026-04-01", **CREATED
    )
    dispatch.time_off(user, kind="Sick", **CREATED)


CASES: dict[str, tuple[str, str, dict[str, str], Schedule]] = {
    "job-statuses": ("jobs", "UTC", {"calendars.job_statuses": ",".join(JobStatus)}, job_statuses),
    "job-with-everything": (
        "jobs",
        "Europe/Berlin",
        {
            "templates.job_url": "https://app.example.com/jobs/{reference}?for={user}",
            "templates.job_summary": "[{reference}] {job_type}: {organisation}",
        },
        job_with_everything,
    ),
    "job-with-nothing": ("jobs", "UTC", {"templates.job_url": "https://x.example/{notes}"}, job_with_nothing),
    "job-periods": ("jobs", "Europe/Berlin", {}, job_periods),
    "injection": ("jobs", "UTC", {"templates.job_url": "https://x.example/{notes}"}, injection),
    "blockers": ("blockers", "Europe/Berlin", {}, blockers),
    "blockers-in-utc": ("blockers", "UTC", {}, blockers),
    "time-off": ("time-off", "Europe/Berlin", {"templates.time_off_summary": "{user}: {kind}"}, time_off),
}


def rendered(database: Database, config: Config, dispatch: Dispatch, case: str) -> str:
    """The whole calendar of a case, from a database whose random parts are fixed."""
    slug, zone, stored, schedule = CASES[case]
    user = dispatch.user("ann", time_zone=zone)
    dispatch.execute("UPDATE instance SET name = 'test'")
    schedule(dispatch, user)
    dispatch.execute("UPDATE schedule_changes SET changed_at = :moment", moment=NOW)
    with database.write() as connection:
        for name, value in stored.items():
            change(connection, name, value, actor=SYSTEM)
        ensure_calendars(connection, user, NOW)
        shown = view(connection, config)
        catch_up(connection, user, slug, shown, NOW, followers=FOLLOWERS)
        assert connection.execute(text("SELECT * FROM unrendered_sources")).all() == []
        found = find_calendar(connection, "ann", slug, shown, today(NOW))
        assert found is not None
        assert found[1] is not None
        whole = listings.whole_calendar(
            connection, found[1].id, found[1].cutoff, name="Test", color="#000000FF", tzid=zone
        )
        return b"".join(whole).decode()


@pytest.mark.parametrize("case", CASES)
def test_calendar_is_rendered_as_recorded(
    database: Database, config: Config, dispatch: Dispatch, case: str
) -> None:
    found = rendered(database, config, dispatch, case)
    assert found == (DATA / f"{case}.ics").read_bytes().decode().replace("\n", "\r\n")
    assert all(len(line.encode()) <= 75 for line in found.split("\r\n"))


@pytest.mark.parametrize("case", CASES)
def test_recorded_calendars_mean_the_same_to_both_libraries(case: str) -> None:
    stream = (DATA / f"{case}.ics").read_bytes().decode().replace("\n", "\r\n")
    assert values_of_vobject(stream) == values_of_icalendar(stream)
    assert len(values_of_vobject(stream)) == stream.count("BEGIN:VEVENT\r\n") > 0


def values_of_vobject(stream: str) -> dict[str, dict[str, Any]]:
    found = {}
    for event in vobject.readOne(stream).vevent_list:
        values = {}
        for name in ("summary", "description", "location", "status", "transp", "url", "class", "sequence"):
            child = event.contents.get(name)
            values[name] = str(child[0].value) if child else None
        values["start"] = event.dtstart.value
        values["end"] = event.dtend.value if "dtend" in event.contents else event.dtstart.value
        values["rrule"] = rule_parts(event.rrule.value) if "rrule" in event.contents else None
        found[event.uid.value] = values
    return {uid: {name: plain(value) for name, value in values.items()} for uid, values in found.items()}


def values_of_icalendar(stream: str) -> dict[str, dict[str, Any]]:
    found = {}
    for event in icalendar.Calendar.from_ical(stream).walk("VEVENT"):
        values = {}
        for name in ("summary", "description", "location", "status", "transp", "url", "class", "sequence"):
            values[name] = str(event[name]) if name in event else None
        values["start"], values["end"] = event.start, event.end
        rule = event.get("rrule")
        values["rrule"] = None if rule is None else rule_parts(rule.to_ical().decode())
        found[str(event["uid"])] = values
    return {uid: {name: plain(value) for name, value in values.items()} for uid, values in found.items()}


def rule_parts(rule: str) -> set[str]:
    return set(rule.split(";"))


def plain(value: Any) -> Any:
    """Date-times as instants: each library has zone classes of its own."""
    return value.timestamp() if isinstance(value, datetime) else value


def test_injection_stays_inside_its_values() -> None:
    stream = (DATA / "injection.ics").read_bytes().decode().replace("\n", "\r\n")
    assert stream.count("BEGIN:VEVENT\r\n") == stream.count("END:VEVENT\r\n") == 1
    [event] = vobject.readOne(stream).vevent_list
    assert event.uid.value.endswith("@test.daysheet")
    assert event.location.value == 'x\nEND:VEVENT\nBEGIN:VEVENT\nUID:evil\n;,:\\"[31m\ny'
    assert "\r" not in event.url.value
    assert "\n" not in event.url.value


def test_all_day_values_are_dates_with_an_exclusive_end() -> None:
    stream = (DATA / "time-off.ics").read_bytes().decode().replace("\n", "\r\n")
    events = {str(it["SUMMARY"]): it for it in icalendar.Calendar.from_ical(stream).walk("VEVENT")}
    assert events["Ann: Holiday"].start == date(2026, 3, 20)
    assert events["Ann: Holiday"].end == date(2026, 4, 1)
    assert "TZID" not in events["Ann: Holiday"]["DTSTART"].params
    assert str(events["Ann: Sick"]["X-MICROSOFT-CDO-BUSYSTATUS"]) == "OOF"


@settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(
    columns=st.fixed_dictionaries(
        {
            "job_type": st.none() | st.text(max_size=80),
            "organisation": st.text(max_size=200),
            "address": st.none() | st.text(st.characters(codec="utf-8"), max_size=200),
            "notes": st.none()
            | st.text(st.sampled_from("ab \t\r\n\\;,:\"'漢🗓é\x00\x01\x7f\u2028"), max_size=200),
        }
    )
)
def test_any_text_means_the_same_to_both_libraries(
    sqlite_database: Database, config: Config, columns: dict[str, str | None]
) -> None:
    writable = {name: value and value.encode("utf-8", "ignore").decode() for name, value in columns.items()}
    with Dispatch.connect(sqlite_database.url) as dispatch:
        dispatch.execute("DELETE FROM users")
        dispatch.execute("DELETE FROM jobs")
        user = dispatch.user("ann")
        job = dispatch.job(user, **writable)
    with sqlite_database.write() as connection:
        ensure_calendars(connection, user, NOW)
        shown = view(connection, config)
        assert catch_up(connection, user, "jobs", shown, NOW, followers=FOLLOWERS) == 1
        row = connection.execute(
            text("SELECT * FROM calendar_objects WHERE source_id = :job"), {"job": job}
        ).one()
    stream = objects.HEAD + row.component + objects.TAIL
    assert values_of_vobject(stream) == values_of_icalendar(stream)
    assert stream.count("BEGIN:VEVENT\r\n") == 1
