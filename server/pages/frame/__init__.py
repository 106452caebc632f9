# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around every page: who asks, whether they may, forms, errors, cookies, header fields, navigation."""
