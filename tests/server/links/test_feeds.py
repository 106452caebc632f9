# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret .ics feeds over HTTP: what a link shows, when it is 304, and when it is no more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import icalendar
import pytest
import vobject

from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.errors import Invalid, NotFound
from scheduling.feeds import feeds
from scheduling.settings import stored
from tests.factories import Dispatch
from tests.server.away import away
from tests.server.client import Answer, Client, basic
from tests.server.running import Running, Sections, granian

Statements = Callable[[Database], AbstractContextManager[list[str]]]


@pytest.fixture
def schedule(dispatch: Dispatch, people: dict[str, int]) -> None:
    anna = people["anna"]
    dispatch.job(
        anna,
        job_type="Fix",
        organisation="Öl; Söhne, & Co",
        starts_at="2027-03-10 09:00:00+00:00",
        ends_at="2027-03-10 11:00:00+00:00",
    )
    dispatch.blocker(
        anna,
        title="Weekly",
        rrule="FREQ=WEEKLY",
        starts_at="2027-03-02 08:00:00+00:00",
        ends_at="2027-03-02 09:00:00+00:00",
    )
    dispatch.time_off(anna, kind="Holiday", start_date="2027-03-05", end_date="2027-03-08")
    dispatch.job(people["bo"], organisation="NOT ANNAS")


@pytest.fixture
def feed(running: Running, schedule: None) -> tuple[int, str]:
    """The id and path of anna's feed."""
    number, token = running.feed("anna")
    return number, feeds.path_of(token)


def regenerate(running: Running, number: int) -> str:
    with running.database.write() as connection:
        return feeds.path_of(feeds.regenerate(connection, running.settings.keyring(), number, actor=SYSTEM))


def revoke(running: Running, number: int) -> None:
    with running.database.write() as connection:
        feeds.revoke(connection, number, actor=SYSTEM)


def same_but_for_the_path(*answers: Answer) -> bool:
    return all(answer == answers[0] for answer in answers)


def _other(token: str) -> str:
    """A token that differs in its last character."""
    return token[:-1] + ("a" if token[-1] != "a" else "b")


def test_a_feed_shows_all_of_its_owner_and_of_nobody_else(nobody: Client, feed: tuple[int, str]) -> None:
    answer = nobody.get(feed[1])
    assert answer.status == 200
    assert {str(it["SUMMARY"]) for it in icalendar.Calendar.from_ical(answer.body).walk("VEVENT")} == {
        "Fix: Öl; Söhne, & Co",
        "Weekly",
        "Holiday",
    }


def test_it_parses_everywhere_and_is_well_formed(nobody: Client, feed: tuple[int, str]) -> None:
    text = nobody.get(feed[1]).text
    assert len(list(vobject.readComponents(text))) == 1
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 and "\n" not in line for line in lines)
    assert text.count("BEGIN:VTIMEZONE") == 1
    assert "VALARM" not in text
    assert "ATTENDEE" not in text


def test_its_head_tells_the_client_what_it_is(nobody: Client, feed: tuple[int, str]) -> None:
    calendar = icalendar.Calendar.from_ical(nobody.get(feed[1]).body)
    assert {
        name: str(calendar[name])
        for name in ("VERSION", "METHOD", "CALSCALE", "NAME", "X-WR-CALNAME", "X-WR-TIMEZONE")
    } == {
        "VERSION": "2.0",
        "METHOD": "PUBLISH",
        "CALSCALE": "GREGORIAN",
        "NAME": "Anna Ångström",
        "X-WR-CALNAME": "Anna Ångström",
        "X-WR-TIMEZONE": "Europe/Berlin",
    }
    assert calendar["X-PUBLISHED-TTL"].to_ical() == calendar["REFRESH-INTERVAL"].to_ical() == b"PT30M"
    assert calendar["REFRESH-INTERVAL"].params["VALUE"] == "DURATION"
    assert str(calendar["COLOR"]).isalpha()
    assert str(calendar["X-APPLE-CALENDAR-COLOR"]).startswith("#")


