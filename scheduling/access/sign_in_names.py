# SPDX-License-Identifier: GPL-3.0-or-later
"""What people type to say who they are: the username, in any case where it is unique, or the e-mail address, where
only one active user has it.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, or_, select

from scheduling.models import User

_EXACT = User.username == bindparam("name")
_BY_USERNAME = func.lower(User.username) == func.lower(bindparam("name"))
_SPELLED = (
    select(User.username)
    .where(User.active, func.lower(User.username).in_(bindparam("spellings", expanding=True)))
    .order_by(User.id)
    .limit(10)
)
_NAMED = (
    select(User.id, _EXACT.label("exact"), _BY_USERNAME.label("by_username"))
    .where(User.active, or_(_BY_USERNAME, func.lower(User.email) == func.lower(bindparam("name"))))
    .order_by(_EXACT.desc(), _BY_USERNAME.desc(), User.id)
    .limit(2)
)


def find(connection: Connection, name: str) -> int | None:
    """The id of the active user whom the name means: whose username it is; else the one whose username it is in
    another case; else the one whose e-mail address it is. None where it is nobody's, or more than one's. SQLite
    knows the case of ASCII letters only.
    """
    rows = connection.execute(_NAMED, {"name": name.strip()}).all()
    if not rows:
        return None
    first, others = rows[0], rows[1:]
    ambiguous = not first.exact and any(it.by_username == first.by_username for it in others)
    return None if ambiguous else int(first.id)


def same(name: str, username: str) -> bool:
    """Whether the two differ in case at most."""
    return name == username or name.casefold() == username.casefold()


def in_any_case(connection: Connection, name: str) -> str | None:
    """The username of the only active user whose it is in some case; None where it is nobody's, or several users'.

    A database folds ASCII letters at least, so what is looked for is spelled in each case of the others.
    """
    spellings = {_ascii_lower(it) for it in (name.lower(), name.upper(), name[:1].upper() + name[1:].lower())}
    found = [it for it in connection.scalars(_SPELLED, {"spellings": sorted(spellings)}) if same(name, it)]
    return found[0] if len(found) == 1 else None


def _ascii_lower(text: str) -> str:
    return "".join(it.lower() if it.isascii() else it for it in text)
