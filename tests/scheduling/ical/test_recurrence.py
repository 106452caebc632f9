# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of rules: the examples of RFC 5545, where it leaves room, and hostile rules."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from scheduling.ical import recurrence
from scheduling.ical.recurrence import (
    BadRule,
    TooExpensive,
    TooMany,
    is_infinite,
    last_occurrence,
    occurrences,
    parse_rule,
    until_local,
)

at = datetime.fromisoformat
FAR = at("2100-01-01T00:00:00")


def starts(rule: str, start: str, count: int) -> list[str]:
    """Return the first `count` instances of a rule as short text."""
    begin, before = at(start), at(start) + timedelta(days=7000)
    parsed = parse_rule(rule)
    found = occurrences(parsed, begin, begin, before, limit=100_000, until_local=until_local(parsed, "UTC"))
    return [f"{moment:%Y-%m-%d}" if "T00" in start else f"{moment:%Y-%m-%dT%H:%M}" for moment in found][
        :count
    ]


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        # RFC 5545 section 3.8.5.3, examples
        ("FREQ=DAILY;COUNT=3", "1997-09-02T00:00", "1997-09-02 1997-09-03 1997-09-04"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "1997-09-02T00:00", "1997-09-02 1997-09-16 1997-09-30"),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            "1997-08-05T00:00",
            "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "1997-08-05T00:00",
            "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
        ),
        ("FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22T00:00", "1997-09-22 1997-10-20 1997-11-17"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28T00:00", "1997-09-28 1997-10-29 1997-11-28"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13T00:00", "1998-02-13 1998-03-13 1998-11-13"),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29T00:00",
            "1997-09-29 1997-10-30 1997-11-27 1997-12-30",
        ),
        (
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
            "1997-01-01T00:00",
            "1997-01-01 1997-04-10 1997-07-19 2000-01-01",
        ),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19T00:00", "1997-05-19 1998-05-18 1999-05-17"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12T00:00", "1997-05-12 1998-05-11 1999-05-17"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997-03-13T00:00", "1997-03-13 1997-03-20 1997-03-27 1998-03-05"),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05T00:00",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        (
            "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z",
            "1997-09-02T09:00",
            "1997-09-02T09:00 1997-09-02T12:00 1997-09-02T15:00",
        ),
        (
            "FREQ=MINUTELY;INTERVAL=90;COUNT=3",
            "1997-09-02T09:00",
            "1997-09-02T09:00 1997-09-02T10:30 1997-09-02T12:00",
        ),
        (
            "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20",
            "1997-09-02T09:00",
            "1997-09-02T09:00 1997-09-02T09:20 1997-09-02T10:00",
        ),
        # dates that do not exist are left out
        ("FREQ=MONTHLY", "2026-01-31T00:00", "2026-01-31 2026-03-31 2026-05-31"),
        ("FREQ=YEARLY", "2024-02-29T00:00", "2024-02-29 2028-02-29 2032-02-29"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30", "2026-01-15T00:00", "2026-01-15 2026-01-30 2026-02-15 2026-03-15"),
        # DTSTART is the first instance and counts, whether or not it matches
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-11-20T00:00", "2026-11-20 2026-11-23 2026-11-30"),
        ("FREQ=DAILY;UNTIL=20200101T000000Z", "2026-11-20T00:00", "2026-11-20"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-11-20T00:00", "2026-11-20"),
        # BYWEEKNO without BYDAY is one day a week, DTSTART's
        ("FREQ=YEARLY;BYWEEKNO=1,2", "2026-01-01T00:00", "2026-01-01 2026-01-08 2027-01-07 2027-01-14"),
        ("FREQ=YEARLY;BYWEEKNO=53", "2020-12-28T00:00", "2020-12-28 2026-12-28 2032-12-27"),
        # a plain weekday beside one with an ordinal: either
        ("FREQ=MONTHLY;BYDAY=MO,1TU", "2026-11-02T00:00", "2026-11-02 2026-11-03 2026-11-09 2026-11-16"),
        # the first week counts as a whole for BYSETPOS, although it began before DTSTART
        ("FREQ=WEEKLY;BYDAY=MO,FR;BYSETPOS=1", "2026-11-20T00:00", "2026-11-20 2026-11-23 2026-11-30"),
        # a leap second is never on the clock
        ("FREQ=DAILY;BYSECOND=60", "2026-11-20T00:00", "2026-11-20"),
    ],
)
def test_first_instances(rule: str, start: str, expected: str) -> None:
    wanted = expected.split()
    assert starts(rule, start, len(wanted)) == wanted


