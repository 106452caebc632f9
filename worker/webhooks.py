# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivering events to webhooks: one signed, bounded POST each (RFC 9110), to addresses that calendars could be
fetched from too. Redirects are not followed, and of an answer only the status is looked at.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace

import httpcore
import httpx

from importer.config import ImporterConfig
from importer.errors import FetchFailed, where
from importer.fetch.connection import Deadline, GuardedBackend
from importer.fetch.exchange import default_trust, seconds_to_wait, target
from importer.fetch.policy import FetchPolicy
from scheduling.webhooks import signature
from scheduling.webhooks.queue import Attempt, Claim, Outgoing, WebhookQueue

log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds that one attempt may take in all."""
WORKERS = 3
"""Threads that deliver: a receiver that is slow holds up one of them."""
_LEASE = 120
_AWAY = frozenset({408, 425, 429})


@dataclass(kw_only=True, slots=True)
class Tally:
    """How many attempts ended well and how many did not."""

    delivered: int = 0
    undelivered: int = 0


def policy(config: ImporterConfig) -> FetchPolicy:
    """What a delivery may do: what a fetch may, in less time."""
    return replace(config.policy(), deadline=TIMEOUT)


def deliver_waiting(queue: WebhookQueue, policy: FetchPolicy, stop: threading.Event) -> None:
    """As `deliver_due`, without writing anything where nothing is due."""
    if queue.is_due(int(time.time())):
        deliver_due(queue, policy, stop)


def deliver_due(
    queue: WebhookQueue, policy: FetchPolicy, stop: threading.Event, *, only: int | None = None
) -> Tally:
    """Deliver until nothing is due or `stop` is set; with `only`, that delivery, due or not."""
    tally = Tally()
    while not stop.is_set():
        claim = queue.claim(int(time.time()), _LEASE, only)
        if claim is None:
            break
        try:
            _work_off(queue, claim, policy, stop, tally)
        finally:
            queue.release(claim)
        if only is not None:
            break
    return tally


def _work_off(
    queue: WebhookQueue, claim: Claim, policy: FetchPolicy, stop: threading.Event, tally: Tally
) -> None:
    for delivery in claim.deliveries:
        if stop.is_set():
            break
        attempt = post(claim, delivery, policy)
        if attempt.reason is None:
            tally.delivered += 1
            log.info(
                "delivered %s %s to webhook %d", delivery.event_type, delivery.event_id, claim.webhook_id
            )
        else:
            tally.undelivered += 1
            log.warning(
                "%s %s not delivered to webhook %d: %s",
                delivery.event_type,
                delivery.event_id,
                claim.webhook_id,
                attempt.reason,
            )
        if not queue.record(claim, delivery, attempt, int(time.time()), _LEASE):
            break


def post(claim: Claim, delivery: Outgoing, policy: FetchPolicy) -> Attempt:
    """Make one attempt; what goes wrong is in the answer, whose message names the host at most."""
    started = time.monotonic()
    try:
        status, headers = _exchange(claim, delivery, policy)
        attempt = _answered(httpx.URL(claim.url).host, status, headers)
    except FetchFailed as error:
        attempt = Attempt(milliseconds=0, reason=error.reason, message=error.message, away=True)
    except Exception as error:  # noqa: BLE001 (one bad delivery must not stop the others)
        log.error("webhook %d failed: %s", claim.webhook_id, where(error))  # noqa: TRY400 (see where)
        message = "Daysheet itself failed on this delivery; the fault was logged."
        attempt = Attempt(milliseconds=0, reason="internal", message=message)
    return replace(attempt, milliseconds=int((time.monotonic() - started) * 1000))


def _exchange(claim: Claim, delivery: Outgoing, policy: FetchPolicy) -> tuple[int, httpx.Headers]:
    url = target(claim.url, policy)
    address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    body = delivery.body.encode()
    backend = GuardedBackend(policy.allow, policy.ports, Deadline(policy.deadline))
    trust = policy.trust or default_trust()
    try:
        with (
            httpcore.ConnectionPool(ssl_context=trust, network_backend=backend, retries=0) as pool,
            pool.stream(
                "POST", address, headers=_headers(url, claim, delivery, body), content=body
            ) as answer,
        ):
            return answer.status, httpx.Headers(answer.headers)
    except httpcore.TimeoutException:
        raise FetchFailed("timeout", f"{url.host} did not answer within {TIMEOUT:.0f} seconds.") from None
    except (httpcore.RemoteProtocolError, httpcore.ReadError):
        raise FetchFailed("connection", f"{url.host} did not send a valid HTTP answer.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError):
        raise FetchFailed("connection", f"No connection could be made with {url.host}.") from None


def _headers(url: httpx.URL, claim: Claim, delivery: Outgoing, body: bytes) -> list[tuple[bytes, bytes]]:
    signed = signature.sign(claim.secrets, body, int(time.time()))
    return [
        (b"Host", url.netloc),
        (b"User-Agent", b"Daysheet"),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", b"%d" % len(body)),
        (b"Accept", b"*/*"),
        (b"Connection", b"close"),
        (b"Daysheet-Event", delivery.event_type.encode()),
        (b"Daysheet-Event-Id", delivery.event_id.encode()),
        (signature.HEADER.encode(), signed.encode()),
    ]


def _answered(host: str, status: int, headers: httpx.Headers) -> Attempt:
    if 200 <= status < 300:
        return Attempt(milliseconds=0, http_status=status)
    if 300 <= status < 400:
        reason = "redirect"
        message = f"{host} redirects, which is not followed; register the address it leads to."
    elif status == 410:
        reason = "http-410"
        message = f"{host} says that this address is gone for good, so the webhook was paused."
    else:
        reason = "http-5xx" if status >= 500 else f"http-{status}"
        message = f"{host} answered with status {status}."
    return Attempt(
        milliseconds=0,
        http_status=status,
        reason=reason,
        message=message,
        away=status >= 500 or status in _AWAY,
        gone=status == 410,
        retry_after=seconds_to_wait(headers.get("retry-after")),
    )
