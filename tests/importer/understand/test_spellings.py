# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates and times as programs write them, one spelling each."""

from __future__ import annotations

import pytest

from importer.understand.spellings import read


@pytest.mark.parametrize(
    "value",
    [
        "2027-03-05T071500Z", "2027-03-05T07:15:00Z", "2027-03-05 07:15Z", "20270305T071500.000Z", "20270305T071500z",
        "20270305T081500+0100", "2027-03-05T08:15:00+01:00", "2027-03-05T08:15:00.1234567+01", "20270305T071500 UTC",
        "20270305T071500GMT", "20270305T081500 GMT+1", "1804230900", "1804230900000",
        "Fri Mar 05 2027 08:15:00 GMT+0100 (Central European Standard Time)", "Fri, 05 Mar 2027 08:15:00 +0100",
        "5 March 2027 07:15 UTC", "2027/3/5 7:15Z", '"20270305T071500Z"',
    ],
)  # fmt: skip
def test_an_instant(value: str) -> None:
    found = read(value)
    assert found is not None
    assert found.text() == "20270305T071500Z"


@pytest.mark.parametrize(
    "value",
    [
        "2027-03-05T071500", "2027-03-05 07:15", "20270305 071500", "20270305T71500", "20270305T715", "202703050715",
        "20270305071500", "05.03.2027 07:15", "5. 3. 2027 7:15", "2027.03.05 07.15", "2027-3-5T7:15", "20270305-0715",
        "March 5, 2027 7:15 AM", "05-Mar-2027 07:15:00", "20270305T07:15:00", "20270305T071500,5",
    ],
)  # fmt: skip
def test_a_time_on_the_clock(value: str) -> None:
    found = read(value)
    assert found is not None
    assert (found.text(), found.zone) == ("20270305T071500", "")


@pytest.mark.parametrize(
    "value",
    ["2027-03-05", "2027/03/05", "05.03.2027", "VALUE=DATE:20270305", "5 Mar 2027", "20270305T", "20270305Z"],
)
def test_a_day(value: str) -> None:
    found = read(value)
    assert found is not None
    assert found.text() == "20270305"


@pytest.mark.parametrize(
    ("value", "text", "zone"),
    [
        ("TZID=Asia/Tokyo:20270305T071500", "20270305T071500", "Asia/Tokyo"),
        ("20270305T071500[Asia/Tokyo]", "20270305T071500", "Asia/Tokyo"),
        ("2027-03-05 07:15 Asia/Tokyo", "20270305T071500", "Asia/Tokyo"),
        ("20270305T240000", "20270306T000000", ""),
        ("03/25/2027 07:15 PM", "20270325T191500", ""),
        ("25/03/2027 12:15am", "20270325T001500", ""),
        ("03/03/2027", "20270303", ""),
    ],
)
def test_zones_and_clocks(value: str, text: str, zone: str) -> None:
    found = read(value)
    assert found is not None
    assert (found.text(), found.zone) == (text, zone)


@pytest.mark.parametrize(
    "value",
    [
        "", "NaNNaNNaNTNaNNaNNaN", "Invalid date", "undefined", "20270230T071500", "20271301", "2027", "03/05/2027",
        "20270305T2561", "20270305T0715NaN", "0000-00-00 00:00:00", "20270305T071500+9900", "9" * 500, "13:15 PM",
        "20270305T13:15 PM",
    ],
)  # fmt: skip
def test_what_could_be_several_days_or_none_is_not_read(value: str) -> None:
    assert read(value) is None
