# SPDX-License-Identifier: GPL-3.0-or-later
"""How the text of an option becomes its value: numbers, durations, sizes, choices, addresses.

A parser raises ValueError with a reason that reads on after the value it was given ("is not a whole number").
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
N = TypeVar("N", int, float)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BOOLEANS = {
    "yes": True,
    "true": True,
    "on": True,
    "1": True,
    "no": False,
    "false": False,
    "off": False,
    "0": False,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_ESCAPES = {r"\n": "\n", r"\\": "\\"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser(Generic[T]):
    """Turns an option's text into its value and says in words what is permitted."""

    read: Callable[[str], T]
    permitted: str

    def __call__(self, given: str) -> T:
        """The value of the text; ValueError with the reason when it is not acceptable."""
        return self.read(given)


def optional(parse: Parser[T]) -> Parser[T | None]:
    """What `parse` reads, or None for an empty value."""
    return Parser(
        read=lambda given: parse(given) if given.strip() else None, permitted=f"{parse.permitted}, or nothing"
    )


def choice(*names: str) -> Parser[str]:
    """One of the names, in any case."""

    def read(given: str) -> str:
        word = given.strip().lower()
        if word not in names:
            raise ValueError("is not one of the permitted words")
        return word

    return Parser(read=read, permitted=" or ".join(names))


def choices(*names: str) -> Parser[tuple[str, ...]]:
    """Any of the names, separated by commas; each once, in the order of `names`: equal sets are equal."""

    def read(given: str) -> tuple[str, ...]:
        words = {word.strip().lower() for word in given.split(",") if word.strip()}
        unknown = sorted(words.difference(names))
        if unknown:
            raise ValueError(f'has "{unknown[0]}", which is not one of the permitted words')
        return tuple(name for name in names if name in words)

    return Parser(read=read, permitted=f"any of {', '.join(names)}, separated by commas")


def integer(minimum: int | None = None, maximum: int | None = None) -> Parser[int]:
    """A whole number between the bounds, both included."""

    def read(given: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", given.strip()):
            raise ValueError("is not a whole number")
        return _bounded(int(given), minimum, maximum)

    return Parser(read=read, permitted=f"a whole number{_bounds(minimum, maximum)}")


def number(minimum: float | None = None, maximum: float | None = None) -> Parser[float]:
    """A finite decimal number between the bounds, both included."""

    def read(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            raise ValueError("is not a number") from None
        if not math.isfinite(value):
            raise ValueError("is not a finite number")
        return _bounded(value, minimum, maximum)

    return Parser(read=read, permitted=f"a number{_bounds(minimum, maximum)}")


def duration(minimum: int = 0, maximum: int | None = None) -> Parser[int]:
    """A length of time in whole seconds, written `90s`, `15m`, `1h30m` or `7d`; bounds are in seconds."""

    def read(given: str) -> int:
        compact = given.strip().replace(" ", "").lower()
        if compact == "0":
            return _bounded(0, minimum, maximum, "s")
        if not re.fullmatch(r"(?:[0-9]{1,9}[smhdw])+", compact):
            raise ValueError("is not a duration such as 90s, 15m, 1h30m or 7d")
        seconds = sum(
            int(count) * _SECONDS[unit] for count, unit in re.findall(r"([0-9]+)([smhdw])", compact)
        )
        return _bounded(seconds, minimum, maximum, "s")

    return Parser(
        read=read, permitted=f"a duration such as 90s, 15m, 1h or 7d{_bounds(minimum or None, maximum, 's')}"
    )


def size(minimum: int = 0, maximum: int | None = None) -> Parser[int]:
    """A number of bytes, written `500`, `64KB`, `10MB` (powers of ten) or `10MiB` (powers of two)."""

    def read(given: str) -> int:
        found = re.fullmatch(r"([0-9]{1,12})\s*([KMG]I?B|B)?", given.strip().upper())
        if not found:
            raise ValueError("is not a size such as 64KB, 10MB or 16MiB")
        return _bounded(int(found[1]) * _BYTES[found[2] or "B"], minimum, maximum, "B")

    return Parser(
        read=read, permitted=f"a size such as 64KB, 10MB or 16MiB{_bounds(minimum or None, maximum, 'B')}"
    )


def url(*schemes: str) -> Parser[str]:
    """An absolute URL with a host and one of the schemes (https and http unless named)."""
    permitted = schemes or ("https", "http")

    def read(given: str) -> str:
        address = given.strip()
        try:
            parts = urlsplit(address)
            complete = (
                parts.scheme in permitted and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
        except ValueError:
            complete = False
        if not complete or re.search(r"[\s\x00-\x1f\x7f]", address):
            raise ValueError("is not a complete URL")
        return address

    return Parser(
        read=read, permitted=f"a URL starting with {' or '.join(f'{scheme}://' for scheme in permitted)}"
    )


def _read_boolean(given: str) -> bool:
    try:
        return _BOOLEANS[given.strip().lower()]
    except KeyError:
        raise ValueError("is neither yes nor no") from None


def _read_networks(given: str) -> tuple[Network, ...]:
    networks = []
    for word in re.split(r"[,\s]+", given.strip()):
        if not word:
            continue
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            raise ValueError(
                f'has "{word}", which is not a network or has bits set after its prefix'
            ) from None
    return tuple(networks)


def _read_history(given: str) -> int | None:
    return None if given.strip().lower() == "all" else integer(0, 1200)(given)


def _read_path(given: str) -> Path:
    if not given.strip() or "\0" in given:
        raise ValueError("is not a path")
    return Path(given.strip()).expanduser()


def _read_text(given: str) -> str:
    return re.sub(r"\\[n\\]", lambda found: _ESCAPES[found[0]], given.strip())


boolean = Parser(read=_read_boolean, permitted="yes or no")
networks = Parser(
    read=_read_networks, permitted="networks such as 192.0.2.0/24 or 2001:db8::/32, separated by commas"
)
history = Parser(read=_read_history, permitted="a whole number from 0 to 1200, or all")
path = Parser(read=_read_path, permitted="a path")
text = Parser(read=_read_text, permitted=r"text; \n starts a new line, \\ is a backslash")


def _bounded(value: N, minimum: float | None, maximum: float | None, unit: str = "") -> N:
    if minimum is not None and value < minimum:
        raise ValueError(f"is less than {minimum}{unit}")
    if maximum is not None and value > maximum:
        raise ValueError(f"is more than {maximum}{unit}")
    return value


def _bounds(minimum: float | None, maximum: float | None, unit: str = "") -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum}{unit} to {maximum}{unit}"
    if minimum is not None:
        return f" of at least {minimum}{unit}"
    return f" of at most {maximum}{unit}" if maximum is not None else ""
