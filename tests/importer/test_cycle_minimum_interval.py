# SPDX-License-Identifier: GPL-3.0-or-later
"""`subscriptions.minimum_minutes`, which can be changed while the importer runs."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from importer.cycle import Tools, synchronise
from importer.fetch.addresses import Exemptions
from importer.fetch.policy import FetchPolicy
from importer.schedule import Schedule
from importer.sources.registry import source_of
from importer.understand.body import read
from scheduling.access import users
from scheduling.access.permissions import SYSTEM
from scheduling.access.secrets import Keyring
from scheduling.composition import FOLLOWERS
from scheduling.config.sections import Config
from scheduling.database.connection import Database
from scheduling.settings import stored
from scheduling.subscriptions import subscriptions
from scheduling.subscriptions.store import ImportStore

KEYRING = Keyring("bm90LWEtc2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy4=")
POLICY = FetchPolicy(allow_http=True, allow=Exemptions.parse(["127.0.0.1"]), deadline=10)


def test_no_fetch_is_planned_sooner_than_the_setting_says(database: Database, server: Any) -> None:
    address = server.says("/a", 304)
    with database.write() as connection:
        user = users.create(connection, username="anna", actor=SYSTEM)
        subscription = subscriptions.add(connection, KEYRING, user.id, address, "Mine", actor=SYSTEM)
        stored.change(connection, "subscriptions.minimum_minutes", "120", actor=SYSTEM)
    store = ImportStore(database, Config(), KEYRING, followers=FOLLOWERS)
    now = int(time.time())
    (due,) = store.claim(now + 1, 600, 10)
    assert due.minimum_interval == 7200
    synchronise(
        [due],
        Tools(
            store=store, source=partial(source_of, policy=POLICY), schedule=Schedule(interval=60), read=read
        ),
    )
    with database.read() as connection:
        assert subscriptions.get(connection, subscription.id, actor=SYSTEM).next_at >= now + 7200
