# SPDX-License-Identifier: GPL-3.0-or-later
"""What the servers play in war, and what has to become of a calendar that was imported before."""

from __future__ import annotations

import functools
import gzip
import time
import zlib
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

import brotli

from tests.importer.hostile.contents import CONTENTS, Make, calendar
from tests.importer.hostile.server import Part, Visitor

HEAD = b"HTTP/1.1 200 OK\r\n"
HERE = "here"
"""Stands for the address of the servers."""
PORT = 8443
"""One that calendars may be on."""
INSIDE = "inside.test"
"""A name that leads to where nobody may go."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A part at a `door`, the reason it has to lead to (several: one of them), and the addresses its name has in war
    (None: its look-up hangs). What `make` makes of a calendar's name and number is played instead, with `headers`.
    """

    part: Part
    make: Make | None = None
    headers: tuple[str, ...] = ()
    reason: str | None
    door: Literal["http", "port", "unasked", "tls-unasked"] = "http"
    resolves: tuple[str, ...] | None = (HERE,)

    @property
    def reasons(self) -> list[str | None]:
        """Which of them it is may depend on the machine."""
        return [None] if self.reason is None else [*self.reason.split()]

    @property
    def status(self) -> str:
        if self.reason is None:
            return "active"
        return "paused" if self.reason == "http-410" else "error"


def nothing(_: Visitor) -> None:
    """Close the connection."""


def answers(body: bytes, *headers: str, status: str = "200 OK") -> Part:
    return lambda it: it.says(body, *headers, status=status)


def refuses(status: str, *headers: str) -> Part:
    return answers(b"<html>no</html>", *headers, status=status)


def redirects(location: str) -> Part:
    return answers(b"", f"Location: {location}", status="302 Found")


def octets(raw: bytes) -> Part:
    return lambda it: it.send(raw)


def packed(body: bytes, coding: str) -> Part:
    return answers(body, f"Content-Encoding: {coding}")


def slow_headers(it: Visitor) -> None:
    it.send(HEAD)
    it.drips(b"X: y\r\n")


def slow_body(it: Visitor) -> None:
    it.headed("Content-Length: 100000")
    it.drips(b"B")


def endless_body(it: Visitor) -> None:
    it.headed()
    it.pours(b"X-FILLER:" + b"x" * 65_536 + b"\r\n")


def endless_chunks(it: Visitor) -> None:
    it.headed("Transfer-Encoding: chunked")
    it.pours(b"1\r\nx\r\n" * 5000)


def endless_headers(it: Visitor) -> None:
    it.send(HEAD)
    it.pours(b"X-Filler: x\r\n" * 5000)


