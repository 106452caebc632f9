# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file an operator copies from config/ works: it loads, and what it names is there."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import radicale.config
import yaml

from server.cli import main
from server.pages import create_pages
from server.plain import create_plain
from server.settings import load

CONFIG = Path(__file__).parent.parent / "config"


def _read(name: str) -> str:
    return (CONFIG / name).read_text(encoding="utf-8")


def _parses(arguments: list[str]) -> None:
    """Resolve a `daysheet ...` command line without running it; raises click.UsageError for what does not exist."""
    assert Path(arguments[0]).name == "daysheet"
    command: click.Command = main
    context = click.Context(main, info_name="daysheet", **main.context_settings)
    rest = arguments[1:]
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    command.make_parser(context).parse_args(list(rest))


def test_every_file_is_covered_here() -> None:
    assert {path.name for path in CONFIG.iterdir()} == {
        *("daysheet.ini", "radicale.ini", "daysheet.service", "daysheet-worker.service"),
        *("nginx.conf", "Caddyfile", "Dockerfile", "compose.yaml"),
    }


def test_the_ini_file_loads_as_it_is() -> None:
    given, defaults = load(CONFIG / "daysheet.ini", {}), load(None, {})
    assert (given.config, given.server, given.importer) == (
        defaults.config,
        defaults.server,
        defaults.importer,
    )


def test_plain_radicale_accepts_its_file() -> None:
    configuration = radicale.config.load([(str(CONFIG / "radicale.ini"), False)])
    assert {configuration.get(section, "type") for section in ("auth", "rights")} == {"auth_plugin"}
    assert configuration.get("storage", "type") == "storage_plugin"
    assert configuration.get("auth", "delay") == 0


@pytest.mark.parametrize("unit", ["daysheet.service", "daysheet-worker.service"])
def test_units_run_commands_that_exist(unit: str) -> None:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(_read(unit))
    assert parser.sections() == ["Unit", "Service", "Install"]
    for option in ("ExecStart", "ExecStartPre"):
        if parser.has_option("Service", option):
            _parses(shlex.split(parser["Service"][option]))


def test_compose_runs_commands_that_exist_with_variables_that_exist() -> None:
    services = yaml.safe_load(_read("compose.yaml"))["services"]
    ours = [service for service in services.values() if "build" in service]
    assert len(ours) == 3
    for service in ours:
        _parses(service["command"])
        values = {
            name: re.sub(r"\$\{(\w+):\?\}", r"https://\1.example", value)
            for name, value in service["environment"].items()
        }
        values["DAYSHEET_DATABASE_URL"] = "postgresql://daysheet:secret@database/daysheet"
        assert load(None, values).config.database.url.startswith("postgresql+psycopg://")


def test_the_image_copies_what_is_there_and_serves() -> None:
    lines = _read("Dockerfile").splitlines()
    for line in lines:
        if line.startswith("COPY "):
            *sources, _ = line.split()[1:]
            assert all((CONFIG.parent / source).exists() for source in sources)
    [command] = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    _parses(yaml.safe_load(command))


@pytest.mark.parametrize("proxy", ["nginx.conf", "Caddyfile"])
def test_proxies_forward_to_the_default_port_and_log_no_secret_link(proxy: str) -> None:
    text = re.sub(r"#.*", "", _read(proxy))
    assert f"127.0.0.1:{load(None, {}).server.port}" in text
    assert text.count("{") == text.count("}")
    formats = re.findall(r"log_format[^;]*;", text)
    assert not any(re.search(r"\$(request|request_uri|uri|http_referer)\b", it) for it in formats)
    assert "access_log" not in text or "daysheet;" in re.search(r"access_log[^;]*;", text)[0]  # type: ignore[index]
    assert "error_log /dev/null emerg;" in text or "exclude http.log.error" in text


def test_the_log_of_nginx_hides_every_address_with_a_token(tmp_path: Path) -> None:
    settings = load(None, {"DAYSHEET_DATABASE_URL": f"sqlite:///{tmp_path / 'daysheet.db'}"})
    applications = create_plain(settings), create_pages(settings)
    rules = [rule for application in applications for rule in application.url_map.iter_rules()]
    paths = [rule.rule for rule in rules if "token" in rule.arguments]
    assert len(paths) >= 3
    (written,) = re.findall(r"map \$uri \$loggable_uri \{(.*?)\}", _read("nginx.conf"), re.DOTALL)
    shown = re.findall(r'~(\S+)\s+"([^"$]*)";', written)
    for path in paths:
        found = [text for pattern, text in shown if re.search(pattern, path.replace("<token>", "secret"))]
        assert found, path
        assert "secret" not in found[0]


def _pins(lock: str) -> set[str]:
    return set(re.findall(r"(?m)^[^\s#]+==\S+", (CONFIG.parent / lock).read_text(encoding="utf-8")))


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=;~ ]", it)[0].lower() for it in requirements}


def test_what_running_takes_is_locked_apart_and_the_same() -> None:
    everything, running = _pins("requirements.lock"), _pins("requirements-run.lock")
    assert running < everything
    project = tomllib.loads((CONFIG.parent / "pyproject.toml").read_text(encoding="utf-8"))
    names = {pin.partition("==")[0] for pin in running}
    assert _names(project["project"]["dependencies"]) <= names
    others = project["project"]["optional-dependencies"]
    assert not _names([*others["test"], *others["bench"]]) & names
    assert _pins("requirements-build.lock") < everything
    assert {pin.partition("==")[0] for pin in _pins("requirements-build.lock")} == _names(
        project["build-system"]["requires"]
    )


def _dry(target: str, folder: Path) -> str:
    """What make would do for a target in `folder`, as it would type it."""
    make = ["make", "--dry-run", "--no-print-directory", target]
    return subprocess.run(make, cwd=folder, capture_output=True, text=True, check=True).stdout  # noqa: S603


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with all that the Makefile looks at, nothing of it installed."""
    for name in ("Makefile", "pyproject.toml", *(it.name for it in CONFIG.parent.glob("*.lock"))):
        shutil.copyfile(CONFIG.parent / name, tmp_path / name)
        os.utime(tmp_path / name, (1, 1))
    return tmp_path


def test_make_run_installs_what_running_takes_only(checkout: Path) -> None:
    typed = _dry("run", checkout)
    assert "requirements-run.lock" in typed
    assert "-r requirements.lock" not in typed
    assert typed.count('echo "') == 6  # one line a step, one for a Python that is too old, and the seconds
    assert typed.rstrip().endswith(".venv/bin/daysheet start")


def test_make_test_adds_the_rest_and_nothing_is_installed_twice(checkout: Path) -> None:
    assert "-r requirements.lock" in _dry("test", checkout)
    assert "-r requirements-run.lock" in _dry("test", checkout)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "installed-to-run").touch()
    assert _dry("run", checkout) == ".venv/bin/daysheet start\n"
    assert "-r requirements.lock" in _dry("test", checkout)
    assert "requirements-run.lock" not in _dry("test", checkout)
    (checkout / ".venv" / "installed-to-test").touch()
    assert "pip install" not in _dry("test", checkout) + _dry("check", checkout) + _dry("run", checkout)
    os.utime(checkout / "requirements-run.lock")
    os.utime(checkout / ".venv" / "installed-to-run", (2, 2))
    assert "--clear" in _dry("run", checkout)


def test_what_the_first_start_loads_is_there() -> None:
    makefile = (CONFIG.parent / "Makefile").read_text(encoding="utf-8")
    (written,) = re.findall(r"^FIRST := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    for name in written.replace("\\\n", " ").split(","):
        assert importlib.util.find_spec(name.strip()) is not None, name
