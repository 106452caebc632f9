# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts under arbitrary SQL writes, clocks, settings and acknowledgements, on both databases: after every turn they
are exactly the overlapping pairs, found anew by comparing everything with everything; what was acknowledged stays so
while its overlaps are the same; and every change was told once.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from scheduling.access.permissions import SYSTEM
from scheduling.calendars import objects, sync
from scheduling.calendars.catch_up import catch_up, create_calendar, ensure_calendars
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.conflicts import listing
from scheduling.conflicts.acknowledge import acknowledge
from scheduling.conflicts.check import check_step
from scheduling.conflicts.rules import Rules
from scheduling.conflicts.watch import Watch
from scheduling.database.connection import Database
from scheduling.ical import series_json
from scheduling.ical.recurrence import parse_rule
from scheduling.ical.series import Series
from scheduling.settings.stored import change, effective, view
from scheduling.snapshot import Snapshot
from tests.factories import Dispatch

pytestmark = pytest.mark.early
NOW = 1_773_100_800  # 2026-03-10 00:00:00 UTC
HOUR, DAY = 3600, 86400
TABLES = (
    *(
        "conflicts",
        "conflict_checks",
        "conflict_users",
        "webhook_deliveries",
        "schedule_changes",
        "calendars",
    ),
    *(
        "settings",
        "external_events",
        "subscriptions",
        "job_assignments",
        "jobs",
        "blockers",
        "time_off",
        "users",
    ),
)
RULES = {None: 1, "FREQ=DAILY;COUNT=3": 3, "FREQ=DAILY;INTERVAL=2": 10**6}
Span = tuple[int, int]
PERSON = st.integers(0, 1)
WHICH = st.integers(0, 50)
STARTS = st.one_of(st.integers(-3, 30), st.just(24 * 900))
LENGTHS = st.sampled_from([0, 1, 2, 5, 24 * 9])


def columns(start: int, hours: int) -> dict[str, str]:
    """A period from `start` hours after the first moment."""
    begin = datetime.fromtimestamp(NOW + start * HOUR, UTC)
    return {"starts_at": begin.isoformat(" "), "ends_at": (begin + timedelta(hours=hours)).isoformat(" ")}


def epoch(value: Any) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return int(moment.timestamp())


