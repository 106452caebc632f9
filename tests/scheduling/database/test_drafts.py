# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all, and whose hidden names nobody is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scheduling.access.secrets import Keyring
from scheduling.config.sections import Config, SecuritySettings
from scheduling.database.drafts import draft
from scheduling.errors import Invalid


def test_a_draft_is_its_owners_and_gone_afterwards(tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with draft(target) as hidden:
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o600
        hidden.write_text("whole")
        hidden.replace(target)
    assert [it.name for it in tmp_path.iterdir()] == ["copy.db"]
    with pytest.raises(ZeroDivisionError), draft(target) as hidden:
        hidden.write_text(str(1 // 0))
    assert target.read_text() == "whole"
    assert [it.name for it in tmp_path.iterdir()] == ["copy.db"]


def test_what_cannot_be_written_is_told_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "none" / "copy.db"
    with pytest.raises(FileNotFoundError) as refused, draft(target):
        pass
    assert refused.value.filename == str(target)
    folder = tmp_path / "a-folder"
    (folder / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="a-folder") as told, draft(folder) as hidden:
        hidden.replace(folder)
    assert told.value.filename == str(folder)
    with pytest.raises(FileNotFoundError) as other, draft(tmp_path / "x"):
        (tmp_path / "another").read_text()
    assert other.value.filename == str(tmp_path / "another")


def test_a_key_file_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    longest = tmp_path / ("k" * 255)
    with pytest.raises(Invalid) as refused:
        Keyring.open(Config(security=SecuritySettings(key_file=longest)))
    assert f"The key file {longest} cannot be read or made" in str(refused.value)
    assert "/.k" not in str(refused.value)
