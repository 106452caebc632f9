# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds on the wire: compression, what polling costs, the cache, and links in their overlap."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest

from scheduling.access.permissions import SYSTEM
from scheduling.database.connection import Database
from scheduling.feeds import feeds
from scheduling.settings import stored
from server.links.cache import FeedCache
from tests.factories import Dispatch
from tests.server.calendar_readers import agreed
from tests.server.client import Client
from tests.server.running import Running, Sections

Statements = Callable[[Database], AbstractContextManager[list[str]]]
TODAY = datetime.now(UTC).date()


@pytest.fixture
def path(running: Running, dispatch: Dispatch, people: dict[str, int]) -> str:
    dispatch.job(people["anna"], organisation="Acme")
    dispatch.blocker(people["anna"], title="Weekly", rrule="FREQ=WEEKLY")
    return feeds.path_of(running.feed("anna")[1])


class TestCompression:
    def test_it_is_the_same_feed(self, nobody: Client, path: str) -> None:
        plain, compressed = nobody.get(path), nobody.get(path, Accept_Encoding="gzip, br")
        assert "content-encoding" not in plain.headers
        assert compressed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(compressed.body) == plain.body
        assert int(compressed.headers["content-length"]) == len(compressed.body) < len(plain.body)
        assert plain.headers["vary"] == compressed.headers["vary"] == "Accept-Encoding"

    def test_each_encoding_has_a_strong_tag_of_its_own(self, nobody: Client, path: str) -> None:
        plain, compressed = (nobody.get(path, Accept_Encoding=it).headers["etag"] for it in ("", "gzip"))
        assert plain != compressed
        for encoding, tag in (("identity", plain), ("gzip", compressed)):
            answer = nobody.get(path, Accept_Encoding=encoding, If_None_Match=tag)
            assert (answer.status, answer.headers["etag"], answer.body) == (304, tag, b"")
            assert "content-encoding" not in answer.headers
        assert nobody.get(path, Accept_Encoding="gzip", If_None_Match=plain).status == 200
        both = nobody.get(path, Accept_Encoding="gzip", If_None_Match=f"{plain}, {compressed}")
        assert both.status == 304

    @pytest.mark.parametrize(
        ("accepted", "expected"),
        [
            ("gzip", True),
            ("GZIP;q=0.5", True),
            ("*", True),
            ("deflate, gzip;q=1.0, *;q=0.5", True),
            ("identity;q=0.5, gzip", True),
            ("", False),
            ("br", False),
            ("identity", False),
            ("gzip;q=0", False),
            ("gzip;q=0, *", False),
            ("*;q=0", False),
            ("identity, gzip;q=0.5", False),
            ("nonsense;;q=x", False),
        ],
    )
    def test_the_header_is_honoured(self, nobody: Client, path: str, accepted: str, expected: bool) -> None:
        answer = nobody.get(path, Accept_Encoding=accepted)
        assert answer.status == 200
        assert ("content-encoding" in answer.headers) is expected

    def test_a_client_without_the_header_gets_plain_text(self, nobody: Client, path: str) -> None:
        assert nobody.get(path).body.startswith(b"BEGIN:VCALENDAR")

    @pytest.mark.parametrize("agent", ["Microsoft Office/16.0", "x Exchange/15.20 y", "OUTLOOK-iOS"])
    def test_clients_that_cannot_do_it_are_spared(self, nobody: Client, path: str, agent: str) -> None:
        answer = nobody.get(path, Accept_Encoding="gzip", User_Agent=agent)
        assert answer.body.startswith(b"BEGIN:VCALENDAR")

    def test_who_they_are_is_a_setting(self, configured: Callable[[Sections], Running], path: str) -> None:
        client = configured({"server": {"feed_gzip_refused": "Thunderbird, x"}}).client()
        for agent, compressed in (("Thunderbird/128", False), ("Microsoft Office/16.0", True)):
            answer = client.get(path, Accept_Encoding="gzip", User_Agent=agent)
            assert ("content-encoding" in answer.headers) is compressed

    def test_it_can_be_switched_off(self, configured: Callable[[Sections], Running], path: str) -> None:
        client = configured({"server": {"feed_gzip": "no"}}).client()
        assert "content-encoding" not in client.get(path, Accept_Encoding="gzip").headers

    def test_head_says_what_get_would(self, nobody: Client, path: str) -> None:
        got = nobody.get(path, Accept_Encoding="gzip")
        head = nobody.request("HEAD", path, Accept_Encoding="gzip")
        assert (head.headers, head.body) == (got.headers, b"")


class TestCost:
    def test_a_thousand_polls_of_an_unchanged_feed_read_no_event(
        self, running: Running, nobody: Client, path: str, statements: Statements
    ) -> None:
        etag = nobody.get(path).headers["etag"]
        with statements(running.database) as seen:
            answers = {nobody.get(path, If_None_Match=etag).status for _ in range(1000)}
        assert answers == {304}
        reads = [it for it in seen if it.lstrip().upper().startswith("SELECT")]
        assert 1000 <= len(reads) <= 3000
        events = ("calendar_objects", "jobs", "blockers", "time_off", "external_events", "occurrences")
        assert not [
            it for it in reads if any(f"FROM {table}" in it or f"JOIN {table}" in it for table in events)
        ]

    def test_a_second_reader_of_the_same_version_reads_no_event_either(
        self, running: Running, nobody: Client, path: str, statements: Statements
    ) -> None:
        first = nobody.get(path)
        with statements(running.database) as seen:
            assert nobody.get(path).body == first.body
            assert gzip.decompress(nobody.get(path, Accept_Encoding="gzip").body) == first.body
        assert not [it for it in seen if "calendar_objects" in it]

    def test_without_a_cache_it_is_assembled_from_stored_text(
        self, configured: Callable[[Sections], Running], path: str, statements: Statements
    ) -> None:
        running = configured({"server": {"feed_cache": "0B"}})
        first = running.client().get(path)
        with statements(running.database) as seen:
            assert running.client().get(path).body == first.body
        assert len([it for it in seen if "calendar_objects" in it]) == 3
        assert not [it for it in seen if "FROM jobs" in it or "FROM blockers" in it]

    def test_a_change_is_never_hidden_by_the_cache(
        self, nobody: Client, path: str, dispatch: Dispatch
    ) -> None:
        for number in range(3):
            dispatch.update("jobs", 1, organisation=f"Customer {number}")
            assert f"Customer {number}" in nobody.get(path).text


