# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: who did what, with filters, newest first; what the filters find as a CSV file."""

from __future__ import annotations

import csv
from io import StringIO
from itertools import islice
from urllib.parse import urlencode

from flask import Response
from werkzeug.datastructures import MultiDict

from scheduling.access import audit as log
from scheduling.access.audit import Entry, Filters
from scheduling.access.permissions import Permission, require
from server.api.people import audit as api
from server.api.people.audit import AuditQuery
from server.api.protocol.values import moment
from server.pages.frame import forms
from server.pages.frame.forms import WHOLE_FORM, FormRefused
from server.pages.frame.routes import Nav, Pages, Section
from server.pages.frame.visit import FORM, Visit
from server.pages.words.languages import N_, gettext

pages = Pages(area="admin")
FILTERS = ("actor", "action", "subject", "since", "until")
MOST_EXPORTED = 50_000
KINDS = {"user": N_("a person"), "api-key": N_("an API key"), "system": N_("the server itself")}
_ON_A_PAGE = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@pages.get(
    "/audit",
    needs=Permission.AUDIT_VIEW,
    title=N_("Audit log"),
    nav=Nav(section=Section.ADMIN, order=70, label=N_("Audit log")),
)
def audit(visit: Visit) -> Response:
    """One page of it; filters and the cursor are in the query."""
    typed = visit.typed if visit.refused is not None else visit.request.args
    refused, found = visit.refused, api.Entries(entries=[], next=None)
    if refused is None:
        try:
            found = _found(visit, typed)
        except FormRefused as error:
            refused = error
    form = forms.show(
        AuditQuery,
        name=FORM,
        zone=visit.clock.zone,
        typed=typed,
        errors=None if refused is None else refused.errors,
        only=FILTERS,
    )
    kept = {name: typed[name] for name in FILTERS if typed.get(name)}
    following = None if found.next is None else "/audit?" + urlencode({**kept, "cursor": found.next})
    return visit.page(
        "admin/audit.html",
        status=None if refused is None else refused.status,
        form=form,
        entries=found.entries,
        following=following,
        kept=kept,
        kinds=KINDS,
    )


@pages.post("/audit/export", needs=Permission.AUDIT_VIEW, again=audit, writes_itself=True)
def export(visit: Visit) -> Response:
    """Everything that the filters find, oldest first, as CSV with moments in UTC."""
    require(Permission.AUDIT_VIEW, actor=visit.actor)
    given = visit.given(AuditQuery)
    with visit.refusing():
        filters = _filters(given)
    with visit.database.read() as connection:
        entries = list(islice(log.walk(connection, filters), MOST_EXPORTED + 1))
    if len(entries) > MOST_EXPORTED:
        said = gettext("That is too much for one file. Narrow the filters, for example to one month.")
        raise FormRefused(FORM, {WHOLE_FORM: said})
    response = Response(as_csv(entries), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


def as_csv(entries: list[Entry]) -> str:
    """CSV (RFC 4180). A text that a spreadsheet would take for a formula begins with an apostrophe."""
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(("id", "at", "actor_kind", "actor", "address", "action", "subject", "facts"))
    for it in entries:
        facts = "; ".join(f"{name}={value}" for name, value in it.facts.items())
        texts = (it.actor_kind, it.actor, it.address or "", it.action, it.subject, facts)
        writer.writerow((it.id, it.at.isoformat(), *map(_harmless, texts)))
    return written.getvalue()


def _found(visit: Visit, typed: MultiDict[str, str]) -> api.Entries:
    query = forms.read(AuditQuery, typed, name=FORM, zone=visit.clock.zone, extra={"limit": _ON_A_PAGE})
    with forms.refusing(FORM):
        found = api.list_audit_entries(visit.call, query).body
    assert isinstance(found, api.Entries)
    return found


def _filters(given: AuditQuery) -> Filters:
    return Filters(
        actor=given.actor,
        action=given.action,
        subject=given.subject,
        since=moment(given.since, "since"),
        until=moment(given.until, "until"),
    )


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
