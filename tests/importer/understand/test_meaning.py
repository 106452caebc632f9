# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable

import pytest

from importer.understand import group
from importer.understand.decoding import decode
from importer.understand.split import split
from tests.importer.understand.calendars import RULED, busy, calendar, days, one, read, vevent

Data = Callable[[str], bytes]


def test_a_google_calendar_across_the_end_of_summer_time(data: Data) -> None:
    found = read(decode(data("google.ics"), None))
    stand_up, fair = found.events
    assert busy(stand_up) == [
        "10-05 07:00/10-05 07:30",
        "10-19 13:00/10-19 14:00",
        "11-02 08:00/11-02 08:30",
        "11-09 08:00/11-09 08:30",
    ]
    assert [details.summary for details in stand_up.overrides.values()] == ["Stand-up (afternoon)"]
    assert stand_up.details.location == "Room 1, first floor"
    assert (fair.all_day, fair.details.busy, fair.details.transparency, fair.details.url) == (
        True,
        "",
        "TRANSPARENT",
        "",
    )
    assert found.warnings == found.skipped == ()


def test_an_outlook_calendar_with_every_kind_of_time_zone_name(data: Data) -> None:
    found = read(decode(data("outlook.ics"), None))
    named, custom, endless, unknown = found.events
    assert busy(named) == ["11-02 17:00/11-02 18:00"]
    assert busy(custom) == ["10-30 13:00/10-30 14:00", "11-06 14:00/11-06 15:00"]
    assert busy(endless) == []
    assert busy(unknown) == ["11-02 08:00/11-02 09:00"]
    assert [event.details.busy for event in found.events] == [
        "BUSY-UNAVAILABLE",
        "BUSY-TENTATIVE",
        "",
        "BUSY",
    ]
    assert [warning for warning in found.warnings if "America/New_York" in warning]
    assert [warning for warning in found.warnings if "unknown" in warning and "Europe/Berlin" in warning]


def test_broken_events_are_skipped_with_line_and_reason_and_the_rest_goes_on(data: Data) -> None:
    found = read(decode(data("broken.ics"), None))
    assert [event.uid for event in found.events] == ["year-9999", "good-1", "good-2"]
    assert {(skipped.uid, skipped.line) for skipped in found.skipped} == {
        ("no-start", 4), ("month-13", 8), ("year-1", 12), ("all-excluded", 21),
        ("not-closed", 26),
    }  # fmt: skip
    assert all(skipped.reason.endswith(".") for skipped in found.skipped)
    assert found.warnings == (
        "It ends after the year 2200 and was cut off there. (line 16)",
        "A line is not written correctly and was read by its meaning. (line 29)",
    )


def test_an_event_that_can_no_longer_be_read_stays_as_it_was(data: Data) -> None:
    found = read(
        decode(data("broken.ics"), None), stored={"month-13": "old", "not-closed": "old", "other": "old"}
    )
    assert found.seen["month-13"] == found.seen["not-closed"] == "old"
    assert "other" not in found.seen
    assert "year-1" not in found.seen


def test_only_new_and_changed_events_are_read(data: Data) -> None:
    text = decode(data("google.ics"), None)
    first = read(text)
    again = read(text, stored=first.seen)
    assert (again.events, again.seen) == ((), first.seen)
    changed = read(text.replace("SUMMARY:Fair", "SUMMARY:Trade fair"), stored=first.seen)
    assert [event.uid for event in changed.events] == ["fair@google.com"]


def test_an_event_alone_hashes_like_the_group_it_makes(data: Data) -> None:
    feed = split(decode(data("outlook.ics"), None))
    hasher = group.Hasher(("Europe/Berlin", ""), feed.zones)
    for uid, blocks in group.bundles(feed.events).items():
        assert [hasher.of_block(block) for block in blocks] == [
            hasher.of(it) for it in group.groups(uid, blocks)
        ]
    assert len({hasher.of_block(block) for block in feed.events}) == len(feed.events)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("DTSTAMP:20261001T080000Z", "DTSTAMP:20261002T080000Z"),
        ("LAST-MODIFIED:20260930", "LAST-MODIFIED:20261001"),
        ("SEQUENCE:2", "SEQUENCE:7"),
        ("PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED"),
        ("STATUS:CONFIRMED\r\nSUMMARY:Stand-up\r\n", "SUMMARY:Stand-up\r\nSTATUS:CONFIRMED\r\n"),
    ],
)
def test_what_changes_with_every_fetch_does_not_change_the_hash(data: Data, before: str, after: str) -> None:
    text = decode(data("google.ics"), None)
    assert before in text
    assert read(text.replace(before, after)).seen == read(text).seen


