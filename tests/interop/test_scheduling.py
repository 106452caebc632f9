# SPDX-License-Identifier: GPL-3.0-or-later
"""The python `caldav` client finds the outbox by itself and asks it when people are busy, over real HTTP and on both
databases; its answer is that of free-busy-query.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import caldav
import icalendar
import pytest

from tests.factories import Dispatch
from tests.server.dav.scheduling_messages import periods
from tests.server.running import Running, granian

ANNA = "mailto:anna@example.com"
START, END = datetime(2027, 3, 10, tzinfo=UTC), datetime(2027, 3, 11, tzinfo=UTC)


@pytest.fixture
def url(running: Running, people: dict[str, int], dispatch: Dispatch, tmp_path: Path) -> Iterator[str]:
    for hour in (9, 14):
        dispatch.job(
            people["anna"],
            starts_at=f"2027-03-10 {hour:02}:00:00+00:00",
            ends_at=f"2027-03-10 {hour + 2:02}:00:00+00:00",
        )
    dispatch.time_off(
        people["anna"], starts_at="2027-03-10 18:00:00+00:00", ends_at="2027-03-10 20:00:00+00:00"
    )
    with granian(running, tmp_path / "granian.log") as base:
        yield f"{base}/"


def parts(text: str) -> list[tuple[str, str, str]]:
    (component,) = icalendar.Calendar.from_ical(text).walk("VFREEBUSY")
    return periods(component)


def test_an_outbox_is_found_and_asked(url: str, running: Running) -> None:
    with caldav.DAVClient(url, username="anna", password=running.password("anna")) as client:
        principal = client.principal()
        assert client.check_scheduling_support()
        assert str(principal.schedule_outbox().url) == f"{url}dav/anna/outbox/"
        assert list(principal.schedule_inbox().get_items()) == []
        assert len(principal.calendars()) == 3
        own = principal.freebusy_request(START, END, [principal])
        ((address, found),) = ((it, answer) for it, answer in own.items() if it != "errors")
        assert (address, own["errors"]) == ("/dav/anna/", {})
        expected = parts(found.data)
        assert [kind for *_, kind in expected] == ["BUSY", "BUSY", "BUSY-UNAVAILABLE"]
        home = caldav.Calendar(client, url=principal.url)
        assert parts(home.freebusy_request(START, END).data) == expected
        refused = principal.freebusy_request(START, END, ["bo@example.com"])
        assert refused == {"errors": {"mailto:bo@example.com": "3.8;No authority"}}
    with caldav.DAVClient(url, username="dora", password=running.password("dora")) as client:
        answer = client.principal().freebusy_request(START, END, [ANNA, "stranger@example.com"])
        assert answer["errors"] == {"mailto:stranger@example.com": "3.7;Invalid calendar user"}
        assert parts(answer[ANNA].data) == expected
