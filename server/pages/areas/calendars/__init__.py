# SPDX-License-Identifier: GPL-3.0-or-later
"""My calendars: the account for calendar apps, secret links to subscribe to, and who fetched them."""
