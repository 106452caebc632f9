# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending mail to a submission server (RFC 6409) over SMTP (RFC 5321), one letter a connection, in bounded time."""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from importer.errors import where
from scheduling.access.secrets import Keyring
from scheduling.config.mail import MailSettings, address_of
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.mail import invitations, outbox
from scheduling.mail.letters import Letter
from scheduling.mail.outbox import Waiting

log = logging.getLogger(__name__)


class MailRefused(Exception):
    """The letter cannot be sent, now or later; the sentence names no secret."""


def deliver_waiting(database: Database, config: Config, keyring: Keyring, stop: threading.Event) -> int:
    """Send all that waits, until `stop` is set; returns how many letters were sent. Without settings of a mail server
    everything goes on waiting.
    """
    sent = 0
    while config.mail.is_on and not stop.is_set():
        now = int(time.time())
        waiting = outbox.claim(database, keyring, now)
        if waiting is None:
            break
        if waiting.kind == "reset":
            with database.write() as connection:
                invitations.answer(connection, keyring, config, waiting, datetime.fromtimestamp(now, UTC))
        else:
            sent += _deliver(database, config.mail, waiting, now)
    return sent


def _deliver(database: Database, settings: MailSettings, waiting: Waiting, now: int) -> bool:
    try:
        send(settings, message(settings, waiting))
    except MailRefused as error:
        log.warning("mail %d was refused: %s", waiting.id, error)
        outbox.give_up(database, waiting.id, str(error))
        return False
    except (OSError, smtplib.SMTPException) as error:
        sentence = _sentence(settings, error)
        log.warning("mail %d not sent, trying again: %s", waiting.id, sentence)
        outbox.try_again(database, waiting, sentence, now)
        return False
    except Exception as error:  # noqa: BLE001 (one bad letter must not stop the others)
        log.error("mail %d failed: %s", waiting.id, where(error))  # noqa: TRY400 (see where)
        outbox.give_up(database, waiting.id, "Daysheet itself failed on this letter; the fault was logged.")
        return False
    with database.write() as connection:
        outbox.done(connection, waiting)
    log.info("sent mail %d", waiting.id)
    return True


def message(settings: MailSettings, waiting: Waiting) -> EmailMessage:
    """The letter with its headers (RFC 5322). No text can add one: the policy refuses line breaks in them. Raises
    `MailRefused` for an address that is none.
    """
    letter: Letter = waiting.letter
    sender, to = settings.sender, address_of(letter.to)
    if sender is None or to is None:
        raise MailRefused("The address of the letter is not a mail address.")
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(waiting.created_at)
    # The same for every attempt, so that a letter that was sent twice can be told.
    made["Message-ID"] = f"<{int(waiting.created_at.timestamp())}.{waiting.id}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
    made.set_content(letter.text)
    return made


def send(settings: MailSettings, letter: EmailMessage) -> None:
    """Hand a letter over. Raises `MailRefused` where the server will never take it; `OSError`, `SMTPException` where
    it may later.
    """
    with _connected(settings) as server:
        if settings.username:
            server.login(settings.username, settings.secret())
        try:
            server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _said),) = error.recipients.values()
            _refuse_for_good(settings, code)
            raise
        except smtplib.SMTPResponseException as error:
            _refuse_for_good(settings, error.smtp_code)
            raise
        except smtplib.SMTPNotSupportedError:
            raise MailRefused(f"{settings.host} accepts only ASCII addresses.") from None


def _connected(settings: MailSettings) -> smtplib.SMTP:
    trust = ssl.create_default_context(cafile=settings.ca_file)
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=trust)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    try:
        if settings.security == "starttls":
            server.starttls(context=trust)
    except Exception:
        server.close()
        raise
    return server


def _refuse_for_good(settings: MailSettings, code: int) -> None:
    if 500 <= code < 600:
        raise MailRefused(f"{settings.host} refuses the letter for good (status {code}).")


def _sentence(settings: MailSettings, error: Exception) -> str:
    """What went wrong, without what the server said: it may repeat the address or the password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{settings.host} does not accept the username and password of [mail]."
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{settings.host} offers no STARTTLS or no sign-in; check [mail] security and port."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{settings.host} does not take the letter at the moment."
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{settings.host} answered with status {error.smtp_code}."
    if isinstance(error, ssl.SSLError):
        return f"The certificate or TLS of {settings.host} is not in order."
    # smtplib says of a server that does not answer that it has hung up.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return f"{settings.host} did not answer within {settings.timeout} s."
    if isinstance(error, OSError) and error.filename:
        return f"The file {error.filename}, named in [mail], cannot be read."
    return f"No connection could be made with {settings.host}, port {settings.port}."
