# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds are made, changed, given new links and ended, with permission and in the audit log."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduling.access import audit, rotation
from scheduling.access.permissions import SYSTEM, Actor, Forbidden, Permission
from scheduling.access.secrets import Keyring, new_key
from scheduling.database.connection import Connection, Database
from scheduling.errors import Invalid, NotFound
from scheduling.feeds import feeds
from scheduling.feeds.feeds import FeedOptions
from scheduling.feeds.links import Link, LinkState, find_link, subscribe_links, touch
from tests.factories import Dispatch

KEYRING = Keyring(new_key())
HOUR = timedelta(hours=1)


@pytest.fixture
def ann(dispatch: Dispatch) -> int:
    return dispatch.user("ann")


def make(database: Database, user: int, options: FeedOptions | None = None) -> tuple[int, str]:
    with database.write() as connection:
        feed, token = feeds.create(connection, KEYRING, user, "Phone", options, actor=SYSTEM)
    return feed.id, token


def link(database: Database, token: str, after: timedelta = timedelta()) -> Link:
    with database.read() as connection:
        return find_link(connection, KEYRING, token, datetime.now(UTC) + after)


def actor(user: int | None, *permissions: Permission) -> Actor:
    return Actor(kind="user", user_id=user, name="somebody", permissions=frozenset(permissions))


def actions(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(it.action, it.subject) for it in reversed(audit.page(connection))]


def test_a_new_feed_has_the_options_it_was_given(database: Database, ann: int) -> None:
    options = FeedOptions(
        kinds=("external", "time-off"),
        detail="busy",
        history_months=2,
        future_months=0,
        cancelled_days=7,
        alarm_minutes=30,
        expires_at=datetime(2999, 1, 1, tzinfo=UTC),
    )
    number, token = make(database, ann, options)
    with database.read() as connection:
        found = feeds.get(connection, number, actor=SYSTEM)
    assert (found.options, found.last_fetched_at, found.expires_at) == (options, None, options.expires_at)
    assert link(database, token).options == options


def test_a_feed_needs_a_user_and_a_future(database: Database, ann: int) -> None:
    with pytest.raises(NotFound, match="no user with the id 99"):
        make(database, 99)
    with pytest.raises(Invalid, match="in the future"):
        make(database, ann, FeedOptions(expires_at=datetime.now(UTC) - HOUR))


def test_an_expired_link_is_gone_until_the_expiry_is_moved(database: Database, ann: int) -> None:
    number, token = make(database, ann, FeedOptions(expires_at=datetime.now(UTC) + HOUR))
    assert link(database, token).state is LinkState.CURRENT
    assert link(database, token, 2 * HOUR).state is LinkState.GONE
    with database.write() as connection:
        feeds.update(connection, number, options=FeedOptions(), actor=SYSTEM)
    assert link(database, token, 2 * HOUR).state is LinkState.CURRENT


def test_every_change_of_options_moves_the_version_and_an_empty_one_does_not(
    database: Database, ann: int
) -> None:
    number, token = make(database, ann)
    versions = [link(database, token).changed_at]
    for months in (1, 2, 2, 3):
        with database.write() as connection:
            feeds.update(connection, number, options=FeedOptions(future_months=months), actor=SYSTEM)
        versions.append(link(database, token).changed_at)
    assert versions[0] < versions[1] < versions[2] == versions[3] < versions[4]
    with database.write() as connection:
        feeds.update(connection, number, label="Tablet", actor=SYSTEM)
    assert link(database, token).changed_at == versions[4]


def test_a_replaced_link_says_so_until_its_overlap_ends(database: Database, ann: int) -> None:
    number, old = make(database, ann)
    with database.write() as connection:
        new = feeds.regenerate(connection, KEYRING, number, overlap_hours=6, actor=SYSTEM)
    assert link(database, new).state is LinkState.CURRENT
    replaced = link(database, old, 5 * HOUR)
    assert (replaced.state, replaced.ends_at - replaced.replaced_at) == (LinkState.REPLACED, 6 * 3600)
    assert link(database, old, 7 * HOUR).state is LinkState.GONE


def test_without_an_overlap_a_replaced_link_is_gone_at_once(database: Database, ann: int) -> None:
    number, old = make(database, ann)
    with database.write() as connection:
        feeds.regenerate(connection, KEYRING, number, actor=SYSTEM)
    assert link(database, old).state is LinkState.GONE


