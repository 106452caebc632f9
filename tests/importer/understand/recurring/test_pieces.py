# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of an instance and all later or earlier ones, compared with the instances of the series, each moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from importer.understand.event import ImportedEvent
from scheduling.ical import recurrence
from scheduling.ical.series import expand
from scheduling.ical.timezones import to_epoch
from scheduling.subscriptions.unread import ALWAYS, Gap
from tests.importer.understand.calendars import RULED, busy_in, calendar, read, vevent

ZONE = "Europe/Berlin"


def test_a_change_of_this_and_all_later_instances_moves_them_all() -> None:
    master = vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=6", "EXDATE:20261022T070000Z")
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261020T070000Z",
        "DTSTART;TZID=Europe/Berlin:20261020T150000",
        "DTEND;TZID=Europe/Berlin:20261020T170000",
        "SUMMARY:Later",
    )
    single = vevent(
        "RECURRENCE-ID:20261023T070000Z",
        "DTSTART:20261023T060000Z",
        "DTEND:20261023T070000Z",
        "SUMMARY:Early",
    )
    for parts in ((master, moved, single), (single, moved, master)):
        found = read(calendar(*parts))
        assert busy_in(found.events) == [
            "10-19 07:00/10-19 08:00",
            "10-20 13:00/10-20 15:00",
            "10-21 13:00/10-21 15:00",
            "10-23 06:00/10-23 07:00",
            "10-24 13:00/10-24 15:00",
        ]
        before, after = found.events
        assert (before.details.summary, after.details.summary) == ("", "Later")
        assert [it.summary for it in after.overrides.values()] == ["Early"]


def test_this_and_all_later_instances_may_be_cancelled_or_changed_twice() -> None:
    master = vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=6")
    changes = [
        vevent(f"RECURRENCE-ID;RANGE=THISANDFUTURE:202610{day}T070000Z", *lines)
        for day, lines in (
            ("23", ("STATUS:CANCELLED",)),
            ("21", ("DTSTART:20261021T100000Z", "DTEND:20261021T110000Z")),
        )
    ]
    assert busy_in(read(calendar(master, *changes)).events)[1:] == [
        "10-20 07:00/10-20 08:00",
        "10-21 10:00/10-21 11:00",
        "10-22 10:00/10-22 11:00",
    ]


def test_an_endless_series_is_changed_as_long_as_it_lasts() -> None:
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261026T080000Z",
        "DTSTART:20261026T140000Z",
        "DTEND:20261026T150000Z",
    )
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), moved))
    assert busy_in(found.events)[:2] == ["10-19 07:00/10-19 08:00", "10-26 14:00/10-26 15:00"]
    for year in (2027, 2030, 2099):
        assert {it[6:11] for it in busy_in(found.events, year)} == {"13:00", "14:00"}
        assert len(busy_in(found.events, year)) == 52
    assert found.gaps == ()


def test_a_changed_series_that_is_stored_is_not_read_again() -> None:
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261026T080000Z",
        "DTSTART:20261026T140000Z",
        "DTEND:20261026T150000Z",
    )
    text = calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), moved)
    found = read(text)
    again = read(text, stored=found.seen)
    assert (again.events, again.seen) == ((), found.seen)
    assert len(found.seen) == 2
    broken = read(text.replace("DTSTART;TZID=Europe/Berlin", "DTSTART;X=Europe/Berlin:x"), stored=found.seen)
    assert (broken.seen, bool(broken.gaps)) == (found.seen, True)
    plain = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY")), stored=found.seen)
    assert set(plain.seen) == {"1"}


def rules_of(*parts: str) -> set[str]:
    return {note.rule for event in read(calendar(*parts)).events for note in event.notes}


def when(moment: date) -> str:
    return f"{moment:%Y%m%dT%H%M%S}" if isinstance(moment, datetime) else f"{moment:%Y%m%d}"


def moved_by_hand(rule: str, start: date, at: int, to: date) -> list[tuple[int, int]]:
    """The hours (or days) of a series until 2058, whose instances from number `at` on are moved as that one is."""
    far = date(2060, 1, 1)
    end = datetime.combine(far, time()) if isinstance(start, datetime) else far
    parsed = recurrence.parse_rule(rule)
    until = recurrence.until_local(parsed, ZONE, all_day=not isinstance(start, datetime))
    before = recurrence.occurrences(parsed, start, start, end, limit=20_000, until_local=until)
    shift = to - before[at]
    found = []
    for number, instance in enumerate(before):
        moment = instance + shift if number >= at else instance
        if isinstance(moment, datetime):
            begins = to_epoch(moment, ZONE)
            found.append((begins, begins + 3600))
        else:
            days = (datetime.combine(moment + timedelta(days=more), time()) for more in (0, 1))
            begins, ends = (to_epoch(day, ZONE) for day in days)
            found.append((begins, ends))
    return sorted(it for it in found if it[0] < LAST)


LAST = int(datetime(2058, 1, 1, tzinfo=UTC).timestamp())


