# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurring objects as their instances (RFC 4791, section 9.6.5), compared with an independent expander."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
import recurring_ical_events
import vobject

from scheduling.calendars.expansion import expanded
from scheduling.calendars.objects import StoredObject
from scheduling.ical import series_json
from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Override, Series
from scheduling.ical.timezones import vtimezone

TITLE = ("SUMMARY:Ä long title\\, fol", " ded\\; and more")


def event(*times: str) -> str:
    lines = ["BEGIN:VEVENT", "UID:one@example", "DTSTAMP:20270101T000000Z", *times, *TITLE, "END:VEVENT", ""]
    return "\r\n".join(lines)


def stored(component: str, series: Series | None, timezones: str = "") -> StoredObject:
    text = "" if series is None else series_json.dumps(series)
    return StoredObject(
        name="one.ics",
        uid="one@example",
        etag='"x"',
        component=component,
        timezones=timezones,
        starts_at=0,
        ends_at=1,
        changed_at=0,
        series=text,
    )


def weekly(
    start: date,
    end: date,
    tzid: str,
    rule: str | None,
    *,
    rdates: tuple[date, ...] = (),
    exdates: tuple[date, ...] = (),
    overrides: Mapping[date, Override] | None = None,
) -> Series:
    return Series(
        start=start,
        end=end,
        tzid=tzid,
        rule=None if rule is None else parse_rule(rule),
        rdates=rdates,
        exdates=exdates,
        overrides=overrides or {},
        busy="BUSY",
    )


def instances(text: str) -> list[tuple[str, str, str]]:
    assert len(list(vobject.readComponents(text))) == 1
    found = icalendar.Calendar.from_ical(text).walk("VEVENT")
    for it in found:
        assert not {"RRULE", "RDATE", "EXDATE"} & set(it)
        assert str(it["SUMMARY"]).startswith("Ä long title, folded; ")
    return sorted(
        tuple(
            it[name].to_ical().decode() if name in it else ""
            for name in ("DTSTART", "DTEND", "RECURRENCE-ID")
        )
        for it in found
    )


