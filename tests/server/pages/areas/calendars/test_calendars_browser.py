# SPDX-License-Identifier: GPL-3.0-or-later
"""The main way in Chromium: make a link, copy it, scan it, replace it; with scripts and without."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server.client import Client
from tests.server.pages.browsers import SCRIPTS, Opened
from tests.server.pages.showroom import BOTH, Showroom


def _status(showroom: Showroom, url: str) -> int:
    return Client(showroom.running.application).get(url.removeprefix(showroom.url)).status


@SCRIPTS
@pytest.mark.parametrize("showroom", BOTH, indirect=True)
def test_a_link_is_made_copied_changed_and_replaced(
    showroom: Showroom, opened: Opened, *, scripts: bool
) -> None:
    page = opened(
        showroom,
        showroom.user(),
        path="/calendars",
        scripts=scripts,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.get_by_role("link", name="Make a link").click()
    page.get_by_label("What it is for").fill("Google at home")
    page.get_by_label("Outside calendars").uncheck()
    page.get_by_role("button", name="Make the link").click()
    field = page.get_by_label("Link, to paste into an app")
    url = field.input_value()
    assert _status(showroom, url) == 200
    buttons = page.get_by_role("button", name="Copy", exact=True)
    if scripts:
        buttons.first.click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == url
    else:
        assert not buttons.first.is_visible()
        field.select_text()  # it is a field, so it can be selected without scripts
    page.get_by_role("link", name="Change what it shows, replace or end it").click()
    assert "Jobs, Blocked times, Time off; everything about them." in page.inner_text("main")
    page.get_by_role("link", name="Replace").click()
    assert "nothing stops" in page.inner_text("main")
    page.get_by_role("button", name="Replace").click()
    new = page.get_by_label("Link, to paste into an app").input_value()
    assert (_status(showroom, url), _status(showroom, new)) == (410, 200)


def test_the_qr_code_on_the_screen_is_the_link(showroom: Showroom, opened: Opened, tmp_path: Path) -> None:
    if shutil.which("zbarimg") is None:
        pytest.skip("zbarimg is not installed: `apt-get install zbar-tools`")
    name = showroom.user()
    feed_id, token = showroom.running.feed(name)
    page = opened(showroom, name, path=f"/calendars/{feed_id}/link", scripts=False)
    picture = tmp_path / "screen.png"
    page.screenshot(path=picture, full_page=True)
    found = subprocess.run(  # noqa: S603
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    url = showroom.running.settings.url(f"/feeds/{token}.ics")
    assert found.stdout.strip() == url.replace("http:", "webcal:", 1)
