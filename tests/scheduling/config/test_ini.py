# SPDX-License-Identifier: GPL-3.0-or-later
"""One ini file, one dataclass per section: what is read, what wins, and how mistakes are reported."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from scheduling.config import ini
from scheduling.config.ini import ConfigError, option


@dataclass(frozen=True, slots=True, kw_only=True)
class Kitchen:
    """The kitchen.

    Where food is made.
    """

    ovens: int = option(2, parse=ini.integer(1, 9), doc="How many ovens.")
    style: str = option("plain", choices=("plain", "rich"), doc="How it is cooked.")
    motto: str = option("eat\n\nwell", doc="What hangs on the wall.")
    open: bool = option(True, parse=ini.boolean, doc="Whether it is open.")
    recipe: str = option("", doc="Not told.", secret=True)
    pin: int = option(0, parse=ini.integer(0, 9999), doc="The door.", secret=True)


def load(raw: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> Kitchen:
    return ini.load_section(Kitchen, "kitchen", raw or {}, environ or {}, "food.ini")


def written(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "food.ini"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_options_not_given_have_their_defaults() -> None:
    assert load() == Kitchen()
    assert Kitchen().ovens == 2
    assert Kitchen().motto == "eat\n\nwell"
    assert Kitchen().open is True


def test_the_file_wins_over_the_default_and_the_environment_over_the_file() -> None:
    assert load({"ovens": "3"}).ovens == 3
    assert load({"ovens": "3"}, {"DAYSHEET_KITCHEN_OVENS": "4", "DAYSHEET_CELLAR_OVENS": "5"}).ovens == 4


def test_a_value_in_the_file_that_the_environment_replaces_need_not_be_valid() -> None:
    assert load({"ovens": "many"}, {"DAYSHEET_KITCHEN_OVENS": "4"}).ovens == 4


def test_an_empty_variable_sets_an_empty_value() -> None:
    assert load({"motto": "wash"}, {"DAYSHEET_KITCHEN_MOTTO": ""}).motto == ""


def test_a_dash_in_a_section_name_is_an_underscore_in_its_variables() -> None:
    section = ini.load_section(Kitchen, "big-kitchen", {}, {"DAYSHEET_BIG_KITCHEN_OVENS": "7"}, "food.ini")
    assert section.ovens == 7


def test_an_unknown_option_is_refused_with_the_closest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"ovns": "3"})
    assert str(caught.value) == (
        'food.ini: [kitchen] ovns: there is no such option (did you mean "ovens"?) '
        "(permitted: ovens, style, motto, open, recipe, pin)."
    )
    assert (caught.value.file, caught.value.section, caught.value.option) == ("food.ini", "kitchen", "ovns")


def test_an_unknown_variable_of_a_known_section_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, {"DAYSHEET_KITCHEN_OVENZ": "3"})
    assert str(caught.value).startswith("environment variable DAYSHEET_KITCHEN_OVENZ: [kitchen] ovenz: ")
    assert 'did you mean "ovens"?' in str(caught.value)


def test_a_refused_value_is_shown_with_what_is_permitted() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"ovens": "ten"})
    assert str(caught.value) == (
        'food.ini: [kitchen] ovens: "ten" is not a whole number (permitted: a whole number from 1 to 9).'
    )


def test_a_long_refused_value_is_shortened() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"style": "x" * 5000})
    assert len(str(caught.value)) < 200


def test_a_secret_never_shows() -> None:
    assert "quiche" not in repr(load({"recipe": "quiche"}))
    with pytest.raises(ConfigError) as caught:
        load({"pin": "hunter2"})
    assert "hunter2" not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "a whole number from 0 to 9999" in str(caught.value)


def test_values_are_read_as_they_stand(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "# remark\n[kitchen]\nMotto = 100 %(sure)s # not a remark ; nor this\nrecipe: a = b\n"
        "long = one\n    two\n\n    three\n\n[cellar]\n",
    )
    assert ini.read_ini(file) == {
        "kitchen": {
            "motto": "100 %(sure)s # not a remark ; nor this",
            "recipe": "a = b",
            "long": "one\ntwo\n\nthree",
        },
        "cellar": {},
    }


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert ini.read_ini(written(tmp_path, "\ufeff[kitchen]\nmotto = é\n")) == {"kitchen": {"motto": "é"}}


def test_a_section_called_default_is_an_ordinary_one(tmp_path: Path) -> None:
    assert ini.read_ini(written(tmp_path, "[DEFAULT]\na = 1\n[kitchen]\n")) == {
        "DEFAULT": {"a": "1"},
        "kitchen": {},
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[kitchen]\novens = 1\novens = 2\n", "[kitchen] ovens: the option is given twice (again in line 3)"),
        ("[kitchen]\novens = 1\n[kitchen]\n", "[kitchen]: the section is given twice (again in line 3)"),
        ("ovens = 1\n", "line 1 stands before the first [section] line"),
        ("[kitchen]\nhunter2\n", "line 2 is not of the form"),
        (b"[kitchen]\nmotto = \xe9\n", "not UTF-8"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ini.read_ini(written(tmp_path, content))
    assert problem in str(caught.value)
    assert str(tmp_path / "food.ini") in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        ini.read_ini(tmp_path / "none.ini")
    with pytest.raises(ConfigError, match="the file cannot be read"):
        ini.read_ini(tmp_path)


@pytest.mark.parametrize(
    ("parse", "given", "value"),
    [
        (ini.boolean, " Yes ", True),
        (ini.boolean, "off", False),
        (ini.integer(), "-12", -12),
        (ini.integer(1, 3), "3", 3),
        (ini.number(0, 1), "0.25", 0.25),
        (ini.duration(), "90s", 90),
        (ini.duration(), "1h 30m", 5400),
        (ini.duration(), "7d", 604800),
        (ini.duration(), "2W", 1209600),
        (ini.duration(), "0", 0),
        (ini.size(), "10MB", 10_000_000),
        (ini.size(), "16 MiB", 16 * 2**20),
        (ini.size(), "64kb", 64_000),
        (ini.size(), "500", 500),
        (ini.choice("a", "b"), " B", "b"),
        (ini.choices("a", "b", "c"), "c, a,c,", ("a", "c")),
        (ini.choices("a", "b"), "", ()),
        (ini.url(), "https://example.com:8443/x", "https://example.com:8443/x"),
        (ini.url("caldavs"), "caldavs://example.com", "caldavs://example.com"),
        (
            ini.networks,
            "192.0.2.0/24, 2001:db8::/32",
            (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")),
        ),
        (ini.networks, "192.0.2.7", (ipaddress.ip_network("192.0.2.7/32"),)),
        (ini.networks, "", ()),
        (ini.history, "0", 0),
        (ini.history, "All", None),
        (ini.path, "var/key", Path("var/key")),
        (ini.optional(ini.path), " ", None),
        (ini.optional(ini.integer()), "4", 4),
        (ini.text, r" one\ntwo\\n ", "one\ntwo\\n"),
    ],
)
def test_a_parser_reads(parse: ini.Parser[object], given: str, value: object) -> None:
    read = parse(given)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        (ini.boolean, "maybe"),
        (ini.boolean, ""),
        (ini.integer(), "1_000"),
        (ini.integer(), "٣"),
        (ini.integer(), "1.5"),
        (ini.integer(), "9" * 5000),
        (ini.integer(1), "0"),
        (ini.integer(maximum=5), "6"),
        (ini.number(), "nan"),
        (ini.number(), "1e999"),
        (ini.number(), ""),
        (ini.duration(), "15"),
        (ini.duration(), "-1h"),
        (ini.duration(60), "59s"),
        (ini.duration(0, 60), "2m"),
        (ini.size(), "10XB"),
        (ini.size(0, 1000), "1KiB"),
        (ini.choice("a"), "b"),
        (ini.choices("a"), "a,b"),
        (ini.url(), "ftp://example.com"),
        (ini.url(), "https:///path"),
        (ini.url(), "https://example.com:99999"),
        (ini.url(), "https://exa mple.com"),
        (ini.url(), "example.com"),
        (ini.url(), "https://[::1"),
        (ini.networks, "192.0.2.1/24"),
        (ini.networks, "here"),
        (ini.history, "-1"),
        (ini.history, "some"),
        (ini.path, ""),
        (ini.path, "a\0b"),
    ],
)
def test_a_parser_refuses(parse: ini.Parser[object], given: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|names|does) "):
        parse(given)


def test_a_default_that_is_not_permitted_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="is more than 9"):
        option(10, parse=ini.integer(1, 9), doc="")


def test_every_option_is_described_as_an_operator_writes_it() -> None:
    docs = {doc.name: doc for doc in ini.describe(Kitchen, "kitchen")}
    assert list(docs) == ["ovens", "style", "motto", "open", "recipe", "pin"]
    assert docs["ovens"] == ini.OptionDoc(
        section="kitchen",
        name="ovens",
        default_text="2",
        doc="How many ovens.",
        permitted="a whole number from 1 to 9",
    )
    assert docs["open"].default_text == "yes"
    assert docs["style"].permitted == "plain or rich"


def test_the_annotated_file_with_every_option_uncommented_gives_the_defaults(tmp_path: Path) -> None:
    rendered = ini.render_ini({"kitchen": Kitchen})
    assert "# How many ovens.\n# Permitted: a whole number from 1 to 9\n#ovens = 2\n" in rendered
    assert not [line for line in rendered.splitlines() if line != line.rstrip()]
    uncommented = [re.sub(r"^#(?=\S|    )", "", line) for line in rendered.splitlines()]
    raw = ini.read_ini(written(tmp_path, "\n".join(uncommented)))
    assert set(raw["kitchen"]) == {"ovens", "style", "motto", "open", "recipe", "pin"}
    assert load(raw["kitchen"]) == Kitchen()
