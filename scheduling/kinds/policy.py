# SPDX-License-Identifier: GPL-3.0-or-later
"""What a subscription's owner wants its events to be (RFC 5545, sections 3.8.1.11, 3.8.2.7 and 3.2.9): which block,
how, and how much of them is shown. Applied when stored events are rendered, so a change needs no fetch. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from scheduling.errors import Invalid
from scheduling.ical.component import busy_time, events, is_cancelled, unfolded
from scheduling.ical.event import BUSY_STATUS_FREE
from scheduling.ical.series import Series

BUSY = ("honour", "all")
TENTATIVE = ("tentative", "busy")
VISIBILITY = ("full", "busy-only", "hidden")
_FREE = f"\r\n{BUSY_STATUS_FREE}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`busy`: whether events that say they take no time block all the same; cancelled ones never do. `tentative`: what
    tentative events are. `visibility`: what calendars and feeds show; a hidden calendar blocks and is not served.
    """

    busy: Literal["honour", "all"] = "honour"
    tentative: Literal["tentative", "busy"] = "tentative"
    visibility: Literal["full", "busy-only", "hidden"] = "full"

    @property
    def changes_nothing(self) -> bool:
        """Whether events are shown as they are."""
        return self == _PLAIN


_PLAIN = Policy()


def checked(policy: Policy) -> Policy:
    """The policy as given. Raises `Invalid` for a value that is none of those above."""
    for name, permitted in (("busy", BUSY), ("tentative", TENTATIVE), ("visibility", VISIBILITY)):
        if getattr(policy, name) not in permitted:
            raise Invalid(f"The policy {name} must be one of {', '.join(permitted)}.")
    return policy


def series(policy: Policy, given: Series, template: str) -> Series:
    """When the event blocks under the policy; `template` is its text, whose VEVENTs are the master and then the
    overrides by RECURRENCE-ID.
    """
    cancelled = [is_cancelled(event) for event in events(template)]
    keys = sorted(given.overrides)
    known = dict(zip(keys, cancelled[1:], strict=True)) if len(cancelled) == len(keys) + 1 else {}
    overrides = {
        key: replace(it, busy=fbtype(policy, it.busy, cancelled=known.get(key, False)))
        for key, it in given.overrides.items()
    }
    master = fbtype(policy, given.busy, cancelled=bool(cancelled and cancelled[0]))
    return replace(given, busy=master, overrides=overrides)


def fbtype(policy: Policy, given: str, *, cancelled: bool) -> str:
    """The FBTYPE under the policy, '' for none."""
    if not given and policy.busy == "all" and not cancelled:
        return "BUSY"
    if given == "BUSY-TENTATIVE" and (policy.tentative == "busy" or policy.busy == "all"):
        return "BUSY"
    return given


def component(policy: Policy, template: str, instance: str) -> str:
    """The text under the policy, with its stamp markers."""
    shown = template if policy.visibility == "full" else masked(template, instance)
    if policy.busy == "all":
        shown = "".join(
            event
            if is_cancelled(event)
            else event.replace("\r\nTRANSP:TRANSPARENT\r\n", "\r\nTRANSP:OPAQUE\r\n").replace(_FREE, "\r\n")
            for event in events(shown)
        )
    if policy.tentative == "busy" or policy.busy == "all":
        shown = shown.replace("\r\nSTATUS:TENTATIVE\r\n", "\r\nSTATUS:CONFIRMED\r\n")
    return shown


def status(policy: Policy, given: str) -> str:
    """STATUS under the policy."""
    is_busy = policy.tentative == "busy" or policy.busy == "all"
    return "CONFIRMED" if given == "TENTATIVE" and is_busy else given


def transparency(policy: Policy, given: str, status: str) -> str:
    """TRANSP under the policy."""
    return "OPAQUE" if policy.busy == "all" and status != "CANCELLED" else given


def opaque_uid(uid: str, instance: str) -> str:
    """A UID that tells nothing of the event's own and stays the same."""
    digest = blake2b(f"{instance}/busy/{uid}".encode("utf-8", "surrogatepass"), digest_size=16)
    return f"{digest.hexdigest()}@busy"


def masked(template: str, instance: str) -> str:
    """The text with nothing but its times, STATUS and TRANSP, and "Busy"."""
    return busy_time(template, lambda line: opaque_uid(unfolded(line)[4:].strip(), instance), outlook=False)