def test_what_decides_the_times_changes_the_hash(data: Data) -> None:
    text = decode(data("outlook.ics"), None)
    seen = read(text).seen
    other_zone = read(text, zone="Europe/London").seen
    assert all(other_zone[uid] != seen[uid] for uid in seen)
    redefined = read(
        text.replace("TZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500", "TZOFFSETFROM:-0400\r\nTZOFFSETTO:-0600")
    ).seen
    assert {uid.rpartition("-")[2] for uid in seen if redefined[uid] != seen[uid]} == {"custom"}


def test_an_event_without_uid_gets_the_same_one_every_time() -> None:
    text = calendar("BEGIN:VEVENT", "SUMMARY:A", "DTSTART:20261001T080000Z", "END:VEVENT")
    (uid,) = read(text).seen
    assert uid.endswith("@no-uid")
    assert list(read(text.replace("END:VEVENT", "DTSTAMP:20261001T080000Z\nEND:VEVENT")).seen) == [uid]


@pytest.mark.parametrize(
    "uid", ["a" * 256, "tab\there", "line\\nbreak", "../../etc/passwd", "a%2Fb", "ü" * 255]
)
def test_odd_uids_are_kept_when_harmless_and_hashed_otherwise(uid: str) -> None:
    (stored,) = read(calendar(vevent("DTSTART:20261001T080000Z", uid=uid))).seen
    assert len(stored) <= 255
    assert stored.isprintable()
    assert (stored == uid) == (uid in ("../../etc/passwd", "a%2Fb", "ü" * 255))


def test_several_events_under_one_uid_are_all_kept_and_twins_count_once() -> None:
    first = vevent("DTSTART:20261001T080000Z")
    second = vevent("DTSTART:20261002T080000Z")
    found = read(calendar(first, second, first))
    assert len(found.events) == 2
    assert read(calendar(second, first)).seen == found.seen
    assert "Several events have the same UID" in found.warnings[0]


def test_the_newer_of_two_versions_counts() -> None:
    old = vevent("DTSTART:20261001T080000Z", "SEQUENCE:1")
    new = vevent("DTSTART:20261002T080000Z", "SEQUENCE:2")
    (event,) = read(calendar(new, old)).events
    assert busy(event) == ["10-02 08:00/10-02 08:00"]


