# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: one ini file, one frozen dataclass for each section, and the templates of operators."""
