# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation's key: keyed look-up hashes of random tokens, and encryption of what has to be shown or used again.

One key file holds one or more base64 keys, newest first: the first encrypts, all decrypt, so a key can be changed
without losing what older ones protect. Look-up hashes use the last (oldest) key and therefore never change. A process
that meets something encrypted with a newer key reads the file again, so that no restart is needed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from scheduling.config.sections import Config
from scheduling.database.drafts import draft
from scheduling.errors import Invalid, KeyNotInFile, SecretsUnreadable

_RESTORE = "restore it from a backup"
TOKEN_BYTES = 20
"""160 random bits in every token and app password."""


class Keyring:
    """Made from the text of a key file. Raises `Invalid` when that text is not one."""

    def __init__(self, text: str, path: Path | None = None) -> None:
        self._text, self._path = text, path
        keys = text.split()
        try:
            self._fernet = _fernet(text)
            root = base64.urlsafe_b64decode(keys[-1])
        except (ValueError, IndexError) as error:
            what = (
                "The key given by `key` in the section [security]" if path is None else f"The key file {path}"
            )
            raise Invalid(
                f"{what} holds no key, which is a line of 44 base64 characters: {_RESTORE}."
            ) from error
        self._lookup_key = hashlib.blake2b(b"look-up", key=root, digest_size=32).digest()

    def __repr__(self) -> str:
        return "Keyring(...)"

    @classmethod
    def open(cls, config: Config) -> Keyring:
        """The configured key; the key file is made (mode 0600) where there is none yet. Raises `Invalid`."""
        if config.security.key:
            return cls(config.security.key)
        path = config.key_path()
        try:
            try:
                text = path.read_text(encoding="ascii")
            except FileNotFoundError:
                _create(path)
                text = path.read_text(encoding="ascii")
        except UnicodeDecodeError as error:
            raise Invalid(
                f"The key file {path} holds no key, which is a line of 44 base64 characters: {_RESTORE}."
            ) from error
        except OSError as error:
            raise Invalid(_unusable(path, error)) from error
        return cls(text, path)

    @property
    def path(self) -> Path | None:
        """The key file; None for a key that was given by itself."""
        return self._path

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return len(self._text.split())

    def with_new_key(self) -> Keyring:
        """Put a new key first in the key file, for every process to use. Raises `KeyNotInFile`,
        OSError.
        """
        if self._path is None:
            raise KeyNotInFile
        text = f"{new_key()}\n{self._path.read_text(encoding='ascii')}"
        with draft(self._path) as written:
            _write(written, text)
            written.replace(self._path)
        return Keyring(text, self._path)

    def lookup(self, token: str) -> bytes:
        """The keyed hash under which a random token is found (32 bytes)."""
        return hmac.digest(self._lookup_key, token.encode("utf-8", "surrogatepass"), "sha256")

    def encrypt(self, text: str) -> bytes:
        """Authenticated ciphertext of `text`."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, data: bytes) -> str:
        """What `encrypt` was given. Raises `SecretsUnreadable` when no key fits."""
        for fernet in self._present():
            try:
                return fernet.decrypt(bytes(data)).decode()
            except InvalidToken:
                continue
        raise SecretsUnreadable

    def _present(self) -> Iterator[MultiFernet]:
        """The keys, and if they did not fit those in the file by now."""
        yield self._fernet
        with suppress(OSError, ValueError):
            text = self._text if self._path is None else self._path.read_text(encoding="ascii")
            if text != self._text:
                self._fernet, self._text = _fernet(text), text
                yield self._fernet


def _unusable(path: Path, error: OSError) -> str:
    """Why a key file can be neither read nor made."""
    where = "see `key_file` in the section [security] of the settings"
    if isinstance(error, IsADirectoryError):
        return f"The key file {path} is a folder: name a file, {where}."
    if isinstance(error, PermissionError):
        return (
            f"The key file {path} cannot be read or made: give the user that Daysheet runs as access to it and to its"
            " folder."
        )
    why = error.strerror or type(error).__name__
    return f"The key file {path} cannot be read or made ({why}): name another one, {where}."


def new_token() -> str:
    """A random token for a URL: 32 lower-case letters and digits, 160 bits."""
    return base64.b32encode(secrets.token_bytes(TOKEN_BYTES)).decode().lower()


def _fernet(text: str) -> MultiFernet:
    """ValueError for a text that is not keys."""
    return MultiFernet([Fernet(key) for key in text.split()])


def new_key() -> str:
    """A key for the key file."""
    return Fernet.generate_key().decode()


def _create(path: Path) -> None:
    """Write a new key next to `path` and link it into place, so that of several first starts exactly one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as written:
        _write(written, f"{new_key()}\n")
        with suppress(FileExistsError):
            os.link(written, path)


def _write(path: Path, text: str) -> None:
    """Put `text` safely on disk."""
    with path.open("wb") as file:
        file.write(text.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