class TestCache:
    def test_it_is_bounded_and_forgets_what_was_not_used_for_longest(self) -> None:
        cache = FeedCache(10)
        cache.put("a", b"12345")
        cache.put("b", b"12345")
        assert cache.get("a") == b"12345"
        cache.put("c", b"123")
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"12345", None, b"123")
        assert cache.size == 8

    def test_a_body_that_is_too_large_is_not_kept(self) -> None:
        cache = FeedCache(4)
        cache.put("a", b"12345")
        assert (cache.get("a"), cache.size) == (None, 0)

    def test_a_body_replaced_counts_once(self) -> None:
        cache = FeedCache(10)
        for _ in range(3):
            cache.put("a", b"12345")
        assert cache.size == 5

    def test_threads_share_it(self) -> None:
        cache = FeedCache(1000)

        def work(name: str) -> None:
            for number in range(500):
                cache.put(f"{name}{number % 7}", b"x" * (number % 90))
                cache.get(f"{name}{number % 5}")

        threads = [threading.Thread(target=work, args=(str(it),)) for it in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.size == sum(map(len, cache._bodies.values())) <= 1000


class TestOverlap:
    @pytest.fixture
    def replaced(self, running: Running, path: str) -> tuple[str, str]:
        """The old and the new path."""
        with running.database.write() as connection:
            token = feeds.regenerate(
                connection, running.settings.keyring(), 1, overlap_hours=30, actor=SYSTEM
            )
        return path, feeds.path_of(token)

    def test_the_old_link_shows_one_all_day_event_and_no_data(
        self, nobody: Client, replaced: tuple[str, str]
    ) -> None:
        answer = nobody.get(replaced[0])
        assert answer.status == 200
        [event] = agreed(answer.text)
        assert str(event["SUMMARY"]) == "This calendar link was replaced"
        assert event["DTSTART"].dt == datetime.now(UTC).date()
        assert (event["DTEND"].dt - event["DTSTART"].dt).days in (2, 3)
        assert event["TRANSP"] == "TRANSPARENT"
        assert not [word for word in ("Acme", "Weekly", "Anna", replaced[1][7:39]) if word in answer.text]
        assert answer.headers["cache-control"] == "private, max-age=300, no-transform"

    def test_it_is_conditional_like_any_feed(self, nobody: Client, replaced: tuple[str, str]) -> None:
        answer = nobody.get(replaced[0])
        assert nobody.get(replaced[0], If_None_Match=answer.headers["etag"]).status == 304
        assert nobody.get(replaced[0], If_Modified_Since=answer.headers["last-modified"]).status == 304

    def test_the_tag_of_the_old_data_does_not_match(
        self, running: Running, nobody: Client, path: str
    ) -> None:
        before = nobody.get(path)
        with running.database.write() as connection:
            feeds.regenerate(connection, running.settings.keyring(), 1, overlap_hours=1, actor=SYSTEM)
        assert nobody.get(path, If_None_Match=before.headers["etag"]).status == 200

    def test_then_it_is_gone(self, nobody: Client, replaced: tuple[str, str], dispatch: Dispatch) -> None:
        dispatch.execute(
            "UPDATE feed_tokens SET ends_at = '2026-01-01 00:00:00+00:00' WHERE ends_at IS NOT NULL"
        )
        assert nobody.get(replaced[0]).status == 410
        assert nobody.get(replaced[1]).status == 200

    @pytest.mark.parametrize("column", ["active", "calendar_access"])
    def test_without_access_there_is_not_even_that(
        self, nobody: Client, replaced: tuple[str, str], dispatch: Dispatch, column: str
    ) -> None:
        dispatch.update("users", 1, **{column: False})
        assert nobody.get(replaced[0]).status == 404

    def test_nor_with_calendars_switched_off(
        self, running: Running, nobody: Client, replaced: tuple[str, str]
    ) -> None:
        with running.database.write() as connection:
            stored.change(connection, "calendars.enabled", "no", actor=SYSTEM)
        assert nobody.get(replaced[0]).status == 404


def test_a_revoked_feed_is_not_served_from_the_cache(running: Running, nobody: Client, path: str) -> None:
    assert nobody.get(path).status == 200
    with running.database.write() as connection:
        feeds.revoke(connection, 1, actor=SYSTEM)
    assert nobody.get(path).status == 410


def test_robots_may_fetch_feeds_and_index_nothing(nobody: Client, path: str) -> None:
    assert "Allow: /feeds/" in nobody.get("/robots.txt").text
    assert nobody.get(path).headers["x-robots-tag"] == "noindex"
