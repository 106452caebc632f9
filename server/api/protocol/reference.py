# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's document as a page for a browser, made here without scripts and without another server."""

from __future__ import annotations

from typing import Any

from flask import render_template

from scheduling.sentences import counted

CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_REF = "#/components/schemas/"


def page(document: dict[str, Any]) -> str:
    """HTML."""
    tags = [{**tag, "operations": list(_operations(document, tag["name"]))} for tag in document["tags"]]
    schemas = document["components"]["schemas"]
    return render_template(
        "api.html",
        info=document["info"],
        tags=tags,
        schemas={name: list(_fields(schema)) for name, schema in sorted(schemas.items())},
    )


def _operations(document: dict[str, Any], tag: str) -> Any:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield {
                    "method": method.upper(),
                    "path": path,
                    **operation,
                    "parameters": [{**it, "type": _type(it["schema"])} for it in operation["parameters"]],
                    "body": _model(operation.get("requestBody", {})),
                    "answers": [
                        {"status": status, "description": it["description"], "model": _model(it)}
                        for status, it in operation["responses"].items()
                    ],
                }


def _model(holder: dict[str, Any]) -> str | None:
    for content in holder.get("content", {}).values():
        return str(content["schema"]["$ref"]).removeprefix(_REF)
    return None


def _fields(schema: dict[str, Any]) -> Any:
    for name, described in schema.get("properties", {}).items():
        yield {
            "name": name,
            "type": _type(described),
            "model": _named(described),
            "required": name in schema.get("required", ()),
            "description": described.get("description", ""),
        }


def _named(schema: dict[str, Any]) -> str | None:
    inner = schema.get("items", schema)
    for one in (inner, *inner.get("anyOf", ())):
        if "$ref" in one:
            return str(one["$ref"]).removeprefix(_REF)
    return None


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REF)
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    words = [str(schema.get("format") or schema.get("type", "anything"))]
    if "minimum" in schema:
        words.append(f"from {schema['minimum']}")
    if "maximum" in schema:
        words.append(f"to {schema['maximum']}")
    if "maxLength" in schema:
        words.append(f"of at most {counted(schema['maxLength'], 'character')}")
    if schema.get("default") is not None:
        words.append(f"(otherwise {schema['default']})")
    return " ".join(words)
