# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions to outside calendars: managed by their owners, filled by the importer."""