@pytest.mark.parametrize(
    ("lines", "effect"),
    [
        ((), "BUSY"),
        (("STATUS:CANCELLED",), ""),
        (("TRANSP:TRANSPARENT",), ""),
        (("transp:transparent",), ""),
        (("X-MICROSOFT-CDO-BUSYSTATUS:FREE",), ""),
        (("X-MICROSOFT-CDO-BUSYSTATUS:OOF",), "BUSY-UNAVAILABLE"),
        (("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE",), "BUSY"),
        (("STATUS:TENTATIVE",), "BUSY-TENTATIVE"),
        (("STATUS:TENTATIVE", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"), "BUSY-UNAVAILABLE"),
        (("STATUS:NEEDS-ACTION",), "BUSY"),
    ],
)
def test_what_blocks(lines: tuple[str, ...], effect: str) -> None:
    assert one("DTSTART:20261001T080000Z", *lines).series.busy == effect


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("DTSTART:20261001T080000Z", "DTEND:20261001T090000Z"), "10-01 08:00/10-01 09:00"),
        (("DTSTART:20261001T080000", "DTEND:20261001T090000"), "10-01 06:00/10-01 07:00"),
        (("DTSTART;TZID=Asia/Tokyo:20261001T180000", "DTEND:20261001T190000"), "10-01 09:00/10-01 10:00"),
        (("DTSTART;TZID=Europe/Berlin:20261001T080000", "DTEND:20261001T070000Z"), "10-01 06:00/10-01 07:00"),
        (("DTSTART;VALUE=DATE:20261001",), "09-30 22:00/10-01 22:00"),
        (("DTSTART:20261001", "DTEND:20261001"), "09-30 22:00/10-01 22:00"),
        (("DTSTART;VALUE=DATE:20261024", "DTEND;VALUE=DATE:20261026"), "10-23 22:00/10-25 23:00"),
        (("DTSTART;VALUE=DATE:20261001", "DURATION:P2D"), "09-30 22:00/10-02 22:00"),
        (("DTSTART;VALUE=DATE:20261001", "DURATION:PT36H"), "09-30 22:00/10-02 22:00"),
        (("DTSTART;VALUE=DATE:20261001", "DTEND:20261002T120000"), "09-30 22:00/10-02 22:00"),
        (("DTSTART;TZID=Europe/Berlin:20261024T120000", "DURATION:P1D"), "10-24 10:00/10-25 11:00"),
        (("DTSTART;TZID=Europe/Berlin:20261024T120000", "DURATION:PT24H"), "10-24 10:00/10-25 10:00"),
        (("DTSTART:20261001T080000Z", "DURATION:P1DT1H"), "10-01 08:00/10-02 09:00"),
        (("DTSTART:20261001T2300", "DTEND:20261002T0000"), "10-01 21:00/10-01 22:00"),
        (("DTSTART;TZID=Europe/Berlin:20270328T023000", "DURATION:PT1H"), "03-28 01:30/03-28 02:30"),
        (("DTSTART;TZID=Europe/Berlin:20261025T023000", "DURATION:PT1H"), "10-25 00:30/10-25 01:30"),
    ],
)  # fmt: skip
def test_when_a_single_event_takes_place(lines: tuple[str, ...], expected: str) -> None:
    event = one(*lines)
    assert busy(event, event.series.start.year) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        (), ("DTEND:20261001T080000Z",), ("DTEND:20260901T080000Z",), ("DURATION:-PT1H",),
    ],
)  # fmt: skip
def test_an_event_without_a_sensible_end_is_a_point_in_time(lines: tuple[str, ...]) -> None:
    event = one("DTSTART:20261001T080000Z", *lines)
    assert event.series.start == event.series.end
    assert len(busy(event)) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ("DURATION:P",), ("DURATION:P999999999999999999W",), ("DURATION:P3000000D",), ("DURATION:soon",),
        ("DTEND:NaNNaNNaN",), ("DTEND:",), ("DTEND;TZID=Europe/Paris:Invalid Date",), ("DTEND:2026-13-40T25",),
        ("DTEND:undefined", "DURATION:next week"),
    ],
)  # fmt: skip
def test_an_event_whose_end_cannot_be_read_blocks_the_rest_of_its_day(lines: tuple[str, ...]) -> None:
    assert busy(one("DTSTART:20261001T180000Z", *lines)) == ["10-01 18:00/10-01 22:00"]
    assert busy(one("DTSTART:20261001T214500Z", *lines)) == ["10-01 21:45/10-01 22:45"]
    assert busy(one("DTSTART:20261001", *lines)) == ["09-30 22:00/10-01 22:00"]
    (rule,) = [it for it in one("DTSTART:20261001", *lines).notes if it.rule.endswith("unreadable")]
    assert "until the end of the day" in rule.sentence


def test_a_duration_counts_where_the_end_beside_it_cannot_be_read() -> None:
    event = one("DTSTART:20261001T180000Z", "DTEND:NaN", "DURATION:PT30M")
    assert busy(event) == ["10-01 18:00/10-01 18:30"]


def test_an_end_beyond_the_years_that_are_kept_is_cut_off() -> None:
    event = one("DTSTART:20261001T180000Z", "DTEND:99991231T235959Z")
    assert busy(event, 2200)[0].startswith("10-01 18:00/12-31")
    assert "end-outside" in {note.rule for note in event.notes}


