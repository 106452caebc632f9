# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet availability`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import Dispatch

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet

DAY = ("--start", "2027-03-10T08:00", "--end", "2027-03-10T18:00")


@pytest.fixture
def people(daysheet: Daysheet) -> None:
    """Anna is busy from ten to noon, her time; Bo never."""
    with Dispatch.connect(daysheet.database.url) as dispatch:
        anna = dispatch.user("anna", time_zone="Europe/Berlin")
        dispatch.user("bo")
        dispatch.job(anna, starts_at="2027-03-10 09:00:00+00:00", ends_at="2027-03-10 11:00:00+00:00")


def test_the_time_of_a_day_is_shown(daysheet: Daysheet, people: None) -> None:
    found = daysheet.json("availability", "show", "anna", *DAY)["periods"]
    assert [(it["type"], it["starts_at"]) for it in found] == [
        ("FREE", "2027-03-10T07:00:00Z"),
        ("BUSY", "2027-03-10T09:00:00Z"),
        ("FREE", "2027-03-10T11:00:00Z"),
    ]
    table = daysheet.run("availability", "show", "anna", "bo", *DAY).stdout
    assert ["anna", "BUSY", "2027-03-10", "10:00", "2027-03-10", "12:00", "Europe/Berlin"] in [
        line.split() for line in table.splitlines()
    ]


def test_slots_are_found(daysheet: Daysheet, people: None) -> None:
    asked = ("availability", "slots", "anna", "bo", *DAY, "--length", "120", "--step", "60", "--count", "2")
    found = daysheet.json(*asked)["slots"]
    assert [it["starts_at"][11:16] for it in found] == ["07:00", "11:00"]
    assert "anna, bo" in daysheet.run(*asked).stdout
    assert "no such time" in daysheet.run(*asked[:-4], "--step", "60", "--length", "599").stdout


def test_a_moment_is_explained(daysheet: Daysheet, people: None) -> None:
    asked = ("availability", "explain", "anna", "--at")
    found = daysheet.json(*asked, "2027-03-10 11:30")
    assert (found["effect"], found["reasons"][0]["event"]) == ("blocks", "job-1")
    assert "anna: blocks (job-status)" in daysheet.run(*asked, "2027-03-10 11:30").stdout
    assert "Nothing touches" in daysheet.run(*asked, "2027-03-10T13:00+01:00").stdout


def test_working_hours_are_kept_and_forgotten(daysheet: Daysheet, people: None) -> None:
    asked = ("availability", "hours", "anna")
    assert "at any time" in daysheet.run(*asked).stdout
    kept = daysheet.json(*asked, "mon-fri=08:00-12:00,13:00-17:00", "sun-mon=20:00-24:00")
    assert kept["monday"] == ["08:00-12:00", "13:00-17:00", "20:00-24:00"]
    assert (kept["saturday"], kept["sunday"]) == ([], ["20:00-24:00"])
    assert "13:00-17:00" in daysheet.run(*asked).stdout
    assert [it["type"] for it in daysheet.json("availability", "show", "anna", *DAY)["periods"]] == [
        *("FREE", "BUSY", "OUTSIDE-HOURS", "FREE", "OUTSIDE-HOURS"),
    ]
    assert "at any time" in daysheet.run(*asked, "--clear").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "anna", "--start", "soon", "--end", "later"), "not a moment"),
        (("show", "carl", *DAY), "no active user"),
        (("slots", "anna", *DAY, "--length", "0"), "at least a minute"),
        (("hours", "anna", "monday"), "no working hours"),
        (("hours", "anna", "mon=8-9"), "not a part of a day"),
        (("hours", "anna", "mon=22:00-06:00"), "end after they start"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    daysheet: Daysheet, people: None, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in daysheet.refusal("availability", *arguments)
