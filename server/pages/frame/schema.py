# SPDX-License-Identifier: GPL-3.0-or-later
"""What a field of one of the API's models is to a form: its kind of input and its bounds, from the JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

Kind = Literal["text", "lines", "number", "checkbox", "select", "datetime-local", "date", "several"]
_LINE = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One field. `choices` are the values of a select; `optional` fields may be null, and are where left empty."""

    name: str
    kind: Kind
    required: bool = False
    optional: bool = False
    whole: bool = False
    choices: tuple[str, ...] = ()
    longest: int | None = None
    least: float | None = None
    most: float | None = None
    default: Any = None


@cache
def shapes(model: type[BaseModel]) -> Mapping[str, Shape]:
    """The fields of a model by name."""
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return {
        name: _shape(name, described, schema.get("$defs", {}), required=name in required)
        for name, described in schema.get("properties", {}).items()
    }


def _shape(name: str, described: dict[str, Any], definitions: dict[str, Any], *, required: bool) -> Shape:
    options = [_resolved(it, definitions) for it in described.get("anyOf", [described])]
    real = next((it for it in options if it.get("type") != "null"), {})
    merged = {**described, **real}
    longest = merged.get("maxLength")
    return Shape(
        name=name,
        kind=_kind(merged, longest),
        required=required,
        optional=len(real) > 0 and any(it.get("type") == "null" for it in options),
        whole=merged.get("type") == "integer",
        choices=tuple(str(it) for it in merged.get("enum", ())),
        longest=longest,
        least=merged.get("minimum"),
        most=merged.get("maximum"),
        default=described.get("default"),
    )


def _resolved(described: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference = described.get("$ref")
    if reference is None:
        return described
    found: dict[str, Any] = definitions[str(reference).rpartition("/")[2]]
    return found


def _kind(described: dict[str, Any], longest: int | None) -> Kind:
    by_type: dict[str, Kind] = {
        "boolean": "checkbox",
        "integer": "number",
        "number": "number",
        "array": "several",
    }
    by_format: dict[str, Kind] = {"date-time": "datetime-local", "date": "date"}
    if (kind := by_type.get(str(described.get("type")))) is not None:
        return kind
    if (kind := by_format.get(str(described.get("format")))) is not None:
        return kind
    if "enum" in described:
        return "select"
    return "lines" if longest is not None and longest > _LINE else "text"
