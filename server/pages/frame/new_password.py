# SPDX-License-Identifier: GPL-3.0-or-later
"""The form for a new main password, typed twice: of the account, and of links that set one."""

from __future__ import annotations

from pydantic import Field

from server.api.protocol.values import Given
from server.pages.frame.forms import FormRefused
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import gettext


class NewPasswordGiven(Given):
    """A new main password, twice."""

    password: str = Field(min_length=1, max_length=1024)
    repeated: str = Field(min_length=1, max_length=1024)


def given(visit: Visit) -> str:
    """The password that was typed. Raises `FormRefused` where the two differ."""
    typed = visit.given(NewPasswordGiven)
    if typed.password != typed.repeated:
        raise FormRefused(FORM, {"repeated": gettext("The two passwords differ; type the same one twice.")})
    return typed.password
