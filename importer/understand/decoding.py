# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a calendar in whatever encoding it came (RFC 5545, section 3.1.4)."""

from __future__ import annotations

import codecs
import re

_C0 = bytes([*range(9), 11, 12, *range(14, 32), 127])
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPLIT_CHARACTER = re.compile(rb"([\xc2-\xf4][\x80-\xbf]{0,2})(\r?\n[ \t])([\x80-\xbf]{1,3})")
_DECLARED_FIRST = re.compile(r"utf-?(16|32)([bl]e)?|iso-2022-(jp|kr)", re.IGNORECASE)
_DECLARED = re.compile(
    r"iso-?8859-\d+|windows-\d+|cp\d+|koi8-[ru]|gb2312|gbk|gb18030|big5|shift_jis|euc-(jp|kr)|us-ascii|mac-?roman"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BARE_UTF16 = {
    b"B\0E\0": "utf-16-le",
    b"b\0e\0": "utf-16-le",
    b"\0B\0E": "utf-16-be",
    b"\0b\0e": "utf-16-be",
}
_UTF16_STARTS = (*(bom for bom, _ in _BOMS[1:]), *_BARE_UTF16)


def decode(body: bytes, charset: str | None) -> str:
    """The text of a calendar, whatever its encoding, without controls, BOMs and what XML 1.0 forbids.

    UTF-8 wins over a declared 8-bit charset when the bytes are valid UTF-8; bytes that no charset explains are
    replaced. Never raises.
    """
    declared = (charset or "").lower()
    if body[:6].upper() == b"BEGIN:" and declared.startswith(("utf-16", "utf16", "utf-32", "utf32")):
        declared = ""  # each character is one octet, even if the server says otherwise
    if body.startswith(_UTF16_STARTS) or _DECLARED_FIRST.fullmatch(declared):
        return _permitted(_characters(body, declared))
    try:
        text = body.translate(None, _C0).decode()
    except UnicodeDecodeError:
        return _permitted(_characters(body, declared))
    # The characters still to be removed begin with one of these bytes. Most texts hold none of them.
    return _permitted(text) if b"\xc2" in body or b"\xef" in body else text


def _permitted(text: str) -> str:
    return _FORBIDDEN.sub("", text).replace("\ufeff", "")


def _characters(body: bytes, charset: str) -> str:
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(encoding, "replace")
    for start, encoding in _BARE_UTF16.items():
        if body.startswith(start):
            return body.decode(encoding, "replace")
    if _DECLARED_FIRST.fullmatch(charset):
        return body.decode(charset, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return _not_quite_utf8(body, charset)


def _not_quite_utf8(body: bytes, charset: str) -> str:
    body = _SPLIT_CHARACTER.sub(rb"\1\3\2", body)
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if bad < sum(len(run) for run in re.findall("[^\x00-\x7f\ufffd]+", text)) or not bad:
        return text
    if _DECLARED.fullmatch(charset):
        try:
            return body.decode(charset, "replace")
        except LookupError:
            pass
    try:
        return body.decode("cp1252")
    except UnicodeDecodeError:
        return body.decode("latin-1")
