# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts over HTTP, and the calendar of conflicts, written by plain SQL and read by nobody else."""

from __future__ import annotations

from scheduling.access.permissions import Permission
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys
from tests.server.client import D
from tests.server.running import Running

WHEN = {"starts_at": "2099-03-10 09:00:00+00:00", "ends_at": "2099-03-10 11:00:00+00:00"}
LATER = {"starts_at": "2099-03-10 10:00:00+00:00", "ends_at": "2099-03-10 12:00:00+00:00"}
MUCH_LATER = {"starts_at": "2099-03-12 10:00:00+00:00", "ends_at": "2099-03-12 12:00:00+00:00"}


def test_a_conflict_is_opened_acknowledged_opened_again_and_resolved(
    api: Api, people: dict[str, int], dispatch: Dispatch
) -> None:
    job = dispatch.job(people["anna"], reference="J-1", organisation="Acme", **WHEN)
    blocker = dispatch.blocker(people["anna"], title="Dentist", **LATER)
    (found,) = api.get("/conflicts").json["conflicts"]
    assert (found["user"], found["status"], found["overlap_count"]) == ("anna", "open", 1)
    assert found["job"] == {"id": job, "reference": "J-1", "title": "Acme"}
    assert found["other"] == {"kind": "blocker", "id": blocker, "calendar": "blockers", "title": "Dentist"}
    assert found["overlaps"] == [{"starts_at": "2099-03-10T10:00:00Z", "ends_at": "2099-03-10T11:00:00Z"}]
    path = f"/conflicts/{found['id']}"
    answer = api.post(f"{path}/acknowledge", {"note": "Anna knows"}, If_Match=found["etag"])
    assert (answer.status, answer.json["status"], answer.json["note"]) == (200, "acknowledged", "Anna knows")
    assert api.post(f"{path}/acknowledge", {"note": "Old"}, If_Match=found["etag"]).status == 412
    dispatch.update("blockers", blocker, title="Doctor")
    assert api.get(path).json["status"] == "acknowledged"
    assert api.get(path).json["other"]["title"] == "Doctor"
    dispatch.update("blockers", blocker, starts_at="2099-03-10 10:30:00+00:00")
    again = api.get(path).json
    assert (again["status"], again["note"], again["acknowledged_by"]) == ("open", None, None)
    dispatch.update("blockers", blocker, **MUCH_LATER)
    assert (api.get(path).json["status"], api.get(path).json["reason"]) == ("resolved", "moved")
    assert api.post(f"{path}/acknowledge", {}).status == 409
    dispatch.update("blockers", blocker, **LATER)
    assert api.get(path).json["status"] == "open"
    dispatch.withdraw(job, people["anna"])
    assert (api.get(path).json["status"], api.get(path).json["reason"]) == ("resolved", "gone")


def test_lists_are_filtered_and_paged(api: Api, people: dict[str, int], dispatch: Dispatch) -> None:
    for _ in range(3):
        dispatch.job(people["anna"], **WHEN)
    dispatch.job(people["bo"], **MUCH_LATER)
    dispatch.time_off(people["bo"], **MUCH_LATER)
    every = api.get("/conflicts").json["conflicts"]
    assert len(every) == 4
    paged, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/conflicts?limit=1{cursor and f'&cursor={cursor}'}").json
        paged += page["conflicts"]
        cursor = page["next"]
    assert paged == every
    for query, count in (
        ("user=anna", 3),
        ("user=bo", 1),
        ("kind=time_off", 1),
        ("kind=job&kind=time_off", 4),
        ("status=resolved", 0),
        ("start=2099-03-11T00:00:00Z", 1),
        ("end=2099-03-11T00:00:00Z", 3),
    ):
        assert len(api.get(f"/conflicts?{query}").json["conflicts"]) == count, query
    assert api.get("/conflicts?user=nobody").status == 404


def test_members_see_their_own_and_acknowledge_nothing(
    keys: Keys, api: Api, people: dict[str, int], dispatch: Dispatch
) -> None:
    for person in ("anna", "bo"):
        dispatch.job(people[person], **WHEN)
        dispatch.blocker(people[person], **LATER)
    own = keys("anna", [Permission.SCHEDULE_READ_OWN])
    (found,) = own.get("/conflicts").json["conflicts"]
    assert found["user"] == "anna"
    assert own.get("/conflicts?user=bo").status == 403
    others = next(it for it in api.get("/conflicts").json["conflicts"] if it["user"] == "bo")
    assert own.get(f"/conflicts/{others['id']}").status == 404
    assert own.post(f"/conflicts/{found['id']}/acknowledge", {}).status == 403


def test_the_calendar_of_conflicts_is_for_dispatchers(
    running: Running, api: Api, people: dict[str, int], dispatch: Dispatch
) -> None:
    dispatch.execute("UPDATE users SET role = 'dispatcher' WHERE username = 'dora'")
    dispatch.job(people["anna"], organisation="Acme", **WHEN)
    blocker = dispatch.blocker(people["anna"], title="Dentist", **LATER)
    dora, anna = running.client("dora"), running.client("anna")
    assert "/ Dentist" in dora.request("GET", "/dav/dora/conflicts/").body.decode()
    (found,) = api.get("/conflicts").json["conflicts"]
    assert "/dav/dora/conflicts/" in dora.propfind("/dav/dora/", f"{D}displayname", depth="1").resources
    assert "/dav/anna/conflicts/" not in anna.propfind("/dav/anna/", f"{D}displayname", depth="1").resources
    assert anna.propfind("/dav/anna/conflicts/", f"{D}displayname").status in (403, 404)
    text = dora.request("GET", "/dav/dora/conflicts/").body.decode()
    assert "/ Dentist" in text
    assert "STATUS:TENTATIVE" in text
    assert "TRANSP:TRANSPARENT" in text
    api.post(f"/conflicts/{found['id']}/acknowledge", {"note": "Fine"})
    assert "STATUS:CONFIRMED" in dora.request("GET", "/dav/dora/conflicts/").body.decode()
    dispatch.delete("blockers", blocker)
    api.get("/conflicts")
    assert "VEVENT" not in dora.request("GET", "/dav/dora/conflicts/").body.decode()
    dispatch.execute("UPDATE users SET role = 'member' WHERE username = 'dora'")
    assert dora.request("GET", "/dav/dora/conflicts/").status in (403, 404)
