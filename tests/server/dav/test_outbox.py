# SPDX-License-Identifier: GPL-3.0-or-later
"""POST to a scheduling outbox (RFC 6638, section 5): who hears what of whom, and what is refused, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from scheduling.access import roles
from scheduling.access.permissions import SYSTEM, Permission
from scheduling.database.connection import Database
from scheduling.settings import stored
from tests.factories import Dispatch
from tests.server.client import C, Client, D
from tests.server.dav.scheduling_messages import END, START, post, replies, request, statuses
from tests.server.running import Running, Sections

Statements = Callable[[Database], AbstractContextManager[list[str]]]
ANNA, BO, DORA = "mailto:anna@example.com", "mailto:bo@example.com", "/dav/dora/"
OUTBOX = "/dav/anna/outbox/"
DORAS = "/dav/dora/outbox/"
SUCCESS, UNKNOWN, NO_AUTHORITY = "2.0;Success", "3.7;Invalid calendar user", "3.8;No authority"


@pytest.fixture(autouse=True)
def jobs(dispatch: Dispatch, people: dict[str, int]) -> None:
    """One job each, anna's from 9 and bo's from 12."""
    dispatch.update("users", people["bo"], email="Bo@Example.com")
    for name, hour in (("anna", 9), ("bo", 12)):
        dispatch.job(
            people[name],
            organisation="SECRET",
            starts_at=f"2027-03-10 {hour:02}:00:00+00:00",
            ends_at=f"2027-03-10 {hour + 1:02}:00:00+00:00",
        )


def test_the_answer_is_a_reply_of_each_recipient(dora: Client) -> None:
    answer = post(dora, DORAS, request(DORA, ANNA, BO, "mailto:stranger@example.com"))
    found = replies(answer)
    assert list(found) == [ANNA, BO, "mailto:stranger@example.com"]
    assert [it.status for it in found.values()] == [SUCCESS, SUCCESS, UNKNOWN]
    assert found["mailto:stranger@example.com"].text is None
    assert found[ANNA].parts == [("20270310T090000Z", "20270310T100000Z", "BUSY")]
    assert found[BO].parts == [("20270310T120000Z", "20270310T130000Z", "BUSY")]
    component = found[BO].component
    assert [component[it].to_ical() for it in ("UID", "ORGANIZER", "ATTENDEE", "DTSTART", "DTEND")] == [
        *(b"4FD3AD926350", DORA.encode(), BO.encode(), START.encode(), END.encode())
    ]
    assert "DTSTAMP" in component
    assert "SECRET" not in answer.text


def test_a_user_has_an_e_mail_address_and_the_url_of_the_principal(
    configured: Callable[[Sections], Running], people: dict[str, int]
) -> None:
    running = configured({"server": {"public_url": "https://cal.example.com"}})
    anna, dora = running.client("anna"), running.client("dora")
    addresses = [
        *(ANNA, "MAILTO:Anna@Example.COM", "mailto:%61nna@example.com", "mailto:anna@example.com?subject=x"),
        *("/dav/anna/", "/dav/anna", "http://127.0.0.1:5232/dav/anna/", "https://cal.example.com/dav/anna/"),
    ]
    for reply in replies(post(dora, DORAS, request(DORA, *addresses))).values():
        assert (reply.status, len(reply.parts)) == (SUCCESS, 1)
    for address in addresses:
        assert statuses(post(anna, OUTBOX, request(address, *addresses))) == [SUCCESS] * len(addresses)


STRANGE = (
    *("mailto:", "mailto:stranger@example.com", "mailto:%00", "mailto:x%00@example.com", "urn:uuid:1", "x"),
    *("https://evil.example/dav/anna/", "/dav/", "/dav//", "/dav/anna/jobs/", "/dav/%00/", "/dav/stranger/"),
    *("mailto:'; DROP TABLE users", "http://[", "<x>&amp;", "mailto:\u00e4@example.com", "/dav/%2e%2e/"),
)


def test_an_address_that_means_nobody_is_said_to(dora: Client) -> None:
    answer = replies(post(dora, DORAS, request(DORA, *STRANGE)))
    assert {it: reply.status for it, reply in answer.items()} == dict.fromkeys(STRANGE, UNKNOWN)


def test_a_member_learns_nothing_of_others_and_not_who_there_is(anna: Client) -> None:
    others = (BO, "/dav/bo/", "mailto:stranger@example.com", "/dav/stranger/", "urn:x")
    found = replies(post(anna, OUTBOX, request(ANNA, *others, ANNA)))
    assert {it.status for it in found.values()} == {NO_AUTHORITY, SUCCESS}
    assert [(it.status, it.text) for address, it in found.items() if address != ANNA] == [
        (NO_AUTHORITY, None)
    ] * len(others)
    assert found[ANNA].status == SUCCESS


def test_the_permission_is_that_of_availability(
    anna: Client, running: Running, dispatch: Dispatch, people: dict[str, int]
) -> None:
    with running.database.write() as connection:
        roles.add(connection, "planner", [Permission.SCHEDULE_READ_ALL], actor=SYSTEM)
        roles.add(connection, "reader", [Permission.CALENDARS_READ_ALL], actor=SYSTEM)
        roles.add(connection, "watcher", [Permission.USERS_VIEW, Permission.SCHEDULE_READ_OWN], actor=SYSTEM)
    for role, status in (("planner", SUCCESS), ("reader", SUCCESS), ("watcher", NO_AUTHORITY)):
        dispatch.update("users", people["anna"], role=role)
        assert statuses(post(anna, OUTBOX, request(ANNA, BO))) == [status]
    dispatch.update("users", people["anna"], role="member")
    assert statuses(post(anna, OUTBOX, request(ANNA, BO))) == [NO_AUTHORITY]


def test_who_is_not_active_or_shares_an_address_means_nobody(
    dora: Client, anna: Client, dispatch: Dispatch, people: dict[str, int]
) -> None:
    dispatch.user("ben", email="bo@example.COM")
    assert statuses(post(dora, DORAS, request(DORA, BO, "/dav/bo/"))) == [UNKNOWN, SUCCESS]
    dispatch.user("hanna", email="anna@example.com")
    assert statuses(post(dora, DORAS, request(DORA, ANNA))) == [UNKNOWN]
    assert statuses(post(anna, OUTBOX, request(ANNA, ANNA))) == [SUCCESS]
    dispatch.update("users", people["bo"], active=False)
    assert statuses(post(dora, DORAS, request(DORA, "/dav/bo/"))) == [UNKNOWN]


def test_nobody_asks_in_anothers_name(anna: Client, dora: Client) -> None:
    for organizer in (
        BO,
        "mailto:stranger@example.com",
        "/dav/bo/",
        "urn:x",
        "mailto:",
        "/dav/",
        "https://[",
    ):
        for client, path in ((anna, OUTBOX), (dora, DORAS)):
            answer = post(client, path, request(organizer, ANNA))
            assert (answer.status, answer.conditions) == (403, [f"{C}valid-organizer"]), organizer


def test_an_outbox_is_its_owners_alone(anna: Client, dora: Client, nobody: Client) -> None:
    body = request(ANNA, ANNA)
    assert post(nobody, OUTBOX, body).status == 401
    for path in (OUTBOX, "/dav/bo/outbox/", "/dav/stranger/outbox/"):
        answer = post(dora, path, body)
        assert (answer.status, answer.conditions) == (403, [f"{D}need-privileges"])
    for content in ("", "x", body):
        assert post(anna, "/dav/bo/outbox/", content).conditions == [f"{D}need-privileges"]
    assert post(anna, "/dav/anna/outbox", body).status == 200


def test_there_is_nothing_else_to_post_to(anna: Client) -> None:
    for path in ("/dav/anna/inbox/", "/dav/anna/", "/dav/anna/jobs/", "/dav/anna/outbox/x"):
        answer = post(anna, path, request(ANNA, ANNA))
        assert (answer.status, "POST" in answer.headers["allow"]) == (405, False), path


MESSAGE = request(ANNA, ANNA)


REFUSED: list[tuple[str | bytes, int, str]] = [
    ("", 403, f"{C}valid-calendar-data"),
    ("BEGIN:VCALENDAR", 403, f"{C}valid-calendar-data"),
    (b"\xff", 403, f"{C}valid-calendar-data"),
    (f"{MESSAGE}{MESSAGE}", 403, f"{C}valid-calendar-data"),
    (request(ANNA, ANNA, method="REPLY"), 400, f"{C}valid-scheduling-message"),
    (request(ANNA), 400, f"{C}valid-scheduling-message"),
    (request(ANNA, ANNA, start=END, end=START), 400, f"{C}valid-scheduling-message"),
    (request(ANNA, ANNA, start="20270310"), 400, f"{C}valid-scheduling-message"),
    (MESSAGE.replace("VFREEBUSY", "VEVENT"), 403, f"{D}need-privileges"),
    (MESSAGE.replace("UID:", "UID:" + "x" * 2**18), 403, f"{C}max-resource-size"),
    (request(ANNA, *(f"mailto:{it}@x" for it in range(201))), 403, f"{C}max-attendees-per-instance"),
    (
        request(ANNA, ANNA, start="20200101T000000Z", end="20300101T000000Z"),
        *(403, f"{D}number-of-matches-within-limits"),
    ),
    (
        request(
            ANNA,
            *(f"mailto:{it}@x" for it in range(200)),
            start="20270101T000000Z",
            end="20270401T000000Z",
        ),
        *(403, f"{D}number-of-matches-within-limits"),
    ),
    (
        request(ANNA, ANNA, start="00010101T000000Z", end="00010102T000000Z"),
        *(403, f"{D}number-of-matches-within-limits"),
    ),
]


def test_what_cannot_be_answered_is_refused_by_name(anna: Client) -> None:
    for body, status, condition in REFUSED:
        answer = post(anna, OUTBOX, body)
        assert (answer.status, answer.conditions) == (status, [condition]), body[:400]


def test_a_message_is_icalendar(anna: Client) -> None:
    for content_type in ("application/xml", "application/calendar+json", ""):
        answer = post(anna, OUTBOX, MESSAGE, content_type)
        assert (answer.status, answer.conditions) == (403, [f"{C}supported-calendar-data"])
    for content_type in (
        "text/calendar; charset=utf-8",
        "Text/Calendar; component=VFREEBUSY; method=REQUEST",
    ):
        assert post(anna, OUTBOX, MESSAGE, content_type).status == 200


def test_two_hundred_people_are_asked_about_in_a_fixed_number_of_statements(
    dora: Client, running: Running, dispatch: Dispatch, statements: Statements
) -> None:
    for number in range(199):
        dispatch.user(f"user-{number}", email=f"user-{number}@example.com")
    some = [f"mailto:user-{number}@example.com" for number in range(199)]
    post(dora, DORAS, request(DORA, ANNA, *some))
    counts = []
    for attendees in ([ANNA, some[0]], [ANNA, *some]):
        with statements(running.database) as seen:
            assert set(statuses(post(dora, DORAS, request(DORA, *attendees)))) == {SUCCESS}
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16


def test_requests_are_counted(configured: Callable[[Sections], Running], people: dict[str, int]) -> None:
    running = configured({"server": {"api_requests_per_minute": "2"}})
    anna = running.client("anna")
    answers = [post(anna, OUTBOX, MESSAGE) for _ in range(6)]
    refused = [it for it in answers if it.status == 429]  # a new minute may begin meanwhile
    assert len(refused) >= 2
    assert 0 < int(refused[0].headers["retry-after"]) <= 60
    assert post(running.client("dora"), DORAS, request(DORA, ANNA)).status == 200


def test_calendars_that_are_off_have_no_outbox(anna: Client, running: Running) -> None:
    with running.database.write() as connection:
        stored.change(connection, "calendars.enabled", "no", actor=SYSTEM)
    assert post(anna, OUTBOX, MESSAGE).status == 404
    assert anna.propfind(OUTBOX, f"{D}resourcetype").status == 404
