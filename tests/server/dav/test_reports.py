# SPDX-License-Identifier: GPL-3.0-or-later
"""calendar-query and calendar-multiget (RFC 4791, sections 7.8, 7.9 and 9.7)."""

from __future__ import annotations

from collections.abc import Callable

import icalendar
import pytest
import vobject

from tests.factories import Dispatch
from tests.server import fixtures
from tests.server.client import C, Client, D, containing, during, having, multiget
from tests.server.running import Running, Sections

database = fixtures.sqlite_alone
JOBS, BLOCKERS, TIME_OFF = "/dav/anna/jobs/", "/dav/anna/blockers/", "/dav/anna/time-off/"
DATA = f"{C}calendar-data"


def titles(client: Client, path: str, filters: str) -> list[str]:
    """The titles of the events that a query finds."""
    found = client.query(path, filters).resources.values()
    return sorted(str(event["SUMMARY"]) for it in found for event in events(it.text(DATA)))


def events(text: str) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


@pytest.fixture
def schedule(dispatch: Dispatch, people: dict[str, int]) -> None:
    anna = people["anna"]
    for day, name in ((1, "One"), (10, "Ten"), (20, "Twenty")):
        dispatch.job(
            anna,
            job_type="Fix",
            organisation=name,
            address=f"{name} Street",
            starts_at=f"2027-03-{day:02} 09:00:00+00:00",
            ends_at=f"2027-03-{day:02} 11:00:00+00:00",
        )
    dispatch.blocker(
        anna,
        title="Weekly",
        rrule="FREQ=WEEKLY",
        starts_at="2027-03-02 08:00:00+00:00",
        ends_at="2027-03-02 09:00:00+00:00",
    )
    dispatch.time_off(anna, kind="Holiday", start_date="2027-03-05", end_date="2027-03-08")


@pytest.mark.usefixtures("schedule")
class TestTimeRanges:
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("20270301T000000Z", "20270331T000000Z", ["Fix: One", "Fix: Ten", "Fix: Twenty"]),
            ("20270310T100000Z", "20270310T103000Z", ["Fix: Ten"]),
            ("20270310T110000Z", "20270320T090000Z", []),
            ("20270310T105959Z", "20270320T090001Z", ["Fix: Ten", "Fix: Twenty"]),
        ],
    )
    def test_the_end_of_a_range_and_of_an_event_are_exclusive(
        self, anna: Client, start: str, end: str, expected: list[str]
    ) -> None:
        assert titles(anna, JOBS, during(start, end)) == expected

    def test_a_range_may_be_open_at_one_end(self, anna: Client) -> None:
        late, early = 'start="20270310T100000Z"', 'end="20270310T100000Z"'
        assert titles(anna, JOBS, f'<C:comp-filter name="VEVENT"><C:time-range {late}/></C:comp-filter>') == [
            "Fix: Ten",
            "Fix: Twenty",
        ]
        assert titles(
            anna, JOBS, f'<C:comp-filter name="VEVENT"><C:time-range {early}/></C:comp-filter>'
        ) == ["Fix: One", "Fix: Ten"]

    def test_a_recurring_event_is_found_by_its_instances(self, anna: Client) -> None:
        assert titles(anna, BLOCKERS, during("20270323T000000Z", "20270324T000000Z")) == ["Weekly"]
        assert titles(anna, BLOCKERS, during("20270324T000000Z", "20270325T000000Z")) == []
        assert titles(anna, BLOCKERS, during("20470319T000000Z", "20470320T000000Z")) == ["Weekly"]

    def test_clocks_change_under_a_recurring_event(self, anna: Client) -> None:
        assert titles(anna, BLOCKERS, during("20270330T070000Z", "20270330T080000Z")) == ["Weekly"]
        assert titles(anna, BLOCKERS, during("20270330T080000Z", "20270330T090000Z")) == []

    def test_days_are_those_of_the_users_zone(self, anna: Client) -> None:
        assert titles(anna, TIME_OFF, during("20270304T223000Z", "20270304T225900Z")) == []
        assert titles(anna, TIME_OFF, during("20270304T225900Z", "20270304T233000Z")) == ["Holiday"]
        assert titles(anna, TIME_OFF, during("20270307T230000Z", "20270308T230000Z")) == []

    def test_a_range_and_a_property_go_together(self, anna: Client) -> None:
        off = '<C:prop-filter name="SUMMARY"><C:text-match>holi</C:text-match></C:prop-filter>'
        range_ = '<C:time-range start="20270304T225900Z" end="20270304T233000Z"/>'
        assert titles(anna, TIME_OFF, f'<C:comp-filter name="VEVENT">{range_}{off}</C:comp-filter>') == [
            "Holiday"
        ]
        other = '<C:prop-filter name="SUMMARY"><C:text-match>job</C:text-match></C:prop-filter>'
        assert titles(anna, TIME_OFF, f'<C:comp-filter name="VEVENT">{range_}{other}</C:comp-filter>') == []


