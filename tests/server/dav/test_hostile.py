# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile client sends: tricks with paths, XML, sizes and headers."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import Client, D, calendar_query, containing, multiget, propfind

database = fixtures.sqlite_alone
JOBS = "/dav/anna/jobs/"


@pytest.fixture(autouse=True)
def _schedule(dispatch: Dispatch, people: dict[str, int]) -> None:
    dispatch.job(people["anna"], organisation="SECRET")


@pytest.mark.parametrize(
    "path",
    [
        "/dav/bo/..%2fanna/jobs/",
        "/dav/bo/%2e%2e/anna/jobs/",
        "/dav/bo/../anna/jobs/",
        "/dav/bo/%252e%252e/anna/jobs/",
        "/dav/bo/./../anna/jobs/",
        "/dav/bo\\..\\anna/jobs/",
        "/dav/bo/jobs/%00",
        "/dav/anna%00/jobs/",
        "/dav/anna;x/jobs/",
        "/dav/%c0%ae%c0%ae/anna/jobs/",
        "/dav/%ff/jobs/",
        "/dav/an%CC%8Ana/jobs/",
        "/dav/ANNA/jobs/",
        "/dav/anna%20/jobs/",
        "/dav/anna/jobs/x/y/z.ics",
        "/dav/c:/anna/jobs/",
        "/dav/anna/jobs::$DATA",
        "/dav/" + "a" * 3000 + "/",
        "/dav/%0d%0aX:%20y/",
        "/dav/.token/v1/" + "a" * 44 + "/",
        "/dav/.web/",
        "/dav/.mobileconfig",
        "/dav/.sharing/v1/",
        "/dav/.well-known/caldav",
        "/dav/~/anna/jobs/",
        "/dav/%2F%2Fanna/jobs",
        "//dav/anna/jobs/",
        "/dav/../dav/anna/jobs/",
        "/DAV/anna/jobs/",
    ],
)
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "REPORT"])
def test_no_spelling_of_a_path_leads_to_somebody_elses_calendar(bo: Client, path: str, method: str) -> None:
    body = {"PROPFIND": propfind(f"{D}displayname"), "GET": "", "REPORT": calendar_query("")}[method]
    answer = bo.request(method, path, body, Depth="1", X_Script_Name="/dav/anna")
    assert answer.status in (400, 403, 404, 405, 414), answer
    assert b"SECRET" not in answer.body


@pytest.mark.parametrize("path", ["/dav//anna//jobs/", "/dav/anna/jobs//"])
def test_doubled_slashes_are_single_ones(anna: Client, bo: Client, path: str) -> None:
    assert anna.get(path).status == 200
    assert bo.get(path).status == 403


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener that nobody should connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + ']><propfind xmlns="DAV:">&j;</propfind>'
)


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "REPORT"])
@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        '<!DOCTYPE x [<!ENTITY a "'
        + "x" * 50_000
        + '">]><propfind xmlns="DAV:">'
        + "&a;" * 1000
        + "</propfind>",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file://{file}">]><propfind xmlns="DAV:"><prop>&a;</prop></propfind>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:{port}/x.dtd"><propfind xmlns="DAV:"/>',
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:{port}/x"> %a;]><propfind xmlns="DAV:"/>',
        "<a>" * 10_000 + "</a>" * 10_000,
        "<a" * 10_000,
        "\x00",
        "<?xml version='1.0' encoding='utf-7'?>+ADw-a/+AD4-",
        "<?xml version='1.0' encoding='nonsense'?><a/>",
        "<propfind xmlns='DAV:'><prop><",
        "<propfind xmlns='DAV:'>&nbsp;</propfind>",
    ],
)
def test_xml_that_is_a_weapon_is_refused(
    anna: Client, canary: socket.socket, tmp_path: Path, method: str, body: str
) -> None:
    file = tmp_path / "canary.txt"
    file.write_text("CANARY", encoding="utf-8")
    body = body.replace("{file}", str(file)).replace("{port}", str(canary.getsockname()[1]))
    answer = anna.request(method, JOBS, body, Depth="0")
    assert answer.status == 400, answer
    assert b"CANARY" not in answer.body
    with pytest.raises(BlockingIOError):
        canary.accept()


def test_utf_16_is_xml_too(anna: Client) -> None:
    body = propfind(f"{D}displayname").encode("utf-16")
    assert (
        anna.request("PROPFIND", JOBS, body, Depth="0", Content_Type='text/xml; charset="utf-16"').status
        == 207
    )
    assert anna.request("PROPFIND", JOBS, LAUGHS.encode("utf-16"), Depth="0").status == 400


