# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks in a real database, and what is queued for them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.database.connection import Database
from scheduling.models import WebhookDelivery
from scheduling.webhooks import EventType, emit, endpoints
from scheduling.webhooks.queue import WebhookQueue

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass
class Webhooks:
    """Adds webhooks and reads their queues."""

    database: Database
    keyring: Keyring
    queue: WebhookQueue

    def add(
        self, url: str = "https://app.example.com/a", events: Collection[str] = tuple(EventType), **named: Any
    ) -> int:
        with self.database.write() as connection:
            return endpoints.add(connection, self.keyring, url, events, **named, actor=SYSTEM)[0].id

    def emit(self, number: int = 1, event_type: str = EventType.FEED_REGENERATED, **named: Any) -> None:
        with self.database.write() as connection:
            emit(connection, event_type, {"number": number}, **named)

    def get(self, webhook: int = 1) -> endpoints.Webhook:
        with self.database.read() as connection:
            return endpoints.get(connection, webhook)

    def bodies(self, webhook: int = 1) -> list[dict[str, Any]]:
        """What is or was queued for a webhook, in its order."""
        of_webhook = select(WebhookDelivery.body).where(WebhookDelivery.webhook_id == webhook)
        with self.database.read() as connection:
            texts = connection.scalars(of_webhook.order_by(WebhookDelivery.id)).all()
        return [json.loads(text) for text in texts]

    def data(self, webhook: int = 1) -> list[Any]:
        return [body["data"] for body in self.bodies(webhook)]


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    keyring = Keyring(KEY)
    return Webhooks(database, keyring, WebhookQueue(database, keyring))