def endless_interim(it: Visitor) -> None:
    it.pours(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def endless_trailers(it: Visitor) -> None:
    it.headed("Transfer-Encoding: chunked")
    it.chunk(b"x")
    it.send(b"0\r\n")
    it.pours(b"X-Filler: x\r\n" * 5000)


def endless_chunk_size(it: Visitor) -> None:
    it.headed("Transfer-Encoding: chunked")
    it.pours(b"0" * 65_536)


def one_long_header(it: Visitor) -> None:
    it.send(HEAD + b"X-Filler: ")
    it.pours(b"x" * 65_536)


def one_long_line(it: Visitor) -> None:
    it.headed()
    it.send(b"BEGIN:VCALENDAR\r\nX-FILLER:")
    it.pours(b"x" * 65_536)


@functools.cache
def zeros() -> bytes:
    """A piece of a gzip stream that stands for a megabyte, and can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)


def gzip_bomb(it: Visitor) -> None:
    """Ten thousand times as much as it says, for ever."""
    it.headed("Content-Encoding: gzip")
    it.send(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    it.pours(zeros())


def short_of(length: int) -> Part:
    """Content that ends before the length that was announced."""

    def part(it: Visitor) -> None:
        it.headed(f"Content-Length: {length}")
        it.send(calendar("x"))

    return part


def reset_amid(it: Visitor) -> None:
    it.headed("Content-Length: 100000")
    it.send(calendar("x")[:60])
    time.sleep(0.1)
    it.resets()


def unended_chunks(it: Visitor) -> None:
    it.headed("Transfer-Encoding: chunked")
    it.chunk(calendar("x"))


def bad_chunks(it: Visitor) -> None:
    it.headed("Transfer-Encoding: chunked")
    it.send(b"zz\r\n" + calendar("x"))


def in_circles(it: Visitor) -> None:
    it.says(b"", f"Location: {it.path}", status="307 Temporary Redirect")


def on_and_on(it: Visitor) -> None:
    """Every hop is another address, served by whoever serves this one."""
    it.says(b"", f"Location: {it.path}&", status="301 Moved Permanently")


def half_calendar(it: Visitor) -> None:
    it.says(calendar("x")[:-40], "Content-Type: text/calendar")


HTML = b"<!DOCTYPE html><html><body><form>Sign in</form></body></html>"
_DAY = 86_400
_ZIPPED = gzip.compress(calendar("x"))


def _spellings(address: str) -> list[str]:
    number = int(IPv4Address(address))
    first = address.partition(".")[0]
    return [
        address, str(number), hex(number), f"{first}.{number & 0xFFFFFF}", f"[::ffff:{address}]",
    ]  # fmt: skip


def transport(here: str, inside: str) -> dict[str, Attack]:
    """The attacks below the content, from the address `here`; nobody may connect to `inside`."""
    table: list[tuple[str | None, dict[str, Part]]] = [
        ("timeout", {
            "silent": Visitor.waits, "slow headers": slow_headers, "slow body": slow_body,
        }),
        ("too-large", {
            "endless body": endless_body, "one long line": one_long_line,
            "5 GB announced": lambda it: it.headed("Content-Length: 5000000000"),
            "gzip bomb": gzip_bomb,
            "brotli bomb": packed(brotli.compress(bytes(100_000_000), quality=2, lgwin=22), "br"),
            "deflate bomb": packed(zlib.compress(bytes(30_000_000)), "deflate"),
        }),
        ("too-large timeout", {"endless chunks": endless_chunks}),
        ("encoding", {
            "nested coding": packed(gzip.compress(_ZIPPED), "gzip, gzip"), "unknown coding": packed(b"x", "zstd"),
            "not packed": packed(calendar("x"), "gzip"), "packed in part": packed(_ZIPPED[:-20], "gzip"),
            "damaged": packed(_ZIPPED[:30] + b"\xff" * 20 + _ZIPPED[50:], "gzip"),
            "brotli in part": packed(brotli.compress(calendar("x"))[:-3], "br"),
        }),
        ("truncated", {
            "content too short": short_of(100_000), "content too long": short_of(60), "reset amid": reset_amid,
            "no last chunk": unended_chunks, "bad chunks": bad_chunks, "endless chunk size": endless_chunk_size,
            "endless trailers": endless_trailers, "half a calendar": half_calendar,
        }),
        ("connection", {
            "reset": Visitor.resets, "hung up": nothing, "endless headers": endless_headers,
            "one long header": one_long_header, "HTTP/0.9": octets(calendar("x")), "banner": octets(b"220 ready\r\n"),
            "noise": octets(bytes(range(256)) * 40),
            "two lengths": lambda it: it.headed("Content-Length: 5", "Content-Length: 7"),
            "negative length": lambda it: it.headed("Content-Length: -5"),
            "header injection": lambda it: it.headed("X: a\rY: b\0c"),
        }),
        ("connection", {"101": lambda it: it.headed("Upgrade: h2c", status="101 Switching Protocols")}),
        ("html", {"login page": answers(HTML, "Content-Type: text/html", "Set-Cookie: session=1")}),
        ("json", {"JSON": answers(b'{"error": "no"}')}),
        ("no-content", {
            "empty": answers(b""), "HTTP/9": octets(b"HTTP/9.9 200 OK\r\n\r\n"),
            "only blanks": answers(b" \r\n" * 500_000),
        }),
        ("archive", {"packed twice": packed(gzip.compress(_ZIPPED), "gzip"), "zip in gzip": answers(_ZIPPED)}),
        ("too-many-redirects", {"in circles": in_circles, "on and on": on_and_on}),
        ("scheme", {f"to {to}": redirects(to) for to in (
            "file:///etc/passwd", "ftp://a.test/", "gopher://a.test/", "data:text/calendar,x", "javascript:1",
        )}),
        ("url", {"to credentials": redirects("http://a:b@a.test/"), "to trickery": redirects("http://a.test\\@b.test/"),
                 "to nonsense": redirects("http://[::1")}),
        ("refused-address", {f"to {to}": redirects(f"http://{to}:{PORT}/") for to in (
            *_spellings(inside), "[::1]", INSIDE, "169.254.169.254", "10.0.0.1", "[fe80::1]", "[fd00::1]",
            "[64:ff9b::10.0.0.1]", "[2002:7f00:1::]", "224.0.0.1", "100.64.0.1",
        )}),
        ("refused-address url", {"to octal": redirects(f"http://0177.{inside[4:]}:{PORT}/")}),
        ("port", {"to a port": redirects("http://8.8.8.8:22/")}),
        ("reconnect", {"401": refuses("401 Unauthorized", "WWW-Authenticate: Basic", "WWW-Authenticate: Negotiate")}),
        ("http-403", {"403": refuses("403 Forbidden")}),
        ("http-404", {"404": refuses("404 Not Found")}),
        ("http-410", {"410": refuses("410 Gone")}),
        ("http-429", {
            "429 for ages": refuses("429 Too Many", f"Retry-After: {'9' * 40}"),
            "429 until 9999": refuses("429 Too Many", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
            "429 before": refuses("429 Too Many", "Retry-After: -1"),
            "429 nonsense": refuses("429 Too Many", "Retry-After: \xb2\xb3 soon, Fri, 99 Foo 12345 99:99:99"),
        }),
        ("http-5xx", {
            "500": refuses("500 Oops"), "503": refuses("503 No", "Retry-After: 1e99"), "599": refuses("599 X"),
        }),
        ("http-other", {
            "304 unasked": lambda it: it.headed(status="304 Not Modified"), "204": refuses("204 No Content"),
            "206": refuses("206 Partial Content"), "300": refuses("300 Choices"), "418": refuses("418 Teapot"),
            "redirect nowhere": refuses("302 Found"), "999": refuses("999 X"),
        }),
        ("empty", {"emptied": answers(calendar())}),
        ("uids-changed", {"others": answers(calendar("other"))}),
    ]  # fmt: skip
    found = {
        name: Attack(part=part, reason=reason) for reason, parts in table for name, part in parts.items()
    }
    return (
        found
        | {
            f"name of {addresses}": Attack(
                part=nothing, reason="refused-address", door="port", resolves=addresses
            )
            for addresses in (
                (inside,),
                (here, inside),
                (f"::ffff:{inside}",),
                ("::1",),
                ("169.254.169.254",),
                ("fe80::1",),
            )
        }
        | {
            "no name": Attack(part=nothing, reason="dns", resolves=()),
            "name that hangs": Attack(part=nothing, reason="timeout", resolves=None),
            "silent door": Attack(part=Visitor.waits, reason="timeout", door="unasked"),
            "early banner": Attack(part=octets(b"SSH-2.0-x\r\n"), reason="connection", door="unasked"),
            "TLS at a plain door": Attack(
                part=octets(b"\x15\x03\x03\0\2\2\x28"), reason="connection", door="unasked"
            ),
            "plain at a TLS door": Attack(
                part=octets(b"HTTP/1.1 400 Bad\r\n\r\n"), reason="tls", door="tls-unasked"
            ),
            "noise at a TLS door": Attack(part=octets(bytes(range(256))), reason="tls", door="tls-unasked"),
            "silent TLS door": Attack(part=Visitor.waits, reason="timeout", door="tls-unasked"),
            "dripping TLS door": Attack(
                part=lambda it: it.drips(b"\x16\x03\x03\x40\0"[:1]), reason="tls", door="tls-unasked"
            ),
            "TLS door shut": Attack(part=Visitor.resets, reason="connection", door="tls-unasked"),
        }
    )


def contents() -> dict[str, Attack]:
    """The attacks within the content, beside the events that were there."""
    found = {
        title: Attack(part=nothing, make=make, reason=reason) for title, (make, reason) in CONTENTS.items()
    }
    odd = {
        "huge ETag": (f'ETag: "{"x" * 60_000}"',),
        "odd ETag": ("ETag: W/", "Last-Modified: yesterday"),
        "huge type": (f"Content-Type: text/{'x' * 60_000}; charset={'y' * 9000}",),
        "charset of another": ("Content-Type: text/calendar; charset=utf-16",),
        "charset of no kind": ("Content-Type: a/b; charset*=x''%ff; charset=rot13",),
        "many cookies": tuple(f"Set-Cookie: c{n}={'x' * 100}; Domain=.test" for n in range(300)),
    }
    return found | {
        title: Attack(part=nothing, make=calendar, headers=headers, reason=None)
        for title, headers in odd.items()
    }


def served(body: bytes, *headers: str) -> Part:
    """A calendar as a server of calendars answers it."""
    return answers(body, *(headers or ("Content-Type: text/calendar; charset=utf-8",)))
