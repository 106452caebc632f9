# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a delivery comes from this installation and is recent: HMAC-SHA256 (RFC 2104) over time and text."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

HEADER = "Daysheet-Signature"


def sign(secrets: Iterable[str], body: bytes, moment: int) -> str:
    """The header's value: `t=<epoch second>,v1=<hex>`, one `v1` for each secret that is valid at the moment. What is
    signed is the second in decimal, a full stop, and the body's bytes.
    """
    signed = b"%d.%s" % (moment, body)
    proofs = (hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets)
    return ",".join([f"t={moment}", *(f"v1={proof}" for proof in proofs)])
