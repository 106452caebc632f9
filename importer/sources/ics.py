# SPDX-License-Identifier: GPL-3.0-or-later
"""Published calendars: one iCalendar stream at an http or https address (RFC 5545, RFC 9110)."""

from __future__ import annotations

from importer.fetch.exchange import FetchRequest, fetch
from importer.fetch.policy import FetchPolicy
from importer.sources.source import Extent, Listing, Wanted
from importer.store import HttpFacts
from importer.understand.body import Stream


class IcsSource:
    """Fetches as `policy` permits."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy

    def list(self, wanted: Wanted) -> Listing:
        """The whole stream (`Source.list`). Raises `FetchFailed`, whose message names the host at most."""
        answer = fetch(
            FetchRequest(
                url=wanted.url,
                etag=wanted.etag,
                last_modified=wanted.last_modified,
                credentials=wanted.credentials,
                visit=wanted.visit,
            ),
            self._policy,
        )
        is_whole = answer.status == "fetched"
        return Listing(
            extent=Extent.SNAPSHOT if is_whole else Extent.UNCHANGED,
            content=Stream(body=answer.body, charset=answer.charset) if is_whole else None,
            etag=answer.etag,
            last_modified=answer.last_modified,
            http=HttpFacts(
                status=200 if is_whole else 304,
                etag=answer.etag is not None,
                last_modified=answer.last_modified,
                content_type=answer.content_type,
                octets=len(answer.body),
                milliseconds=answer.milliseconds,
                host=answer.host,
            ),
        )
