# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium as the system installs it, driven by playwright. A violation of the content security policy, an error in the
console or an exception of a script fails the test that caused it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.server.pages.showroom import Showroom

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PLACES = (Path("/usr/bin/chromium"), Path("/usr/bin/chromium-browser"))
_AXE = Path(__file__).parents[3] / "build/node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Look:
    """How a page is looked at; `zoom` 2 is 200 %: half the width, at twice the pixels."""

    name: str
    width: int = 1280
    height: int = 800
    dark: bool = False
    zoom: int = 1

    def options(self) -> dict[str, Any]:
        """Of a browser context."""
        return {
            "viewport": {"width": self.width // self.zoom, "height": self.height // self.zoom},
            "device_scale_factor": self.zoom,
            "color_scheme": "dark" if self.dark else "light",
        }


LOOKS = (
    Look("light"),
    Look("dark", dark=True),
    Look("light, 320 px", width=320, height=640),
    Look("dark, 320 px", width=320, height=640, dark=True),
    Look("200 %", zoom=2),
)
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
"""For tests of forms: `opened(..., scripts=scripts)`."""
Opened = Callable[..., Page]


def _program() -> str | None:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or next((str(it) for it in _PLACES if it.exists()), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    program = _program()
    if program is None:
        pytest.skip("chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Opened]:
    """`opened(showroom, "member", path="/account")`: a page of a browser of its own, in which that user is signed in
    (None: nobody). `look` and `scripts` say how; other options are those of playwright's contexts.
    """
    contexts: list[Any] = []
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(
            "Failed to load resource: the server resp"
        ):
            faults.append(f"{message.text} ({message.location.get('url', '')})")

    def open_page(
        showroom: Showroom,
        username: str | None = None,
        *,
        path: str = "/",
        look: Look = LOOKS[0],
        scripts: bool = True,
        **options: Any,
    ) -> Page:
        context = chromium.new_context(
            **{
                "base_url": showroom.url,
                "java_script_enabled": scripts,
                "locale": "en-GB",
                **look.options(),
                **options,
            }
        )
        contexts.append(context)
        if username is not None:
            cookie = {"name": "daysheet", "value": showroom.token(username), "url": showroom.url}
            context.add_cookies([cookie])
        page: Page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", note)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda it: (
                it.url.startswith((showroom.url, "data:", "about:"))
                or faults.append(f"asked elsewhere: {it.url}")
            ),
        )
        page.on("response", lambda it: it.status >= 500 and faults.append(f"{it.status} for {it.url}"))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def axe(page: Page) -> None:
    """axe-core finds nothing on the page; nothing sticks out sideways either."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the window"
    if not _AXE.exists():
        pytest.skip("axe-core is not installed: `npm install --prefix build axe-core`")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    options = json.dumps({"runOnly": {"type": "tag", "values": _RULES}})
    found = page.evaluate(f"axe.run(document, {options}).then(it => it.violations)")
    assert [
        (it["id"], it["help"], [(node["html"], node["failureSummary"]) for node in it["nodes"]])
        for it in found
    ] == []
