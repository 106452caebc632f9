# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet conflict`, and what the importer finds and delivers when nobody but the dispatch application writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.factories import Dispatch

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet, Receiver

WHEN = {"starts_at": "2099-03-10 09:00:00+00:00", "ends_at": "2099-03-10 11:00:00+00:00"}
LATER = {"starts_at": "2099-03-10 10:00:00+00:00", "ends_at": "2099-03-10 12:00:00+00:00"}
ANOTHER_DAY = {"starts_at": "2099-03-12 10:00:00+00:00", "ends_at": "2099-03-12 12:00:00+00:00"}


@pytest.fixture
def dispatch(daysheet: Daysheet) -> Iterator[Dispatch]:
    with Dispatch.connect(daysheet.database.engine.url) as dispatch:
        yield dispatch


@pytest.fixture
def blocker(dispatch: Dispatch) -> int:
    """Of anna, in the way of her job."""
    anna = dispatch.user("anna")
    dispatch.job(anna, reference="J-7", job_type="Repair", organisation="Acme", **WHEN)
    return dispatch.blocker(anna, title="Dentist", **LATER)


@pytest.mark.usefixtures("blocker")
def test_conflicts_are_listed_shown_and_acknowledged(daysheet: Daysheet) -> None:
    text = daysheet.run("conflict", "list").stdout
    assert "2099-03-10 10:00" in text
    assert "J-7: Repair: Acme" in text
    assert "blocker: Dentist" in text
    (found,) = daysheet.json("conflict", "list")["conflicts"]
    assert (found["username"], found["status"], found["other_kind"]) == ("anna", "open", "blocker")
    assert found["overlaps"] == [["2099-03-10T10:00:00Z", "2099-03-10T11:00:00Z"]]
    number = str(found["id"])
    assert "Acknowledged" in daysheet.run("conflict", "acknowledge", number, "--note", "She knows").stdout
    assert "There are no such conflicts." in daysheet.run("conflict", "list").stdout
    shown = daysheet.run("conflict", "show", number).stdout
    assert "She knows" in shown
    assert "acknowledged" in shown
    (same,) = daysheet.json("conflict", "list", "--status", "acknowledged", "--user", "anna")["conflicts"]
    assert (same["id"], same["note"]) == (found["id"], "She knows")
    assert "conflict.acknowledge" in daysheet.run("audit", "list").stdout


def test_lists_are_narrowed(daysheet: Daysheet, dispatch: Dispatch) -> None:
    for name in ("anna", "bo"):
        user = dispatch.user(name)
        dispatch.job(user, **WHEN)
        dispatch.blocker(user, **LATER)
    dispatch.time_off(user, **LATER)
    for options, count in (
        ([], 3),
        (["--user", "anna"], 1),
        (["--kind", "time_off"], 1),
        (["--kind", "time_off", "--kind", "blocker"], 3),
        (["--from", "2099-03-10T11:00:00"], 0),
        (["--to", "2099-03-10"], 0),
        (["--from", "2099-03-10", "--to", "2099-03-11"], 3),
        (["--limit", "2"], 2),
        (["--status", "resolved"], 0),
    ):
        assert len(daysheet.json("conflict", "list", *options)["conflicts"]) == count, options


@pytest.mark.usefixtures("blocker")
def test_what_cannot_be_is_refused_in_one_sentence(daysheet: Daysheet, dispatch: Dispatch) -> None:
    assert "There is no conflict 99" in daysheet.refusal("conflict", "show", "99")
    assert "There is no conflict 99" in daysheet.refusal("conflict", "acknowledge", "99")
    assert "nobody" in daysheet.refusal("conflict", "list", "--user", "nobody")
    number = str(daysheet.json("conflict", "list")["conflicts"][0]["id"])
    dispatch.execute("DELETE FROM blockers")
    assert "resolved (gone)" in daysheet.run("conflict", "show", number).stdout
    assert "resolved" in daysheet.refusal("conflict", "acknowledge", number)


def test_webhooks_are_told_of_what_the_importer_finds(
    daysheet: Daysheet, dispatch: Dispatch, receiver: Receiver, blocker: int
) -> None:
    arguments = [f"--event=conflict.{it}" for it in ("opened", "acknowledged", "resolved")]
    daysheet.run("webhook", "add", receiver.url, *arguments)
    daysheet.run("importer", "--once")
    daysheet.run("importer", "--once")
    assert receiver.events == ["conflict.opened"]
    daysheet.run("conflict", "acknowledge", "1")
    daysheet.run("importer", "--once")
    dispatch.update("blockers", blocker, **ANOTHER_DAY)
    daysheet.run("importer", "--once")
    daysheet.run("importer", "--once")
    assert receiver.events == ["conflict.opened", "conflict.acknowledged", "conflict.resolved"]
    dispatch.update("blockers", blocker, **LATER)
    daysheet.run("importer", "--once")
    assert receiver.events[3:] == ["conflict.opened"]


@pytest.mark.usefixtures("blocker")
def test_switched_off_there_are_none(daysheet: Daysheet) -> None:
    assert len(daysheet.json("conflict", "list")["conflicts"]) == 1
    daysheet.run("settings", "set", "conflicts.enabled", "no")
    daysheet.run("importer", "--once")
    (found,) = daysheet.json("conflict", "list", "--status", "resolved")["conflicts"]
    assert found["reason"] == "off"
    daysheet.run("settings", "set", "conflicts.enabled", "yes")
    assert len(daysheet.json("conflict", "list")["conflicts"]) == 1
