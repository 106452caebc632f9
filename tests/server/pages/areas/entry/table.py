# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may sign in: anybody."""

from __future__ import annotations

from scheduling.access.one_time_links import Purpose
from tests.server.pages.areas.entry.links import link_of
from tests.server.pages.table import EVERYBODY, Row

ROWS = [
    Row("GET", "/sign-in", EVERYBODY, strangers=True),
    Row("POST", "/sign-in", EVERYBODY, strangers=True),
    Row("POST", "/sign-out", EVERYBODY, strangers=True),
    Row("GET", "/forgotten", EVERYBODY, strangers=True),
    Row("POST", "/forgotten", EVERYBODY, strangers=True),
    Row("GET", "/link/<token>", EVERYBODY, strangers=True, example=link_of(Purpose.SIGN_IN)),
    Row(
        "POST",
        "/link/<token>/password",
        EVERYBODY,
        strangers=True,
        example=link_of(Purpose.PASSWORD_RESET, "/password"),
    ),
    Row(
        "POST",
        "/link/<token>/sign-in",
        EVERYBODY,
        strangers=True,
        example=link_of(Purpose.SIGN_IN, "/sign-in"),
    ),
    Row("GET", "/confirm", EVERYBODY),
    Row("POST", "/confirm", EVERYBODY),
]
