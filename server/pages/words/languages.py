# SPDX-License-Identifier: GPL-3.0-or-later
"""In which language a page is, and its texts in that language.

Texts are English in the code, marked with `_` (gettext) where they are used and with `N_` where they are only named.
Translations are in `<language>.po` files: one beside the templates of the frame, one in each area.
"""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import g, has_request_context
from werkzeug.datastructures import LanguageAccept

PAGES = Path(__file__).parents[1]
SOURCE = "en"
"""The language of the texts in the code."""
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""What there is, each by its own name."""


def N_(text: str) -> str:  # noqa: N802 - the usual name
    """Mark a text for translation; it is translated where it is shown."""
    return text


def gettext(text: str, /, **values: object) -> str:
    """The text in the language of the request, with its `%(name)s` filled in."""
    found = translations(language()).gettext(text) if text else ""
    return found % values if values else found


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """One of two texts by the number, in the form that the language has for it."""
    return translations(language()).ngettext(one, many, count) % {"num": count, **values}


def language() -> str:
    """The language of the request."""
    locale: Locale | None = g.get("locale") if has_request_context() else None
    return SOURCE if locale is None else locale.language


def choose(chosen: str | None, accepted: LanguageAccept) -> Locale:
    """The locale by what the person chose and what the browser asks for; the region, which dates follow, is the
    browser's where it asks for that language.
    """
    wanted = [it.replace("-", "_") for it in accepted.values()]
    if chosen in LANGUAGES:
        wanted = [*(it for it in wanted if it.split("_")[0].lower() == chosen), chosen]
    for text in wanted:
        if text.split("_")[0].lower() not in LANGUAGES:
            continue
        try:
            locale = Locale.parse(text)
        except (ValueError, UnknownLocaleError):
            locale = Locale.parse(text.split("_")[0].lower())
        return locale
    return Locale.parse(SOURCE)


def catalogues(wanted: str) -> list[Path]:
    """The files with translations into a language."""
    return sorted(PAGES.rglob(f"{wanted}.po"))


@cache
def translations(wanted: str) -> NullTranslations:
    """Every catalogue of a language in one."""
    found: NullTranslations = NullTranslations()
    for path in catalogues(wanted):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=wanted)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        one = Translations(compiled)
        if isinstance(found, Translations):
            found.merge(one)
        else:
            found = one
    return found


class Sentences:
    """Turns English sentences with facts in them, as errors say them, into the language of the request."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        """`patterns` have what varies in braces: `There is no user {name}.`"""
        self._patterns = [(it, _expression(it)) for it in dict.fromkeys(patterns)]

    def translate(self, sentence: str) -> str:
        """The sentence; as it is where no pattern fits."""
        if language() == SOURCE:
            return sentence
        for pattern, expression in self._patterns:
            if fits := expression.fullmatch(sentence):
                return gettext(pattern).format(**fits.groupdict())
        return gettext(sentence)


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", pattern)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)),
        re.DOTALL,
    )
