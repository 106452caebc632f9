# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet audit`."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


@pytest.fixture
def used(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> Daysheet:
    """An installation with three entries."""
    monkeypatch.setenv("LOGNAME", "operator")
    daysheet.run("user", "add", "anna", "--password-stdin", stdin="correct horse\n")
    daysheet.run("user", "app-password", "create", "anna", "--label", '=HYPERLINK("x")')
    return daysheet


def test_the_newest_entries_come_first_and_say_who_ran_the_command(used: Daysheet) -> None:
    entries = used.json("audit", "list")["entries"]
    assert [it["action"] for it in entries] == ["app_password.create", "password.set", "user.create"]
    assert {it["actor"] for it in entries} == {"operator (command line)"}
    assert {(it["actor_kind"], it["address"]) for it in entries} == {("system", None)}
    table = used.run("audit", "list").stdout
    assert "user:anna" in table
    assert "role=member" in table


def test_pages_and_filters(used: Daysheet) -> None:
    first = used.json("audit", "list", "--limit", "2")["entries"]
    rest = used.json("audit", "list", "--before", str(first[-1]["id"]))["entries"]
    assert [it["action"] for it in rest] == ["user.create"]
    assert len(used.json("audit", "list", "--subject", "user:anna")["entries"]) == 2
    assert used.json("audit", "list", "--actor", "anna")["entries"] == []
    assert used.json("audit", "list", "--until", "2020-01-01")["entries"] == []
    assert "There are no such entries." in used.run("audit", "list", "--since", "2099-01-01").stdout
    used.refusal("audit", "list", "--since", "yesterday", expect=2)


def test_it_is_exported_as_lines_of_json(used: Daysheet) -> None:
    entries = [json.loads(line) for line in used.run("audit", "export").stdout.splitlines()]
    assert [it["action"] for it in entries] == ["user.create", "password.set", "app_password.create"]
    assert entries[0]["facts"] == {"role": "member"}
    assert entries[0]["at"].endswith("Z")


def test_it_is_exported_for_spreadsheets_without_formulas(used: Daysheet) -> None:
    used.run("role", "add", "x", "--description", "-")
    rows = list(csv.DictReader(io.StringIO(used.run("audit", "export", "--format", "csv").stdout)))
    assert [it["action"] for it in rows] == ["user.create", "password.set", "app_password.create", "role.add"]
    assert rows[2]["facts"] == 'label==HYPERLINK("x"), user=anna'
    assert not any(str(cell).startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
