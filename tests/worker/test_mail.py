# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters as a mail server gets them, over every kind of connection, and what becomes of those it does not take."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from sqlalchemy import text

from scheduling.access.one_time_links import Purpose
from scheduling.access.permissions import SYSTEM
from scheduling.config.ini import load_section
from scheduling.config.mail import MailSettings
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.mail import invitations, outbox
from tests.importer.certificates import certificate
from tests.scheduling.access.signing_in import Door
from worker import mail

SECRET = "s3cret-of-the-mail-server"
ROOT = "https://calendar.example.com"


@dataclass
class Server:
    """A mail server on loopback: takes what `says` lets it, and keeps it."""

    says: str = "250 OK"
    letters: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    signed_in: list[bytes] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.says.startswith("RCPT "):
            return self.says.removeprefix("RCPT ")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.says.startswith("250"):
            read = message_from_bytes(envelope.content, policy=default)
            assert isinstance(read, EmailMessage)
            self.letters.append((envelope.mail_from, envelope.rcpt_tos, read))
        return self.says

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.signed_in.append(data.login)
        return AuthResult(success=data.password == SECRET.encode(), handled=False)


Starting = Callable[..., Server]


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return certificate(tmp_path, "localhost")


@pytest.fixture
def starting(pem: Path) -> Iterator[Starting]:
    running: list[Controller] = []

    def start(security: str = "none", *, auth: bool = False) -> Server:
        server = Server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": 0, "server_hostname": "localhost"}
        if security == "tls":
            options["ssl_context"] = context
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if auth:
            options |= {"authenticator": server.authenticate, "auth_required": True}
            options["auth_require_tls"] = security == "starttls"
        controller = _Anywhere(server, **options)
        controller.start()
        running.append(controller)
        assert controller.server is not None
        server.port = controller.server.sockets[0].getsockname()[1]
        return server

    yield start
    for controller in running:
        controller.stop()


