# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has fetched what: calendar clients, their families, and the ledger of what was delivered to them."""
