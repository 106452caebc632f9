# SPDX-License-Identifier: GPL-3.0-or-later
"""The front answers as the application does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.server import fixtures
from tests.server.pages.people import begin
from tests.server.running import Running, Sections
from tests.server.serving import serving

database = fixtures.sqlite_alone
PER_ANSWER = {"date", "server"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_health_check_is_answered_as_the_application_answers_it(
    configured: Callable[[Sections], Running], people: dict[str, int], tmp_path: Path, method: str
) -> None:
    running = configured({})
    with serving(running, tmp_path) as served:
        found = httpx.request(method, f"{served.url}/healthz", trust_env=False)
    expected = running.client().request(method, "/healthz")
    assert found.status_code == expected.status == 200
    assert found.content == expected.body
    headers = {name.lower(): value for name, value in expected.headers.items()}
    assert {name: it for name, it in found.headers.items() if name not in PER_ANSWER} == headers


def test_a_path_reaches_the_application_by_its_octets(
    configured: Callable[[Sections], Running], people: dict[str, int], tmp_path: Path
) -> None:
    with serving(configured({}), tmp_path) as served:
        assert httpx.get(f"{served.url}/dav/%ff/", trust_env=False).text == "The path is not UTF-8.\n"
        assert httpx.get(f"{served.url}/%72obots.txt", trust_env=False).text.startswith("User-agent")


@pytest.mark.parametrize(
    ("cookie", "octets", "status"),
    [
        ("", 5_000, 413),
        ("daysheet={}", 5_000, 422),
        ("daysheet={}", 60_000, 422),
        ("daysheet={}", 70_000, 413),
    ],
)
def test_forms_of_people_who_are_signed_in_may_be_longer(
    configured: Callable[[Sections], Running],
    people: dict[str, int],
    tmp_path: Path,
    cookie: str,
    octets: int,
    status: int,
) -> None:
    running = configured({})
    token = begin(running, "anna")
    with serving(running, tmp_path) as served:
        answer = httpx.post(
            f"{served.url}/account/password",
            data={"password": "x" * octets},
            headers={"Accept": "text/html", "Cookie": cookie.format(token), "Sec-Fetch-Site": "same-origin"},
            trust_env=False,
        )
    assert answer.status_code == status
    assert ("The form is too large." in answer.text) == (status == 413)
