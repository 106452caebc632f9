# SPDX-License-Identifier: GPL-3.0-or-later
"""The invariant of synchronisation (RFC 6578) under arbitrary writes, clocks, settings and pruning, on both
databases: for every token ever issued, applying the reported changes to what a client held then gives exactly
what a full listing gives now, or the token is refused.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import text

from scheduling.access.permissions import SYSTEM
from scheduling.calendars import objects, sync
from scheduling.calendars.calendars import CalendarState, list_calendars_of
from scheduling.calendars.catch_up import catch_up, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.errors import InvalidSyncToken
from scheduling.settings.stored import change, view
from scheduling.settings.view import today
from scheduling.upkeep import maintenance, orphans
from tests.factories import Dispatch

NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
DAY = 86400
TABLES = (
    "schedule_changes",
    "calendars",
    "settings",
    "job_assignments",
    "jobs",
    "blockers",
    "time_off",
    "users",
)
STATUSES = ("offered", "confirmed", "delivered", "cancelled")
Listing = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A token as some client holds it, with what it listed then."""

    calendar: tuple[int, str]
    token: str
    listing: Listing
    issued_at: int


def period(draw_days: int, length: int, all_day: bool) -> dict[str, Any]:
    """A period `draw_days` from the first day, over columns of the contract tables."""
    start = date(2026, 3, 10) + timedelta(days=draw_days)
    empty = dict.fromkeys(("starts_at", "ends_at", "start_date", "end_date"))
    if all_day:
        return {
            **empty,
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(days=1 + length)).isoformat(),
        }
    begin = datetime(start.year, start.month, start.day, 22, tzinfo=UTC)
    texts = (begin.isoformat(" "), (begin + timedelta(hours=length * 7)).isoformat(" "))
    return {**empty, "starts_at": texts[0], "ends_at": texts[1]}


PERIODS = st.builds(period, st.integers(-70, 40), st.integers(0, 3), st.booleans())
WHICH = st.integers(0, 50)
PERSON = st.integers(0, 1)


