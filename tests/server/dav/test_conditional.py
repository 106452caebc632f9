# SPDX-License-Identifier: GPL-3.0-or-later
"""GET and HEAD of calendars and objects, and when they are 304 (RFC 9110, section 13)."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from scheduling.database.connection import Database
from server.dav.fast.sending import SHORTEST
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Client, D
from tests.server.running import Running

database = fixtures.sqlite_alone
Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture(params=["calendar", "object"])
def path(request: pytest.FixtureRequest, anna: Client, dispatch: Dispatch, people: dict[str, int]) -> str:
    dispatch.job(people["anna"])
    resources = anna.propfind("/dav/anna/jobs/", f"{D}getetag", depth="1").resources
    return next(href for href in resources if href.endswith(".ics") == (request.param == "object"))


def test_head_is_get_without_a_body(anna: Client, path: str) -> None:
    got, head = anna.get(path), anna.request("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers == got.headers
    assert int(got.headers["content-length"]) == len(got.body) > 0


def test_the_tag_is_the_one_of_propfind(anna: Client, path: str) -> None:
    assert anna.get(path).headers["etag"] == anna.propfind(path, f"{D}getetag").only.text(f"{D}getetag")


def test_two_answers_are_byte_for_byte_the_same(anna: Client, path: str) -> None:
    assert anna.get(path) == anna.get(path)


@pytest.mark.parametrize("spelled", ["{}", "W/{}", '"other", {}', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_known_tag_is_304(anna: Client, path: str, spelled: str, method: str) -> None:
    etag = anna.get(path).headers["etag"]
    answer = anna.request(method, path, If_None_Match=spelled.format(etag))
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", etag)


def test_a_tag_wins_over_a_date(anna: Client, path: str) -> None:
    got = anna.get(path)
    assert (
        anna.get(path, If_None_Match='"other"', If_Modified_Since=got.headers["last-modified"]).status == 200
    )


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (None, 304),
        ("Fri, 31 Dec 2100 00:00:00 GMT", 304),
        ("nonsense", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ],
)
def test_a_date_decides_where_there_is_no_tag(
    anna: Client, path: str, since: str | None, status: int
) -> None:
    assert anna.get(path, If_Modified_Since=since or anna.get(path).headers["last-modified"]).status == status


def test_a_change_is_no_longer_304(anna: Client, path: str, dispatch: Dispatch) -> None:
    etag = anna.get(path).headers["etag"]
    dispatch.update("jobs", 1, organisation="Other")
    assert anna.get(path, If_None_Match=etag).status == 200
    assert anna.get(path).headers["etag"] != etag


def test_what_one_may_not_read_is_not_304(bo: Client, nobody: Client, anna: Client, path: str) -> None:
    etag = anna.get(path).headers["etag"]
    assert bo.get(path, If_None_Match=etag).status == 403
    assert nobody.get(path, If_None_Match=etag).status == 401


def test_gzip_is_used_when_the_client_wants_it_and_only_then(anna: Client, path: str) -> None:
    plain = anna.get(path)
    assert "content-encoding" not in plain.headers
    asked = anna.get(path, Accept_Encoding="br, gzip")
    if path.endswith(".ics") and len(plain.body) < SHORTEST:  # one packet as it is
        assert ("content-encoding" not in asked.headers, asked.body) == (True, plain.body)
    else:
        assert asked.headers["content-encoding"] == "gzip"
        assert gzip.decompress(asked.body) == plain.body
        assert int(asked.headers["content-length"]) == len(asked.body)


def test_an_object_is_looked_for_once_by_polls(
    anna: Client, running: Running, dispatch: Dispatch, people: dict[str, int], statements: Statements
) -> None:
    dispatch.job(people["anna"])
    listed = anna.propfind("/dav/anna/jobs/", f"{D}getetag", depth="1").resources
    href = next(it for it in listed if it.endswith(".ics"))
    anna.get(href)
    missing = f"/dav/anna/jobs/{'0' * 32}.ics"
    for path, status, looks in ((href, 200, 1), (missing, 404, 3)):  # two are those of the usual way
        with statements(running.database) as seen:
            assert anna.get(path).status == status
        assert sum("FROM calendar_objects" in it for it in seen) == looks, seen
    with statements(running.database) as seen:
        assert anna.get(href).status == 200
    assert len(seen) == 2
