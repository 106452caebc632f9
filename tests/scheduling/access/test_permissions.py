# SPDX-License-Identifier: GPL-3.0-or-later
"""The permission table: every role, every act, on what is one's own and what is another's. Each act goes through the
function that every door calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scheduling.access import actors, api_keys, credentials, one_time_links, roles, sessions, users
from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import (
    EVERYTHING,
    SYSTEM,
    Actor,
    Forbidden,
    Permission,
    parse,
    permissions_of_role,
    permits,
    require,
)
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Connection, Database
from scheduling.errors import Invalid, NotFound
from scheduling.feeds import feeds
from scheduling.settings import stored
from scheduling.subscriptions import subscriptions
from tests.scheduling.actors_of import BUILT_IN, everybody, granted, with_only

ACCESS = Path(__file__).parents[3] / "docs" / "access.md"
KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
MEMBER, DISPATCHER, ADMIN, SUPER_ADMIN = BUILT_IN
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
Act = Callable[[Connection, Actor, int], object]


def _feed(connection: Connection, owner: int) -> int:
    return feeds.create(connection, KEYRING, owner, "Phone", actor=SYSTEM)[0].id


def _subscription(connection: Connection, owner: int) -> int:
    return subscriptions.add(
        connection, KEYRING, owner, "https://calendar.example.com/a.ics", "Mine", actor=SYSTEM
    ).id


def _name(connection: Connection, user_id: int) -> str:
    return next(it.username for it in users.list_users(connection) if it.id == user_id)


def _app_password(connection: Connection, actor: Actor, owner: int) -> None:
    made, _ = credentials.create_app_password(connection, KEYRING, owner, "Phone", actor=SYSTEM)
    credentials.revoke_app_password(connection, owner, made.id, actor=actor)


OWNED: dict[str, tuple[Act, set[str], set[str]]] = {
    "see feeds": (
        lambda c, a, owner: feeds.list_feeds(c, owner, actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "create a feed": (
        lambda c, a, owner: feeds.create(c, KEYRING, owner, "Phone", actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "show a link": (
        lambda c, a, owner: feeds.reveal(c, KEYRING, _feed(c, owner), actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "regenerate a link": (
        lambda c, a, owner: feeds.regenerate(c, KEYRING, _feed(c, owner), actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "revoke a feed": (
        lambda c, a, owner: feeds.revoke(c, _feed(c, owner), actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "subscribe": (
        lambda c, a, owner: subscriptions.add(c, KEYRING, owner, "https://x.example/a.ics", "Mine", actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "see subscriptions": (
        lambda c, a, owner: subscriptions.list_subscriptions(c, owner, actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "pause a subscription": (
        lambda c, a, owner: subscriptions.pause(c, _subscription(c, owner), actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "remove a subscription": (
        lambda c, a, owner: subscriptions.remove(c, _subscription(c, owner), actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "set a password": (
        lambda c, a, owner: credentials.set_password(c, owner, "a long password", actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "create an app password": (
        lambda c, a, owner: credentials.create_app_password(c, KEYRING, owner, "Phone", actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "revoke an app password": (_app_password, set(BUILT_IN), {ADMIN, SUPER_ADMIN}),
    "end sessions": (
        lambda c, a, owner: sessions.end_all(c, owner, actor=a),
        set(BUILT_IN),
        {ADMIN, SUPER_ADMIN},
    ),
    "invite": (
        lambda c, a, owner: one_time_links.make(c, KEYRING, owner, Purpose.INVITATION, at=NOW, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "make a link to set a password": (
        lambda c, a, owner: one_time_links.make(c, KEYRING, owner, Purpose.PASSWORD_RESET, at=NOW, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "change a user": (
        lambda c, a, owner: users.change(c, _name(c, owner), {"display_name": "New"}, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "take calendar access away": (
        lambda c, a, owner: users.set_access(c, _name(c, owner), allowed=False, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "disable a user": (
        lambda c, a, owner: users.set_active(c, _name(c, owner), active=False, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "make a user a dispatcher": (
        lambda c, a, owner: users.set_role(c, _name(c, owner), DISPATCHER, actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
    "make a user a super-admin": (
        lambda c, a, owner: users.set_role(c, _name(c, owner), SUPER_ADMIN, actor=a),
        {SUPER_ADMIN},
        {SUPER_ADMIN},
    ),
    "delete a user": (
        lambda c, a, owner: users.remove(c, _name(c, owner), actor=a),
        {ADMIN, SUPER_ADMIN},
        {ADMIN, SUPER_ADMIN},
    ),
}
"""An act on what belongs to `owner`; who may do it to what is their own, and to another member's."""

