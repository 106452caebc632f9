# SPDX-License-Identifier: GPL-3.0-or-later
"""/claims over HTTP: of claims made at the same time one wins, and nobody is booked twice. On both databases."""

from __future__ import annotations

import itertools
import json
import random
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scheduling.access.permissions import EVERYTHING, Permission
from tests.factories import Dispatch
from tests.server.api.calls import Api
from tests.server.api.conftest import Keys, api_of
from tests.server.running import Running, granian

DAY = "start=2027-03-10T08:00:00Z&end=2027-03-10T18:00:00Z"


def claim(
    reference: str, *users: str, start: str = "09:00", end: str = "11:00", **more: Any
) -> dict[str, Any]:
    return {
        "users": list(users or ("anna",)),
        "starts_at": f"2027-03-10T{start}:00Z",
        "ends_at": f"2027-03-10T{end}:00Z",
        "job": {"reference": reference},
        **more,
    }


def version(api: Api, *users: str, during: str = DAY) -> str:
    named = "&".join(f"user={it}" for it in users or ("anna",))
    return str(api.get(f"/availability?{during}&{named}").headers["etag"])


def test_a_claim_makes_a_job_that_takes_the_time(api: Api, people: dict[str, int]) -> None:
    made = api.post("/claims", claim("C-1", "anna", "bo"), If_Match=version(api, "bo", "anna"))
    assert made.status == 201, made
    job = api.get(f"/jobs/{made.json['job']['id']}").json
    assert made.json == {"job": job, "blockers": []}
    assert made.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["users"], job["status"]) == (["anna", "bo"], "confirmed")
    for name in job["users"]:
        (busy,) = api.get(f"/users/{name}/availability?{DAY}").json["busy"]
        assert (busy["starts_at"], busy["events"]) == ("2027-03-10T09:00:00Z", [f"job-{job['id']}"])


def test_a_claim_makes_a_blocker_for_each(api: Api, people: dict[str, int]) -> None:
    body = {**claim("", "anna", "bo"), "job": None, "blocker": {"title": "Course", "notes": "Room 2"}}
    made = api.post("/claims", body, If_Match=version(api, "anna", "bo"))
    assert made.status == 201, made
    assert [(it["user"], it["title"]) for it in made.json["blockers"]] == [
        ("anna", "Course"),
        ("bo", "Course"),
    ]


def test_a_slot_can_be_claimed(api: Api, dispatch: Dispatch, people: dict[str, int]) -> None:
    dispatch.job(people["anna"], starts_at="2027-03-10 08:00:00+00:00", ends_at="2027-03-10 09:00:00+00:00")
    found = api.get(f"/availability/slots?{DAY}&user=anna&user=bo&length=60&buffer_after=30&step=30")
    slot = found.json["slots"][0]
    assert slot["starts_at"] == "2027-03-10T09:30:00Z"
    body = {**claim("C-2", *slot["users"]), **{name: slot[name] for name in ("starts_at", "ends_at")}}
    assert api.post("/claims", body, If_Match=slot["etag"]).status == 201
    assert api.post("/claims", {**body, "job": {"reference": "C-3"}}, If_Match=slot["etag"]).status == 412


def test_what_the_dispatch_application_has_written_meanwhile_is_seen(
    api: Api, dispatch: Dispatch, people: dict[str, int]
) -> None:
    seen = version(api)
    number = dispatch.job(
        people["anna"], starts_at="2027-03-10 10:00:00+00:00", ends_at="2027-03-10 12:00:00+00:00"
    )
    refused = api.post("/claims", claim("C-1"), If_Match=seen)
    assert (refused.status, "not all of this time is free" in refused.problem) == (412, True)
    assert refused.json["conflicts"] == [
        {
            "user": "anna",
            "starts_at": "2027-03-10T10:00:00Z",
            "ends_at": "2027-03-10T11:00:00Z",
            "type": "BUSY",
            "events": [f"job-{number}"],
        }
    ]
    present = refused.headers["etag"]
    assert present == version(api)
    taken = api.post("/claims", claim("C-1"), If_Match=present)
    assert (taken.status, len(taken.json["conflicts"])) == (409, 1)
    free = api.post("/claims", claim("C-1", start="08:00", end="10:00"), If_Match=present)
    assert free.status == 201
    assert {it["reference"] for it in api.get("/jobs").json["jobs"]} >= {"C-1"}


def test_a_change_elsewhere_does_not_stand_in_the_way(
    api: Api, dispatch: Dispatch, people: dict[str, int]
) -> None:
    narrow = version(api, during="start=2027-03-10T09:00:00Z&end=2027-03-10T11:00:00Z")
    wide = version(api)
    dispatch.job(people["anna"], starts_at="2027-03-10 14:00:00+00:00", ends_at="2027-03-10 15:00:00+00:00")
    refused = api.post("/claims", claim("C-1"), If_Match=wide)
    assert (refused.status, "still free" in refused.problem) == (412, True)
    assert api.post("/claims", claim("C-1"), If_Match=narrow).status == 201


