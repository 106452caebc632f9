# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet secrets`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from scheduling.access.secrets import Keyring

if TYPE_CHECKING:
    from tests.server.cli.conftest import Daysheet


def stored(daysheet: Daysheet) -> list[bytes]:
    with daysheet.database.read() as connection:
        return list(connection.scalars(text("SELECT encrypted FROM feed_tokens ORDER BY feed_id")))


def test_rotating_encrypts_everything_anew_and_changes_no_link(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    made = [daysheet.json("feed", "create", "anna") for _ in range(3)]
    key_file = daysheet.folder / "daysheet.key"
    old_keys, old = key_file.read_text(), stored(daysheet)
    running = Keyring(old_keys, key_file)
    assert daysheet.run("secrets", "rotate").stdout == "Encrypted 3 secrets with the new key.\n"
    keys = key_file.read_text()
    assert keys.endswith(old_keys)
    assert len(keys.split()) == 2
    assert key_file.stat().st_mode & 0o777 == 0o600
    newest = Fernet(keys.split()[0])
    for one, before, after in zip(made, old, stored(daysheet), strict=True):
        token = one["feed_url"].rpartition("/")[2].removesuffix(".ics")
        assert before != after
        assert newest.decrypt(after).decode() == token
        assert daysheet.json("feed", "show", str(one["id"]))["feed_url"] == one["feed_url"]
        # A process that was started before reads the file again.
        assert running.decrypt(after) == token
        assert running.lookup(token) == Keyring(keys).lookup(token)
    assert [it.name for it in daysheet.folder.iterdir() if "key" in it.name] == ["daysheet.key"]


def test_a_key_without_a_file_is_rotated_by_hand(daysheet: Daysheet, monkeypatch: pytest.MonkeyPatch) -> None:
    first = daysheet.run("secrets", "new-key").stdout.strip()
    monkeypatch.setenv("DAYSHEET_SECURITY_KEY", first)
    daysheet.run("user", "add", "anna")
    made = daysheet.json("feed", "create", "anna")
    assert "put a new one in front of it" in daysheet.refusal("secrets", "rotate")
    second = daysheet.run("secrets", "new-key").stdout.strip()
    monkeypatch.setenv("DAYSHEET_SECURITY_KEY", f"{second} {first}")
    assert daysheet.json("secrets", "rotate") == {"encrypted": 1}
    token = made["feed_url"].rpartition("/")[2].removesuffix(".ics")
    assert Fernet(second).decrypt(stored(daysheet)[0]).decode() == token


def test_a_secret_that_no_key_fits_is_told(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    daysheet.run("feed", "create", "anna")
    (daysheet.folder / "daysheet.key").write_text(Fernet.generate_key().decode())
    assert "cannot be decrypted" in daysheet.refusal("secrets", "rotate")