GENERAL: dict[str, tuple[Act, set[str]]] = {
    "change a setting": (
        lambda c, a, _: stored.change(c, "calendars.history_months", "3", actor=a),
        {ADMIN, SUPER_ADMIN},
    ),
    "add a user": (lambda c, a, _: users.create(c, username="new", actor=a), {ADMIN, SUPER_ADMIN}),
    "add an admin": (
        lambda c, a, _: users.create(c, username="new", role=ADMIN, actor=a),
        {ADMIN, SUPER_ADMIN},
    ),
    "add a super-admin": (
        lambda c, a, _: users.create(c, username="new", role=SUPER_ADMIN, actor=a),
        {SUPER_ADMIN},
    ),
    "create an API key": (
        lambda c, a, _: api_keys.create(
            c, KEYRING, user_id=None, label="Script", permissions={Permission.SCHEDULE_WRITE}, actor=a
        ),
        {ADMIN, SUPER_ADMIN},
    ),
    "create an API key for roles": (
        lambda c, a, _: api_keys.create(
            c, KEYRING, user_id=None, label="Script", permissions={Permission.ROLES_MANAGE}, actor=a
        ),
        {SUPER_ADMIN},
    ),
    "add a role": (lambda c, a, _: roles.add(c, "planner", (), actor=a), {SUPER_ADMIN}),
    "edit a role": (lambda c, a, _: roles.set_permissions(c, MEMBER, (), actor=a), {SUPER_ADMIN}),
    "see everybody's feeds": (lambda c, a, _: feeds.list_feeds(c, actor=a), {ADMIN, SUPER_ADMIN}),
    "see everybody's subscriptions": (
        lambda c, a, _: subscriptions.list_subscriptions(c, actor=a),
        {ADMIN, SUPER_ADMIN},
    ),
}


def allowed(database: Database, act: Act, actor: Actor, owner: int) -> bool:
    try:
        with database.write() as connection:
            act(connection, actor, owner)
    except (Forbidden, NotFound):
        return False
    return True


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize("name", OWNED)
def test_what_a_role_may_do_with_its_own_and_with_anothers(database: Database, name: str, role: str) -> None:
    act, own, others = OWNED[name]
    people = everybody(database)
    other = people["other"].user_id
    assert other is not None
    assert allowed(database, act, people[role], other) == (role in others)
    mine = people[role].user_id
    assert mine is not None
    assert allowed(database, act, people[role], mine) == (role in own)


@pytest.mark.parametrize("role", BUILT_IN)
@pytest.mark.parametrize("name", GENERAL)
def test_what_a_role_may_do_at_all(database: Database, name: str, role: str) -> None:
    act, permitted = GENERAL[name]
    assert allowed(database, act, everybody(database)[role], 0) == (role in permitted)


@pytest.mark.parametrize(
    "name", ["set a password", "create an app password", "disable a user", "delete a user"]
)
def test_nobody_takes_over_a_more_powerful_user(database: Database, name: str) -> None:
    """An admin who could set a super-admin's password would be one."""
    act, _, _ = OWNED[name]
    people = everybody(database)
    above, below = people[SUPER_ADMIN].user_id, people[ADMIN].user_id
    assert above is not None
    assert below is not None
    assert not allowed(database, act, people[ADMIN], above)
    assert allowed(database, act, people[SUPER_ADMIN], below)


