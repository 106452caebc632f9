# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own schedule: what is on it, in which zone, at what cost, by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.pages.browsers import SCRIPTS, Opened
from tests.server.pages.people import Person
from tests.server.pages.showroom import Showroom
from tests.server.running import Running

database = fixtures.sqlite_alone
WEEK = "/schedule?view=week&day=2027-03-10"


def _job(dispatch: Dispatch, user: int, day: int = 10, hour: int = 8, **columns: object) -> int:
    return dispatch.job(
        user,
        starts_at=f"2027-03-{day:02} {hour:02}:00:00+00:00",
        ends_at=f"2027-03-{day:02} {hour + 1:02}:00:00+00:00",
        **columns,
    )


@pytest.mark.parametrize("view", ["day", "week", "month", "nonsense"])
def test_jobs_blockers_and_time_off_are_there_in_every_view(
    running: Running, people: dict[str, int], dispatch: Dispatch, view: str
) -> None:
    _job(dispatch, people["anna"], organisation="Bakery <b>Nord</b>")
    dispatch.blocker(
        people["anna"],
        title="Garage",
        starts_at="2027-03-10 13:00:00+00:00",
        ends_at="2027-03-10 14:00:00+00:00",
    )
    _job(dispatch, people["bo"], organisation="Not hers")
    page = Person(running, "anna").get(f"/schedule?view={view}&day=2027-03-10")
    assert page.status == 200
    assert "Bakery <b>Nord</b>" in page.text
    assert "Garage" in page.text
    assert "Not hers" not in page.text
    assert "9:00 AM \u2013 10:00 AM" in page.text
    assert "Times are in Berlin (GMT+01:00)." in page.text
    assert "Wednesday, March 10, 2027" in page.text


def test_names_of_days_and_their_order_follow_the_language(running: Running, people: dict[str, int]) -> None:
    german = Person(running, "anna", language="de").get(WEEK)
    assert german.text.index("Mo., 8.") < german.text.index("So., 14.")
    english = Person(running, "anna", language="en-US").get(WEEK)
    assert english.text.index("7 Sun") < english.text.index("13 Sat")


@pytest.mark.parametrize(
    "day", ["", "yesterday", "2027-02-30", "9999-12-31", "0001-01-01", "2027-03-10' OR 1"]
)
@pytest.mark.parametrize("view", ["day", "week", "month"])
def test_a_day_that_is_none_is_today(running: Running, people: dict[str, int], day: str, view: str) -> None:
    page = Person(running, "anna").get(f"/schedule?view={view}&day={day}")
    assert page.status == 200
    assert "today" in page.text


def test_the_number_of_statements_does_not_grow_with_the_entries(
    running: Running,
    people: dict[str, int],
    dispatch: Dispatch,
    statements: Callable[[Database], AbstractContextManager[list[str]]],
) -> None:
    person, costs = Person(running, "anna"), []
    for number in (1, 50):
        for hour in range(number):
            _job(dispatch, people["anna"], day=8 + hour % 7, hour=hour % 20)
        for _ in range(4):
            person.get(WEEK)  # calendars and conflicts are caught up in steps
        with statements(running.database) as seen:
            page = person.get(WEEK)
        costs.append(len(seen))
    assert page.text.count("Wednesday, March 10, 2027") > 2
    assert costs[0] == costs[1] <= 30


def test_a_conflict_is_marked_on_both_sides(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    first = _job(dispatch, people["anna"])
    _job(dispatch, people["anna"])
    person = Person(running, "anna")
    for _ in range(4):
        page = person.get(WEEK)  # conflicts are compared in steps
    assert page.html.count('class="mark clash"') == 4  # both, in the list and in the table
    assert "This overlaps with something else" in person.get(f"/schedule/job-{first}").text


def test_only_the_time_of_a_repeating_event_that_overlaps_is_marked_and_shown(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    blocker = dispatch.blocker(
        people["anna"],
        title="Team meeting",
        starts_at="2027-03-01 08:00:00+00:00",
        ends_at="2027-03-01 09:00:00+00:00",
        rrule="FREQ=WEEKLY",
    )
    _job(dispatch, people["anna"], day=15)
    person = Person(running, "anna")
    for _ in range(4):
        page = person.get("/schedule?view=month&day=2027-03-10")  # conflicts are compared in steps
    assert page.text.count("Team meeting") >= 2 * 5
    assert page.html.count('class="mark clash"') == 4  # the job and one meeting, in the list and in the table
    shown = {
        it: person.get(it).text for it in page.links if it.startswith(f"/schedule/blocker-{blocker}?at=")
    }
    assert len(shown) >= 5
    overlapping = [path for path, words in shown.items() if "This overlaps with something else" in words]
    assert len(overlapping) == 1
    assert "Monday, March 15, 2027" in shown[overlapping[0]]
    assert sum("March 22, 2027" in words for words in shown.values()) == 1
    for at in ("", "0", "x", "9" * 30, "-1"):  # no time of this event: its first
        assert "Monday, March 1, 2027" in person.get(f"/schedule/blocker-{blocker}?at={at}").text


def test_an_entry_says_where_whom_to_call_and_links_to_a_map_and_no_script(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    number = _job(
        dispatch,
        people["anna"],
        organisation="Bakery",
        address="Hauptstraße 1\nBerlin",
        contact="Eva <script>alert(1)</script>",
        notes="javascript:alert(1)",
    )
    page = Person(running, "anna").get(f"/schedule/job-{number}")
    assert "https://www.openstreetmap.org/search?query=Hauptstra%C3%9Fe%201%20Berlin" in page.links
    assert "Eva <script>alert(1)</script>" in page.text
    assert "<script>alert" not in page.html
    assert not [it for it in page.links if not it.startswith(("/", "#", "https://"))]
    assert "No device of yours has asked for it yet." in page.text


def test_an_entry_of_somebody_else_and_one_that_is_none_are_not_found(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    number = _job(dispatch, people["bo"])
    for name in (f"job-{number}", "job-999999", "nothing", "job-0"):
        page = Person(running, "anna").get(f"/schedule/{name}")
        assert page.status == 404
        assert "This entry is not in your calendars any more." in page.text


@SCRIPTS
def test_a_phone_gets_a_list_and_a_desktop_a_table(showroom: Showroom, opened: Opened, scripts: bool) -> None:
    page = opened(showroom, showroom.people[0], path="/schedule", scripts=scripts)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.is_visible(".agenda")
    assert page.locator("table.grid").is_hidden()
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.locator(".agenda").is_hidden()
    assert page.is_visible("table.grid")
    page.click("text=Month")
    assert page.locator("table.grid tbody tr").count() >= 4
    page.click("text=Later")
    page.click("text=Today >> nth=0")
    page.locator("table.grid a.entry").first.click()
    assert "/schedule/" in page.url
    assert page.is_visible("dl")
