# SPDX-License-Identifier: GPL-3.0-or-later
"""What `daysheet doctor` looks at around the database: settings, addresses, time zones, key and files."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from scheduling.access.secrets import Keyring
from scheduling.config.ini import ConfigError, read_ini
from scheduling.database import file
from scheduling.database.connection import Database
from scheduling.errors import SchedulingError
from scheduling.ical import zone_data
from scheduling.upkeep import processes
from scheduling.upkeep.finding import Finding, Level
from scheduling.upkeep.processes import Told
from server import advice
from server import settings as all_settings
from server.settings import Settings

_OTHERS, _GROUP = 0o007, 0o070
_MOST = 100
_VARIABLE = "environment variable "
_PATIENCE = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Readable:
    """The usable settings. `errors` names each setting that cannot be used."""

    settings: Settings | None
    errors: tuple[ConfigError, ...]
    names_database: bool
    names_key: bool


def readable(path: Path | None, environ: Mapping[str, str]) -> Readable:
    """All usable settings. A file that cannot be read counts as missing."""
    environ, without, errors, lost = dict(environ), set[tuple[str, str | None]](), list[ConfigError](), False
    settings = None
    for _ in range(_MOST):
        try:
            settings = all_settings.load(path, environ, without=without)
            break
        except ConfigError as error:
            again = bool(errors) and str(error) == str(errors[-1])
            if not again:
                errors.append(error)
            if error.section is not None and not again:
                without.add((error.section, error.option))
            elif environ.pop(error.file.removeprefix(_VARIABLE), None) is None:
                if lost:
                    break
                path, lost = None, True
                environ.pop("DAYSHEET_CONFIG", None)
    gone = {name for section, name in without if section == "database"}
    key_gone = {name for section, name in without if section == "security"}
    given = "DAYSHEET_DATABASE_URL" in environ
    names_database = not gone & {"url", None} and (given or not lost)
    own_key = environ.keys() & {"DAYSHEET_SECURITY_KEY", "DAYSHEET_SECURITY_KEY_FILE"}
    names_key = not key_gone & {"key", "key_file", None} and (bool(own_key) if lost else names_database)
    return Readable(
        settings=settings, errors=tuple(errors), names_database=names_database, names_key=names_key
    )


def settings_file(settings: Settings) -> Finding:
    """Whether a file with a secret in it is for its owner only."""
    path = settings.source
    if path is None:
        return Finding(check="settings", level=Level.OK, text="No settings file: defaults and environment.")
    try:
        written = read_ini(path)
    except ConfigError as error:
        return Finding(check="settings", level=Level.PROBLEM, text=str(error))
    secret = (
        "key" in written.get("security", {})
        or "password" in written.get("mail", {})
        or "@" in written.get("database", {}).get("url", "")
    )
    if secret and (file.mode(path) or 0) & (_OTHERS | _GROUP):
        words = f"{path} holds a secret and can be read by others: chmod 600 {path}."
        return Finding(check="settings", level=Level.WARNING, text=words)
    return Finding(check="settings", level=Level.OK, text=f"{path} is valid.")


def public_url(settings: Settings) -> Finding:
    """Whether links lead to where people can go."""
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


def mail(settings: Settings) -> Finding:
    """Whether mail can be sent."""
    given = settings.config.mail
    level, words = Level.PROBLEM, ""
    if not given.host and given.sender is None:
        level = Level.OK
        words = "No mail server is set: whoever invites somebody gets the link to pass on."
    elif not given.is_on:
        missing = "host" if given.sender else "sender"
        words = f"[mail] has no {missing}, so no mail is sent: set it."
    elif not settings.server.public_url:
        words = f"Links in mail lead to {settings.url('/')}, which others may not reach: set public_url."
    elif given.ca_file is not None and file.identity(given.ca_file) is None:
        words = f"There is no file {given.ca_file}, which [mail] ca_file names."
    elif given.password_file is not None and (fault := _password_file(given.password_file)):
        words = fault
    else:
        level, words = Level.OK, f"Mail goes by {given.host}, port {given.port}, from {given.sender}."
    return Finding(check="mail server", level=level, text=words)


def _password_file(path: Path) -> str:
    """What is wrong with it."""
    try:
        path.read_text(encoding="utf-8")
        if path.stat().st_mode & (_OTHERS | _GROUP):
            return f"The password file {path} can be read by others: chmod 600 {path}."
    except (OSError, UnicodeError) as error:
        return f"The password file {path} cannot be read ({type(error).__name__})."
    return ""


def time_zones() -> Finding:
    """Which rules of time zones are in use."""
    found = zone_data.in_use()
    words = f"Time zones follow the rules {found.release or 'of an unknown release'} ({found.digest}) in {found.place}."
    return Finding(check="time zones", level=Level.OK, text=words)


def key(settings: Settings) -> tuple[Keyring | None, Finding]:
    """The key, if it can be used, and the findings about it. Makes no key."""
    path = settings.config.key_path()
    in_file = not settings.config.security.key
    if in_file and _is_missing(path):
        words = f"There is no key file {path} yet; it is made when first needed."
        return None, Finding(check="key", level=Level.WARNING, text=words)
    try:
        keyring = settings.keyring()
    except SchedulingError as error:
        return None, Finding(check="key", level=Level.PROBLEM, text=advice.sentence(error))
    if in_file and (file.mode(path) or 0) & (_OTHERS | _GROUP):
        words = f"The key file {path} can be read by others: chmod 600 {path}."
        return keyring, Finding(check="key", level=Level.PROBLEM, text=words)
    return keyring, Finding(check="key", level=Level.OK, text="The key can be read.")


def database_file(database: Database) -> Finding | None:
    """Who may read and write a SQLite database. None for other databases, and if the file does not exist."""
    path, found = database.path, database.file
    if path is None or found is None or file.identity(path) is None or path.is_dir():
        return None
    files = [it for it in (path, *found.beside) if file.mode(it) is not None]
    modes = {it: file.mode(it) or 0 for it in files}
    shut = [it for it in (path.parent, *files) if not os.access(it, os.W_OK)]
    open_ = [str(it) for it in files if modes[it] & _OTHERS]
    grouped = [it for it in files if modes[it] & _GROUP]
    if shut:
        words = f"{shut[0]} cannot be written by this user: run Daysheet and doctor as the user that owns the database."
        level = Level.PROBLEM
    elif open_:
        words = f"Everybody on this machine can read or write the schedule: chmod 600 {' '.join(open_)}."
        level = Level.WARNING
    elif grouped:
        words = f"{path} has mode {modes[path]:o}: its group may use it as well as its owner."
        level = Level.OK
    else:
        words, level = f"{path} is for its owner only.", Level.OK
    return Finding(check="database file", level=level, text=words)


def server(told: list[Told], now: int) -> Finding:
    """Whether the server of this machine answers, if a server was ever started here."""
    here = next((it for it in told if it.is_here), None)
    if here is None:
        others = f" One was started on {told[0].host} at {processes.at(told[0].told_at)}." if told else ""
        return Finding(check="server", level=Level.OK, text=f"No server was started on this machine.{others}")
    started = f"the server that was started {processes.ago(here.told_at, now)}"
    place = here.address
    if not _answers(place):
        words = f"No server answers at {place}, where one was started {processes.ago(here.told_at, now)}."
        return Finding(check="server", level=Level.WARNING, text=words)
    if here.zones != zone_data.in_use().digest:
        words = f"At {place} answers {started}. It follows other rules of time zones than this program: restart it."
        return Finding(check="server", level=Level.WARNING, text=words)
    return Finding(check="server", level=Level.OK, text=f"At {place} answers {started}.")


def _answers(place: str) -> bool:
    """Whether a server is at host:port, as seen from this machine."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://{place}/healthz", timeout=_PATIENCE) as answer:
            return b'"ok"' in answer.read(100)
    except (OSError, ValueError):
        return False


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # which reading it says better
    return False


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
