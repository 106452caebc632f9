# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet api-key`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from scheduling.access import actors
from scheduling.access.secrets import Keyring

if TYPE_CHECKING:
    from scheduling.access.permissions import Actor
    from tests.server.cli.conftest import Daysheet


def whose(daysheet: Daysheet, secret: str) -> Actor | None:
    key = Keyring((daysheet.folder / "daysheet.key").read_text())
    with daysheet.database.read() as connection:
        return actors.of_api_key(connection, key, secret, None, datetime.now(UTC))


def test_a_key_works_until_it_is_revoked(daysheet: Daysheet) -> None:
    made = daysheet.json("api-key", "create", "--label", "Export", "schedule.write")
    found = whose(daysheet, made["api_key"])
    assert found is not None
    assert found.permissions == {"schedule.write"}
    daysheet.run("api-key", "revoke", str(made["id"]))
    assert whose(daysheet, made["api_key"]) is None
    (listed,) = daysheet.json("api-key", "list")["api_keys"]
    assert (listed["label"], listed["owner"], listed["expires_at"]) == ("Export", None, None)
    assert listed["revoked_at"] is not None


def test_a_users_key_expires(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    arguments = ("--user", "anna", "--days", "30", "--label", "Widget", "schedule.read_own")
    made = daysheet.json("api-key", "create", *arguments)
    assert made["owner"] == "anna"
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert [it["id"] for it in daysheet.json("api-key", "list", "anna")["api_keys"]] == [made["id"]]


def test_the_key_is_shown_once(daysheet: Daysheet) -> None:
    shown = daysheet.run("api-key", "create", "--label", "Export", "schedule.write").stdout
    assert "it is not shown again" in shown
    secret = shown.split()[-1]
    assert whose(daysheet, secret) is not None
    assert secret not in daysheet.run("api-key", "list").stdout
    assert secret not in daysheet.run("audit", "export").stdout


def test_what_cannot_be_is_refused(daysheet: Daysheet) -> None:
    daysheet.run("user", "add", "anna")
    refused = daysheet.refusal("api-key", "create", "--label", "x", "--user", "anna", "schedule.write")
    assert "role member does not have the permission schedule.write" in refused
    assert "no permission 'all'" in daysheet.refusal("api-key", "create", "--label", "x", "all")
    assert "no API key 7" in daysheet.refusal("api-key", "revoke", "7")
    daysheet.refusal("api-key", "create", "--label", "x", expect=2)
