# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet db`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scheduling.database import schema

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def test_upgrade_makes_the_database_once(empty: Daysheet) -> None:
    assert empty.json("db", "upgrade") == {"before": None, "after": schema.head()}
    assert "already" in empty.run("db", "upgrade").stdout
    assert empty.json("db", "status")["revision"] == schema.head()


def test_commands_ask_for_an_upgrade_and_make_no_file(empty: Daysheet) -> None:
    for arguments in (("user", "list"), ("db", "status"), ("settings", "show"), ("feed", "list")):
        assert "; `daysheet db upgrade` makes it." in empty.refusal(*arguments)
    assert list(empty.folder.iterdir()) == []


def test_status_counts_what_is_there(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    status = daysheet.json("db", "status")
    assert (status["database"], status["users"], status["jobs"]) == ("sqlite", 1, 0)
    assert "pending changes" in daysheet.run("db", "status").stdout


def test_backup_copies_and_does_not_overwrite(daysheet: Daysheet) -> None:
    target = daysheet.folder / "copy.db"
    made = daysheet.json("db", "backup", str(target))
    assert made["bytes"] == target.stat().st_size
    assert "exists already" in daysheet.refusal("db", "backup", str(target))
    assert "daysheet.key" in daysheet.run("db", "backup", str(target), "--force").stdout


def test_backup_into_a_folder_that_is_not_there_is_told(daysheet: Daysheet) -> None:
    assert "No such file or directory" in daysheet.refusal(
        "db", "backup", str(daysheet.folder / "no" / "copy.db")
    )


def test_maintain_says_what_it_did(daysheet: Daysheet) -> None:
    report = daysheet.json("db", "maintain")
    assert report
    assert set(report.values()) == {0}
