# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fetch may do, as a value. This module loads no HTTP client, because settings are read without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.fetch.addresses import Exemptions

if TYPE_CHECKING:
    import ssl

_NO_EXEMPTIONS = Exemptions()


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """What a fetch may do. `max_bytes` counts decoded bytes. `deadline` is in seconds, for the whole exchange.
    `user_agents` maps hosts to the User-Agent they get instead of `user_agent`.
    """

    user_agent: str = "Daysheet"
    user_agents: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = 20_000_000
    deadline: float = 60.0
    allow_http: bool = False
    allow: Exemptions = _NO_EXEMPTIONS
    ports: frozenset[int] = frozenset({80, 443, 8443})
    trust: ssl.SSLContext | None = None
