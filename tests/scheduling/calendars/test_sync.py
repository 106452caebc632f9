# SPDX-License-Identifier: GPL-3.0-or-later
"""Sync tokens one at a time: spelling, refusal, the moving window, and restored backups. The invariant over
all tokens is in test_sync_machine.py.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.calendars import objects, sync
from scheduling.calendars.calendars import CalendarState, find_calendar
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import InvalidSyncToken
from scheduling.settings.stored import change, view
from scheduling.settings.view import today
from scheduling.upkeep import maintenance
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400


class Client:
    """A client that remembers one calendar by its token."""

    def __init__(self, database: Database, config: Config, username: str, slug: str = "blockers") -> None:
        self.database, self.config, self.username, self.slug = database, config, username, slug
        self.token = ""
        self.held: dict[str, str] = {}

    def sync(self, now: int = NOW) -> dict[str, str | None]:
        """What the server reports since the last time: name to etag, None for removed."""
        state = self.state(now)
        with self.database.read() as connection:
            members = {it.name: it.etag for it in objects.all_objects(connection, state.id, state.cutoff)}
            if self.token:
                names = set(sync.changes(connection, state, self.token))
                reported = {name: members.get(name) for name in names}
            else:
                reported = dict(members)
        for name, etag in reported.items():
            if etag is None:
                self.held.pop(name, None)
            else:
                self.held[name] = etag
        self.token = str(sync.token_of(state))
        assert self.held == members
        return reported

    def state(self, now: int) -> CalendarState:
        with self.database.write() as connection:
            shown = view(connection, self.config)
            found = find_calendar(connection, self.username, self.slug, shown, today(now))
            assert found is not None
            ensure_calendars(connection, found[0].user_id, now)
            catch_up(connection, found[0].user_id, self.slug, shown, now, followers=FOLLOWERS)
            found = find_calendar(connection, self.username, self.slug, shown, today(now))
        assert found is not None
        assert found[1] is not None
        return found[1]


@pytest.fixture
def ann(dispatch: Dispatch) -> int:
    return dispatch.user("ann")


@pytest.fixture
def client(database: Database, config: Config, ann: int) -> Client:
    return Client(database, config, "ann")


def test_token_is_a_uri_that_names_calendar_revision_and_cutoff(client: Client) -> None:
    client.sync()
    state = client.state(NOW)
    assert client.token == f"https://daysheet.invalid/ns/sync/{state.id}/{state.revision}/2026-02-10"
    assert sync.Token.parse(client.token) == sync.token_of(state)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://daysheet.invalid/ns/sync/",
        "https://daysheet.invalid/ns/sync/1/2",
        "https://daysheet.invalid/ns/sync/1/2/2026-02-10/",
        "https://daysheet.invalid/ns/sync/01/2/2026-02-10",
        "https://daysheet.invalid/ns/sync/1/+2/2026-02-10",
        "https://daysheet.invalid/ns/sync/1/2/20260210",
        "https://daysheet.invalid/ns/sync/1/2/2026-02-30",
        "https://daysheet.invalid/ns/sync/1/٢/2026-02-10",
        "http://daysheet.invalid/ns/sync/1/2/2026-02-10",
        "https://daysheet.invalid/ns/sync/1/" + "2" * 5000 + "/2026-02-10",
        "1/2/2026-02-10",
        "garbage",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidSyncToken, match="not from this server"):
        sync.Token.parse(text)


def test_nothing_changed_gives_the_same_token_and_no_changes(
    client: Client, dispatch: Dispatch, ann: int
) -> None:
    dispatch.blocker(ann)
    client.sync()
    before = client.token
    dispatch.job(ann)
    dispatch.execute("UPDATE blockers SET reference = 'R'")
    assert client.sync(NOW + 3600) == {}
    assert client.token == before


def test_added_changed_and_removed_objects_are_reported(client: Client, dispatch: Dispatch, ann: int) -> None:
    goes, changes, _stays = (dispatch.blocker(ann) for _ in range(3))
    client.sync()
    assert len(client.held) == 3
    dispatch.delete("blockers", goes)
    dispatch.update("blockers", changes, title="Doctor")
    dispatch.blocker(ann)
    reported = client.sync(NOW + 60)
    assert len(reported) == 3
    assert sorted(etag is None for etag in reported.values()) == [False, False, True]


def test_objects_leave_and_enter_with_the_window(client: Client, dispatch: Dispatch, ann: int) -> None:
    old = {"starts_at": "2026-02-10 09:00:00+00:00", "ends_at": "2026-02-10 10:00:00+00:00"}
    dispatch.blocker(ann, **old)
    dispatch.blocker(ann)
    client.sync()
    assert len(client.held) == 2
    first = client.token
    assert list(client.sync(NOW + DAY).values()) == [None]
    assert client.token != first
    assert client.token.rsplit("/", 1)[0] == first.rsplit("/", 1)[0]
    with client.database.write() as connection:
        change(connection, "calendars.history_months", "2", actor=SYSTEM)
    assert len(client.sync(NOW + DAY)) == 1
    assert len(client.held) == 2
    with client.database.write() as connection:
        change(connection, "calendars.history_months", "all", actor=SYSTEM)
    assert client.sync(NOW + DAY) == {}
    assert client.token.endswith("/0001-01-01")


def test_clock_that_goes_back_a_day_brings_objects_back(client: Client, dispatch: Dispatch, ann: int) -> None:
    dispatch.blocker(ann, starts_at="2026-02-10 09:00:00+00:00", ends_at="2026-02-10 10:00:00+00:00")
    client.sync(NOW + DAY)
    assert client.held == {}
    assert len(client.sync(NOW)) == 1


def test_object_changed_outside_the_window_is_removed_from_clients(
    client: Client, dispatch: Dispatch, ann: int
) -> None:
    blocker = dispatch.blocker(ann)
    client.sync()
    dispatch.update(
        "blockers", blocker, starts_at="2020-01-01 09:00:00+00:00", ends_at="2020-01-01 10:00:00+00:00"
    )
    assert list(client.sync(NOW + 60).values()) == [None]


def test_tokens_that_were_not_issued_here_are_refused(
    client: Client, dispatch: Dispatch, config: Config, ann: int
) -> None:
    dispatch.user("bob")
    client.sync()
    other = Client(client.database, config, "bob")
    other.sync()
    held = sync.Token.parse(client.token)
    refused = {
        other.token: "another calendar",
        str(
            sync.Token(calendar_id=held.calendar_id, revision=held.revision + 1, cutoff=held.cutoff)
        ): "not issued",
        str(
            sync.Token(calendar_id=held.calendar_id, revision=held.revision - 1, cutoff=held.cutoff)
        ): "too old",
        str(sync.Token(calendar_id=held.calendar_id, revision=0, cutoff=held.cutoff)): "too old",
    }
    for token, reason in refused.items():
        client.token = token
        with pytest.raises(InvalidSyncToken, match=reason):
            client.sync()


def test_revisions_inside_a_batch_are_refused(client: Client, dispatch: Dispatch, ann: int) -> None:
    client.sync()
    for _ in range(3):
        dispatch.blocker(ann)
    client.sync(NOW + 60)
    held = sync.Token.parse(client.token)
    client.token = str(
        sync.Token(calendar_id=held.calendar_id, revision=held.revision - 1, cutoff=held.cutoff)
    )
    with pytest.raises(InvalidSyncToken, match="not issued"):
        client.sync(NOW + 60)


def test_token_stays_good_while_nothing_changes_and_is_refused_once_pruned(
    client: Client, dispatch: Dispatch, ann: int
) -> None:
    blocker = dispatch.blocker(ann, start_date="2030-01-01", end_date="2030-01-02")
    dispatch.blocker(ann, start_date="2031-01-01", end_date="2031-01-02")
    client.sync()
    first = client.token
    later = NOW + 200 * DAY
    with client.database.write() as connection:
        maintenance.prune(connection, 90, later)
    assert client.sync(later) == {}
    dispatch.delete("blockers", blocker)
    assert len(client.sync(later + 60)) == 1
    with client.database.write() as connection:
        maintenance.prune(connection, 90, later + 89 * DAY)
    client.token, client.held = first, client.held
    assert len(client.sync(later + 60)) == 1
    with client.database.write() as connection:
        assert maintenance.prune(connection, 90, later + 91 * DAY) > 0
    good = client.token
    client.token = first
    with pytest.raises(InvalidSyncToken, match="too old"):
        client.sync(later + 91 * DAY)
    client.token = good
    assert client.sync(later + 91 * DAY) == {}


def test_removed_and_forgotten_object_starts_over_when_it_comes_back(
    client: Client, dispatch: Dispatch, ann: int
) -> None:
    job = dispatch.job(ann, start_date="2030-01-01", end_date="2030-01-02")
    jobs = Client(client.database, client.config, "ann", "jobs")
    jobs.sync()
    dispatch.update("jobs", job, status="cancelled")
    jobs.sync(NOW + 60)
    dispatch.job(ann, start_date="2030-01-01", end_date="2030-01-02")
    jobs.sync(NOW + 120)
    with client.database.write() as connection:
        assert maintenance.prune(connection, 1, NOW + 2 * DAY) > 0
    dispatch.update("jobs", job, status="confirmed")
    assert len(jobs.sync(NOW + 2 * DAY)) == 1


@pytest.mark.parametrize("later", [60, 5 * DAY, -60])
def test_token_from_after_a_restored_backup_is_refused(
    sqlite_database: Database, config: Config, tmp_path: Path, later: int
) -> None:
    assert sqlite_database.path is not None
    with Dispatch.connect(sqlite_database.url) as dispatch:
        ann = dispatch.user("ann")
        dispatch.blocker(ann)
        client = Client(sqlite_database, config, "ann")
        client.sync(NOW)
        before, held = client.token, dict(client.held)
        backup = tmp_path / "backup.db"
        dispatch.execute("VACUUM INTO :backup", backup=str(backup))
        for number in range(10):
            dispatch.blocker(ann, title=f"lost {number}")
            client.sync(NOW + 10 + number)
    lost = client.token
    sqlite_database.dispose()
    for leftover in sqlite_database.path.parent.glob("daysheet.db-*"):
        leftover.unlink()
    shutil.copyfile(backup, sqlite_database.path)
    with pytest.raises(InvalidSyncToken, match="not issued"):
        client.sync(NOW + 40)
    with Dispatch.connect(sqlite_database.url) as dispatch:
        for number in range(3):
            dispatch.blocker(ann, title=f"new {number}")
            Client(sqlite_database, config, "ann").sync(NOW + later + number)
        client.token = lost
        with pytest.raises(InvalidSyncToken, match="not issued"):
            client.sync(NOW + later + 10)
        client.token, client.held = before, held
        assert len(client.sync(NOW + later + 20)) == 3


def test_last_modified_and_etag_move_with_the_window(client: Client, dispatch: Dispatch, ann: int) -> None:
    client.sync()
    dispatch.blocker(ann)
    dispatch.execute("UPDATE schedule_changes SET changed_at = :moment", moment=NOW + 10)
    today_, same, tomorrow = (client.state(now) for now in (NOW + 20, NOW + 30, NOW + DAY))
    assert (today_.etag, today_.last_modified) == (same.etag, same.last_modified)
    assert today_.last_modified == "Tue, 10 Mar 2026 00:00:10 GMT"
    assert tomorrow.etag != today_.etag
    assert tomorrow.last_modified == "Wed, 11 Mar 2026 00:00:00 GMT"
    assert (today_.cutoff, tomorrow.cutoff) == (date(2026, 2, 10), date(2026, 2, 11))


def test_token_and_listing_of_one_read_agree_while_others_write(
    client: Client, dispatch: Dispatch, config: Config, ann: int
) -> None:
    blocker = dispatch.blocker(ann)
    client.sync()
    with client.database.read() as connection:
        found = find_calendar(connection, "ann", "blockers", view(connection, config), today(NOW))
        assert found is not None
        assert found[1] is not None
        dispatch.delete("blockers", blocker)
        dispatch.blocker(ann, title="new")
        other = Client(client.database, config, "ann")
        other.sync(NOW + 60)
        listed = {it.name: it.etag for it in objects.all_objects(connection, found[1].id, found[1].cutoff)}
        assert str(sync.token_of(found[1])) == client.token
    assert listed == client.held
    assert len(client.sync(NOW + 60)) == 2
