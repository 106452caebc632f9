# SPDX-License-Identifier: GPL-3.0-or-later
"""Creations that happen once however often they are asked for: the answer is kept under an Idempotency-Key.

`claim` and `settle` are called in the transaction that creates, so that the answer is kept exactly when the thing
exists; a second request with the same key meanwhile waits for the first one's commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from scheduling.access.secrets import Keyring
from scheduling.database.dialects import insert_into
from scheduling.errors import Invalid
from scheduling.models import IdempotentRequest

KEPT_SECONDS = 86_400
"""How long an answer is kept."""

_R = IdempotentRequest


class KeyReused(Invalid):
    """This Idempotency-Key was used for another request; use a new one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the first request was answered."""

    status: int
    headers: Mapping[str, str]
    body: str


def scope(keyring: Keyring, who: str, key: str) -> bytes:
    """Under what the request of `who` with this Idempotency-Key is kept."""
    return keyring.lookup(f"idempotency\x00{who}\x00{key}")


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(b"\x00".join((method.encode(), path.encode(), body))).digest()


def claim(connection: Connection, keyring: Keyring, under: bytes, request: bytes, now: int) -> Answer | None:
    """None when this is the first such request, which is then to be worked on and settled; else its answer.

    Raises `KeyReused`.
    """
    connection.execute(delete(_R).where(_R.scope == under, _R.created_at < now - KEPT_SECONDS))
    statement = insert_into(connection, _R).values(scope=under, fingerprint=request, created_at=now)
    if connection.scalar(statement.on_conflict_do_nothing().returning(_R.created_at)) is not None:
        return None
    row = connection.execute(select(_R.fingerprint, _R.status, _R.answer).where(_R.scope == under)).one()
    if bytes(row.fingerprint) != request or row.answer is None:
        raise KeyReused
    kept = json.loads(keyring.decrypt(row.answer))
    return Answer(status=row.status, headers=kept["headers"], body=kept["body"])


def settle(connection: Connection, keyring: Keyring, under: bytes, answer: Answer) -> None:
    """Keep the answer of a claimed request."""
    kept = json.dumps({"headers": dict(answer.headers), "body": answer.body})
    connection.execute(
        update(_R).where(_R.scope == under).values(status=answer.status, answer=keyring.encrypt(kept))
    )


def prune(connection: Connection, now: int) -> int:
    """Delete answers that are no longer kept; returns how many."""
    return connection.execute(delete(_R).where(_R.created_at < now - KEPT_SECONDS)).rowcount