class SyncMachine(RuleBasedStateMachine):
    """Two users; the dispatch application writes on one or two connections, readers keep every token."""

    database: ClassVar[Database]

    @initialize()
    def empty_database(self) -> None:
        self.config = Config()
        self.now = NOW
        self.promises: list[Promise] = []
        self.numbers = itertools.count()
        self.first = Dispatch.connect(self.database.url)
        self.second = Dispatch.connect(self.database.url, foreign_keys=False)
        for table in TABLES:
            self.first.execute(f"DELETE FROM {table}")  # noqa: S608
        self.users = [self.first.user(f"user{number}", time_zone="Europe/Berlin") for number in range(2)]

    def teardown(self) -> None:
        for connection in (getattr(self, "first", None), getattr(self, "second", None)):
            if connection is not None:
                connection.connection.close()

    def pick(self, table: str, which: int) -> int | None:
        ids = [row[0] for row in self.first.execute(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608
        return ids[which % len(ids)] if ids else None

    @rule(when=PERIODS, status=st.sampled_from(STATUSES), people=st.sets(PERSON))
    def add_job(self, when: dict[str, Any], status: str, people: set[int]) -> None:
        self.first.job(*(self.users[it] for it in people), status=status, **when)

    @rule(
        when=PERIODS, person=PERSON, rrule=st.sampled_from([None, "FREQ=DAILY;COUNT=4", "FREQ=WEEKLY", "BAD"])
    )
    def add_blocker(self, when: dict[str, Any], person: int, rrule: str | None) -> None:
        self.second.blocker(self.users[person], rrule=rrule, **when)

    @rule(when=PERIODS, which=WHICH, table=st.sampled_from(["jobs", "blockers"]))
    def move(self, when: dict[str, Any], which: int, table: str) -> None:
        if (row := self.pick(table, which)) is not None:
            self.first.update(table, row, **when)

    @rule(which=WHICH, words=st.sampled_from(["a", "b", None]), table=st.sampled_from(["jobs", "blockers"]))
    def reword(self, which: int, words: str | None, table: str) -> None:
        if (row := self.pick(table, which)) is not None:
            self.second.update(table, row, notes=words)

    @rule(which=WHICH, status=st.sampled_from(STATUSES))
    def change_status(self, which: int, status: str) -> None:
        if (row := self.pick("jobs", which)) is not None:
            self.first.update("jobs", row, status=status)

    @rule(which=WHICH, table=st.sampled_from(["jobs", "blockers"]))
    def remove(self, which: int, table: str) -> None:
        if (row := self.pick(table, which)) is not None:
            self.first.delete(table, row)

    @rule(which=WHICH)
    def remove_job_without_foreign_keys(self, which: int) -> None:
        if (row := self.pick("jobs", which)) is not None:
            self.second.delete("jobs", row)

    @rule(which=WHICH, people=st.sets(PERSON))
    def reassign(self, which: int, people: set[int]) -> None:
        if (job := self.pick("jobs", which)) is None:
            return
        with self.first.transaction():
            self.first.execute("DELETE FROM job_assignments WHERE job_id = :job", job=job)
            for it in people:
                self.first.assign(job, self.users[it])

    @rule(which=WHICH, person=PERSON)
    def give_blocker_away(self, which: int, person: int) -> None:
        if (row := self.pick("blockers", which)) is not None:
            self.first.update("blockers", row, user_id=self.users[person])

    @rule(words=st.sampled_from(["bulk", None]))
    def bulk_update(self, words: str | None) -> None:
        self.first.execute("UPDATE jobs SET notes = :words", words=words)
        self.second.execute("UPDATE blockers SET notes = :words WHERE id % 2 = 0", words=words)

    @rule()
    def bulk_delete(self) -> None:
        self.first.execute("DELETE FROM jobs WHERE id % 3 = 0")

    @rule(person=PERSON, zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Nowhere"]))
    def move_user(self, person: int, zone: str) -> None:
        self.first.update("users", self.users[person], time_zone=zone)

    @rule(which=WHICH)
    def write_and_roll_back(self, which: int) -> None:
        self.first.execute("BEGIN")
        self.first.execute("UPDATE jobs SET notes = 'never'")
        self.first.execute("ROLLBACK")

    @rule(seconds=st.sampled_from([1, 60, DAY, 3 * DAY, 31 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from([1, 3600, DAY + 60]))
    def clock_goes_back(self, seconds: int) -> None:
        self.now -= seconds

    @rule(statuses=st.sampled_from(["confirmed", "offered,confirmed", "cancelled,delivered", None]))
    def change_statuses(self, statuses: str | None) -> None:
        self.set("calendars.job_statuses", statuses)

    @rule(template=st.sampled_from(["{organisation} {notes}", "{reference}", None]))
    def change_template(self, template: str | None) -> None:
        self.set("templates.job_summary", template)

    @rule(months=st.sampled_from(["1", "2", "3", "all", None]))
    def change_window(self, months: str | None) -> None:
        self.set("calendars.history_months", months)

    def set(self, name: str, value: str | None) -> None:
        with self.database.write() as connection:
            change(connection, name, value, actor=SYSTEM)

    @rule(days=st.sampled_from([0, 0, 1, 20]))
    def prune(self, days: int) -> None:
        with self.database.write() as connection:
            maintenance.prune(connection, days, self.now)
        orphans.drop_calendars(self.database)
        orphans.drop_changes(self.database)

    def states(self) -> list[CalendarState]:
        found: list[CalendarState] = []
        for user in self.users:
            with self.database.write() as connection:
                ensure_calendars(connection, user, self.now)
                shown = view(connection, self.config)
                for slug in ("jobs", "blockers"):
                    catch_up(connection, user, slug, shown, self.now, followers=FOLLOWERS)
                listed = list_calendars_of(connection, user, shown, today(self.now))
            assert listed is not None
            found += [state for state in listed[1] if state.slug != "time-off"]
        return found

    @precondition(lambda self: hasattr(self, "users"))
    @rule()
    def everybody_reads(self) -> None:
        for state in self.states():
            key = (state.owner.user_id, state.slug)
            with self.database.read() as connection:
                listing = {it.name: it.etag for it in objects.all_objects(connection, state.id, state.cutoff)}
                token = str(sync.token_of(state))
                for promise in self.promises:
                    if promise.calendar == key:
                        self.check(connection, state, promise, listing)
            if not any(it.calendar == key and it.token == token for it in self.promises):
                self.promises.append(Promise(calendar=key, token=token, listing=listing, issued_at=self.now))

    def rendering_everything_anew_changes_nothing(self) -> None:
        self.states()
        with self.database.write() as connection:
            connection.execute(text("UPDATE calendars SET view_epoch = ''"))
            shown = view(connection, self.config)
            for user in self.users:
                for slug in ("jobs", "blockers"):
                    assert catch_up(connection, user, slug, shown, self.now, followers=FOLLOWERS) == 0, (
                        "a write was missed"
                    )

    def check(self, connection: Any, state: CalendarState, promise: Promise, listing: Listing) -> None:
        if promise.token == str(sync.token_of(state)):
            assert promise.listing == listing, "one token for two listings"
        try:
            names = list(sync.changes(connection, state, promise.token))
        except InvalidSyncToken:
            assert state.pruned_revision > sync.Token.parse(promise.token).revision, "refused without need"
            return
        assert len(names) == len(set(names))
        held = dict(promise.listing)
        for name in names:
            if name in listing:
                held[name] = listing[name]
            else:
                held.pop(name, None)
        assert held == listing

    @invariant()
    def state_that_did_not_change_has_the_same_token(self) -> None:
        if not hasattr(self, "users") or next(self.numbers) % 5:
            return
        self.everybody_reads()
        self.rendering_everything_anew_changes_nothing()
        before = [str(sync.token_of(state)) for state in self.states()]
        assert [str(sync.token_of(state)) for state in self.states()] == before


def run(machine: type[RuleBasedStateMachine], database: Database, examples: int) -> None:
    concrete = type("Machine", (machine,), {"database": database})
    concrete.TestCase.settings = settings(
        max_examples=examples,
        stateful_step_count=30,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    concrete.TestCase("runTest").debug()


@pytest.mark.timeout(600)  # a failure is worth the time to make it small
def test_every_token_ever_issued_leads_to_the_present_on_sqlite(
    sqlite_database: Database, tmp_path: Path
) -> None:
    run(SyncMachine, sqlite_database, 80)


@pytest.mark.timeout(600)  # a failure is worth the time to make it small
def test_every_token_ever_issued_leads_to_the_present_on_postgresql(postgresql_database: Database) -> None:
    run(SyncMachine, postgresql_database, 15)