ALL_JOBS = ["Fix: One", "Fix: Ten", "Fix: Twenty"]


@pytest.mark.usefixtures("schedule")
class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ("", ALL_JOBS),
            ('<C:comp-filter name="VEVENT"/>', ALL_JOBS),
            ('<C:comp-filter name="VTODO"/>', []),
            ('<C:comp-filter name="VTODO"><C:is-not-defined/></C:comp-filter>', ALL_JOBS),
            ('<C:comp-filter name="VEVENT"><C:is-not-defined/></C:comp-filter>', []),
            (having("LOCATION"), ALL_JOBS),
            (
                having("LOCATION", "<C:is-not-defined/>"),
                [],
            ),
            (
                having("ATTENDEE", "<C:is-not-defined/>"),
                ALL_JOBS,
            ),
            ('<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"/></C:comp-filter>', []),
        ],
    )
    def test_what_is_and_what_is_not_defined(self, anna: Client, filters: str, expected: list[str]) -> None:
        assert titles(anna, JOBS, filters) == expected

    @pytest.mark.parametrize(
        ("match", "expected"),
        [
            ("<C:text-match>TEN</C:text-match>", ["Fix: Ten"]),
            ('<C:text-match collation="i;octet">TEN</C:text-match>', []),
            ('<C:text-match collation="i;octet">Ten</C:text-match>', ["Fix: Ten"]),
            (
                '<C:text-match collation="i;ascii-casemap" negate-condition="yes">ten</C:text-match>',
                ["Fix: One", "Fix: Twenty"],
            ),
        ],
    )
    def test_text_is_matched(self, anna: Client, match: str, expected: list[str]) -> None:
        assert titles(anna, JOBS, having("SUMMARY", match)) == expected

    def test_one_event_is_found_by_its_uid(self, anna: Client) -> None:
        one = next(iter(anna.query(JOBS, during("20270310T000000Z", "20270311T000000Z")).resources.values()))
        uid = str(events(one.text(DATA))[0]["UID"])
        assert titles(anna, JOBS, containing("UID", uid, 'collation="i;octet"')) == ["Fix: Ten"]

    @pytest.mark.parametrize(
        "filters",
        [
            '<C:comp-filter name="VEVENT"><C:nonsense/></C:comp-filter>',
            "<C:prop-filter/>",
            "<C:comp-filter/>",
        ],
    )
    def test_a_filter_that_is_none_is_refused(self, anna: Client, filters: str) -> None:
        answer = anna.query(JOBS, filters)
        assert (answer.status, answer.conditions) == (403, [f"{C}valid-filter"])

    def test_a_collation_that_is_not_known_is_refused(self, anna: Client) -> None:
        answer = anna.query(
            JOBS,
            '<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY">'
            '<C:text-match collation="i;klingon">x</C:text-match></C:prop-filter></C:comp-filter>',
        )
        assert (answer.status, answer.conditions) == (403, [f"{C}supported-collation"])

    @pytest.mark.parametrize(
        "range_",
        [
            "",
            'start="20270301"',
            'start="20270302T000000Z" end="20270301T000000Z"',
            'start="20270231T000000Z"',
            'start="20270301T000000"',
        ],
    )
    def test_a_range_that_is_none_is_refused(self, anna: Client, range_: str) -> None:
        assert (
            anna.query(JOBS, f'<C:comp-filter name="VEVENT"><C:time-range {range_}/></C:comp-filter>').status
            == 400
        )


