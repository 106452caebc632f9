# SPDX-License-Identifier: GPL-3.0-or-later
"""Which language and region somebody gets, and how sentences with facts in them are translated."""

from __future__ import annotations

import pytest
from flask import Flask, g
from werkzeug.datastructures import LanguageAccept

from server.pages.words.languages import Sentences, choose, gettext, ngettext
from tests.server import fixtures
from tests.server.pages.people import Person
from tests.server.running import Running

database = fixtures.sqlite_alone


@pytest.mark.parametrize(
    ("chosen", "accepted", "locale"),
    [
        (None, [], "en"),
        (None, ["de"], "de"),
        (None, ["de-AT", "en"], "de_AT"),
        (None, ["fr", "de-CH"], "de_CH"),
        (None, ["fr"], "en"),
        (None, ["xx-YY", "de-ZZ"], "de_DE"),
        ("de", ["en-GB"], "de"),
        ("en", ["de-AT", "en-GB"], "en_GB"),
        ("tlh", ["de"], "de"),
        (None, ["../../etc/passwd", "de"], "de"),
    ],
)
def test_the_choice_wins_and_the_browser_says_the_region(
    chosen: str | None, accepted: list[str], locale: str
) -> None:
    ranked = LanguageAccept([(it, 1 - place / 10) for place, it in enumerate(accepted)])
    assert str(choose(chosen, ranked)) == locale


def test_a_sentence_with_facts_in_it_is_translated() -> None:
    sentences = Sentences(("The password is too short: use at least {count} characters.",))
    app = Flask("test")
    with app.test_request_context():
        g.locale = choose("de", LanguageAccept())
        said = sentences.translate("The password is too short: use at least 8 characters.")
        assert said == "Das Passwort ist zu kurz: Nötig sind mindestens 8 Zeichen."
        assert sentences.translate("Nothing of the kind.") == "Nothing of the kind."
        assert gettext("Sign in") == "Anmelden"
        assert ngettext(
            "%(num)s other browser is signed out.", "%(num)s other browsers are signed out.", 2
        ) == ("2 weitere Browser sind abgemeldet.")


def test_a_person_chooses_a_language_for_this_browser(running: Running) -> None:
    person = Person(running)
    page = person.get("/sign-in")
    assert '<html lang="en">' in page.html
    page = person.submit(page, "/language", language="de")
    assert page.path == "/sign-in"
    assert '<html lang="de">' in page.html
    assert "Anmelden" in page.text
    page = person.submit(page, "/language", language="")
    assert '<html lang="en">' in page.html
