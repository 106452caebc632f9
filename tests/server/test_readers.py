# SPDX-License-Identifier: GPL-3.0-or-later
"""What the delivery ledger learns from requests: through feeds, and through CalDAV by app password."""

from __future__ import annotations

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.composition import FOLLOWERS
from scheduling.feeds import feeds
from scheduling.readership import deliveries
from scheduling.readership.ledger import ledger_of
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch
from tests.server.client import CS, Client, D, basic
from tests.server.running import Running

JOBS = "/dav/anna/jobs/"
DAVX5 = {"User_Agent": "DAVx5/4.4"}


@pytest.fixture(autouse=True)
def job(dispatch: Dispatch, people: dict[str, int]) -> int:
    return dispatch.job(people["anna"])


def delivered(running: Running, user_id: int = 1) -> list[deliveries.Delivery]:
    ledger_of(running.database, address_days=30).flush()
    with Snapshot(running.database, running.settings.config, followers=FOLLOWERS) as snapshot:
        snapshot.calendars_of(user_id)
        return deliveries.of_user(snapshot.connection, user_id)


def state(running: Running) -> list[tuple[str, str, bool, bool, int]]:
    return [
        (it.source, it.client, it.up_to_date, it.fetched_at is not None, it.requests)
        for it in delivered(running)
    ]


SYNC = (
    f'<sync-collection xmlns="{D[1:-1]}"><sync-token/><sync-level>1</sync-level>'
    "<prop><getetag/></prop></sync-collection>"
)
CTAG = f'<propfind xmlns="DAV:"><prop><getctag xmlns="{CS[1:-1]}"/></prop></propfind>'


@pytest.mark.parametrize("fast", ["yes", "no"])
def test_polling_confirms_and_reporting_fetches(
    configured: object, people: dict[str, int], dispatch: Dispatch, job: int, fast: str
) -> None:
    running: Running = configured({"server": {"fast_answers": fast}})  # type: ignore[operator]
    anna = running.client("anna")
    anna.request("PROPFIND", JOBS, CTAG, Depth="0", **DAVX5)
    assert state(running) == [("app-password", "davx5", False, False, 1)]
    anna.request("REPORT", JOBS, SYNC, Depth="1", **DAVX5)
    assert state(running) == [("app-password", "davx5", True, True, 2)]
    dispatch.update("jobs", job, notes="new")
    assert state(running) == [("app-password", "davx5", False, True, 2)]
    anna.request("PROPFIND", JOBS, CTAG, Depth="0", **DAVX5)
    assert state(running) == [("app-password", "davx5", False, True, 3)]
    anna.request("REPORT", JOBS, SYNC, Depth="1", **DAVX5)
    assert state(running) == [("app-password", "davx5", True, True, 4)]


@pytest.mark.parametrize("method", ["GET", "PROPFIND"])
def test_the_whole_calendar_is_fetched_by_get_and_by_a_listing(
    running: Running, anna: Client, method: str
) -> None:
    anna.request(method, JOBS, Depth="1")
    assert state(running) == [("app-password", "other", True, True, 1)]


def test_what_is_not_an_answer_is_not_noted(running: Running, anna: Client, nobody: Client) -> None:
    assert anna.request("REPORT", JOBS, "<nonsense/>", Depth="1").status >= 400
    assert anna.request("PROPFIND", "/dav/anna/nothing/", CTAG, Depth="0").status == 404
    assert Client(running.application, basic("anna", "wrong")).get(JOBS).status == 401
    assert nobody.get(JOBS).status == 401
    assert state(running) == []


def test_a_login_with_the_main_password_is_no_subscriber(running: Running) -> None:
    running.set_password("anna", "correct horse battery")
    client = Client(running.application, basic("anna", "correct horse battery"))
    assert client.get(JOBS).status == 200
    assert state(running) == []


def test_a_dispatcher_reads_for_himself(
    running: Running, dora: Client, people: dict[str, int], job: int
) -> None:
    assert dora.get(JOBS).status == 200
    assert state(running) == []
    assert [it.label for it in delivered(running, people["dora"])] == ["Test"]
    with running.database.read() as connection:
        assert not deliveries.seen_job(connection, job)[0].seen


def test_one_request_says_nothing_about_the_next_of_its_thread(
    running: Running, anna: Client, nobody: Client
) -> None:
    anna.get(JOBS)
    nobody.get(JOBS)
    nobody.request("OPTIONS", JOBS)
    assert state(running) == [("app-password", "other", True, True, 1)]


def test_feeds_are_noted_with_every_get(
    running: Running, nobody: Client, dispatch: Dispatch, job: int
) -> None:
    path = feeds.path_of(running.feed("anna")[1])
    nobody.request("HEAD", path, User_Agent="Google-Calendar-Importer")
    assert state(running) == []
    etag = nobody.get(path, User_Agent="Google-Calendar-Importer").headers["etag"]
    nobody.get(path, User_Agent="Google-Calendar-Importer", If_None_Match=etag)
    nobody.get(path, User_Agent="ICSx5/2.2")
    assert state(running) == [("feed", "google", True, True, 2), ("feed", "icsx5", True, True, 1)]
    with running.database.read() as connection:
        assert deliveries.seen_job(connection, job)[0].seen
    dispatch.update("jobs", job, notes="new")
    assert [it.up_to_date for it in delivered(running)] == [False, False]


def test_neither_a_wrong_nor_an_ended_link_is_noted(running: Running, nobody: Client) -> None:
    number, token = running.feed("anna")
    with running.database.write() as connection:
        feeds.regenerate(connection, running.settings.keyring(), number, overlap_hours=1, actor=SYSTEM)
    nobody.get(feeds.path_of(token))
    nobody.get(f"/feeds/{'a' * 32}.ics")
    assert state(running) == []
