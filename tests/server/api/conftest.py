# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the REST API, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from scheduling.access import api_keys, users
from scheduling.access.permissions import EVERYTHING, SYSTEM, Permission
from tests.server.api.calls import Api
from tests.server.fixtures import configured, people, running
from tests.server.running import Running

__all__ = ["configured", "people", "running"]

Keys = Callable[..., Api]


def api_of(
    running: Running, username: str | None = None, permissions: Iterable[Permission] = EVERYTHING
) -> Api:
    """A client with a new key that permits this, of a user or of the installation."""
    with running.database.write() as connection:
        user_id = None if username is None else users.get(connection, username).id
        _, secret = api_keys.create(
            connection,
            running.settings.keyring(),
            user_id=user_id,
            label="Test",
            permissions=permissions,
            actor=SYSTEM,
        )
    return Api(running.application, secret)


@pytest.fixture
def keys(running: Running, people: dict[str, int]) -> Keys:
    """Make clients: `keys(username, permissions)`."""
    return lambda *arguments: api_of(running, *arguments)


@pytest.fixture
def api(running: Running, people: dict[str, int]) -> Api:
    """A client that may do everything."""
    return api_of(running)
