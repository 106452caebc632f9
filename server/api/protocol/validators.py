# SPDX-License-Identifier: GPL-3.0-or-later
"""Entity tags of what the API shows (RFC 9110, section 8.8.3)."""

from __future__ import annotations

import json
from hashlib import blake2b


def etag_of(*content: object) -> str:
    """A strong entity tag, quoted, of values that JSON can hold; equal values give equal tags in every process."""
    written = json.dumps(content).encode()
    return f'"{blake2b(written, digest_size=16).hexdigest()}"'