def test_its_headers_keep_it_private(nobody: Client, feed: tuple[int, str]) -> None:
    answer = nobody.get(feed[1])
    assert {
        name: answer.headers[name]
        for name in (
            "content-type",
            "content-disposition",
            "cache-control",
            "vary",
            "referrer-policy",
            "x-robots-tag",
            "x-content-type-options",
        )
    } == {
        "content-type": "text/calendar; charset=utf-8",
        "content-disposition": 'inline; filename="schedule.ics"',
        "cache-control": "private, max-age=300, no-transform",
        "vary": "Accept-Encoding",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "x-content-type-options": "nosniff",
    }
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["etag"].startswith('"')
    assert "set-cookie" not in answer.headers


def test_the_url_is_short(configured: Callable[[Sections], Running]) -> None:
    running = configured({"server": {"public_url": "https://calendar.fieldservice-company.example.com"}})
    assert len(running.settings.url(feeds.path_of("x" * 32))) <= 100


def test_head_is_get_without_a_body(nobody: Client, feed: tuple[int, str]) -> None:
    got, head = nobody.get(feed[1]), nobody.request("HEAD", feed[1])
    assert (head.status, head.body, head.headers) == (200, b"", got.headers)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "REPORT", "MKCALENDAR", "NONSENSE"]
)
@pytest.mark.parametrize("headers", [{}, {"If_Match": '"nothing"'}])
def test_it_is_only_read(nobody: Client, feed: tuple[int, str], method: str, headers: dict[str, str]) -> None:
    answer = nobody.request(method, feed[1], "x", **headers)
    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_options_say_so(nobody: Client, feed: tuple[int, str]) -> None:
    answer = nobody.request("OPTIONS", feed[1])
    assert (answer.status, set(answer.headers["allow"].split(", "))) == (200, {"GET", "HEAD", "OPTIONS"})


@pytest.mark.parametrize("accept", ["text/html", "application/json", "image/png", "*/*"])
def test_the_accept_header_does_not_matter(nobody: Client, feed: tuple[int, str], accept: str) -> None:
    assert nobody.get(feed[1], Accept=accept).headers["content-type"] == "text/calendar; charset=utf-8"


class TestNotModified:
    def test_an_unchanged_feed_is_304_and_reads_no_object(
        self, running: Running, nobody: Client, feed: tuple[int, str], statements: Statements
    ) -> None:
        got = nobody.get(feed[1])
        with statements(running.database) as seen:
            answer = nobody.get(feed[1], If_None_Match=got.headers["etag"])
        assert (answer.status, answer.body) == (304, b"")
        assert [answer.headers[name] for name in ("etag", "last-modified")] == [
            got.headers[it] for it in ("etag", "last-modified")
        ]
        assert len(seen) <= 3, seen
        assert not any("calendar_objects" in it for it in seen)

    def test_two_answers_are_byte_for_byte_the_same(self, nobody: Client, feed: tuple[int, str]) -> None:
        assert nobody.get(feed[1]) == nobody.get(feed[1])

    def test_the_date_alone_is_enough_and_loses_against_a_tag(
        self, nobody: Client, feed: tuple[int, str]
    ) -> None:
        modified = nobody.get(feed[1]).headers["last-modified"]
        assert nobody.get(feed[1], If_Modified_Since=modified).status == 304
        assert nobody.get(feed[1], If_Modified_Since=modified, If_None_Match='"other"').status == 200
        assert nobody.get(feed[1], If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status == 200
        assert nobody.get(feed[1], If_Modified_Since="yesterday").status == 200

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE jobs SET organisation = 'Other' WHERE id = 1",
            "DELETE FROM jobs WHERE id = 1",
            "DELETE FROM blockers",
            "UPDATE time_off SET status = 'declined'",
            "INSERT INTO job_assignments (job_id, user_id) VALUES (2, 1)",
            "UPDATE users SET display_name = 'Anne' WHERE id = 1",
        ],
    )
    def test_every_change_shows_and_moves_the_date(
        self, nobody: Client, feed: tuple[int, str], dispatch: Dispatch, statement: str
    ) -> None:
        before = nobody.get(feed[1])
        dispatch.execute(statement)
        after = nobody.get(
            feed[1], If_None_Match=before.headers["etag"], If_Modified_Since=before.headers["last-modified"]
        )
        assert (after.status, after.body != before.body) == (200, True)
        dates = [parsedate_to_datetime(it.headers["last-modified"]) for it in (before, after)]
        assert dates[0] <= dates[1]
        if "users" not in statement:
            assert dates[0] < dates[1]
            assert nobody.get(feed[1], If_Modified_Since=before.headers["last-modified"]).status == 200

    def test_what_shows_nowhere_moves_nothing(
        self, nobody: Client, feed: tuple[int, str], dispatch: Dispatch
    ) -> None:
        etag = nobody.get(feed[1]).headers["etag"]
        dispatch.update("jobs", 2, organisation="Other")
        dispatch.update("users", 1, email="new@example.com")
        assert nobody.get(feed[1], If_None_Match=etag).status == 304

    def test_two_feeds_of_a_user_have_different_tags(
        self, running: Running, nobody: Client, feed: tuple[int, str]
    ) -> None:
        _, token = running.feed("anna", "Tablet")
        assert nobody.get(feeds.path_of(token)).headers["etag"] != nobody.get(feed[1]).headers["etag"]


