# SPDX-License-Identifier: GPL-3.0-or-later
"""How the text of an option becomes a name, a colour, or a template of what calendars show."""

from __future__ import annotations

import re

from scheduling.config import values
from scheduling.config.templates import Template
from scheduling.config.values import Parser


def template(*fields: str) -> Parser[Template]:
    """Text with fields, of which only `fields` may be named."""
    return Parser(
        read=lambda given: Template.parse(values.text(given), fields),
        permitted=f"text with the fields {', '.join(f'{{{it}}}' for it in fields)}",
    )


def url_template(*fields: str) -> Parser[Template]:
    """A template of an absolute web address, or nothing."""

    def read(given: str) -> Template:
        if given.strip() and not re.match(r"https?://[^\s{}]+", given.strip()):
            raise ValueError("does not start with https:// or http:// and a host")
        return Template.parse(given.strip(), fields)

    names = ", ".join(f"{{{it}}}" for it in fields)
    return Parser(read=read, permitted=f"a URL with the fields {names}, or nothing")


def _read_color(given: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?", given.strip()):
        raise ValueError("is not a colour")
    return given.strip().upper()


def _read_name(given: str) -> str:
    if not given.strip() or "\n" in given.strip():
        raise ValueError("is not a name of one line")
    return given.strip()


color = Parser(read=_read_color, permitted="#RRGGBB or #RRGGBBAA")
name = Parser(read=_read_name, permitted="a name of one line")
