# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the schedule, on both databases: who may pass, and what is left in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from scheduling import load
from scheduling.access import audit, users
from scheduling.access.permissions import EVERYTHING, SYSTEM, Actor, Forbidden, Permission
from scheduling.availability import claims
from scheduling.availability.question import Question
from scheduling.calendars.followers import Followers
from scheduling.config.sections import Config
from scheduling.database.connection import Connection, Database
from scheduling.errors import NotFound
from scheduling.load import Format, LoadFailed
from scheduling.schedule import edits, items
from scheduling.schedule.entries import Input, Kind
from scheduling.schedule.upserts import Upsert, upsert
from scheduling.settings.stored import view
from tests.factories import Dispatch
from tests.scheduling.actors_of import with_only

PLANNER = with_only(Permission.SCHEDULE_WRITE)
OTHERS = with_only(*EVERYTHING - {Permission.SCHEDULE_WRITE})
PERIOD: dict[str, Input] = {
    "starts_at": datetime(2026, 12, 1, 8, tzinfo=UTC),
    "ends_at": datetime(2026, 12, 1, 10, tzinfo=UTC),
}
CUSTOMER: dict[str, Input] = {
    **PERIOD,
    "organisation": "Cafe Mueller",
    "address": "Hauptstrasse 5",
    "contact": "+49 30 1234567",
    "notes": "Key under the mat",
    "rate": Decimal("180.50"),
}
SECRETS = ("Mueller", "Hauptstrasse", "1234567", "mat", "180.5", "2026-12", "anna", "bo")

Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture(autouse=True)
def _people(dispatch: Dispatch) -> None:
    dispatch.user("anna")
    dispatch.user("bo")


def entries(database: Database) -> list[audit.Entry]:
    with database.read() as connection:
        return [it for it in audit.walk(connection) if it.action.startswith("schedule.")]


def told(database: Database) -> list[tuple[str, str, dict[str, Any]]]:
    return [(it.action, it.subject, it.facts) for it in entries(database)]


def job(database: Database, **given: Input) -> items.Item:
    with database.write() as connection:
        return edits.create(connection, Kind.JOB, "J-1", {**CUSTOMER, **given}, ("anna",), actor=PLANNER)


def wanted(*references: str, **given: Input) -> list[Upsert]:
    return [Upsert(reference=it, values={**PERIOD, **given}, users=("anna",)) for it in references]


def claim(connection: Connection, actor: Actor) -> object:
    asked = claims.Claim(usernames=("anna",), start=1_800_000_000, end=1_800_003_600, seen=())
    shown = view(connection, Config())
    question = Question(start=asked.start, end=asked.end)
    none = Followers(followers=(), settle={})
    return claims.hold(
        connection, asked, question, shown, 1_790_000_000, lambda: None, followers=none, actor=actor
    )


def load_blocker(connection: Connection, actor: Actor) -> object:
    content = b"kind,reference,users,start_date,end_date,title\nblocker,B,anna,2026-07-01,2026-07-02,Away\n"
    return load.apply(connection, load.read(content, Format.CSV).entries, actor=actor)


Act = Callable[[Connection, items.Item, Actor], object]
ACTS: dict[str, Act] = {
    "create": lambda c, _, a: edits.create(c, Kind.BLOCKER, None, {**PERIOD, "title": "X"}, ("bo",), actor=a),
    "take for a change": lambda c, it, a: edits.for_change(c, Kind.JOB, it.id, actor=a),
    "take what is not there": lambda c, _, a: edits.for_change(c, Kind.JOB, 10**6, actor=a),
    "change": lambda c, it, a: edits.change(c, it, {"notes": "Other"}, actor=a),
    "change nothing": lambda c, it, a: edits.change(c, it, {}, actor=a),
    "give to somebody": lambda c, it, a: edits.change(c, it, {}, users=("bo",), actor=a),
    "replace": lambda c, it, a: edits.replace(c, it, "J-1", PERIOD, (), actor=a),
    "remove": lambda c, it, a: edits.remove(c, it, actor=a),
    "upsert": lambda c, _, a: upsert(c, Kind.JOB, wanted("J-9"), all_or_nothing=True, actor=a),
    "upsert nothing": lambda c, _, a: upsert(c, Kind.JOB, (), all_or_nothing=True, actor=a),
    "load": lambda c, _, a: load_blocker(c, a),
    "claim": lambda c, _, a: claim(c, a),
}


