# SPDX-License-Identifier: GPL-3.0-or-later
"""`daysheet doctor`: one line per thing that has to be in order. It changes nothing and makes no file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import asdict, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click

from scheduling.access.secrets import Keyring
from scheduling.config.ini import ConfigError, read_ini
from scheduling.database import schema
from scheduling.errors import SchedulingError
from scheduling.ical import zone_data
from scheduling.upkeep import health
from scheduling.upkeep.health import Finding, Level
from server import advice
from server.cli.terminal.manual import ManualCommand
from server.cli.terminal.output import json_option, print_json
from server.cli.terminal.session import Session, pass_session
from server.settings import Settings

_OTHERS = 0o077
_COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command(
    cls=ManualCommand,
    examples=(
        ("daysheet doctor", "After installing, upgrading or moving."),
        ("daysheet doctor --json", "For monitoring."),
    ),
)
@json_option
@pass_session
def doctor(session: Session, *, as_json: bool) -> None:
    """Check settings, key, database and calendars.

    Each line says ok, warning or problem, and what to do. The exit code is 1 when there is a problem.
    """
    found: list[Finding] = []
    for finding in examine(session):
        found.append(finding)
        if not as_json:
            click.secho(f"{finding.level:<8}", fg=_COLORS[finding.level], nl=False)
            click.echo(f" {finding.check}: {finding.text}")
    sick = any(finding.level is Level.PROBLEM for finding in found)
    if as_json:
        print_json({"healthy": not sick, "findings": [asdict(finding) for finding in found]})
    if sick:
        raise click.exceptions.Exit(1)


def examine(session: Session) -> Iterator[Finding]:
    """Every check, as far as the ones before allow."""
    try:
        settings = session.settings
    except ConfigError as error:
        yield Finding(check="settings", level=Level.PROBLEM, text=str(error))
        return
    yield _settings_file(settings)
    yield _public_url(settings)
    yield _mail(settings)
    yield _zone_data()
    keyring, finding = _key(settings)
    yield finding
    yield from _database(settings, keyring)


def _settings_file(settings: Settings) -> Finding:
    path = settings.source
    if path is None:
        return Finding(check="settings", level=Level.OK, text="No settings file: defaults and environment.")
    written = read_ini(path)
    secret = (
        "key" in written.get("security", {})
        or "password" in written.get("mail", {})
        or "@" in written.get("database", {}).get("url", "")
    )
    if secret and path.stat().st_mode & _OTHERS:
        words = f"{path} holds a secret and can be read by others: chmod 600 {path}."
        return Finding(check="settings", level=Level.WARNING, text=words)
    return Finding(check="settings", level=Level.OK, text=f"{path} is valid.")


def _public_url(settings: Settings) -> Finding:
    url = settings.server.public_url or ""
    parts = urlsplit(url)
    if not url:
        level = Level.OK if _is_local(settings.server.host) else Level.WARNING
        words = f"No public_url is set, so links begin with {settings.url('/')}; others may not reach that."
    elif parts.path.strip("/"):
        level = Level.PROBLEM
        words = f"public_url has the path {parts.path}; give Daysheet a host name of its own, without a path."
    elif not _is_resolvable(parts.hostname or ""):
        level, words = Level.PROBLEM, f"The host of public_url, {parts.hostname}, has no address in the DNS."
    elif parts.scheme != "https" and not _is_local(parts.hostname or ""):
        level = Level.WARNING
        words = "public_url is not https: passwords and feed links go over the network in the clear."
    else:
        level, words = Level.OK, f"Links begin with {settings.url('/')}."
    return Finding(check="public URL", level=level, text=words)


def _mail(settings: Settings) -> Finding:
    mail = settings.config.mail
    level, words = Level.PROBLEM, ""
    if not mail.host and mail.sender is None:
        level = Level.OK
        words = "No mail server is set: whoever invites somebody gets the link to pass on."
    elif not mail.is_on:
        missing = "host" if mail.sender else "sender"
        words = f"[mail] has no {missing}, so no mail is sent: set it."
    elif not settings.server.public_url:
        words = f"Links in mail lead to {settings.url('/')}, which others may not reach: set public_url."
    elif mail.ca_file is not None and not mail.ca_file.is_file():
        words = f"There is no file {mail.ca_file}, which [mail] ca_file names."
    elif mail.password_file is not None and (fault := _password_file(mail.password_file)):
        words = fault
    else:
        level, words = Level.OK, f"Mail goes by {mail.host}, port {mail.port}, from {mail.sender}."
    return Finding(check="mail server", level=level, text=words)


def _password_file(path: Path) -> str:
    """What is wrong with it."""
    try:
        path.read_text(encoding="utf-8")
        if path.stat().st_mode & _OTHERS:
            return f"The password file {path} can be read by others: chmod 600 {path}."
    except (OSError, UnicodeError) as error:
        return f"The password file {path} cannot be read ({type(error).__name__})."
    return ""


def _zone_data() -> Finding:
    found = zone_data.in_use()
    words = f"Time zones follow the rules {found.release or 'of an unknown release'} ({found.digest}) in {found.place}."
    return Finding(check="time zones", level=Level.OK, text=words)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_resolvable(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return False


def _key(settings: Settings) -> tuple[Keyring | None, Finding]:
    path = settings.config.key_path()
    in_file = not settings.config.security.key
    if in_file and not path.exists():
        words = f"There is no key file {path} yet; it is made when first needed."
        return None, Finding(check="key", level=Level.WARNING, text=words)
    try:
        keyring = settings.keyring()
        if in_file and path.stat().st_mode & _OTHERS:
            words = f"The key file {path} can be read by others: chmod 600 {path}."
            return keyring, Finding(check="key", level=Level.PROBLEM, text=words)
    except SchedulingError as error:
        return None, Finding(check="key", level=Level.PROBLEM, text=advice.sentence(error))
    except (OSError, UnicodeError) as error:
        words = f"The key file {path} cannot be read ({type(error).__name__})."
        return None, Finding(check="key", level=Level.PROBLEM, text=words)
    return keyring, Finding(check="key", level=Level.OK, text="The key can be read.")


def _database(settings: Settings, keyring: Keyring | None) -> Iterator[Finding]:
    database = settings.database()
    if database.path is not None and not database.path.exists():
        words = f"There is no database {database.path}; `daysheet db upgrade` makes it."
        yield Finding(check="database", level=Level.PROBLEM, text=words)
        return
    try:
        with database.read() as connection:
            revision = schema.current(connection)
            words = f"{database.engine.dialect.name} answers."
            yield Finding(check="database", level=Level.OK, text=words)
            if revision != schema.head():
                schema.require_current(database)
            words = f"The schema is at revision {revision}."
            yield Finding(check="schema", level=Level.OK, text=words)
            for it in health.examine(connection, keyring):
                yield it if it.level is Level.OK else replace(it, text=advice.of_finding(it.check, it.text))
    except SchedulingError as error:
        yield Finding(check="database", level=Level.PROBLEM, text=advice.sentence(error))
