# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import codecs
import gzip

import pytest

from importer.errors import NotACalendar
from importer.understand.decoding import decode
from importer.understand.split import MAX_COMPONENTS, MAX_LINE, opened, split, unfolded


def calendar(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR", ""])


def event(*lines: str) -> list[str]:
    return ["BEGIN:VEVENT", *lines, "END:VEVENT"]


def reason(text: str) -> str:
    with pytest.raises(NotACalendar) as caught:
        split(text)
    return caught.value.reason


TEXT = "BEGIN:VCALENDAR\r\nSUMMARY:Büro €\r\n"


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (TEXT.encode(), None),
        (TEXT.encode(), "iso-8859-1"),
        (codecs.BOM_UTF8 + TEXT.encode(), None),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), None),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8"),
        (TEXT.encode("utf-16-le"), None),
        (TEXT.encode("utf-16-be"), None),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("cp1252"), None),
        (TEXT.encode("cp1252"), "no-such-charset"),
        (TEXT.encode("iso-8859-15"), "ISO-8859-15"),
    ],
)
def test_the_text_is_read_in_any_encoding(body: bytes, charset: str | None) -> None:
    assert decode(body, charset) == TEXT


def test_a_fold_inside_a_character_is_mended() -> None:
    body = "SUMMARY:Bü".encode()[:-1] + b"\r\n " + "ü".encode()[1:] + "ro ä".encode()
    assert [line for _, line in unfolded(decode(body, None).replace("\r\n", "\n"))] == ["SUMMARY:Büro ä"]


def test_one_bad_byte_does_not_turn_utf8_into_latin1() -> None:
    assert decode("Büro für ".encode() + b"\xff", None) == "Büro für \ufffd"


@pytest.mark.parametrize("charset", ["base64_codec", "zlib", "punycode", "unicode_escape", "idna", "rot13"])
def test_a_charset_that_is_no_charset_is_ignored(charset: str) -> None:
    assert decode(b"\xfc", charset) == "ü"


def test_what_xml_forbids_is_left_out() -> None:
    assert decode("A\x00\x01\x1f\x7f\x85\ufffe\uffffB\tC\r\n".encode(), None) == "AB\tC\r\n"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_lines_are_unfolded_whatever_ends_them(end: str) -> None:
    text = calendar(*event("SUMMARY:a", " b", "\tc", "", "UID:x")).replace("\r\n", end)
    assert split(text).events[0].lines == ("SUMMARY:abc", "UID:x")


def test_components_are_told_apart_and_located() -> None:
    feed = split(
        calendar(
            "METHOD:PUBLISH",
            "X-WR-CALNAME:Work",
            "X-WR-TIMEZONE:Europe/Paris",
            "REFRESH-INTERVAL;VALUE=DURATION:PT12H",
            *event("UID:1", "BEGIN:VALARM", "TRIGGER:-PT1H", "END:VALARM", "SUMMARY:One"),
            "",
            "BEGIN:VTIMEZONE", "TZID:Custom", "BEGIN:STANDARD", "TZOFFSETTO:+0100", "END:STANDARD",
            "END:VTIMEZONE",
            *event("UID:2"),
            "BEGIN:VTODO", "UID:3", "END:VTODO", "BEGIN:X-THING", "BEGIN:X-PART", "END:X-PART", "END:X-THING",
        )
    )  # fmt: skip
    assert (feed.method, feed.name, feed.time_zone, feed.refresh) == (
        "PUBLISH",
        "Work",
        "Europe/Paris",
        "PT12H",
    )
    assert [(block.line, block.lines) for block in feed.events] == [
        (6, ("UID:1", "SUMMARY:One")),
        (20, ("UID:2",)),
    ]
    assert feed.zones["Custom"] == ("TZID:Custom", "BEGIN:STANDARD", "TZOFFSETTO:+0100", "END:STANDARD")
    assert feed.others == {"VTODO": 1, "X-THING": 1}


def test_names_are_read_in_any_case_and_calendars_may_follow_each_other() -> None:
    text = "begin:vcalendar\nBegin:Vevent\nuid:1\nend:vevent\nend:vcalendar\n" + calendar(*event("UID:2"))
    assert [block.lines for block in split(text).events] == [("uid:1",), ("UID:2",)]


def test_an_event_that_is_not_closed_is_skipped_alone() -> None:
    feed = split(calendar("BEGIN:VEVENT", "UID:open", *event("UID:whole")))
    assert [block.lines for block in feed.events] == [("UID:whole",)]
    assert [(skipped.line, skipped.uid) for skipped in feed.skipped] == [(2, "open")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "no-content"),
        ("\n" * 100, "no-content"),
        ("<!DOCTYPE html><html>Sign in</html>", "html"),
        ("  <html>", "html"),
        ('{"error": "gone"}', "json"),
        ("[]", "json"),
        ("BEGIN:VEVENT\nEND:VEVENT", "not-a-calendar"),
        ("hello", "not-a-calendar"),
        ("BEGIN:VCALENDAR", "truncated"),
        (calendar(*event("UID:1"))[:-20], "truncated"),
        (calendar(*event("UID:1")) + "BEGIN:VCALENDAR\n", "truncated"),
        (calendar(*["BEGIN:X-A"] * 100), "nesting"),
    ],
)
def test_what_is_no_whole_calendar_has_a_reason(text: str, code: str) -> None:
    assert reason(text) == code


@pytest.mark.parametrize(
    "body",
    [*(gzip.compress(calendar().encode(), mtime=ord(it)) for it in "a[<P"), b"PK\x03\x04\x14\0"],
)
def test_what_is_packed_is_an_archive_whatever_its_octets_look_like(body: bytes) -> None:
    with pytest.raises(NotACalendar) as refused:
        opened(body, None)
    assert refused.value.reason == "archive"


def test_a_calendar_without_events_is_a_calendar() -> None:
    assert split(calendar()).events == ()


def test_events_nested_five_thousand_deep_leave_one() -> None:
    feed = split(calendar(*["BEGIN:VEVENT"] * 5000, "UID:last", *["END:VEVENT"] * 5000))
    assert [block.lines for block in feed.events] == [("UID:last",)]


def test_the_number_of_components_is_limited() -> None:
    assert reason(calendar(*event() * (MAX_COMPONENTS + 1))) == "too-many-components"


def test_long_lines_and_many_folds_are_cut_to_a_bounded_length() -> None:
    long = split(calendar(*event("DESCRIPTION:" + "x" * 5_000_000)))
    folded = split(calendar(*event("DESCRIPTION:", *[" x"] * 1_100_000)))
    assert len(long.events[0].lines[0]) == len(folded.events[0].lines[0]) == MAX_LINE


def test_a_million_blank_lines_do_not_shift_the_line_numbers() -> None:
    assert split("\n" * 1_000_000 + calendar(*event("UID:1"))).events[0].line == 1_000_002


def test_a_folded_begin_shifts_no_line_number() -> None:
    text = calendar(*event("UID:1"), "BEG", " IN:VEVENT", "UID:2", "END:VEVENT", "", *event("UID:3"))
    assert [(block.line, block.lines) for block in split(text).events] == [
        (2, ("UID:1",)),
        (5, ("UID:2",)),
        (10, ("UID:3",)),
    ]


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "utf-32"])
def test_a_charset_that_cannot_be_is_not_believed(charset: str) -> None:
    body = "BEGIN:VCALENDAR\r\nX-WR-CALNAME:é\r\nEND:VCALENDAR\r\n".encode()
    assert split(decode(body, charset)).name == "é"
