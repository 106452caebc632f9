# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to its answer: authentication, arguments, and one transaction with validators and idempotency."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from flask import Response, request

from scheduling.access import idempotency
from scheduling.access.idempotency import Answer
from scheduling.access.permissions import Actor
from scheduling.composition import FOLLOWERS
from scheduling.errors import DatabaseUnavailable
from scheduling.snapshot import PATIENCE, Snapshot
from server import conditional
from server.api.protocol import requests
from server.api.protocol.authentication import authenticate
from server.api.protocol.operations import ROOT, Call, Operation, Reply
from server.settings import Settings

_JSON = "application/json"


class Dispatcher:
    """Makes operations into Flask views; keeps nothing between requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = settings.database()
        self._keyring = settings.keyring()

    def view(self, operation: Operation) -> Callable[..., Response]:
        """The view of one operation. Raises `Refused`, `SchedulingError`."""

        def view(**path: Any) -> Response:
            actor = authenticate(
                self._database,
                self._keyring,
                request.headers.get("Authorization", ""),
                request.remote_addr or "",
                limit=self._settings.server.api_requests_per_minute,
            )
            given = requests.arguments(operation, request, path)
            if operation.reads:
                with Snapshot(
                    self._database, self._settings.config, patience=PATIENCE, followers=FOLLOWERS
                ) as snapshot:
                    return _response(self._handle(operation, actor, given, snapshot, []))
            return _response(self._write(operation, actor, given))

        return view

    def _write(self, operation: Operation, actor: Actor, given: dict[str, Any]) -> Answer:
        afterwards: list[Callable[[], None]] = []
        answer = self._written(operation, actor, given, afterwards)
        for work in afterwards:
            with suppress(DatabaseUnavailable):  # the change is committed, and the worker does the rest
                work()
        return answer

    def _written(
        self,
        operation: Operation,
        actor: Actor,
        given: dict[str, Any],
        afterwards: list[Callable[[], None]],
    ) -> Answer:
        key = requests.idempotency_key(request) if operation.creates else None
        with self._database.write() as connection:
            if key is None:
                return self._handle(operation, actor, given, connection, afterwards)
            under = idempotency.scope(self._keyring, f"api-key {actor.api_key_id}", key)
            asked = idempotency.fingerprint(request.method, request.full_path, request.get_data())
            kept = idempotency.claim(connection, self._keyring, under, asked, int(time.time()))
            if kept is not None:
                return kept
            answer = self._handle(operation, actor, given, connection, afterwards)
            idempotency.settle(connection, self._keyring, under, answer)
            return answer

    def _handle(
        self,
        operation: Operation,
        actor: Actor,
        given: dict[str, Any],
        transaction: Any,
        afterwards: list[Callable[[], None]],
    ) -> Answer:
        call = Call(
            settings=self._settings,
            database=self._database,
            keyring=self._keyring,
            actor=actor,
            transaction=transaction,
            if_match=request.headers.get("If-Match") if operation.versioned or operation.claims else None,
            prefer=request.headers.get("Prefer") if operation.waits else None,
            afterwards=afterwards,
        )
        return _answer(operation, operation.handler(call, **given))


def _answer(operation: Operation, reply: Reply) -> Answer:
    headers = dict(reply.headers)
    if reply.etag is not None:
        headers["ETag"] = reply.etag
    if reply.location is not None:
        headers["Location"] = ROOT + reply.location
    if (
        operation.reads
        and reply.etag is not None
        and conditional.not_modified(request.environ, reply.etag, "")
    ):
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers, body="")
    body = "" if reply.body is None else reply.body.model_dump_json()
    return Answer(status=operation.status, headers=headers, body=body)


def _response(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, headers=answer.headers, content_type=_JSON)
    if not answer.body:
        del response.headers["Content-Type"]
    return response
