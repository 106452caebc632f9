# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in requests are told in words: no pattern, no word of a library, and the field by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from server.api.protocol.document import openapi
from server.api.protocol.problems import FORMS
from server.api.resources import ROUTES
from tests.server import fixtures
from tests.server.api.calls import Api

database = fixtures.sqlite_alone
PERIOD = {"starts_at": "2027-03-10T09:00:00Z", "ends_at": "2027-03-10T10:00:00Z"}
LIBRARY = re.compile(r"Input|Field required|should|Value error|pattern|\\x|\^")


def patterns(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Where in the document, and each pattern there."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield name, node["pattern"]
        for key, value in node.items():
            yield from patterns(value, f"{name}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from patterns(value, name)


def test_every_form_that_a_text_has_to_have_is_put_in_words() -> None:
    # The last is of a header, and the amount's has words of its own (jobs.py).
    own = {"^[\\x21-\\x7e]{1,255}$", r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?$"}
    found = dict(patterns(openapi(ROUTES, "https://calendar.example.com")))
    assert len(found) > 40
    assert {where: it for where, it in found.items() if it not in FORMS and it not in own} == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/jobs",
            {"starts_at": 5, "users": "anna", "latitude": "north", "notes": 1, "rate": "89,50"},
        ),
        (
            "POST",
            "/jobs",
            {"starts_at": "soon", "reference": "", "users": ["a/b"], "currency": "euro", "rate": True},
        ),
        ("POST", "/jobs", {"reference": "x" * 300, "latitude": 91, "status": "gone", "time_zone": ""}),
        ("POST", "/jobs/bulk", {"items": [5, {"rate": []}]}),
        ("POST", "/blockers", {"title": "", "rrule": "every day", "exdate": ["tomorrow", 5]}),
        ("POST", "/users", {"username": " anna ", "email": "notmail", "role": "The Boss"}),
        ("POST", "/users/anna/feeds", {"label": "x", "kinds": ["jobz"], "history_months": -1, "detail": 2}),
        ("PATCH", "/users/anna", {"active": "yes"}),
        ("POST", "/users/anna/ical-subscriptions", {"label": "x", "url": "calendar.example.com"}),
        ("POST", "/webhooks", {"url": "app.example.com", "events": []}),
        ("PUT", "/users/anna/working-hours", {"monday": [{"starts": "8", "ends": "25:00"}], "tuesday": 5}),
        ("POST", "/api-keys", {"label": "x", "permissions": "all", "expires_at": "2027-13-01"}),
        ("GET", "/jobs?limit=0&cursor=", None),
        ("GET", "/jobs?limit=many", None),
        ("GET", "/audit?since=yesterday", None),
        ("POST", "/jobs", [1]),
    ],
)
def test_no_word_of_a_library_is_said(api: Api, method: str, path: str, body: Any) -> None:
    refused = api(method, path, body)
    assert refused.status == 400, refused
    assert refused.json["errors"]
    for error in refused.json["errors"]:
        assert not LIBRARY.search(error["detail"]), error


@pytest.mark.parametrize("rate", [89.5, "89.50", "89.5", " 89.50 "])
def test_a_rate_is_a_number_or_a_text(api: Api, rate: Any) -> None:
    made = api.created("/jobs", {**PERIOD, "reference": "J-1", "users": ["anna"], "rate": rate})
    assert Decimal(made["rate"]) == Decimal("89.50")
    changed = api.patch(f"/jobs/{made['id']}", {"rate": 0}, If_Match=made["etag"])
    assert changed.json["rate"] == "0.00"


@pytest.mark.parametrize("rate", [89.555, 1e20, -1_000_000_000, True, [], "1e2", "89,50", ""])
def test_what_is_no_amount_is_refused_by_its_form(api: Api, rate: Any) -> None:
    refused = api.post("/jobs", {**PERIOD, "reference": "J-1", "users": ["anna"], "rate": rate})
    (error,) = refused.json["errors"]
    assert error == {
        "where": "body.rate",
        "detail": "It has to be an amount such as 1250 or 89.50, as a number or a text",
    }


def test_what_binary_fractions_add_to_an_amount_is_not_counted(api: Api) -> None:
    made = api.created("/jobs", {**PERIOD, "reference": "J-1", "users": ["anna"], "rate": 0.1 + 0.2})
    assert made["rate"] == "0.30"


def test_addresses_are_taken_without_what_is_around_them(api: Api) -> None:
    url = " \thttps://calendar.example.com/a.ics \n"
    made = api.created("/users/anna/ical-subscriptions", {"label": "Mine", "url": url})
    assert made["host"] == "calendar.example.com"
    assert api.created("/webhooks", {"url": url, "events": ["job.changed"]})["host"] == "calendar.example.com"
    user = api.created("/users", {"username": "carl", "email": " carl@example.com\n"})
    assert user["email"] == "carl@example.com"
