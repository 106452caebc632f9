# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of value that requests and answers are made of, each with its JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from scheduling.calendars.events import SOURCES
from server.api.protocol.problems import FORMS, NO_SUCH_DATE, Refused

_CLEAN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_NAME = r"^[^\x00-\x20\x7f/:\\?#%*\"',<>|.~][^\x00-\x1f\x7f/:\\?#%*\"',<>|]*$"
FORMS[f"^{_DAY}[Tt]{_TIME}$"] = (
    "It has to be a date and time with Z or an offset, such as 2026-11-20T09:30:00Z"
)
FORMS[f"^{_DAY}$"] = "It has to be a date such as 2026-11-20"
FORMS[_CLEAN] = "It has a control character in it"
FORMS[_NAME] = (
    "It has to be a name that can be part of a URL: letters, digits, '.', '-', '_' and '@', without spaces around it"
)
FORMS[r"^[0-9T:-]+$"] = "It has to be a local date or time such as 2026-11-20 or 2026-11-20T09:30"
_AMOUNT = r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?$"
_MOST = 999_999_999.99
_NOISE = 1e-6
LARGEST_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps."""


def _digits(given: Any) -> Any:
    if isinstance(given, str) and not (given.isascii() and given.removeprefix("-").isdigit()):
        raise ValueError("It has to be a whole number in digits")
    return given


def _whole(given: Any) -> Any:
    return int(given) if isinstance(given, float) and given.is_integer() else given


def _plain(given: str) -> str:
    """RFC 3339 permits small letters and leap seconds, which other programs do not understand."""
    given = given.upper()
    return given[:17] + "59" + given[19:] if given[17:19] == "60" else given


def _amount(given: Any) -> str:
    """A number as the text it would be. What binary fractions add to one of two decimals is not counted."""
    text = given.strip() if isinstance(given, str) else ""
    if isinstance(given, int | float) and not isinstance(given, bool) and -_MOST <= given <= _MOST:
        near = round(given, 2)
        text = f"{Decimal(repr(near)):f}" if abs(near - given) < _NOISE else ""
    if not re.match(_AMOUNT, text):
        raise PydanticCustomError(
            "amount", "It has to be an amount such as 1250 or 89.50, as a number or a text"
        )
    return text


def _local(given: str) -> date:
    moment = datetime.fromisoformat(given)
    return moment if "T" in given else moment.date()


def _read(parse: Callable[[str], date]) -> Callable[[str], date]:
    """Reads a text that looks like a date or a moment; there may be no such day."""

    def read(given: str) -> date:
        try:
            return parse(given)
        except ValueError:
            raise PydanticCustomError(NO_SUCH_DATE, "There is no such date or time") from None

    return read


def _as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


WHOLE = BeforeValidator(_whole)
"""For integers in bodies: JSON does not tell 10.0 from 10 (JSON Schema, section 6.1.1), strict reading would."""
Id = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_digits)]
Limit = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_digits)]
DIGITS = BeforeValidator(_digits)
"""For whole numbers in queries."""
Moment = Annotated[
    str,
    StringConstraints(pattern=f"^{_DAY}[Tt]{_TIME}$"),
    AfterValidator(_plain),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An RFC 3339 moment as it was given; whether there is such a moment, who stores it says."""
Line = Annotated[str, StringConstraints(max_length=255, pattern=_CLEAN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_CLEAN)]
Words = Annotated[str, StringConstraints(max_length=100_000, pattern=_CLEAN)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_CLEAN)]
Username = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_NAME)]
ShownMoment = Annotated[
    datetime,
    PlainSerializer(_as_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


def shown_epoch(seconds: int) -> str:
    """An epoch second as it is shown."""
    return _as_text(datetime.fromtimestamp(seconds, UTC))


ShownEpoch = Annotated[
    int,
    PlainSerializer(shown_epoch, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
if TYPE_CHECKING:
    Instant = datetime
    Day = date
    Local = date
    Amount = Decimal
    Source = str
else:
    Instant = Annotated[
        str,
        StringConstraints(pattern=f"^{_DAY}[Tt]{_TIME}$"),
        AfterValidator(_plain),
        AfterValidator(_read(datetime.fromisoformat)),
        WithJsonSchema({"type": "string", "format": "date-time"}),
    ]
    """A `Moment` as what it is, for bodies. Who stores it may restrict the years."""
    Day = Annotated[
        str,
        StringConstraints(pattern=f"^{_DAY}$"),
        AfterValidator(_read(date.fromisoformat)),
        WithJsonSchema({"type": "string", "format": "date"}),
    ]
    Local = Annotated[
        str,
        StringConstraints(min_length=8, max_length=19, pattern=r"^[0-9T:-]+$"),
        AfterValidator(_read(_local)),
    ]
    """A local date, or a local date and time."""
    Amount = Annotated[
        str,
        BeforeValidator(_amount),
        AfterValidator(Decimal),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "pattern": _AMOUNT},
                    {"type": "number", "minimum": -_MOST, "maximum": _MOST, "multipleOf": 0.01},
                ]
            }
        ),
    ]
    """An amount of money."""
    Source = Literal[tuple(SOURCES.values())]


def moment(given: str | None, name: str) -> datetime | None:
    """A given `Moment` in UTC. Raises `Refused`, 422, where there is no such moment."""
    if given is None:
        return None
    try:
        return datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The moment in {name} does not exist.") from None


class Given(BaseModel):
    """What a client sends: nothing that is not documented, and no type taken for another."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Asked(BaseModel):
    """The query of a request; every value arrives as text."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(extra="forbid")


class Paged(Asked):
    """The query of a list."""

    limit: Limit = Field(default=100, description="How many at most.")
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = Field(
        default=None, description="`next` of the page before. Leave it out for the first page."
    )
