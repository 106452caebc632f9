# SPDX-License-Identifier: GPL-3.0-or-later
"""Text goes out so that every reader gets back what was put in, and nothing else."""

from __future__ import annotations

import io
from datetime import date, datetime
from xml.etree import ElementTree as ET

import icalendar
import pytest
import vobject
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduling.ical import text

# Characters that mean something to iCalendar, folding, XML or line splitting, among any others.
AWKWARD = st.sampled_from(
    '\\;,:"^ \t\r\n\x00\x01\x0b\x0c\x1c\x7f\x85\u2028\u2029\ufeff\ufffe\uffff\ud800é漢🗓nN='
)
ANYTHING = st.lists(AWKWARD | st.characters(exclude_categories=()), max_size=200).map("".join)


def event(*lines: str) -> str:
    """Return a calendar with one event that holds the content lines."""
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    tail = "DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    return head + "".join(lines) + tail


@settings(derandomize=True, deadline=None, max_examples=300)
@given(ANYTHING)
@example("x\r\nRRULE:FREQ=SECONDLY")
@example("\nBEGIN:VALARM\n")
@example("C:\\new\\;,")
@example(" " * 200)
@example("🗓" * 60)
def test_any_text_reads_back_as_its_clean_form(value: str) -> None:
    written = event(text.line("DESCRIPTION", text.escape(value)))
    (parsed,) = icalendar.Calendar.from_ical(written).walk("VEVENT")
    assert str(parsed["DESCRIPTION"]) == text.clean(value)
    assert list(parsed) == ["UID", "DESCRIPTION", "DTSTAMP", "DTSTART"]
    assert not parsed.subcomponents


@settings(derandomize=True, deadline=None, max_examples=200)
@given(ANYTHING)
def test_vobject_reads_the_same_text(value: str) -> None:
    written = event(text.line("DESCRIPTION", text.escape(value)))
    parsed = vobject.readOne(io.StringIO(written, newline=""))
    assert parsed.vevent.description.value == text.clean(value)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(ANYTHING)
def test_physical_lines_are_short_and_valid_utf8(value: str) -> None:
    line = text.line("SUMMARY", text.escape(value))
    assert line.endswith("\r\n")
    physical = line.removesuffix("\r\n").encode().split(b"\r\n")
    assert all(len(octets) <= 75 for octets in physical)
    assert all(octets.startswith(b" ") for octets in physical[1:])
    for octets in physical:
        octets.decode()
    assert "".join(p.decode()[bool(i) :] for i, p in enumerate(physical)) == "SUMMARY:" + text.escape(value)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(ANYTHING)
def test_clean_text_is_stable_and_fits_xml(value: str) -> None:
    cleaned = text.clean(value)
    assert text.clean(cleaned) == cleaned
    element = ET.Element("a")
    element.text = cleaned
    assert ET.fromstring(ET.tostring(element)).text == (cleaned or None)  # noqa: S314  (our own text)


@pytest.mark.parametrize("breaking", ["\n", "\r", "\r\n"])
def test_a_raw_line_break_is_refused(breaking: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        text.fold(f"SUMMARY:a{breaking}RRULE:FREQ=DAILY")


def test_a_line_of_exactly_75_octets_is_not_folded() -> None:
    assert text.fold("a" * 75) == "a" * 75 + "\r\n"
    assert text.fold("a" * 76) == "a" * 75 + "\r\n a\r\n"


def test_the_forms_of_date_and_time() -> None:
    assert text.utc(1795212900) == "20261120T221500Z"
    assert text.local(datetime.fromisoformat("0031-02-03T04:05:06")) == "00310203T040506"
    assert text.day(date(2026, 11, 20)) == "20261120"
