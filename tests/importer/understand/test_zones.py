# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from importer.understand.zones import Zones, match
from scheduling.ical import zone_data
from scheduling.ical.timezones import vtimezone

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def definition(tzid: str) -> list[str]:
    return vtimezone(tzid, NOW.year).split("\r\n")[1:-2]


@pytest.mark.parametrize(
    "tzid",
    [
        "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/St_Johns",
        "Australia/Sydney", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo",
        "America/Sao_Paulo", "Pacific/Auckland", "Pacific/Chatham", "Africa/Casablanca",
    ],
)  # fmt: skip
def test_a_zone_is_known_again_by_its_offsets(tzid: str) -> None:
    assert match(definition(tzid), [tzid], NOW) == tzid
    other = match(definition(tzid), ["Asia/Baghdad"], NOW)
    assert other is not None
    assert match(definition(other), [tzid], NOW) == tzid


def test_the_users_own_zone_wins_among_those_that_fit() -> None:
    assert match(definition("Europe/Berlin"), ["Europe/Madrid"], NOW) == "Europe/Madrid"
    assert match(definition("Europe/Berlin"), ["Europe/London"], NOW) == "Europe/Berlin"


def test_a_definition_older_than_the_end_of_summer_time_means_the_standard_offset() -> None:
    lines = [
        "BEGIN:STANDARD", "DTSTART:20000227T000000", "TZOFFSETFROM:-0200", "TZOFFSETTO:-0300",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=3SU", "END:STANDARD",
        "BEGIN:DAYLIGHT", "DTSTART:20001008T000000", "TZOFFSETFROM:-0300", "TZOFFSETTO:-0200",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=3SU", "END:DAYLIGHT",
    ]  # fmt: skip
    assert match(lines, ["Europe/Berlin"], NOW) == "America/Sao_Paulo"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["BEGIN:STANDARD", "END:STANDARD"],
        [
            "BEGIN:STANDARD",
            "DTSTART:19700101T000000",
            "TZOFFSETFROM:+5744",
            "TZOFFSETTO:+5744",
            "END:STANDARD",
        ],
        ["BEGIN:STANDARD", "DTSTART:junk", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "END:STANDARD"],
        [
            "BEGIN:STANDARD",
            "DTSTART:19700101T000000",
            "TZOFFSETFROM:+0107",
            "TZOFFSETTO:+0107",
            "END:STANDARD",
        ],
    ],
)
def test_a_definition_that_says_nothing_matches_nothing(lines: list[str]) -> None:
    assert match(lines, ["Europe/Berlin"], NOW) is None


def test_offsets_with_seconds_and_onsets_in_the_year_one_are_read() -> None:
    lines = [
        "BEGIN:STANDARD", "DTSTART:00010101T000000", "TZOFFSETFROM:+053028", "TZOFFSETTO:+053000",
        "END:STANDARD",
    ]  # fmt: skip
    assert match(lines, [], NOW) == "Asia/Kolkata"


def test_endless_rules_in_a_definition_end() -> None:
    lines = [
        "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100",
        "RRULE:FREQ=SECONDLY", "RRULE:FREQ=YEARLY;INTERVAL=0", "END:STANDARD",
    ] * 5000  # fmt: skip
    assert match(lines, ["Africa/Algiers"], NOW) == "Africa/Algiers"


@pytest.mark.parametrize(
    ("tzid", "expected", "rule"),
    [
        ("Europe/Paris", "Europe/Paris", "zone-iana"),
        ("W. Europe Standard Time", "Europe/Berlin", "zone-alias"),
        ("UTC", "UTC", "zone-iana"),
        ("custom_Pacific/Fiji", "Pacific/Fiji", "zone-spelling"),
        ("Liar", "America/Los_Angeles", "zone-offsets"),
        ("Nowhere", "America/Chicago", "zone-of-calendar"),
        ("", "America/Chicago", "zone-of-calendar"),
        ("x" * 100_000, "America/Chicago", "zone-of-calendar"),
    ],
)
def test_names_are_tried_in_order(tzid: str, expected: str, rule: str) -> None:
    zones = Zones({"Liar": definition("America/Los_Angeles")}, "America/Chicago", "Asia/Tokyo", NOW)
    name, note = zones.resolve(tzid)
    assert (name, note.rule) == (expected, rule)
    assert note.guess == (rule not in ("zone-iana", "zone-alias"))
    assert len(note.sentence) < 300


def test_a_known_name_wins_over_a_definition_that_lies() -> None:
    zones = Zones({"Europe/Berlin": definition("UTC")}, None, "Asia/Tokyo", NOW)
    assert zones.resolve("Europe/Berlin")[0] == "Europe/Berlin"