def as_read(events: tuple[ImportedEvent, ...], first: int) -> list[tuple[int, int]]:
    found = [
        (it.starts_at, it.ends_at)
        for event in events
        for it in expand(event.series, first, LAST, limit=20_000)
    ]
    return sorted(found)


@pytest.mark.parametrize("shift", ["2h", "1d", "-3d", "7d", "1d 30min", "9d -8h"])
@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,SU",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO",
        "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=12,19", "FREQ=MONTHLY;BYMONTHDAY=-2", "FREQ=MONTHLY;BYDAY=2MO",
        "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,TU;BYSETPOS=1", "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=1,10;BYDAY=3MO", "FREQ=WEEKLY;COUNT=40", "FREQ=MONTHLY;BYDAY=1MO;COUNT=9",
        "FREQ=WEEKLY;UNTIL=20290101T000000Z;BYDAY=MO,TU", "FREQ=DAILY;BYHOUR=9,14;BYMONTH=3,10",
    ],
)  # fmt: skip
def test_every_later_instance_is_moved_by_the_same_time(rule: str, shift: str) -> None:
    start = datetime(2026, 10, 19, 9)  # noqa: DTZ001 (a wall clock time)
    parsed = recurrence.parse_rule(rule)
    at = 3
    instance = recurrence.occurrences(parsed, start, start, start + timedelta(days=5000), limit=20_000)[at]
    units = {"d": "days", "h": "hours", "min": "minutes"}
    to = instance
    for part in shift.split():
        number = part.rstrip("dhmin")
        to += timedelta(**{units[part.removeprefix(number)]: int(number)})
    changed = vevent(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID={ZONE}:{when(instance)}",
        f"DTSTART;TZID={ZONE}:{when(to)}",
        "DURATION:PT1H",
    )
    found = read(calendar(vevent(*RULED, f"RRULE:{rule}"), changed))
    expected = moved_by_hand(rule, start, at, to)
    known = min((gap.start or 0 for gap in found.gaps), default=LAST)
    assert known > int(datetime(2041, 1, 1, tzinfo=UTC).timestamp())
    assert [it for it in as_read(found.events, expected[0][0]) if it[0] < known] == [
        it for it in expected if it[0] < known
    ]
    assert bool(found.gaps) == ("BYMONTH=3,10" in rule and "d" in shift)
    assert found.skipped == ()


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SA", "FREQ=MONTHLY;BYDAY=3MO", "FREQ=YEARLY"]
)
def test_whole_days_are_moved_too(rule: str) -> None:
    start = date(2026, 10, 19)
    instance = recurrence.occurrences(recurrence.parse_rule(rule), start, start, date(2040, 1, 1))[2]
    assert not isinstance(instance, datetime)
    to = instance + timedelta(days=2)
    changed = vevent(
        f"RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:{when(instance)}", f"DTSTART;VALUE=DATE:{when(to)}"
    )
    found = read(calendar(vevent("DTSTART;VALUE=DATE:20261019", f"RRULE:{rule}"), changed))
    expected = moved_by_hand(rule, start, 2, to)
    assert as_read(found.events, expected[0][0]) == expected


def test_days_become_hours_and_hours_become_days() -> None:
    master = vevent("DTSTART;VALUE=DATE:20261019", "RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20261109")
    timed = vevent(
        "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20261102",
        f"DTSTART;TZID={ZONE}:20261103T100000",
        f"DTEND;TZID={ZONE}:20261103T113000",
    )
    found = read(calendar(master, timed)).events
    assert busy_in(found)[:4] == [
        "10-18 22:00/10-19 22:00", "10-25 23:00/10-26 23:00", "11-03 09:00/11-03 10:30", "11-17 09:00/11-17 10:30",
    ]  # fmt: skip
    assert busy_in(found, 2036)[-1] == "12-30 09:00/12-30 10:30"
    whole = vevent(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID={ZONE}:20261026T090000", "DTSTART;VALUE=DATE:20261027"
    )
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), whole)).events
    assert busy_in(found)[:2] == ["10-19 07:00/10-19 08:00", "10-26 23:00/10-27 23:00"]
    assert busy_in(found, 2036)[-1] == "12-29 23:00/12-30 23:00"


def test_the_first_instance_may_be_the_changed_one() -> None:
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261019T070000Z", "DTSTART:20261020T070000Z", "DURATION:PT2H"
    )
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY;COUNT=3"), moved))
    assert busy_in(found.events) == [
        "10-20 07:00/10-20 09:00", "10-27 08:00/10-27 10:00", "11-03 08:00/11-03 10:00"
    ]  # fmt: skip
    assert set(found.seen) == {"1"}


def test_further_dates_and_excluded_ones_move_with_the_series() -> None:
    master = vevent(
        *RULED,
        "RRULE:FREQ=WEEKLY",
        "RDATE:20261021T070000Z,20261105T080000Z",
        "EXDATE:20261109T080000Z,20261019T070000Z",
    )
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z", "DTSTART:20261102T100000Z", "DURATION:PT1H"
    )
    assert [it[:11] for it in busy_in(read(calendar(master, moved)).events)[:5]] == [
        "10-21 07:00", "10-26 08:00", "11-02 10:00", "11-05 10:00", "11-16 10:00"
    ]  # fmt: skip


