# SPDX-License-Identifier: GPL-3.0-or-later
"""free-busy-query (RFC 4791, section 7.10): one VFREEBUSY, coalesced, of what really blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import icalendar
import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Answer, C, Client, D
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
JOBS, BLOCKERS = "/dav/anna/jobs/", "/dav/anna/blockers/"


def query(client: Client, path: str, start: str, end: str) -> Answer:
    return client.report(
        path,
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        f'<C:time-range start="{start}" end="{end}"/></C:free-busy-query>',
    )


def busy(answer: Answer) -> list[str]:
    assert (answer.status, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    (component,) = icalendar.Calendar.from_ical(answer.text).walk("VFREEBUSY")
    found: Any = component.get("FREEBUSY", [])
    return [
        f"{it.params['FBTYPE']} {it.to_ical().decode()}"
        for it in (found if isinstance(found, list) else [found])
    ]


def job(dispatch: Dispatch, user: int, start: str, end: str, status: str = "confirmed") -> None:
    dispatch.job(
        user, status=status, starts_at=f"2027-03-10 {start}:00+00:00", ends_at=f"2027-03-10 {end}:00+00:00"
    )


def test_touching_periods_are_one_and_cut_to_the_range(
    anna: Client, dispatch: Dispatch, people: dict[str, int]
) -> None:
    job(dispatch, people["anna"], "09:00", "10:00")
    job(dispatch, people["anna"], "10:00", "11:00")
    job(dispatch, people["anna"], "10:30", "12:00")
    job(dispatch, people["anna"], "14:00", "16:00")
    job(dispatch, people["bo"], "12:00", "13:00")
    answer = query(anna, JOBS, "20270310T093000Z", "20270310T150000Z")
    assert busy(answer) == [
        "BUSY 20270310T093000Z/20270310T120000Z",
        "BUSY 20270310T140000Z/20270310T150000Z",
    ]


def test_what_is_not_in_the_calendar_does_not_block(
    anna: Client, dispatch: Dispatch, people: dict[str, int]
) -> None:
    job(dispatch, people["anna"], "09:00", "10:00", "offered")
    job(dispatch, people["anna"], "11:00", "12:00", "cancelled")
    assert busy(query(anna, JOBS, "20270310T000000Z", "20270311T000000Z")) == []


def test_a_recurring_blocker_blocks_by_its_instances(
    anna: Client, dispatch: Dispatch, people: dict[str, int]
) -> None:
    dispatch.blocker(
        people["anna"],
        rrule="FREQ=WEEKLY",
        starts_at="2027-03-16 08:00:00+00:00",
        ends_at="2027-03-16 09:00:00+00:00",
        exdate="20270323T090000",
    )
    assert [it.split()[1] for it in busy(query(anna, BLOCKERS, "20270301T000000Z", "20270401T000000Z"))] == [
        "20270316T080000Z/20270316T090000Z",
        "20270330T070000Z/20270330T080000Z",
    ]


def test_the_home_answers_for_all_calendars(anna: Client, dispatch: Dispatch, people: dict[str, int]) -> None:
    job(dispatch, people["anna"], "09:00", "10:00")
    dispatch.time_off(
        people["anna"], starts_at="2027-03-10 10:00:00+00:00", ends_at="2027-03-10 12:00:00+00:00"
    )
    assert busy(query(anna, "/dav/anna/", "20270310T000000Z", "20270311T000000Z")) == [
        "BUSY 20270310T090000Z/20270310T100000Z",
        "BUSY-UNAVAILABLE 20270310T100000Z/20270310T120000Z",
    ]
    assert anna.propfind("/dav/anna/", f"{D}supported-report-set").only.tags(f"{D}supported-report-set") == {
        f"{C}free-busy-query",
        f"{D}expand-property",
    }


def test_a_range_is_needed_and_must_not_be_long(anna: Client) -> None:
    body = '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"/>'
    assert anna.report(JOBS, body).status == 400
    answer = query(anna, JOBS, "19000101T000000Z", "21000101T000000Z")
    assert (answer.status, answer.conditions) == (403, [f"{D}number-of-matches-within-limits"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/dav/", 403), ("/dav/anna/missing/", 404), ("/dav/anna/jobs/missing.ics", 404)),
        *(("/dav/bo/jobs/", 403), ("/dav/bo/", 403)),
    ],
)
def test_only_ones_own_calendars_and_home_have_free_busy(anna: Client, path: str, status: int) -> None:
    assert query(anna, path, "20270310T000000Z", "20270311T000000Z").status == status


def test_a_stranger_does_not_learn_when_somebody_is_busy(nobody: Client) -> None:
    assert query(nobody, JOBS, "20270310T000000Z", "20270311T000000Z").status == 401


@pytest.mark.parametrize(
    ("status", "expected"), [("offered", "BUSY-TENTATIVE"), ("paid", "BUSY"), ("cancelled", None)]
)
def test_the_status_of_a_job_decides_how_it_blocks(
    configured: Callable[[Sections], Running],
    dispatch: Dispatch,
    people: dict[str, int],
    status: str,
    expected: str | None,
) -> None:
    """Every status is shown in this calendar."""
    running = configured(
        {"calendars": {"job_statuses": "offered,confirmed,delivered,invoiced,paid,cancelled"}}
    )
    job(dispatch, people["anna"], "09:00", "10:00", status)
    assert len(running.client("anna").query(JOBS, "").resources) == 1
    found = busy(query(running.client("anna"), JOBS, "20270310T000000Z", "20270311T000000Z"))
    assert found == ([] if expected is None else [f"{expected} 20270310T090000Z/20270310T100000Z"])
