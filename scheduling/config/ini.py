# SPDX-License-Identifier: GPL-3.0-or-later
"""The machinery of settings: one ini file, one frozen dataclass per section.

The fields of a section's dataclass are made with `option`. The text of an option is the same in the file, in
the environment variable `DAYSHEET_<SECTION>_<OPTION>` and in the default, and goes through the same parser.
"""

from __future__ import annotations

import configparser
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

from scheduling.config.values import (
    Network,
    Parser,
    boolean,
    choice,
    choices,
    duration,
    history,
    integer,
    networks,
    number,
    optional,
    path,
    size,
    text,
    url,
)
from scheduling.sentences import did_you_mean

__all__ = [
    "ConfigError",
    "Network",
    "OptionDoc",
    "Parser",
    "boolean",
    "choice",
    "choices",
    "describe",
    "duration",
    "from_environment",
    "history",
    "integer",
    "load_section",
    "networks",
    "number",
    "option",
    "optional",
    "options_of",
    "path",
    "read_ini",
    "render_ini",
    "size",
    "text",
    "url",
    "variable",
]

T = TypeVar("T")

_METADATA = "option"


class ConfigError(Exception):
    """The configuration cannot be used."""

    def __init__(
        self, file: str, section: str | None, option: str | None, problem: str, permitted: str = ""
    ) -> None:
        """Keep the facts: `file` is the file or variable at fault, `permitted` what would be accepted."""
        self.file, self.section, self.option = file, section, option
        self.problem, self.permitted = problem, permitted
        super().__init__(file, section, option, problem, permitted)

    def __str__(self) -> str:
        """One sentence naming the file, the section, the option, the problem and what is permitted."""
        place = " ".join(
            part for part in (f"[{self.section}]" if self.section else "", self.option or "") if part
        )
        head = f"{self.file}: {place}: " if place else f"{self.file}: "
        return f"{head}{self.problem}" + (f" (permitted: {self.permitted})." if self.permitted else ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionDoc:
    """What documentation says about one option; `default_text` is as an operator would write it."""

    section: str
    name: str
    default_text: str
    doc: str
    permitted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    default_text: str
    doc: str
    parse: Callable[[str], Any]
    permitted: str
    secret: bool


@overload
def option(
    default: str | float, *, doc: str, choices: Sequence[str] | None = None, secret: bool = False
) -> str: ...
@overload
def option(default: str | float, *, doc: str, parse: Callable[[str], T], secret: bool = False) -> T: ...
def option(
    default: str | float,
    *,
    doc: str,
    parse: Callable[[str], Any] | None = None,
    choices: Sequence[str] | None = None,
    secret: bool = False,
) -> Any:
    """A dataclass field for one option; `default` is written as in the file (`"15m"`, `10`) and so parsed.

    Without `parse` the value is plain text, one of `choices` if given. The value of a `secret` option is kept
    out of repr and of every error.
    """
    if parse is None:
        parse = choice(*choices) if choices else text
    default_text = ("yes" if default else "no") if isinstance(default, bool) else str(default)
    facts = _Option(
        default_text=default_text,
        doc=doc,
        parse=parse,
        permitted=getattr(parse, "permitted", ""),
        secret=secret,
    )
    return dataclasses.field(default=parse(default_text), repr=not secret, metadata={_METADATA: facts})


def options_of(cls: type[Any]) -> tuple[str, ...]:
    """The names of a section's options in the order they are declared."""
    return tuple(_facts(cls))


def read_ini(file: Path) -> dict[str, dict[str, str]]:
    """The text of every option by section, `%` and `#` inside values kept as written.

    Raises ConfigError for a file that is missing, unreadable, not UTF-8 or not well-formed, and for a section
    or an option given twice. Option names are lower-cased.
    """
    # No default section: otherwise [DEFAULT] would silently spread into every other one.
    parser = configparser.RawConfigParser(strict=True, inline_comment_prefixes=None, default_section="")
    try:
        with file.open(encoding="utf-8-sig") as lines:
            parser.read_file(lines)
    except FileNotFoundError:
        raise ConfigError(
            str(file), None, None, "there is no such file; create it or name another one"
        ) from None
    except OSError as error:
        raise ConfigError(str(file), None, None, f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(str(file), None, None, "the file is not UTF-8 text; save it as UTF-8") from None
    except configparser.DuplicateSectionError as error:
        problem = f"the section is given twice (again in line {error.lineno}); merge the two"
        raise ConfigError(str(file), error.section, None, problem) from None
    except configparser.DuplicateOptionError as error:
        problem = f"the option is given twice (again in line {error.lineno}); keep one"
        raise ConfigError(str(file), error.section, error.option, problem) from None
    except configparser.MissingSectionHeaderError as error:
        problem = f"line {error.lineno} stands before the first [section] line"
        raise ConfigError(str(file), None, None, problem) from None
    except configparser.ParsingError as error:
        # The offending text is not repeated: it may be a password.
        numbers = ", ".join(str(number) for number, _ in error.errors)
        raise ConfigError(
            str(file), None, None, f"line {numbers} is not of the form `option = value`"
        ) from None
    return {name: dict(parser.items(name)) for name in parser.sections()}


def variable(section: str, name: str = "") -> str:
    """The environment variable that overrides an option; without `name`, the prefix of its section's."""
    return f"DAYSHEET_{section}_{name}".upper().replace("-", "_")


def from_environment(section: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The options of one section that the environment sets, by lower-case option name."""
    prefix = variable(section)
    return {
        key.removeprefix(prefix).lower(): value for key, value in environ.items() if key.startswith(prefix)
    }


def load_section(
    cls: type[T], name: str, raw: Mapping[str, str], environ: Mapping[str, str], source: str
) -> T:
    """An instance of the section's dataclass: the environment wins over `raw`, `raw` over the defaults.

    Raises ConfigError for an option or a variable that the section does not have and for a value that its
    parser refuses; `source` is the file `raw` was read from.
    """
    facts = _facts(cls)
    overrides = from_environment(name, environ)
    values: dict[str, Any] = {}
    for given in (raw, overrides):
        for key, text_given in given.items():
            file = source if given is raw else f"environment variable {variable(name, key)}"
            if key not in facts:
                raise ConfigError(
                    file, name, key, "there is no such option" + did_you_mean(key, facts), ", ".join(facts)
                )
            if given is raw and key in overrides:
                continue
            values[key] = _parsed(facts[key], text_given, file, name, key)
    return cls(**values)


def describe(cls: type[Any], section: str) -> list[OptionDoc]:
    """What there is to say about each option of a section, in the order they are declared."""
    return [
        OptionDoc(
            section=section, name=name, default_text=it.default_text, doc=it.doc, permitted=it.permitted
        )
        for name, it in _facts(cls).items()
    ]


def render_ini(sections: Mapping[str, type[Any]]) -> str:
    """The annotated ini file: every option of every section, commented out, with its default.

    `# ` starts an explanation; a `#` directly before an option, or before the four spaces of its further
    lines, is what an operator takes away.
    """
    lines = [
        "# Every option of Daysheet with its default. To change one, remove the # in front of it.",
        "# Each can also be set in the environment, as DAYSHEET_<SECTION>_<OPTION>.",
        "# The environment counts more than this file.",
    ]
    for section, cls in sections.items():
        lines += ["", "", f"[{section}]"]
        lines += [f"# {line}".rstrip() for line in inspect.cleandoc(cls.__doc__ or "").splitlines()]
        for it in describe(cls, section):
            lines += ["", *_remark(it.doc)]
            lines += _remark(f"Permitted: {it.permitted}") if it.permitted else []
            first, *rest = it.default_text.split("\n")
            # An empty line stays empty: with a # it would be a remark inside the uncommented value.
            lines += [f"#{it.name} = {first}".rstrip(), *(f"#    {line}" if line else "" for line in rest)]
    return "\n".join(lines) + "\n"


def _remark(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, 102, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _facts(cls: type[Any]) -> dict[str, _Option]:
    return {field.name: field.metadata[_METADATA] for field in dataclasses.fields(cls)}


def _parsed(facts: _Option, given: str, file: str, section: str, name: str) -> Any:
    try:
        return facts.parse(given)
    except ValueError as error:
        shown = given if len(given) <= 60 else given[:57] + "..."
        problem = "the value (secret, not shown) is not accepted" if facts.secret else f'"{shown}" {error}'
        raise ConfigError(file, section, name, problem, facts.permitted) from None
