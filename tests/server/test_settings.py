# SPDX-License-Identifier: GPL-3.0-or-later
"""One ini file for Daysheet, its importer and Radicale, and what is refused in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from importer.config import ImporterConfig
from scheduling.config import ini
from scheduling.config.ini import ConfigError
from scheduling.config.sections import Config
from server.config import ServerSettings
from server.settings import SECTIONS, Settings, load

SHIPPED = Path(__file__).parents[2] / "config" / "daysheet.ini"


def written(folder: Path, content: str) -> Settings:
    file = folder / "daysheet.ini"
    file.write_text(content, encoding="utf-8")
    return load(file, {})


def test_the_shipped_file_documents_every_section_exactly() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == ini.render_ini(SECTIONS)


def test_the_shipped_file_gives_the_defaults_as_it_is_and_uncommented(tmp_path: Path) -> None:
    uncommented = re.sub(r"(?m)^#(?=\S|    )", "", SHIPPED.read_text(encoding="utf-8"))
    assert "threads = 8" in uncommented
    for settings in (load(SHIPPED, {}), written(tmp_path, uncommented)):
        assert (settings.config, settings.server, settings.importer) == (
            Config(),
            ServerSettings(),
            ImporterConfig(),
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[serverr]\n", 'did you mean "server"'),
        ("[server]\nprot = 1\n", 'did you mean "port"'),
        ("[server]\nport = x\n", "whole number"),
        ("[server]\nport = 70000\n", "1 to 65535"),
        ("[server]\ntrusted_proxies = nonsense\n", "trusted_proxies"),
        ("[server]\npublic_url = ftp://x\n", "public_url"),
        ("[server]\nmax_body = -1\n", "max_body"),
        ("[server]\nlog_level = loud\n", "debug or info or warning or error"),
        ("[importer]\nnonsense = 1\n", "nonsense"),
        ("[storage]\nfilesystem_foldr = 1\n", 'did you mean "filesystem_folder"'),
        ("[logging]\nlevel = loud\n", "level"),
        ("[auth]\ncache_logins = perhaps\n", "cache_logins"),
        ("[hook]\nnonsense = 1\n", "nonsense"),
        ("[reporting]\nmax_expand_occurrence = many\n", "max_expand_occurrence"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, content)
    message = str(caught.value)
    assert said in message
    assert str(tmp_path / "daysheet.ini") in message
    assert re.search(r"\[\w+\]", message)


def test_radicales_own_options_are_radicales(tmp_path: Path) -> None:
    settings = written(
        tmp_path, "[server]\nport = 5555\ntimeout = 42\n[encoding]\nstock = utf-8\n[headers]\nX-Test = yes\n"
    )
    configuration = settings.radicale()
    assert settings.server.port == 5555
    assert configuration.get("server", "timeout") == 42
    assert configuration.get("headers", "x-test") == "yes"


def test_the_plugins_are_named_and_what_is_dangerous_is_off(tmp_path: Path) -> None:
    configuration = written(
        tmp_path, "[sharing]\ncollection_by_token = True\ncollection_by_map = True\n"
    ).radicale()
    assert [configuration.get(section, "type") for section in ("auth", "rights", "storage", "web")] == [
        "auth_plugin",
        "auth_plugin",
        "storage_plugin",
        "none",
    ]
    assert not configuration.get("sharing", "collection_by_token")
    assert not configuration.get("sharing", "collection_by_map")
    assert configuration.get("auth", "delay") == 0


def test_the_environment_wins_in_every_section(tmp_path: Path) -> None:
    file = tmp_path / "daysheet.ini"
    file.write_text("[server]\nport = 1\ntimeout = 1\n[importer]\n", encoding="utf-8")
    settings = load(
        file,
        {
            "DAYSHEET_SERVER_PORT": "2",
            "DAYSHEET_SERVER_TIMEOUT": "3",
            "DAYSHEET_CALENDARS_HISTORY_MONTHS": "4",
        },
    )
    assert (
        settings.server.port,
        settings.radicale().get("server", "timeout"),
        settings.config.calendars.history_months,
    ) == (2, 3, 4)


def test_a_mistake_in_the_environment_is_named(tmp_path: Path) -> None:
    for variable, value in (
        ("DAYSHEET_SERVER_PORT", "x"),
        ("DAYSHEET_SERVER_TIMEOUT", "x"),
        ("DAYSHEET_LOGGING_LEVEL", "loud"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(None, {variable: value})
        assert variable in str(caught.value) or variable.rpartition("_")[2].lower() in str(caught.value)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:5232/dav/"),
        ({"DAYSHEET_SERVER_HOST": "::1"}, "http://[::1]:5232/dav/"),
        ({"DAYSHEET_SERVER_PUBLIC_URL": "https://c.example.com/"}, "https://c.example.com/dav/"),
        ({"DAYSHEET_SERVER_PUBLIC_URL": "https://c.example.com"}, "https://c.example.com/dav/"),
    ],
)
def test_links_are_made_from_the_public_address(given: dict[str, str], url: str) -> None:
    assert load(None, given).url("/dav/") == url


def test_nothing_secret_is_shown() -> None:
    given = {"DAYSHEET_DATABASE_URL": "postgresql://u:hunter2@h/d", "DAYSHEET_SECURITY_KEY": "hunter3"}
    assert "hunter" not in repr(load(None, given))