def test_a_claim_says_what_it_is_based_on(api: Api, people: dict[str, int]) -> None:
    assert api.post("/claims", claim("C-1")).status == 428
    other = version(api, during="start=2027-03-11T00:00:00Z&end=2027-03-12T00:00:00Z")
    for tag in (other, '"nonsense"', version(api, "bo"), version(api, "anna", "bo")):
        assert api.post("/claims", claim("C-1"), If_Match=tag).status == 412
    assert api.get("/jobs").json["jobs"] == []
    assert api.post("/claims", claim("C-1"), If_Match=f'"nonsense", {version(api)}').status == 201
    assert api.post("/claims", claim("C-2"), If_Match="*").status == 409
    assert api.post("/claims", claim("C-2", start="11:00", end="12:00"), If_Match="*").status == 201


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"job": {"reference": "C-1", "status": "offered"}}, 422, "would not take the time"),
        ({"blocker": {"title": "Both"}}, 422, "either a job or a blocker"),
        ({"job": None}, 422, "either a job or a blocker"),
        ({"users": ["nobody"]}, 404, "no active user"),
        ({"users": []}, 400, "form"),
        ({"ends_at": "2027-03-10T09:00:00Z"}, 422, "later than the start"),
        (
            {"job": None, "users": ["anna", "bo"], "blocker": {"title": "x", "reference": "B"}},
            422,
            "leave the reference out",
        ),
    ],
)
def test_what_cannot_be_claimed_is_refused_and_stores_nothing(
    api: Api, people: dict[str, int], change: dict[str, Any], status: int, sentence: str
) -> None:
    refused = api.post("/claims", {**claim("C-1"), **change}, If_Match="*")
    assert (refused.status, sentence in refused.problem) == (status, True), refused
    assert api.get("/jobs").json["jobs"] == []
    assert api.get("/blockers").json["blockers"] == []


def test_a_claim_over_something_tentative_has_to_say_so(
    configured: Callable[..., Running], dispatch: Dispatch, people: dict[str, int]
) -> None:
    api = api_of(configured({"calendars": {"job_statuses": "offered,confirmed"}}))
    dispatch.job(
        people["anna"],
        status="offered",
        starts_at="2027-03-10 10:00:00+00:00",
        ends_at="2027-03-10 12:00:00+00:00",
    )
    assert api.post("/claims", claim("C-1"), If_Match=version(api)).status == 409
    assert api.post("/claims", claim("C-1", allow=["tentative"]), If_Match=version(api)).status == 201


def test_a_repeated_claim_is_answered_as_the_first_one(api: Api, people: dict[str, int]) -> None:
    headers = {"If_Match": version(api), "Idempotency_Key": "once"}
    first = api.post("/claims", claim("C-1"), **headers)
    assert first.status == 201
    assert api.post("/claims", claim("C-1"), **headers).json == first.json
    assert len(api.get("/jobs").json["jobs"]) == 1


def test_only_who_writes_the_schedule_claims_and_learns_events_only_with_permission(
    api: Api, keys: Keys, dispatch: Dispatch, people: dict[str, int]
) -> None:
    seen = version(api)
    assert (
        keys(None, EVERYTHING - {Permission.SCHEDULE_WRITE})
        .post("/claims", claim("C-1"), If_Match=seen)
        .status
        == 403
    )
    dispatch.job(people["anna"], starts_at="2027-03-10 10:00:00+00:00", ends_at="2027-03-10 12:00:00+00:00")
    refused = keys(None, [Permission.SCHEDULE_WRITE]).post("/claims", claim("C-1"), If_Match=seen)
    assert [(it["type"], it["events"]) for it in refused.json["conflicts"]] == [("BUSY", [])]


class Remote:
    """Claims over real HTTP."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = url, secret

    def __call__(self, body: dict[str, Any], etag: str) -> int:
        request = urllib.request.Request(  # noqa: S310
            f"{self._url}/api/v1/claims",
            json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self._secret}",
                "Content-Type": "application/json",
                "If-Match": etag,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code


def at_once(work: list[Callable[[], int]]) -> Counter[int]:
    """Do everything in threads that start together; how often each status was answered."""
    statuses: list[int] = []
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], int]) -> None:
        barrier.wait()
        statuses.append(one())

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(statuses)


def test_of_claims_at_the_same_time_one_wins_and_nobody_is_booked_twice(
    running: Running, people: dict[str, int], tmp_path: Path
) -> None:
    api = api_of(running)
    with (
        granian(running, tmp_path / "one.log") as first,
        granian(running, tmp_path / "two.log") as second,
    ):
        remotes = [Remote(url, str(api.secret)) for url in (first, second)]
        seen = version(api)
        bodies = [claim(f"C-{number}") for number in range(8)]
        won = at_once(
            [
                lambda body=body, remote=remotes[number % 2]: remote(body, seen)  # type: ignore[misc]
                for number, body in enumerate(bodies)
            ]
        )
        assert won == {201: 1, 412: 7}
        _random_claims(api, remotes)
    taken: dict[str, list[tuple[str, str]]] = {}
    jobs = api.get("/jobs?limit=1000").json["jobs"]
    for job in jobs:
        for user in job["users"]:
            taken.setdefault(user, []).append((job["starts_at"], job["ends_at"]))
    assert len(jobs) > 3
    for spans in taken.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans)), spans


def _random_claims(api: Api, remotes: list[Remote]) -> None:
    """Overlapping claims of one, two and three people, each with a version of just before."""
    chance = random.Random(4)  # noqa: S311
    for turn in range(4):
        work: list[Callable[[], int]] = []
        for number in range(6):
            crew = chance.sample(["anna", "bo", "dora"], chance.randint(1, 3))
            start = chance.randint(8, 15)
            body = claim(
                f"R-{turn}-{number}",
                *crew,
                start=f"{start:02}:00",
                end=f"{start + chance.randint(1, 3):02}:00",
            )
            during = f"start={body['starts_at']}&end={body['ends_at']}"
            seen = version(api, *crew, during=during)
            remote = remotes[number % 2]
            work.append(lambda body=body, seen=seen, remote=remote: remote(body, seen))  # type: ignore[misc]
        assert set(at_once(work)) <= {201, 409, 412}
