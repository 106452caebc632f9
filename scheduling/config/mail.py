# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the mail that Daysheet sends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.policy import default
from pathlib import Path

from scheduling.config import ini
from scheduling.config.ini import Parser, option


def address_of(text: str, display_name: str = "") -> Address | None:
    """A text as an address that a header can hold, or None."""
    if not text.isprintable() or " " in text or not display_name.isprintable():
        return None
    try:
        found = Address(display_name=display_name, addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return None
    return found if found.username and found.domain else None


def _read_sender(given: str) -> Address:
    address = None
    with suppress(MessageError, IndexError):  # as the parser meets some texts that are none
        header = default.header_factory("from", given.strip())
        if len(header.addresses) == 1 and not header.defects:
            address = address_of(header.addresses[0].addr_spec, header.addresses[0].display_name)
    if address is None:
        raise ValueError("is not a mail address")
    return address


_sender = Parser(read=_read_sender, permitted="an address such as Daysheet <daysheet@example.com>")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Mail: invitations and links to set a password.

    Without a host and a sender no mail is sent. Then whoever makes a link has to pass it on.
    """

    host: str = option(
        "", doc="The mail server for outgoing mail (SMTP submission). Nothing: no mail is sent."
    )
    port: int = option(
        587, parse=ini.integer(1, 65535), doc="Its port: usually 587 with starttls, 465 with tls."
    )
    security: str = option(
        "starttls",
        choices=("starttls", "tls", "none"),
        doc="How the connection is encrypted. The server's certificate is checked. Use none only for a "
        "server on this machine.",
    )
    ca_file: Path | None = option(
        "",
        parse=ini.optional(ini.path),
        doc="A file of certificates to trust instead of the system's, for your own mail server.",
    )
    username: str = option("", doc="The user name at the mail server. Nothing: no sign-in.")
    password: str = option(
        "",
        secret=True,
        doc="The password at the mail server. It is best to set DAYSHEET_MAIL_PASSWORD or password_file.",
    )
    password_file: Path | None = option(
        "", parse=ini.optional(ini.path), doc="A file whose first line is the password."
    )
    sender: Address | None = option("", parse=ini.optional(_sender), doc="The sender of the mail.")
    timeout: int = option(
        "20s", parse=ini.duration(1, 300), doc="How long the mail server may take for each answer."
    )
    language: str = option("en", choices=("en", "de"), doc="The language of the mail.")

    @property
    def is_on(self) -> bool:
        """Whether mail can be sent."""
        return bool(self.host) and self.sender is not None

    def secret(self) -> str:
        """The password. Raises OSError where its file cannot be read."""
        if self.password_file is None:
            return self.password
        lines = self.password_file.read_text(encoding="utf-8").splitlines()
        return lines[0].strip() if lines else ""