@pytest.mark.parametrize("hours", [-1, 721, True])
def test_an_overlap_has_bounds(database: Database, ann: int, hours: int) -> None:
    number, _ = make(database, ann)
    with database.write() as connection, pytest.raises(Invalid, match="from 0 to 720"):
        feeds.regenerate(connection, KEYRING, number, overlap_hours=hours, actor=SYSTEM)


def test_resetting_ends_every_old_link_those_in_an_overlap_too(
    database: Database, ann: int, dispatch: Dispatch
) -> None:
    number, oldest = make(database, ann)
    _, other = make(database, ann)
    revoked, _ = make(database, ann)
    _, theirs = make(database, dispatch.user("bo"))
    with database.write() as connection:
        old = feeds.regenerate(connection, KEYRING, number, overlap_hours=24, actor=SYSTEM)
        feeds.revoke(connection, revoked, actor=SYSTEM)
    assert link(database, oldest).state is LinkState.REPLACED
    with database.write() as connection:
        assert feeds.reset_all(connection, KEYRING, ann, actor=SYSTEM) == 2
    assert [link(database, it, HOUR).state for it in (oldest, old, other)] == [LinkState.GONE] * 3
    assert link(database, theirs).state is LinkState.CURRENT


def test_a_revoked_feed_ends_its_overlap(database: Database, ann: int) -> None:
    number, old = make(database, ann)
    with database.write() as connection:
        feeds.regenerate(connection, KEYRING, number, overlap_hours=24, actor=SYSTEM)
        feeds.revoke(connection, number, actor=SYSTEM)
    assert link(database, old).state is LinkState.GONE
    with database.write() as connection:
        with pytest.raises(NotFound, match="is revoked"):
            feeds.update(connection, number, label="Again", actor=SYSTEM)
        feeds.revoke(connection, number, actor=SYSTEM)
    assert actions(database)[-1] == ("feed.revoke", f"feed:{number}")


def test_every_act_is_in_the_audit_log_without_a_token(
    database: Database, ann: int, dispatch: Dispatch
) -> None:
    number, token = make(database, ann)
    with database.write() as connection:
        assert feeds.reveal(connection, KEYRING, number, actor=SYSTEM) == token
        feeds.update(connection, number, options=FeedOptions(detail="busy"), actor=SYSTEM)
        new = feeds.regenerate(connection, KEYRING, number, overlap_hours=2, actor=SYSTEM)
        feeds.revoke(connection, number, actor=SYSTEM)
    assert actions(database) == [
        (f"feed.{verb}", f"feed:{number}") for verb in ("create", "show", "update", "regenerate", "revoke")
    ]
    kept = str(dispatch.execute("SELECT * FROM audit_log"))
    assert token not in kept
    assert new not in kept


OWN = (Permission.FEEDS_VIEW_OWN, Permission.FEEDS_CREATE_OWN)
ACTS: dict[str, Callable[[Connection, int, int, Actor], Any]] = {
    "create": lambda connection, user, _, by: feeds.create(connection, KEYRING, user, "New", actor=by),
    "list": lambda connection, user, _, by: feeds.list_feeds(connection, user, actor=by),
    "get": lambda connection, _, feed, by: feeds.get(connection, feed, actor=by),
    "reveal": lambda connection, _, feed, by: feeds.reveal(connection, KEYRING, feed, actor=by),
    "update": lambda connection, _, feed, by: feeds.update(connection, feed, label="x", actor=by),
    "regenerate": lambda connection, _, feed, by: feeds.regenerate(connection, KEYRING, feed, actor=by),
    "reset": lambda connection, user, _, by: feeds.reset_all(connection, KEYRING, user, actor=by),
    "revoke": lambda connection, _, feed, by: feeds.revoke(connection, feed, actor=by),
}
READING = {"list", "get", "reveal"}


