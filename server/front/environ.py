# SPDX-License-Identifier: GPL-3.0-or-later
"""The WSGI environment (PEP 3333) of a request, from its ASGI scope."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from server.front.connection import Scope

_NAMES_KEPT = 500
_names: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_of(scope: Scope) -> dict[str, Any]:
    """The environment without `wsgi.input`. Repeated header fields are joined (RFC 9110, section 5.3). Fields with an
    underscore are dropped, because they could imitate a field that a proxy sets.
    """
    path: bytes = scope["raw_path"]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/" + scope["http_version"],
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": scope["server"][1],
        "SERVER_SOFTWARE": "Daysheet",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in scope["headers"]:
        key = _names.get(name) or _name(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


def _name(name: bytes) -> str:
    if b"_" in name:
        return ""
    key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    if len(_names) < _NAMES_KEPT:
        _names[name] = key
    return key