def test_a_change_of_this_and_all_earlier_instances() -> None:
    prior = vevent(
        "RECURRENCE-ID;RANGE=THISANDPRIOR:20261102T080000Z", "DTSTART:20261102T160000Z", "DURATION:PT1H"
    )
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), prior)).events
    assert [it[:11] for it in busy_in(found)[:4]] == [
        "10-19 15:00",
        "10-26 16:00",
        "11-02 16:00",
        "11-09 08:00",
    ]


def test_a_cancelled_rest_of_a_series_is_free_but_for_instances_changed_by_themselves() -> None:
    cancelled = vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z", "STATUS:CANCELLED")
    single = vevent("RECURRENCE-ID:20261116T080000Z", "DTSTART:20261116T120000Z", "DURATION:PT1H")
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), cancelled, single))
    assert [it[:11] for it in busy_in(found.events)] == ["10-19 07:00", "10-26 08:00", "11-16 12:00"]
    assert (busy_in(found.events, 2027), found.gaps) == ([], ())


def test_a_change_that_says_itself_how_it_repeats_does() -> None:
    own = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z",
        "DTSTART:20261103T120000Z",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=2",
    )
    found = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), own))
    assert [it[:11] for it in busy_in(found.events)] == [
        "10-19 07:00",
        "10-26 08:00",
        "11-03 12:00",
        "11-04 12:00",
    ]
    assert busy_in(found.events, 2027) == []
    copy = own.replace("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY")
    assert len(busy_in(read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), copy)).events, 2040)) == 52


def test_a_change_whose_instances_cannot_be_found_leaves_the_rest_unknown() -> None:
    moved = vevent(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261026T080000Z", "DTSTART:20261027T080000Z", "DURATION:PT1H"
    )
    found = read(calendar(vevent(*RULED, "RRULE:every week"), moved))
    assert found.gaps == (Gap(start=int(datetime(2026, 10, 18, 22, tzinfo=UTC).timestamp())),)
    assert any("this instance only" in it for it in found.warnings)


def test_a_changed_rest_without_its_series_is_unknown() -> None:
    alone = vevent("RECURRENCE-ID;RANGE=THISANDFUTURE:20261026T080000Z", "DTSTART:20261026T140000Z")
    found = read(calendar(alone))
    assert found.gaps == (Gap(start=int(datetime(2026, 10, 26, 14, tzinfo=UTC).timestamp())),)
    assert len(busy_in(found.events)) == 1


def test_a_range_that_nobody_knows_and_an_exception_that_repeats_leave_time_unknown() -> None:
    master = vevent(*RULED, "RRULE:FREQ=WEEKLY")
    strange = vevent("RECURRENCE-ID;RANGE=THISANDSOME:20261026T080000Z", "DTSTART:20261026T140000Z")
    assert read(calendar(master, strange)).gaps == (ALWAYS,)
    again = vevent("RECURRENCE-ID:20261026T080000Z", "DTSTART:20261026T140000Z", "RRULE:FREQ=DAILY")
    assert read(calendar(master, again)).gaps == (ALWAYS,)
    assert "exception-repeats" in rules_of(master, again)
    assert read(calendar(master, again.replace("DAILY", "WEEKLY"))).gaps == ()


def test_a_change_of_a_series_since_before_1900() -> None:
    master = vevent("DTSTART;VALUE=DATE:18500101", "RRULE:FREQ=YEARLY")
    for key in ("18700101", "20300101"):
        moved = vevent(
            f"RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:{key}", f"DTSTART;VALUE=DATE:{key[:4]}0105"
        )
        found = read(calendar(master, moved), zone="UTC").events
        assert [it[:5] for it in busy_in(found, 2040)] == ["01-05"]
        assert [it[:5] for it in busy_in(found, 2028)] == ["01-05" if key < "2028" else "01-01"]


def test_a_changed_rest_that_lists_its_instances_itself_takes_place_at_all_of_them() -> None:
    """As Lotus Notes writes it, without the series."""
    lines = (
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261026T080000Z",
        "DTSTART;TZID=Europe/Berlin:20261026T090000",
        "DTEND;TZID=Europe/Berlin:20261026T093000",
        "RDATE;TZID=Europe/Berlin;VALUE=PERIOD:20261026T090000/20261026T093000,20261109T090000/20261109T100000",
    )
    alone = read(calendar(vevent(*lines)))
    assert busy_in(alone.events) == ["10-26 08:00/10-26 08:30", "11-09 08:00/11-09 09:00"]
    assert alone.gaps == ()
    whole = read(calendar(vevent(*RULED, "RRULE:FREQ=WEEKLY"), vevent(*lines)))
    assert busy_in(whole.events) == ["10-19 07:00/10-19 08:00", *busy_in(alone.events)]