@pytest.mark.parametrize(
    "until",
    ["20261102", "20261102T080000Z", "20261102T090000", "20261102T225959Z"],
)
def test_until_in_every_form_includes_the_last_instance(until: str) -> None:
    event = one(*RULED, f"RRULE:FREQ=WEEKLY;UNTIL={until}")
    assert busy(event) == ["10-19 07:00/10-19 08:00", "10-26 08:00/10-26 09:00", "11-02 08:00/11-02 09:00"]


@pytest.mark.parametrize("until", ["20261021", "20261021T000000Z", "20261020T220000Z", "20261021T120000"])
def test_until_of_whole_days_in_every_form(until: str) -> None:
    event = one("DTSTART;VALUE=DATE:20261019", f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert len(busy(event)) == 3


def test_until_before_the_start_leaves_the_first() -> None:
    assert days(one(*RULED, "RRULE:FREQ=DAILY;UNTIL=20260101T000000Z")) == ["10-19"]


@pytest.mark.parametrize(
    "exdate",
    [
        "EXDATE;TZID=Europe/Berlin:20261020T090000", "EXDATE:20261020T070000Z", "EXDATE:20261020T090000",
        "EXDATE;VALUE=DATE:20261020", "EXDATE:20261020", "EXDATE;TZID=America/New_York:20261020T030000",
        "EXDATE:20261020T070000Z,junk,20261020T070000Z",
    ],
)  # fmt: skip
def test_an_excluded_date_in_every_form(exdate: str) -> None:
    assert days(one(*RULED, "RRULE:FREQ=DAILY;COUNT=3", exdate)) == ["10-19", "10-21"]


@pytest.mark.parametrize(
    "exdate", ["EXDATE;VALUE=DATE:20261020", "EXDATE:20261020T000000Z", "EXDATE:20261019T220000Z"]
)
def test_an_excluded_whole_day_in_every_form(exdate: str) -> None:
    event = one("DTSTART;VALUE=DATE:20261019", "RRULE:FREQ=DAILY;COUNT=3", exdate)
    assert days(event) == ["10-18", "10-20"]


def test_further_dates_and_periods() -> None:
    event = one(
        *RULED,
        "RDATE;TZID=Europe/Berlin:20261020T090000,20261021T120000",
        "RDATE;VALUE=PERIOD:20261022T100000Z/20261022T130000Z,20261023T100000Z/PT30M",
    )
    assert busy(event) == [
        "10-19 07:00/10-19 08:00",
        "10-20 07:00/10-20 08:00",
        "10-21 10:00/10-21 11:00",
        "10-22 10:00/10-22 13:00",
        "10-23 10:00/10-23 10:30",
    ]


@pytest.mark.parametrize(
    "identifier",
    [
        "RECURRENCE-ID;TZID=Europe/Berlin:20261020T090000", "RECURRENCE-ID:20261020T070000Z",
        "RECURRENCE-ID;VALUE=DATE:20261020",
        "RECURRENCE-ID;TZID=Asia/Tokyo:20261020T160000",
    ],
)  # fmt: skip
def test_a_moved_instance_replaces_its_original_in_every_form(identifier: str) -> None:
    moved = vevent(identifier, "DTSTART:20261020T150000Z", "DTEND:20261020T160000Z", "SUMMARY:Moved")
    master = vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=3")
    for parts in ((master, moved), (moved, master)):
        found = read(calendar(*parts))
        assert busy(found.events[0])[1] == "10-20 15:00/10-20 16:00"
        assert len(busy(found.events[0])) == 3


def test_a_cancelled_instance_does_not_take_place() -> None:
    cancelled = vevent("RECURRENCE-ID:20261020T070000Z", "STATUS:CANCELLED", "DTSTART:20261020T070000Z")
    (event,) = read(calendar(vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=3"), cancelled)).events
    assert days(event) == ["10-19", "10-21"]
    assert event.overrides == {}


def test_a_changed_instance_that_only_says_free_does_not_block() -> None:
    free = vevent("RECURRENCE-ID:20261020T070000Z", "TRANSP:TRANSPARENT")
    (event,) = read(calendar(vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=3"), free)).events
    assert days(event) == ["10-19", "10-21"]


def test_a_changed_instance_of_no_series_blocks_too() -> None:
    orphan = vevent("RECURRENCE-ID:20261030T070000Z", "DTSTART:20261031T070000Z", "DTEND:20261031T080000Z")
    (event,) = read(calendar(vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=2"), orphan)).events
    assert days(event) == ["10-19", "10-20", "10-31"]


def test_instances_without_their_series_are_kept() -> None:
    parts = [
        vevent(
            f"RECURRENCE-ID:202610{day}T070000Z",
            f"DTSTART:202610{day}T080000Z",
            f"DTEND:202610{day}T0{end}0000Z",
            *more,
        )
        for day, end, more in ((21, 9, ()), (20, 9, ("STATUS:CANCELLED",)), (22, 9, ("SUMMARY:Last",)))
    ]
    (event,) = read(calendar(*parts)).events
    assert busy(event) == ["10-21 08:00/10-21 09:00", "10-22 08:00/10-22 09:00"]
    assert [details.summary for details in event.overrides.values()] == ["Last"]


def test_an_instance_that_became_a_whole_day_blocks_it() -> None:
    whole = vevent(
        "RECURRENCE-ID:20261020T070000Z", "DTSTART;VALUE=DATE:20261020", "DTEND;VALUE=DATE:20261021"
    )
    (event,) = read(calendar(vevent(*RULED, "RRULE:FREQ=DAILY;COUNT=2"), whole)).events
    assert busy(event)[1] == "10-19 22:00/10-20 22:00"


def test_lists_of_dates_are_capped() -> None:
    dates = ",".join(
        f"{year}{month:02}{day:02}T090000"
        for year in range(1950, 2000)
        for month in range(1, 13)
        for day in range(1, 29)
    )
    event = one(*RULED, f"RDATE:{dates}", f"EXDATE:{dates.replace('T09', 'T10')}")
    assert (len(event.series.rdates), len(event.series.exdates)) == (5000, 5000)
    assert {note.rule for note in event.notes} >= {"rdates-capped", "exdates-capped"}


def test_floating_times_and_whole_days_are_the_users() -> None:
    assert busy(one("DTSTART:20261001T080000", "DURATION:PT1H", zone="Asia/Tokyo")) == [
        "09-30 23:00/10-01 00:00"
    ]
    assert busy(one("DTSTART;VALUE=DATE:20261001", zone="Asia/Tokyo")) == ["09-30 15:00/10-01 15:00"]


def test_an_unknown_zone_is_the_calendars_before_it_is_the_users() -> None:
    (event,) = read(
        calendar(
            "X-WR-TIMEZONE:America/Chicago",
            vevent("DTSTART;TZID=Nowhere/Land:20261001T080000", "DURATION:PT1H"),
        )
    ).events
    assert busy(event) == ["10-01 13:00/10-01 14:00"]
    assert [note.sentence for note in event.notes if "America/Chicago" in note.sentence]


def test_a_guess_about_a_zone_is_reported_as_long_as_it_is_made() -> None:
    text = calendar(vevent("DTSTART;TZID=Nowhere/Land:20261001T080000"))
    first = read(text)
    assert read(text, stored=first.seen).warnings == first.warnings != ()


def test_texts_lose_their_escapes_and_length() -> None:
    event = one(
        "DTSTART:20261001T080000Z",
        "SUMMARY;LANGUAGE=en:A\\, b\\; c\\\\d\\ne",
        "DESCRIPTION:" + "x" * 50_000,
        "CATEGORIES:One,Two\\, too",
        "CATEGORIES:Three",
        "URL:https://example.com/a?b=1,2;3",
    )
    assert event.details.summary == "A, b; c\\d e"
    assert len(event.details.description) == 32_000
    assert event.details.categories == ("One", "Two, too", "Three")
    assert event.details.url == "https://example.com/a?b=1,2;3"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc", "\\\\host\\share", "https://a b", "data:,x"]
)
def test_links_that_are_not_web_addresses_are_left_out(url: str) -> None:
    assert one("DTSTART:20261001T080000Z", f"URL:{url}").details.url == ""
