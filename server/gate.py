# SPDX-License-Identifier: GPL-3.0-or-later
"""The first check of every request: it cleans the WSGI environment, bounds bodies, and trusts no header from strangers.

granian copies the process environment into each request, and Radicale trusts X-Script-Name from anybody. Both are
removed here.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from scheduling.config.ini import Network
from scheduling.sentences import counted

_KEPT = frozenset(
    {
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
        "REMOTE_ADDR",
        "REMOTE_PORT",
    }
)
_BELIEVED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
_DROPPED = frozenset(
    {
        "HTTP_X_SCRIPT_NAME",
        "HTTP_X_REMOTE_USER",
        "HTTP_REMOTE_USER",
        "HTTP_X_REMOTE_ADDR",
        "HTTP_PROXY",
        "HTTP_X_FORWARDED_SERVER",
        *_BELIEVED,
    }
)
_DEPTHS = {"0": "0", "1": "1", "infinity": "infinity", "1,noroot": "1"}
_WITH_XML = frozenset({"PROPFIND", "PROPPATCH", "REPORT"})
"""Methods that always need a user and have XML bodies."""
_CHALLENGE = ("WWW-Authenticate", 'Basic realm="Daysheet", charset="UTF-8"')
_TREE = re.compile(r"/?\Z|/dav(/|\Z)")
"""Where these methods are answered."""
LONGEST_PATH = 2048
LARGEST_XML = 2**20
"""The most octets of an XML request body."""


class Refused(Exception):
    """The request is refused. Carries the status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, list(headers)


def admit(environ: dict[str, Any], *, max_body: int, trusted: tuple[Network, ...]) -> dict[str, Any]:
    """The environment the application works on. Raises `Refused`."""
    clean = {
        key: value
        for key, value in environ.items()
        if key in _KEPT or key.startswith("wsgi.") or (key.startswith("HTTP_") and key not in _DROPPED)
    }
    clean["SCRIPT_NAME"] = ""
    _proxy(environ, clean, trusted)
    clean["PATH_INFO"] = _path(environ.get("PATH_INFO", ""))
    _authorization(clean)
    _depth(clean)
    if clean["REQUEST_METHOD"] in _WITH_XML and _TREE.match(clean["PATH_INFO"]):
        if "HTTP_AUTHORIZATION" not in clean:
            raise Refused(HTTPStatus.UNAUTHORIZED, "Sign in first.", [_CHALLENGE])
        max_body = min(max_body, LARGEST_XML)
    _body(clean, max_body)
    return clean


def client_address(environ: Mapping[str, Any], trusted: tuple[Network, ...]) -> str:
    """The origin of the request: the last address that is no trusted proxy. Anybody can write the addresses before it
    in X-Forwarded-For.
    """
    address = str(environ.get("REMOTE_ADDR", ""))
    if not _is_trusted(address, trusted):
        return address
    for text in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        try:
            client = ip_address(text.strip())
        except ValueError:
            break
        address = str(client)
        if not any(client in network for network in trusted):
            break
    return address


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        return bool(trusted) and any(ip_address(address) in network for network in trusted)
    except ValueError:
        return False


def _proxy(environ: dict[str, Any], clean: dict[str, Any], trusted: tuple[Network, ...]) -> None:
    if not _is_trusted(str(environ.get("REMOTE_ADDR", "")), trusted):
        return
    clean["REMOTE_ADDR"] = client_address(environ, trusted)
    clean |= {key: environ[key] for key in _BELIEVED if key in environ}
    clean.pop("HTTP_X_FORWARDED_FOR", None)
    if clean.pop("HTTP_X_FORWARDED_PROTO", "") == "https":
        clean["wsgi.url_scheme"] = "https"
        clean["HTTPS"] = "on"
    if "HTTP_X_FORWARDED_HOST" in clean:
        clean["HTTP_HOST"] = clean.pop("HTTP_X_FORWARDED_HOST")


def _path(raw: str) -> str:
    try:
        path = raw.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Refused(HTTPStatus.BAD_REQUEST, "The path is not UTF-8.") from None
    if len(path) > LONGEST_PATH:
        raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The path is too long.")
    if (
        any(segment in (".", "..") for segment in path.split("/"))
        or "\\" in path
        or any(ord(c) < 32 or ord(c) == 127 for c in path)
    ):
        raise Refused(HTTPStatus.BAD_REQUEST, "The path is not acceptable.")
    return path


def _authorization(clean: dict[str, Any]) -> None:
    """Radicale answers 500 to credentials it cannot decode. Here they count as wrong."""
    header = clean.get("HTTP_AUTHORIZATION", "")
    # The API reads its own credentials, and Radicale never sees them.
    if not header or clean["PATH_INFO"].startswith("/api/"):
        return
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic" or b":" not in _decoded(value.strip()):
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "The Authorization header is not Basic credentials.",
            [_CHALLENGE],
        )
    clean["HTTP_AUTHORIZATION"] = f"Basic {value.strip()}"


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""


def _depth(clean: dict[str, Any]) -> None:
    if "HTTP_DEPTH" not in clean:
        return
    depth = _DEPTHS.get(str(clean["HTTP_DEPTH"]).strip().lower())
    if depth is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "The Depth header must be 0, 1 or infinity.")
    clean["HTTP_DEPTH"] = depth


def _body(clean: dict[str, Any], max_body: int) -> None:
    """Read the body whole: requests are small, chunked ones carry no length, and a worker never waits twice."""
    text = str(clean.get("CONTENT_LENGTH") or "")
    if text and not text.isdecimal():
        raise Refused(HTTPStatus.BAD_REQUEST, "The Content-Length is not a number.")
    too_large = Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request body is larger than {counted(max_body, 'byte')}."
    )
    if text and int(text) > max_body:
        raise too_large
    if not text and not clean.get("wsgi.input_terminated"):
        clean["wsgi.input"] = io.BytesIO(b"")
        return
    body = clean["wsgi.input"].read(max_body + 1)
    if len(body) > max_body:
        raise too_large
    if text and len(body) < int(text):
        raise Refused(HTTPStatus.BAD_REQUEST, "The request body is shorter than its Content-Length.")
    clean["wsgi.input"] = io.BytesIO(body)
    clean["CONTENT_LENGTH"] = str(len(body))
