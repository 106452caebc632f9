# SPDX-License-Identifier: GPL-3.0-or-later
"""Browser sessions: how long one counts, what ends it, and who may end it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import actors, audit, credentials, roles, sessions, users
from scheduling.access.audit import Filters
from scheduling.access.permissions import SYSTEM, Forbidden, Permission
from scheduling.composition import FOLLOWERS
from scheduling.database.connection import Database
from scheduling.errors import NotFound
from scheduling.upkeep import maintenance
from tests.factories import Dispatch
from tests.scheduling.access.signing_in import Door

Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture
def door(database: Database) -> Door:
    door = Door(database)
    door.user("anna", role="dispatcher")
    return door


def rows(door: Door, query: str) -> list[tuple[Any, ...]]:
    with door.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_session_says_who_it_is_and_what_the_role_permits_now(door: Door) -> None:
    token = door.sign_in("anna")
    found = door.signed_in(token)
    with door.database.write() as connection:
        assert found.user == users.get(connection, "anna")
        assert found.actor == actors.of_user(connection, found.user.id, "192.0.2.1")
        roles.set_permissions(
            connection, "dispatcher", [Permission.SCHEDULE_READ_OWN, Permission.USERS_VIEW], actor=SYSTEM
        )
    assert door.signed_in(token).actor.permissions == {Permission.SCHEDULE_READ_OWN, Permission.USERS_VIEW}
    with door.database.write() as connection:
        users.set_role(connection, "anna", "super-admin", actor=SYSTEM)
    assert door.signed_in(token).actor.permissions == frozenset(Permission)


def test_a_request_costs_one_statement_and_at_times_a_second(door: Door, statements: Statements) -> None:
    token = door.sign_in("anna")
    counts = []
    for _ in range(4):
        with statements(door.database) as executed:
            assert door.who(token, "192.0.2.7")
        counts.append([it.split()[0] for it in executed])
        door.later(minutes=2, seconds=30)
    assert counts == [["SELECT"], ["SELECT"], ["SELECT", "UPDATE"], ["SELECT"]]
    assert door.signed_in(token).session.address == "192.0.2.7"


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "x" * 100_000, "\x00", "ä"])
def test_another_token_is_nobodys(door: Door, token: str) -> None:
    door.sign_in("anna")
    assert door.who(token) is None


def test_only_a_hash_of_the_token_is_kept(door: Door) -> None:
    token = door.sign_in("anna")
    (row,) = rows(door, "SELECT * FROM sessions")
    assert token not in str(row)
    assert token.encode() not in b"".join(bytes(it) for it in row if isinstance(it, bytes | memoryview))


def test_a_session_that_is_not_used_ends(door: Door) -> None:
    token = door.sign_in("anna")
    door.later(days=6)
    assert door.who(token)
    door.later(days=6)
    assert door.who(token)
    door.later(days=7)
    assert door.who(token) is None


def test_a_session_ends_however_much_it_is_used(door: Door) -> None:
    token = door.sign_in("anna")
    for _ in range(29):
        door.later(days=1)
        assert door.who(token)
    door.later(days=1)
    assert door.who(token) is None


def test_signing_in_always_gives_a_new_token_and_ends_what_the_browser_had(door: Door) -> None:
    first = door.sign_in("anna")
    second = door.sign_in("anna", replaces=first)
    assert first != second
    assert door.who(first) is None
    assert door.who(second)


def test_a_token_that_somebody_else_has_put_into_the_browser_stays_worthless(door: Door) -> None:
    chosen = "a" * 32
    token = door.sign_in("anna", replaces=chosen)
    assert token != chosen
    assert door.who(chosen) is None


def test_a_new_password_ends_every_session(door: Door) -> None:
    tokens = [door.sign_in("anna"), door.sign_in("anna")]
    door.user("bo")
    other = door.sign_in("bo")
    with door.database.write() as connection:
        credentials.set_password(
            connection, users.get(connection, "anna").id, "another password", actor=SYSTEM
        )
    assert [door.who(it) for it in tokens] == [None, None]
    assert rows(door, "SELECT count(*) FROM sessions") == [(1,)]
    assert door.who(other)


@pytest.mark.parametrize("column", ["active", "calendar_access"])
def test_a_user_who_is_taken_out_does_not_come_back_with_the_session(door: Door, column: str) -> None:
    door.user("bo")
    token = door.sign_in("bo")
    for value in (False, True):
        with door.database.write() as connection:
            users.change(connection, "bo", {column: value}, actor=SYSTEM)
        assert door.who(token) is None


def test_a_user_taken_out_by_the_dispatch_application_has_no_session(door: Door, dispatch: Dispatch) -> None:
    token = door.sign_in("anna")
    dispatch.execute("UPDATE users SET active = :no", no=False)
    assert door.who(token) is None
    dispatch.execute("DELETE FROM users")
    assert rows(door, "SELECT count(*) FROM sessions") == [(0,)]


def test_whoever_plans_needs_no_calendars_of_their_own(door: Door) -> None:
    token = door.sign_in("anna")
    with door.database.write() as connection:
        users.set_access(connection, "anna", allowed=False, actor=SYSTEM)
    assert door.who(token)
    assert door.sign_in("anna")
    with door.database.write() as connection:
        users.set_role(connection, "anna", "member", actor=SYSTEM)
    assert door.who(token) is None


def test_signing_out_ends_this_one(door: Door) -> None:
    mine, other = door.sign_in("anna"), door.sign_in("anna")
    with door.database.write() as connection:
        for token in (mine, mine, "unknown"):
            sessions.sign_out(connection, door.keyring, token, address="192.0.2.1")
        entries = audit.page(connection, filters=Filters(action="session.end"))
    assert door.who(mine) is None
    assert door.who(other)
    assert [(it.actor, it.address) for it in entries] == [("anna", "192.0.2.1")]


def test_ones_own_sessions_are_listed_and_ended(door: Door) -> None:
    phone = door.sign_in("anna", user_agent="Phone\r\nX: y")
    door.later(minutes=1)
    desk = door.sign_in("anna", address="2001:db8::1", user_agent="x" * 1000)
    door.user("bo")
    door.sign_in("bo")
    me = door.signed_in(phone)
    with door.database.write() as connection:
        listed = sessions.list_sessions(connection, me.user.id, door.config, door.now)
        assert [it.user_agent for it in listed] == ["x" * 255, "PhoneX: y"]
        assert [it.address for it in listed] == ["2001:db8::1", "192.0.2.1"]
        sessions.end(connection, me.user.id, listed[0].id, actor=me.actor)
        with pytest.raises(NotFound):
            sessions.end(connection, me.user.id, listed[0].id, actor=me.actor)
    assert door.who(desk) is None
    third, fourth = door.sign_in("anna"), door.sign_in("anna")
    with door.database.write() as connection:
        assert sessions.end_all(connection, me.user.id, but=me.session.id, actor=me.actor) == 2
        assert sessions.end_all(connection, me.user.id, but=me.session.id, actor=me.actor) == 0
    assert [door.who(third), door.who(fourth)] == [None, None]
    assert door.who(phone)


def test_sessions_that_have_passed_a_limit_are_not_listed(door: Door) -> None:
    me = door.signed_in(door.sign_in("anna"))
    door.later(days=7)
    with door.database.read() as connection:
        assert sessions.list_sessions(connection, me.user.id, door.config, door.now) == []


def test_admins_end_sessions_of_others_but_not_of_those_who_may_do_more(door: Door) -> None:
    for role in ("member", "admin", "super-admin"):
        door.user(role, role=role)
    tokens = {name: door.sign_in(name) for name in ("anna", "member", "admin", "super-admin")}
    signed = {name: door.signed_in(token) for name, token in tokens.items()}
    permitted = {
        (by, of)
        for by in tokens
        for of in tokens
        if may_end(door, signed[of].user.id, signed[of].session.id, signed[by].actor)
    }
    assert permitted == {
        *((name, name) for name in tokens),
        *(("admin", name) for name in ("anna", "member")),
        *(("super-admin", name) for name in ("anna", "member", "admin")),
    }


def may_end(door: Door, user_id: int, session_id: int, actor: Any) -> bool:
    """Whether both ways are open, and neither where one is not; nothing is ended."""
    ways = []
    for end in (
        lambda connection: sessions.end(connection, user_id, session_id, actor=actor),
        lambda connection: sessions.end_all(connection, user_id, actor=actor),
    ):
        with door.database.write() as connection, connection.begin_nested() as taken_back:
            try:
                end(connection)
                ways.append(True)
            except Forbidden:
                ways.append(False)
            taken_back.rollback()
    assert len(set(ways)) == 1
    return ways[0]


def test_a_user_has_a_bounded_number_of_sessions(door: Door) -> None:
    first = door.sign_in("anna")
    me = door.signed_in(first)
    with door.database.write() as connection:
        version = connection.execute(text("SELECT version FROM credentials")).scalar_one()
        for _ in range(sessions.MOST):
            sessions.begin(
                connection,
                door.keyring,
                me.user.id,
                version=version,
                by="link",
                browser=sessions.Browser(address=""),
                at=door.now,
            )
        listed = sessions.list_sessions(connection, me.user.id, door.config, door.now)
    assert len(listed) == sessions.MOST
    assert door.who(first) is None


def test_maintenance_forgets_sessions_that_do_not_count(door: Door, dispatch: Dispatch) -> None:
    for name in ("bo", "cy", "di"):
        door.user(name)
    door.sign_in("anna")
    door.later(days=6)
    kept, _gone, _changed = door.sign_in("bo"), door.sign_in("cy"), door.sign_in("di")
    dispatch.execute("UPDATE users SET active = :no WHERE username = 'cy'", no=False)
    dispatch.execute(
        "UPDATE credentials SET version = 'x' WHERE user_id = (SELECT id FROM users WHERE username = 'di')"
    )
    door.later(days=1)
    maintenance.run(door.database, door.config, door.now, followers=FOLLOWERS)
    assert rows(door, "SELECT count(*) FROM sessions") == [(1,)]
    assert door.who(kept)
