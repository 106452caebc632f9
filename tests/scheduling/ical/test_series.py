# SPDX-License-Identifier: GPL-3.0-or-later
"""When the instances of a series take place: clock changes, exceptions, whole days, and where it all ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from scheduling.ical import series_json
from scheduling.ical.errors import BadRule, TooMany, UnknownTimeZone
from scheduling.ical.recurrence import Wall, parse_rule
from scheduling.ical.series import Occurrence, Override, Series, expand, extent, last_day, taking


def wall(text: str) -> Wall:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def series(
    start: str,
    end: str,
    rule: str = "",
    *,
    tzid: str = "Europe/Berlin",
    rdates: tuple[str, ...] = (),
    exdates: tuple[str, ...] = (),
    overrides: Mapping[str, tuple[str, str]] | None = None,
) -> Series:
    return Series(
        start=wall(start),
        end=wall(end),
        tzid=tzid,
        rule=parse_rule(rule) if rule else None,
        rdates=tuple(map(wall, rdates)),
        exdates=tuple(map(wall, exdates)),
        overrides={
            wall(key): Override(start=wall(begin), end=wall(finish), busy="BUSY-TENTATIVE")
            for key, (begin, finish) in (overrides or {}).items()
        },
        busy="BUSY",
    )


def utc_starts(found: list[Occurrence]) -> list[str]:
    return [f"{datetime.fromtimestamp(each.starts_at, UTC):%m-%dT%H:%M}" for each in found]


def within(event: Series, after: str, before: str) -> list[Occurrence]:
    return expand(event, epoch(after), epoch(before))


@pytest.mark.parametrize(
    ("tzid", "start", "after", "expected"),
    [
        ("Europe/Berlin", "2026-03-22T09:00", "2026-03-20", "03-22T08:00 03-29T07:00"),
        ("Europe/Berlin", "2026-10-18T09:00", "2026-10-15", "10-18T07:00 10-25T08:00"),
        ("Australia/Sydney", "2026-09-27T09:00", "2026-09-25", "09-26T23:00 10-03T22:00"),
        ("Australia/Sydney", "2026-03-29T09:00", "2026-03-27", "03-28T22:00 04-04T23:00"),
        ("America/Sao_Paulo", "2026-10-11T09:00", "2026-10-10", "10-11T12:00 10-18T12:00"),
    ],
)
def test_the_wall_clock_time_stays_across_clock_changes(
    tzid: str, start: str, after: str, expected: str
) -> None:
    event = series(start, start.replace("T09", "T10"), "FREQ=WEEKLY;COUNT=2", tzid=tzid)
    found = expand(event, epoch(after), epoch(after) + 30 * 86400)
    assert utc_starts(found) == expected.split()
    assert {each.ends_at - each.starts_at for each in found} == {3600}


def test_a_skipped_start_counts_with_the_offset_before_the_gap() -> None:
    event = series("2026-03-28T02:30", "2026-03-28T03:30", "FREQ=DAILY;COUNT=3")
    assert utc_starts(within(event, "2026-03-27", "2026-04-02")) == [
        "03-28T01:30",
        "03-29T01:30",
        "03-30T00:30",
    ]


def test_a_start_shown_twice_is_the_first() -> None:
    event = series("2026-10-24T02:30", "2026-10-24T03:30", "FREQ=DAILY;COUNT=3")
    assert utc_starts(within(event, "2026-10-23", "2026-10-30")) == [
        "10-24T00:30",
        "10-25T00:30",
        "10-26T01:30",
    ]


def test_timed_instances_last_exactly_as_long_as_the_first() -> None:
    event = series("2026-03-27T22:00", "2026-03-28T06:00", "FREQ=DAILY;COUNT=2")
    assert [each.ends_at - each.starts_at for each in within(event, "2026-03-27", "2026-04-01")] == [
        8 * 3600
    ] * 2


def test_days_of_a_duration_are_nominal_and_the_rest_of_it_is_exact() -> None:
    event = replace(series("2026-03-21T12:00", "2026-03-22T14:00", "FREQ=WEEKLY;COUNT=2"), days=1)
    lengths = [it.ends_at - it.starts_at for it in within(event, "2026-03-20", "2026-04-01")]
    assert lengths == [26 * 3600, 25 * 3600]
    autumn = replace(series("2026-10-24T12:00", "2026-10-25T12:00", "FREQ=WEEKLY;COUNT=2"), days=1)
    lengths = [it.ends_at - it.starts_at for it in within(autumn, "2026-10-20", "2026-11-05")]
    assert lengths == [25 * 3600, 24 * 3600]
    assert series_json.loads(series_json.dumps(autumn)) == autumn


def test_all_day_instances_are_local_midnight_to_local_midnight() -> None:
    event = series("2026-10-24", "2026-10-25", "FREQ=DAILY;COUNT=3")
    found = within(event, "2026-10-20", "2026-10-30")
    assert utc_starts(found) == ["10-23T22:00", "10-24T22:00", "10-25T23:00"]
    assert [each.ends_at - each.starts_at for each in found] == [24 * 3600, 25 * 3600, 24 * 3600]
    spring = within(series("2026-03-29", "2026-03-30"), "2026-03-20", "2026-04-02")
    assert [each.ends_at - each.starts_at for each in spring] == [23 * 3600]


def test_a_day_whose_midnight_is_skipped_begins_at_its_first_moment() -> None:
    (day,) = within(series("2026-04-24", "2026-04-25", tzid="Africa/Cairo"), "2026-04-20", "2026-04-30")
    assert (day.starts_at, day.ends_at) == (epoch("2026-04-23T22:00"), epoch("2026-04-24T21:00"))


def test_the_window_is_half_open_at_both_ends() -> None:
    event = series("2026-07-01T10:00", "2026-07-01T11:00", tzid="UTC")
    assert within(event, "2026-07-01T10:59:59", "2026-07-02")
    assert not within(event, "2026-07-01T11:00", "2026-07-02")
    assert within(event, "2026-06-30", "2026-07-01T10:00:01")
    assert not within(event, "2026-06-30", "2026-07-01T10:00")


def test_a_long_instance_reaches_into_the_window() -> None:
    event = series("2026-01-01T00:00", "2026-02-20T00:00", "FREQ=YEARLY", tzid="UTC")
    assert utc_starts(within(event, "2031-02-19", "2031-02-21")) == ["01-01T00:00"]


DAILY = "FREQ=DAILY;COUNT=5"


def test_excluded_and_added_instances() -> None:
    event = series(
        "2026-07-01T10:00",
        "2026-07-01T11:00",
        DAILY,
        tzid="UTC",
        exdates=("2026-07-02T10:00", "2026-07-01T10:00", "2026-07-09T12:00"),
        rdates=("2026-07-03T10:00", "2026-07-08T12:00", "2026-07-09T12:00"),
    )
    assert utc_starts(within(event, "2026-06-01", "2026-08-01")) == [
        *("07-03T10:00", "07-04T10:00", "07-05T10:00", "07-08T12:00")
    ]


def test_an_override_moves_an_instance_out_of_and_into_the_window() -> None:
    event = series(
        "2026-07-01T10:00",
        "2026-07-01T11:00",
        DAILY,
        tzid="UTC",
        overrides={"2026-07-03T10:00": ("2026-09-01T08:00", "2026-09-01T12:00")},
    )
    assert "07-03T10:00" not in utc_starts(within(event, "2026-07-01", "2026-07-10"))
    assert within(event, "2026-09-01", "2026-09-02") == [
        Occurrence(
            starts_at=epoch("2026-09-01T08:00"), ends_at=epoch("2026-09-01T12:00"), busy="BUSY-TENTATIVE"
        )
    ]


def test_an_override_of_no_instance_is_an_extra_one() -> None:
    event = series(
        "2026-07-01T10:00",
        "2026-07-01T11:00",
        "FREQ=DAILY;COUNT=2",
        tzid="UTC",
        overrides={"2026-08-20T10:00": ("2026-08-20T15:00", "2026-08-20T16:00")},
    )
    assert utc_starts(within(event, "2026-07-01", "2026-09-01")) == [
        "07-01T10:00",
        "07-02T10:00",
        "08-20T15:00",
    ]
    assert extent(event) == (epoch("2026-07-01T10:00"), epoch("2026-08-20T16:00"))


@pytest.mark.parametrize("end", ["2026-07-01T10:00", "2026-07-01T09:00"])
def test_no_or_negative_length_lasts_one_second(end: str) -> None:
    event = series("2026-07-01T10:00", end, tzid="UTC")
    (found,) = within(event, "2026-07-01", "2026-07-02")
    assert found.ends_at == found.starts_at + 1


def test_an_all_day_event_lasts_one_day_at_least() -> None:
    event = series("2026-07-01", "2026-07-01", tzid="UTC")
    (found,) = within(event, "2026-07-01", "2026-07-02")
    assert found.ends_at == found.starts_at + 86400
    assert last_day(event) == date(2026, 7, 2)


@pytest.mark.parametrize(
    ("event", "last", "day"),
    [
        (series("2026-07-01T10:00", "2026-07-01T11:00"), "2026-07-01T09:00", "2026-07-02"),
        (series("2026-07-01T22:00", "2026-07-02T02:00"), "2026-07-02T00:00", "2026-07-02"),
        (series("2026-07-01T10:00", "2026-07-01T11:00", DAILY), "2026-07-05T09:00", "2026-07-06"),
        (
            series("2026-07-01T10:00", "2026-07-01T11:00", "FREQ=DAILY;UNTIL=20260703"),
            "2026-07-03T09:00",
            "2026-07-04",
        ),
        (
            series(
                "2026-07-01T10:00",
                "2026-07-01T11:00",
                DAILY,
                exdates=("2026-07-05T10:00", "2026-07-04T10:00"),
            ),
            "2026-07-03T09:00",
            "2026-07-04",
        ),
        (
            series("2026-07-01T10:00", "2026-07-01T11:00", DAILY, rdates=("2027-01-01T10:00",)),
            "2027-01-01T10:00",
            "2027-01-02",
        ),
        (series("2026-07-01", "2026-07-03", DAILY), "2026-07-06T22:00", "2026-07-07"),
        (
            series("2026-07-01", "2026-07-03", DAILY, tzid="Pacific/Auckland"),
            "2026-07-06T12:00",
            "2026-07-07",
        ),
        (
            series("2026-07-01", "2026-07-02", DAILY, overrides={"2026-07-05": ("2026-07-02", "2026-07-03")}),
            "2026-07-04T22:00",
            "2026-07-05",
        ),
    ],
)
def test_the_end_of_a_series(event: Series, last: str, day: str) -> None:
    assert extent(event)[1] == epoch(last)
    assert last_day(event) == date.fromisoformat(day)


def test_an_endless_series_has_no_end() -> None:
    event = series("2026-07-01T10:00", "2026-07-01T11:00", "FREQ=DAILY", tzid="UTC")
    assert extent(event) == (epoch("2026-07-01T10:00"), None)
    assert last_day(event) is None


def test_the_first_start_may_be_an_override_or_an_added_date() -> None:
    event = series(
        "2026-07-01T10:00",
        "2026-07-01T11:00",
        DAILY,
        tzid="UTC",
        overrides={"2026-07-03T10:00": ("2026-06-01T08:00", "2026-06-01T09:00")},
        rdates=("2026-05-01T10:00",),
    )
    assert extent(event)[0] == epoch("2026-05-01T10:00")
    assert utc_starts(within(event, "2026-05-01", "2026-06-02")) == ["05-01T10:00", "06-01T08:00"]


def test_until_is_given_in_the_type_of_the_start() -> None:
    rule = "FREQ=DAILY;UNTIL=20260703T220000Z"
    assert series("2026-07-01T10:00", "2026-07-01T11:00", rule).until == wall("2026-07-04T00:00:00")
    assert series("2026-07-01", "2026-07-02", rule).until == date(2026, 7, 4)
    assert series("2026-07-01T10:00", "2026-07-01T11:00", "FREQ=DAILY;UNTIL=20260703").until == wall(
        "2026-07-03T23:59:59"
    )
    assert series("2026-07-01", "2026-07-02").until is None


def test_all_excluded_is_nothing() -> None:
    days = tuple(f"2026-07-0{day}T10:00" for day in range(1, 6))
    event = series("2026-07-01T10:00", "2026-07-01T11:00", DAILY, exdates=days)
    assert within(event, "2026-06-01", "2026-08-01") == []
    assert extent(event)[1] is not None


def test_exclusions_do_not_use_up_the_limit() -> None:
    start = datetime.fromisoformat("2020-01-01T00:00")
    exdates = tuple(start + timedelta(hours=hour) for hour in range(20_000))
    event = Series(
        start=start,
        end=start + timedelta(minutes=5),
        tzid="UTC",
        rule=parse_rule("FREQ=HOURLY;COUNT=20003"),
        rdates=(),
        exdates=exdates,
        overrides={},
        busy="BUSY",
    )
    assert len(expand(event, epoch("2020-01-01"), epoch("2026-01-01"), limit=10)) == 3


def test_too_many_occurrences_are_refused() -> None:
    event = series("2026-07-01T10:00", "2026-07-01T11:00", "FREQ=DAILY", tzid="UTC")
    with pytest.raises(TooMany):
        expand(event, epoch("2026-07-01"), epoch("2027-07-01"), limit=50)
    assert len(expand(event, epoch("2026-07-01"), epoch("2026-08-20"), limit=50)) == 50


def test_an_unknown_zone_and_an_hourly_all_day_event_are_refused() -> None:
    with pytest.raises(UnknownTimeZone):
        series("2026-07-01T10:00", "2026-07-01T11:00", tzid="Mars/Olympus")
    with pytest.raises(BadRule):
        series("2026-07-01", "2026-07-02", "FREQ=HOURLY")


@pytest.mark.parametrize(
    "event",
    [
        series("9999-12-31T23:00", "9999-12-31T23:30", "FREQ=DAILY"),
        series("9999-12-31", "9999-12-31", "FREQ=WEEKLY;COUNT=3"),
        series("0001-01-01T00:00", "9999-12-31T00:00", "FREQ=YEARLY"),
        series("0001-01-01", "9999-12-31", "FREQ=YEARLY;COUNT=1000000000", tzid="Pacific/Kiritimati"),
    ],
)
def test_the_edges_of_the_calendar_are_no_error(event: Series) -> None:
    first, last = extent(event)
    assert last is None or last > first
    last_day(event)
    expand(event, -(10**15), epoch("0001-02-01"))
    expand(event, epoch("9999-12-30"), 10**15, limit=10**6)


def test_what_takes_time_is_what_is_busy() -> None:
    event = series(
        "2026-03-02T09:00",
        "2026-03-02T10:00",
        "FREQ=DAILY",
        overrides={"2026-03-03T09:00": ("2026-03-03T11:00", "2026-03-03T12:00")},
    )
    window = epoch("2026-03-01T00:00"), epoch("2026-03-05T00:00")
    assert utc_starts(taking(event, *window)) == ["03-02T08:00", "03-03T10:00", "03-04T08:00"]
    assert utc_starts(taking(replace(event, busy=""), *window)) == ["03-03T10:00"]


@pytest.mark.parametrize(("busy", "expected"), [("BUSY", ["BUSY"]), ("", ["BUSY-TENTATIVE"])])
def test_what_is_too_frequent_takes_all_the_time(busy: str, expected: list[str]) -> None:
    event = series(
        "2026-03-02T09:00",
        "2026-03-02T09:01",
        "FREQ=HOURLY",
        overrides={"2026-03-02T10:00": ("2026-03-02T10:00", "2026-03-02T10:01")},
    )
    window = epoch("2026-04-01T00:00"), epoch("2028-04-01T00:00")
    with pytest.raises(TooMany):
        expand(event, *window)
    found = taking(replace(event, busy=busy), *window)
    assert [(it.starts_at, it.ends_at) for it in found] == [window]
    assert [it.busy for it in found] == expected
    assert taking(replace(event, busy="", overrides={}), *window) == []
