# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription's credentials reach, and what they never do: another origin, a log, an error (RFC 6454, RFC 7617,
RFC 6750).
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from importer.config import ImporterConfig
from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, fetch
from importer.fetch.policy import FetchPolicy
from importer.loop import Summary, run
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.credentials import Credentials
from scheduling.subscriptions.store import ImportStore
from tests.importer.http2 import Http2Server, serving

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET = "S3CRET-Kz83hQ"
CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
POLICY = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1"]), deadline=10)
KINDS = [
    (
        Credentials(kind="basic", name="änna", secret=SECRET),
        "authorization",
        "Basic " + base64.b64encode(f"änna:{SECRET}".encode()).decode(),
    ),
    (Credentials(kind="bearer", secret=SECRET), "authorization", f"Bearer {SECRET}"),
    (Credentials(kind="header", name="X-Api-Key", secret=SECRET), "x-api-key", SECRET),
]


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Http2Server]:
    """An https origin."""
    with serving(tmp_path, "calendar.test", "other.test") as running:
        yield running


def request(url: str, credentials: Credentials = KINDS[1][0]) -> FetchRequest:
    return FetchRequest(url=url, credentials=credentials.header())


@pytest.mark.parametrize(("credentials", "header", "value"), KINDS, ids=["basic", "bearer", "header"])
def test_they_reach_the_server_and_no_log(
    sqlite_database: Database,
    server: Any,
    caplog: pytest.LogCaptureFixture,
    credentials: Credentials,
    header: str,
    value: str,
) -> None:
    server.says("/a", 302, location="/b")
    server.says("/b", 200, CALENDAR)
    server.says("/refused", 401, f"no {value}".encode(), www_authenticate=f'Basic realm="{SECRET}"')
    with sqlite_database.write() as connection:
        user = users.create(connection, username="anna", time_zone="Europe/Berlin", actor=SYSTEM)
        for path in ("/a", "/refused"):
            subscriptions.add(
                connection,
                Keyring(KEY),
                user.id,
                server.url(path),
                "Other",
                credentials=credentials,
                actor=SYSTEM,
            )
    store = ImportStore(sqlite_database, Config(), Keyring(KEY), followers=FOLLOWERS)
    config = ImporterConfig(allow_http=True, allow_hosts=Exemptions.parse(["127.0.0.1"]))
    for name in ("importer", "scheduling"):  # the others' are never this low (server/log.py)
        caplog.set_level(logging.DEBUG, name)
    with caplog.at_level(logging.WARNING):
        found = run(store, config, once=True, stop=threading.Event())
    assert found == Summary(applied=1, failed=1)
    assert {path: headers.get(header) for path, headers in server.requests} == dict.fromkeys(
        ("/a", "/b", "/refused"), value
    )
    with sqlite_database.read() as connection:
        shown = [str(it) for it in subscriptions.list_subscriptions(connection, actor=SYSTEM)]
    for secret in (SECRET, value):
        assert secret not in caplog.text + "".join(shown)


@pytest.mark.parametrize(("credentials", "header", "value"), KINDS, ids=["basic", "bearer", "header"])
@pytest.mark.usefixtures("resolver")
def test_a_redirect_takes_them_to_no_other_origin(
    secure: Http2Server, server: Any, credentials: Credentials, header: str, value: str
) -> None:
    """Another scheme, another port and another host, each alone; back at the first origin they are sent again."""
    secure.plays["/a"] = lambda it: it.says(b"", ("location", secure.url("/b", "other.test")), status="302")
    secure.plays["/b"] = lambda it: it.says(
        b"", ("location", f"http://calendar.test:{server.port}/c"), status="302"
    )
    server.says("/c", 302, location=secure.url("/d"))
    secure.plays["/d"] = lambda it: it.says(CALENDAR)
    answer = fetch(request(secure.url("/a"), credentials), replace(POLICY, trust=secure.trust))
    assert answer.body == CALENDAR
    sent = {path: headers.get(header) for path, headers in server.requests}
    sent |= {path: headers.get(header) for _, path, headers in secure.requests}
    assert sent == {"/a": value, "/b": None, "/c": None, "/d": value}


@pytest.mark.usefixtures("resolver")
def test_they_never_go_over_http_where_it_is_not_allowed(secure: Http2Server, server: Any) -> None:
    policy = replace(POLICY, allow_http=False, trust=secure.trust)
    secure.plays["/a"] = lambda it: it.says(
        b"", ("location", f"http://calendar.test:{server.port}/c"), status="302"
    )
    for url in (secure.url("/a"), server.url("/c")):
        with pytest.raises(FetchFailed) as caught:
            fetch(request(url), policy)
        assert caught.value.reason == "scheme"
    assert server.requests == []


@pytest.mark.usefixtures("resolver")
def test_the_attempt_over_http_1_1_carries_them_too(secure: Http2Server) -> None:
    secure.plays["/a"] = lambda it: it.frame(7, 0, bytes(8), stream=0)
    secure.plain["/a"] = CALENDAR
    fetch(request(secure.url("/a")), replace(POLICY, trust=secure.trust))
    assert [headers["authorization"] for _, _, headers in secure.requests] == [f"Bearer {SECRET}"] * 2


def test_no_error_and_no_repr_holds_them(server: Any) -> None:
    server.answers["/a"] = lambda handler: handler.wfile.write(b"\0" * 100)
    asked = request(server.url("/a"))
    with pytest.raises(FetchFailed) as caught:
        fetch(asked, POLICY)
    for shown in (repr(asked), repr(caught.value), caught.value.message, repr(KINDS[0][0])):
        assert SECRET not in shown