def wall(text: str) -> datetime:
    """A wall clock time."""
    return datetime.fromisoformat(text)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    "tzid", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
)
@pytest.mark.parametrize(
    "rule", ["FREQ=WEEKLY", "FREQ=DAILY;INTERVAL=3", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=WEEKLY;COUNT=20"]
)
def test_instances_are_those_of_an_independent_expander(tzid: str, rule: str) -> None:
    begin = wall("2027-01-03T09:30")
    component = event(
        f"DTSTART;TZID={tzid}:20270103T093000",
        f"DTEND;TZID={tzid}:20270103T103000",
        f"RRULE:{rule}",
        f"EXDATE;TZID={tzid}:20270110T093000,20270131T093000",
    )
    exdates = (begin + timedelta(days=7), begin + timedelta(days=28))
    series = weekly(begin, begin + timedelta(hours=1), tzid, rule, exdates=exdates)
    one = stored(component, series, f"{tzid}@2027")
    after, before = datetime(2027, 1, 15, tzinfo=UTC), datetime(2028, 1, 15, tzinfo=UTC)
    text = expanded(one, int(after.timestamp()), int(before.timestamp()))
    assert vtimezone(tzid, 2027) not in text
    theirs = recurring_ical_events.of(icalendar.Calendar.from_ical(one.calendar)).between(after, before)
    expected = [
        tuple(f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" for moment in (it.start, it.end)) for it in theirs
    ]
    assert sorted(it[:2] for it in instances(text)) == sorted(expected)
    assert all(it[0] == it[2] for it in instances(text))


def test_a_changed_instance_takes_the_place_of_its_own() -> None:
    zone = "Europe/Berlin"
    begin, moved = wall("2027-03-02T09:00"), wall("2027-04-08T14:00")
    replaced = begin + timedelta(days=28)
    component = event(
        f"DTSTART;TZID={zone}:20270302T090000", f"DTEND;TZID={zone}:20270302T100000", "RRULE:FREQ=WEEKLY"
    ) + event(
        f"RECURRENCE-ID;TZID={zone}:20270330T090000",
        f"DTSTART;TZID={zone}:20270408T140000",
        f"DTEND;TZID={zone}:20270408T160000",
    )
    override = Override(start=moved, end=moved + timedelta(hours=2), busy="BUSY")
    one = stored(
        component,
        weekly(begin, begin + timedelta(hours=1), zone, "FREQ=WEEKLY", overrides={replaced: override}),
    )
    assert instances(expanded(one, epoch("2027-03-29"), epoch("2027-04-10"))) == [
        ("20270406T070000Z", "20270406T080000Z", "20270406T070000Z"),
        ("20270408T120000Z", "20270408T140000Z", "20270330T070000Z"),
    ]
    assert expanded(one, epoch("2027-03-29"), epoch("2027-04-01")) == ""


def test_a_changed_instance_named_in_utc_is_found_too() -> None:
    begin = wall("2027-03-02T09:00")
    component = event("DTSTART:20270302T090000Z", "DTEND:20270302T100000Z", "RRULE:FREQ=WEEKLY") + event(
        "RECURRENCE-ID:20270309T090000Z", "DTSTART:20270309T110000Z", "DTEND:20270309T120000Z"
    )
    override = Override(start=wall("2027-03-09T11:00"), end=wall("2027-03-09T12:00"), busy="")
    series = weekly(
        begin,
        begin + timedelta(hours=1),
        "UTC",
        "FREQ=WEEKLY",
        overrides={wall("2027-03-09T09:00"): override},
    )
    assert instances(expanded(stored(component, series), epoch("2027-03-08"), epoch("2027-03-16"))) == [
        ("20270309T110000Z", "20270309T120000Z", "20270309T090000Z")
    ]


def test_additional_dates_without_a_rule_are_instances() -> None:
    begin = wall("2027-03-02T09:00")
    component = event("DTSTART:20270302T090000Z", "DTEND:20270302T100000Z", "RDATE:20270305T090000Z")
    series = weekly(begin, begin + timedelta(hours=1), "UTC", None, rdates=(wall("2027-03-05T09:00"),))
    assert [
        it[0]
        for it in instances(expanded(stored(component, series), epoch("2027-03-01"), epoch("2027-03-08")))
    ] == ["20270302T090000Z", "20270305T090000Z"]


def test_whole_days_stay_dates() -> None:
    component = event("DTSTART;VALUE=DATE:20270302", "DTEND;VALUE=DATE:20270304", "RRULE:FREQ=WEEKLY")
    one = stored(component, weekly(date(2027, 3, 2), date(2027, 3, 4), "Pacific/Auckland", "FREQ=WEEKLY"))
    text = expanded(one, epoch("2027-03-22"), epoch("2027-04-02"))
    assert instances(text) == [("20270323", "20270325", "20270323"), ("20270330", "20270401", "20270330")]
    assert text.count(";VALUE=DATE:") == 6


def test_a_moment_has_no_end() -> None:
    begin = wall("2027-03-02T09:00")
    one = stored(
        event("DTSTART:20270302T090000Z", "RRULE:FREQ=DAILY"), weekly(begin, begin, "UTC", "FREQ=DAILY")
    )
    assert instances(expanded(one, epoch("2027-03-03"), epoch("2027-03-04"))) == [
        ("20270303T090000Z", "", "20270303T090000Z")
    ]


def test_what_does_not_recur_or_too_often_stays_as_it_is() -> None:
    one = stored(event("DTSTART:20270302T090000Z"), None)
    assert expanded(one, 0, 1) == one.calendar
    begin = wall("2027-03-02T09:00")
    often = stored(
        event("DTSTART:20270302T090000Z", "RRULE:FREQ=HOURLY"), weekly(begin, begin, "UTC", "FREQ=HOURLY")
    )
    assert expanded(often, epoch("2027-03-03"), epoch("2031-03-03")) == often.calendar
