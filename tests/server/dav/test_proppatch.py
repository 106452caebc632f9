# SPDX-License-Identifier: GPL-3.0-or-later
"""PROPPATCH: a viewer's own properties are kept for him alone (RFC 4918, section 9.2)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.server import fixtures
from tests.server.client import APPLE, C, Client, D, proppatch
from tests.server.running import Running

database = fixtures.sqlite_alone
JOBS = "/dav/anna/jobs/"
COLOR, ORDER, NAME = f"{APPLE}calendar-color", f"{APPLE}calendar-order", f"{D}displayname"
PROTECTED = [
    f"{D}resourcetype",
    f"{D}getetag",
    f"{D}sync-token",
    f"{D}owner",
    f"{D}current-user-privilege-set",
    f"{C}supported-calendar-component-set",
    f"{C}calendar-home-set",
    "{urn:x}anything",
]


def patch(client: Client, path: str, *instructions: tuple[str, str | ET.Element | None]) -> dict[str, int]:
    """The status of each property."""
    only = client.request("PROPPATCH", path, proppatch(*instructions)).only
    return {**dict.fromkeys(only.found, 200), **only.refused}


@pytest.mark.parametrize("path", ["/dav/anna/", JOBS, "/dav/anna/jobs"])
@pytest.mark.parametrize(
    "name",
    [
        COLOR,
        ORDER,
        NAME,
        f"{C}default-alarm-vevent-date",
        f"{C}default-alarm-vevent-datetime",
        f"{C}calendar-timezone",
        f"{APPLE}refreshrate",
        f"{C}calendar-description",
    ],
)
def test_what_apple_sets_is_kept(anna: Client, path: str, name: str) -> None:
    assert patch(anna, path, (name, "Wert ä & <")) == {name: 200}
    assert anna.propfind(path, name).only.text(name) == "Wert ä & <"


def test_an_own_property_is_kept_for_its_viewer_alone(anna: Client, dora: Client, running: Running) -> None:
    patch(dora, JOBS, (COLOR, "#FF0000FF"), (NAME, "Annas Arbeit"))
    assert dora.propfind(JOBS, COLOR).only.text(COLOR) == "#FF0000FF"
    assert dora.propfind("/dav/anna/", NAME, depth="1").resources[JOBS].text(NAME) == "Annas Arbeit"
    assert anna.propfind(JOBS, COLOR).only.text(COLOR) == "#1F77B4FF"
    again = Running(running.settings, running.passwords)
    assert again.client("dora").propfind(JOBS, COLOR).only.text(COLOR) == "#FF0000FF"


def test_an_own_property_moves_neither_token_nor_tag(anna: Client) -> None:
    names = (f"{D}sync-token", f"{D}getetag")
    before = anna.propfind(JOBS, *names).body
    patch(anna, JOBS, (COLOR, "#FF0000FF"))
    assert anna.propfind(JOBS, *names).body == before


def test_an_own_property_can_be_changed_and_removed(anna: Client) -> None:
    patch(anna, JOBS, (COLOR, "#FF0000FF"))
    patch(anna, JOBS, (COLOR, "#00FF00FF"))
    assert anna.propfind(JOBS, COLOR).only.text(COLOR) == "#00FF00FF"
    assert patch(anna, JOBS, (COLOR, None)) == {COLOR: 200}
    assert anna.propfind(JOBS, COLOR).only.text(COLOR) == "#1F77B4FF"
    assert patch(anna, JOBS, (COLOR, None)) == {COLOR: 200}


@pytest.mark.parametrize("name", PROTECTED)
def test_a_protected_property_is_refused_inside_the_207(anna: Client, name: str) -> None:
    answer = anna.request("PROPPATCH", JOBS, proppatch((name, "x"), (COLOR, "#FF0000FF")))
    assert answer.only.refused == {name: 403, COLOR: 424}
    assert answer.xml.find(f".//{D}error/{D}cannot-modify-protected-property") is not None
    assert anna.propfind(JOBS, COLOR).only.text(COLOR) == "#1F77B4FF"


def test_a_value_that_is_too_long_is_refused(anna: Client) -> None:
    assert patch(anna, JOBS, (NAME, "x" * 20_001)) == {NAME: 403}


def test_a_property_whose_value_is_xml_comes_back_as_xml(anna: Client) -> None:
    free_busy, href = f"{C}calendar-free-busy-set", ET.Element(f"{D}href")
    href.text = JOBS
    assert patch(anna, "/dav/anna/", (free_busy, href)) == {free_busy: 200}
    assert anna.propfind("/dav/anna/", free_busy).only.hrefs(free_busy) == [JOBS]


def test_a_calendar_takes_time_whatever_an_app_would_like(anna: Client, dora: Client) -> None:
    """RFC 6638, section 9.1."""
    name = f"{C}schedule-calendar-transp"
    opaque, transparent = (ET.Element(f"{C}{it}") for it in ("opaque", "transparent"))
    assert anna.propfind(JOBS, name).only.tags(name) == {f"{C}opaque"}
    assert patch(anna, JOBS, (name, transparent), (COLOR, "#FF0000FF")) == {name: 403, COLOR: 424}
    assert patch(anna, JOBS, (name, opaque)) == patch(anna, JOBS, (name, None)) == {name: 200}
    assert anna.propfind(JOBS, name).only.tags(name) == {f"{C}opaque"}
    conflicts = "/dav/dora/conflicts/"
    assert dora.propfind(conflicts, name).only.tags(name) == {f"{C}transparent"}
    assert patch(dora, conflicts, (name, opaque)) == {name: 403}


@pytest.mark.parametrize("path", ["/", "/dav/", "/dav/anna/jobs/missing.ics"])
def test_where_there_are_no_own_properties_all_are_refused(anna: Client, path: str) -> None:
    answer = anna.request("PROPPATCH", path, proppatch((COLOR, "#FF0000FF")))
    assert answer.status == 404 if path.endswith(".ics") else answer.only.refused == {COLOR: 403}


def test_somebody_elses_calendar_is_refused(bo: Client, nobody: Client) -> None:
    answer = bo.request("PROPPATCH", JOBS, proppatch((COLOR, "#FF0000FF")))
    assert (answer.status, answer.conditions) == (403, [f"{D}need-privileges"])
    assert nobody.request("PROPPATCH", JOBS, proppatch((COLOR, "x"))).status == 401


@pytest.mark.parametrize("body", ["", "<", "<x/>", '<propfind xmlns="DAV:"/>'])
def test_a_body_that_is_no_propertyupdate_is_refused(anna: Client, body: str) -> None:
    assert anna.request("PROPPATCH", JOBS, body).status == 400