class TestLinks:
    def test_regenerating_ends_the_old_link_at_once(
        self,
        running: Running,
        nobody: Client,
        feed: tuple[int, str],
        configured: Callable[[Sections], Running],
    ) -> None:
        other = configured({}).client()
        etag = other.get(feed[1]).headers["etag"]
        new = regenerate(running, feed[0])
        for client in (nobody, other):
            assert client.get(feed[1]).status == 410
            assert client.get(feed[1], If_None_Match=etag).status == 410
            assert client.get(new).status == 200

    def test_revoking_ends_the_link_for_good(
        self, running: Running, nobody: Client, feed: tuple[int, str]
    ) -> None:
        revoke(running, feed[0])
        answer = nobody.get(feed[1])
        assert answer.status == 410
        assert "BEGIN" not in answer.text
        with pytest.raises(NotFound):
            regenerate(running, feed[0])

    def test_the_link_can_be_shown_again(self, running: Running, feed: tuple[int, str]) -> None:
        with running.database.read() as connection:
            assert feeds.path_of(feeds.show(connection, running.settings.keyring(), feed[0])) == feed[1]

    def test_feeds_are_listed_without_their_links(
        self, running: Running, feed: tuple[int, str], people: dict[str, int]
    ) -> None:
        running.feed("bo", "Desk")
        with running.database.read() as connection:
            assert [it.label for it in feeds.list_feeds(connection, actor=SYSTEM)] == ["Phone", "Desk"]
            assert [it.id for it in feeds.list_feeds(connection, people["anna"], actor=SYSTEM)] == [feed[0]]
            assert feed[1][7:39] not in repr(feeds.list_feeds(connection, actor=SYSTEM))

    def test_a_link_is_kept_as_a_hash_and_encrypted(
        self, running: Running, feed: tuple[int, str], dispatch: Dispatch
    ) -> None:
        kept = dispatch.execute("SELECT lookup, encrypted FROM feed_tokens")
        token = feed[1].removeprefix("/feeds/").removesuffix(".ics")
        assert token.encode() not in b"".join(bytes(value) for value in kept[0])
        revoke(running, feed[0])
        assert dispatch.execute("SELECT encrypted FROM feed_tokens") == [(None,)]

    def test_unknown_links_all_look_the_same(
        self, nobody: Client, running: Running, feed: tuple[int, str], dispatch: Dispatch
    ) -> None:
        token = feed[1].removeprefix("/feeds/").removesuffix(".ics")
        unknown = [
            nobody.get(f"/feeds/{it}.ics")
            for it in (
                "a" * 32,
                token[:-1],
                _other(token),
                token + "a",
                token.upper(),
                "x",
                "%00",
                "..",
                "a" * 1000,
            )
        ]
        dispatch.update("users", 1, active=False)
        assert same_but_for_the_path(*unknown[:6], nobody.get(feed[1]))
        assert {it.status for it in unknown} <= {400, 404}
        assert unknown[0].status == 404

    @pytest.mark.parametrize(
        "path", ["/feeds/", "/feeds", "/feeds/{}", "/feeds/{}.ics/", "/feeds/{}.ICS", "/feeds/x/{}.ics"]
    )
    def test_there_is_nothing_else_below(self, nobody: Client, feed: tuple[int, str], path: str) -> None:
        assert nobody.get(path.format(feed[1][7:39])).status == 404

    @pytest.mark.parametrize("column", ["active", "calendar_access"])
    def test_a_user_without_access_has_no_feed_until_it_is_back(
        self, nobody: Client, feed: tuple[int, str], dispatch: Dispatch, column: str
    ) -> None:
        before = nobody.get(feed[1])
        dispatch.update("users", 1, **{column: False})
        assert nobody.get(feed[1], If_None_Match=before.headers["etag"]).status == 404
        dispatch.update("users", 1, **{column: True})
        assert nobody.get(feed[1]).body == before.body

    def test_calendars_switched_off_have_no_feed_until_they_are_on(
        self, running: Running, nobody: Client, feed: tuple[int, str]
    ) -> None:
        before = nobody.get(feed[1])
        for value, status in (("no", 404), ("yes", 200)):
            with running.database.write() as connection:
                stored.change(connection, "calendars.enabled", value, actor=SYSTEM)
            assert nobody.get(feed[1]).status == status
        assert nobody.get(feed[1]).body == before.body

    def test_a_link_opens_nothing_else(self, running: Running, feed: tuple[int, str]) -> None:
        token = feed[1].removeprefix("/feeds/").removesuffix(".ics")
        assert Client(running.application, basic("anna", token)).get("/dav/anna/jobs/").status == 401

    @pytest.mark.parametrize("label", ["", "  ", "x" * 256])
    def test_a_feed_has_a_label(self, running: Running, people: dict[str, int], label: str) -> None:
        with pytest.raises(Invalid):
            running.feed("anna", label)


