# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms over the API's models: what is typed is validated by them and nothing else, and shown again with what is wrong.

A moment is typed in the person's zone and given to the model as RFC 3339 in UTC. An empty field is null where the
model permits it, else left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from scheduling.errors import DatabaseUnavailable, SchedulingError
from server.api.protocol.problems import Refused
from server.pages.frame import complaints
from server.pages.frame.schema import Kind, Shape, shapes
from server.pages.words.moments import as_moment

M = TypeVar("M", bound=BaseModel)
_MINUTES = "%Y-%m-%dT%H:%M"
WHOLE_FORM = ""
"""The name under which an error stands that belongs to no field."""


class FormRefused(Exception):
    """What was typed is not acceptable: `errors` are sentences in the person's language by field."""

    def __init__(
        self, form: str, errors: Mapping[str, str], *, status: int = 422, retry_after: int | None = None
    ) -> None:
        """`form` names the form on its page; `retry_after` are seconds to wait."""
        super().__init__(form)
        self.form, self.errors = form, dict(errors)
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field as it is shown: `value` is its text, `values` those of one with several, `checked` a checkbox's."""

    shape: Shape
    id: str
    value: str = ""
    values: tuple[str, ...] = ()
    checked: bool = False
    error: str | None = None

    @property
    def name(self) -> str:
        """Its name in the form and in the model."""
        return self.shape.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A form as it is shown, its fields by name; `error` belongs to none of them."""

    name: str
    fields: Mapping[str, Field]
    error: str | None = None
    refused: bool = False

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    @property
    def wrong(self) -> list[Field]:
        """The fields with errors, in order."""
        return [it for it in self.fields.values() if it.error]


def show(
    model: type[BaseModel],
    *,
    name: str,
    zone: ZoneInfo,
    initial: BaseModel | Mapping[str, Any] | None = None,
    typed: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
    choices: Mapping[str, Iterable[str]] | None = None,
) -> Form:
    """A form with what was typed, if it was refused, or with initial values."""
    given = initial.model_dump(warnings=False) if isinstance(initial, BaseModel) else dict(initial or {})
    wanted = shapes(model) if only is None else {it: shapes(model)[it] for it in only}
    found = {}
    for key, shape in wanted.items():
        if choices and key in choices:
            shape = _choosing(shape, choices[key])  # noqa: PLW2901
        found[key] = _field(shape, f"{name}-{key}", zone, given, typed, (errors or {}).get(key))
    rest = [text for key, text in (errors or {}).items() if key not in found]
    return Form(name=name, fields=found, error=" ".join(rest) or None, refused=errors is not None)


def read(
    model: type[M],
    typed: MultiDict[str, str],
    *,
    name: str,
    zone: ZoneInfo,
    extra: Mapping[str, Any] | None = None,
) -> M:
    """What was typed as the model. `extra` are values that the form does not have. Raises `FormRefused`."""
    given: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, shape in shapes(model).items():
        if key not in typed and not _is_offered(shape, typed):
            continue
        try:
            value = _value(shape, typed, zone)
        except ValueError as error:
            errors[key] = str(error)
            continue
        if value is not None or shape.optional:
            given[key] = value
    try:
        made = model.model_validate_json(json.dumps({**given, **(extra or {})}))
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            place = str(one["loc"][0]) if one["loc"] else WHOLE_FORM
            errors.setdefault(place, complaints.in_words(one))
        raise FormRefused(name, errors) from None
    if errors:
        raise FormRefused(name, errors)
    return made


@contextmanager
def refusing(form: str, beside: str = WHOLE_FORM) -> Iterator[None]:
    """What refuses inside belongs to this form: beside the field that the refusal names, or else beside `beside`."""
    try:
        yield
    except DatabaseUnavailable:
        raise
    except Refused as refused:
        errors = {
            it.where.removeprefix("body.").split(".")[0]: complaints.of_text(it.detail)
            for it in refused.errors
        }
        raise FormRefused(form, errors or {beside: complaints.of_text(refused.detail)}) from refused
    except SchedulingError as error:
        raise FormRefused(form, {beside: complaints.of_text(str(error))}) from error


def _is_offered(shape: Shape, typed: MultiDict[str, str]) -> bool:
    """Browsers send nothing for what is not ticked; the form says with a hidden field that it could have been."""
    return shape.kind in ("checkbox", "several") and shape.name in typed.getlist("offered")


def _choosing(shape: Shape, choices: Iterable[str]) -> Shape:
    kind: Kind = "several" if shape.kind == "several" else "select"
    return replace(shape, kind=kind, choices=tuple(choices))


def _value(shape: Shape, typed: MultiDict[str, str], zone: ZoneInfo) -> Any:
    """The JSON value of a field; None for an empty one. ValueError with a sentence for what cannot be one."""
    if shape.kind == "checkbox":
        return shape.name in typed and typed[shape.name] != "off"
    if shape.kind == "several":
        return typed.getlist(shape.name)
    text = typed.get(shape.name, "").replace("\r\n", "\n")
    if shape.kind in ("number", "datetime-local", "date", "select"):
        text = text.strip()
    if text == "":
        return "" if shape.required and shape.kind in ("text", "lines") else None
    if shape.kind == "number":
        return _number(shape, text)
    return _moment(text, zone) if shape.kind == "datetime-local" else text


def _number(shape: Shape, text: str) -> int | float:
    try:
        return int(text) if shape.whole else float(text.replace(",", "."))
    except ValueError:
        raise ValueError(complaints.not_a_number(whole=shape.whole)) from None


def _moment(text: str, zone: ZoneInfo) -> str:
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(complaints.no_moment()) from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            raise ValueError(complaints.skipped())
    return local.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _field(
    shape: Shape,
    place: str,
    zone: ZoneInfo,
    initial: Mapping[str, Any],
    typed: MultiDict[str, str] | None,
    error: str | None,
) -> Field:
    if typed is not None:
        return Field(
            shape=shape,
            id=place,
            value=typed.get(shape.name, ""),
            values=tuple(typed.getlist(shape.name)),
            checked=shape.name in typed,
            error=error,
        )
    value = initial.get(shape.name, shape.default)
    if shape.kind == "datetime-local" and value:
        value = as_moment(value).astimezone(zone).strftime(_MINUTES)
    values = tuple(str(it) for it in value) if isinstance(value, (list, tuple, set, frozenset)) else ()
    text = "" if value is None or isinstance(value, bool) or values else str(value)
    return Field(shape=shape, id=place, value=text, values=values, checked=value is True, error=error)
