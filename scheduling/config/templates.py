# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates: how an operator words what a calendar shows.

Text with `{fields}`; `{{` and `}}` are literal braces.

What is empty leaves no trace: a line all of whose fields are empty is left out, and so are the separators
and brackets that an empty field would leave dangling.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from scheduling.sentences import did_you_mean

_SEPARATORS = " \t,;:/|·•-–—"  # noqa: RUF001 - en dash is a separator people type
_OPENING, _CLOSING = "([", ")]"


class TemplateError(ValueError):
    """The template cannot be used."""


@dataclass(frozen=True, slots=True)
class _Piece:
    literal: str
    field: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed template; two are equal when their text and permitted fields are."""

    text: str
    fields: frozenset[str] = field(repr=False)
    _lines: tuple[tuple[_Piece, ...], ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, fields: Iterable[str]) -> Template:
        """The template of `text`, which may name only `fields`; TemplateError says what is wrong."""
        allowed = frozenset(fields)
        lines = tuple(_pieces(line, allowed) for line in text.split("\n"))
        return cls(text=text, fields=allowed, _lines=lines)

    def render(self, values: Mapping[str, str | None]) -> str:
        """The text with each field's value, stripped, in its place; a missing one counts as empty."""
        rendered: list[str] = []
        for line in self._lines:
            names = [piece.field for piece in line if piece.field is not None]
            if names and not any(_value(values, name) for name in names):
                continue
            filled = _fill(line, values)
            # A line left out between two blank ones would leave a double gap.
            if filled or (rendered and rendered[-1]):
                rendered.append(filled)
        return "\n".join(rendered).strip("\n")

    def render_url(self, values: Mapping[str, str | None]) -> str:
        """The text with each value percent-encoded (RFC 3986 section 2.1); empty when any field is empty."""
        url = ""
        for piece in (piece for line in self._lines for piece in line):
            if piece.field is None:
                url += piece.literal
            elif value := _value(values, piece.field):
                url += quote(value, safe="")
            else:
                return ""
        return url


def _pieces(line: str, allowed: frozenset[str]) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    try:
        for literal, name, spec, conversion in string.Formatter().parse(line):
            if literal and pieces and pieces[-1].field is None:
                pieces[-1] = _Piece(pieces[-1].literal + literal, None)
            elif literal:
                pieces.append(_Piece(literal, None))
            if name is not None:
                _check(name, spec, conversion, allowed)
                pieces.append(_Piece("", name))
    except TemplateError:
        raise
    except ValueError:
        raise TemplateError(
            f'has unbalanced braces in "{line}" (write {{{{ or }}}} for a literal one)'
        ) from None
    return tuple(pieces)


def _check(name: str, spec: str | None, conversion: str | None, allowed: frozenset[str]) -> None:
    if name in allowed and not spec and not conversion:
        return
    if spec or conversion:
        raise TemplateError(f'has a format or conversion in the field "{name}", which is not permitted')
    if not name or name.isdecimal():
        raise TemplateError(f'has the positional field "{{{name}}}"; name the field instead')
    if not name.isidentifier():
        raise TemplateError(f'has the field "{name}", which is not a plain name')
    raise TemplateError(f'has the unknown field "{name}"{did_you_mean(name, sorted(allowed))}')


def _value(values: Mapping[str, str | None], name: str) -> str:
    return (values.get(name) or "").strip()


def _fill(line: tuple[_Piece, ...], values: Mapping[str, str | None]) -> str:
    """One line; literals are tidied only beside an empty field, values never."""
    done, pending, gap = "", "", False
    for piece in line:
        if piece.field is None:
            literal = piece.literal
            if gap:
                pending, literal = _close_gap(pending, literal, at_start=not done)
            pending += literal
            gap = gap and not literal
        elif value := _value(values, piece.field):
            done, pending, gap = done + pending + value, "", False
        else:
            gap = True
    if gap:
        pending = pending.rstrip(_SEPARATORS)
    return (done + pending).rstrip()


def _close_gap(before: str, after: str, *, at_start: bool) -> tuple[str, str]:
    """The literals on either side of an empty field without what the field leaves dangling between them."""
    if after[0] in _CLOSING:
        before = before.rstrip(_SEPARATORS)
        if before and before[-1] in _OPENING:
            before, after = before[:-1], after[1:]
    dangling = before[-1] in _SEPARATORS + _OPENING if before else at_start
    return before, after.lstrip(_SEPARATORS) if dangling else after
