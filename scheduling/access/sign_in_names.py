# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type to say who they are: the username, in any case where it is unique, or the e-mail address, where
only one active user has it.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, case, func, or_, select

from scheduling.models import User

_SPELLED = (
    select(User.username)
    .where(User.active, func.lower(User.username).in_(bindparam("spellings", expanding=True)))
    .order_by(User.id)
    .limit(10)
)
_BY_SPELLING = func.lower(User.username).in_(bindparam("spellings", expanding=True))
_BY_EMAIL = func.lower(User.email) == func.lower(bindparam("name"))
_NAMED = (
    select(User.id, User.username, _BY_EMAIL.label("by_email"))
    .where(User.active, or_(_BY_SPELLING, _BY_EMAIL))
    # Two users of one address are as good as many; whose username it is must be among the rows.
    .order_by((User.username == bindparam("name")).desc(), case((_BY_SPELLING, 0), else_=1), User.id)
    .limit(10)
)


def find(connection: Connection, name: str) -> int | None:
    """The id of the active user whom the name means: whose username it is; else the one whose username it is in
    another case; else the one whose e-mail address it is. None where it is nobody's, or more than one's.
    """
    name = name.strip()
    rows = connection.execute(_NAMED, {"name": name, "spellings": _spellings(name)}).all()
    exact = [row.id for row in rows if row.username == name]
    by_username = [row.id for row in rows if same(name, row.username)]
    found = exact or by_username or [row.id for row in rows if row.by_email]
    return int(found[0]) if len(found) == 1 else None


def same(name: str, username: str) -> bool:
    """Whether the two differ in case at most."""
    return name == username or name.casefold() == username.casefold()


def in_any_case(connection: Connection, name: str) -> str | None:
    """The username of the only active user whose it is in some case; None where it is nobody's, or several users'."""
    found = [it for it in connection.scalars(_SPELLED, {"spellings": _spellings(name)}) if same(name, it)]
    return found[0] if len(found) == 1 else None


def _spellings(name: str) -> list[str]:
    """A database folds ASCII letters at least, so what is looked for is spelled in each case of the others."""
    written = (name.lower(), name.upper(), name[:1].upper() + name[1:].lower())
    return sorted({_ascii_lower(it) for it in written})


def _ascii_lower(text: str) -> str:
    return "".join(it.lower() if it.isascii() else it for it in text)