class ConflictMachine(RuleBasedStateMachine):
    """Two people and a dispatcher."""

    database: ClassVar[Database]

    @initialize(starts=st.lists(st.integers(-3, 24), min_size=12, max_size=12))
    def begin(self, starts: list[int]) -> None:
        self.config, self.now, self.numbers = Config(), NOW, itertools.count()
        self.dispatch = Dispatch.connect(self.database.url)
        for table in TABLES:
            self.dispatch.execute(f"DELETE FROM {table}")  # noqa: S608
        self.users = [self.dispatch.user(f"user{number}") for number in range(2)]
        self.dispatch.user("dana", role="dispatcher")
        self.feeds = [[self.subscribe(user), self.subscribe(user)] for user in self.users]
        self.watches = [Watch(self.database, self.config, followers=FOLLOWERS) for _ in range(2)]
        self.acknowledged: dict[tuple[int, int, str, int], list[Span]] = {}
        self.dispatch.execute("DELETE FROM webhooks")
        self.webhook()
        for number, start in enumerate(starts):
            rrule = [None, "FREQ=DAILY;COUNT=3", "FREQ=DAILY;INTERVAL=2"][number // 4]
            if number % 2:
                self.add_job(start, 1 + number // 2, {number // 2 % 2, number // 6}, "confirmed")
            elif number % 4:
                self.add_blocker(start, 2, number // 4 % 2, rrule)
            else:
                self.add_import(start, 3, number // 4 % 2, rrule, "BUSY", 0, number // 8)

    def webhook(self) -> None:
        blob = "X'00'" if self.database.is_sqlite else "'\\x00'"
        events = "conflict.opened conflict.resolved conflict.acknowledged"
        self.dispatch.execute(
            "INSERT INTO webhooks (label, host, encrypted_url, encrypted_secret, events, within_hours, created_at)"  # noqa: S608
            f" VALUES ('x', 'x', {blob}, {blob}, '{events}', 24, '2026-01-01 00:00:00')"
        )

    def subscribe(self, user: int) -> int:
        blob = "X'00'" if self.database.is_sqlite else "'\\x00'"
        added = int(
            self.dispatch.execute(
                "INSERT INTO subscriptions (user_id, label, host, encrypted_url, created_at, next_at)"  # noqa: S608
                f" VALUES (:person, 'Private', 'x', {blob}, '2026-01-01 00:00:00', 0) RETURNING id",
                person=user,
            )[0][0]
        )
        with self.database.write() as connection:
            key = {"user_id": user, "slug": f"external-{added}", "kind": "external"}
            create_calendar(connection, **key, now=self.now, display_name="Private")
        return added

    def teardown(self) -> None:
        if hasattr(self, "dispatch"):
            self.dispatch.connection.close()

    def pick(self, table: str, which: int) -> int | None:
        ids = [row[0] for row in self.dispatch.execute(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608
        return ids[which % len(ids)] if ids else None

    @rule(
        start=STARTS,
        hours=LENGTHS,
        people=st.sets(PERSON, min_size=1),
        status=st.sampled_from(["confirmed"] * 3 + ["offered"]),
    )
    def add_job(self, start: int, hours: int, people: set[int], status: str) -> None:
        self.dispatch.job(*(self.users[it] for it in people), status=status, **columns(start, hours))

    @rule(start=STARTS, hours=LENGTHS, person=PERSON, rrule=st.sampled_from(list(RULES)))
    def add_blocker(self, start: int, hours: int, person: int, rrule: str | None) -> None:
        self.dispatch.blocker(self.users[person], rrule=rrule, **columns(start, min(hours, 20)))

    @rule(start=STARTS, hours=LENGTHS, person=PERSON, status=st.sampled_from(["approved", "requested"]))
    def add_time_off(self, start: int, hours: int, person: int, status: str) -> None:
        self.dispatch.time_off(self.users[person], status=status, **columns(start, hours))

    @rule(
        start=STARTS,
        hours=LENGTHS,
        person=PERSON,
        rrule=st.sampled_from(list(RULES)),
        busy=st.sampled_from(["BUSY", "BUSY-TENTATIVE", ""]),
        feed=st.integers(0, 1),
        uid=st.integers(0, 4),
    )
    def add_import(
        self, start: int, hours: int, person: int, rrule: str | None, busy: str, feed: int, uid: int
    ) -> None:
        key = {"subscription_id": self.feeds[person][feed], "uid": f"event-{uid}"}
        same = "SELECT id FROM external_events WHERE subscription_id = :subscription_id AND uid = :uid"
        for (row,) in self.dispatch.execute(same, key):
            self.dispatch.delete("external_events", row)
        begin = datetime.fromtimestamp(NOW + start * HOUR, UTC).replace(tzinfo=None)
        series = Series(
            start=begin,
            end=begin + timedelta(hours=min(hours, 20)),
            tzid="UTC",
            rule=parse_rule(rrule) if rrule else None,
            rdates=(),
            exdates=(),
            overrides={},
            busy=busy,
        )
        values = {
            **key,
            "user_id": self.users[person],
            "content_hash": "x",
            "template": "BEGIN:VEVENT\r\nSUMMARY:Secret\r\nEND:VEVENT\r\n",
            "series": series_json.dumps(series),
            "status": "CONFIRMED",
            "transparency": "OPAQUE",
        }
        self.dispatch.insert("external_events", **values)

    @rule(start=STARTS, hours=LENGTHS, which=WHICH, table=st.sampled_from(["jobs", "blockers", "time_off"]))
    def move(self, start: int, hours: int, which: int, table: str) -> None:
        if (row := self.pick(table, which)) is not None:
            self.dispatch.update(table, row, **columns(start, min(hours, 20)))

    @rule(which=WHICH, status=st.sampled_from(["confirmed", "offered", "cancelled"]))
    def change_status(self, which: int, status: str) -> None:
        if (row := self.pick("jobs", which)) is not None:
            self.dispatch.update("jobs", row, status=status)

    @rule(which=WHICH, words=st.sampled_from(["Acme", "Bolt"]))
    def reword(self, which: int, words: str) -> None:
        if (row := self.pick("jobs", which)) is not None:
            self.dispatch.update("jobs", row, organisation=words)

    @rule(which=WHICH, table=st.sampled_from(["jobs", "blockers", "time_off", "external_events"]))
    def remove(self, which: int, table: str) -> None:
        if (row := self.pick(table, which)) is not None:
            self.dispatch.delete(table, row)

    @rule(which=WHICH, people=st.sets(PERSON))
    def reassign(self, which: int, people: set[int]) -> None:
        if (job := self.pick("jobs", which)) is not None:
            with self.dispatch.transaction():
                self.dispatch.execute("DELETE FROM job_assignments WHERE job_id = :job", job=job)
                for it in people:
                    self.dispatch.assign(job, self.users[it])

    @rule(which=WHICH, person=PERSON)
    def give_blocker_away(self, which: int, person: int) -> None:
        if (row := self.pick("blockers", which)) is not None:
            self.dispatch.update("blockers", row, user_id=self.users[person])

    @rule(seconds=st.sampled_from([60, HOUR, 5 * HOUR, DAY, 40 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(
        name=st.sampled_from(["buffer_before_minutes", "buffer_after_minutes"]),
        minutes=st.sampled_from(["0", "60", "90"]),
    )
    def change_buffer(self, name: str, minutes: str) -> None:
        self.set(f"availability.{name}", minutes)

    @rule(statuses=st.sampled_from(["confirmed", "offered,confirmed"]), counts=st.sampled_from(["yes", "no"]))
    def change_offered(self, statuses: str, counts: str) -> None:
        self.set("calendars.job_statuses", statuses)
        self.set("conflicts.offered_jobs", counts)

    @rule(
        counts=st.sampled_from(["yes", "no"]),
        kinds=st.sampled_from(["jobs,blockers,time-off,external", "external"]),
    )
    def change_what_counts(self, counts: str, kinds: str) -> None:
        self.set("conflicts.tentative_events", counts)
        self.set("conflicts.kinds", kinds)

    @rule(enabled=st.sampled_from(["yes", "yes", "no"]))
    def switch(self, enabled: str) -> None:
        self.set("conflicts.enabled", enabled)

    def set(self, name: str, value: str) -> None:
        with self.database.write() as connection:
            change(connection, name, value, actor=SYSTEM)

    @rule(person=PERSON, slug=st.sampled_from(["jobs", "blockers", "time-off"]), check=st.booleans())
    def somebody_reads(self, person: int, slug: str, check: bool) -> None:
        user = self.users[person]
        with self.database.write() as connection:
            shown = view(connection, self.config)
            ensure_calendars(connection, user, self.now)
            catch_up(connection, user, slug, shown, self.now, followers=FOLLOWERS)
        if check:
            check_step(self.database, user, Rules.of(shown), self.now)

    @rule(person=PERSON)
    def leave(self, person: int) -> None:
        self.dispatch.delete("users", self.users[person])
        self.users[person] = self.dispatch.user(f"user{2 + next(self.numbers)}")
        self.feeds[person] = [self.subscribe(self.users[person]) for _ in range(2)]

    @rule(person=PERSON, feed=st.integers(0, 1))
    def copy_imports(self, person: int, feed: int) -> None:
        """What is in the other calendar is in this one too."""
        taken = "SELECT uid FROM external_events WHERE subscription_id = :to"
        columns = "user_id, uid, content_hash, template, series, status, transparency"
        self.dispatch.execute(
            f"INSERT INTO external_events (subscription_id, {columns}) SELECT :to, {columns} FROM external_events"  # noqa: S608
            f" WHERE subscription_id = :origin AND uid NOT IN ({taken})",
            origin=self.feeds[person][1 - feed],
            to=self.feeds[person][feed],
        )

    @rule(person=PERSON, feed=st.integers(0, 1))
    def unsubscribe(self, person: int, feed: int) -> None:
        self.dispatch.delete("subscriptions", self.feeds[person][feed])
        self.feeds[person][feed] = self.subscribe(self.users[person])

    @precondition(lambda self: hasattr(self, "watches"))
    @rule(watch=st.integers(0, 1))
    def turn(self, watch: int) -> None:
        for _ in range(2):  # the second has nothing to do and changes nothing
            self.watches[watch].turn(self.now)
            self.check()

    @rule(which=WHICH, words=st.sampled_from(["known", None]))
    def settle_and_acknowledge(self, which: int, words: str | None) -> None:
        self.turn(0)
        with self.database.write() as connection:
            found = listing.page(connection, listing.Filter(statuses=("open", "acknowledged")))
            if found:
                one = acknowledge(connection, found[which % len(found)].id, words, self.now, actor=SYSTEM)
                key = (one.user_id, one.job_id, one.other_kind, one.other_id)
                self.acknowledged[key] = list(one.overlaps)
        self.check()

    def check(self) -> None:
        expected = dict(self.brute_force())
        with self.database.read() as connection:
            found = listing.page(connection, limit=1000)
            stray = connection.exec_driver_sql(
                "SELECT count(*) FROM conflicts WHERE status <> 'resolved' AND user_id NOT IN (SELECT id FROM users)"
            ).scalar()
            told = dict(
                connection.exec_driver_sql(
                    "SELECT subject, count(*) FROM webhook_deliveries GROUP BY subject"
                ).fetchall()
            )
        assert stray == 0
        live = {
            (it.user_id, it.job_id, it.other_kind, it.other_id): it for it in found if it.status != "resolved"
        }
        assert {key: sorted(it.overlaps) for key, it in live.items()} == expected
        for key, spans in list(self.acknowledged.items()):
            same = key in live and [it for it in spans if it[1] > self.now] == expected[key]
            if not same:
                del self.acknowledged[key]
        assert {key for key, it in live.items() if it.status == "acknowledged"} == set(self.acknowledged)
        for it in found:
            assert told[f"conflict:{it.id}"] == it.version
            assert "Secret" not in repr(it)
        self.check_calendar(len(live))

    def check_calendar(self, count: int) -> None:
        with Snapshot(self.database, self.config, lambda: self.now, followers=FOLLOWERS) as snapshot:
            state = snapshot.calendar("dana", "conflicts")
            assert (state is not None) == snapshot.view.conflicts.enabled
            if state is not None:
                listed = list(objects.all_objects(snapshot.connection, state.id, state.cutoff))
                assert len(listed) == count
                assert str(sync.token_of(state)).endswith(f"/{state.revision}/{state.cutoff}")

    def brute_force(self) -> Iterator[tuple[tuple[int, int, str, int], list[Span]]]:
        with self.database.read() as connection:
            limits = effective(connection, self.config)
        rules = limits.conflicts
        if not rules.enabled:
            return
        for user in self.users:
            # An event without length, kept as one of a second, takes no time.
            jobs = [
                (job, span)
                for job, span in self.jobs(user, limits.calendars.job_statuses, rules.offered_jobs)
                if span[1] - span[0] > 1
            ]
            others = [
                (kind, other, [it for it in spans if it[1] - it[0] > 1], uid)
                for kind, other, spans, uid in self.others(user, rules.tentative_events)
                if kind in rules.kinds
            ]
            counted: dict[tuple[int, str], set[Span]] = {}
            for (job, span), (kind, other, spans, uid) in itertools.product(jobs, others):
                wide = (
                    span[0] - limits.availability.buffer_before_minutes * 60,
                    span[1] + limits.availability.buffer_after_minutes * 60,
                )
                if both := self.common(wide, spans):
                    if uid is not None:  # an older calendar's event comes first
                        before = counted.setdefault((job, uid), set())
                        if before.issuperset(both):
                            continue
                        before.update(both)
                    yield (
                        (
                            user,
                            job,
                            {"time-off": "time_off", "external": "external_ical"}.get(kind, "blocker"),
                            other,
                        ),
                        both,
                    )
            between = 60 * max(
                limits.availability.buffer_before_minutes, limits.availability.buffer_after_minutes
            )
            names = self.names(user)
            for one, two in itertools.combinations(sorted(jobs, key=lambda it: names.get(it[0], "")), 2):
                wide = (one[1][0] - between, one[1][1] + between)
                if "jobs" in rules.kinds and (both := self.common(wide, [two[1]])):
                    yield (user, one[0], "job", two[0]), both

    def names(self, user: int) -> dict[int, str]:
        """Which of two jobs is called the job is told by their objects' names."""
        rows = self.dispatch.execute(
            "SELECT o.source_id, o.name FROM calendar_objects o JOIN calendars c ON c.id = o.calendar_id"
            " WHERE c.user_id = :person AND c.slug = 'jobs'",
            person=user,
        )
        return dict(rows)

    def common(self, wide: Span, spans: list[Span]) -> list[Span]:
        parts = [(max(wide[0], start), min(wide[1], end)) for start, end in spans]
        return sorted({it for it in parts if it[0] < it[1] and it[1] > self.now})

    def jobs(self, user: int, statuses: tuple[str, ...], offered: bool) -> Iterator[tuple[int, Span]]:
        rows = self.dispatch.execute(
            "SELECT j.id, j.starts_at, j.ends_at, j.status FROM jobs j"
            " JOIN job_assignments a ON a.job_id = j.id WHERE a.user_id = :person",
            person=user,
        )
        for job, start, end, status in rows:
            if status in statuses and (offered or status != "offered"):
                yield job, self.at_least_a_second(epoch(start), epoch(end))

    def others(self, user: int, tentative: bool) -> Iterator[tuple[str, int, list[Span], str | None]]:
        for row, start, end, rrule in self.dispatch.execute(
            "SELECT id, starts_at, ends_at, rrule FROM blockers WHERE user_id = :person", person=user
        ):
            yield "blockers", row, self.instances(epoch(start), epoch(end), rrule), None
        for row, start, end in self.dispatch.execute(
            "SELECT id, starts_at, ends_at FROM time_off WHERE user_id = :person AND status = 'approved'",
            person=user,
        ):
            yield "time-off", row, [self.at_least_a_second(epoch(start), epoch(end))], None
        for row, text, uid in self.dispatch.execute(
            "SELECT id, series, uid FROM external_events WHERE user_id = :person ORDER BY subscription_id",
            person=user,
        ):
            series = series_json.loads(text)
            if series.busy == "BUSY" or (tentative and series.busy):
                start, end = (it.replace(tzinfo=UTC) for it in (series.start, series.end))
                rrule = (
                    None
                    if series.rule is None
                    else next(it for it in RULES if it and parse_rule(it) == series.rule)
                )
                yield "external", row, self.instances(epoch(start), epoch(end), rrule), uid

    def instances(self, start: int, end: int, rrule: str | None) -> list[Span]:
        step = 2 * DAY if rrule and "INTERVAL=2" in rrule else DAY
        count = min(RULES[rrule], 1500)
        return [self.at_least_a_second(start + step * it, end + step * it) for it in range(count)]

    @staticmethod
    def at_least_a_second(start: int, end: int) -> Span:
        return start, max(end, start + 1)


def run(database: Database, examples: int) -> None:
    concrete = type("Machine", (ConflictMachine,), {"database": database})
    concrete.TestCase.settings = settings(
        max_examples=int(os.environ.get("DAYSHEET_CONFLICT_EXAMPLES", examples)),
        stateful_step_count=30,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    concrete.TestCase("runTest").debug()


@pytest.mark.timeout(600)  # a failure is worth the time to make it small
def test_conflicts_are_the_overlapping_pairs_on_sqlite(sqlite_database: Database) -> None:
    run(sqlite_database, 30)


@pytest.mark.timeout(600)  # a failure is worth the time to make it small
def test_conflicts_are_the_overlapping_pairs_on_postgresql(postgresql_database: Database) -> None:
    run(postgresql_database, 10)