class _Anywhere(Controller):
    """Listens on a port of the system's choice."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def settings(port: int, pem: Path | None = None, **given: str) -> MailSettings:
    written = {"host": "localhost", "port": str(port), "security": "none", "timeout": "5s", **given}
    if pem is not None:
        written["ca_file"] = str(pem)
    return load_section(
        MailSettings, "mail", {"sender": "Däysheet <daysheet@example.com>", **written}, {}, "x"
    )


@pytest.fixture
def door(database: Database) -> Door:
    door = Door(database)
    door.user("anna", password=None, email="anna@example.com", display_name="Änna\r\nBcc: all@example.com")
    return door


def invite(door: Door, mail_settings: MailSettings) -> None:
    door.config = Config(mail=mail_settings)
    with door.database.write() as connection:
        invitations.make_link(
            connection,
            door.keyring,
            door.config,
            "anna",
            Purpose.INVITATION,
            root=ROOT,
            at=datetime.now(UTC),
            actor=SYSTEM,
        )


def deliver(door: Door) -> int:
    return mail.deliver_waiting(door.database, door.config, door.keyring, threading.Event())


def failing(door: Door) -> tuple[int, str | None]:
    with door.database.read() as connection:
        return outbox.failing(connection)


@pytest.mark.parametrize(
    ("security", "auth"),
    [("none", False), ("none", True), ("starttls", False), ("starttls", True), ("tls", False)],
)
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_letter_arrives_whole(door: Door, starting: Starting, pem: Path, security: str, auth: bool) -> None:
    server = starting(security, auth=auth)
    signed = {"username": "daysheet", "password": SECRET} if auth else {}
    invite(door, settings(server.port, pem, security=security, **signed))
    assert deliver(door) == 1
    ((sender, to, letter),) = server.letters
    assert (sender, to) == ("daysheet@example.com", ["anna@example.com"])
    assert letter["From"] == "Däysheet <daysheet@example.com>"
    assert (letter["To"], letter["Subject"]) == ("anna@example.com", "Your calendar access")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"].endswith("@example.com>")
    assert letter["Bcc"] is None
    assert "Änna" in letter.get_content()
    assert f"\n{ROOT}/link/" in letter.get_content().replace("\r\n", "\n")
    assert server.signed_in == ([b"daysheet"] if auth else [])
    assert deliver(door) == 0
    assert failing(door) == (0, None)


def test_somebody_who_asked_gets_a_letter_and_a_stranger_none(door: Door, starting: Starting) -> None:
    server = starting()
    door.config = Config(mail=settings(server.port))
    for name in ("ANNA@example.com", "nobody"):
        invitations.ask_for_reset(
            door.database, door.keyring, name, root=ROOT, address="192.0.2.1", at=datetime.now(UTC)
        )
    assert deliver(door) == 1
    ((_, _, letter),) = server.letters
    assert letter["Subject"] == "Set another password"


@pytest.mark.parametrize(("says", "status"), [("554 No", 554), ("RCPT 550 No such user", 550)])
def test_what_is_refused_for_good_is_not_tried_again(
    door: Door, starting: Starting, says: str, status: int
) -> None:
    server = starting()
    server.says = says
    invite(door, settings(server.port))
    assert deliver(door) == 0
    assert failing(door) == (1, f"localhost refuses the letter for good (status {status}).")
    server.says = "250 OK"
    _let_time_pass(door)
    assert deliver(door) == 0


@pytest.mark.parametrize("says", ["451 Later", "RCPT 450 Later"])
def test_what_is_refused_for_now_is_tried_again(door: Door, starting: Starting, says: str) -> None:
    server = starting()
    server.says = says
    invite(door, settings(server.port))
    assert deliver(door) == 0
    assert failing(door)[0] == 1
    server.says = "250 OK"
    _let_time_pass(door)
    assert deliver(door) == 1
    assert failing(door) == (0, None)


def test_a_certificate_that_nobody_vouches_for_gets_no_letter(door: Door, starting: Starting) -> None:
    for security in ("starttls", "tls"):
        server = starting(security)
        invite(door, settings(server.port, security=security))
        assert deliver(door) == 0
        assert failing(door)[1] == "The certificate or TLS of localhost is not in order."
        assert server.letters == []


def test_a_server_without_starttls_gets_no_letter(door: Door, starting: Starting, pem: Path) -> None:
    server = starting("none")
    invite(door, settings(server.port, pem, security="starttls"))
    assert deliver(door) == 0
    assert "offers no STARTTLS" in str(failing(door)[1])
    assert server.letters == []


def test_a_wrong_password_is_said_without_it(
    door: Door, starting: Starting, pem: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = starting("starttls", auth=True)
    wrong = "wr0ng-guess"
    invite(door, settings(server.port, pem, security="starttls", username="daysheet", password=wrong))
    with caplog.at_level(logging.DEBUG):
        assert deliver(door) == 0
    assert failing(door)[1] == "localhost does not accept the username and password of [mail]."
    assert wrong not in caplog.text
    assert "anna@" not in caplog.text
    assert "/link/" not in caplog.text


def test_a_server_that_is_away_or_silent_is_tried_again(door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        invite(door, settings(port, timeout="1s"))
        assert deliver(door) == 0
        assert failing(door)[1] == "localhost did not answer within 1 s."
    _let_time_pass(door)
    assert deliver(door) == 0
    assert failing(door)[1] == f"No connection could be made with localhost, port {port}."


def test_a_password_file_that_is_missing_is_named(door: Door, starting: Starting, tmp_path: Path) -> None:
    server = starting()
    file = tmp_path / "missing"
    invite(door, settings(server.port, username="daysheet", password_file=str(file)))
    assert deliver(door) == 0
    assert failing(door)[1] == f"The file {file}, named in [mail], cannot be read."


def test_one_bad_letter_does_not_hold_up_the_others(door: Door, starting: Starting) -> None:
    server = starting()
    with door.database.write() as connection:
        broken = {"to": "x\r\nBcc: all@example.com", "subject": "a", "text": "b"}
        until = datetime.now(UTC).replace(year=2100)
        outbox.put_content(connection, door.keyring, "letter", broken, at=datetime.now(UTC), until=until)
        outbox.put_content(
            connection,
            door.keyring,
            "letter",
            {**broken, "to": "a@b.example", "subject": "a\r\nBcc: c@d"},
            at=datetime.now(UTC),
            until=until,
        )
    invite(door, settings(server.port))
    assert deliver(door) == 1
    assert [to for _, to, _ in server.letters] == [["anna@example.com"]]
    assert failing(door)[0] == 2


def test_without_a_mail_server_everything_waits(door: Door) -> None:
    invite(door, settings(1))
    door.config = Config()
    assert deliver(door) == 0
    assert failing(door) == (0, None)


def _let_time_pass(door: Door) -> None:
    with door.database.write() as connection:
        connection.execute(text("UPDATE mail SET next_attempt_at = 0 WHERE next_attempt_at IS NOT NULL"))
