# SPDX-License-Identifier: GPL-3.0-or-later
"""Radicale's application, corrected where a read-only calendar server has to answer differently."""
