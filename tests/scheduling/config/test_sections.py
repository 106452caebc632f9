# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared settings: their defaults, their checks, and how one file serves several programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from scheduling.config import ini
from scheduling.config.file import load
from scheduling.config.ini import ConfigError, option
from scheduling.config.sections import SECTIONS, Config, DatabaseSettings, SecuritySettings
from scheduling.database.types import JobStatus

SHIPPED = Path(__file__).parents[3] / "config" / "daysheet.ini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bakery:
    """Another package's section."""

    loaves: int = option(12, parse=ini.integer(0), doc="Loaves a day.")


def from_file(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "daysheet.ini"
    file.write_text(content, encoding="utf-8")
    return file


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(None, environ)
    return str(caught.value)


def test_without_a_file_everything_has_its_default() -> None:
    loaded = load(None, {"PATH": "/bin", "DAYSHEET_UNRELATED": "1"})
    assert loaded.config == Config()
    assert loaded.config.database.url == "sqlite:///var/daysheet.db"
    assert loaded.config.database.busy_timeout == 10
    assert loaded.config.calendars.history_months == 1
    assert loaded.config.calendars.job_statuses == ("confirmed", "delivered", "invoiced", "paid")
    assert loaded.config.templates.job_description.render({"status": "paid", "notes": "Ring twice"}) == (
        "Status: paid\n\nRing twice"
    )
    assert loaded.source is None


def test_the_shipped_file_documents_these_sections_exactly() -> None:
    assert SHIPPED.read_text(encoding="utf-8").startswith(ini.render_ini(SECTIONS))


def test_the_shipped_file_gives_the_defaults_as_it_is_and_uncommented(tmp_path: Path) -> None:
    assert load(SHIPPED, {}, only=True).config == Config()
    uncommented = re.sub(r"(?m)^#(?=\S|    )", "", ini.render_ini(SECTIONS))
    assert "job_statuses = confirmed" in uncommented
    assert load(from_file(tmp_path, uncommented), {}).config == Config()


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[calendars]\nhistory_months = all\n")
    loaded = load(None, {"DAYSHEET_CONFIG": str(file)})
    assert loaded.config.calendars.history_months is None
    assert loaded.source == file


def test_an_unknown_section_is_refused_with_those_there_are(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[calender]\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {}, extra={"bakery": Bakery}, passthrough=["logging"])
    assert str(caught.value) == (
        f'{file}: [calender]: there is no such section (did you mean "calendars"?) '
        "(permitted: database, security, calendars, templates, feeds, subscriptions, availability, conflicts, settings,"
        " pages, mail, bakery, logging)."
    )


def test_a_file_shared_with_another_program_may_have_sections_of_its_own(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[storage]\ntype = x\n[database]\npool_size = 3\n")
    assert load(file, {}, only=True).config.database.pool_size == 3


def test_mistakes_in_our_sections_of_a_shared_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='did you mean "pool_size"'):
        load(from_file(tmp_path, "[database]\npoolsize = 3\n"), {}, only=True)


def test_other_packages_add_sections(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[bakery]\nloaves = 3\n")
    assert load(file, {}, extra={"bakery": Bakery}).section(Bakery) == Bakery(loaves=3)
    assert load(file, {"DAYSHEET_BAKERY_LOAVES": "4"}, extra={"bakery": Bakery}).section(Bakery).loaves == 4
    with pytest.raises(KeyError, match="Bakery"):
        load(None, {}).section(Bakery)


def test_a_section_passed_through_stays_text_and_the_environment_wins(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[logging]\nlevel = info\nmask = yes\n")
    loaded = load(file, {"DAYSHEET_LOGGING_LEVEL": "debug"}, passthrough=["logging"])
    assert loaded.raw == {"logging": {"level": "debug", "mask": "yes"}}


def test_a_section_can_be_partly_ours_and_partly_passed_through(tmp_path: Path) -> None:
    file = from_file(tmp_path, "[bakery]\nloaves = 3\nflour = rye\n")
    loaded = load(file, {"DAYSHEET_BAKERY_SALT": "little"}, extra={"bakery": Bakery}, passthrough=["bakery"])
    assert loaded.section(Bakery) == Bakery(loaves=3)
    assert loaded.raw == {"bakery": {"flour": "rye", "salt": "little"}}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgresql://u:p%40ss@db.example.com/d", "postgresql+psycopg://u:p%40ss@db.example.com/d"),
        ("postgresql+psycopg:///d?host=/run/pg", "postgresql+psycopg:///d?host=%2Frun%2Fpg"),
        ("sqlite:////srv/daysheet.db", "sqlite:////srv/daysheet.db"),
    ],
)
def test_database_urls_name_the_driver(given: str, url: str) -> None:
    assert load(None, {"DAYSHEET_DATABASE_URL": given}).config.database.url == url


@pytest.mark.parametrize(
    "given",
    ["mysql://u:hunter2@h/d", "hunter2", "sqlite://", "postgresql+asyncpg://u:hunter2@h/d", "://hunter2", ""],
)
def test_other_database_urls_are_refused_without_showing_them(given: str) -> None:
    message = refusal({"DAYSHEET_DATABASE_URL": given})
    assert "hunter2" not in message
    assert "postgresql://<user>:<password>@<host>/<database>" in message


def test_the_configuration_shows_neither_password_nor_key() -> None:
    environ = {"DAYSHEET_DATABASE_URL": "postgresql://u:hunter2@h/d", "DAYSHEET_SECURITY_KEY": "hunter3"}
    loaded = load(None, environ)
    assert loaded.config.security.key == "hunter3"
    assert "hunter" not in repr(loaded)


@pytest.mark.parametrize(
    ("url", "key_file", "path"),
    [
        ("sqlite:///var/daysheet.db", None, Path("var/daysheet.key")),
        ("sqlite:////srv/x/daysheet.db?timeout=5", None, Path("/srv/x/daysheet.key")),
        ("postgresql+psycopg://h/d", None, Path("var/daysheet.key")),
        ("sqlite:////srv/daysheet.db", Path("/etc/key"), Path("/etc/key")),
    ],
)
def test_the_key_file_is_beside_the_database_unless_named(
    url: str, key_file: Path | None, path: Path
) -> None:
    config = Config(database=DatabaseSettings(url=url), security=SecuritySettings(key_file=key_file))
    assert config.key_path() == path


def test_job_statuses_are_a_subset_of_those_there_are() -> None:
    environ = {"DAYSHEET_CALENDARS_JOB_STATUSES": "cancelled, offered"}
    assert load(None, environ).config.calendars.job_statuses == ("offered", "cancelled")
    message = refusal({"DAYSHEET_CALENDARS_JOB_STATUSES": "paid,lost"})
    assert '"lost"' in message
    assert all(status in message for status in JobStatus)


@pytest.mark.parametrize(
    ("variable", "given", "part"),
    [
        ("CALENDARS_HISTORY_MONTHS", "-1", "or all"),
        ("CALENDARS_JOBS_COLOR", "blue", "#RRGGBB"),
        ("CALENDARS_JOBS_NAME", " ", "a name of one line"),
        ("CALENDARS_CALENDAR_NAME", "{jobs}", 'unknown field "jobs"'),
        ("TEMPLATES_JOB_SUMMARY", "{organization}", 'did you mean "organisation"?'),
        ("TEMPLATES_BLOCKER_SUMMARY", "{job_type}", 'unknown field "job_type"'),
        ("TEMPLATES_TIME_OFF_SUMMARY", "{title}", 'unknown field "title"'),
        ("TEMPLATES_JOB_URL", "javascript:alert({reference})", "does not start with https://"),
        ("TEMPLATES_JOB_URL", "https://{address}/", "does not start with https://"),
        ("DATABASE_BUSY_TIMEOUT", "10", "a duration such as"),
    ],
)
def test_a_value_that_cannot_work_is_refused(variable: str, given: str, part: str) -> None:
    message = refusal({f"DAYSHEET_{variable}": given})
    assert part in message
    assert f"DAYSHEET_{variable}" in message


def test_a_template_in_the_environment_can_have_lines() -> None:
    loaded = load(None, {"DAYSHEET_TEMPLATES_JOB_DESCRIPTION": r"{status}\n{notes}"})
    assert loaded.config.templates.job_description.render({"status": "paid", "notes": "N"}) == "paid\nN"
