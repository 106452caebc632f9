# SPDX-License-Identifier: GPL-3.0-or-later
"""Every page in a real browser, light, dark, narrow, wide and enlarged."""

from __future__ import annotations

import pytest

from tests.server.pages.browsers import LOOKS, Look, Opened, axe
from tests.server.pages.showroom import Showroom
from tests.server.pages.table import Row, rows

SHOWN = [it for it in rows() if it.method == "GET"]


@pytest.mark.parametrize("look", LOOKS, ids=lambda it: it.name)
@pytest.mark.parametrize("row", SHOWN, ids=lambda it: it.path)
def test_axe_finds_nothing(showroom: Showroom, opened: Opened, row: Row, look: Look) -> None:
    role = "super-admin" if "super-admin" in row.roles else max(row.roles)
    username = None if row.strangers else role
    page = opened(showroom, username, path=row.address(showroom.running, role), look=look)
    axe(page)


@pytest.mark.parametrize("look", LOOKS, ids=lambda it: it.name)
def test_axe_finds_nothing_on_a_page_that_says_no(showroom: Showroom, opened: Opened, look: Look) -> None:
    page = opened(showroom, "member", path="/nothing-here", look=look)
    assert page.inner_text("h1") == "Nothing here"
    axe(page)
