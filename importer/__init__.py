# SPDX-License-Identifier: GPL-3.0-or-later
"""The importer: pulls outside calendars in (fetch, split, understand, plan, apply)."""
