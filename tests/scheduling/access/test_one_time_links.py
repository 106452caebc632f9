# SPDX-License-Identifier: GPL-3.0-or-later
"""One-time links: good for one thing, once, until they expire, and made by those who may."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scheduling.access import audit, by_link, credentials, one_time_links, users
from scheduling.access.audit import Filters
from scheduling.access.one_time_links import LASTS, SETS_PASSWORD, LinkGone, OneTimeLink, Purpose
from scheduling.access.permissions import SYSTEM, Actor, Forbidden, Permission
from scheduling.access.sessions import Browser
from scheduling.access.sign_in import SignInRefused
from scheduling.composition import FOLLOWERS
from scheduling.database.connection import Database
from scheduling.errors import Invalid, SchedulingError
from scheduling.upkeep import maintenance
from tests.scheduling.access.signing_in import Door
from tests.scheduling.actors_of import everybody, with_only

BROWSER = Browser(address="192.0.2.9", user_agent="Firefox")
NEW = "another password"


@pytest.fixture
def door(database: Database) -> Door:
    door = Door(database)
    door.user("anna", password=None, display_name="Anna")
    return door


def anna(door: Door) -> int:
    with door.database.read() as connection:
        return users.get(connection, "anna").id


def make(door: Door, purpose: Purpose, user_id: int | None = None, actor: Actor = SYSTEM) -> str:
    owner = anna(door) if user_id is None else user_id
    if purpose is Purpose.DEVICE and actor is SYSTEM:
        actor = with_only(Permission.PASSWORDS_MANAGE_OWN, user_id=owner)
    with door.database.write() as connection:
        return one_time_links.make(connection, door.keyring, owner, purpose, at=door.now, actor=actor)


def look(door: Door, link: str) -> OneTimeLink:
    with door.database.read() as connection:
        return one_time_links.find(connection, door.keyring, link, door.now)


def use(door: Door, link: str, *purposes: Purpose) -> OneTimeLink:
    with door.database.write() as connection:
        return one_time_links.use(
            connection, door.keyring, link, door.now, *(purposes or Purpose), address="192.0.2.9"
        )


def set_password(door: Door, link: str, password: str = NEW, replaces: str | None = None) -> str:
    return by_link.set_password(
        door.database,
        door.keyring,
        link,
        password,
        config=door.config,
        browser=BROWSER,
        at=door.now,
        replaces=replaces,
    )[1]


def sign_in(door: Door, link: str) -> str:
    return by_link.sign_in(
        door.database, door.keyring, link, config=door.config, browser=BROWSER, at=door.now
    )[1]


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_is_good_once(door: Door, purpose: Purpose) -> None:
    link = make(door, purpose)
    for _ in range(3):
        found = look(door, link)
    assert (found.username, found.display_name, found.purpose) == ("anna", "Anna", purpose)
    assert found.expires_at == door.now + LASTS[purpose]
    assert use(door, link) == found
    with pytest.raises(LinkGone, match="used already, or it has expired"):
        look(door, link)
    with pytest.raises(LinkGone):
        use(door, link)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_expires(door: Door, purpose: Purpose) -> None:
    link = make(door, purpose)
    door.now += LASTS[purpose] - timedelta(seconds=1)
    look(door, link)
    door.now += timedelta(seconds=1)
    with pytest.raises(LinkGone):
        look(door, link)
    with pytest.raises(LinkGone):
        use(door, link)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_new_link_ends_the_one_before_and_no_other(door: Door, purpose: Purpose) -> None:
    others = {it: make(door, it) for it in Purpose if it is not purpose}
    first, second = make(door, purpose), make(door, purpose)
    with pytest.raises(LinkGone):
        use(door, first)
    assert use(door, second).purpose is purpose
    for it, link in others.items():
        assert use(door, link).purpose is it


def test_a_link_is_good_for_its_purpose_only(door: Door) -> None:
    for purpose in Purpose:
        link = make(door, purpose)
        with pytest.raises(LinkGone):
            use(door, link, *(it for it in Purpose if it is not purpose))
        look(door, link)
    for link in (make(door, Purpose.SIGN_IN), make(door, Purpose.DEVICE)):
        with pytest.raises(LinkGone):
            set_password(door, link)
    for link in (make(door, Purpose.INVITATION), make(door, Purpose.DEVICE)):
        with pytest.raises(LinkGone):
            sign_in(door, link)


@pytest.mark.parametrize("link", ["", "x", "a" * 32, "A" * 32, "a" * 33, "\x00", "ä" * 32])
def test_another_text_is_no_link(door: Door, link: str) -> None:
    make(door, Purpose.INVITATION)
    with pytest.raises(LinkGone):
        look(door, link)


def test_of_many_at_once_one_gets_it(door: Door) -> None:
    link = make(door, Purpose.SIGN_IN)
    ready = threading.Barrier(6)
    won: list[str] = []
    lost: list[Exception] = []

    def attempt() -> None:
        ready.wait(10)
        try:
            won.append(sign_in(door, link))
        except LinkGone as error:
            lost.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)


def test_an_invited_person_sets_a_password_and_is_signed_in(door: Door) -> None:
    link = make(door, Purpose.INVITATION)
    with pytest.raises(Invalid, match="too short"):
        set_password(door, link, "short")
    token = set_password(door, link)
    found = door.signed_in(token)
    assert (found.user.username, found.session.began_by) == ("anna", "link")
    assert found.session.is_confirmed(door.now)
    door.sign_in("anna", NEW)
    with pytest.raises(LinkGone):
        set_password(door, link)


def test_a_forgotten_password_is_replaced_and_everybody_signed_out(door: Door) -> None:
    door.user("bo")
    with door.database.read() as connection:
        bo = users.get(connection, "bo").id
    stolen = door.sign_in("bo")
    mine = door.sign_in("bo")
    links = {purpose: make(door, purpose, bo) for purpose in Purpose}
    token = set_password(door, links[Purpose.PASSWORD_RESET], replaces=mine)
    assert [door.who(it) for it in (stolen, mine)] == [None, None]
    assert door.who(token)
    with pytest.raises(SignInRefused):
        door.sign_in("bo")
    for purpose in (Purpose.INVITATION, Purpose.SIGN_IN):
        with pytest.raises(LinkGone):
            use(door, links[purpose])


def test_a_password_that_an_admin_sets_ends_the_links(door: Door) -> None:
    links = [make(door, purpose) for purpose in (*SETS_PASSWORD, Purpose.SIGN_IN)]
    with door.database.write() as connection:
        credentials.set_password(connection, anna(door), NEW, actor=SYSTEM)
    for link in links:
        with pytest.raises(LinkGone):
            use(door, link)


def test_signing_in_by_link_needs_no_password_and_ends_with_one(door: Door) -> None:
    token = sign_in(door, make(door, Purpose.SIGN_IN))
    assert door.signed_in(token).session.began_by == "link"
    with door.database.write() as connection:
        credentials.set_password(connection, anna(door), NEW, actor=SYSTEM)
    assert door.who(token) is None


@pytest.mark.parametrize("column", ["active", "calendar_access"])
def test_a_link_of_a_user_who_was_taken_out_is_worth_nothing(door: Door, column: str) -> None:
    link = make(door, Purpose.INVITATION)
    with door.database.write() as connection:
        users.change(connection, "anna", {column: False}, actor=SYSTEM)
    with pytest.raises(LinkGone):
        look(door, link)
    with pytest.raises(LinkGone):
        set_password(door, link)


def test_making_and_using_is_audited_without_the_token(door: Door) -> None:
    link = make(door, Purpose.INVITATION)
    set_password(door, link)
    with door.database.read() as connection:
        entries = list(audit.walk(connection))
    acts = [(it.action, it.subject, it.actor, it.address) for it in entries[1:]]
    assert acts == [
        ("link.create", "user:anna", "system", None),
        ("link.use", "user:anna", "anna", "192.0.2.9"),
        ("password.set", "user:anna", "anna", "192.0.2.9"),
        ("session.start", "session:1", "anna", "192.0.2.9"),
    ]
    assert link not in str(entries)
    with door.database.read() as connection:
        assert audit.page(connection, filters=Filters(action="link"))[0].facts == {"purpose": "invitation"}


def test_only_a_hash_of_the_token_is_kept(door: Door) -> None:
    link = make(door, Purpose.INVITATION)
    with door.database.read() as connection:
        row = connection.execute(text("SELECT * FROM one_time_links")).one()
    assert link not in str(row)
    assert link.encode() not in bytes(row.lookup)


def test_whoever_manages_users_makes_links_for_those_who_may_do_no_more(database: Database) -> None:
    door = Door(database)
    people = everybody(database)
    for purpose in SETS_PASSWORD:
        made = {
            (by, of)
            for by, actor in people.items()
            for of, owner in people.items()
            if _makes(door, purpose, owner, actor)
        }
        assert made == {
            *(("admin", of) for of in ("member", "dispatcher", "admin", "other")),
            *(("super-admin", of) for of in people),
        }


def test_an_api_key_makes_no_link_for_its_own_user_who_may_do_more(database: Database) -> None:
    door = Door(database)
    people = everybody(database)
    key = with_only(
        Permission.USERS_MANAGE, Permission.PASSWORDS_MANAGE_OWN, user_id=people["super-admin"].user_id
    )
    for purpose in SETS_PASSWORD:
        assert not _makes(door, purpose, people["super-admin"], key)
        assert _makes(door, purpose, people["member"], key)


def test_nobody_signs_in_as_somebody_else_but_on_the_machine(database: Database) -> None:
    door = Door(database)
    people = everybody(database)
    for actor in people.values():
        for owner in people.values():
            assert not _makes(door, Purpose.SIGN_IN, owner, actor)
    assert all(_makes(door, Purpose.SIGN_IN, owner, SYSTEM) for owner in people.values())


def test_a_device_is_connected_by_its_owner(database: Database) -> None:
    door = Door(database)
    people = everybody(database)
    made = {
        (by, of)
        for by, actor in people.items()
        for of, owner in people.items()
        if _makes(door, Purpose.DEVICE, owner, actor)
    }
    assert made == {(name, name) for name in people}
    assert not _makes(door, Purpose.DEVICE, people["member"], SYSTEM)


def _makes(door: Door, purpose: Purpose, owner: Actor, actor: Actor) -> bool:
    user_id: Any = owner.user_id
    try:
        with door.database.write() as connection:
            one_time_links.make(connection, door.keyring, user_id, purpose, at=door.now, actor=actor)
    except (Forbidden, Invalid):
        return False
    except SchedulingError as other:
        raise AssertionError from other
    return True


def test_maintenance_forgets_links_that_have_expired(door: Door) -> None:
    make(door, Purpose.PASSWORD_RESET)
    kept = make(door, Purpose.INVITATION)
    door.later(hours=1)
    maintenance.run(door.database, door.config, door.now, followers=FOLLOWERS)
    with door.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM one_time_links")).scalar() == 1
    assert look(door, kept)
