# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of mail: an address that a header can hold, and a password that stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduling.config.ini import ConfigError, load_section
from scheduling.config.mail import MailSettings, address_of


def settings(**given: str) -> MailSettings:
    return load_section(MailSettings, "mail", given, {}, "daysheet.ini")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("daysheet@example.com", "daysheet@example.com"),
        ("Daysheet <daysheet@example.com>", "Daysheet <daysheet@example.com>"),
        ('"Müller, Anna" <a.mueller@example.com>', '"Müller, Anna" <a.mueller@example.com>'),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(given: str, shown: str) -> None:
    found = settings(sender=given, host="mail.example.com")
    assert str(found.sender) == shown
    assert found.is_on


@pytest.mark.parametrize("given", ["daysheet", "a@", "@b", "a@b, c@d", "a b@c", "a@b\tc", "<>", "A <a@b> x"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="is not a mail address"):
        settings(sender=given)


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b", "a@b\r\nBcc: c@d", "a@b c", "a@b\x00", "a@b,c@d", "a b@c"]
)
def test_what_is_no_address_goes_into_no_header(text: str) -> None:
    assert address_of(text) is None


def test_a_name_of_several_lines_goes_into_no_header() -> None:
    assert address_of("a@example.com", "Anna\r\nBcc: c@d") is None


def test_mail_needs_a_host_and_a_sender() -> None:
    assert not settings().is_on
    assert not settings(host="mail.example.com").is_on
    assert not settings(sender="a@example.com").is_on


def test_the_password_stands_in_the_settings_or_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from-the-file\nanother line\n")
    assert settings(password="s3cret").secret() == "s3cret"
    assert "s3cret" not in repr(settings(password="s3cret"))
    assert settings(password_file=str(file)).secret() == "from-the-file"
    file.write_text("")
    assert settings(password_file=str(file)).secret() == ""
    with pytest.raises(OSError, match="missing"):
        settings(password_file=str(tmp_path / "missing")).secret()
