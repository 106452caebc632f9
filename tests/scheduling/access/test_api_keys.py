# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: what they permit, when they stop working, and that only a hash of them is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from scheduling.access import actors, api_keys, audit, roles, users
from scheduling.access.permissions import SYSTEM, Actor, Forbidden, Permission
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.errors import Invalid, NotFound
from tests.scheduling.actors_of import with_only

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
READ, WRITE = Permission.SCHEDULE_READ_OWN, Permission.SCHEDULE_WRITE


@pytest.fixture
def anna(database: Database) -> int:
    with database.write() as connection:
        return users.create(connection, username="anna", actor=SYSTEM).id


def made(
    database: Database,
    user_id: int | None = None,
    *permissions: Permission,
    expires_at: datetime | None = None,
) -> tuple[int, str]:
    with database.write() as connection:
        key, secret = api_keys.create(
            connection,
            KEYRING,
            user_id=user_id,
            label="Script",
            permissions=permissions or {READ},
            expires_at=expires_at,
            actor=SYSTEM,
        )
    return key.id, secret


def actor(database: Database, secret: str, now: datetime | None = None) -> Actor | None:
    with database.read() as connection:
        return actors.of_api_key(connection, KEYRING, secret, "192.0.2.9", now or datetime.now(UTC))


def test_a_key_of_the_installation_permits_what_it_was_given(database: Database) -> None:
    key_id, secret = made(database, None, WRITE)
    assert secret.startswith("dsk_")
    found = actor(database, secret)
    assert found is not None
    assert (found.kind, found.user_id, found.name, found.api_key_id) == ("api-key", None, "Script", key_id)
    assert (found.permissions, found.address) == ({WRITE}, "192.0.2.9")


def test_a_users_key_never_permits_more_than_the_role_does_now(database: Database, anna: int) -> None:
    _, secret = made(database, anna, READ, Permission.FEEDS_VIEW_OWN)
    found = actor(database, secret)
    assert found is not None
    assert (found.user_id, found.name) == (anna, "anna")
    assert found.permissions == {READ, Permission.FEEDS_VIEW_OWN}
    with database.write() as connection:
        roles.set_permissions(connection, "member", {READ, WRITE}, actor=SYSTEM)
    found = actor(database, secret)
    assert found is not None
    assert found.permissions == {READ}


def test_a_key_stops_with_revocation_expiry_and_its_owner(database: Database, anna: int) -> None:
    key_id, secret = made(database, anna)
    soon = datetime.now(UTC) + timedelta(hours=1)
    _, short = made(database, anna, expires_at=soon)
    assert actor(database, short) is not None
    assert actor(database, short, soon + timedelta(seconds=1)) is None
    with database.write() as connection:
        users.set_active(connection, "anna", active=False, actor=SYSTEM)
    assert actor(database, secret) is None
    with database.write() as connection:
        users.set_active(connection, "anna", active=True, actor=SYSTEM)
        api_keys.revoke(connection, key_id, actor=SYSTEM)
    assert actor(database, secret) is None
    with database.write() as connection:
        with pytest.raises(NotFound, match="revoked already"):
            api_keys.revoke(connection, key_id, actor=SYSTEM)
        users.remove(connection, "anna", actor=SYSTEM)
        assert api_keys.list_keys(connection) == []


@pytest.mark.parametrize("secret", ["", "dsk_", "dsk_" + "a" * 32, "x" * 36, "dsk_\x00", "dsk_\udc80"])
def test_what_is_no_key_is_nobody(database: Database, secret: str) -> None:
    made(database)
    assert actor(database, secret) is None


def test_what_cannot_be_a_key_is_refused(database: Database, anna: int) -> None:
    def refused(kind: type[Exception], match: str, **changed: object) -> None:
        wanted: dict[str, object] = {"user_id": None, "label": "Script", "permissions": {READ}, **changed}
        with database.write() as connection, pytest.raises(kind, match=match):
            api_keys.create(connection, KEYRING, **wanted, actor=SYSTEM)  # type: ignore[arg-type]

    refused(Invalid, "label", label=" ")
    refused(Invalid, "label", label="x" * 256)
    refused(Invalid, "at least one", permissions=())
    refused(Invalid, "in the past", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    refused(NotFound, "no user with the id 4711", user_id=4711)
    refused(
        Invalid,
        r"role member does not have the permission schedule\.write",
        user_id=anna,
        permissions={WRITE},
    )


def test_nobody_makes_or_ends_a_key_that_permits_more_than_they_may(database: Database) -> None:
    someone = with_only(Permission.API_KEYS_MANAGE, READ)
    key_id, _ = made(database, None, WRITE)
    with database.write() as connection:
        with pytest.raises(Forbidden, match=r"schedule\.write"):
            api_keys.create(connection, KEYRING, user_id=None, label="x", permissions={WRITE}, actor=someone)
        with pytest.raises(Forbidden, match=r"schedule\.write"):
            api_keys.revoke(connection, key_id, actor=someone)
        with pytest.raises(Forbidden, match=r"api_keys\.manage"):
            api_keys.create(
                connection, KEYRING, user_id=None, label="x", permissions={READ}, actor=with_only(READ)
            )
        api_keys.create(connection, KEYRING, user_id=None, label="x", permissions={READ}, actor=someone)


def test_its_use_is_noted_now_and_then(database: Database) -> None:
    key_id, _ = made(database)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with database.write() as connection:
        assert api_keys.needs_touch(connection, key_id, now)
        api_keys.touch(connection, key_id, now)
        assert not api_keys.needs_touch(connection, key_id, now + timedelta(minutes=9))
        assert api_keys.needs_touch(connection, key_id, now + timedelta(minutes=11))
        assert api_keys.get(connection, key_id).last_used_at == now
        assert not api_keys.needs_touch(connection, 4711, now)


def test_the_text_is_nowhere_in_the_database_and_creation_is_audited(database: Database, anna: int) -> None:
    key_id, secret = made(database, anna)
    with database.read() as connection:
        rows = connection.execute(text("SELECT * FROM api_keys")).all()
        (entry,) = audit.page(connection, filters=audit.Filters(action="api_key"))
    assert secret not in str(rows)
    assert secret not in repr(entry)
    assert (entry.action, entry.subject) == ("api_key.create", f"api-key:{key_id}")
    assert entry.facts == {"label": "Script", "permissions": "schedule.read_own", "user_id": anna}
