# SPDX-License-Identifier: GPL-3.0-or-later
"""The three cookies: who is signed in, what was just done, which language.

Over https their names begin with `__Host-`, which no other host or path can set (RFC 6265bis, section 4.1.3.2); over
plain http, as on the own machine, browsers refuse that, so the names are plain.
"""

from __future__ import annotations

import base64
import hmac
import json
import time

from flask import Response
from werkzeug import Request

from scheduling.access.secrets import Keyring
from server.security import SESSION_COOKIE

_FLASH, _LANGUAGE = f"{SESSION_COOKIE}-said", f"{SESSION_COOKIE}-language"
_FLASH_FOR, _LANGUAGE_FOR = 120, 365 * 86_400
_LONGEST = 2000


def session(request: Request) -> str | None:
    """The token of the browser's session."""
    return request.cookies.get(_name(request, SESSION_COOKIE))


def set_session(response: Response, request: Request, token: str) -> None:
    """Let the browser keep a token until it is told otherwise; the row of the session says until when it counts."""
    _set(response, request, SESSION_COOKIE, token, _LANGUAGE_FOR)


def drop_session(response: Response, request: Request) -> None:
    """Let the browser forget the token."""
    _set(response, request, SESSION_COOKIE, "", 0)


def language(request: Request) -> str | None:
    """The language that was chosen with this browser."""
    return request.cookies.get(_name(request, _LANGUAGE))


def set_language(response: Response, request: Request, chosen: str) -> None:
    """Keep the choice of a language; "" forgets it."""
    _set(response, request, _LANGUAGE, chosen, _LANGUAGE_FOR if chosen else 0)


def flash(request: Request, keyring: Keyring) -> str | None:
    """What the page before did, in one sentence; None where there is nothing, or it is not our own."""
    given = request.cookies.get(_name(request, _FLASH), "")
    if not given or len(given) > _LONGEST:
        return None
    content, _, signature = given.partition(".")
    if not hmac.compare_digest(signature, _signature(keyring, content)):
        return None
    try:
        sentence, until = json.loads(base64.urlsafe_b64decode(content))
    except ValueError:
        return None
    return str(sentence) if until > time.time() else None


def set_flash(response: Response, request: Request, keyring: Keyring, sentence: str) -> None:
    """Say something on the next page."""
    content = base64.urlsafe_b64encode(
        json.dumps([sentence[:500], time.time() + _FLASH_FOR]).encode()
    ).decode()
    _set(response, request, _FLASH, f"{content}.{_signature(keyring, content)}", _FLASH_FOR)


def drop_flash(response: Response, request: Request) -> None:
    """What was said is said once."""
    _set(response, request, _FLASH, "", 0)


def is_secure(request: Request) -> bool:
    """Whether the browser talks https; `X-Forwarded-Proto` of trusted proxies is already in the scheme."""
    return request.scheme == "https"


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def _set(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="Lax",
    )


def _signature(keyring: Keyring, content: str) -> str:
    return base64.urlsafe_b64encode(keyring.lookup(f"said\x00{content}")).decode()
