# SPDX-License-Identifier: GPL-3.0-or-later
"""Which importer works on which subscription: claims that hold for a time, are renewed while the work goes on, and
prove by their token that a write may still be made. A claim of a killed importer ends by itself.

Subscriptions to the same source (the same URL with the same credentials) are claimed together, so that it is fetched
once for all of them. They are found by a keyed digest: nobody can tell from it what the source is, and a subscription
without another's credentials has another digest.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from scheduling.access.secrets import Keyring
from scheduling.errors import SecretsUnreadable
from scheduling.models import Subscription, User
from scheduling.subscriptions.facts import Standing

_S = Subscription
_CLAIM_LOCK = 0x44617973_0001
_KEYS_AT_ONCE = 1000
_TOGETHER = 5000
_ALIASES = {"webcal": "https", "webcals": "https"}

Claimed = Row[*tuple[Any, ...]]


def source_key(keyring: Keyring, url: str, credentials: str = "") -> bytes:
    """The digest under which equal sources are found (32 bytes)."""
    scheme, colon, rest = url.strip().partition(":")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    return keyring.lookup(f"source\n{scheme}{colon}{rest}\n{credentials}")


def is_due(connection: Connection, now: int) -> bool:
    """Whether `claim` would find something; takes no lock."""
    return bool(connection.scalar(select(exists(_due(now).with_only_columns(_S.id)))))


def claim(
    connection: Connection,
    keyring: Keyring,
    columns: Sequence[Any],
    *,
    now: int,
    seconds: int,
    limit: int,
    only: int | None = None,
    together: bool = False,
    least: Standing = Standing.FAILING,
    without_hosts: Collection[str] = (),
) -> tuple[str, list[Claimed]]:
    """Lease at most `limit` subscriptions due at `now`, or the one named `only` whether due or not; `together` with all
    others to the same sources, due or not, but those that failed wait for their own time; none below the standing
    `least`. Returns the lease and the rows, the longest due first.
    """
    if connection.dialect.name == "postgresql":
        # One claim at a time: of two at once, each could get a part of the subscriptions to one source.
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK)))
    _name_sources(connection, keyring)
    statement = _due(now, only)
    if without_hosts:
        statement = statement.where(_S.host.not_in(without_hosts))
    if least > Standing.FAILING:
        statement = statement.where(_S.prompt if least is Standing.PROMPT else _S.failures == 0)
    wanted = (*columns, _S.source_key)
    rows = list(connection.execute(_locked(statement.with_only_columns(*wanted).limit(limit))))
    keys = {row.source_key for row in rows if row.source_key}
    if keys and together and only is None:
        also = _free(now, and_(_S.status != "paused", or_(_S.failures == 0, _S.next_at <= now)))
        also = also.where(_S.source_key.in_(keys), _S.id.not_in([row.id for row in rows]))
        rows += connection.execute(_locked(also.with_only_columns(*wanted).limit(_TOGETHER)))
    lease = secrets.token_hex(8)
    if rows:
        connection.execute(
            update(_S)
            .where(_S.id.in_([row.id for row in rows]))
            .values(
                lease=lease,
                lease_until=now + seconds,
                sync_requested_at=case(
                    (_S.sync_requested_at > _S.sync_finished_at, _S.sync_requested_at), else_=0
                ),
                sync_started_at=time.time_ns() // 1_000_000,
            )
        )
    return lease, rows


def renew(connection: Connection, leases: Collection[str], now: int, seconds: int) -> set[str]:
    """Let the leases hold `seconds` from `now`, and return those that still held something."""
    if not leases:
        return set()
    statement = update(_S).where(_S.lease.in_(leases)).values(lease_until=now + seconds).returning(_S.lease)
    return set(connection.scalars(statement))


def release(connection: Connection, claims: Collection[tuple[int, str]]) -> None:
    """Give back claims (subscription id, lease) that nothing was done with."""
    for subscription_id, lease in claims:
        connection.execute(
            update(_S).where(_S.id == subscription_id, _S.lease == lease).values(lease=None, lease_until=0)
        )


def _name_sources(connection: Connection, keyring: Keyring) -> None:
    """Compute the digests that are missing, as they are after an upgrade and after a change of URL or credentials."""
    missing = (
        select(_S.id, _S.encrypted_url, _S.encrypted_credentials)
        .where(_S.source_key.is_(None), _S.detached_at.is_(None))
        .limit(_KEYS_AT_ONCE)
    )
    found: list[dict[str, Any]] = []
    for row in connection.execute(missing):
        try:
            stored = row.encrypted_credentials
            credentials = "" if stored is None else keyring.decrypt(stored)
            key = source_key(keyring, keyring.decrypt(row.encrypted_url), credentials)
            found.append({"subscription": row.id, "key": key})
        except SecretsUnreadable:
            continue
    if found:
        named = update(_S).where(_S.id == bindparam("subscription")).values(source_key=bindparam("key"))
        connection.execute(named, found)


def _due(now: int, only: int | None = None) -> Select[Any]:
    return _free(now, and_(_S.status != "paused", _S.next_at <= now) if only is None else _S.id == only)


def _free(now: int, wanted: ColumnElement[bool]) -> Select[Any]:
    free = or_(_S.lease.is_(None), _S.lease_until < now)
    joined = select(_S).join(User, User.id == _S.user_id)
    standing = joined.where(wanted, User.active, free, _S.detached_at.is_(None))
    return standing.order_by(_S.next_at, _S.id)


def _locked(statement: Select[Any]) -> Select[Any]:
    return statement.with_for_update(of=_S, skip_locked=True)
