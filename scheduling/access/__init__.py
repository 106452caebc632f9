# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: users, roles, permissions, credentials, keys, limits and the audit log."""