def test_count_and_until_end_the_series() -> None:
    assert len(starts("FREQ=DAILY;COUNT=10", "2026-01-01T09:00", 100)) == 10
    assert len(starts("FREQ=WEEKLY;BYDAY=MO,TU;COUNT=10", "2026-01-05T09:00", 100)) == 10
    assert starts("FREQ=DAILY;UNTIL=20260103T090000Z", "2026-01-01T09:00", 9)[-1] == "2026-01-03T09:00"
    assert starts("FREQ=DAILY;UNTIL=20260103T085959Z", "2026-01-01T09:00", 9)[-1] == "2026-01-02T09:00"


def test_a_window_holds_what_a_full_run_has_there() -> None:
    for text in (
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,WE",
        "FREQ=MONTHLY;INTERVAL=5;BYDAY=-1FR",
        "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1,-1;BYDAY=MO,SU",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=MINUTELY;INTERVAL=7;BYHOUR=9;BYMINUTE=0",
        "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=9,10",
        "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=900",
    ):
        rule, start, end = parse_rule(text), at("2016-02-29T09:00:00"), at("2027-01-01T00:00:00")
        everything = occurrences(rule, start, start, end, limit=100_000)
        for day in range(0, 3900, 97):
            after = start + timedelta(days=day)
            before = after + timedelta(days=50)
            assert occurrences(rule, start, after, before) == [m for m in everything if after <= m < before]


def test_dates_stay_dates_and_ignore_times_of_day() -> None:
    rule = parse_rule("FREQ=WEEKLY;BYDAY=FR,SA;BYHOUR=9")
    found = occurrences(rule, date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 28))
    assert found == [date(2026, 11, 21), date(2026, 11, 27)]
    assert not any(isinstance(day, datetime) for day in found)


def test_a_date_cannot_repeat_within_the_day() -> None:
    rule, day = parse_rule("FREQ=HOURLY"), date(2026, 11, 20)
    with pytest.raises(BadRule, match="all-day"):
        occurrences(rule, day, day, date(2027, 1, 1))


@pytest.mark.parametrize(
    ("until", "tzid", "timed", "all_day"),
    [
        ("20261231T225959Z", "Europe/Berlin", "2026-12-31T23:59:59", "2026-12-31"),
        ("20261231T230000Z", "Europe/Berlin", "2027-01-01T00:00:00", "2027-01-01"),
        ("20261231T000000Z", "America/New_York", "2026-12-30T19:00:00", "2026-12-31"),
        ("20261231T235959Z", "Europe/Berlin", "2027-01-01T00:59:59", "2026-12-31"),
        ("20261231T050000Z", "America/New_York", "2026-12-31T00:00:00", "2026-12-31"),
        ("20261231T090000", "Europe/Berlin", "2026-12-31T09:00:00", "2026-12-31"),
        ("20261231", "Europe/Berlin", "2026-12-31T23:59:59", "2026-12-31"),
    ],
)
def test_until_on_the_wall_clock(until: str, tzid: str, timed: str, all_day: str) -> None:
    rule = parse_rule(f"FREQ=DAILY;UNTIL={until}")
    assert until_local(rule, tzid) == at(timed)
    assert until_local(rule, tzid, all_day=True) == date.fromisoformat(all_day)


def test_a_local_until_keeps_the_last_instance_across_a_clock_change() -> None:
    rule = parse_rule("FREQ=DAILY;UNTIL=20261101T090000")
    start, until = at("2026-10-18T09:00:00"), until_local(rule, "Europe/Berlin")
    assert len(occurrences(rule, start, start, FAR, until_local=until)) == 15


