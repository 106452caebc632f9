# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar users (RFC 6638, section 2.4): whom an address in a scheduling message means, and who may ask when somebody
is busy. An address is `mailto:` with a user's e-mail, or the URL of his principal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from sqlalchemy import Connection, bindparam, func, select

from scheduling.access.permissions import Permission
from scheduling.access.users import User
from scheduling.models import User as UserRow

_ANYBODY = frozenset({Permission.CALENDARS_READ_ALL, Permission.SCHEDULE_READ_ALL})
_BY_EMAIL = select(UserRow.username, UserRow.email).where(
    UserRow.active, func.lower(UserRow.email).in_(bindparam("emails", expanding=True))
)
_BY_NAME = select(UserRow.username).where(
    UserRow.active, UserRow.username.in_(bindparam("names", expanding=True))
)


def may_ask_about_anybody(permissions: frozenset[Permission]) -> bool:
    """Whether these permissions let one ask about everybody's busy times; without, one asks about oneself."""
    return not permissions.isdisjoint(_ANYBODY)


def is_address_of(user: User, address: str, principals: Sequence[str]) -> bool:
    """Whether `address` is one of the user's; `principals` are the URLs below which principals are, with a slash at
    the end.
    """
    email = _email(address)
    if email is not None:
        return user.email is not None and email == user.email.lower()
    return _username(address, principals) == user.username


def find(connection: Connection, addresses: Iterable[str], principals: Sequence[str]) -> dict[str, str]:
    """The usernames of the active users whom the addresses mean. An e-mail that several users have means nobody. Two
    statements.
    """
    emails: dict[str, str] = {}
    names: dict[str, str] = {}
    for address in addresses:
        if (email := _email(address)) is not None:
            emails[address] = email
        elif (name := _username(address, principals)) is not None:
            names[address] = name
    by_email = _by_email(connection, set(emails.values()))
    found = {address: by_email[email] for address, email in emails.items() if email in by_email}
    known = set(connection.scalars(_BY_NAME, {"names": list(set(names.values()))})) if names else set()
    return found | {address: name for address, name in names.items() if name in known}


def _by_email(connection: Connection, emails: set[str]) -> dict[str, str]:
    if not emails:
        return {}
    found: dict[str, list[str]] = {}
    for username, email in connection.execute(_BY_EMAIL, {"emails": list(emails)}):
        found.setdefault(str(email).lower(), []).append(username)
    return {email: names[0] for email, names in found.items() if len(names) == 1}


def _email(address: str) -> str | None:
    """The e-mail address of a mailto: URI (RFC 6068), in lower case."""
    scheme, _, rest = address.partition(":")
    if scheme.lower() != "mailto":
        return None
    return _decoded(rest.partition("?")[0]).strip().lower()


def _username(address: str, principals: Sequence[str]) -> str | None:
    for base in principals:
        if address.startswith(base):
            name = _decoded(address.removeprefix(base).removesuffix("/"))
            return name if name and "/" not in name else None
    return None


def _decoded(text: str) -> str:
    """Without percent-encoding; empty where that hides controls, which no address has and PostgreSQL refuses."""
    decoded = unquote(text)
    return decoded if decoded.isprintable() else ""
