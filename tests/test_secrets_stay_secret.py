# SPDX-License-Identifier: GPL-3.0-or-later
"""No password, token or secret address in logs, errors, answers about others, the audit log, the database or the list
of processes: a whole installation is used through its own commands and addresses, right and wrong, and searched.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import inspect, text

from scheduling.database.connection import Database
from tests.factories import Dispatch
from tests.server.running import free_port, process

ROOT = Path(__file__).parents[1]
MAIN = "correct-horse-Battery-91"
WRONG = "wr0ng-guess-of-somebody"
SECRET_PATHS = ("/good-Kz83hQ.ics", "/bad-Lm47xW.ics", "/hook-Pq20vB")
_CALENDAR = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTAMP:20260101T000000Z\r\n"
    b"DTSTART:20270101T090000Z\r\nDTEND:20270101T100000Z\r\nSUMMARY:Busy\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class _Outside(BaseHTTPRequestHandler):
    """One good calendar; everything else fails and quotes the path, as many servers do."""

    def do_GET(self) -> None:
        good = self.path == SECRET_PATHS[0]
        self._answer(200 if good else 500, _CALENDAR if good else f"no {self.path} here".encode())

    def do_POST(self) -> None:
        self._answer(500, f"no {self.path} here".encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status, "OK" if status == 200 else f"Failed {self.path}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def outside() -> Iterator[str]:
    """Where calendars and webhooks are."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Outside)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{listening.server_address[1]}"
    listening.shutdown()
    thread.join()
    listening.server_close()


@dataclass
class Installation:
    """Daysheet with its settings in `folder`; keeps every secret it was given and everything it said."""

    folder: Path
    database: Database
    port: int = field(default_factory=free_port)
    secrets: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = Fernet.generate_key().decode()
        (self.folder / "daysheet.key").write_text(f"{key}\n")
        self.secrets["key"] = key
        url = self.database.url.render_as_string(hide_password=False)
        (self.folder / "daysheet.ini").write_text(
            f"[database]\nurl = {url}\n[security]\nkey_file = {self.folder / 'daysheet.key'}\n"
            "[calendars]\nhistory_months = all\n[server]\nlog_level = debug\n"
            "[importer]\nallow_http = yes\nallow_hosts = 127.0.0.1\n"
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"DAYSHEET_CONFIG": str(self.folder / "daysheet.ini")}

    def run(self, *arguments: str, stdin: str = "", tells_secret: bool = False) -> Any:
        """One command in a process of its own; its JSON if it prints some."""
        done = subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, "-m", "server.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        name = f"daysheet {' '.join(arguments)} ({len(self.said)})"
        self.said[f"{name}, errors"] = done.stderr
        if not tells_secret:
            self.said[name] = done.stdout
        return json.loads(done.stdout) if "--json" in arguments and done.returncode == 0 else None

    def processes(self, moment: str) -> None:
        """Keep the command lines of all processes."""
        files = Path("/proc").glob("[0-9]*/cmdline")
        self.said[f"processes {moment}"] = "\n".join(_read(file) for file in files) or _ps()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, f"http://127.0.0.1:{self.port}{path}", **options)

    @contextmanager
    def serving(self) -> Iterator[None]:
        log = self.folder / "server.log"
        command = ["-m", "server.cli", "serve", "--port", str(self.port), "--workers", "2"]
        with process(command, f"http://127.0.0.1:{self.port}/healthz", log, self.environment):
            yield
        self.said["server log"] = log.read_text(errors="replace")

    def search(self) -> list[str]:
        """Where which secret was found."""
        dump = _dump(self.database)
        return [
            f"{name} in {place}"
            for name, secret in self.secrets.items()
            for place, said in {**self.said, **dump}.items()
            for form in {secret, quote(secret, safe=""), secret.encode().hex(), *_encoded(secret)}
            if form in said
        ]


def _encoded(secret: str) -> set[str]:
    """What base64 makes of it, wherever in the encoded text it begins."""
    found = set()
    for before, own in ((0, 0), (1, 2), (2, 3)):
        text = base64.b64encode(b"x" * before + secret.encode()).decode().rstrip("=")
        found.add(text[own:-1])
    return found


