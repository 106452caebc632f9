# SPDX-License-Identifier: GPL-3.0-or-later
"""Repetition rules that cannot be followed as they are, and what is blocked instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from importer.understand.meaning import understand
from importer.understand.recurring.repetition import MARK, MARK_UNREADABLE, Budget
from importer.understand.split import split
from scheduling.ical.recurrence import Steps
from tests.importer.understand.calendars import NOW, RULED, busy, calendar, days, one, read, vevent

Data = Callable[[str], bytes]


def test_excluded_rules_are_written_out() -> None:
    event = one(*RULED, "RRULE:FREQ=DAILY;COUNT=8", "EXRULE:FREQ=WEEKLY;BYDAY=WE,FR")
    assert days(event) == ["10-19", "10-20", "10-22", "10-24", "10-25", "10-26"]
    assert days(one(*RULED, "RRULE:FREQ=DAILY;COUNT=3", "EXRULE:FREQ=DAILY;INTERVAL=2")) == ["10-20"]
    whole = one("DTSTART;VALUE=DATE:20261019", "RRULE:FREQ=DAILY;COUNT=3", "EXRULE:FREQ=DAILY;INTERVAL=2")
    assert days(whole) == ["10-19"]
    assert "exrule-written-out" in {note.rule for note in event.notes}


@pytest.mark.parametrize("exrule", ["FREQ=SECONDLY", "nonsense"])
def test_an_excluded_rule_that_cannot_be_used_excludes_nothing(exrule: str) -> None:
    event = one(*RULED, "RRULE:FREQ=DAILY;COUNT=3", f"EXRULE:{exrule}")
    assert len(days(event)) == 3
    assert "exrule-unreadable" in {note.rule for note in event.notes}


def test_several_rules_add_up() -> None:
    event = one(*RULED, "RRULE:FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3")
    assert days(event) == ["10-19", "10-21", "10-23", "10-26"]


@pytest.mark.parametrize(
    "rule",
    ["FREQ=NEVER", "", '"";', "FREQ=NONE", "FREQ=DAILY;UNTIL=20260101T000000Z"],
)
def test_a_rule_that_says_that_nothing_repeats_leaves_the_first_occurrence(rule: str) -> None:
    found = read(calendar(vevent(*RULED, f"RRULE:{rule}"), vevent("DTSTART:20261001T080000Z", uid="good")))
    assert [event.uid for event in found.events] == ["1", "good"]
    assert days(found.events[0]) == ["10-19"]
    assert "only its first occurrence was kept" in found.warnings[0]


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY;INTERVAL=0", ["10-19", "10-20", "10-21"]),
        ("FREQ=DAILY;INTERVAL=-1", ["10-19", "10-20", "10-21"]),
        ("FREQ=DAILY;INTERVAL=1000000000000000000", ["10-19"]),
        ("FREQ=DAILY;BYMONTH=13", ["10-19", "10-20", "10-21"]),
        ("FREQ=WEEKLY;BYDAY=XX", ["10-19", "10-20", "10-21"]),
        ("FREQ=WEEKLY;BYDAY=XX;UNTIL=20261020T120000Z", ["10-19", "10-20"]),
        ("FREQ=MONTHLY;BYMONTHDAY=first", ["10-19", "10-20", "10-21"]),
        ('FREQ=WEEKLY;BYDAY="MO,MO"', ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;BYDAY=MON,THURSDAY", ["10-19", "10-22", "10-26"]),
        ("FREQ=WEEKLY;BYDAY=MO;TH", ["10-19", "10-22", "10-26"]),
        ("RRULE:RRULE:FREQ=WEEKLY;;FREQ=WEEKLY;", ["10-19", "10-26", "11-02"]),
        ("freq=week", ["10-19", "10-26", "11-02"]),
        ("FREQ=BIWEEKLY", ["10-19", "11-02", "11-16"]),
        ("FREQ=WEEKLY;COUNT=0", ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;COUNT=-1", ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;UNTIL=0000", ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;UNTIL=19700101T000000Z", ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;UNTIL=00010101T000000Z", ["10-19", "10-26", "11-02"]),
        ("FREQ=WEEKLY;UNTIL=2026-10-26", ["10-19", "10-26"]),
        ("FREQ=WEEKLY;UNTIL=20261026T090000+0100", ["10-19", "10-26"]),
        ("FREQ=WEEKLY;UNTIL=99991231T235959Z", ["10-19", "10-26", "11-02"]),
        ("FREQ=MONTHLY;BYSETPOS=1", ["10-19", "11-19", "12-19"]),
        ("FREQ=WEEKLY;BYMONTHDAY=19,20", ["10-19", "10-20", "11-19"]),
        ("FREQ=DAILY;BYDAY=1MO", ["10-19", "10-26", "11-02"]),
        ("W1 MO TH #2", ["10-19", "10-22", "10-26", "10-29"]),
        ("W2 #3", ["10-19", "11-02", "11-16"]),
        ("D2 20261023T090000", ["10-19", "10-21", "10-23"]),
        ("D1", ["10-19", "10-20"]),
        ("MP1 3+ MO #3", ["10-19", "11-16", "12-21"]),
        ("MD1 LD #2", ["10-19", "10-31"]),
        ("YM1 10 #0", ["10-19"]),
    ],
)
def test_a_rule_with_a_plain_meaning_gets_it_and_others_block_more(rule: str, first: list[str]) -> None:
    found = days(one(*RULED, f"RRULE:{rule}"))
    assert found[: len(first)] == first
    assert len(found) == len(first) or len(first) >= 3


@pytest.mark.parametrize(
    "rule", ["FREQ=SOMETIMES", "BYDAY=MO", "M5 W1", "RSCALE=CHINESE;FREQ=YEARLY", "every day"]
)
def test_a_rule_that_cannot_be_read_blocks_every_day(rule: str) -> None:
    event = one(*RULED, f"RRULE:{rule}", "EXDATE:20261020T070000Z")
    assert busy(event)[:2] == ["10-18 22:00/10-19 23:00", "10-19 22:00/10-20 23:00"]
    assert len(busy(event)) == 75
    assert event.details.description == MARK_UNREADABLE
    assert len(busy(one(*RULED, f"RRULE:{rule};UNTIL=2026-10-21"))) == 3
    assert len(busy(one("DTSTART:20261019", f"RRULE:{rule}"))) == 75


def test_the_instances_that_there_are_count_and_not_those_that_there_could_be() -> None:
    (half_hours, last, never) = (
        one("DTSTART:20261019T090000Z", "DTEND:20261019T091000Z", f"RRULE:{rule}")
        for rule in (
            "FREQ=MINUTELY;INTERVAL=20;UNTIL=20261019T094000Z",
            f"FREQ=MONTHLY;BYHOUR={HOURS};BYMINUTE={ALL};BYSETPOS=-1;UNTIL=20261101T000000Z",
            "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        )
    )
    assert busy(half_hours) == [
        "10-19 09:00/10-19 09:10",
        "10-19 09:20/10-19 09:30",
        "10-19 09:40/10-19 09:50",
    ]
    assert busy(last) == ["10-19 09:00/10-19 09:10", "10-19 23:59/10-20 00:09"]
    assert busy(never) == ["10-19 09:00/10-19 09:10"]
    assert "repetition-none" in {note.rule for note in never.notes if note.guess}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;BYDAY=MO;BYDAY=WE;COUNT=4", ["10-19", "10-21", "10-26", "10-28"]),
        ("FREQ=WEEKLY;INTERVAL=4;INTERVAL=2;COUNT=3", ["10-19", "11-02", "11-16"]),
        ("FREQ=DAILY;COUNT=2;COUNT=4", ["10-19", "10-20", "10-21", "10-22"]),
        ("FREQ=DAILY;UNTIL=20261020;UNTIL=20261022", ["10-19", "10-20", "10-21", "10-22"]),
        ("FREQ=DAILY;FREQ=DAILY;COUNT=2", ["10-19", "10-20"]),
    ],
)
def test_a_part_that_is_there_twice_repeats_as_often_as_either(rule: str, expected: list[str]) -> None:
    event = one(*RULED, f"RRULE:{rule}")
    assert days(event) == expected
    assert "repetition-mended" in {note.rule for note in event.notes}


def test_two_frequencies_block_every_day() -> None:
    event = one(*RULED, "RRULE:FREQ=WEEKLY;FREQ=MONTHLY")
    assert len(busy(event)) == 75
    assert event.details.description == MARK_UNREADABLE


@pytest.mark.parametrize("rule", ["FREQ=MONTHLY;BYDAY=6MO", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"])
def test_a_rule_without_a_second_occurrence_says_so(rule: str) -> None:
    assert "repetition-none" in {note.rule for note in one(*RULED, f"RRULE:{rule}").notes if note.guess}
    ordinary = one(*RULED, "RRULE:FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29")
    assert "repetition-none" not in {note.rule for note in ordinary.notes}


def test_a_series_since_before_1970_is_never_taken_for_one_without_repetition() -> None:
    old = one(
        "DTSTART:19600301T090000Z", "DTEND:19600301T091000Z", "RRULE:FREQ=SECONDLY;BYMONTH=3;BYMONTHDAY=1"
    )
    assert days(old) == ["03-01"]
    once = one("DTSTART:19601019T090000Z", "RRULE:FREQ=SECONDLY;BYMONTH=10;BYMONTHDAY=19;BYYEARDAY=293")
    assert "repetition-none" not in {note.rule for note in once.notes}
    assert busy(once, 2028) != []


ALL = ",".join(map(str, range(60)))
HOURS = ",".join(map(str, range(24)))


@pytest.mark.parametrize(
    ("rule", "first", "count"),
    [
        ("FREQ=SECONDLY", "10-18 22:00/10-19 23:00", 75),
        ("FREQ=MINUTELY", "10-18 22:00/10-19 23:00", 75),
        ("FREQ=HOURLY", "10-18 22:00/10-19 23:00", 75),
        ("FREQ=SECONDLY;COUNT=100000", "10-18 22:00/10-19 23:00", 2),
        ("FREQ=MINUTELY;UNTIL=20261021T120000Z", "10-18 22:00/10-19 23:00", 3),
        ("FREQ=MINUTELY;BYDAY=MO,TU;BYMONTH=10", "10-18 22:00/10-19 23:00", 4),
        (f"FREQ=WEEKLY;BYHOUR={HOURS};BYMINUTE={ALL}", "10-18 22:00/10-19 23:00", 11),
        (f"FREQ=YEARLY;BYHOUR={HOURS};BYMINUTE={ALL};BYSECOND={ALL}", "10-18 22:00/10-19 23:00", 1),
    ],
)  # fmt: skip
def test_a_rule_that_repeats_too_often_blocks_its_days(rule: str, first: str, count: int) -> None:
    found = read(calendar(vevent(*RULED, f"RRULE:{rule}"), vevent("DTSTART:20261001T080000Z", uid="good")))
    bomb, _ = found.events
    assert busy(bomb)[0] == first
    assert len(busy(bomb)) == count
    assert "every day on which it may take place was blocked" in found.warnings[0]
    assert bomb.details.description.startswith("This event repeats too often to be followed")


def test_whole_days_that_repeat_within_a_day_block_every_day() -> None:
    event = one("DTSTART;VALUE=DATE:20261019", "RRULE:FREQ=HOURLY;COUNT=60")
    assert days(event) == ["10-18", "10-19", "10-20"]


def test_an_excluding_bomb_frees_nothing() -> None:
    event = one(*RULED, "RRULE:FREQ=MINUTELY", "EXRULE:FREQ=MINUTELY")
    assert len(busy(event)) == 75


def test_exceptions_of_a_rule_that_repeats_too_often_block_beside_it() -> None:
    moved = vevent("RECURRENCE-ID:20261021T220000Z", "DTSTART:20261201T080000Z", "DTEND:20261201T090000Z")
    master = vevent(
        "DTSTART;TZID=Europe/Berlin:20261019T000000", "RRULE:FREQ=MINUTELY;UNTIL=20261022T120000Z",
        "RDATE;TZID=Europe/Berlin:20261110T090000", "EXDATE:20261020T220000Z",
    )  # fmt: skip
    (event,) = read(calendar(master, moved)).events
    assert days(event) == ["10-18", "10-19", "10-20", "10-21", "11-09", "12-01"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;X-WHAT=1;COUNT=2", 2), ("FREQ=DAILY;BYDAY=;COUNT=2", 2), ("FREQ=DAILY;COUNT=2;COUNT=5", 5),
        ("FREQ=DAILY;COUNT=1;UNTIL=20261021T220000Z", 3), ("FREQ=DAILY;COUNT=1;UNTIL=2027", 1),
        ("FREQ=DAILY;UNTIL=never", 74), ("FREQ=WEEKLY;BYDAY=MO,,TU;COUNT=3", 3),
    ],
)  # fmt: skip
def test_unusable_parts_of_a_rule_are_left_out(rule: str, expected: int) -> None:
    event = one(*RULED, f"RRULE:{rule}")
    assert len(busy(event)) == expected
    assert "repetition-mended" in {note.rule for note in event.notes}


@pytest.mark.parametrize("budget", [{"occurrences": 1000}, {"steps": Steps(20_000)}])
def test_the_repetitions_of_a_feed_are_limited_together(budget: dict[str, Any]) -> None:
    rules = ("DAILY;BYHOUR=9,12,15,18", "DAILY;BYHOUR=9,12,15,18;UNTIL=20261201T120000Z")
    parts = [
        vevent(*RULED, f"RRULE:FREQ={rule}", uid=f"{number}{rule[-1]}")
        for number in range(20)
        for rule in rules
    ]
    found = understand(
        split(calendar(*parts)), default_zone="Europe/Berlin", stored={}, now=NOW, budget=Budget(**budget)
    )
    followed = [event for event in found.events if event.series.rule]
    covered = [event for event in found.events if not event.series.rule]
    assert 0 < len(followed) < 20
    assert len(followed) + len(covered) == 40
    (ended,) = {busy(event)[0] for event in covered if event.uid.endswith("Z")}
    assert ended == "10-19 07:00/12-02 12:00"
    (endless,) = {busy(event, 2190)[0] for event in covered if event.uid.endswith("8")}
    assert endless.startswith("10-19 07:00")
    assert {event.details.description for event in covered} == {MARK}


def test_once_they_are_used_up_nothing_is_expanded_any_more() -> None:
    spent = Budget(occurrences=0)
    before = spent.steps.left
    text = calendar(vevent(*RULED, "RRULE:FREQ=DAILY;UNTIL=20261201T120000Z"))
    found = understand(split(text), default_zone="Europe/Berlin", stored={}, now=NOW, budget=spent)
    (event,) = found.events
    assert busy(event) == ["10-19 07:00/12-02 12:00"]
    assert spent.steps.left == before


def test_a_huge_count_is_only_expanded_where_needed() -> None:
    assert len(busy(one(*RULED, "RRULE:FREQ=DAILY;COUNT=1000000000"))) == 74


def test_every_rule_has_a_line_in_the_documentation() -> None:
    root = Path(__file__).parents[4]
    page = (root / "docs" / "importing.md").read_text(encoding="utf-8")
    named = {
        name
        for file in (root / "importer").rglob("*.py")
        for name in re.findall(r"(?:Note|Unusable)\(\s*\"([a-z-]+)\"", file.read_text(encoding="utf-8"))
    }
    assert len(named) > 25
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []
