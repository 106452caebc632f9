# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scheduling.database import triggers
from scheduling.ical import zone_data

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def diagnosis(daysheet: Daysheet, expect: int = 0) -> dict[str, tuple[str, str]]:
    report = daysheet.json("doctor", expect=expect)
    assert report["healthy"] is (expect == 0)
    return {it["check"]: (it["level"], it["text"]) for it in report["findings"]}


@pytest.fixture
def running(daysheet: Daysheet) -> Daysheet:
    """With a user and a feed, so that there is a key and something kept with it."""
    (daysheet.folder / "daysheet.db").chmod(0o600)
    daysheet.run("user", "add", "anna")
    daysheet.run("feed", "create", "anna")
    return daysheet


def test_everything_is_in_order(running: Daysheet) -> None:
    assert {level for level, _ in diagnosis(running).values()} == {"ok"}
    lines = running.run("doctor").stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines)


def test_the_rules_of_time_zones_are_named(running: Daysheet) -> None:
    level, text = diagnosis(running)["time zones"]
    found = zone_data.in_use()
    assert level == "ok"
    assert found.digest in text
    assert found.place in text
    assert found.release is None or found.release in text


def test_nothing_is_made_where_there_is_nothing(empty: Daysheet) -> None:
    found = diagnosis(empty, expect=1)
    assert found["database"][0] == "problem"
    assert "daysheet db upgrade" in found["database"][1]
    assert found["key"][0] == "warning"
    assert list(empty.folder.iterdir()) == []


def test_settings_that_cannot_be_used_are_a_problem(running: Daysheet) -> None:
    file = running.folder / "daysheet.ini"
    file.write_text("[calendars]\nhistory_month = 3\n")
    result = running.run("--config", str(file), "doctor", expect=1)
    assert 'did you mean "history_months"?' in result.stdout


def test_a_settings_file_with_a_secret_is_for_its_owner_only(running: Daysheet) -> None:
    file = running.folder / "daysheet.ini"
    file.write_text("[security]\nkey = " + (running.folder / "daysheet.key").read_text())
    file.chmod(0o644)
    assert "warning  settings" in running.run("--config", str(file), "doctor").stdout
    file.chmod(0o600)
    assert "warning" not in running.run("--config", str(file), "doctor").stdout


def test_a_key_others_can_read_is_a_problem(running: Daysheet) -> None:
    (running.folder / "daysheet.key").chmod(0o644)
    found = diagnosis(running, expect=1)
    assert found["key"][0] == "problem"
    assert "chmod 600" in found["key"][1]
    assert found["secrets"][0] == "ok"


def test_a_key_that_is_none_is_a_problem(running: Daysheet) -> None:
    (running.folder / "daysheet.key").write_text("rubbish")
    found = diagnosis(running, expect=1)
    assert found["key"][0] == "problem"
    assert "rubbish" not in found["key"][1]
    assert "secrets" not in found


def test_another_key_is_a_problem(running: Daysheet) -> None:
    (running.folder / "daysheet.key").unlink()
    running.run("user", "app-password", "create", "anna")
    assert diagnosis(running, expect=1)["secrets"][0] == "problem"


def test_a_missing_trigger_is_a_problem(running: Daysheet) -> None:
    assert any("daysheet_jobs_update" in statement for statement in triggers.statements("sqlite"))
    with running.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER daysheet_jobs_update")
    assert diagnosis(running, expect=1)["triggers"][0] == "problem"


def test_a_database_without_tables_is_a_problem(empty: Daysheet) -> None:
    (empty.folder / "daysheet.db").touch()
    assert "has no Daysheet tables" in diagnosis(empty, expect=1)["database"][1]


def test_a_database_that_does_not_answer_is_a_problem(
    running: Daysheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.environment["DAYSHEET_DATABASE_URL"] = "postgresql://me:hunter2@127.0.0.1:1/none"  # type: ignore[index]
    monkeypatch.setenv("DAYSHEET_SECURITY_KEY_FILE", str(running.folder / "daysheet.key"))
    level, words = diagnosis(running, expect=1)["database"]
    assert level == "problem"
    assert "hunter2" not in words


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("https://localhost", "ok"),
        ("http://127.0.0.1:8080", "ok"),
        ("https://localhost/calendars", "problem"),
        ("https://host.invalid", "problem"),
        ("http://192.0.2.7", "warning"),
    ],
)
def test_the_public_url_is_looked_at(
    running: Daysheet, monkeypatch: pytest.MonkeyPatch, url: str, level: str
) -> None:
    monkeypatch.setenv("DAYSHEET_SERVER_PUBLIC_URL", url)
    found = diagnosis(running, expect=1 if level == "problem" else 0)
    assert found["public URL"][0] == level


