# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may see one's own devices."""

from __future__ import annotations

from scheduling.access import credentials, users
from scheduling.access.permissions import SYSTEM
from tests.server.pages.table import EVERYBODY, Row
from tests.server.running import Running


def ending(running: Running, username: str) -> str:
    """The address at which a new app password of the user ends."""
    with running.database.write() as connection:
        user, keyring = users.get(connection, username), running.settings.keyring()
        made, _ = credentials.create_app_password(connection, keyring, user.id, "phone", actor=SYSTEM)
    return f"/devices/{made.id}/end"


ROWS = [
    Row("GET", "/devices", EVERYBODY),
    Row("POST", "/devices", EVERYBODY),
    Row("POST", "/devices/<int:app_password_id>/end", EVERYBODY, example=ending),
    Row("GET", "/devices/end-all", EVERYBODY),
    Row("POST", "/devices/end-all", EVERYBODY),
    Row("GET", "/doctor", EVERYBODY),
]
