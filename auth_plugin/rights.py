# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read what: owners their own calendars, whoever has `calendars.read_all` everybody's; nobody writes. Inbox and
outbox are their owner's alone.
"""

from __future__ import annotations

from radicale import pathutils
from radicale.rights import BaseRights

from scheduling.calendars.calendars import MAILBOXES
from scheduling.database.types import READ_ALL_GROUP


class Rights(BaseRights):
    """Answers from the path and the groups that the auth plugin gave; reads nothing."""

    def authorization(self, user: str, user_groups: set[str], path: str) -> str:
        """Radicale's letters: "R" for the root and principals, "r" for calendars and objects, "" for no access."""
        if not user:
            return ""
        segments = pathutils.strip_path(path).split("/")
        if not segments[0]:
            return "R"
        if segments[0] != user and READ_ALL_GROUP not in user_groups:
            return ""
        if len(segments) > 1 and segments[1] in MAILBOXES:
            return "" if segments[0] != user else "R" if len(segments) == 2 else "r"
        return {1: "R", 2: "r"}.get(len(segments), "")