def test_a_database_that_is_away_is_503_and_not_an_empty_calendar(
    configured: Callable[[Sections], Running], database: Database, schedule: None, dispatch: Dispatch
) -> None:
    running = configured({"database": {"busy_timeout": "1s"}})
    path = feeds.path_of(running.feed("anna")[1])
    etag = running.client().get(path).headers["etag"]
    dispatch.connection.close()
    running.database.dispose()
    with away(database):
        for headers in ({}, {"If_None_Match": etag}):
            answer = running.client().get(path, **headers)
            assert (answer.status, "BEGIN" in answer.text, "retry-after" in answer.headers) == (
                503,
                False,
                True,
            )
    assert running.client().get(path).status == 200


def test_no_link_is_ever_logged(
    running: Running,
    nobody: Client,
    feed: tuple[int, str],
    dispatch: Dispatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = feed[1][7:39]
    with caplog.at_level(logging.DEBUG):
        nobody.get(feed[1])
        nobody.get(f"/feeds/{_other(token)}.ics")
        new = regenerate(running, feed[0])
        nobody.get(feed[1])
        dispatch.execute("ALTER TABLE calendars RENAME TO gone")
        assert nobody.get(new).status in (500, 503)
    assert "answered 50" in caplog.text
    for secret in (token[:-1], new[7:38]):
        assert secret not in caplog.text


def test_no_link_is_in_the_log_of_the_server(
    configured: Callable[[Sections], Running], schedule: None, dispatch: Dispatch, tmp_path: Path
) -> None:
    running = configured({"server": {"log_level": "debug"}})
    number, token = running.feed("anna")
    log = tmp_path / "granian.log"
    with granian(running, log) as url, httpx.Client(base_url=url) as client:
        assert client.get(feeds.path_of(token)).status_code == 200
        got = client.get(feeds.path_of(token))
        assert got.headers["content-encoding"] == "gzip"
        assert client.head(feeds.path_of(token)).headers["content-length"] == got.headers["content-length"]
        assert client.get(f"/feeds/{_other(token)}.ics").status_code == 404
        regenerate(running, number)
        assert client.get(feeds.path_of(token)).status_code == 410
        dispatch.execute("ALTER TABLE feed_tokens RENAME TO gone")
        assert client.get(feeds.path_of(token)).status_code in (500, 503)
    assert "answered 50" in log.read_text(encoding="utf-8")
    assert token[:-1] not in log.read_text(encoding="utf-8")