def test_an_open_address_without_public_url_is_a_warning(
    running: Daysheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYSHEET_SERVER_HOST", "0.0.0.0")  # noqa: S104 - nothing listens
    assert diagnosis(running)["public URL"][0] == "warning"


@pytest.mark.parametrize(
    ("mail", "server", "level", "told"),
    [
        ("", "", "ok", "No mail server is set"),
        ("host = localhost", "", "problem", "[mail] has no sender, so no mail is sent"),
        ("sender = a@example.com", "", "problem", "[mail] has no host, so no mail is sent"),
        ("host = localhost\nsender = a@example.com", "", "problem", "set public_url"),
        (
            "host = localhost\nsender = A <a@example.com>",
            "public_url = https://localhost",
            "ok",
            "Mail goes by localhost, port 587, from A <a@example.com>.",
        ),
        (
            "host = localhost\nsender = a@example.com\npassword_file = /nowhere/secret",
            "public_url = https://localhost",
            "problem",
            "The password file /nowhere/secret cannot be read (FileNotFoundError).",
        ),
        (
            "host = localhost\nsender = a@example.com\nca_file = /nowhere/ca.pem",
            "public_url = https://localhost",
            "problem",
            "There is no file /nowhere/ca.pem",
        ),
    ],
)
def test_mail_needs_a_server_a_sender_and_an_address_for_its_links(
    running: Daysheet, mail: str, server: str, level: str, told: str
) -> None:
    file = running.folder / "daysheet.ini"
    file.write_text(f"[mail]\n{mail}\n[server]\n{server}\n")
    said = running.run("--config", str(file), "doctor", expect=int(level == "problem")).stdout
    (line,) = (it for it in said.splitlines() if " mail server: " in it)
    assert line.split()[0] == level
    assert told in line


def test_a_mail_password_is_for_its_owner_only(running: Daysheet) -> None:
    secret = running.folder / "mail-password"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    file = running.folder / "daysheet.ini"
    file.write_text(
        f"[mail]\nhost = localhost\nsender = a@example.com\npassword_file = {secret}\n"
        "[server]\npublic_url = https://localhost\n"
    )
    said = running.run("--config", str(file), "doctor", expect=1).stdout
    assert f"chmod 600 {secret}" in said
    secret.chmod(0o600)
    running.run("--config", str(file), "doctor")
    file.write_text("[mail]\npassword = s3cret\n")
    file.chmod(0o644)
    said = running.run("--config", str(file), "doctor").stdout
    assert "holds a secret" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("mode", "level"), [(0o644, "warning"), (0o602, "warning"), (0o660, "ok"), (0o600, "ok")]
)
def test_who_may_read_the_database_is_looked_at(running: Daysheet, mode: int, level: str) -> None:
    (running.folder / "daysheet.db").chmod(mode)
    found = diagnosis(running)["database file"]
    assert found[0] == level
    assert ("chmod 600" in found[1]) is (level == "warning")
    assert (f"mode {mode:o}" in found[1]) is (mode == 0o660)


def test_what_is_beside_the_database_is_looked_at_too(running: Daysheet) -> None:
    (running.folder / "daysheet.db-wal").chmod(0o644)
    level, words = diagnosis(running)["database file"]
    assert level == "warning"
    assert words.endswith(f"chmod 600 {running.folder}/daysheet.db-wal.")


def test_every_row_that_means_nothing_is_shown(running: Daysheet) -> None:
    with running.database.write() as connection:
        for name in ("bo", "cleo", "dora"):
            connection.exec_driver_sql(f"INSERT INTO users (username, time_zone) VALUES ('{name}', 'Mars')")  # noqa: S608
    shown = running.run("doctor").stdout.splitlines()
    line = next(number for number, it in enumerate(shown) if "time zones of users" in it)
    assert [it.strip() for it in shown[line + 1 : line + 4]] == [
        f"- users {number} ({name}): 'Mars'" for number, name in enumerate(("bo", "cleo", "dora"), 2)
    ]
    found = {it["check"]: it for it in running.json("doctor")["findings"]}
    assert len(found["time zones of users"]["rows"]) == 3