@pytest.mark.parametrize(
    "change",
    [
        {"calendar_access": False},
        {"email": None},
        {"email": "somebody@example.com"},
        {"time_zone": "Asia/Tokyo"},
        {"display_name": "Nobody"},
        {"active": False},
    ],
)
def test_nobody_takes_anything_from_a_more_powerful_user(
    database: Database, change: dict[str, object]
) -> None:
    people = everybody(database)
    with database.write() as connection:
        users.change(connection, SUPER_ADMIN, {"email": "root@example.com"}, actor=SYSTEM)
        before = users.get(connection, SUPER_ADMIN)
    with database.write() as connection, pytest.raises(Forbidden, match=r"roles\.manage"):
        users.change(connection, SUPER_ADMIN, change, actor=people[ADMIN])
    with database.write() as connection:
        assert users.get(connection, SUPER_ADMIN) == before
        users.change(connection, ADMIN, change, actor=people[SUPER_ADMIN])


def test_nobody_demotes_a_more_powerful_user(database: Database) -> None:
    people = everybody(database)
    with database.write() as connection, pytest.raises(Forbidden, match=r"roles\.manage"):
        users.set_role(connection, SUPER_ADMIN, MEMBER, actor=people[ADMIN])


def test_a_permission_of_all_or_of_the_own_lets_pass() -> None:
    every, own = Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_VIEW_OWN
    assert permits(every, actor=with_only(every))
    assert permits(every, own=own, owner_id=7, actor=with_only(own, user_id=7))
    for actor, owner_id in (
        (with_only(own, user_id=7), 8),
        (with_only(own, user_id=7), None),
        (with_only(own), None),
        (with_only(user_id=7), 7),
    ):
        assert not permits(every, own=own, owner_id=owner_id, actor=actor)
        with pytest.raises(Forbidden):
            require(every, own=own, owner_id=owner_id, actor=actor)


def test_a_refusal_names_the_permission_that_is_missing() -> None:
    every, own = Permission.FEEDS_MANAGE_ALL, Permission.FEEDS_VIEW_OWN
    with pytest.raises(Forbidden, match=r"needs the permission feeds\.view_own,") as refused:
        require(every, own=own, owner_id=7, actor=with_only(user_id=7))
    assert refused.value.permission is own
    with pytest.raises(Forbidden, match=r"needs the permission feeds\.manage_all,"):
        require(every, own=own, owner_id=8, actor=with_only(own, user_id=7))


def test_a_misspelt_permission_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r'did you mean "feeds\.manage_all"'):
        parse(["feeds.manage_al"])


def test_the_super_admin_has_every_permission_there_will_be(database: Database) -> None:
    with database.read() as connection:
        assert permissions_of_role(connection, SUPER_ADMIN) == EVERYTHING == SYSTEM.permissions
        assert permissions_of_role(connection, "no-such-role") == frozenset()


def test_the_table_in_the_documentation_is_that_of_the_roles(database: Database) -> None:
    documented: dict[str, set[str]] = {role: set() for role in BUILT_IN}
    page = ACCESS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \|((?:[^|\n]*\|){5})$", page, re.MULTILINE)
    assert {name for name, _ in rows} == granted(Permission)
    for name, cells in rows:
        for role, cell in zip(BUILT_IN, cells.split("|")[1:5], strict=True):
            if cell.strip():
                documented[role].add(name)
    with database.read() as connection:
        assert documented == {role: granted(permissions_of_role(connection, role)) for role in BUILT_IN}


def test_a_disabled_or_unknown_user_is_nobody(database: Database) -> None:
    people = everybody(database)
    with database.write() as connection:
        users.set_active(connection, "other", active=False, actor=SYSTEM)
    with database.read() as connection:
        for user_id in (people["other"].user_id, 4711):
            assert user_id is not None
            with pytest.raises(NotFound):
                actors.of_user(connection, user_id, None)
