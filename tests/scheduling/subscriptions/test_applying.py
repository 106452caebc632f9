# SPDX-License-Identifier: GPL-3.0-or-later
"""Large states of a source are written in steps: each is short, everybody sees whole states only, and a kill between
any two of them loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from importer.understand.body import Job, Reader, Stream, read
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.availability.answer import answer
from scheduling.availability.people import caught_up
from scheduling.availability.question import Question
from scheduling.calendars import objects, sync
from scheduling.calendars.catch_up import STEP
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.database.steps import ROWS
from scheduling.settings.stored import view
from scheduling.snapshot import Snapshot
from scheduling.subscriptions import generations, history, subscriptions
from scheduling.subscriptions.applying import SMALL
from scheduling.subscriptions.facts import Applied, Due, Facts, Failure, Taken
from scheduling.subscriptions.store import ImportStore
from scheduling.subscriptions.unfinished import Unfinished, finish
from scheduling.upkeep import maintenance
from tests.factories import Dispatch
from tests.watching import after_each_write, rows_written

KEYRING = Keyring("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
LARGE = 2 * SMALL + 60
LEASE = 60
_MOST = 3 * ROWS + 20
"""Rows of a step: an event is written, its content taken from beside and the one before put there; and a few of the
subscription.
"""


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@dataclass
class Case:
    """One subscription, and a client that holds its calendar as it was synchronised last."""

    database: Database
    number: int
    user: int
    store: ImportStore
    now: int = 1_000_000_000_000
    held: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def claim(self) -> Due:
        self.now += LEASE + 1
        [due] = self.store.claim(self.now, LEASE, 1, only=self.number)
        return due

    def take(self, uids: Iterable[int], state: str, due: Due | None = None) -> Taken:
        due = due or self.claim()
        return self.store.apply(due, self.state(due, uids, state))

    def state(self, due: Due, uids: Iterable[int], state: str) -> Applied:
        body = "".join(_event(uid, state) for uid in uids)
        stream = Stream(body=f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{body}END:VCALENDAR\r\n".encode())
        reader = Reader(time_zone="UTC", zone_is_given=False, stored=self.store.hashes(due))
        [found] = read(Job(content=stream, max_events=5000, readers=(reader,), now=datetime.now(UTC)))
        return Applied(seen=found.seen, upserts=found.events, facts=facts(state))

    def shown(self) -> tuple[set[str], int]:
        """The states that the events in the calendar say they are of, and how many there are. What the client gets by
        synchronising has to be the same.
        """
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            state = snapshot.calendar("anna", f"external-{self.number}")
            assert state is not None
            whole = {
                it.name: it.calendar
                for it in objects.all_objects(snapshot.connection, state.id, state.cutoff)
            }
            changed, token = sync.since(snapshot.connection, state, self.token)
            for name, etag in changed:
                if etag is None:
                    self.held.pop(name, None)
                else:
                    self.held[name] = whole[name]
            self.token = str(token)
        assert self.held == whole, "a client that synchronises misses something"
        titles = [re.findall(r"SUMMARY:(\S+)", it) for it in whole.values()]
        return {title for found in titles for title in found}, len(whole)

    def busy(self) -> int:
        start = int(START.timestamp())
        question = Question(start=start, end=start + 86400 * 60, max_staleness=86400 * 366)
        with Snapshot(self.database, Config(), followers=FOLLOWERS) as snapshot:
            people = caught_up(snapshot, ["anna"])
            found = answer(snapshot.connection, people, question, snapshot.now)[0]
        return sum(it.fbtype == "BUSY" for it in found.periods)

    def rows(self, table: str) -> int:
        with self.database.read() as connection:
            found = connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            return int(found.scalar_one())

    def is_applying(self) -> bool:
        with self.database.read() as connection:
            return connection.execute(text("SELECT applying FROM subscriptions")).scalar_one() is not None

    def unfinished(self) -> Unfinished:
        return Unfinished(self.database, Config(), followers=FOLLOWERS)


def facts(etag: str) -> Facts:
    return Facts(etag=etag, last_modified=None, next_at=0)


def _event(uid: int, state: str) -> str:
    begins = START + timedelta(hours=2 * uid)
    return (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{begins:%Y%m%dT%H%M%SZ}\r\nDURATION:PT30M\r\n"
        f"SUMMARY:{state}\r\nEND:VEVENT\r\n"
    )


@pytest.fixture
def case(database: Database) -> Case:
    with database.write() as connection:
        user = users.create(connection, username="anna", time_zone="UTC", actor=SYSTEM).id
        url = "https://calendar.example/1.ics"
        number = subscriptions.add(connection, KEYRING, user, url, "Other", actor=SYSTEM).id
    return Case(database, number, user, ImportStore(database, Config(), KEYRING, followers=FOLLOWERS))


@pytest.fixture
def writer(case: Case) -> Iterator[Dispatch]:
    """A plain SQL writer that waits for nobody."""
    with Dispatch.connect(case.database.url) as application:
        at_once = "PRAGMA busy_timeout = 0" if case.database.is_sqlite else "SET lock_timeout = '50ms'"
        application.execute(at_once)
        yield application


def test_each_step_writes_a_bounded_number_of_rows(case: Case) -> None:
    several = 3 * ROWS
    for uids, state in ((range(several), "one"), (range(50, several + 50), "two")):
        with rows_written(case.database) as rows:
            assert case.take(uids, state).status == "applied"
        assert case.shown() == ({state}, several)
        assert max(rows) <= _MOST
        assert len([it for it in rows if it > STEP]) >= 2 * several // ROWS + several // STEP
    assert not case.is_applying()


def test_a_small_state_is_one_transaction(case: Case) -> None:
    due = case.claim()
    state = case.state(due, range(SMALL), "one")
    with rows_written(case.database) as rows:
        assert case.store.apply(due, state).inserted == SMALL
    assert len(rows) == 1
    assert case.shown() == ({"one"}, SMALL)


def test_others_write_between_the_steps_and_see_whole_states_only(case: Case, writer: Dispatch) -> None:
    seen: list[tuple[set[str], int]] = []

    def look() -> None:
        writer.execute("UPDATE users SET display_name = display_name")
        seen.append(case.shown())

    with after_each_write(case.database, look):
        first = case.take(range(LARGE), "one")
        second = case.take(range(30, LARGE + 60), "two")
    assert (first.inserted, second.inserted, second.updated, second.deleted) == (LARGE, 60, LARGE - 30, 30)
    states = [(set(), 0), ({"one"}, LARGE), ({"two"}, LARGE + 30)]
    assert [it for index, it in enumerate(seen) if index == 0 or it != seen[index - 1]] == states
    assert all(seen.count(it) > 2 for it in states[:2])


def test_time_is_busy_as_in_the_state_before_until_all_of_the_next_is_there(case: Case) -> None:
    case.take(range(LARGE), "one")
    busy: set[int] = set()
    with after_each_write(case.database, lambda: busy.add(case.busy())):
        case.take(range(30, LARGE + 60), "two")
    assert busy == {LARGE, LARGE + 30}


@pytest.mark.parametrize("by", ["the next fetch", "an unchanged source", "a failure", "the worker"])
def test_a_kill_after_any_step_loses_nothing(case: Case, by: str) -> None:
    case.take(range(LARGE), "0")
    before, kills, step = "0", 0, 0
    while True:
        step += 1
        state, due, left = str(step), case.claim(), step

        def kill() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        try:
            with after_each_write(case.database, kill):
                case.take(range(step % 7, LARGE), state, due)
        except Killed:
            kills += 1
        else:
            break
        states, count = case.shown()
        assert (states, count) in (({before}, LARGE - (step - 1) % 7), ({state}, LARGE - step % 7))
        if by == "the worker":
            case.unfinished().turn(case.now + LEASE + 1)
        elif by == "an unchanged source":
            case.store.unchanged(case.claim(), facts(state))
        elif by == "a failure":
            case.store.failed(case.claim(), Failure(reason="http-404", message="Gone.", next_at=0))
        else:
            assert case.take(range(step % 7, LARGE), state).status == "applied"
        assert not case.is_applying()
        states, count = case.shown()
        assert (states, count) in (({before}, LARGE - (step - 1) % 7), ({state}, LARGE - step % 7))
        assert by != "the next fetch" or states == {state}
        case.take(range(step % 7, LARGE), state)
        assert case.shown() == ({state}, LARGE - step % 7)
        before = state
    assert kills > 6
    assert case.rows("external_event_versions") < 8 * LARGE
    with case.database.read() as connection:
        kept = generations.listed(connection, case.number)
    assert [it.state for it in kept].count(generations.CURRENT) == 1


def test_whoever_lost_the_claim_between_two_steps_records_nothing(case: Case) -> None:
    due = case.claim()

    def pause() -> None:
        with case.database.write() as connection:
            subscriptions.pause(connection, case.number, actor=SYSTEM)

    state = case.state(due, range(LARGE), "one")
    with after_each_write(case.database, pause):
        assert case.store.apply(due, state).status == "lost"
    assert case.shown() == (set(), 0)
    case.unfinished().turn(case.now)
    assert not case.is_applying()


def test_what_somebody_accepts_or_goes_back_to_is_shown_in_steps_too(case: Case) -> None:
    case.take(range(LARGE), "one")
    assert case.take(range(10 * LARGE, 11 * LARGE), "two").status == "quarantined"
    with case.database.read() as connection:
        doubted = generations.in_state(connection, case.number, generations.QUARANTINED)
        shown = view(connection, Config())
    assert doubted is not None
    with rows_written(case.database) as rows, case.database.write() as connection:
        history.accept(connection, case.number, doubted.id, shown, actor=SYSTEM, followers=FOLLOWERS)
    assert rows[0] < 20
    assert case.shown() == ({"one"}, LARGE)
    with rows_written(case.database) as rows:
        finish(case.database, Config(), case.number, followers=FOLLOWERS)
    assert max(rows) <= _MOST
    assert case.shown() == ({"two"}, LARGE)
    with case.database.write() as connection:
        found = subscriptions.get(connection, case.number, actor=SYSTEM)
        assert (found.status, found.reason) == ("active", None)
        past = generations.in_state(connection, case.number, generations.PAST)
        assert past is not None
        history.roll_back(connection, case.number, past.id, shown, actor=SYSTEM, followers=FOLLOWERS)
    case.unfinished().turn(case.now)
    assert case.shown() == ({"one"}, LARGE)
    with case.database.read() as connection:
        assert generations.in_state(connection, case.number, generations.REJECTED) is not None


@pytest.mark.parametrize("keeps", [True, False])
def test_a_large_calendar_goes_at_once_and_its_rows_in_steps(case: Case, keeps: bool) -> None:
    several = 3 * ROWS
    case.take(range(several), "one")
    case.take(range(several), "two")
    with rows_written(case.database) as rows, case.database.write() as connection:
        subscriptions.remove(connection, case.number, events="keep" if keeps else "delete", actor=SYSTEM)
    assert rows[0] < 20
    with case.database.read() as connection:
        assert subscriptions.list_subscriptions(connection, actor=SYSTEM) == []
        detached = subscriptions.list_subscriptions(connection, detached=True, actor=SYSTEM)
    assert [it.id for it in detached] == ([case.number] if keeps else [])
    assert case.busy() == (720 if keeps else 0)
    with rows_written(case.database) as rows:
        case.unfinished().turn(case.now)
        maintenance.run(case.database, Config(), datetime.now(UTC), followers=FOLLOWERS)
    assert max(rows) <= _MOST
    tables = ("external_events", "calendar_objects", "subscriptions", "external_event_versions")
    left = (several, several, 1, 0) if keeps else (0, 0, 0, 0)
    assert tuple(map(case.rows, tables)) == left
    assert case.rows("subscription_generations") == 0
