# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all: written under a hidden name beside their place, for the owner only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft(target: Path) -> Iterator[Path]:
    """An empty file beside `target` (mode 0600) that is gone afterwards; whoever fills it moves or links it into place.

    Raises OSError. Where that would name the hidden file it names `target`, which is what was asked for.
    """
    hidden = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield hidden
        finally:
            hidden.unlink(missing_ok=True)
    except OSError as error:
        if error.filename is None or os.fspath(error.filename) != str(hidden):
            raise
        raise type(error)(error.errno, error.strerror, str(target)) from error
