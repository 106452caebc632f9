# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see one's own outside calendars."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable

from sqlalchemy import insert

from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.models import Generation
from scheduling.subscriptions import subscriptions
from tests.server.pages.table import EVERYBODY, Row
from tests.server.running import Running

_numbers = itertools.count(1)


def below(rest: str = "") -> Callable[[Running, str], str]:
    """An address below that of a new subscription of the user."""

    def example(running: Running, username: str) -> str:
        with running.database.write() as connection:
            user, keyring = users.get(connection, username), running.settings.keyring()
            url = f"https://calendar.example.com/{next(_numbers)}.ics"
            made = subscriptions.add(connection, keyring, user.id, url, "Family", actor=SYSTEM)
        return f"/outside/{made.id}{rest}"

    return example


def state(running: Running, username: str) -> str:
    """The address of a state that was held back."""
    address = below()(running, username)
    with running.database.write() as connection:
        made = connection.execute(
            insert(Generation)
            .values(
                subscription_id=int(address.rpartition("/")[2]),
                digest="d",
                state="quarantined",
                doubts="vanished",
                events=0,
                manifest=zlib.compress(b"{}"),
                seen_at=1_800_000_000,
                last_seen_at=1_800_000_000,
            )
            .returning(Generation.id)
        )
        return f"{address}/states/{made.scalar_one()}"


_ONE = "/outside/<int:subscription_id>"
_STATE = f"{_ONE}/states/<int:generation_id>"
ROWS = [
    Row("GET", "/outside", EVERYBODY),
    Row("GET", "/outside/add", EVERYBODY),
    Row("POST", "/outside/add", EVERYBODY),
    *(
        Row("POST", f"{_ONE}/{act}", EVERYBODY, example=below(f"/{act}"))
        for act in ("sync", "pause", "resume")
    ),
    Row("POST", f"{_ONE}/discard", EVERYBODY, example="/outside/999/discard"),
    Row("GET", _ONE, EVERYBODY, example=below()),
    Row("POST", _ONE, EVERYBODY, example=below()),
    Row("GET", f"{_ONE}/end", EVERYBODY, example=below("/end")),
    Row("POST", f"{_ONE}/end", EVERYBODY, example=below("/end")),
    Row("GET", _STATE, EVERYBODY, example=state),
    *(
        Row("POST", f"{_STATE}/{act}", EVERYBODY, example=below(f"/states/999/{act}"))
        for act in ("accept", "reject", "roll-back")
    ),
]
