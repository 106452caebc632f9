# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles: built-in ones can be edited and stay, own ones come and go, and `users.role` can only name one there is."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from scheduling import load
from scheduling.access import audit, credentials, roles, users
from scheduling.access.permissions import EVERYTHING, SYSTEM, Forbidden, Permission, permissions_of_role
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import Conflict, Invalid, NotFound
from scheduling.load import Format, LoadFailed
from tests.factories import Dispatch
from tests.scheduling.actors_of import BUILT_IN, everybody, with_only

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")


def test_four_roles_are_built_in(database: Database) -> None:
    with database.read() as connection:
        found = roles.list_roles(connection)
    assert {it.name for it in found} == set(BUILT_IN)
    assert all(it.built_in and it.description and it.permissions for it in found)
    assert {it.name: it.users for it in found} == dict.fromkeys(BUILT_IN, 0)


def test_an_own_role_is_added_given_and_removed(database: Database) -> None:
    wanted = {Permission.SCHEDULE_READ_ALL, Permission.SCHEDULE_WRITE}
    with database.write() as connection:
        made = roles.add(connection, "planner", wanted, description=" Plans only ", actor=SYSTEM)
        users.create(connection, username="anna", role="planner", actor=SYSTEM)
    assert (made.description, made.built_in, made.permissions) == ("Plans only", False, wanted)
    with database.write() as connection:
        assert roles.get(connection, "planner").users == 1
        with pytest.raises(Conflict, match="Users still have the role planner"):
            roles.remove(connection, "planner", actor=SYSTEM)
        users.set_role(connection, "anna", "member", actor=SYSTEM)
        roles.remove(connection, "planner", actor=SYSTEM)
        with pytest.raises(NotFound):
            roles.get(connection, "planner")


def test_editing_replaces_the_permissions_of_a_built_in_role(database: Database) -> None:
    with database.write() as connection:
        roles.set_permissions(connection, "member", {Permission.FEEDS_VIEW_OWN}, actor=SYSTEM)
    with database.write() as connection:
        assert permissions_of_role(connection, "member") == {Permission.FEEDS_VIEW_OWN}
        roles.set_permissions(connection, "member", (), actor=SYSTEM)
        assert permissions_of_role(connection, "member") == frozenset()


@pytest.mark.parametrize("name", ["", "Planner", "1st", "a b", "x" * 33, "ä"])
def test_a_name_that_cannot_be_is_refused(database: Database, name: str) -> None:
    with database.write() as connection, pytest.raises(Invalid, match="cannot be the name of a role"):
        roles.add(connection, name, (), actor=SYSTEM)


def test_built_in_roles_stay_and_the_super_admin_is_as_he_is(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(Conflict):
            roles.add(connection, "member", (), actor=SYSTEM)
        for name in BUILT_IN:
            with pytest.raises(Invalid, match="built in"):
                roles.remove(connection, name, actor=SYSTEM)
        with pytest.raises(Invalid, match="every permission"):
            roles.set_permissions(connection, "super-admin", EVERYTHING, actor=SYSTEM)


def test_nobody_grants_or_withdraws_what_they_lack(database: Database) -> None:
    someone = with_only(Permission.ROLES_MANAGE, Permission.FEEDS_VIEW_OWN)
    with database.write() as connection:
        roles.add(connection, "viewer", {Permission.FEEDS_VIEW_OWN}, actor=someone)
        with pytest.raises(Forbidden, match=r"audit\.view"):
            roles.add(connection, "auditor", {Permission.AUDIT_VIEW}, actor=someone)
        with pytest.raises(Forbidden, match=r"audit\.view"):
            roles.set_permissions(connection, "viewer", {Permission.AUDIT_VIEW}, actor=someone)
        with pytest.raises(Forbidden):
            roles.set_permissions(connection, "admin", (), actor=someone)
        roles.set_permissions(connection, "viewer", (), actor=someone)


def test_every_change_is_audited(database: Database) -> None:
    with database.write() as connection:
        roles.add(connection, "viewer", {Permission.FEEDS_VIEW_OWN}, actor=SYSTEM)
        roles.set_permissions(connection, "viewer", {Permission.AUDIT_VIEW}, actor=SYSTEM)
        roles.describe(connection, "viewer", "Looks", actor=SYSTEM)
        roles.remove(connection, "viewer", actor=SYSTEM)
        entries = audit.page(connection)
    assert [(it.action, it.facts) for it in reversed(entries)] == [
        ("role.add", {"permissions": "feeds.view_own"}),
        ("role.set", {"granted": "audit.view", "withdrawn": "feeds.view_own"}),
        ("role.describe", {}),
        ("role.remove", {}),
    ]


def test_the_dispatch_application_can_only_use_roles_there_are(
    database: Database, dispatch: Dispatch
) -> None:
    with database.write() as connection:
        roles.add(connection, "planner", (), actor=SYSTEM)
    dispatch.user("anna", role="planner")
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.ForeignKeyViolation)):
        dispatch.user("bo", role="boss")
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.ForeignKeyViolation)):
        dispatch.execute("UPDATE users SET role = 'boss'")


def test_a_role_that_is_none_permits_nothing(sqlite_database: Database) -> None:
    """SQLite does not check references for a writer that has not asked for it."""
    with Dispatch.connect(sqlite_database.url, foreign_keys=False) as careless:
        careless.user("anna", role="boss")
    with sqlite_database.write() as connection:
        user = users.get(connection, "anna")
        assert permissions_of_role(connection, user.role) == frozenset()
        _, text = credentials.create_app_password(connection, KEYRING, user.id, "Phone", actor=SYSTEM)
        login = credentials.find_login(connection, KEYRING, "anna", text)
    assert login is not None
    assert not login.reads_all_calendars


def test_who_reads_everybodys_calendars_follows_from_the_permission(database: Database) -> None:
    everybody(database)

    def readers() -> set[str]:
        with database.read() as connection:
            found = {
                it.username: credentials.find_login(connection, KEYRING, it.username, "x")
                for it in users.list_users(connection)
            }
        return {name for name, login in found.items() if login is not None and login.reads_all_calendars}

    assert readers() == {"dispatcher", "admin", "super-admin"}
    with database.write() as connection:
        roles.set_permissions(connection, "dispatcher", (), actor=SYSTEM)
        roles.set_permissions(connection, "member", {Permission.CALENDARS_READ_ALL}, actor=SYSTEM)
    assert readers() == {"member", "other", "admin", "super-admin"}


def test_a_loaded_file_gives_roles_there_are_and_is_audited(database: Database) -> None:
    def run(role: str) -> None:
        content = f'{{"users": [{{"username": "anna", "role": "{role}"}}]}}'.encode()
        with database.write() as connection:
            load.apply(connection, load.read(content, Format.JSON).entries, actor=SYSTEM)

    with pytest.raises(LoadFailed, match='role "boss" is not one of admin, dispatcher'):
        run("boss")
    with database.write() as connection:
        roles.add(connection, "planner", (), actor=SYSTEM)
    run("Planner")
    with database.read() as connection:
        assert users.get(connection, "anna").role == "planner"
        (entry,) = audit.page(connection, filters=audit.Filters(action="user.change"))
    assert entry.facts == {"role": "planner"}
