# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks, robots.txt, static files, the start for strangers, and what everything else gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from scheduling.database.connection import Database
from server import assets
from tests.factories import Dispatch
from tests.server.away import away
from tests.server.client import Client
from tests.server.running import Running, Sections


def test_the_landing_page_says_where_the_calendars_are(configured: Callable[[Sections], Running]) -> None:
    client = configured({"server": {"public_url": "https://calendar.example.com"}}).client()
    answer = client.get("/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<code>https://calendar.example.com/dav/</code>" in answer.text
    for device in ("iPhone", "macOS", "Thunderbird", "DAVx5", "Evolution", "Google", "Outlook"):
        assert device in answer.text


def test_the_landing_page_needs_nothing_from_elsewhere(nobody: Client) -> None:
    answer = nobody.get("/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    links = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert links
    for link in (it for it in links if not it.startswith("#")):
        assert link.startswith("/")
        assert nobody.get(link).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/robots.txt", "/nothing", "/feeds/x.ics", "/static/style.css", "/static/nothing"],
)
def test_every_page_has_its_security_headers(nobody: Client, path: str) -> None:
    headers = nobody.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    # Pages have forms: with no-referrer browsers would send them with `Origin: null`.
    assert headers["referrer-policy"] == ("same-origin" if path in ("/", "/nothing") else "no-referrer")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/static/../wsgi.py", "/static/%2e%2e/wsgi.py", "/api", "/.token/v1/x", "/davx/", "/login"],
)
def test_what_is_not_there_is_404_in_plain_words(nobody: Client, path: str) -> None:
    answer = nobody.get(path)
    assert answer.status in (400, 404)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "Traceback" not in answer.text


def test_robots_may_read_feeds_but_not_the_calendars(nobody: Client) -> None:
    assert nobody.get("/robots.txt").text.splitlines() == [
        "User-agent: *",
        "Allow: /feeds/",
        "Disallow: /dav/",
        "Disallow: /link/",
    ]


def test_the_process_is_alive_and_ready(nobody: Client) -> None:
    assert (nobody.get("/healthz").status, nobody.get("/readyz").status) == (200, 200)


def test_an_old_schema_is_alive_but_not_ready(nobody: Client, dispatch: Dispatch) -> None:
    dispatch.execute("UPDATE alembic_version SET version_num = '0000_older'")
    assert nobody.get("/healthz").status == 200
    answer = nobody.get("/readyz")
    assert answer.status == 503
    assert "daysheet db upgrade" in json.loads(answer.body)["problem"]


def test_a_database_that_is_away_is_alive_but_not_ready(
    configured: Callable[[Sections], Running], database: Database, dispatch: Dispatch
) -> None:
    running = configured({"database": {"busy_timeout": "1s"}})
    client = running.client()
    assert client.get("/readyz").status == 200
    dispatch.connection.close()
    running.database.dispose()
    with away(database):
        assert (client.get("/healthz").status, client.get("/readyz").status) == (200, 503)
        assert "password" not in client.get("/readyz").text
    assert client.get("/readyz").status == 200


def test_a_browser_reads_what_is_wrong_as_a_page_and_a_program_as_a_sentence(nobody: Client) -> None:
    page = nobody.get("/nothing", Accept="text/html")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Nothing here</h1>" in page.text
    assert nobody.get("/nothing").text == "There is nothing at this address.\n"


def test_a_file_is_kept_for_ever_under_the_address_that_names_its_content(nobody: Client) -> None:
    named = assets.address("pages.css")
    assert nobody.get(named).headers["cache-control"] == assets.KEPT
    for other in ("/static/pages.css", "/static/pages.css?v=0123456789abcdef"):
        assert nobody.get(other).headers["cache-control"] == "public, max-age=300"
    for outside in ("../wsgi.py", "nothing.css", "."):
        with pytest.raises(FileNotFoundError):
            assets.address(outside)
