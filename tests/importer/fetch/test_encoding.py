# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Iterator

import brotli
import pytest

from importer.fetch import encoding

TEXT = b"BEGIN:VCALENDAR\r\n" * 1000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "X-GZip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_every_coding_is_undone_in_pieces_of_any_size(coding: str, size: int) -> None:
    assert encoding.read(pieces(PACKED[coding], size), coding, len(TEXT)) == TEXT


def test_deflate_without_its_zlib_wrapper_is_read_too() -> None:
    assert encoding.read([raw_deflate(TEXT)], "deflate", len(TEXT)) == TEXT


@pytest.mark.parametrize("coding", PACKED)
def test_one_byte_above_the_limit_is_too_large(coding: str) -> None:
    with pytest.raises(encoding.TooLarge):
        encoding.read([PACKED[coding]], coding, len(TEXT) - 1)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, brotli.compress])
def test_a_bomb_is_given_up_long_before_it_is_unpacked(pack: object) -> None:
    assert callable(pack)
    bomb = pack(bytes(50_000_000))
    coding = {gzip.compress: "gzip", zlib.compress: "deflate", brotli.compress: "br"}[pack]
    consumed = 0

    def chunks() -> Iterator[bytes]:
        nonlocal consumed
        for chunk in pieces(bomb, 16):
            consumed += len(chunk)
            yield chunk

    with pytest.raises(encoding.TooLarge):
        encoding.read(chunks(), coding, 1_000_000)
    assert consumed < len(bomb) / 4 or len(bomb) < 200


@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_gzip_of_several_members_is_read_whole(size: int) -> None:
    """RFC 1952 section 2.2."""
    members = gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"END")
    assert encoding.read(pieces(members, size), "gzip", 100_000) == TEXT + b"END"
    assert encoding.read(pieces(members + b"\0padding", size), "gzip", 100_000) == TEXT + b"END"
    with pytest.raises(encoding.BadEncoding):
        encoding.read(pieces(members[:-4], size), "gzip", 100_000)


def test_members_and_pieces_without_end_are_given_up() -> None:
    with pytest.raises(encoding.TooLarge):
        encoding.read(itertools.repeat(gzip.compress(b"")), "gzip", 1_000_000)
    with pytest.raises(encoding.TooLarge):
        encoding.read(itertools.repeat(b"x"), "", 1_000_000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_cut_or_spoilt_body_is_not_taken_for_the_whole(coding: str) -> None:
    whole = PACKED[coding]
    for body in (whole[:-5], b"\x1f\x8b" + b"nonsense" * 20):
        with pytest.raises(encoding.BadEncoding):
            encoding.read([body], coding, len(TEXT))


@pytest.mark.parametrize("coding", ["compress", "zstd", "gzip, br", "gzip, gzip"])
def test_a_coding_that_was_not_asked_for_is_refused(coding: str) -> None:
    with pytest.raises(encoding.BadEncoding):
        encoding.read([b""], coding, 10)


@pytest.mark.parametrize(
    "coding", ["UTF-8", "none", "binary", "8bit", "iso-8859-1", "text/calendar", "utf-8, identity", ""]
)
def test_a_name_that_is_no_coding_changes_nothing(coding: str) -> None:
    assert encoding.read([b"BEGIN:VCALENDAR"], coding, 100) == b"BEGIN:VCALENDAR"