@pytest.mark.usefixtures("schedule")
class TestExpansion:
    DATA = '<C:calendar-data><C:expand start="{}" end="{}"/></C:calendar-data>'

    def expanded(
        self, client: Client, path: str, start: str, end: str, filters: str | None = None
    ) -> list[tuple[str, str, str]]:
        wanted = during(start, end) if filters is None else filters
        found = client.query(path, wanted, self.DATA.format(start, end)).resources.values()
        instances = [event for it in found for event in events(it.text(DATA))]
        for event in instances:
            assert not {"RRULE", "RDATE", "EXDATE", "EXRULE"} & set(event)
        return sorted(
            (
                event["DTSTART"].to_ical().decode(),
                event["DTEND"].to_ical().decode(),
                event["RECURRENCE-ID"].to_ical().decode() if "RECURRENCE-ID" in event else "",
            )
            for event in instances
        )

    def test_instances_are_in_utc_and_keep_their_wall_clock_across_a_clock_change(self, anna: Client) -> None:
        assert self.expanded(anna, BLOCKERS, "20270322T000000Z", "20270401T000000Z") == [
            ("20270323T080000Z", "20270323T090000Z", "20270323T080000Z"),
            ("20270330T070000Z", "20270330T080000Z", "20270330T070000Z"),
        ]

    def test_an_instance_that_begins_with_the_end_of_the_range_is_not_in_it(self, anna: Client) -> None:
        assert self.expanded(anna, BLOCKERS, "20270316T090000Z", "20270323T080000Z") == []

    def test_single_events_are_there_too(self, anna: Client) -> None:
        assert self.expanded(anna, JOBS, "20270309T000000Z", "20270311T000000Z") == [
            ("20270310T090000Z", "20270310T110000Z", "")
        ]
        whole_days = self.expanded(anna, TIME_OFF, "20270301T000000Z", "20270401T000000Z")
        assert whole_days == [("20270305", "20270308", "")]

    def test_without_a_range_in_the_filter_the_expansion_is_the_range(self, anna: Client) -> None:
        filters = '<C:comp-filter name="VEVENT"/>'
        assert len(self.expanded(anna, BLOCKERS, "20270322T000000Z", "20270401T000000Z", filters)) == 2
        assert len(self.expanded(anna, JOBS, "20270309T000000Z", "20270311T000000Z", filters)) == 1

    def test_exceptions_are_not_instances(
        self, anna: Client, dispatch: Dispatch, people: dict[str, int]
    ) -> None:
        dispatch.blocker(
            people["bo"],
            title="Daily",
            rrule="FREQ=DAILY;COUNT=5",
            exdate="20270302T080000,20270304T080000",
            starts_at="2027-03-01 08:00:00+00:00",
            ends_at="2027-03-01 09:00:00+00:00",
        )
        dora_sees = self.expanded(
            Client(anna.application, anna.authorization), BLOCKERS, "20270301T000000Z", "20270308T000000Z"
        )
        assert dora_sees == [("20270302T080000Z", "20270302T090000Z", "20270302T080000Z")]

    def test_an_expansion_needs_both_ends_and_must_not_be_long(self, anna: Client) -> None:
        assert (
            anna.query(
                BLOCKERS, "", '<C:calendar-data><C:expand start="20270301T000000Z"/></C:calendar-data>'
            ).status
            == 400
        )
        answer = anna.query(BLOCKERS, "", self.DATA.format("19000101T000000Z", "21000101T000000Z"))
        assert (answer.status, answer.conditions) == (403, [f"{D}number-of-matches-within-limits"])

    def test_a_multiget_expands_too(self, anna: Client) -> None:
        hrefs = [*anna.query(BLOCKERS, "").resources]
        data = self.DATA.format("20270322T000000Z", "20270401T000000Z")
        found = anna.report(BLOCKERS, multiget(*hrefs, data=data)).resources
        assert [len(events(found[href].text(DATA))) for href in hrefs] == [2]
        jobs = [*anna.query(JOBS, "").resources]
        assert anna.report(JOBS, multiget(*jobs, data=data)).resources.keys() == set(jobs)

    def test_a_named_object_without_an_instance_in_the_range_is_there_all_the_same(
        self, anna: Client
    ) -> None:
        hrefs = [*anna.query(BLOCKERS, "").resources]
        data = self.DATA.format("20200101T000000Z", "20200102T000000Z")
        found = anna.report(BLOCKERS, multiget(*hrefs, data=data)).resources
        assert [events(found[href].text(DATA)) for href in hrefs] == [[]]


@pytest.mark.usefixtures("schedule")
class TestMultiget:
    def test_objects_come_with_etag_and_text_and_what_is_missing_is_404(self, anna: Client) -> None:
        hrefs = [*anna.query(JOBS, "").resources]
        foreign = ["/dav/bo/jobs/x.ics", "/dav/anna/blockers/x.ics", "/elsewhere/x.ics", f"{JOBS}missing.ics"]
        resources = anna.report(JOBS, multiget(*hrefs, *foreign)).resources
        assert {href: resources[href].status for href in foreign} == dict.fromkeys(foreign, 404)
        for href in hrefs:
            got = anna.get(href)
            assert resources[href].text(f"{D}getetag") == got.headers["etag"]
            assert resources[href].text(DATA).split() == got.text.split()
        assert len(resources) == len(hrefs) + len(foreign)

    def test_hrefs_may_be_absolute_and_percent_encoded(self, anna: Client) -> None:
        href = next(iter(anna.query(JOBS, "").resources))
        spelled = href.replace(".ics", "%2Eics").replace("a", "%61", 1)
        for other in (spelled, f"http://127.0.0.1:5232{href}", f"  {href}\n"):
            resources = anna.report(JOBS, multiget(other)).resources
            assert [(it, resources[it].status) for it in resources] == [(href, None)]

    def test_another_users_objects_are_missing(self, anna: Client, bo: Client) -> None:
        hrefs = [*anna.query(JOBS, "").resources]
        resources = bo.report("/dav/bo/jobs/", multiget(*hrefs)).resources
        assert {it.status for it in resources.values()} == {404}
        assert bo.report(JOBS, multiget(*hrefs)).status == 403

    @pytest.mark.parametrize("hrefs", [[], [""], ["//evil.example/x"], ["http://["]])
    def test_a_multiget_of_nothing_is_refused(self, anna: Client, hrefs: list[str]) -> None:
        assert anna.report(JOBS, multiget(*hrefs)).status == 400


