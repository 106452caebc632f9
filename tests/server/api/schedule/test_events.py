# SPDX-License-Identifier: GPL-3.0-or-later
"""/users/{user}/events: one read model over jobs, blockers, time off and imported calendars, on both databases."""

from __future__ import annotations

from datetime import datetime

import pytest

from scheduling.access.permissions import SYSTEM, Permission
from scheduling.ical import series_json
from scheduling.ical.series import Series
from scheduling.subscriptions import subscriptions
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys
from tests.server.running import Running

LUNCH = Series(
    start=datetime(2026, 3, 11, 10),  # noqa: DTZ001
    end=datetime(2026, 3, 11, 11),  # noqa: DTZ001
    tzid="UTC",
    rule=None,
    rdates=(),
    exdates=(),
    overrides={},
    busy="BUSY",
)
MARCH = "start=2026-03-01T00:00:00Z&end=2026-04-01T00:00:00Z"


@pytest.fixture
def schedule(running: Running, dispatch: Dispatch, people: dict[str, int]) -> dict[str, int]:
    """Anna's ids by source: a job and a weekly blocker on 10 March, a day off on the 12th, an import on the 11th."""
    anna = people["anna"]
    with running.database.write() as connection:
        keyring, url = running.settings.keyring(), "https://calendar.example.com/private.ics"
        subscription = subscriptions.add(connection, keyring, anna, url, "Private", actor=SYSTEM)
    return {
        "job": dispatch.job(
            anna, people["bo"], job_type="Repair", organisation="Müller, Söhne; Co", address="A 1"
        ),
        "blocker": dispatch.blocker(anna, title="Gym", rrule="FREQ=WEEKLY"),
        "time_off": dispatch.time_off(anna, start_date="2026-03-12", end_date="2026-03-13"),
        "external_ical": dispatch.insert(
            "external_events",
            subscription_id=subscription.id,
            user_id=anna,
            uid="1@elsewhere",
            content_hash="x",
            template=(
                "BEGIN:VEVENT\r\nUID:1@elsewhere\r\nDTSTART:20260311T100000Z\r\nDTEND:20260311T110000Z\r\n"
                'SUMMARY;ALTREP="cid:a:b":Lunch\\, \r\n with Bo\r\nEND:VEVENT\r\n'
            ),
            series=series_json.dumps(LUNCH),
            status="CONFIRMED",
            transparency="OPAQUE",
        ),
    }


def ids(schedule: dict[str, int]) -> dict[str, str]:
    return {source: f"{source}-{row}" for source, row in schedule.items()}


def test_every_source_is_listed_by_start(api: Api, schedule: dict[str, int]) -> None:
    events = api.get(f"/users/anna/events?{MARCH}").json["events"]
    assert [it["id"] for it in events] == [
        ids(schedule)[name] for name in ("blocker", "job", "external_ical", "time_off")
    ]
    gym, job, lunch, leave = events
    assert (job["title"], job["location"], job["starts_at"]) == (
        "Repair: Müller, Söhne; Co",
        "A 1",
        "2026-03-10T09:00:00Z",
    )
    assert [it["starts_at"][:10] for it in gym["instances"]] == [
        "2026-03-10",
        "2026-03-17",
        "2026-03-24",
        "2026-03-31",
    ]
    assert (lunch["title"], lunch["read_only"], lunch["calendar"][:9]) == (
        "Busy",
        True,
        "external-",
    )
    assert (leave["all_day"], leave["starts_at"], leave["busy"]) == (
        True,
        "2026-03-11T23:00:00Z",
        "BUSY-UNAVAILABLE",
    )


def test_events_are_filtered_and_paged(api: Api, schedule: dict[str, int]) -> None:
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = api.get(f"/users/anna/events?{MARCH}&limit=1{cursor and '&cursor=' + cursor}").json
        found += [it["source"] for it in page["events"]]
        cursor = page["next"]
    assert found == ["blocker", "job", "external_ical", "time_off"]
    two = api.get(f"/users/anna/events?{MARCH}&source=job&source=time_off").json["events"]
    assert [it["source"] for it in two] == ["job", "time_off"]
    later = "start=2026-03-18T00:00:00Z&end=2026-03-25T00:00:00Z"
    (gym,) = api.get(f"/users/anna/events?{later}").json["events"]
    assert (gym["source"], gym["starts_at"]) == ("blocker", "2026-03-24T09:00:00Z")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("start=2026-03-01T00:00:00Z", 400),
        ("start=2026-03-02T00:00:00Z&end=2026-03-01T00:00:00Z", 422),
        ("start=2026-01-01T00:00:00Z&end=2028-01-01T00:00:00Z", 422),
        ("start=0000-01-01T00:00:00Z&end=2028-01-01T00:00:00Z", 422),
        (f"{MARCH}&source=else", 400),
        (f"{MARCH}&cursor=W10", 422),
    ],
)
def test_a_range_that_cannot_be_is_refused(api: Api, people: dict[str, int], query: str, status: int) -> None:
    assert api.get(f"/users/anna/events?{query}").status == status


def test_one_event_is_shown_and_not_sent_twice(api: Api, schedule: dict[str, int]) -> None:
    for event_id in ids(schedule).values():
        shown = api.get(f"/users/anna/events/{event_id}")
        assert (shown.status, shown.json["id"]) == (200, event_id)
        assert api.get(f"/users/anna/events/{event_id}", If_None_Match=shown.headers["etag"]).status == 304
    assert api.get("/users/bo/events/" + ids(schedule)["blocker"]).status == 404


def test_an_imported_event_refuses_update_and_delete(api: Api, schedule: dict[str, int]) -> None:
    address = "/users/anna/events/" + ids(schedule)["external_ical"]
    for reply in (api.patch(address, {"notes": "Mine"}), api.delete(address)):
        assert (reply.status, "imported" in reply.problem) == (403, True)
    assert api.get(address).status == 200


def test_our_own_events_are_changed_and_deleted_at_their_source(api: Api, schedule: dict[str, int]) -> None:
    for source in ("job", "blocker"):
        moved = {"starts_at": "2026-03-20T09:00:00Z", "ends_at": "2026-03-20T10:00:00Z"}
        assert api.patch(f"/users/anna/events/{ids(schedule)[source]}", moved).status == 204
        assert (
            api.get(f"/users/anna/events/{ids(schedule)[source]}").json["starts_at"] == "2026-03-20T09:00:00Z"
        )
    leave = "/users/anna/events/" + ids(schedule)["time_off"]
    assert api.delete("/users/bo/events/" + ids(schedule)["time_off"]).status == 404
    assert api.delete(leave).status == 204
    assert api.get(leave).status == 404
    assert api.get(f"/time-off/{schedule['time_off']}").status == 404


def test_without_calendar_access_there_are_no_events(api: Api, schedule: dict[str, int]) -> None:
    assert api.patch("/users/anna", {"calendar_access": False}).json["calendar_access"] is False
    assert api.get(f"/users/anna/events?{MARCH}").json["events"] == []
    api.patch("/users/anna", {"calendar_access": True})
    assert len(api.get(f"/users/anna/events?{MARCH}").json["events"]) == 4


def test_a_member_reads_own_events_only(keys: Keys, schedule: dict[str, int]) -> None:
    member = keys("anna", [Permission.SCHEDULE_READ_OWN])
    assert len(member.get(f"/users/anna/events?{MARCH}").json["events"]) == 4
    assert member.get(f"/users/bo/events?{MARCH}").status == 403
    assert member.get(f"/users/nobody/events?{MARCH}").status == 403
    assert member.delete("/users/anna/events/" + ids(schedule)["job"]).status == 403
