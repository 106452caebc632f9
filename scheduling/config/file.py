# SPDX-License-Identifier: GPL-3.0-or-later
"""How one file's settings are loaded: ours (config.py), and other packages' sections.

Other packages add their own sections (`extra`); sections handed on to another program stay text
(`passthrough`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from scheduling.config import ini
from scheduling.config.ini import ConfigError
from scheduling.config.sections import SECTIONS, Config
from scheduling.sentences import did_you_mean

T = TypeVar("T")
_PREFIX = "DAYSHEET_"
_FILE = "DAYSHEET_CONFIG"
_OTHERS_OWN = re.compile(r"DAYSHEET_(SUPERVISOR|SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)$")
"""What a supervisor tells its processes, and what Kubernetes and Docker set for a service named `daysheet`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file's settings: ours, other packages' by section name, and the text of sections passed through."""

    config: Config
    extra: Mapping[str, Any]
    raw: Mapping[str, Mapping[str, str]] = field(repr=False)
    source: Path | None

    def section(self, cls: type[T]) -> T:
        """The settings of the dataclass given as `extra`; KeyError when it was not."""
        for value in self.extra.values():
            if isinstance(value, cls):
                return value
        raise KeyError(cls.__name__)


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    extra: Mapping[str, type[Any]] | None = None,
    passthrough: Collection[str] = (),
    only: bool = False,
    without: Collection[tuple[str, str | None]] = (),
) -> Loaded:
    """Read the settings from the file: `DAYSHEET_CONFIG` when `path` is None, defaults when neither is given.

    `extra` adds section dataclasses by section name. Options of the sections in `passthrough` that are not
    ours go to `Loaded.raw`, from the environment too. With `only`, sections that are not ours are ignored:
    the file is shared with another program. Options in `without` (section and name, or None for a whole section of
    the file) count as not given. Raises ConfigError for everything else that is not known or not acceptable.
    """
    if path is None and environ.get(_FILE):
        path = Path(environ[_FILE])
    written = {
        section: _without(options, [name for of, name in without if of == section and name is not None])
        for section, options in (ini.read_ini(path) if path else {}).items()
        if (section, None) not in without
    }
    environ = _without(
        environ, [ini.variable(section, name) for section, name in without if name is not None]
    )
    source = str(path) if path else "the configuration"
    sections = {**SECTIONS, **(extra or {})}
    if not only:
        _refuse_unknown_sections(written, [*sections, *passthrough], source)
        _refuse_unknown_variables(environ, sections, passthrough)
    raw = {name: _others(name, sections.get(name), written, environ) for name in passthrough}
    values = {
        name: ini.load_section(
            cls,
            name,
            _without(written.get(name, {}), raw.get(name, {})),
            _without(environ, [ini.variable(name, other) for other in raw.get(name, {})]),
            source,
        )
        for name, cls in sections.items()
    }
    ours = {name: values.pop(name) for name in SECTIONS}
    return Loaded(
        config=Config(**ours, sources=_sources(written, environ)), extra=values, raw=raw, source=path
    )


def _sources(written: Mapping[str, Mapping[str, str]], environ: Mapping[str, str]) -> dict[str, str]:
    """Where each option of ours that is given comes from; the environment wins."""
    return {
        f"{section}.{option}": source
        for section in SECTIONS
        for source, given in (
            ("file", written.get(section, {})),
            ("environment", ini.from_environment(section, environ)),
        )
        for option in given
    }


def _others(
    name: str, cls: type[Any] | None, written: Mapping[str, Mapping[str, str]], environ: Mapping[str, str]
) -> dict[str, str]:
    """The options of a section passed through that are not ours, the environment winning."""
    given = {**written.get(name, {}), **ini.from_environment(name, environ)}
    return _without(given, ini.options_of(cls) if cls else ())


def _without(given: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in given.items() if key not in names}


def _refuse_unknown_sections(written: Mapping[str, Any], known: Collection[str], source: str) -> None:
    for name in written:
        if name not in known:
            problem = "there is no such section" + did_you_mean(name, known)
            raise ConfigError(source, name, None, problem, ", ".join(dict.fromkeys(known)))


def _refuse_unknown_variables(
    environ: Mapping[str, str], sections: Mapping[str, type[Any]], passthrough: Collection[str]
) -> None:
    """Whatever looks like a setting has to be one. Names without a section are other programs' business, unless they
    are nearly one of ours.
    """
    prefixes = tuple(ini.variable(name) for name in (*sections, *passthrough))
    known = [ini.variable(name, option) for name, cls in sections.items() for option in ini.options_of(cls)]
    for name in environ:
        if (
            not name.startswith(_PREFIX)
            or name.startswith(prefixes)
            or name == _FILE
            or _OTHERS_OWN.match(name)
        ):
            continue
        meant = did_you_mean(name.removeprefix(_PREFIX), [it.removeprefix(_PREFIX) for it in (*known, _FILE)])
        if meant or "_" in name.removeprefix(_PREFIX):
            problem = "there is no such setting" + meant.replace('"', f'"{_PREFIX}', 1)
            permitted = f"{_PREFIX}<SECTION>_<OPTION>, or another name that does not begin with {_PREFIX}"
            raise ConfigError(f"environment variable {name}", None, None, problem, permitted)
