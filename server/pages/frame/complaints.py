# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with what somebody typed, in one sentence of the person's language."""

from __future__ import annotations

from flask import current_app, has_app_context
from pydantic_core import ErrorDetails

from server.api.protocol.problems import FORMS
from server.pages.words.languages import N_, Sentences, gettext

_BY_TYPE = {
    "missing": N_("Fill this in."),
    "string_too_short": N_("Use at least %(min_length)s characters."),
    "string_too_long": N_("Use at most %(max_length)s characters."),
    "greater_than_equal": N_("Use %(ge)s or more."),
    "greater_than": N_("Use more than %(gt)s."),
    "less_than_equal": N_("Use %(le)s or less."),
    "less_than": N_("Use less than %(lt)s."),
    "int_parsing": N_("Write a whole number."),
    "int_type": N_("Write a whole number."),
    "float_parsing": N_("Write a number."),
    "literal_error": N_("Choose one of the list."),
    "enum": N_("Choose one of the list."),
    "too_short": N_("Choose at least %(min_length)s."),
    "too_long": N_("Choose at most %(max_length)s."),
}
_FORM_SENTENCES = (
    N_("It has to be a date and time with Z or an offset, such as 2026-11-20T09:30:00Z"),
    N_("It has to be a date such as 2026-11-20"),
    N_("It has a control character in it"),
)
EXTENSION = "daysheet-sentences"
"""Where the application keeps its `Sentences`."""


def in_words(one: ErrorDetails) -> str:
    """One finding of pydantic."""
    context = one.get("ctx", {})
    if one["type"] == "string_too_short" and context.get("min_length") == 1:
        return gettext(_BY_TYPE["missing"])
    if (text := _BY_TYPE.get(one["type"])) is not None:
        return gettext(text, **context)
    return of_text(FORMS.get(context.get("pattern", ""), one["msg"].removeprefix("Value error, ")))


def of_text(sentence: str) -> str:
    """A sentence of `scheduling` or the API, translated where it is known."""
    sentence = sentence[:1].upper() + sentence[1:]
    known: Sentences | None = current_app.extensions.get(EXTENSION) if has_app_context() else None
    found = known.translate(sentence) if known is not None else gettext(sentence)
    return found if found.endswith((".", "!", "?")) else f"{found}."


def not_a_number(*, whole: bool) -> str:
    """For a field that takes a number."""
    return gettext(N_("Write a whole number.")) if whole else gettext(N_("Write a number."))


def no_moment() -> str:
    """For a text that is no date and time."""
    return gettext(N_("Write a date and a time, such as 2026-11-20T09:30."))


def skipped() -> str:
    """For a time that a change of the clock leaves out."""
    return gettext(N_("There is no such time on that day: the clocks go forward."))
