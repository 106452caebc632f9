# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients by what they call themselves."""

from __future__ import annotations

import pytest

from scheduling.readership import client_families


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Google-Calendar-Importer", "google"),
        ("iOS/17.5 (21F79) dataaccessd/1.0", "ios"),
        ("macOS/14.5 (23F79) CalendarAgent/985", "macos"),
        ("Mac+OS+X/10.15.7 (19H2) CalendarAgent/930.5.1", "macos"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.1", "thunderbird"),
        ("DAVx5/4.4.3-ose (2024/10/13; dav4jvm; okhttp/4.12.0) Android/14", "davx5"),
        ("ICSx5/2.2.3 (ical4j/3.2.19; okhttp/4.12.0)", "icsx5"),
        ("Evolution/3.52.3", "evolution"),
        ("Mozilla/5.0 (X11; Linux x86_64) KHTML/5.115.0 (like Gecko) Konqueror/5 KIO/5.115 DAV KIO", "kde"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "outlook"),
        ("Mozilla/4.0 (compatible; ms-office; MSOffice rmj) Exchange/15.20", "outlook"),
        ("CalDavSynchronizer/4.4", "caldav-synchronizer"),
        ("HomeAssistant/2024.11 httpx/0.27.2 Python/3.12", "home-assistant"),
        ("vdirsyncer/0.19.3", "vdirsyncer"),
        ("curl/8.9.1", "script"),
        ("Something/1.0 " + "x" * 100_000, "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_families(agent: str | None, family: str) -> None:
    assert client_families.of(agent) == family
