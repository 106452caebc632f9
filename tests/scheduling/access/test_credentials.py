# SPDX-License-Identifier: GPL-3.0-or-later
"""Main passwords are checked slowly, and as slowly where there is no such user."""

from __future__ import annotations

from argon2 import extract_parameters

from scheduling.access import credentials


def test_a_name_without_a_user_costs_the_same_check() -> None:
    real = credentials._hasher.hash("correct horse")
    assert extract_parameters(credentials._NO_PASSWORD) == extract_parameters(real)
    assert credentials.verify(real, "correct horse")
    assert not credentials.verify(real, "wrong horse")
    assert not credentials.verify(None, "correct horse")
