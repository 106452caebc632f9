# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes the content codings of an HTTP answer, with a limit on the decoded size (RFC 9110 section 8.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

import brotli

_Decoder = Callable[[Iterable[bytes]], Iterator[bytes]]

ACCEPTED = "gzip, deflate, br"
_STEP = 65536
_GZIP = b"\x1f"
_MOST_MEMBERS = 10_000
_PIECES = 100_000
"""How many pieces the content may have, plus one for each 32 octets of the limit. A million pieces of one octet would
cost as much time as a much larger content.
"""


class TooLarge(Exception):
    """The content is larger than permitted."""


class BadEncoding(Exception):
    """The content does not decode as its Content-Encoding says."""


def read(chunks: Iterable[bytes], coding: str, limit: int) -> bytes:
    """The decoded content. Never holds more than `limit` decoded bytes, nor reads more than `limit` encoded bytes.

    Raises TooLarge or BadEncoding.
    """
    body = bytearray()
    for piece in _decoder(coding)(_limited(chunks, limit)):
        if len(body) + len(piece) > limit:
            raise TooLarge
        body += piece
    return bytes(body)


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    seen = 0
    for number, chunk in enumerate(chunks):
        seen += len(chunk)
        if seen > limit or number > _PIECES + limit // 32:
            raise TooLarge
        yield chunk


def _decoder(coding: str) -> _Decoder:
    named = (part.strip().lower() for part in coding.split(","))
    names = [name for name in named if name in _DECODERS or name in _UNKNOWN]
    if not names:
        return iter
    if len(names) > 1 or names[0] not in _DECODERS:
        raise BadEncoding
    return _DECODERS[names[0]]


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    return _inflate(chunks, zlib.MAX_WBITS | 16)


def _deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # Some servers send raw deflate where RFC 9110 8.4.1.2 asks for the zlib format around it.
    content = iter(chunks)
    head = b""
    while len(head) < 2:
        head += (chunk := next(content, b""))
        if not chunk:
            break
    wrapped = len(head) >= 2 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return _inflate(_chain(head, content), zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _chain(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _inflate(chunks: Iterable[bytes], window: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(window)
    members = 1
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if stream.eof:
                    # A gzip stream may have several members (RFC 1952 section 2.2). Anything else is ignored.
                    if window < 16 or pending[:1] != _GZIP or members == _MOST_MEMBERS:
                        break
                    stream, members = zlib.decompressobj(window), members + 1
                yield stream.decompress(pending, _STEP)
                pending = stream.unused_data if stream.eof else stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        raise BadEncoding from error
    if not stream.eof:
        raise BadEncoding


def _brotli(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    try:
        for chunk in chunks:
            yield stream.process(chunk, output_buffer_limit=_STEP)
            while not stream.can_accept_more_data():
                yield stream.process(b"", output_buffer_limit=_STEP)
    except brotli.error as error:
        raise BadEncoding from error
    if not stream.is_finished():
        raise BadEncoding


_UNKNOWN = frozenset(
    {
        "compress",
        "x-compress",
        "zstd",
        "bzip2",
        "x-bzip2",
        "xz",
        "lzma",
        "exi",
        "pack200-gzip",
        "dcb",
        "dcz",
        "aes128gcm",
    }
)
"""Codings that are not supported. Every other name, such as a charset, "none" or "binary", is no coding."""
_DECODERS: dict[str, _Decoder] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli}
