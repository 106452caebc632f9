# SPDX-License-Identifier: GPL-3.0-or-later
"""A WSGI application that answers every request with the same text. It measures the cost of the WSGI server alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

_BODY = b"x" * 415


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """As long as the answer to a CTag poll. The request is read."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("207 Multi-Status", [("Content-Length", str(len(_BODY))), ("Content-Type", "text/xml")])
    return [_BODY]
