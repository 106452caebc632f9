# SPDX-License-Identifier: GPL-3.0-or-later
"""sync-collection over the wire (RFC 6578), while another process writes the schedule with plain SQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.client import Client, D
from tests.server.running import Running, Sections

JOBS = "/dav/anna/jobs/"
ELSEWHERE = """
import sys
from sqlalchemy import create_engine, text
with create_engine(sys.argv[1]).begin() as connection:
    connection.execute(text(sys.argv[2]))
"""


def token_of(answer: object) -> str:
    return answer.xml.findtext(f"{D}sync-token", "")  # type: ignore[attr-defined]


@pytest.fixture
def three(dispatch: Dispatch, people: dict[str, int]) -> list[int]:
    return [dispatch.job(people["anna"]) for _ in range(3)]


def test_an_empty_token_gives_every_member_and_no_tombstone(
    anna: Client, three: list[int], dispatch: Dispatch
) -> None:
    anna.sync(JOBS)
    dispatch.delete("jobs", three[0])
    answer = anna.sync(JOBS)
    assert sorted(answer.names.values()) == [200, 200]
    assert token_of(answer) == anna.token(JOBS)
    for href, resource in answer.resources.items():
        assert resource.text(f"{D}getetag") == anna.get(href).headers["etag"]


def test_nothing_changed_is_the_same_token_and_no_object(anna: Client, three: list[int]) -> None:
    token = token_of(anna.sync(JOBS))
    answer = anna.sync(JOBS, token)
    assert (answer.resources, token_of(answer)) == ({}, token)


def test_changes_by_another_process_show(anna: Client, three: list[int], database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    before = anna.sync(JOBS)
    token = token_of(before)
    for statement, expected in (
        ("UPDATE jobs SET organisation = 'Other' WHERE id = 1", [200]),
        ("DELETE FROM jobs WHERE id = 1", [404]),
        ("DELETE FROM job_assignments WHERE job_id = 2", [404]),
        ("UPDATE jobs SET status = 'offered' WHERE id = 3", [404]),
        ("UPDATE jobs SET status = 'paid' WHERE id = 3", [200]),
        ("INSERT INTO job_assignments (job_id, user_id) VALUES (2, 1)", [200]),
        ("UPDATE jobs SET status = 'paid' WHERE id = 3", []),
        ("UPDATE users SET email = 'other@example.com' WHERE id = 1", []),
    ):
        subprocess.run([sys.executable, "-c", ELSEWHERE, url, statement], check=True, timeout=60)  # noqa: S603
        answer = anna.sync(JOBS, token)
        assert list(answer.names.values()) == expected, statement
        assert (token_of(answer) == token) == (not expected)
        token = token_of(answer)
    replayed = anna.sync(JOBS, token_of(before))
    assert sorted(replayed.names.values()) == [200, 200, 404]
    assert token_of(replayed) == token


def test_the_tag_changes_with_the_token(anna: Client, three: list[int], dispatch: Dispatch) -> None:
    names = (f"{D}sync-token", f"{D}getetag")
    before = anna.propfind(JOBS, *names).only
    dispatch.delete("jobs", three[0])
    after = anna.propfind(JOBS, *names).only
    assert all(before.text(name) != after.text(name) for name in names)


def test_a_token_that_is_not_this_calendars_is_refused(anna: Client, three: list[int]) -> None:
    token = token_of(anna.sync(JOBS))
    head, calendar, revision, cutoff = token.rsplit("/", 3)
    foreign = anna.token("/dav/anna/blockers/")
    for bad in (
        foreign,
        "x",
        "http://example.com/1",
        token + "x",
        token[:-1],
        f"{head}/{calendar}/{int(revision) + 1}/{cutoff}",
        f"{head}/{calendar}/{int(revision) - 10}/{cutoff}",
        f"{head}/{calendar}/-1/{cutoff}",
        "x" * 100_000,
        f"{head}/{calendar}/{revision}/9999-99-99",
        f"{head}/{calendar}/{10**30}/{cutoff}",
    ):
        answer = anna.sync(JOBS, bad)
        assert (answer.status, answer.conditions) == (403, [f"{D}valid-sync-token"]), bad
    assert anna.sync(JOBS, f"\n  {token}  ").status == 207


def test_a_token_older_than_the_tombstones_is_refused(
    anna: Client, three: list[int], dispatch: Dispatch, running: Running
) -> None:
    token = token_of(anna.sync(JOBS))
    dispatch.delete("jobs", three[0])
    later = token_of(anna.sync(JOBS, token))
    dispatch.execute("UPDATE calendars SET pruned_revision = revision WHERE slug = 'jobs'")
    assert anna.sync(JOBS, token).conditions == [f"{D}valid-sync-token"]
    assert anna.sync(JOBS, later).status == 207


def test_what_leaves_the_window_is_removed_and_what_a_longer_one_shows_is_added(
    people: dict[str, int], dispatch: Dispatch, configured: Callable[[Sections], Running]
) -> None:
    dispatch.job(people["anna"], starts_at="2020-01-10 09:00:00+00:00", ends_at="2020-01-10 10:00:00+00:00")
    all_history, little = configured({}), configured({"calendars": {"history_months": "1"}})
    client = all_history.client("anna")
    token = token_of(client.sync(JOBS))
    little.passwords.update(all_history.passwords)
    shorter = little.client("anna").sync(JOBS, token)
    assert list(shorter.names.values()) == [404]
    assert list(client.sync(JOBS, token_of(shorter)).names.values()) == [200]


def test_a_limit_divides_the_answer_and_its_token_leads_on(anna: Client, three: list[int]) -> None:
    limit = "<limit><nresults>2</nresults></limit>"
    page = anna.sync(JOBS, extra=limit)
    assert page.resources[JOBS].status == 507
    rest = anna.sync(JOBS, token_of(page), extra=limit)
    assert sorted((len(page.resources), len(rest.resources))) == [1, 3]
    assert page.resources.keys() | rest.resources.keys() == {JOBS, *anna.sync(JOBS).resources}
    assert token_of(rest) == anna.token(JOBS)
    whole = anna.sync(JOBS, extra="<limit><nresults>3</nresults></limit>")
    assert (len(whole.resources), token_of(whole)) == (3, anna.token(JOBS))


def test_what_was_removed_makes_no_page_of_a_first_synchronisation_short(
    anna: Client, three: list[int], dispatch: Dispatch
) -> None:
    anna.sync(JOBS)
    dispatch.execute("DELETE FROM jobs WHERE id = :job", job=three[0])
    anna.sync(JOBS)
    page = anna.sync(JOBS, extra="<limit><nresults>2</nresults></limit>")
    assert (list(page.names.values()), token_of(page)) == ([200, 200], anna.token(JOBS))


@pytest.mark.parametrize(
    "extra",
    [
        "<limit><nresults>0</nresults></limit>",
        "<limit><nresults>-1</nresults></limit>",
        "<limit><nresults>x</nresults></limit>",
        "<limit><nresults/></limit>",
    ],
)
def test_a_limit_that_is_none_is_refused(anna: Client, extra: str) -> None:
    assert anna.sync(JOBS, extra=extra).status == 400
