# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: filters, pages of it, the file, and texts that stay texts."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from scheduling.access import audit, users
from scheduling.access.permissions import SYSTEM
from server.pages.areas.admin import audit as page_of_audit
from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone
EVIL = "=1+1<script>alert(1)</script>"


@pytest.fixture
def admin(running: Running, people: dict[str, int]) -> Person:
    """An administrator, and some entries."""
    with running.database.write() as connection:
        users.create(connection, username="chief", role="admin", actor=SYSTEM)
        audit.record(connection, "test.evil", EVIL, actor=SYSTEM, note="<b>bold</b>")
        audit.record_each(connection, "test.many", [f"thing:{n}" for n in range(60)], actor=SYSTEM)
    return Person(running, "chief")


def test_filters_find_acts_and_their_groups(admin: Person) -> None:
    one = admin.get("/audit?action=test.evil&since=&until=")
    assert one.html.count("<h3>") == 1
    assert "<script>alert" not in one.html
    assert "<b>bold" not in one.html
    assert EVIL in one.text
    assert admin.get("/audit?action=test&subject=thing:7").html.count("<h3>") == 1
    assert "Nothing was found." in admin.get("/audit?actor=nobody-at-all").text


def test_the_log_is_paged_and_keeps_the_filters(admin: Person) -> None:
    first = admin.get("/audit?action=test.many")
    assert first.html.count("<h3>") == 50
    older = next(it for it in first.links if "cursor=" in it)
    second = admin.get(older)
    assert second.html.count("<h3>") == 10
    assert second.form("/audit").value("action") == "test.many"


def test_a_wrong_moment_is_refused_beside_its_field_and_kept(admin: Person) -> None:
    page = admin.get("/audit?since=yesterday&actor=anna")
    assert page.status == 422
    assert 'id="form-since-error"' in page.html
    assert (page.form("/audit").value("since"), page.form("/audit").value("actor")) == ("yesterday", "anna")


def test_a_wrong_cursor_is_refused(admin: Person) -> None:
    assert admin.get("/audit?cursor=nonsense").status == 422


def test_the_file_has_what_the_filters_find_and_no_formula(admin: Person) -> None:
    page = admin.get("/audit?action=test")
    file = admin.submit(page, "/audit/export")
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in file.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(file.html)))
    assert len(rows) == 61
    assert rows[0]["subject"] == f"'{EVIL}"


def test_too_much_for_one_file_is_refused_in_the_form(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_of_audit, "MOST_EXPORTED", 60)
    page = admin.submit(admin.get("/audit?action=test"), "/audit/export")
    assert (page.status, "Narrow the filters" in page.text) == (422, True)
    assert page.form("/audit").value("action") == "test"


def test_german(running: Running, admin: Person) -> None:
    assert "Wer hat was getan" in Person(running, "chief", language="de").get("/audit").text
