# SPDX-License-Identifier: GPL-3.0-or-later
"""Which time zone rules this process uses: those in the first folder of `zoneinfo.TZPATH` that has them (PYTHONTZPATH),
else the package `tzdata`. What was computed with other rules has to be computed anew.
"""

from __future__ import annotations

import re
import zoneinfo
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import metadata, resources
from pathlib import Path

_RELEASE = re.compile(r"(?:# version )?(\d{4}[a-z]{1,2})\b", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ZoneData:
    """`digest` is of all rules, `release` the name that IANA gave them, None where it is not told, `place` a folder or
    'tzdata'.
    """

    digest: str
    release: str | None
    place: str


@cache
def in_use() -> ZoneData:
    """What this process uses, as long as it runs."""
    digest = blake2b(digest_size=8)
    places = set()
    for name in sorted(zoneinfo.available_timezones()):
        rules, place = _rules(name)
        places.add(place)
        digest.update(name.encode() + b"\0" + rules)
    place = " and ".join(sorted(places)) or "nowhere"
    return ZoneData(digest=digest.hexdigest(), release=_release(place), place=place)


def _rules(name: str) -> tuple[bytes, str]:
    for folder in zoneinfo.TZPATH:
        with suppress(OSError):
            return Path(folder, name).read_bytes(), folder
    with suppress(OSError, ModuleNotFoundError):
        return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes(), "tzdata"
    return b"", "nowhere"


def _release(place: str) -> str | None:
    if place == "tzdata":
        year, _, number = metadata.version("tzdata").partition(".")
        return f"{year}{chr(96 + int(number))}" if number.isdigit() and 1 <= int(number) <= 26 else None
    for name in ("+VERSION", "version", "tzdata.zi"):
        with suppress(OSError, UnicodeDecodeError), Path(place, name).open(encoding="utf-8") as file:
            if found := _RELEASE.match(file.readline().strip()):
                return found[1]
    return None
