# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices did last: in sentences, the sick ones first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from scheduling.models import SignInRefusal
from scheduling.readership import refusals
from scheduling.readership.ledger import ledger_of
from tests.factories import Dispatch
from tests.server.client import Client, basic
from tests.server.pages.people import Person
from tests.server.running import Running

DAVX5 = "DAVx5/4.5-ose (dav4jvm; okhttp) Android/16"
IPHONE = "iOS/26.1 (23B85) dataaccessd/1.0"


def _poll(running: Running, agent: str, password: str | None = None) -> int:
    client = Client(running.application, basic("anna", password or running.password("anna")))
    body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
    status = client.request("PROPFIND", "/dav/anna/jobs/", body, Depth="1", User_Agent=agent).status
    ledger_of(running.database, address_days=30).flush()
    return status


def test_a_device_that_has_everything_is_fine_and_one_that_lacks_something_is_told(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    dispatch.job(people["anna"])
    assert _poll(running, IPHONE) == 207
    page = Person(running, "anna").get("/doctor")
    assert "iPhone or iPad" in page.text
    assert "and has everything." in page.text
    dispatch.job(people["anna"], reference="J-2")
    page = Person(running, "anna").get("/doctor")
    assert "lacks what changed since" in page.text
    assert "It will ask again soon." in page.text
    assert "Something is wrong." not in page.text


def test_a_wrong_password_is_told_with_its_app_and_time_until_it_is_right(
    running: Running, people: dict[str, int], dispatch: Dispatch
) -> None:
    assert _poll(running, DAVX5, "wrong") == 401
    assert _poll(running, DAVX5, "wrong again") == 401
    page = Person(running, "anna").get("/doctor")
    assert "DAVx5 (Android)" in page.text
    assert "It asks with a wrong password since" in page.text
    assert "Connect this device anew" in page.text
    assert "wrong password" not in Person(running, "bo").get("/doctor").text
    before = datetime.now(UTC) - timedelta(minutes=5)
    with running.database.write() as connection:
        (kept,) = refusals.of_user(connection, people["anna"], since=before)
        assert (kept.client, kept.count) == ("davx5", 2)
        refusals.note(connection, people["anna"], "thunderbird", before)
        connection.execute(update(SignInRefusal).values(last_at=before))
    assert _poll(running, DAVX5) == 207
    page = Person(running, "anna").get("/doctor")
    assert page.text.count("It asks with a wrong password since") == 1
    assert "Thunderbird" in page.text


def test_nobody_has_asked_yet(running: Running, people: dict[str, int]) -> None:
    page = Person(running, "anna").get("/doctor")
    assert "No device or app has asked for your calendars yet." in page.text
    assert "/devices" in page.links
