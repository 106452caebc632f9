# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a request into the arguments of its operation. A request without the documented form is refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, get_origin

from flask import Request
from pydantic import ValidationError

from server.api.protocol.operations import Operation
from server.api.protocol.problems import Fault, Refused, of_validation
from server.api.protocol.values import Asked

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def arguments(operation: Operation, request: Request, path: Mapping[str, Any]) -> dict[str, Any]:
    """The handler's arguments by name. Raises `Refused`: 404 for a path that names nothing, 415 for a body that is
    not JSON, 400 for anything else.
    """
    given: dict[str, Any] = {}
    for name, adapter in operation.parameters.items():
        try:
            given[name] = adapter.validate_python(path[name])
        except ValidationError:
            raise Refused(HTTPStatus.NOT_FOUND, "There is nothing at this address.") from None
    asked = _query(operation.query or Asked, request)
    if operation.query is not None:
        given["query"] = asked
    if operation.body is not None:
        if request.mimetype != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json.")
        try:
            given["body"] = operation.body.model_validate_json(request.get_data(cache=True))
        except ValidationError as error:
            raise of_validation(error, "body") from None
    return given


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key. Raises `Refused`, 400."""
    key = request.headers.get("Idempotency-Key")
    if key is None or _KEY.fullmatch(key):
        return key
    fault = Fault(where="header.Idempotency-Key", detail="It has 1 to 255 visible ASCII characters")
    raise Refused(HTTPStatus.BAD_REQUEST, "The Idempotency-Key is not acceptable.", errors=[fault])


def _query(model: type[Asked], request: Request) -> Asked:
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        field = model.model_fields.get(name)
        repeated = field is not None and get_origin(field.annotation) is list
        if len(values) > 1 and not repeated:
            fault = Fault(where=f"query.{name[:60]}", detail="It is given more than once")
            raise Refused(
                HTTPStatus.BAD_REQUEST, "The query gives a parameter more than once.", errors=[fault]
            )
        given[name] = values if repeated else values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise of_validation(error, "query") from None
