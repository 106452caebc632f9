# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own account: name, language, password, sessions."""