def test_without_anything_known_the_users_zone_is_taken() -> None:
    name, note = Zones({}, "Nowhere either", "Asia/Tokyo", NOW).resolve("Nowhere")
    assert (name, note.rule) == ("Asia/Tokyo", "zone-of-subscription")
    assert "'Nowhere' is unknown and was read as Asia/Tokyo" in note.sentence


LONDON = [
    "BEGIN:STANDARD", "DTSTART:20001029T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0000",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD",
    "BEGIN:DAYLIGHT", "DTSTART:20000326T010000", "TZOFFSETFROM:+0000", "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "END:DAYLIGHT",
]  # fmt: skip


@pytest.mark.parametrize(
    "tzid", ["GMT", "UTC", "Etc/GMT", "Greenwich", "GMT0", "Zulu", "/x.example/1/Etc/UTC"]
)
def test_a_name_of_one_offset_does_not_beat_a_definition_with_summer_time(tzid: str) -> None:
    assert Zones({tzid: LONDON}, None, "Asia/Tokyo", NOW).resolve(tzid)[0] == "Europe/London"
    assert Zones({tzid: definition("UTC")}, None, "Asia/Tokyo", NOW).resolve(tzid)[0] == "UTC"
    assert Zones({}, None, "Asia/Tokyo", NOW).resolve(tzid)[0] == "UTC"


def test_places_keep_their_rules_against_outdated_definitions() -> None:
    assert Zones({"Asia/Tokyo": LONDON}, None, "Europe/Berlin", NOW).resolve("Asia/Tokyo")[0] == "Asia/Tokyo"


def changes(*rows: tuple[str, str, str]) -> list[str]:
    lines: list[str] = []
    for onset, before, after in rows:
        part = "DAYLIGHT" if after > before else "STANDARD"
        lines += [
            f"BEGIN:{part}",
            f"DTSTART:{onset}",
            f"TZOFFSETFROM:{before}",
            f"TZOFFSETTO:{after}",
            f"END:{part}",
        ]
    return lines


@pytest.mark.parametrize("year", [2019, 2026, 2031])
def test_a_definition_for_some_years_counts_for_these(year: int) -> None:
    berlin = changes(
        (f"{year}1025T030000", "+0200", "+0100"),
        (f"{year + 1}0328T020000", "+0100", "+0200"),
        (f"{year + 1}1031T030000", "+0200", "+0100"),
    )
    zones = Zones({"Season": berlin}, None, "Europe/Berlin", NOW)
    assert zones.resolve("Season")[0] == "Europe/Berlin"


def test_what_the_file_states_for_a_date_counts_there() -> None:
    odd = changes(
        ("20261101T030000", "+0300", "+0100"),
        ("20270501T020000", "+0100", "+0300"),
        ("20271101T030000", "+0300", "+0100"),
    )
    zones = Zones({"Odd": odd}, None, "Europe/Berlin", NOW)
    hours = {
        month: zones.stated("Odd", datetime(2027, month, 15, 12))  # noqa: DTZ001 (a wall clock time)
        for month in (1, 6, 12)
    }
    assert hours == {1: timedelta(hours=1), 6: timedelta(hours=3), 12: timedelta(hours=1)}
    assert zones.stated("Odd", datetime(2029, 1, 15)) is None  # noqa: DTZ001 (a wall clock time)


@pytest.mark.parametrize("offset", ["+530", "+5:30", "+05:30", "0530", "+053000"])
def test_an_offset_is_read_in_every_spelling(offset: str) -> None:
    lines = [
        "BEGIN:STANDARD", "DTSTART:19700101T000000", f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}", "END:STANDARD"
    ]  # fmt: skip
    assert match(lines, [], NOW) == "Asia/Kolkata"


def test_the_calendars_zone_is_that_of_times_without_one_unless_another_was_given() -> None:
    assert Zones({}, "Europe/Berlin", "Asia/Tokyo", NOW).floating == "Europe/Berlin"
    assert Zones({}, "Europe/Berlin", "Asia/Tokyo", NOW, is_given=True).floating == "Asia/Tokyo"
    assert Zones({"Own": LONDON}, "Own", "Asia/Tokyo", NOW).floating == "Europe/London"
    assert Zones({"Own": LONDON}, None, "Asia/Tokyo", NOW).floating == "Asia/Tokyo"
    assert Zones({"Own": LONDON}, None, "Asia/Tokyo", NOW).days == "Europe/London"
    assert Zones({}, None, "Asia/Tokyo", NOW).days == "Asia/Tokyo"


def test_all_that_decides_about_zones_is_compared() -> None:
    every = [
        Zones({}, None, "Asia/Tokyo", NOW),
        Zones({}, None, "Asia/Tokyo", NOW, is_given=True),
        Zones({}, "Europe/Berlin", "Asia/Tokyo", NOW),
        Zones({"Own": LONDON}, None, "Asia/Tokyo", NOW),
    ]
    assert len({it.context for it in every}) == len(every)
    assert all(zone_data.in_use().digest in it.context[0] for it in every)