def test_several_links_are_shown_at_once_and_each_is_in_the_audit_log(
    database: Database, ann: int, dispatch: Dispatch, statements: Callable[..., Any]
) -> None:
    other = dispatch.user("bo")
    made = dict(make(database, ann) for _ in range(4))
    revoked, of_bo, replaced = make(database, ann)[0], make(database, other)[0], min(made)
    with database.write() as connection:
        feeds.revoke(connection, revoked, actor=SYSTEM)
        feeds.regenerate(connection, KEYRING, replaced, overlap_hours=5, actor=SYSTEM)
    owner = actor(ann, Permission.FEEDS_VIEW_OWN)
    asked = [*made, revoked, of_bo, 999]
    with database.write() as connection, statements(database) as seen:
        shown = feeds.reveal_several(connection, KEYRING, ann, asked, actor=owner)
    assert len(seen) == 2
    assert shown.keys() == made.keys()
    assert {it for it in made if shown[it] == made[it]} == made.keys() - {replaced}
    assert sorted(actions(database))[-4:] == [("feed.show", f"feed:{it}") for it in sorted(made)]
    with database.write() as connection:
        assert shown[replaced] == feeds.show(connection, KEYRING, replaced)
        assert feeds.reveal_several(connection, KEYRING, ann, [], actor=owner) == {}
        with pytest.raises(Forbidden):
            feeds.reveal_several(connection, KEYRING, other, asked, actor=owner)


@pytest.mark.parametrize("act", ACTS)
def test_who_may_do_what(database: Database, ann: int, dispatch: Dispatch, act: str) -> None:
    number, _ = make(database, ann)
    bo = dispatch.user("bo")
    table: list[tuple[Actor, type[Exception] | None]] = [
        (SYSTEM, None),
        (actor(bo, Permission.FEEDS_MANAGE_ALL), None),
        (actor(ann, *OWN), None),
        (actor(ann, Permission.FEEDS_VIEW_OWN), None if act in READING else Forbidden),
        (actor(ann), Forbidden),
        (actor(bo, *OWN), Forbidden if act in ("create", "list", "reset") else NotFound),
        (actor(None, *OWN), Forbidden if act in ("create", "list", "reset") else NotFound),
    ]
    for who, refusal in table:
        with database.engine.connect() as connection, connection.begin() as transaction:
            if refusal is None:
                ACTS[act](connection, ann, number, who)
            else:
                with pytest.raises(refusal):
                    ACTS[act](connection, ann, number, who)
            transaction.rollback()


def test_only_who_manages_all_feeds_lists_them_all(database: Database, ann: int) -> None:
    make(database, ann)
    with database.read() as connection:
        assert len(feeds.list_feeds(connection, actor=actor(None, Permission.FEEDS_MANAGE_ALL))) == 1
        with pytest.raises(Forbidden):
            feeds.list_feeds(connection, actor=actor(ann, *OWN))


def test_webhooks_are_told_of_a_new_link_and_not_what_it_is(
    database: Database, ann: int, dispatch: Dispatch
) -> None:
    from scheduling.webhooks import endpoints  # noqa: PLC0415

    number, _ = make(database, ann)
    with database.write() as connection:
        endpoints.add(
            connection,
            KEYRING,
            label="Chat",
            url="https://hooks.example.com/x",
            events=["feed.regenerated"],
            actor=SYSTEM,
        )
        token = feeds.regenerate(connection, KEYRING, number, overlap_hours=3, actor=SYSTEM)
    [(payload,)] = dispatch.execute("SELECT body FROM webhook_deliveries")
    assert json.loads(payload)["data"] == {
        "feed": {"id": number, "user": "ann", "label": "Phone"},
        "overlap_hours": 3,
    }
    assert token not in payload


def test_a_feed_whose_calendar_went_has_a_new_version(database: Database, ann: int) -> None:
    _, token = make(database, ann)
    before = link(database, token).changed_at
    with database.write() as connection:
        touch(connection, ann)
        touch(connection, ann)
    assert link(database, token).changed_at > before


def test_links_and_keys_are_not_in_representations(database: Database, ann: int) -> None:
    _, token = make(database, ann)
    assert token not in repr(subscribe_links(f"https://calendar.example.com/feeds/{token}.ics", "Phone"))
    found = link(database, token)
    assert repr(found.key)[2:-1] not in repr(found)
    assert repr(replace(found, key=b"")) == repr(found)


def test_every_encrypted_column_is_encrypted_anew(
    database: Database, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    tokens = [make(database, ann) for _ in range(5)]
    assert {f"{it.table.name}.{it.name}" for it in rotation.secret_columns()} >= {
        *("feed_tokens.encrypted", "subscriptions.encrypted_url", "webhooks.encrypted_secret"),
    }
    newer = Keyring(f"{new_key()} {KEYRING._text}")
    assert rotation.reencrypt(database, newer) == 5
    only_new = Keyring(newer._text.split()[0])
    with database.read() as connection:
        for number, token in tokens:
            assert feeds.show(connection, only_new, number) == token
