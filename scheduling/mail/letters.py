# SPDX-License-Identifier: GPL-3.0-or-later
"""What the letters say, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduling.access.one_time_links import Purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One mail: plain text to one address. It holds a link, so it is a secret."""

    to: str
    subject: str
    text: str = field(repr=False)


_TEXTS: Mapping[tuple[str, Purpose], tuple[str, str]] = {
    ("en", Purpose.INVITATION): (
        "Your calendar access",
        "Hello {name},\n\nyou have been given access to the schedule as {username}."
        " Open this address to choose a password:\n\n{link}\n\n"
        "It works once, for seven days. Then you can connect your calendar app.\n",
    ),
    ("en", Purpose.PASSWORD_RESET): (
        "Set another password",
        "Hello {name},\n\nsomebody asked for another password for {username}."
        " If it was you, open this address and choose one:\n\n{link}\n\n"
        "It works once, for one hour. If it was not you, do nothing: your password stays.\n",
    ),
    ("de", Purpose.INVITATION): (
        "Ihr Zugang zum Kalender",
        "Guten Tag {name},\n\nSie haben als {username} Zugang zum Dienstplan bekommen."
        " Öffnen Sie diese Adresse und wählen Sie ein Passwort:\n\n{link}\n\n"
        "Sie gilt einmal und sieben Tage lang. Danach können Sie Ihre Kalender-App verbinden.\n",
    ),
    ("de", Purpose.PASSWORD_RESET): (
        "Neues Passwort",
        "Guten Tag {name},\n\njemand hat ein neues Passwort für {username} angefordert."
        " Wenn Sie das waren, öffnen Sie diese Adresse und wählen Sie eines:\n\n{link}\n\n"
        "Sie gilt einmal und eine Stunde lang. Wenn Sie es nicht waren, tun Sie nichts:"
        " Ihr Passwort bleibt, wie es ist.\n",
    ),
}


def letter(
    purpose: Purpose, language: str, *, to: str, username: str, display_name: str, link: str
) -> Letter:
    """The letter that brings somebody a link."""
    subject, text = _TEXTS[language, purpose]
    said = text.format(name=display_name or username, username=username, link=link)
    return Letter(to=to, subject=subject, text=said)
