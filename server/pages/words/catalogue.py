# SPDX-License-Identifier: GPL-3.0-or-later
"""Which texts are marked for translation, and whether the catalogues have each of them and nothing else.

`python -m server.pages.words.catalogue` adds what is missing, untranslated, and removes what is not marked any more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from server.pages.words.languages import LANGUAGES, PAGES, SOURCE

AREAS = PAGES / "areas"
_KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_WIDTH = 100
Id = str | tuple[str, str]


def owner(file: Path) -> Path:
    """The folder whose catalogue has the texts of a file: its area's, or that of the whole."""
    return (
        AREAS / file.relative_to(AREAS).parts[0]
        if file.is_relative_to(AREAS) and file.parent != AREAS
        else PAGES
    )


def marked() -> dict[Path, set[Id]]:
    """The marked texts by the folder that owns them. Plural ones are pairs."""
    found: dict[Path, set[Id]] = {}
    for file in sorted(PAGES.rglob("*")):
        if file.suffix in (".py", ".html"):
            found.setdefault(owner(file), set()).update(_of(file))
    return found


def translated(folder: Path, language: str) -> Catalog:
    """A folder's catalogue of a language; empty where there is no file."""
    path = folder / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> list[str]:
    """Bring every catalogue up to date with the marked texts; returns the texts that have no translation yet."""
    wanted = marked()
    common = wanted.setdefault(PAGES, set())
    known = {it.id: it for folder in wanted for it in translated(folder, language) if it.id}
    empty: list[str] = []
    for folder, texts in wanted.items():
        texts = common if folder == PAGES else texts - common  # noqa: PLW2901
        made = Catalog(locale=language, header_comment="# SPDX-License-Identifier: GPL-3.0-or-later")
        for text in sorted(texts, key=str):
            before = known.get(text)
            made.add(text, before.string if before else None)
            if before is None or not is_whole(before):
                empty.append(str(text))
        path = folder / f"{language}.po"
        if texts:
            _write(path, made)
        else:
            path.unlink(missing_ok=True)
    return empty


def is_whole(message: Message) -> bool:
    """Whether every form of a message is translated."""
    forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return all(forms)


def _of(file: Path) -> Iterator[Id]:
    with file.open("rb") as content:
        if file.suffix == ".html":
            found: Iterable[Any] = babel_extract(
                content, list(_KEYWORDS), [], {"extensions": "jinja2.ext.do"}
            )
            texts = [it[2] for it in found]
        else:
            texts = [it[1] for it in extract("python", content, _KEYWORDS)]
    for text in texts:
        if isinstance(text, tuple):
            yield (text[0], text[1]) if text[1] else text[0]
        elif text:
            yield text


def _write(path: Path, catalogue: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalogue, width=_WIDTH, no_location=True, omit_header=True, sort_output=True)


if __name__ == "__main__":
    for language in LANGUAGES:
        if language != SOURCE:
            for text in update(language):
                sys.stdout.write(f"{language}: no translation yet: {text}\n")
