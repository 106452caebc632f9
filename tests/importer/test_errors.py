# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/importing.md names every reason why a subscription is not active, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.errors import FetchFailed
from importer.fetch.addresses import Exemptions
from importer.fetch.exchange import FetchRequest, fetch
from importer.fetch.policy import FetchPolicy
from scheduling.subscriptions import plan

ROOT = Path(__file__).parents[2]
ERRORS = {"FetchFailed", "NotACalendar", "Overtaxing"}
RECORDED = {"_fail", "Failure", "_kept_back", "Refusal"}
STATUSES = (304, 400, 401, 402, 403, 404, 410, 418, 429, 451, 500, 503, 599)
_CODE = re.compile(r"[a-z][a-z0-9-]*")


def constants() -> Iterator[str]:
    """What is raised or recorded with a reason that is written out."""
    for file in [*(ROOT / "importer").rglob("*.py"), *(ROOT / "scheduling" / "subscriptions").glob("*.py")]:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            given = [*call.args, *(it.value for it in call.keywords if it.arg == "reason")]
            arguments = given[:1] if name in ERRORS else given if name in RECORDED else []
            written = [ast.literal_eval(it) for it in arguments if isinstance(it, ast.Constant)]
            yield from (it for it in written if isinstance(it, str) and _CODE.fullmatch(it))


def of_statuses(server: Any) -> Iterator[str]:
    """What real answers mean."""
    policy = FetchPolicy(user_agent="x", allow_http=True, allow=Exemptions.parse(["127.0.0.1"]))
    for status in STATUSES:
        with pytest.raises(FetchFailed) as failed:
            fetch(FetchRequest(url=server.says("/a.ics", status)), policy)
        yield failed.value.reason


def test_every_reason_has_a_line_in_the_documentation(server: Any) -> None:
    page = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
    table = page.split("| reason | what it means")[1].split("\n\n")[0]
    listed = [name for line in table.splitlines()[2:] for name in re.findall("`([^`]+)`", line.split("|")[1])]
    assert len(listed) == len(set(listed))
    doubts = {plan.EMPTY, plan.VANISHED, plan.UIDS_CHANGED}
    found = set(constants())
    assert {"key", "rejected", "internal", "html", "dns"} <= found, (
        "the search finds what is known to be there"
    )
    assert set(listed) == found | doubts | set(of_statuses(server))
