# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI 3.1 document, made from the operations: their signatures, types and docstrings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib import metadata
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from server.api.protocol.operations import ROOT, Operation, Routes
from server.api.protocol.problems import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{model}"
_ABOUT = """\
The schedule, and everything around the calendars made from it. Every request carries an API key, which
`daysheet api-key create` makes. docs/api.md describes what is the same everywhere: paging, versions, repeating a
request safely, limits, and errors.
"""
_REASONS = {
    400: "The request does not have the documented form.",
    401: "There is no working API key in it.",
    403: "The API key does not permit this.",
    404: "There is no such thing.",
    409: "It is there already.",
    412: "If-Match names another version than the present one.",
    428: "If-Match is missing.",
    415: "The body is not application/json.",
    422: "The request has the documented form, but its values do not go together or mean nothing.",
    429: "Too many requests in a minute.",
    503: "The database is not available at the moment.",
}
_WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_ETAG = {
    "description": "The version, for If-Match and If-None-Match.",
    "schema": {"type": "string"},
}
_HEADERS = {
    "Idempotency-Key": (
        "Any text, another one for each creation. The same request with the same text within a day "
        "gets the first answer again and creates nothing.",
        {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    ),
    "If-Match": (
        "The ETag that you have seen. If it is not the present one, nothing changes.",
        {"type": "string"},
    ),
    "Prefer": (
        "`wait=<seconds>` (RFC 7240): read stale sources again first, if that takes no longer. Preference-Applied says"
        " whether the request waited.",
        {"type": "string"},
    ),
    "If-None-Match": ("The ETag that you have already.", {"type": "string"}),
}


def openapi(parts: Sequence[Routes], server: str) -> dict[str, Any]:
    """The document of these routes; `server` is the URL that paths start from."""
    operations = [operation for part in parts for operation in part.operations]
    references, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, references)
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Daysheet",
            "version": metadata.version("daysheet"),
            "description": _ABOUT,
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": server}],
        "security": [{"apiKey": []}],
        "tags": [{"name": part.tag, "description": part.about} for part in parts],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "dsk_..."}},
            "schemas": schemas,
        },
    }


def _schemas(
    operations: Sequence[Operation],
) -> tuple[dict[tuple[type[BaseModel], str], dict[str, Any]], dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
        if operation.returns is not None:
            wanted[operation.returns, "serialization"] = None
    references, definitions = models_json_schema(list(wanted), ref_template=_REF)
    return dict(references), definitions["$defs"]  # type: ignore[arg-type]


def _operation(
    operation: Operation, references: dict[tuple[type[BaseModel], str], dict[str, Any]]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": dict(_responses(operation, references)),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        schema = references[operation.body, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, adapter in operation.parameters.items():
        yield {"name": name, "in": "path", "required": True, "schema": adapter.json_schema()}
    if operation.query is not None:
        schema = operation.query.model_json_schema()
        for name, described in schema["properties"].items():
            required = name in schema.get("required", ())
            yield {"name": name, "in": "query", "required": required, **_without_null(described)}
    for name in _headers(operation):
        description, header = _HEADERS[name]
        yield {"name": name, "in": "header", "required": False, "description": description, "schema": header}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter is never given as null."""
    description = schema.pop("description", "")
    choices = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    if choices:
        (only,) = choices
        schema |= only
    if schema.get("default", 0) is None:
        del schema["default"]
    return {"description": description, "schema": schema}


def _headers(operation: Operation) -> Iterator[str]:
    if operation.creates:
        yield "Idempotency-Key"
    if operation.waits:
        yield "Prefer"
    if operation.claims:
        yield "If-Match"
    if operation.versioned and not operation.creates:
        yield "If-None-Match" if operation.reads else "If-Match"


def _responses(
    operation: Operation, references: dict[tuple[type[BaseModel], str], dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    success: dict[str, Any] = {"description": operation.status.phrase}
    if operation.returns is not None:
        success["content"] = {"application/json": {"schema": references[operation.returns, "serialization"]}}
    headers: dict[str, Any] = {"ETag": _ETAG} if operation.versioned and operation.returns is not None else {}
    if operation.status is HTTPStatus.CREATED:
        headers["Location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    if headers:
        success["headers"] = headers
    yield str(operation.status.value), success
    if "If-None-Match" in _headers(operation):
        yield "304", {"description": "Your version is the present one.", "headers": {"ETag": _ETAG}}
    problem = {MEDIA_TYPE: {"schema": references[Problem, "serialization"]}}
    for status in sorted({*_refusals(operation), *operation.refuses}):
        refusal = {"description": _REASONS[status], "content": problem}
        yield str(status), refusal | ({"headers": _WAIT} if status in (429, 503) else {})


def _refusals(operation: Operation) -> Iterator[int]:
    yield from (400, 401, 403, 429, 503)
    if operation.parameters:
        yield 404
    if operation.body is not None:
        yield from (415, 422)
    if operation.creates or (operation.query is not None and "cursor" in operation.query.model_fields):
        yield 422
    if (operation.versioned and not operation.reads and not operation.creates) or operation.claims:
        yield 412
    if operation.claims:
        yield 428