@pytest.mark.usefixtures("schedule")
@pytest.mark.parametrize("path", [JOBS, BLOCKERS, TIME_OFF])
def test_a_whole_calendar_parses_everywhere(anna: Client, path: str) -> None:
    answer = anna.get(path)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert len(events(answer.text)) == len(anna.query(path, "").resources) > 0
    assert len(list(vobject.readComponents(answer.text))) == 1
    assert "METHOD" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        "<",
        "<x/>",
        '<calendar-query xmlns="DAV:"/>',
        '<C:calendar-query xmlns:C="urn:x"/>',
        "",
        "plain",
        "<a>" * 5000,
    ],
)
def test_a_report_that_is_none_is_refused(anna: Client, body: str) -> None:
    assert anna.report(JOBS, body).status in (400, 403)


def test_reports_on_the_wrong_resource_are_refused(anna: Client) -> None:
    for path in ("/dav/", "/dav/anna/"):
        assert anna.sync(path).conditions == [f"{D}supported-report"]
        assert anna.report(path, multiget(f"{JOBS}x.ics")).conditions == [f"{D}supported-report"]
        assert anna.query(path, "").status in (207, 403)
    assert anna.sync("/dav/anna/none/").status == 404


def in_zone(condition: str) -> str:
    """A filter for events by the TZID of their start."""
    return having("DTSTART", f'<C:param-filter name="TZID">{condition}</C:param-filter>')


@pytest.mark.parametrize("fast", ["on", "off"])
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (having("DTSTART", '<C:param-filter name="TZID"/>'), ["Gym", "Yoga"]),
        (having("DTSTART", '<C:param-filter name="tzid"/>'), ["Gym", "Yoga"]),
        (in_zone("<C:text-match>europe/berlin</C:text-match>"), ["Gym", "Yoga"]),
        (in_zone('<C:text-match collation="i;octet">europe/berlin</C:text-match>'), []),
        (in_zone("<C:text-match>America/Lima</C:text-match>"), []),
        (in_zone('<C:text-match negate-condition="yes">America/Lima</C:text-match>'), ["Gym", "Yoga"]),
        (in_zone('<C:text-match negate-condition="yes">Berlin</C:text-match>'), []),
        (in_zone("<C:is-not-defined/>"), ["Market days", "Once"]),
        (having("DTEND", '<C:param-filter name="TZID"/>'), ["Gym", "Yoga"]),
        (having("DTSTAMP", '<C:param-filter name="TZID"/>'), []),
        (having("EXDATE", '<C:param-filter name="TZID"/>'), []),
        (having("DTSTART", '<C:param-filter name="X-VOBJ-ORIGINAL-TZID"/>'), []),
    ],
)
def test_events_are_found_by_the_zone_of_their_start(
    configured: Callable[[Sections], Running],
    dispatch: Dispatch,
    people: dict[str, int],
    fast: str,
    filters: str,
    expected: list[str],
) -> None:
    anna = people["anna"]
    hours = {"starts_at": "2027-03-02 08:00:00+00:00", "ends_at": "2027-03-02 09:00:00+00:00"}
    dispatch.blocker(anna, title="Yoga", rrule="FREQ=WEEKLY", **hours)
    dispatch.blocker(anna, title="Gym", rrule="FREQ=DAILY;COUNT=3", **hours)
    dispatch.blocker(
        anna,
        title="Market days",
        rrule="FREQ=MONTHLY",
        start_date="2027-03-04",
        end_date="2027-03-05",
    )
    dispatch.blocker(anna, title="Once", **hours)
    client = configured({"server": {"fast_answers": fast}}).client("anna")
    assert titles(client, BLOCKERS, filters) == expected
