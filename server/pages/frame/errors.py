# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads instead of the page: in the look of the pages for browsers, one plain sentence for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Response, render_template, request
from werkzeug.exceptions import HTTPException

from scheduling.access.permissions import Forbidden
from scheduling.access.sign_in import TooManyAttempts
from scheduling.errors import DatabaseUnavailable, NotFound, SchedulingError
from server.api.protocol.problems import Refused
from server.away import AWAY
from server.pages.words.languages import N_, gettext

_SENTENCES: Mapping[int, tuple[str, str]] = {
    400: (N_("That does not work"), N_("The browser sent something that cannot be understood.")),
    403: (N_("Not permitted"), N_("You may not see or do this. An administrator can permit it.")),
    404: (N_("Nothing here"), N_("There is nothing at this address.")),
    405: (N_("That does not work"), N_("This address does not take that kind of request.")),
    409: (N_("That does not work"), N_("It was changed meanwhile; look at it again.")),
    410: (N_("No longer valid"), N_("This link was used already or is too old. Ask for a new one.")),
    413: (N_("Too large"), N_("The form is too large. Shorten its longest text.")),
    429: (N_("Too many attempts"), N_("Wait a little, then try again.")),
    500: (N_("Something went wrong here"), N_("It is not your fault; the log of the server says more.")),
    503: (N_("Not available"), N_("The schedule is not available at the moment; try again shortly.")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A status, what to say beyond its own sentence, header fields."""

    status: int
    sentence: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Stop(Exception):
    """The view goes no further: the person reads the page of this failure."""

    def __init__(self, status: HTTPStatus, sentence: str = "") -> None:
        """Keep `sentence`, already in the person's language; "" for that of the status."""
        super().__init__(sentence)
        self.failure = Failure(status=status, sentence=sentence)


def of(error: Exception) -> Failure:
    """What an error is to somebody who looks at a page."""
    match error:
        case Stop():
            return error.failure
        case TooManyAttempts():
            sentence = gettext("Wait %(seconds)s seconds, then try again.", seconds=error.retry_after)
            return Failure(status=429, sentence=sentence, headers={"Retry-After": str(error.retry_after)})
        case DatabaseUnavailable():
            return Failure(status=503, headers={"Retry-After": str(error.retry_after)})
        case NotFound():
            return Failure(status=404)
        case Forbidden():
            return Failure(status=403)
        case Refused():
            return Failure(status=error.status, headers=error.headers)
        case SchedulingError():
            return Failure(status=409)
        case HTTPException():
            kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
            return Failure(status=error.code or 500, headers=kept)
    return Failure(status=500)


def shows_pages() -> bool:
    """Whether the one who asks wants HTML: browsers say so, programs do not."""
    return "text/html" in request.headers.get("Accept", "")


def answer(failure: Failure) -> Response:
    """The page of a failure, or its plain sentence."""
    status = failure.status if failure.status in _SENTENCES else 500 if failure.status >= 500 else 400
    title, usual = _SENTENCES[status]
    sentence = failure.sentence or gettext(usual)
    if shows_pages():
        text = render_template("error.html", title=gettext(title), sentence=sentence, status=failure.status)
        response = Response(text, status=failure.status, content_type="text/html; charset=utf-8")
    else:
        plain = AWAY if status == HTTPStatus.SERVICE_UNAVAILABLE else sentence
        response = Response(f"{plain}\n", status=failure.status, content_type="text/plain; charset=utf-8")
    response.headers.update(failure.headers)
    return response