@pytest.mark.parametrize(
    ("rule", "start", "last"),
    [
        ("FREQ=DAILY", "2026-01-01T09:00:00", None),
        ("FREQ=DAILY;COUNT=1", "2026-01-01T09:00:00", "2026-01-01T09:00:00"),
        ("FREQ=DAILY;INTERVAL=2;COUNT=3", "2026-01-01T09:00:00", "2026-01-05T09:00:00"),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "2026-01-01T09:00:00", "2026-01-13T09:00:00"),
        ("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260120T085959Z", "2026-01-01T09:00:00", "2026-01-13T09:00:00"),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;UNTIL=20270101T000000Z",
            "2020-02-29T09:00:00",
            "2024-02-29T09:00:00",
        ),
        ("FREQ=DAILY;UNTIL=20200101T000000Z", "2026-01-01T09:00:00", "2026-01-01T09:00:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "2026-01-01T09:00:00", None),
        ("FREQ=DAILY;COUNT=1000000000", "2026-01-01T09:00:00", None),
        ("FREQ=WEEKLY;BYDAY=MO,FR;COUNT=1000000000", "2026-01-01T09:00:00", None),
    ],
)
def test_last_instance(rule: str, start: str, last: str | None) -> None:
    parsed = parse_rule(rule)
    found = last_occurrence(parsed, at(start), until_local=until_local(parsed, "UTC"))
    assert found == (at(last) if last else None)


def test_only_a_rule_without_an_end_is_infinite() -> None:
    assert is_infinite(parse_rule("FREQ=DAILY"))
    assert not is_infinite(parse_rule("FREQ=DAILY;COUNT=1000000000"))
    assert not is_infinite(parse_rule("FREQ=DAILY;UNTIL=20261231"))


HOURS = ",".join(map(str, range(24)))


@pytest.mark.parametrize(
    ("rule", "instances"),
    [
        ("FREQ=DAILY;COUNT=1000000000", 7),
        ("FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2", 0),
        ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", 0),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", 0),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=2", 0),
        ("FREQ=DAILY;INTERVAL=1000000", 0),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=366;COUNT=5", 0),
        ("FREQ=MINUTELY;INTERVAL=7;BYHOUR=9;BYMINUTE=0;BYMONTH=2", 0),
        (f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={HOURS};BYSETPOS=-366", 0),
        (f"FREQ=YEARLY;BYMONTHDAY={','.join(map(str, range(1, 32)))};BYHOUR={HOURS}", 168),
    ],
)
def test_a_hostile_rule_takes_few_steps(rule: str, instances: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "MAX_STEPS", 20_000)
    start = at("2000-01-01T09:00:00")
    found = occurrences(parse_rule(rule), start, at("2026-11-01T00:00:00"), at("2026-11-08T00:00:00"))
    assert len(found) == instances


def test_steps_are_limited() -> None:
    rule = parse_rule(f"FREQ=DAILY;BYHOUR={HOURS};COUNT=1000000000")
    with pytest.raises(TooExpensive) as raised:
        occurrences(rule, at("1900-01-01T00:00:00"), at("2026-11-01T00:00:00"), at("2026-11-08T00:00:00"))
    assert raised.value.steps == recurrence.MAX_STEPS


def test_instances_are_limited() -> None:
    start = at("2000-01-01T00:00:00")
    with pytest.raises(TooMany) as raised:
        occurrences(parse_rule("FREQ=HOURLY"), start, start, FAR)
    assert raised.value.limit == 10_000
    assert len(occurrences(parse_rule("FREQ=DAILY;COUNT=5"), start, start, FAR, limit=5)) == 5


@pytest.mark.parametrize(
    "rule",
    ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY", "FREQ=YEARLY;BYWEEKNO=1,53", "FREQ=HOURLY"],
)
def test_the_edges_of_the_calendar_are_no_error(rule: str) -> None:
    parsed = parse_rule(rule)
    early, late = at("0001-01-01T00:00:00"), at("9999-12-31T23:00:00")
    assert occurrences(parsed, early, early, at("0001-01-05T00:00:00"))[0] == early
    assert occurrences(parsed, at("9999-12-01T23:00:00"), late, at("9999-12-31T23:59:59"))[-1:] in (
        [late],
        [],
    )
    assert occurrences(parsed, late, early, at("9999-12-31T23:59:59")) == [late]