@pytest.mark.parametrize("name", ACTS)
def test_nobody_writes_without_the_permission(database: Database, dispatch: Dispatch, name: str) -> None:
    item = job(database)
    before = (entries(database), dispatch.execute("SELECT * FROM jobs"))
    with database.write() as connection, pytest.raises(Forbidden, match=r"schedule\.write"):
        ACTS[name](connection, item, OTHERS)
    assert (entries(database), dispatch.execute("SELECT * FROM jobs")) == before
    for table in ("blockers", "time_off"):
        assert dispatch.execute(f"SELECT * FROM {table}") == []  # noqa: S608


def test_a_created_item_is_noted_by_its_reference_and_who_did_it(database: Database) -> None:
    item = job(database)
    (entry,) = entries(database)
    assert (entry.action, entry.subject, entry.actor) == ("schedule.create", f"job:{item.id}", PLANNER.name)
    assert entry.facts == {"reference": "J-1"}


def test_a_change_is_noted_by_the_names_of_the_fields_and_no_value(database: Database) -> None:
    item = job(database)
    with database.write() as connection:
        item = edits.change(
            connection,
            item,
            {
                "notes": "Ring at Mueller",
                "ends_at": datetime(2026, 12, 1, 11, tzinfo=UTC),
                "organisation": "Cafe Mueller",
            },
            users=("anna", "bo"),
            references=("J-2",),
            actor=PLANNER,
        )
        edits.replace(connection, item, "J-2", PERIOD, ("bo",), actor=PLANNER)
    subject = f"job:{item.id}"
    assert told(database)[1:] == [
        ("schedule.change", subject, {"reference": "J-1", "changed": "ends_at, notes, reference, users"}),
        (
            "schedule.change",
            subject,
            {"reference": "J-2", "changed": "address, contact, ends_at, notes, organisation, rate, users"},
        ),
    ]
    text = str([it.facts for it in entries(database)])
    assert [it for it in SECRETS if it in text] == []


def test_a_change_of_nothing_is_not_noted(database: Database) -> None:
    item = job(database)
    with database.write() as connection:
        item = edits.change(connection, item, {"notes": CUSTOMER["notes"]}, users=("anna",), actor=PLANNER)
        item = edits.change(connection, item, {}, actor=PLANNER)
        edits.replace(connection, item, "J-1", {**CUSTOMER, "status": "offered"}, ("anna",), actor=PLANNER)
    assert [it.action for it in entries(database)] == ["schedule.create"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [(Kind.BLOCKER, {**PERIOD, "title": "Clinic"}), (Kind.TIME_OFF, {**PERIOD, "kind": "Sick"})],
)
def test_blockers_and_time_off_too(database: Database, kind: Kind, given: dict[str, Input]) -> None:
    with database.write() as connection:
        made = edits.create(connection, kind, None, given, ("anna",), actor=PLANNER)
        made = edits.change(connection, made, {"notes": "Ward 3"}, users=("bo",), actor=PLANNER)
        edits.remove(connection, made, actor=PLANNER)
        edits.remove(connection, made, actor=PLANNER)  # it is gone already, and nothing is done
    assert told(database) == [
        ("schedule.create", f"{kind}:{made.id}", {}),
        ("schedule.change", f"{kind}:{made.id}", {"changed": "notes, user"}),
        ("schedule.delete", f"{kind}:{made.id}", {}),
    ]


def test_what_was_deleted_is_known_by_its_reference(database: Database) -> None:
    item = job(database)
    with database.write() as connection:
        edits.remove(
            connection, edits.for_change(connection, Kind.JOB, item.id, actor=PLANNER), actor=PLANNER
        )
        with pytest.raises(NotFound):
            edits.for_change(connection, Kind.JOB, item.id, actor=PLANNER)
    assert told(database)[-1] == ("schedule.delete", f"job:{item.id}", {"reference": "J-1"})


