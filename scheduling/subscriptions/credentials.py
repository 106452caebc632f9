# SPDX-License-Identifier: GPL-3.0-or-later
"""What an outside calendar asks for beside its URL: a user name and password (RFC 7617), a bearer token (RFC 6750), or
a header of the provider's own. Kept encrypted; nothing of it is ever shown but its kind.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Literal

from scheduling.errors import Invalid

Kind = Literal["basic", "bearer", "header"]
LONGEST = 4096
"""Characters of a password, token or header value."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_RESERVED = frozenset(
    (
        *(
            "accept",
            "accept-encoding",
            "connection",
            "content-length",
            "content-type",
            "cookie",
            "expect",
            "host",
        ),
        *("if-modified-since", "if-none-match", "proxy-authorization", "range", "te", "trailer"),
        *("transfer-encoding", "upgrade", "user-agent"),
    )
)
"""Headers that decide how an answer is transferred and not who asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """`name` is the user name of `basic` and the header's name of `header`; `secret` the password, token or value."""

    kind: Kind
    secret: str = field(repr=False)
    name: str = field(default="", repr=False)

    def header(self) -> tuple[str, str]:
        """The request header that they are: name and value, for the origin of the URL only."""
        if self.kind == "basic":
            pair = base64.b64encode(f"{self.name}:{self.secret}".encode()).decode("ascii")
            return "Authorization", f"Basic {pair}"
        if self.kind == "bearer":
            return "Authorization", f"Bearer {self.secret}"
        return self.name, self.secret

    def dumps(self) -> str:
        """As text, to be encrypted."""
        return json.dumps([self.kind, self.name, self.secret])


def loads(text: str) -> Credentials:
    """What `dumps` wrote."""
    kind, name, secret = json.loads(text)
    return Credentials(kind=kind, name=name, secret=secret)


def checked(credentials: Credentials) -> Credentials:
    """The same, if they can be sent. Raises `Invalid`; the message never holds them."""
    kind, name, secret = credentials.kind, credentials.name, credentials.secret
    if kind not in ("basic", "bearer", "header"):
        raise Invalid("Credentials must be of the kind basic, bearer or header.")
    if not 1 <= len(secret) <= LONGEST:
        raise Invalid(f"A password, token or header value must have 1 to {LONGEST} characters.")
    if kind == "basic" and (
        not name or len(name) > LONGEST or ":" in name or not _plain(name) or not _plain(secret)
    ):
        raise Invalid(
            "A user name cannot contain a colon; user name and password cannot contain control characters."
        )
    if kind == "bearer" and not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise Invalid("A bearer token must be ASCII and cannot contain spaces.")
    if kind == "header":
        if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED:
            raise Invalid("The name of the header is not permitted; an example is X-Api-Key.")
        if not re.fullmatch(r"[\x20-\x7e]*[\x21-\x7e]", secret) or secret[0] == " ":
            raise Invalid(
                "The value of a header must be one line of ASCII characters without spaces at its ends."
            )
    return credentials


def _plain(text: str) -> bool:
    return all(ord(character) >= 32 and ord(character) != 127 for character in text)
