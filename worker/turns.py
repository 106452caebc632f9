# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker does again and again: single turns, each in a thread of its own, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from importer.errors import where

log = logging.getLogger(__name__)

Turn = Callable[[int], bool]
"""Works off some of what has changed in the schedule at the epoch second given; returns whether there may be more."""

_MOST_TURNS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """Something to do again and again, with a pause of so many seconds. `name` is the thread's, and is logged."""

    name: str
    do: Callable[[], None]
    pause: float


def work_off(turns: Sequence[Turn], stop: threading.Event) -> None:
    """Work off all that has changed in the schedule, some at a time."""
    for _ in range(_MOST_TURNS):
        if stop.is_set():
            return
        more = [turn(int(time.time())) for turn in turns]
        if not any(more):
            return


@contextmanager
def in_background(duties: Sequence[Duty], stop: threading.Event) -> Iterator[None]:
    """Do these beside the block, until `stop` is set, which leaving the block does. A duty that fails is logged and
    done again after its pause.
    """
    threads = [threading.Thread(target=_again, args=(duty, stop), name=duty.name) for duty in duties]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _again(duty: Duty, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            duty.do()
        except Exception as error:  # noqa: BLE001 (a database that is away comes back)
            log.error("%s failed, trying again: %s", duty.name, where(error))  # noqa: TRY400 (see where)
        stop.wait(duty.pause)
