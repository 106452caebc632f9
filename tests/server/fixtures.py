# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for every test that talks to the application; conftest files import what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.client import Client
from tests.server.running import Running, Sections, start

__all__ = ["anna", "bo", "configured", "dora", "nobody", "people", "running"]


@pytest.fixture(name="database")
def sqlite_alone(sqlite_database: Database) -> Database:
    """For tests that do not depend on the database in use: `database = fixtures.sqlite_alone`."""
    return sqlite_database


@pytest.fixture
def people(dispatch: Dispatch) -> dict[str, int]:
    """Two members and a dispatcher: their ids."""
    return {
        "anna": dispatch.user(
            "anna", display_name="Anna Ångström", email="anna@example.com", time_zone="Europe/Berlin"
        ),
        "bo": dispatch.user("bo"),
        "dora": dispatch.user("dora", role="dispatcher"),
    }


@pytest.fixture
def configured(database: Database, tmp_path: Path) -> Iterator[Callable[[Sections], Running]]:
    """Start the application with sections of the ini file."""
    started: list[Running] = []

    def configure(sections: Sections) -> Running:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(start(folder, database, sections))
        return started[-1]

    yield configure
    for running in started:
        running.database.dispose()


@pytest.fixture
def running(configured: Callable[[Sections], Running]) -> Running:
    """The application with its defaults."""
    return configured({})


@pytest.fixture
def anna(running: Running, people: dict[str, int]) -> Client:
    return running.client("anna")


@pytest.fixture
def bo(running: Running, people: dict[str, int]) -> Client:
    return running.client("bo")


@pytest.fixture
def dora(running: Running, people: dict[str, int]) -> Client:
    return running.client("dora")


@pytest.fixture
def nobody(running: Running, people: dict[str, int]) -> Client:
    return running.client()
