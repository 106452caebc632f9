# SPDX-License-Identifier: GPL-3.0-or-later
"""Outside calendars on a loopback port, for the importer to fetch.

`python -m benchmarks.servers.feed_server PORT EVENTS MODE` answers until it is ended.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_STAMPS = (b"DTSTAMP:20260101", b"DTSTAMP:20260202")


def calendar(number: int, events: int) -> bytes:
    """A calendar as large providers write them, with single events over the coming months."""
    start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    parts = ["BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Calendar//EN\r\n"]
    for index in range(events):
        begins = start + timedelta(days=index // 4, hours=index % 4 * 2)
        parts.append(
            f"BEGIN:VEVENT\r\nDTSTART:{begins:%Y%m%dT%H%M%SZ}\r\n"
            f"DTEND:{begins + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\nDTSTAMP:20260101T000000Z\r\n"
            f"UID:{number}-{index}@example.com\r\nCREATED:20260101T000000Z\r\n"
            f"DESCRIPTION:What is to be said about meeting {index}\\, in so many words that\r\n  it is folded\r\n"
            f"LAST-MODIFIED:20260101T000000Z\r\nLOCATION:Room {index % 9}\r\nSEQUENCE:0\r\nSTATUS:CONFIRMED\r\n"
            f"SUMMARY:Meeting {index}\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\n"
        )
    return ("".join(parts) + "END:VCALENDAR\r\n").encode()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # so that no connection is refused


def serve(port: int, events: int, mode: str) -> None:
    """Answer for the calendar of every number, `/0` and so on. `mode` decides: always the `same` full answer; `304` if
    the client has the calendar; or full answers with a new DTSTAMP in `half` of the calendars or in all (`churn`).
    """
    made: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = int(self.path[1:])
            body = made.setdefault(self.path, calendar(number, events))
            if mode == "churn" or (mode == "half" and number % 2):
                body = body.replace(*_STAMPS)
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            same = mode == "304" and self.headers.get("If-None-Match") == tag
            self.send_response(304 if same else 200)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", "0" if same else str(len(body)))
            self.end_headers()
            if not same:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    _Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
