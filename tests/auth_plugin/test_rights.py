# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of who may do what: never more than reading."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auth_plugin import Rights
from scheduling.database.types import READ_ALL_GROUP
from tests.server import fixtures
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
MEMBER, PLANNER = frozenset[str](), frozenset({READ_ALL_GROUP})


@pytest.fixture
def rights(configured: Callable[[Sections], Running]) -> Rights:
    return Rights(configured({}).settings.radicale())


@pytest.mark.parametrize(
    ("user", "groups", "path", "letters"),
    [
        ("anna", MEMBER, "/", "R"),
        ("anna", MEMBER, "/anna/", "R"),
        ("anna", MEMBER, "/anna/jobs/", "r"),
        ("anna", MEMBER, "/anna/jobs", "r"),
        ("anna", MEMBER, "/anna/jobs/x.ics", ""),
        ("anna", MEMBER, "/anna/jobs/x/y", ""),
        ("anna", MEMBER, "/bo/", ""),
        ("anna", MEMBER, "/bo/jobs/", ""),
        ("anna", MEMBER, "/annab/jobs/", ""),
        ("anna", MEMBER, "/ANNA/jobs/", ""),
        ("anna", MEMBER, "/.token/", ""),
        ("dora", PLANNER, "/", "R"),
        ("dora", PLANNER, "/bo/", "R"),
        ("dora", PLANNER, "/bo/jobs/", "r"),
        ("dora", {"other"}, "/bo/jobs/", ""),
        ("", MEMBER, "/", ""),
        ("", MEMBER, "/anna/jobs/", ""),
        ("", PLANNER, "/", ""),
    ],
)
def test_who_may_read_what(rights: Rights, user: str, groups: set[str], path: str, letters: str) -> None:
    assert rights.authorization(user, set(groups), path) == letters
