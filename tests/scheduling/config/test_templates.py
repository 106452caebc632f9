# SPDX-License-Identifier: GPL-3.0-or-later
"""What templates accept, and what they leave out when fields are empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.config.templates import Template, TemplateError

FIELDS = ("a", "b", "c", "notes")


def render(text: str, **values: str | None) -> str:
    return Template.parse(text, FIELDS).render(values)


def test_values_take_the_place_of_their_fields() -> None:
    assert render("{a}: {b}", a="Repair", b="Acme") == "Repair: Acme"


def test_doubled_braces_are_literal() -> None:
    assert render("{{a}} {a}", a="1") == "{a} 1"


def test_braces_in_a_value_are_text() -> None:
    assert render("{a}", a="{b} {0} %s") == "{b} {0} %s"


@pytest.mark.parametrize(
    ("template", "values", "shown"),
    [
        ("{a}: {b}", {"a": "Repair"}, "Repair"),
        ("{a}: {b}", {"b": "Acme"}, "Acme"),
        ("{a}: {b}", {"a": "  ", "b": None}, ""),
        ("{a} - {b}, {c}", {"a": "A", "c": "C"}, "A - C"),
        ("{a} - {b} - {c}", {"c": "C"}, "C"),
        ("{a}, {b}, {c}", {"a": "A"}, "A"),
        ("{a} {b} {c}", {"a": "A", "c": "C"}, "A C"),
        ("{a} ({b})", {"a": "A"}, "A"),
        ("{a} ({b}) {c}", {"a": "A", "c": "C"}, "A C"),
        ("{a} ({b}, {c})", {"a": "A", "b": "B"}, "A (B)"),
        ("{a} ({b}, {c})", {"a": "A", "c": "C"}, "A (C)"),
        ("{a} ({b}, {c})", {"a": "A"}, "A"),
        ("Rate: {a} {b}", {"b": "EUR"}, "Rate: EUR"),
        ("Rate: {a} {b}", {"a": "80"}, "Rate: 80"),
        ("{a}{b}: {c}", {"a": "A", "c": "C"}, "A: C"),
    ],
)
def test_an_empty_field_leaves_no_separator_dangling(
    template: str, values: dict[str, str | None], shown: str
) -> None:
    assert render(template, **values) == shown


def test_separators_the_operator_wrote_stay_when_nothing_is_empty() -> None:
    assert render("- {a}  {b}:", a="A", b="B") == "- A  B:"


def test_separators_inside_a_value_stay() -> None:
    assert render("{a}{b}", a="Bring ladder -") == "Bring ladder -"
    assert render("{a}: {b}", b="- first, second") == "- first, second"


def test_a_line_all_of_whose_fields_are_empty_is_left_out() -> None:
    text = "Status: {a}\nRate: {b} {c}\nDaysheet\n{notes}"
    assert render(text, a="confirmed") == "Status: confirmed\nDaysheet"


def test_blank_lines_stay_between_lines_but_not_at_the_ends_or_doubled() -> None:
    text = "{a}\n\n{b}\n\n{c}\n\n{notes}"
    assert render(text, a="A", b="B", c="C", notes="N") == "A\n\nB\n\nC\n\nN"
    assert render(text, a="A", notes="N") == "A\n\nN"
    assert render(text, b="B") == "B"


def test_a_value_of_several_lines_is_kept_whole() -> None:
    assert render("Notes: {notes}\n{a}", notes="one\n\ntwo\n", a="A") == "Notes: one\n\ntwo\nA"


def test_a_url_percent_encodes_values_and_is_empty_without_one_of_them() -> None:
    template = Template.parse("https://app.example.com/jobs/{a}?for={b}", FIELDS)
    assert (
        template.render_url({"a": "J/1 ü", "b": "x&y"})
        == "https://app.example.com/jobs/J%2F1%20%C3%BC?for=x%26y"
    )
    assert template.render_url({"a": "J1", "b": " "}) == ""
    assert Template.parse("", FIELDS).render_url({"a": "J1"}) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{rat}", 'unknown field "rat"'),
        ("{note}", r'unknown field "note" \(did you mean "notes"\?\)'),
        ("{a.__class__}", '"a.__class__", which is not a plain name'),
        ("{a[0]}", r'"a\[0\]", which is not a plain name'),
        ("{a!r}", 'conversion in the field "a"'),
        ("{a:>10}", 'format or conversion in the field "a"'),
        ("{a:{b}}", 'format or conversion in the field "a"'),
        ("{}", "positional field"),
        ("{0}", "positional field"),
        ("{a", "unbalanced braces"),
        ("x}", "unbalanced braces"),
        ("{a!}", "unbalanced braces"),
        ("{a\n}", "unbalanced braces"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(text: str, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        Template.parse(text, FIELDS)


def test_equal_templates_compare_equal() -> None:
    assert Template.parse("{a}", FIELDS) == Template.parse("{a}", reversed(FIELDS))
    assert Template.parse("{a}", FIELDS) != Template.parse("{b}", FIELDS)
    assert hash(Template.parse("{a}", FIELDS)) == hash(Template.parse("{a}", FIELDS))


@given(st.text() | st.text("{}ab!:[(. \n"), st.dictionaries(st.sampled_from(FIELDS), st.none() | st.text()))
def test_any_text_either_renders_or_is_refused(text: str, values: dict[str, str | None]) -> None:
    try:
        template = Template.parse(text, FIELDS)
    except TemplateError:
        return
    shown = template.render(values)
    assert not shown.startswith("\n")
    assert not shown.endswith("\n")


@given(st.dictionaries(st.sampled_from(FIELDS), st.none() | st.text()))
def test_every_value_that_is_not_empty_appears(values: dict[str, str | None]) -> None:
    shown = Template.parse("{a} - {b}, ({c})\n\n{notes}", FIELDS).render(values)
    for value in values.values():
        assert (value or "").strip() in shown
