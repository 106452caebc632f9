# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals as problem details (RFC 9457): one form, and one place that maps errors to statuses."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from scheduling.access.permissions import Forbidden
from scheduling.errors import (
    Conflict,
    DatabaseReplaced,
    DatabaseUnavailable,
    Invalid,
    NotFound,
    SchedulingError,
)
from scheduling.schedule.columns import COLUMNS
from scheduling.schedule.entries import BadValue, LoadFailed
from scheduling.sentences import counted
from server.away import AWAY

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_SHOWN = 20
NO_SUCH_DATE = "no_such_date"
"""The type of a fault: a text that looks like a date or a moment and is none, such as 30 February."""
_FIELD = re.compile(rf"({'|'.join(sorted({it for columns in COLUMNS.values() for it in columns}))})\b")
FORMS: dict[str, str] = {}
"""A description in words for each pattern that a text must match. values.py and other modules add theirs."""
_BY_STATUS: Mapping[type[Exception], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    LoadFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    Forbidden: HTTPStatus.FORBIDDEN,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_WORDS: Mapping[str, str] = {
    "bool_type": "It has to be true or false",
    "dict_type": "It has to be an object",
    "float_parsing": "It has to be a number",
    "float_type": "It has to be a number",
    "finite_number": "It has to be a number",
    "greater_than_equal": "It has to be {ge} or more",
    "int_from_float": "It has to be a whole number",
    "int_parsing": "It has to be a whole number",
    "int_type": "It has to be a whole number",
    "json_invalid": "It is not JSON",
    "less_than_equal": "It has to be {le} or less",
    "list_type": "It has to be a list",
    "literal_error": "It has to be {expected}",
    "missing": "It is missing",
    "model_attributes_type": "It has to be an object",
    "model_type": "It has to be an object",
    "string_type": "It has to be a text",
}
"""Our sentence for each kind of mistake, by pydantic's name."""
_COUNTED: Mapping[str, str] = {
    "string_too_long": "character",
    "string_too_short": "character",
    "too_long": "item",
    "too_short": "item",
}
_LISTED: Mapping[str, str] = {
    "API key": "/api-keys",
    "role": "/roles",
    "setting": "/settings",
    "user": "/users",
    "webhook": "/webhooks",
}
"""Where to find a list of existing things, by the subject of an error."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(
        description="`body`, `query` or a header, and the path inside it, separated by points."
    )
    detail: str


class Obstacle(BaseModel):
    """Time that stands against a claim."""

    model_config = ConfigDict(extra="forbid")

    user: str
    starts_at: str = Field(json_schema_extra={"format": "date-time"})
    ends_at: str = Field(json_schema_extra={"format": "date-time"})
    type: str = Field(description="BUSY, BUSY-TENTATIVE, BUSY-UNAVAILABLE, OUTSIDE-HOURS or UNKNOWN.")
    events: list[str] = Field(description="Ids of the events, if you may read them.")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="One sentence: what is wrong and what to do.")
    errors: list[Fault] = Field(default=[], description="Each fault of the request.")
    conflicts: list[Obstacle] = Field(default=[], description="What is now in the way of a claim.")


class Refused(Exception):
    """The request goes no further."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        conflicts: Sequence[Obstacle] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.conflicts = tuple(conflicts)
        self.headers = dict(headers or {})


def of_scheduling(error: SchedulingError | BadValue) -> Refused:
    """What a refusal of the scheduling database means over HTTP."""
    found = (status for kind, status in _BY_STATUS.items() if isinstance(error, kind))
    status = next(found, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refused(status, "Something went wrong here; the server's log says what.")
    if isinstance(error, LoadFailed):
        errors = [Fault(where="body", detail=one) for one in error.problems[:_SHOWN]]
        return Refused(status, "Nothing was changed: some items cannot be stored.", errors=errors)
    if type(error) in (DatabaseUnavailable, DatabaseReplaced):
        logger.error("answered 503: %s", error)  # for the admin: it may name a file or a host
        error = DatabaseUnavailable(AWAY)
    text = str(error).rstrip(".")
    if (path := _LISTED.get(getattr(error, "noun", ""))) and isinstance(error, NotFound):
        text += f"; GET {path} lists them"
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, DatabaseUnavailable) else {}
    # The name of a field is not a word that begins a sentence.
    begins = text if _FIELD.match(text) else text[:1].upper() + text[1:]
    return Refused(status, begins + ".", headers=headers)


def of_validation(error: ValidationError, where: str) -> Refused:
    """A request that does not have the documented form, or that only names a date that does not exist. The sent value
    is not repeated, because it may be a secret.
    """
    found = error.errors(include_url=False, include_input=False)
    errors = [
        Fault(where=".".join((where, *map(str, one["loc"]))), detail=_in_words(one)) for one in found[:_SHOWN]
    ]
    if all(one["type"] == NO_SUCH_DATE for one in found):
        return Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"The {where} names a date or time that there is not.",
            errors=errors,
        )
    return Refused(
        HTTPStatus.BAD_REQUEST,
        f"The {where} does not have the form that the API's document describes.",
        errors=errors,
    )


def _in_words(one: ErrorDetails) -> str:
    """What is wrong, in our own words. The words of pydantic are for programmers."""
    facts = one.get("ctx", {})
    if one["type"] == "extra_forbidden":
        return f"There is no field {str(one['loc'][-1])[:60]!r} here"
    if (form := FORMS.get(facts.get("pattern", ""))) is not None:
        return form
    if (most := facts.get("max_length")) is not None:
        return f"It has to have at most {counted(most, _COUNTED[one['type']])}"
    if (least := facts.get("min_length")) is not None:
        return f"It has to have at least {counted(least, _COUNTED[one['type']])}"
    words = _WORDS.get(one["type"])
    return one["msg"].removeprefix("Value error, ") if words is None else words.format(**facts)


def answer(refused: Refused) -> Response:
    """The problem details as a response."""
    problem = Problem(
        title=refused.status.phrase,
        status=refused.status,
        detail=refused.detail,
        errors=list(refused.errors),
        conflicts=list(refused.conflicts),
    )
    return Response(
        problem.model_dump_json(),
        status=refused.status,
        headers=refused.headers,
        content_type=MEDIA_TYPE,
    )
