# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody at the pages with a browser that runs no scripts: cookies, redirects, forms as they stand in the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser

import httpx

from scheduling.access import sessions, users
from scheduling.access.sessions import Browser
from tests.server.running import Running

HTML = {"Accept": "text/html", "Accept-Language": "en"}
HOST = "http://127.0.0.1:5232"


@dataclass
class Form:
    """A form: where it goes, its fields with their values in order, the texts of its buttons."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        return next(value for key, value in self.fields if key == name)

    def filled(self, given: dict[str, str | list[str] | None]) -> list[tuple[str, str]]:
        """What is sent once these fields were filled in; None leaves one out."""
        kept = [(name, value) for name, value in self.fields if name not in given]
        for name, value in given.items():
            kept += [(name, it) for it in ([value] if isinstance(value, str) else value or [])]
        return kept


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: Form | None = None
        self._button = False
        self._area: tuple[str, list[str]] | None = None
        self._select: str | None = None
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._open)
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("script", "style"):
            self._skipped += 1
        if self._open is None:
            return
        name = given.get("name", "")
        if tag == "button":
            self._button = True
            self._open.buttons.append("")
        elif tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or not self._has(self._select)):
            self._open.fields = [it for it in self._open.fields if it[0] != self._select]
            self._open.fields.append((self._select, given.get("value", "")))
        elif (
            tag == "input" and name and ("checked" in given or given.get("type") not in ("checkbox", "radio"))
        ):
            self._open.fields.append((name, given.get("value", "on" if "checked" in given else "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "button":
            self._button = False
        elif tag == "textarea" and self._area and self._open is not None:
            self._open.fields.append((self._area[0], "".join(self._area[1]).removeprefix("\n")))
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag in ("script", "style"):
            self._skipped -= 1

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)
        elif not self._skipped and data.strip():
            self.texts.append(" ".join(data.split()))
        if self._button and self._open is not None:
            self._open.buttons[-1] += data

    def _has(self, name: str) -> bool:
        assert self._open is not None
        return any(it[0] == name for it in self._open.fields)


@dataclass(frozen=True)
class Seen:
    """A page that came."""

    status: int
    path: str
    headers: httpx.Headers
    html: str
    text: str
    forms: list[Form]
    links: list[str]

    def form(self, action: str) -> Form:
        """The form that goes to this path."""
        found = [it for it in self.forms if it.action.partition("?")[0] == action]
        assert found, (action, [it.action for it in self.forms])
        return found[0]


class Person:
    """One browser."""

    def __init__(
        self, running: Running, username: str | None = None, *, host: str = HOST, language: str = "en"
    ) -> None:
        self.running = running
        self.username = username
        self.http = httpx.Client(
            transport=httpx.WSGITransport(app=running.application),
            base_url=host,
            headers={**HTML, "Accept-Language": language},
        )
        if username is not None:
            self.keep(begin(running, username))

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Host-daysheet" if str(self.http.base_url).startswith("https") else "daysheet"

    def keep(self, token: str, name: str | None = None) -> None:
        """Have this cookie, as if the server had set it."""
        self.http.cookies.set(name or self.cookie, token, domain=self.http.base_url.host, path="/")

    def get(self, path: str, **headers: str) -> Seen:
        """A page, whatever it takes to get there."""
        return _seen(self.http.get(path, headers=_fields(headers), follow_redirects=True))

    def once(
        self, method: str, path: str, data: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """One request, without following where it leads."""
        return self.http.request(method, path, data=data, headers=_fields(headers))

    def submit(self, page: Seen, action: str, /, **given: str | list[str] | None) -> Seen:
        """Fill in the page's form that goes to `action` and send it, as a browser would."""
        form = page.form(action)
        assert form.method == "post"
        data: dict[str, list[str]] = {}
        for name, value in form.filled(given):
            data.setdefault(name, []).append(value)
        origin = str(self.http.base_url).rstrip("/")
        return _seen(
            self.http.post(
                form.action,
                data=data,
                headers={"Origin": origin, "Sec-Fetch-Site": "same-origin"},
                follow_redirects=True,
            )
        )

    def do(self, page: str, action: str, /, **given: str | list[str] | None) -> Seen:
        """Open a page and send one of its forms."""
        return self.submit(self.get(page), action, **given)


def begin(running: Running, username: str, *, at: datetime | None = None) -> str:
    """The token of a new session of the user, who has just proved who it is."""
    with running.database.write() as connection:
        user = users.get(connection, username)
        version = connection.exec_driver_sql(
            f"SELECT version FROM credentials WHERE user_id = {user.id}"  # noqa: S608
        ).scalar()
        return sessions.begin(
            connection,
            running.settings.keyring(),
            user.id,
            version=version,
            by="password",
            browser=Browser(address="127.0.0.1", user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/153.0"),
            at=at or datetime.now(UTC),
        )


def _seen(answer: httpx.Response) -> Seen:
    reader = _Reader()
    reader.feed(answer.text)
    return Seen(
        status=answer.status_code,
        path=answer.url.raw_path.decode(),
        headers=answer.headers,
        html=answer.text,
        text=" ".join(reader.texts),
        forms=reader.forms,
        links=reader.links,
    )


def _fields(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
