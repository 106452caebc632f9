# SPDX-License-Identifier: GPL-3.0-or-later
"""The python `caldav` client, given a host, a username and a password and nothing else, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import caldav
import pytest
from caldav.lib.error import AuthorizationError, DAVError, NotFoundError

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.running import Running, granian

database = fixtures.sqlite_alone
MARCH, APRIL = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:new\r\nDTSTAMP:20270101T000000Z\r\nSUMMARY:New\r\n"
    "DTSTART:20270101T000000Z\r\nDTEND:20270101T010000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture
def url(running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path) -> Iterator[str]:
    dispatch.job(
        people["anna"],
        job_type="Fix",
        organisation="One",
        starts_at="2027-03-10 09:00:00+00:00",
        ends_at="2027-03-10 11:00:00+00:00",
    )
    dispatch.job(
        people["anna"],
        job_type="Fix",
        organisation="Two",
        starts_at="2027-05-10 09:00:00+00:00",
        ends_at="2027-05-10 11:00:00+00:00",
    )
    dispatch.blocker(
        people["anna"],
        title="Weekly",
        rrule="FREQ=WEEKLY",
        starts_at="2027-03-02 08:00:00+00:00",
        ends_at="2027-03-02 09:00:00+00:00",
    )
    with granian(running, tmp_path / "granian.log") as base:
        yield f"{base}/"


@pytest.fixture
def client(url: str, running: Running) -> Iterator[caldav.DAVClient]:
    with caldav.DAVClient(url, username="anna", password=running.password("anna")) as client:
        yield client


@pytest.mark.parametrize("place", ["", "dav/Anna/", "dav/Anna/jobs/"])
def test_a_name_that_begins_with_a_capital_letter_works(url: str, running: Running, place: str) -> None:
    """As phones write it, in the name and in an address made from it."""
    with caldav.DAVClient(f"{url}{place}", username="Anna", password=running.password("anna")) as client:
        principal = client.principal()
        assert str(principal.url) == f"{url}dav/anna/"
        jobs = principal.calendar(cal_url=f"{url}dav/Anna/jobs/")
        assert titles(jobs.search(event=True)) == ["Fix: One", "Fix: Two"]
        [found] = jobs.search(start=MARCH, end=APRIL, event=True)
        assert "/dav/anna/jobs/" in str(found.url)
        found.load()
        assert len(list(jobs.objects_by_sync_token(load_objects=True))) == 2


def titles(found: list[caldav.CalendarObjectResource]) -> list[str]:
    return sorted(str(event["SUMMARY"]) for it in found for event in it.icalendar_instance.walk("VEVENT"))


def starts(found: list[caldav.CalendarObjectResource]) -> list[datetime]:
    return sorted(event["DTSTART"].dt for it in found for event in it.icalendar_instance.walk("VEVENT"))


def test_everything_is_found_from_the_host_name_alone(client: caldav.DAVClient, url: str) -> None:
    principal = client.principal()
    assert str(principal.url) == f"{url}dav/anna/"
    calendars = principal.calendars()
    assert [it.get_display_name() for it in calendars] == ["Jobs", "Blocked", "Time off"]
    assert [it.get_supported_components() for it in calendars] == [["VEVENT"]] * 3
    assert titles(calendars[0].events()) == ["Fix: One", "Fix: Two"]


def test_searching_and_expanding(client: caldav.DAVClient) -> None:
    jobs, blockers, _ = client.principal().calendars()
    assert titles(jobs.search(start=MARCH, end=APRIL, event=True)) == ["Fix: One"]
    assert titles(jobs.search(event=True, summary="Two")) == ["Fix: Two"]
    assert titles(blockers.search(start=MARCH, end=APRIL, event=True)) == ["Weekly"]
    for options in ({"expand": True}, {"server_expand": True}):
        found = blockers.search(start=MARCH, end=APRIL, event=True, **options)
        assert [it.astimezone(UTC).strftime("%d %H:%M") for it in starts(found)] == [
            "02 08:00",
            "09 08:00",
            "16 08:00",
            "23 08:00",
            "30 07:00",
        ], options


def test_synchronising_by_token(client: caldav.DAVClient, dispatch: Dispatch) -> None:
    jobs = client.principal().calendars()[0]
    held = jobs.objects_by_sync_token(load_objects=True)
    assert titles(list(held)) == ["Fix: One", "Fix: Two"]
    unchanged = jobs.objects_by_sync_token(held.sync_token)
    assert (list(unchanged), unchanged.sync_token) == ([], held.sync_token)
    dispatch.update("jobs", 1, organisation="Other")
    dispatch.delete("jobs", 2)
    held.sync()
    assert titles(list(held)) == ["Fix: Other"]


def test_no_write_succeeds_or_changes_anything(client: caldav.DAVClient) -> None:
    principal = client.principal()
    jobs = principal.calendars()[0]
    before = titles(jobs.events())
    event = jobs.events()[0]
    attempts = (
        lambda: jobs.save_event(EVENT),
        event.delete,
        jobs.delete,
        lambda: principal.make_calendar(name="New"),
        lambda: client.put(str(event.url), EVENT),
        lambda: client.put(f"{jobs.url}new.ics", EVENT),
    )
    for attempt in attempts:
        try:
            answer = attempt()
        except (AuthorizationError, NotFoundError, DAVError):
            continue
        assert getattr(answer, "status", 200) == 403, attempt
    assert titles(principal.calendars()[0].events()) == before
    assert len(principal.calendars()) == 3


def test_free_busy(client: caldav.DAVClient) -> None:
    blockers = client.principal().calendars()[1]
    answer = blockers.freebusy_request(MARCH, APRIL)
    assert answer.data.count("FREEBUSY;FBTYPE=BUSY") == 5


def test_a_dispatcher_finds_a_calendar_of_conflicts(
    url: str, running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    dispatch.execute("UPDATE users SET role = 'dispatcher' WHERE username = 'dora'")
    blocker = dispatch.blocker(
        people["anna"],
        title="Dentist",
        starts_at="2027-03-10 10:00:00+00:00",
        ends_at="2027-03-10 12:00:00+00:00",
    )
    with caldav.DAVClient(url, username="dora", password=running.password("dora")) as client:
        calendars = {it.get_display_name(): it for it in client.principal().calendars()}
        assert list(calendars) == ["Jobs", "Blocked", "Time off", "Conflicts"]
        conflicts = calendars["Conflicts"]
        held = conflicts.objects_by_sync_token(load_objects=True)
        assert starts(list(held)) == [datetime(2027, 3, 10, 10, tzinfo=UTC)]
        assert [title.endswith("/ Dentist") for title in titles(list(held))] == [True]
        dispatch.delete("blockers", blocker)
        held.sync()
        assert list(held) == []
        with pytest.raises(AuthorizationError, match="Forbidden"):
            conflicts.save_event(EVENT)
