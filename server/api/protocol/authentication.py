# SPDX-License-Identifier: GPL-3.0-or-later
"""Who calls: `Authorization: Bearer dsk_...` (RFC 6750), and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from scheduling.access import actors, api_keys, request_rates
from scheduling.access.permissions import Actor
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.sentences import counted
from server.api.protocol.problems import Refused

_CHALLENGE = 'Bearer realm="Daysheet"'
_LONGEST = 255


def authenticate(
    database: Database, keyring: Keyring, authorization: str, address: str, *, limit: int
) -> Actor:
    """The actor behind an Authorization header, whose request is counted (`limit` a minute, 0 for any number).

    Raises `Refused`: 401 without a working key, 429 for too many requests; `DatabaseUnavailable`.
    """
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise _unauthorized("Send an API key: `Authorization: Bearer dsk_...`.", _CHALLENGE)
    moment = datetime.now(UTC)
    with database.read() as connection:
        actor = None
        if len(secret) <= _LONGEST:
            actor = actors.of_api_key(connection, keyring, secret, address, moment)
        if actor is None:
            raise _unauthorized(
                "The API key is unknown, revoked or expired.", f'{_CHALLENGE}, error="invalid_token"'
            )
        assert actor.api_key_id is not None
        late = api_keys.needs_touch(connection, actor.api_key_id, moment)
    if not (limit or late):
        return actor
    with database.write() as connection:
        if late:
            api_keys.touch(connection, actor.api_key_id, moment)
        who = f"api-key {actor.api_key_id}"
        wait = limit and request_rates.count(connection, keyring, who, limit, int(moment.timestamp()))
    if wait:
        raise Refused(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"That was more than {counted(limit, 'request')} in a minute; wait {counted(wait, 'second')}.",
            headers={"Retry-After": str(wait)},
        )
    return actor


def _unauthorized(sentence: str, challenge: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, sentence, headers={"WWW-Authenticate": challenge})
