# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API consists of: operations, written as functions whose signature is their documentation.

A handler takes a `Call`, the parameters of its path by name, and a `query` and a `body` if it has them. Their types
validate the request and describe it in the document. The docstring is the description.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter

from scheduling.access.permissions import Actor, Permission, require
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Connection, Database
from scheduling.snapshot import Snapshot
from server.api.protocol.problems import Refused
from server.api.protocol.values import Asked, Given
from server.settings import Settings

ROOT = "/api/v1"
H = TypeVar("H", bound=Callable[..., "Reply"])
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The answer of a handler: a body, its entity tag (quoted), the path of a created resource (below `ROOT`), and
    other headers.
    """

    body: BaseModel | None = None
    etag: str | None = None
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One authenticated request. A reading operation has a `Snapshot`. Every other operation has a write transaction,
    which is committed when the handler returns. Then the functions in `afterwards` are called.
    """

    settings: Settings
    database: Database
    keyring: Keyring
    actor: Actor
    transaction: Snapshot | Connection
    if_match: str | None = None
    prefer: str | None = None
    afterwards: list[Callable[[], None]] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The open transaction."""
        return self.transaction.connection if isinstance(self.transaction, Snapshot) else self.transaction

    @property
    def snapshot(self) -> Snapshot:
        """The view of calendars of a reading operation."""
        assert isinstance(self.transaction, Snapshot)
        return self.transaction

    def require(
        self, permission: Permission, *, own: Permission | None = None, owner_id: int | None = None
    ) -> None:
        """As `permissions.require`. Raises `Forbidden`."""
        require(permission, own=own, owner_id=owner_id, actor=self.actor)

    def require_current(self, etag: str) -> None:
        """Raises `Refused`, 412, if If-Match (RFC 9110, section 13.1.1) does not name this version."""
        if self.if_match is None or self.if_match.strip() == "*":
            return
        if etag not in [tag.strip() for tag in self.if_match.split(",")]:
            raise Refused(
                HTTPStatus.PRECONDITION_FAILED,
                "It was changed meanwhile, or the ETag is wrong; read it again and repeat the change.",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One operation. `path` has its parameters in braces. A `versioned` operation answers with an ETag, and may answer
    304 if it reads or 412 if it changes. With `creates` it takes an Idempotency-Key, with `waits` it takes `Prefer:
    wait`, and with `claims` it needs an If-Match.
    """

    method: str
    path: str
    tag: str
    handler: Callable[..., Reply]
    returns: type[BaseModel] | None
    status: HTTPStatus
    refuses: tuple[int, ...]
    versioned: bool
    creates: bool
    reads: bool
    waits: bool
    claims: bool
    parameters: Mapping[str, TypeAdapter[Any]]
    query: type[Asked] | None
    body: type[Given] | None

    @property
    def name(self) -> str:
        """Unique in the API."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return inspect.getdoc(self.handler).partition("\n")[0].rstrip(".")  # type: ignore[union-attr]

    @property
    def description(self) -> str:
        """The rest of it."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[2].strip()

    @property
    def rule(self) -> str:
        """The path in Werkzeug's form."""
        return _PARAMETER.sub(lambda found: f"<{_converter(self.parameters[found[1]])}{found[1]}>", self.path)


@cache
def _converter(parameter: TypeAdapter[Any]) -> str:
    return "int:" if parameter.json_schema().get("type") == "integer" else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """The operations on one kind of thing, under a heading."""

    tag: str
    about: str
    operations: list[Operation] = field(default_factory=list)

    def operation(
        self,
        method: str,
        path: str,
        *,
        returns: type[BaseModel] | None = None,
        status: int | None = None,
        refuses: tuple[int, ...] = (),
        versioned: bool = False,
        creates: bool = False,
        reads: bool | None = None,
        waits: bool = False,
        claims: bool = False,
    ) -> Callable[[H], H]:
        """Make the decorated handler an operation. `refuses` are statuses beside those that follow from the rest."""

        def add(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            query, body = hints.pop("query", None), hints.pop("body", None)
            names = _PARAMETER.findall(path)
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    tag=self.tag,
                    handler=handler,
                    returns=returns,
                    status=HTTPStatus(status or (200 if returns else 204)),
                    refuses=refuses,
                    versioned=versioned,
                    creates=creates,
                    reads=method == "GET" if reads is None else reads,
                    waits=waits,
                    claims=claims,
                    parameters={name: TypeAdapter(hints[name]) for name in names},
                    query=query,
                    body=body,
                )
            )
            return handler

        return add
