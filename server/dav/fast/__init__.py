# SPDX-License-Identifier: GPL-3.0-or-later
"""The request shapes that clients poll with, answered straight from stored columns and text.

Recognition is exact: a request with a single unknown element is left to Radicale. Radicale's answers are the same
(tests/server/dav/fast/test_answers.py compares them), except for the cases listed in docs/architecture.md.
"""

from server.dav.fast.answers import FastAnswers
from server.dav.fast.polls import Polls

__all__ = ["FastAnswers", "Polls"]
