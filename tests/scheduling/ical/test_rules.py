# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a recurrence rule, and what is refused before it can cost anything."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from scheduling.ical.errors import BadRule, TooFrequent
from scheduling.ical.rules import Frequency, Rule, parse_rule

HOURS = ",".join(map(str, range(24)))
SIXTY = ",".join(map(str, range(60)))
EVERY_DAY = ",".join(map(str, range(1, 367)))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=MO"),
        ("rrule:freq=weekly;byday=we,mo,mo;", "FREQ=WEEKLY;BYDAY=MO,WE"),
        (" INTERVAL=1 ; FREQ=DAILY ; WKST=MO ", "FREQ=DAILY"),
        ("COUNT=5;FREQ=DAILY;INTERVAL=02", "FREQ=DAILY;COUNT=5;INTERVAL=2"),
        ("FREQ=MONTHLY;BYDAY=-1FR,+2MO;WKST=SU", "FREQ=MONTHLY;BYDAY=-1FR,2MO;WKST=SU"),
        ("FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231"),
        ("FREQ=DAILY;UNTIL=20261231T225959Z", "FREQ=DAILY;UNTIL=20261231T225959Z"),
        ("FREQ=DAILY;UNTIL=20261231T225959", "FREQ=DAILY;UNTIL=20261231T225959"),
        (
            "FREQ=YEARLY;BYSETPOS=-1;BYMINUTE=0,30;BYHOUR=9;BYMONTHDAY=-1,15;BYYEARDAY=-366;BYWEEKNO=53;BYMONTH=12",
            "FREQ=YEARLY;BYMONTH=12;BYWEEKNO=53;BYYEARDAY=-366;BYMONTHDAY=-1,15;BYHOUR=9;BYMINUTE=0,30;BYSETPOS=-1",
        ),
    ],
)
def test_canonical_text(written: str, canonical: str) -> None:
    rule = parse_rule(written)
    assert rule.text() == canonical
    assert parse_rule(rule.text()) == rule


def test_until_keeps_its_kind() -> None:
    assert parse_rule("FREQ=DAILY;UNTIL=20261231").until == date(2026, 12, 31)
    utc = parse_rule("FREQ=DAILY;UNTIL=20261231T225959Z").until
    assert utc == datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
    local = parse_rule("FREQ=DAILY;UNTIL=20261231T225959").until
    assert isinstance(local, datetime)
    assert local.tzinfo is None


def test_fields() -> None:
    assert parse_rule("FREQ=MONTHLY;BYDAY=-1SU,MO;INTERVAL=3") == Rule(
        freq=Frequency.MONTHLY, interval=3, byday=((-1, 6), (0, 0))
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "unknown part"),
        (";", "unknown part"),
        ("INTERVAL=2", "FREQ is missing"),
        ("FREQ=FORTNIGHTLY", "unknown FREQ"),
        ("FREQ=DAILY;FOO=1", "unknown part 'FOO'"),
        ("FREQ=DAILY;X-FOO=1", "unknown part"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=DAILY;COUNT=", "COUNT has no value"),
        ("FREQ=DAILY;;COUNT=1", "unknown part"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1000001", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1000000000000000000", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=٣", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1_0", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=" + "9" * 5000, "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261231", "cannot be used together"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261231T250000Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2026-12-31", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261231\n", None),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTHDAY=0", "BYMONTHDAY cannot be 0"),
        ("FREQ=YEARLY;BYYEARDAY=-367", "BYYEARDAY"),
        ("FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=60", "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=61", "BYSECOND"),
        ("FREQ=MONTHLY;BYDAY=0MO", "ordinal 0"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=MO,", "BYDAY"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
        ("FREQ=MONTHLY;BYSETPOS=1", "another BY part"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS cannot be 0"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "ordinal"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "ordinal"),
        ("FREQ=MONTHLY;BYMONTHDAY=" + ",".join(["1"] * 401), "more than 400 values"),
        ("FREQ=DAILY;" * 10_000, "longer than"),
    ],
)
def test_what_is_wrong_is_named(written: str, said: str | None) -> None:
    if said is None:  # surrounding white space is tolerated
        assert parse_rule(written)
        return
    with pytest.raises(BadRule) as raised:
        parse_rule(written)
    assert said in raised.value.reason
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    "written",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=57",
        "FREQ=HOURLY;BYMINUTE=0,30",
        f"FREQ=DAILY;BYHOUR={HOURS};BYMINUTE=0,30",
        f"FREQ=YEARLY;BYYEARDAY={EVERY_DAY};BYHOUR={HOURS};BYMINUTE={SIXTY};BYSECOND={SIXTY}",
        f"FREQ=WEEKLY;BYSECOND={SIXTY}",
    ],
)
def test_more_than_24_instances_a_day_are_refused(written: str) -> None:
    with pytest.raises(TooFrequent) as raised:
        parse_rule(written)
    assert raised.value.per_day > raised.value.allowed == 24


@pytest.mark.parametrize(
    "written",
    [
        "FREQ=HOURLY",
        "FREQ=MINUTELY;INTERVAL=60",
        "FREQ=SECONDLY;INTERVAL=3600",
        "FREQ=MINUTELY;BYHOUR=9,17;BYMINUTE=0",
        "FREQ=HOURLY;INTERVAL=2;BYMINUTE=0,30",
        f"FREQ=DAILY;BYHOUR={HOURS}",
    ],
)
def test_24_instances_a_day_are_accepted(written: str) -> None:
    assert parse_rule(written)
