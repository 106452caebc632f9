# SPDX-License-Identifier: GPL-3.0-or-later
"""How much one request may ask for, and what it costs where it asks for as much."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from server.dav import reports
from server.dav.xml import LARGEST, MAXIMUM_ELEMENTS, MAXIMUM_PROPERTIES
from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client, D, basic, multiget, propfind, proppatch
from tests.server.running import Running

database = fixtures.sqlite_alone
JOBS = "/dav/anna/jobs/"
STRANGE = [f"{{urn:example}}x{number}" for number in range(MAXIMUM_PROPERTIES + 1)]
XML = ["PROPFIND", "PROPPATCH", "REPORT"]


@pytest.fixture
def unread() -> io.BytesIO:
    """A body that nobody should read."""
    body = io.BytesIO()
    body.read = lambda *_: pytest.fail("the body was read")  # type: ignore[method-assign]
    return body


class TestBeforeSigningIn:
    @pytest.mark.parametrize("method", XML)
    @pytest.mark.parametrize("path", ["/", "/dav", "/dav/", "/dav/anna/", JOBS])
    @pytest.mark.parametrize("size", ["10", "900000", str(5 * LARGEST)])
    def test_a_body_is_not_read(
        self, nobody: Client, people: dict[str, int], unread: io.BytesIO, method: str, path: str, size: str
    ) -> None:
        answer = nobody.request(method, path, environ={"CONTENT_LENGTH": size, "wsgi.input": unread})
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")

    @pytest.mark.parametrize("method", XML)
    def test_xml_is_not_parsed(self, running: Running, people: dict[str, int], method: str) -> None:
        wrong = Client(running.application, basic("anna", "wrong"))
        for body in ("<a", "<a>" * 1000, "<a/>" + " " * 500_000):
            assert wrong.request(method, JOBS, body, Depth="0").status in (401, 429)


@pytest.mark.parametrize("method", XML)
class TestBodies:
    def test_a_large_one_is_refused_unread(self, anna: Client, unread: io.BytesIO, method: str) -> None:
        size = {"CONTENT_LENGTH": str(LARGEST + 1), "wsgi.input": unread}
        assert anna.request(method, JOBS, environ=size, Depth="0").status == 413

    def test_a_chunked_one_is_read_as_far_as_it_may_be(self, anna: Client, method: str) -> None:
        class Endless(io.BytesIO):
            taken = 0

            def read(self, size: int | None = -1) -> bytes:
                assert size is not None
                assert size >= 0
                self.taken += size
                return b" " * size

        body = Endless()
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None, "wsgi.input": body}
        assert anna.request(method, JOBS, environ=chunked, Depth="0").status == 413
        assert body.taken <= LARGEST + 1

    def test_many_elements_are_refused(self, anna: Client, method: str) -> None:
        body = '<a xmlns="DAV:">' + "<b/>" * MAXIMUM_ELEMENTS + "</a>"
        answer = anna.request(method, JOBS, body, Depth="0")
        assert (answer.status, answer.text) == (413, "The request body has more than 25000 elements.\n")


class TestProperties:
    def test_as_many_as_are_allowed_are_answered(self, anna: Client) -> None:
        names = STRANGE[:MAXIMUM_PROPERTIES]
        for depth in ("0", "1"):
            assert set(anna.propfind(JOBS, *names, depth=depth).resources[JOBS].refused) == set(names)

    @pytest.mark.parametrize("depth", ["0", "1"])
    def test_more_are_refused(self, anna: Client, depth: str) -> None:
        answer = anna.propfind(JOBS, *STRANGE, depth=depth)
        assert (answer.status, answer.text) == (413, "A request may name at most 100 properties.\n")

    @pytest.mark.parametrize("root", ["C:calendar-multiget", "C:calendar-query", "sync-collection"])
    def test_in_reports(self, anna: Client, root: str) -> None:
        props = "".join(f'<x{number} xmlns="urn:example"/>' for number in range(len(STRANGE)))
        body = (
            f'<{root} xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><sync-token/><prop>{props}</prop>'
            f"<href>{JOBS}x.ics</href></{root}>"
        )
        assert anna.report(JOBS, body).status == 413

    def test_in_proppatch(self, anna: Client) -> None:
        one_each = proppatch(*((name, "x") for name in STRANGE))
        assert anna.request("PROPPATCH", JOBS, one_each).status == 413


class TestReports:
    def test_filters(self, anna: Client, dispatch: Dispatch, people: dict[str, int]) -> None:
        dispatch.job(people["anna"])
        condition = '<C:prop-filter name="SUMMARY"/>'
        fits = reports.MOST_FILTERS - 3
        for number, status in ((fits, 207), (fits + 1, 403), (20_000, 403)):
            filters = f'<C:comp-filter name="VEVENT">{condition * number}</C:comp-filter>'
            answer = anna.query(JOBS, filters)
            assert answer.status == status, number
        assert answer.conditions == [f"{C}supported-filter"]

    def test_hrefs(self, anna: Client) -> None:
        names = [f"/dav/anna/jobs/{number}.ics" for number in range(reports.MOST_HREFS + 1)]
        answer = anna.report(JOBS, multiget(*names))
        assert (answer.status, answer.conditions) == (507, [f"{D}number-of-matches-within-limits"])
        assert len(anna.report(JOBS, multiget(*names[1:])).resources) == reports.MOST_HREFS

    @pytest.mark.parametrize("number", ["9" * 5000, "1" + "0" * 5000, "0" * 5000, "-1", "1.5", "\u0665", ""])
    def test_a_limit_that_is_none(self, anna: Client, number: str) -> None:
        answer = anna.sync(JOBS, extra=f"<limit><nresults>{number}</nresults></limit>")
        assert answer.status == 400


def _calls(work: Callable[[], Any]) -> int:
    """How many functions of Python are called."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("fast", ["on", "off"])
@pytest.mark.parametrize("extra", [(), (f"{D}getlastmodified",), (f"{C}schedule-calendar-transp",)])
def test_unknown_properties_are_not_looked_for_at_every_member(
    configured: Callable[[Any], Running],
    dispatch: Dispatch,
    people: dict[str, int],
    fast: str,
    extra: tuple[str, ...],
) -> None:
    members, unknown = 60, 90
    for _ in range(members):
        dispatch.job(people["anna"])
    client = configured({"server": {"fast_answers": fast}}).client("anna")
    names = (f"{D}getetag", *extra)

    def listing(*more: str) -> None:
        answer = client.propfind(JOBS, *names, *more, depth="1")
        assert len(answer.resources) == members + 1
        assert all(set(more) <= set(it.refused) for it in answer.resources.values())

    few, many = propfind(*names), propfind(*names, *STRANGE[:unknown])
    listing()
    listing(*STRANGE[:unknown])
    plain = _calls(lambda: client.request("PROPFIND", JOBS, few, Depth="1"))
    more = _calls(lambda: client.request("PROPFIND", JOBS, many, Depth="1"))
    # ElementTree takes six calls to write an element. Radicale takes thirty and more to look for a property.
    assert more - plain < 8 * members * unknown
