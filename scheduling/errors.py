# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in the scheduling database, in words an operator or a client can act on.

The class docstring is the message unless one is given; facts are attributes. What a reader can do about it depends on
where it is read (a terminal, the API, a page), so whoever shows it adds that.
"""

from __future__ import annotations


class SchedulingError(Exception):
    """The scheduling database refused the operation."""

    def __init__(self, message: str | None = None, *, noun: str = "") -> None:
        """Keep `noun`, what the error is about: "feed", "user" and so on, where a list of them would help."""
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        self.noun = noun


class DatabaseUnavailable(SchedulingError):
    """The scheduling database cannot be reached or is locked; try again shortly."""

    retry_after = 10
    """Seconds after which it is worth while to ask again (RFC 9110, section 10.2.3)."""


class StillCatchingUp(DatabaseUnavailable):
    """Very much has changed in the calendar, and it is still being brought up to date; try again shortly."""

    retry_after = 5


class WouldWait(DatabaseUnavailable):
    """The scheduling database would have to be waited for, on a thread that must not."""


class TooManyWriters(DatabaseUnavailable):
    """Others have been waiting for a while to write to the scheduling database; try again shortly."""

    retry_after = 5


class TooManyReaders(DatabaseUnavailable):
    """Others have been waiting for a while until the calendar is up to date; try again shortly."""

    retry_after = 5


class DatabaseReplaced(DatabaseUnavailable):
    """The database file is being replaced by another one; try again shortly."""


class SchemaMismatch(SchedulingError):
    """The database schema is not the one this version needs."""

    def __init__(self, found: str | None, needed: str) -> None:
        self.found = found
        self.needed = needed
        super().__init__(f"The database {schema_fact(found, needed)}.")

    @property
    def is_newer(self) -> bool:
        """Whether a version made it that came after this one, which therefore cannot bring it up to date."""
        return is_newer(self.found, self.needed)


def schema_fact(found: str | None, needed: str) -> str:
    """What is wrong with a database at revision `found`, after "the database"."""
    if found is None:
        return f"has no Daysheet tables, and this version needs {needed}"
    if is_newer(found, needed):
        return (
            f"is at revision {found}, and this version needs {needed}: a newer Daysheet made it, so install that one"
            " or restore a backup from before its upgrade"
        )
    return f"is at revision {found}, and this version needs {needed}"


def is_newer(found: str | None, needed: str) -> bool:
    """Whether revision `found` comes after `needed`; revisions are numbers of four digits."""
    return found is not None and found > needed


class NotFound(SchedulingError):
    """There is no such thing."""


class Conflict(SchedulingError):
    """Something with that name already exists."""


class Invalid(SchedulingError):
    """The value is not acceptable."""


class InvalidSyncToken(SchedulingError):
    """The sync token is unknown, foreign or too old (RFC 6578, section 3.2: DAV:valid-sync-token)."""


class TooManyChanges(SchedulingError):
    """There are more changes than the client wants at once, and they cannot be divided."""


class KeyNotInFile(Invalid):
    """The key is given by security.key and not in a file: put a new one in front of it, separated by a space."""


class SecretsUnreadable(SchedulingError):
    """A stored secret cannot be decrypted with the configured key."""
