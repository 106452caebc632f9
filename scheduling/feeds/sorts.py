# SPDX-License-Identifier: GPL-3.0-or-later
"""The sorts of options that feeds have: numbers, a word, several words, a moment. Each knows its limits.

An option is declared with one of these in `scheduling/feeds/options.py`. Checks and the option of the command line
are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from scheduling.errors import Invalid
from scheduling.sentences import did_you_mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A whole number from 0 to `most`, or None; `doc` says what it means, and what no number means."""

    most: int
    doc: str

    def checked(self, name: str, value: Any) -> int | None:
        """The number given for the option `name`. Raises `Invalid`."""
        if value is None or (not isinstance(value, bool) and 0 <= value <= self.most):
            return value
        raise Invalid(f"{name} must be a whole number from 0 to {self.most}, not {value!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """One of some words."""

    among: tuple[str, ...]
    doc: str

    def checked(self, name: str, value: Any) -> str:
        """The word given for the option `name`. Raises `Invalid`."""
        if value in self.among:
            return str(value)
        raise Invalid(f"The {name} of a feed must be {' or '.join(self.among)}, not {value!r}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """At least one of some words; each is called a `called`, on the command line too."""

    among: tuple[str, ...]
    called: str
    doc: str

    def checked(self, _name: str, value: Any) -> tuple[str, ...]:
        """The words given, each once and in their usual order. Raises `Invalid`."""
        for word in value:
            if word not in self.among:
                raise Invalid(
                    f"There is no {self.called} {word!r}{did_you_mean(word, self.among)};"
                    f" a feed shows {', '.join(self.among)}."
                )
        if not value:
            raise Invalid(f"A feed must show at least one of {', '.join(self.among)}.")
        return tuple(word for word in self.among if word in value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """A moment, or None; `called` is what sentences call it, `flag` what the command line does."""

    called: str
    flag: str
    doc: str

    def checked(self, _name: str, value: Any) -> datetime | None:
        """The moment given, in UTC and whole seconds. Raises `Invalid`."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise Invalid(f"The {self.called} of a feed needs a time zone.")
        if not 1970 < value.year < 3000:
            raise Invalid(f"The {self.called} of a feed must be between the years 1971 and 2999.")
        moment: datetime = value.astimezone(UTC).replace(microsecond=0)
        return moment


Sort: TypeAlias = Number | Word | Words | Moment
