# SPDX-License-Identifier: GPL-3.0-or-later
"""Every marked text is translated, and nothing else is in the catalogues."""

from __future__ import annotations

import re

import pytest

from server.pages.words import catalogue, languages

TRANSLATED = [it for it in languages.LANGUAGES if it != languages.SOURCE]
MARKED = catalogue.marked()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_marked_text_is_translated_by_its_area_or_by_the_frame(language: str) -> None:
    frame = {it.id for it in catalogue.translated(languages.PAGES, language) if it.id}
    for folder, texts in MARKED.items():
        own = {it.id for it in catalogue.translated(folder, language) if it.id}
        assert texts - own - frame == set(), folder
        assert own - texts == set(), f"{folder}: not marked any more"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_entry_is_whole_and_keeps_what_is_filled_in(language: str) -> None:
    for folder in MARKED:
        for message in catalogue.translated(folder, language):
            if not message.id:
                continue
            assert catalogue.is_whole(message), (folder, message.id)
            assert not message.fuzzy, message.id
            wanted = _fillings(message.id[-1] if isinstance(message.id, tuple) else message.id)
            forms = message.string if isinstance(message.string, (tuple, list)) else [message.string]
            for form in forms:
                assert _fillings(str(form)) == wanted, (folder, message.id)


@pytest.mark.parametrize("language", TRANSLATED)
def test_two_areas_that_say_the_same_translate_it_alike(language: str) -> None:
    found: dict[object, object] = {}
    for folder in MARKED:
        for message in catalogue.translated(folder, language):
            if message.id:
                assert found.setdefault(message.id, message.string) == message.string, message.id


def test_the_walk_sees_code_and_templates() -> None:
    texts = set().union(*MARKED.values())
    assert {"Sign in", "Account", "You are signed out."} <= texts
    assert any(isinstance(it, tuple) for it in texts)


def _fillings(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s|{\w+}", text))
