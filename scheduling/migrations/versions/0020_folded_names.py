# SPDX-License-Identifier: GPL-3.0-or-later
"""Find users by what people type for a username, whose first letter phones make a capital one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_index("users_lower_username_index", "users", [sa.text("lower(username)")])