def test_the_entry_goes_with_the_change_when_the_transaction_fails(database: Database) -> None:
    item = job(database)
    other = with_only()

    def change_and_fail() -> None:
        with database.write() as connection:
            changed = edits.change(connection, item, {"notes": "Other"}, actor=PLANNER)
            edits.remove(connection, changed, actor=other)

    with pytest.raises(Forbidden):
        change_and_fail()
    assert [it.action for it in entries(database)] == ["schedule.create"]


def test_many_at_once_are_one_entry_with_counts(database: Database, statements: Statements) -> None:
    references = [f"J-{number}" for number in range(1, 8)]
    with database.write() as connection:
        upsert(connection, Kind.JOB, wanted(*references), all_or_nothing=True, actor=PLANNER)
    changed = [*wanted("J-1", "J-2"), *wanted("J-3", "J-4", "J-9", notes="Ring at Mueller")]
    with statements(database) as sent, database.write() as connection:
        upsert(connection, Kind.JOB, changed, all_or_nothing=True, actor=PLANNER)
    assert sum("INSERT INTO audit_log" in it for it in sent) == 1
    assert told(database) == [
        ("schedule.upsert", "schedule", {"kinds": "job", "added": 7, "changed": 0, "unchanged": 0}),
        ("schedule.upsert", "schedule", {"kinds": "job", "added": 1, "changed": 2, "unchanged": 2}),
    ]


def test_many_that_say_what_is_stored_are_not_noted(database: Database) -> None:
    for _ in range(3):
        with database.write() as connection:
            upsert(connection, Kind.JOB, wanted("J-1", "J-2"), all_or_nothing=True, actor=PLANNER)
    with database.write() as connection:
        upsert(connection, Kind.JOB, [], all_or_nothing=True, actor=PLANNER)
    assert len(entries(database)) == 1


def test_those_that_fail_are_not_counted_and_leave_no_second_entry(database: Database) -> None:
    some = [*wanted("J-1"), Upsert(reference="J-2", values=PERIOD, users=("nobody",)), *wanted("J-3")]
    with database.write() as connection:
        results = upsert(connection, Kind.JOB, some, all_or_nothing=False, actor=PLANNER)
    assert [it.outcome for it in results] == ["inserted", "failed", "inserted"]
    assert [it[2]["added"] for it in told(database)] == [2]
    with pytest.raises(LoadFailed), database.write() as connection:
        upsert(connection, Kind.JOB, wanted("J-4", "J-4"), all_or_nothing=True, actor=PLANNER)
    assert len(entries(database)) == 1


def test_a_file_is_one_entry_and_users_in_it_need_their_own_permission(database: Database) -> None:
    content = (
        b'{"users": [{"username": "cleo", "display_name": "Cleo Mueller"}], "blockers": [{"reference": "B",'
        b' "users": ["cleo"], "title": "Mueller", "start_date": "2026-07-01", "end_date": "2026-07-02"}]}'
    )
    parsed = load.read(content, Format.JSON).entries
    with database.write() as connection, pytest.raises(Forbidden, match=r"users\.manage"):
        load.apply(connection, parsed, actor=PLANNER)
    for _ in range(2):
        with database.write() as connection:
            load.apply(connection, parsed, actor=SYSTEM)
    (found,) = told(database)
    assert found[:2] == ("schedule.load", "schedule")
    assert found[2] == {"kinds": "blocker, user", "added": 2, "changed": 0, "unchanged": 0}
    with database.read() as connection:
        users.get(connection, "cleo")


def test_sql_writers_pass_by_and_leave_no_entry(database: Database, dispatch: Dispatch) -> None:
    ((anna,),) = dispatch.execute("SELECT id FROM users WHERE username = 'anna'")
    number = dispatch.job(anna)
    dispatch.update("jobs", number, notes="By hand")
    with database.read() as connection:
        assert items.get(connection, Kind.JOB, number).values["notes"] == "By hand"
    dispatch.delete("jobs", number)
    assert entries(database) == []
