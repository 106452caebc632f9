# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the REST API: JSON in and out, through the whole application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.server.client import Client


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; `json` is its body, None for an empty one."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def problem(self) -> str:
        """The sentence of a refusal."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["detail"])


class Api:
    """Requests with one API key, or with none."""

    def __init__(self, application: Callable[..., Iterable[bytes]], secret: str | None) -> None:
        self.secret = secret
        self._client = Client(application, None if secret is None else f"Bearer {secret}")

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """A request below /api/v1; header names have underscores for hyphens."""
        if body is not None:
            headers = {"Content_Type": "application/json", **headers}
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        answer = self._client.request(method, f"/api/v1{path}", text, **headers)
        return Reply(
            status=answer.status,
            headers=answer.headers,
            json=json.loads(answer.body) if answer.body else None,
        )

    def get(self, path: str, **headers: str) -> Reply:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Reply:
        return self("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self("DELETE", path, **headers)

    def created(self, path: str, body: Any) -> Any:
        """The body of a creation that has to succeed."""
        reply = self.post(path, body)
        assert reply.status == 201, reply
        return reply.json
