# SPDX-License-Identifier: GPL-3.0-or-later
"""What is typed, as the API's models want it, and what is shown again when it is refused."""

from __future__ import annotations

from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from pydantic import Field
from werkzeug.datastructures import MultiDict

from scheduling.errors import Invalid
from server.api.protocol.problems import Fault, Refused
from server.api.protocol.values import Day, Given, Moment, Name
from server.pages.frame import forms
from server.pages.frame.forms import FormRefused

BERLIN = ZoneInfo("Europe/Berlin")


class Visitor(Given):
    """One field of each kind."""

    label: Name
    note: str | None = Field(default=None, max_length=4000)
    count: int = Field(default=3, ge=1, le=9)
    ratio: float | None = None
    shown: bool = True
    colour: Literal["red", "blue"] = "red"
    starts_at: Moment | None = None
    day: Day | None = None
    kinds: list[str] = Field(default=[])


def read(*typed: tuple[str, str]) -> Visitor:
    return forms.read(Visitor, MultiDict(typed), name="form", zone=BERLIN)


def refused(*typed: tuple[str, str]) -> dict[str, str]:
    with pytest.raises(FormRefused) as caught:
        read(*typed)
    return caught.value.errors


def test_every_kind_of_field_is_read() -> None:
    found = read(
        ("label", "Phone"),
        ("note", "a\r\nb"),
        ("count", "5"),
        ("ratio", "1,5"),
        ("offered", "shown"),
        ("colour", "blue"),
        ("starts_at", "2026-07-01T09:30"),
        ("day", "2026-07-01"),
        ("offered", "kinds"),
        ("kinds", "jobs"),
        ("kinds", "blockers"),
    )
    assert found.model_dump(warnings=False) == {
        "label": "Phone",
        "note": "a\nb",
        "count": 5,
        "ratio": 1.5,
        "shown": False,
        "colour": "blue",
        "starts_at": "2026-07-01T07:30:00Z",
        "day": date(2026, 7, 1),
        "kinds": ["jobs", "blockers"],
    }


def test_what_the_form_does_not_have_keeps_its_default() -> None:
    found = read(("label", "Phone"))
    assert (found.shown, found.count, found.kinds, found.model_fields_set) == (True, 3, [], {"label"})


def test_an_empty_field_is_null_where_it_may_be() -> None:
    found = read(("label", "Phone"), ("note", ""), ("count", ""), ("starts_at", ""))
    assert (found.note, found.count, found.starts_at) == (None, 3, None)
    assert "note" in found.model_fields_set


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("label", "", "Fill this in."),
        ("label", "x" * 256, "Use at most 255 characters."),
        ("label", "a\x00b", "It has a control character in it."),
        ("count", "0", "Use 1 or more."),
        ("count", "10", "Use 9 or less."),
        ("count", "many", "Write a whole number."),
        ("ratio", "x", "Write a number."),
        ("colour", "green", "Choose one of the list."),
        ("starts_at", "tomorrow", "Write a date and a time, such as 2026-11-20T09:30."),
        ("starts_at", "2026-03-29T02:30", "There is no such time on that day: the clocks go forward."),
        ("day", "29.3.", "It has to be a date such as 2026-11-20."),
    ],
)
def test_what_is_wrong_is_one_sentence_beside_the_field(name: str, typed: str, sentence: str) -> None:
    given = {"label": "Phone", name: typed}
    assert refused(*given.items()) == {name: sentence}


def test_every_fault_is_told_at_once() -> None:
    assert set(refused(("label", ""), ("count", "x"), ("colour", "green"))) == {"label", "count", "colour"}


def test_nothing_typed_is_lost_and_passwords_are_not_shown() -> None:
    typed = MultiDict([("label", "Phone <b>"), ("count", "many"), ("kinds", "jobs"), ("colour", "green")])
    form = forms.show(
        Visitor, name="form", zone=BERLIN, typed=typed, errors={"count": "Write a whole number.", "": "No."}
    )
    assert [form[it].value for it in ("label", "count", "colour")] == ["Phone <b>", "many", "green"]
    assert (form["kinds"].values, form["shown"].checked) == (("jobs",), False)
    assert ([it.name for it in form.wrong], form.error) == (["count"], "No.")


def test_initial_values_are_shown_in_the_zone_of_the_person() -> None:
    initial = Visitor(label="Phone", starts_at="2026-07-01T07:30:00Z", shown=True, kinds=["jobs"])
    form = forms.show(Visitor, name="form", zone=BERLIN, initial=initial)
    assert (form["starts_at"].value, form["shown"].checked) == ("2026-07-01T09:30", True)
    assert (form["label"].shape.longest, form["note"].shape.kind) == (255, "lines")
    assert (form["count"].shape.least, form["count"].shape.most, form["colour"].shape.choices) == (
        1,
        9,
        ("red", "blue"),
    )


def test_refusals_of_the_api_stand_beside_the_field_that_they_name() -> None:
    with pytest.raises(FormRefused) as caught, forms.refusing("form", "label"):
        raise Invalid("it is taken")
    assert caught.value.errors == {"label": "It is taken."}
    with pytest.raises(FormRefused) as caught, forms.refusing("form"):
        raise Refused(422, "No.", errors=[Fault(where="body.count", detail="It is too many")])  # type: ignore[arg-type]
    assert caught.value.errors == {"count": "It is too many."}
