# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends fast answers as WSGI answers: compression, length, and the headers that every answer has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus

from radicale.types import WSGIEnviron

from server.dav.fast.bodies import Content, length_of, packed

Answered = tuple[int, dict[str, str], "str | Content | None", "str | None"]
"""Status, headers and body. The last item has the meaning that it has in Radicale's answers."""
Started = tuple[str, list[tuple[str, str]], Iterable[bytes]]
"""What a WSGI application gives to `start_response`, and its body."""
SHORTEST = 1200
"""The least octets of a body that is compressed. A shorter one fits into one packet anyway."""


def accepts_gzip(environ: WSGIEnviron) -> bool:
    """As Radicale reads Accept-Encoding."""
    return "gzip" in [it.strip() for it in environ.get("HTTP_ACCEPT_ENCODING", "").split(",")]


def finish(
    environ: WSGIEnviron, answer: Answered, extra: Sequence[tuple[str, str]], *, minimal: bool
) -> Started:
    """The WSGI answer. An answer that is already compressed says so in its headers."""
    status, given, body, _ = answer
    headers = list(given.items())
    content = body.encode() if isinstance(body, str) else body
    if content is not None:
        length = length_of(content)
        if length >= SHORTEST and "Content-Encoding" not in given and accepts_gzip(environ):
            content = packed(content)
            headers.append(("Content-Encoding", "gzip"))
            length = length_of(content)
        headers.append(("Content-Length", str(length)))
    if minimal and status == HTTPStatus.MULTI_STATUS:
        headers.append(("Preference-Applied", "return=minimal"))
    headers += extra
    if content is None or environ["REQUEST_METHOD"] == "HEAD":
        return _line(status), headers, []
    return _line(status), headers, [content] if isinstance(content, bytes) else content


@cache
def _line(status: int) -> str:
    return f"{int(status)} {HTTPStatus(status).phrase}"
