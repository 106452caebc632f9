# SPDX-License-Identifier: GPL-3.0-or-later
"""Conflicts: a job of a user and something else that takes the same user's time overlap (docs/conflicts.md).

`checks` holds what changed, `overlaps` finds pairs, `check` makes conflicts of them under a lock per user, `watch` does
so for everybody, `listing` reads them, and `acknowledge` is what people do about them.
"""