def _read(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\x00", b" ").decode(errors="replace")
    except OSError:
        return ""


def _ps() -> str:
    return subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607


def _dump(database: Database) -> dict[str, str]:
    """Every table as text, bytes as they are and in hexadecimal."""
    found = {}
    with database.read() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()  # noqa: S608
            found[f"table {table}"] = "\n".join(_shown(value) for row in rows for value in row)
    return found


def _shown(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return f"{bytes(value).decode('latin-1')} {bytes(value).hex()}"
    return str(value)


def _prepare(it: Installation, outside: str) -> None:
    """Everything that has a secret is made through the command line."""
    it.run("user", "add", "anna", "--password-stdin", stdin=f"{MAIN}\n")
    it.run("user", "add", "adam", "--role", "super-admin", "--password-stdin", stdin=f"{MAIN}-2\n")
    it.secrets |= {"main password": MAIN, "second main password": f"{MAIN}-2", "wrong password": WRONG}
    made = it.run("user", "app-password", "create", "anna", "--json", tells_secret=True)
    it.secrets["app password"] = made["app_password"]
    feed = it.run("feed", "create", "anna", "--json", tells_secret=True)
    it.secrets["replaced link"] = _token(feed["feed_url"])
    again = it.run("feed", "regenerate", str(feed["id"]), "--json", tells_secret=True)
    it.secrets["link"] = _token(again["feed_url"])
    key = it.run(
        "api-key",
        "create",
        "--label",
        "Script",
        *("users.manage", "feeds.manage_all", "api_keys.manage", "subscriptions.manage_all"),
        *("webhooks.manage", "passwords.manage_own", "audit.view", "schedule.write"),
        "--json",
        tells_secret=True,
    )
    it.secrets["API key"] = key["api_key"]
    for path in SECRET_PATHS[:2]:
        it.secrets[f"address {path}"] = path
        it.run("subscription", "add", "anna", "--url-stdin", "--json", stdin=f"{outside}{path}\n")
    hook = it.run(
        "webhook", "add", "--url-stdin", "--json", stdin=f"{outside}{SECRET_PATHS[2]}\n", tells_secret=True
    )
    it.secrets |= {"webhook address": SECRET_PATHS[2], "webhook secret": hook["secret"]}
    it.secrets["third main password"] = f"{MAIN}-3"
    it.run("user", "password", "adam", "--password-stdin", stdin=f"{MAIN}-3\n")
    it.run("webhook", "test", str(hook["id"]))
    it.run("user", "add", "eve", "--email", "eve@example.com")
    for command, username in (("invite", "eve"), ("reset-link", "anna"), ("sign-in-link", "anna")):
        made = it.run("user", command, username, "--json", tells_secret=True)
        it.secrets[f"{command} link"] = made["url"].rpartition("/link/")[2]
    it.run("user", "invite", "eve", "--json", tells_secret=True)
    it.run("subscription", "add", "anna", "--url-stdin", stdin="http://anna:s3cr3t-in-url@x.example/a.ics\n")
    it.secrets["password in an address"] = "s3cr3t-in-url"


def _token(link: str) -> str:
    return urlsplit(link).path.removeprefix("/feeds/").removesuffix(".ics")


def _use(it: Installation) -> None:
    """CalDAV and feeds, rightly and wrongly."""
    body = '<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'
    propfind: dict[str, Any] = {"content": body, "headers": {"Depth": "0"}}
    for username, password in (
        ("anna", MAIN),
        ("anna", it.secrets["app password"]),
        *([("anna", WRONG)] * 7),
        (MAIN, "typed into the wrong field"),
        *([(WRONG, MAIN)] * 7),
    ):
        answer = it.request("PROPFIND", "/dav/anna/jobs/", auth=(username, password), **propfind)
        it.said[f"answer {len(it.said)}"] = f"{answer.headers}\n{answer.text}"
    for token in (it.secrets["link"], it.secrets["replaced link"]):
        for method in ("GET", "HEAD", "PUT", "PROPFIND", "OPTIONS"):
            answer = it.request(
                method, f"/feeds/{token}.ics", headers={"User-Agent": "iOS/17 dataaccessd/1.0"}
            )
            it.said[f"answer {len(it.said)}"] = f"{answer.headers}"
        for path in (f"/feeds/{token}", f"/feeds/{token}.ics/x", f"/feeds/{token}x.ics", f"/{token}"):
            it.request("GET", path)


def _browse(it: Installation) -> None:
    """One-time links and the pages, rightly and wrongly: what is answered to others, and what is logged of it."""
    for name in ("invite link", "reset-link link", "sign-in-link link"):
        token = it.secrets[name]
        for path in (f"/link/{token}x", f"/link/{token}/", f"/link/{token.upper()}", f"/linkx/{token}"):
            for method in ("GET", "HEAD", "POST", "PROPFIND", "OPTIONS"):
                answer = it.request(method, path)
                it.said[f"answer {len(it.said)}"] = f"{answer.headers}"
    token = it.secrets["sign-in-link link"]
    answer = it.request("POST", f"/link/{token}/sign-in", headers={"Sec-Fetch-Site": "same-origin"})
    it.secrets["session"] = answer.cookies["daysheet"]
    mine = {"Cookie": f"daysheet={it.secrets['session']}"}
    for path in ("/account", "/account/sessions", "/nowhere", f"/link/{token}"):
        answer = it.request("GET", path, headers=mine)
        it.said[f"answer {len(it.said)}"] = f"{answer.headers}\n{answer.text}"
    assert it.request("GET", "/account", headers=mine).status_code == 200
    sent = {"Sec-Fetch-Site": "same-origin"}
    for name, password in (("anna", WRONG), (MAIN, WRONG), (WRONG, MAIN)):
        answer = it.request("POST", "/sign-in", headers=sent, data={"name": "x" + name, "password": password})
        it.said[f"answer {len(it.said)}"] = f"{answer.headers}"


def _call(it: Installation) -> None:
    """The REST API: more secrets are made, and mistakes with them."""
    mine = {"Authorization": f"Bearer {it.secrets['API key']}"}
    made = {
        "/users/anna/feeds": {"label": "Phone"},
        "/users/anna/app-passwords": {"label": "Phone"},
        "/api-keys": {"label": "More", "permissions": ["schedule.write"]},
    }
    for path, body in made.items():
        headers = {**mine, "Idempotency-Key": f"the-same-for{path}"}
        first, again = (it.request("POST", f"/api/v1{path}", json=body, headers=headers) for _ in range(2))
        assert first.status_code == again.status_code == 201, first.text
        told = first.json()
        secret = _token(told["link"]["url"]) if "link" in told else told.get("password") or told["key"]
        it.secrets[f"made at {path}"] = secret
    for wrong in (
        {"Authorization": f"Bearer {WRONG}"},
        {"Authorization": f"Bearer dsk_{WRONG}"},
        {**mine, "X": "y"},
    ):
        for path in ("/api/v1/users/nobody/feeds", "/api/v1/jobs?user=nobody", "/api/v1/audit?limit=1000"):
            it.said[f"answer {len(it.said)}"] = it.request("GET", path, headers=wrong).text
        bad = it.request("POST", "/api/v1/api-keys", content=b'{"label": ', headers=wrong)
        it.said[f"answer {len(it.said)}"] = bad.text


@pytest.mark.timeout(300)  # some thirty commands, each a process
def test_nothing_secret_is_found_anywhere(
    database: Database, dispatch: Dispatch, tmp_path: Path, outside: str
) -> None:
    it = Installation(tmp_path, database)
    _prepare(it, outside)
    dispatch.job(1)
    with it.serving():
        it.processes("while serving")
        _use(it)
        _call(it)
        _browse(it)
        it.run("importer", "--once", "--json")
        it.processes("after importing")
    for command in (
        ("audit", "export"),
        ("audit", "export", "--format", "csv"),
        *(("audit", "list"), ("api-key", "list"), ("feed", "list"), ("settings", "show")),
        *(
            ("subscription", "list", "--json"),
            ("webhook", "list", "--json"),
            ("doctor",),
            ("doctor", "--json"),
        ),
        *(("user", "list", "--json"), ("user", "app-password", "list", "anna"), ("session", "list", "anna")),
        ("--debug", "user", "add", "anna"),
    ):
        it.run(*command)
    with database.read() as connection:
        actions = set(connection.scalars(text("SELECT action FROM audit_log")))
        errors = connection.scalar(text("SELECT count(*) FROM subscriptions WHERE status = 'error'"))
    assert errors == 1, it.said
    assert {
        "feed.create",
        "feed.regenerate",
        "api_key.create",
        "app_password.create",
        "password.set",
    } <= actions
    assert {"link.create", "link.use", "session.start"} <= actions
    assert {"login.failures", "subscription.add", "webhook.create", "user.create"} <= actions
    assert len(it.secrets) >= 16
    assert all(len(secret) >= 10 for secret in it.secrets.values())
    assert "daysheet importer" in "".join(it.said)
    assert it.search() == []


def test_the_search_would_find_them(database: Database, tmp_path: Path) -> None:
    it = Installation(tmp_path, database)
    it.secrets = {"password": "hunter2-hunter2", "link": "abc/def+ghi"}
    it.said = {
        "log": base64.b64encode(b"anna:::hunter2-hunter2").decode(),
        "answer": "/x/abc%2Fdef%2Bghi",
        "other": "nothing",
    }
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO audit_log (at, actor_kind, actor, action, subject, facts) VALUES"
                " ('2026-01-01 00:00:00+00', 'system', 'x', 'x.y', 'x:1', 'hunter2-hunter2')"
            )
        )
    assert sorted(it.search()) == ["link in answer", "password in log", "password in table audit_log"]