@pytest.mark.parametrize("charset", ["nonsense", "utf-16", '"utf-8"', "idna", ""])
def test_a_strange_charset_does_not_change_the_credentials(anna: Client, charset: str) -> None:
    answer = anna.request(
        "PROPFIND", JOBS, propfind(f"{D}displayname"), Depth="0", Content_Type=f"text/xml; charset={charset}"
    )
    assert answer.status == 207


@pytest.mark.parametrize(
    "body",
    [
        "<x/>",
        '<propfind xmlns="DAV:"/>',
        '<propertyupdate xmlns="DAV:"/>',
        '<propfind xmlns="DAV:"><nonsense/></propfind>',
    ],
)
def test_a_propfind_that_is_none_is_refused(anna: Client, body: str) -> None:
    assert anna.request("PROPFIND", JOBS, body, Depth="0").status == 400


def test_reports_are_bounded(anna: Client) -> None:
    deep = '<C:comp-filter name="VEVENT">' * 1000 + "</C:comp-filter>" * 1000
    assert anna.query(JOBS, deep).status in (400, 403)
    wide = '<C:comp-filter name="VEVENT"/>' * 1000
    assert anna.query(JOBS, wide).status in (207, 400, 403)
    assert anna.query(JOBS, containing("SUMMARY", "x" * 10**6)).status == 403
    many = anna.report(JOBS, multiget(*(f"{JOBS}{number}.ics" for number in range(20_000))))
    assert len(many.resources) == 20_000 if many.status == 207 else many.status in (400, 403, 507)


@pytest.mark.parametrize("depth", ["2", "-1", "x", ""])
def test_a_depth_that_is_none_is_refused(anna: Client, depth: str) -> None:
    assert anna.propfind(JOBS, f"{D}displayname", depth=depth).status == 400


@pytest.mark.parametrize("length", ["-1", "+5", "x", "1_0", "\uff15", "1e3", "0x10"])
def test_a_length_that_is_no_number_is_refused(anna: Client, length: str) -> None:
    assert anna.request("PROPFIND", JOBS, "x", environ={"CONTENT_LENGTH": length}).status == 400


def test_a_body_that_is_too_large_is_refused_unread(anna: Client) -> None:
    endless = io.BytesIO()
    endless.read = lambda *_: pytest.fail("the body was read")  # type: ignore[method-assign]
    answer = anna.request(
        "PROPFIND", JOBS, environ={"CONTENT_LENGTH": str(101 * 1024 * 1024), "wsgi.input": endless}
    )
    assert answer.status == 413


def test_a_body_without_a_length_is_read_up_to_the_limit(anna: Client) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}
    assert (
        anna.request("PROPFIND", JOBS, propfind(f"{D}displayname"), environ=chunked, Depth="0").status == 207
    )
    assert anna.request("PROPFIND", JOBS, b"x" * (11 * 1024 * 1024), environ=chunked).status == 413


def test_a_body_shorter_than_its_length_is_refused(anna: Client) -> None:
    assert anna.request("PROPFIND", JOBS, "<a/>", environ={"CONTENT_LENGTH": "100"}).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Remote_User": "anna"},
        {"Remote_User": "anna"},
        {"X_Forwarded_User": "anna"},
        {"X_Script_Name": "/dav/anna"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"X_Forwarded_Host": "evil.example"},
        {"Host": "evil.example"},
        {"X_Http_Method_Override": "GET"},
    ],
)
def test_nobody_becomes_somebody_by_a_header(nobody: Client, bo: Client, headers: dict[str, str]) -> None:
    environ = {"REMOTE_USER": "anna"}
    assert nobody.request("GET", JOBS, **headers).status == 401
    assert bo.request("GET", JOBS, **headers).status == 403
    own = bo.request("PROPFIND", "/dav/", propfind(f"{D}current-user-principal"), Depth="0", **headers)
    assert own.only.hrefs(f"{D}current-user-principal") == ["/dav/bo/"]
    assert "evil" not in own.text
    # granian passes the process environment on, and a server in front may set REMOTE_USER for others.
    assert nobody.request("GET", JOBS, environ=environ, **headers).status == 401


def test_hrefs_do_not_depend_on_the_host(anna: Client) -> None:
    answer = anna.request(
        "PROPFIND", "/dav/anna/", propfind(f"{D}displayname"), Depth="1", Host="evil.example:1"
    )
    assert all(href.startswith("/dav/anna/") for href in answer.resources)


def test_a_control_character_in_a_name_does_not_break_the_answer(anna: Client, dispatch: Dispatch) -> None:
    dispatch.update("users", 1, display_name="An\x01na\x1b \ufffe&<")
    assert anna.propfind("/dav/anna/", f"{D}displayname").only.text(f"{D}displayname") == "Anna &<"
    assert anna.query(JOBS, "").status == 207
    assert anna.get(JOBS).status == 200
